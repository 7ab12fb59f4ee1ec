"""`show class-map`, `show policy-map`, `show policy-map interface`."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

from ipsecplane.qos.engine import DEFAULT_LIMIT, priority_burst, priority_rate
from ipsecplane.qos.policy import (
    CLASS_DEFAULT,
    OUTPUT,
    ClassMap,
    Mark,
    Match,
    Police,
    PolicyClass,
    PolicyMap,
    Rate,
    dscp_name,
)
from ipsecplane.views import ClassView, ServicePolicyView

_DEFAULT_MAP = ClassMap(CLASS_DEFAULT, match_any=True, matches=(Match("any"),))


def class_map(class_maps: Sequence[ClassMap]) -> list[str]:
    """class-default among them has number 0, as in IOS."""
    rows = []
    for number, one in enumerate([_DEFAULT_MAP, *class_maps]):
        rows.append(f" Class Map {_kind(one)} {one.name} (id {number})")
        if one.description:
            rows.append(f"  Description: {one.description}")
        matches = [f"   Match {_match(match, ' ')}" for match in one.matches]
        rows += matches or ["   Match none"]
        rows.append("")
    return rows


def policy_map(policies: Sequence[PolicyMap]) -> list[str]:
    rows = []
    for policy in policies:
        rows.append(f"  Policy Map {policy.name}")
        if policy.description:
            rows.append(f"    Description: {policy.description}")
        for one in policy.classes:
            rows.append(f"    Class {one.name}")
            rows += [f"      {text}" for text in _actions(one)]
    return rows


def policy_map_interface(
    views: Sequence[ServicePolicyView], class_maps: Mapping[str, ClassMap], only: str = ""
) -> list[str]:
    """`only`: the class that is asked for."""
    rows: list[str] = []
    shown = ""
    for view in views:
        if view.interface != shown:
            rows += [f" {view.interface} ", ""]
            shown = view.interface
        rows += [f"  Service-policy {view.direction}: {view.policy.name}", ""]
        if not only:
            rows += _priority_queues(view)
        for one in view.classes:
            if only in ("", one.policy.name):
                rows += _class(view, one, class_maps.get(one.policy.name, _DEFAULT_MAP))
    return rows


def _kind(one: ClassMap) -> str:
    return "match-any" if one.match_any else "match-all"


def _match(match: Match, between: str) -> str:
    """A `match` line's words, with `between` between values, as the two prints have them."""
    negated = "not " if match.negated else ""
    if match.kind == "any":
        return "any "
    if match.kind == "access-group":
        name = match.name if match.name.isdigit() else f"name {match.name}"
        return f"{negated}access-group {name}"
    if match.kind == "protocol":
        return f"{negated}protocol {match.name}"
    if match.kind == "qos-group":
        return f"{negated}qos-group {match.values[0]}"
    version = {4: "ip", 6: "ipv6"}.get(match.version or 0, "")
    values = [str(value) for value in match.values]
    if match.kind == "dscp":
        values = [_code_point(value) for value in match.values]
    return f"{negated}{version} {match.kind} {between.join(values)} "


def _code_point(value: int) -> str:
    name = dscp_name(value)
    return name if name == str(value) else f"{name} ({value})"


def _actions(one: PolicyClass) -> Iterator[str]:
    if one.priority is not None:
        words = ["priority"]
        if one.priority.named_level:
            words.append(f"level {one.priority.level}")
        if one.priority.rate is not None:
            words.append(_share(one.priority.rate))
        yield " ".join(words)
    if one.police is not None:
        limit = one.police
        rate = f"percent {limit.percent}" if limit.rate is None else str(limit.rate)
        burst = f" bc {limit.bc(0)}" if limit.rate is not None else ""
        yield f"police cir {rate}{burst}"
        yield "  conform-action transmit "
        yield "  exceed-action drop "
    if one.bandwidth is not None:
        yield f"bandwidth {_share(one.bandwidth)}"
    if one.remaining_percent is not None:
        yield f"bandwidth remaining {one.remaining_percent} (%)"
    if one.remaining_ratio is not None:
        yield f"bandwidth remaining ratio {one.remaining_ratio}"
    if one.queue_limit is not None:
        yield f"queue-limit {one.queue_limit} packets"
    for text in _marks(one.mark):
        yield f"set {text}"


def _share(rate: Rate) -> str:
    return f"{rate.kbps} (kbps)" if rate.percent is None else f"{rate.percent} (%)"


def _marks(mark: Mark) -> Iterator[str]:
    if mark.qos_group is not None:
        yield f"qos-group {mark.qos_group}"
    if mark.dscp is not None:
        yield f"dscp {dscp_name(mark.dscp)}"
    if mark.precedence is not None:
        yield f"ip precedence {mark.precedence}"


def _priority_queues(view: ServicePolicyView) -> list[str]:
    """What the queues of the priority classes did together, level by level where they have any."""
    rows = []
    classes = [one for one in view.classes if one.policy.priority is not None]
    levels = sorted({c.policy.priority.level for c in classes if c.policy.priority is not None})
    for level in levels:
        found = [c for c in classes if c.policy.priority and c.policy.priority.level == level]
        rows += ["    queue stats for all priority classes:", "      Queueing"]
        if any(c.policy.priority and c.policy.priority.named_level for c in found):
            rows.append(f"      priority level {level}")
        rows += [*_queue(found), ""]
    return rows


def _queue(classes: Sequence[ClassView]) -> list[str]:
    """IOS's `total drops` are those of the queue; how deep it is no device tells."""
    limits = [one.policy.queue_limit for one in classes if one.policy.queue_limit is not None]
    drops = sum(one.limit_drops for one in classes)
    packets = sum(one.sent_packets for one in classes)
    octets = sum(one.sent_bytes for one in classes)
    return [
        f"      queue limit {limits[0] if limits else DEFAULT_LIMIT} packets",
        f"      (queue depth/total drops/no-buffer drops) 0/{drops}/0",
        f"      (pkts output/bytes output) {packets}/{octets}",
    ]


def _class(view: ServicePolicyView, one: ClassView, found: ClassMap) -> list[str]:
    policy = one.policy
    rows = [
        f"    Class-map: {policy.name} ({_kind(found)})  ",
        f"      {one.packets} packets, {one.bytes} bytes",
        f"      5 minute offered rate {one.offered_rate:04} bps, drop rate {one.drop_rate:04} bps",
        *(f"      Match: {_match(match, '  ')}" for match in found.matches),
    ]
    if policy.priority is not None:
        rows += _priority(view, one)
    elif policy.shares:
        rows += ["      Queueing", *_queue([one]), *_share_rows(view, policy)]
    elif view.direction == OUTPUT and policy.name == CLASS_DEFAULT and _queues(view):
        rows += ["      ", *_queue([one])]
    if policy.police is not None:
        rows += _police(view, one, policy.police)
    marks = list(_marks(policy.mark))
    if marks:
        rows.append("      QoS Set")
    for text in marks:
        rows += [f"        {text}", "          Marker statistics: Disabled"]
    return [*rows, ""]


def _queues(view: ServicePolicyView) -> bool:
    return any(one.policy.queues for one in view.classes)


def _priority(view: ServicePolicyView, one: ClassView) -> list[str]:
    policy = one.policy
    assert policy.priority is not None
    rate = policy.priority.rate
    drops = f"b/w exceed drops: {0 if policy.police is not None else one.rate_drops}"
    if rate is None:
        rows = [f"      Priority: Strict, {drops}"]
    else:
        kbps = priority_rate(policy, view.bandwidth)
        share = f"{kbps} kbps" if rate.percent is None else f"{rate.percent}% ({kbps} kbps)"
        burst = priority_burst(policy, view.bandwidth)
        rows = [f"      Priority: {share}, burst bytes {burst}, {drops}"]
    rows.append("      ")
    if policy.priority.named_level:
        rows.append(f"      Priority Level: {policy.priority.level} ")
    return rows


def _police(view: ServicePolicyView, one: ClassView, police: Police) -> list[str]:
    cir, burst = police.cir(view.bandwidth), police.bc(view.bandwidth)
    return [
        "      police:",
        f"          cir {cir} bps, bc {burst} bytes",
        f"        conformed {one.engine_packets} packets, {one.engine_bytes} bytes; actions:",
        "          transmit ",
        f"        exceeded {one.rate_drops} packets, {one.rate_drop_bytes} bytes; actions:",
        "          drop ",
        f"        conformed {one.offered_rate - one.drop_rate:04} bps,"
        f" exceeded {one.drop_rate:04} bps",
    ]


def _share_rows(view: ServicePolicyView, policy: PolicyClass) -> list[str]:
    if policy.remaining_percent is not None:
        return [f"      bandwidth remaining {policy.remaining_percent}%"]
    if policy.remaining_ratio is not None:
        return [f"      bandwidth remaining ratio {policy.remaining_ratio} "]
    assert policy.bandwidth is not None
    kbps = policy.bandwidth.of(view.bandwidth)
    if policy.bandwidth.percent is None:
        return [f"      bandwidth {kbps} kbps"]
    return [f"      bandwidth {policy.bandwidth.percent}% ({kbps} kbps)"]
