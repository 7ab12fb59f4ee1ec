"""The control plane behind an agent: configuration and packets in, tables and packets out."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from datetime import datetime

from ipsecplane.config import RouterConfig, StaticRoute
from ipsecplane.ike.engine import Engine
from ipsecplane.ike.types import Datagram, IkeConfig
from ipsecplane.ios import syslog
from ipsecplane.ipsec.sad import SadEntry
from ipsecplane.net.ip import IpPacket
from ipsecplane.net.rib import Rib
from ipsecplane.targets.dependencies import Target
from ipsecplane.targets.desired import SaSettings, largest_accepted
from ipsecplane.targets.digests import Digest
from ipsecplane.targets.packetio import PacketIn, PacketOut
from ipsecplane.targets.programmer import Programmer
from ipsecplane.targets.session import Session
from ipsecplane.targets.transport import Transport
from ipsecplane.views import LogLine

from . import packet_debug, tables
from .counters import Counters
from .crypto import Crypto
from .ezvpn import Ezvpn
from .fragments import Fragments
from .interface_counters import InterfaceCounters
from .interfaces import InterfaceTable
from .log import Log
from .nat import Nat
from .options import AgentOptions, ReplayUnit
from .punts import Punts
from .qos import Qos
from .reverse_routes import reverse_routes
from .stack import Stack
from .tunnels import Tunnels
from .warnings import unsupported_with_ipv6, weak_algorithms, without_effect


class ControlPlane:
    """Everything of a router that is not a command.

    Whatever happens, happens inside `working`; at its end every consequence is followed up.
    """

    def __init__(
        self,
        config: RouterConfig,
        ports: Mapping[str, int],
        transports: Mapping[Target, Transport],
        random_bytes: Callable[[int], bytes],
        clock: Callable[[], float],
        options: AgentOptions,
        wall_time: Callable[[float], datetime],
    ) -> None:
        self.config = config
        self.on_wakeup: Callable[[], None] | None = None
        self.log = Log(config.logging)
        self.interfaces = InterfaceTable(ports, options.mac_seed or config.hostname)
        self.sessions = {
            target: self._session(target, transport, clock, options)
            for target, transport in transports.items()
        }
        self.counters = Counters(self.sessions)
        self.interface_counters = InterfaceCounters(self.sessions[Target.PIPELINE])
        self.qos = Qos(self.sessions)
        self.programmer = Programmer(
            self.sessions,
            clock=clock,
            report=lambda text: self._report(3, "WRITE_FAILED", text),
            before_delete=self.counters.before_delete,
        )
        self.stack = Stack(
            self.interfaces,
            Fragments(self.log.add_limited),
            arp_timeout=options.arp_timeout,
            transmit=self._transmit,
            on_ike=self._receive_ike,
            on_too_big=lambda error: self.crypto.too_big(error, clock()),
            on_neighbours=self._changed,
        )
        engine = Engine(IkeConfig(), random_bytes=random_bytes, wall_time=wall_time)
        self.ezvpn = Ezvpn(engine, self.log, self._configuration_changed)
        self.crypto = Crypto(
            engine,
            self.ezvpn,
            self.counters,
            self.log,
            random_bytes=random_bytes,
            counter_interval=options.counter_interval,
            changed=self._changed,
            in_step=lambda: self.programmer.in_step,
        )
        self.stack.on_sent = self._debug_sent
        self.tunnels = Tunnels(self.crypto, random_bytes)
        self.nat = Nat(self.sessions[Target.PIPELINE], self.log, self._changed)
        self.stack.translations = self.nat.translations
        self.punts = Punts(
            self.stack, self.crypto, self.counters, self.log, self.nat, self.largest_inner
        )
        self.resolved = config
        self._reverse: tuple[StaticRoute, ...] = ()
        self._clock = clock
        self._options = options
        self._inbox: deque[PacketIn | Digest] = deque()
        self._depth = 0
        self._tables_due = False
        self._configuration_due = False
        self._running = False
        self._warned: set[str] = set()

    @property
    def now(self) -> float:
        return self._clock()

    @property
    def ready(self) -> bool:
        """Whether both targets are ours and hold what they should."""
        return all(s.ready for s in self.sessions.values()) and self.programmer.in_step

    # -- life ------------------------------------------------------------------------------------

    def start(self) -> None:
        self._running = True
        with self.working():
            for text in self.configure(self.config):
                self.log.add(LogLine(self.now, "CRYPTO", 4, "CONFIG_WARNING", text))
            for session in self.sessions.values():
                session.connect()

    def stop(self) -> None:
        self._running = False
        for session in self.sessions.values():
            session.close()

    def next_timeout(self) -> float | None:
        if not self._running:
            return None
        candidates = [
            self.crypto.next_timeout(),
            self.tunnels.next_timeout(),
            self.ezvpn.next_timeout(),
            self.nat.next_timeout(),
            self.stack.next_timeout(),
            self.programmer.next_timeout(),
            self.qos.next_timeout(),
            *(session.next_timeout() for session in self.sessions.values()),
        ]
        return min((c for c in candidates if c is not None), default=None)

    def handle_timeout(self, now: float) -> None:
        if not self._running:
            return
        with self.working():
            for session in self.sessions.values():
                session.handle_timeout(now)
            self.programmer.handle_timeout(now)
            self.qos.handle_timeout(now)
            self.crypto.handle_timeout(now)
            self.tunnels.handle_timeout(now)
            self.ezvpn.handle_timeout(now)
            self.nat.handle_timeout(now)
            self.stack.handle_timeout(now)

    def pump(self) -> None:
        with self.working():
            for session in self.sessions.values():
                session.transport.pump()

    def configure(self, config: RouterConfig) -> list[str]:
        """Derive everything from a configuration; returns new warnings. Call it in `working`."""
        self.config = config
        self.resolved = self.interfaces.resolved(self.ezvpn.with_addresses(config))
        self.log.configure(config.logging)
        before = {i.if_id for i in self.interfaces if i.up}
        self._route()
        up = {i.if_id for i in self.interfaces if i.up}
        for if_id in before - up:
            self.stack.neighbours.forget(if_id)
        self.ezvpn.configure(config, self.interfaces.is_up, self.now)
        warnings = self.crypto.configure(self.resolved, self.stack.rib.local, self.now)
        self.nat.configure(config, self.ezvpn.remotes(), self.crypto.spd)
        self.tunnels.reconfigured(self.resolved)
        warnings += self.ezvpn.warnings()
        warnings += weak_algorithms(config) + unsupported_with_ipv6(config) + without_effect(config)
        warnings += self.qos.configure(config, self.interfaces, self.now)
        new = [text for text in warnings if text not in self._warned]
        self._warned = set(warnings)
        self._changed()
        self._announce(up - before)
        return new

    def _route(self) -> None:
        """Interfaces and routes anew: configuration has changed, or which tunnels or SAs are up."""
        config = self.resolved
        self.interfaces.configure(config, self.tunnels.up())
        self._reverse = reverse_routes(self.crypto.spd, self.crypto.sad)
        routes = (*config.routes, *self._reverse)
        self.stack.rib = Rib(config.interfaces, routes, self.interfaces.is_up)

    def _follow_tunnels(self) -> None:
        """The line protocol of tunnels follows SAs and routes."""
        self.tunnels.follow_routes(self.stack.rib)
        before = {one.name: one.up for one in self.interfaces if one.config.tunnel is not None}
        up = self.tunnels.up()
        as_before = up == {name for name, was_up in before.items() if was_up}
        if as_before and self._reverse == reverse_routes(self.crypto.spd, self.crypto.sad):
            return
        self._route()
        for name in self.tunnels.find_loops(self.stack.rib):
            self.log.add(syslog.tunnel_looped(self.now, name))
            self._route()
        for name, was_up in before.items():
            if self.interfaces.is_up(name) != was_up:
                line = syslog.line_protocol_changed(self.now, name, not was_up)
                self.log.add(line)

    @contextmanager
    def working(self) -> Iterator[None]:
        """Around everything that happens; the outermost one settles the consequences."""
        self._depth += 1
        self.stack.now = self.now
        try:
            yield
            if self._depth == 1:
                self._settle()
        finally:
            self._depth -= 1
        if not self._depth and self.on_wakeup is not None:
            self.on_wakeup()

    def _settle(self) -> None:
        """Packets, IKE's events, tables, IKE's datagrams, until nothing is left.

        Tables go before datagrams: the peer may use an SA as soon as it has our message.
        """
        while True:
            now = self.now
            if self._inbox:
                told = self._inbox.popleft()
                if isinstance(told, Digest):
                    self.punts.told(told)
                else:
                    self.punts.handle(told, now)
            elif self.crypto.take_events(now) or self.stack.deliver_looped():
                pass
            elif self._configuration_due:
                self._configuration_due = False
                self.configure(self.config)
            elif self._tables_due:
                self._program()
            elif self.programmer.in_step and (held := self.nat.take_held()):
                for packet in held:
                    self._transmit(packet)
            elif datagrams := self.crypto.engine.datagrams_to_send():
                for datagram in datagrams:
                    self.stack.send_ike(datagram)
            else:
                self.tunnels.schedule(self.stack.rib, now)
                return

    # -- targets ---------------------------------------------------------------------------------

    def _session(
        self,
        target: Target,
        transport: Transport,
        clock: Callable[[], float],
        options: AgentOptions,
    ) -> Session:
        pipeline = target is Target.PIPELINE
        return Session(
            transport,
            options.pipeline_program if pipeline else options.accelerator_program,
            clock=clock,
            on_ready=lambda: self._target_ready(target),
            on_lost=lambda why, retry_in: self._target_lost(target, why, retry_in),
            on_packet=self._take,
            on_digest=self._take,
            election_id=options.election_id,
        )

    def _target_ready(self, target: Target) -> None:
        """A target is ours: see what it holds, and bring it to what it should hold."""
        with self.working():
            self._report(5, "TARGET_UP", f"{self._name(target)} is ready")
            gone = self.programmer.read(target)
            rows = "sa_in" if target is Target.PIPELINE else "sa_decrypt"
            indices = {
                index
                for e in gone
                if e.table == rows and isinstance(index := e.field("sa_index"), int)
            }
            self.crypto.lost_by_device(target, indices, self.now)
            self._changed()
            if target is Target.PIPELINE:
                self._announce({i.if_id for i in self.interfaces if i.up})

    def _target_lost(self, target: Target, why: str, retry_in: float) -> None:
        again = f"; trying again in {retry_in:g} s" if retry_in else ""
        with self.working():
            self._report(3, "TARGET_LOST", f"{self._name(target)}: {why}{again}")

    def _name(self, target: Target) -> str:
        return f"{target} {self.sessions[target].transport.name}"

    def _report(self, severity: int, mnemonic: str, text: str) -> None:
        self.log.add(LogLine(self.now, "P4RT", severity, mnemonic, text))

    def _configuration_changed(self) -> None:
        """An Easy VPN remote has another address or policy."""
        self._configuration_due = True

    def _changed(self) -> None:
        self._tables_due = True

    def _program(self) -> None:
        """Bring the tables in line with what is wanted now."""
        self._tables_due = False
        self._follow_tunnels()
        entries, lines = tables.desired(
            self.interfaces,
            self.stack,
            self.crypto,
            self.tunnels,
            self.nat,
            self.resolved,
            qos=self.qos.plan,
            replay_in_pipeline=self._options.replay is ReplayUnit.PIPELINE,
        )
        self.programmer.want(entries)
        self.programmer.apply()
        self.counters.lines.update(lines)

    def largest_inner(self, sa: SadEntry) -> int:
        """The largest cleartext packet of an SA that fits its path."""
        return largest_accepted(sa, self.settings_of(sa))

    def settings_of(self, sa: SadEntry) -> SaSettings:
        return tables.settings_of(sa, self.interfaces, self.stack.rib, self.crypto, self.resolved)

    # -- packets ---------------------------------------------------------------------------------

    def _take(self, told: PacketIn | Digest) -> None:
        """What the pipeline tells; it may do so in the middle of something else."""
        self._inbox.append(told)
        if not self._depth:
            with self.working():
                pass

    def _transmit(self, packet: PacketOut) -> None:
        self.sessions[Target.PIPELINE].send_packet(packet)

    def _debug_sent(self, packet: IpPacket, octets: bytes) -> None:
        if not self.crypto.debugging:
            return
        route = self.stack.rib.lookup(packet.dst)
        policy = self.crypto.spd.policy_of(route.interface) if route is not None else None
        if packet_debug.is_protected(policy, packet):
            self.crypto.debug_packet("Before encryption", packet, octets, self.now)

    def _receive_ike(self, datagram: Datagram) -> None:
        if self.config.isakmp_enabled:
            self.crypto.engine.receive(datagram, self.now)

    def _announce(self, if_ids: set[int]) -> None:
        """Gratuitous ARP for the addresses of interfaces that have come up."""
        for interface in self.interfaces:
            if interface.if_id in if_ids and interface.port is not None:
                for address in interface.addresses(4):
                    self.stack.neighbours.announce(interface, address)
