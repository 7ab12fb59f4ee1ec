"""Loss, repetition, reordering, damage and forgery: honest exchanges complete all the same."""

from __future__ import annotations

import random
from collections.abc import Callable
from dataclasses import replace
from itertools import pairwise

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from ipsecplane.ike import messages
from ipsecplane.ike.constants import NO_COOKIE, ExchangeType, NotifyType, PayloadType, ProtocolId
from ipsecplane.ike.payloads import Deletion, Notification
from ipsecplane.ike.types import (
    Datagram,
    InboundSasReady,
    IpsecSasDeleted,
    IsakmpSaDeleted,
    IsakmpSaEstablished,
    IsakmpState,
    NegotiationFailed,
    OutboundSasReady,
)

from tests.ike.world import (
    A,
    B,
    World,
    altered,
    check_consistent,
    config,
    guide_world,
    modern_world,
    phase2,
    turned,
)


@settings(max_examples=60)
@given(
    st.integers(0, 2**32),
    st.floats(0, 0.3),
    st.floats(0, 0.5),
    st.floats(0, 0.5),
    st.booleans(),
)
def test_a_bad_wire(seed: int, loss: float, repeat: float, jitter: float, both: bool) -> None:
    """Whatever the wire does short of cutting it, traffic is protected in the end.

    As an agent would, both ask again for as long as they have nothing to send with, and complain
    of packets with unknown SPIs.
    """
    wire, a, b = modern_world(seed=seed, loss=loss, repeat=repeat, jitter=jitter)
    for _ in range(30):
        if not wire.a.outbound:
            wire.initiate(wire.a, a)
        if both and not wire.b.outbound:
            wire.initiate(wire.b, b)
        wire.run(60)
        for node, peer in ((wire.a, wire.b), (wire.b, wire.a)):
            for protocol, spi in node.outbound.keys() - peer.inbound.keys():
                peer.engine.notify_invalid_spi(node.address, peer.address, protocol, spi, wire.now)
        wire.flush()
        if wire.a.outbound and wire.b.outbound:
            break
    else:
        pytest.fail("no SAs after half an hour")
    wire.loss = 0
    wire.run(120)
    check_consistent(wire)


@pytest.mark.parametrize("position", range(9))
def test_each_message_lost_once(position: int) -> None:
    wire, policy, _ = modern_world()
    seen: list[Datagram] = []

    def lose(datagram: Datagram, _: World) -> list[Datagram]:
        seen.append(datagram)
        return [] if len(seen) == position + 1 else [datagram]

    wire.tap = lose
    wire.initiate(wire.a, policy)
    wire.run(30)
    check_consistent(wire)
    assert len(wire.a.of(OutboundSasReady)) == len(wire.b.of(OutboundSasReady)) == 1
    assert wire.a.logs == wire.b.logs == []


def test_everything_twice() -> None:
    wire, policy, _ = modern_world()
    wire.tap = lambda datagram, _: [datagram, datagram, datagram]
    wire.initiate(wire.a, policy)
    wire.settle()
    for node in wire.nodes:
        assert len(node.of(IsakmpSaEstablished)) == len(node.of(OutboundSasReady)) == 1
        assert len(node.engine.isakmp_sas()) == 1
        assert node.logs == []
    check_consistent(wire)


def test_everything_again_later() -> None:
    """A replay of all messages from an hour ago starts nothing that could end."""
    wire, policy, _ = modern_world()
    wire.initiate(wire.a, policy)
    wire.settle()
    recorded = list(wire.sent)
    wire.run(1000)
    for datagram in recorded:
        wire.deliver(datagram)
    wire.settle()
    for node in wire.nodes:
        assert len(node.of(IsakmpSaEstablished)) == len(node.of(OutboundSasReady)) == 1
        assert len(node.of(InboundSasReady)) == 1
        assert node.of(IpsecSasDeleted) == []
    assert wire.b.engine.statistics.counts["replayed"] == 2  # QM1 and QM3
    # The repeated first message alone looks like a beginning; nobody can go on with it.
    assert [sa.state for sa in wire.b.live()] == [
        IsakmpState.QM_IDLE,
        IsakmpState.MM_SA_SETUP,
    ]


def test_retransmission_backs_off_and_ends() -> None:
    wire, policy, _ = modern_world()
    times: list[float] = []

    def cut(datagram: Datagram, world: World) -> list[Datagram]:
        times.append(world.now)
        return []

    wire.tap = cut
    wire.initiate(wire.a, policy)
    wire.run(1000)
    gaps = [round(later - earlier, 3) for earlier, later in pairwise(times)]
    assert gaps == [10.0, 15.0, 22.5, 30.0, 30.0]
    assert wire.a.of(NegotiationFailed) == [NegotiationFailed(B, 1, "no IKE SA")]
    assert 'deleting SA reason "Death by retransmission P1" state (I) MM_NO_STATE' in wire.a.debugs
    assert wire.a.engine.isakmp_sas() == []
    assert wire.a.engine.next_timeout() is None


def test_a_dead_ike_sa_is_noticed_and_replaced() -> None:
    """The peer restarted: quick mode gets no answer, so a new IKE SA is made for it."""
    wire, a, b = modern_world()
    wire.initiate(wire.a, a)
    wire.settle()
    fresh = World(config(B, a), config(A, b), seed=99)
    wire.b = fresh.b
    wire.run(1.0)
    wire.initiate(wire.a, a, replaces=1)
    wire.run(300)
    assert 'reason "Death by retransmission P2"' in wire.a.debugs
    assert len(wire.a.of(OutboundSasReady)) == 2
    assert len(wire.b.of(OutboundSasReady)) == 1
    assert wire.a.of(NegotiationFailed) == []


def test_the_responder_takes_back_what_is_not_completed() -> None:
    wire, policy, _ = modern_world()

    def lose_third(datagram: Datagram, _: World) -> list[Datagram]:
        quick = datagram.payload[18] == ExchangeType.QUICK
        return [] if quick and wire.b.inbound and datagram.remote == B else [datagram]

    wire.tap = lose_third
    wire.initiate(wire.a, policy)
    wire.settle()
    assert len(wire.b.inbound) == 1
    wire.run(300)
    assert wire.b.inbound == {}
    assert len(wire.b.of(IpsecSasDeleted)) == 1
    assert wire.a.outbound == {}, "the initiator, which took itself for done, is told"


# --- damage ---

Mutation = Callable[[bytes], bytes]


@st.composite
def mutations(draw: st.DrawFn) -> Mutation:
    kind = draw(st.sampled_from(["flip", "cut", "extend", "splice", "length"]))
    position, value = draw(st.integers(0, 2000)), draw(st.integers(0, 255))
    size, tail = draw(st.integers(1, 8)), draw(st.binary(min_size=1, max_size=40))

    def mutate(data: bytes) -> bytes:
        at = position % len(data)
        if kind == "flip":
            return data[:at] + bytes([data[at] ^ (value or 1)]) + data[at + 1 :]
        if kind == "cut":
            return data[:at]
        if kind == "extend":
            return data + tail
        if kind == "splice":
            return data[:at] + tail[:size] + data[at + size :]
        cut = data[:at] if at >= 28 else data + tail  # with the header's length in accord
        return cut[:24] + len(cut).to_bytes(4) + cut[28:]

    return mutate


@settings(max_examples=250)
@given(st.integers(0, 8), mutations(), st.integers(0, 2**16))
def test_damaged_copies_after_the_original(position: int, mutate: Mutation, seed: int) -> None:
    """Any damaged copy of any message, arriving after it, changes nothing at all."""
    wire, policy, _ = modern_world(seed=seed)
    seen: list[Datagram] = []

    def damage(datagram: Datagram, _: World) -> list[Datagram]:
        seen.append(datagram)
        if len(seen) != position + 1:
            return [datagram]
        return [datagram, altered(datagram, mutate(datagram.payload))]

    wire.tap = damage
    wire.initiate(wire.a, policy)
    wire.settle()
    assert_one_good_pair(wire)


@settings(max_examples=250)
@given(st.integers(4, 8), mutations(), st.integers(0, 2**16))
def test_damaged_copies_before_the_original(position: int, mutate: Mutation, seed: int) -> None:
    """From the fifth message on all is authenticated: not even arriving first does harm."""
    wire, policy, _ = modern_world(seed=seed)
    seen: list[Datagram] = []

    def damage(datagram: Datagram, _: World) -> list[Datagram]:
        seen.append(datagram)
        if len(seen) != position + 1:
            return [datagram]
        return [altered(datagram, mutate(datagram.payload)), datagram]

    wire.tap = damage
    wire.initiate(wire.a, policy)
    wire.settle()
    assert_one_good_pair(wire)


def test_a_damaged_initial_contact() -> None:
    """The fifth message's last block with DES is the end of the notification's SPI alone."""
    wire, policy, _ = guide_world()

    def damage(datagram: Datagram, _: World) -> list[Datagram]:
        if len(wire.sent) != 5:
            return [datagram]
        data = datagram.payload
        return [altered(datagram, data[:-1] + bytes([data[-1] ^ 1])), datagram]

    wire.tap = damage
    wire.initiate(wire.a, policy)
    wire.settle()
    assert_one_good_pair(wire)
    assert wire.b.engine.statistics.counts["malformed"] == 1


@pytest.mark.parametrize("position", [4, 5, 6, 7, 8])
@pytest.mark.parametrize("tail", [bytes(16), b"x" * 16, bytes(32)], ids=["zeros", "noise", "two"])
def test_an_appended_block(position: int, tail: bytes) -> None:
    """No HASH covers padding, but its last block would be the exchange's next IV."""
    wire, policy, _ = modern_world()
    seen: list[Datagram] = []

    def extend(datagram: Datagram, _: World) -> list[Datagram]:
        seen.append(datagram)
        if len(seen) != position + 1:
            return [datagram]
        longer = datagram.payload + tail
        longer = longer[:24] + len(longer).to_bytes(4) + longer[28:]
        return [altered(datagram, longer), datagram]

    wire.tap = extend
    wire.initiate(wire.a, policy)
    wire.settle()
    assert_one_good_pair(wire)


@settings(max_examples=150)
@given(st.integers(0, 3), mutations(), st.integers(0, 2**16))
def test_damaged_first_messages(position: int, mutate: Mutation, seed: int) -> None:
    """The first four cannot be authenticated; at worst the negotiation fails and the next works."""
    wire, policy, _ = modern_world(seed=seed)
    seen: list[Datagram] = []

    def damage(datagram: Datagram, _: World) -> list[Datagram]:
        seen.append(datagram)
        if len(seen) != position + 1:
            return [datagram]
        return [altered(datagram, mutate(datagram.payload)), datagram]

    wire.tap = damage
    wire.initiate(wire.a, policy)
    wire.run(400)
    if not wire.a.outbound:
        wire.initiate(wire.a, policy)
        wire.settle()
    check_consistent(wire)
    assert len(wire.a.outbound) == 1


def assert_one_good_pair(wire: World) -> None:
    check_consistent(wire)
    for node in wire.nodes:
        assert len(node.of(OutboundSasReady)) == len(node.of(IsakmpSaEstablished)) == 1
        assert node.of(IpsecSasDeleted) == []
        assert node.of(IsakmpSaDeleted) == []


@settings(max_examples=200)
@given(st.binary(max_size=300), st.sampled_from([500, 4500]))
def test_noise(data: bytes, port: int) -> None:
    wire, policy, _ = modern_world()
    for datagram in (
        Datagram(B, port, A, port, data),
        Datagram(B, port, A, port, header_with(data)),
    ):
        wire.a.engine.receive(turned(datagram), 0.0)
    wire.initiate(wire.a, policy)
    wire.settle()
    assert len(wire.a.outbound) == 1


def header_with(data: bytes) -> bytes:
    """Noise behind a header that is right in itself."""
    kind, exchange = data[0] if data else 1, [2, 4, 5, 32][len(data) % 4]
    return (
        b"cookie-i"
        + NO_COOKIE
        + bytes([kind, 0x10, exchange, 0])
        + bytes(4)
        + (28 + len(data)).to_bytes(4)
        + data
    )


# --- forgery ---


def forged(wire: World, payload: tuple[int, bytes], source: str = "b") -> Datagram:
    """An unencrypted informational message with the right cookies."""
    view = wire.a.engine.isakmp_sas()[0]
    message = messages.plain(
        view.initiator_cookie + view.responder_cookie, ExchangeType.INFORMATIONAL, 4711, [payload]
    )
    return Datagram(B, 500, A, 500, message)


@pytest.mark.parametrize(
    "payload",
    [
        (
            PayloadType.NOTIFICATION,
            Notification(ProtocolId.ESP, NotifyType.INVALID_SPI, b"\1\2\3\4").encode(),
        ),
        (
            PayloadType.NOTIFICATION,
            Notification(ProtocolId.ISAKMP, NotifyType.INITIAL_CONTACT, b"").encode(),
        ),
        (PayloadType.DELETE, Deletion(ProtocolId.ESP, (b"\1\2\3\4",)).encode()),
    ],
)
def test_unauthenticated_messages_are_counted_and_not_believed(payload: tuple[int, bytes]) -> None:
    wire, policy, _ = modern_world()
    wire.initiate(wire.a, policy)
    wire.settle()
    wire.deliver(forged(wire, payload))
    wire.settle()
    assert_one_good_pair(wire)
    assert wire.a.engine.statistics.counts["unauthenticated"] == 1
    assert wire.a.logs == [
        "%CRYPTO-6-IKMP_MODE_FAILURE: Processing of Informational mode failed with peer at 10.2.2.2"
    ]


def test_messages_from_another_address() -> None:
    wire, policy, _ = modern_world()
    wire.initiate(wire.a, policy)
    wire.settle()
    last = next(d for d in reversed(wire.sent) if d.local == B)
    wire.a.engine.receive(replace(turned(last), remote=A), wire.now)
    assert wire.a.engine.statistics.counts["wrong_source"] == 1


def test_our_own_first_message_reflected() -> None:
    wire, policy, _ = modern_world()
    wire.tap = lambda _, __: []
    wire.initiate(wire.a, policy)
    wire.a.engine.receive(wire.sent[0], wire.now)
    assert len(wire.a.engine.isakmp_sas()) == 1
    assert wire.a.engine.statistics.counts["reflected"] == 1


def test_no_sa_for_it() -> None:
    wire, policy, _ = modern_world()
    wire.initiate(wire.a, policy)
    wire.settle()
    quick = next(d for d in wire.sent if d.payload[18] == ExchangeType.QUICK)
    strange = altered(quick, b"x" * 16 + quick.payload[16:])
    wire.deliver(strange)
    assert wire.b.logs == [
        "%CRYPTO-4-IKMP_NO_SA: IKE message from 10.1.1.1 has no SA and is not an "
        "initialization offer"
    ]


def test_a_first_message_of_another_mode() -> None:
    """Aggressive mode's holds an identity, main mode's does not."""
    wire, policy, _ = modern_world()
    wire.tap = lambda _, __: []
    wire.initiate(wire.a, policy)
    first = wire.sent[0].payload
    wire.tap = None
    wire.deliver(altered(wire.sent[0], first[:18] + bytes([4]) + first[19:]))
    assert wire.b.logs == [
        "%CRYPTO-4-IKMP_BAD_MESSAGE: IKE message from 10.1.1.1 failed its sanity check or is "
        "malformed"
    ]
    assert "IDENTIFICATION at offset 28: 0 payloads where one is needed" in wire.b.debugs


def test_a_flood_of_first_messages() -> None:
    """Forged first messages push out each other, not the honest negotiation."""
    wire, policy, _ = modern_world()
    wire.tap = lambda _, __: []
    wire.initiate(wire.a, policy)
    first = wire.sent[0]
    chance = random.Random(1)

    def flood(count: int) -> None:
        for _ in range(count):
            wire.deliver(altered(first, chance.randbytes(8) + first.payload[8:]))

    flood(200)
    assert len(wire.b.engine.isakmp_sas()) == 64
    wire.sent.clear()
    wire.tap = lambda datagram, _: [] if datagram.payload[:8] != first.payload[:8] else [datagram]
    wire.deliver(first)
    wire.run(0.03)
    flood(100)
    wire.settle()
    flood(200)
    assert len(wire.b.of(IsakmpSaEstablished)) == 1
    assert wire.b.engine.statistics.counts["evicted"] > 100
    wire.run(300)
    assert len(wire.b.engine.isakmp_sas()) == 1


def test_phase2_overtakes_the_last_message_of_phase1() -> None:
    """The responder may begin quick mode at once; it may arrive before main mode's last."""
    wire, a, b = modern_world()
    held: list[Datagram] = []

    def hold(datagram: Datagram, world: World) -> list[Datagram]:
        from_b = datagram.local == B
        if from_b and datagram.payload[18] == ExchangeType.MAIN and datagram.payload[19] == 1:
            held.append(datagram)
            return []
        return [datagram]

    wire.tap = hold
    wire.initiate(wire.a, a)
    wire.run(0.065)
    assert held
    wire.initiate(wire.b, b)
    wire.run(0.02)
    assert wire.a.of(IsakmpSaEstablished) == []
    wire.tap = None
    wire.put(held[0])
    wire.run(1.0)
    assert any(event.sas.initiator for event in wire.b.of(OutboundSasReady))
    assert wire.b.engine.statistics.counts.get("retransmitted", 0) == 0
    check_consistent(wire)


def test_phase2_config_without_peers_accepts_any() -> None:
    """A policy without peers is a responder's template."""
    policy = phase2(B, "10.0.1.0/24", "10.0.2.0/24")
    template = replace(phase2(A, "10.0.2.0/24", "10.0.1.0/24"), peers=())
    wire = World(config(B, policy), replace(config(A, template)))
    wire.initiate(wire.a, policy)
    wire.settle()
    assert len(wire.b.of(OutboundSasReady)) == 1
