"""RSA signatures in both modes: chains, dates, identities, requests, damage."""

from __future__ import annotations

from dataclasses import replace
from ipaddress import ip_network

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from ipsecplane.config import (
    IdentityMatch,
    IkeIdentity,
    IsakmpKey,
    IsakmpPeer,
    IsakmpPolicy,
    IsakmpProfile,
    Trustpoint,
)
from ipsecplane.ike import certificates, distinguished_names
from ipsecplane.ike.certificates import CertificateError
from ipsecplane.ike.constants import ExchangeType
from ipsecplane.ike.types import (
    Datagram,
    IkeConfig,
    IsakmpSaEstablished,
    OutboundSasReady,
    Phase2Policy,
)

from tests.ike.authority import NOW, certificate, der, private_key, trustpoint
from tests.ike.test_faults import Mutation, mutations
from tests.ike.world import AES_SET, A, B, World, altered, check_consistent, check_pair, phase2

POLICY = IsakmpPolicy(1, "AES-CBC", 32, "SHA256", "rsa-sig", 19)
DN = IkeIdentity("dn", "")
MODES = [False, True]


def rsa_world(
    a: Trustpoint | None = None,
    b: Trustpoint | None = None,
    *,
    aggressive: bool = False,
    identity: IkeIdentity | None = None,
) -> tuple[World, Phase2Policy]:
    one = phase2(B, "10.0.1.0/24", "10.0.2.0/24", AES_SET)
    two = phase2(A, "10.0.2.0/24", "10.0.1.0/24", AES_SET)
    peer = IsakmpPeer(ip_network(f"{B}/32"), aggressive_endpoint=identity or DN)
    configs = [
        IkeConfig(policies=(POLICY,), phase2=(policy,), identity=identity, trustpoints=(own,))
        for policy, own in (
            (one, a or trustpoint("a", str(A), "a.example")),
            (two, b or trustpoint("b", str(B), "b.example")),
        )
    ]
    if aggressive:
        configs[0] = replace(configs[0], peers=(peer,))
    return World(configs[0], configs[1], start=NOW), one


def up(wire: World, policy: Phase2Policy) -> None:
    wire.initiate(wire.a, policy)
    wire.settle()
    for node in wire.nodes:
        assert len(node.of(IsakmpSaEstablished)) == len(node.of(OutboundSasReady)) == 1
        assert node.logs == []
    check_pair(wire.a.of(OutboundSasReady)[0].sas, wire.b.of(OutboundSasReady)[0].sas)


def test_a_profile_matches_the_unit_in_a_certificate() -> None:
    """`match identity group`: a key ID, or with signatures the organizational unit (chapter 9).

    The profile's keyrings are not asked for a key: there is none.
    """
    wire, policy = rsa_world(trustpoint("a", unit="sales"))
    profiles = tuple(
        IsakmpProfile(name, matches=(IdentityMatch("group", unit),), keyrings=("ring",))
        for name, unit in (("others", "support"), ("mine", "sales"))
    )
    wire.b.engine.reconfigure(replace(wire.configs[1], profiles=profiles), 0.0)
    up(wire, policy)
    (view,) = wire.b.live()
    assert view.profile == "mine"


def refused(wire: World, policy: Phase2Policy) -> str:
    """All that the responder logged of it."""
    wire.initiate(wire.a, policy)
    wire.settle()
    assert wire.a.of(OutboundSasReady) == wire.b.of(OutboundSasReady) == []
    return "\n".join(wire.b.logs)


@pytest.mark.parametrize("aggressive", MODES, ids=["main", "aggressive"])
@pytest.mark.parametrize("identity", [None, DN], ids=["address", "dn"])
def test_both_prove_themselves_by_signatures(
    aggressive: bool, identity: IkeIdentity | None
) -> None:
    wire, policy = rsa_world(aggressive=aggressive, identity=identity)
    up(wire, policy)
    mode = ExchangeType.AGGRESSIVE if aggressive else ExchangeType.MAIN
    assert wire.sent[0].payload[18] == mode
    for node in wire.nodes:
        for text in (
            " processing CERT payload",
            " processing SIG payload",
            "peer wants a CT_X509_SIGNATURE cert",
            "the root trustpoint's keypair to sign",
            "auth rsa-sig",
        ):
            assert text in node.debugs


@pytest.mark.parametrize("name", ["a.example", "a"], ids=["alternative name", "common name"])
def test_a_host_name_of_the_certificate(name: str) -> None:
    wire, policy = rsa_world(identity=None)
    configured = IkeIdentity("fqdn", name)
    config = wire.configs[0]
    wire.a.engine.reconfigure(replace(config, identity=configured), 0.0)
    up(wire, policy)


def test_a_key_and_certificates_side_by_side() -> None:
    """With both, the policies decide; here the responder's first is that of signatures."""
    wire, policy = rsa_world()
    shared = IsakmpPolicy(2, "AES-CBC", 16, "SHA", "pre-share", 19)
    for node, config, peer in zip(wire.nodes, wire.configs, (B, A), strict=True):
        key = IsakmpKey("1234", ip_network(f"{peer}"))
        node.engine.reconfigure(replace(config, keys=(key,), policies=(POLICY, shared)), 0.0)
    up(wire, policy)
    view = wire.b.engine.isakmp_sas()[0]
    assert view.policy is not None
    assert view.policy.authentication == "rsa-sig"


def test_an_expired_certificate() -> None:
    wire, policy = rsa_world(a=trustpoint("old", str(A), ends=-0.5))
    log = refused(wire, policy)
    assert "%PKI-3-CERTIFICATE_INVALID_EXPIRED: Certificate chain validation has failed." in log
    assert "%CRYPTO-5-IKMP_INVAL_CERT: Certificate received from 10.1.1.1 is bad: cn=old" in log
    assert "has expired: it was valid until 00:00:00 UTC Mar 01 2026" in log
    assert "%CRYPTO-6-IKMP_MODE_FAILURE: Processing of Main mode failed" in log


def test_a_certificate_of_tomorrow() -> None:
    wire, policy = rsa_world(a=trustpoint("young", str(A), begins=0.5))
    assert "%PKI-3-CERTIFICATE_INVALID_NOT_YET_VALID" in refused(wire, policy)


def test_an_unknown_authority() -> None:
    """Each asks for its own CA; the initiator has no certificate of the other's."""
    wire, policy = rsa_world(a=trustpoint("stranger", str(A), authority="Other"))
    assert refused(wire, policy) == ""
    assert "no certificate of a CA that the peer asks for" in wire.a.debugs


def test_a_certificate_nobody_stands_behind() -> None:
    """Signed by somebody with the CA's name and another key."""
    forged = replace(
        trustpoint("forged", str(A)), certificate=der(certificate("forged", "Root 2", str(A)))
    )
    wire, policy = rsa_world(a=forged)
    log = refused(wire, policy)
    assert "no trustpoint for cn=Root 2,o=ipsecplane" in log


def test_somebody_elses_identity() -> None:
    """The certificate is good, but not that of the address that is claimed."""
    wire, policy = rsa_world(a=trustpoint("other", "192.0.2.9"))
    log = refused(wire, policy)
    assert (
        "%CRYPTO-5-IKMP_INVAL_CERT: Certificate received from 10.1.1.1 is bad: identity address "
        "10.1.1.1 is not that of its certificate (cn=other,o=ipsecplane)" in log
    )


def test_a_key_that_is_not_the_certificates() -> None:
    wire, policy = rsa_world(a=replace(trustpoint("a2", str(A)), key=private_key("b")))
    log = refused(wire, policy)
    assert "%CRYPTO-6-IKMP_MODE_FAILURE: Processing of Main mode failed with peer" in log
    assert "the signature is not that of the certificate's key" in wire.b.debugs


def test_revocation_that_cannot_be_checked() -> None:
    wire, policy = rsa_world(b=trustpoint("b3", str(B), revocation_check="crl"))
    assert "configure `revocation-check none` for trustpoint root" in refused(wire, policy)


def test_an_intermediate_authority_is_sent_along() -> None:
    middle = der(certificate("Middle", "Root", authority=True))
    own = replace(
        trustpoint("a4", str(A)),
        certificate=der(certificate("a4", "Middle", str(A))),
        intermediates=(middle,),
    )
    wire, policy = rsa_world(a=own)
    up(wire, policy)


def test_an_end_entity_is_no_authority() -> None:
    fake = der(certificate("b", "Root", str(B), "b.example"))
    leaf = der(certificate("a5", "b", str(A)))
    own = replace(trustpoint("a5", str(A)), certificate=leaf, intermediates=(fake,))
    wire, policy = rsa_world(a=own)
    assert "cn=b,o=ipsecplane is no CA" in refused(wire, policy)


def test_without_a_certificate_there_is_nothing_to_sign_with() -> None:
    wire, policy = rsa_world()
    config = wire.configs[0]
    wire.a.engine.reconfigure(replace(config, trustpoints=()), 0.0)
    wire.initiate(wire.a, policy)
    wire.settle()
    assert "no pre-shared key with 10.2.2.2" in wire.a.debugs.lower()


@given(st.binary(max_size=200))
def test_any_octets_are_a_certificate_or_a_named_error(data: bytes) -> None:
    with pytest.raises(CertificateError, match="is not a certificate"):
        certificates.load(data)


def test_a_name_is_the_same_in_any_kind_of_string() -> None:
    text = certificate("a", "Root").subject.public_bytes()
    assert distinguished_names.same_name(text.replace(b"\x0c", b"\x13"), text)
    assert distinguished_names.same_name(text.replace(b"ipsecplane", b"IPSECplane"), text)
    assert not distinguished_names.same_name(certificate("b", "Root").subject.public_bytes(), text)


@given(st.binary(max_size=60))
def test_any_octets_are_a_name_or_none(data: bytes) -> None:
    assert not distinguished_names.same_name(data, certificate("a", "Root").subject.public_bytes())


@settings(max_examples=40, suppress_health_check=[HealthCheck.too_slow])
@given(st.integers(4, 5), mutations())
def test_damaged_proofs_before_the_honest_one(position: int, mutate: Mutation) -> None:
    wire, policy = rsa_world()
    count = 0

    def damage(datagram: Datagram, _: World) -> list[Datagram]:
        nonlocal count
        count += 1
        bad = altered(datagram, mutate(datagram.payload))
        return [bad, datagram] if count == position + 1 else [datagram]

    wire.tap = damage
    wire.initiate(wire.a, policy)
    wire.run(120)
    check_consistent(wire)
    assert wire.a.of(OutboundSasReady)
