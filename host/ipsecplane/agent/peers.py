"""Which peer of a policy entry is tried: the next of its list when one fails, then from the top."""

from __future__ import annotations

from collections.abc import Iterable

from ipsecplane.config import Address
from ipsecplane.ike.engine import Engine
from ipsecplane.ipsec.policy import PolicyEntry
from ipsecplane.ipsec.sad import SadEntry, Usage


class PeerChoice:
    """Stateless failover (guide chapter 4): a dead peer's turn ends, and nothing else is kept."""

    def __init__(self) -> None:
        self._turns: dict[int, int] = {}  # by policy entry

    def current(self, entry: PolicyEntry) -> Address:
        peers = entry.phase2.peers
        return peers[self._turns.get(entry.number, 0) % len(peers)]

    def failed(self, entry: PolicyEntry, peer: Address) -> None:
        """Nothing came of `peer`; heard twice of one failure, the second changes nothing."""
        if self.current(entry) == peer:
            self._turns[entry.number] = self._turns.get(entry.number, 0) + 1


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
