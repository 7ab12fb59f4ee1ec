"""IKE with IPv6 peers: policies, keyrings, ISAKMP profiles, aggressive mode (guide chapter 9)."""

from __future__ import annotations

import pytest
from ipsecplane.config import IkeIdentity
from ipsecplane.ike.types import IsakmpSaView
from routers import Pair
from test_tunnels import line_protocol, pair

A, B = "2001:DB8:FFFF::1", "2001:DB8:FFFF::2"
KEY = "crypto isakmp key s3cret address ipv6 ::/0"
KEYRING = "crypto keyring ring\n pre-shared-key address ipv6 {peer}/128 key s3cret"
PROFILE = """crypto isakmp profile prof
 {lines}"""


def changed(initiator: str = "a", **change: str) -> Pair:
    return pair(seconds=20, initiator=initiator, **change)


def ike_sa(made: Pair, site: str = "a") -> IsakmpSaView:
    (found,) = (v for v in getattr(made, site).router.agent.isakmp_sas() if not v.deleted)
    return found


@pytest.mark.parametrize("method", ["rsa-sig", "rsa-encr"])
def test_other_authentication_than_keys_is_refused_for_ipv6_peers(method: str) -> None:
    made = changed(authentication_pre=f" authentication {method}")
    assert not line_protocol(made.a)
    assert made.a.router.agent.isakmp_sas() == []
    assert (
        f"crypto isakmp policy 10: authentication {method} is not supported in IPv6:"
        " the policy is not used with IPv6 peers"
    ) in made.log(made.a)
    assert "not supported in IPv6" not in made.log(made.b)


def test_a_policy_without_its_companion_is_left_out_and_the_next_one_used() -> None:
    made = changed(crypto_isakmp_policy="crypto isakmp policy 5\ncrypto isakmp policy 10")
    assert line_protocol(made.a)
    policy = ike_sa(made).policy
    assert policy is not None
    assert policy.priority == 10


def test_keys_of_a_keyring() -> None:
    made = changed(crypto_isakmp_key_s3cret_address_ipv6=KEYRING.format(peer=B))
    assert line_protocol(made.a)


def test_a_keyring_without_the_peer_is_no_use() -> None:
    made = changed(crypto_isakmp_key_s3cret_address_ipv6=KEYRING.format(peer="2001:DB8::9"))
    assert not line_protocol(made.a)


def test_a_profile_uses_its_keyring_alone() -> None:
    profile = f"{KEY}\n{KEYRING.format(peer='2001:DB8::9')}\n" + PROFILE.format(
        lines="keyring ring"
    )
    made = changed(
        crypto_isakmp_key_s3cret_address_ipv6=profile,
        set_transform=" set transform-set t\n set isakmp-profile prof",
    )
    assert not line_protocol(made.a)


@pytest.mark.parametrize(
    ("self_identity", "identity"),
    [
        ("address ipv6", IkeIdentity("address", A.lower())),
        ("fqdn", IkeIdentity("fqdn", "r1")),
        ("fqdn a.example.com", IkeIdentity("fqdn", "a.example.com")),
        ("user-fqdn me@example.com", IkeIdentity("user-fqdn", "me@example.com")),
    ],
)
def test_self_identity_is_what_the_initiator_sends(
    self_identity: str, identity: IkeIdentity
) -> None:
    made = changed(
        crypto_isakmp_key_s3cret_address_ipv6=f"{KEY}\n"
        + PROFILE.format(lines=f"self-identity {self_identity}"),
        set_transform=" set transform-set t\n set isakmp-profile prof",
    )
    assert line_protocol(made.a)
    assert ike_sa(made, "b").peer_identity == identity


@pytest.mark.parametrize(
    ("match", "matches"),
    [
        (f"address ipv6 {B}/128", True),
        ("address ipv6 2001:DB8:FFFF::/64", True),
        (f"address ipv6 {A}/128", False),
        ("address 10.0.0.0 255.0.0.0", False),
        ("host r2", False),
        ("user domain example.com", False),
    ],
)
def test_a_profile_is_for_the_identities_that_it_matches(match: str, matches: bool) -> None:
    """A answers; with a tunnel for peers of the profile only."""
    made = changed(
        "b",
        crypto_isakmp_key_s3cret_address_ipv6=f"{KEY}\n"
        + PROFILE.format(lines=f"match identity {match}"),
        set_transform=" set transform-set t\n set isakmp-profile prof",
    )
    assert ike_sa(made).profile == ("prof" if matches else None)
    assert line_protocol(made.a) == matches


@pytest.mark.parametrize("end", [f"ipv6 {A}", f"ipv6 {A}/128", "fqdn a.example.com"])
def test_aggressive_mode_with_an_endpoint(end: str) -> None:
    made = changed(
        crypto_isakmp_key_s3cret_address_ipv6=f"{KEY}\ncrypto isakmp peer address ipv6 {B}/128\n"
        f" set aggressive-mode client-endpoint {end}"
    )
    assert line_protocol(made.a)
    sent = [f for sender, _, f, _ in made.frames if sender == "a" and f[20] == 17]
    assert sent[0][14 + 40 + 8 + 18] == 4  # the exchange type of the first IKE message
