"""Reverse route injection: routes to what is behind peers, made of SAs (`reverse-route`)."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from ipsecplane.config import Address, Network, StaticRoute
from ipsecplane.ipsec.policy import PolicyEntry, Spd
from ipsecplane.ipsec.sad import SadEntry


def reverse_routes(spd: Spd, sad: Iterable[SadEntry]) -> tuple[StaticRoute, ...]:
    """One for each network, in order of the policy; never one to everything."""
    found: dict[tuple[Network, Address], StaticRoute] = {}
    for entry, network, peer in _ways(spd, sad):
        reverse = entry.reverse
        gateway = (reverse.gateway if reverse is not None else None) or peer
        if reverse is not None and network.prefixlen and gateway.version == network.version:
            found.setdefault(
                (network, gateway), StaticRoute(network, gateway, distance=reverse.distance)
            )
    return tuple(found.values())


def _ways(spd: Spd, sad: Iterable[SadEntry]) -> Iterator[tuple[PolicyEntry, Network, Address]]:
    """What is behind which peer of an entry that wants routes."""
    for entry in spd.entries.values():
        if entry.reverse is not None and entry.reverse.static and entry.phase2.peers:
            yield entry, entry.phase2.remote.network, entry.phase2.peers[0]
    for sa in sad:
        policy = spd.entries.get(sa.sas.policy.entry)
        if policy is not None and policy.reverse is not None and sa.outbound:
            yield policy, sa.sas.remote_identity.network, sa.sas.remote
