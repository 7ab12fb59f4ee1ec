"""Fragments in any order make the packet; nothing else does."""

from __future__ import annotations

import random
from ipaddress import ip_address

from hypothesis import given
from hypothesis import strategies as st
from ipsecplane.net.ip import IpPacket
from ipsecplane.net.reassembly import MAX_PACKETS, TIMEOUT, Reassembler

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
    reassembler = Reassembler()
    first = cut(bytes(64), 16)[0]
    reassembler.add(first, 100.0)
    assert reassembler.next_timeout() == 100.0 + TIMEOUT
    assert reassembler.handle_timeout(100.0 + TIMEOUT - 0.1) == []
    assert reassembler.handle_timeout(100.0 + TIMEOUT) == [first]
    assert reassembler.next_timeout() is None


def test_a_flood_of_first_fragments_is_bounded() -> None:
    reassembler = Reassembler()
    for number in range(5 * MAX_PACKETS):
        reassembler.add(cut(bytes(64), 16, number)[0], 0.0)
    assert len(reassembler._partial) == MAX_PACKETS
    assert reassembler.given_up == 4 * MAX_PACKETS


def test_lengths_that_contradict_are_refused() -> None:
    for wrong in (
        IpPacket(SRC, DST, 17, bytes(9), more_fragments=True),
        IpPacket(SRC, DST, 17, b"", more_fragments=True),
        IpPacket(SRC, DST, 17, bytes(64), fragment_offset=65528),
    ):
        reassembler = Reassembler()
        assert reassembler.add(wrong, 0.0) is None
        assert reassembler.given_up == 1
