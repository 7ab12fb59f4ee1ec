"""The embedded switch and stock BMv2 give the same for the same: good packets, and broken ones."""

from __future__ import annotations

import random
from collections.abc import Iterator

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from ipsecplane.targets.crypto_header import CryptoHeader, Operation
from ipsecplane.targets.packetio import Mode
from ipsecplane.targets.tables import TableEntry, entry
from scapy.layers.inet import ICMP, IP, TCP, UDP, IPOption_NOP
from scapy.layers.inet6 import (
    ICMPv6ND_NS,
    IPv6,
    IPv6ExtHdrDestOpt,
    IPv6ExtHdrFragment,
    IPv6ExtHdrHopByHop,
    IPv6ExtHdrRouting,
    PadN,
)
from scapy.layers.ipsec import AH, ESP
from scapy.packet import Packet, Raw

from tests.p4 import duts
from tests.p4.world import (
    HOST4,
    HOST6,
    LAN,
    POLICY,
    REMOTE4,
    REMOTE6,
    ROUTER4,
    ROUTER6,
    TAGGED,
    WAN,
    base,
    frame,
    inner_policy,
    own,
    result,
    sa_in,
    sa_out,
    sad,
    selector,
    spd,
)

DATA = Raw(bytes(range(64)))
SPI = 0x01020304


def tables() -> list[TableEntry]:
    """Something for every stage to find."""
    entries = base(mtu=400)
    for n, net, router in ((4, "10.9.0.0/16", ROUTER4), (6, "2001:db8:9::/48", ROUTER6)):
        entries += [
            spd(n, "spd_protect", {"sa_index": 1}, priority=1, dst=net),
            spd(n, "spd_acquire", {"policy_entry": 4}, priority=2, dst=net, protocol=6),
            spd(n, "spd_discard", priority=3, dst=net, dst_port=99),
            sad(router[WAN], SPI, 2),
            sad(router[WAN], SPI, 2, 51),
            sad(router[LAN], SPI, 3),
            inner_policy(2, n, src=net),
            entry(
                f"cleartext_v{n}",
                selector(spd_policy=POLICY, src=net),
                "require_ipsec",
                priority=1,
            ),
        ]
    return [*entries, sa_out(1, max_inner=300, prefragment=1), sa_in(2, 7, 64), sa_in(3, 7, 0, 1)]


def corpus() -> list[tuple[int, bytes]]:
    """One of each kind."""
    out4, out6 = IP(src=HOST4[LAN], dst=REMOTE4), IPv6(src=HOST6[LAN], dst=REMOTE6)
    in4, in6 = IP(src=REMOTE4, dst=ROUTER4[WAN]), IPv6(src=REMOTE6, dst=ROUTER6[WAN])
    esp = ESP(spi=SPI, seq=9, data=bytes(40))
    ah = AH(nh=4, payloadlen=4, spi=SPI, seq=9, icv=bytes(12)) / DATA
    chain = IPv6ExtHdrHopByHop() / IPv6ExtHdrRouting(addresses=[REMOTE6]) / IPv6ExtHdrDestOpt(
        options=PadN(optdata=bytes(30))
    )  # fmt: skip
    packets: list[tuple[int, Packet]] = [
        (LAN, out4 / UDP(sport=1, dport=2) / DATA),
        (LAN, IP(src=HOST4[LAN], dst=HOST4[TAGGED], options=[IPOption_NOP()] * 12) / TCP() / DATA),
        (LAN, IP(src=HOST4[LAN], dst=HOST4[WAN], frag=3, flags="MF") / DATA),
        (LAN, IP(src=HOST4[LAN], dst=HOST4[WAN], flags="DF") / Raw(bytes(500))),
        (LAN, IP(src=HOST4[LAN], dst=HOST4[WAN]) / Raw(bytes(500))),
        (LAN, out6 / chain / UDP(dport=99) / DATA),
        (LAN, out6 / IPv6ExtHdrFragment(offset=3, m=1) / DATA),
        (LAN, IPv6(src=HOST6[LAN], dst=HOST6[TAGGED]) / TCP(dport=99) / DATA),
        (LAN, IPv6(src=HOST6[LAN], dst=HOST6[WAN]) / Raw(bytes(500))),
        (LAN, IPv6(src=HOST6[LAN], dst="ff02::1:ff00:1", hlim=255) / ICMPv6ND_NS()),
        (LAN, IP(src=HOST4[LAN], dst=ROUTER4[LAN], proto=58, ttl=255) / ICMPv6ND_NS()),
        (LAN, IPv6(src=HOST6[LAN], dst="2001:db8:2::99") / DATA),
        (LAN, IP(src=HOST4[LAN], dst="192.0.2.99") / DATA),
        (WAN, in4 / esp),
        (WAN, in4 / ah),
        (WAN, IP(src=REMOTE4, dst=ROUTER4[LAN]) / UDP(sport=4500, dport=4500) / esp),
        (WAN, in4 / UDP(sport=4500, dport=4500) / bytes(30)),
        (WAN, in4 / UDP(sport=4500, dport=4500) / b"\xff"),
        (WAN, in6 / chain / esp),
        (WAN, in6 / ah),
        (TAGGED, IP(src=HOST4[TAGGED], dst=HOST4[LAN]) / ICMP() / DATA),
    ]
    frames = [frame(port, packet) for port, packet in packets]
    for operation in (Operation.ENCRYPTED, Operation.DECRYPTED, Operation.FRAGMENTED):
        header = CryptoHeader(operation, sa_index=2, epoch=7, ingress_if=WAN, spi=SPI, sequence=9)
        inner = IP(src=REMOTE4, dst=HOST4[LAN]) / UDP() / DATA
        frames.append(result(header, inner))
    for mode, packet in ((Mode.ROUTE, out4 / DATA), (Mode.ROUTE_CLEAR, out6 / DATA)):
        frames.append((duts.CPU_PORT, bytes([0, 0, mode, 0]) + own(packet)))
    received = bytes([0, WAN, Mode.RECEIVE, 0]) + frame(WAN, in4 / esp)[1]
    return [*frames, (duts.CPU_PORT, received)]


CORPUS = corpus()


@st.composite
def broken(draw: st.DrawFn) -> tuple[int, bytes]:
    """A frame of the corpus after some accidents."""
    port, octets = draw(st.sampled_from(CORPUS))
    first = 4 if port == duts.CPU_PORT else 0  # DIRECT would show what the harness sends
    frame = bytearray(octets)
    for _ in range(draw(st.integers(0, 3))):
        where = draw(st.integers(first, min(len(frame), 120) - 1))
        frame[where] = draw(st.sampled_from([0, 1, 0x45, 0x60, 0xFF, frame[where] ^ 1, 44, 50, 60]))
    cut = draw(st.one_of(st.just(len(frame)), st.integers(max(first, 1), len(frame))))
    return port, bytes(frame[:cut]) + bytes(draw(st.sampled_from([0, 0, 0, 20])))


def by_port(outputs: list[duts.Output]) -> list[duts.Output]:
    return sorted(outputs, key=lambda o: o.port if isinstance(o, duts.Sent) else -1)


@pytest.fixture(scope="module")
def both() -> Iterator[tuple[duts.Dut, duts.Dut]]:
    if why := duts.Bmv2.missing():
        pytest.skip(f"NOT COMPARED with stock BMv2: {why}")
    pair = duts.make(duts.Embedded.name), duts.make(duts.Bmv2.name)
    for device in pair:
        device.write(tables())
    yield pair
    for device in pair:
        device.close()


def test_agreement_on_good_packets(both: tuple[duts.Dut, duts.Dut]) -> None:
    for port, octets in CORPUS:
        embedded, bmv2 = (device.send(port, octets) for device in both)
        assert embedded == bmv2
    assert both[0].reasons() == both[1].reasons()


@settings(max_examples=150, suppress_health_check=list(HealthCheck))
@given(frames=st.lists(broken(), min_size=1, max_size=10))
def test_agreement_on_broken_packets(
    both: tuple[duts.Dut, duts.Dut], frames: list[tuple[int, bytes]]
) -> None:
    embedded, bmv2 = (by_port(device.send_all(frames)) for device in both)
    assert embedded == bmv2
    assert both[0].reasons() == both[1].reasons()


def test_octets_of_any_kind_raise_nothing() -> None:
    device = duts.make(duts.Embedded.name)
    device.write(tables())
    generator = random.Random(5)
    for _ in range(3000):
        port = generator.choice([1, 2, 3, 500, 510])
        octets = generator.randbytes(generator.randrange(120))
        if generator.random() < 0.7:
            port, octets = generator.choice(CORPUS)
            where = generator.randrange(12, len(octets))
            octets = octets[:where] + generator.randbytes(4) + octets[where + 4 :]
        assert len(device.send(port, octets)) <= 1
