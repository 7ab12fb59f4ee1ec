"""Dead peer detection: RFC 3706 and the guide's chapter 4."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from itertools import pairwise

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from ipsecplane.config import Keepalive
from ipsecplane.ike import informational
from ipsecplane.ike.constants import NotifyType, PayloadType, ProtocolId
from ipsecplane.ike.dpd import PeersQuestions
from ipsecplane.ike.payloads import Notification
from ipsecplane.ike.types import (
    Datagram,
    IkeConfig,
    IpsecSasDeleted,
    IsakmpSaDeleted,
    NegotiationFailed,
    PeerDead,
)

from tests.ike.world import AES_SET, A, B, Node, World, config, phase2

PERIODIC = Keepalive(10, periodic=True)
ON_DEMAND = Keepalive(10)


def world(
    a: Keepalive | None,
    b: Keepalive | None = None,
    *,
    change_a: Callable[[IkeConfig], IkeConfig] = lambda c: c,
    change_b: Callable[[IkeConfig], IkeConfig] = lambda c: c,
) -> World:
    """A and B with an IKE SA and IPsec SAs, from the instant 0.08 s on or so."""
    mine = phase2(B, "10.0.1.0/24", "10.0.2.0/24", AES_SET)
    theirs = phase2(A, "10.0.2.0/24", "10.0.1.0/24", AES_SET)
    made = World(
        change_a(replace(config(B, mine), keepalive=a)),
        change_b(replace(config(A, theirs), keepalive=b)),
    )
    made.initiate(made.a, mine)
    made.run(1.0)
    assert made.a.live()
    assert made.b.live()
    return made


class Recorder:
    """When A sent what to B, after the negotiation; `deaf`: B gets none of it."""

    def __init__(self, wire: World, deaf: bool = False) -> None:
        self.wire = wire
        self.deaf = deaf
        self.times: dict[str, list[float]] = {"a": [], "b": []}
        wire.tap = self

    def __call__(self, datagram: Datagram, wire: World) -> list[Datagram]:
        sender = "a" if datagram.local == A else "b"
        self.times[sender].append(wire.now)
        return [] if self.deaf else [datagram]

    def gaps(self, sender: str = "a") -> list[float]:
        times = self.times[sender]
        return [round(after - before, 6) for before, after in pairwise(times)]


def count(node: Node, name: str) -> int:
    return node.engine.statistics.counts.get(name, 0)


def seen_traffic(wire: World, *, received: bool, sent: bool) -> None:
    wire.a.engine.traffic(A, B, 500, received=received, sent=sent, since=wire.now - 1, now=wire.now)
    wire.flush()


def tell(wire: World, node: Node, kind: int, data: bytes, spi: bytes | None = None) -> None:
    """An authentic notification of `node` to its peer."""
    (sa,) = [one for one in node.engine._phase1 if one.established]
    note = Notification(ProtocolId.ISAKMP, kind, sa.cookies if spi is None else spi, data)
    informational.send(sa, [(PayloadType.NOTIFICATION, note.encode())])
    wire.flush()
    wire.run(0.1)


def test_periodic_questions_are_asked_at_their_interval_and_answered() -> None:
    wire = world(PERIODIC)
    record = Recorder(wire)
    wire.run(60)
    assert len(record.times["a"]) == len(record.times["b"]) == 6
    assert set(record.gaps()) == {10.0}
    assert "IKE_DPD is enabled, initializing timers" in wire.a.debugs
    assert "IKE_DPD is enabled" not in wire.b.debugs
    assert [view.capabilities for view in wire.a.live() + wire.b.live()] == ["D", ""]


def test_periodic_questions_do_not_care_for_ipsec_traffic() -> None:
    wire = world(PERIODIC)
    record = Recorder(wire)
    assert not wire.a.engine.watches_traffic
    for _ in range(60):
        wire.run(1)
        seen_traffic(wire, received=True, sent=True)
    assert set(record.gaps()) == {10.0}


def test_a_hello_of_the_peer_starts_the_interval_anew() -> None:
    """The guide: a hello each 10 seconds, unless one comes from the peer."""
    wire = world(PERIODIC, Keepalive(25, periodic=True))
    record = Recorder(wire)
    wire.run(100)
    assert count(wire.a, "dpd_sent") == len(record.times["b"])
    assert count(wire.b, "dpd_sent") == 0


def test_sequence_numbers_start_at_random_and_count_up() -> None:
    wire = world(PERIODIC)
    wire.run(35)
    numbers = [
        int(line.rsplit("0x", 1)[1], 16)
        for line in wire.b.debugs.splitlines()
        if "DPD/R_U_THERE received from peer 10.1.1.1, sequence" in line
    ]
    assert len(numbers) == 3
    assert numbers == [numbers[0], numbers[0] + 1, numbers[0] + 2]
    assert 1000 < numbers[0] < 1 << 31
    assert f"DPD/R_U_THERE_ACK received from peer 10.2.2.2, sequence 0x{numbers[-1]:X}" in (
        wire.a.debugs
    )


@pytest.mark.parametrize(
    ("keepalive", "gap"), [(PERIODIC, 2.0), (Keepalive(30, 20, periodic=True), 20.0)]
)
def test_the_guides_timeline_to_the_second(keepalive: Keepalive, gap: float) -> None:
    """One R_U_THERE, four retransmissions, death one retry interval after the last."""
    wire = world(keepalive)
    record = Recorder(wire, deaf=True)
    wire.run(keepalive.interval - 0.5)
    assert len(record.times["a"]) == 1
    wire.run(5 * gap - 1.0)
    assert len(record.times["a"]) == 5
    assert set(record.gaps()) == {gap}
    assert wire.a.of(PeerDead) == []
    wire.run(1.0)
    assert wire.a.of(PeerDead) == [PeerDead(A, B, 500)]
    assert record.gaps()[4:] == [gap], "one more message: the deletion of the IKE SA"
    assert count(wire.a, "dpd_sent") == 5
    assert wire.a.live() == []
    assert [event.reason for event in wire.a.of(IsakmpSaDeleted)] == ["peers alive"]
    assert wire.a.outbound == wire.a.inbound == {}
    wire.run(100)
    assert len(record.times["a"]) == 6


def test_the_guides_debug_lines() -> None:
    wire = world(PERIODIC)
    Recorder(wire, deaf=True)
    wire.a.events.clear()
    wire.run(25)
    lines = iter(wire.a.debugs.splitlines())
    wanted = [
        "set new node ",
        " sending packet to 10.2.2.2 my_port 500 peer_port 500 (I) QM_IDLE",
        "purging node ",
        "Input = IKE_MESG_FROM_TIMER, IKE_TIMER_IM_ALIVE",
        "Old State = IKE_P1_COMPLETE  New State = IKE_P1_COMPLETE",
        *(
            "incrementing error counter on sa: PEERS_ALIVE_TIMER",
            "set new node ",
            " sending packet to 10.2.2.2 my_port 500 peer_port 500 (I) QM_IDLE",
            "purging node ",
            "Input = IKE_MESG_FROM_TIMER, IKE_TIMER_PEERS_ALIVE",
            "Old State = IKE_P1_COMPLETE  New State = IKE_P1_COMPLETE",
        )
        * 4,
        "incrementing error counter on sa: PEERS_ALIVE_TIMER",
        "peer 10.2.2.2 not responding!",
        "peer does not do paranoid keepalives.",
        'deleting SA reason "peers alive" state (I) QM_IDLE (peer 10.2.2.2) input queue 0',
        "Input = IKE_MESG_FROM_TIMER, IKE_TIMER_PEERS_ALIVE",
        "Old State = IKE_P1_COMPLETE  New State = IKE_DEST_SA",
        "Deleting peer node by peer_reap for 10.2.2.2: ",
        "ignoring request to send delete notify (no ISAKMP sa) src 10.1.1.1 dst 10.2.2.2"
        " for SPI 0x",
    ]
    for text in wanted:
        assert any(text in line for line in lines), f"missing, or out of order: {text}"


def test_the_guides_debug_lines_of_an_answer() -> None:
    wire = world(PERIODIC)
    wire.a.events.clear()
    wire.run(10)
    lines = iter(wire.a.debugs.splitlines())
    for text in (
        "received packet from 10.2.2.2 dport 500 sport 500 Global (I) QM_IDLE",
        "set new node ",
        " processing HASH payload. message ID = ",
        " processing NOTIFY R_U_THERE_ACK protocol 1",
        " spi 0, message ID = ",
        " DPD/R_U_THERE_ACK received from peer 10.2.2.2, sequence 0x",
        'error FALSE reason "Informational (in) state 1"',
        "Input = IKE_MESG_FROM_PEER, IKE_INFO_NOTIFY",
        "Old State = IKE_P1_COMPLETE  New State = IKE_P1_COMPLETE",
    ):
        assert any(text in line for line in lines), f"missing, or out of order: {text}"


@pytest.mark.parametrize("lost", [1, 4])
def test_a_peer_that_answers_a_retransmission_is_alive(lost: int) -> None:
    wire = world(PERIODIC)
    record = Recorder(wire, deaf=True)
    wire.run(9.5 + 2 * (lost - 1))
    assert len(record.times["a"]) == lost
    record.deaf = False
    wire.run(40)
    assert wire.a.of(PeerDead) == []
    asked = record.times["a"]
    after = [round(t - asked[0], 3) for t in asked[lost + 1 :]]
    assert after == [10.0, 20.0, 30.0, 40.0], "the rhythm is that of the questions"


def test_a_lost_answer_is_given_again_for_the_same_number() -> None:
    wire = world(PERIODIC)
    swallowed: list[Datagram] = []

    def swallow_one_answer(datagram: Datagram, _: World) -> list[Datagram]:
        if datagram.local == B and not swallowed:
            swallowed.append(datagram)
            return []
        return [datagram]

    wire.tap = swallow_one_answer
    wire.run(30)
    assert swallowed
    assert wire.a.of(PeerDead) == []
    assert count(wire.b, "dpd_bad_sequence") == count(wire.a, "dpd_bad_sequence") == 0


# --- on demand ---


def test_on_demand_without_traffic_nothing_is_ever_asked() -> None:
    wire = world(ON_DEMAND)
    record = Recorder(wire)
    assert wire.a.engine.watches_traffic
    for _ in range(200):
        wire.run(1)
        seen_traffic(wire, received=False, sent=False)
    assert record.times["a"] == []


def test_on_demand_with_traffic_both_ways_nothing_is_asked() -> None:
    wire = world(ON_DEMAND)
    record = Recorder(wire)
    for _ in range(60):
        wire.run(1)
        seen_traffic(wire, received=True, sent=True)
    assert record.times["a"] == []


def test_on_demand_traffic_without_an_echo_makes_the_router_ask() -> None:
    wire = world(ON_DEMAND)
    record = Recorder(wire)
    heard = wire.now
    seen_traffic(wire, received=True, sent=True)
    for _ in range(25):
        wire.run(1)
        seen_traffic(wire, received=False, sent=True)
    assert [round(t - heard) for t in record.times["a"]] == [10, 21], (
        "each when traffic shows that it is due"
    )
    assert wire.a.of(PeerDead) == []


def test_on_demand_a_dead_peer_is_found_by_traffic() -> None:
    wire = world(ON_DEMAND)
    record = Recorder(wire, deaf=True)
    heard = wire.now
    seen_traffic(wire, received=True, sent=True)
    for _ in range(30):
        wire.run(1)
        seen_traffic(wire, received=False, sent=True)
    assert [round(t - heard) for t in record.times["a"]] == [10, 12, 14, 16, 18, 20]
    assert wire.a.of(PeerDead)


def test_on_demand_traffic_from_the_peer_ends_the_retries() -> None:
    wire = world(ON_DEMAND)
    record = Recorder(wire, deaf=True)
    for _ in range(11):
        wire.run(1)
        seen_traffic(wire, received=False, sent=True)
    assert record.times["a"]
    seen_traffic(wire, received=True, sent=False)
    asked = len(record.times["a"])
    wire.run(30)
    assert len(record.times["a"]) == asked
    assert wire.a.of(PeerDead) == []


# --- what peers can do ---


def test_keepalives_run_where_the_peer_has_no_dpd() -> None:
    """An IOS from before RFC 3706 is asked in its own way, periodically whatever was configured."""
    wire = world(ON_DEMAND, change_b=lambda c: replace(c, dead_peer_detection=False))
    record = Recorder(wire)
    wire.run(35)
    assert len(record.times["a"]) == len(record.times["b"]) == 3
    assert "processing NOTIFY KEEP_ALIVE protocol 1" in wire.b.debugs
    assert "processing NOTIFY KEEP_ALIVE_ACK protocol 1" in wire.a.debugs
    assert wire.a.live()[0].capabilities == "K"
    record.deaf = True
    wire.run(25)
    assert wire.a.of(PeerDead)
    assert "peer does paranoid keepalives." in wire.a.debugs


def test_a_peer_that_knows_neither_is_not_asked(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("ipsecplane.ike.dpd.protocol_with", lambda sa: None)
    wire = world(PERIODIC)
    record = Recorder(wire)
    wire.run(60)
    assert record.times["a"] == []
    assert "peer supports neither DPD nor keepalives" in wire.a.debugs


def test_without_the_command_questions_are_answered_but_not_asked() -> None:
    wire = world(None, PERIODIC)
    record = Recorder(wire)
    wire.run(35)
    assert len(record.times["b"]) == len(record.times["a"]) == 3
    assert wire.a.of(PeerDead) == wire.b.of(PeerDead) == []


# --- wrong messages ---


def test_an_answer_with_another_number_proves_nothing() -> None:
    wire = world(PERIODIC)
    record = Recorder(wire, deaf=True)
    wire.run(10)
    record.deaf = False
    wire.tap = lambda d, _: [d] if d.local == B else []
    tell(wire, wire.b, NotifyType.R_U_THERE_ACK, bytes(4))
    assert count(wire.a, "dpd_bad_sequence") == 1
    wire.run(10)
    assert wire.a.of(PeerDead)


def test_an_answer_that_nobody_asked_for_is_counted() -> None:
    wire = world(PERIODIC)
    tell(wire, wire.b, NotifyType.R_U_THERE_ACK, b"\0\0\0\1")
    assert count(wire.a, "dpd_bad_sequence") == 1


def test_an_old_question_gets_no_answer() -> None:
    wire = world(PERIODIC)
    wire.run(0.1)
    tell(wire, wire.b, NotifyType.R_U_THERE, (1000).to_bytes(4))
    record = Recorder(wire)
    tell(wire, wire.b, NotifyType.R_U_THERE, (999).to_bytes(4))
    assert record.times["a"] == []
    assert count(wire.a, "dpd_bad_sequence") == 1
    tell(wire, wire.b, NotifyType.R_U_THERE, (1000).to_bytes(4))
    tell(wire, wire.b, NotifyType.R_U_THERE, (1001).to_bytes(4))
    assert len(record.times["a"]) == 2


@pytest.mark.parametrize("data", [b"", b"\0\0\1", bytes(5)])
def test_a_question_with_a_misshapen_number_is_malformed(data: bytes) -> None:
    wire = world(PERIODIC)
    record = Recorder(wire)
    tell(wire, wire.b, NotifyType.R_U_THERE, data)
    assert record.times["a"] == []
    assert count(wire.a, "malformed") == 1
    assert f"has a sequence number of {len(data)} octets" in wire.a.debugs


def test_a_question_about_another_sa_is_malformed() -> None:
    wire = world(PERIODIC)
    tell(wire, wire.b, NotifyType.R_U_THERE, bytes(4), spi=bytes(16))
    assert count(wire.a, "malformed") == 1


@settings(max_examples=80)
@given(st.lists(st.integers(0, 0xFFFFFFFF), max_size=12))
def test_no_number_is_accepted_after_a_later_one(numbers: list[int]) -> None:
    questions = PeersQuestions()
    last: int | None = None
    for number in numbers:
        later = last is None or (number - last) % (1 << 32) < 1 << 31
        assert questions.accepts(number) == later
        last = number if later else last


# --- what dies with the peer ---


def test_a_new_ike_sa_takes_the_questions_over() -> None:
    wire = world(PERIODIC)
    policy = wire.a.engine._runtime.config.phase2[0]
    wire.a.engine._phase1.start(A, B, wire.now)
    wire.flush()
    wire.run(1)
    assert len(wire.a.live()) == 2
    record = Recorder(wire)
    wire.run(50)
    assert len(record.times["a"]) == 5, "one of the two asks"
    record.deaf = True
    wire.run(25)
    assert wire.a.live() == []
    assert len(wire.a.of(PeerDead)) == 1
    assert policy


def test_what_was_asked_of_a_dead_peer_fails_at_once() -> None:
    wire = world(Keepalive(10, periodic=True))
    record = Recorder(wire, deaf=True)
    wire.run(15)
    wire.initiate(wire.a, wire.a.engine._runtime.config.phase2[0])
    wire.run(6)
    assert wire.a.of(PeerDead)
    assert len(wire.a.of(NegotiationFailed)) == 1
    assert wire.a.of(IpsecSasDeleted)
    assert record.times["a"]
