"""Quantities with units, and ${names} in texts, as scenarios write them."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from typing import Final

DURATIONS: Final = {
    "ns": 1e-9,
    "us": 1e-6,
    "µs": 1e-6,
    "ms": 1e-3,
    "s": 1.0,
    "min": 60.0,
    "h": 3600.0,
}
RATES: Final = {"bit/s": 1.0, "kbit/s": 1e3, "Mbit/s": 1e6, "Gbit/s": 1e9}
SIZES: Final = {"B": 1.0, "kB": 1e3, "MB": 1e6, "GB": 1e9, "KiB": 1024.0, "MiB": 1024.0**2}
_QUANTITY: Final = re.compile(r"\s*(\d+(?:\.\d*)?|\.\d+)\s*([^\d\s].*?)?\s*")
_NAME: Final = re.compile(r"\$\{([\w-]+)\}")


class UnitError(ValueError):
    """Text that is no such quantity; says what would be."""


def duration(value: object) -> float:
    """Seconds: "1ms", "2 min", or a number of seconds. Raises UnitError."""
    return _quantity(value, DURATIONS, "duration")


def rate(value: object) -> float:
    """Bits per second: "10 Mbit/s", or a number. Raises UnitError."""
    return _quantity(value, RATES, "rate")


def size(value: object) -> int:
    """Bytes: "100 kB", or a number. Raises UnitError."""
    return round(_quantity(value, SIZES, "size"))


def probability(value: object) -> float:
    """0 to 1: "5%", or a fraction. Raises UnitError."""
    result = _quantity(value, {"%": 0.01}, "probability")
    if result > 1:
        raise UnitError(f"probability {value!r} is more than 100%")
    return result


def _quantity(value: object, units: Mapping[str, float], what: str) -> float:
    if isinstance(value, int | float) and not isinstance(value, bool):
        if value < 0:
            raise UnitError(f"{what} {value!r} is negative")
        return float(value)
    found = _QUANTITY.fullmatch(value) if isinstance(value, str) else None
    if found is not None and found[2] is None:
        return float(found[1])
    if found is None or found[2] not in units:
        wanted = ", ".join(units)
        raise UnitError(f"{value!r} is no {what}: a number and one of {wanted}")
    # Rounded to a picosecond (or the like): 1.2 * 0.001 is not the float 0.0012.
    return round(float(found[1]) * units[found[2]], 12)


def names_in(text: str) -> list[str]:
    """The names that `text` refers to as ${NAME}."""
    return _NAME.findall(text)


def substitute(
    text: str, values: Mapping[str, str], quote: Callable[[str], str] = lambda value: value
) -> str:
    """`text` with each ${NAME} replaced by its value. KeyError for one without a value."""
    return _NAME.sub(lambda found: quote(values[found[1]]), text)
