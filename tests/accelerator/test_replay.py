"""The replay window against a set of all numbers ever seen, and RFC 4303's inference of ESN."""

from __future__ import annotations

import random
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from ipsecplane.targets.crypto_header import Reason
from ipsecsim.accelerator.replay import ReplayWindow
from scapy.layers.inet import IP, UDP

SIZES = [64, 128, 256, 512, 1024]


class SetOracle:
    """What a window means, without a window."""

    def __init__(self, size: int) -> None:
        self.size = size
        self.seen: set[int] = set()
        self.highest = 0

    def offer(self, sequence: int) -> Reason:
        if sequence <= 0 or sequence <= self.highest - self.size:
            return Reason.TOO_OLD
        if sequence in self.seen:
            return Reason.REPLAYED
        self.seen.add(sequence)
        self.highest = max(self.highest, sequence)
        return Reason.OK


def offer(window: ReplayWindow, sequence: int) -> Reason:
    reason = window.check(sequence)
    if reason is Reason.OK:
        window.accept(sequence)
    return reason


@pytest.mark.parametrize("size", SIZES)
def test_against_set(size: int) -> None:
    """20,000 numbers around the window's edges, with jumps."""
    source = random.Random(size)
    window, oracle = ReplayWindow(size), SetOracle(size)
    base = 0
    for _ in range(20_000):
        step = source.random()
        if step < 0.02:
            base += source.choice((size - 1, size, size + 1, 2 * size, 10 * size, 1))
        elif step < 0.3:
            base += 1
        sequence = base + source.randint(-size - 3, 3)
        assert offer(window, sequence) is oracle.offer(sequence), (base, sequence)


@given(
    size=st.integers(1, 1100),
    numbers=st.lists(st.integers(0, 3000), max_size=60),
)
@settings(max_examples=300)
def test_any_size(size: int, numbers: list[int]) -> None:
    window, oracle = ReplayWindow(size), SetOracle(size)
    for number in numbers:
        assert offer(window, number) is oracle.offer(number)


@pytest.mark.parametrize("size", SIZES)
def test_edges(size: int) -> None:
    """2W, W + 1, W, 1.5 W and their repeats; the guide's X - N is out, X - N + 1 is in."""
    window = ReplayWindow(size)
    assert [offer(window, n) for n in (2 * size, 2 * size)] == [Reason.OK, Reason.REPLAYED]
    assert [offer(window, size + 1) for _ in "12"] == [Reason.OK, Reason.REPLAYED]
    assert offer(window, size) is Reason.TOO_OLD
    assert [offer(window, size * 3 // 2) for _ in "12"] == [Reason.OK, Reason.REPLAYED]
    assert [offer(ReplayWindow(0), 5) for _ in "12"] == [Reason.OK, Reason.OK]


def test_inference_case_a() -> None:
    """Appendix A2.2 case A: the window lies within one high half."""
    window = ReplayWindow(64)
    window.accept(5 << 32 | 1000)
    assert window.infer(1000 - 63) == 5 << 32 | 937
    assert window.infer(1001) == 5 << 32 | 1001
    assert window.infer(0xFFFFFFFF) == 5 << 32 | 0xFFFFFFFF
    assert window.infer(1000 - 64) == 6 << 32 | 936  # left of the window: the next high half
    assert window.infer(0) == 6 << 32


def test_inference_case_b() -> None:
    """Case B: the window spans two high halves."""
    window = ReplayWindow(64)
    window.accept(5 << 32 | 10)
    assert window.infer(11) == 5 << 32 | 11
    assert window.infer(0) == 5 << 32
    assert window.infer(0xFFFFFFFF) == 4 << 32 | 0xFFFFFFFF
    assert window.infer((10 - 63) & 0xFFFFFFFF) == 4 << 32 | (10 - 63) & 0xFFFFFFFF
    assert window.infer((10 - 64) & 0xFFFFFFFF) == 5 << 32 | (10 - 64) & 0xFFFFFFFF
    fresh = ReplayWindow(64)
    assert fresh.infer(1) == 1
    assert fresh.infer(0xFFFFFFFF) < 0  # before the first number: never acceptable
    assert fresh.check(fresh.infer(0xFFFFFFFF)) is Reason.TOO_OLD


def test_no_number_beyond_the_last() -> None:
    window = ReplayWindow(64)
    window.accept((1 << 64) - 10)
    assert window.infer(0xFFFFFFFF) == (1 << 64) - 1
    assert window.check(window.infer(3)) is Reason.TOO_OLD
    free = ReplayWindow(0)
    free.accept((1 << 64) - 10)
    assert free.infer(3) == 0xFFFFFFFF << 32 | 3


@given(highest=st.integers(0, 1 << 40), distance=st.integers(-(1 << 30), 1 << 30))
def test_inference_without_window(highest: int, distance: int) -> None:
    window = ReplayWindow(0)
    window.accept(highest)
    if highest + distance >= 0:
        assert window.infer((highest + distance) & 0xFFFFFFFF) == highest + distance


@given(
    numbers=st.lists(st.integers(1, 400), min_size=1),
    sizes=st.tuples(st.sampled_from((0, 64, 128, 256)), st.sampled_from((64, 128, 256))),
)
def test_resizing_never_accepts_twice(numbers: list[int], sizes: tuple[int, int]) -> None:
    old, new = ReplayWindow(sizes[0]), ReplayWindow(sizes[1])
    seen = {n for n in numbers if offer(old, n) is Reason.OK}
    new.adopt(old)
    for number in range(1, max(numbers) + 5):
        if new.check(number) is Reason.OK:
            assert number not in seen


def packet(n: int) -> bytes:
    return bytes(IP(src="10.0.0.1", dst="10.0.2.2", id=n) / UDP() / b"payload")


def test_esn_across_the_wrap(rig: Any, tunnel: Any) -> None:
    """64-bit numbers go on where 32 bits end, in order and out of order."""
    rig.install(tunnel("AES-GCM", esn=True))
    rig.store.outbound[1].sa.sequence = (1 << 32) - 40
    rig.store.inbound[1].sa.esp_window.accept((1 << 32) - 41)
    sealed = [rig.seal(packet(n)) for n in range(80)]
    random.Random(1).shuffle(head := sealed[:60])
    for one in head:
        (answer,) = rig.decrypt(one)
        assert answer.reason is Reason.OK
    assert {rig.refusal(one) for one in head} <= {Reason.REPLAYED, Reason.TOO_OLD}
    (answer,) = rig.decrypt(sealed[79])
    assert answer.header.sequence == (1 << 32) - 40 + 80


def test_overflow_is_refused(rig: Any, tunnel: Any) -> None:
    """Without ESN the last number is 2^32 - 1, and a packet in several pieces needs them all."""
    rig.install(tunnel("AES-GCM"))
    sa = rig.store.outbound[1].sa
    sa.sequence = (1 << 32) - 3
    big = bytes(IP(src="10.0.0.1", dst="10.0.2.2") / UDP() / bytes(3000))
    (answer,) = rig.encrypt(big, mtu=1000, prefragment=True)
    assert answer.reason is Reason.SEQUENCE_OVERFLOW
    assert answer.packet == big
    for expected in (1 << 32) - 2, (1 << 32) - 1:
        (answer,) = rig.encrypt(packet(1))
        assert (answer.reason, answer.header.sequence) == (Reason.OK, expected)
    for _ in "12":
        (answer,) = rig.encrypt(packet(1))
        assert answer.reason is Reason.SEQUENCE_OVERFLOW


def test_bad_icv_does_not_move_the_window(rig: Any, tunnel: Any) -> None:
    rig.install(tunnel("AES-CBC", "HMAC-SHA1-96"))
    first = rig.seal(packet(1))
    rig.store.outbound[1].sa.sequence = 1_000_000
    far = bytearray(rig.seal(packet(2)))
    far[-1] ^= 1
    assert rig.refusal(bytes(far)) is Reason.BAD_ICV
    assert rig.refusal(first) is Reason.OK


def test_copies_in_one_burst(rig: Any, tunnel: Any) -> None:
    rig.install(tunnel("AES-GCM", window=1024))
    one = rig.seal(packet(1))
    assert [rig.refusal(one) for _ in range(8)] == [Reason.OK] + [Reason.REPLAYED] * 7


def test_pipeline_decides(rig: Any, tunnel: Any) -> None:
    """Window 0: copies pass, and the request says what the high half is."""
    rig.install(tunnel("AES-GCM", esn=True, window=0))
    rig.store.outbound[1].sa.sequence = 7 << 32
    sealed = rig.seal(packet(1))
    assert rig.refusal(sealed) is Reason.BAD_ICV  # inferred: 0, and nobody said otherwise
    for _ in "12":
        (answer,) = rig.decrypt(sealed, sequence=7 << 32 | 1)
        assert (answer.reason, answer.header.sequence) == (Reason.OK, 7 << 32 | 1)
    assert rig.refusal(rig.seal(packet(2))) is Reason.OK  # now it can be inferred
