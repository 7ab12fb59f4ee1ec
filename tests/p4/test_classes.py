"""Modular QoS in the pipeline (guide chapter 8): classes, what they write, what counts."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
from ipsecplane.targets.crypto_header import CryptoHeader, Operation
from ipsecplane.targets.packetio import Mode
from ipsecplane.targets.qos import ORIGIN_OCTETS, counter_index
from ipsecplane.targets.tables import TableEntry, Ternary, entry
from scapy.layers.inet import IP, TCP, UDP
from scapy.layers.inet6 import IPv6
from scapy.layers.ipsec import ESP
from scapy.packet import Packet, Raw

from tests.p4.duts import Dut, Punt
from tests.p4.world import (
    HOST4,
    HOST6,
    LAN,
    REMOTE4,
    REMOTE6,
    ROUTER4,
    ROUTER6,
    WAN,
    frame,
    inner_policy,
    own,
    result,
    route,
    sa_in,
    sa_out,
    sad,
    selector,
    spd,
    the_frame,
    the_request,
)

DATA = Raw(b"sixteen octets..")
VOICE, SIGNALS, REST = 5, 6, 63  # class numbers
QUEUE = 100  # of the crypto engine, as the crypto header's qos_group has it


def v4(dscp: int = 0, ecn: int = 0, dst: str = REMOTE4) -> Packet:
    return IP(src=HOST4[LAN], dst=dst, tos=dscp << 2 | ecn)


def v6(dscp: int = 0, ecn: int = 0, dst: str = REMOTE6) -> Packet:
    return IPv6(src=HOST6[LAN], dst=dst, tc=dscp << 2 | ecn)


def dscp_of(packet: Packet) -> tuple[int, int]:
    octet = packet[IP].tos if IP in packet else packet[IPv6].tc
    return octet >> 2, octet & 3


def rule(table: str, if_id: int, number: int, priority: int = 1, **fields: Any) -> TableEntry:
    group = fields.pop("qos_group", None)
    match = selector(if_id=if_id, **fields)
    if group is not None:
        match["qos_group"] = Ternary(group, 0xFF)
    actions = {"_in_": "set_class_in", "tunnel": "set_tunnel_class"}
    action = next((name for part, name in actions.items() if part in table), "set_class")
    return entry(table, match, action, {"qos_class": number}, priority)


def class_in(number: int, group: int = 0, dscp: int = 0, mask: int = 0) -> TableEntry:
    params = {"qos_group": group, "dscp": dscp, "dscp_mask": mask}
    return entry("class_in", {"qos_class": number}, "mark", params)


def class_out(
    number: int, level: int = 0, dscp: int = 0, mask: int = 0, queue: int = 0
) -> TableEntry:
    params = {"level": level, "queue": queue, "dscp": dscp, "dscp_mask": mask}
    return entry("class_out", {"qos_class": number}, "treat", params)


def pre_classified(sa_index: int) -> TableEntry:
    return entry("pre_classified", {"sa_index": sa_index}, "pre_classify")


class Counted:
    """What class counters have gained, by class: (packets, octets of frames)."""

    def __init__(self, dut: Dut, name: str, if_id: int) -> None:
        self._dut = dut
        self._name = name
        self._cells = {
            counter_index(if_id, number, origin): (number, extra)
            for number in (VOICE, SIGNALS, REST)
            for origin, extra in ORIGIN_OCTETS.items()
        }
        self._before = dut.session.read_counters(name, self._cells)

    def __call__(self) -> dict[int, tuple[int, int]]:
        found: dict[int, tuple[int, int]] = {}
        for index, cell in self._dut.session.read_counters(self._name, self._cells).items():
            number, extra = self._cells[index]
            packets = cell.packets - self._before[index].packets
            octets = cell.bytes - self._before[index].bytes - extra * packets
            if packets:
                so_far = found.get(number, (0, 0))
                found[number] = so_far[0] + packets, so_far[1] + octets
        return found


@pytest.mark.parametrize("make", [v4, v6])
def test_the_queue_is_chosen_before_encryption(router: Dut, make: Any) -> None:
    version = make().version
    table = f"classify_v{version}"
    router.write([
        spd(version, "spd_protect", {"sa_index": 1}), sa_out(1),
        class_out(VOICE, 1, queue=QUEUE + 1), class_out(SIGNALS, 2, queue=QUEUE + 2),
        class_out(REST),
        rule(table, WAN, VOICE, 3, dscp=46),
        rule(table, WAN, SIGNALS, 2, protocol=6, dst_port=5060),
        rule(table, WAN, REST, 1),
        rule(table, LAN, SIGNALS, 9),
    ])  # fmt: skip
    for packet, expected in (
        (make(46, ecn=1) / UDP(), (1, QUEUE + 1)),
        (make() / TCP(dport=5060), (2, QUEUE + 2)),
        (make() / TCP(dport=5061), (0, 0)),
    ):
        header, _ = the_request(router.send(*frame(LAN, packet / DATA)))
        assert (header.level, header.qos_group) == expected


def test_a_low_latency_group_goes_before_all_classes_but_priority(router: Dut) -> None:
    router.write([
        spd(4, "spd_protect", {"sa_index": 1}), sa_out(1),
        rule("classify_in_v4", LAN, REST), class_in(REST, 49),
        rule("classify_v4", WAN, VOICE, 2, dscp=46), rule("classify_v4", WAN, SIGNALS, 1),
        class_out(VOICE, 1, queue=QUEUE + 1), class_out(SIGNALS, 0, queue=QUEUE + 2),
    ])  # fmt: skip

    def queue(dscp: int) -> int:
        header, _ = the_request(router.send(*frame(LAN, v4(dscp) / UDP() / DATA)))
        return int(header.qos_group)

    assert (queue(46), queue(0)) == (QUEUE + 1, QUEUE + 2)
    router.write([entry("llq_group", {"qos_group": 49}, "low_latency_queue")])
    assert (queue(46), queue(0)) == (QUEUE + 1, 49)


def encrypted(version: int, tag: int = VOICE, dscp: int = 0) -> Any:
    """An SA's packet as it comes back: its outer header and what the crypto header has kept."""
    if version == 4:
        outer: Packet = IP(src=ROUTER4[WAN], dst=REMOTE4, proto=50, tos=dscp << 2)
    else:
        outer = IPv6(src=ROUTER6[WAN], dst=REMOTE6, nh=50, tc=dscp << 2)
    ethertype = 0x86DD if version == 6 else 0x0800
    header = CryptoHeader(
        Operation.ENCRYPTED, sa_index=1, epoch=1, spi=9, sequence=1, ethertype=ethertype,
        level=1, qos_group=QUEUE + 1, egress_if=tag << 8 | WAN,
    )  # fmt: skip
    return result(header, outer / DATA)


@pytest.mark.parametrize("version", [4, 6])
def test_with_pre_classify_the_class_outlives_encryption(router: Dut, version: int) -> None:
    """Without, what leaves is looked at anew: it is ESP, whatever is inside."""
    table = f"classify_v{version}"
    router.write([
        class_out(VOICE, 1, 46, 0x3F), class_out(SIGNALS, 0, 8, 0x3F),
        rule(table, WAN, SIGNALS, protocol=50),
    ])  # fmt: skip
    sent = Counted(router, "class_sent", WAN)
    offered = Counted(router, "class_out_packets", WAN)
    seen = the_frame(router.send(*encrypted(version)), WAN)
    size = len(seen)
    assert dscp_of(seen) == (8, 0)
    assert (sent(), offered()) == ({SIGNALS: (1, size)}, {SIGNALS: (1, size)})
    router.write([pre_classified(1)])
    assert dscp_of(the_frame(router.send(*encrypted(version)), WAN)) == (46, 0)
    assert sent() == {SIGNALS: (1, size), VOICE: (1, size)}
    assert offered() == {SIGNALS: (1, size)}, "it counted when it was classified"


@pytest.mark.parametrize("saved", [False, True])
def test_a_packet_counts_once(router: Dut, saved: bool) -> None:
    """To be encrypted: by its own header only where that one counts for good."""
    router.write([
        spd(4, "spd_protect", {"sa_index": 1}), sa_out(1),
        class_out(VOICE, 1, 10, 0x3F), rule("classify_v4", WAN, VOICE, dscp=46),
        *([pre_classified(1)] if saved else []),
    ])  # fmt: skip
    offered = Counted(router, "class_out_packets", WAN)
    packet = frame(LAN, v4(46) / UDP() / DATA)
    _, inner = the_request(router.send(*packet))
    assert dscp_of(inner) == (46, 0), "the class marks what leaves, not what is inside"
    assert offered() == ({VOICE: (1, len(packet[1]))} if saved else {})


def test_in_the_clear_by_interface(router: Dut) -> None:
    router.write([rule("classify_v4", WAN, VOICE, dscp=46), class_out(VOICE, 2)])
    offered = Counted(router, "class_out_packets", WAN)
    elsewhere = Counted(router, "class_out_packets", LAN)
    sent = Counted(router, "class_sent", WAN)
    packet = frame(LAN, v4(46) / UDP() / DATA)
    the_frame(router.send(*packet), WAN)
    the_frame(router.send(*frame(LAN, v4(0) / UDP() / DATA)), WAN)
    mine = own(IP(src=ROUTER4[WAN], dst=REMOTE4, ttl=64, tos=46 << 2) / UDP() / DATA)
    the_frame(router.packet_out(Mode.ROUTE, mine), WAN)
    size = len(packet[1])
    assert (offered(), sent()) == ({VOICE: (2, 2 * size)}, {VOICE: (2, 2 * size)})
    assert elsewhere() == {}


@pytest.mark.parametrize("make", [v4, v6])
def test_output_marks_leave_the_other_bits(router: Dut, make: Any) -> None:
    version = make().version
    router.write([
        rule(f"classify_v{version}", WAN, VOICE, dscp=0b101110),
        class_out(VOICE, 0, 0b001000, 0b111000),
    ])  # fmt: skip
    seen = the_frame(router.send(*frame(LAN, make(0b101110, ecn=2) / UDP() / DATA)), WAN)
    assert dscp_of(seen) == (0b001110, 2)
    again = type(seen)(bytes(seen))
    if IP in again:
        del again[IP].chksum
        assert bytes(again) == bytes(seen), "the checksum was made anew"


@pytest.mark.parametrize("make", [v4, v6])
def test_input_marks_reach_output_and_engine(router: Dut, make: Any) -> None:
    version = make().version
    router.write([
        rule(f"classify_in_v{version}", LAN, SIGNALS, 2, dscp=40),
        rule(f"classify_in_v{version}", LAN, REST, 1),
        class_in(SIGNALS, 49, 46, 0x3F), class_in(REST),
        rule(f"classify_v{version}", WAN, VOICE, qos_group=49), class_out(VOICE, 1),
    ])  # fmt: skip
    came = Counted(router, "class_in_packets", LAN)
    packet = frame(LAN, make(40) / UDP() / DATA)
    sent = Counted(router, "class_sent", WAN)
    assert dscp_of(the_frame(router.send(*packet), WAN)) == (46, 0)
    assert dscp_of(the_frame(router.send(*frame(LAN, make(8) / UDP() / DATA)), WAN)) == (8, 0)
    size = len(packet[1])
    assert came() == {SIGNALS: (1, size), REST: (1, size)}
    assert sent() == {VOICE: (1, size)}
    router.write([spd(version, "spd_protect", {"sa_index": 1}), sa_out(1)])
    header, inner = the_request(router.send(*packet))
    assert (header.level, header.qos_group, header.egress_if) == (1, 49, 49 << 8 | WAN)
    assert dscp_of(inner) == (46, 0)
    # The qos-group is still there when the packet comes back.
    router.send(*encrypted(version, tag=49))
    assert sent()[VOICE][0] == 2


def test_what_is_to_be_decrypted_has_the_qos_group_of_its_interface(router: Dut) -> None:
    router.write([
        sad(ROUTER4[WAN], 77, 1), sa_in(1),
        rule("classify_in_v4", WAN, VOICE), class_in(VOICE, 1),
    ])  # fmt: skip
    packet = IP(src=REMOTE4, dst=ROUTER4[WAN]) / ESP(spi=77, seq=1, data=bytes(40))
    header, _ = the_request(router.send(*frame(WAN, packet)))
    assert (header.operation, header.level, header.qos_group) == (Operation.DECRYPT, 0, 1)
    back = replace(header, operation=Operation.DECRYPTED)
    router.write([
        inner_policy(1, 4), rule("classify_v4", LAN, SIGNALS, qos_group=1), class_out(SIGNALS),
    ])  # fmt: skip
    sent = Counted(router, "class_sent", LAN)
    the_frame(router.send(*result(back, IP(src=REMOTE4, dst=HOST4[LAN]) / DATA)), LAN)
    assert sent()[SIGNALS][0] == 1, "the qos-group stays with what was decrypted"


def test_what_the_host_put_together_is_marked_and_does_not_count_again(router: Dut) -> None:
    router.write([rule("classify_in_v4", LAN, VOICE), class_in(VOICE, 0, 46, 0x3F)])
    came = Counted(router, "class_in_packets", LAN)
    _, octets = frame(LAN, v4() / UDP() / DATA)
    outputs = router.packet_out(Mode.RECEIVE, octets, port=LAN)
    assert dscp_of(the_frame(outputs, WAN)) == (46, 0)
    assert came() == {}


def test_what_waits_for_an_sa_is_in_no_class(router: Dut) -> None:
    router.write([
        spd(4, "spd_acquire", {"policy_entry": 3}),
        rule("classify_v4", WAN, VOICE), class_out(VOICE, 1, 46, 0x3F),
    ])  # fmt: skip
    offered = Counted(router, "class_out_packets", WAN)
    (punt,) = router.send(*frame(LAN, v4() / UDP() / DATA))
    assert isinstance(punt, Punt)
    assert offered() == {}


# -- tunnel interfaces -------------------------------------------------------------------------

VTI = 5


def vti() -> list[TableEntry]:
    """An IPsec tunnel interface with SA 1 both ways, and a route into it."""
    params = {"port": 511, "vlan_id": 0, "src_mac": 0, "mtu": 0, "spd_policy": 9,
              "mtu_v6": 1400}  # fmt: skip
    return [
        entry("interface_out", {"if_id": VTI}, "set_egress", params),
        route("10.8.0.0/16", VTI), route("2001:db8:8::/48", VTI),
        *(spd(n, "spd_protect", {"sa_index": 1}, spd_policy=9) for n in (4, 6)),
        sa_out(1), sa_in(1), inner_policy(1, 4), inner_policy(1, 6),
    ]  # fmt: skip


def class_tunnel(
    number: int, level: int = 0, dscp: int = 0, mask: int = 0, queue: int = 0
) -> TableEntry:
    params = {"level": level, "queue": queue, "dscp": dscp, "dscp_mask": mask}
    return entry("class_tunnel", {"qos_class": number}, "treat_tunnel", params)


def leaves_by(tunnel: int, if_id: int = WAN, original: bool = False) -> TableEntry:
    params = {"if_id": if_id, "pre_classify": int(original)}
    return entry("tunnel_out", {"if_id": tunnel}, "leaves_by", params)


INTO = {4: {"dst": "10.8.0.5"}, 6: {"dst": "2001:db8:8::5"}}


@pytest.mark.parametrize("make", [v4, v6])
def test_a_tunnels_policy_goes_by_what_goes_into_it(router: Dut, make: Any) -> None:
    """It counts, marks inside, and chooses the engine's queue; whatever leaves is in no class."""
    version = make().version
    router.write([
        *vti(), class_tunnel(VOICE, 1, 46, 0x3F, QUEUE + 1), class_tunnel(REST),
        rule(f"classify_tunnel_v{version}", VTI, VOICE, 2, protocol=17, dst_port=7),
        rule(f"classify_tunnel_v{version}", VTI, REST, 1),
        rule(f"classify_v{version}", WAN, SIGNALS), leaves_by(VTI),
    ])  # fmt: skip
    offered, sent = (Counted(router, f"class_{name}", VTI) for name in ("out_packets", "sent"))
    outside = Counted(router, "class_out_packets", WAN)
    voice = frame(LAN, make(8, ecn=1, **INTO[version]) / UDP(dport=7) / DATA)
    header, inner = the_request(router.send(*voice))
    assert (header.level, header.qos_group) == (1, QUEUE + 1)
    assert dscp_of(inner) == (46, 1)
    rest = frame(LAN, make(8, **INTO[version]) / UDP(dport=8) / DATA)
    header, inner = the_request(router.send(*rest))
    assert (header.level, header.qos_group, dscp_of(inner)) == (0, 0, (8, 0))
    size = len(voice[1])
    assert offered() == sent() == {VOICE: (1, size), REST: (1, size)}
    assert outside() == {}, "that one goes by the outer header"


@pytest.mark.parametrize("make", [v4, v6])
@pytest.mark.parametrize("saved", [False, True])
def test_the_way_outs_policy_sees_what_goes_into_a_tunnel(
    router: Dut, make: Any, saved: bool
) -> None:
    """For the queue always, as the guide has it; with pre-classify it is the packet's class."""
    version = make().version
    router.write([
        *vti(), leaves_by(VTI), class_out(VOICE, 1, 10, 0x3F, queue=QUEUE + 1), class_out(REST),
        rule(f"classify_v{version}", WAN, VOICE, 2, protocol=17, dst_port=7),
        rule("classify_v4", WAN, REST, 1, protocol=50),
        *([pre_classified(1)] if saved else []),
    ])  # fmt: skip
    offered, sent = (Counted(router, f"class_{name}", WAN) for name in ("out_packets", "sent"))
    voice = frame(LAN, make(8, **INTO[version]) / UDP(dport=7) / DATA)
    header, inner = the_request(router.send(*voice))
    assert (header.level, header.qos_group, dscp_of(inner)) == (1, QUEUE + 1, (8, 0))
    assert offered() == ({VOICE: (1, len(voice[1]))} if saved else {})
    back = replace(header, operation=Operation.ENCRYPTED, ethertype=0x0800)
    outer = IP(src=ROUTER4[WAN], dst=REMOTE4, proto=50, tos=8 << 2) / DATA
    out = the_frame(router.send(*result(back, outer)), WAN)
    assert dscp_of(out) == ((10, 0) if saved else (8, 0))
    assert sent() == {VOICE if saved else REST: (1, len(out))}


def test_a_tunnels_queue_goes_before_the_way_outs(router: Dut) -> None:
    router.write([
        *vti(), leaves_by(VTI), rule("classify_tunnel_v4", VTI, VOICE, 2, dscp=46),
        rule("classify_tunnel_v4", VTI, REST, 1), class_tunnel(VOICE, 2, queue=QUEUE + 3),
        class_tunnel(REST), rule("classify_v4", WAN, SIGNALS),
        class_out(SIGNALS, 1, queue=QUEUE + 1),
    ])  # fmt: skip

    def queue(dscp: int) -> tuple[int, int]:
        packet = v4(dscp, dst="10.8.0.5") / UDP() / DATA
        header, _ = the_request(router.send(*frame(LAN, packet)))
        return int(header.level), int(header.qos_group)

    assert (queue(46), queue(0)) == ((2, QUEUE + 3), (1, QUEUE + 1))


@pytest.mark.parametrize("make", [v4, v6])
def test_what_a_tunnel_has_decrypted_is_in_its_input_policy(router: Dut, make: Any) -> None:
    version = make().version
    source = {4: REMOTE4, 6: REMOTE6}[version]
    to = {4: HOST4[LAN], 6: HOST6[LAN]}[version]
    packet = make(40, ecn=1, dst=to) / UDP(dport=7) / DATA
    packet.src = source
    header = CryptoHeader(
        Operation.DECRYPTED, sa_index=1, epoch=1, spi=9, sequence=1, ingress_if=WAN,
        ethertype=0x0800 if version == 4 else 0x86DD, qos_group=3,
    )  # fmt: skip
    router.write([
        *vti(), rule(f"classify_in_v{version}", VTI, VOICE, 2, protocol=17, dst_port=7),
        rule(f"classify_in_v{version}", WAN, REST, 1), class_in(VOICE, 49, 46, 0x3F),
        class_in(REST, 7), rule(f"classify_v{version}", LAN, SIGNALS, qos_group=49),
    ])  # fmt: skip
    tunnel, wan = (Counted(router, "class_in_packets", if_id) for if_id in (VTI, WAN))
    sent = Counted(router, "class_sent", LAN)
    assert dscp_of(the_frame(router.send(*result(header, packet)), LAN)) == (40, 1)
    assert (tunnel(), wan(), sent()) == ({}, {}, {}), "an SA of a crypto map"
    router.write([entry("tunnel_in", {"sa_index": 1}, "decrypted_by", {"if_id": VTI})])
    out = the_frame(router.send(*result(header, packet)), LAN)
    assert dscp_of(out) == (46, 1)
    assert (tunnel(), wan()) == ({VOICE: (1, len(out))}, {})
    assert sent() == {SIGNALS: (1, len(out))}, "the qos-group is the policy's"


def test_what_a_tunnels_sa_may_not_carry_is_in_no_class(router: Dut) -> None:
    router.write([
        sa_in(1), inner_policy(1, 4, src="10.7.0.0/16"), rule("classify_in_v4", VTI, VOICE),
        entry("tunnel_in", {"sa_index": 1}, "decrypted_by", {"if_id": VTI}),
    ])  # fmt: skip
    came = Counted(router, "class_in_packets", VTI)
    header = CryptoHeader(Operation.DECRYPTED, sa_index=1, epoch=1, spi=9, ingress_if=WAN)
    packet = IP(src=REMOTE4, dst=HOST4[LAN]) / DATA
    (punt,) = router.send(*result(header, packet))
    assert isinstance(punt, Punt)
    assert came() == {}
