"""Packet-out: what the host sends, and how it says where it goes."""

from __future__ import annotations

import pytest
from ipsecplane.targets.crypto_header import Operation
from ipsecplane.targets.packetio import Mode
from ipsecplane.targets.reasons import Reason
from scapy.layers.inet import ICMP, IP, UDP
from scapy.layers.inet6 import ICMPv6EchoRequest, IPv6
from scapy.layers.ipsec import ESP
from scapy.layers.l2 import Dot1Q, Ether
from scapy.packet import Packet, Raw

from tests.p4.duts import Dut, Sent
from tests.p4.world import (
    HOST4,
    HOST6,
    HOST_MAC,
    LAN,
    REMOTE4,
    REMOTE6,
    ROUTER4,
    ROUTER6,
    ROUTER_MAC,
    TAGGED,
    WAN,
    frame,
    own,
    sa_in,
    sa_out,
    sad,
    spd,
    the_frame,
    the_punt,
    the_request,
)

DATA = Raw(b"0123456789abcdef")


@pytest.mark.parametrize(
    "octets",
    [
        b"no frame at all",
        bytes(Ether(dst=HOST_MAC[LAN]) / IP(ttl=1, chksum=1, src="1.2.3.4") / DATA),
        bytes(Ether(dst=HOST_MAC[LAN]) / Dot1Q(vlan=30) / IPv6(hlim=0, plen=9000) / DATA),
    ],
    ids=["octets", "bad IPv4", "bad IPv6"],
)
def test_direct_is_not_looked_at(bare: Dut, octets: bytes) -> None:
    before = bare.reasons()
    assert bare.packet_out(Mode.DIRECT, octets, LAN) == [Sent(LAN, octets)]
    assert bare.reasons() == before


@pytest.mark.parametrize("mode", [Mode.ROUTE, Mode.ROUTE_CLEAR])
def test_routed_packets_of_the_host_keep_their_ttl(router: Dut, mode: Mode) -> None:
    packet = IP(src=ROUTER4[TAGGED], dst=HOST4[TAGGED], ttl=1) / ICMP() / DATA
    seen = the_frame(router.packet_out(mode, own(packet)), TAGGED)
    assert (seen.src, seen.dst) == (ROUTER_MAC[TAGGED], HOST_MAC[TAGGED])
    assert seen[Dot1Q].vlan == 30
    assert bytes(seen[IP]) == bytes(packet)

    packet6 = IPv6(src=ROUTER6[LAN], dst=HOST6[LAN], hlim=1) / ICMPv6EchoRequest()
    seen = the_frame(router.packet_out(mode, own(packet6)), LAN)
    assert bytes(seen[IPv6]) == bytes(packet6)


@pytest.mark.parametrize(
    "packet",
    [
        IP(src=ROUTER4[WAN], dst=REMOTE4, ttl=7) / UDP(sport=500, dport=500) / DATA,
        IPv6(src=ROUTER6[WAN], dst=REMOTE6, hlim=7) / UDP(sport=500, dport=500) / DATA,
    ],
    ids=["v4", "v6"],
)
def test_the_spd_applies_to_route_and_not_to_route_clear(router: Dut, packet: Packet) -> None:
    router.write([
        spd(4, "spd_protect", {"sa_index": 3}),
        spd(6, "spd_protect", {"sa_index": 3}),
        sa_out(3),
    ])  # fmt: skip
    header, inner = the_request(router.packet_out(Mode.ROUTE, own(packet)))
    assert (header.operation, header.sa_index, header.ingress_if) == (Operation.ENCRYPT, 3, 0)
    assert bytes(inner) == bytes(packet)
    seen = the_frame(router.packet_out(Mode.ROUTE_CLEAR, own(packet)), WAN)
    assert bytes(seen.payload) == bytes(packet)


@pytest.mark.parametrize("mode", [Mode.ROUTE, Mode.ROUTE_CLEAR])
def test_the_hosts_packets_do_not_turn_back(router: Dut, mode: Mode) -> None:
    """Not even those to the router itself, which the host should have kept."""
    packet = own(IP(src=ROUTER4[LAN], dst=ROUTER4[TAGGED]) / ICMP())
    punt = the_punt(router.packet_out(mode, packet))
    assert (punt.reason, punt.if_id) == (Reason.GLEAN, TAGGED)


def test_received_is_as_if_it_had_come_in(router: Dut) -> None:
    router.write([sad(ROUTER4[WAN], 9, 5), sa_in(5, epoch=4)])
    port, octets = frame(WAN, IP(src=REMOTE4, dst=ROUTER4[WAN]) / ESP(spi=9, seq=1, data=bytes(60)))
    header, inner = the_request(router.packet_out(Mode.RECEIVE, octets, port))
    assert (header.operation, header.epoch, header.ingress_if) == (Operation.DECRYPT, 4, WAN)
    assert bytes(inner) == octets[14:]

    port, octets = frame(TAGGED, IP(src=HOST4[TAGGED], dst=HOST4[LAN], ttl=9) / ICMP() / DATA)
    seen = the_frame(router.packet_out(Mode.RECEIVE, octets, port), LAN)
    assert seen[IP].ttl == 8

    before = router.reasons()
    assert router.packet_out(Mode.RECEIVE, octets, 77) == []
    assert router.reasons() - before == {Reason.UNKNOWN_INTERFACE: 1}


def test_a_punt_of_a_received_packet_shows_its_port(router: Dut) -> None:
    port, octets = frame(TAGGED, IP(src=HOST4[TAGGED], dst=ROUTER4[LAN]) / ICMP() / DATA)
    punt = the_punt(router.packet_out(Mode.RECEIVE, octets, port))
    assert (punt.reason, punt.ingress_port, punt.if_id) == (Reason.LOCAL, TAGGED, TAGGED)
    assert punt.frame == octets


def test_an_unknown_mode_is_refused(router: Dut) -> None:
    packet = own(IP(src=ROUTER4[LAN], dst=HOST4[LAN]) / ICMP())
    before = router.reasons()
    assert router.packet_out(9, packet, LAN) == []  # type: ignore[arg-type]
    assert router.reasons() - before == {Reason.PARSER_ERROR: 1}
