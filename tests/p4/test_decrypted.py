"""What the accelerator gives back after decryption, and results that are not to be trusted."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
from ipsecplane.targets.crypto_header import CryptoHeader, DfPolicy, Operation
from ipsecplane.targets.crypto_header import Reason as CryptoReason
from ipsecplane.targets.reasons import Reason
from ipsecplane.targets.tables import entry
from scapy.layers.inet import ICMP, IP, TCP, UDP
from scapy.layers.inet6 import ICMPv6EchoRequest, IPv6, IPv6ExtHdrFragment
from scapy.layers.ipsec import ESP
from scapy.layers.l2 import Dot1Q
from scapy.packet import Packet, Raw

from tests.p4.duts import ACCELERATOR_PORT, Dut
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
    inner_policy,
    result,
    sa_in,
    sa_out,
    sad,
    selector,
    spd,
    the_frame,
    the_punt,
    the_request,
)

SA, EPOCH, SPI = 5, 0x01020304, 0xABCDEF01
DATA = Raw(bytes(range(40)))
HEADER = CryptoHeader(
    Operation.DECRYPTED, sa_index=SA, epoch=EPOCH, ingress_if=WAN, spi=SPI, sequence=1
)
HEADER6 = replace(HEADER, ethertype=0x86DD)


@pytest.fixture
def tunnel(router: Dut) -> Dut:
    """SA 5 carries what the remote networks send to ours; no replay window."""
    router.write([
        sa_in(SA, EPOCH),
        inner_policy(SA, 4, src="10.9.0.0/16", dst="10.0.0.0/8"),
        inner_policy(SA, 6, src="2001:db8:9::/48", dst="2001:db8::/32"),
    ])  # fmt: skip
    return router


def v4(dst: str, **fields: Any) -> Packet:
    return IP(src=REMOTE4, dst=dst, **fields)


def v6(dst: str, **fields: Any) -> Packet:
    return IPv6(src=REMOTE6, dst=dst, **fields)


def dropped(dut: Dut, packet: tuple[int, bytes]) -> Reason:
    before = dut.reasons()
    assert dut.send(*packet) == []
    (reason,) = (dut.reasons() - before).elements()
    assert not reason.is_punt
    return reason


def test_forwarded_v4(tunnel: Dut) -> None:
    packet = v4(HOST4[TAGGED], ttl=64) / UDP(sport=1, dport=2) / DATA
    seen = the_frame(tunnel.send(*result(HEADER, packet)), TAGGED)
    assert (seen.src, seen.dst) == (ROUTER_MAC[TAGGED], HOST_MAC[TAGGED])
    assert seen[Dot1Q].vlan == 30
    assert bytes(seen[IP]) == bytes(v4(HOST4[TAGGED], ttl=63) / UDP(sport=1, dport=2) / DATA)
    assert sum(tunnel.hits("inner_policy_v4").values()) == 1


def test_forwarded_v6(tunnel: Dut) -> None:
    packet = v6(HOST6[LAN], hlim=64) / UDP(sport=1, dport=2) / DATA
    seen = the_frame(tunnel.send(*result(HEADER6, packet)), LAN)
    assert bytes(seen[IPv6]) == bytes(v6(HOST6[LAN], hlim=63) / UDP(sport=1, dport=2) / DATA)
    assert sum(tunnel.hits("inner_policy_v6").values()) == 1


def test_the_interface_policy_does_not_ask_for_ipsec_again(tunnel: Dut) -> None:
    """It came in by the WAN, whose policy wants IPsec; it had it."""
    match = selector(spd_policy=POLICY, src="10.9.0.0/16")
    tunnel.write([entry("cleartext_v4", match, "require_ipsec", priority=1)])
    the_frame(tunnel.send(*result(HEADER, v4(HOST4[LAN]) / DATA)), LAN)


@pytest.mark.parametrize(
    ("header", "packet"),
    [
        (HEADER, v4(ROUTER4[LAN]) / ICMP() / DATA),
        (HEADER6, v6(ROUTER6[LAN]) / ICMPv6EchoRequest() / DATA),
        (HEADER, v4(ROUTER4[LAN]) / ESP(spi=9, seq=1, data=bytes(40))),
        (HEADER, v4(ROUTER4[LAN]) / UDP(sport=9, dport=500) / DATA),
    ],
    ids=["v4", "v6", "nested ESP", "IKE"],
)
def test_for_the_router_itself(tunnel: Dut, header: CryptoHeader, packet: Packet) -> None:
    tunnel.write([sad(ROUTER4[LAN], 9, 6), sa_in(6)])
    punt = the_punt(tunnel.send(*result(header, packet)))
    assert (punt.reason, punt.operation) == (Reason.LOCAL, Operation.DECRYPTED)
    assert (punt.sa_index, punt.if_id, punt.ingress_port) == (SA, WAN, ACCELERATOR_PORT)
    assert punt.frame[12:14] == header.ethertype.to_bytes(2, "big")
    assert punt.frame[14:] == bytes(packet)


@pytest.mark.parametrize(
    ("header", "packet"),
    [
        (HEADER, v4(ROUTER4[LAN], flags="MF") / ICMP() / DATA),
        (HEADER, v4(ROUTER4[LAN], frag=5, proto=1) / DATA),
        (HEADER6, v6(ROUTER6[LAN]) / IPv6ExtHdrFragment(offset=5, m=0, nh=17) / DATA),
    ],
)
def test_fragments_for_the_router_itself(tunnel: Dut, header: CryptoHeader, packet: Packet) -> None:
    punt = the_punt(tunnel.send(*result(header, packet)))
    assert (punt.reason, punt.operation) == (Reason.REASSEMBLE, Operation.DECRYPTED)
    assert (punt.sa_index, punt.frame[14:]) == (SA, bytes(packet))


def test_fragments_in_transit_stay_fragments(tunnel: Dut) -> None:
    for fields in ({"flags": "MF"}, {"frag": 5}):
        packet = v4(HOST4[LAN], proto=17, id=77, **fields) / DATA
        seen = the_frame(tunnel.send(*result(HEADER, packet)), LAN)
        assert (seen[IP].id, seen[IP].flags, seen[IP].frag) == (77, packet.flags, packet.frag)


@pytest.mark.parametrize(
    ("header", "packet"),
    [
        (HEADER, IP(src="10.8.0.1", dst=HOST4[LAN]) / ICMP()),
        (HEADER, IP(src=REMOTE4, dst="172.16.0.1") / ICMP()),
        (HEADER, IP(src="10.8.0.1", dst=ROUTER4[LAN]) / ICMP()),
        (replace(HEADER, sa_index=6), v4(HOST4[LAN]) / ICMP()),
        (HEADER6, IPv6(src="2001:db8:8::1", dst=HOST6[LAN]) / ICMPv6EchoRequest()),
    ],
    ids=["source", "destination", "local", "other SA", "v6"],
)
def test_inner_policy_refuses(tunnel: Dut, header: CryptoHeader, packet: Packet) -> None:
    tunnel.write([sa_in(6, EPOCH)])
    punt = the_punt(tunnel.send(*result(header, packet)))
    assert punt.reason == Reason.INNER_POLICY
    assert (punt.sa_index, punt.value, punt.if_id) == (header.sa_index, SPI, WAN)
    assert punt.frame[14:] == bytes(packet), "TTL as it came"


def test_inner_policy_knows_protocols_and_ports(router: Dut) -> None:
    router.write([
        sa_in(SA, EPOCH),
        inner_policy(SA, 4, src="10.9.0.0/16", protocol=6, dst_port=443),
        inner_policy(SA, 4, src="10.9.0.0/16", protocol=1, dst_port=0x0800),
    ])  # fmt: skip
    for payload, passes in (
        (TCP(sport=1, dport=443), True),
        (TCP(sport=443, dport=1), False),
        (UDP(sport=1, dport=443), False),
        (ICMP(type=8, code=0), True),
        (ICMP(type=0, code=0), False),
    ):
        outputs = router.send(*result(HEADER, v4(HOST4[LAN]) / payload))
        if passes:
            the_frame(outputs, LAN)
        else:
            assert the_punt(outputs).reason == Reason.INNER_POLICY
    # A fragment without ports fits no selector with ports.
    outputs = router.send(*result(HEADER, v4(HOST4[LAN], frag=4, proto=6) / TCP(dport=443)))
    assert the_punt(outputs).reason == Reason.INNER_POLICY


def test_out_by_another_crypto_interface(tunnel: Dut) -> None:
    """Spoke to spoke: decrypted from one SA, encrypted into the next; one hop counted."""
    tunnel.write([
        spd(4, "spd_protect", {"sa_index": 8}, src="10.9.0.0/16", dst="10.9.0.0/16"),
        sa_out(8, epoch=2),
        sad(ROUTER4[WAN], SPI, SA),
    ])  # fmt: skip
    packet = v4("10.9.200.1", ttl=64) / UDP(sport=1, dport=2) / DATA
    # What the old header says in fields that only requests use does not shine through.
    told = replace(HEADER, mtu=99, df_policy=DfPolicy.SET, prefragment=True, egress_if=9)
    header, inner = the_request(tunnel.send(*result(told, packet)))
    assert header == CryptoHeader(
        Operation.ENCRYPT, sa_index=8, epoch=2, mtu=MTU, ingress_if=WAN, egress_if=WAN
    )
    assert bytes(inner) == bytes(v4("10.9.200.1", ttl=63) / UDP(sport=1, dport=2) / DATA)


def test_ttl_expires_after_decryption_too(tunnel: Dut) -> None:
    packet = v4(HOST4[LAN], ttl=1) / ICMP()
    punt = the_punt(tunnel.send(*result(HEADER, packet)))
    assert (punt.reason, punt.sa_index, punt.operation) == (Reason.TTL_EXPIRED, SA, 10)
    assert punt.frame[14:] == bytes(packet)


@pytest.mark.parametrize(
    ("header", "packet", "reason"),
    [
        (replace(HEADER, epoch=EPOCH + 1), v4(HOST4[LAN]) / DATA, Reason.SA_IN_MISSING),
        (replace(HEADER, sa_index=77), v4(HOST4[LAN]) / DATA, Reason.SA_IN_MISSING),
        (HEADER, v4(HOST4[LAN], chksum=1) / DATA, Reason.BAD_CHECKSUM),
        (HEADER, v4(HOST4[LAN], len=20 + 40 + 1) / DATA, Reason.BAD_IP_HEADER),
        (HEADER, v4(HOST4[LAN], version=6) / DATA, Reason.BAD_IP_HEADER),
        (HEADER, IP(src="127.0.0.1", dst=HOST4[LAN]) / DATA, Reason.BAD_IP_HEADER),
        (HEADER6, v6(HOST6[LAN], plen=41) / DATA, Reason.BAD_IP_HEADER),
        (replace(HEADER, ethertype=0x0806), v4(HOST4[LAN]) / DATA, Reason.UNSUPPORTED_ETHERTYPE),
        (replace(HEADER, l3_offset=4), v4(HOST4[LAN]) / DATA, Reason.PARSER_ERROR),
        (replace(HEADER, operation=Operation.DECRYPT), v4(HOST4[LAN]) / DATA, Reason.PARSER_ERROR),
        (HEADER, v4("224.0.0.9") / DATA, Reason.INNER_POLICY),
        (HEADER, v4("172.16.0.9") / DATA, Reason.INNER_POLICY),
    ],
)
def test_results_not_to_be_trusted(
    tunnel: Dut, header: CryptoHeader, packet: Packet, reason: Reason
) -> None:
    if reason.is_punt:
        assert the_punt(tunnel.send(*result(header, packet))).reason == reason
    else:
        assert dropped(tunnel, result(header, packet)) == reason


def test_a_frame_that_is_no_result(tunnel: Dut) -> None:
    _, octets = frame(LAN, v4(HOST4[LAN]) / DATA)
    assert dropped(tunnel, (ACCELERATOR_PORT, octets)) == Reason.PARSER_ERROR
    _, octets = result(HEADER, v4(HOST4[LAN]) / DATA)
    wrong_version = octets[:14] + bytes([octets[14] ^ 0x20]) + octets[15:]
    assert dropped(tunnel, (ACCELERATOR_PORT, wrong_version)) == Reason.PARSER_ERROR
    assert dropped(tunnel, (ACCELERATOR_PORT, octets[:40])) == Reason.PARSER_ERROR


@pytest.mark.parametrize("operation", [
    Operation.ENCRYPTED, Operation.DECRYPTED, Operation.FRAGMENTED,
])  # fmt: skip
@pytest.mark.parametrize("why", [CryptoReason.BAD_ICV, CryptoReason.UNSUPPORTED])
@pytest.mark.parametrize("payload", [bytes(v4(HOST4[LAN]) / DATA), b"", b"no packet"])
def test_refusals_go_to_the_host(
    tunnel: Dut, operation: Operation, why: CryptoReason, payload: bytes
) -> None:
    """Whatever follows the header: the octets may be anything."""
    header = replace(HEADER, operation=operation, reason=why)
    punt = the_punt(tunnel.send(*result(header, payload)))
    assert (punt.reason, punt.crypto_reason) == (Reason.SA_ERROR, why)
    assert (punt.operation, punt.sa_index, punt.value) == (operation, SA, SPI)
    assert punt.frame[12:] == b"\x08\x00" + payload


def test_a_route_back_into_the_wan_needs_no_policy(tunnel: Dut) -> None:
    packet = v4("10.9.200.1") / UDP(sport=1, dport=2) / DATA
    seen = the_frame(tunnel.send(*result(HEADER, packet)), WAN)
    assert seen[IP].ttl == packet.ttl - 1
