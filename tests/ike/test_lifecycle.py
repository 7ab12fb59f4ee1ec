"""Rekeying, expiry, deletion, collisions and recovery of SAs."""

from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from ipsecplane.ike.types import (
    IpsecSasDeleted,
    IsakmpSaDeleted,
    IsakmpSaEstablished,
    IsakmpState,
    NegotiationFailed,
    OutboundSasReady,
    Phase2Policy,
)

from tests.ike.world import (
    GUIDE_POLICY,
    A,
    B,
    Node,
    World,
    check_consistent,
    config,
    guide_world,
    modern_world,
    parts,
    phase2,
)


def up(wire: World, node: Node, policy: Phase2Policy) -> None:
    wire.initiate(node, policy)
    wire.settle()
    assert node.outbound


def states(node: Node) -> list[tuple[int, IsakmpState, bool]]:
    return [(sa.conn_id, sa.state, sa.deleted) for sa in node.engine.isakmp_sas()]


# --- the guide's chapter 3 ---


def test_invalid_spi_recovery_as_in_the_guide() -> None:
    wire, a, _ = guide_world()
    up(wire, wire.a, a)
    old = wire.a.of(OutboundSasReady)[0].sas
    assert old.ah is not None
    # "clear crypto isakmp" and "clear crypto sa" on B: A learns of the first only.
    assert wire.b.engine.delete_isakmp(None, wire.now)
    wire.flush()
    wire.b.engine.delete_sas(wire.b.of(OutboundSasReady)[0].sas, wire.now)
    wire.b.inbound.clear()
    wire.b.outbound.clear()
    wire.settle()
    assert states(wire.a) == states(wire.b) == [(1001, IsakmpState.MM_NO_STATE, True)]
    assert wire.a.outbound != {}
    # A's next packet: B sets up an IKE SA to say that it does not know the SPI.
    spi = old.ah.outbound_spi
    wire.b.engine.notify_invalid_spi(A, B, 51, spi, wire.now)
    wire.flush()
    wire.settle()
    assert wire.a.of(IpsecSasDeleted) == [
        IpsecSasDeleted(B, tuple((p.protocol, p.outbound_spi) for p in parts(old)), True, 500)
    ]
    assert wire.a.outbound == {}
    assert states(wire.b) == [
        (1001, IsakmpState.MM_NO_STATE, True),
        (1002, IsakmpState.QM_IDLE, False),
    ]
    assert [sa.we_initiated for sa in wire.b.live()] == [True]
    # Further traffic of A finds no SA: quick mode under the IKE SA that B made.
    wire.initiate(wire.a, a)
    wire.settle()
    assert len(wire.a.outbound) == 2
    check_consistent(wire)
    assert wire.a.of(OutboundSasReady)[-1].sas.isakmp_conn_id == 1002
    wire.run(60)
    assert states(wire.b) == [(1002, IsakmpState.QM_IDLE, False)]


def test_recovery_after_a_restart_is_a_first_contact() -> None:
    """Peers that ignore INVALID-SPI (strongSwan does) heed INITIAL-CONTACT."""
    wire, _, _ = guide_world()
    wire.b.engine.notify_invalid_spi(A, B, 51, 0x1234567, wire.now)
    wire.flush()
    wire.settle()
    assert "Send initial contact" in wire.b.debugs
    assert "processing NOTIFY INITIAL_CONTACT" in wire.a.debugs
    # From now on we know each other: INVALID-SPI alone.
    sent = wire.b.debugs.count("Send initial contact")
    assert wire.b.engine.delete_isakmp(None, wire.now)
    wire.flush()
    wire.run(700)
    wire.b.engine.notify_invalid_spi(A, B, 51, 0x7654321, wire.now)
    wire.flush()
    wire.settle()
    assert len(wire.b.live()) == 1
    assert wire.b.debugs.count("Send initial contact") == sent


def test_without_recovery_there_is_a_black_hole() -> None:
    wire, a, _ = guide_world()
    wire.b.engine.reconfigure(
        replace(config(A, isakmp=(GUIDE_POLICY,)), invalid_spi_recovery=False), 0.0
    )
    sent = len(wire.sent)
    wire.b.engine.notify_invalid_spi(A, B, 50, 0x1234567, wire.now)
    wire.flush()
    assert len(wire.sent) == sent
    assert wire.b.engine.isakmp_sas() == []
    assert a.entry == 1


def test_with_an_ike_sa_no_recovery_is_needed() -> None:
    wire, a, _ = guide_world()
    wire.b.engine.reconfigure(
        replace(config(A, wire.b.engine._runtime.config.phase2[0], isakmp=(GUIDE_POLICY,)),
                invalid_spi_recovery=False),
        0.0,
    )  # fmt: skip
    up(wire, wire.a, a)
    wire.b.engine.notify_invalid_spi(A, B, 50, 0x1234567, wire.now)
    wire.flush()
    wire.settle()
    assert wire.a.of(IpsecSasDeleted) == [IpsecSasDeleted(B, ((50, 0x1234567),), True)]
    assert len(wire.a.live()) == 1


def test_recovery_is_no_tool_for_attackers() -> None:
    """Packets with random SPIs: seldom an IKE SA, never to strangers."""
    wire, _, b = guide_world()
    wire.tap = lambda _, __: []
    stranger = replace(b, peers=(B,)).peers[0]
    for spi in range(300, 400):
        wire.b.engine.notify_invalid_spi(stranger, B, 50, spi, wire.now)
    assert wire.b.engine.isakmp_sas() == []
    for spi in range(300, 400):
        wire.b.engine.notify_invalid_spi(A, B, 50, spi, wire.now)
        wire.run(0.1)
    assert len(wire.b.engine.isakmp_sas()) == 1
    wire.run(1000)
    for spi in range(300, 310):
        wire.b.engine.notify_invalid_spi(A, B, 50, spi, wire.now)
    assert len(wire.b.engine.isakmp_sas()) == 1
    assert wire.b.engine.statistics.counts["recoveries"] == 2


def test_recovery_is_rare_even_when_the_ike_sa_does_not_last() -> None:
    wire, _, _ = guide_world()
    for spi in range(300, 400):
        wire.b.engine.notify_invalid_spi(A, B, 50, spi, wire.now)
        wire.flush()
        wire.run(0.5)
        wire.b.engine.delete_isakmp(None, wire.now)
        wire.run(0.5)
    assert wire.b.engine.statistics.counts["recoveries"] == 10
    assert wire.b.engine.statistics.counts["recovery_rate_limited"] == 90


def test_notifications_of_one_spi_are_limited() -> None:
    wire, a, _ = guide_world()
    up(wire, wire.a, a)
    for _ in range(50):
        wire.b.engine.notify_invalid_spi(A, B, 50, 0x1234567, wire.now)
        wire.run(0.01)
    assert wire.b.engine.statistics.counts["invalid_spi_sent"] == 1


# --- deletion ---


def test_deleted_sas_are_shown_for_a_minute() -> None:
    wire, a, _ = guide_world()
    up(wire, wire.a, a)
    assert not wire.b.engine.delete_isakmp(4711, wire.now)
    assert wire.b.engine.delete_isakmp(1001, wire.now)
    wire.flush()
    wire.run(55)
    for node in wire.nodes:
        assert states(node) == [(1001, IsakmpState.MM_NO_STATE, True)]
        assert [event.conn_id for event in node.of(IsakmpSaDeleted)] == [1001]
    assert not wire.b.engine.delete_isakmp(1001, wire.now)
    wire.run(10)
    assert states(wire.a) == states(wire.b) == []
    assert wire.a.outbound, "IPsec SAs outlive their IKE SA"


def test_ipsec_sas_go_with_the_ike_sa_where_so_configured() -> None:
    wire, a, _ = modern_world()
    wire.a.engine.reconfigure(replace(wire.a.engine._runtime.config, dangling=False), 0.0)
    up(wire, wire.a, a)
    wire.b.engine.delete_isakmp(None, wire.now)
    wire.flush()
    wire.settle()
    assert wire.a.outbound == {}
    assert wire.b.outbound != {}


def test_deletion_of_ipsec_sas_is_told() -> None:
    wire, a, _ = guide_world()
    up(wire, wire.a, a)
    sas = wire.a.of(OutboundSasReady)[0].sas
    wire.a.engine.delete_sas(sas, wire.now)
    wire.flush()
    wire.settle()
    # Two DELETE payloads, AH and ESP; the first takes the bundle with it.
    assert wire.b.outbound == {}
    assert wire.b.of(IpsecSasDeleted)[0].outbound == tuple(
        (p.protocol, p.inbound_spi) for p in parts(sas)
    )


def test_clearing_while_negotiating() -> None:
    wire, a, _ = modern_world()
    wire.initiate(wire.a, a)
    wire.run(0.03)
    wire.a.engine.delete_isakmp(None, wire.now)
    wire.flush()
    assert wire.a.of(NegotiationFailed) == [NegotiationFailed(B, 1, "no IKE SA")]
    wire.run(400)
    assert wire.a.outbound == {}
    assert wire.a.engine.next_timeout() is None


def test_a_peers_deletion_during_quick_mode() -> None:
    """What was asked for is negotiated again under a new IKE SA."""
    wire, a, _ = modern_world()
    wire.initiate(wire.a, a)
    wire.run(0.061)  # QM1 is on its way
    wire.b.engine.delete_isakmp(None, wire.now)
    wire.flush()
    wire.settle()
    assert len(wire.a.of(OutboundSasReady)) == 1
    assert wire.a.of(NegotiationFailed) == []
    assert len(wire.a.of(IsakmpSaEstablished)) == 2
    check_consistent(wire)


# --- INITIAL-CONTACT ---


def test_a_restarted_peer_drops_what_was_before() -> None:
    wire, a, b = modern_world()
    up(wire, wire.a, a)
    wire.run(10)
    wire.b = World(config(B, a), config(A, b), seed=77).b
    wire.initiate(wire.b, b)
    wire.settle()
    assert [event.reason for event in wire.a.of(IsakmpSaDeleted)] == ["Receive initial contact"]
    assert len(wire.a.of(IpsecSasDeleted)) == 1
    assert len(wire.a.outbound) == len(wire.b.outbound) == 1
    check_consistent(wire)


def test_a_second_ike_sa_is_no_first_contact() -> None:
    wire, a, _ = modern_world()
    up(wire, wire.a, a)
    wire.a.engine.delete_isakmp(None, wire.now)
    wire.flush()
    wire.settle()
    wire.initiate(wire.a, a, replaces=1)
    wire.settle()
    assert wire.b.of(IpsecSasDeleted) == []
    assert "Send initial contact" not in wire.a.debugs.split("deleting SA")[1]
    check_consistent(wire)


# --- rekeying ---


def test_phase1_is_rekeyed_before_it_expires() -> None:
    wire, a, _ = guide_world()
    up(wire, wire.a, a)
    for _ in range(40):
        wire.run(30)
        assert wire.a.live(), wire.now
        assert wire.b.live(), wire.now
        wire.initiate(wire.a, a, replaces=1)  # always possible, at once
        wire.run(1)
    assert wire.a.of(NegotiationFailed) == []
    assert wire.a.engine.statistics.counts.get("retransmitted", 0) == 0
    assert len(wire.a.of(OutboundSasReady)) == 41
    reasons = {event.reason for node in wire.nodes for event in node.of(IsakmpSaDeleted)}
    assert reasons <= {"IKE SA Lifetime Exceeded", "P1 delete notify (in)"}
    assert 6 <= len(wire.a.of(IsakmpSaEstablished)) <= 9
    assert wire.a.of(IpsecSasDeleted) == []


def test_phase1_is_not_rekeyed_for_nothing() -> None:
    wire, a, _ = guide_world()
    up(wire, wire.a, a)
    for node in wire.nodes:
        node.engine.delete_sas(node.of(OutboundSasReady)[0].sas, wire.now)
    wire.flush()
    wire.run(400)
    assert len(wire.a.of(IsakmpSaEstablished)) == 1
    assert [event.reason for event in wire.a.of(IsakmpSaDeleted)] in (
        ["IKE SA Lifetime Exceeded"],
        ["P1 delete notify (in)"],
    )
    assert wire.a.logs == wire.b.logs == []
    assert wire.a.engine.next_timeout() is None or not wire.a.engine.isakmp_sas()


def test_phase1_rekeying_ends_when_ipsec_sas_have_expired() -> None:
    wire, a, _ = guide_world()
    up(wire, wire.a, a)
    wire.run(3600 + 180 + 180)
    assert wire.a.live() == wire.b.live() == []


@settings(max_examples=40)
@given(st.integers(0, 2**32), st.floats(0, 0.05), st.floats(0, 0.2))
def test_simultaneous_main_modes(seed: int, apart: float, jitter: float) -> None:
    wire, a, b = modern_world(seed=seed, jitter=jitter)
    wire.initiate(wire.a, a)
    wire.run(apart)
    wire.initiate(wire.b, b)
    wire.run(60)
    check_consistent(wire)
    for node in wire.nodes:
        assert node.outbound
        assert node.live()
        assert node.of(IpsecSasDeleted) == [], "INITIAL-CONTACT must not hit what is new"
        assert node.of(IsakmpSaDeleted) == []
        assert node.of(NegotiationFailed) == []


@settings(max_examples=60)
@given(st.integers(0, 2**32), st.floats(0, 0.06), st.floats(0, 0.3), st.floats(0, 0.25))
def test_simultaneous_quick_modes(seed: int, apart: float, jitter: float, loss: float) -> None:
    """Both ends rekey at the same time: at no time does one send to what the other lacks."""
    wire, a, b = modern_world(seed=seed)
    up(wire, wire.a, a)
    old_a = wire.a.of(OutboundSasReady)[0].sas
    old_b = wire.b.of(OutboundSasReady)[0].sas
    wire.jitter, wire.loss = jitter, loss
    wire.initiate(wire.a, a, replaces=old_a.id)
    wire.run(apart)
    wire.initiate(wire.b, b, replaces=old_b.id)
    for _ in range(300):
        wire.run(1.0)
        check_consistent(wire)
    wire.loss = 0
    wire.run(1.0)
    for node in wire.nodes:
        assert node.outbound
    # As the agent does: the old pair goes once a new one is complete.
    if len(wire.a.of(OutboundSasReady)) > 1:
        wire.a.engine.delete_sas(old_a, wire.now)
        for part in parts(old_a):
            wire.a.remove((part.protocol, part.outbound_spi))
        wire.flush()
        wire.settle()
        check_consistent(wire)
        assert wire.b.outbound
    check_consistent(wire)


def test_a_request_survives_the_expiry_of_its_ike_sa() -> None:
    """Quick mode is under way while the IKE SA's lifetime ends."""
    wire, a, _ = guide_world()
    up(wire, wire.a, a)
    for node in wire.nodes:
        for event in node.of(OutboundSasReady):
            node.engine.delete_sas(event.sas, wire.now)
        node.outbound.clear()
        node.inbound.clear()
    wire.flush()
    wire.run(174.9)
    wire.tap = lambda datagram, _: [] if datagram.payload[18] == 32 else [datagram]
    wire.initiate(wire.a, a)
    wire.run(0.5)
    wire.tap = None
    wire.run(30)
    assert wire.a.outbound
    assert wire.a.of(NegotiationFailed) == []


@pytest.mark.parametrize("lifetime", [60, 3600, 86400])
def test_rekeying_times(lifetime: int) -> None:
    policy = replace(GUIDE_POLICY, lifetime=lifetime)
    a, b = phase2(B, "10.0.0.1", "10.0.2.2"), phase2(A, "10.0.2.2", "10.0.0.1")
    a, b = replace(a, lifetime_seconds=10**6), replace(b, lifetime_seconds=10**6)
    wire = World(config(B, a, isakmp=(policy,)), config(A, b, isakmp=(policy,)))
    up(wire, wire.a, a)
    wire.run(lifetime - 5 - min(lifetime * 0.1, 300) - 1)
    assert len(wire.a.of(IsakmpSaEstablished)) == 1
    wire.run(min(lifetime * 0.1, 300))
    assert len(wire.a.of(IsakmpSaEstablished)) == 2
    assert [sa.we_initiated for sa in wire.a.live()] == [True, True]
