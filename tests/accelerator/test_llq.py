"""Queueing in front of the engine: order, shares, limits and police (guide chapter 8)."""

from __future__ import annotations

import random
from collections import Counter
from typing import Any

import pytest
from finsy.proto import p4r
from hypothesis import given
from hypothesis import strategies as st
from ipsecplane.targets.crypto_header import CryptoHeader, Operation, Reason
from ipsecplane.targets.tables import TableEntry, Ternary, entry
from ipsecsim.accelerator.llq import QUANTUM, TICKS_PER_SECOND, Cause, LlqClass, LlqError, Scheduler
from ipsecsim.p4runtime.errors import P4RuntimeError
from scapy.layers.inet import IP, UDP

from tests.accelerator.conftest import Rig

VOICE, VIDEO = LlqClass(1, 0), LlqClass(2, 0)


def scheduler(*classes: LlqClass) -> Scheduler[int]:
    made: Scheduler[int] = Scheduler()
    made.configure(dict(enumerate(classes)), 0)
    return made


def order(queues: Scheduler[int]) -> list[int]:
    """The classes of all that waits, as it goes."""
    return [taken[0] for taken in iter(queues.take, None)]


def test_one_class_is_a_queue() -> None:
    queues: Scheduler[int] = Scheduler()
    for number in range(64):
        assert queues.offer(number, 1400, 0, 0) is None
    assert queues.offer(64, 1400, 0, 0) is Cause.ABOVE_LIMIT
    assert [taken[1] for taken in iter(queues.take, None)] == list(range(64))


def test_levels_go_first() -> None:
    queues = scheduler(LlqClass(), VOICE, VIDEO)
    for number in (0, 2, 1, 0, 2, 1):
        queues.offer(number, 100, number, 0)
    assert order(queues) == [1, 1, 2, 2, 0, 0]


def test_a_level_takes_turns() -> None:
    queues = scheduler(LlqClass(), VOICE, VOICE)
    for number in (1, 1, 1, 2, 2, 2):
        queues.offer(number, 100, number, 0)
    assert order(queues) == [1, 2, 1, 2, 1, 2]


@given(
    weights=st.lists(st.integers(1, 100), min_size=2, max_size=5),
    seed=st.integers(0, 1 << 32),
)
def test_weights_share_octets(weights: list[int], seed: int) -> None:
    """While all wait, each class gets its part, to one round and one packet."""
    source = random.Random(seed)
    queues = scheduler(*(LlqClass(weight=w, limit=10_000) for w in weights))
    for number, weight in enumerate(weights):
        for _ in range(weight * QUANTUM * 50 // 64):
            queues.offer(0, source.randint(64, 1400), number, 0)
    sent: Counter[int] = Counter()
    total = sum(weights) * QUANTUM * 30
    while sum(sent.values()) < total and (taken := queues.take()) is not None:
        sent[taken[0]] += taken[2]
    for number, weight in enumerate(weights):
        share = total * weight / sum(weights)
        slack = 2 * weight * QUANTUM + 1400 + max(weights) * QUANTUM
        assert abs(sent[number] - share) <= slack + 1400 * len(weights), (weights, sent)


events = st.lists(
    st.tuples(
        st.sampled_from(("offer", "offer", "take")), st.integers(0, 3), st.integers(20, 1500)
    ),
    max_size=120,
)


@given(events=events)
def test_nothing_is_lost_or_overtakes_within_its_class(events: list[tuple[str, int, int]]) -> None:
    queues = scheduler(LlqClass(weight=3, limit=8), VOICE, VIDEO, LlqClass(weight=97, limit=8))
    waiting: dict[int, list[int]] = {n: [] for n in range(4)}
    level = {1: 1, 2: 2, 0: 3, 3: 3}
    for place, (what, number, size) in enumerate(events):
        if what == "offer":
            if queues.offer(place, size, number, 0) is None:
                waiting[number].append(place)
            else:
                assert len(waiting[number]) >= 8
            continue
        taken = queues.take()
        assert (taken is None) == (not any(waiting.values()))
        if taken is not None:
            assert waiting[taken[0]].pop(0) == taken[1]
            assert level[taken[0]] == min(
                level[n] for n, w in waiting.items() if w or n == taken[0]
            )
    assert len(queues) == sum(map(len, waiting.values()))


@given(
    rate=st.integers(1, 100_000),
    burst=st.integers(64, 3000),
    steps=st.lists(st.tuples(st.integers(0, 3000), st.integers(20, 1500)), max_size=60),
)
def test_police_lets_through_rate_and_burst(
    rate: int, burst: int, steps: list[tuple[int, int]]
) -> None:
    queues = scheduler(LlqClass(), LlqClass(1, 0, 64, rate, burst))
    tick = passed = 0
    for wait, size in steps:
        tick += wait
        room = (burst << 16) + tick * rate - (passed << 16)
        if queues.offer(0, size, 1, tick) is None:
            passed += size
            assert size << 16 <= room
            queues.take()
        assert passed << 16 <= (burst << 16) + tick * rate


def test_conditional_police_drops_only_while_packets_wait() -> None:
    queues = scheduler(LlqClass(), LlqClass(1, 0, 64, 1, 100, conditional=True))
    for _ in range(3):
        assert queues.offer(0, 100, 1, 0) is None
        queues.take()
    queues.offer(0, 1400, 0, 0)
    assert queues.offer(0, 100, 1, 0) is Cause.ABOVE_RATE


def test_voice_is_not_starved_nor_starves() -> None:
    """Overload with priority traffic above its rate: the rest gets what the rate leaves."""
    queues = scheduler(LlqClass(limit=1000), LlqClass(1, 0, 64, 20_000, 3000))
    sent: Counter[int] = Counter()
    tick_per_packet = TICKS_PER_SECOND * 200 // 100_000  # the engine: 100,000 octets a second
    for step in range(5000):
        tick = step * tick_per_packet
        for number in (0, 1):
            queues.offer(0, 200, number, tick)
        taken = queues.take()
        assert taken is not None
        sent[taken[0]] += 200
    assert sent[1] == pytest.approx(20_000 * 5000 * 200 / 100_000, rel=0.02)
    assert sent[0] + sent[1] == 5000 * 200


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"level": 3, "weight": 0}, "level: 3"),
        ({"weight": 0}, "weight: 0"),
        ({"weight": 1024}, "weight: 1024"),
        ({"level": 1, "weight": 5}, "level 1 has none"),
        ({"police_rate": 5}, "police_burst: 0"),
        ({"police_burst": 5}, "police_rate is 0"),
    ],
)
def test_rows_that_make_no_class(arguments: dict[str, int], message: str) -> None:
    with pytest.raises(LlqError, match=message):
        LlqClass(**arguments)  # type: ignore[arg-type]


# -- in the accelerator ------------------------------------------------------------------------

BASE = {"level": 0, "weight": 1, "limit": 64, "police_rate": 0, "police_burst": 0, "conditional": 0}


def select(level: int | None, group: int | None, number: int, priority: int = 1) -> TableEntry:
    match = {}
    if level is not None:
        match["level"] = Ternary(level, 0xFF)
    if group is not None:
        match["qos_group"] = Ternary(group, 0xFF)
    return entry("llq_select", match, "select_class", {"class_id": number}, priority=priority)


def rules(number: int, **changed: int) -> TableEntry:
    return entry("llq_class", {"class_id": number}, "queue_class", BASE | changed)


def insert(rig: Any, *rows: TableEntry) -> None:
    rig.write(*(("INSERT", row) for row in rows))


def dropped(rig: Any, number: int, cause: Cause) -> tuple[int, int]:
    """Packets and octets."""
    cell = rig.store.counter("llq_drops")[number << 1 | cause]
    return cell.packets, cell.bytes


def passed(rig: Any, number: int) -> tuple[int, int]:
    """Packets and octets, as a client reads them."""
    row = p4r.DirectCounterEntry(table_entry=rig.codec.encode(rules(number)))
    (entity,) = rig.read(p4r.Entity(direct_counter_entry=row))
    data = entity.direct_counter_entry.data
    return data.packet_count, data.byte_count


@pytest.fixture
def slow() -> Any:
    """An engine of 100,000 octets a second; level 1 and qos-group 49 are priority."""
    rig = Rig(rate=100_000)
    insert(
        rig, rules(0, limit=10), rules(1, level=1, weight=0),
        select(1, None, 1), select(None, 49, 1), select(None, 50, 7),
    )  # fmt: skip
    return rig


def request(number: int, size: int, **header: int) -> bytes:
    packet = bytes(IP(src="10.0.0.1", dst="10.0.2.2", id=number) / UDP() / bytes(size - 28))
    return bytes(12) + b"\x88\xb5" + CryptoHeader(Operation.FRAGMENT, **header).encode() + packet


def ids(frames: list[bytes]) -> list[int]:
    return [int.from_bytes(frame[14 + 32 + 4 : 14 + 32 + 6], "big") for frame in frames]


def test_a_priority_packet_waits_for_one_packet(slow: Any) -> None:
    block = slow.accelerator
    for number in range(6):
        assert block.process(request(number, 1000), 0.0) == []
    assert block.process(request(100, 100, level=1), 0.001) == []
    assert block.process(request(101, 100, qos_group=49), 0.002) == []
    assert block.due == pytest.approx(0.01)
    assert ids(block.collect(0.0101)) == [0]
    assert block.due == pytest.approx(0.011)
    assert ids(block.collect(0.0121)) == [100, 101]
    assert ids(block.collect(1.0)) == [1, 2, 3, 4, 5]
    assert (block.due, block.collect(9.0)) == (None, [])


def test_limits_and_counters(slow: Any) -> None:
    block = slow.accelerator
    for number in range(15):  # one is worked on, ten wait
        block.process(request(number, 500, qos_group=50), 0.0)
    assert ids(block.collect(1.0)) == list(range(11))
    assert dropped(slow, 0, Cause.ABOVE_LIMIT) == (4, 2000)
    assert passed(slow, 0) == (11, 5500)
    row = rules(2, level=2, weight=0, police_rate=1000, police_burst=600)
    insert(slow, row, select(2, None, 2))
    for number in range(3):
        block.process(request(number, 500, level=2), 2.0)
    assert dropped(slow, 2, Cause.ABOVE_RATE) == (2, 1000)
    assert block.process(request(9, 500, level=2), 3.0)  # the first is done
    assert passed(slow, 2) == (2, 1000)


def test_sending_and_receiving_do_not_wait_for_each_other(slow: Any, tunnel: Any) -> None:
    slow.install(tunnel("AES-GCM"))
    block = slow.accelerator
    block.process(request(0, 10_000), 0.0)
    block.process(CRYPTED, 0.0)
    assert [frame[15] for frame in block.collect(0.01)] == [Reason.UNKNOWN_SA]


CRYPTED = (
    bytes(12)
    + b"\x88\xb5"
    + CryptoHeader(Operation.DECRYPT, sa_index=999).encode()
    + bytes(IP(src="10.1.1.1", dst="10.2.2.2", proto=50) / bytes(60))
)


def test_without_a_rate_answers_come_at_once(rig: Any) -> None:
    for level in (0, 1, 2):
        (answer,) = rig.accelerator.process(request(level, 100, level=level), 0.0)
        assert ids([answer]) == [level]
    assert rig.accelerator.due is None


def test_rows_are_checked_and_taken_back(rig: Any) -> None:
    with pytest.raises(P4RuntimeError) as raised:
        insert(rig, rules(3, weight=0))
    assert "class_id 3: weight: 0" in raised.value.details[0].message
    insert(rig, rules(3, limit=0), select(None, 5, 3))
    assert rig.accelerator.process(request(1, 100, qos_group=5), 0.0) == []
    assert dropped(rig, 3, Cause.ABOVE_LIMIT) == (1, 100)
    rig.write(("DELETE", rules(3)))
    assert len(rig.accelerator.process(request(1, 100, qos_group=5), 0.0)) == 1
    insert(rig, rules(3, limit=0))
    assert rig.accelerator.process(request(1, 100, qos_group=5), 0.0) == []


def test_the_selector_of_higher_priority_wins(slow: Any) -> None:
    insert(slow, rules(4, limit=0), select(1, 9, 4, priority=5))
    block = slow.accelerator
    block.process(request(0, 100, level=1, qos_group=9), 0.0)
    block.process(request(1, 100, level=1, qos_group=8), 0.0)
    assert ids(block.collect(1.0)) == [1]
