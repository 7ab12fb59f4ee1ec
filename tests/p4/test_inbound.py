"""From the wire: local or not, the SAD, NAT-T, what has to be IPsec, and what is no IP at all."""

from __future__ import annotations

from typing import Any

import pytest
from ipsecplane.targets.crypto_header import CryptoHeader, Operation
from ipsecplane.targets.reasons import Reason
from ipsecplane.targets.tables import Ternary, entry
from scapy.layers.inet import ICMP, IP, TCP, UDP, IPOption_NOP, IPOption_Router_Alert
from scapy.layers.inet6 import (
    ICMPv6EchoRequest,
    ICMPv6ND_NS,
    IPv6,
    IPv6ExtHdrDestOpt,
    IPv6ExtHdrFragment,
    IPv6ExtHdrHopByHop,
    IPv6ExtHdrRouting,
    PadN,
)
from scapy.layers.ipsec import AH, ESP
from scapy.layers.l2 import Dot1Q, Ether
from scapy.packet import Packet, Raw

from tests.p4.duts import Dut
from tests.p4.world import (
    HOST4,
    HOST6,
    HOST_MAC,
    LAN,
    POLICY,
    REMOTE4,
    REMOTE6,
    ROUTER4,
    ROUTER6,
    ROUTER_MAC,
    TAGGED,
    VLAN,
    WAN,
    frame,
    local,
    mac,
    sa_in,
    sad,
    selector,
    the_frame,
    the_punt,
    the_request,
)

SPI = 0xABCD0123
DATA = Raw(bytes(range(48)))


def v4(**fields: Any) -> Packet:
    return IP(src=REMOTE4, dst=ROUTER4[WAN], **fields)


def v6(**fields: Any) -> Packet:
    return IPv6(src=REMOTE6, dst=ROUTER6[WAN], **fields)


def esp(seq: int = 7) -> Packet:
    return ESP(spi=SPI, seq=seq, data=bytes(DATA))


def ah(seq: int = 7) -> Packet:
    return AH(nh=4, payloadlen=4, spi=SPI, seq=seq, icv=bytes(12)) / DATA


def in_udp(payload: Packet, sport: int = 4500) -> Packet:
    return UDP(sport=sport, dport=4500, chksum=0) / payload


def dropped(dut: Dut, packet: tuple[int, bytes]) -> Reason:
    """The one reason that a packet is dropped for."""
    before = dut.reasons()
    assert dut.send(*packet) == []
    (reason,) = (dut.reasons() - before).elements()
    assert not reason.is_punt
    return reason


# -- to the SAD --------------------------------------------------------------------------------

OPTIONS = [IPOption_NOP(), IPOption_Router_Alert()]
SA_PACKETS = {
    "v4 ESP": (v4() / esp(), 50, 0),
    "v4 AH": (v4() / ah(), 51, 0),
    "v4 ESP in UDP": (v4() / in_udp(esp()), 50, 1),
    "v4 options ESP": (v4(options=OPTIONS) / esp(), 50, 0),
    "v4 all options ESP": (v4(options=[IPOption_NOP()] * 40) / esp(), 50, 0),
    "v6 ESP": (v6() / esp(), 50, 0),
    "v6 AH": (v6() / ah(), 51, 0),
    "v6 ESP in UDP": (v6() / in_udp(esp(), 33333), 50, 1),
    "v6 hop-by-hop ESP": (v6() / IPv6ExtHdrHopByHop(options=PadN()) / esp(), 50, 0),
    "v6 destination AH": (v6() / IPv6ExtHdrDestOpt(options=PadN(optdata=bytes(20))) / ah(), 51, 0),
    "v6 chain ESP": (
        v6()
        / IPv6ExtHdrHopByHop(options=PadN())
        / IPv6ExtHdrDestOpt(options=PadN())
        / IPv6ExtHdrRouting(type=4, segleft=0, addresses=[ROUTER6[WAN]])
        / IPv6ExtHdrDestOpt(options=PadN())
        / esp(),
        50,
        0,
    ),
    "v6 atomic fragment ESP": (v6() / IPv6ExtHdrFragment(offset=0, m=0, id=9) / esp(), 50, 0),
}


@pytest.mark.parametrize("name", SA_PACKETS)
def test_sad_hit_asks_for_decryption(router: Dut, name: str) -> None:
    packet, protocol, udp_encap = SA_PACKETS[name]
    router.write([
        sad(ROUTER4[WAN], SPI, 5, protocol),
        sad(ROUTER6[WAN], SPI, 5, protocol),
        sa_in(5, epoch=0xE0E1E2E3, window=64, udp_encap=udp_encap),
    ])  # fmt: skip
    port, octets = frame(WAN, packet)
    header, inner = the_request(router.send(port, octets))
    assert header == CryptoHeader(
        Operation.DECRYPT,
        sa_index=5,
        egress_if=packet[UDP].sport if udp_encap else 0,
        ethertype=0x86DD if packet.version == 6 else 0x0800,
        ingress_if=WAN,
        epoch=0xE0E1E2E3,
        spi=SPI,
        sequence=7,
    )
    assert bytes(inner) == octets[14:], "the packet itself is not touched"
    hit = router.hits(f"sad_v{packet.version}")
    assert sum(hit.values()) == 1


@pytest.mark.parametrize("name", SA_PACKETS)
def test_sad_miss_names_the_spi(router: Dut, name: str) -> None:
    packet, protocol, _ = SA_PACKETS[name]
    other = 101 - protocol
    router.write([
        sad(ROUTER4[WAN], SPI, 5, other), sad(ROUTER4[LAN], SPI, 5, protocol),
        sad(ROUTER4[WAN], SPI + 1, 5, protocol), sa_in(5),
    ])  # fmt: skip
    port, octets = frame(WAN, packet)
    punt = the_punt(router.send(port, octets))
    assert (punt.reason, punt.value, punt.protocol) == (Reason.INVALID_SPI, SPI, protocol)
    assert (punt.if_id, punt.ingress_port, punt.sa_index) == (WAN, WAN, 0)
    assert punt.frame == octets


def test_a_tunnel_packet_may_come_in_tagged(router: Dut) -> None:
    router.write([sad(ROUTER4[WAN], SPI, 5), sa_in(5)])
    header, inner = the_request(router.send(*frame(TAGGED, v4() / esp())))
    assert header.ingress_if == TAGGED
    assert bytes(inner) == bytes(v4() / esp())


@pytest.mark.parametrize(
    ("packet", "udp_encap"), [(v4() / esp(), 1), (v4() / in_udp(esp()), 0)], ids=["bare", "in UDP"]
)
def test_wrong_encapsulation(router: Dut, packet: Packet, udp_encap: int) -> None:
    router.write([sad(ROUTER4[WAN], SPI, 5), sa_in(5, udp_encap=udp_encap)])
    assert dropped(router, frame(WAN, packet)) == Reason.WRONG_ENCAPSULATION


@pytest.mark.parametrize(
    "packet",
    [
        IP(src=HOST4[LAN], dst=REMOTE4) / esp(),
        IP(src=HOST4[LAN], dst=REMOTE4) / ah(),
        IP(src=HOST4[LAN], dst=REMOTE4) / in_udp(esp()),
        IP(src=HOST4[LAN], dst=REMOTE4) / in_udp(Raw(b"\xff")),
        IPv6(src=HOST6[LAN], dst=REMOTE6) / esp(),
    ],
    ids=["ESP", "AH", "ESP in UDP", "keepalive", "v6 ESP"],
)
def test_other_peoples_ipsec_is_forwarded(router: Dut, packet: Packet) -> None:
    seen = the_frame(router.send(*frame(LAN, packet)), WAN)
    layer = IPv6 if packet.version == 6 else IP
    assert bytes(seen[layer].payload) == bytes(packet.payload)


@pytest.mark.parametrize(
    "packet",
    [v4(proto=50) / Raw(bytes(7)), v4(proto=51) / Raw(bytes(11)), v6(nh=50) / Raw(bytes(4))],
    ids=["ESP", "AH", "v6 ESP"],
)
@pytest.mark.parametrize("padded", [False, True])
def test_runts_have_no_spi(router: Dut, packet: Packet, padded: bool) -> None:
    """Nor do they find one in the padding of a short frame."""
    port, octets = frame(WAN, packet)
    octets = octets.ljust(60, b"\0") if padded else octets
    assert dropped(router, (port, octets)) == Reason.PARSER_ERROR


# -- NAT traversal, RFC 3948 -------------------------------------------------------------------


@pytest.mark.parametrize("packet", [v4(), v6()], ids=["v4", "v6"])
@pytest.mark.parametrize("padded", [False, True])
def test_natt_keepalive(router: Dut, packet: Packet, padded: bool) -> None:
    port, octets = frame(WAN, packet / in_udp(Raw(b"\xff")))
    octets = octets.ljust(60, b"\0") if padded else octets
    assert dropped(router, (port, octets)) == Reason.NAT_KEEPALIVE


@pytest.mark.parametrize("packet", [v4(), v6()], ids=["v4", "v6"])
@pytest.mark.parametrize(
    "payload",
    [bytes(4) + bytes(DATA), bytes(8), b"", b"\0", b"\x01", b"\xff\xff", b"\x01\x02\x03\x04\x05"],
    ids=["IKE", "marker", "empty", "zero", "one", "two", "five"],
)
def test_natt_what_is_no_esp_is_the_hosts(router: Dut, packet: Packet, payload: bytes) -> None:
    port, octets = frame(WAN, packet / in_udp(Raw(payload)))
    for short in (octets, octets.ljust(60, b"\0")):
        punt = the_punt(router.send(port, short))
        assert (punt.reason, punt.protocol) == (Reason.LOCAL, 17)
        assert punt.frame == short


def test_natt_only_towards_4500(router: Dut) -> None:
    packet = v4() / UDP(sport=4500, dport=4501) / esp()
    assert the_punt(router.send(*frame(WAN, packet))).reason == Reason.LOCAL


# -- fragments ---------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "packet",
    [
        v4(flags="MF") / esp(),
        v4(flags="MF") / in_udp(esp()),
        v4(frag=3, proto=50) / DATA,
        v4(frag=100, proto=17, options=OPTIONS) / DATA,
        v6() / IPv6ExtHdrFragment(offset=0, m=1, nh=50) / esp(),
        v6() / IPv6ExtHdrFragment(offset=9, m=0, nh=50) / DATA,
        v6() / IPv6ExtHdrHopByHop() / IPv6ExtHdrFragment(offset=9, m=1, nh=17) / DATA,
        v4(flags="MF") / ICMP() / DATA,
    ],
)
def test_local_fragments_are_put_together_by_the_host(router: Dut, packet: Packet) -> None:
    router.write([sad(ROUTER4[WAN], SPI, 5), sad(ROUTER6[WAN], SPI, 5), sa_in(5)])
    port, octets = frame(WAN, packet)
    punt = the_punt(router.send(port, octets))
    assert (punt.reason, punt.operation, punt.frame) == (Reason.REASSEMBLE, 0, octets)


# -- what has to come protected ----------------------------------------------------------------


@pytest.fixture
def strict(router: Dut) -> Dut:
    """All between the remote networks and this router's has to come in IPsec on the WAN."""
    for n, prefix in ((4, "10.9.0.0/16"), (6, "2001:db8:9::/48")):
        match = selector(spd_policy=POLICY, src=prefix)
        router.write([entry(f"cleartext_v{n}", match, "require_ipsec", priority=10)])
    return router


@pytest.mark.parametrize("dst", [ROUTER4[WAN], HOST4[LAN]], ids=["local", "transit"])
def test_cleartext_check_v4(strict: Dut, dst: str) -> None:
    port, octets = frame(WAN, IP(src=REMOTE4, dst=dst) / ICMP() / DATA)
    punt = the_punt(strict.send(port, octets))
    assert (punt.reason, punt.if_id, punt.frame) == (Reason.NOT_IPSEC, WAN, octets)


@pytest.mark.parametrize("dst", [ROUTER6[WAN], HOST6[LAN]], ids=["local", "transit"])
def test_cleartext_check_v6(strict: Dut, dst: str) -> None:
    packet = IPv6(src=REMOTE6, dst=dst) / ICMPv6EchoRequest()
    assert the_punt(strict.send(*frame(WAN, packet))).reason == Reason.NOT_IPSEC


@pytest.mark.parametrize(
    "packet",
    [
        v4() / UDP(sport=500, dport=500) / DATA,
        v4() / UDP(sport=4500, dport=4500) / (bytes(4) + bytes(DATA)),
        v6() / UDP(sport=500, dport=500) / DATA,
    ],
    ids=["500", "4500", "v6"],
)
def test_cleartext_check_lets_ike_in(strict: Dut, packet: Packet) -> None:
    assert the_punt(strict.send(*frame(WAN, packet))).reason == Reason.LOCAL


def test_cleartext_check_is_for_ike_to_us_only(strict: Dut) -> None:
    packet = IP(src=REMOTE4, dst=HOST4[LAN]) / UDP(sport=500, dport=500) / DATA
    assert the_punt(strict.send(*frame(WAN, packet))).reason == Reason.NOT_IPSEC


def test_cleartext_check_knows_priorities_ports_and_interfaces(strict: Dut) -> None:
    match = selector(spd_policy=POLICY, src=f"{REMOTE4}/32", protocol=6, dst_port=22)
    strict.write([entry("cleartext_v4", match, "permit", priority=20)])
    ssh = IP(src=REMOTE4, dst=HOST4[LAN]) / TCP(sport=999, dport=22)
    the_frame(strict.send(*frame(WAN, ssh)), LAN)
    web = IP(src=REMOTE4, dst=HOST4[LAN]) / TCP(sport=999, dport=80)
    assert the_punt(strict.send(*frame(WAN, web))).reason == Reason.NOT_IPSEC
    the_frame(strict.send(*frame(TAGGED, web)), LAN)  # no policy there


def test_cleartext_check_takes_esp_for_what_it_is(strict: Dut) -> None:
    strict.write([sad(ROUTER4[WAN], SPI, 5), sa_in(5)])
    header, _ = the_request(strict.send(*frame(WAN, v4() / esp())))
    assert header.operation == Operation.DECRYPT


# -- layer 2 and IP headers --------------------------------------------------------------------


def test_vlans_are_interfaces(router: Dut) -> None:
    packet = IP(src=HOST4[TAGGED], dst=ROUTER4[TAGGED]) / ICMP()
    addresses: dict[str, Any] = {"src": HOST_MAC[TAGGED], "dst": ROUTER_MAC[TAGGED]}
    assert VLAN[TAGGED] == 30
    for octets in (bytes(Ether(**addresses) / packet),
                   bytes(Ether(**addresses) / Dot1Q(vlan=31) / packet)):  # fmt: skip
        assert dropped(router, (TAGGED, octets)) == Reason.UNKNOWN_INTERFACE
    # A priority tag (VLAN 0) is untagged.
    octets = bytes(Ether(src=HOST_MAC[LAN], dst=ROUTER_MAC[LAN]) / Dot1Q(vlan=0, prio=5) / packet)
    assert the_punt(router.send(LAN, octets)).if_id == LAN


def test_double_tags_and_arp_over_vlan(router: Dut) -> None:
    ethernet = Ether(src=HOST_MAC[TAGGED], dst=ROUTER_MAC[TAGGED]) / Dot1Q(vlan=30)
    twice = (TAGGED, bytes(ethernet / Dot1Q(vlan=31) / IP()))
    assert dropped(router, twice) == Reason.UNSUPPORTED_ETHERTYPE
    octets = bytes(ethernet)[:-2] + b"\x08\x06" + bytes(28)
    punt = the_punt(router.send(TAGGED, octets))
    assert (punt.reason, punt.if_id, punt.frame) == (Reason.ARP, TAGGED, octets)


@pytest.mark.parametrize("octets", [b"", b"\1" * 13], ids=["nothing", "13 octets"])
def test_frames_without_a_header(router: Dut, octets: bytes) -> None:
    if octets or router.name != "bmv2":  # BMv2's port takes no empty packet
        assert dropped(router, (LAN, octets)) == Reason.PARSER_ERROR


def test_front_ports_do_not_speak_to_the_accelerator(router: Dut) -> None:
    header = CryptoHeader(Operation.DECRYPTED, sa_index=5, epoch=1)
    ethernet = Ether(src=HOST_MAC[WAN], dst=ROUTER_MAC[WAN], type=0x88B5)
    octets = bytes(ethernet) + header.encode() + bytes(IP(src=REMOTE4, dst=HOST4[LAN]) / DATA)
    assert dropped(router, (WAN, octets)) == Reason.UNSUPPORTED_ETHERTYPE


TRANSIT = IP(src=HOST4[LAN], dst=REMOTE4)
TRANSIT6 = IPv6(src=HOST6[LAN], dst=REMOTE6)


def _with(packet: Packet, **fields: Any) -> Packet:
    changed = packet.copy()
    for name, value in fields.items():
        setattr(changed, name, value)
    return changed / UDP(sport=1, dport=2) / DATA


@pytest.mark.parametrize(
    "packet",
    [
        _with(TRANSIT, version=6),
        _with(TRANSIT, ihl=4),
        _with(TRANSIT, ihl=6, len=22),
        _with(TRANSIT, len=19),
        _with(TRANSIT, len=20 + 8 + 48 + 1),
        _with(TRANSIT, len=0),
        _with(TRANSIT, src="224.0.0.5"),
        _with(TRANSIT, src="255.255.255.255"),
        _with(TRANSIT, src="127.0.0.1"),
        _with(TRANSIT6, version=4),
        _with(TRANSIT6, plen=8 + 48 + 1),
        _with(TRANSIT6, src="ff02::1"),
        _with(TRANSIT6, src="::1"),
        IPv6(src=HOST6[LAN], dst=REMOTE6, plen=0, nh=0) / IPv6ExtHdrHopByHop() / DATA,  # jumbogram
        IPv6(src=HOST6[LAN], dst=REMOTE6, plen=16) / IPv6ExtHdrDestOpt(len=3) / Raw(bytes(64)),
    ],
)
def test_bad_ip_headers(router: Dut, packet: Packet) -> None:
    port, octets = frame(LAN, packet)
    octets = octets[:12] + (b"\x86\xdd" if packet.haslayer(IPv6) else b"\x08\x00") + octets[14:]
    assert dropped(router, (port, octets)) == Reason.BAD_IP_HEADER


@pytest.mark.parametrize(
    "packet",
    [
        _with(TRANSIT, chksum=1),
        IP(src=HOST4[LAN], dst=REMOTE4, options=OPTIONS, chksum=1) / DATA,
    ],
    ids=["plain", "options"],
)
def test_bad_checksums(router: Dut, packet: Packet) -> None:
    assert dropped(router, frame(LAN, packet)) == Reason.BAD_CHECKSUM


@pytest.mark.parametrize("if_id", [LAN, TAGGED])
def test_lengths_are_exact(router: Dut, if_id: int) -> None:
    """One octet more than the frame has is too much, tag or not."""
    for extra, fine in ((0, True), (1, False)):
        v4_packet = IP(src=HOST4[if_id], dst=REMOTE4, len=20 + 48 + extra) / DATA
        v6_packet = IPv6(src=HOST6[if_id], dst=REMOTE6, plen=48 + extra) / DATA
        for packet in (v4_packet, v6_packet):
            if fine:
                the_frame(router.send(*frame(if_id, packet)), WAN)
            else:
                assert dropped(router, frame(if_id, packet)) == Reason.BAD_IP_HEADER


def test_icmpv6_in_ipv4_is_nothing_special(router: Dut) -> None:
    packet = IP(src=HOST4[LAN], dst=ROUTER4[LAN], proto=58, ttl=255) / ICMPv6ND_NS()
    assert the_punt(router.send(*frame(LAN, packet))).reason == Reason.LOCAL


def test_the_first_reason_stands(router: Dut) -> None:
    """Local packets, had they passed the first checks."""
    router.write([sad(ROUTER4[WAN], SPI, 5), sa_in(5)])
    assert dropped(router, frame(WAN, v4() / esp(), "02:99:99:99:99:99")) == Reason.NOT_MY_MAC
    assert dropped(router, frame(WAN, v4(chksum=1) / esp())) == Reason.BAD_CHECKSUM
    assert dropped(router, frame(WAN, v4(version=5) / ICMP())) == Reason.BAD_IP_HEADER
    assert dropped(router, (9, frame(WAN, v4() / esp())[1])) == Reason.UNKNOWN_INTERFACE


def test_truncated_headers(router: Dut) -> None:
    for packet in (IP(src=HOST4[LAN], dst=REMOTE4, options=OPTIONS) / DATA, TRANSIT6 / DATA):
        port, octets = frame(LAN, packet)
        for length in (14, 20, 33):
            reason = dropped(router, (port, octets[:length]))
            assert reason in (Reason.PARSER_ERROR, Reason.BAD_IP_HEADER)
    packet = TRANSIT6 / IPv6ExtHdrHopByHop(len=9) / Raw(bytes(64))  # claims 80 octets of 72
    assert dropped(router, frame(LAN, packet)) == Reason.PARSER_ERROR


def test_too_many_extension_headers(router: Dut) -> None:
    packet: Packet = TRANSIT6
    for _ in range(8):
        packet = packet / IPv6ExtHdrDestOpt(options=PadN())
    seen = the_frame(router.send(*frame(LAN, packet / DATA)), WAN)
    assert bytes(seen[IPv6].payload) == bytes((packet / DATA).payload)
    packet = packet / IPv6ExtHdrDestOpt(options=PadN()) / DATA
    assert dropped(router, frame(LAN, packet)) == Reason.PARSER_ERROR


# -- multicast, broadcast, neighbour discovery -------------------------------------------------


@pytest.mark.parametrize("dst", ["224.0.0.5", "255.255.255.255", "10.1.0.255"])
def test_multicast_and_broadcast_are_local_if_listed(router: Dut, dst: str) -> None:
    group = Ternary(mac("01:00:5e:00:00:00"), mac("ff:ff:ff:00:00:00"))
    router.write([entry("my_mac", {"if_id": LAN, "dst_mac": group}, "admit", priority=2)])
    packet = frame(LAN, IP(src=HOST4[LAN], dst=dst) / UDP() / DATA, "ff:ff:ff:ff:ff:ff")
    if dst != "10.1.0.255":
        assert dropped(router, packet) == Reason.ROUTE_DISCARD
    router.write([local(dst)])
    assert the_punt(router.send(*packet)).reason == Reason.LOCAL


def test_v6_multicast_is_local_if_listed(router: Dut) -> None:
    packet = frame(LAN, IPv6(src=HOST6[LAN], dst="ff02::9") / UDP() / DATA, "33:33:00:00:00:09")
    assert dropped(router, packet) == Reason.ROUTE_DISCARD
    router.write([local("ff02::9")])
    assert the_punt(router.send(*packet)).reason == Reason.LOCAL


@pytest.mark.parametrize("dst", ["ff02::1:ff00:1", ROUTER6[LAN]])
def test_neighbor_discovery(router: Dut, dst: str) -> None:
    solicitation = ICMPv6ND_NS(tgt=ROUTER6[LAN])
    near = frame(LAN, IPv6(src=HOST6[LAN], dst=dst, hlim=255) / solicitation)
    assert the_punt(router.send(*near)).reason == Reason.ND
    far = frame(LAN, IPv6(src=HOST6[LAN], dst=dst, hlim=254) / solicitation)
    assert dropped(router, far) == Reason.BAD_IP_HEADER


@pytest.mark.parametrize("icmp_type", range(132, 139))
def test_neighbor_discovery_types(router: Dut, icmp_type: int) -> None:
    payload = Raw(bytes([icmp_type, 0]) + bytes(22))
    packet = IPv6(src=HOST6[LAN], dst=ROUTER6[LAN], hlim=255, nh=58) / payload
    expected = Reason.ND if 133 <= icmp_type <= 137 else Reason.LOCAL
    assert the_punt(router.send(*frame(LAN, packet))).reason == expected


def test_icmpv6_that_is_no_neighbor_discovery(router: Dut) -> None:
    packet = IPv6(src=HOST6[LAN], dst=ROUTER6[LAN], hlim=255) / ICMPv6EchoRequest()
    assert the_punt(router.send(*frame(LAN, packet))).reason == Reason.LOCAL
    transit = IPv6(src=HOST6[LAN], dst=REMOTE6, hlim=255) / ICMPv6ND_NS(tgt=REMOTE6)
    the_frame(router.send(*frame(LAN, transit)), WAN)


def test_a_source_route_through_us_is_the_hosts(router: Dut) -> None:
    """With segments left, an ESP header behind a routing header is not ours to decrypt."""
    router.write([sad(ROUTER6[WAN], SPI, 5), sa_in(5)])
    packet = v6() / IPv6ExtHdrRouting(type=4, segleft=1, addresses=[HOST6[LAN]]) / esp()
    punt = the_punt(router.send(*frame(WAN, packet)))
    assert (punt.reason, punt.protocol) == (Reason.LOCAL, 43)


def test_addresses_are_matched_whole(router: Dut) -> None:
    router.write([sad(ROUTER6[WAN], SPI, 5), sa_in(5)])
    packet = IPv6(src=REMOTE6, dst=ROUTER6[LAN]) / esp()
    assert the_punt(router.send(*frame(WAN, packet))).reason == Reason.INVALID_SPI
