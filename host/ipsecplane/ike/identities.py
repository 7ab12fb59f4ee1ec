"""Identities: ID payloads to and from selectors and Phase 1 names (RFC 2407 section 4.6.2)."""

from __future__ import annotations

from ipaddress import (
    IPv4Address,
    IPv4Network,
    IPv6Address,
    IPv6Network,
    ip_address,
    summarize_address_range,
)
from typing import Final

from ipsecplane.config import Address, IkeIdentity, Network
from ipsecplane.ike.constants import IdType, NotifyType
from ipsecplane.ike.errors import NegotiationError
from ipsecplane.ike.payloads import Identification
from ipsecplane.ike.types import ProxyIdentity


def host_network(address: Address) -> Network:
    return IPv4Network(address) if isinstance(address, IPv4Address) else IPv6Network(address)


def encode(identity: ProxyIdentity) -> Identification:
    """A single host as an address, anything wider as a subnet."""
    network = identity.network
    if network.prefixlen == network.max_prefixlen:
        kind = IdType.IPV4_ADDR if network.version == 4 else IdType.IPV6_ADDR
        data = network.network_address.packed
    else:
        kind = IdType.IPV4_ADDR_SUBNET if network.version == 4 else IdType.IPV6_ADDR_SUBNET
        data = network.network_address.packed + network.netmask.packed
    return Identification(kind, identity.protocol, identity.port, data)


def decode(identification: Identification) -> ProxyIdentity:
    """Raises `NegotiationError` (INVALID-ID-INFORMATION) for what no selector of ours can be."""
    return ProxyIdentity(_network(identification), identification.protocol, identification.port)


def contains(outer: ProxyIdentity, inner: ProxyIdentity) -> bool:
    """Whether `inner` is equal to or narrower than `outer`."""
    a, b = outer.network, inner.network
    if isinstance(a, IPv4Network):
        within = isinstance(b, IPv4Network) and b.subnet_of(a)
    else:
        within = isinstance(b, IPv6Network) and b.subnet_of(a)
    return (
        within
        and outer.protocol in (0, inner.protocol)
        and (outer.port == 0 or outer.port == inner.port)
    )


def shown(identity: ProxyIdentity) -> str:
    """As IOS debugs print it: address/mask/protocol/port (type=…); IPv6 has a prefix length."""
    network = identity.network
    mask = network.netmask if network.version == 4 else network.prefixlen
    return (
        f"{network.network_address}/{mask}/{identity.protocol}/{identity.port} "
        f"(type={int(encode(identity).type)})"
    )


def encode_phase1(identity: IkeIdentity, *, protocol: int, port: int) -> Identification:
    """The ID payload of a name or an address; `protocol` and `port` are RFC 2407's for Phase 1."""
    if identity.kind == "address":
        address = ip_address(identity.value)
        address_type = IdType.IPV4_ADDR if address.version == 4 else IdType.IPV6_ADDR
        return Identification(address_type, protocol, port, address.packed)
    if identity.kind == "dn":
        return Identification(IdType.DER_ASN1_DN, protocol, port, bytes.fromhex(identity.value))
    kind = next(number for number, name in _NAMES.items() if name == identity.kind)
    return Identification(kind, protocol, port, identity.value.encode())


def phase1_identity(identification: Identification) -> IkeIdentity | None:
    """What an ID payload of Phase 1 says; None for a type that names nobody (a subnet, a range).

    A distinguished name is given in hexadecimal digits of its DER form.
    """
    data = identification.data
    if identification.type in (IdType.IPV4_ADDR, IdType.IPV6_ADDR):
        return IkeIdentity("address", str(_address(data)))
    if identification.type == IdType.DER_ASN1_DN:
        return IkeIdentity("dn", data.hex())
    kind = _NAMES.get(identification.type)
    return None if kind is None else IkeIdentity(kind, data.decode(errors="backslashreplace"))


_NAMES: Final[dict[int, str]] = {
    IdType.FQDN: "fqdn",
    IdType.USER_FQDN: "user-fqdn",
    IdType.KEY_ID: "key-id",
}


def _network(identification: Identification) -> Network:
    data = identification.data
    match identification.type:
        case IdType.IPV4_ADDR | IdType.IPV6_ADDR:
            return host_network(_address(data))
        case IdType.IPV4_ADDR_SUBNET | IdType.IPV6_ADDR_SUBNET:
            half = len(data) // 2
            prefix = _prefix_length(data[half:])
            base = _address(data[:half])
            if isinstance(base, IPv4Address):
                return IPv4Network((base, prefix), strict=False)
            return IPv6Network((base, prefix), strict=False)
        case IdType.IPV4_ADDR_RANGE | IdType.IPV6_ADDR_RANGE:
            half = len(data) // 2
            return _range(_address(data[:half]), _address(data[half:]))
    raise _invalid(f"ID type {identification.type} is no address")


def _address(data: bytes) -> Address:
    return IPv4Address(data) if len(data) == 4 else IPv6Address(data)


def _prefix_length(mask: bytes) -> int:
    bits = len(mask) * 8
    holes = (1 << bits) - 1 - int.from_bytes(mask)
    if holes & (holes + 1):
        raise _invalid(f"mask {mask.hex()} is not contiguous")
    return bits - holes.bit_length()


def _range(first: Address, last: Address) -> Network:
    if int(first) <= int(last):
        if isinstance(first, IPv4Address) and isinstance(last, IPv4Address):
            networks: list[Network] = list(summarize_address_range(first, last))
        elif isinstance(first, IPv6Address) and isinstance(last, IPv6Address):
            networks = list(summarize_address_range(first, last))
        else:
            networks = []
        if len(networks) == 1:
            return networks[0]
    raise _invalid(f"range {first} to {last} is not a subnet")


def _invalid(reason: str) -> NegotiationError:
    return NegotiationError(NotifyType.INVALID_ID_INFORMATION, reason)
