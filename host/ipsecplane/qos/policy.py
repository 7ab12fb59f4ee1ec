"""Modular QoS as configured: class maps, policy maps and what their classes do (guide chapter 8).

Rates are bits a second where IOS says `police`, kilobits where it says `bandwidth` or `priority`;
bursts are octets, queue limits packets. All values are immutable.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

CLASS_DEFAULT: Final = "class-default"
"""The class of what no other class of a policy map matches; it needs no class map."""

INPUT: Final = "input"
OUTPUT: Final = "output"

DSCP_BITS: Final = 0x3F
PRECEDENCE_BITS: Final = 0x38  # of the DSCP field

DSCP_NAMES: Final[dict[str, int]] = {
    "default": 0,
    **{f"cs{n}": n << 3 for n in range(1, 8)},
    **{f"af{c}{d}": c << 3 | d << 1 for c in range(1, 5) for d in range(1, 4)},
    "ef": 46,
}
"""Code points with a name (RFC 2474, 2597, 3246), in IOS's spelling."""

PRECEDENCE_NAMES: Final[dict[str, int]] = {
    "routine": 0,
    "priority": 1,
    "immediate": 2,
    "flash": 3,
    "flash-override": 4,
    "critical": 5,
    "internet": 6,
    "network": 7,
}
"""RFC 791."""


@dataclass(frozen=True, slots=True)
class Match:
    """One `match` line. `values` are alternatives; `version` 4 or 6 limits it to that IP.

    `kind`: any, dscp, precedence, qos-group, access-group (`name` is the list's) or protocol
    (`name` is ip or ipv6).
    """

    kind: str
    values: tuple[int, ...] = ()
    name: str = ""
    version: int | None = None
    negated: bool = False


@dataclass(frozen=True, slots=True)
class ClassMap:
    """`class-map`: all of its matches or any of them. Without any it matches nothing."""

    name: str
    match_any: bool = False
    matches: tuple[Match, ...] = ()
    description: str = ""


@dataclass(frozen=True, slots=True)
class Rate:
    """A share of the interface's bandwidth, in per cent or in kbit/s: one of the two."""

    percent: int | None = None
    kbps: int | None = None

    def of(self, bandwidth: int) -> int:
        """In kbit/s, of an interface of `bandwidth` kbit/s."""
        if self.percent is not None:
            return bandwidth * self.percent // 100
        return self.kbps or 0


@dataclass(frozen=True, slots=True)
class Priority:
    """`priority`: without a rate it is not limited (or by `police`). `burst` None = 200 ms."""

    level: int = 1
    rate: Rate | None = None
    burst: int | None = None
    named_level: bool = False  # `priority level 1` was typed, and is shown so


@dataclass(frozen=True, slots=True)
class Police:
    """`police cir`; what conforms is transmitted, what exceeds dropped. `burst` None = 250 ms."""

    rate: int | None = None
    percent: int | None = None
    burst: int | None = None

    def cir(self, bandwidth: int) -> int:
        """Bits a second, of an interface of `bandwidth` kbit/s."""
        return bandwidth * 10 * (self.percent or 0) if self.rate is None else self.rate

    def bc(self, bandwidth: int) -> int:
        """Octets that may pass at once."""
        return self.burst if self.burst is not None else max(self.cir(bandwidth) // 32, 1500)


@dataclass(frozen=True, slots=True)
class Mark:
    """`set`: what a class writes into its packets. None = left alone."""

    qos_group: int | None = None
    dscp: int | None = None
    precedence: int | None = None

    @property
    def dscp_field(self) -> tuple[int, int]:
        """Value and mask of the DSCP field's bits that change."""
        if self.dscp is not None:
            return self.dscp, DSCP_BITS
        if self.precedence is not None:
            return self.precedence << 3, PRECEDENCE_BITS
        return 0, 0


@dataclass(frozen=True, slots=True)
class PolicyClass:
    """One class of a policy map."""

    name: str
    priority: Priority | None = None
    police: Police | None = None
    bandwidth: Rate | None = None
    remaining_percent: int | None = None
    remaining_ratio: int | None = None
    queue_limit: int | None = None
    mark: Mark = Mark()

    @property
    def queues(self) -> bool:
        """Whether it has a queue of its own."""
        return self.priority is not None or self.shares

    @property
    def waits_apart(self) -> bool:
        """Whether it has a queue of its own before the crypto engine, where `police` acts too."""
        return self.queues or self.police is not None

    @property
    def shares(self) -> bool:
        """Whether it has a share of what priority leaves."""
        kinds = (self.bandwidth, self.remaining_percent, self.remaining_ratio)
        return any(kind is not None for kind in kinds)


@dataclass(frozen=True, slots=True)
class PolicyMap:
    """`policy-map`: its classes in the order in which they are asked."""

    name: str
    classes: tuple[PolicyClass, ...] = ()
    description: str = ""

    @property
    def default(self) -> PolicyClass:
        """class-default, configured or not."""
        found = (one for one in self.classes if one.name == CLASS_DEFAULT)
        return next(found, PolicyClass(CLASS_DEFAULT))

    @property
    def all_classes(self) -> tuple[PolicyClass, ...]:
        """With class-default, which is asked last."""
        named = (one for one in self.classes if one.name != CLASS_DEFAULT)
        return (*named, self.default)


def dscp_name(value: int) -> str:
    """As IOS prints it: by name where there is one."""
    return next((name for name, number in DSCP_NAMES.items() if number == value), str(value))
