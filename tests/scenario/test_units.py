"""Quantities and names in texts."""

from __future__ import annotations

import re
from collections.abc import Callable

import pytest
from ipsecsim.scenario import units


@pytest.mark.parametrize(
    ("read", "text", "value"),
    [
        (units.duration, "1ms", 0.001),
        (units.duration, "1.2 ms", 0.0012),
        (units.duration, "2 min", 120.0),
        (units.duration, 3, 3.0),
        (units.duration, "250", 250.0),
        (units.duration, "10 µs", 1e-05),
        (units.rate, "10 Mbit/s", 1e7),
        (units.rate, "64kbit/s", 64e3),
        (units.size, "1.5 kB", 1500),
        (units.size, "1 MiB", 1 << 20),
        (units.probability, "5%", 0.05),
        (units.probability, 0.25, 0.25),
        (units.probability, "100%", 1.0),
    ],
)
def test_quantities(read: Callable[[object], float], text: object, value: float) -> None:
    assert read(text) == value


@pytest.mark.parametrize(
    ("read", "text", "message"),
    [
        (units.duration, "5 lightyears", "is no duration: a number and one of ns, us"),
        (units.duration, "-1s", "is no duration"),
        (units.duration, -1, "negative"),
        (units.duration, True, "is no duration"),
        (units.duration, "", "is no duration"),
        (units.rate, "10 Mb", "is no rate"),
        (units.probability, "5 s", "is no probability"),
        (units.probability, "150%", "more than 100%"),
        (units.size, "1 TB", "is no size"),
    ],
)
def test_wrong_quantities(read: Callable[[object], float], text: object, message: str) -> None:
    with pytest.raises(units.UnitError, match=message):
        read(text)


def test_names_in_texts() -> None:
    assert units.names_in("0x${a-spi} and ${b}") == ["a-spi", "b"]
    assert units.substitute("${a}+${a}", {"a": "1.5"}) == "1.5+1.5"
    assert re.fullmatch(units.substitute("${a}", {"a": "1.5"}, re.escape), "1.5")
    with pytest.raises(KeyError):
        units.substitute("${b}", {})
