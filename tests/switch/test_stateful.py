"""Registers, counters, meters and random numbers."""

from __future__ import annotations

import random
import struct
from collections.abc import Callable

import finsy as fy
import pytest
from ipsecsim.p4runtime.entries import MeterConfig
from ipsecsim.switch.meters import GREEN, RED, YELLOW, Meter, SingleRateMeter

from tests.switch.targets import Both, entry, run_frame

WIDE, SIGNED, COUNT, PACKETS, BYTES, LIMITED, WATCHED, RANDOM, STAMP, QUEUE = range(1, 11)


def state_frame(test: int, index: int, value: int = 0, number: int = 0, more: int = 0) -> bytes:
    body = struct.pack("!IHIB", index, value >> 32, value & 0xFFFFFFFF, 0)
    return run_frame(test, body + bytes(more), number=number)


def state_of(frame: bytes) -> tuple[int, int, int]:
    """(index, value, colour)."""
    index, high, low, colour = struct.unpack("!IHIB", frame[4:15])
    return index, high << 32 | low, colour


def test_registers(load: Callable[[str], Both]) -> None:
    rng = random.Random(8)
    both = load("stateful")
    cells = [0] * 16
    for _ in range(60):
        index, value = rng.randrange(16), rng.getrandbits(48)
        ((_, frame),) = both.one(state_frame(WIDE, index, value))
        assert state_of(frame) == (index, cells[index], 0)
        cells[index] = value


def test_signed_registers_wrap(load: Callable[[str], Both]) -> None:
    """As P4 says; BMv2 reads a negative cell back as a positive number above the field's range."""
    embedded = load("stateful").embedded
    expected = 0
    for _ in range(6):
        (frame,) = embedded.run([(1, state_frame(SIGNED, 3))])[2]
        assert state_of(frame) == (3, expected % 256, int(expected < 0))
        expected = (expected - 100 + 128) % 256 - 128


def test_index_outside(load: Callable[[str], Both]) -> None:
    """Nothing is read or written beyond an array (BMv2 goes wherever the index leads)."""
    embedded = load("stateful").embedded
    for test in (WIDE, COUNT, PACKETS):
        frame = state_frame(test, 16, 5)
        (sent,) = embedded.run([(1, frame)])[2]
        assert state_of(sent) == (16, 0 if test == WIDE else 5, 0)


def test_counters(load: Callable[[str], Both]) -> None:
    both = load("stateful")
    frames = [
        (1, state_frame(COUNT, index, number=number, more=number))
        for number, index in enumerate([2, 2, 5, 2])
    ]
    both.run(frames)
    (cell,) = both.read(fy.P4CounterEntry("packets_and_bytes", index=2))
    data = cell.counter_entry.data
    assert (data.packet_count, data.byte_count) == (3, sum(len(frames[i][1]) for i in (0, 1, 3)))
    everything = both.read(fy.P4CounterEntry("packets_and_bytes"))
    assert [e.counter_entry.data.packet_count for e in everything] == [
        {2: 3, 5: 1}.get(index, 0) for index in range(16)
    ]
    both.write(
        ~fy.P4CounterEntry("packets_and_bytes", index=2, data=fy.P4CounterData(packet_count=100))
    )
    both.run(frames[:1])
    (cell,) = both.read(fy.P4CounterEntry("packets_and_bytes", index=2))
    assert cell.counter_entry.data.packet_count == 101


def test_direct_counters(load: Callable[[str], Both]) -> None:
    both = load("stateful")
    match = {"hdr.state.index": 7}
    both.write(+entry("watched", match, fy.P4TableAction("counted")))
    both.run([(1, state_frame(WATCHED, 7, number=n)) for n in range(5)])
    both.run([(1, state_frame(WATCHED, 8))])
    pattern = entry("watched", match, None, counter_data=fy.P4CounterData())
    (found,) = both.embedded.read(pattern)
    assert found.table_entry.counter_data.packet_count == 5


def test_an_unconfigured_meter_is_green(load: Callable[[str], Both]) -> None:
    both = load("stateful")
    both.write(+entry("limited", {"hdr.state.index": 1}, fy.P4TableAction("colour")))
    for test in (PACKETS, BYTES, LIMITED):
        for _ in range(3):
            ((_, frame),) = both.one(state_frame(test, 1))
            assert state_of(frame)[2] == GREEN


def _colours(
    both: Both, test: int, index: int, count: int, every: float, more: int = 0
) -> list[int]:
    embedded = both.embedded
    colours = []
    for _ in range(count):
        embedded.now += every
        (sent,) = embedded.run([(1, state_frame(test, index, more=more))])[2]
        colours.append(state_of(sent)[2])
    return colours


def test_meters_follow_the_clock(load: Callable[[str], Both]) -> None:
    both = load("stateful")
    config = fy.P4MeterConfig(cir=1, cburst=2, pir=2, pburst=4)
    both.embedded.write(~fy.P4MeterEntry("packet_meter", index=1, config=config))
    assert _colours(both, PACKETS, 1, 6, 0.0) == [GREEN, GREEN, YELLOW, YELLOW, RED, RED]
    # One a second: within the committed rate from now on.
    assert _colours(both, PACKETS, 1, 10, 1.001) == [GREEN] * 10
    # Two a second: every other one is beyond it, none beyond the peak rate.
    steady = _colours(both, PACKETS, 1, 20, 0.5001)
    assert steady.count(RED) == 0
    assert 8 <= steady.count(YELLOW) <= 12
    assert _colours(both, PACKETS, 2, 6, 0.0) == [GREEN] * 6
    both.embedded.write(~fy.P4MeterEntry("packet_meter", index=1))
    assert _colours(both, PACKETS, 1, 6, 0.0) == [GREEN] * 6


def test_byte_meters_and_direct_meters(load: Callable[[str], Both]) -> None:
    both = load("stateful")
    size = len(state_frame(BYTES, 0, more=85))
    assert size == 100
    config = fy.P4MeterConfig(cir=100, cburst=200, pir=100, pburst=300)
    both.embedded.write(~fy.P4MeterEntry("byte_meter", index=0, config=config))
    assert _colours(both, BYTES, 0, 4, 0.0, more=85) == [GREEN, GREEN, YELLOW, RED]
    limit = fy.P4MeterConfig(cir=1, cburst=1, pir=1, pburst=1)
    match = {"hdr.state.index": 5}
    both.embedded.write(
        +entry("limited", match, fy.P4TableAction("colour"), meter_config=limit),
        +entry("limited", {"hdr.state.index": 6}, fy.P4TableAction("colour")),
    )
    assert _colours(both, LIMITED, 5, 3, 0.0) == [GREEN, RED, RED]
    assert _colours(both, LIMITED, 6, 3, 0.0) == [GREEN, GREEN, GREEN]
    both.embedded.write(
        ~fy.P4DirectMeterEntry(table_entry=entry("limited", match, None), config=None)
    )
    assert _colours(both, LIMITED, 5, 3, 0.0) == [GREEN, GREEN, GREEN]


def test_random_numbers_are_in_range_and_repeatable(load: Callable[[str], Both]) -> None:
    def draw(both: Both) -> list[int]:
        frames = [(1, state_frame(RANDOM, 0, number=n)) for n in range(200)]
        return [state_of(frame)[1] for frame in both.embedded.run(frames)[2]]

    first = draw(load("stateful"))
    assert set(first) == set(range(100, 110))
    assert draw(load("stateful")) == first


def test_timestamps_are_the_clocks_microseconds(load: Callable[[str], Both]) -> None:
    embedded = load("stateful").embedded
    for now, stamp in ((12.5, 12_500_001), (2**48 / 1e6 + 7, 7_000_001)):
        embedded.now = now
        (frame,) = embedded.run([(1, state_frame(STAMP, 0))])[2]
        assert state_of(frame)[1] == pytest.approx(stamp, abs=1)
        (frame,) = embedded.run([(1, state_frame(QUEUE, 99, 99))])[2]
        index, waited, _ = state_of(frame)
        assert (index, waited & 0xFFFFFFFF) == (0, 0)


# -- the token buckets alone -------------------------------------------------------------------


@pytest.mark.parametrize("seed", range(5))
def test_long_run_rates(seed: int) -> None:
    """Under overload green is the committed rate and green with yellow the peak rate."""
    rng = random.Random(seed)
    config = MeterConfig(cir=1000, cburst=3000, pir=4000, pburst=6000)
    meter = Meter(config, 0.0)
    now, sizes = 0.0, {GREEN: 0, YELLOW: 0, RED: 0}
    while now < 60:
        size = rng.randrange(64, 1500)
        sizes[meter.execute(size, now)] += size
        now += rng.expovariate(12)
    assert sizes[GREEN] <= config.cburst + config.cir * now
    assert sizes[GREEN] + sizes[YELLOW] <= config.pburst + config.pir * now
    assert sizes[GREEN] > 0.8 * config.cir * now
    assert sizes[GREEN] + sizes[YELLOW] > 0.8 * config.pir * now
    assert sizes[RED] > 0


def test_single_rate() -> None:
    meter = SingleRateMeter(MeterConfig(10, 100, 10, 100, eburst=50), 0.0)
    assert [meter.execute(50, 0.0) for _ in range(4)] == [GREEN, GREEN, YELLOW, RED]
    # Five seconds fill half of the committed bucket, and the excess bucket nothing.
    assert [meter.execute(50, 5.0) for _ in range(2)] == [GREEN, RED]
    # Long silence fills both.
    assert [meter.execute(50, 100.0) for _ in range(4)] == [GREEN, GREEN, YELLOW, RED]


def test_time_that_runs_back_gives_no_tokens() -> None:
    meter = Meter(MeterConfig(1, 1, 1, 1), 10.0)
    assert meter.execute(1, 10.0) == GREEN
    assert meter.execute(1, 5.0) == RED
    assert meter.execute(1, 10.5) == RED
    assert meter.execute(1, 11.0) == GREEN
