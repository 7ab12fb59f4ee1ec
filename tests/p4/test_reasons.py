"""Every reason is reached by some packet, counted once under its own number, and punted or not."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import pytest
from ipsecplane.targets import crypto_header
from ipsecplane.targets.crypto_header import CryptoHeader, Operation
from ipsecplane.targets.packetio import Mode
from ipsecplane.targets.reasons import Reason
from ipsecplane.targets.tables import TableEntry, entry
from scapy.layers.inet import ICMP, IP, UDP
from scapy.layers.inet6 import ICMPv6ND_NS, IPv6
from scapy.layers.ipsec import ESP
from scapy.layers.l2 import ARP, Ether
from scapy.packet import Raw

from tests.p4.duts import CPU_PORT, Dut, Punt
from tests.p4.world import (
    BROADCAST,
    HOST4,
    HOST6,
    HOST_MAC,
    LAN,
    POLICY,
    REMOTE4,
    ROUTER4,
    ROUTER6,
    ROUTER_MAC,
    WAN,
    frame,
    inner_policy,
    ip,
    own,
    result,
    route,
    sa_in,
    sad,
    selector,
    spd,
)

SPI = 0x11223344
DATA = Raw(b"0123456789abcdef")


def from_lan(dst: str = REMOTE4, **fields: Any) -> tuple[int, bytes]:
    return frame(LAN, IP(src=HOST4[LAN], dst=dst, **fields) / UDP(sport=1, dport=2) / DATA)


def esp(spi: int = SPI, seq: int = 1) -> tuple[int, bytes]:
    packet = IP(src=HOST4[WAN], dst=ROUTER4[WAN]) / ESP(spi=spi, seq=seq, data=bytes(40))
    return frame(WAN, packet)


def decrypted(
    sequence: int = 1, epoch: int = 1, dst: str = HOST4[LAN], reason: int = 0
) -> tuple[int, bytes]:
    header = CryptoHeader(
        Operation.DECRYPTED,
        sa_index=5,
        epoch=epoch,
        ingress_if=WAN,
        spi=SPI,
        sequence=sequence,
        reason=crypto_header.Reason(reason),
    )
    return result(header, IP(src=REMOTE4, dst=dst) / ICMP() / DATA)


@dataclass(frozen=True)
class Case:
    """A packet, and the tables (on top of the plain router's) that give it its reason."""

    packet: tuple[int, bytes]
    entries: list[TableEntry] = field(default_factory=list)
    first: tuple[tuple[int, bytes], ...] = ()  # packets to send before
    check: Callable[[Punt], bool] = lambda _: True


def _runt_ip() -> tuple[int, bytes]:
    port, octets = from_lan()
    return port, octets[:30]


def _bad_checksum() -> tuple[int, bytes]:
    return from_lan(chksum=0x1234)


def _require_ipsec() -> TableEntry:
    match = selector(spd_policy=POLICY, src="10.9.0.0/16")
    return entry("cleartext_v4", match, "require_ipsec", priority=1)


INBOUND = [sad(ROUTER4[WAN], SPI, 5), sa_in(5)]
WINDOW = [sad(ROUTER4[WAN], SPI, 5), sa_in(5, window=64), inner_policy(5, 4)]
DISCARD = entry("route_v4", dict(route("10.77.0.0/16", LAN).match), "route_discard")
UNKNOWN_EGRESS = route("10.78.0.0/16", 99)

CASES = {
    Reason.LOCAL: Case(
        frame(LAN, IP(src=HOST4[LAN], dst=ROUTER4[LAN]) / ICMP() / DATA),
        check=lambda p: (p.if_id, p.ingress_port, p.protocol) == (LAN, LAN, 1),
    ),
    Reason.ARP: Case(
        (LAN, bytes(Ether(src=HOST_MAC[LAN], dst=BROADCAST) / ARP(pdst=ROUTER4[LAN]))),
        check=lambda p: p.if_id == LAN,
    ),
    Reason.ND: Case(
        frame(
            LAN,
            IPv6(src=HOST6[LAN], dst="ff02::1:ff00:1", hlim=255) / ICMPv6ND_NS(tgt=ROUTER6[LAN]),
            "33:33:ff:00:00:01",
        ),
        check=lambda p: p.if_id == LAN,
    ),
    Reason.REASSEMBLE: Case(
        frame(WAN, IP(src=HOST4[WAN], dst=ROUTER4[WAN], flags="MF", proto=50) / Raw(bytes(64))),
        check=lambda p: p.if_id == WAN,
    ),
    Reason.INVALID_SPI: Case(
        esp(0xDEADBEEF),
        INBOUND,
        check=lambda p: (p.value, p.protocol, p.if_id) == (0xDEADBEEF, 50, WAN),
    ),
    Reason.ACQUIRE: Case(
        from_lan(),
        [spd(4, "spd_acquire", {"policy_entry": 77}, dst="10.9.0.0/16")],
        check=lambda p: (p.value, p.if_id) == (77, WAN),
    ),
    Reason.GLEAN: Case(
        from_lan("192.0.2.99"),
        check=lambda p: (p.value, p.if_id) == (ip("192.0.2.99"), WAN),
    ),
    Reason.TTL_EXPIRED: Case(from_lan(ttl=1), check=lambda p: p.if_id == LAN),
    Reason.FRAG_NEEDED: Case(
        frame(LAN, IP(src=HOST4[LAN], dst=REMOTE4, flags="DF") / Raw(bytes(1481))),
        check=lambda p: (p.value, p.if_id) == (1500, WAN),
    ),
    Reason.NO_ROUTE: Case(from_lan("172.16.0.1"), check=lambda p: p.if_id == 0),
    Reason.SA_ERROR: Case(
        decrypted(reason=8),
        [sa_in(5), inner_policy(5, 4)],
        check=lambda p: (p.crypto_reason, p.sa_index, p.value, p.operation, p.if_id)
        == (8, 5, SPI, Operation.DECRYPTED, WAN),
    ),
    Reason.INNER_POLICY: Case(
        decrypted(),
        [sa_in(5), inner_policy(5, 4, src="10.8.0.0/16")],
        check=lambda p: (p.sa_index, p.value, p.if_id) == (5, SPI, WAN),
    ),
    Reason.NOT_IPSEC: Case(
        frame(WAN, IP(src=REMOTE4, dst=HOST4[LAN]) / ICMP() / DATA),
        [_require_ipsec()],
        check=lambda p: p.if_id == WAN,
    ),
    Reason.REPLAYED: Case(
        esp(seq=900),
        WINDOW,
        (decrypted(900),),
        check=lambda p: (p.sa_index, p.value, p.if_id, p.operation) == (5, SPI, WAN, 0),
    ),
    Reason.TOO_OLD: Case(
        decrypted(836),
        WINDOW,
        (decrypted(900),),
        check=lambda p: (p.sa_index, p.value, p.if_id, p.operation) == (5, SPI, WAN, 10),
    ),
    Reason.NAT_FLOW: Case(
        from_lan(),
        [entry("nat_rule_v4", {"spd_policy": POLICY}, "nat_translate", {"nat_rule": 3}, 1)],
        check=lambda p: (p.value, p.if_id) == (3, LAN),
    ),
    Reason.UNKNOWN_INTERFACE: Case((9, from_lan()[1])),
    Reason.NOT_MY_MAC: Case(
        frame(LAN, IP(src=HOST4[LAN], dst=REMOTE4) / UDP() / DATA, "02:99:99:99:99:99")
    ),
    Reason.BAD_IP_HEADER: Case(from_lan(version=5)),
    Reason.BAD_CHECKSUM: Case(_bad_checksum()),
    Reason.SPD_DISCARD: Case(from_lan(), [spd(4, "spd_discard")]),
    Reason.ROUTE_DISCARD: Case(from_lan("10.77.0.1"), [DISCARD]),
    Reason.BUNDLE_INNER_ALONE: Case(
        esp(), [entry("sad_v4", {"dst": ip(ROUTER4[WAN]), "protocol": 50, "spi": SPI},
                      "sad_inner_only")]
    ),
    Reason.NAT_KEEPALIVE: Case(
        frame(WAN, IP(src=HOST4[WAN], dst=ROUTER4[WAN]) / UDP(sport=9, dport=4500) / Raw(b"\xff"))
    ),
    Reason.SA_OUT_MISSING: Case(from_lan(), [spd(4, "spd_protect", {"sa_index": 9})]),
    Reason.SA_IN_MISSING: Case(esp(), INBOUND[:1]),
    Reason.WRONG_ENCAPSULATION: Case(esp(), [INBOUND[0], sa_in(5, udp_encap=1)]),
    Reason.UNSUPPORTED_ETHERTYPE: Case(
        (LAN, bytes(Ether(src=HOST_MAC[LAN], dst=ROUTER_MAC[LAN], type=0x8847) / DATA))
    ),
    Reason.EGRESS_UNKNOWN: Case(from_lan("10.78.0.1"), [UNKNOWN_EGRESS]),
    Reason.PARSER_ERROR: Case(_runt_ip()),
}  # fmt: skip


def test_no_reason_is_left_out() -> None:
    assert set(Reason) - set(CASES) == {Reason.NONE, Reason.PUNT_RATE_EXCEEDED}


@pytest.mark.parametrize("reason", CASES, ids=lambda reason: reason.name)
def test_reason(router: Dut, reason: Reason) -> None:
    case = CASES[reason]
    router.write(case.entries)
    router.send_all(case.first)
    before = router.reasons()
    outputs = router.send(*case.packet)
    assert router.reasons() - before == {reason: 1}
    if reason.is_punt:
        (punt,) = outputs
        assert isinstance(punt, Punt)
        assert punt.reason == reason
        assert case.check(punt), punt
        if not punt.operation:
            assert punt.frame == case.packet[1], "the host sees the frame as it arrived"
    else:
        assert outputs == []


def test_punt_rate(router: Dut) -> None:
    """Above its rate a reason's packets are counted under it and under PUNT_RATE_EXCEEDED."""
    case = CASES[Reason.NO_ROUTE]
    router.limit_punts(Reason.NO_ROUTE, 1)
    try:
        before = router.reasons()
        outputs = router.send_all([case.packet] * 20)
        counted = router.reasons() - before
        assert 1 <= len(outputs) <= 3
        assert counted == {Reason.NO_ROUTE: 20, Reason.PUNT_RATE_EXCEEDED: 20 - len(outputs)}
        other = router.send_all([CASES[Reason.LOCAL].packet] * 20)
        assert len(other) == 20, "another reason has its own meter"
    finally:
        router.limit_punts(Reason.NO_ROUTE, None)
    assert len(router.send_all([case.packet] * 20)) == 20


def test_packets_of_the_host_that_cannot_leave_come_back(router: Dut) -> None:
    packet = own(IP(src=ROUTER4[LAN], dst="172.16.0.1") / ICMP() / DATA)
    (punt,) = router.packet_out(Mode.ROUTE, packet)
    assert isinstance(punt, Punt)
    assert (punt.reason, punt.ingress_port, punt.frame) == (Reason.NO_ROUTE, CPU_PORT, packet)
