"""Time and the order of things: one queue of events, in whole nanoseconds.

Events of the same instant run in the order in which they were asked for, so a run depends on
nothing but its inputs. `Loop` is virtual time: it jumps from event to event.
`realtime.RealTimeLoop` waits for each instead; nothing else differs.
"""

from __future__ import annotations

import heapq
import math
from collections.abc import Callable
from typing import Final, Protocol

NANOSECONDS: Final = 1_000_000_000


def to_nanoseconds(seconds: float) -> int:
    """The first whole nanosecond that is not before `seconds`."""
    ns = math.ceil(seconds * NANOSECONDS)
    while ns / NANOSECONDS < seconds:  # the product may round down, and a timer must not be early
        ns += 1
    return ns


class Timer:
    """A pending call; `cancel` is idempotent and allowed after it ran."""

    __slots__ = ("_callback", "time_ns")

    def __init__(self, time_ns: int, callback: Callable[[], None]) -> None:
        self.time_ns = time_ns
        self._callback: Callable[[], None] | None = callback

    @property
    def pending(self) -> bool:
        return self._callback is not None

    def cancel(self) -> None:
        self._callback = None

    def _run(self) -> None:
        callback, self._callback = self._callback, None
        if callback is not None:
            callback()


class Loop:
    """The event queue. `now` and `now_ns` start at zero; time never goes back."""

    def __init__(self) -> None:
        self._queue: list[tuple[int, int, Timer]] = []
        self._order = 0
        self._now_ns = 0
        self._interrupted = False
        self.events = 0  # how many ran, for benchmarks

    @property
    def now_ns(self) -> int:
        return self._now_ns

    @property
    def now(self) -> float:
        """Seconds; the same instant as `now_ns`, rounded to a float."""
        return self._now_ns / NANOSECONDS

    def at_ns(self, time_ns: int, callback: Callable[[], None]) -> Timer:
        """Call `callback` at `time_ns`, or at once after what is already due if that has passed."""
        timer = Timer(max(time_ns, self._now_ns), callback)
        heapq.heappush(self._queue, (timer.time_ns, self._order, timer))
        self._order += 1
        return timer

    def at(self, seconds: float, callback: Callable[[], None]) -> Timer:
        return self.at_ns(to_nanoseconds(seconds), callback)

    def after(self, seconds: float, callback: Callable[[], None]) -> Timer:
        """Call `callback` in `seconds` (≥ 0) from now."""
        return self.at_ns(self._now_ns + max(0, round(seconds * NANOSECONDS)), callback)

    def next_event_ns(self) -> int | None:
        """When the next pending event is due, None if there is none."""
        while self._queue and not self._queue[0][2].pending:
            heapq.heappop(self._queue)
        return self._queue[0][0] if self._queue else None

    def step(self) -> bool:
        """Run the next event, jumping to its time. False if there is none."""
        due = self.next_event_ns()
        if due is None:
            return False
        self._run_next(due)
        return True

    def run_until(self, seconds: float, stop: Callable[[], bool] | None = None) -> bool:
        """Run everything due up to and including `seconds`, then be at `seconds`.

        `stop` is asked after each event; when it holds, time stays there and the result is True.
        """
        end_ns = to_nanoseconds(seconds)
        while True:
            if stop is not None and stop():
                return True
            due = self.next_event_ns()
            if due is None or due > end_ns:
                break
            self._run_next(due)
        self._now_ns = max(self._now_ns, end_ns)
        return False

    def run_for(self, seconds: float, stop: Callable[[], bool] | None = None) -> bool:
        """`run_until`, counted from now."""
        return self.run_until((self._now_ns + round(seconds * NANOSECONDS)) / NANOSECONDS, stop)

    def interrupt(self) -> None:
        """For signal handlers: the loop, when it runs, raises KeyboardInterrupt between two events.

        So nothing is left half done.
        """
        self._interrupted = True

    def _heed(self) -> None:
        if self._interrupted:
            self._interrupted = False
            raise KeyboardInterrupt

    def _run_next(self, due: int) -> None:
        self._heed()
        timer = heapq.heappop(self._queue)[2]
        self._now_ns = max(self._now_ns, due)
        self.events += 1
        timer._run()


class Machine(Protocol):
    """A sans-IO state machine with a clock of its own: the agent, a switch, an IKE engine."""

    def next_timeout(self) -> float | None: ...

    def handle_timeout(self, now: float) -> None: ...


class Alarm:
    """Keeps one timer armed for a `Machine`; call `rearm` after anything that may have moved it."""

    def __init__(self, loop: Loop, machine: Machine, after: Callable[[], None]) -> None:
        """`after` runs after each timeout, to move what the machine has to send."""
        self._loop = loop
        self._machine = machine
        self._after = after
        self._timer: Timer | None = None

    def rearm(self) -> None:
        deadline = self._machine.next_timeout()
        wanted = None if deadline is None else max(to_nanoseconds(deadline), self._loop.now_ns)
        if self._timer is not None and self._timer.pending:
            if self._timer.time_ns == wanted:
                return
            self._timer.cancel()
        self._timer = None if wanted is None else self._loop.at_ns(wanted, self._fire)

    def stop(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None

    def _fire(self) -> None:
        self._machine.handle_timeout(self._loop.now)
        self._after()
        self.rearm()
