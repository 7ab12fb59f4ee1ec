"""Too big: the guide's chapter 2 table row by row, and everything around it."""

from __future__ import annotations

from dataclasses import replace

import pytest
from ipsecplane.targets.crypto_header import CryptoHeader, DfPolicy, Operation
from ipsecplane.targets.diff import Kind
from ipsecplane.targets.packetio import Mode
from ipsecplane.targets.reasons import Reason
from ipsecplane.targets.tables import TableEntry, entry
from scapy.layers.inet import IP, UDP
from scapy.layers.inet6 import IPv6
from scapy.packet import Packet, Raw

from tests.p4.duts import Dut
from tests.p4.world import (
    HOST4,
    HOST6,
    LAN,
    MTU,
    REMOTE4,
    REMOTE6,
    ROUTER4,
    ROUTER6,
    WAN,
    frame,
    interface_out,
    own,
    result,
    route,
    sa_out,
    spd,
    the_frame,
    the_punt,
    the_request,
)

MAX_INNER = 1400
BEFORE, AFTER, TELL = "before encryption", "after encryption", "packets are dropped"

# Pre-fragmentation, df-bit, DF of the packet, result: the guide's rows in its order; the last is
# the one that it leaves out.
GUIDE = [
    (1, DfPolicy.CLEAR, 0, BEFORE),
    (1, DfPolicy.CLEAR, 1, BEFORE),
    (0, DfPolicy.CLEAR, 0, AFTER),
    (0, DfPolicy.CLEAR, 1, AFTER),
    (1, DfPolicy.SET, 0, BEFORE),
    (1, DfPolicy.SET, 1, TELL),
    (0, DfPolicy.SET, 0, AFTER),
    (0, DfPolicy.SET, 1, TELL),
    (1, DfPolicy.COPY, 0, BEFORE),
    (1, DfPolicy.COPY, 1, TELL),
    (0, DfPolicy.COPY, 0, AFTER),
    (0, DfPolicy.COPY, 1, TELL),
]


def v4(length: int, df: int = 0) -> Packet:
    return IP(src=HOST4[LAN], dst=REMOTE4, flags=2 * df) / UDP() / Raw(bytes(length - 28))


def v6(length: int) -> Packet:
    return IPv6(src=HOST6[LAN], dst=REMOTE6) / UDP() / Raw(bytes(length - 48))


def protect(dut: Dut, **fields: int) -> None:
    dut.write([
        spd(4, "spd_protect", {"sa_index": 3}), spd(6, "spd_protect", {"sa_index": 3}),
        sa_out(3, max_inner=fields.pop("max_inner", MAX_INNER), **fields),
    ])  # fmt: skip


def path_mtu(mtu: int, cut_mtu: int = 0) -> TableEntry:
    params = {"mtu": mtu, "cut_mtu": cut_mtu or mtu}
    return entry("path_mtu", {"sa_index": 3}, "set_path_mtu", params)


@pytest.mark.parametrize(("prefragment", "df_policy", "df", "expected"), GUIDE)
def test_the_guides_table(
    router: Dut, prefragment: int, df_policy: DfPolicy, df: int, expected: str
) -> None:
    protect(router, prefragment=prefragment, df_policy=df_policy)
    port, octets = frame(LAN, v4(MAX_INNER + 1, df))
    outputs = router.send(port, octets)
    if expected == TELL:
        punt = the_punt(outputs)
        assert (punt.reason, punt.value) == (Reason.FRAG_NEEDED, MAX_INNER)
        assert (punt.if_id, punt.sa_index, punt.frame) == (WAN, 3, octets)
    else:
        header, inner = the_request(outputs)
        assert header.operation == Operation.ENCRYPT
        assert (header.prefragment, header.df_policy) == (expected == BEFORE, df_policy)
        assert header.mtu == MTU
        assert len(inner) == MAX_INNER + 1, "the accelerator does the splitting"


@pytest.mark.parametrize(("prefragment", "df_policy", "df", "_"), GUIDE)
def test_what_fits_passes_whatever_its_df_bit(
    router: Dut, prefragment: int, df_policy: DfPolicy, df: int, _: str
) -> None:
    protect(router, prefragment=prefragment, df_policy=df_policy)
    header, _inner = the_request(router.send(*frame(LAN, v4(MAX_INNER, df))))
    assert (header.prefragment, header.df_policy) == (bool(prefragment), df_policy)


@pytest.mark.parametrize("prefragment", [0, 1])
@pytest.mark.parametrize("df_policy", list(DfPolicy))
@pytest.mark.parametrize("df", [0, 1])
def test_transport_mode_knows_neither(
    router: Dut, prefragment: int, df_policy: DfPolicy, df: int
) -> None:
    protect(router, prefragment=prefragment, df_policy=df_policy, tunnel=0)
    header, _ = the_request(router.send(*frame(LAN, v4(MAX_INNER, df))))
    assert not header.prefragment
    outputs = router.send(*frame(LAN, v4(MAX_INNER + 1, df)))
    if df:
        assert the_punt(outputs).reason == Reason.FRAG_NEEDED
    else:
        header, _ = the_request(outputs)
        assert not header.prefragment


@pytest.mark.parametrize("prefragment", [0, 1])
@pytest.mark.parametrize("df_policy", list(DfPolicy))
def test_v6_is_never_split_before(router: Dut, prefragment: int, df_policy: DfPolicy) -> None:
    protect(router, prefragment=prefragment, df_policy=df_policy)
    header, _ = the_request(router.send(*frame(LAN, v6(MAX_INNER))))
    assert not header.prefragment
    port, octets = frame(LAN, v6(MAX_INNER + 1))
    punt = the_punt(router.send(port, octets))
    assert (punt.reason, punt.value, punt.frame) == (Reason.FRAG_NEEDED, MAX_INNER, octets)


def test_v6_up_to_1280_always_goes_through(router: Dut) -> None:
    protect(router, max_inner=1200, df_policy=DfPolicy.SET)
    header, _ = the_request(router.send(*frame(LAN, v6(1280))))
    assert (header.prefragment, header.df_policy) == (False, DfPolicy.CLEAR)
    header, _ = the_request(router.send(*frame(LAN, v6(1200))))
    assert header.df_policy == DfPolicy.SET, "it fits"
    punt = the_punt(router.send(*frame(LAN, v6(1281))))
    assert (punt.reason, punt.value) == (Reason.FRAG_NEEDED, 1280)


def test_no_limit(router: Dut) -> None:
    protect(router, max_inner=0)
    for packet in (v4(9000, 1), v6(9000)):
        header, inner = the_request(router.send(*frame(LAN, packet)))
        assert header.operation == Operation.ENCRYPT
        assert len(inner) == 9000


@pytest.mark.parametrize("mtu", [1300, 9000])
def test_path_mtu(router: Dut, mtu: int) -> None:
    protect(router, prefragment=1)
    router.write([path_mtu(mtu)])
    header, _ = the_request(router.send(*frame(LAN, v4(MAX_INNER + 1))))
    assert header.mtu == mtu
    router.write([path_mtu(mtu)], Kind.DELETE)
    header, _ = the_request(router.send(*frame(LAN, v4(MAX_INNER + 1))))
    assert header.mtu == MTU


def test_what_is_cut_before_is_cut_for_an_mtu_of_its_own(router: Dut) -> None:
    """A tunnel interface's MTU may be less than the path's."""
    protect(router, prefragment=1)
    router.write([path_mtu(1450, cut_mtu=1300)])
    for length, mtu in ((MAX_INNER, 1450), (MAX_INNER + 1, 1300)):
        header, _ = the_request(router.send(*frame(LAN, v4(length))))
        assert header.mtu == mtu
    router.write([sa_out(3, max_inner=MAX_INNER, prefragment=0)], Kind.MODIFY)
    header, _ = the_request(router.send(*frame(LAN, v4(MAX_INNER + 1))))
    assert header.mtu == 1450, "cut after encryption, for the path"


# -- in the clear ------------------------------------------------------------------------------


def test_v4_in_the_clear(router: Dut) -> None:
    the_frame(router.send(*frame(LAN, v4(MTU, 1))), WAN)
    header, inner = the_request(router.send(*frame(LAN, v4(MTU + 1))))
    assert header == CryptoHeader(Operation.FRAGMENT, mtu=MTU, ingress_if=LAN, egress_if=WAN)
    assert len(inner) == MTU + 1
    assert inner.ttl == 63
    port, octets = frame(LAN, v4(MTU + 1, 1))
    punt = the_punt(router.send(port, octets))
    assert (punt.reason, punt.value, punt.if_id) == (Reason.FRAG_NEEDED, MTU, WAN)
    assert punt.frame == octets


def test_v6_in_the_clear(router: Dut) -> None:
    the_frame(router.send(*frame(LAN, v6(MTU))), WAN)
    punt = the_punt(router.send(*frame(LAN, v6(MTU + 1))))
    assert (punt.reason, punt.value, punt.if_id) == (Reason.FRAG_NEEDED, MTU, WAN)


def test_the_frame_may_be_longer_than_the_packet(router: Dut) -> None:
    """Ethernet padding does not make a packet too big."""
    port, octets = frame(LAN, v4(MTU, 1))
    the_frame(router.send(port, octets + bytes(40)), WAN)


def test_an_interface_without_a_limit(router: Dut) -> None:
    router.write([interface_out(WAN, mtu=0)], Kind.MODIFY)
    the_frame(router.send(*frame(LAN, v4(9000, 1))), WAN)


def test_fragments_come_back_and_leave(router: Dut) -> None:
    header = CryptoHeader(Operation.FRAGMENTED, mtu=MTU, ingress_if=LAN, egress_if=WAN)
    router.write([spd(4, "spd_discard")])
    pieces = [IP(src=HOST4[LAN], dst=REMOTE4, ttl=1, frag=n, flags="MF", proto=17) / Raw(bytes(800))
              for n in (0, 100)]  # fmt: skip
    outputs = router.send_all([result(header, piece) for piece in pieces])
    assert [o.frame[14:] for o in outputs] == [bytes(piece) for piece in pieces]
    too_big = v4(MTU + 1)
    punt = the_punt(router.send(*result(header, too_big)))
    assert (punt.reason, punt.operation) == (Reason.FRAG_NEEDED, Operation.FRAGMENTED)


def test_the_hosts_own_packets(router: Dut) -> None:
    big = IP(src=ROUTER4[WAN], dst=REMOTE4, ttl=64) / UDP() / Raw(bytes(MTU))
    for mode in (Mode.ROUTE, Mode.ROUTE_CLEAR):
        header, inner = the_request(router.packet_out(mode, own(big)))
        assert (header.operation, inner.ttl) == (Operation.FRAGMENT, 64)
    big6 = IPv6(src=ROUTER6[WAN], dst=REMOTE6) / UDP() / Raw(bytes(MTU))
    assert the_punt(router.packet_out(Mode.ROUTE, own(big6))).reason == Reason.FRAG_NEEDED


def test_encrypted_packets_that_met_a_smaller_mtu(router: Dut) -> None:
    treat = {"level": 1, "queue": 101, "dscp": 0, "dscp_mask": 0}
    router.write([
        entry("pre_classified", {"sa_index": 3}, "pre_classify"),
        entry("class_out", {"qos_class": 4}, "treat", treat),
    ])  # fmt: skip
    header = CryptoHeader(
        Operation.ENCRYPTED,
        sa_index=3,
        epoch=1,
        spi=9,
        sequence=1,
        level=1,
        qos_group=101,
        egress_if=4 << 8 | WAN,
    )
    outer = IP(src=ROUTER4[WAN], dst=REMOTE4, proto=50) / Raw(bytes(MTU))
    request, _ = the_request(router.send(*result(header, outer)))
    assert request == CryptoHeader(
        Operation.FRAGMENT, mtu=MTU, egress_if=4 << 8 | WAN, level=1, qos_group=101
    ), "the class stays, the SA is done with"
    outer.flags = "DF"
    punt = the_punt(router.send(*result(header, outer)))
    assert (punt.reason, punt.value) == (Reason.FRAG_NEEDED, MTU)
    assert (punt.operation, punt.sa_index) == (Operation.ENCRYPTED, 3)
    header6 = replace(header, ethertype=0x86DD)
    outer6 = IPv6(src=ROUTER6[WAN], dst=REMOTE6, nh=50) / Raw(bytes(MTU))
    assert the_punt(router.send(*result(header6, outer6))).reason == Reason.FRAG_NEEDED


def test_the_mtu_of_each_ip_version(router: Dut) -> None:
    """Of the way out, and of a tunnel interface: what its SA takes may be more."""
    params = {"port": 511, "vlan_id": 0, "src_mac": 0, "mtu": 0, "spd_policy": 9, "mtu_v6": 1400}
    router.write([
        entry("interface_out", {"if_id": 5}, "set_egress", params),
        route("10.8.0.0/16", 5), route("2001:db8:8::/48", 5), sa_out(1, max_inner=1430),
        *(spd(n, "spd_protect", {"sa_index": 1}, spd_policy=9) for n in (4, 6)),
    ])  # fmt: skip

    def v4(length: int) -> Packet:
        return IP(src=HOST4[LAN], dst="10.8.0.5", flags="DF") / Raw(bytes(length - 20))

    def v6(length: int) -> Packet:
        return IPv6(src=HOST6[LAN], dst="2001:db8:8::5") / Raw(bytes(length - 40))

    for packet in (v4(1430), v6(1400)):
        the_request(router.send(*frame(LAN, packet)))
    for packet, mtu in ((v4(1431), 1430), (v6(1401), 1400)):
        punt = the_punt(router.send(*frame(LAN, packet)))
        assert (punt.reason, punt.value) == (Reason.FRAG_NEEDED, mtu)
    way_out = {"port": WAN, "vlan_id": 0, "src_mac": 1, "mtu": 1000, "spd_policy": 0}
    entries = [entry("interface_out", {"if_id": WAN}, "set_egress", {**way_out, "mtu_v6": 1300})]
    router.write(entries, Kind.MODIFY)
    for packet, mtu in (
        (IP(src=HOST4[LAN], dst=REMOTE4, flags="DF") / Raw(bytes(981)), 1000),
        (IPv6(src=HOST6[LAN], dst=REMOTE6) / Raw(bytes(1261)), 1300),
    ):
        punt = the_punt(router.send(*frame(LAN, packet)))
        assert (punt.reason, punt.value) == (Reason.FRAG_NEEDED, mtu)
