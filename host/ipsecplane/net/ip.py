"""IPv4, IPv6, UDP and Ethernet headers as values, for the few packets that the router itself makes.

Small hand-made codecs: a library's general parser costs more than all the rest of a punt.
`parse_*` raises PacketError for octets that are no such packet, and nothing else.
"""

from __future__ import annotations

import struct
from dataclasses import dataclass
from ipaddress import IPv4Address, IPv6Address
from typing import Final

from ipsecplane.config import Address

ETHERTYPE_IPV4: Final = 0x0800
ETHERTYPE_ARP: Final = 0x0806
ETHERTYPE_IPV6: Final = 0x86DD
ICMP: Final = 1
TCP: Final = 6
UDP: Final = 17
GRE: Final = 47
ESP: Final = 50
AH: Final = 51
FRAGMENT: Final = 44
ICMPV6: Final = 58
DEFAULT_TTL: Final = 255  # what IOS sends

_EXTENSIONS: Final = frozenset({0, 43, 60})  # hop-by-hop, routing, destination options
_V4: Final = struct.Struct(">BBHHHBBH4s4s")
_V6: Final = struct.Struct(">IHBB16s16s")


class PacketError(ValueError):
    """Octets that are not the packet they should be; the text says what is wrong."""


@dataclass(frozen=True, slots=True)
class EthernetFrame:
    dst: int
    src: int
    ethertype: int
    payload: bytes

    def encode(self) -> bytes:
        return struct.pack(
            ">6s6sH", self.dst.to_bytes(6, "big"), self.src.to_bytes(6, "big"), self.ethertype
        ) + bytes(self.payload)


def parse_ethernet(frame: bytes) -> EthernetFrame:
    """A frame, tagged or not (the tag is dropped)."""
    if len(frame) < 14:
        raise PacketError(f"Ethernet: {len(frame)} octets")
    start, ethertype = 14, int.from_bytes(frame[12:14], "big")
    if ethertype == 0x8100:
        if len(frame) < 18:
            raise PacketError("VLAN tag cut off")
        start, ethertype = 18, int.from_bytes(frame[16:18], "big")
    number = int.from_bytes
    return EthernetFrame(
        number(frame[:6], "big"), number(frame[6:12], "big"), ethertype, frame[start:]
    )


@dataclass(frozen=True, slots=True)
class IpPacket:
    """An IP packet of either version. `protocol` is that of `payload`.

    `fragment_offset` is in octets. IPv6 extension headers before the payload are in `options`
    as they came (a fragment header is not: it shows in `identification` and `fragment_offset`).
    """

    src: Address
    dst: Address
    protocol: int
    payload: bytes
    ttl: int = DEFAULT_TTL
    tos: int = 0
    identification: int = 0
    df: bool = False
    more_fragments: bool = False
    fragment_offset: int = 0
    options: bytes = b""

    @property
    def version(self) -> int:
        return self.src.version

    @property
    def is_fragment(self) -> bool:
        return self.more_fragments or self.fragment_offset > 0

    @property
    def ethertype(self) -> int:
        return ETHERTYPE_IPV4 if self.version == 4 else ETHERTYPE_IPV6

    def encode(self) -> bytes:
        """The octets, checksum included. An IPv6 packet is encoded whole, never as a fragment."""
        if self.version == 6:
            first = 6 << 28 | self.tos << 20
            return (
                _V6.pack(
                    first, len(self.payload), self.protocol, self.ttl,
                    self.src.packed, self.dst.packed,
                )
                + self.payload
            )  # fmt: skip
        length = 20 + len(self.options)
        flags = self.df << 14 | self.more_fragments << 13 | self.fragment_offset >> 3
        header = _V4.pack(
            4 << 4 | length >> 2, self.tos, length + len(self.payload), self.identification,
            flags, self.ttl, self.protocol, 0, self.src.packed, self.dst.packed,
        ) + self.options  # fmt: skip
        return header[:10] + checksum(header).to_bytes(2, "big") + header[12:] + self.payload


def parse_ip(octets: bytes) -> IpPacket:
    """A packet of either version; octets beyond its length (Ethernet padding) are dropped."""
    if not octets:
        raise PacketError("IP: empty")
    match octets[0] >> 4:
        case 4:
            return _parse_v4(octets)
        case 6:
            return _parse_v6(octets)
        case version:
            raise PacketError(f"IP: version {version}")


def _parse_v4(octets: bytes) -> IpPacket:
    if len(octets) < 20:
        raise PacketError(f"IPv4: {len(octets)} octets")
    first, tos, total, ident, flags, ttl, protocol, _, src, dst = _V4.unpack_from(octets)
    header = (first & 15) * 4
    if not 20 <= header <= total <= len(octets):
        raise PacketError(f"IPv4: header {header}, length {total}, {len(octets)} octets")
    return IpPacket(
        IPv4Address(src), IPv4Address(dst), protocol, octets[header:total], ttl, tos, ident,
        bool(flags & 0x4000), bool(flags & 0x2000), (flags & 0x1FFF) * 8, octets[20:header],
    )  # fmt: skip


def _parse_v6(octets: bytes) -> IpPacket:
    if len(octets) < 40:
        raise PacketError(f"IPv6: {len(octets)} octets")
    first, length, protocol, hop_limit, src, dst = _V6.unpack_from(octets)
    end = 40 + length
    if end > len(octets):
        raise PacketError(f"IPv6: payload {length}, {len(octets)} octets")
    at, ident, more, offset = 40, 0, False, 0
    while protocol in _EXTENSIONS or protocol == FRAGMENT:
        if at + 8 > end:
            raise PacketError("IPv6: extension header cut off")
        following, size = octets[at], 8 if protocol == FRAGMENT else (octets[at + 1] + 1) * 8
        if protocol == FRAGMENT:
            fields = int.from_bytes(octets[at + 2 : at + 4], "big")
            offset, more = fields & 0xFFF8, bool(fields & 1)
            ident = int.from_bytes(octets[at + 4 : at + 8], "big")
        at += size
        if at > end:
            raise PacketError("IPv6: extension header cut off")
        protocol = following
        if offset:
            break  # what follows is the middle of a payload
    return IpPacket(
        IPv6Address(src), IPv6Address(dst), protocol, octets[at:end], hop_limit,
        first >> 20 & 0xFF, ident, True, more, offset,
    )  # fmt: skip


def checksum(octets: bytes) -> int:
    """The Internet checksum (RFC 1071)."""
    if len(octets) & 1:
        octets += b"\0"
    total: int = sum(struct.unpack(f">{len(octets) // 2}H", octets))
    while total >> 16:
        total = (total & 0xFFFF) + (total >> 16)
    return ~total & 0xFFFF


def pseudo_header(src: Address, dst: Address, protocol: int, length: int) -> bytes:
    """What upper-layer checksums cover besides the payload (RFC 768, RFC 8200 section 8.1)."""
    if src.version == 4:
        tail = struct.pack(">BBH", 0, protocol, length)
    else:
        tail = struct.pack(">IHBB", length, 0, 0, protocol)
    return src.packed + dst.packed + tail


@dataclass(frozen=True, slots=True)
class UdpDatagram:
    src_port: int
    dst_port: int
    payload: bytes

    def encode(self, src: Address, dst: Address, *, checked: bool = True) -> bytes:
        """Not `checked`: the checksum is 0, "none" (IPv4 only)."""
        length = 8 + len(self.payload)
        header = struct.pack(">HHHH", self.src_port, self.dst_port, length, 0)
        if not checked and src.version == 4:
            return header + self.payload
        total = checksum(pseudo_header(src, dst, UDP, length) + header + self.payload) or 0xFFFF
        return header[:6] + total.to_bytes(2, "big") + self.payload


def parse_udp(packet: IpPacket) -> UdpDatagram:
    """The datagram in `packet`; a checksum that is there has to be right."""
    octets = packet.payload
    if len(octets) < 8:
        raise PacketError(f"UDP: {len(octets)} octets")
    src_port, dst_port, length, total = struct.unpack_from(">HHHH", octets)
    if not 8 <= length <= len(octets):
        raise PacketError(f"UDP: length {length}, {len(octets)} octets")
    octets = octets[:length]
    if total and checksum(pseudo_header(packet.src, packet.dst, UDP, length) + octets):
        raise PacketError("UDP: bad checksum")
    return UdpDatagram(src_port, dst_port, octets[8:])


def mac_from_text(text: str) -> int:
    """A MAC address in any usual spelling (0011.2233.4455, 00:11:22:33:44:55). PacketError."""
    digits = text.replace(".", "").replace(":", "").replace("-", "")
    try:
        if len(digits) != 12:
            raise ValueError
        return int(digits, 16)
    except ValueError:
        raise PacketError(f"MAC address {text!r}") from None


def mac_to_text(mac: int) -> str:
    """As IOS writes it: 0011.2233.4455."""
    digits = f"{mac:012x}"
    return f"{digits[:4]}.{digits[4:8]}.{digits[8:]}"
