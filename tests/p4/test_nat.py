"""Address translation in the pipeline, packet by packet against the host's own translation."""

from __future__ import annotations

from ipaddress import IPv4Address, IPv4Network

import pytest
from ipsecplane.net.ip import parse_ip
from ipsecplane.net.pat import Flow, Translations, port_of
from ipsecplane.targets.nat import NatRule, desired_nat_entries
from ipsecplane.targets.reasons import Reason
from scapy.layers.inet import ICMP, IP, TCP, UDP
from scapy.packet import Packet, Raw

from tests.p4.duts import Dut
from tests.p4.world import HOST4, LAN, POLICY, REMOTE4, WAN, frame, local, the_frame, the_punt

OUTSIDE = IPv4Address("10.8.0.1")
LAN_NET = IPv4Network("10.1.0.0/24")
DATA = Raw(bytes(range(33)))
RULE = NatRule(3, POLICY, LAN_NET, IPv4Network("0.0.0.0/0"), OUTSIDE)

PACKETS = {
    "udp": UDP(sport=5000, dport=53) / DATA,
    "udp without checksum": UDP(sport=5000, dport=53, chksum=0) / DATA,
    "tcp": TCP(sport=40000, dport=80, flags="S", seq=0xFFFFFFF0, options=[("MSS", 1460)]),
    "tcp with data": TCP(sport=40000, dport=80, flags="PA") / DATA,
    "echo": ICMP(type=8, id=0x1234, seq=7) / DATA,
}


def out(layer4: Packet, **fields: object) -> Packet:
    return IP(src=HOST4[LAN], dst=REMOTE4, **fields) / layer4  # type: ignore[no-any-return]


def translated(router: Dut, packet: Packet) -> Flow:
    """The rule and the flow of a packet are in the tables."""
    translations = Translations()
    # An earlier host has the port, so that this one gets another.
    other = IP(bytes(packet))
    other.src = "10.1.0.77"
    translations.open(RULE.number, OUTSIDE, parse_ip(bytes(other)))
    flow = translations.open(RULE.number, OUTSIDE, parse_ip(bytes(packet)))
    assert flow is not None
    assert flow.outside_port != flow.inside_port
    router.write([local(str(OUTSIDE)), *desired_nat_entries([RULE], translations)])
    return flow


@pytest.mark.parametrize("layer4", PACKETS.values(), ids=PACKETS.keys())
def test_out_and_back(router: Dut, layer4: Packet) -> None:
    packet = IP(bytes(out(layer4)))
    flow = translated(router, packet)
    seen = the_frame(router.send(*frame(LAN, packet)), WAN)
    sent = parse_ip(bytes(seen[IP]))
    assert (sent.src, port_of(sent, source=True)) == (OUTSIDE, flow.outside_port)
    assert_checksums(seen[IP])
    back = IP(src=REMOTE4, dst=str(OUTSIDE)) / answer(seen[IP])
    got = the_frame(router.send(*frame(WAN, IP(bytes(back)))), LAN)
    received = parse_ip(bytes(got[IP]))
    assert (received.dst, port_of(received, source=False)) == (flow.inside, flow.inside_port)
    assert_checksums(got[IP])


def answer(sent: Packet) -> Packet:
    """What the far host says to a packet."""
    if TCP in sent:
        return TCP(sport=sent.dport, dport=sent.sport, flags="SA") / DATA  # type: ignore[no-any-return]
    if UDP in sent:
        chksum = 0 if sent[UDP].chksum == 0 else None
        return UDP(sport=sent.dport, dport=sent.sport, chksum=chksum) / DATA  # type: ignore[no-any-return]
    return ICMP(type=0, id=sent[ICMP].id, seq=sent[ICMP].seq) / DATA  # type: ignore[no-any-return]


def assert_checksums(packet: Packet) -> None:
    """All are as scapy computes them; UDP's may be left out."""
    fresh = packet.copy()
    for layer in (IP, TCP, UDP, ICMP):
        if layer in fresh and not (layer is UDP and fresh[UDP].chksum == 0):
            del fresh[layer].chksum
    fresh = IP(bytes(fresh))
    for layer in (IP, TCP, UDP, ICMP):
        if layer in fresh:
            assert packet[layer].chksum == fresh[layer].chksum, layer


def test_a_new_flow_is_the_hosts_to_decide(router: Dut) -> None:
    router.write([*desired_nat_entries([RULE], [])])
    packet = IP(bytes(out(PACKETS["udp"])))
    punt = the_punt(router.send(*frame(LAN, packet)))
    assert (punt.reason, punt.value, punt.ingress_port) == (Reason.NAT_FLOW, RULE.number, LAN)
    assert punt.frame[14:] == bytes(packet), "as it came"


def test_fragments_are_put_together_first(router: Dut) -> None:
    router.write([*desired_nat_entries([RULE], [])])
    for fields in ({"flags": "MF"}, {"frag": 4}):
        packet = IP(bytes(out(PACKETS["udp"], **fields)))
        assert the_punt(router.send(*frame(LAN, packet))).reason == Reason.REASSEMBLE


@pytest.mark.parametrize("source", ["10.3.0.2"])
def test_what_no_rule_is_for_is_left_alone(router: Dut, source: str) -> None:
    router.write([*desired_nat_entries([RULE], [])])
    packet = IP(src=source, dst=REMOTE4) / PACKETS["udp"]
    seen = the_frame(router.send(*frame(LAN, IP(bytes(packet)))), WAN)
    assert (seen[IP].src, seen.sport) == (source, 5000)


def test_what_comes_to_no_flow_is_for_the_router(router: Dut) -> None:
    router.write([local(str(OUTSIDE))])
    packet = IP(src=REMOTE4, dst=str(OUTSIDE)) / PACKETS["udp"]
    punt = the_punt(router.send(*frame(WAN, IP(bytes(packet)))))
    assert punt.reason == Reason.LOCAL
