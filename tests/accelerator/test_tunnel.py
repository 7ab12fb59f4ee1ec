"""The outer header: DSCP, ECN (RFC 6040), DF (guide chapter 6), TTL, identification, checksum."""

from __future__ import annotations

import itertools
from typing import Any

import pytest
from ipsecplane.targets.crypto_header import DfPolicy, Reason
from scapy.layers.inet import IP, UDP
from scapy.layers.inet6 import IPv6

NOT_ECT, ECT1, ECT0, CE = 0, 1, 2, 3


def inner(version: int = 4, tos: int = 0, df: bool = False) -> bytes:
    header = (
        IP(src="10.0.0.1", dst="10.0.2.2", id=3, tos=tos, flags="DF" if df else 0, ttl=17)
        if version == 4
        else IPv6(src="2001:db8::1", dst="2001:db8::2", tc=tos, fl=77, hlim=17)
    )
    return bytes(header / UDP(sport=1, dport=2) / b"data")


def traffic_class(packet: bytes) -> int:
    return packet[1] if packet[0] >> 4 == 4 else int.from_bytes(packet[:2], "big") >> 4 & 0xFF


def marked(packet: bytes, ecn: int) -> bytes:
    """The packet as a router on the way marks it."""
    layer = (IP if packet[0] >> 4 == 4 else IPv6)(packet)
    if layer.version == 4:
        layer.tos = layer.tos & 0xFC | ecn
        del layer.chksum
    else:
        layer.tc = layer.tc & 0xFC | ecn
    return bytes(layer)


@pytest.mark.parametrize("outer", [4, 6])
@pytest.mark.parametrize("version", [4, 6])
def test_dscp_and_ecn_outwards(rig: Any, tunnel: Any, outer: int, version: int) -> None:
    for index, (dscp_copy, ecn_copy) in enumerate(itertools.product((1, 0), (1, 0))):
        extra = {"dscp_copy": dscp_copy, "dscp": 46, "ecn_copy": ecn_copy}
        rig.install(tunnel("AES-GCM", outer=outer, extra=extra), index)
        for tos in range(0, 256, 7):
            expected = (tos & 0xFC if dscp_copy else 46 << 2) | (tos & 3 if ecn_copy else 0)
            sealed = rig.seal(inner(version, tos), index=index)
            assert traffic_class(sealed) == expected
            assert rig.open(sealed, index=index) == inner(version, tos)


@pytest.mark.parametrize("outer", [4, 6])
@pytest.mark.parametrize("version", [4, 6])
def test_ecn_inwards(rig: Any, tunnel: Any, outer: int, version: int) -> None:
    """RFC 6040 figure 4; None = the packet must be dropped."""
    rig.install(tunnel("AES-GCM", outer=outer))
    table = {  # inner: by outer Not-ECT, ECT(1), ECT(0), CE
        NOT_ECT: (NOT_ECT, NOT_ECT, NOT_ECT, None),
        ECT0: (ECT0, ECT1, ECT0, CE),
        ECT1: (ECT1, ECT1, ECT1, CE),
        CE: (CE, CE, CE, CE),
    }
    for arriving, row in table.items():
        for mark, expected in enumerate(row):
            dscp = 0x68
            sealed = marked(rig.seal(inner(version, dscp | arriving)), mark)
            if expected is None:
                assert rig.refusal(sealed) is Reason.BAD_ECN
            else:
                assert rig.open(sealed) == inner(version, dscp | expected)


def test_a_wrong_inner_checksum_stays_wrong(rig: Any, tunnel: Any) -> None:
    rig.install(tunnel("AES-GCM"))
    broken = bytearray(inner(4, ECT0))
    broken[10] ^= 0xFF
    right = inner(4, CE)
    opened = rig.open(marked(rig.seal(bytes(broken)), CE))
    assert opened[:10] + opened[12:] == right[:10] + right[12:]
    assert opened[10:12] != right[10:12]


@pytest.mark.parametrize("version", [4, 6])
def test_df(rig: Any, tunnel: Any, version: int) -> None:
    rig.install(tunnel("AES-GCM"))
    for df in (False, True):
        for policy, expected in (
            (DfPolicy.COPY, df or version == 6),
            (DfPolicy.CLEAR, False),
            (DfPolicy.SET, True),
        ):
            outer = IP(rig.seal(inner(version, df=df), df=policy))
            assert bool(outer.flags & 2) is expected


def test_header_fields(rig: Any, tunnel: Any) -> None:
    """TTL as programmed, a checksum that is right, an identification that changes."""
    rig.install(tunnel("AES-GCM", extra={"ttl": 200}), 4)
    rig.install(tunnel("AES-GCM", outer=6, extra={"ttl": 201}), 6)
    identifications = set()
    for _ in range(50):
        sealed = rig.seal(inner(), index=4)
        outer = IP(sealed)
        assert (outer.src, outer.dst, outer.ttl, outer.proto) == ("10.1.1.1", "10.2.2.2", 200, 50)
        assert outer.len == len(sealed)
        checksum = outer.chksum
        del outer.chksum
        assert IP(bytes(outer)).chksum == checksum
        identifications.add(outer.id)
    assert len(identifications) == 50
    six = IPv6(rig.seal(inner(6), index=6))
    assert (six.src, six.dst, six.hlim, six.fl) == ("2001:db8:a::1", "2001:db8:b::2", 201, 0)


def test_trailing_octets_are_no_part_of_the_packet(rig: Any, tunnel: Any) -> None:
    """Ethernet padding behind the IP packet is left behind."""
    rig.install(tunnel("AES-GCM"))
    sealed = rig.seal(inner() + bytes(18))
    assert len(sealed) == len(rig.seal(inner()))
    assert rig.open(sealed + bytes(5)) == inner()
