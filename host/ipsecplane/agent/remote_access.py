"""What an Easy VPN server's configuration means to IKE: groups with their pools, users, lists."""

from __future__ import annotations

from ipaddress import IPv4Network

from ipsecplane.config import Address, ClientGroup, CryptoMap, RouterConfig, WildcardAddress
from ipsecplane.ike.types import GroupTerms, RemoteAccess


def remote_access(config: RouterConfig) -> tuple[RemoteAccess, ...]:
    """For each interface whose crypto map does something for clients."""
    found = []
    for interface in config.interfaces:
        crypto_map = config.crypto_maps.get(interface.crypto_map or "")
        if crypto_map is None or interface.shutdown or not _serves(crypto_map):
            continue
        source = config.interface(crypto_map.local_address or interface.name)
        if source is None or source.address is None:
            continue
        addresses: tuple[Address, ...] = (source.address.ip,)
        groups: tuple[GroupTerms, ...] = ()
        if crypto_map.client_authorization in config.network_lists:
            groups = tuple(_terms(config, group) for group in config.client_groups.values())
        users = config.users if crypto_map.client_authentication is not None else None
        if users is not None and crypto_map.client_authentication not in config.login_lists:
            users = {}  # a list that does not exist lets nobody in
        found.append(
            RemoteAccess(
                addresses,
                groups,
                users,
                respond=crypto_map.client_respond,
                initiate=crypto_map.client_initiate,
            )
        )
    return tuple(found)


def _serves(crypto_map: CryptoMap) -> bool:
    return (
        crypto_map.client_authentication is not None or crypto_map.client_authorization is not None
    )


def _terms(config: RouterConfig, group: ClientGroup) -> GroupTerms:
    return GroupTerms(
        group.name,
        group.key,
        config.address_pools.get(group.pool or "", ()),
        _split(config, group),
        group.netmask,
        group.dns,
        group.wins,
        group.domain,
        group.banner,
        group.save_password,
        group.pfs,
        group.backup_servers,
    )


def _split(config: RouterConfig, group: ClientGroup) -> tuple[IPv4Network, ...]:
    """The sources that the access list permits are what is behind us."""
    access_list = config.access_lists.get(group.acl or "")
    if access_list is None:
        return ()
    networks = [
        _network(line.source)
        for line in access_list.entries
        if line.permit and not line.remark and line.source.address.version == 4
    ]
    return tuple(network for network in networks if network is not None)


def _network(source: WildcardAddress) -> IPv4Network | None:
    wildcard = int(source.wildcard)
    if wildcard & (wildcard + 1):
        return None  # with gaps, which a network cannot have
    return IPv4Network((int(source.address) & ~wildcard, 32 - wildcard.bit_length()))
