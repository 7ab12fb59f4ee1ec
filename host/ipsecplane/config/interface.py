"""Interfaces and tunnels."""

from __future__ import annotations

from dataclasses import dataclass
from ipaddress import IPv4Interface, IPv6Interface
from typing import Final

from .addresses import Address


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
    ipv6_mtu: int | None = None
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
