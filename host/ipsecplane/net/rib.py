"""Routing information base: connected, local and static routes; the best of each prefix forwards.

Among routes to one prefix the lowest administrative distance wins, then the order of
configuration: of two interfaces with the same connected prefix, the first that is up has it
(docs/routing.md). A static route is usable when its next hop resolves, possibly through other
static routes, to a connected prefix.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from ipaddress import (
    IPv4Address,
    IPv4Interface,
    IPv4Network,
    IPv6Address,
    IPv6Interface,
    IPv6Network,
)
from typing import Final

from ipsecplane.config import Address, InterfaceConfig, Network, StaticRoute

NULL_INTERFACE: Final = "Null0"
RECURSION_LIMIT: Final = 16


@dataclass(frozen=True, slots=True)
class Route:
    """A usable route. `interface` is where packets leave (NULL_INTERFACE discards).

    `next_hop` is whom the packet is handed to there, None = its own destination; `configured` is
    the next hop as written, before recursion.
    """

    code: str  # C, L, S as IOS prints them
    prefix: Network
    interface: str
    next_hop: Address | None = None
    distance: int = 0
    configured: Address | None = None


class Rib:
    """The routes of one instant: built from interfaces and static routes, then only asked."""

    def __init__(
        self,
        interfaces: Iterable[InterfaceConfig],
        static: Iterable[StaticRoute],
        is_up: Callable[[str], bool],
    ) -> None:
        """`is_up` says whether an interface's line protocol is up, by name."""
        self.local: dict[Address, str] = {}
        self.broadcasts: set[Address] = set()
        self._best: dict[Network, Route] = {}
        self._is_up = is_up
        for interface in interfaces:
            if is_up(interface.name):
                self._connect(interface)
        self._lengths = self._sort_lengths()
        self._resolve(list(static))

    def routes(self) -> list[Route]:
        """Best routes, local ones included, in order of address and length."""
        local = [
            Route("L", _host_network(address), interface)
            for address, interface in self.local.items()
        ]
        return sorted(
            [*self._best.values(), *local],
            key=lambda r: (
                r.prefix.version, int(r.prefix.network_address), r.prefix.prefixlen, r.code
            ),
        )  # fmt: skip

    def forwarding(self) -> list[Route]:
        """Routes that forward: all but the local ones."""
        return list(self._best.values())

    def lookup(self, address: Address) -> Route | None:
        """The longest match, a local address aside."""
        bits, width = int(address), address.max_prefixlen
        for length in self._lengths[address.version]:
            base = bits >> (width - length) << (width - length)
            route = self._best.get(_network(address.version, base, length))
            if route is not None:
                return route
        return None

    def _connect(self, interface: InterfaceConfig) -> None:
        own: list[IPv4Interface | IPv6Interface] = [*interface.secondary, *interface.ipv6]
        if interface.address is not None:
            own.insert(0, interface.address)
        for address in own:
            self.local.setdefault(address.ip, interface.name)
            network = address.network
            if network.prefixlen == network.max_prefixlen:
                continue
            if isinstance(network, IPv4Network) and network.prefixlen < 31:
                self.broadcasts.add(network.broadcast_address)
            self._best.setdefault(network, Route("C", network, interface.name))

    def _resolve(self, static: list[StaticRoute]) -> None:
        """Add the static routes, each round resolved by the table of the round before."""
        connected = dict(self._best)
        for _ in range(RECURSION_LIMIT):
            table = dict(connected)
            for one in static:
                route = self._static(one)
                if route is None:
                    continue
                held = table.get(route.prefix)
                if held is None or route.distance < held.distance:
                    table[route.prefix] = route
            if table == self._best:
                return
            self._best = table
            self._lengths = self._sort_lengths()

    def _static(self, static: StaticRoute) -> Route | None:
        """A static route as usable now. None: no way to its next hop, or only through itself."""
        prefix, hop = static.prefix, static.next_hop
        if static.interface is not None:
            if static.interface != NULL_INTERFACE and not self._is_up(static.interface):
                return None
            return Route("S", prefix, static.interface, hop, static.distance, hop)
        if hop is None or hop in self.local:
            return None
        via = self.lookup(hop)
        if via is None or (via.prefix == prefix and via.code != "C"):
            return None
        return Route("S", prefix, via.interface, via.next_hop or hop, static.distance, hop)

    def _sort_lengths(self) -> dict[int, list[int]]:
        lengths: dict[int, set[int]] = {4: set(), 6: set()}
        for network in self._best:
            lengths[network.version].add(network.prefixlen)
        return {version: sorted(found, reverse=True) for version, found in lengths.items()}


def _network(version: int, base: int, length: int) -> Network:
    if version == 4:
        return IPv4Network((base, length))
    return IPv6Network((base, length))


def _host_network(address: IPv4Address | IPv6Address) -> Network:
    return _network(address.version, int(address), address.max_prefixlen)
