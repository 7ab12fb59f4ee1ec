"""What EXEC commands may see and do: the seam between the IOS layer and the agent.

The IOS layer formats these values and parses commands; the agent (`agent.py`) implements
`RouterOperations`. Times are seconds of the agent's clock; `wall_time` converts for the syslog.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from ipaddress import IPv6Address
from typing import Protocol

from ipsecplane.config import (
    Address,
    InterfaceConfig,
    Network,
    RouterConfig,
    VirtualReassembly,
)
from ipsecplane.ike.types import IsakmpSaView, ModeConfig, ProxyIdentity
from ipsecplane.qos.policy import PolicyClass, PolicyMap


@dataclass(frozen=True, slots=True)
class SaView:
    """One SA as `show crypto ipsec sa` lists it."""

    protocol: int  # 50 | 51
    inbound: bool
    spi: int
    transform: str  # "esp-des esp-sha-hmac"
    settings: str  # "Tunnel" | "Transport" | "Tunnel UDP-Encaps"
    conn_id: int
    flow_id: int
    crypto_map: str
    remaining_kilobytes: int
    remaining_seconds: int
    iv_size: int  # bytes; 0 for AH
    replay_window: int  # 0 = off
    active: bool
    isakmp_conn_id: int


@dataclass(frozen=True, slots=True)
class IdentView:
    """One protected flow of a crypto map on an interface, with or without SAs (guide chapter 3)."""

    interface: str
    crypto_map: str
    local_address: Address
    local_identity: ProxyIdentity
    remote_identity: ProxyIdentity
    peer: Address | None
    peer_port: int
    flags: str  # "origin_is_acl,"
    encaps: int
    encrypt: int
    digest: int
    decaps: int
    decrypt: int
    verify: int
    send_errors: int
    receive_errors: int
    replay_errors: int
    path_mtu: int
    media_mtu: int
    path_mtu_interface: str
    outbound_spi: int  # of the SA that traffic uses now; 0 = none
    pfs_group: int | None
    sas: tuple[SaView, ...]
    # `detail` counts by reason; the sums are in the counters above.
    plaintext_mtu: int = 0  # largest packet that fits the path once protected; 0 = path MTU
    no_sa: int = 0  # outbound, while no SA stood
    invalid_sa: int = 0
    verify_failed: int = 0  # ICV
    invalid_identity: int = 0  # decrypted, but outside the negotiated identities
    invalid_length: int = 0
    sequence_exhausted: int = 0  # outbound
    internal_send: int = 0
    internal_receive: int = 0
    up_since: float | None = None  # when the first of an unbroken row of SAs with the peer came


@dataclass(frozen=True, slots=True)
class RouteView:
    """One row of `show ip route`. `code` is IOS's letter (C connected, L local, S static)."""

    code: str
    prefix: Network
    next_hop: Address | None
    interface: str | None
    distance: int
    metric: int


@dataclass(frozen=True, slots=True)
class InterfaceView:
    """State and counters of an interface (counters are the data plane's)."""

    config: InterfaceConfig
    up: bool  # administratively
    line_protocol: bool
    mac: str
    port: int | None  # of the pipeline
    input_packets: int
    input_bytes: int
    output_packets: int
    output_bytes: int
    link_local: IPv6Address | None = None  # None = IPv6 is not enabled
    tunnel_source: Address | None = None  # of a tunnel: our end
    transport_mtu: int = 0  # of a tunnel: what fits the path; 0 = not known, there is no SA

    def mtu_of(self, version: int) -> int:
        """Of the packets that may leave by it unsplit; a tunnel's follows from its SA."""
        own = self.config.ipv6_mtu if version == 6 else self.config.ip_mtu
        return own or self.transport_mtu or self.config.mtu


@dataclass(frozen=True, slots=True)
class ReassemblyView:
    """Virtual reassembly of an interface; `drops` counts by reason."""

    interface: str
    settings: VirtualReassembly
    packets: int  # unfinished
    fragments: int  # that wait
    reassembled: int
    timeouts: int
    drops: Mapping[str, int] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class AdjacencyView:
    """A next hop whose MAC address is known, or a tunnel.

    `routes` counts the routes that use it, `rewrite` is the Ethernet header; a tunnel has neither
    address nor header, `chained` says what comes next. The counters are the data plane's, of what
    was sent there; octets are those that a packet had when it came into the pipeline.
    """

    version: int
    interface: str
    address: Address | None
    routes: int
    rewrite: bytes = b""
    chained: str = ""
    packets: int = 0
    bytes: int = 0


@dataclass(frozen=True, slots=True)
class CryptoEngineView:
    """The accelerator: what it is, whether it is there, and its counts of refused packets."""

    name: str
    ready: bool
    encrypted: int = 0  # packets
    encrypted_bytes: int = 0
    decrypted: int = 0
    decrypted_bytes: int = 0
    errors: Mapping[str, int] = field(default_factory=dict)  # by name of the reason


@dataclass(frozen=True, slots=True)
class TrafficView:
    """What became of fragments for the router itself, on all interfaces and decrypted ones."""

    reassembled: int
    timeouts: int
    failed: int  # given up for another reason


@dataclass(frozen=True, slots=True)
class ClassView:
    """A class of an attached policy map and what the data plane counted for it.

    Octets are those of Ethernet frames. `limit_drops` and `rate_drops` are packets that the crypto
    engine's queue had no room for, and that were above the class's rate. Rates are bits a second,
    averages of five minutes.
    """

    policy: PolicyClass
    packets: int = 0
    bytes: int = 0
    sent_packets: int = 0
    sent_bytes: int = 0
    engine_packets: int = 0  # that the crypto engine has taken from the class's queue
    engine_bytes: int = 0  # of IP packets
    limit_drops: int = 0
    rate_drops: int = 0
    rate_drop_bytes: int = 0
    offered_rate: int = 0
    drop_rate: int = 0


@dataclass(frozen=True, slots=True)
class ServicePolicyView:
    """A policy map on an interface; `bandwidth` of it in kbit/s. class-default is last."""

    interface: str
    direction: str  # input | output
    policy: PolicyMap
    bandwidth: int
    classes: tuple[ClassView, ...]


@dataclass(frozen=True, slots=True)
class EngineConnectionView:
    """One row of `show crypto engine connections active`."""

    id: int
    type: str  # IKE | IPsec
    algorithm: str  # "SHA+DES"
    encrypt: int
    decrypt: int
    last_sequence: int
    address: Address


@dataclass(frozen=True, slots=True)
class EzvpnView:
    """An Easy VPN remote as `show crypto ipsec client ezvpn` lists it."""

    name: str
    inside: tuple[str, ...]
    outside: str
    state: str
    last_event: str
    given: ModeConfig | None  # None = not let in
    loopback: str  # where an assigned address is
    peer: Address | None  # whose turn it is


@dataclass(frozen=True, slots=True)
class LogLine:
    """One buffered syslog or debug message, ready but for its timestamp."""

    time: float
    facility: str  # "" for debug lines
    severity: int
    mnemonic: str
    text: str


@dataclass(frozen=True, slots=True)
class LoggingView:
    lines: Sequence[LogLine]  # what the buffer holds, oldest first
    logged: int
    dropped: int
    rate_limited: int


@dataclass(frozen=True, slots=True)
class PingRequest:
    """`ping`: sizes are of the whole IP datagram, timeout in seconds."""

    target: Address
    repeat: int = 5
    size: int = 100
    timeout: int = 2
    source: Address | None = None
    df_bit: bool = False
    tos: int = 0
    data: int = 0xABCD
    sizes: tuple[int, ...] = ()  # a sweep's sizes, one round; empty = `size` only
    validate: bool = False


@dataclass(frozen=True, slots=True)
class PingResult:
    sent: int
    received: int
    round_trips: tuple[float, ...]  # seconds


class Job(Protocol):
    """Something that takes time (ping). The agent's clock drives it; text goes to `on_output`."""

    @property
    def done(self) -> bool: ...

    def cancel(self) -> None: ...


class RouterOperations(Protocol):
    """What the agent offers to EXEC commands. Every call is immediate; jobs run on agent time."""

    @property
    def config(self) -> RouterConfig: ...

    @property
    def now(self) -> float: ...

    def wall_time(self, at: float) -> datetime:
        """UTC wall-clock time of an instant of the agent's clock."""

    def set_clock(self, utc: datetime) -> None:
        """`clock set`: the wall clock says `utc` now; `wall_time` follows."""

    @property
    def clock_is_set(self) -> bool:
        """Whether someone has set the clock; log lines then lose their asterisk."""

    def log(self, line: LogLine) -> None:
        """Log a message of the IOS layer itself (configuration changes)."""

    def configure(self, config: RouterConfig) -> list[str]:
        """Take a new configuration; returns messages for the terminal (warnings)."""

    def isakmp_sas(self) -> Sequence[IsakmpSaView]: ...

    def idents(self) -> Sequence[IdentView]: ...

    def engine_connections(self) -> Sequence[EngineConnectionView]: ...

    def crypto_engine(self) -> CryptoEngineView: ...

    def routes(self) -> Sequence[RouteView]: ...

    def adjacencies(self) -> Sequence[AdjacencyView]: ...

    def interfaces(self) -> Sequence[InterfaceView]: ...

    def reassemblies(self) -> Sequence[ReassemblyView]:
        """Of the interfaces that have virtual reassembly."""

    def traffic(self) -> TrafficView: ...

    def service_policies(self) -> Sequence[ServicePolicyView]:
        """Attached policy maps, in the order of interfaces, input before output."""

    def access_list_matches(self, name: str) -> dict[int, int]:
        """Matches by entry sequence number, from the data plane's counters."""

    def logging(self) -> LoggingView: ...

    def clear_isakmp(self, conn_id: int | None = None) -> bool:
        """`clear crypto isakmp [id]`; False if there is no such connection."""

    def clear_sas(
        self,
        *,
        peer: Address | None = None,
        crypto_map: str | None = None,
        spi: tuple[Address, int, int] | None = None,
    ) -> None:
        """`clear crypto sa`: all, or those of a peer, a map, one (destination, protocol, SPI)."""

    def clear_sessions(
        self,
        local: tuple[Address | None, int | None] = (None, None),
        remote: tuple[Address | None, int | None] = (None, None),
    ) -> None:
        """`clear crypto session`: IKE and IPsec SAs between these (address, port); None = any."""

    def ezvpn(self) -> Sequence[EzvpnView]: ...

    def ezvpn_connect(self, name: str | None) -> bool:
        """`crypto ipsec client ezvpn connect`; False if no such remote can be connected."""

    def ezvpn_clear(self, name: str | None) -> bool:
        """`clear crypto ipsec client ezvpn`; False if there is no such remote."""

    def ezvpn_waiting(self, name: str | None) -> str | None:
        """The remote whose server asks for a user, None if none does."""

    def ezvpn_answer(self, name: str, user: str, password: str) -> bool:
        """What it asks for; False if it no longer waits."""

    def clear_counters(self) -> None:
        """Of SAs."""

    def clear_interface_counters(self) -> None: ...

    def clear_logging(self) -> None: ...

    def set_debug(self, topic: str, on: bool) -> None:
        """Topics: "isakmp", "ipsec", "engine packet", "engine packet detail"."""

    def debugging(self) -> frozenset[str]: ...

    def ping(
        self,
        request: PingRequest,
        on_output: Callable[[str], None],
        on_done: Callable[[PingResult], None],
    ) -> Job:
        """Start a ping; `!`, `.`, `U`, … go to `on_output` as they happen."""

    def on_console(self, callback: Callable[[LogLine], None] | None) -> None:
        """Where console (or monitor) messages go as they happen."""
