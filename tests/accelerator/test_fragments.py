"""Fragmentation: before encryption, after it, and plain; guide chapter 2's table and units."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from ipsecplane.targets.crypto_header import DfPolicy, Operation, Reason
from ipsecsim.accelerator import ip
from ipsecsim.accelerator.fragment import fragment
from scapy.layers.inet import IP, UDP, IPOption
from scapy.layers.inet6 import IPv6
from scapy.packet import Raw


def packet_of(size: int, **fields: Any) -> bytes:
    """An IPv4 packet of `size` octets in all."""
    header = IP(src="10.0.0.1", dst="10.0.2.2", id=4711, proto=253, **fields)
    return bytes(header / Raw(bytes(i * 7 & 255 for i in range(size - len(header)))))


def reassemble(pieces: list[bytes]) -> bytes:
    """The payload of a packet from its fragments, which must fill it without gap or overlap."""
    parts = {}
    last = 0
    for piece in pieces:
        header = ip.parse(piece)
        assert header.total == len(piece)
        assert ip.checksum(piece[: header.size]) == 0
        offset = (header.fragment & ip.OFFSET) * 8
        parts[offset] = piece[header.size :]
        if not header.fragment & ip.MF:
            last = offset + len(piece) - header.size
        else:
            assert (len(piece) - header.size) % 8 == 0
    payload = b""
    for offset in sorted(parts):
        assert offset == len(payload)
        payload += parts[offset]
    assert len(payload) == last
    return payload


@given(size=st.integers(28, 5000), mtu=st.integers(68, 1500), df=st.booleans())
def test_units(size: int, mtu: int, df: bool) -> None:
    """As few pieces as possible, equal but for at most 8 octets, none above the MTU."""
    packet = packet_of(size, flags="DF" if df else 0)
    pieces = fragment(packet, ip.parse(packet), mtu)
    assert all(len(p) <= mtu for p in pieces)
    assert reassemble(pieces) == packet[20:]
    assert len(pieces) == max(1, -(-(size - 20) // ((mtu - 20) // 8 * 8))) or size <= mtu
    lengths = [len(p) for p in pieces]
    assert max(lengths) - min(lengths) <= 8
    for piece in pieces:
        header = ip.parse(piece)
        assert piece[4:6] == packet[4:6]
        assert bool(header.fragment & ip.DF) == df


@given(
    size=st.integers(100, 1400), offset=st.integers(0, 4000), more=st.booleans(),
    mtu=st.integers(68, 600),
)  # fmt: skip
def test_a_fragment_of_a_fragment(size: int, offset: int, more: bool, mtu: int) -> None:
    size += -(size - 20) % 8
    packet = packet_of(size, frag=offset, flags="MF" if more else 0)
    pieces = fragment(packet, ip.parse(packet), mtu)
    fields = [ip.parse(p).fragment for p in pieces]
    assert fields[0] & ip.OFFSET == offset
    assert [bool(f & ip.MF) for f in fields] == [True] * (len(pieces) - 1) + [more]
    at = offset
    for piece, field in zip(pieces, fields, strict=True):
        assert field & ip.OFFSET == at
        at += (len(piece) - 20) // 8


def test_options_are_copied_by_their_flag() -> None:
    """Record route (7) stays in the first, router alert (148) and source route (131) in all."""
    options = [
        IPOption(bytes.fromhex("07 07 04 00000000")),
        IPOption(bytes.fromhex("94 04 0000")),
        IPOption(b"\x01"),
        IPOption(bytes.fromhex("83 07 04 0a090909")),
    ]
    packet = packet_of(1000, options=options)
    first, *rest = fragment(packet, ip.parse(packet), 400)
    assert first[20 : ip.parse(first).size] == packet[20 : ip.parse(packet).size]
    assert len(rest) == 2
    for piece in rest:
        assert piece[20 : ip.parse(piece).size] == bytes.fromhex("94040000 8307040a090909 00")
    assert reassemble([first, *rest]) == packet[ip.parse(packet).size :]


def test_impossible_mtu(rig: Any) -> None:
    (answer,) = rig.send(Operation.FRAGMENT, packet_of(200), mtu=27)
    assert answer.reason is Reason.TOO_BIG
    (answer,) = rig.send(Operation.FRAGMENT, packet_of(1480, frag=8190), mtu=576)
    assert answer.reason is Reason.MALFORMED_PACKET
    bad_option = bytearray(packet_of(200, options=[IPOption(bytes.fromhex("94040000"))]))
    bad_option[21] = 60
    (answer,) = rig.send(Operation.FRAGMENT, bytes(bad_option), mtu=100)
    assert answer.reason is Reason.MALFORMED_PACKET


def test_plain_fragmentation(rig: Any) -> None:
    packet = packet_of(3000)
    answers = rig.send(Operation.FRAGMENT, packet, mtu=1500, carried=bytes(14))
    assert [a.reason for a in answers] == [Reason.OK] * 3
    assert reassemble([a.packet for a in answers]) == packet[20:]
    (answer,) = rig.send(Operation.FRAGMENT, packet, mtu=3000)
    assert answer.packet == packet
    for policy in DfPolicy:
        (answer,) = rig.send(Operation.FRAGMENT, packet_of(3000, flags="DF"), mtu=1500, df=policy)
        assert answer.reason is Reason.TOO_BIG
    six = bytes(IPv6(src="::1", dst="::2") / UDP() / bytes(2000))
    (answer,) = rig.send(Operation.FRAGMENT, six, mtu=1500)
    assert (answer.reason, answer.packet) == (Reason.TOO_BIG, six)
    (answer,) = rig.send(Operation.FRAGMENT, six, mtu=2048)
    assert (answer.reason, answer.packet) == (Reason.OK, six)


# Guide chapter 2: pre-fragmentation, df-bit, the packet's DF → before, after, or dropped.
DEPENDENCIES = [
    (True, DfPolicy.CLEAR, False, "before"),
    (True, DfPolicy.CLEAR, True, "before"),
    (False, DfPolicy.CLEAR, False, "after"),
    (False, DfPolicy.CLEAR, True, "after"),
    (True, DfPolicy.SET, False, "before"),
    (True, DfPolicy.SET, True, "dropped"),
    (False, DfPolicy.SET, False, "after"),
    (False, DfPolicy.SET, True, "dropped"),
    (True, DfPolicy.COPY, False, "before"),
    (True, DfPolicy.COPY, True, "dropped"),
    (False, DfPolicy.COPY, False, "after"),
    (False, DfPolicy.COPY, True, "dropped"),
]


@pytest.mark.parametrize(("prefragment", "policy", "df", "expected"), DEPENDENCIES)
@pytest.mark.parametrize(
    "suite", [("AES-GCM", "", ""), ("DES-CBC", "HMAC-SHA1-96", "HMAC-SHA1-96")]
)
def test_dependencies(
    rig: Any, tunnel: Any, suite: tuple[str, str, str], prefragment: bool, policy: DfPolicy,
    df: bool, expected: str,
) -> None:  # fmt: skip
    """1800 octets at MTU 1500 give two packets, or none where DF forbids it."""
    rig.install(tunnel(*suite))
    packet = packet_of(1800, flags="DF" if df else 0)
    answers = rig.encrypt(packet, mtu=1500, df=policy, prefragment=prefragment)
    if expected == "dropped":
        assert [a.reason for a in answers] == [Reason.TOO_BIG]
        assert answers[0].packet == packet
        return
    assert [a.reason for a in answers] == [Reason.OK] * 2
    assert all(len(a.packet) <= 1500 for a in answers)
    outer = [ip.parse(a.packet) for a in answers]
    # The outer DF is the policy's, whichever way the packet was cut.
    assert {bool(h.fragment & ip.DF) for h in outer} == {policy is DfPolicy.SET}
    if expected == "before":
        assert not any(h.is_fragment for h in outer)
        opened = [rig.open(a.packet) for a in answers]
        assert reassemble(opened) == packet[20:]
        assert abs(len(opened[0]) - len(opened[1])) <= 8
        assert {bool(ip.parse(o).fragment & ip.DF) for o in opened} == {df}
        assert [a.header.sequence for a in answers] == [1, 2]
    else:
        assert [h.is_fragment for h in outer] == [True, True]
        assert [a.header.sequence for a in answers] == [1, 1]
        payload = reassemble([a.packet for a in answers])
        header = bytearray(answers[0].packet[:20])
        header[6] &= 0xDF
        assert rig.open(ip.rewritten(header, 9, header[9], 20 + len(payload)) + payload) == packet


def test_outer_ipv6_is_always_cut_before(rig: Any, tunnel: Any) -> None:
    rig.install(tunnel("AES-GCM", outer=6))
    answers = rig.encrypt(packet_of(1800), mtu=1500, prefragment=False)
    opened = [rig.open(a.packet) for a in answers]
    assert reassemble(opened) == packet_of(1800)[20:]


@pytest.mark.parametrize("outer", [4, 6])
@pytest.mark.parametrize("policy", list(DfPolicy))
def test_inner_ipv6_is_never_cut(rig: Any, tunnel: Any, outer: int, policy: DfPolicy) -> None:
    rig.install(tunnel("AES-GCM", outer=outer))
    six = bytes(IPv6(src="::1", dst="::2") / UDP() / bytes(1460))
    for prefragment in (False, True):
        (answer,) = rig.encrypt(six, mtu=1500, df=policy, prefragment=prefragment)
        assert (answer.reason, answer.packet) == (Reason.TOO_BIG, six)


def test_transport_mode(rig: Any, tunnel: Any) -> None:
    """Neither pre-fragmentation nor df-bit are for transport mode (guide chapters 2 and 6)."""
    rig.install(tunnel("AES-GCM", transport=True))
    for policy in DfPolicy:
        answers = rig.encrypt(packet_of(1500), mtu=1500, df=policy, prefragment=True)
        assert [ip.parse(a.packet).is_fragment for a in answers] == [True, True]
        (answer,) = rig.encrypt(packet_of(1500, flags="DF"), mtu=1500, df=policy)
        assert answer.reason is Reason.TOO_BIG


@given(
    size=st.integers(28, 4000), mtu=st.integers(200, 1500), prefragment=st.booleans(),
    number=st.integers(1, 5), offset=st.sampled_from((0, 0, 185)),
)  # fmt: skip
@settings(max_examples=300)
def test_no_result_above_the_mtu(
    suites: Any, size: int, mtu: int, prefragment: bool, number: int, offset: int
) -> None:
    packet = packet_of(size, frag=offset)
    answers = suites.encrypt(packet, mtu=mtu, prefragment=prefragment, index=number)
    for answer in answers:
        assert answer.reason is Reason.OK
        assert len(answer.packet) <= mtu
    if prefragment:
        opened = [suites.open(a.packet, index=number) for a in answers]
        assert b"".join(o[20:] for o in opened) == packet[20:]


@pytest.fixture(scope="module")
def suites(rig_class: Any, tunnel: Any) -> Any:
    rig = rig_class()
    for number, arguments in enumerate(
        (
            {"cipher": "AES-GCM"},
            {"cipher": "DES-CBC", "integrity": "HMAC-SHA1-96", "ah": "HMAC-SHA1-96"},
            {"cipher": "AES-CBC", "integrity": "HMAC-SHA2-512-256", "udp": True},
            {"ah": "HMAC-SHA2-256-128"},
            {"cipher": "NULL", "integrity": "HMAC-MD5-96"},
        ),
        1,
    ):
        rig.install(tunnel(**arguments, window=1024), number)
    return rig


def test_nothing_larger_than_ip_allows(rig: Any, tunnel: Any) -> None:
    for number, sa in enumerate((tunnel("AES-GCM"), tunnel("AES-GCM", transport=True)), 1):
        rig.install(sa, number)
        (answer,) = rig.encrypt(packet_of(65520), index=number)
        assert answer.reason is Reason.TOO_BIG
