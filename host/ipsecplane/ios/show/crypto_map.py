"""`show crypto map` and `show crypto engine connections active`."""

from __future__ import annotations

from collections.abc import Sequence

from ipsecplane.config import AccessList, CryptoMap, CryptoMapEntry, RouterConfig
from ipsecplane.ios.show.access_list import entry_text
from ipsecplane.ios.show.ipsec import transform_list
from ipsecplane.views import EngineConnectionView


def crypto_map(config: RouterConfig, maps: Sequence[CryptoMap]) -> list[str]:
    rows: list[str] = []
    for found in maps:
        for entry in found.entries:
            if entry.dynamic is not None:
                rows += _stands_for(config, found, entry)
            else:
                rows += _entry(config, found, entry)
    return rows


def dynamic_map(config: RouterConfig, maps: Sequence[CryptoMap]) -> list[str]:
    """`show crypto dynamic-map`."""
    rows: list[str] = []
    for found in maps:
        for entry in found.entries:
            rows.append(f'Crypto Map Template"{found.name}" {entry.sequence}')
            rows += [f"\tPeer = {peer}" for peer in entry.peers]
            acl = config.access_lists.get(entry.match_address or "")
            rows += _access_list(acl) if acl is not None else ["\tNo matching address list set."]
            rows += [*_protection(config, entry), ""]
    return rows


def _stands_for(config: RouterConfig, found: CryptoMap, entry: CryptoMapEntry) -> list[str]:
    return [
        f'Crypto Map IPv{found.version} "{found.name}" {entry.sequence} ipsec-isakmp',
        f"\tDynamic map template tag: {entry.dynamic}",
        *_users(config, found),
    ]


def _entry(config: RouterConfig, found: CryptoMap, entry: CryptoMapEntry) -> list[str]:
    rows = [f'Crypto Map IPv{found.version} "{found.name}" {entry.sequence} ipsec-isakmp']
    acl = config.access_lists.get(entry.match_address or "")
    if not entry.peers or acl is None or not entry.transform_sets:
        rows.append("\tWARNING: This crypto map is in an incomplete state!")
        rows.append("\t\t(missing peer or access-list definitions)")
    if entry.description:
        rows.append(f"\tDescription: {entry.description}")
    rows += [f"\tPeer = {str(peer).upper()}" for peer in entry.peers]
    rows.append("\tAccess-List SS dynamic: False")
    if acl is not None:
        rows += _access_list(acl)
    elif entry.match_address:
        kind = "Extended IP" if found.version == 4 else "IPv6"
        rows.append(f"\t{kind} access list {entry.match_address}")
    if entry.peers:
        rows.append(f"\tCurrent peer: {str(entry.peers[0]).upper()}")
    rows += _protection(config, entry)
    if entry.pre_classify:
        rows.append("\tQOS pre-classification")
    return [*rows, *_users(config, found)]


def _access_list(acl: AccessList) -> list[str]:
    kind = "Extended" if acl.extended else "Standard"
    heading = f"{kind} IP" if acl.version == 4 else "IPv6"
    rows = [f"\t{heading} access list {acl.name}"]
    for line in acl.entries:
        text = entry_text(line, acl.extended)
        if acl.version == 6:
            rows.append(f"\t    {text} sequence {line.sequence}")
        else:
            rows.append(f"\t    access-list {acl.name} {text}")
    return rows


def _protection(config: RouterConfig, entry: CryptoMapEntry) -> list[str]:
    rows = []
    kilobytes = entry.lifetime_kilobytes or config.lifetime_kilobytes
    seconds = entry.lifetime_seconds or config.lifetime_seconds
    rows.append(f"\tSecurity association lifetime: {kilobytes} kilobytes/{seconds} seconds")
    idle = config.idle_time if entry.idle_time is None else entry.idle_time
    if idle is not None:
        rows.append(f"\tSecurity association idletime: {idle} seconds")
    rows += ["\tDualstack (Y/N): N", "", "\tResponder-Only (Y/N): N"]
    rows.append(f"\tPFS (Y/N): {'N' if entry.pfs_group is None else 'Y'}")
    if entry.pfs_group is not None:
        rows.append(f"\tDH group:  group{entry.pfs_group}")
    rows.append("\tMixed-mode : Disabled")
    rows.append("\tTransform sets={")
    for name in entry.transform_sets:
        rows.append(f"\t\t{name}:  {{ {transform_list(config.transform_sets[name])}  }} ,")
    return [*rows, "\t}"]


def _users(config: RouterConfig, found: CryptoMap) -> list[str]:
    users = [i.name for i in config.interfaces if found.name in i.crypto_maps]
    heading = f"\tInterfaces using crypto map {found.name}:"
    return [heading, *(f"\t\t{name}" for name in users), ""]


def engine_connections(connections: Sequence[EngineConnectionView]) -> list[str]:
    rows = [
        "Crypto Engine Connections",
        "",
        "   ID  Type    Algorithm           Encrypt  Decrypt LastSeqN IP-Address",
    ]
    for c in connections:
        rows.append(
            f"{c.id:>5}  {c.type:<7} {c.algorithm:<19} {c.encrypt:>7}  {c.decrypt:>7}"
            f" {c.last_sequence:>8} {c.address}"
        )
    return rows
