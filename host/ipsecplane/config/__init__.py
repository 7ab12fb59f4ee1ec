"""What a router's configuration means: typed values made by the IOS layer, read by the agent.

All values are immutable; a changed configuration is a new `RouterConfig`, and the agent acts on the
difference. Defaults are IOS's. Times are seconds, volumes kilobytes, MTUs bytes.
"""

from .addresses import Address, Network
from .interface import TUNNEL_MODES, InterfaceConfig, TunnelConfig, TunnelMode, VirtualReassembly
from .ipsec import (
    CryptoMap,
    CryptoMapEntry,
    IpsecProfile,
    Protection,
    ReverseRoute,
    TransformSet,
)
from .isakmp import (
    KEEPALIVE_RETRY,
    NO_NETWORK,
    IdentityMatch,
    IkeIdentity,
    IsakmpKey,
    IsakmpPeer,
    IsakmpPolicy,
    IsakmpProfile,
    Keepalive,
    Keyring,
    Trustpoint,
)
from .remote_access import AddressRange, ClientGroup, EzvpnConfig
from .router import RouterConfig
from .routing import AccessList, AccessListEntry, StaticRoute, WildcardAddress
from .system import ClockConfig, LoggingConfig, Timestamps

__all__ = [
    "KEEPALIVE_RETRY",
    "NO_NETWORK",
    "TUNNEL_MODES",
    "AccessList",
    "AccessListEntry",
    "Address",
    "AddressRange",
    "ClientGroup",
    "ClockConfig",
    "CryptoMap",
    "CryptoMapEntry",
    "EzvpnConfig",
    "IdentityMatch",
    "IkeIdentity",
    "InterfaceConfig",
    "IpsecProfile",
    "IsakmpKey",
    "IsakmpPeer",
    "IsakmpPolicy",
    "IsakmpProfile",
    "Keepalive",
    "Keyring",
    "LoggingConfig",
    "Network",
    "Protection",
    "ReverseRoute",
    "RouterConfig",
    "StaticRoute",
    "Timestamps",
    "TransformSet",
    "Trustpoint",
    "TunnelConfig",
    "TunnelMode",
    "VirtualReassembly",
    "WildcardAddress",
]
