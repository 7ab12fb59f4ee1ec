"""How SAs age: their limits, and when the data plane's counters have to be looked at."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from math import inf
from typing import Final

from ipsecplane.ike.types import IpsecSas
from ipsecplane.ipsec.lifetime import BUSY_INTERVAL, Limits, Verdict, limits_of, next_look
from ipsecplane.ipsec.sad import Sad, SadEntry, Usage

IDLE_RESOLUTION: Final = 1 / 60
"""SAs go at most this part of their idle time too late."""


@dataclass(slots=True)
class Aged:
    """What a look found: SAs that are over, that carried nothing, that want a successor."""

    expired: list[SadEntry] = field(default_factory=list)
    idle: list[SadEntry] = field(default_factory=list)
    to_rekey: list[SadEntry] = field(default_factory=list)


class Aging:
    """Limits of all SAs. `interval` is the longest time between two looks, in seconds.

    `refresh()` reads the counters into `SadEntry.usage`; `idle_time(sa)` says for how many seconds
    an SA may carry nothing (0 = for ever).
    """

    def __init__(
        self,
        sad: Sad,
        refresh: Callable[[], None],
        idle_time: Callable[[SadEntry], int],
        interval: float,
        random_bytes: Callable[[int], bytes],
    ) -> None:
        self.next_timeout: float | None = None
        self._sad = sad
        self._refresh = refresh
        self._idle_time = idle_time
        self._interval = interval
        self._random_bytes = random_bytes
        self._limits: dict[int, Limits] = {}  # by SAs id
        # By SAs id: the last reading that differed from the one before, and when that was.
        self._active: dict[int, tuple[Usage, float]] = {}
        self._looked_at = 0.0

    def add(self, sas: IpsecSas, now: float) -> None:
        self._limits[sas.id] = limits_of(sas, self._random_bytes)
        self._active[sas.id] = Usage(), now
        self.schedule(now, BUSY_INTERVAL)

    def remove(self, sas: IpsecSas) -> None:
        self._limits.pop(sas.id, None)
        self._active.pop(sas.id, None)
        if not len(self._sad):
            self.next_timeout = None

    def look(self, now: float) -> tuple[Aged, float]:
        """Read the counters and see which SAs are at a limit; and when to look again (seconds)."""
        before = {sa.sas.id: sa.usage for sa in self._sad}
        self._refresh()
        found, interval = Aged(), self._interval
        for sa in self._sad:
            limits = self._limits[sa.sas.id]
            if sa.usage != self._active[sa.sas.id][0]:
                self._active[sa.sas.id] = sa.usage, now
            match limits.verdict(sa.usage, now):
                case Verdict.EXPIRED:
                    found.expired.append(sa)
                case _ if now >= self._idle_at(sa):
                    found.idle.append(sa)
                case Verdict.REKEY:
                    found.to_rekey.append(sa)
            elapsed = now - self._looked_at
            interval = min(interval, self._next(limits, before[sa.sas.id], sa.usage, elapsed))
            if idle_time := self._idle_time(sa):
                # When traffic ended is known to the interval between two looks.
                interval = min(interval, max(BUSY_INTERVAL, idle_time * IDLE_RESOLUTION))
        self._looked_at = now
        return found, interval

    def schedule(self, now: float, interval: float) -> None:
        """Look again after `interval` seconds, sooner if a limit in time comes before."""
        if not len(self._sad):
            self.next_timeout = None
            return
        instants = [self._limits[sa.sas.id].next_instant(now) for sa in self._sad]
        instants += [self._idle_at(sa) for sa in self._sad]
        self.next_timeout = min([now + min(interval, self._interval), *instants])

    def _idle_at(self, sa: SadEntry) -> float:
        seconds = self._idle_time(sa)
        return self._active[sa.sas.id][1] + seconds if seconds else inf

    def _next(self, limits: Limits, before: Usage, after: Usage, elapsed: float) -> float:
        return next_look(limits, before, after, elapsed, self._interval)
