"""`show crypto map` and `show crypto engine connections active`."""

from __future__ import annotations

from collections.abc import Sequence

from ipsecplane.config import CryptoMap, CryptoMapEntry, RouterConfig
from ipsecplane.ios.show.access_list import entry_text
from ipsecplane.ios.show.ipsec import transform_list
from ipsecplane.views import EngineConnectionView


def crypto_map(config: RouterConfig, maps: Sequence[CryptoMap]) -> list[str]:
    rows: list[str] = []
    for found in maps:
        for entry in found.entries:
            rows += _entry(config, found, entry)
    return rows


def _entry(config: RouterConfig, found: CryptoMap, entry: CryptoMapEntry) -> list[str]:
    rows = [f'Crypto Map IPv{found.version} "{found.name}" {entry.sequence} ipsec-isakmp']
    acl = config.access_lists.get(entry.match_address or "")
    if not entry.peers or acl is None or not entry.transform_sets:
        rows.append("\tWARNING: This crypto map is in an incomplete state!")
        rows.append("\t\t(missing peer or access-list definitions)")
    if entry.description:
        rows.append(f"\tDescription: {entry.description}")
    rows += [f"\tPeer = {peer}" for peer in entry.peers]
    rows.append("\tAccess-List SS dynamic: False")
    if acl is not None:
        kind = "Extended" if acl.extended else "Standard"
        heading = f"{kind} IP" if acl.version == 4 else "IPv6"
        before = f"access-list {acl.name} " if acl.version == 4 else ""
        rows.append(f"\t{heading} access list {acl.name}")
        rows += [f"\t    {before}{entry_text(line, acl.extended)}" for line in acl.entries]
    elif entry.match_address:
        rows.append(f"\tExtended IP access list {entry.match_address}")
    if entry.peers:
        rows.append(f"\tCurrent peer: {entry.peers[0]}")
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
    rows.append("\t}")
    rows.append(f"\tInterfaces using crypto map {found.name}:")
    users = [i.name for i in config.interfaces if found.name in i.crypto_maps]
    return [*rows, *(f"\t\t{name}" for name in users), ""]


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
