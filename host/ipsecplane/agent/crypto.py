"""IPsec's control: acquires and IKE's events become SAs, SAs age, bad packets have consequences."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import replace

from ipsecplane.config import Address, RouterConfig
from ipsecplane.ike.engine import Engine
from ipsecplane.ike.types import (
    ClientConnected,
    DebugMessage,
    Event,
    InboundSasReady,
    IpsecSas,
    IpsecSasDeleted,
    IsakmpState,
    LogMessage,
    NegotiationFailed,
    OutboundSasReady,
    PeerDead,
    PeerMoved,
)
from ipsecplane.ios import syslog
from ipsecplane.ipsec.lifetime import BUSY_INTERVAL
from ipsecplane.ipsec.path_mtu import PathMtus, TooBig
from ipsecplane.ipsec.policy import Numbers, Spd
from ipsecplane.ipsec.recovery import InvalidSpiRecovery
from ipsecplane.ipsec.sad import Sad, SadEntry, SadFull
from ipsecplane.ipsec.spd import compile_spd
from ipsecplane.net.ip import IpPacket
from ipsecplane.targets.dependencies import Target
from ipsecplane.views import LogLine

from . import debug, packet_debug
from .aging import Aging
from .counters import Counters
from .ezvpn import Ezvpn
from .ike_config import ike_config
from .log import Log
from .negotiations import Negotiations
from .peers import TrafficWatch
from .sessions import Sessions


class Crypto:
    """SPD, SAD and the IKE engine of a router. Times are seconds.

    `changed()` is called when tables may have to follow; `in_step()` says whether they have.
    """

    def __init__(
        self,
        engine: Engine,
        ezvpn: Ezvpn,
        counters: Counters,
        log: Log,
        *,
        random_bytes: Callable[[int], bytes],
        counter_interval: float,
        changed: Callable[[], None],
        in_step: Callable[[], bool],
    ) -> None:
        self.engine = engine
        self._ezvpn = ezvpn
        self.sad = Sad(random_bytes)
        self.spd = Spd()
        self.debugging: set[str] = set()
        # All there ever was, for decrypting captures: IPsec SAs, and IKE keys by initiator cookie.
        self.history: list[IpsecSas] = []
        self.isakmp_keys: dict[bytes, bytes] = {}
        self._counters = counters
        self._log = log
        self._changed = changed
        self._config = RouterConfig()
        self._numbers = Numbers()
        self._recovery = InvalidSpiRecovery()
        self._aging = Aging(
            self.sad, self._read_counters, self._idle_time, counter_interval, random_bytes
        )
        self._traffic = TrafficWatch(engine)
        self.negotiations = Negotiations(engine, self.sad, counters, in_step)
        self._sessions = Sessions(log)
        self._path_mtus = PathMtus()

    # -- configuration -------------------------------------------------------------------------

    def configure(self, config: RouterConfig, local: Iterable[Address], now: float) -> list[str]:
        """Take over policy; SAs that no policy entry or address stands behind any more go."""
        self._config = config
        self._sessions.logged = config.log_sessions
        self.spd = compile_spd(config, self._numbers, self._ezvpn.remotes())
        self.engine.reconfigure(ike_config(config, self.spd), now)
        own = set(local)
        self.delete(
            (
                sa
                for sa in self.sad
                if sa.sas.policy.entry not in self.spd.entries or sa.sas.local not in own
            ),
            now,
        )
        self.negotiations.reconfigured(config, self.spd)
        for entry in self.spd.entries.values():
            if self.spd.is_of_remote(entry) and not self.sad.usable(entry.number):
                self.negotiations.negotiate(entry.number, now)
        self._changed()
        return list(self.spd.warnings)

    # -- what the pipeline asks ----------------------------------------------------------------

    def invalid_spi(
        self, source: Address, destination: Address, protocol: int, spi: int, now: float
    ) -> None:
        """An IPsec packet for an SA that we have not (guide chapter 3)."""
        ike_sa = any(
            v.remote == source and v.state is IsakmpState.QM_IDLE and not v.deleted
            for v in self.engine.isakmp_sas()
        )
        entries = [e.number for e in self.spd.entries.values() if source in e.phase2.peers]
        for number in entries:
            self._counters.invalid_sa(number)
        decision = self._recovery.packet(
            source,
            now,
            enabled=self._config.invalid_spi_recovery,
            known_peer=bool(entries),
            ike_sa=ike_sa,
        )
        if decision.log:
            line = syslog.received_invalid_spi(now, destination, protocol, spi, source)
            self._log.add(line)
        else:
            self._log.count_limited()
        if decision.notify and self._config.isakmp_enabled:
            self.engine.notify_invalid_spi(source, destination, protocol, spi, now)

    def sequence_exhausted(self, sa_index: int, now: float) -> None:
        """The accelerator has no sequence number left for an SA."""
        entry = self.sad.by_index(sa_index)
        if entry is not None:
            self.negotiations.rekey(entry, now)

    def too_big(self, error: TooBig, now: float) -> None:
        """ICMP says that an IPsec packet was too big; what is about none of our SAs is ignored."""
        mtu = error.believable()
        if mtu is not None:
            for sa in self.sad:
                if error.is_about(sa):
                    self.learn_path_mtu(sa, mtu, now)

    def learn_path_mtu(self, sa: SadEntry, mtu: int, now: float) -> None:
        """The path of an SA takes packets of at most `mtu` octets; it is never made longer."""
        if mtu <= self.path_mtu(sa, mtu):
            self._path_mtus.learn(sa.sas.id, mtu, now)
            self._debug("ipsec", debug.adjust_mtu(sa, mtu), now)
            self._changed()

    def session_since(self, peer: Address, port: int) -> float | None:
        """When the session with a peer came up; None = it is down."""
        return self._sessions.since((peer, port))

    def path_mtu(self, sa: SadEntry | None, link_mtu: int) -> int:
        """The largest packet that the path of an SA is known to take, `link_mtu` at most."""
        return link_mtu if sa is None else self._path_mtus.get(sa.sas.id, link_mtu)

    def peer_port_changed(self, index: int, epoch: int, port: int) -> None:
        """The pipeline saw authentic ESP of an SA come from another port (docs/contracts.md)."""
        sa = self.sad.by_index(index)
        if sa is not None and sa.epoch == epoch:
            self.engine.peer_port_changed(sa.sas.id, port)

    # -- what IKE reports ----------------------------------------------------------------------

    def take_events(self, now: float) -> bool:
        """Act on the engine's events. True if there were any."""
        events = self.engine.events()
        for event in events:
            self._take(event, now)
        if events:
            for view in self.engine.isakmp_sas():
                if view.encryption_key:
                    self.isakmp_keys[view.initiator_cookie] = view.encryption_key
        return bool(events)

    def _take(self, event: Event, now: float) -> None:
        match event:
            case LogMessage():
                line = LogLine(now, event.facility, event.severity, event.mnemonic, event.text)
                self._log.add(line)
            case DebugMessage():
                self._debug(event.topic, [event.text], now)
            case InboundSasReady():
                self._inbound(event.sas, now)
            case OutboundSasReady():
                self._outbound(event.sas, now)
            case IpsecSasDeleted():
                self._deleted(event, now)
            case NegotiationFailed():
                self.negotiations.failed(event)
            case PeerDead():
                self._dead(event, now)
            case PeerMoved():
                self._moved(event)
            case ClientConnected():
                if self._config.log_ezvpn:
                    self._log.add(syslog.ezvpn_client(now, event))
            case _:
                self._ezvpn.take(event, now)

    def _inbound(self, sas: IpsecSas, now: float) -> None:
        policy = self.spd.entries.get(sas.policy.entry)
        if policy is None:  # the policy went while IKE was talking
            self.engine.delete_sas(sas, now)
            return
        try:
            entry = self.sad.add(sas, policy.interface, policy.crypto_map, now)
        except SadFull as error:
            self._log.add(LogLine(now, "CRYPTO", 3, "SAD_FULL", str(error)))
            self.engine.delete_sas(sas, now)
            return
        self.history.append(sas)
        self._aging.add(sas, now)
        self._debug("ipsec", debug.initialize_sas(entry), now)
        self._changed()

    def _outbound(self, sas: IpsecSas, now: float) -> None:
        entry = self.sad.get(sas.id)
        if entry is None:
            return
        entry.sas = sas
        entry.outbound = True
        self.negotiations.done(sas.policy.entry)
        for other in self.sad.usable(sas.policy.entry):
            if other is not entry and other.same_flow(entry):
                other.superseded = True
                self._path_mtus.inherit(other.sas.id, sas.id)
        self._sessions.follow(self.sad, now)
        self._ezvpn.sas_up([entry.interface], now)
        self._debug("ipsec", debug.create_sa(entry), now)
        self._changed()

    def _deleted(self, event: IpsecSasDeleted, now: float) -> None:
        gone = self.sad.by_outbound_spi(event.remote, event.outbound, event.remote_port)
        if event.invalid_spi:
            # Whoever lost these has lost their predecessors too.
            gone += [
                other
                for other in self.sad
                if other.superseded and any(other.same_flow(sa) for sa in gone)
            ]
        self._remove(gone, now)

    def _dead(self, event: PeerDead, now: float) -> None:
        """Its SAs follow as deleted."""
        self._sessions.dead((event.remote, event.remote_port), now)
        self.negotiations.dead(event)

    def _moved(self, event: PeerMoved) -> None:
        old, new = (event.remote, event.remote_port), (event.new_remote, event.new_port)
        self._sessions.moved(old, new)
        for sa in self.sad:
            if sa.sas.id in event.sas:
                sa.sas = replace(sa.sas, remote=new[0], remote_port=new[1])
                self._changed()

    # -- time ----------------------------------------------------------------------------------

    def next_timeout(self) -> float | None:
        aging, paths = self._aging.next_timeout, self._path_mtus.next_timeout()
        candidates = [self.engine.next_timeout(), aging, paths]
        return min((c for c in candidates if c is not None), default=None)

    def handle_timeout(self, now: float) -> None:
        due = self.engine.next_timeout()
        if due is not None and now >= due:
            if self.engine.watches_traffic:
                self._read_counters()
                self._traffic.tell(self.sad, now)
            self.engine.handle_timeout(now)
        look_at = self._aging.next_timeout
        if look_at is not None and now >= look_at:
            self._look(now)
        if self._path_mtus.handle_timeout(now):
            self._changed()

    def _look(self, now: float) -> None:
        """Read the counters and see which SAs are at a limit."""
        found, interval = self._aging.look(now)
        for sa in found.to_rekey:
            self.negotiations.rekey(sa, now)
        self.delete(found.expired, now)
        self._delete_idle(found.idle, now)
        if self.engine.watches_traffic:
            self._traffic.tell(self.sad, now)
            interval = min(interval, BUSY_INTERVAL)
        self._aging.schedule(now, interval)

    def _idle_time(self, sa: SadEntry) -> int:
        policy = self.spd.entries.get(sa.sas.policy.entry)
        return policy.idle.seconds if policy is not None else 0

    def _delete_idle(self, idle: list[SadEntry], now: float) -> None:
        """SAs that carried nothing for long go, and with a peer's last one its IKE SA."""
        for sa in idle:
            self.negotiations.idle(self.spd.entries[sa.sas.policy.entry])
        self.delete(idle, now)
        left = {(sa.sas.local, sa.sas.remote, sa.sas.remote_port) for sa in self.sad}
        for ends in dict.fromkeys((s.sas.local, s.sas.remote, s.sas.remote_port) for s in idle):
            if ends not in left:
                self.engine.delete_peer(*ends, now, "IPsec SAs idle")

    def _read_counters(self) -> None:
        self._counters.refresh(self.sad)

    # -- removing SAs --------------------------------------------------------------------------

    def delete(self, sas: Iterable[SadEntry], now: float) -> None:
        """Remove SAs and tell their peers, where there is an IKE SA to do so."""
        gone = list(sas)
        for sa in gone:
            self.engine.delete_sas(sa.sas, now)
        self._remove(gone, now)

    def lost_by_device(self, target: Target, indices: set[int], now: float) -> None:
        """A device came back without the rows of these SAs.

        The accelerator's sequence numbers are gone with them: going on would use numbers, and IVs,
        twice. The pipeline's replay windows are: SAs go on, but successors are asked for.
        """
        affected = [sa for sa in self.sad if sa.index in indices]
        if target is Target.ACCELERATOR:
            self.delete(affected, now)
        else:
            for sa in affected:
                self.negotiations.rekey(sa, now)

    def _remove(self, gone: list[SadEntry], now: float) -> None:
        if not gone:
            return
        self._counters.retire(gone)
        for sa in gone:
            self.sad.remove(sa)
            self._aging.remove(sa.sas)
            self._path_mtus.forget(sa.sas.id)
            self._debug("ipsec", debug.delete_sa(sa), now)
        self._sessions.follow(self.sad, now)
        self._changed()

    def debug_packet(self, when: str, packet: IpPacket, octets: bytes, now: float) -> None:
        """A packet on its way to the crypto engine or from it, for `debug crypto engine packet`."""
        detail = packet_debug.DETAIL in self.debugging
        topic = packet_debug.DETAIL if detail else packet_debug.TOPIC
        self._debug(topic, packet_debug.lines(when, packet, octets, detail=detail), now)

    def _debug(self, topic: str, lines: Iterable[str], now: float) -> None:
        if topic in self.debugging:
            for text in lines:
                self._log.add(syslog.debug(now, text))
