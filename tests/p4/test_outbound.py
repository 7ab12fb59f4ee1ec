"""Forwarding, the SPD, encryption requests, and encrypted packets on their way out."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
from ipsecplane.targets.crypto_header import CryptoHeader, DfPolicy, Operation
from ipsecplane.targets.diff import Kind
from ipsecplane.targets.reasons import Reason
from ipsecplane.targets.tables import entry
from scapy.layers.inet import ICMP, IP, TCP, UDP, IPOption_NOP, IPOption_Router_Alert
from scapy.layers.inet6 import (
    ICMPv6EchoRequest,
    IPv6,
    IPv6ExtHdrDestOpt,
    IPv6ExtHdrFragment,
    IPv6ExtHdrHopByHop,
    PadN,
)
from scapy.layers.ipsec import AH, ESP
from scapy.layers.l2 import Dot1Q
from scapy.layers.sctp import SCTP
from scapy.packet import Packet, Raw

from tests.p4.duts import Dut
from tests.p4.world import (
    HOST4,
    HOST6,
    HOST_MAC,
    LAN,
    MTU,
    POLICY,
    REMOTE4,
    REMOTE6,
    ROUTER4,
    ROUTER6,
    ROUTER_MAC,
    TAGGED,
    WAN,
    frame,
    interface_out,
    result,
    route,
    sa_out,
    spd,
    the_frame,
    the_punt,
    the_request,
)

DATA = Raw(bytes(range(40)))


def v4(dst: str = REMOTE4, **fields: Any) -> Packet:
    return IP(src=HOST4[LAN], dst=dst, **fields)


def v6(dst: str = REMOTE6, **fields: Any) -> Packet:
    return IPv6(src=HOST6[LAN], dst=dst, **fields)


def dropped(dut: Dut, packet: tuple[int, bytes]) -> Reason:
    before = dut.reasons()
    assert dut.send(*packet) == []
    (reason,) = (dut.reasons() - before).elements()
    assert not reason.is_punt
    return reason


# -- plain forwarding --------------------------------------------------------------------------


@pytest.mark.parametrize(
    "packet",
    [
        v4(HOST4[TAGGED], ttl=2, tos=0xB9) / UDP(sport=1, dport=2) / DATA,
        v4(HOST4[TAGGED], options=[IPOption_NOP(), IPOption_Router_Alert()]) / TCP() / DATA,
        v4(HOST4[TAGGED], options=[IPOption_NOP()] * 40) / ICMP(),
        v4(HOST4[TAGGED], proto=89) / DATA,
        v4(HOST4[TAGGED]) / SCTP(sport=1, dport=2) / DATA,
        v4(HOST4[TAGGED], proto=17) / Raw(b"abc"),
        v4(HOST4[TAGGED], proto=17) / Raw(b"abcdef"),
        v4(HOST4[TAGGED]),
    ],
)
def test_forwarding_v4(router: Dut, packet: Packet) -> None:
    port, octets = frame(LAN, packet)
    for short in (octets, octets + bytes(60 - len(octets)) if len(octets) < 60 else octets):
        seen = the_frame(router.send(port, short), TAGGED)
        assert (seen.src, seen.dst, seen.type) == (ROUTER_MAC[TAGGED], HOST_MAC[TAGGED], 0x8100)
        assert (seen[Dot1Q].vlan, seen[Dot1Q].type) == (30, 0x0800)
        expected = packet.copy()
        expected.ttl -= 1
        assert bytes(seen[Dot1Q].payload).startswith(bytes(expected)), "checksum and all"


@pytest.mark.parametrize(
    "packet",
    [
        v6(HOST6[TAGGED], hlim=2, tc=0xB9, fl=0x12345) / UDP(sport=1, dport=2) / DATA,
        v6(HOST6[TAGGED]) / IPv6ExtHdrHopByHop(options=PadN(optdata=bytes(200))) / TCP() / DATA,
        v6(HOST6[TAGGED]) / IPv6ExtHdrFragment(offset=9, m=1, id=5, nh=60) / DATA,
        v6(HOST6[TAGGED]) / IPv6ExtHdrFragment(m=1, id=5) / IPv6ExtHdrDestOpt() / UDP() / DATA,
        v6(HOST6[TAGGED], nh=59),
        v6(HOST6[TAGGED], nh=135) / DATA,
    ],
)
def test_forwarding_v6(router: Dut, packet: Packet) -> None:
    seen = the_frame(router.send(*frame(LAN, packet)), TAGGED)
    expected = packet.copy()
    expected.hlim -= 1
    assert seen[Dot1Q].type == 0x86DD
    assert bytes(seen[Dot1Q].payload) == bytes(expected)


def test_tags_come_off(router: Dut) -> None:
    packet = IP(src=HOST4[TAGGED], dst=HOST4[LAN]) / ICMP() / DATA
    seen = the_frame(router.send(*frame(TAGGED, packet)), LAN)
    assert (seen.type, seen[IP].ttl) == (0x0800, 63)


def test_the_longest_prefix_wins(router: Dut) -> None:
    router.write([
        route("0.0.0.0/0", WAN, HOST4[WAN]), route(f"{REMOTE4}/32", TAGGED, HOST4[TAGGED]),
        route("::/0", WAN, HOST6[WAN]), route(f"{REMOTE6}/128", TAGGED, HOST6[TAGGED]),
    ])  # fmt: skip
    the_frame(router.send(*frame(LAN, v4() / DATA)), TAGGED)
    the_frame(router.send(*frame(LAN, v6() / DATA)), TAGGED)
    the_frame(router.send(*frame(LAN, v4("10.9.0.6") / DATA)), WAN)
    the_frame(router.send(*frame(LAN, v4("8.8.8.8") / DATA)), WAN)
    the_frame(router.send(*frame(LAN, v6("2001:db8:77::1") / DATA)), WAN)


@pytest.mark.parametrize("packet", [v6("2001:db8:2::99") / DATA, v4("192.0.2.99") / DATA])
def test_glean(router: Dut, packet: Packet) -> None:
    port, octets = frame(LAN, packet)
    punt = the_punt(router.send(port, octets))
    assert (punt.reason, punt.if_id, punt.frame) == (Reason.GLEAN, WAN, octets)


@pytest.mark.parametrize(
    ("packet", "reason"),
    [
        (v4(ttl=1) / DATA, Reason.TTL_EXPIRED),
        (v4(ttl=0) / DATA, Reason.TTL_EXPIRED),
        (v6(hlim=1) / DATA, Reason.TTL_EXPIRED),
        (v4("172.16.0.1") / DATA, Reason.NO_ROUTE),
        (v6("2001:db8:ffff::1") / DATA, Reason.NO_ROUTE),
    ],
)
def test_icmp_is_the_hosts_business(router: Dut, packet: Packet, reason: Reason) -> None:
    port, octets = frame(LAN, packet)
    punt = the_punt(router.send(port, octets))
    assert (punt.reason, punt.frame) == (reason, octets)


@pytest.mark.parametrize(
    "packet",
    [
        v4("127.0.0.1") / DATA, v4("240.0.0.1") / DATA, v4("169.254.0.1") / DATA,
        IP(src="169.254.0.9", dst=REMOTE4) / DATA, v6("fe80::1") / DATA, v6("::1") / DATA,
        IPv6(src="fe80::2", dst=REMOTE6) / DATA, v6("ff0e::1") / DATA,
    ],
)  # fmt: skip
def test_never_forwarded(router: Dut, packet: Packet) -> None:
    router.write([route("0.0.0.0/0", WAN, HOST4[WAN]), route("::/0", WAN, HOST6[WAN])])
    assert dropped(router, frame(LAN, packet)) == Reason.ROUTE_DISCARD


def test_discard_route_v6(router: Dut) -> None:
    router.write([entry("route_v6", dict(route("2001:db8:66::/48", LAN).match), "route_discard")])
    assert dropped(router, frame(LAN, v6("2001:db8:66::1") / DATA)) == Reason.ROUTE_DISCARD


# -- the SPD -----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("packet", "ethertype"),
    [
        (v4(ttl=9, tos=0x2E) / UDP(sport=1, dport=2) / DATA, 0x0800),
        (v4(ttl=9, options=[IPOption_NOP()] * 4) / TCP() / DATA, 0x0800),
        (v6(hlim=9) / UDP(sport=1, dport=2) / DATA, 0x86DD),
        (v6(hlim=9) / IPv6ExtHdrHopByHop(options=PadN()) / TCP() / DATA, 0x86DD),
    ],
    ids=["v4", "v4 options", "v6", "v6 extensions"],
)
@pytest.mark.parametrize("tagged", [False, True])
def test_protect(router: Dut, packet: Packet, ethertype: int, tagged: bool) -> None:
    router.write([
        spd(4, "spd_protect", {"sa_index": 4095}, dst="10.9.0.0/16"),
        spd(6, "spd_protect", {"sa_index": 4095}, dst="2001:db8:9::/48"),
        sa_out(4095, epoch=0xE1E2E3E4, df_policy=DfPolicy.SET),
    ])  # fmt: skip
    ingress = TAGGED if tagged else LAN
    header, inner = the_request(router.send(*frame(ingress, packet)))
    assert header == CryptoHeader(
        Operation.ENCRYPT,
        sa_index=4095,
        mtu=MTU,
        df_policy=DfPolicy.SET,
        ethertype=ethertype,
        ingress_if=ingress,
        egress_if=WAN,
        epoch=0xE1E2E3E4,
    )
    expected = packet.copy()
    if packet.version == 4:
        expected.ttl = 8
    else:
        expected.hlim = 8
    assert bytes(inner) == bytes(expected), "the inner packet has lost its hop already"
    assert list(router.hits("sa_out").values()) == [1]
    assert sum(router.hits(f"spd_out_v{packet.version}").values()) == 1


def test_acquire_shows_the_packet_as_it_came(router: Dut) -> None:
    router.write([spd(6, "spd_acquire", {"policy_entry": 0xFFFFFFFF})])
    port, octets = frame(LAN, v6() / DATA)
    punt = the_punt(router.send(port, octets))
    assert (punt.reason, punt.value, punt.if_id) == (Reason.ACQUIRE, 0xFFFFFFFF, WAN)
    assert (punt.ingress_port, punt.frame) == (LAN, octets)


def _verdict(dut: Dut, packet: Packet) -> str:
    outputs = dut.send(*frame(LAN, packet))
    if not outputs:
        return "discard"
    return "protect" if outputs[0].port == 500 else "bypass"  # type: ignore[union-attr]


PORTS: list[tuple[dict[str, Any], Packet, bool]] = [
    ({"protocol": 6, "dst_port": 80}, TCP(sport=9, dport=80), True),
    ({"protocol": 6, "dst_port": 80}, TCP(sport=80, dport=9), False),
    ({"protocol": 6, "src_port": 80}, TCP(sport=80, dport=9), True),
    ({"protocol": 6}, TCP(sport=80, dport=9), True),
    ({"protocol": 6}, UDP(sport=80, dport=9), False),
    ({"protocol": 17, "dst_port": 53}, UDP(sport=9, dport=53), True),
    ({"protocol": 17, "src_port": 53}, UDP(sport=53, dport=9), True),
    ({"protocol": 132, "dst_port": 38412}, SCTP(sport=9, dport=38412), True),
    ({"protocol": 50}, ESP(spi=1, seq=1, data=bytes(20)), True),
    ({"protocol": 51}, AH(nh=4, payloadlen=4, spi=1, seq=1, icv=bytes(12)), True),
    ({"protocol": 6, "dst_port": 80}, UDP(sport=9, dport=80), False),
]


@pytest.mark.parametrize(("fields", "payload", "hit"), PORTS)
@pytest.mark.parametrize("make", [v4, v6])
def test_selectors(
    router: Dut, make: Any, fields: dict[str, Any], payload: Packet, hit: bool
) -> None:
    version = make().version
    router.write([spd(version, "spd_protect", {"sa_index": 1}, **fields), sa_out(1)])
    packet = make() / payload / DATA
    assert _verdict(router, packet) == ("protect" if hit else "bypass")
    if version == 6:
        packet = make() / IPv6ExtHdrHopByHop() / IPv6ExtHdrDestOpt() / payload / DATA
        assert _verdict(router, packet) == ("protect" if hit else "bypass")


def test_selectors_icmp(router: Dut) -> None:
    router.write([
        spd(4, "spd_protect", {"sa_index": 1}, protocol=1, dst_port=0x0800),
        spd(6, "spd_protect", {"sa_index": 1}, protocol=58, dst_port=0x8000),
        sa_out(1),
    ])  # fmt: skip
    assert _verdict(router, v4() / ICMP(type=8, code=0)) == "protect"
    assert _verdict(router, v4() / ICMP(type=8, code=1)) == "bypass"
    assert _verdict(router, v4() / ICMP(type=0, code=0)) == "bypass"
    assert _verdict(router, v6() / ICMPv6EchoRequest()) == "protect"


def test_selectors_and_fragments(router: Dut) -> None:
    """Ports are in the first fragment only; selectors without ports take them all."""
    router.write([spd(4, "spd_protect", {"sa_index": 1}, protocol=17, dst_port=53), sa_out(1),
                  spd(6, "spd_protect", {"sa_index": 1}, protocol=17, dst_port=53)])  # fmt: skip
    dns = UDP(sport=9, dport=53)
    later = Raw(bytes(dns) + bytes(8))
    first6 = IPv6ExtHdrFragment(m=1, offset=0)
    later6 = IPv6ExtHdrFragment(m=0, offset=8, nh=17)
    assert _verdict(router, v4(flags="MF") / dns / DATA) == "protect"
    assert _verdict(router, v4(frag=8, proto=17) / later) == "bypass"
    assert _verdict(router, v6() / first6 / dns / DATA) == "protect"
    assert _verdict(router, v6() / later6 / later) == "bypass"
    router.write([spd(4, "spd_discard", priority=5, protocol=17),
                  spd(6, "spd_discard", priority=5, protocol=17)])  # fmt: skip
    assert _verdict(router, v4(frag=8, proto=17) / later) == "discard"
    assert _verdict(router, v6() / later6 / later) == "discard"


def test_short_packets_do_not_borrow_ports_from_padding(router: Dut) -> None:
    router.write([spd(4, "spd_protect", {"sa_index": 1}, protocol=17, dst_port=0), sa_out(1)])
    router.write([spd(4, "spd_discard", priority=2, protocol=17, dst_port=0xABCD)])
    port, octets = frame(LAN, v4(proto=17) / Raw(b"\x12\x34"))
    (sent,) = router.send(port, octets + b"\xab\xcd" + bytes(22))
    assert sent.port == 500  # type: ignore[union-attr]


def test_priorities_overlap(router: Dut) -> None:
    router.write([
        spd(4, "spd_protect", {"sa_index": 1}, priority=10, dst="10.9.0.0/16"),
        spd(4, "spd_discard", priority=20, dst="10.9.0.0/24"),
        spd(4, "spd_bypass", priority=30, dst=f"{REMOTE4}/32"),
        sa_out(1),
    ])  # fmt: skip
    assert _verdict(router, v4() / DATA) == "bypass"
    assert _verdict(router, v4("10.9.0.6") / DATA) == "discard"
    assert _verdict(router, v4("10.9.1.6") / DATA) == "protect"
    hits = {e.action: n for e, n in router.hits("spd_out_v4").items()}
    assert hits == {"spd_protect": 1, "spd_discard": 1, "spd_bypass": 1}


def test_a_policy_belongs_to_an_interface(router: Dut) -> None:
    router.write([spd(4, "spd_discard")])
    the_frame(router.send(*frame(LAN, v4(HOST4[TAGGED]) / DATA)), TAGGED)
    assert _verdict(router, v4() / DATA) == "discard"
    router.write([interface_out(TAGGED, spd_policy=8)], Kind.MODIFY)
    the_frame(router.send(*frame(LAN, v4(HOST4[TAGGED]) / DATA)), TAGGED)
    router.write([spd(4, "spd_discard", spd_policy=8)])
    assert dropped(router, frame(LAN, v4(HOST4[TAGGED]) / DATA)) == Reason.SPD_DISCARD


# -- encrypted packets -------------------------------------------------------------------------

ENCRYPTED = CryptoHeader(
    Operation.ENCRYPTED, sa_index=1, epoch=1, ingress_if=LAN, egress_if=WAN, spi=7, sequence=1
)
OUTER = {
    "v4": IP(src=ROUTER4[WAN], dst=REMOTE4, ttl=1, proto=50) / ESP(spi=7, seq=1, data=bytes(60)),
    "v4 UDP": IP(src=ROUTER4[WAN], dst=REMOTE4) / UDP(sport=4500, dport=4500) / DATA,
    "v4 fragment": IP(src=ROUTER4[WAN], dst=REMOTE4, frag=9, proto=50) / DATA,
    "v6": IPv6(src=ROUTER6[WAN], dst=REMOTE6, hlim=1) / AH(spi=7, seq=1, icv=bytes(12)) / DATA,
}


@pytest.mark.parametrize("name", OUTER)
def test_encrypted_packets_are_routed_and_nothing_else(router: Dut, name: str) -> None:
    packet = OUTER[name]
    router.write([spd(4, "spd_discard"), spd(6, "spd_discard")])
    header = replace(ENCRYPTED, ethertype=0x86DD if packet.version == 6 else 0x0800)
    seen = the_frame(router.send(*result(header, packet)), WAN)
    assert (seen.src, seen.dst) == (ROUTER_MAC[WAN], HOST_MAC[WAN])
    assert bytes(seen.payload) == bytes(packet), "not even the TTL"


def test_encrypted_packets_follow_the_outer_route(router: Dut) -> None:
    """Not the interface that the SPD looked at; VLAN tag and all."""
    packet = IP(src=ROUTER4[WAN], dst=HOST4[TAGGED], proto=50) / DATA
    seen = the_frame(router.send(*result(ENCRYPTED, packet)), TAGGED)
    assert seen[Dot1Q].vlan == 30


def test_a_packet_in_several_pieces(router: Dut) -> None:
    pieces = [IP(src=ROUTER4[WAN], dst=REMOTE4, id=9, proto=50, frag=n, flags="MF") / DATA
              for n in (0, 5, 10)]  # fmt: skip
    outputs = router.send_all([result(ENCRYPTED, piece) for piece in pieces])
    assert [o.frame[14:] for o in outputs] == [bytes(piece) for piece in pieces]


def test_encrypted_packets_without_a_way(router: Dut) -> None:
    packet = IP(src=ROUTER4[WAN], dst="192.0.2.77", proto=50) / DATA
    punt = the_punt(router.send(*result(ENCRYPTED, packet)))
    assert (punt.reason, punt.operation) == (Reason.GLEAN, Operation.ENCRYPTED)
    assert (punt.if_id, punt.frame[14:]) == (WAN, bytes(packet))
    packet = IP(src=ROUTER4[WAN], dst="172.16.0.1", proto=50) / DATA
    assert the_punt(router.send(*result(ENCRYPTED, packet))).reason == Reason.NO_ROUTE


def test_policy_numbers_are_whole(router: Dut) -> None:
    router.write([spd(4, "spd_discard", spd_policy=POLICY + 256)])
    assert _verdict(router, v4() / DATA) == "bypass"
