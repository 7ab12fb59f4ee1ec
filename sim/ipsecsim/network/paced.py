"""Virtual time for a network that somebody sits in front of."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator

from ipsecsim.network.realtime import RealTimeLoop


class PacedLoop(RealTimeLoop):
    """Jumps from event to event as `Loop` does, but `at_wall_pace` waits for each.

    Outside of `at_wall_pace` its instants are those of a `Loop`, to the nanosecond.
    """

    def __init__(self) -> None:
        super().__init__()
        self._waits = False

    @contextlib.contextmanager
    def at_wall_pace(self) -> Iterator[None]:
        self._waits = True
        self._go_on()
        try:
            yield
        finally:
            self._stopped_ns = self._now_ns
            self._waits = False

    def _begin(self) -> None:
        """The clock stands; `_wait` moves it."""

    def _wait(self, until_ns: int) -> None:
        if self._waits:
            super()._wait(until_ns)
        else:
            self._stopped_ns = max(self._now_ns, until_ns)
            self._select(0)
