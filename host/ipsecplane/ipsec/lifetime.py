"""How long an SA may live: seconds, kilobytes and sequence numbers, each with a soft limit.

IOS asks for a successor 30 seconds before the time is over or 256 kilobytes before the volume is,
whichever comes first; an SA that has carried nothing gets none: the next packet asks for it. A
jitter keeps both ends from doing so at once, and gives the initiator the first go. SAs of a tunnel
interface always get one: without SAs the interface would go down.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from enum import Enum, auto
from typing import Final

from ipsecplane.ike.types import IpsecSas

from .sad import Usage

REKEY_SECONDS: Final = 30.0
REKEY_BYTES: Final = 256 * 1024
REKEY_FRACTION: Final = 0.25
"""A margin is at most this part of a short lifetime."""

LAST_SEQUENCE: Final = (1 << 32) - 1
REKEY_SEQUENCES: Final = 1 << 24
"""Numbers left when a successor is asked for: seconds of traffic at any rate we carry."""


BUSY_INTERVAL: Final = 1.0
"""Seconds between two looks at the counters of an SA that carries traffic."""

BURST_RATE: Final = 125e6
"""Octets a second that an SA may suddenly carry: a gigabit link."""


class Verdict(Enum):
    FRESH = auto()
    REKEY = auto()  # a soft limit is behind us
    EXPIRED = auto()


@dataclass(frozen=True, slots=True)
class Limits:
    """Instants in seconds of the agent's clock, volumes in octets for each direction."""

    rekey_at: float
    expires_at: float
    rekey_bytes: int
    expire_bytes: int
    rekey_sequence: int = LAST_SEQUENCE - REKEY_SEQUENCES
    rekey_unused: bool = False

    def verdict(self, usage: Usage, now: float) -> Verdict:
        volume = max(usage.bytes_in, usage.bytes_out)
        if now >= self.expires_at or volume >= self.expire_bytes:
            return Verdict.EXPIRED
        if usage.packets_out >= LAST_SEQUENCE:
            return Verdict.EXPIRED
        if volume >= self.rekey_bytes or usage.packets_out >= self.rekey_sequence:
            return Verdict.REKEY
        if now >= self.rekey_at and (self.rekey_unused or usage.packets_in or usage.packets_out):
            return Verdict.REKEY
        return Verdict.FRESH

    def next_instant(self, now: float) -> float:
        """The next limit in time."""
        return self.rekey_at if now < self.rekey_at else self.expires_at


def limits_of(sas: IpsecSas, random_bytes: Callable[[int], bytes]) -> Limits:
    """The limits of SAs, with jitter from `random_bytes`."""
    seconds = float(sas.lifetime_seconds)
    jitter = int.from_bytes(random_bytes(2), "big") / 65536
    margin = min(REKEY_SECONDS * (1.0 + jitter), seconds * REKEY_FRACTION)
    if not sas.initiator:
        margin /= 2
    volume = sas.lifetime_kilobytes * 1024
    volume_margin = min(REKEY_BYTES, int(volume * REKEY_FRACTION))
    if not sas.initiator:
        volume_margin //= 2
    return Limits(
        rekey_at=sas.established_at + seconds - margin,
        expires_at=sas.established_at + seconds,
        rekey_bytes=volume - volume_margin,
        expire_bytes=volume,
        rekey_unused=sas.policy.tunnel,
    )


def next_look(
    limits: Limits, before: Usage, after: Usage, elapsed: float, idle_interval: float
) -> float:
    """Seconds until the counters should be read again.

    `before` and `after` are two readings `elapsed` seconds apart. With traffic between them at most
    BUSY_INTERVAL, and at most half the way to the next volume limit at the rate they show. Without,
    `idle_interval`, or sooner where a burst at BURST_RATE could use up the volume in that time.
    """
    volume = max(after.bytes_in, after.bytes_out)
    left = (limits.rekey_bytes if volume < limits.rekey_bytes else limits.expire_bytes) - volume
    grown = max(after.bytes_in - before.bytes_in, after.bytes_out - before.bytes_out)
    if grown > 0 and elapsed > 0:
        return min(idle_interval, BUSY_INTERVAL, max(0.05, left * elapsed / grown / 2))
    return min(idle_interval, max(BUSY_INTERVAL, left / BURST_RATE))
