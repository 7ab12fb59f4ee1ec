"""What a configuration's policy maps mean for the data plane: numbers, rules and queues.

Every class of an attached policy map has a number by which the pipeline knows it, the same on all
interfaces, of its own in each direction (0 = none). Output classes with a queue get one of the
crypto accelerator's classes: there is one engine for all interfaces, and so are its queues.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Final

from ipsecplane.config import InterfaceConfig, RouterConfig

from .bandwidth import bandwidth_of
from .classification import ClassRule, TooManyRules, class_rules
from .engine import EngineClass, EngineRequest, engine_classes
from .policy import INPUT, OUTPUT, PolicyClass, PolicyMap

CLASS_NUMBERS: Final = 63
"""Classes in each direction: what six bits of the crypto header can tell apart."""


@dataclass(frozen=True, slots=True)
class Attachment:
    """A policy map on an interface; `numbers` are those of its classes, class-default last."""

    interface: str
    direction: str
    policy: PolicyMap
    numbers: tuple[int, ...]
    rules: Mapping[int, tuple[ClassRule, ...]]  # by IP version


@dataclass(frozen=True, slots=True)
class QosPlan:
    """Everything that is to be programmed. Class numbers are keys of what is about classes."""

    attachments: tuple[Attachment, ...] = ()
    input_classes: Mapping[int, PolicyClass] = field(default_factory=dict)
    output_classes: Mapping[int, PolicyClass] = field(default_factory=dict)
    engine: tuple[EngineClass, ...] = ()
    engine_numbers: Mapping[int, int] = field(default_factory=dict)  # by output class number
    llq_groups: tuple[int, ...] = ()
    warnings: tuple[str, ...] = ()

    def attached(self, interface: str, direction: str) -> Attachment | None:
        found = (
            a for a in self.attachments if (a.interface, a.direction) == (interface, direction)
        )
        return next(found, None)


class ClassNumbers:
    """Numbers by (direction, policy map, class); a name keeps the number it once got.

    Counters are read by number, so one is not given away again while others are free.
    """

    def __init__(self) -> None:
        self._numbers: dict[tuple[str, str, str], int] = {}

    def of(self, names: Iterable[tuple[str, str, str]]) -> dict[tuple[str, str, str], int]:
        """The numbers of all names in use; those that get none are left out."""
        names = list(names)
        for direction in (INPUT, OUTPUT):
            wanted = [name for name in names if name[0] == direction]
            for name in wanted:
                if name in self._numbers:
                    continue
                taken = {n: k for k, n in self._numbers.items() if k[0] == direction}
                free = [n for n in range(1, CLASS_NUMBERS + 1) if n not in taken]
                if not free:
                    idle = [n for n, k in taken.items() if k not in wanted]
                    if not idle:
                        break
                    del self._numbers[taken[idle[0]]]
                    free = idle
                self._numbers[name] = free[0]
        return {name: self._numbers[name] for name in names if name in self._numbers}


def plan_qos(config: RouterConfig, numbers: ClassNumbers) -> QosPlan:
    """The plan of a configuration's `service-policy` and `platform ipsec llq` lines."""
    warnings: list[str] = []
    attached = list(_attached(config))
    names = dict.fromkeys(
        (direction, policy.name, one.name)
        for _, direction, policy in attached
        for one in policy.all_classes
    )
    given = numbers.of(names)
    attachments = []
    classes: dict[str, dict[int, PolicyClass]] = {INPUT: {}, OUTPUT: {}}
    for interface, direction, policy in attached:
        keys = [(direction, policy.name, one.name) for one in policy.all_classes]
        where = f"{interface.name}: service-policy {direction} {policy.name}"
        if any(key not in given for key in keys):
            warnings.append(f"{where}: more than {CLASS_NUMBERS} classes in use; not attached")
            continue
        try:
            rules = {
                version: tuple(class_rules(policy, config.class_maps, config.access_lists, version))
                for version in (4, 6)
            }
        except TooManyRules:
            warnings.append(f"{where}: its classes need too many rules; not attached")
            continue
        attachments.append(
            Attachment(interface.name, direction, policy, tuple(given[k] for k in keys), rules)
        )
        for key, one in zip(keys, policy.all_classes, strict=True):
            classes[direction][given[key]] = one
    bandwidths = {one.name: bandwidth_of(one) for one in config.interfaces}
    requests = [
        EngineRequest(one.policy, one.numbers, bandwidths[one.interface])
        for one in attachments
        if one.direction == OUTPUT
    ]
    engine, engine_numbers = engine_classes(requests, bool(config.llq_qos_groups), warnings)
    return QosPlan(
        tuple(attachments),
        classes[INPUT],
        classes[OUTPUT],
        engine,
        engine_numbers,
        config.llq_qos_groups,
        tuple(warnings),
    )


def _attached(config: RouterConfig) -> Iterator[tuple[InterfaceConfig, str, PolicyMap]]:
    for interface in config.interfaces:
        for direction, name in ((INPUT, interface.input_policy), (OUTPUT, interface.output_policy)):
            policy = config.policy_maps.get(name or "")
            if policy is not None and not interface.shutdown:
                yield interface, direction, policy
