"""Logging and the clock."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class LoggingConfig:
    """Levels are the least severe that is shown, 7 = debugging (RFC 5424 severities)."""

    console: bool = True
    buffered_size: int = 8000  # bytes; 0 = no buffer
    rate_limit: int | None = None
    console_level: int = 7
    buffered_level: int = 7


@dataclass(frozen=True, slots=True)
class Timestamps:
    """`service timestamps`: with neither `datetime` nor `uptime` messages bear no time."""

    datetime: bool = True
    uptime: bool = False
    msec: bool = True
    localtime: bool = False
    show_timezone: bool = False
    year: bool = False


@dataclass(frozen=True, slots=True)
class ClockConfig:
    timezone: str = "UTC"
    offset_minutes: int = 0
    summer_timezone: str = ""  # "" = no summer time; US rules (`recurring`)
    log: Timestamps = Timestamps()
    debug: Timestamps = Timestamps()

    @property
    def log_datetime(self) -> bool:
        return self.log.datetime

    @property
    def log_msec(self) -> bool:
        return self.log.msec

    @property
    def log_localtime(self) -> bool:
        return self.log.localtime
