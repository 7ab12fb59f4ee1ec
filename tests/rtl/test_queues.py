"""The hardware's queues behind P4Runtime: at each moment what the software model does."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from ipsecsim.accelerator.llq import Cause
from ipsecsim.accelerator.rtl.device import RtlAccelerator
from ipsecsim.accelerator.rtl.library import BuildError
from ipsecsim.accelerator.rtl.toolchain import ToolchainError

from tests.accelerator.conftest import Rig
from tests.accelerator.test_llq import dropped, ids, insert, passed, request, rules, select

# The library that the others of this group use too: it is built once, and no one waits for it.
pytestmark = pytest.mark.xdist_group("rtl-library")


def build(rate: int) -> RtlAccelerator:
    try:
        return RtlAccelerator(rate=rate)
    except BuildError:
        raise
    except ToolchainError as error:
        pytest.skip(str(error))


@pytest.fixture(scope="module")
def device() -> Iterator[RtlAccelerator]:
    """Of 100,000 octets a second."""
    device = build(100_000)
    yield device
    device.close()


ROWS: tuple[Any, ...] = (
    rules(0, limit=6, weight=5),
    rules(1, level=1, weight=0),
    rules(2, level=2, weight=0, police_rate=1000, police_burst=600),
    rules(4, weight=20, limit=0),
    select(1, None, 1),
    select(2, None, 2),
    select(None, 8, 4),
)


@pytest.fixture
def pair(device: RtlAccelerator) -> tuple[Rig, Rig]:
    """Golden model and RTL of one speed, programmed alike."""
    device.reset()
    both = Rig(100_000), Rig(accelerator=device)
    for rig in both:
        insert(rig, *ROWS)
    return both


def test_order_drops_and_counters(pair: tuple[Rig, Rig]) -> None:
    golden, rtl = (rig.accelerator for rig in pair)
    levels = (0, 0, 0, 1, 2, 2, 0, 7, 0, 0, 0, 1)
    for number, level in enumerate(levels):
        frame = request(number, 500, level=level, qos_group=8 if number == 6 else 0)
        now = number * 0.0004
        assert rtl.process(frame, now) == golden.process(frame, now), number
        assert rtl.due == golden.due
    left = []
    while (due := golden.due) is not None:
        answers = golden.collect(due)
        left += ids(answers)
        assert rtl.collect(due) == answers
        assert rtl.due == golden.due
    assert left[:4] == [0, 3, 11, 4], "what was being worked on, level 1, level 2"
    for number in (0, 1, 2, 4):
        assert passed(pair[1], number) == passed(pair[0], number), number
        for cause in Cause:
            assert dropped(pair[1], number, cause) == dropped(pair[0], number, cause)
    assert dropped(pair[0], 2, Cause.ABOVE_RATE) == (1, 500)
    assert dropped(pair[0], 4, Cause.ABOVE_LIMIT) == (1, 500)


def test_a_reset_forgets_rules_and_what_waits(pair: tuple[Rig, Rig]) -> None:
    _, rtl = pair
    device = rtl.accelerator
    for number in range(4):
        device.process(request(number, 500), 0.0)
    device.reset()
    rtl.load()
    assert device.due is None
    answers = device.process(request(9, 100, qos_group=8), 5.0) + device.collect(6.0)
    assert ids(answers) == [9], "class 4 dropped all"
