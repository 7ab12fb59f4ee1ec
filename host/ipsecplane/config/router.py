"""The whole of one router."""

from __future__ import annotations

from dataclasses import dataclass, field

from ipsecplane.qos.policy import ClassMap, PolicyMap

from .addresses import Address
from .interface import InterfaceConfig
from .ipsec import CryptoMap, IpsecProfile, TransformSet
from .isakmp import (
    IsakmpKey,
    IsakmpPeer,
    IsakmpPolicy,
    IsakmpProfile,
    Keepalive,
    Keyring,
    Trustpoint,
)
from .remote_access import AddressRange, ClientGroup, EzvpnConfig
from .routing import AccessList, StaticRoute
from .system import ClockConfig, LoggingConfig


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
    hosts: dict[str, Address] = field(default_factory=dict)  # `ip host`
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
    logging: LoggingConfig = field(default_factory=LoggingConfig)
    clock: ClockConfig = field(default_factory=ClockConfig)

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
