"""What a configuration should not have, or asks for in vain."""

from __future__ import annotations

from collections.abc import Iterator

from ipsecplane.config import IsakmpPolicy, RouterConfig, TransformSet
from ipsecplane.ipsec.algorithms import CIPHER, GROUP, HASH, INTEGRITY


def weak_algorithms(config: RouterConfig) -> list[str]:
    """One line for each place of the configuration that names a weak algorithm."""
    found = []
    for policy in config.isakmp_policies:
        weak = list(_weak_in_policy(policy))
        if weak:
            found.append(f"crypto isakmp policy {policy.priority}: {', '.join(weak)}")
    for transform_set in config.transform_sets.values():
        weak = list(_weak_in_transform_set(transform_set))
        if weak:
            found.append(f"crypto ipsec transform-set {transform_set.name}: {', '.join(weak)}")
    for crypto_map in config.crypto_maps.values():
        for entry in crypto_map.entries:
            group = GROUP.get(entry.pfs_group) if entry.pfs_group else None
            if group is not None and group.weak:
                found.append(
                    f"crypto map {crypto_map.name} {entry.sequence}: pfs group{group.number}"
                )
    return [f"{line}: weak, use only with peers that can do no better" for line in found]


def unsupported_with_ipv6(config: RouterConfig) -> list[str]:
    """Policies that IPv6 peers cannot use (guide chapter 9), if there are such peers."""
    ends = [one.tunnel.destination for one in config.interfaces if one.tunnel is not None]
    ends += [peer for m in config.crypto_maps.values() for e in m.entries for peer in e.peers]
    if not any(end is not None and end.version == 6 for end in ends):
        return []
    return [
        f"crypto isakmp policy {policy.priority}: authentication {policy.authentication} is not"
        " supported in IPv6: the policy is not used with IPv6 peers"
        for policy in config.isakmp_policies
        if policy.authentication != "pre-share"
    ]


def without_effect(config: RouterConfig) -> list[str]:
    """Accounting of ISAKMP profiles: there is no AAA server to tell of sessions."""
    return [
        f"crypto isakmp profile {profile.name}: accounting {profile.accounting}: there is no AAA"
        " server to tell; crypto logging session logs sessions instead"
        for profile in config.isakmp_profiles.values()
        if profile.accounting is not None
    ]


def _weak_in_policy(policy: IsakmpPolicy) -> Iterator[str]:
    cipher, hash_, group = (
        CIPHER.get(policy.encryption),
        HASH.get(policy.hash),
        GROUP.get(policy.group),
    )
    if cipher is not None and cipher.weak:
        yield f"encryption {cipher.policy_keyword}"
    if hash_ is not None and hash_.weak:
        yield f"hash {hash_.policy_keyword}"
    if group is not None and group.weak:
        yield f"group {group.number}"


def _weak_in_transform_set(transform_set: TransformSet) -> Iterator[str]:
    ah = INTEGRITY.get(transform_set.ah or "")
    cipher = CIPHER.get(transform_set.cipher or "")
    integrity = INTEGRITY.get(transform_set.integrity or "")
    if ah is not None and ah.weak:
        yield ah.ah_transform
    if cipher is not None and cipher.weak:
        yield cipher.transform
    if integrity is not None and integrity.weak:
        yield integrity.esp_transform
