"""Matching of ISAKMP policies, as chapter 9 of the guide describes it."""

from __future__ import annotations

from dataclasses import replace
from ipaddress import ip_address, ip_network

import pytest
from ipsecplane.config import IsakmpKey, IsakmpPolicy
from ipsecplane.ike import phase1
from ipsecplane.ike.attributes import number_attribute
from ipsecplane.ike.constants import NotifyType
from ipsecplane.ike.errors import NegotiationError
from ipsecplane.ike.profiles import key_of
from ipsecplane.ike.proposals import SecurityAssociation
from ipsecplane.ike.types import IkeConfig

AES = IsakmpPolicy(10, "AES-CBC", 32, "SHA256", "pre-share", 14, 86400)
DES = IsakmpPolicy(20, "DES-CBC", 8, "SHA", "pre-share", 1, 3600)


def choose(
    ours: list[IsakmpPolicy], theirs: list[IsakmpPolicy], *, accept_longer: bool = False
) -> tuple[phase1.Phase1Choice, list[str]]:
    lines: list[str] = []
    choice = phase1.choose(
        phase1.usable_policies(ours),
        phase1.offer(theirs),
        lines.append,
        accept_longer=accept_longer,
    )
    return choice, lines


def refused(ours: list[IsakmpPolicy], theirs: list[IsakmpPolicy]) -> list[str]:
    lines: list[str] = []
    with pytest.raises(NegotiationError) as caught:
        phase1.choose(phase1.usable_policies(ours), phase1.offer(theirs), lines.append)
    assert caught.value.notify is NotifyType.NO_PROPOSAL_CHOSEN
    assert lines[-1] == "no offers accepted!"
    return lines


def test_our_priorities_decide() -> None:
    choice, _ = choose([DES, AES], [DES, AES])
    assert choice.policy is AES
    assert choice.answer.proposals[0].transforms[0].number == 2


@pytest.mark.parametrize(
    ("change", "line"),
    [
        ({"encryption": "3DES-CBC", "key_size": 24}, "Encryption algorithm offered does not match"),
        ({"key_size": 16}, "Proposed key length does not match policy"),
        ({"hash": "SHA"}, "Hash algorithm offered does not match policy!"),
        ({"group": 15}, "Diffie-Hellman group offered does not match policy!"),
        ({"authentication": "rsa-sig"}, "Authentication method offered does not match policy!"),
        ({"lifetime": 86401}, "Lifetime offered is longer"),
    ],
)
def test_each_parameter_must_match(change: dict[str, object], line: str) -> None:
    theirs = replace(AES, **change)  # type: ignore[arg-type]
    assert any(text.startswith(line) for text in refused([AES], [theirs]))


@pytest.mark.parametrize(("offered", "used"), [(86400, 86400), (3600, 3600), (60, 60)])
def test_the_shorter_lifetime_is_used(offered: int, used: int) -> None:
    assert choose([AES], [replace(AES, lifetime=offered)])[0].lifetime == used


def test_a_longer_lifetime_looks_for_another_policy() -> None:
    """Equal but for the lifetime: only the policy whose lifetime is long enough fits."""
    short = replace(AES, priority=1, lifetime=180)
    choice, _ = choose([short, AES], [replace(AES, lifetime=7200)])
    assert (choice.policy, choice.lifetime) == (AES, 7200)


def test_a_longer_lifetime_where_it_is_accepted() -> None:
    short = replace(AES, lifetime=180)
    choice, _ = choose([short], [AES], accept_longer=True)
    assert choice.lifetime == 180


def test_no_lifetime_stated() -> None:
    offered = phase1.offer([AES])
    proposal = offered.proposals[0]
    bare = replace(proposal.transforms[0], attributes=proposal.transforms[0].attributes[:-2])
    offered = SecurityAssociation((replace(proposal, transforms=(bare,)),))
    assert phase1.choose([AES], offered, lambda _: None).lifetime == AES.lifetime


def test_unknown_attributes_are_not_accepted() -> None:
    offered = phase1.offer([AES])
    proposal = offered.proposals[0]
    odd = (*proposal.transforms[0].attributes, number_attribute(13, 7))  # another prf
    offered = SecurityAssociation(
        (replace(proposal, transforms=(replace(proposal.transforms[0], attributes=odd),)),)
    )
    with pytest.raises(NegotiationError):
        phase1.choose([AES], offered, lambda _: None)


def test_policies_that_cannot_be_completed_are_not_submitted() -> None:
    certificates = replace(AES, priority=1, authentication="rsa-sig")
    unknown = replace(AES, priority=2, group=31)
    odd_key = replace(AES, priority=3, key_size=20)
    assert phase1.usable_policies([certificates, unknown, DES, odd_key, AES]) == [AES, DES]


def test_an_answer_must_have_been_offered() -> None:
    ignore: phase1.Trace = lambda _: None  # noqa: E731
    ours = [AES, DES]
    answer = choose([DES], ours)[0].answer
    assert phase1.check_answer(ours, answer, ignore).policy is DES
    for wrong in (
        phase1.offer([replace(AES, group=15)]),
        phase1.offer([replace(DES, lifetime=7200)]),
        phase1.offer(ours),
    ):
        with pytest.raises(NegotiationError):
            phase1.check_answer(ours, wrong, ignore)


def test_the_debug_is_the_one_of_ios() -> None:
    _, lines = choose([DES], [AES, DES])
    assert lines == [
        "Checking ISAKMP transform 1 against priority 20 policy",
        "      encryption AES-CBC",
        "      keylength of 256",
        "      hash SHA256",
        "      default group 14",
        "      auth pre-share",
        "      life type in seconds",
        "      life duration (VPI) of  0x0 0x1 0x51 0x80 ",
        "Encryption algorithm offered does not match policy!",
        "atts are not acceptable. Next payload is 3",
        "Checking ISAKMP transform 2 against priority 20 policy",
        "      encryption DES-CBC",
        "      hash SHA",
        "      default group 1",
        "      auth pre-share",
        "      life type in seconds",
        "      life duration (basic) of 3600",
        "atts are acceptable. Next payload is 0",
        "Returning Actual lifetime: 3600",
    ]


def test_the_narrowest_key_wins() -> None:
    keys = [
        IsakmpKey("any", ip_network("0.0.0.0/0")),
        IsakmpKey("net", ip_network("10.0.0.0/8")),
        IsakmpKey("host", ip_network("10.1.1.1/32")),
        IsakmpKey("name", ip_network("0.0.0.0/0"), hostname="router.example"),
    ]
    peers = {"10.1.1.1": b"host", "10.1.1.2": b"net", "192.0.2.1": b"any", "2001:db8::1": None}
    for peer, secret in peers.items():
        found = key_of(IkeConfig(keys=tuple(keys)), ip_address(peer))
        assert (found.secret.encode() if found else None) == secret
