"""The queues in front of the crypto engine that output policies ask for (docs/accelerator.md).

There is one engine for all interfaces, with 16 classes: class-default's, one for the qos-groups of
`platform ipsec llq`, and one for each class of a policy map that has a queue.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Final

from .policy import CLASS_DEFAULT, PolicyClass, PolicyMap

LLQ_GROUPS: Final = 15
"""The accelerator's class of the qos-groups that `platform ipsec llq qos-group` names."""

DEFAULT_LIMIT: Final = 64
"""Packets that may wait in a class (IOS's default queue limit)."""

_PRIORITY_BURST_MS: Final = 200


@dataclass(frozen=True, slots=True)
class EngineClass:
    """A queue in front of the crypto engine; rates are octets a second, 0 = not policed.

    `conditional`: what is above the rate is dropped only while packets wait.
    """

    number: int
    level: int = 0
    weight: int = 1
    limit: int = DEFAULT_LIMIT
    police_rate: int = 0
    police_burst: int = 0
    conditional: bool = False


@dataclass(frozen=True, slots=True)
class EngineRequest:
    """An output policy with the numbers of its classes; `bandwidth` of its interface in kbit/s."""

    policy: PolicyMap
    numbers: tuple[int, ...]
    bandwidth: int


def engine_classes(
    requests: Iterable[EngineRequest], llq_groups: bool, warnings: list[str]
) -> tuple[tuple[EngineClass, ...], dict[int, int]]:
    """The accelerator's classes, and which of them each output class number goes to.

    Priority classes come first; where there are not enough, others go with class-default.
    """
    wanted: dict[int, tuple[PolicyClass, int, int]] = {}  # class, weight, kbit/s
    default = 0
    for one in requests:
        shares = weights(one.policy, one.bandwidth)
        for number, policy_class in zip(one.numbers, one.policy.all_classes, strict=True):
            if policy_class.waits_apart:
                # What is policed only has no share of its own: it weighs as much as the rest.
                share = shares.get(policy_class.name, shares[CLASS_DEFAULT])
                wanted.setdefault(number, (policy_class, share, one.bandwidth))
            elif policy_class.name == CLASS_DEFAULT and any(
                c.waits_apart for c in one.policy.classes
            ):
                default = default or shares[CLASS_DEFAULT]
    engine = [EngineClass(0, weight=default)] if default else []
    numbers: dict[int, int] = {}
    for number in sorted(wanted, key=lambda n: (wanted[n][0].priority is None, n)):
        policy_class, weight, bandwidth = wanted[number]
        free = len(numbers) + 1
        if free == LLQ_GROUPS:
            warnings.append(
                f"class {policy_class.name}: the crypto engine has no queue left for it;"
                f" it goes with {CLASS_DEFAULT}"
            )
            continue
        numbers[number] = free
        engine.append(engine_class(free, policy_class, weight, bandwidth))
    if llq_groups:
        engine.append(EngineClass(LLQ_GROUPS, level=1, weight=0))
    return tuple(engine), numbers


def weights(policy: PolicyMap, bandwidth: int) -> dict[str, int]:
    """What each class gets of what priority leaves, class-default the rest (1 to 1023)."""
    found = {}
    for one in policy.all_classes:
        if one.remaining_percent is not None:
            found[one.name] = one.remaining_percent
        elif one.remaining_ratio is not None:
            found[one.name] = one.remaining_ratio
        elif one.bandwidth is not None:
            percent = one.bandwidth.percent
            kbps = one.bandwidth.of(bandwidth)
            found[one.name] = percent if percent is not None else kbps * 100 // bandwidth
    ratios = any(one.remaining_ratio is not None for one in policy.classes)
    if CLASS_DEFAULT not in found:
        found[CLASS_DEFAULT] = 1 if ratios else 100 - sum(found.values())
    return {name: min(max(share, 1), 1023) for name, share in found.items()}


def engine_class(number: int, policy: PolicyClass, weight: int, bandwidth: int) -> EngineClass:
    """The queue of an output class. `bandwidth` in kbit/s is what per cents are of.

    `priority` with a rate is held to it only under congestion, `police` always.
    """
    limit = DEFAULT_LIMIT if policy.queue_limit is None else policy.queue_limit
    level = policy.priority.level if policy.priority is not None else 0
    rate = burst = 0
    conditional = False
    if policy.police is not None:
        rate, burst = policy.police.cir(bandwidth) // 8, policy.police.bc(bandwidth)
    elif policy.priority is not None and policy.priority.rate is not None:
        rate, burst = (
            priority_rate(policy, bandwidth) * 1000 // 8,
            priority_burst(policy, bandwidth),
        )
        conditional = True
    return EngineClass(number, level, 0 if level else weight, limit, rate, burst, conditional)


def priority_rate(policy: PolicyClass, bandwidth: int) -> int:
    """What `priority` allows a class under congestion, in kbit/s; 0 = as much as there is."""
    if policy.priority is None or policy.priority.rate is None:
        return 0
    return policy.priority.rate.of(bandwidth)


def priority_burst(policy: PolicyClass, bandwidth: int) -> int:
    """Octets of a priority class that may pass at once: 200 ms of its rate, as IOS has it."""
    if policy.priority is not None and policy.priority.burst is not None:
        return policy.priority.burst
    return priority_rate(policy, bandwidth) * _PRIORITY_BURST_MS // 8
