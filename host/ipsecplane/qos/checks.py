"""What modular QoS refuses: each function says why, or "" where there is nothing to refuse."""

from __future__ import annotations

from ipsecplane.config import InterfaceConfig

from .bandwidth import bandwidth_of
from .policy import CLASS_DEFAULT, INPUT, OUTPUT, PolicyClass, PolicyMap


def objection_to_class(one: PolicyClass) -> str:
    """Actions that exclude each other in one class."""
    if one.priority is not None:
        if one.name == CLASS_DEFAULT:
            return f"% priority command is not supported in {CLASS_DEFAULT}"
        if one.shares:
            return "% bandwidth and priority cannot be configured in the same class"
        if one.priority.rate is not None and one.police is not None:
            return "% police and priority with a rate cannot be configured in the same class"
    if one.mark.dscp is not None and one.mark.precedence is not None:
        return "% set dscp and set precedence cannot be configured in the same class"
    if one.queue_limit is not None and not one.queues and one.name != CLASS_DEFAULT:
        return "% queue-limit needs bandwidth or priority in the class"
    return ""


def objection_to_map(policy: PolicyMap) -> str:
    """Shares that together are more than there is, or of kinds that do not mix."""
    classes = policy.classes
    percents = [
        rate.percent
        for one in classes
        for rate in (one.bandwidth, one.priority.rate if one.priority is not None else None)
        if rate is not None and rate.percent is not None
    ]
    remaining = [one.remaining_percent for one in classes if one.remaining_percent is not None]
    if sum(percents) > 100 or sum(remaining) > 100:
        return "Sum total of class bandwidths exceeds 100 percent"
    kinds = {
        kind
        for one in classes
        for kind, given in (
            ("bandwidth", one.bandwidth),
            ("bandwidth remaining percent", one.remaining_percent),
            ("bandwidth remaining ratio", one.remaining_ratio),
        )
        if given is not None
    }
    if len(kinds) > 1:
        return f"% {' and '.join(sorted(kinds))} cannot be configured in the same policy-map"
    levels = {
        (one.priority.level, one.priority.named_level)
        for one in classes
        if one.priority is not None
    }
    if len({named for _, named in levels}) > 1:
        return "% priority and priority level cannot be configured in the same policy-map"
    return ""


def objection_to(policy: PolicyMap, direction: str, interface: InterfaceConfig) -> str:
    """What a policy map cannot do on an interface, or in this direction."""
    for one in policy.classes:
        if direction == INPUT and (one.queues or one.queue_limit is not None):
            return (
                f"% Class {one.name} of policy-map {policy.name}: queueing is supported in"
                " output policies only"
            )
        if direction == INPUT and one.police is not None:
            return (
                f"% Class {one.name} of policy-map {policy.name}: police is supported in output"
                " policies only: it is the crypto engine's queues that police"
            )
        if direction == OUTPUT and one.mark.qos_group is not None:
            return (
                f"% Class {one.name} of policy-map {policy.name}: set qos-group is supported in"
                " input policies only"
            )
    if direction == OUTPUT:
        return _too_much(policy, interface)
    return ""


def _too_much(policy: PolicyMap, interface: InterfaceConfig) -> str:
    """Kilobits a second that are promised beyond the interface's bandwidth."""
    available = bandwidth_of(interface)
    for one in policy.classes:
        rate = one.bandwidth or (one.priority.rate if one.priority is not None else None)
        if rate is None:
            continue
        wanted = rate.of(bandwidth_of(interface))
        if wanted > available:
            return (
                f"I/f {interface.name} class {one.name} requested bandwidth {wanted} (kbps),"
                f" available only {available} (kbps)"
            )
        available -= wanted
    return ""
