"""Remarks on a configuration change that is taken nevertheless: overlaps, weak algorithms."""

from __future__ import annotations

from ipsecplane.config import InterfaceConfig, RouterConfig
from ipsecplane.ipsec.algorithms import CIPHER, GROUP, HASH, INTEGRITY


def advice(old: RouterConfig, new: RouterConfig) -> list[str]:
    """What a person at the terminal should know about the step from `old` to `new`."""
    return [*_overlaps(old, new), *_weak_policies(old, new), *_weak_transforms(old, new)]


def _overlaps(old: RouterConfig, new: RouterConfig) -> list[str]:
    rows = []
    for interface in new.interfaces:
        before = old.interface(interface.name) or InterfaceConfig(interface.name)
        known = {before.address, *before.secondary}
        fresh = [a for a in (interface.address, *interface.secondary) if a and a not in known]
        for address in fresh:
            for other in new.interfaces:
                for theirs in (other.address, *other.secondary):
                    if other is interface or theirs is None:
                        continue
                    if address.network.overlaps(theirs.network):
                        network = address.network.network_address
                        rows.append(f"% {network} overlaps with {other.name}")
    return list(dict.fromkeys(rows))


def _weak_policies(old: RouterConfig, new: RouterConfig) -> list[str]:
    rows = []
    known = {policy.priority: policy for policy in old.isakmp_policies}
    for policy in new.isakmp_policies:
        before = known.get(policy.priority)
        if before is None:
            continue
        if policy.encryption != before.encryption and CIPHER[policy.encryption].weak:
            rows.append("%Warning: weaker encryption algorithm is not recommended")
        if policy.hash != before.hash and HASH[policy.hash].weak:
            rows.append("%Warning: weaker hash algorithm is not recommended")
        if policy.group != before.group and GROUP[policy.group].weak:
            rows.append("%Warning: weaker dh-group is not recommended")
    return rows


def _weak_transforms(old: RouterConfig, new: RouterConfig) -> list[str]:
    for name, transforms in new.transform_sets.items():
        if old.transform_sets.get(name) == transforms or name in old.transform_sets:
            continue
        weak = [CIPHER[transforms.cipher].weak] if transforms.cipher else []
        weak += [INTEGRITY[i].weak for i in (transforms.ah, transforms.integrity) if i]
        if any(weak):
            return ["%Warning: weaker encryption or hash algorithm is not recommended"]
    return []
