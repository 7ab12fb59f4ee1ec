"""`show logging`, `show clock`, `show version`, `show debugging`, `show history`."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from ipsecplane import __doc__ as _about
from ipsecplane.config import ClockConfig, RouterConfig
from ipsecplane.ios.syslog import SEVERITIES, format_line, local_time
from ipsecplane.views import LoggingView, LogLine, TrafficView

DEBUG_TOPICS = {
    "isakmp": "Crypto ISAKMP",
    "ipsec": "Crypto IPSEC",
    "engine packet": "Crypto Engine Packet",
    "engine packet detail": "Crypto Engine Packet detail",
}
"""By the words of `debug crypto`."""


def logging(
    config: RouterConfig, view: LoggingView, lines: Sequence[tuple[LogLine, datetime]], set_: bool
) -> list[str]:
    """`lines` are the buffer's, each with its UTC time; `set_` whether the clock was set."""
    settings = config.logging
    console = "disabled"
    if settings.console:
        level = SEVERITIES[settings.console_level]
        console = f"level {level}, {view.logged} messages logged, xml disabled,"
    buffered = SEVERITIES[settings.buffered_level]
    buffer = f"level {buffered}, {view.logged} messages logged, xml disabled,"
    if not settings.buffered_size:
        buffer = "disabled"
    rows = [
        f"Syslog logging: enabled ({view.dropped} messages dropped, {view.rate_limited} messages"
        " rate-limited, 0 flushes, 0 overruns, xml disabled, filtering disabled)",
        "",
        "No Active Message Discriminator.",
        "",
        "No Inactive Message Discriminator.",
        "",
        f"    Console logging: {console}",
        *(["                     filtering disabled"] if settings.console else []),
        "    Monitor logging: level debugging, 0 messages logged, xml disabled,",
        "                     filtering disabled",
        f"    Buffer logging:  {buffer}",
        *(["                    filtering disabled"] if settings.buffered_size else []),
        "    Exception Logging: size (8192 bytes)",
        "    Count and timestamp logging messages: disabled",
        "    Persistent logging: disabled",
        "    Trap logging: level informational, 0 message lines logged",
        "",
        f"Log Buffer ({settings.buffered_size} bytes):",
        "",
    ]
    rows += [
        row
        for line, utc in lines
        for row in format_line(line, utc, config.clock, authoritative=set_).splitlines()
    ]
    return rows


def clock(config: ClockConfig, utc: datetime, set_: bool, detail: bool) -> list[str]:
    at, zone = local_time(utc, config)
    mark = "" if set_ else "*"
    text = f"{mark}{at:%H:%M:%S}.{at.microsecond // 1000:03} {zone} {at:%a %b} {at.day} {at.year}"
    if not detail:
        return [text]
    return [text, "Time source is user configuration" if set_ else "No time source"]


def age(seconds: float) -> str:
    """Uptime in words: "1 day, 2 hours, 5 minutes"."""
    total = int(seconds) // 60
    words: list[str] = []
    for unit, size in (("week", 10080), ("day", 1440), ("hour", 60), ("minute", 1)):
        count, total = divmod(total, size)
        if count or (unit == "minute" and not words):
            words.append(f"{count} {unit}{'' if count == 1 else 's'}")
    return ", ".join(words)


def version(config: RouterConfig, number: str, now: float) -> list[str]:
    about = (_about or "").strip().splitlines()
    return [
        f"ipsecplane Software, Version {number}",
        *(about[:1]),
        "This is not Cisco IOS XE: it is a model that speaks its command language.",
        "",
        f"{config.hostname} uptime is {age(now)}",
        f"{len(config.interfaces)} interfaces configured",
    ]


def debugging(topics: frozenset[str]) -> list[str]:
    if not topics:
        return []
    rows = ["", "", "Cryptographic Subsystem:"]
    return rows + [f"  {DEBUG_TOPICS[t]} debugging is on" for t in DEBUG_TOPICS if t in topics]


def ip_traffic(view: TrafficView) -> list[str]:
    """The lines of IOS's table that the router's own stack knows about."""
    return [
        "IP statistics:",
        f"  Frags: {view.reassembled} reassembled, {view.timeouts} timeouts,"
        f" {view.failed} couldn't reassemble",
    ]
