"""A crypto engine of a given speed, with the queues in front of it.

Sans-IO: packets are offered, results are collected when they are due. A packet is worked on from
the moment it leaves its queue, so sequence numbers follow the order of leaving: a priority packet
that overtakes others does not make them late for the peer's replay window.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Generic, TypeVar

from .llq import TICKS_PER_SECOND, Cause, LlqClass, Scheduler

T = TypeVar("T")


class Engine(Generic[T]):
    """`rate` is in octets a second; 0 = takes no time, so nothing ever waits.

    `serve` makes the results of a packet, told its class; `dropped` hears of each packet that the
    queues refuse: its class, size in octets and why.
    """

    def __init__(
        self,
        rate: int,
        serve: Callable[[T, int], list[bytes]],
        dropped: Callable[[int, int, Cause], None],
    ) -> None:
        self._rate = rate
        self._serve = serve
        self._dropped = dropped
        self._queues: Scheduler[T] = Scheduler()
        self._results: list[bytes] = []  # of the packet that is worked on until `_done`
        self._done: float | None = None

    @property
    def due(self) -> float | None:
        """When `collect` has something next, in seconds; None if nothing is under way."""
        return self._done

    def configure(self, classes: Mapping[int, LlqClass], now: float) -> None:
        self._queues.configure(classes, tick(now))

    def offer(self, item: T, size: int, number: int, now: float) -> list[bytes]:
        """Queue a packet of `size` octets in class `number`. Returns what is done by `now`."""
        results = self.collect(now)
        cause = self._queues.offer(item, size, number, tick(now))
        if cause is not None:
            self._dropped(number, size, cause)
            return results
        if self._done is None:
            self._start(now)
        return results + self.collect(now)

    def collect(self, now: float) -> list[bytes]:
        """The results that are done by `now`, in the order in which they were done."""
        results: list[bytes] = []
        while self._done is not None and self._done <= now:
            results += self._results
            done, self._done = self._done, None
            self._start(done)
        return results

    def _start(self, now: float) -> None:
        taken = self._queues.take()
        if taken is None:
            return
        number, item, size = taken
        self._results = self._serve(item, number)
        self._done = now + size / self._rate if self._rate else now


def tick(now: float) -> int:
    """The time of the token buckets."""
    return int(now * TICKS_PER_SECOND)
