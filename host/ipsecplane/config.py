"""What a router's configuration means: typed values made by the IOS layer, read by the agent.

All values are immutable; a changed configuration is a new `RouterConfig`, and the agent acts on the
difference. Defaults are IOS's. Times are seconds, volumes kilobytes, MTUs bytes.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from ipaddress import (
    IPv4Address,
    IPv4Interface,
    IPv4Network,
    IPv6Address,
    IPv6Interface,
    IPv6Network,
)
from typing import Final

from ipsecplane.qos.policy import ClassMap, PolicyMap

Address = IPv4Address | IPv6Address
Network = IPv4Network | IPv6Network


@dataclass(frozen=True, slots=True)
class VirtualReassembly:
    """`ip virtual-reassembly`: what fragments for the router itself may take up; seconds."""

    max_reassemblies: int = 16
    max_fragments: int = 32  # of one packet
    timeout: int = 3
    drop_fragments: bool = False


@dataclass(frozen=True, slots=True)
class TunnelMode:
    """`tunnel mode`: IP versions of the packet that carries and of the packets carried, 0 = any."""

    keywords: str
    carrier: int
    overlay: int


TUNNEL_MODES: Final = {
    mode.keywords: mode
    for mode in (
        TunnelMode("gre ip", 4, 0),
        TunnelMode("ipsec ipv4", 4, 4),
        TunnelMode("ipsec ipv4 v6-overlay", 4, 6),
        TunnelMode("ipsec ipv6", 6, 6),
        TunnelMode("ipsec ipv6 v4-overlay", 6, 4),
    )
}
"""The first is IOS's default."""


@dataclass(frozen=True, slots=True)
class TunnelConfig:
    """What an interface Tunnel has besides (guide chapter 9); `source` may name an interface."""

    source: Address | str | None = None
    destination: Address | None = None
    mode: TunnelMode = TUNNEL_MODES["gre ip"]
    profile: str | None = None
    shared: bool = False

    @property
    def is_gre(self) -> bool:
        return self.mode.overlay == 0


@dataclass(frozen=True, slots=True)
class InterfaceConfig:
    """One interface; `name` is the full canonical name ("FastEthernet0/0").

    An address of `eui64` takes its lower half from the interface's MAC address, which the agent
    knows. `unnumbered` is the interface whose IPv4 address this one borrows.
    """

    name: str
    address: IPv4Interface | None = None
    secondary: tuple[IPv4Interface, ...] = ()
    ipv6: tuple[IPv6Interface, ...] = ()
    eui64: tuple[IPv6Interface, ...] = ()
    ipv6_enabled: bool = False
    unnumbered: str | None = None
    shutdown: bool = False
    mtu: int = 1500
    ip_mtu: int | None = None
    mac: str | None = None
    description: str = ""
    crypto_map: str | None = None
    ipv6_crypto_map: str | None = None
    tunnel: TunnelConfig | None = None
    ezvpn_inside: tuple[str, ...] = ()
    ezvpn_outside: str | None = None
    df_bit: str | None = None  # None = the global value applies
    prefragment: bool | None = None  # None = the global value; off on tunnel interfaces
    virtual_reassembly: VirtualReassembly | None = None
    bandwidth: int | None = None  # kbit/s; None = that of its type
    input_policy: str | None = None
    output_policy: str | None = None
    pre_classify: bool = False  # `qos pre-classify` of a tunnel

    @property
    def is_tunnel(self) -> bool:
        return self.tunnel is not None

    @property
    def crypto_maps(self) -> tuple[str, ...]:
        """At most one for each IP version."""
        return tuple(name for name in (self.crypto_map, self.ipv6_crypto_map) if name is not None)

    @property
    def reassembly(self) -> VirtualReassembly | None:
        """Virtual reassembly, which a crypto map turns on by itself; None = off."""
        if self.virtual_reassembly is None and self.crypto_map is not None:
            return VirtualReassembly()
        return self.virtual_reassembly


@dataclass(frozen=True, slots=True)
class WildcardAddress:
    """An address of an access list: bits set in `wildcard` are ignored (both of one IP version)."""

    address: Address
    wildcard: Address

    @classmethod
    def any(cls, version: int = 4) -> WildcardAddress:
        kind, bits = (IPv4Address, 32) if version == 4 else (IPv6Address, 128)
        return cls(kind(0), kind((1 << bits) - 1))


@dataclass(frozen=True, slots=True)
class AccessListEntry:
    """One line. `protocol` None = any (`ip`); port ranges are inclusive, None = any."""

    sequence: int
    permit: bool
    protocol: int | None
    source: WildcardAddress
    destination: WildcardAddress
    source_ports: tuple[int, int] | None = None
    destination_ports: tuple[int, int] | None = None
    remark: str = ""


@dataclass(frozen=True, slots=True)
class AccessList:
    """A numbered or named list; the implicit deny at its end is not an entry."""

    name: str
    entries: tuple[AccessListEntry, ...] = ()
    extended: bool = True
    version: int = 4


@dataclass(frozen=True, slots=True)
class StaticRoute:
    """`ip route`; one of next_hop and interface may be None. Prefix host bits are cleared."""

    prefix: Network
    next_hop: Address | None = None
    interface: str | None = None
    distance: int = 1


@dataclass(frozen=True, slots=True)
class IsakmpPolicy:
    """`crypto isakmp policy`: names are those of the algorithms table."""

    priority: int
    encryption: str = "DES-CBC"
    key_size: int = 8  # bytes
    hash: str = "SHA"
    authentication: str = "pre-share"  # rsa-sig | pre-share | rsa-encr; IOS's default is rsa-sig
    group: int = 1
    lifetime: int = 86400


KEEPALIVE_RETRY: Final = 2


@dataclass(frozen=True, slots=True)
class Keepalive:
    """`crypto isakmp keepalive` (guide chapter 4); seconds."""

    interval: int
    retry: int = KEEPALIVE_RETRY
    periodic: bool = False


NO_NETWORK: Final = IPv4Network("255.255.255.255/32")
"""Holds no peer: the network of keys that are found by identity, never by address."""


@dataclass(frozen=True, slots=True)
class IsakmpKey:
    """`crypto isakmp key`: a pre-shared key for the peers in `network` (0.0.0.0/0 = any)."""

    secret: str
    network: Network
    no_xauth: bool = False
    hostname: str | None = None


@dataclass(frozen=True, slots=True)
class IkeIdentity:
    """How a side names itself in Phase 1 (RFC 2407 section 4.6.2.1)."""

    kind: str  # address | fqdn | user-fqdn | key-id | dn
    value: str


@dataclass(frozen=True, slots=True)
class IsakmpPeer:
    """`crypto isakmp peer`: with a password or an endpoint, Phase 1 is begun in aggressive mode.

    `network` holds its addresses, or it is known by `hostname` alone. The endpoint is the identity
    that we send (guide chapter 9).
    """

    network: Network | None = None
    hostname: str | None = None
    aggressive_password: str | None = None
    aggressive_endpoint: IkeIdentity | None = None
    description: str = ""

    @property
    def aggressive(self) -> bool:
        return self.aggressive_password is not None or self.aggressive_endpoint is not None


@dataclass(frozen=True, slots=True)
class Keyring:
    """`crypto keyring`: pre-shared keys apart from those of `crypto isakmp key`."""

    name: str
    keys: tuple[IsakmpKey, ...] = ()
    description: str = ""


@dataclass(frozen=True, slots=True)
class IdentityMatch:
    """`match identity`: an address of `network`, or a name.

    `kind` is address, group, fqdn or user-fqdn; with `domain`, `value` is what the name ends in.
    """

    kind: str
    value: str = ""
    network: Network | None = None
    domain: bool = False


@dataclass(frozen=True, slots=True)
class IsakmpProfile:
    """`crypto isakmp profile`: how IKE is spoken with peers of some identities.

    `self_identity` None = as globally; one of kind `address` or `fqdn` without a value is the
    router's own. No `keyrings` = all keys there are.
    """

    name: str
    self_identity: IkeIdentity | None = None
    matches: tuple[IdentityMatch, ...] = ()
    keyrings: tuple[str, ...] = ()
    aggressive: bool = False
    accounting: str | None = None
    description: str = ""


@dataclass(frozen=True, slots=True)
class TransformSet:
    """`crypto ipsec transform-set`: AH and ESP parts by algorithm name, None = not used."""

    name: str
    ah: str | None = None
    cipher: str | None = None
    cipher_key_size: int = 0  # bytes
    integrity: str | None = None
    transport: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Protection:
    """How traffic is protected, whatever chose the traffic. None = the global value applies."""

    transform_sets: tuple[str, ...] = ()
    pfs_group: int | None = None
    lifetime_seconds: int | None = None
    lifetime_kilobytes: int | None = None
    replay_window: int | None = None  # 0 = disabled
    idle_time: int | None = None
    isakmp_profile: str | None = None
    description: str = ""


@dataclass(frozen=True, slots=True)
class CryptoMapEntry(Protection):
    """One sequence number of a crypto map."""

    sequence: int
    peers: tuple[Address, ...] = ()
    default_peer: bool = False  # the first of `peers` is the default one
    idle_to_default: bool = False  # an idle peer's turn ends, the default peer's begins
    match_address: str | None = None
    dynamic: str | None = None  # this entry stands for a dynamic map of that name
    pre_classify: bool = False  # output QoS goes by the header before encryption


@dataclass(frozen=True, slots=True)
class IpsecProfile(Protection):
    """`crypto ipsec profile`: how a tunnel interface is protected."""

    name: str
    responder_only: bool = False


@dataclass(frozen=True, slots=True)
class CryptoMap:
    """A crypto map set, or a dynamic one, whose entries need no peer and no access list.

    `local_address` is the interface of `crypto map NAME local-address`. The rest is for clients of
    Easy VPN: lists of AAA, and whether addresses are given when asked for (`respond`) or offered.
    """

    name: str
    entries: tuple[CryptoMapEntry, ...] = ()
    local_address: str | None = None
    version: int = 4  # of the packets that it protects
    client_authentication: str | None = None
    client_authorization: str | None = None
    client_respond: bool = False
    client_initiate: bool = False


@dataclass(frozen=True, slots=True)
class Trustpoint:
    """`crypto pki trustpoint`: certificates in DER, of CAs that we trust and of ourselves.

    `key` is the private key of `certificate` (PKCS #8, DER). `intermediates` are shown with ours.
    """

    name: str
    authorities: tuple[bytes, ...] = ()
    certificate: bytes | None = None
    key: bytes | None = field(default=None, repr=False)
    intermediates: tuple[bytes, ...] = ()
    revocation_check: str = "crl"  # crl | ocsp | none
    subject_name: str = ""

    @property
    def complete(self) -> bool:
        """Whether we can sign with it."""
        return self.certificate is not None and self.key is not None


AddressRange = tuple[IPv4Address, IPv4Address]
"""First and last address, both included."""


@dataclass(frozen=True, slots=True)
class ClientGroup:
    """`crypto isakmp client configuration group`: what clients of an Easy VPN server are given.

    `key` is the group's pre-shared key; `pool` names an `ip local pool`, `acl` the access list of
    what clients reach through the tunnel (None = everything).
    """

    name: str
    key: str = ""
    pool: str | None = None
    acl: str | None = None
    netmask: IPv4Address | None = None
    dns: tuple[IPv4Address, ...] = ()
    wins: tuple[IPv4Address, ...] = ()
    domain: str = ""
    banner: str = ""
    save_password: bool = False
    pfs: bool = False
    backup_servers: tuple[IPv4Address, ...] = ()


@dataclass(frozen=True, slots=True)
class EzvpnConfig:
    """`crypto ipsec client ezvpn`: an Easy VPN remote. `peers` are tried in this order."""

    name: str
    automatic: bool = True  # connect auto | manual
    group: str | None = None
    key: str | None = field(default=None, repr=False)
    mode: str = "client"  # client | network-extension
    peers: tuple[Address, ...] = ()
    username: str | None = None
    password: str | None = field(default=None, repr=False)
    local_address: str | None = None  # an interface


@dataclass(frozen=True, slots=True)
class LoggingConfig:
    """Levels are the least severe that is shown, 7 = debugging (RFC 5424 severities)."""

    console: bool = True
    buffered_size: int = 8000  # bytes; 0 = no buffer
    rate_limit: int | None = None
    console_level: int = 7
    buffered_level: int = 7


@dataclass(frozen=True, slots=True)
class Timestamps:
    """`service timestamps`: with neither `datetime` nor `uptime` messages bear no time."""

    datetime: bool = True
    uptime: bool = False
    msec: bool = True
    localtime: bool = False
    show_timezone: bool = False
    year: bool = False


@dataclass(frozen=True, slots=True)
class ClockConfig:
    timezone: str = "UTC"
    offset_minutes: int = 0
    summer_timezone: str = ""  # "" = no summer time; US rules (`recurring`)
    log: Timestamps = Timestamps()
    debug: Timestamps = Timestamps()

    @property
    def log_datetime(self) -> bool:
        return self.log.datetime

    @property
    def log_msec(self) -> bool:
        return self.log.msec

    @property
    def log_localtime(self) -> bool:
        return self.log.localtime


@dataclass(frozen=True, slots=True)
class RouterConfig:
    """Everything the agent needs to know; in the order of configuration where order matters."""

    hostname: str = "Router"
    interfaces: tuple[InterfaceConfig, ...] = ()
    access_lists: dict[str, AccessList] = field(default_factory=dict)
    routes: tuple[StaticRoute, ...] = ()
    isakmp_enabled: bool = True
    isakmp_policies: tuple[IsakmpPolicy, ...] = ()
    isakmp_keys: tuple[IsakmpKey, ...] = ()
    isakmp_peers: tuple[IsakmpPeer, ...] = ()
    isakmp_identity: str = "address"  # address | hostname | dn
    aggressive_mode: bool = True
    domain_name: str = ""
    invalid_spi_recovery: bool = False
    transform_sets: dict[str, TransformSet] = field(default_factory=dict)
    crypto_maps: dict[str, CryptoMap] = field(default_factory=dict)
    keyrings: dict[str, Keyring] = field(default_factory=dict)
    isakmp_profiles: dict[str, IsakmpProfile] = field(default_factory=dict)
    ipsec_profiles: dict[str, IpsecProfile] = field(default_factory=dict)
    dynamic_maps: dict[str, CryptoMap] = field(default_factory=dict)
    trustpoints: dict[str, Trustpoint] = field(default_factory=dict)
    client_groups: dict[str, ClientGroup] = field(default_factory=dict)
    ezvpn: dict[str, EzvpnConfig] = field(default_factory=dict)
    address_pools: dict[str, tuple[AddressRange, ...]] = field(default_factory=dict)
    aaa: bool = False  # `aaa new-model`
    login_lists: frozenset[str] = frozenset()  # `aaa authentication login NAME local`
    network_lists: frozenset[str] = frozenset()  # `aaa authorization network NAME local`
    users: dict[str, str] = field(default_factory=dict, repr=False)  # passwords by name
    lifetime_seconds: int = 3600
    lifetime_kilobytes: int = 4608000
    idle_time: int | None = None
    replay_window: int = 64  # 0 = disabled
    df_bit: str = "copy"  # copy | clear | set
    prefragment: bool = True
    nat_transparency: bool = True
    nat_keepalive: int = 0  # 0 = off
    keepalive: Keepalive | None = None
    log_sessions: bool = False  # `crypto logging session`
    log_ezvpn: bool = False  # `crypto logging ezvpn`, of a server
    class_maps: dict[str, ClassMap] = field(default_factory=dict)
    policy_maps: dict[str, PolicyMap] = field(default_factory=dict)
    llq_qos_groups: tuple[int, ...] = ()
    logging: LoggingConfig = LoggingConfig()
    clock: ClockConfig = ClockConfig()

    def interface(self, name: str) -> InterfaceConfig | None:
        return next((i for i in self.interfaces if i.name == name), None)

    def df_bit_of(self, interface: InterfaceConfig) -> str:
        """`crypto ipsec df-bit` of an interface overrides the global one (guide chapter 6)."""
        return interface.df_bit or self.df_bit

    def prefragment_of(self, interface: InterfaceConfig) -> bool:
        """Whether to cut before encryption; by default not on tunnels (guide chapter 2)."""
        if interface.prefragment is None:
            return self.prefragment and not interface.is_tunnel
        return interface.prefragment
