"""What all parts of an engine share: configuration, randomness, timers, and what goes out of it."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Hashable
from datetime import datetime

from ipsecplane.ike.timers import TimerQueue
from ipsecplane.ike.types import Datagram, DebugMessage, Event, IkeConfig, LogMessage


class Runtime:
    """Collects datagrams, events and counts until the engine's owner takes them."""

    def __init__(
        self,
        config: IkeConfig,
        random_bytes: Callable[[int], bytes],
        wall_time: Callable[[float], datetime],
    ) -> None:
        self.config = config
        self.wall_time = wall_time
        self.random_bytes = random_bytes
        self.timers = TimerQueue()
        self.counts: Counter[str] = Counter()
        self._outbox: list[Datagram] = []
        self._events: list[Event] = []

    def send(self, datagram: Datagram) -> None:
        self._outbox.append(datagram)
        self.counts["sent"] += 1

    def emit(self, event: Event) -> None:
        self._events.append(event)

    def log(self, severity: int, mnemonic: str, text: str, *, facility: str = "CRYPTO") -> None:
        """A syslog message."""
        self.emit(LogMessage(facility, severity, mnemonic, text))

    def debug(self, text: str, topic: str = "isakmp") -> None:
        self.emit(DebugMessage(topic, text))

    def count(self, name: str) -> None:
        self.counts[name] += 1

    def take_datagrams(self) -> list[Datagram]:
        taken, self._outbox = self._outbox, []
        return taken

    def take_events(self) -> list[Event]:
        taken, self._events = self._events, []
        return taken

    def nonzero_random(self, size: int) -> bytes:
        """Random octets that are not all zero: cookies and message IDs, where zero means none."""
        while not any(value := self.random_bytes(size)):
            pass
        return value


class RateLimit:
    """One permission a key every `interval` seconds, for at most `capacity` keys at once."""

    def __init__(self, interval: float, capacity: int = 256) -> None:
        self._interval = interval
        self._capacity = capacity
        self._last: dict[Hashable, float] = {}

    def allows(self, key: Hashable, now: float) -> bool:
        last = self._last.get(key)
        if last is not None and now - last < self._interval:
            return False
        if len(self._last) >= self._capacity:
            recent = {k: t for k, t in self._last.items() if now - t < self._interval}
            self._last = recent
            if len(recent) >= self._capacity:
                return False
        self._last[key] = now
        return True
