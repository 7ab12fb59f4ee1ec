"""A router that answers EXEC commands from values a test sets."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import UTC, datetime, timedelta
from ipaddress import IPv4Address, IPv4Network

from ipsecplane.config import Address, RouterConfig
from ipsecplane.ike.types import IsakmpSaView, IsakmpState, ProxyIdentity
from ipsecplane.views import (
    AdjacencyView,
    CryptoEngineView,
    EngineConnectionView,
    EzvpnView,
    IdentView,
    InterfaceView,
    LoggingView,
    LogLine,
    PingRequest,
    PingResult,
    ReassemblyView,
    RouteView,
    SaView,
    ServicePolicyView,
    TrafficView,
)

BOOT = datetime(2004, 3, 25, 4, 55, 45, tzinfo=UTC)
"""Wall clock at the agent's time 0: 20:55:45 the day before in PST."""


class FakeJob:
    """A ping that a test drives: `mark` prints, `finish` ends it."""

    def __init__(
        self, on_output: Callable[[str], None], on_done: Callable[[PingResult], None]
    ) -> None:
        self.mark = on_output
        self._on_done = on_done
        self.done = False
        self.cancelled = False

    def finish(self, result: PingResult) -> None:
        self.done = True
        self._on_done(result)

    def cancel(self) -> None:
        self.cancelled = True


class FakeRouter:
    """Implements `RouterOperations`; `calls` records what was asked of it."""

    def __init__(self, config: RouterConfig | None = None) -> None:
        self._config = config or RouterConfig()
        self.now = 0.0
        self.clock_is_set = False
        self.calls: list[tuple[object, ...]] = []
        self.sas: list[IsakmpSaView] = []
        self.ident_views: list[IdentView] = []
        self.connections: list[EngineConnectionView] = []
        self.adjacency_views: list[AdjacencyView] = []
        self.route_views: list[RouteView] = []
        self.interface_views: list[InterfaceView] = []
        self.ezvpn_views: list[EzvpnView] = []
        self.ezvpn_pending: str | None = None
        self.matches: dict[str, dict[int, int]] = {}
        self.policy_views: list[ServicePolicyView] = []
        self.log_lines: list[LogLine] = []
        self.topics: set[str] = set()
        self.ping_job: FakeJob | None = None
        self.ping_request: PingRequest | None = None
        self.console: Callable[[LogLine], None] | None = None
        self.messages: list[str] = []
        self._boot = BOOT

    @property
    def config(self) -> RouterConfig:
        return self._config

    def wall_time(self, at: float) -> datetime:
        return self._boot + timedelta(seconds=at)

    def set_clock(self, utc: datetime) -> None:
        self._boot = utc.replace(tzinfo=UTC) - timedelta(seconds=self.now)
        self.clock_is_set = True

    def log(self, line: LogLine) -> None:
        self.log_lines.append(line)
        if self.console is not None:
            self.console(line)

    def configure(self, config: RouterConfig) -> list[str]:
        self.calls.append(("configure",))
        self._config = config
        return list(self.messages)

    def isakmp_sas(self) -> Sequence[IsakmpSaView]:
        return self.sas

    def idents(self) -> Sequence[IdentView]:
        return self.ident_views

    def engine_connections(self) -> Sequence[EngineConnectionView]:
        return self.connections

    def crypto_engine(self) -> CryptoEngineView:
        return CryptoEngineView("software accelerator", True, 5, 500, 4, 400, {"BAD_ICV": 2})

    def adjacencies(self) -> Sequence[AdjacencyView]:
        return self.adjacency_views

    def routes(self) -> Sequence[RouteView]:
        return self.route_views

    def interfaces(self) -> Sequence[InterfaceView]:
        return self.interface_views

    def reassemblies(self) -> Sequence[ReassemblyView]:
        return []

    def traffic(self) -> TrafficView:
        return TrafficView(0, 0, 0)

    def service_policies(self) -> Sequence[ServicePolicyView]:
        return self.policy_views

    def access_list_matches(self, name: str) -> dict[int, int]:
        return self.matches.get(name, {})

    def logging(self) -> LoggingView:
        return LoggingView(self.log_lines, 43, 10, 13)

    def clear_isakmp(self, conn_id: int | None = None) -> bool:
        self.calls.append(("clear_isakmp", conn_id))
        return conn_id is None or any(sa.conn_id == conn_id for sa in self.sas)

    def clear_sas(
        self,
        *,
        peer: Address | None = None,
        crypto_map: str | None = None,
        spi: tuple[Address, int, int] | None = None,
    ) -> None:
        self.calls.append(("clear_sas", peer, crypto_map, spi))

    def clear_sessions(
        self,
        local: tuple[Address | None, int | None] = (None, None),
        remote: tuple[Address | None, int | None] = (None, None),
    ) -> None:
        self.calls.append(("clear_sessions", local, remote))

    def ezvpn(self) -> Sequence[EzvpnView]:
        return self.ezvpn_views

    def ezvpn_connect(self, name: str | None) -> bool:
        self.calls.append(("ezvpn_connect", name))
        return bool(self.ezvpn_views)

    def ezvpn_clear(self, name: str | None) -> bool:
        self.calls.append(("ezvpn_clear", name))
        return name is None or any(view.name == name for view in self.ezvpn_views)

    def ezvpn_waiting(self, name: str | None) -> str | None:
        return self.ezvpn_pending

    def ezvpn_answer(self, name: str, user: str, password: str) -> bool:
        self.calls.append(("ezvpn_answer", name, user, password))
        return True

    def clear_counters(self) -> None:
        self.calls.append(("clear_counters",))

    def clear_interface_counters(self) -> None:
        self.calls.append(("clear_interface_counters",))

    def clear_logging(self) -> None:
        self.calls.append(("clear_logging",))
        self.log_lines.clear()

    def set_debug(self, topic: str, on: bool) -> None:
        (self.topics.add if on else self.topics.discard)(topic)

    def debugging(self) -> frozenset[str]:
        return frozenset(self.topics)

    def ping(
        self,
        request: PingRequest,
        on_output: Callable[[str], None],
        on_done: Callable[[PingResult], None],
    ) -> FakeJob:
        self.ping_request = request
        self.ping_job = FakeJob(on_output, on_done)
        return self.ping_job

    def on_console(self, callback: Callable[[LogLine], None] | None) -> None:
        self.console = callback


def address(text: str) -> IPv4Address:
    return IPv4Address(text)


def identity(host: str) -> ProxyIdentity:
    return ProxyIdentity(IPv4Network(host))


def isakmp_sa(
    conn_id: int,
    local: str,
    remote: str,
    *,
    initiated: bool = True,
    state: IsakmpState = IsakmpState.QM_IDLE,
    deleted: bool = False,
    config: RouterConfig | None = None,
) -> IsakmpSaView:
    policy = config.isakmp_policies[0] if config else None
    return IsakmpSaView(
        conn_id, address(local), address(remote), 500, 500, initiated, state, deleted, policy,
        0.0, 180, b"\1" * 8, b"\2" * 8, b"",
    )  # fmt: skip


def guide_idents() -> list[IdentView]:
    """Router A of the guide's chapter 3 after ten packets each way."""

    def sa(
        protocol: int, inbound: bool, spi: int, conn_id: int, flow: int, kb: int, s: int
    ) -> SaView:
        return SaView(
            protocol, inbound, spi,
            "esp-des esp-sha-hmac" if protocol == 50 else "ah-sha-hmac",
            "Tunnel", conn_id, flow, "testtag1", kb, s,
            8 if protocol == 50 else 0, 64, True, 1,
        )  # fmt: skip

    sas = (
        sa(50, True, 0x249C5062, 5123, 1, 4537831, 3595),
        sa(51, True, 0xB16D1587, 5121, 1, 4537831, 3595),
        sa(50, False, 0x7AA69CB7, 5124, 2, 4537835, 3595),
        sa(51, False, 0x1214F0D, 5122, 2, 4537835, 3594),
    )
    return [
        IdentView(
            "FastEthernet0/0", "testtag1", address("10.1.1.1"), identity("10.0.0.1/32"),
            identity("10.0.2.2/32"), address("10.2.2.2"), 500, "origin_is_acl,",
            10, 10, 10, 10, 10, 10, 3, 9, 4, 1500, 1500, "FastEthernet0/0", 0x7AA69CB7, None, sas,
            plaintext_mtu=1414, verify_failed=2, invalid_identity=1,
        )
    ]  # fmt: skip
