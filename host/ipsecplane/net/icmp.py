"""ICMP and ICMPv6: echo, and the errors that a router sends (RFC 792, 1812, 4443)."""

from __future__ import annotations

import struct
from dataclasses import dataclass
from enum import Enum
from typing import Final

from ipsecplane.config import Address

from .ip import ICMP, ICMPV6, IpPacket, PacketError, checksum, pseudo_header

ERROR_INTERVAL: Final = 0.5
"""Seconds between two errors of a kind, IOS's default for unreachables."""

_QUOTE_V4: Final = 548  # RFC 1812 section 4.3.2.3: as much as fits 576 octets
_QUOTE_V6: Final = 1232  # RFC 4443: as much as fits the minimum MTU of 1280


class Kind(Enum):
    """What we send and understand: (type, code) of ICMP and of ICMPv6; None = does not exist."""

    ECHO_REQUEST = (8, 0), (128, 0)
    ECHO_REPLY = (0, 0), (129, 0)
    NET_UNREACHABLE = (3, 0), (1, 0)
    HOST_UNREACHABLE = (3, 1), (1, 3)
    PROTOCOL_UNREACHABLE = (3, 2), (4, 1)
    PORT_UNREACHABLE = (3, 3), (1, 4)
    TOO_BIG = (3, 4), (2, 0)
    ADMIN_PROHIBITED = (3, 13), (1, 1)
    SOURCE_QUENCH = (4, 0), None
    TIME_EXCEEDED = (11, 0), (3, 0)

    @property
    def is_error(self) -> bool:
        return self not in (Kind.ECHO_REQUEST, Kind.ECHO_REPLY)


_BY_CODE: Final = {
    (version, code): kind
    for kind in Kind
    for version, code in zip((4, 6), kind.value, strict=True)
    if code is not None
}
_UNREACHABLE_TYPE: Final = {4: 3, 6: 1}


@dataclass(frozen=True, slots=True)
class IcmpMessage:
    """`rest` is the second word (echo: identifier and sequence; too big: the MTU)."""

    kind: Kind
    rest: int = 0
    data: bytes = b""

    @property
    def identifier(self) -> int:
        return self.rest >> 16

    @property
    def sequence(self) -> int:
        return self.rest & 0xFFFF

    def encode(self, src: Address, dst: Address) -> bytes:
        code = self.kind.value[0 if src.version == 4 else 1]
        assert code is not None, f"{self.kind} does not exist in ICMPv6"
        octets = struct.pack(">BBHI", *code, 0, self.rest) + self.data
        covered = octets
        if src.version == 6:
            covered = pseudo_header(src, dst, ICMPV6, len(octets)) + octets
        return octets[:2] + checksum(covered).to_bytes(2, "big") + octets[4:]

    def packet(self, src: Address, dst: Address, **fields: int) -> IpPacket:
        """The message in an IP packet; `fields` are those of IpPacket (ttl, tos, df …)."""
        protocol = ICMP if src.version == 4 else ICMPV6
        return IpPacket(src, dst, protocol, self.encode(src, dst), **fields)  # type: ignore[arg-type]


def parse_icmp(packet: IpPacket) -> IcmpMessage | None:
    """The message in `packet`; None for a kind that is nothing to us. Raises PacketError."""
    octets = packet.payload
    if len(octets) < 8:
        raise PacketError(f"ICMP: {len(octets)} octets")
    covered = octets
    if packet.version == 6:
        covered = pseudo_header(packet.src, packet.dst, ICMPV6, len(octets)) + octets
    if checksum(covered):
        raise PacketError("ICMP: bad checksum")
    type_, code, _, rest = struct.unpack_from(">BBHI", octets)
    kind = _BY_CODE.get((packet.version, (type_, code)))
    if kind is None and type_ == _UNREACHABLE_TYPE[packet.version]:
        kind = Kind.HOST_UNREACHABLE
    return None if kind is None else IcmpMessage(kind, rest, octets[8:])


def echo_reply(request: IpPacket, message: IcmpMessage) -> IpPacket:
    """The answer to an echo request."""
    reply = IcmpMessage(Kind.ECHO_REPLY, message.rest, message.data)
    return reply.packet(request.dst, request.src, tos=request.tos)


def error_about(
    offending: IpPacket, octets: bytes, kind: Kind, src: Address, mtu: int = 0
) -> IpPacket | None:
    """The error that tells the sender of `offending` (whose octets are given).

    None where none may be sent: about an ICMP error, a non-first fragment, a source or a
    destination that is not a single host (RFC 1812 section 4.3.2.7, RFC 4443 section 2.4).
    """
    if offending.fragment_offset or not _is_host(offending.src):
        return None
    if offending.dst.is_multicast and not (offending.version == 6 and kind is Kind.TOO_BIG):
        return None
    if offending.protocol in (ICMP, ICMPV6) and not _is_query(offending):
        return None
    if kind.value[0 if offending.version == 4 else 1] is None:
        return None
    quote = octets[: _QUOTE_V4 if offending.version == 4 else _QUOTE_V6]
    tos = 0xC0 if offending.version == 4 else 0  # RFC 1812: precedence internetwork control
    return IcmpMessage(kind, mtu, quote).packet(src, offending.src, tos=tos)


def about_another(error: IpPacket, message: IcmpMessage, packet: IpPacket) -> IpPacket:
    """An error as the sender of `packet` is to see it: what it quotes was translated on its way."""
    quoted = packet.encode()[: len(message.data)]
    payload = error.payload[:2] + bytes(2) + error.payload[4:8] + quoted
    covered = checksum(payload).to_bytes(2, "big")
    return IpPacket(error.src, packet.src, ICMP, payload[:2] + covered + payload[4:])


def _is_query(packet: IpPacket) -> bool:
    if not packet.payload:
        return False
    if packet.version == 6:
        return packet.payload[0] >= 128
    return packet.payload[0] in (0, 8, 9, 10, 13, 14, 15, 16, 17, 18)


def _is_host(address: Address) -> bool:
    broadcast = address.version == 4 and int(address) == 0xFFFFFFFF
    return not (address.is_multicast or address.is_unspecified or address.is_loopback or broadcast)


class RateLimit:
    """At most one event a key an interval (seconds)."""

    def __init__(self, interval: float = ERROR_INTERVAL) -> None:
        self._interval = interval
        self._last: dict[object, float] = {}

    def allows(self, key: object, now: float) -> bool:
        if now - self._last.get(key, -self._interval) < self._interval:
            return False
        self._last[key] = now
        return True
