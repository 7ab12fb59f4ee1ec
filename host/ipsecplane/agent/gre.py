"""GRE tunnels over IPv4, plain, under a crypto map of the interface they leave by (chapter 2), or
with an IPsec profile of their own."""

from __future__ import annotations

from dataclasses import dataclass
from ipaddress import IPv4Address
from typing import Final

from ipsecplane.config import RouterConfig
from ipsecplane.ipsec.tunnel_policy import tunnel_source
from ipsecplane.net.rib import Rib

OVERHEAD: Final = 24
"""Octets that carry a packet: an IPv4 and a GRE header."""


@dataclass(frozen=True, slots=True)
class GreTunnel:
    """A tunnel interface and its two ends. `protected`: it has to have a policy entry."""

    name: str
    local: IPv4Address
    remote: IPv4Address
    protected: bool

    def can_work(self, rib: Rib) -> bool:
        """Whether its packets can be sent and received: there are no keepalives to tell more."""
        return self.local in rib.local and rib.lookup(self.remote) is not None


def gre_tunnels(config: RouterConfig) -> tuple[GreTunnel, ...]:
    """Those that have both ends."""
    found = []
    for interface in config.interfaces:
        tunnel = interface.tunnel
        if tunnel is None or not tunnel.is_gre or interface.shutdown:
            continue
        local = tunnel_source(config, tunnel)
        if isinstance(local, IPv4Address) and isinstance(tunnel.destination, IPv4Address):
            protected = tunnel.profile is not None
            found.append(GreTunnel(interface.name, local, tunnel.destination, protected))
    return tuple(found)
