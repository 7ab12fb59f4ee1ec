"""Low-latency queueing: which of the packets that wait goes next (guide chapter 8).

Classes of level 1 go first, then those of level 2, each packet by packet in turn; what they leave
is shared by the others by weight (deficit round robin; `bandwidth remaining percent`). A class
drops what is above its limit, then what is above its police rate.

Sizes are octets, times are whole ticks of any length: here a tick is 2^-16 s, in the RTL it is a
number of cycles. `rtl/datapath/llq_scheduler.sv` gives the same order, packet by packet.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Mapping
from dataclasses import dataclass
from enum import IntEnum
from typing import Final, Generic, TypeVar

CLASSES: Final = 16
QUANTUM: Final = 64
"""Octets that one unit of weight adds a round."""

TICKS_PER_SECOND: Final = 1 << 16
_LEVELS: Final = (1, 2)
_MAX_WEIGHT: Final = 1023
_CREDIT: Final = 16  # binary digits of an octet's fractions in a token bucket

T = TypeVar("T")


class LlqError(ValueError):
    """A class that cannot be; the text names the parameter."""


class Cause(IntEnum):
    """Why a packet was dropped in front of the engine."""

    ABOVE_RATE = 0
    ABOVE_LIMIT = 1


@dataclass(frozen=True, slots=True)
class LlqClass:
    """What one class may do.

    `limit` is in packets (0 drops all), `police_rate` in 2^-16 octets a tick, which for ticks of
    2^-16 s is octets a second (0 = not policed), `police_burst` in octets. `conditional`: what is
    above the rate is dropped only while packets wait.
    """

    level: int = 0
    weight: int = 1
    limit: int = 64
    police_rate: int = 0
    police_burst: int = 0
    conditional: bool = False

    def __post_init__(self) -> None:
        if self.level not in (0, *_LEVELS):
            raise LlqError(f"level: {self.level}, must be 0, 1 or 2")
        if self.level == 0 and not 1 <= self.weight <= _MAX_WEIGHT:
            raise LlqError(f"weight: {self.weight}, must be 1 to {_MAX_WEIGHT} where level is 0")
        if self.level and self.weight:
            raise LlqError(f"weight: {self.weight}, but level {self.level} has none")
        if self.police_rate and not self.police_burst:
            raise LlqError("police_burst: 0, so nothing would pass")
        if self.police_burst and not self.police_rate:
            raise LlqError("police_burst: given, but police_rate is 0")


CLASS_DEFAULT: Final = LlqClass()
"""Class 0 while it has no row of its own."""


class TokenBucket:
    """Lets through `rate` (2^-16 octets a tick) on average, and `burst` octets at once."""

    __slots__ = ("_credit", "_filled", "_full", "_rate")

    def __init__(self, rate: int, burst: int, tick: int) -> None:
        self._rate = rate
        self._full = self._credit = burst << _CREDIT
        self._filled = tick

    def conforms(self, size: int, tick: int) -> bool:
        """Whether `size` octets may pass now; they do not yet."""
        self._credit = min(self._full, self._credit + (tick - self._filled) * self._rate)
        self._filled = tick
        return self._credit >= size << _CREDIT

    def spend(self, size: int) -> None:
        self._credit -= size << _CREDIT


class Scheduler(Generic[T]):
    """The queues of one engine, a class each."""

    def __init__(self, classes: int = CLASSES) -> None:
        self._classes: dict[int, LlqClass] = {}
        self._buckets: dict[int, TokenBucket] = {}
        self._queues: list[deque[tuple[T, int]]] = [deque() for _ in range(classes)]
        self._waiting = 0
        self._turn = dict.fromkeys(_LEVELS, 0)  # class that is looked at first
        # Deficit round robin: the class being visited, whether it has had its quantum, and the
        # class that goes next unless one of a level is there. That one is found ahead of time.
        self._visited = 0
        self._has_quantum = False
        self._deficit = [0] * classes
        self._candidate: int | None = None

    def __len__(self) -> int:
        """Packets that wait."""
        return self._waiting

    def configure(self, classes: Mapping[int, LlqClass], tick: int) -> None:
        """The classes from now on. What waits in one that is gone leaves it as from the default."""
        for number in range(len(self._queues)):
            old, new = self._class(number), classes.get(number, CLASS_DEFAULT)
            if old == new:
                continue
            self._buckets.pop(number, None)
            if new.police_rate:
                self._buckets[number] = TokenBucket(new.police_rate, new.police_burst, tick)
            if (old.level, old.weight) != (new.level, new.weight):
                self._deficit[number] = 0
                if self._candidate == number:
                    self._candidate = None
        self._classes = dict(classes)
        self._search()

    def offer(self, item: T, size: int, number: int, tick: int) -> Cause | None:
        """Let a packet of `size` octets wait in class `number`. None, or why it was dropped."""
        queue, rules = self._queues[number], self._class(number)
        if len(queue) >= rules.limit:
            return Cause.ABOVE_LIMIT
        if (bucket := self._buckets.get(number)) is not None:
            if bucket.conforms(size, tick):
                bucket.spend(size)
            elif not rules.conditional or self._waiting:
                return Cause.ABOVE_RATE
        queue.append((item, size))
        self._waiting += 1
        self._search()
        return None

    def take(self) -> tuple[int, T, int] | None:
        """The class, the packet and the size of what goes next; None if nothing waits."""
        for level in _LEVELS:
            if (number := self._next_of(level)) is not None:
                self._turn[level] = (number + 1) % len(self._queues)
                return number, *self._pop(number)
        if self._candidate is None:
            return None
        number, self._candidate = self._candidate, None
        item, size = self._pop(number)
        self._deficit[number] -= _cost(size)
        self._search()
        return number, item, size

    def _class(self, number: int) -> LlqClass:
        return self._classes.get(number, CLASS_DEFAULT)

    def _pop(self, number: int) -> tuple[T, int]:
        self._waiting -= 1
        return self._queues[number].popleft()

    def _next_of(self, level: int) -> int | None:
        count = len(self._queues)
        for step in range(count):
            number = (self._turn[level] + step) % count
            if self._queues[number] and self._class(number).level == level:
                return number
        return None

    def _search(self) -> None:
        """Visit classes until one may send its first packet, or none of level 0 waits."""
        while self._candidate is None and any(
            queue and not self._class(number).level for number, queue in enumerate(self._queues)
        ):
            number = self._visited
            queue, rules = self._queues[number], self._class(number)
            if queue and not rules.level:
                if not self._has_quantum:
                    self._deficit[number] += rules.weight * QUANTUM
                    self._has_quantum = True
                if _cost(queue[0][1]) <= self._deficit[number]:
                    self._candidate = number
                    return
            else:
                self._deficit[number] = 0
            self._visited = (number + 1) % len(self._queues)
            self._has_quantum = False


def _cost(size: int) -> int:
    """No packet is for nothing, or of those without octets any number could go."""
    return max(size, 1)
