"""The policy of an Easy VPN remote: what it protects once its server has let it in."""

from __future__ import annotations

from dataclasses import dataclass
from ipaddress import IPv4Network
from typing import Final

from ipsecplane.config import Address, EzvpnConfig, InterfaceConfig, RouterConfig, TransformSet
from ipsecplane.ike.types import ModeConfig, Phase2Policy, ProxyIdentity

from .policy import (
    PRIORITY_STRIDE,
    TOP_PRIORITY,
    InterfacePolicy,
    Numbers,
    PolicyEntry,
    Rule,
    Spd,
)
from .selectors import cube_of_identities

REMOTE_SEQUENCE: Final = 1
EVERYWHERE: Final = IPv4Network("0.0.0.0/0")
_PFS_GROUP: Final = 2

# A remote configures no transform sets: it offers these, best first.
TRANSFORM_SETS: Final = tuple(
    TransformSet(f"ezvpn-{cipher}-{size * 8}-{integrity}", None, cipher, size, integrity)
    for cipher, size in (
        ("AES-CBC", 32),
        ("AES-CBC", 24),
        ("AES-CBC", 16),
        ("3DES-CBC", 24),
        ("DES-CBC", 8),
    )
    for integrity in ("HMAC-SHA1-96", "HMAC-MD5-96")
)


@dataclass(frozen=True, slots=True)
class Remote:
    """An Easy VPN remote that its server at `peer` let in, and what it was given."""

    config: EzvpnConfig
    local: Address
    peer: Address
    given: ModeConfig


def inside_networks(config: RouterConfig, name: str) -> list[IPv4Network]:
    """What is behind the inside interfaces of an Easy VPN remote."""
    return [
        interface.address.network
        for interface in config.interfaces
        if name in interface.ezvpn_inside and interface.address is not None
    ]


def remote_policy(
    config: RouterConfig, interface: InterfaceConfig, remote: Remote, numbers: Numbers
) -> Spd:
    """An SA for each network of ours and of the server's: the assigned address alone in client
    mode, the inside networks with network extension; everything, or what split tunnels name.
    """
    if remote.config.mode == "client":
        own = [IPv4Network(remote.given.address)] if remote.given.address is not None else []
    else:
        own = inside_networks(config, remote.config.name)
    name = f"{interface.name}-head-0"
    entries: dict[int, PolicyEntry] = {}
    rules: list[Rule] = []
    for theirs in remote.given.split or (EVERYWHERE,):
        for ours in own:
            local, far = ProxyIdentity(ours), ProxyIdentity(theirs)
            number = numbers.entry((interface.name, name, REMOTE_SEQUENCE, "", local, far))
            phase2 = Phase2Policy(
                name=f"{name} {REMOTE_SEQUENCE}",
                entry=number,
                peers=(remote.peer,),
                local=local,
                remote=far,
                transform_sets=TRANSFORM_SETS,
                pfs_group=_PFS_GROUP if remote.given.pfs else None,
                lifetime_seconds=config.lifetime_seconds,
                lifetime_kilobytes=config.lifetime_kilobytes,
                local_address=remote.local,
                replay_window=config.replay_window,
            )
            entries[number] = PolicyEntry(number, interface.name, name, REMOTE_SEQUENCE, "", phase2)
            priority = TOP_PRIORITY - len(rules) * PRIORITY_STRIDE
            rules.append(Rule(cube_of_identities(local, far), number, priority, "", 0))
    policy = InterfacePolicy(
        numbers.policy(interface.name), interface.name, name, tuple(rules), remote=True
    )
    return Spd((policy,), entries)
