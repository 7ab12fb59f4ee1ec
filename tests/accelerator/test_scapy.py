"""Against scapy's IPsec layer, both ways: our packet is scapy's octet for octet, and the other way.

Scapy takes sequence number and IV from us; everything else it makes by itself.
"""

from __future__ import annotations

import itertools
from typing import Any

import pytest
from scapy.layers.inet import IP, TCP, UDP
from scapy.layers.inet6 import (
    HBHOptUnknown,
    IPv6,
    IPv6ExtHdrDestOpt,
    IPv6ExtHdrHopByHop,
    IPv6ExtHdrRouting,
    PadN,
)
from scapy.layers.ipsec import AH, ESP, SecurityAssociation
from scapy.packet import Packet, Raw

CIPHERS = {
    "NULL": "NULL", "DES-CBC": "DES", "3DES-CBC": "3DES", "AES-CBC": "AES-CBC",
    "AES-GCM": "AES-GCM",
}  # fmt: skip
INTEGRITIES = {
    "": None, "HMAC-MD5-96": "HMAC-MD5-96", "HMAC-SHA1-96": "HMAC-SHA1-96",
    "HMAC-SHA2-256-128": "SHA2-256-128", "HMAC-SHA2-384-192": "SHA2-384-192",
    "HMAC-SHA2-512-256": "SHA2-512-256",
}  # fmt: skip
KEY_SIZES = {"NULL": (0,), "DES-CBC": (8,), "3DES-CBC": (24,)}
SUITES = [
    (cipher, integrity, size)
    for cipher in CIPHERS
    for size in KEY_SIZES.get(cipher, (16, 24, 32))
    for integrity in (INTEGRITIES if cipher != "AES-GCM" else [""])
    if cipher != "NULL" or integrity
]
IV_SIZE = {"NULL": 0, "DES-CBC": 8, "3DES-CBC": 8, "AES-CBC": 16, "AES-GCM": 8}


def inner(version: int) -> Packet:
    header = (
        IP(src="10.0.0.1", dst="10.0.2.2", id=77, tos=0x48, flags="DF")
        if version == 4
        else IPv6(src="2001:db8::1", dst="2001:db8:2::2", tc=0x48)
    )
    return header / TCP(sport=4, dport=5) / b"the quick brown fox"


def outer_of(packet: bytes) -> Packet:
    """The outer header of a packet of ours, for scapy to put in front."""
    if packet[0] >> 4 == 4:
        header = IP(packet[:20])
        return IP(
            src=header.src, dst=header.dst, id=header.id, tos=header.tos, ttl=header.ttl,
            flags=header.flags,
        )  # fmt: skip
    header = IPv6(packet[:40])
    return IPv6(src=header.src, dst=header.dst, tc=header.tc, hlim=header.hlim)


def esp_peer(sa: Any, outer: Packet | None) -> SecurityAssociation:
    nat = UDP(sport=4500, dport=4500) if sa.udp else None
    return SecurityAssociation(
        ESP, sa.esp_spi, crypt_algo=CIPHERS[sa.cipher], crypt_key=sa.cipher_key + sa.salt,
        auth_algo=INTEGRITIES[sa.integrity], auth_key=sa.integrity_key, tunnel_header=outer,
        nat_t_header=nat, esn_en=sa.esn,
    )  # fmt: skip


def ah_peer(sa: Any, outer: Packet | None) -> SecurityAssociation:
    return SecurityAssociation(
        AH, sa.ah_spi, auth_algo=INTEGRITIES[sa.ah], auth_key=sa.ah_key, tunnel_header=outer,
        esn_en=sa.esn,
    )  # fmt: skip


def plain(packet: Packet) -> Packet:
    return packet.__class__(bytes(packet))


@pytest.mark.parametrize(("cipher", "integrity", "size"), SUITES)
def test_esp(rig: Any, tunnel: Any, cipher: str, integrity: str, size: int) -> None:
    ways = itertools.product((False, True), (4, 6), (4, 6), (False, True), (False, True))
    for index, (transport, outer, version, esn, udp) in enumerate(ways):
        if transport and outer != version:
            continue
        if outer == 6 and udp:
            continue  # scapy leaves the checksum 0 there
        sa = tunnel(cipher, integrity, "", size, transport=transport, outer=outer, esn=esn, udp=udp)
        rig.install(sa, index)
        packet = inner(version)
        ours = rig.seal(bytes(packet), index=index)
        peer = esp_peer(sa, None if transport else outer_of(ours))
        start = (20 if outer == 4 else 40) + 8 * udp + 8
        iv = ours[start : start + IV_SIZE[cipher]]
        theirs = bytes(peer.encrypt(plain(packet), seq_num=1, iv=iv))
        assert ours.hex() == theirs.hex()
        assert bytes(peer.decrypt((IP if outer == 4 else IPv6)(ours))) == bytes(packet)
        second = bytes(peer.encrypt(plain(packet), seq_num=2))
        assert rig.open(second, index=index) == bytes(packet)


@pytest.mark.parametrize("ah", list(INTEGRITIES)[1:])
def test_ah(rig: Any, tunnel: Any, ah: str) -> None:
    ways = itertools.product((False, True), (4, 6), (4, 6), (False, True))
    for index, (transport, outer, version, esn) in enumerate(ways):
        if transport and outer != version:
            continue
        sa = tunnel(ah=ah, transport=transport, outer=outer, esn=esn)
        rig.install(sa, index)
        packet = inner(version)
        ours = rig.seal(bytes(packet), index=index)
        peer = ah_peer(sa, None if transport else outer_of(ours))
        assert ours.hex() == bytes(peer.encrypt(plain(packet), seq_num=1)).hex()
        assert bytes(peer.decrypt((IP if outer == 4 else IPv6)(ours))) == bytes(packet)
        second = bytes(peer.encrypt(plain(packet), seq_num=2))
        assert rig.open(second, index=index) == bytes(packet)


@pytest.mark.parametrize("cipher", list(CIPHERS))
@pytest.mark.parametrize("outer", [4, 6])
@pytest.mark.parametrize("transport", [False, True])
def test_bundle(rig: Any, tunnel: Any, cipher: str, outer: int, transport: bool) -> None:
    """AH in transport mode around ESP, as the guide's chapter 3 has it (ah-sha esp-des esp-sha)."""
    integrity = "" if cipher == "AES-GCM" else "HMAC-SHA1-96"
    sa = tunnel(cipher, integrity, "HMAC-SHA1-96", outer=outer, transport=transport)
    rig.install(sa)
    packet = inner(outer)
    ours = rig.seal(bytes(packet))
    esp = esp_peer(sa, None if transport else outer_of(ours))
    ah = ah_peer(sa, None)
    within = plain(ah.decrypt((IP if outer == 4 else IPv6)(ours)))
    assert bytes(esp.decrypt(within)) == bytes(packet)
    sealed = esp.encrypt(plain(packet), seq_num=2)
    # Scapy signs the innermost IPsec header that it sees: let it see octets behind AH.
    octets = Raw(bytes(sealed[ESP]))
    header = AH(nh=50, spi=sa.ah_spi, seq=2, payloadlen=4, icv=bytes(12))
    sealed.remove_payload()
    setattr(sealed, "proto" if outer == 4 else "nh", 51)
    setattr(sealed, "len" if outer == 4 else "plen", None)
    length = len(sealed / header / octets)
    setattr(sealed, "len" if outer == 4 else "plen", length - (0 if outer == 4 else 40))
    sealed.chksum = 0
    theirs = bytes(ah.auth_algo.sign(sealed / header / octets, sa.ah_key))
    assert rig.open(theirs) == bytes(packet)


def test_ah_and_ipv6_extension_headers(rig: Any, tunnel: Any) -> None:
    """Hop-by-hop and destination options, some changing en route, and a type 0 routing header."""
    sa = tunnel(ah="HMAC-SHA2-256-128", transport=True)
    rig.install(sa)
    hops = ["2001:db8::a", "2001:db8::b"]
    options = [HBHOptUnknown(otype=0x3E, optdata=b"mute"), PadN(optdata=b"\0\0")]
    packet = (
        IPv6(src="2001:db8::1", dst="2001:db8::9", fl=5)
        / IPv6ExtHdrHopByHop(options=options)
        / IPv6ExtHdrDestOpt(options=[HBHOptUnknown(otype=0x1E, optdata=b"kept")])
        / IPv6ExtHdrRouting(addresses=hops, segleft=2)
        / UDP(sport=1, dport=2)
        / b"x"
    )
    whole = bytes(packet)
    ours = rig.seal(whole)
    # AH stands behind the routing header; on the way the hops are visited.
    arrived = IPv6(ours)
    assert arrived[AH].nh == 17
    route = arrived[IPv6ExtHdrRouting]
    route.addresses, arrived.dst, route.segleft = ["2001:db8::9", "2001:db8::a"], "2001:db8::b", 0
    arrived.hlim, arrived.fl, arrived.tc = 3, 9, 0xFF
    arrived[HBHOptUnknown].optdata = b"flip"
    opened = IPv6(rig.open(bytes(arrived)))
    assert opened[UDP].payload == packet[UDP].payload
    kept = arrived[IPv6ExtHdrDestOpt].options[0]
    kept.optdata = b"flip"
    assert rig.refusal(bytes(arrived)).name == "REPLAYED"
    arrived[AH].seq = 2
    assert rig.refusal(bytes(arrived)).name == "BAD_ICV"
    # Scapy predicts a route of one hop as RFC 4302 does.
    one = IPv6(src="2001:db8::1", dst="2001:db8::9") / IPv6ExtHdrRouting(
        addresses=hops[:1], segleft=1
    )
    one = plain(one / UDP(sport=1, dport=2) / b"x")
    theirs = ah_peer(sa, None).encrypt(one, seq_num=3)
    assert rig.refusal(bytes(theirs)).name == "OK"


def test_ah_and_ipv4_options(rig: Any, tunnel: Any) -> None:
    """Router alert and security count, record route and timestamps do not (RFC 4302 A1)."""
    sa = tunnel(ah="HMAC-SHA1-96", transport=True)
    rig.install(sa)
    options = bytes.fromhex("940400000707040000000001820b6bc50000000000000001")
    packet = bytes(
        IP(src="10.0.0.1", dst="10.0.2.2", id=9, options=list(IP(_with(options)).options))
        / UDP(sport=1, dport=2)
        / b"x"
    )
    ours = rig.seal(packet)
    assert ours.hex() == bytes(ah_peer(sa, None).encrypt(IP(packet), seq_num=1)).hex()
    changed = bytearray(ours)
    changed[20 + 7 : 20 + 11] = b"\x0a\x00\x00\x09"  # the router's address
    changed[8] = 9  # TTL
    changed[1] = 0x03  # congestion
    assert rig.refusal(bytes(changed)).name == "OK"
    rig.install(tunnel(ah="HMAC-SHA1-96", transport=True, ah_key=sa.ah_key, epoch=8), 2)
    for at in (20 + 2, 20 + 12 + 3):  # router alert's value, security's level
        changed = bytearray(ours)
        changed[at] ^= 1
        assert rig.refusal(bytes(changed), index=2, epoch=8).name == "BAD_ICV"


def test_ah_and_ipv4_source_route(rig: Any, tunnel: Any) -> None:
    """The destination is authenticated as it will be where the route ends."""
    rig.install(tunnel(ah="HMAC-SHA1-96", transport=True))
    route = bytes.fromhex("830b040a0000070a00020201")
    packet = bytes(
        IP(src="10.0.0.1", dst="10.0.0.5", options=list(IP(_with(route)).options))
        / UDP(sport=1, dport=2)
        / b"x"
    )
    arrived = bytearray(rig.seal(packet))
    arrived[16:20] = bytes((10, 0, 2, 2))
    arrived[20:32] = bytes.fromhex("830b0c0a0001050a00010701")
    opened = rig.open(bytes(arrived))
    assert IP(opened).dst == "10.0.2.2"


def _with(options: bytes) -> bytes:
    size = 20 + len(options)
    return bytes((0x40 | size // 4, 0, 0, size)) + bytes(16) + options
