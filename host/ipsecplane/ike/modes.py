"""Encapsulation modes of Phase 2: tunnel or transport, with UDP or without (RFC 3947, 5.1)."""

from __future__ import annotations

from dataclasses import dataclass

from ipsecplane.ike.constants import Encapsulation
from ipsecplane.ike.nat import NatState


@dataclass(frozen=True, slots=True)
class Mode:
    number: Encapsulation  # of the attribute
    transport: bool
    udp: bool


def preferred(nat: NatState, *, transport: bool) -> Mode:
    """What we propose: UDP exactly if a NAT was found."""
    if nat.detected and nat.version is not None:
        return Mode(nat.version.encapsulation(transport=transport), transport, udp=True)
    return _plain(transport)


def acceptable(nat: NatState, *, transport: bool, floated: bool) -> list[Mode]:
    """What we accept, best first. `transport`: the identities allow it.

    The hashes of NAT detection are not authenticated and the peer may know better, so its choice is
    followed: without UDP always, with UDP once IKE itself is on port 4500 (`floated`).
    """
    kinds = [True, False] if transport else [False]
    found = [preferred(nat, transport=kind) for kind in kinds]
    if nat.version is not None and floated:
        found += [Mode(nat.version.encapsulation(transport=kind), kind, udp=True) for kind in kinds]
    found += [_plain(kind) for kind in kinds]
    return list(dict.fromkeys(found))


def _plain(transport: bool) -> Mode:
    number = Encapsulation.TRANSPORT if transport else Encapsulation.TUNNEL
    return Mode(number, transport, udp=False)
