"""Matching of transform sets against Quick Mode proposals."""

from __future__ import annotations

from dataclasses import replace
from ipaddress import ip_network

import pytest
from ipsecplane.config import TransformSet
from ipsecplane.ike import identities, messages, phase2
from ipsecplane.ike.constants import (
    Encapsulation,
    ExchangeType,
    NotifyType,
    PayloadType,
    Phase2Attribute,
    ProtocolId,
)
from ipsecplane.ike.errors import NegotiationError
from ipsecplane.ike.modes import acceptable, preferred
from ipsecplane.ike.nat import NatState, NatVersion
from ipsecplane.ike.payloads import Header
from ipsecplane.ike.phase2 import Phase2Choice
from ipsecplane.ike.proposals import SecurityAssociation
from ipsecplane.ike.quick_mode_payloads import check_identities
from ipsecplane.ike.types import Phase2Policy, ProxyIdentity

from tests.ike import world
from tests.ike.world import GUIDE_SET, B

SPIS: dict[int, bytes] = {
    ProtocolId.AH: bytes.fromhex("b16d1587"),
    ProtocolId.ESP: bytes.fromhex("249c5062"),
}
DIRECT = NatState()
BEHIND_NAT = NatState(NatVersion.RFC, peer_is_behind=True)
DES = TransformSet("des", None, "DES-CBC", 8, "HMAC-SHA1-96")
AES = TransformSet("aes", None, "AES-CBC", 16, "HMAC-SHA1-96")
AES256 = TransformSet("aes256", None, "AES-CBC", 32, "HMAC-SHA2-256-128")
GCM = TransformSet("gcm", None, "AES-GCM", 16, None)
AH = TransformSet("ah", "HMAC-SHA1-96")
NULL = TransformSet("null", None, "NULL", 0, "HMAC-MD5-96")
TRANSPORT = replace(AES, name="transport", transport=True)
ALL = [DES, AES, AES256, GCM, AH, NULL, GUIDE_SET]


def policy(*sets: TransformSet, **options: int) -> Phase2Policy:
    return world.phase2(B, "10.0.0.1", "10.0.2.2", *sets, **options)


def offer(
    *sets: TransformSet, nat: NatState = DIRECT, transport: bool = False, **options: int
) -> SecurityAssociation:
    return phase2.offer(policy(*sets, **options), SPIS, nat=nat, transport=transport)


def choose(
    ours: Phase2Policy,
    offered: SecurityAssociation,
    *,
    nat: NatState = DIRECT,
    transport: bool = False,
) -> Phase2Choice:
    modes = acceptable(nat, transport=transport, floated=nat.detected)
    return phase2.choose(ours, offered, modes=modes, trace=lambda _: None)


@pytest.mark.parametrize("transform_set", ALL, ids=lambda ts: ts.name)
def test_each_set_is_accepted_by_itself_only(transform_set: TransformSet) -> None:
    offered = offer(transform_set)
    assert choose(policy(transform_set), offered).transform_set == transform_set
    others = [ts for ts in ALL if ts is not transform_set]
    with pytest.raises(NegotiationError) as caught:
        choose(policy(*others), offered)
    assert caught.value.notify is NotifyType.NO_PROPOSAL_CHOSEN


def test_the_guides_bundle() -> None:
    """ah-sha-hmac with esp-des esp-sha-hmac: one proposal, two protocols, each with an SPI."""
    offered = offer(GUIDE_SET)
    assert [(p.number, p.protocol, p.spi) for p in offered.proposals] == [
        (1, ProtocolId.AH, SPIS[ProtocolId.AH]),
        (1, ProtocolId.ESP, SPIS[ProtocolId.ESP]),
    ]
    choice = choose(policy(GUIDE_SET), offered)
    ours: dict[int, bytes] = {ProtocolId.AH: b"\1\2\3\4", ProtocolId.ESP: b"\5\6\7\x08"}
    assert [(p.protocol, p.spi) for p in choice.answer(ours).proposals] == list(ours.items())
    assert choice.peer_spi(ProtocolId.ESP) == SPIS[ProtocolId.ESP]


def test_half_a_bundle_is_not_the_bundle() -> None:
    for half in (AH, DES):
        with pytest.raises(NegotiationError):
            choose(policy(half), offer(GUIDE_SET))
        with pytest.raises(NegotiationError):
            choose(policy(GUIDE_SET), offer(half))


def test_the_initiators_order_decides() -> None:
    assert choose(policy(AES, DES), offer(DES, AES)).transform_set == DES


def test_several_transforms_of_one_proposal() -> None:
    """Other initiators put the choices into one proposal."""
    one = offer(DES).proposals[0]
    transforms = tuple(
        replace(offer(ts).proposals[0].transforms[0], number=n)
        for n, ts in enumerate([GCM, AES], 1)
    )
    sa = SecurityAssociation((replace(one, transforms=transforms),))
    choice = choose(policy(DES, AES), sa)
    assert choice.transform_set == AES
    assert [t.number for t in choice.parts[0].transforms] == [2]


@pytest.mark.parametrize(
    ("theirs", "ours", "agreed", "shortened"),
    [
        ((3600, 4608000), (3600, 4608000), (3600, 4608000), False),
        ((600, 1000), (3600, 4608000), (600, 1000), False),
        ((7200, 9999999), (3600, 4608000), (3600, 4608000), True),
        ((7200, 1000), (3600, 4608000), (3600, 1000), True),
        ((3600, 0), (3600, 4608000), (3600, 4608000), False),
        ((3600, 500), (3600, 0), (3600, 500), False),
        ((3600, 0), (3600, 0), (3600, 0), False),
    ],
)
def test_lifetimes(
    theirs: tuple[int, int], ours: tuple[int, int], agreed: tuple[int, int], shortened: bool
) -> None:
    offered = offer(AES, seconds=theirs[0], kilobytes=theirs[1])
    choice = choose(policy(AES, seconds=ours[0], kilobytes=ours[1]), offered)
    assert (choice.lifetime_seconds, choice.lifetime_kilobytes) == agreed
    assert choice.shortened is shortened


@pytest.mark.parametrize(
    ("theirs", "ours", "agreed"),
    [
        (None, None, None),
        (2, None, 2),
        (14, 14, 14),
        (None, 14, "no"),
        (2, 14, "no"),
        (99, None, "no"),
    ],
)
def test_pfs(theirs: int | None, ours: int | None, agreed: int | str | None) -> None:
    offered = phase2.offer(
        replace(policy(AES), pfs_group=theirs), SPIS, nat=DIRECT, transport=False
    )
    mine = replace(policy(AES), pfs_group=ours)
    if agreed == "no":
        with pytest.raises(NegotiationError):
            choose(mine, offered)
    else:
        assert choose(mine, offered).pfs_group == agreed


@pytest.mark.parametrize(
    ("offered_mode", "set_", "hosts", "nat", "agreed"),
    [
        (Encapsulation.TUNNEL, AES, True, DIRECT, False),
        (Encapsulation.TUNNEL, TRANSPORT, True, DIRECT, False),  # "accepts either"
        (Encapsulation.TRANSPORT, TRANSPORT, True, DIRECT, True),
        (Encapsulation.TRANSPORT, TRANSPORT, False, DIRECT, None),
        (Encapsulation.TRANSPORT, AES, True, DIRECT, None),
        (Encapsulation.UDP_TUNNEL, AES, True, BEHIND_NAT, False),
        (Encapsulation.UDP_TUNNEL, AES, True, DIRECT, None),
        (Encapsulation.TUNNEL, AES, True, BEHIND_NAT, False),  # the peer may know better
        (Encapsulation.UDP_TRANSPORT, TRANSPORT, True, BEHIND_NAT, True),
        (
            Encapsulation.UDP_TUNNEL_DRAFT,
            AES,
            True,
            NatState(NatVersion.DRAFT_02, we_are_behind=True),
            False,
        ),
        (Encapsulation.UDP_TUNNEL_DRAFT, AES, True, BEHIND_NAT, None),
        (None, AES, True, DIRECT, False),
        (None, TRANSPORT, True, DIRECT, False),
    ],
)
def test_encapsulation_modes(
    offered_mode: Encapsulation | None,
    set_: TransformSet,
    hosts: bool,
    nat: NatState,
    agreed: bool | None,
) -> None:
    proposal = offer(AES).proposals[0]
    attributes = [
        replace(a, value=(offered_mode or 0).to_bytes(2))
        if a.type == Phase2Attribute.ENCAPSULATION
        else a
        for a in proposal.transforms[0].attributes
        if offered_mode is not None or a.type != Phase2Attribute.ENCAPSULATION
    ]
    transform = replace(proposal.transforms[0], attributes=tuple(attributes))
    sa = SecurityAssociation((replace(proposal, transforms=(transform,)),))
    if agreed is None:
        with pytest.raises(NegotiationError):
            choose(policy(set_), sa, nat=nat, transport=hosts)
    else:
        assert choose(policy(set_), sa, nat=nat, transport=hosts).mode.transport is agreed


def test_offered_encapsulation() -> None:
    def modes(*, nat: NatState, transport: bool) -> set[int | None]:
        offered = offer(TRANSPORT, nat=nat, transport=transport)
        return {p.transforms[0].value(Phase2Attribute.ENCAPSULATION) for p in offered.proposals}

    assert modes(nat=DIRECT, transport=True) == {Encapsulation.TRANSPORT}
    assert modes(nat=DIRECT, transport=False) == {Encapsulation.TUNNEL}
    assert modes(nat=BEHIND_NAT, transport=True) == {Encapsulation.UDP_TRANSPORT}
    draft = NatState(NatVersion.DRAFT_03, peer_is_behind=True)
    assert modes(nat=draft, transport=False) == {Encapsulation.UDP_TUNNEL_DRAFT}


def test_ah_does_not_cross_a_nat() -> None:
    assert [p.protocol for p in offer(GUIDE_SET, AES, nat=BEHIND_NAT).proposals] == [ProtocolId.ESP]
    with pytest.raises(NegotiationError):
        offer(GUIDE_SET, AH, nat=BEHIND_NAT)


@pytest.mark.parametrize("spi", [b"", bytes(4), bytes.fromhex("000000ff"), bytes(8)])
def test_reserved_spis(spi: bytes) -> None:
    proposal = offer(AES).proposals[0]
    with pytest.raises(NegotiationError):
        choose(policy(AES), SecurityAssociation((replace(proposal, spi=spi),)))


def test_an_answer_must_have_been_offered() -> None:
    ours = policy(AES, GUIDE_SET)
    offered = offer(AES, GUIDE_SET)

    def check(answer: SecurityAssociation) -> Phase2Choice:
        return phase2.check_answer(
            ours, offered, answer, modes=[preferred(DIRECT, transport=False)], trace=lambda _: None
        )

    assert check(offer(GUIDE_SET)).transform_set == GUIDE_SET
    for wrong in (offer(DES), offered, offer(AES256), offer(AES, GUIDE_SET)):
        with pytest.raises(NegotiationError):
            check(wrong)
    with_pfs = phase2.offer(replace(policy(AES), pfs_group=14), SPIS, nat=DIRECT, transport=False)
    with pytest.raises(NegotiationError):
        check(with_pfs)


@pytest.mark.parametrize(
    ("answered", "good"),
    [
        ((), True),
        (("10.0.0.1", "10.0.2.2"), True),
        (("10.0.2.2", "10.0.0.1"), False),
        (("10.0.0.1", "10.0.2.3"), False),
    ],
)
def test_the_responder_must_return_the_identities(answered: tuple[str, ...], good: bool) -> None:
    bodies = [
        identities.encode(ProxyIdentity(ip_network(address))).encode() for address in answered
    ]
    message = messages.plain(
        bytes(range(1, 17)),
        ExchangeType.QUICK,
        1,
        [(PayloadType.HASH, b""), *((PayloadType.IDENTIFICATION, body) for body in bodies)],
    )
    opened = messages.open_plain(Header.decode(message), message)
    if good:
        check_identities(opened, policy(AES))
    else:
        with pytest.raises(NegotiationError) as caught:
            check_identities(opened, policy(AES))
        assert caught.value.notify is NotifyType.INVALID_ID_INFORMATION
