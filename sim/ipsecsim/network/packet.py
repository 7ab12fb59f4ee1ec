"""The octets that hosts exchange: Ethernet, ARP, IPv4 and IPv6 (RFC 826, 791, 8200, 1071).

Only what the simulated hosts speak; tests hold it against scapy. Lengths are in bytes.
"""

from __future__ import annotations

import struct
from collections.abc import Iterable
from dataclasses import dataclass, replace
from ipaddress import IPv4Address, IPv6Address
from typing import Final

from ipsecplane.config import Address

IPV4: Final = 0x0800
ARP: Final = 0x0806
IPV6: Final = 0x86DD
BROADCAST: Final = b"\xff" * 6

ICMP: Final = 1
TCP: Final = 6
UDP: Final = 17
ICMPV6: Final = 58
_HOP_BY_HOP: Final = 0
_ROUTING: Final = 43
_FRAGMENT: Final = 44
_DESTINATION: Final = 60

_DF: Final = 0x4000
_MF: Final = 0x2000
_V4: Final = struct.Struct(">BBHHHBBH4s4s")
_V6: Final = struct.Struct(">IHBB16s16s")
_ARP: Final = struct.Struct(">HHBBH6s4s6s4s")


class PacketError(ValueError):
    """Octets that are not what they should be; the text says what is wrong."""


def checksum(*parts: bytes) -> int:
    """The Internet checksum of the concatenation (RFC 1071); 0 if it contains a right one."""
    octets = b"".join(parts)
    if len(octets) & 1:
        octets += b"\0"
    # A sum of big-endian words modulo 0xFFFF is the whole number modulo 0xFFFF (2^16 ≡ 1).
    total = int.from_bytes(octets, "big")
    folded = total % 0xFFFF
    return 0xFFFF ^ (folded or (0xFFFF if total else 0))


def pseudo_header(source: Address, destination: Address, protocol: int, length: int) -> bytes:
    """What TCP, UDP and ICMPv6 checksums cover besides the message (RFC 9293, RFC 8200 8.1)."""
    front = source.packed + destination.packed
    if source.version == 4:
        return front + struct.pack(">HH", protocol, length)
    return front + struct.pack(">II", length, protocol)


def frame(destination: bytes, source: bytes, ethertype: int, payload: bytes) -> bytes:
    return destination + source + ethertype.to_bytes(2, "big") + payload


@dataclass(frozen=True, slots=True)
class Arp:
    """An ARP message for IPv4 over Ethernet."""

    operation: int  # 1 request, 2 reply
    sender_mac: bytes
    sender: IPv4Address
    target_mac: bytes
    target: IPv4Address

    REQUEST = 1
    REPLY = 2

    def encode(self) -> bytes:
        ends = (self.sender_mac, self.sender.packed, self.target_mac, self.target.packed)
        return _ARP.pack(1, IPV4, 6, 4, self.operation, *ends)

    @classmethod
    def decode(cls, octets: bytes) -> Arp:
        """Raises PacketError."""
        if len(octets) < _ARP.size:
            raise PacketError(f"ARP: {len(octets)} octets, needs {_ARP.size}")
        hardware, protocol, hlen, plen, operation, smac, sip, tmac, tip = _ARP.unpack_from(octets)
        if (hardware, protocol, hlen, plen) != (1, IPV4, 6, 4):
            raise PacketError("ARP: not for IPv4 over Ethernet")
        return cls(operation, smac, IPv4Address(sip), tmac, IPv4Address(tip))


@dataclass(frozen=True, slots=True)
class IpPacket:
    """An IP packet or fragment. `fragment_offset` is in bytes; `dont_fragment` is IPv4's DF bit.

    IPv6 extension headers other than the fragment header are skipped when read, never written.
    """

    source: Address
    destination: Address
    protocol: int
    payload: bytes
    ttl: int = 64
    traffic_class: int = 0
    identification: int = 0
    dont_fragment: bool = False
    more_fragments: bool = False
    fragment_offset: int = 0

    @property
    def version(self) -> int:
        return self.source.version

    @property
    def is_fragment(self) -> bool:
        return self.more_fragments or self.fragment_offset > 0

    @property
    def length(self) -> int:
        if self.version == 4:
            return _V4.size + len(self.payload)
        return _V6.size + 8 * self.is_fragment + len(self.payload)

    def encode(self) -> bytes:
        ends = (self.source.packed, self.destination.packed)
        if self.version == 4:
            flags = _DF * self.dont_fragment | _MF * self.more_fragments | self.fragment_offset // 8
            fields = (0x45, self.traffic_class, self.length, self.identification & 0xFFFF, flags)
            header = _V4.pack(*fields, self.ttl, self.protocol, 0, *ends)
            return (
                _V4.pack(*fields, self.ttl, self.protocol, checksum(header), *ends) + self.payload
            )
        protocol, extension = self.protocol, b""
        if self.is_fragment:
            where = self.fragment_offset | self.more_fragments
            extension = struct.pack(">BBHI", protocol, 0, where, self.identification)
            protocol = _FRAGMENT
        length = len(extension) + len(self.payload)
        word = 6 << 28 | self.traffic_class << 20
        return _V6.pack(word, length, protocol, self.ttl, *ends) + extension + self.payload

    @classmethod
    def decode(cls, octets: bytes) -> IpPacket:
        """Read a packet; octets beyond its length (Ethernet padding) are ignored.

        Raises PacketError.
        """
        version = octets[0] >> 4 if octets else 0
        if version == 4:
            return _decode_v4(octets)
        if version == 6:
            return _decode_v6(octets)
        raise PacketError(f"IP: version {version}")


def _decode_v4(octets: bytes) -> IpPacket:
    if len(octets) < _V4.size:
        raise PacketError(f"IPv4: {len(octets)} octets, header needs {_V4.size}")
    first, tos, total, ident, flags, ttl, protocol, _, source, destination = _V4.unpack_from(octets)
    size = (first & 15) * 4
    if not _V4.size <= size <= total <= len(octets):
        raise PacketError(f"IPv4: header {size}, total {total} of {len(octets)} octets")
    if checksum(octets[:size]):
        raise PacketError("IPv4: wrong header checksum")
    return IpPacket(
        IPv4Address(source),
        IPv4Address(destination),
        protocol,
        octets[size:total],
        ttl,
        tos,
        ident,
        bool(flags & _DF),
        bool(flags & _MF),
        (flags & 0x1FFF) * 8,
    )


def _decode_v6(octets: bytes) -> IpPacket:
    if len(octets) < _V6.size:
        raise PacketError(f"IPv6: {len(octets)} octets, header needs {_V6.size}")
    word, length, protocol, ttl, source, destination = _V6.unpack_from(octets)
    end = _V6.size + length
    if end > len(octets):
        raise PacketError(f"IPv6: payload {length} of {len(octets) - _V6.size} octets")
    at, ident, where = _V6.size, 0, 0
    while protocol in (_HOP_BY_HOP, _ROUTING, _FRAGMENT, _DESTINATION):
        if at + 8 > end:
            raise PacketError(f"IPv6: extension header {protocol} leaves the packet")
        following = octets[at]
        if protocol == _FRAGMENT:
            _, _, where, ident = struct.unpack_from(">BBHI", octets, at)
            at += 8
            protocol = following
            break  # what follows the first fragment's header belongs to the whole packet
        at += 8 * (octets[at + 1] + 1)
        protocol = following
    if at > end:
        raise PacketError("IPv6: extension header leaves the packet")
    return IpPacket(
        IPv6Address(source),
        IPv6Address(destination),
        protocol,
        octets[at:end],
        ttl,
        word >> 20 & 0xFF,
        ident,
        more_fragments=bool(where & 1),
        fragment_offset=where & 0xFFF8,
    )


def fragments(packet: IpPacket, mtu: int) -> list[IpPacket]:
    """`packet` in pieces of at most `mtu` octets, itself if it fits; DF is not looked at."""
    if packet.length <= mtu:
        return [packet]
    header = _V4.size if packet.version == 4 else _V6.size + 8
    room = (mtu - header) // 8 * 8
    if room <= 0:
        raise PacketError(f"MTU {mtu} leaves no room for a fragment")
    starts = range(0, len(packet.payload), room)
    return [
        replace(
            packet,
            payload=packet.payload[start : start + room],
            fragment_offset=start,
            more_fragments=start + room < len(packet.payload),
        )
        for start in starts
    ]


class Reassembler:
    """Puts fragments together (RFC 791, RFC 8200); an overlap drops the packet (RFC 5722)."""

    TIMEOUT: Final = 30.0  # seconds
    LIMIT: Final = 64  # packets in reassembly at once

    def __init__(self) -> None:
        self._partial: dict[tuple[Address, Address, int, int], tuple[float, list[IpPacket]]] = {}
        self.timed_out = 0

    def add(self, packet: IpPacket, now: float) -> IpPacket | None:
        """The whole packet once its last missing fragment comes; unfragmented ones pass."""
        if not packet.is_fragment:
            return packet
        self._expire(now)
        key = (packet.source, packet.destination, packet.identification, packet.protocol)
        _, pieces = self._partial.setdefault(key, (now + self.TIMEOUT, []))
        pieces.append(packet)
        pieces.sort(key=lambda piece: piece.fragment_offset)
        end = 0
        for piece in pieces:
            if piece.fragment_offset < end:
                del self._partial[key]
                return None
            if piece.fragment_offset > end:
                return None
            end += len(piece.payload)
        if pieces[-1].more_fragments:
            return None
        del self._partial[key]
        payload = b"".join(piece.payload for piece in pieces)
        return replace(pieces[0], payload=payload, fragment_offset=0, more_fragments=False)

    def _expire(self, now: float) -> None:
        stale = [key for key, (deadline, _) in self._partial.items() if deadline <= now]
        stale += list(self._partial)[: max(0, len(self._partial) - self.LIMIT)]
        for key in dict.fromkeys(stale):
            del self._partial[key]
            self.timed_out += 1


def mac_text(mac: bytes) -> str:
    return ":".join(f"{octet:02x}" for octet in mac)


def mac_octets(text: str) -> bytes:
    """Read "02:00:00:00:00:01", "0200.0000.0001" or "02-00-…". Raises PacketError."""
    digits = text.translate(str.maketrans("", "", ":.-"))
    try:
        octets = bytes.fromhex(digits)
    except ValueError:
        octets = b""
    if len(octets) != 6:
        raise PacketError(f"{text!r} is no MAC address")
    return octets


def first(addresses: Iterable[Address], version: int) -> Address | None:
    """The first address of an IP version."""
    return next((address for address in addresses if address.version == version), None)
