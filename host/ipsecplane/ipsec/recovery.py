"""Invalid SPI recovery (guide chapter 3): what a packet for an unknown SA sets off.

Without `crypto isakmp invalid-spi-recovery` the sender is told only over an IKE SA that is there
already; with it, an IKE SA is set up to tell. That invites denial of service by forged packets, so
the reaction is limited: only peers that policy knows, each at most once an interval, and not more
than a few set-ups in a row over all of them.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from ipsecplane.config import Address

LOG_INTERVAL: Final = 60.0
"""Seconds between two log lines about one source, as IOS limits %CRYPTO-4-RECVD_PKT_INV_SPI."""

NOTIFY_INTERVAL: Final = 2.0
"""Seconds between two notifications to one peer: not acknowledged, they are repeated."""

SETUP_BURST: Final = 10
SETUP_RATE: Final = 1.0
"""IKE SAs set up for notifications: so many at once, then so many a second."""

MAX_SOURCES: Final = 4096
"""Sources remembered for the limits; beyond that the oldest is forgotten."""


@dataclass(frozen=True, slots=True)
class Decision:
    log: bool
    notify: bool


class InvalidSpiRecovery:
    """Decides packet by packet. Times are seconds."""

    def __init__(self) -> None:
        self._logged: dict[Address, float] = {}
        self._notified: dict[Address, float] = {}
        self._tokens = float(SETUP_BURST)
        self._tokens_at = 0.0
        self.suppressed_logs = 0

    def packet(
        self, source: Address, now: float, *, enabled: bool, known_peer: bool, ike_sa: bool
    ) -> Decision:
        """A packet from `source` named an SA that we have not.

        `enabled`: invalid-spi-recovery is configured; `known_peer`: a policy entry names `source`;
        `ike_sa`: an IKE SA with it is up.
        """
        log = _due(self._logged, source, now, LOG_INTERVAL)
        self.suppressed_logs += not log
        if not (ike_sa or (enabled and known_peer)):
            return Decision(log, False)
        if now - self._notified.get(source, -NOTIFY_INTERVAL) < NOTIFY_INTERVAL:
            return Decision(log, False)
        if not ike_sa and not self._take_token(now):
            return Decision(log, False)
        _due(self._notified, source, now, NOTIFY_INTERVAL)
        return Decision(log, True)

    def _take_token(self, now: float) -> bool:
        grown = (now - self._tokens_at) * SETUP_RATE
        self._tokens, self._tokens_at = min(float(SETUP_BURST), self._tokens + grown), now
        if self._tokens < 1.0:
            return False
        self._tokens -= 1.0
        return True


def _due(times: dict[Address, float], source: Address, now: float, interval: float) -> bool:
    """Whether `interval` has passed since the last time; if so, this is the last time."""
    if now - times.get(source, -interval) < interval:
        return False
    times.pop(source, None)
    times[source] = now
    if len(times) > MAX_SOURCES:
        del times[next(iter(times))]
    return True
