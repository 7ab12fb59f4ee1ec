"""Links: delay to the nanosecond, and impairments that are what they say, the same for a seed."""

from __future__ import annotations

import itertools
from collections.abc import Callable
from dataclasses import replace

import pytest
from ipsecsim.network.clock import Loop
from ipsecsim.network.link import Impairments, Wire
from ipsecsim.network.randomness import Randomness
from ipsecsim.network.segment import AGEING_TIME, Segment

Received = list[tuple[float, bytes]]


def frame(number: int = 0, size: int = 60) -> bytes:
    return (bytes(12) + b"\x08\x00" + number.to_bytes(4, "big")).ljust(size, b"\0")


def number_of(octets: bytes) -> int:
    return int.from_bytes(octets[14:18], "big")


def wire(impairments: Impairments, seed: int = 1) -> tuple[Loop, Wire, Received]:
    loop = Loop()
    link = Wire("wan", ("a", "b"), loop, Randomness(seed).stream, impairments)
    received: Received = []
    link.attachments["b"].receive = lambda octets: received.append((loop.now, octets))
    return loop, link, received


def send_many(loop: Loop, link: Wire, count: int, every: float = 0.001) -> None:
    for number in range(count):
        loop.at(number * every, lambda n=number: link.attachments["a"].send(frame(n)))  # type: ignore[misc]
    loop.run_until(count * every + 10)


def test_latency_and_serialization() -> None:
    loop, link, received = wire(Impairments(latency=0.002, bandwidth=10e6))
    link.attachments["a"].send(frame(1, 976))
    link.attachments["a"].send(frame(2, 976))
    loop.run_until(1)
    # 976 + 24 octets on the wire take 800 µs at 10 Mbit/s; the second waits for the first.
    assert [at for at, _ in received] == [pytest.approx(0.0028), pytest.approx(0.0036)]


def test_short_frames_cost_the_minimum() -> None:
    loop, link, received = wire(Impairments(bandwidth=84 * 8))
    link.attachments["a"].send(frame(0, 20))
    loop.run_until(5)
    assert received[0][0] == pytest.approx(1.0)


def test_a_full_queue_drops_the_last() -> None:
    loop, link, received = wire(Impairments(bandwidth=1e6, queue=3))
    for number in range(5):
        link.attachments["a"].send(frame(number))
    loop.run_until(1)
    assert [number_of(octets) for _, octets in received] == [0, 1, 2]
    assert link.counters["a"].queue_full == 2


def test_directions_are_independent() -> None:
    loop, link, received = wire(Impairments(bandwidth=1e6, queue=1))
    back: Received = []
    link.attachments["a"].receive = lambda octets: back.append((loop.now, octets))
    link.attachments["a"].send(frame(1))
    link.attachments["b"].send(frame(2))
    loop.run_until(1)
    assert len(received) == len(back) == 1
    link.impair(Impairments(loss=1.0), "a")
    link.attachments["a"].send(frame(1))
    link.attachments["b"].send(frame(2))
    loop.run_until(2)
    assert (len(received), len(back)) == (1, 2)


@pytest.mark.parametrize(("size", "arrives"), [(1514, True), (1515, False)])
def test_mtu_counts_the_packet_without_its_ethernet_header(size: int, arrives: bool) -> None:
    loop, link, received = wire(Impairments(mtu=1500))
    link.attachments["a"].send(frame(0, size))
    loop.run_until(1)
    assert bool(received) is arrives
    assert link.counters["a"].too_big == (not arrives)


def test_a_vlan_tag_does_not_count_towards_the_mtu() -> None:
    loop, link, received = wire(Impairments(mtu=100))
    link.attachments["a"].send(bytes(12) + b"\x81\x00\x00\x05\x08\x00" + bytes(100))
    loop.run_until(1)
    assert received


def test_loss_duplication_and_reordering_happen_as_often_as_asked() -> None:
    chance = Impairments(latency=0.01, loss=0.1, duplicate=0.05, reorder=0.08, reorder_by=0.005)
    loop, link, received = wire(chance)
    send_many(loop, link, 5000)
    counters = link.counters["a"]
    # Binomial: four standard deviations of 5,000 draws are under 1.8 %.
    assert counters.lost / 5000 == pytest.approx(0.10, abs=0.018)
    assert counters.duplicated / 4500 == pytest.approx(0.05, abs=0.018)
    assert counters.reordered / 4500 == pytest.approx(0.08, abs=0.018)
    assert len(received) == counters.delivered == 5000 - counters.lost + counters.duplicated
    numbers = [number_of(octets) for _, octets in received]
    overtaken = sum(a > b for a, b in itertools.pairwise(numbers))
    assert overtaken >= counters.reordered * 0.5


def test_jitter_alone_keeps_the_order() -> None:
    loop, link, received = wire(Impairments(latency=0.001, jitter=0.02))
    send_many(loop, link, 500)
    numbers = [number_of(octets) for _, octets in received]
    assert numbers == sorted(numbers)
    spread = {round(at - n * 0.001, 4) for (at, _), n in zip(received, numbers, strict=True)}
    assert len(spread) > 50


def test_a_seed_is_a_run() -> None:
    def run(seed: int) -> Received:
        loop, link, received = wire(Impairments(latency=0.01, loss=0.3, jitter=0.01), seed)
        send_many(loop, link, 300)
        return received

    assert run(7) == run(7)
    assert run(7) != run(8)


def test_a_link_that_is_down_carries_nothing_and_says_so() -> None:
    loop, link, received = wire(Impairments())
    states: list[bool] = []
    link.attachments["b"].on_state = states.append
    link.set_up(False)
    link.set_up(False)
    link.attachments["a"].send(frame())
    loop.run_until(1)
    assert (received, states, link.counters["a"].link_down) == ([], [False], 1)
    link.set_up(True)
    link.attachments["a"].send(frame())
    loop.run_until(2)
    assert (len(received), states) == (1, [False, True])


def test_taps_see_what_was_on_the_wire_and_its_fate() -> None:
    loop, link, _ = wire(Impairments(mtu=100))
    seen: list[tuple[str, int, bytes, str]] = []
    link.taps.append(lambda *observation: seen.append(observation))
    link.attachments["a"].send(frame(1))
    link.attachments["a"].send(frame(2, 500))  # never transmitted
    link.impair(replace(link.impairments("b"), loss=1.0), "b")
    link.attachments["b"].send(frame(3))
    loop.run_until(1)
    assert [(by, number_of(octets), fate) for by, _, octets, fate in seen] == [
        ("a", 1, ""),
        ("b", 3, "lost on the link"),
    ]


MACS = {name: bytes([2, 0, 0, 0, 0, index]) for index, name in enumerate("abc")}


def lan(impairments: Impairments | None = None) -> tuple[Loop, Segment, dict[str, list[bytes]]]:
    loop = Loop()
    segment = Segment("lan", list("abc"), loop, Randomness(1).stream, impairments)
    got: dict[str, list[bytes]] = {name: [] for name in "abc"}
    for name, inbox in got.items():
        segment.attachments[name].receive = inbox.append
    return loop, segment, got


def talk(segment: Segment) -> Callable[[str, bytes], None]:
    def say(source: str, destination: bytes) -> None:
        segment.attachments[source].send(destination + MACS[source] + b"\x08\x00" + bytes(46))

    return say


def test_a_segment_floods_until_it_has_learned() -> None:
    loop, segment, got = lan()
    say = talk(segment)
    say("a", MACS["b"])
    loop.run_until(1)
    assert {name: len(inbox) for name, inbox in got.items()} == {"a": 0, "b": 1, "c": 1}
    say("b", MACS["a"])
    loop.run_until(2)
    say("a", MACS["b"])
    loop.run_until(3)
    assert {name: len(inbox) for name, inbox in got.items()} == {"a": 1, "b": 2, "c": 1}


def test_a_segment_forgets_and_floods_broadcasts() -> None:
    loop, segment, got = lan()
    say = talk(segment)
    say("b", b"\xff" * 6)
    loop.run_until(1)
    assert (len(got["a"]), len(got["c"])) == (1, 1)
    loop.run_until(AGEING_TIME + 2)
    say("a", MACS["b"])
    loop.run_until(AGEING_TIME + 3)
    assert len(got["c"]) == 2


def test_stations_compete_for_the_port_of_one() -> None:
    loop, segment, got = lan(Impairments(bandwidth=1e6, queue=4))
    say = talk(segment)
    say("c", b"\xff" * 6)
    loop.run_until(1)
    for _ in range(4):
        say("a", MACS["c"])
        say("b", MACS["c"])
    loop.run_until(2)
    assert segment.counters["a"].queue_full == segment.counters["b"].queue_full == 0
    assert len(got["c"]) < 8
    assert segment.counters["to c"].queue_full == 8 - len(got["c"])
