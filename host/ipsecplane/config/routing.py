"""Access lists and static routes."""

from __future__ import annotations

from dataclasses import dataclass
from ipaddress import IPv4Address, IPv6Address

from .addresses import Address, Network


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
