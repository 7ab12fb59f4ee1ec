"""Real time: the same queue of events, each waited for; sockets and threads may add to it."""

from __future__ import annotations

import contextlib
import os
import selectors
import time
from collections import deque
from collections.abc import Callable
from typing import Protocol

from ipsecsim.network.clock import NANOSECONDS, Loop, to_nanoseconds


class Readable(Protocol):
    def fileno(self) -> int: ...


class RealTimeLoop(Loop):
    """A `Loop` whose time is the monotonic clock's, counted from its making.

    `call_soon` may be used from any thread; everything else, and every callback, belongs to the
    one that runs the loop.
    """

    def __init__(self) -> None:
        super().__init__()
        self._started_ns = time.monotonic_ns()
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

    def _run_due(self, stop: Callable[[], bool] | None) -> None:
        self._catch_up()
        while (due := self.next_event_ns()) is not None and due <= self._now_ns:
            self._run_next(due)
            self._catch_up()
            if stop is not None and stop():
                return

    def _wait(self, until_ns: int) -> None:
        """Sleep until then, or until a watched thing or another thread has something."""
        timeout = max(0, until_ns - self._elapsed_ns()) / NANOSECONDS
        ready = self._selector.select(timeout)
        self._catch_up()
        for key, _ in ready:
            callback: Callable[[], None] = key.data
            callback()

    def _woken(self) -> None:
        with contextlib.suppress(BlockingIOError):
            os.read(self._wake_in, 4096)
        for _ in range(len(self._soon)):
            self.events += 1
            self._soon.popleft()()

    def _elapsed_ns(self) -> int:
        return time.monotonic_ns() - self._started_ns

    def _catch_up(self) -> None:
        self._now_ns = max(self._now_ns, self._elapsed_ns())
