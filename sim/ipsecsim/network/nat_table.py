"""Address translation: which inside endpoint has which outside one, and for how long.

Two kinds, as the guide's chapter 5 tells them apart: NAT translates addresses one to one and leaves
ports alone; PAT puts many inside addresses behind one and tells them apart by port, so it can do
nothing with packets that have none (ESP, AH). Mappings do not depend on the far end (RFC 4787
section 4.1) and are kept alive from both sides.
"""

from __future__ import annotations

import itertools
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, replace
from ipaddress import IPv4Address
from typing import Final

from ipsecsim.network.packet import ICMP, TCP, UDP, IpPacket, PacketError, checksum, pseudo_header

FIRST_PORT: Final = 1024
_ECHO: Final = (0, 8)
_ERRORS: Final = (3, 11, 12)  # ICMP messages that quote a packet
_CHECKSUM_AT: Final = {UDP: 6, TCP: 16}

Endpoint = tuple[int, IPv4Address, int]
"""Protocol, address, and port (ICMP: the echo's identifier; one to one: 0)."""


class Untranslatable(Exception):
    """A packet that this box drops; the text names its counter."""


@dataclass(slots=True)
class Mapping:
    inside: Endpoint
    outside: Endpoint
    used_at: float


class NatTable:
    """`pool` are outside addresses: PAT uses the first, NAT one for each inside address.

    `expiry` is how long an unused mapping lives, in seconds. `now()` tells the time.
    """

    def __init__(
        self, pool: tuple[IPv4Address, ...], *, ports: bool, expiry: float, now: Callable[[], float]
    ) -> None:
        self.counters: Counter[str] = Counter()
        self._pool = pool
        self._ports = ports
        self._expiry = expiry
        self._now = now
        self._by_inside: dict[Endpoint, Mapping] = {}
        self._by_outside: dict[Endpoint, Mapping] = {}
        self._next_port = itertools.cycle(range(FIRST_PORT, 65536))

    def mappings(self) -> list[Mapping]:
        """Those that live, oldest first."""
        self._expire()
        return list(self._by_inside.values())

    def forget(self) -> None:
        """As after a power failure: the next packet of each inside endpoint gets another port."""
        self.counters["forgotten"] += len(self._by_inside)
        self._by_inside.clear()
        self._by_outside.clear()

    def outward(self, packet: IpPacket) -> IpPacket:
        """A packet from inside, as it leaves. Raises Untranslatable, PacketError."""
        source = packet.source
        assert isinstance(source, IPv4Address)
        if packet.protocol == ICMP and packet.payload[:1] and packet.payload[0] in _ERRORS:
            return self._error(packet, self._by_inside, outward=True)
        port = self._port_of(packet, 0)
        mapping = self._mapping((packet.protocol if self._ports else 0, source, port))
        self.counters["translated out"] += 1
        return _rewritten(packet, mapping.outside, source=True, ports=self._ports)

    def inward(self, packet: IpPacket) -> IpPacket:
        """A packet from outside for one of our addresses. Raises Untranslatable, PacketError."""
        destination = packet.destination
        assert isinstance(destination, IPv4Address)
        if packet.protocol == ICMP and packet.payload[:1] and packet.payload[0] in _ERRORS:
            return self._error(packet, self._by_outside, outward=False)
        self._expire()
        port = self._port_of(packet, 2)
        key = (packet.protocol if self._ports else 0, destination, port)
        mapping = self._by_outside.get(key)
        if mapping is None:
            raise Untranslatable("no mapping")
        mapping.used_at = self._now()
        self.counters["translated in"] += 1
        return _rewritten(packet, mapping.inside, source=False, ports=self._ports)

    def _mapping(self, inside: Endpoint) -> Mapping:
        self._expire()
        mapping = self._by_inside.get(inside)
        if mapping is None:
            mapping = Mapping(inside, self._new_outside(inside), self._now())
            self._by_inside[inside] = self._by_outside[mapping.outside] = mapping
            self.counters["created"] += 1
        mapping.used_at = self._now()
        return mapping

    def _new_outside(self, inside: Endpoint) -> Endpoint:
        protocol = inside[0]
        if self._ports:
            candidates = (
                (protocol, self._pool[0], next(self._next_port)) for _ in range(65536 - FIRST_PORT)
            )
        else:
            candidates = ((protocol, address, 0) for address in self._pool)
        for outside in candidates:
            if outside not in self._by_outside:
                return outside
        raise Untranslatable("pool exhausted")

    def _expire(self) -> None:
        now = self._now()
        for mapping in list(self._by_inside.values()):
            if now - mapping.used_at >= self._expiry:
                del self._by_inside[mapping.inside], self._by_outside[mapping.outside]
                self.counters["expired"] += 1

    def _port_of(self, packet: IpPacket, at: int) -> int:
        """The port at an offset of the UDP or TCP header, or an echo's identifier."""
        if not self._ports:
            return 0
        data = packet.payload
        if packet.protocol in _CHECKSUM_AT and len(data) >= 8:
            return int.from_bytes(data[at : at + 2], "big")
        if packet.protocol == ICMP and len(data) >= 8 and data[0] in _ECHO:
            return int.from_bytes(data[4:6], "big")
        raise Untranslatable("no ports")

    def _error(
        self, packet: IpPacket, known: dict[Endpoint, Mapping], *, outward: bool
    ) -> IpPacket:
        """An ICMP error: the packet that it quotes went the other way (RFC 5508 section 4)."""
        quoted = packet.payload[8:]
        size = (quoted[0] & 15) * 4 if quoted else 0
        if size < 20 or len(quoted) < size + 8:
            raise PacketError("ICMP: quotes no packet")
        protocol, body = quoted[9], quoted[size:]
        address_at, port_at = (16, 2) if outward else (12, 0)
        address = IPv4Address(quoted[address_at : address_at + 4])
        inner = replace(packet, protocol=protocol, payload=body)
        key = (protocol if self._ports else 0, address, self._port_of(inner, port_at))
        mapping = known.get(key)
        if mapping is None:
            raise Untranslatable("no mapping")
        end = mapping.outside if outward else mapping.inside
        if self._ports:
            body = _with_port(protocol, body, port_at, end[2])
        header = bytearray(quoted[:size])
        header[address_at : address_at + 4] = end[1].packed
        header[10:12] = bytes(2)
        header[10:12] = checksum(bytes(header)).to_bytes(2, "big")
        message = packet.payload[:2] + bytes(2) + packet.payload[4:8] + bytes(header) + body
        message = message[:2] + checksum(message).to_bytes(2, "big") + message[4:]
        return _readdressed(replace(packet, payload=message), end[1], source=outward)


def _rewritten(packet: IpPacket, end: Endpoint, *, source: bool, ports: bool) -> IpPacket:
    """The packet with another endpoint and right checksums; a UDP checksum of 0 stays 0."""
    data, protocol = packet.payload, packet.protocol
    if ports:
        data = _with_port(protocol, data, 0 if source else 2, end[2])
    changed = _readdressed(packet, end[1], source=source)
    at = _CHECKSUM_AT.get(protocol)
    if at is not None and len(data) >= at + 2 and (protocol == TCP or any(data[at : at + 2])):
        data = data[:at] + bytes(2) + data[at + 2 :]
        cover = pseudo_header(changed.source, changed.destination, protocol, len(data))
        value = checksum(cover, data)
        data = data[:at] + (value or 0xFFFF).to_bytes(2, "big") + data[at + 2 :]
    elif protocol == ICMP and ports:
        data = data[:2] + bytes(2) + data[4:]
        data = data[:2] + checksum(data).to_bytes(2, "big") + data[4:]
    return replace(changed, payload=data)


def _readdressed(packet: IpPacket, address: IPv4Address, *, source: bool) -> IpPacket:
    return replace(packet, source=address) if source else replace(packet, destination=address)


def _with_port(protocol: int, data: bytes, at: int, port: int) -> bytes:
    at = 4 if protocol == ICMP else at
    return data[:at] + port.to_bytes(2, "big") + data[at + 2 :]
