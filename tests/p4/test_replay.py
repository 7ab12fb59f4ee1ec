"""The replay window in registers against a set of the numbers seen (guide chapter 1, RFC 4303).

The oracle is the definition itself: X the highest number seen, N the window; X-N+1 ... X are
remembered, what is left of them is too old. One example is one SA with an epoch of its own, so
that each starts afresh however often its row was used before.
"""

from __future__ import annotations

import itertools
from dataclasses import replace
from typing import Final

import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st
from ipsecplane.targets.crypto_header import CryptoHeader, Operation
from ipsecplane.targets.crypto_header import Reason as CryptoReason
from ipsecplane.targets.diff import Kind
from ipsecplane.targets.reasons import Reason
from scapy.layers.inet import ICMP, IP
from scapy.layers.ipsec import AH, ESP

from tests.p4.duts import ACCELERATOR_PORT, Dut, Punt, Sent
from tests.p4.world import (
    HOST4,
    LAN,
    REMOTE4,
    ROUTER4,
    WAN,
    frame,
    inner_policy,
    result,
    sa_in,
    sad,
    the_frame,
    the_punt,
    the_request,
)

SA, SPI = 5, 0x01020304
WINDOWS: Final = (64, 128, 256, 512, 1024)
EPOCHS: Final = itertools.count(1000)  # other tests on the same device use small ones
PASS: Final = Reason.NONE
INNER = IP(src=REMOTE4, dst=HOST4[LAN]) / ICMP()


class Oracle:
    """The numbers that an SA has seen."""

    def __init__(self, window: int) -> None:
        self.window = window
        self.seen = {0}  # the first number is 1

    def judge(self, sequence: int) -> Reason:
        if sequence <= max(self.seen) - self.window or sequence == 0:
            return Reason.TOO_OLD
        return Reason.REPLAYED if sequence in self.seen else PASS

    def enter(self, sequence: int) -> Reason:
        reason = self.judge(sequence)
        if reason == PASS:
            self.seen.add(sequence)
        return reason


def new_sa(dut: Dut, window: int, esn: bool = False) -> int:
    """A new SA in the row, and its epoch."""
    epoch = next(EPOCHS)
    rows = [e for e in dut.entries() if e.table == "sa_in"]
    dut.write([sa_in(SA, epoch, window, esn=int(esn))], Kind.MODIFY if rows else Kind.INSERT)
    return epoch


@pytest.fixture
def peer(router: Dut) -> Dut:
    router.write([sad(ROUTER4[WAN], SPI, SA), sad(ROUTER4[WAN], SPI, SA, 51), inner_policy(SA, 4)])
    return router


def decrypted(epoch: int, sequence: int) -> tuple[int, bytes]:
    """What comes back authenticated."""
    header = CryptoHeader(
        Operation.DECRYPTED, sa_index=SA, epoch=epoch, ingress_if=WAN, spi=SPI, sequence=sequence
    )
    return result(header, INNER)


def arrived(sequence: int) -> tuple[int, bytes]:
    """What comes from the wire."""
    packet = IP(src=REMOTE4, dst=ROUTER4[WAN]) / ESP(
        spi=SPI, seq=sequence & 0xFFFFFFFF, data=bytes(24)
    )
    return frame(WAN, packet)


def verdicts(dut: Dut, epoch: int, sequences: list[int]) -> list[Reason]:
    """One verdict a packet, given after authentication. The ICMP sequence number tells whose."""
    header = CryptoHeader(
        Operation.DECRYPTED, sa_index=SA, epoch=epoch, ingress_if=WAN, spi=SPI, sequence=0
    )
    frames = []
    for number, sequence in enumerate(sequences):
        inner = IP(src=REMOTE4, dst=HOST4[LAN]) / ICMP(seq=number)
        frames.append(result(replace(header, sequence=sequence), inner))
    given: dict[int, Reason] = {}
    for output in dut.send_all(frames):
        octets = output.frame
        number = int.from_bytes(octets[14 + 20 + 6 : 14 + 20 + 8], "big")
        assert number not in given
        if isinstance(output, Punt):
            assert (output.sa_index, output.value) == (SA, SPI)
            given[number] = Reason(output.reason)
        else:
            assert output.port == LAN
            given[number] = PASS
    return [given[number] for number in range(len(sequences))]


@st.composite
def histories(draw: st.DrawFn) -> tuple[int, list[int]]:
    """A window and the numbers of packets: steps and jumps of all sizes, back and forth."""
    window = draw(st.sampled_from(WINDOWS))
    jump = st.one_of(
        st.integers(-2, 3),
        st.integers(-window - 2, window + 2),
        st.sampled_from([
            -2 * window, -window - 1, -window, 1 - window, window - 1, window, window + 1,
            window * 3 // 2, 2 * window, 255, 256, 257, 511, 512, 513, 767, 768, 1023, 1024, 1025,
        ]),
        st.integers(-3000, 3000),
    )  # fmt: skip
    start = draw(st.sampled_from([1, 1, 2, 1000, 1 << 31, (1 << 32) - 600, (1 << 40) + 5]))
    number, history = start, [start]
    for step in draw(st.lists(jump, max_size=60)):
        number = max(0, number + step)
        history.append(number)
        if step % 3 == 0:
            history.append(number)  # at once again
    return window, history


def _jumps(window: int) -> list[int]:
    """The jumps that implementations get wrong, each with the edges of the window after it."""
    history, high = [1], 1
    for jump in (1, window - 1, window, window + 1, window * 3 // 2, 2 * window, 256, 512, 768):
        high += jump
        history += [high, high, high - window + 1, high - window, high - window - 1, high - jump]
    return [max(0, number) for number in history]


@settings(
    max_examples=120,
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)
@given(history=histories())
@example(history=(64, _jumps(64)))
@example(history=(128, _jumps(128)))
@example(history=(256, _jumps(256)))
@example(history=(512, _jumps(512)))
@example(history=(1024, _jumps(1024)))
def test_window_is_the_oracles(peer: Dut, history: tuple[int, list[int]]) -> None:
    window, sequences = history
    epoch = new_sa(peer, window)
    oracle = Oracle(window)
    assert verdicts(peer, epoch, sequences) == [oracle.enter(s) for s in sequences]


@settings(
    max_examples=40,
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)
@given(history=histories())
def test_the_check_before_decryption_agrees_and_changes_nothing(
    peer: Dut, history: tuple[int, list[int]]
) -> None:
    """Whatever the earlier check turns away, the later one would have; and it saves all of them."""
    window, sequences = history
    epoch = new_sa(peer, window)
    oracle = Oracle(window)
    for sequence in sequences[:25]:
        if sequence >> 32 == 0:
            before = [
                (Reason(o.reason) if isinstance(o, Punt) else PASS)
                for o in peer.send_all([arrived(sequence)] * 2)
            ]
            expected = oracle.judge(sequence)
            assert before == [expected] * 2, "asking twice gives the same answer"
        assert verdicts(peer, epoch, [sequence]) == [oracle.enter(sequence)]


@pytest.mark.parametrize("window", WINDOWS)
def test_appendix_like_sequences(peer: Dut, window: int) -> None:
    epoch = new_sa(peer, window)
    sequences = [1, *([window] * 8), window + 1, 1, 2, 2, 2 * window, window + 1, window, 0]
    oracle = Oracle(window)
    answers = verdicts(peer, epoch, sequences)
    assert answers == [oracle.enter(s) for s in sequences]
    assert answers[1:9] == [PASS] + [Reason.REPLAYED] * 7, "eight copies in one batch"


def test_window_off(peer: Dut) -> None:
    epoch = new_sa(peer, 0)
    assert verdicts(peer, epoch, [5, 5, 9000, 1, 1, 0]) == [PASS] * 6
    header, _ = the_request(peer.send(*arrived(5)))
    assert header.sequence == 5


def test_a_new_epoch_starts_afresh_and_the_same_goes_on(peer: Dut) -> None:
    first = new_sa(peer, 64)
    assert verdicts(peer, first, [1000, 1000]) == [PASS, Reason.REPLAYED]
    peer.write([sa_in(SA, first, 128)], Kind.MODIFY)  # a wider window keeps what was seen
    assert verdicts(peer, first, [1000, 900]) == [Reason.REPLAYED, PASS]
    second = new_sa(peer, 64)
    the_request(peer.send(*arrived(1)))  # the check before decryption forgets too
    assert verdicts(peer, second, [1, 1, 2]) == [PASS, Reason.REPLAYED, PASS]
    late = peer.reasons()
    assert peer.send(*decrypted(first, 5000)) == []
    assert peer.reasons() - late == {Reason.SA_IN_MISSING: 1}
    assert verdicts(peer, second, [3]) == [PASS], "the old SA's late packet moved nothing"


def test_rows_do_not_share_windows(peer: Dut) -> None:
    epoch = new_sa(peer, 64)
    peer.write([sa_in(4095, epoch, 64), inner_policy(4095, 4)])
    other = replace(
        CryptoHeader(Operation.DECRYPTED, epoch=epoch, ingress_if=WAN, spi=SPI, sequence=7),
        sa_index=4095,
    )
    the_frame(peer.send(*decrypted(epoch, 7)), LAN)
    the_frame(peer.send(*result(other, INNER)), LAN)
    assert the_punt(peer.send(*result(other, INNER))).reason == Reason.REPLAYED


def test_a_bad_icv_does_not_move_the_window(peer: Dut) -> None:
    epoch = new_sa(peer, 64)
    assert verdicts(peer, epoch, [10]) == [PASS]
    forged = CryptoHeader(
        Operation.DECRYPTED,
        sa_index=SA,
        epoch=epoch,
        spi=SPI,
        sequence=5000,
        reason=CryptoReason.BAD_ICV,
    )
    assert the_punt(peer.send(*result(forged, INNER))).reason == Reason.SA_ERROR
    the_request(peer.send(*arrived(4000)))  # asked for, never authenticated
    assert verdicts(peer, epoch, [11, 12]) == [PASS, PASS]


def test_what_inner_policy_refuses_was_authentic(peer: Dut) -> None:
    epoch = new_sa(peer, 64)
    peer.write([inner_policy(SA, 4)], Kind.DELETE)
    assert the_punt(peer.send(*decrypted(epoch, 9))).reason == Reason.INNER_POLICY
    assert the_punt(peer.send(*decrypted(epoch, 9))).reason == Reason.REPLAYED


def test_before_decryption_the_numbers_of_ah_count_too(peer: Dut) -> None:
    epoch = new_sa(peer, 64)
    assert verdicts(peer, epoch, [70]) == [PASS]
    for sequence, reason in ((70, Reason.REPLAYED), (6, Reason.TOO_OLD), (0, Reason.TOO_OLD)):
        packet = IP(src=REMOTE4, dst=ROUTER4[WAN]) / AH(
            nh=4, payloadlen=4, spi=SPI, seq=sequence, icv=bytes(12)
        )
        punt = the_punt(peer.send(*frame(WAN, packet / bytes(20))))
        assert (punt.reason, punt.sa_index, punt.value) == (reason, SA, SPI)


# -- extended sequence numbers -----------------------------------------------------------------

HIGH: Final = 5 << 32


@pytest.mark.parametrize(
    ("highest", "low", "inferred"),
    [
        (HIGH + 1000, 1001, HIGH + 1001),
        (HIGH + 1000, 990, HIGH + 990),
        (HIGH + 10, 0xFFFFFFFF, HIGH - 1),  # the window spans two high halves
        (HIGH + 10, 5, HIGH + 5),
        (HIGH - 5, 3, HIGH + 3),  # the low half has wrapped
        (HIGH - 5, 0xFFFFFFF0, HIGH - 16),
        (0xFFFFFFF0, 4, (1 << 32) + 4),
        (100, 50, 50),
        (100, 0x90000000, 0x90000000),  # more than half the low numbers ahead
        (HIGH + 1000, 0x90000000, HIGH + 0x90000000),
    ],
)
def test_esn_inference(peer: Dut, highest: int, low: int, inferred: int) -> None:
    """A DECRYPT request carries the 64-bit number that the packet's low half stands for."""
    epoch = new_sa(peer, 1024, esn=True)
    assert verdicts(peer, epoch, [highest]) == [PASS]
    header, _ = the_request(peer.send(*arrived(low)))
    assert header.sequence == inferred
    assert verdicts(peer, epoch, [inferred]) == [PASS]
    assert the_punt(peer.send(*arrived(low))).reason == Reason.REPLAYED


@pytest.mark.parametrize(
    ("highest", "low"), [(0, 0xFFFFFFFF), (10, 0xFFFFFFF0), ((1 << 64) - 5, 3), ((1 << 64) - 5, 0)]
)
def test_esn_before_the_first_number_and_beyond_the_last(peer: Dut, highest: int, low: int) -> None:
    epoch = new_sa(peer, 64, esn=True)
    if highest:
        assert verdicts(peer, epoch, [highest]) == [PASS]
    assert the_punt(peer.send(*arrived(low))).reason == Reason.TOO_OLD


def test_the_first_32_bit_number_may_be_the_last(peer: Dut) -> None:
    epoch = new_sa(peer, 64)
    the_request(peer.send(*arrived(0xFFFFFFFF)))
    assert verdicts(peer, epoch, [0xFFFFFFFF]) == [PASS]


def test_esn_window_spans_the_wrap(peer: Dut) -> None:
    epoch = new_sa(peer, 64, esn=True)
    assert verdicts(peer, epoch, [HIGH + 10, HIGH - 53, HIGH - 54]) == [
        PASS, PASS, Reason.TOO_OLD,
    ]  # fmt: skip
    header, _ = the_request(peer.send(*arrived(HIGH - 54)))
    assert header.sequence == HIGH + 0xFFFFFFCA, "left of the window: ahead of it, says A2.2"
    assert the_punt(peer.send(*arrived(HIGH - 53))).reason == Reason.REPLAYED
    (output,) = peer.send(*arrived(HIGH - 52))
    assert isinstance(output, Sent)
    assert output.port == ACCELERATOR_PORT


def test_32_bit_numbers_near_their_end(peer: Dut) -> None:
    """They do not wrap: a low one is old, before decryption and after it."""
    epoch = new_sa(peer, 64)
    assert verdicts(peer, epoch, [0xFFFFFFFF]) == [PASS]
    assert the_punt(peer.send(*arrived(3))).reason == Reason.TOO_OLD
    assert verdicts(peer, epoch, [3]) == [Reason.TOO_OLD]
    assert the_punt(peer.send(*arrived(0xFFFFFF00))).reason == Reason.TOO_OLD
