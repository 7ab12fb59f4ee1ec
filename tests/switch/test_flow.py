"""Control flow: switch, hit and miss, conditions in actions, return, exit, hidden tables."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from itertools import product

import finsy as fy
import pytest

from tests.switch.targets import Both, entry, run_frame

SWITCH, HIT, SECRET, LOG, ASSERT, COUNT, COUNT_AND_LEAVE = range(1, 8)
END = 0x8000


def deep(a: int, b: int, limit: int) -> tuple[int, int]:
    """The action `deep` of flow.p4: (b, log)."""
    if a <= limit:
        return b, 0x40 | 0x80
    return (b, 0x10 | 0x20 | 0x80) if b == 0 else (b - 1, 0x10 | 0x80)


def reference(test: int, a: int, b: int) -> tuple[int, int]:
    """(b, log) that flow.p4 gives with the entries of `both`."""
    log = 0
    if test == SWITCH:
        if a == 1:
            return b, 1 | 0x100 | END
        if a in (2, 30):
            b, log = deep(a, (b + 5) & 0xFF, 20)
            return b, log | 2 | 0x200 | END
        if a == 3:
            return b, 4
        return b, 0x400 | END
    if test == HIT:
        if a & 0xF0 == 0x40:
            b, log = deep(a, b, 0x44)
            return b, log | END
        b, log = deep(a, b, 10)
        return (b, log | 0x800) if b == 1 else (b, log | 0x800 | END)
    if test == COUNT:
        return (b + a + 1) & 0xFF, END
    if test == COUNT_AND_LEAVE:
        return (b + min(a, 3)) & 0xFF, END if a <= 3 else 0
    if test == SECRET and b == 42:
        return b, 1 | END
    return b, END


@pytest.fixture(scope="module")
def both() -> Iterator[Both]:
    pair = Both("flow")
    pair.write(
        +entry("colours", {"hdr.data.a": 1}, fy.P4TableAction("red")),
        +entry("colours", {"hdr.data.a": 2}, fy.P4TableAction("green", by=5)),
        +entry("colours", {"hdr.data.a": 30}, fy.P4TableAction("green", by=5)),
        +entry("colours", {"hdr.data.a": 3}, fy.P4TableAction("leave")),
        +entry(
            "depths", {"hdr.data.a": "0x40/&0xf0"}, fy.P4TableAction("deep", limit=0x44), priority=1
        ),
    )
    yield pair
    pair.close()


@pytest.mark.parametrize("test", [SWITCH, HIT, SECRET, LOG, COUNT, COUNT_AND_LEAVE, 9])
def test_paths(both: Both, test: int) -> None:
    frames, expected = [], []
    values = product(
        [0, 1, 2, 3, 4, 10, 11, 20, 21, 30, 0x40, 0x44, 0x45, 0x4F], [0, 1, 2, 41, 42, 255]
    )
    for number, (a, b) in enumerate(values):
        frames.append((1, run_frame(test, bytes([a, b, 0, 0]), number=number)))
        after, log = reference(test, a, b)
        expected.append(run_frame(test, bytes([a, after]) + log.to_bytes(2, "big"), number=number))
    assert sorted(both.run(frames)[2]) == sorted(expected)


def test_log_messages(both: Both, caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.INFO, "ipsecsim.switch.program"):
        both.embedded.run([(1, run_frame(LOG, bytes([17, 3, 0, 0])))])
    assert caplog.messages == ["a is 17, b is 3"]


def test_an_endless_loop_costs_the_packet(both: Both) -> None:
    """An 8-bit counter is never above 255: BMv2 would count for ever."""
    switch = both.embedded
    before = dict(switch.switch.drops)
    assert switch.run([(1, run_frame(COUNT, bytes([255, 0, 0, 0])))]) == {}
    assert switch.switch.drops == {**before, "endless loop": 1}


def test_a_false_assertion_costs_the_packet(both: Both) -> None:
    """BMv2 ends itself; here the packet is dropped and the switch goes on."""
    switch = both.embedded
    assert switch.run([(1, run_frame(ASSERT, bytes([5, 0, 0, 0])))]) == {}
    assert switch.switch.drops["assertion failed"] == 1
    assert switch.run([(1, run_frame(ASSERT, bytes([4, 0, 0, 0])))])[2]
