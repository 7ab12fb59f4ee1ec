"""Fragments in any order make the packet; nothing else does."""

from __future__ import annotations

import random
from dataclasses import replace
from ipaddress import ip_address

from hypothesis import given
from hypothesis import strategies as st
from ipsecplane.net.ip import IpPacket
from ipsecplane.net.reassembly import Drop, Limits, Reassembler

SRC, DST = ip_address("192.0.2.1"), ip_address("192.0.2.2")


def cut(payload: bytes, size: int, identification: int = 1) -> list[IpPacket]:
    return [
        IpPacket(
            SRC, DST, 17, payload[at : at + size], identification=identification,
            more_fragments=at + size < len(payload), fragment_offset=at,
        )
        for at in range(0, len(payload), size)
    ]  # fmt: skip


@given(st.binary(min_size=1, max_size=400), st.integers(1, 8), st.randoms(use_true_random=False))
def test_any_order_and_duplicates(payload: bytes, units: int, rng: random.Random) -> None:
    fragments = cut(payload, units * 8)
    stream = fragments + rng.sample(fragments, len(fragments) // 2)
    rng.shuffle(stream)
    reassembler = Reassembler()
    done = [p for f in stream if (p := reassembler.add(f, 0.0)) is not None]
    assert len(done) >= 1
    assert done[0].payload == payload
    assert not done[0].is_fragment


@given(st.binary(min_size=40, max_size=200), st.integers(1, 24))
def test_overlaps_spoil_the_packet(payload: bytes, shift: int) -> None:
    first, *rest = cut(payload, 16)
    forged = IpPacket(
        SRC, DST, 17, b"\xff" * 16, identification=1, more_fragments=True,
        fragment_offset=shift // 8 * 8,
    )  # fmt: skip
    reassembler = Reassembler()
    reassembler.add(forged, 0.0)
    for fragment in (first, *rest):
        whole = reassembler.add(fragment, 0.0)
        assert whole is None or b"\xff" * 16 not in whole.payload or b"\xff" * 16 in payload


def test_what_stays_unfinished_is_given_up_and_its_sender_can_be_told() -> None:
    reassembler = Reassembler(Limits(timeout=3.0))
    first = cut(bytes(64), 16)[0]
    reassembler.add(first, 100.0)
    assert reassembler.next_timeout() == 103.0
    assert reassembler.handle_timeout(102.9) == []
    assert reassembler.handle_timeout(103.0) == [first]
    assert reassembler.next_timeout() is None
    assert reassembler.drops == {Drop.TIMEOUT: 1}


def test_a_packet_whose_time_is_over_starts_anew() -> None:
    reassembler = Reassembler(Limits(timeout=3.0))
    first, last = cut(bytes(32), 16)
    reassembler.add(first, 100.0)
    assert reassembler.add(last, 103.0) is None
    assert reassembler.drops == {Drop.TIMEOUT: 1}
    assert reassembler.add(first, 103.0) is not None


def test_a_flood_of_first_fragments_is_bounded_and_harms_no_packet_before_it() -> None:
    reassembler = Reassembler(Limits(packets=16))
    first, last = cut(bytes(32), 16, 1)
    reassembler.add(first, 0.0)
    for number in range(2, 81):
        reassembler.add(cut(bytes(64), 16, number)[0], 0.0)
    assert (reassembler.packets, reassembler.fragments) == (16, 16)
    assert reassembler.drops == {Drop.TABLE_FULL: 64}
    assert reassembler.add(last, 0.0) is not None


def test_a_packet_in_too_many_fragments_is_given_up() -> None:
    reassembler = Reassembler(Limits(fragments=4))
    for fragment in cut(bytes(40), 8):
        assert reassembler.add(fragment, 0.0) is None
    assert reassembler.drops == {Drop.TOO_MANY_FRAGMENTS: 1}
    for fragment in cut(bytes(32), 8, 2):
        whole = reassembler.add(fragment, 0.0)
    assert whole is not None
    assert reassembler.reassembled == 1


def test_who_takes_no_fragments() -> None:
    reassembler = Reassembler(Limits(refuse=True))
    assert [reassembler.add(f, 0.0) for f in cut(bytes(32), 16)] == [None, None]
    assert reassembler.drops == {Drop.REFUSED: 2}


def test_lengths_that_contradict_are_refused() -> None:
    for wrong in (
        IpPacket(SRC, DST, 17, bytes(9), more_fragments=True),
        IpPacket(SRC, DST, 17, b"", more_fragments=True),
        IpPacket(SRC, DST, 17, bytes(64), fragment_offset=65528),
    ):
        seen: list[object] = []
        reassembler = Reassembler(on_drop=lambda why, f, seen=seen: seen.append((why, f)))
        assert reassembler.add(wrong, 0.0) is None
        assert seen == [(Drop.INVALID_LENGTH, wrong)]


def test_a_second_end_is_refused() -> None:
    reassembler = Reassembler()
    first, last = cut(bytes(32), 16)
    reassembler.add(last, 0.0)
    beyond = replace(first, fragment_offset=40)
    assert reassembler.add(beyond, 0.0) is None
    assert reassembler.drops == {Drop.INVALID_LENGTH: 1}
