"""The agent object: what a driver owns, clocks and wires to two targets, and commands talk to."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, datetime, timedelta

from ipsecplane.config import Address, RouterConfig
from ipsecplane.ike.types import IsakmpSaView
from ipsecplane.targets.dependencies import Target
from ipsecplane.targets.transport import Transport
from ipsecplane.views import (
    AdjacencyView,
    CryptoEngineView,
    EngineConnectionView,
    EzvpnView,
    IdentView,
    InterfaceView,
    Job,
    LoggingView,
    LogLine,
    PingRequest,
    PingResult,
    ReassemblyView,
    RouteView,
    ServicePolicyView,
    TrafficView,
)

from . import clearing, shown
from .control import ControlPlane
from .keys import WiresharkKeys, wireshark_keys
from .options import AgentOptions


class Agent:
    """One router's control plane (`views.RouterOperations`).

    `ports` names the pipeline port of each interface that has a cable. `clock` gives the present
    (seconds, never going back); `wall_clock_start` is the UTC time of instant 0. Everything that
    happens, happens inside `start`, `handle_timeout`, an EXEC call or a packet-in; after each of
    these `on_wakeup` (if set) is called, so that the driver asks `next_timeout` again.
    """

    def __init__(
        self,
        config: RouterConfig,
        *,
        ports: Mapping[str, int],
        pipeline: Transport,
        accelerator: Transport,
        random_bytes: Callable[[int], bytes],
        clock: Callable[[], float],
        wall_clock_start: datetime,
        options: AgentOptions | None = None,
    ) -> None:
        transports = {Target.PIPELINE: pipeline, Target.ACCELERATOR: accelerator}
        self._plane = ControlPlane(
            config,
            ports,
            transports,
            random_bytes,
            clock,
            options or AgentOptions(),
            self.wall_time,
        )
        self._wall_clock_start = wall_clock_start.astimezone(UTC)
        self._clock_is_set = False

    # -- for the driver ------------------------------------------------------------------------

    @property
    def name(self) -> str:
        return self._plane.config.hostname

    @property
    def ready(self) -> bool:
        """Whether both targets are ours and hold what they should."""
        return self._plane.ready

    @property
    def problems(self) -> list[str]:
        """Which targets could not be had, and why; a target not yet tried is not among them."""
        return [
            f"{target} {session.transport.name}: {session.problem}"
            for target, session in self._plane.sessions.items()
            if session.problem
        ]

    @property
    def on_wakeup(self) -> Callable[[], None] | None:
        return self._plane.on_wakeup

    @on_wakeup.setter
    def on_wakeup(self, callback: Callable[[], None] | None) -> None:
        self._plane.on_wakeup = callback

    def start(self, now: float) -> None:
        """Connect to both targets and program them; a target that is not there is tried again."""
        self._plane.start()

    def stop(self) -> None:
        """Close both streams. Tables stay as they are (forwarding goes on without a host)."""
        self._plane.stop()

    def next_timeout(self) -> float | None:
        """When `handle_timeout` wants to be called; None = only on events."""
        return self._plane.next_timeout()

    def handle_timeout(self, now: float) -> None:
        """Do what is due at `now`; harmless when called early."""
        self._plane.handle_timeout(now)

    def pump(self, now: float) -> None:
        """Handle what arrived on gRPC streams (their `wake` says when); nothing in process."""
        self._plane.pump()

    def wireshark_keys(self) -> WiresharkKeys:
        """What decrypts captures: every IKE and IPsec SA there ever was."""
        return wireshark_keys(self._plane.crypto)

    # -- views.RouterOperations ----------------------------------------------------------------

    @property
    def config(self) -> RouterConfig:
        return self._plane.config

    @property
    def now(self) -> float:
        return self._plane.now

    def wall_time(self, at: float) -> datetime:
        """UTC wall-clock time of an instant of the agent's clock."""
        return self._wall_clock_start + timedelta(seconds=at)

    def set_clock(self, utc: datetime) -> None:
        """`clock set`: the wall clock says `utc` now."""
        self._wall_clock_start = utc.astimezone(UTC) - timedelta(seconds=self.now)
        self._clock_is_set = True

    @property
    def clock_is_set(self) -> bool:
        return self._clock_is_set

    def log(self, line: LogLine) -> None:
        self._plane.log.add(line)

    def configure(self, config: RouterConfig) -> list[str]:
        """Take a new configuration; returns messages for the terminal (warnings)."""
        before = self._plane.config
        with self._plane.working():
            warnings = self._plane.configure(config)
            for line in shown.link_changes(self._plane, before):
                self._plane.log.add(line)
        return warnings

    def isakmp_sas(self) -> Sequence[IsakmpSaView]:
        return self._plane.crypto.engine.isakmp_sas()

    def idents(self) -> Sequence[IdentView]:
        return shown.idents(self._plane)

    def engine_connections(self) -> Sequence[EngineConnectionView]:
        return shown.engine_connections(self._plane)

    def crypto_engine(self) -> CryptoEngineView:
        return shown.crypto_engine(self._plane)

    def adjacencies(self) -> Sequence[AdjacencyView]:
        return list(shown.adjacencies(self._plane))

    def routes(self) -> Sequence[RouteView]:
        return shown.routes(self._plane)

    def interfaces(self) -> Sequence[InterfaceView]:
        return shown.interfaces(self._plane)

    def reassemblies(self) -> Sequence[ReassemblyView]:
        """Of the interfaces that have virtual reassembly."""
        views = [self._plane.stack.fragments.view(one) for one in self._plane.interfaces]
        return [view for view in views if view is not None]

    def traffic(self) -> TrafficView:
        return self._plane.stack.fragments.totals()

    def service_policies(self) -> Sequence[ServicePolicyView]:
        return self._plane.qos.views(self._plane.config)

    def access_list_matches(self, name: str) -> dict[int, int]:
        """Matches by entry sequence number, from the data plane's counters."""
        return self._plane.counters.matches(name)

    def logging(self) -> LoggingView:
        return self._plane.log.view()

    def clear_isakmp(self, conn_id: int | None = None) -> bool:
        """`clear crypto isakmp [id]`; False if there is no such connection."""
        with self._plane.working():
            return self._plane.crypto.engine.delete_isakmp(conn_id, self.now)

    def clear_sas(
        self,
        *,
        peer: Address | None = None,
        crypto_map: str | None = None,
        spi: tuple[Address, int, int] | None = None,
    ) -> None:
        """`clear crypto sa …`: all, of a peer, of a map, or one (destination, protocol, SPI)."""
        with self._plane.working():
            clearing.clear_sas(
                self._plane.crypto,
                self._plane.counters,
                self.now,
                peer=peer,
                crypto_map=crypto_map,
                spi=spi,
            )

    def clear_sessions(
        self,
        local: tuple[Address | None, int | None] = (None, None),
        remote: tuple[Address | None, int | None] = (None, None),
    ) -> None:
        """`clear crypto session`: IKE and IPsec SAs between these (address, port); None = any."""
        with self._plane.working():
            ends = clearing.End(*local), clearing.End(*remote)
            clearing.clear_sessions(self._plane.crypto, *ends, self.now)

    def ezvpn(self) -> Sequence[EzvpnView]:
        return self._plane.ezvpn.views()

    def ezvpn_connect(self, name: str | None) -> bool:
        """`crypto ipsec client ezvpn connect`; False if no such remote can be connected."""
        with self._plane.working():
            return self._plane.ezvpn.connect(name, self.now)

    def ezvpn_clear(self, name: str | None) -> bool:
        """`clear crypto ipsec client ezvpn`; False if there is no such remote."""
        with self._plane.working():
            return self._plane.ezvpn.clear(name, self.now)

    def ezvpn_waiting(self, name: str | None) -> str | None:
        """The remote whose server asks for a user, None if none does."""
        return self._plane.ezvpn.waiting_for_user(name)

    def ezvpn_answer(self, name: str, user: str, password: str) -> bool:
        """What it asks for; False if it no longer waits."""
        with self._plane.working():
            return self._plane.ezvpn.answer(name, user, password)

    def clear_counters(self) -> None:
        self._plane.counters.clear(self._plane.crypto.sad)

    def clear_interface_counters(self) -> None:
        plane = self._plane
        plane.interface_counters.clear(one.if_id for one in plane.interfaces)
        tunnels = (one.name for one in plane.interfaces if one.config.tunnel is not None)
        plane.counters.clear_through(tunnels, plane.crypto.sad)
        plane.qos.clear()

    def clear_logging(self) -> None:
        self._plane.log.clear()

    def set_debug(self, topic: str, on: bool) -> None:
        """Topics: "isakmp", "ipsec", "engine packet", "engine packet detail"."""
        (self._plane.crypto.debugging.add if on else self._plane.crypto.debugging.discard)(topic)

    def debugging(self) -> frozenset[str]:
        return frozenset(self._plane.crypto.debugging)

    def ping(
        self,
        request: PingRequest,
        on_output: Callable[[str], None],
        on_done: Callable[[PingResult], None],
    ) -> Job:
        """Start a ping; `!`, `.`, `U`, … go to `on_output` as they happen."""
        with self._plane.working():
            return self._plane.stack.ping(request, on_output, on_done)

    def on_console(self, callback: Callable[[LogLine], None] | None) -> None:
        """Where console (or monitor) messages go as they happen."""
        self._plane.log.on_console = callback
