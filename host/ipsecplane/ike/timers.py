"""Timers of a sans-IO machine: callbacks by time, run when the owner says what time it is."""

from __future__ import annotations

import heapq
from collections.abc import Callable
from itertools import count


class Timer:
    """One pending callback; `cancel` may be called at any time."""

    __slots__ = ("callback",)

    def __init__(self, callback: Callable[[float], None]) -> None:
        self.callback: Callable[[float], None] | None = callback

    def cancel(self) -> None:
        self.callback = None


class TimerQueue:
    """Timers by time; equal times run in the order of their making."""

    def __init__(self) -> None:
        self._heap: list[tuple[float, int, Timer]] = []
        self._order = count()

    def at(self, when: float, callback: Callable[[float], None]) -> Timer:
        """`callback(now)` at `when` or later."""
        timer = Timer(callback)
        heapq.heappush(self._heap, (when, next(self._order), timer))
        return timer

    def next_time(self) -> float | None:
        while self._heap and self._heap[0][2].callback is None:
            heapq.heappop(self._heap)
        return self._heap[0][0] if self._heap else None

    def run(self, now: float) -> None:
        """Everything that is due, including what becomes due meanwhile."""
        while (due := self.next_time()) is not None and due <= now:
            timer = heapq.heappop(self._heap)[2]
            callback, timer.callback = timer.callback, None
            if callback is not None:
                callback(now)
