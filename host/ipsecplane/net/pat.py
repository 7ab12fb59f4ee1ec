"""Address and port translation: many inside hosts share one address (RFC 3022 section 4.1).

Flows are opened by packets on their way out; the data plane translates by them, and what the router
handles itself (reassembled packets, errors) is translated here.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from ipaddress import IPv4Address
from itertools import chain
from typing import Final

from ipsecplane.net.ip import ICMP, TCP, UDP, IpPacket, checksum

FIRST_PORT: Final = 1024
LAST_PORT: Final = 65535
CAPACITY: Final = 16384
"""Flows of all addresses: the size of the pipeline's tables."""

_ECHO: Final = (8, 0)  # request, reply
_SMALLEST: Final = {ICMP: 8, UDP: 8, TCP: 20}  # octets that a translation looks at
_CHECKSUM_AT: Final = {ICMP: 2, UDP: 6, TCP: 16}
_RESERVED: Final = frozenset({4500})  # UDP: the router's own


@dataclass(frozen=True, slots=True)
class Flow:
    """One conversation; ports are identifiers for ICMP. `rule` says by what it is translated."""

    rule: int
    protocol: int
    inside: IPv4Address
    inside_port: int
    outside: IPv4Address
    outside_port: int


class Translations:
    """All flows, found from either side."""

    def __init__(self) -> None:
        self._by_inside: dict[tuple[int, IPv4Address, int, int], Flow] = {}
        self._by_outside: dict[tuple[IPv4Address, int, int], Flow] = {}

    def __iter__(self) -> Iterator[Flow]:
        return iter(list(self._by_inside.values()))

    def __len__(self) -> int:
        return len(self._by_inside)

    def open(self, rule: int, outside: IPv4Address, packet: IpPacket) -> Flow | None:
        """The flow of an outbound packet, a new one if need be.

        None if the packet has nothing to tell flows apart by, or nothing is left to give.
        """
        port = port_of(packet, source=True)
        if port is None or not isinstance(packet.src, IPv4Address):
            return None
        known = self._by_inside.get((rule, packet.src, packet.protocol, port))
        if known is not None:
            return known
        chosen = self._free_port(outside, packet.protocol, port)
        if chosen is None or len(self) >= CAPACITY:
            return None
        flow = Flow(rule, packet.protocol, packet.src, port, outside, chosen)
        self._by_inside[rule, packet.src, packet.protocol, port] = flow
        self._by_outside[outside, packet.protocol, chosen] = flow
        return flow

    def remove(self, flow: Flow) -> None:
        self._by_inside.pop((flow.rule, flow.inside, flow.protocol, flow.inside_port), None)
        self._by_outside.pop((flow.outside, flow.protocol, flow.outside_port), None)

    def to_inside(self, packet: IpPacket) -> IpPacket | None:
        """A packet to a translated address as its inside host is to get it; None: of no flow."""
        port = port_of(packet, source=False)
        flow = self._to(packet.dst, packet.protocol, port)
        if flow is None:
            return None
        return _changed(packet, dst=(flow.inside, flow.inside_port))

    def as_it_was(self, packet: IpPacket) -> IpPacket:
        """An outbound packet before its translation; any other as it is."""
        flow = self._to(packet.src, packet.protocol, port_of(packet, source=True))
        return packet if flow is None else _changed(packet, src=(flow.inside, flow.inside_port))

    def _to(self, address: object, protocol: int, port: int | None) -> Flow | None:
        if port is None or not isinstance(address, IPv4Address):
            return None
        return self._by_outside.get((address, protocol, port))

    def _free_port(self, outside: IPv4Address, protocol: int, wanted: int) -> int | None:
        """The inside host's own port if it can be, else the next one above that is free."""
        first = max(wanted, FIRST_PORT)
        for port in chain(range(first, LAST_PORT + 1), range(FIRST_PORT, first)):
            if (outside, protocol, port) not in self._by_outside and port not in _RESERVED:
                return port
        return None


def port_of(packet: IpPacket, *, source: bool) -> int | None:
    """What a flow is told apart by: a port, or an echo's identifier. None: nothing of the kind."""
    data = packet.payload
    if packet.is_fragment or len(data) < _SMALLEST.get(packet.protocol, 1 << 16):
        return None
    if packet.protocol == ICMP and data[0] not in _ECHO:
        return None
    at = 4 if packet.protocol == ICMP else 0 if source else 2
    return int.from_bytes(data[at : at + 2], "big")


def _changed(
    packet: IpPacket,
    *,
    src: tuple[IPv4Address, int] | None = None,
    dst: tuple[IPv4Address, int] | None = None,
) -> IpPacket:
    """With another address and port at one end, its checksum adjusted (RFC 1624)."""
    address, port = src or dst or (packet.dst, 0)
    old = packet.src if src is not None else packet.dst
    assert isinstance(old, IPv4Address)
    data = packet.payload
    at = 4 if packet.protocol == ICMP else 0 if src is not None else 2
    before, after = data[at : at + 2], port.to_bytes(2)
    if packet.protocol != ICMP:  # whose checksum does not cover addresses
        before, after = before + old.packed, after + address.packed
    data = data[:at] + port.to_bytes(2) + data[at + 2 :]
    where = _CHECKSUM_AT[packet.protocol]
    known = int.from_bytes(data[where : where + 2])
    if known or packet.protocol != UDP:
        inverted = bytes(octet ^ 0xFF for octet in before)
        new = checksum((known ^ 0xFFFF).to_bytes(2) + inverted + after)
        new = new or (0xFFFF if packet.protocol == UDP else 0)
        data = data[:where] + new.to_bytes(2) + data[where + 2 :]
    changed = replace(packet, payload=data)
    return replace(changed, src=address) if src is not None else replace(changed, dst=address)
