"""Codecs: what is encoded decodes to itself, and any other bytes give a `PayloadError`."""

from __future__ import annotations

from collections.abc import Callable
from ipaddress import ip_address, ip_network

import pytest
from hypothesis import given
from hypothesis import strategies as st
from ipsecplane.ike import identities, messages, payloads, phase1
from ipsecplane.ike.attributes import (
    Attribute,
    decode_attributes,
    encode_attributes,
    number_attribute,
)
from ipsecplane.ike.constants import ExchangeType, IdType, NotifyType, PayloadType
from ipsecplane.ike.errors import NegotiationError, PayloadError
from ipsecplane.ike.payloads import (
    Deletion,
    Header,
    Identification,
    Notification,
    Payload,
    decode_chain,
    decode_original_address,
    encode_chain,
    encode_original_address,
)
from ipsecplane.ike.proposals import Proposal, SecurityAssociation, Transform
from ipsecplane.ike.types import ProxyIdentity

from tests.ike.world import GUIDE_POLICY

octets = st.binary(max_size=64)
addresses = st.ip_addresses()


def as_payload(kind: int, body: bytes) -> Payload:
    return Payload(kind, body, 28, 32 + len(body))


attributes = st.one_of(
    st.builds(
        Attribute,
        st.integers(0, 0x7FFF),
        st.binary(min_size=2, max_size=2),
        st.just(True),
    ),
    st.builds(
        Attribute,
        st.integers(0, 0x7FFF),
        st.binary(min_size=1, max_size=8),
        st.just(False),
    ),
)
transforms = st.builds(
    Transform,
    st.integers(0, 255),
    st.integers(0, 255),
    st.lists(attributes, max_size=6).map(tuple),
)
proposals = st.builds(
    Proposal,
    st.integers(0, 255),
    st.integers(0, 255),
    st.binary(max_size=16),
    st.lists(transforms, min_size=1, max_size=4).map(tuple),
)


@given(st.lists(attributes, max_size=8))
def test_attributes_round_trip(given_attributes: list[Attribute]) -> None:
    encoded = encode_attributes(given_attributes)
    assert decode_attributes(encoded, 0) == tuple(given_attributes)


@given(st.lists(proposals, min_size=1, max_size=4))
def test_proposals_round_trip(given_proposals: list[Proposal]) -> None:
    sa = SecurityAssociation(tuple(given_proposals))
    assert SecurityAssociation.decode(as_payload(PayloadType.SA, sa.encode())) == sa


@given(st.integers(0, 255), st.integers(0, 255), octets, octets)
def test_notification_round_trip(protocol: int, kind: int, spi: bytes, data: bytes) -> None:
    notification = Notification(protocol, kind, spi, data)
    assert Notification.decode(as_payload(11, notification.encode())) == notification


@given(st.integers(0, 255), st.lists(st.binary(min_size=4, max_size=4), min_size=1, max_size=9))
def test_deletion_round_trip(protocol: int, spis: list[bytes]) -> None:
    deletion = Deletion(protocol, tuple(spis))
    assert Deletion.decode(as_payload(12, deletion.encode())) == deletion


@given(addresses)
def test_original_address_round_trip(address: object) -> None:
    parsed = ip_address(str(address))
    payload = as_payload(PayloadType.NAT_OA, encode_original_address(parsed))
    assert decode_original_address(payload) == parsed


@given(addresses, st.integers(0, 128), st.integers(0, 255), st.integers(0, 65535))
def test_identity_round_trip(address: object, prefix: int, protocol: int, port: int) -> None:
    base = ip_address(str(address))
    network = ip_network((base, min(prefix, base.max_prefixlen)), strict=False)
    identity = ProxyIdentity(network, protocol, port)
    encoded = identities.encode(identity)
    payload = as_payload(PayloadType.IDENTIFICATION, encoded.encode())
    assert identities.decode(Identification.decode(payload)) == identity


def test_identity_types() -> None:
    host = identities.encode(ProxyIdentity(ip_network("10.0.0.1")))
    assert (host.type, host.data) == (IdType.IPV4_ADDR, bytes([10, 0, 0, 1]))
    net = identities.encode(ProxyIdentity(ip_network("2001:db8::/32"), 6, 80))
    assert net.encode() == bytes.fromhex(
        "06060050" + "20010db8" + "00" * 12 + "ffffffff" + "00" * 12
    )
    range_ = Identification(IdType.IPV4_ADDR_RANGE, 0, 0, bytes([10, 0, 1, 0, 10, 0, 1, 255]))
    assert identities.decode(range_).network == ip_network("10.0.1.0/24")


@pytest.mark.parametrize(
    "identity",
    [
        Identification(IdType.IPV4_ADDR_SUBNET, 0, 0, bytes([10, 0, 0, 0, 255, 0, 255, 0])),
        Identification(IdType.IPV4_ADDR_RANGE, 0, 0, bytes([10, 0, 0, 1, 10, 0, 0, 9])),
        Identification(IdType.IPV4_ADDR_RANGE, 0, 0, bytes([10, 0, 0, 9, 10, 0, 0, 1])),
        Identification(IdType.FQDN, 0, 0, b"host.example"),
    ],
)
def test_identities_that_are_no_selector(identity: Identification) -> None:
    with pytest.raises(NegotiationError) as caught:
        identities.decode(identity)
    assert caught.value.notify is NotifyType.INVALID_ID_INFORMATION


@given(st.lists(st.tuples(st.sampled_from([1, 4, 5, 8, 10, 11, 12, 13, 20, 130]), octets)))
def test_chain_round_trip(given_payloads: list[tuple[int, bytes]]) -> None:
    if not given_payloads:
        return
    message = messages.plain(bytes(range(1, 17)), ExchangeType.MAIN, 0, given_payloads)
    header = Header.decode(message)
    decoded = decode_chain(message, header.next_payload, padded=False)
    assert [(p.type, p.body) for p in decoded] == given_payloads
    assert encode_chain(given_payloads) == message[28:]
    assert all(message[p.body_offset : p.end] == p.body for p in decoded)


def test_a_first_message_by_the_octet() -> None:
    """One DES, SHA, group 1 transform with the guide's lifetime of 180 s, written out by hand."""
    expected = bytes.fromhex(
        "00000001 00000001"  # IPsec DOI, SIT_IDENTITY_ONLY
        "00000028 01 01 00 01"  # proposal 1, ISAKMP, no SPI, one transform
        "00000020 01 01 0000"  # transform 1, KEY_IKE
        "80010001 80020002 80040001 80030001 800b0001 800c00b4"
    )
    assert phase1.offer([GUIDE_POLICY]).encode() == expected


def test_long_lifetimes_take_four_octets() -> None:
    assert number_attribute(12, 86400).encode() == bytes.fromhex("000c0004 00015180")


def refusal(decode: Callable[[], object]) -> PayloadError | None:
    """The error that decoding gives, if any; another kind of exception is the test's failure."""
    try:
        decode()
    except PayloadError as error:
        return error
    return None


decoders: st.SearchStrategy[Callable[[bytes], object]] = st.sampled_from(
    [
        lambda body: SecurityAssociation.decode(as_payload(1, body)),
        lambda body: Identification.decode(as_payload(5, body)),
        lambda body: Notification.decode(as_payload(11, body)),
        lambda body: Deletion.decode(as_payload(12, body)),
        lambda body: decode_original_address(as_payload(21, body)),
        lambda body: decode_attributes(body, 0),
        lambda body: Header.decode(body),
        lambda body: decode_chain(bytes(28) + body, 1, padded=False),
        lambda body: decode_chain(bytes(28) + body, 8, padded=True),
    ]
)


@given(decoders, st.binary(max_size=200))
def test_decoding_is_total(decode: Callable[[bytes], object], data: bytes) -> None:
    error = refusal(lambda: decode(data))
    if error is not None:
        assert error.field
        assert 0 <= error.offset <= 28 + len(data) + 4


@given(st.lists(proposals, min_size=1, max_size=3), st.data())
def test_a_damaged_proposal_is_total(given_proposals: list[Proposal], data: st.DataObject) -> None:
    body = bytearray(SecurityAssociation(tuple(given_proposals)).encode())
    for _ in range(data.draw(st.integers(1, 3))):
        body[data.draw(st.integers(0, len(body) - 1))] = data.draw(st.integers(0, 255))
    del body[data.draw(st.integers(0, len(body))) :]
    error = refusal(lambda: SecurityAssociation.decode(as_payload(1, bytes(body))))
    assert error is None or 32 <= error.offset <= 32 + len(body)


def test_errors_say_where() -> None:
    good = messages.plain(
        bytes(range(1, 17)), ExchangeType.MAIN, 0, [(PayloadType.NONCE, b"x" * 8)]
    )
    with pytest.raises(PayloadError, match=r"length at offset 24: 40 octets stated, 39 received"):
        Header.decode(good[:-1])
    with pytest.raises(PayloadError, match=r"version at offset 17: 2\.0 is not supported"):
        Header.decode(good[:17] + b"\x20" + good[18:])
    with pytest.raises(PayloadError, match=r"initiator cookie at offset 0"):
        Header.decode(bytes(8) + good[8:])
    damaged = good[:29] + b"\x01" + good[30:]
    with pytest.raises(PayloadError, match=r"payload reserved at offset 29"):
        decode_chain(damaged, PayloadType.NONCE, padded=False)
    short = good[:30] + b"\x00\x03" + good[32:]
    with pytest.raises(PayloadError, match=r"payload length at offset 30: 3 is less than 4"):
        decode_chain(short, PayloadType.NONCE, padded=False)
    chain = decode_chain(good, PayloadType.NONCE, padded=False)
    with pytest.raises(PayloadError, match=r"KEY_EXCHANGE.*0 payloads where one is needed"):
        payloads.single(chain, PayloadType.KEY_EXCHANGE)
