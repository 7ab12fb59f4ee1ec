"""Easy VPN: what a server gives its clients, and what a remote is."""

from __future__ import annotations

from dataclasses import dataclass, field
from ipaddress import IPv4Address

from .addresses import Address

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
