"""IPv4 and IPv6 headers: reading, walking, building (RFC 791, RFC 8200). No IPsec here."""

from __future__ import annotations

import struct
from dataclasses import dataclass
from typing import Final

from ipsecplane.targets.crypto_header import Reason

from .refusal import Refused

HOP_BY_HOP: Final = 0
IPIP: Final = 4
TCP: Final = 6
UDP: Final = 17
IPV6: Final = 41
ROUTING: Final = 43
FRAGMENT: Final = 44
ESP: Final = 50
AH: Final = 51
NO_NEXT_HEADER: Final = 59
DESTINATION: Final = 60

DF: Final = 0x4000
MF: Final = 0x2000
OFFSET: Final = 0x1FFF

ETHERTYPE: Final = {4: 0x0800, 6: 0x86DD}

_V4: Final = struct.Struct(">BBHHHBBH")
_V4_FULL: Final = struct.Struct(">BBHHHBBH4s4s")
_V6: Final = struct.Struct(">IHBB")
_V6_FULL: Final = struct.Struct(">IHBB16s16s")
_TEN_WORDS: Final = struct.Struct(">10H")


@dataclass(slots=True)
class IpHeader:
    """What the accelerator needs to know of an IP header.

    `size` counts IPv4 options but not IPv6 extension headers; `total` is the packet's length by
    its header; `fragment` is IPv4's flags and offset field, 0 for IPv6.
    """

    version: int
    size: int
    total: int
    protocol: int
    traffic_class: int
    fragment: int

    @property
    def is_fragment(self) -> bool:
        """IPv4 only; IPv6 says so in an extension header."""
        return bool(self.fragment & (MF | OFFSET))

    @property
    def dont_fragment(self) -> bool:
        """DF; routers never fragment IPv6."""
        return self.version == 6 or bool(self.fragment & DF)


@dataclass(slots=True)
class Upper:
    """Where the header of `protocol` starts, and where the octet that announces it stands."""

    offset: int
    protocol: int
    pointer: int


def parse(packet: bytes) -> IpHeader:
    """The header that `packet` starts with; octets beyond its total length are allowed.

    Raises Refused MALFORMED_PACKET.
    """
    length = len(packet)
    version = packet[0] >> 4 if packet else 0
    if version == 4:
        if length < 20:
            raise Refused(Reason.MALFORMED_PACKET, f"IPv4 header: {length} octets")
        first, tos, total, _, fragment, _, protocol, _ = _V4.unpack_from(packet)
        size = (first & 15) * 4
        if size < 20 or not size <= total <= length:
            raise Refused(
                Reason.MALFORMED_PACKET,
                f"IPv4: header {size}, total length {total}, packet {length} octets",
            )
        return IpHeader(4, size, total, protocol, tos, fragment)
    if version == 6:
        if length < 40:
            raise Refused(Reason.MALFORMED_PACKET, f"IPv6 header: {length} octets")
        word, payload, protocol, _ = _V6.unpack_from(packet)
        if 40 + payload > length:
            raise Refused(
                Reason.MALFORMED_PACKET, f"IPv6: payload {payload}, packet {length} octets"
            )
        return IpHeader(6, 40, 40 + payload, protocol, word >> 20 & 0xFF, 0)
    raise Refused(Reason.MALFORMED_PACKET, f"IP version {version}")


def upper(packet: bytes, ip: IpHeader) -> Upper:
    """The first header that is no IPv6 extension header (IPsec, transport, no next header…).

    Raises Refused FRAGMENT for a fragment, MALFORMED_PACKET when the chain leaves the packet.
    """
    if ip.version == 4:
        if ip.fragment & (MF | OFFSET):
            raise Refused(Reason.FRAGMENT, "IPv4 fragment")
        return Upper(ip.size, ip.protocol, 9)
    at = Upper(40, ip.protocol, 6)
    while at.protocol in (HOP_BY_HOP, ROUTING, DESTINATION):
        at = _after(packet, ip, at)
    if at.protocol == FRAGMENT:
        raise Refused(Reason.FRAGMENT, "IPv6 fragment")
    return at


def transport_position(packet: bytes, ip: IpHeader) -> Upper:
    """Where transport mode puts IPsec: `protocol` is what it will protect.

    IPv4: after the options. IPv6: after hop-by-hop options, the routing header and destination
    options in front of that; further destination options are protected (RFC 4303 section 3.1.1).
    Raises Refused as `upper` does.
    """
    if ip.version == 4:
        return upper(packet, ip)
    at = place = Upper(40, ip.protocol, 6)
    while at.protocol in (HOP_BY_HOP, ROUTING, DESTINATION):
        hop = at.protocol != DESTINATION
        at = _after(packet, ip, at)
        if hop:
            place = at
    if at.protocol == FRAGMENT:
        raise Refused(Reason.FRAGMENT, "IPv6 fragment")
    return place


def _after(packet: bytes, ip: IpHeader, at: Upper) -> Upper:
    """The header behind the IPv6 extension header at `at`."""
    if at.offset + 8 <= ip.total:
        end = at.offset + (packet[at.offset + 1] + 1) * 8
        if end <= ip.total:
            return Upper(end, packet[at.offset], at.offset)
    raise Refused(Reason.MALFORMED_PACKET, f"IPv6 extension header {at.protocol} leaves the packet")


def checksum(octets: bytes | bytearray) -> int:
    """The Internet checksum (RFC 1071) of `octets`, as the 16 bits to put on the wire."""
    if len(octets) & 1:
        octets = octets + b"\0"
    total: int = sum(struct.unpack(f">{len(octets) // 2}H", octets))
    while total >> 16:
        total = (total & 0xFFFF) + (total >> 16)
    return total ^ 0xFFFF


def ipv4_header(
    source: bytes,
    destination: bytes,
    protocol: int,
    payload: int,
    *,
    traffic_class: int,
    ttl: int,
    identification: int,
    dont_fragment: bool,
) -> bytes:
    """20 octets in front of `payload` octets, with their checksum."""
    fields = (0x45, traffic_class, 20 + payload, identification, DF if dont_fragment else 0, ttl)
    without = _V4_FULL.pack(*fields, protocol, 0, source, destination)
    total = sum(_TEN_WORDS.unpack(without))
    total = (total & 0xFFFF) + (total >> 16)
    total = (total & 0xFFFF) + (total >> 16)
    return _V4_FULL.pack(*fields, protocol, total ^ 0xFFFF, source, destination)


def ipv6_header(
    source: bytes,
    destination: bytes,
    protocol: int,
    payload: int,
    *,
    traffic_class: int,
    hop_limit: int,
) -> bytes:
    """40 octets in front of `payload` octets; flow label 0."""
    word = 6 << 28 | traffic_class << 20
    return _V6_FULL.pack(word, payload, protocol, hop_limit, source, destination)


def rewritten(front: bytes, pointer: int, protocol: int, total: int) -> bytes:
    """The headers `front` with another protocol at `pointer` and another total length.

    `front` starts with an IPv4 header and its options, or an IPv6 header and its extensions.
    """
    octets = bytearray(front)
    octets[pointer] = protocol
    if octets[0] >> 4 == 6:
        octets[4:6] = (total - 40).to_bytes(2, "big")
        return bytes(octets)
    octets[2:4] = total.to_bytes(2, "big")
    octets[10:12] = b"\0\0"
    octets[10:12] = checksum(octets).to_bytes(2, "big")
    return bytes(octets)


def with_traffic_class(packet: bytes, ip: IpHeader, traffic_class: int) -> bytes:
    """The packet with other DSCP and ECN.

    The IPv4 checksum is adjusted rather than computed (RFC 1624), so that a wrong one stays wrong.
    """
    if ip.version == 6:
        word = int.from_bytes(packet[:4], "big") & ~(0xFF << 20) | traffic_class << 20
        return word.to_bytes(4, "big") + packet[4:]
    old = int.from_bytes(packet[:2], "big")
    new = old & 0xFF00 | traffic_class
    total = (~int.from_bytes(packet[10:12], "big") & 0xFFFF) + (~old & 0xFFFF) + new
    total = (total & 0xFFFF) + (total >> 16)
    total = (total & 0xFFFF) + (total >> 16)
    head = new.to_bytes(2, "big") + packet[2:10] + (total ^ 0xFFFF).to_bytes(2, "big")
    return head + packet[12:]


def pseudo_header(front: bytes, destination: bytes, protocol: int, length: int) -> bytes:
    """The TCP and UDP pseudo header (RFC 9293 section 3.1, RFC 8200 section 8.1)."""
    if front[0] >> 4 == 4:
        return front[12:16] + destination + struct.pack(">BBH", 0, protocol, length)
    return front[8:24] + destination + struct.pack(">II", length, protocol)
