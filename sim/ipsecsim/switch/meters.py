"""Two rate three colour marking, colour-blind (RFC 2698), on the caller's clock."""

from __future__ import annotations

from ipsecsim.p4runtime.entries import MeterConfig

GREEN, YELLOW, RED = 0, 1, 2


class Meter:
    """Two token buckets, full at the start. Sizes are bytes or packets, as the meter counts."""

    __slots__ = ("_committed", "_config", "_last", "_peak")

    def __init__(self, config: MeterConfig, now: float) -> None:
        self._config = config
        self._committed = float(config.cburst)
        self._peak = float(config.pburst)
        self._last = now

    def execute(self, size: int, now: float) -> int:
        """Mark a packet of `size` units."""
        config = self._config
        elapsed = max(0.0, now - self._last)
        self._last = max(self._last, now)
        committed = min(config.cburst, self._committed + elapsed * config.cir)
        peak = min(config.pburst, self._peak + elapsed * config.pir)
        if peak < size:
            colour = RED
        elif committed < size:
            colour = YELLOW
            peak -= size
        else:
            colour = GREEN
            peak -= size
            committed -= size
        self._committed, self._peak = committed, peak
        return colour


class SingleRateMeter:
    """Single rate three colour marking, colour-blind (RFC 2697).

    The committed bucket overflows into the excess bucket of `eburst`; with `eburst` 0 there are
    two colours.
    """

    __slots__ = ("_committed", "_config", "_excess", "_last")

    def __init__(self, config: MeterConfig, now: float) -> None:
        self._config = config
        self._committed = float(config.cburst)
        self._excess = float(config.eburst)
        self._last = now

    def execute(self, size: int, now: float) -> int:
        config = self._config
        filled = self._committed + max(0.0, now - self._last) * config.cir
        self._last = max(self._last, now)
        self._committed = min(config.cburst, filled)
        self._excess = min(config.eburst, self._excess + filled - self._committed)
        if self._committed >= size:
            self._committed -= size
            return GREEN
        if self._excess >= size:
            self._excess -= size
            return YELLOW
        return RED


class AlwaysGreen:
    """A meter that nobody has configured."""

    __slots__ = ()

    def execute(self, size: int, now: float) -> int:
        return GREEN


UNCONFIGURED = AlwaysGreen()


def make_meter(
    config: MeterConfig | None, meter_type: int, now: float
) -> Meter | SingleRateMeter | AlwaysGreen:
    """A meter of a p4.config.v1.MeterSpec.Type."""
    if config is None:
        return UNCONFIGURED
    return Meter(config, now) if meter_type == 0 else SingleRateMeter(config, now)
