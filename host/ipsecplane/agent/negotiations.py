"""When IKE is asked for SAs, and of which peer."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

from ipsecplane.config import Address, RouterConfig
from ipsecplane.ike.engine import Engine
from ipsecplane.ike.types import NegotiationFailed, PeerDead
from ipsecplane.ipsec.policy import PolicyEntry, Spd
from ipsecplane.ipsec.sad import Sad, SadEntry

from .counters import Counters
from .peers import PeerChoice


class Negotiations:
    """Acquires and rekeys under way, one a policy entry. Times are seconds.

    `in_step()` says whether the tables know of all SAs that there are.
    """

    def __init__(
        self, engine: Engine, sad: Sad, counters: Counters, in_step: Callable[[], bool]
    ) -> None:
        self._engine = engine
        self._sad = sad
        self._counters = counters
        self._in_step = in_step
        self._spd = Spd()
        self._enabled = True  # `crypto isakmp enable`
        self._pending: set[int] = set()  # policy entries under negotiation
        self._peers = PeerChoice()

    def reconfigured(self, config: RouterConfig, spd: Spd) -> None:
        self._spd = spd
        self._enabled = config.isakmp_enabled
        self._pending &= spd.entries.keys()

    def acquire(self, number: int, now: float) -> None:
        """A packet found no SA under policy entry `number`: negotiate. The packet is lost."""
        entry = self._spd.entries.get(number)
        if entry is None or not self._enabled:
            return
        self._counters.no_sa(number)
        self.negotiate(number, now)

    def negotiate(self, number: int, now: float) -> None:
        """Ask for SAs under policy entry `number`, unless that is being done."""
        entry = self._spd.entries.get(number)
        if entry is None or entry.responder_only or not self._enabled:
            return
        if number in self._pending or entry.phase2.local_address is None:
            return
        if not entry.phase2.peers:
            return  # a dynamic map waits for its peers
        if self._sad.usable(number) and not self._in_step():
            return  # there is an SA, only the tables do not know it yet: another would not help
        self._pending.add(number)
        peer = self._peers.current(entry)
        self._engine.initiate(entry.phase2, local=entry.phase2.local_address, peer=peer, now=now)

    def negotiating(self, number: int) -> bool:
        """Whether IKE is at work for policy entry `number`."""
        return number in self._pending

    def rekey(self, sa: SadEntry, now: float) -> None:
        """Ask for a successor of an SA, unless that is being done."""
        policy = self._spd.entries.get(sa.sas.policy.entry)
        if sa.rekeying or sa.superseded or not sa.outbound or policy is None:
            return
        if policy.responder_only:
            return
        sa.rekeying = True
        phase2 = policy.phase2
        if not phase2.peers:  # of a dynamic map: what its peer once asked for
            phase2 = replace(phase2, local=sa.sas.local_identity, remote=sa.sas.remote_identity)
        self._engine.initiate(
            phase2,
            local=sa.sas.local,
            peer=sa.sas.remote,
            now=now,
            replaces=sa.sas.id,
            peer_port=sa.sas.remote_port if sa.sas.udp_encapsulation else None,
        )

    def done(self, number: int) -> None:
        """SAs under policy entry `number` are up."""
        self._pending.discard(number)

    def failed(self, event: NegotiationFailed) -> None:
        """Nothing came of one: the next peer's turn."""
        if event.entry is None:
            return
        self._pending.discard(event.entry)
        if event.entry in self._spd.entries:
            self._peers.failed(self._spd.entries[event.entry], event.remote)
        for sa in self._sad:
            if sa.sas.policy.entry == event.entry:
                sa.rekeying = False

    # -- peers ---------------------------------------------------------------------------------

    def current_peer(self, entry: PolicyEntry) -> Address:
        """Whose turn it is among the peers of a policy entry."""
        return self._peers.current(entry)

    def dead(self, event: PeerDead) -> None:
        """The next packet tries the next peer."""
        for entry in self._spd.entries.values():
            if event.remote in entry.phase2.peers:
                self._peers.lost(entry, event.remote)

    def idle(self, entry: PolicyEntry) -> None:
        """SAs of an entry carried nothing for its idle time."""
        if entry.idle.to_default:
            self._peers.to_default(entry)
