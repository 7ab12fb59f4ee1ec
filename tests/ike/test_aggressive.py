"""Aggressive mode between two engines: identities, keys by name, NAT, losses and damage."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from ipaddress import ip_network

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from ipsecplane.config import IkeIdentity, IsakmpKey, IsakmpPeer, IsakmpPolicy
from ipsecplane.ike.constants import ExchangeType
from ipsecplane.ike.types import (
    Datagram,
    IkeConfig,
    IsakmpSaEstablished,
    IsakmpState,
    NegotiationFailed,
    OutboundSasReady,
    Phase2Policy,
)

from tests.ike.test_faults import Mutation, mutations
from tests.ike.world import (
    AES_SET,
    MODERN_POLICY,
    A,
    B,
    World,
    altered,
    check_consistent,
    check_pair,
    phase2,
)

PEER = IsakmpPeer(ip_network(f"{B}/32"), aggressive_password="1234")
KEY = IsakmpKey("1234", ip_network(f"{A}/32"))
NAMED = IkeConfig(keys=(IsakmpKey("1234", ip_network("255.255.255.255/32"), hostname="branch.x"),))
OTHER_GROUP = IsakmpPolicy(2, "AES-CBC", 16, "SHA", "pre-share", 20)


def aggressive_world(
    *,
    peer: IsakmpPeer = PEER,
    initiator: Callable[[IkeConfig], IkeConfig] = lambda config: config,
    responder: Callable[[IkeConfig], IkeConfig] = lambda config: config,
) -> tuple[World, Phase2Policy]:
    """A begins in aggressive mode; B knows it by its address, unless `responder` says otherwise."""
    a = phase2(B, "10.0.1.0/24", "10.0.2.0/24", AES_SET)
    b = phase2(A, "10.0.2.0/24", "10.0.1.0/24", AES_SET)
    mine = IkeConfig(policies=(MODERN_POLICY,), peers=(peer,), phase2=(a,))
    theirs = IkeConfig(policies=(MODERN_POLICY,), keys=(KEY,), phase2=(b,))
    return World(initiator(mine), responder(theirs)), a


def up(wire: World, policy: Phase2Policy) -> None:
    wire.initiate(wire.a, policy)
    wire.settle()
    for node in wire.nodes:
        assert [sa.state for sa in node.engine.isakmp_sas()] == [IsakmpState.QM_IDLE]
        assert len(node.of(IsakmpSaEstablished)) == len(node.of(OutboundSasReady)) == 1
    check_pair(wire.a.of(OutboundSasReady)[0].sas, wire.b.of(OutboundSasReady)[0].sas)


def test_three_messages() -> None:
    wire, policy = aggressive_world()
    up(wire, policy)
    kinds = [datagram.payload[18] for datagram in wire.sent]
    assert kinds == [ExchangeType.AGGRESSIVE] * 3 + [ExchangeType.QUICK] * 3
    for text in ("beginning Aggressive Mode exchange", "New State = IKE_I_AM1"):
        assert text in wire.a.debugs
    assert "Old State = IKE_R_AM2  New State = IKE_P1_COMPLETE" in wire.b.debugs
    assert wire.a.logs == wire.b.logs == []
    views = [node.engine.isakmp_sas()[0] for node in wire.nodes]
    assert views[0].encryption_key == views[1].encryption_key != b""


@pytest.mark.parametrize(
    "identity",
    [
        IkeIdentity("fqdn", "branch.x"),
        IkeIdentity("user-fqdn", "branch.x"),
        IkeIdentity("key-id", "branch.x"),
    ],
    ids=lambda identity: identity.kind,
)
def test_a_key_by_name(identity: IkeIdentity) -> None:
    """`crypto isakmp key … hostname`, wherever the peer comes from."""
    wire, policy = aggressive_world(
        peer=replace(PEER, aggressive_endpoint=identity),
        responder=lambda config: replace(config, keys=NAMED.keys),
    )
    up(wire, policy)


def test_a_key_by_the_peers_hostname() -> None:
    """`crypto isakmp peer hostname` with a password answers that name too."""
    entry = IsakmpPeer(hostname="branch.x", aggressive_password="1234")
    wire, policy = aggressive_world(
        peer=replace(PEER, aggressive_endpoint=IkeIdentity("fqdn", "branch.x")),
        responder=lambda config: replace(config, keys=(), peers=(entry,)),
    )
    up(wire, policy)


def test_an_unknown_name() -> None:
    wire, policy = aggressive_world(
        peer=replace(PEER, aggressive_endpoint=IkeIdentity("fqdn", "other.x")),
        responder=lambda config: replace(config, keys=NAMED.keys),
    )
    wire.initiate(wire.a, policy)
    wire.settle()
    assert wire.a.of(IsakmpSaEstablished) == []
    assert "No pre-shared key with 10.1.1.1!" in wire.b.debugs
    assert wire.b.logs == [
        "%CRYPTO-6-IKMP_MODE_FAILURE: Processing of Aggressive mode failed with peer at 10.1.1.1"
    ]


def test_the_endpoint_alone_uses_the_configured_key() -> None:
    peer = IsakmpPeer(PEER.network, aggressive_endpoint=IkeIdentity("address", "192.0.2.1"))
    wire, policy = aggressive_world(
        peer=peer,
        initiator=lambda config: replace(config, keys=(IsakmpKey("1234", ip_network(f"{B}")),)),
    )
    up(wire, policy)
    assert "ID payload: type 1 address 192.0.2.1" in wire.b.debugs


def test_wrong_key() -> None:
    """The initiator sees it first, in HASH_R, and goes no further."""
    wire, policy = aggressive_world(peer=replace(PEER, aggressive_password="other"))
    wire.initiate(wire.a, policy)
    wire.settle()
    assert wire.a.engine.isakmp_sas()[0].state is IsakmpState.AG_INIT_EXCH
    assert set(wire.a.logs) == {
        "%CRYPTO-6-IKMP_MODE_FAILURE: Processing of Aggressive mode failed with peer at 10.2.2.2"
    }
    wire.run(200)
    assert wire.a.of(NegotiationFailed) == [NegotiationFailed(B, 1, "no IKE SA")]
    assert wire.b.engine.isakmp_sas() == []


def test_the_group_of_the_first_policy_is_offered() -> None:
    """The second policy's group would need another key exchange: it is left out."""
    wire, policy = aggressive_world(
        initiator=lambda config: replace(config, policies=(MODERN_POLICY, OTHER_GROUP)),
        responder=lambda config: replace(config, policies=(OTHER_GROUP, MODERN_POLICY)),
    )
    up(wire, policy)
    chosen = wire.b.engine.isakmp_sas()[0].policy
    assert chosen is not None
    assert chosen.group == MODERN_POLICY.group


def test_disabled_as_responder() -> None:
    wire, policy = aggressive_world(responder=lambda config: replace(config, aggressive_mode=False))
    wire.initiate(wire.a, policy)
    wire.settle()
    assert wire.a.of(IsakmpSaEstablished) == []
    assert wire.b.engine.isakmp_sas() == []
    assert "aggressive mode is disabled" in wire.b.debugs


def test_disabled_as_initiator() -> None:
    """Main mode is used instead."""
    wire, policy = aggressive_world(initiator=lambda config: replace(config, aggressive_mode=False))
    up(wire, policy)
    assert wire.sent[0].payload[18] == ExchangeType.MAIN


def test_nat() -> None:
    """The initiator is behind PAT: AM3 and what follows is on port 4500."""
    wire, policy = aggressive_world()
    outside = {500: 1524, 4500: 5524}

    def translate(datagram: Datagram, _: World) -> list[Datagram]:
        if datagram.local == A:
            return [replace(datagram, local_port=outside[datagram.local_port])]
        inside = {there: here for here, there in outside.items()}
        return [replace(datagram, remote_port=inside[datagram.remote_port])]

    wire.tap = translate
    up(wire, policy)
    assert [d.local_port for d in wire.sent][:3] == [500, 500, 4500]
    sas = wire.b.of(OutboundSasReady)[0].sas
    assert sas.udp_encapsulation
    assert sas.remote_port == outside[4500]
    assert wire.b.engine.isakmp_sas()[0].capabilities == "N"


@pytest.mark.parametrize("position", range(6))
def test_each_message_lost_once(position: int) -> None:
    wire, policy = aggressive_world()
    seen: list[Datagram] = []

    def lose(datagram: Datagram, _: World) -> list[Datagram]:
        seen.append(datagram)
        return [] if len(seen) == position + 1 else [datagram]

    wire.tap = lose
    wire.initiate(wire.a, policy)
    wire.run(40)
    check_consistent(wire)
    assert len(wire.a.of(OutboundSasReady)) == len(wire.b.of(OutboundSasReady)) == 1


def test_everything_twice() -> None:
    wire, policy = aggressive_world()
    wire.tap = lambda datagram, _: [datagram, datagram]
    up(wire, policy)
    assert wire.a.logs == wire.b.logs == []


def test_an_answer_is_not_asked_for_for_ever() -> None:
    """AM1 came from somewhere; nobody goes on with it."""
    wire, policy = aggressive_world()
    wire.tap = lambda datagram, _: [datagram] if datagram.local == A else []
    wire.initiate(wire.a, policy)
    wire.run(400)
    assert wire.b.live() == []
    assert wire.b.engine.next_timeout() is None


@settings(max_examples=60, suppress_health_check=[HealthCheck.too_slow])
@given(st.integers(0, 2), mutations(), st.integers(0, 2**16))
def test_damaged_copies_before_the_original(position: int, mutate: Mutation, seed: int) -> None:
    """Any bytes give a result or a named error, and keep the honest message from nothing."""
    wire, policy = aggressive_world()
    count = 0

    def damage(datagram: Datagram, world: World) -> list[Datagram]:
        nonlocal count
        count += 1
        bad = altered(datagram, mutate(datagram.payload))
        same_cookie = bad.payload[:8] != datagram.payload[:8]
        spoilt = count == position + 1 and (position or same_cookie)
        return [bad, datagram] if spoilt else [datagram]

    wire.tap = damage
    wire.initiate(wire.a, policy)
    wire.run(120)
    check_consistent(wire)
    assert wire.a.of(OutboundSasReady)
    assert wire.b.of(OutboundSasReady)
