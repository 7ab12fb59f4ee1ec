"""Which peer of a policy entry is tried: the next of its list when one fails, then from the top."""

from __future__ import annotations

from collections.abc import Iterable

from ipsecplane.config import Address
from ipsecplane.ike.engine import Engine
from ipsecplane.ipsec.policy import PolicyEntry
from ipsecplane.ipsec.sad import SadEntry, Usage


class PeerChoice:
    """Stateless failover (guide chapter 4): a dead peer's turn ends, and nothing else is kept.

    A default peer (guide chapter 7) has the turn again whenever another one's ends, but for those
    that never answered: after them comes the next of the list.
    """

    def __init__(self) -> None:
        self._turns: dict[int, int] = {}  # by policy entry

    def current(self, entry: PolicyEntry) -> Address:
        peers = entry.phase2.peers
        return peers[self._turns.get(entry.number, 0) % len(peers)]

    def failed(self, entry: PolicyEntry, peer: Address) -> None:
        """Nothing came of `peer`; heard twice of one failure, the second changes nothing."""
        if self.current(entry) == peer:
            self._turns[entry.number] = self._turns.get(entry.number, 0) + 1

    def lost(self, entry: PolicyEntry, peer: Address) -> None:
        """`peer` was there and is so no more."""
        if entry.default_peer and self.current(entry) == peer != entry.phase2.peers[0]:
            self.to_default(entry)
        else:
            self.failed(entry, peer)

    def to_default(self, entry: PolicyEntry) -> None:
        self._turns.pop(entry.number, None)


class TrafficWatch:
    """Tells IKE which peers were sent to and heard of, by the counters of their SAs."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine
        self._seen: dict[int, Usage] = {}  # by SAs id
        self._told_at = 0.0

    def tell(self, sas: Iterable[SadEntry], now: float) -> None:
        """Counters have just been read."""
        peers: dict[tuple[Address, Address, int], tuple[bool, bool]] = {}
        seen: dict[int, Usage] = {}
        for sa in sas:
            before, after = self._seen.get(sa.sas.id, Usage()), sa.usage
            seen[sa.sas.id] = after
            ends = sa.sas.local, sa.sas.remote, sa.sas.remote_port
            received, sent = peers.get(ends, (False, False))
            peers[ends] = (
                received or after.packets_in > before.packets_in,
                sent or after.packets_out > before.packets_out,
            )
        for ends, (received, sent) in peers.items():
            self._engine.traffic(*ends, received=received, sent=sent, since=self._told_at, now=now)
        self._seen, self._told_at = seen, now
