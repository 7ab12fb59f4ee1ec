"""What main mode and quick mode have in common: duplicates, cached answers, retransmission."""

from __future__ import annotations

import hashlib
from collections.abc import Callable

from ipsecplane.ike.runtime import Runtime
from ipsecplane.ike.timers import Timer

BACK_OFF = 1.5
LONGEST_INTERVALS = 3  # the interval stops growing at three times the first


class Retransmission:
    """Sends again until stopped, each time after a longer wait; gives up after the limit."""

    def __init__(
        self, runtime: Runtime, send: Callable[[], None], give_up: Callable[[float], None]
    ) -> None:
        self._runtime = runtime
        self._send = send
        self._give_up = give_up
        self._timer: Timer | None = None
        self._sent = 0
        self._interval = 0.0

    def start(self, now: float) -> None:
        self.stop()
        self._sent = 0
        self._interval = self._runtime.config.retransmit_interval
        self._schedule(now)

    def stop(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None

    def _schedule(self, now: float) -> None:
        self._timer = self._runtime.timers.at(now + self._interval, self._expired)

    def _expired(self, now: float) -> None:
        config = self._runtime.config
        if self._sent >= config.retransmit_limit:
            self._timer = None
            self._give_up(now)
            return
        self._sent += 1
        self._runtime.count("retransmitted")
        self._interval = min(
            self._interval * BACK_OFF, config.retransmit_interval * LONGEST_INTERVALS
        )
        self._send()
        self._schedule(now)


def longest_negotiation(interval: float, limit: int) -> float:
    """Seconds from a first sending to giving up: how long an answer may still be asked for."""
    total, wait = interval, interval
    for _ in range(limit):
        wait = min(wait * BACK_OFF, interval * LONGEST_INTERVALS)
        total += wait
    return total


class AnswerCache:
    """Recognises messages that were accepted before; the last one's answer can be sent again.

    Messages are known by their digest. Only accepted ones enter, so that a forged message cannot
    keep the honest one out.
    """

    def __init__(self) -> None:
        self._seen: set[bytes] = set()
        self._last: bytes | None = None
        self._answer: bytes | None = None

    def accept(self, message: bytes, answer: bytes | None) -> None:
        self._last = hashlib.sha256(message).digest()
        self._answer = answer
        self._seen.add(self._last)

    def is_duplicate(self, message: bytes) -> bool:
        return hashlib.sha256(message).digest() in self._seen

    def answer_to(self, message: bytes) -> bytes | None:
        """The answer to send again, if `message` was the last that was accepted."""
        return self._answer if hashlib.sha256(message).digest() == self._last else None
