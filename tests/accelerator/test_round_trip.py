"""Every cipher, integrity, mode and pair of IP versions: what is sealed opens again, once."""

from __future__ import annotations

import itertools
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from ipsecplane.ipsec.algorithms import CIPHERS, INTEGRITIES
from ipsecplane.targets.crypto_header import Reason
from scapy.layers.inet import ICMP, IP, TCP, UDP
from scapy.layers.inet6 import IPv6
from scapy.packet import Raw

SUITES = [
    (cipher.name, integrity, key_size)
    for cipher in CIPHERS
    for key_size in cipher.key_sizes
    for integrity in ([""] if cipher.aead else ["", *(i.name for i in INTEGRITIES)])
]
AHS = ["", "HMAC-MD5-96", "HMAC-SHA1-96", "HMAC-SHA2-384-192"]


def inner(version: int, size: int = 100) -> bytes:
    header = (
        IP(src="10.0.0.1", dst="10.0.2.2", id=7, tos=0x28)
        if version == 4
        else IPv6(src="2001:db8::1", dst="2001:db8:2::2", tc=0x28, fl=0x12345)
    )
    return bytes(header / UDP(sport=1000, dport=2000) / Raw(bytes(i & 255 for i in range(size))))


@pytest.mark.parametrize(("cipher", "integrity", "key_size"), SUITES)
def test_suites(rig: Any, tunnel: Any, cipher: str, integrity: str, key_size: int) -> None:
    """All sizes of one padding period, tunnel and transport, with and without AH and ESN."""
    index = 0
    for ah, transport, esn, outer in itertools.product(AHS, (False, True), (False, True), (4, 6)):
        if cipher == "NULL" and not integrity and not ah:
            continue
        index += 1
        sa = tunnel(cipher, integrity, ah, key_size, transport=transport, esn=esn, outer=outer)
        rig.install(sa, index)
        for version, size in ((4, 100 + index), (6, 99 + index), (outer, index % 17)):
            packet = inner(version, size)
            sealed = rig.seal(packet, index=index)
            assert sealed != packet
            assert rig.open(sealed, index=index) == packet
            assert rig.refusal(sealed, index=index) is (
                Reason.REPLAYED if integrity or ah or "GCM" in cipher else Reason.OK
            )


@pytest.mark.parametrize("ah", [i.name for i in INTEGRITIES])
@pytest.mark.parametrize("transport", [False, True])
@pytest.mark.parametrize("outer", [4, 6])
@pytest.mark.parametrize("esn", [False, True])
def test_ah_alone(rig: Any, tunnel: Any, ah: str, transport: bool, outer: int, esn: bool) -> None:
    rig.install(tunnel(ah=ah, transport=transport, outer=outer, esn=esn))
    for version in (4, 6):
        packet = inner(version)
        assert rig.open(rig.seal(packet)) == packet


@pytest.mark.parametrize("outer", [4, 6])
@pytest.mark.parametrize("transport", [False, True])
def test_esp_in_udp(rig: Any, tunnel: Any, outer: int, transport: bool) -> None:
    rig.install(tunnel("AES-CBC", "HMAC-SHA1-96", outer=outer, transport=transport, udp=True))
    packet = inner(outer)
    sealed = rig.seal(packet)
    outside = (IP if outer == 4 else IPv6)(sealed)
    assert (outside[UDP].sport, outside[UDP].dport) == (4500, 4500)
    assert outside[UDP].len == len(sealed) - (20 if outer == 4 else 40)
    if outer == 4:
        assert outside[UDP].chksum == 0
    else:
        given_checksum = outside[UDP].chksum
        del outside[UDP].chksum
        assert IPv6(bytes(outside))[UDP].chksum == given_checksum != 0
    assert rig.open(sealed) == packet


@given(
    payload=st.binary(max_size=300),
    suite=st.sampled_from([s for s in SUITES if s[0] != "NULL" or s[1]]),
    ah=st.sampled_from(AHS),
    versions=st.tuples(st.sampled_from((4, 6)), st.sampled_from((4, 6))),
    flags=st.tuples(st.booleans(), st.booleans()),
    traffic_class=st.integers(0, 255),
)
@settings(max_examples=150)
def test_any_packet(
    rig_class: Any,
    tunnel: Any,
    payload: bytes,
    suite: tuple[str, str, int],
    ah: str,
    versions: tuple[int, int],
    flags: tuple[bool, bool],
    traffic_class: int,
) -> None:
    rig = rig_class()
    transport, esn = flags
    sa = tunnel(*suite[:2], ah, suite[2], transport=transport, esn=esn, outer=versions[0])
    rig.install(sa)
    header = (
        IP(src="10.0.0.1", dst="10.0.2.2", tos=traffic_class, proto=253)
        if versions[1] == 4
        else IPv6(src="2001:db8::1", dst="2001:db8:2::2", tc=traffic_class, nh=253)
    )
    packet = bytes(header / Raw(payload))
    assert rig.open(rig.seal(packet)) == packet


def test_transport_behind_nat_renews_checksums(rig: Any, tunnel: Any) -> None:
    """The NAT changed the source; TCP's and UDP's checksums must suit it (RFC 3948 3.1.2)."""
    rig.install(tunnel("AES-CBC", "HMAC-SHA1-96", transport=True, udp=True, window=0))
    for inside in (TCP(dport=80) / b"abc", UDP(dport=53) / b"abcd", ICMP() / b"x"):
        packet = bytes(IP(src="192.168.1.2", dst="10.2.2.2") / inside)
        sealed = IP(rig.seal(packet))
        sealed.src = "203.0.113.9"
        del sealed.chksum
        opened = rig.open(bytes(sealed))
        assert opened == bytes(IP(src="203.0.113.9", dst="10.2.2.2") / inside)
    no_checksum = bytes(IP(src="192.168.1.2", dst="10.2.2.2") / UDP(chksum=0) / b"abcd")
    assert rig.open(rig.seal(no_checksum)) == no_checksum
