"""What mode configuration hands out (draft-ietf-ipsec-isakmp-mode-cfg; Cisco's Unity attributes).

`AddressPools` gives addresses to peers; `reply` and `read_reply` are the two sides' views of one
message.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from enum import IntEnum
from ipaddress import IPv4Address, IPv4Network
from typing import Final

from ipsecplane.config import AddressRange
from ipsecplane.ike.attributes import Attribute
from ipsecplane.ike.errors import PayloadError
from ipsecplane.ike.payloads import HEADER_SIZE
from ipsecplane.ike.transaction import Config, ConfigType
from ipsecplane.ike.types import ClientAddress, GroupTerms, ModeConfig


class ConfigAttribute(IntEnum):
    """Section 3.3.3 of the draft; from 0x7000 on Unity's."""

    INTERNAL_IP4_ADDRESS = 1
    INTERNAL_IP4_NETMASK = 2
    INTERNAL_IP4_DNS = 3
    INTERNAL_IP4_NBNS = 4
    INTERNAL_ADDRESS_EXPIRY = 5
    APPLICATION_VERSION = 7
    BANNER = 0x7000
    SAVE_PASSWORD = 0x7001
    DEF_DOMAIN = 0x7002
    SPLIT_DNS = 0x7003
    SPLIT_INCLUDE = 0x7004
    PFS = 0x7007
    BACKUP_SERVERS = 0x7009


_C = ConfigAttribute
APPLICATION: Final = b"ipsecplane"
_ASKED_IN_EXTENSION: Final = (
    _C.INTERNAL_IP4_DNS,
    _C.INTERNAL_IP4_DNS,
    _C.INTERNAL_IP4_NBNS,
    _C.INTERNAL_IP4_NBNS,
    _C.SPLIT_INCLUDE,
    _C.DEF_DOMAIN,
    _C.SAVE_PASSWORD,
    _C.PFS,
    _C.BACKUP_SERVERS,
    _C.BANNER,
)
_ASKED: Final = (_C.INTERNAL_IP4_ADDRESS, _C.INTERNAL_IP4_NETMASK, *_ASKED_IN_EXTENSION)
_NAMES: Final = {
    _C.INTERNAL_IP4_ADDRESS: "IP4_ADDRESS",
    _C.INTERNAL_IP4_NETMASK: "IP4_NETMASK",
    _C.INTERNAL_IP4_DNS: "IP4_DNS",
    _C.INTERNAL_IP4_NBNS: "IP4_NBNS",
    _C.INTERNAL_ADDRESS_EXPIRY: "ADDRESS_EXPIRY",
    _C.APPLICATION_VERSION: "APPLICATION_VERSION",
    _C.BANNER: "MODECFG_BANNER",
    _C.SAVE_PASSWORD: "MODECFG_SAVEPWD",
    _C.DEF_DOMAIN: "DEFAULT_DOMAIN",
    _C.SPLIT_DNS: "SPLIT_DNS",
    _C.SPLIT_INCLUDE: "SPLIT_INCLUDE",
    _C.PFS: "PFS",
    _C.BACKUP_SERVERS: "BACKUP_SERVER",
}


def attribute_name(kind: int) -> str:
    """As `debug crypto isakmp` calls it."""
    return next((n for known, n in _NAMES.items() if known == kind), f"UNKNOWN ({kind})")


def request(identifier: int, *, address: bool) -> Config:
    """A client's request; with network extension it needs no address of its own."""
    asked = _ASKED if address else _ASKED_IN_EXTENSION
    attributes = [Attribute(kind, b"", basic=False) for kind in asked]
    attributes.append(Attribute(_C.APPLICATION_VERSION, APPLICATION, basic=False))
    return Config(ConfigType.REQUEST, identifier, tuple(attributes))


def reply(asked: Config, group: GroupTerms, address: IPv4Address | None) -> Config:
    """What the group has of what is asked; an address only if there was one to give."""
    found: list[Attribute] = []
    kinds = [attribute.type for attribute in asked.attributes]
    for kind in dict.fromkeys(kinds):
        values = _values(kind, group, address)
        found += [Attribute(kind, value, basic) for value, basic in values]
    return Config(ConfigType.REPLY, asked.identifier, tuple(found))


def offer(identifier: int, group: GroupTerms, address: IPv4Address) -> Config:
    """What a server gives without being asked: all that the group has."""
    asked = reply(request(identifier, address=True), group, address)
    return Config(ConfigType.SET, identifier, asked.attributes)


def _values(kind: int, group: GroupTerms, address: IPv4Address | None) -> list[tuple[bytes, bool]]:
    match kind:
        case _C.INTERNAL_IP4_ADDRESS:
            return [(address.packed, False)] if address is not None else []
        case _C.INTERNAL_IP4_NETMASK:
            mask = group.netmask or IPv4Address("255.255.255.255")
            return [(mask.packed, False)] if address is not None else []
        case _C.INTERNAL_IP4_DNS:
            return [(one.packed, False) for one in group.dns]
        case _C.INTERNAL_IP4_NBNS:
            return [(one.packed, False) for one in group.wins]
        case _C.APPLICATION_VERSION:
            return [(APPLICATION, False)]
        case _C.BANNER:
            return [(group.banner.encode(), False)] if group.banner else []
        case _C.SAVE_PASSWORD:
            return [(int(group.save_password).to_bytes(2), True)]
        case _C.DEF_DOMAIN:
            return [(group.domain.encode(), False)] if group.domain else []
        case _C.PFS:
            return [(int(group.pfs).to_bytes(2), True)]
        case _C.BACKUP_SERVERS:
            return [(one.packed, False) for one in group.backup_servers]
        case _C.SPLIT_INCLUDE:
            # Address, mask, and six octets of protocol and ports that nobody fills in.
            whole = b"".join(
                n.network_address.packed + n.netmask.packed + bytes(6) for n in group.split
            )
            return [(whole, False)] if whole else []
        case _:
            return []


def read_reply(config: Config) -> ModeConfig:
    """What a server gave; raises `PayloadError` for values that cannot be."""
    domain = config.value(_C.DEF_DOMAIN) or b""
    banner = config.value(_C.BANNER) or b""
    address, mask = _addresses(config, _C.INTERNAL_IP4_ADDRESS), config.value(2)
    if mask is not None and len(mask) not in (0, 4):
        raise _bad(_C.INTERNAL_IP4_NETMASK, mask)
    return ModeConfig(
        address=address[0] if address else None,
        netmask=IPv4Address(mask) if mask else None,
        dns=_addresses(config, _C.INTERNAL_IP4_DNS),
        wins=_addresses(config, _C.INTERNAL_IP4_NBNS),
        domain=domain.decode(errors="backslashreplace"),
        banner=banner.decode(errors="backslashreplace"),
        save_password=any(config.value(_C.SAVE_PASSWORD) or b""),
        pfs=any(config.value(_C.PFS) or b""),
        backup_servers=_addresses(config, _C.BACKUP_SERVERS),
        split=_networks(config),
    )


def _addresses(config: Config, kind: int) -> tuple[IPv4Address, ...]:
    found: list[IPv4Address] = []
    for attribute in config.attributes:
        if attribute.type == kind and attribute.value:
            if len(attribute.value) % 4:
                raise _bad(kind, attribute.value)
            value = attribute.value
            found += [IPv4Address(value[at : at + 4]) for at in range(0, len(value), 4)]
    return tuple(dict.fromkeys(found))


_SPLIT_SIZE: Final = 14


def _networks(config: Config) -> tuple[IPv4Network, ...]:
    found: list[IPv4Network] = []
    for attribute in config.attributes:
        if attribute.type != _C.SPLIT_INCLUDE:
            continue
        value = attribute.value
        if len(value) % _SPLIT_SIZE:
            raise _bad(attribute.type, value)
        for at in range(0, len(value), _SPLIT_SIZE):
            base, mask = IPv4Address(value[at : at + 4]), IPv4Address(value[at + 4 : at + 8])
            try:
                found.append(IPv4Network(f"{base}/{mask}", strict=False))
            except ValueError:
                raise _bad(attribute.type, value) from None
    return tuple(found)


def _bad(kind: int, value: bytes) -> PayloadError:
    return PayloadError(HEADER_SIZE, attribute_name(kind), f"cannot be {value.hex()}")


class AddressPools:
    """Addresses that are given out, by who has them.

    `in_use(address)` says whether who has it is still there; addresses of the others are free.
    The same peer gets the same address again, as long as nobody else needed it.
    """

    def __init__(self, in_use: Callable[[IPv4Address], bool]) -> None:
        self._in_use = in_use
        self._given: dict[IPv4Address, ClientAddress] = {}

    def allocate(self, ranges: Sequence[AddressRange], owner: ClientAddress) -> IPv4Address | None:
        """An address of the ranges, None if all are taken."""
        for address, known in self._given.items():
            if known == owner and any(low <= address <= high for low, high in ranges):
                return address
        for low, high in ranges:
            for number in range(int(low), int(high) + 1):
                address = IPv4Address(number)
                if address not in self._given or not self._in_use(address):
                    self._given[address] = owner
                    return address
        return None
