"""Negotiations between two engines on a wire without faults."""

from __future__ import annotations

from dataclasses import replace
from ipaddress import ip_address, ip_network

import pytest
from ipsecplane.config import IsakmpPolicy, TransformSet
from ipsecplane.ike.types import (
    InboundSasReady,
    IsakmpSaEstablished,
    IsakmpState,
    NegotiationFailed,
    OutboundSasReady,
    Phase2Policy,
    ProxyIdentity,
)
from ipsecplane.ipsec.algorithms import CIPHERS, GROUPS, HASHES, INTEGRITIES

from tests.ike import world
from tests.ike.world import (
    AES_SET,
    GUIDE_SET,
    MODERN_POLICY,
    A,
    B,
    World,
    check_consistent,
    check_pair,
    config,
    guide_world,
    modern_world,
    phase2,
)


def negotiated(one: World) -> None:
    """Both sides are up with one agreed pair."""
    for node in one.nodes:
        assert [sa.state for sa in node.engine.isakmp_sas()] == [IsakmpState.QM_IDLE]
        assert len(node.of(IsakmpSaEstablished)) == 1
        assert len(node.of(OutboundSasReady)) == 1
        assert node.logs == []
    check_pair(one.a.of(OutboundSasReady)[0].sas, one.b.of(OutboundSasReady)[0].sas)
    check_consistent(one)


def test_the_guides_routers() -> None:
    wire, policy, _ = guide_world()
    wire.initiate(wire.a, policy)
    wire.settle()
    negotiated(wire)
    assert len(wire.sent) == 9
    sas = wire.a.of(OutboundSasReady)[0].sas
    assert sas.transform_set == GUIDE_SET
    assert sas.ah is not None
    assert sas.esp is not None
    assert (sas.ah.protocol, sas.ah.integrity, sas.ah.cipher) == (51, "HMAC-SHA1-96", None)
    assert (sas.esp.protocol, sas.esp.cipher, len(sas.esp.inbound_cipher_key)) == (50, "DES-CBC", 8)
    assert (sas.lifetime_seconds, sas.lifetime_kilobytes) == (3600, 4608000)
    views = [node.engine.isakmp_sas()[0] for node in wire.nodes]
    assert [view.we_initiated for view in views] == [True, False]
    assert [view.conn_id for view in views] == [1001, 1001]
    assert {view.lifetime for view in views} == {180}
    assert views[0].encryption_key == views[1].encryption_key != b""
    assert sas.isakmp_conn_id == 1001


@pytest.mark.parametrize("group", [row.number for row in GROUPS])
@pytest.mark.parametrize("pfs", [False, True], ids=["", "pfs"])
def test_groups(group: int, pfs: bool) -> None:
    policy = IsakmpPolicy(1, "AES-CBC", 16, "SHA", "pre-share", group)
    a = phase2(B, "10.0.1.0/24", "10.0.2.0/24", AES_SET, pfs=group if pfs else None)
    b = phase2(A, "10.0.2.0/24", "10.0.1.0/24", AES_SET, pfs=group if pfs else None)
    wire = World(config(B, a, isakmp=(policy,)), config(A, b, isakmp=(policy,)))
    wire.initiate(wire.a, a)
    wire.settle()
    negotiated(wire)
    assert wire.a.of(OutboundSasReady)[0].sas.pfs_group == (group if pfs else None)


PHASE1_SUITES = [
    (cipher.name, size, row.name)
    for cipher in CIPHERS
    if cipher.phase1_id is not None
    for size in cipher.key_sizes
    for row in HASHES
]


@pytest.mark.parametrize(("cipher", "size", "hash_name"), PHASE1_SUITES)
def test_phase1_suites(cipher: str, size: int, hash_name: str) -> None:
    policy = IsakmpPolicy(1, cipher, size, hash_name, "pre-share", 19)
    a, b = phase2(B, "10.0.0.1", "10.0.2.2", AES_SET), phase2(A, "10.0.2.2", "10.0.0.1", AES_SET)
    wire = World(config(B, a, isakmp=(policy,)), config(A, b, isakmp=(policy,)))
    wire.initiate(wire.a, a)
    wire.settle()
    negotiated(wire)


PHASE2_SETS = [
    TransformSet("t", ah, cipher.name if cipher else None, size, integrity)
    for cipher in (None, *CIPHERS)
    for size in (cipher.key_sizes if cipher else (0,))
    for integrity in (None, *(row.name for row in INTEGRITIES))
    for ah in (None, "HMAC-SHA1-96", "HMAC-SHA2-256-128")
    if (cipher or (ah and not integrity)) and not (cipher and cipher.aead and integrity)
]


def test_phase2_suites() -> None:
    """Every combination of AH and ESP algorithms, quick modes of one IKE SA."""
    policies_a = [
        phase2(B, "10.0.0.1", f"10.0.2.{n}", ts, entry=n) for n, ts in enumerate(PHASE2_SETS, 1)
    ]
    policies_b = [
        phase2(A, f"10.0.2.{n}", "10.0.0.1", ts, entry=n) for n, ts in enumerate(PHASE2_SETS, 1)
    ]
    wire = World(config(B, *policies_a), config(A, *policies_b))
    for policy in policies_a:
        wire.initiate(wire.a, policy)
    wire.settle()
    done = wire.a.of(OutboundSasReady)
    assert [event.sas.policy.entry for event in done] == list(range(1, len(PHASE2_SETS) + 1))
    check_consistent(wire)
    for event, transform_set in zip(done, PHASE2_SETS, strict=True):
        assert event.sas.transform_set == transform_set
        assert (event.sas.ah is not None) == (transform_set.ah is not None)
    assert len(wire.a.engine.isakmp_sas()) == 1


def test_inbound_is_reported_before_the_message_that_needs_it() -> None:
    """Seen by the datagrams that each engine had sent when it reported."""
    wire, policy, _ = guide_world()
    wire.initiate(wire.a, policy)
    order: list[tuple[str, object]] = []
    for _ in range(20):
        for name, node, other in (("a", wire.a, wire.b), ("b", wire.b, wire.a)):
            for event in node.engine.events():
                if isinstance(event, InboundSasReady | OutboundSasReady):
                    order.append((name, type(event)))
            for datagram in node.engine.datagrams_to_send():
                order.append((name, datagram.payload[18]))
                other.engine.receive(world.turned(datagram), wire.now)
        wire.sent.clear()
        for datagram in [item[2] for item in wire._wire]:
            order.append(("a", datagram.payload[18]))
            wire.b.engine.receive(world.turned(datagram), wire.now)
        wire._wire.clear()
    quick = 32
    assert order[-7:] == [
        ("a", quick),
        ("b", InboundSasReady),
        ("b", quick),
        ("a", InboundSasReady),
        ("a", OutboundSasReady),
        ("a", quick),
        ("b", OutboundSasReady),
    ]


def test_second_quick_mode_uses_the_same_ike_sa() -> None:
    wire, policy, _ = modern_world()
    wire.initiate(wire.a, policy)
    wire.settle()
    first = wire.a.of(OutboundSasReady)[0].sas
    wire.initiate(wire.a, policy, replaces=first.id)
    wire.settle()
    assert len(wire.a.of(OutboundSasReady)) == 2
    assert len(wire.a.engine.isakmp_sas()) == 1
    check_consistent(wire)


def test_the_peer_can_initiate_over_it_too() -> None:
    wire, a, b = modern_world()
    wire.initiate(wire.a, a)
    wire.settle()
    wire.initiate(wire.b, b)
    wire.settle()
    assert [event.sas.initiator for event in wire.b.of(OutboundSasReady)] == [False, True]
    assert len(wire.b.engine.isakmp_sas()) == 1
    check_consistent(wire)


def test_requests_join_what_is_under_way() -> None:
    wire, policy, _ = modern_world()
    for _ in range(5):
        wire.initiate(wire.a, policy)
        wire.run(0.001)
    wire.run(0.065)  # quick mode has begun
    wire.initiate(wire.a, policy)
    wire.settle()
    assert len(wire.a.of(OutboundSasReady)) == 1
    assert wire.a.engine.statistics.counts["joined"] == 5


def test_a_request_joins_the_peers_quick_mode() -> None:
    wire, a, b = modern_world()
    wire.initiate(wire.a, a)
    wire.run(0.075)  # B has answered QM1 and waits for QM3
    assert len(wire.b.of(InboundSasReady)) == 1
    assert wire.b.of(OutboundSasReady) == []
    wire.initiate(wire.b, b)
    wire.settle()
    assert len(wire.b.of(OutboundSasReady)) == 1


def test_ipv6() -> None:
    a6, b6 = ip_address("2001:db8::1"), ip_address("2001:db8::2")
    one = phase2(b6, "2001:db8:1::/48", "2001:db8:2::/48", AES_SET)
    two = phase2(a6, "2001:db8:2::/48", "2001:db8:1::/48", AES_SET)
    wire = World(config(b6, one), config(a6, two))
    wire.a.address, wire.b.address = a6, b6
    wire.initiate(wire.a, one)
    wire.settle()
    negotiated(wire)
    assert wire.b.of(OutboundSasReady)[0].sas.local_identity.network == one.remote.network


def test_transport_mode_between_the_peers() -> None:
    transport = replace(AES_SET, transport=True)
    one = phase2(B, str(A), str(B), transport)
    wire = World(config(B, one), config(A, phase2(A, str(B), str(A), transport)))
    wire.initiate(wire.a, one)
    wire.settle()
    negotiated(wire)
    assert wire.a.of(OutboundSasReady)[0].sas.transport


def test_transport_mode_is_ignored_for_other_traffic() -> None:
    wire, policy, _ = modern_world(replace(AES_SET, transport=True))
    wire.initiate(wire.a, policy)
    wire.settle()
    negotiated(wire)
    assert not wire.a.of(OutboundSasReady)[0].sas.transport


def responder_accepts(policy: Phase2Policy, *configured: Phase2Policy) -> World:
    wire = World(config(B, policy), config(A, *configured))
    wire.initiate(wire.a, policy)
    wire.settle()
    return wire


def test_narrower_identities_are_accepted() -> None:
    narrow = phase2(B, "10.0.1.7/32", "10.0.2.0/25", AES_SET)
    narrow = replace(narrow, local=ProxyIdentity(ip_network("10.0.1.7/32"), 6, 80))
    wire = responder_accepts(narrow, phase2(A, "10.0.2.0/24", "10.0.0.0/8", AES_SET))
    negotiated(wire)
    sas = wire.b.of(OutboundSasReady)[0].sas
    assert sas.remote_identity == narrow.local
    assert sas.local_identity == narrow.remote


@pytest.mark.parametrize(
    ("local", "remote"),
    [("10.0.0.0/16", "10.0.2.0/24"), ("10.0.1.0/24", "10.0.0.0/8"), ("10.9.1.0/24", "10.0.2.0/24")],
)
def test_wider_or_other_identities_are_refused(local: str, remote: str) -> None:
    policy = phase2(B, local, remote, AES_SET)
    wire = responder_accepts(policy, phase2(A, "10.0.2.0/24", "10.0.1.0/24", AES_SET))
    assert wire.a.of(NegotiationFailed) == [
        NegotiationFailed(B, 1, "peer sent INVALID_ID_INFORMATION")
    ]
    assert wire.b.logs == [
        "%CRYPTO-6-IKMP_MODE_FAILURE: Processing of Quick mode failed with peer at 10.1.1.1"
    ]
    assert "proxy identities not supported" in wire.b.debugs
    assert wire.b.engine.statistics.counts["invalid_id_information"] == 1
    assert wire.a.live() != []


def test_the_first_policy_that_accepts_is_taken() -> None:
    """As a crypto map's entries are searched: one that covers the flow may refuse the transform."""
    policy = phase2(B, "10.0.1.0/24", "10.0.2.0/24", AES_SET)
    wire = responder_accepts(
        policy,
        phase2(A, "10.0.2.0/24", "10.0.1.0/24", GUIDE_SET, entry=1),
        phase2(A, "10.0.0.0/16", "10.0.0.0/16", AES_SET, entry=2),
    )
    negotiated(wire)
    assert wire.b.of(OutboundSasReady)[0].sas.policy.entry == 2


def test_no_common_transform() -> None:
    policy = phase2(B, "10.0.1.0/24", "10.0.2.0/24", AES_SET)
    wire = responder_accepts(policy, phase2(A, "10.0.2.0/24", "10.0.1.0/24", GUIDE_SET))
    assert wire.a.of(NegotiationFailed) == [NegotiationFailed(B, 1, "peer sent NO_PROPOSAL_CHOSEN")]
    assert wire.b.of(InboundSasReady) == []
    assert "phase 2 SA policy not acceptable! (local 10.2.2.2 remote 10.1.1.1)" in wire.b.debugs


def test_no_common_policy() -> None:
    """Phase 1: the refusal cannot be authenticated, so the initiator goes on until its limit."""
    a = phase2(B, "10.0.1.0/24", "10.0.2.0/24", AES_SET)
    other = replace(MODERN_POLICY, group=20)
    wire = World(config(B, a), config(A, isakmp=(other,)))
    wire.initiate(wire.a, a)
    wire.settle()
    assert wire.b.engine.isakmp_sas() == []
    assert wire.b.engine.statistics.counts["no_proposal_chosen"] == 1
    assert "phase 1 SA policy not acceptable! (local 10.2.2.2 remote 10.1.1.1)" in wire.b.debugs
    assert wire.b.logs == [
        "%CRYPTO-6-IKMP_MODE_FAILURE: Processing of Main mode failed with peer at 10.1.1.1"
    ]
    assert wire.a.engine.statistics.counts["unauthenticated"] == 1
    assert "Notify has no hash. Rejected." in wire.a.debugs
    assert [sa.state for sa in wire.a.live()] == [IsakmpState.MM_NO_STATE]
    wire.run(300)
    assert wire.a.of(NegotiationFailed) == [NegotiationFailed(B, 1, "no IKE SA")]


def test_wrong_key() -> None:
    a, b = phase2(B, "10.0.0.1", "10.0.2.2"), phase2(A, "10.0.2.2", "10.0.0.1")
    wire = World(config(B, a, secret="1234"), config(A, b, secret="4321"))
    wire.initiate(wire.a, a)
    wire.settle()
    assert wire.b.logs == [
        "%CRYPTO-4-IKMP_BAD_MESSAGE: IKE message from 10.1.1.1 failed its sanity check "
        "or is malformed"
    ]
    assert [sa.state for sa in wire.b.live()] == [IsakmpState.MM_KEY_EXCH]
    wire.run(300)
    assert wire.a.of(IsakmpSaEstablished) == wire.b.of(IsakmpSaEstablished) == []
    assert wire.a.of(NegotiationFailed) == [NegotiationFailed(B, 1, "no IKE SA")]


def test_nothing_to_begin_with() -> None:
    a = phase2(B, "10.0.0.1", "10.0.2.2")
    for broken, reason in (
        (replace(config(B, a), keys=()), "no pre-shared key with 10.2.2.2"),
        (replace(config(B, a), policies=()), "no usable ISAKMP policy"),
    ):
        wire = World(broken, config(A))
        wire.initiate(wire.a, a)
        assert wire.a.of(NegotiationFailed) == [NegotiationFailed(B, 1, reason)]
        assert wire.sent == []


def test_responder_lifetimes() -> None:
    """A responder with shorter ones says so, and the initiator follows."""
    policy = phase2(B, "10.0.1.0/24", "10.0.2.0/24", GUIDE_SET, seconds=7200, kilobytes=9000000)
    ours = phase2(A, "10.0.2.0/24", "10.0.1.0/24", GUIDE_SET, seconds=600, kilobytes=1000)
    wire = responder_accepts(policy, ours)
    negotiated(wire)
    sas = wire.a.of(OutboundSasReady)[0].sas
    assert (sas.lifetime_seconds, sas.lifetime_kilobytes) == (600, 1000)


def test_a_new_configuration_counts_at_once() -> None:
    wire, a, b = modern_world()
    wire.initiate(wire.a, a)
    wire.settle()
    other = phase2(A, "10.0.9.0/24", "10.0.1.0/24", AES_SET)
    wire.b.engine.reconfigure(config(A, other), wire.now)
    wire.initiate(wire.a, a)
    wire.settle()
    assert len(wire.a.of(NegotiationFailed)) == 1
    assert len(wire.b.live()) == 1
    assert b.entry == 1


def test_reproducible() -> None:
    def run() -> list[bytes]:
        wire, policy, _ = guide_world(seed=7)
        wire.initiate(wire.a, policy)
        wire.settle()
        return [datagram.payload for datagram in wire.sent]

    assert run() == run()
