"""Real time: the same queue of events, each waited for; sockets and threads may add to it."""

from __future__ import annotations

import contextlib
import os
import selectors
import time
from collections import deque
from collections.abc import Callable, Iterator
from typing import Protocol

from ipsecsim.network.clock import NANOSECONDS, Loop, to_nanoseconds


class Readable(Protocol):
    def fileno(self) -> int: ...


class RealTimeLoop(Loop):
    """A `Loop` whose time is the monotonic clock's, counted from when it is first run.

    `call_soon` may be used from any thread; everything else, and every callback, belongs to the
    one that runs the loop.
    """

    def __init__(self) -> None:
        super().__init__()
        self._started_ns = 0
        self._stopped_ns: int | None = 0  # what the clock shows while it stands
        self._selector = selectors.DefaultSelector()
        self._soon: deque[Callable[[], None]] = deque()
        self._wake_in, self._wake_out = os.pipe()
        os.set_blocking(self._wake_in, False)
        os.set_blocking(self._wake_out, False)
        self._selector.register(self._wake_in, selectors.EVENT_READ, self._woken)

    def watch(self, readable: Readable, callback: Callable[[], None]) -> None:
        """Call `callback` whenever `readable` has something to read."""
        self._selector.register(readable, selectors.EVENT_READ, callback)

    def unwatch(self, readable: Readable) -> None:
        with contextlib.suppress(KeyError, ValueError):
            self._selector.unregister(readable)

    def call_soon(self, callback: Callable[[], None]) -> None:
        """Call `callback` on the loop's thread; thread-safe."""
        self._soon.append(callback)
        with contextlib.suppress(BlockingIOError, OSError):  # a full pipe wakes as well
            os.write(self._wake_out, b"x")

    @contextlib.contextmanager
    def standing_still(self) -> Iterator[None]:
        """Within, no time passes: what takes real time to set up happens at one instant."""
        stopped = self._stopped_ns
        self._stopped_ns = self._now_ns
        try:
            yield
        finally:
            if stopped is None:
                self._go_on()

    def settle(self, seconds: float, ready: Callable[[], bool]) -> bool:
        """Without letting time pass, handle what threads and sockets bring until `ready`.

        `seconds` are real ones. False if they were not enough.
        """
        with self.standing_still():
            deadline = time.monotonic() + seconds
            self._select(0)
            while True:
                self._run_due(ready)
                if ready():
                    return True
                left = deadline - time.monotonic()
                if left <= 0:
                    return False
                self._select(left)

    def at_wall_pace(self) -> contextlib.AbstractContextManager[None]:
        """Around waiting for a person: time passes as theirs does. Here it always does."""
        return contextlib.nullcontext()

    def interrupt(self) -> None:
        super().interrupt()
        self.call_soon(lambda: None)

    def step(self) -> bool:
        """Wait for the next event and run it. False if none is pending (nothing is waited for)."""
        due = self.next_event_ns()
        if due is None:
            return False
        before = self.events
        while self.events == before:
            self.run_until(max(due, self._elapsed_ns()) / NANOSECONDS)
        return True

    def run_until(self, seconds: float, stop: Callable[[], bool] | None = None) -> bool:
        end_ns = to_nanoseconds(seconds)
        self._begin()
        while True:
            self._run_due(stop)
            if stop is not None and stop():
                return True
            if self._now_ns >= end_ns:
                return False
            due = self.next_event_ns()
            self._wait(end_ns if due is None else min(due, end_ns))

    def close(self) -> None:
        self._selector.close()
        for pipe in (self._wake_in, self._wake_out):
            with contextlib.suppress(OSError):
                os.close(pipe)

    def _begin(self) -> None:
        if self._stopped_ns is not None:
            self._go_on()

    def _run_due(self, stop: Callable[[], bool] | None) -> None:
        self._heed()
        self._catch_up()
        while (due := self.next_event_ns()) is not None and due <= self._now_ns:
            self._run_next(due)
            self._catch_up()
            if stop is not None and stop():
                return

    def _wait(self, until_ns: int) -> None:
        """Sleep until then, or until a watched thing or another thread has something."""
        self._select(max(0, until_ns - self._elapsed_ns()) / NANOSECONDS)

    def _select(self, timeout: float) -> None:
        ready = self._selector.select(timeout)
        self._catch_up()
        for key, _ in ready:
            callback: Callable[[], None] = key.data
            self.events += 1
            callback()

    def _woken(self) -> None:
        with contextlib.suppress(BlockingIOError):
            os.read(self._wake_in, 4096)
        for _ in range(len(self._soon)):
            self._soon.popleft()()

    def _go_on(self) -> None:
        """The clock runs from what it shows."""
        self._started_ns = time.monotonic_ns() - self._elapsed_ns()
        self._stopped_ns = None

    def _elapsed_ns(self) -> int:
        if self._stopped_ns is not None:
            return self._stopped_ns
        return time.monotonic_ns() - self._started_ns

    def _catch_up(self) -> None:
        self._now_ns = max(self._now_ns, self._elapsed_ns())
