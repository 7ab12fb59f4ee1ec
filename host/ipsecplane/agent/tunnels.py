"""Tunnel interfaces: when one asks for SAs without traffic, and when its line protocol is up."""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

from ipsecplane.config import Address, RouterConfig
from ipsecplane.ike.types import IsakmpState
from ipsecplane.ipsec.policy import PolicyEntry
from ipsecplane.net.rib import Rib

from .crypto import Crypto
from .gre import GreTunnel, gre_tunnels

RETRY_INTERVAL: Final = 10.0
"""Seconds from a failed negotiation to the next."""

FIRST_DELAY: Final = 1.0
"""At most this long a tunnel waits, by chance, before it asks: both ends must not ask at once."""


COURTESY: Final = 2.0
"""Seconds that a tunnel waits, once, for what comes of an IKE SA that its peer has begun."""


class Tunnels:
    """When a tunnel asks for SAs, and which are up. Times are seconds."""

    def __init__(self, crypto: Crypto, random_bytes: Callable[[int], bytes]) -> None:
        self._crypto = crypto
        self._random_bytes = random_bytes
        self._attempts: dict[int, float] = {}  # when to ask, by policy entry
        self._failed: set[int] = set()  # tried, and nothing has come of it yet
        self._looped: set[str] = set()  # names: the way to their far end leads through themselves
        self._gre: tuple[GreTunnel, ...] = ()
        self._gre_up: set[str] = set()

    def reconfigured(self, config: RouterConfig) -> None:
        """Routes may be others now: every tunnel gets another chance."""
        self._gre = gre_tunnels(config)
        self._gre_up &= {one.name for one in self._gre}
        self._looped.clear()
        self._attempts.clear()
        self._failed.clear()

    @property
    def gre(self) -> list[GreTunnel]:
        """GRE tunnels that are up."""
        return [one for one in self._gre if one.name in self._gre_up - self._looped]

    def follow_routes(self, rib: Rib) -> None:
        """A GRE tunnel is up while there is a way to its far end, and what is to protect it."""
        with_policy = {entry.interface for entry in self._crypto.spd.entries.values()}
        self._gre_up = {
            one.name
            for one in self._gre
            if one.can_work(rib) and (not one.protected or one.name in with_policy)
        }

    def up(self) -> frozenset[str]:
        """Names of the tunnels whose line protocol is up: with SAs (guide chapter 9), or GRE."""
        with_sas = {e.interface for e in self._entries() if self._crypto.sad.usable(e.number)}
        return frozenset((with_sas | self._gre_up) - self._looped)

    def find_loops(self, rib: Rib) -> list[str]:
        """Tunnels that are up and that `rib` sends through themselves; they are down from now on.

        Their packets would be encrypted for ever.
        """
        ends: list[tuple[str, Address]] = [(one.name, one.remote) for one in self._gre]
        ends += [(entry.interface, entry.phase2.peers[0]) for entry in self._entries()]
        found = [
            name
            for name, remote in ends
            if (route := rib.lookup(remote)) is not None and route.interface == name
        ]
        self._looped.update(found)
        return found

    def next_timeout(self) -> float | None:
        return min(self._attempts.values(), default=None)

    def schedule(self, rib: Rib, now: float) -> None:
        """Something happened: see which tunnels lack SAs and could ask for some."""
        asking = self._asking()
        wanting = {e.number for e in asking if self._wants(e, rib)}
        self._failed -= {e.number for e in asking if self._crypto.sad.usable(e.number)}
        for number in self._attempts.keys() - wanting:
            del self._attempts[number]
        for number in wanting - self._attempts.keys():
            chance = self._random_bytes(1)[0] / 256
            wait = RETRY_INTERVAL if number in self._failed else FIRST_DELAY * chance
            self._attempts[number] = now + wait

    def handle_timeout(self, now: float) -> None:
        for number, at in list(self._attempts.items()):
            if now >= at:
                del self._attempts[number]
                if number not in self._failed and self._peer_asks(number, now):
                    self._attempts[number] = now + COURTESY
                else:
                    self._crypto.negotiations.negotiate(number, now)
                self._failed.add(number)

    def _peer_asks(self, number: int, now: float) -> bool:
        """Whether the peer has begun with IKE, and so will ask for SAs itself."""
        phase2 = self._crypto.spd.entries[number].phase2
        ends = phase2.local_address, phase2.peers[0]
        return any(
            (view.local, view.remote) == ends
            and not view.deleted
            and not view.we_initiated
            and (view.state is not IsakmpState.QM_IDLE or view.created_at > now - COURTESY)
            for view in self._crypto.engine.isakmp_sas()
        )

    def _asking(self) -> list[PolicyEntry]:
        """Those that ask for SAs without traffic: also GRE tunnels', whose line does not wait."""
        gre = {one.name for one in self._gre}
        return [
            entry
            for entry in self._crypto.spd.entries.values()
            if entry.phase2.tunnel or entry.interface in gre
        ]

    def _entries(self) -> list[PolicyEntry]:
        """Of IPsec tunnels."""
        return [entry for entry in self._crypto.spd.entries.values() if entry.phase2.tunnel]

    def _wants(self, entry: PolicyEntry, rib: Rib) -> bool:
        return (
            not entry.responder_only
            and entry.interface not in self._looped
            and not self._crypto.sad.usable(entry.number)
            and not self._crypto.negotiations.negotiating(entry.number)
            and entry.phase2.local_address in rib.local
            and rib.lookup(entry.phase2.peers[0]) is not None
        )
