"""GRE tunnels in the pipeline: what goes in, what comes out, and IPsec around it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import pytest
from ipsecplane.targets.crypto_header import CryptoHeader, Operation
from ipsecplane.targets.packetio import Mode
from ipsecplane.targets.qos import ORIGIN_OCTETS, counter_index
from ipsecplane.targets.reasons import Reason
from ipsecplane.targets.tables import TableEntry, entry
from scapy.layers.inet import GRE, ICMP, IP, UDP
from scapy.layers.inet6 import IPv6
from scapy.packet import Packet, Raw

from tests.p4.duts import Dut, Punt
from tests.p4.world import (
    HOST4,
    HOST6,
    LAN,
    MTU,
    POLICY,
    ROUTER4,
    WAN,
    adjacency,
    frame,
    inner_policy,
    ip,
    local,
    own,
    result,
    route,
    sa_in,
    sa_out,
    selector,
    spd,
    the_frame,
    the_punt,
    the_request,
)

TUNNEL = 4
TUNNEL_MTU = 1476
HERE, FAR = ROUTER4[WAN], "198.51.100.9"
BEHIND4, BEHIND6 = "10.8.0.5", "2001:db8:8::5"
OWN = "10.255.0.1"  # of the tunnel interface


def tunnel() -> list[TableEntry]:
    """A GRE tunnel to FAR, which is behind the WAN's neighbour, and routes into it."""
    params = {"port": 511, "vlan_id": 0, "src_mac": 0, "mtu": TUNNEL_MTU, "spd_policy": 0,
              "mtu_v6": TUNNEL_MTU}  # fmt: skip
    return [
        entry("interface_out", {"if_id": TUNNEL}, "set_egress", params),
        entry("gre_out", {"if_id": TUNNEL}, "gre_encapsulate", {"src": ip(HERE), "dst": ip(FAR)}),
        entry("gre_in", {"src": ip(FAR), "dst": ip(HERE)}, "gre_decapsulate", {"if_id": TUNNEL}),
        route("198.51.100.0/24", WAN, HOST4[WAN]),
        route("10.8.0.0/16", TUNNEL), route("2001:db8:8::/48", TUNNEL), local(OWN),
    ]  # fmt: skip


@pytest.fixture
def gre(router: Dut) -> Dut:
    router.write(tunnel())
    return router


def v4(length: int = 100, df: int = 0, **fields: object) -> Packet:
    header = IP(src=HOST4[LAN], dst=BEHIND4, flags=2 * df, **fields)
    return header / UDP() / Raw(bytes(length - 28))


def v6(length: int = 100) -> Packet:
    return IPv6(src=HOST6[LAN], dst=BEHIND6, tc=0xB9) / UDP() / Raw(bytes(length - 48))


def carried(inner: Packet, **fields: object) -> Packet:
    return IP(src=FAR, dst=HERE, **fields) / GRE() / inner


def back(**fields: object) -> Packet:
    """What comes from behind the tunnel."""
    return IP(src=BEHIND4, dst=HOST4[LAN], ttl=9, **fields) / UDP() / Raw(b"back")


# -- out ---------------------------------------------------------------------------------------


def test_v4_gets_headers_and_is_routed_by_them(gre: Dut) -> None:
    sent = v4(tos=0xB9, ttl=20)
    out = the_frame(gre.send(*frame(LAN, sent)), WAN)
    outer = out[IP]
    assert (outer.src, outer.dst, outer.proto, outer.ttl, outer.tos) == (HERE, FAR, 47, 255, 0xB9)
    assert (outer.len, int(outer.flags), outer.frag) == (124, 0, 0)
    assert bytes(outer)[20:24] == bytes.fromhex("00000800")
    sent.ttl = 19
    assert bytes(outer)[24:] == bytes(sent)
    again = outer.copy()
    del again.chksum
    assert IP(bytes(again)).chksum == outer.chksum


def test_v6_too(gre: Dut) -> None:
    sent = v6()
    out = the_frame(gre.send(*frame(LAN, sent)), WAN)[IP]
    assert (out.proto, out.len, out.tos) == (47, 124, 0xB9)
    assert bytes(out)[20:24] == bytes.fromhex("000086dd")
    sent.hlim -= 1
    assert bytes(out)[24:] == bytes(sent)


def test_identifications_differ(gre: Dut) -> None:
    outs = [the_frame(gre.send(*frame(LAN, v4())), WAN)[IP].id for _ in range(3)]
    assert len(set(outs)) == 3


def test_the_routers_own_packets_keep_their_ttl(gre: Dut) -> None:
    echo = IP(src=OWN, dst=BEHIND4, ttl=64) / ICMP() / Raw(bytes(20))
    out = the_frame(gre.packet_out(Mode.ROUTE, own(echo)), WAN)[IP]
    assert bytes(out)[24:] == bytes(echo)


def test_what_exceeds_the_tunnels_mtu(gre: Dut) -> None:
    the_frame(gre.send(*frame(LAN, v4(TUNNEL_MTU, 1))), WAN)
    header, inner = the_request(gre.send(*frame(LAN, v4(TUNNEL_MTU + 1))))
    expected = CryptoHeader(Operation.FRAGMENT, mtu=TUNNEL_MTU, ingress_if=LAN)
    assert (header, len(inner), inner.ttl) == (expected, TUNNEL_MTU + 1, 63)
    for packet in (v4(TUNNEL_MTU + 1, 1), v6(TUNNEL_MTU + 1)):
        punt = the_punt(gre.send(*frame(LAN, packet)))
        assert (punt.reason, punt.value, punt.if_id) == (Reason.FRAG_NEEDED, TUNNEL_MTU, TUNNEL)


def test_fragments_come_back_and_go_into_the_tunnel(gre: Dut) -> None:
    header = CryptoHeader(Operation.FRAGMENTED, mtu=TUNNEL_MTU, ingress_if=LAN)
    piece = IP(src=HOST4[LAN], dst=BEHIND4, ttl=63, frag=100, proto=17) / Raw(bytes(800))
    out = the_frame(gre.send(*result(header, piece)), WAN)[IP]
    assert (out.proto, bytes(out)[24:]) == (47, bytes(piece))


def test_the_policy_of_the_way_out_protects_what_carries(gre: Dut) -> None:
    gre.write([
        spd(4, "spd_protect", {"sa_index": 3}, src=f"{HERE}/32", dst=f"{FAR}/32", protocol=47),
        sa_out(3, max_inner=1400, prefragment=1),
    ])  # fmt: skip
    header, inner = the_request(gre.send(*frame(LAN, v4(TUNNEL_MTU))))
    assert (header.operation, header.sa_index, header.prefragment) == (Operation.ENCRYPT, 3, True)
    assert (inner.src, inner.dst, inner.proto, inner.len) == (HERE, FAR, 47, MTU)
    assert header.ingress_if == LAN
    outer = IP(src=HERE, dst=FAR, proto=50) / Raw(bytes(200))
    answer = CryptoHeader(Operation.ENCRYPTED, sa_index=3, epoch=1, spi=9, sequence=1)
    the_frame(gre.send(*result(answer, outer)), WAN)


def test_a_missing_neighbour_shows_the_host_what_carries(gre: Dut) -> None:
    gre.write([route("198.51.100.9/32", WAN, "192.0.2.77")])
    punt = the_punt(gre.send(*frame(LAN, v4())))
    assert (punt.reason, punt.if_id, punt.ingress_port) == (Reason.GLEAN, WAN, 510)
    assert IP(punt.frame[14:]).proto == 47
    gre.write([adjacency(WAN, "192.0.2.77", "02:00:00:00:01:77")])
    the_frame(gre.send(*frame(LAN, v4())), WAN)


def test_a_tunnel_through_itself_ends(gre: Dut) -> None:
    gre.write([route("198.51.100.9/32", TUNNEL)])
    before = gre.reasons()
    assert gre.send(*frame(LAN, v4())) == []
    assert gre.reasons() - before == {Reason.ROUTE_DISCARD: 1}


# -- in ----------------------------------------------------------------------------------------


@pytest.mark.parametrize("fields", [{}, {"options": [b"\x94\x04\0\0"]}], ids=["plain", "options"])
def test_v4_loses_them_and_is_routed(gre: Dut, fields: dict[str, object]) -> None:
    out = the_frame(gre.send(*frame(WAN, carried(back(), **fields))), LAN)[IP]
    expected = back()
    expected.ttl -= 1
    assert bytes(out) == bytes(expected)


def test_v6_loses_them_too(gre: Dut) -> None:
    packet = IPv6(src=BEHIND6, dst=HOST6[LAN], hlim=9) / UDP() / Raw(b"back")
    out = the_frame(gre.send(*frame(WAN, carried(packet))), LAN)
    packet.hlim -= 1
    assert (out.type, bytes(out[IPv6])) == (0x86DD, bytes(packet))


def test_a_packet_for_the_router_comes_in_by_the_tunnel(gre: Dut) -> None:
    echo = IP(src=BEHIND4, dst=OWN) / ICMP() / Raw(bytes(20))
    punt = the_punt(gre.send(*frame(WAN, carried(echo))))
    assert (punt.reason, punt.if_id) == (Reason.LOCAL, TUNNEL)
    assert punt.frame[12:] == b"\x08\0" + bytes(echo)
    echo.frag = 5
    punt = the_punt(gre.send(*frame(WAN, carried(echo))))
    assert (punt.reason, punt.if_id, punt.operation) == (Reason.REASSEMBLE, TUNNEL, 0)


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        (lambda p: p.__setattr__("src", "198.51.100.8"), Reason.LOCAL),  # no tunnel of ours
        (lambda p: p[GRE].__setattr__("key_present", 1), Reason.LOCAL),
        (lambda p: p[GRE].__setattr__("version", 1), Reason.LOCAL),
        (lambda p: p[GRE].__setattr__("proto", 0x6558), Reason.LOCAL),
        (lambda p: p.__setattr__("flags", 1), Reason.REASSEMBLE),
        (lambda p: p[IP:2].__setattr__("ttl", 1), Reason.TTL_EXPIRED),
        (lambda p: p[IP:2].__setattr__("len", 900), Reason.BAD_IP_HEADER),
        (lambda p: p[IP:2].__setattr__("chksum", 1), Reason.BAD_CHECKSUM),
    ],
)
def test_what_does_not_get_through(
    gre: Dut, change: Callable[[Packet], None], reason: Reason
) -> None:
    packet = carried(back())
    change(packet)
    before = gre.reasons()
    outputs = gre.send(*frame(WAN, packet))
    assert gre.reasons() - before == {reason: 1}
    assert all(isinstance(output, Punt) for output in outputs)


def require_ipsec() -> TableEntry:
    match = selector(spd_policy=POLICY, src=f"{FAR}/32", dst=f"{HERE}/32", protocol=47)
    return entry("cleartext_v4", match, "require_ipsec", priority=1)


def test_gre_in_the_clear_where_policy_wants_ipsec(gre: Dut) -> None:
    gre.write([require_ipsec()])
    assert the_punt(gre.send(*frame(WAN, carried(back())))).reason == Reason.NOT_IPSEC


def test_gre_that_was_decrypted(gre: Dut) -> None:
    rows = inner_policy(3, 4, src=f"{FAR}/32", dst=f"{HERE}/32", protocol=47)
    gre.write([require_ipsec(), sa_in(3), rows])
    header = CryptoHeader(
        Operation.DECRYPTED, sa_index=3, epoch=1, spi=9, sequence=1, ingress_if=WAN
    )
    out = the_frame(gre.send(*result(header, carried(back()))), LAN)[IP]
    assert (out.src, out.ttl) == (BEHIND4, 8)
    other = IP(src="198.51.100.8", dst=HERE) / GRE() / back()
    assert the_punt(gre.send(*result(header, other))).reason == Reason.INNER_POLICY


def test_gre_that_the_host_has_put_together(gre: Dut) -> None:
    gre.write([require_ipsec()])
    port, octets = frame(WAN, carried(back()))
    assert the_punt(gre.packet_out(Mode.RECEIVE, octets, port)).reason == Reason.NOT_IPSEC
    out = the_frame(gre.packet_out(Mode.RECEIVE_DECRYPTED, octets, port), LAN)[IP]
    assert (out.src, out.ttl) == (BEHIND4, 8)


def test_counters(gre: Dut) -> None:
    def cells() -> tuple[int, int]:
        sent = gre.session.read_counters("interface_sent", [TUNNEL])[TUNNEL].packets
        return sent, gre.session.read_counters("gre_received", [TUNNEL])[TUNNEL].packets

    sent, received = cells()
    gre.send(*frame(LAN, v4()))
    gre.send(*frame(WAN, carried(back())))
    gre.send(*frame(WAN, carried(back())))
    assert cells() == (sent + 1, received + 2)


# -- modular QoS -------------------------------------------------------------------------------

VOICE, REST = 5, 63  # classes


def voice_by(table: str, if_id: int, number: int = VOICE) -> TableEntry:
    """Voice has UDP port 7, which no header outside of the tunnel shows."""
    match = selector(if_id=if_id, protocol=17, dst_port=7)
    action = "set_tunnel_class" if "tunnel" in table else "set_class"
    return entry(table, match, action, {"qos_class": number}, 2)


def treatment(table: str, level: int, queue: int, dscp: int = 0) -> TableEntry:
    params = {"level": level, "queue": queue, "dscp": dscp, "dscp_mask": 0x3F if dscp else 0}
    action = "treat_tunnel" if "tunnel" in table else "treat"
    return entry(table, {"qos_class": VOICE}, action, params)


def way_out(original: bool) -> list[TableEntry]:
    params = {"if_id": WAN, "pre_classify": int(original)}
    gre_rule = entry(
        "classify_v4", selector(if_id=WAN, protocol=47), "set_class", {"qos_class": REST}, 1
    )
    return [entry("tunnel_out", {"if_id": TUNNEL}, "leaves_by", params), gre_rule]


def voice(length: int = 100) -> Packet:
    return IP(src=HOST4[LAN], dst=BEHIND4, tos=8 << 2) / UDP(dport=7) / Raw(bytes(length - 28))


class Classes:
    """What one class counter of an interface has gained: packets and octets by class."""

    def __init__(self, gre: Dut, name: str, if_id: int) -> None:
        self._gre, self._name = gre, name
        self._cells = {
            counter_index(if_id, number, origin): (number, extra)
            for number in (VOICE, REST)
            for origin, extra in ORIGIN_OCTETS.items()
        }
        self._before = gre.session.read_counters(name, self._cells)

    def __call__(self) -> dict[int, tuple[int, int]]:
        found = {}
        for index, now in self._gre.session.read_counters(self._name, self._cells).items():
            number, extra = self._cells[index]
            packets = now.packets - self._before[index].packets
            if packets:
                octets = now.bytes - self._before[index].bytes
                found[number] = packets, octets - extra * packets
        return found


@pytest.mark.parametrize("original", [False, True])
def test_pre_classify_shows_the_way_out_what_is_carried(gre: Dut, original: bool) -> None:
    gre.write([
        *way_out(original), voice_by("classify_v4", WAN), treatment("class_out", 1, 101, 46),
    ])  # fmt: skip
    offered, sent = (Classes(gre, f"class_{name}", WAN) for name in ("out_packets", "sent"))
    out = the_frame(gre.send(*frame(LAN, voice())), WAN)[IP]
    inner = IP(bytes(out)[24:])
    assert (out.tos >> 2, inner.tos >> 2) == (46 if original else 8, 8)
    expected = {VOICE if original else REST: (1, 14 + 124)}
    assert (offered(), sent()) == (expected, expected)


def test_its_class_outlives_encryption_too(gre: Dut) -> None:
    gre.write([
        *way_out(True), voice_by("classify_v4", WAN), treatment("class_out", 1, 101, 46),
        spd(4, "spd_protect", {"sa_index": 3}, protocol=47), sa_out(3),
        entry("pre_classified", {"sa_index": 3}, "pre_classify"),
    ])  # fmt: skip
    offered, sent = (Classes(gre, f"class_{name}", WAN) for name in ("out_packets", "sent"))
    header, inner = the_request(gre.send(*frame(LAN, voice())))
    assert (header.level, header.qos_group, header.egress_if) == (1, 101, VOICE << 8 | WAN)
    assert (inner.proto, inner.tos >> 2) == (47, 8)
    back = replace(header, operation=Operation.ENCRYPTED)
    out = the_frame(gre.send(*result(back, IP(src=HERE, dst=FAR, proto=50) / Raw(bytes(99)))), WAN)
    assert out[IP].tos >> 2 == 46
    assert offered() == {VOICE: (1, 14 + 124)}
    assert sent() == {VOICE: (1, len(out))}


def test_a_tunnels_policy_marks_and_queues_what_is_carried(gre: Dut) -> None:
    gre.write([
        *way_out(False), voice_by("classify_tunnel_v4", TUNNEL),
        treatment("class_tunnel", 2, 107, 46),
        spd(4, "spd_protect", {"sa_index": 3}, protocol=47), sa_out(3),
    ])  # fmt: skip
    offered, sent = (Classes(gre, f"class_{name}", TUNNEL) for name in ("out_packets", "sent"))
    header, carrying = the_request(gre.send(*frame(LAN, voice())))
    assert (header.level, header.qos_group) == (2, 107), "carried to the pass that encrypts"
    assert (carrying.tos >> 2, IP(bytes(carrying)[24:]).tos >> 2) == (46, 46)
    assert offered() == sent() == {VOICE: (1, 114)}


def test_pieces_keep_both_classes(gre: Dut) -> None:
    gre.write([
        *way_out(True), voice_by("classify_v4", WAN), treatment("class_out", 1, 101, 46),
        voice_by("classify_tunnel_v4", TUNNEL, REST),
    ])  # fmt: skip
    wan, tunnel = (Classes(gre, "class_sent", if_id) for if_id in (WAN, TUNNEL))
    offered = Classes(gre, "class_out_packets", TUNNEL)
    header, _ = the_request(gre.send(*frame(LAN, voice(TUNNEL_MTU + 1))))
    assert (header.operation, header.egress_if) == (Operation.FRAGMENT, VOICE << 8 | REST)
    back = replace(header, operation=Operation.FRAGMENTED)
    piece = IP(src=HOST4[LAN], dst=BEHIND4, ttl=63, frag=100, proto=17) / Raw(bytes(80))
    out = the_frame(gre.send(*result(back, piece)), WAN)[IP]
    assert out.tos >> 2 == 46
    assert wan() == {VOICE: (1, 14 + 124)}
    assert tunnel() == {REST: (1, 114)}
    assert list(offered()) == [REST]
    assert offered()[REST][0] == 1
