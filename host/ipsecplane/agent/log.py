"""The log: a buffer of bounded size, rate limits, and the console."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable
from typing import Final

from ipsecplane.config import LoggingConfig
from ipsecplane.views import LoggingView, LogLine

REPEAT_INTERVAL: Final = 60.0
"""Seconds between two log lines about one bad sender or SA, as IOS limits its CRYPTO-4 messages."""

_LINE_OVERHEAD: Final = 40
"""Octets that timestamp and mnemonic add to a buffered message, roughly."""


class Log:
    """Syslog and debug messages of one router. What a terminal shows, the terminal decides."""

    def __init__(self, config: LoggingConfig) -> None:
        self.config = config
        self.on_console: Callable[[LogLine], None] | None = None
        self._lines: deque[LogLine] = deque()
        self._octets = 0
        self._logged = 0
        self._rate_limited = 0
        self._second = (-1, 0)  # a second and the messages in it
        self._last: dict[tuple[str, object], float] = {}

    def add(self, line: LogLine) -> None:
        """Log a message, unless the configured rate (messages a second) is used up."""
        limit = self.config.rate_limit
        if limit is not None:
            second, count = self._second
            count = count + 1 if second == int(line.time) else 1
            self._second = int(line.time), count
            if count > limit:
                self._rate_limited += 1
                return
        self._logged += 1
        if self.on_console is not None:
            self.on_console(line)
        if line.severity <= self.config.buffered_level:
            self._lines.append(line)
            self._octets += _size(line)
            self._trim()

    def add_limited(self, line: LogLine, about: object, interval: float = REPEAT_INTERVAL) -> None:
        """Log a message, but one about the same thing at most once an interval."""
        key = line.mnemonic, about
        last = self._last.get(key)
        if last is not None and line.time - last < interval:
            self._rate_limited += 1
            return
        if len(self._last) > 4096:
            self._last.clear()
        self._last[key] = line.time
        self.add(line)

    def count_limited(self) -> None:
        """A message was held back elsewhere."""
        self._rate_limited += 1

    def view(self) -> LoggingView:
        return LoggingView(tuple(self._lines), self._logged, 0, self._rate_limited)

    def clear(self) -> None:
        self._lines.clear()
        self._octets = 0

    def configure(self, config: LoggingConfig) -> None:
        self.config = config
        self._trim()

    def _trim(self) -> None:
        while self._octets > self.config.buffered_size:
            self._octets -= _size(self._lines.popleft())


def _size(line: LogLine) -> int:
    return len(line.text) + _LINE_OVERHEAD
