"""Easy VPN between two engines: XAUTH, mode configuration, pools, refusals."""

from __future__ import annotations

from dataclasses import replace
from ipaddress import IPv4Address, IPv4Network, ip_network

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from ipsecplane.config import IsakmpPolicy, Keepalive
from ipsecplane.ike.constants import ExchangeType
from ipsecplane.ike.types import (
    ClientConfigured,
    ClientConnected,
    ClientEnded,
    Datagram,
    EzvpnClient,
    GroupTerms,
    IkeConfig,
    IsakmpState,
    ModeConfig,
    NegotiationFailed,
    OutboundSasReady,
    Phase2Policy,
    ProxyIdentity,
    RemoteAccess,
    XauthRequested,
)

from tests.ike.authority import NOW, trustpoint
from tests.ike.test_faults import Mutation, mutations
from tests.ike.world import AES_SET, A, B, World, altered, check_consistent, check_pair

ANY = ProxyIdentity(ip_network("0.0.0.0/0"))
POOL = ((IPv4Address("10.9.0.1"), IPv4Address("10.9.0.2")),)
GROUP = GroupTerms(
    "unity",
    "preshared",
    POOL,
    dns=(IPv4Address("10.0.2.53"), IPv4Address("10.0.2.54")),
    wins=(IPv4Address("10.0.2.55"),),
    domain="example.com",
    banner="Welcome",
    save_password=True,
    backup_servers=(IPv4Address("10.2.2.3"),),
    split=(IPv4Network("10.0.2.0/24"), IPv4Network("10.0.3.0/24")),
)
CLIENT = EzvpnClient("ez", "unity", "preshared", user="alice", password="secret")
ACCESS = RemoteAccess((B,), (GROUP,), {"alice": "secret"}, respond=True)
POLICY = IsakmpPolicy(10, "AES-CBC", 16, "SHA", "pre-share", 2)
DYNAMIC = Phase2Policy("dyn 10", 1, (), ANY, ANY, (AES_SET,))


def ez_world(
    access: RemoteAccess = ACCESS, policies: tuple[IsakmpPolicy, ...] = (POLICY,)
) -> World:
    return World(IkeConfig(), IkeConfig(policies=policies, phase2=(DYNAMIC,), access=(access,)))


def connect(wire: World, client: EzvpnClient = CLIENT) -> None:
    wire.a.engine.clients.connect(client, local=A, peer=B, now=wire.now)
    wire.flush()
    wire.settle()


def states(wire: World) -> list[list[IsakmpState]]:
    return [[sa.state for sa in node.live()] for node in wire.nodes]


def up(wire: World, client: EzvpnClient = CLIENT) -> ModeConfig:
    connect(wire, client)
    assert states(wire) == [[IsakmpState.QM_IDLE]] * 2
    (configured,) = wire.a.of(ClientConfigured)
    return configured.config


def protect(wire: World, local: str) -> None:
    """Quick mode from the client for one network of its own and everything else."""
    policy = Phase2Policy("ez", 1, (B,), ProxyIdentity(ip_network(local)), ANY, (AES_SET,))
    wire.initiate(wire.a, policy)
    wire.settle()


def test_a_client_is_let_in_and_configured() -> None:
    wire = ez_world()
    given = up(wire)
    assert given == ModeConfig(
        IPv4Address("10.9.0.1"),
        IPv4Address("255.255.255.255"),
        GROUP.dns,
        GROUP.wins,
        "example.com",
        "Welcome",
        save_password=True,
        backup_servers=GROUP.backup_servers,
        split=GROUP.split,
    )
    kinds = [datagram.payload[18] for datagram in wire.sent]
    # XAUTH's question and verdict with their answers, then mode configuration
    assert kinds == [ExchangeType.AGGRESSIVE] * 3 + [ExchangeType.TRANSACTION] * 6
    (connected,) = wire.b.of(ClientConnected)
    assert (connected.group, connected.user) == ("unity", "alice")
    assert [view.capabilities for node in wire.nodes for view in node.live()] == ["CX", "CX"]
    protect(wire, "10.9.0.1/32")
    check_pair(wire.a.of(OutboundSasReady)[0].sas, wire.b.of(OutboundSasReady)[0].sas)
    assert wire.a.logs == wire.b.logs == []


def test_the_debug_lines_name_what_is_asked() -> None:
    wire = ez_world()
    up(wire)
    for text in (
        "ISAKMP:(1001):Need XAUTH",
        "ISAKMP/xauth: request attribute XAUTH_USER_NAME_V2",
        "ISAKMP/xauth: request attribute XAUTH_USER_PASSWORD_V2",
        "New State = IKE_XAUTH_REQ_SENT",
        "auth XAUTHInitPreShared",
        "ISAKMP:(1001):attribute IP4_ADDRESS",
        "ISAKMP:(1001):allocating address 10.9.0.1",
    ):
        assert text in wire.b.debugs
    assert "ISAKMP:(1001):Need config/address" in wire.a.debugs


def test_no_xauth_where_no_users_are_asked_for() -> None:
    wire = ez_world(replace(ACCESS, users=None))
    up(wire)
    assert "Xauthentication by pre-shared key offered but does not match policy!" in wire.b.debugs
    assert [datagram.payload[18] for datagram in wire.sent].count(ExchangeType.TRANSACTION) == 2
    assert wire.b.of(ClientConnected)[0].user == ""


# --- with certificates: main mode, the group is the organizational unit ---

CERTIFIED = replace(CLIENT, group=None, key=None)


def certified_world(unit: str = "unity", access: RemoteAccess = ACCESS) -> World:
    server = IkeConfig(
        policies=(replace(POLICY, authentication="rsa-sig"),),
        phase2=(DYNAMIC,),
        access=(access,),
        trustpoints=(trustpoint("b", str(B)),),
    )
    return World(IkeConfig(trustpoints=(trustpoint("a", unit=unit),)), server, start=NOW)


def test_a_certificate_names_the_group() -> None:
    wire = certified_world()
    given = up(wire, CERTIFIED)
    assert (given.address, given.split) == (IPv4Address("10.9.0.1"), GROUP.split)
    kinds = [datagram.payload[18] for datagram in wire.sent]
    assert kinds == [ExchangeType.MAIN] * 6 + [ExchangeType.TRANSACTION] * 6
    (connected,) = wire.b.of(ClientConnected)
    assert (connected.group, connected.user) == ("unity", "alice")
    protect(wire, "10.9.0.1/32")
    check_pair(wire.a.of(OutboundSasReady)[0].sas, wire.b.of(OutboundSasReady)[0].sas)
    assert wire.a.logs == wire.b.logs == []


def test_a_certificate_and_no_user() -> None:
    wire = certified_world(access=replace(ACCESS, users=None))
    up(wire, CERTIFIED)
    assert "Xauthentication by RSA signature offered but does not match policy!" in wire.b.debugs
    assert wire.b.of(ClientConnected)[0].user == ""


@pytest.mark.parametrize("unit", ["", "other"])
def test_a_certificate_of_no_group_of_ours_gets_nothing(unit: str) -> None:
    wire = certified_world(unit)
    connect(wire, CERTIFIED)
    wire.run(200)
    assert wire.a.of(ClientConfigured) == wire.b.of(ClientConnected) == []
    assert "mode configuration is not offered to this peer" in wire.b.debugs


def test_a_certificate_does_not_do_for_the_user() -> None:
    wire = certified_world()
    connect(wire, replace(CERTIFIED, password="wrong"))
    assert states(wire) == [[], []]
    assert wire.a.of(ClientEnded) == [ClientEnded("ez", B, "XAuthenticate fail", False)]


def test_neither_group_nor_certificate() -> None:
    wire = ez_world()
    connect(wire, CERTIFIED)
    assert wire.a.of(ClientEnded) == [ClientEnded("ez", B, "no certificate of our own", False)]


def test_network_extension_needs_no_address() -> None:
    wire = ez_world()
    given = up(wire, replace(CLIENT, network_extension=True))
    assert given.address is None
    assert given.dns == GROUP.dns
    protect(wire, "10.0.1.0/24")
    assert len(wire.b.outbound) == 1


def test_somebody_elses_address_is_refused() -> None:
    """Who was given an address may send from it and from no other."""
    wire = ez_world()
    up(wire)
    protect(wire, "10.9.0.2/32")
    assert wire.b.outbound == {}
    assert wire.a.of(NegotiationFailed)[0].reason == "peer sent INVALID_ID_INFORMATION"


@pytest.mark.parametrize(
    "client",
    [replace(CLIENT, password="wrong"), replace(CLIENT, user="mallory")],
    ids=["password", "user"],
)
def test_xauth_fails(client: EzvpnClient) -> None:
    wire = ez_world()
    connect(wire, client)
    assert states(wire) == [[], []]
    assert wire.a.of(ClientConfigured) == []
    assert wire.a.of(ClientEnded) == [ClientEnded("ez", B, "XAuthenticate fail", False)]
    assert wire.b.engine.statistics.counts["xauth_failed"] == 1


def test_the_user_is_asked() -> None:
    wire = ez_world()
    connect(wire, replace(CLIENT, user=None, password=None))
    assert states(wire) == [[IsakmpState.CONF_XAUTH]] * 2
    assert wire.a.of(XauthRequested) == [XauthRequested("ez", "")]
    assert not wire.a.engine.clients.answer("other", "alice", "secret")
    assert wire.a.engine.clients.answer("ez", "alice", "secret")
    assert not wire.a.engine.clients.answer("ez", "alice", "secret"), "once is enough"
    wire.flush()
    wire.settle()
    assert states(wire) == [[IsakmpState.QM_IDLE]] * 2


def test_nobody_answers_the_question() -> None:
    wire = ez_world()
    connect(wire, replace(CLIENT, user=None))
    wire.run(400)
    assert states(wire) == [[], []]
    (ended,) = wire.a.of(ClientEnded)
    assert not ended.configured


def test_no_quick_mode_before_the_user_is_known() -> None:
    wire = ez_world()
    connect(wire, replace(CLIENT, user=None))
    protect(wire, "10.9.0.1/32")
    assert wire.b.inbound == {}
    wire.a.engine.clients.answer("ez", "alice", "secret")
    wire.flush()
    wire.settle()
    assert len(wire.b.outbound) == 1, "what waited goes on"


def test_unknown_group_and_wrong_group_key() -> None:
    wire = ez_world()
    connect(wire, replace(CLIENT, group="other"))
    assert "No pre-shared key with 10.1.1.1!" in wire.b.debugs
    connect(wire, replace(CLIENT, name="ez2", key="wrong"))
    assert wire.a.of(ClientConfigured) == []
    assert any("Aggressive mode failed" in line for line in wire.a.logs)


def test_a_disabled_aggressive_mode_is_told() -> None:
    wire = ez_world()
    wire.a.engine.reconfigure(IkeConfig(aggressive_mode=False), 0.0)
    connect(wire)
    assert wire.a.of(ClientEnded) == [ClientEnded("ez", B, "aggressive mode is disabled", False)]


def test_without_respond_nothing_is_given() -> None:
    wire = ez_world(replace(ACCESS, respond=False))
    connect(wire)
    wire.run(200)
    assert wire.a.of(ClientConfigured) == []
    assert wire.b.of(ClientConnected) == []


@pytest.mark.parametrize("users", [None, ACCESS.users], ids=["no users", "xauth"])
@pytest.mark.parametrize("respond", [False, True])
def test_a_server_that_does_not_wait_to_be_asked(
    respond: bool, users: dict[str, str] | None
) -> None:
    """`client configuration address initiate`: it sets what else the client would ask for."""
    wire = ez_world(replace(ACCESS, users=users, respond=respond, initiate=True))
    given = up(wire)
    assert (given.address, given.domain) == (IPv4Address("10.9.0.1"), "example.com")
    assert given.split == GROUP.split
    (connected,) = wire.b.of(ClientConnected)
    assert (connected.group, connected.address) == ("unity", given.address)
    protect(wire, "10.9.0.1/32")
    check_pair(wire.a.of(OutboundSasReady)[0].sas, wire.b.of(OutboundSasReady)[0].sas)


def test_keepalives_are_not_for_easy_vpn() -> None:
    """The guide's chapter 4: a remote has DPD or nothing; elsewhere the server would be asked."""
    wire = World(
        IkeConfig(keepalive=Keepalive(10, periodic=True)),
        IkeConfig(
            policies=(POLICY,), phase2=(DYNAMIC,), access=(ACCESS,), dead_peer_detection=False
        ),
    )
    up(wire)
    assert "peer supports neither DPD nor keepalives" in wire.a.debugs


def test_the_same_client_gets_the_same_address_again() -> None:
    wire = ez_world()
    assert up(wire).address == IPv4Address("10.9.0.1")
    wire.a.engine.clients.disconnect("ez", wire.now)
    wire.flush()
    wire.settle()
    assert states(wire) == [[], []]
    assert wire.a.of(ClientEnded) == [ClientEnded("ez", B, "BY user command", True)]
    connect(wire)
    assert wire.a.of(ClientConfigured)[-1].config.address == IPv4Address("10.9.0.1")


def test_an_exhausted_pool() -> None:
    """The second client is told nothing and gives up; when the first has gone, it gets in."""
    wire = ez_world(replace(ACCESS, groups=(replace(GROUP, pool=((POOL[0][0], POOL[0][0]),)),)))
    up(wire)
    second = replace(CLIENT, name="ez2")
    wire.b.engine.reconfigure(
        IkeConfig(
            policies=(POLICY,),
            access=(replace(ACCESS, users={"bob": "b"}, groups=(replace(GROUP, pool=()),)),),
        ),
        wire.now,
    )
    connect(wire, replace(second, user="bob", password="b"))
    assert wire.b.engine.statistics.counts["pool_exhausted"] >= 1
    wire.run(300)
    assert [e.client for e in wire.a.of(ClientConfigured)] == ["ez"]


def test_everything_twice() -> None:
    wire = ez_world()
    wire.tap = lambda datagram, _: [datagram, datagram]
    up(wire)
    assert len(wire.b.of(ClientConnected)) == 1


@pytest.mark.parametrize("position", range(9))
def test_each_message_lost_once(position: int) -> None:
    wire = ez_world()
    seen: list[Datagram] = []

    def lose(datagram: Datagram, _: World) -> list[Datagram]:
        seen.append(datagram)
        return [] if len(seen) == position + 1 else [datagram]

    wire.tap = lose
    connect(wire)
    wire.run(60)
    assert len(wire.a.of(ClientConfigured)) == 1
    protect(wire, "10.9.0.1/32")
    wire.run(30)
    check_consistent(wire)
    assert wire.b.outbound


@settings(max_examples=60, suppress_health_check=[HealthCheck.too_slow])
@given(st.integers(3, 8), mutations(), st.integers(0, 2**16))
def test_damaged_copies_before_the_original(position: int, mutate: Mutation, seed: int) -> None:
    """No bytes stand in the way of the honest message, or make an engine fail."""
    wire = ez_world()
    count = 0

    def damage(datagram: Datagram, _: World) -> list[Datagram]:
        nonlocal count
        count += 1
        bad = altered(datagram, mutate(datagram.payload))
        return [bad, datagram] if count == position + 1 else [datagram]

    wire.tap = damage
    connect(wire)
    wire.run(120)
    assert len(wire.a.of(ClientConfigured)) == 1
    assert [[sa.state for sa in node.live()] for node in wire.nodes] == [[IsakmpState.QM_IDLE]] * 2
