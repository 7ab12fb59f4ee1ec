"""ICMP and ICMPv6 as hosts need them: echo, errors, neighbors (RFC 792, 4443, 4861)."""

from __future__ import annotations

import struct
from dataclasses import dataclass
from ipaddress import IPv6Address
from typing import Final

from ipsecplane.config import Address

from ipsecsim.network.packet import (
    ICMP,
    ICMPV6,
    IpPacket,
    PacketError,
    checksum,
    pseudo_header,
)

ECHO_REPLY: Final = {4: 0, 6: 129}
ECHO_REQUEST: Final = {4: 8, 6: 128}
UNREACHABLE: Final = {4: 3, 6: 1}
TIME_EXCEEDED: Final = {4: 11, 6: 3}
PACKET_TOO_BIG: Final = 2  # ICMPv6; ICMPv4 says it with UNREACHABLE code 4
FRAGMENTATION_NEEDED: Final = 4
PORT_UNREACHABLE: Final = {4: 3, 6: 4}
NEIGHBOR_SOLICITATION: Final = 135
NEIGHBOR_ADVERTISEMENT: Final = 136


@dataclass(frozen=True, slots=True)
class IcmpMessage:
    """Type, code, the second word and the rest; the checksum is computed and checked."""

    type: int
    code: int
    word: int
    body: bytes

    def encode(self, source: Address, destination: Address) -> bytes:
        octets = struct.pack(">BBHI", self.type, self.code, 0, self.word) + self.body
        cover = b""
        if source.version == 6:
            cover = pseudo_header(source, destination, ICMPV6, len(octets))
        return octets[:2] + checksum(cover, octets).to_bytes(2, "big") + octets[4:]

    @classmethod
    def decode(cls, packet: IpPacket) -> IcmpMessage:
        """Raises PacketError."""
        octets = packet.payload
        if len(octets) < 8:
            raise PacketError(f"ICMP: {len(octets)} octets, needs 8")
        cover = b""
        if packet.version == 6:
            cover = pseudo_header(packet.source, packet.destination, ICMPV6, len(octets))
        if checksum(cover, octets):
            raise PacketError("ICMP: wrong checksum")
        kind, code, _, word = struct.unpack_from(">BBHI", octets)
        return cls(kind, code, word, octets[8:])


def protocol_of(version: int) -> int:
    return ICMP if version == 4 else ICMPV6


@dataclass(frozen=True, slots=True)
class IcmpError:
    """An error about a packet that we sent. `mtu` is set for "too big" only."""

    reporter: Address
    kind: str  # "unreachable" | "port unreachable" | "time exceeded" | "too big"
    quoted: IpPacket
    mtu: int | None = None


def error_of(packet: IpPacket, message: IcmpMessage) -> IcmpError | None:
    """The error that `message` reports, None if it is none or quotes too little."""
    version = packet.version
    mtu: int | None = None
    if version == 6 and message.type == PACKET_TOO_BIG:
        kind, mtu = "too big", message.word
    elif message.type == UNREACHABLE[version]:
        if version == 4 and message.code == FRAGMENTATION_NEEDED:
            kind, mtu = "too big", message.word & 0xFFFF
        elif message.code == PORT_UNREACHABLE[version]:
            kind = "port unreachable"
        else:
            kind = "unreachable"
    elif message.type == TIME_EXCEEDED[version]:
        kind = "time exceeded"
    else:
        return None
    try:
        quoted = _quoted(message.body, version)
    except PacketError:
        return None
    return IcmpError(packet.source, kind, quoted, mtu)


def error_about(packet: IpPacket, kind: int, code: int, word: int = 0) -> IcmpMessage:
    """An error message that quotes `packet`: 28 octets of IPv4 (RFC 792), up to 1,232 of IPv6."""
    quote = packet.encode()
    return IcmpMessage(kind, code, word, quote[:28] if packet.version == 4 else quote[:1232])


def _quoted(octets: bytes, version: int) -> IpPacket:
    """The packet that an error quotes, of which the end may be missing."""
    if version == 4 and len(octets) >= 20:
        # Its lengths count what was not quoted; a copy that says what is there can be read.
        head = octets[:2] + len(octets).to_bytes(2, "big") + octets[4:10] + b"\0\0" + octets[12:]
        size = (octets[0] & 15) * 4
        head = head[:10] + checksum(head[:size]).to_bytes(2, "big") + head[12:]
        return IpPacket.decode(head)
    if version == 6 and len(octets) >= 40:
        return IpPacket.decode(octets[:4] + (len(octets) - 40).to_bytes(2, "big") + octets[6:])
    raise PacketError("ICMP error: quotes no IP header")


def solicited_node(address: IPv6Address) -> IPv6Address:
    """RFC 4291 section 2.7.1."""
    return IPv6Address(0xFF02_0000_0000_0000_0000_0001_FF00_0000 | int(address) & 0xFFFFFF)


def multicast_mac(group: IPv6Address) -> bytes:
    """RFC 2464 section 7."""
    return b"\x33\x33" + group.packed[12:]


def solicitation(target: IPv6Address, mac: bytes) -> IcmpMessage:
    return IcmpMessage(NEIGHBOR_SOLICITATION, 0, 0, target.packed + b"\x01\x01" + mac)


def advertisement(target: IPv6Address, mac: bytes, solicited: bool) -> IcmpMessage:
    flags = (0x40 if solicited else 0) | 0x20  # solicited, override
    return IcmpMessage(NEIGHBOR_ADVERTISEMENT, 0, flags << 24, target.packed + b"\x02\x01" + mac)


def link_layer_option(body: bytes, kind: int) -> bytes | None:
    """The address in a source (1) or target (2) link-layer address option behind a target."""
    at = 16
    while at + 8 <= len(body) and body[at + 1]:
        if body[at] == kind and body[at + 1] == 1:
            return body[at + 2 : at + 8]
        at += 8 * body[at + 1]
    return None
