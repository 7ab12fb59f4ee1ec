"""The router's interfaces as the agent sees them: numbers, MAC addresses, what is up."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass, replace
from hashlib import sha256
from ipaddress import IPv4Interface, IPv6Address, IPv6Interface

from ipsecplane.config import Address, InterfaceConfig, RouterConfig
from ipsecplane.net.ip import mac_from_text


@dataclass(frozen=True, slots=True)
class Interface:
    """One interface. `port` None = no cable; `up` = its line protocol is."""

    if_id: int
    config: InterfaceConfig
    port: int | None
    mac: int
    up: bool
    router_addresses: frozenset[Address]
    identifying_mac: int  # what interface identifiers are made from

    @property
    def link_local(self) -> IPv6Address | None:
        """None = IPv6 is not enabled on it."""
        enabled = self.config.ipv6 or self.config.ipv6_enabled
        return link_local(self.identifying_mac) if enabled else None

    @property
    def name(self) -> str:
        return self.config.name

    @property
    def forwards(self) -> bool:
        """Whether packets may leave by it: to a cable, or through a tunnel."""
        return self.up and (self.port is not None or self.config.tunnel is not None)

    def mtu_of(self, version: int) -> int:
        """Of IPv4 packets, or of IPv6's."""
        own = self.config.ipv6_mtu if version == 6 else self.config.ip_mtu
        return own or self.config.mtu

    def addresses(self, version: int) -> list[Address]:
        """Own addresses, the primary one first."""
        if version == 6:
            return [address.ip for address in self.config.ipv6]
        primary = [self.config.address] if self.config.address else []
        return [address.ip for address in (*primary, *self.config.secondary)]

    def primary(self, version: int) -> Address | None:
        return next(iter(self.addresses(version)), None)

    def source_for(self, address: Address) -> Address | None:
        """Our address from which to ask for a neighbour: one of its subnet, else the primary."""
        version = address.version
        own = self.config.ipv6 if version == 6 else (self.config.address, *self.config.secondary)
        for candidate in own:
            if candidate is not None and address in candidate.network:
                return candidate.ip
        return self.primary(version)

    def owns(self, address: Address) -> bool:
        """Whether we answer ARP and ND for `address`: any address of the router itself."""
        return address in self.router_addresses


def is_virtual(name: str) -> bool:
    """Interfaces that are up without a cable."""
    return name.startswith(("Loopback", "Null"))


def _has_mac(one: InterfaceConfig) -> bool:
    return one.tunnel is None and not is_virtual(one.name)


def interface_id(mac: int) -> int:
    """The lower half of an address made from a MAC address (RFC 4291 appendix A)."""
    return (mac >> 24 ^ 0x020000) << 40 | 0xFFFE << 24 | mac & 0xFFFFFF


def link_local(mac: int) -> IPv6Address:
    """The link-local address of an interface."""
    return IPv6Address(0xFE80 << 112 | interface_id(mac))


def _with_interface_id(prefix: IPv6Interface, mac: int) -> IPv6Interface:
    return IPv6Interface(
        (int(prefix.network.network_address) | interface_id(mac), prefix.network.prefixlen)
    )


class InterfaceTable:
    """All interfaces of a configuration; one keeps its number as long as the agent lives."""

    def __init__(self, ports: Mapping[str, int], mac_seed: str) -> None:
        self._ports = dict(ports)
        self._mac_seed = mac_seed
        self._numbers: dict[str, int] = {}
        self._tunnels_up: frozenset[str] = frozenset()
        self._by_name: dict[str, Interface] = {}
        self._by_id: dict[int, Interface] = {}

    def resolved(self, config: RouterConfig) -> RouterConfig:
        """The configuration with the addresses that depend on others: eui-64, unnumbered."""
        by_name = {one.name: one for one in config.interfaces}
        interfaces = []
        for one in config.interfaces:
            mac = self._identifying_mac(one, config)
            ipv6 = *one.ipv6, *(_with_interface_id(prefix, mac) for prefix in one.eui64)
            borrowed = by_name.get(one.unnumbered or "")
            address = one.address
            if borrowed is not None and borrowed.address is not None:
                address = IPv4Interface(borrowed.address.ip)  # its network stays with its owner
            interfaces.append(replace(one, ipv6=ipv6, address=address))
        return replace(config, interfaces=tuple(interfaces))

    def configure(self, config: RouterConfig, tunnels_up: Collection[str] = ()) -> None:
        """Take over the interfaces of a resolved configuration."""
        self._tunnels_up = frozenset(tunnels_up)
        addresses: set[Address] = set()
        for one in config.interfaces:
            if self._is_up(one):
                addresses.update(a.ip for a in (one.address, *one.secondary, *one.ipv6) if a)
        self._by_name = {
            one.name: Interface(
                self._numbers.setdefault(one.name, len(self._numbers) + 1),
                one,
                self._ports.get(one.name),
                self._mac(one),
                self._is_up(one),
                frozenset(addresses),
                self._identifying_mac(one, config),
            )
            for one in config.interfaces
        }
        self._by_id = {i.if_id: i for i in self._by_name.values()}

    def __iter__(self) -> Iterator[Interface]:
        return iter(self._by_name.values())

    def named(self, name: str) -> Interface | None:
        return self._by_name.get(name)

    def numbered(self, if_id: int) -> Interface | None:
        return self._by_id.get(if_id)

    def is_up(self, name: str) -> bool:
        interface = self._by_name.get(name)
        return interface.up if interface is not None else False

    def _identifying_mac(self, one: InterfaceConfig, config: RouterConfig) -> int:
        """Of the interface, or for one that has none that of the first that has."""
        having = (other for other in config.interfaces if _has_mac(other))
        return self._mac(one if _has_mac(one) else next(having, one))

    def _is_up(self, one: InterfaceConfig) -> bool:
        if one.shutdown:
            return False
        if one.tunnel is not None:
            return one.name in self._tunnels_up
        return one.name in self._ports or is_virtual(one.name)

    def _mac(self, one: InterfaceConfig) -> int:
        """As configured, or made from seed and name: locally administered, always the same."""
        if one.mac is not None:
            return mac_from_text(one.mac)
        digest = sha256(f"{self._mac_seed} {one.name}".encode()).digest()
        return 0x02 << 40 | int.from_bytes(digest[:5], "big")
