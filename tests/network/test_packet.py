"""The hosts' codecs against scapy's, both ways, and against damaged octets."""

from __future__ import annotations

import contextlib
from ipaddress import IPv4Address, IPv6Address, ip_address

import pytest
from hypothesis import given
from hypothesis import strategies as st
from ipsecsim.network import icmp, tcp, udp
from ipsecsim.network import packet as ip
from ipsecsim.network.icmp import IcmpMessage
from ipsecsim.network.packet import (
    Arp,
    IpPacket,
    PacketError,
    Reassembler,
    checksum,
    fragments,
    mac_octets,
    mac_text,
)
from scapy.layers.inet import ICMP, IP, TCP, UDP
from scapy.layers.inet6 import ICMPv6EchoRequest, ICMPv6ND_NS, IPv6, IPv6ExtHdrFragment
from scapy.layers.l2 import ARP as ScapyArp
from scapy.packet import Packet, Raw
from scapy.utils import checksum as scapy_checksum

V4 = (IPv4Address("10.0.0.1"), IPv4Address("192.0.2.200"))
V6 = (IPv6Address("fd00::1"), IPv6Address("2001:db8::9"))
ends = st.sampled_from([V4, V6])
payloads = st.binary(max_size=200)


def scapy_ip(octets: bytes) -> Packet:
    return IP(octets) if octets[0] >> 4 == 4 else IPv6(octets)


def assert_scapy_agrees(octets: bytes) -> Packet:
    """Scapy, computing every length and checksum itself, builds the same octets."""
    read = scapy_ip(octets)
    rebuilt = read.copy()
    layer = rebuilt
    while layer and not isinstance(layer, Raw):
        for name in ("chksum", "cksum", "len", "plen", "ihl", "dataofs"):
            if name in layer.fields:
                del layer.fields[name]
        layer = layer.payload
    assert bytes(rebuilt) == octets
    return read


@given(st.binary(max_size=101))
def test_checksum(octets: bytes) -> None:
    assert checksum(octets) == scapy_checksum(octets)


@given(ends, payloads, st.integers(0, 255), st.integers(1, 255), st.booleans())
def test_ip_round_trip(
    pair: tuple[IPv4Address, IPv4Address], payload: bytes, tos: int, ttl: int, df: bool
) -> None:
    df = df and pair[0].version == 4
    packet = IpPacket(*pair, 253, payload, ttl, tos, dont_fragment=df)
    octets = packet.encode()
    assert IpPacket.decode(octets + b"padding") == packet
    assert packet.length == len(octets)
    assert_scapy_agrees(octets)


@given(ends, payloads, st.integers(0, 65535), st.integers(0, 65535))
def test_udp(pair: tuple[IPv4Address, IPv4Address], data: bytes, sport: int, dport: int) -> None:
    packet = IpPacket(*pair, ip.UDP, udp.encode(*pair, (sport, dport), data))
    assert udp.decode(packet) == (sport, dport, data)
    read = assert_scapy_agrees(packet.encode())
    assert (read[UDP].sport, read[UDP].dport) == (sport, dport)


@given(ends, payloads, st.integers(0, 2**32 - 1), st.sampled_from([None, 1460]))
def test_tcp(
    pair: tuple[IPv4Address, IPv4Address], data: bytes, number: int, mss: int | None
) -> None:
    segment = tcp.Segment(1024, 80, number, 77, tcp.ACK, 4096, data, mss)
    packet = IpPacket(*pair, ip.TCP, segment.encode(*pair))
    assert tcp.Segment.decode(packet) == segment
    read = assert_scapy_agrees(packet.encode())
    assert (read[TCP].seq, dict(read[TCP].options).get("MSS")) == (number, mss)


@given(ends, payloads)
def test_echo(pair: tuple[IPv4Address, IPv4Address], data: bytes) -> None:
    version = pair[0].version
    message = IcmpMessage(icmp.ECHO_REQUEST[version], 0, 0x12340005, data)
    packet = IpPacket(*pair, icmp.protocol_of(version), message.encode(*pair))
    assert IcmpMessage.decode(packet) == message
    read = assert_scapy_agrees(packet.encode())
    echo = read[ICMP] if version == 4 else read[ICMPv6EchoRequest]
    assert (echo.id, echo.seq) == (0x1234, 5)


def test_neighbor_solicitation_and_arp_as_scapy_reads_them() -> None:
    mac = bytes([2, 0, 0, 0, 0, 1])
    group = icmp.solicited_node(V6[1])
    octets = icmp.solicitation(V6[1], mac).encode(V6[0], group)
    read = IPv6(IpPacket(V6[0], group, 58, octets, ttl=255).encode())
    assert read[ICMPv6ND_NS].tgt == str(V6[1])
    assert read[ICMPv6ND_NS].payload.lladdr == mac_text(mac)
    assert icmp.link_layer_option(octets[8:], 1) == mac
    request = Arp(Arp.REQUEST, mac, V4[0], bytes(6), V4[1])
    seen = ScapyArp(request.encode())
    assert (seen.op, seen.hwsrc, seen.psrc, seen.pdst) == (1, mac_text(mac), *map(str, V4))
    assert Arp.decode(request.encode()) == request


@given(ends, st.binary(min_size=1, max_size=4000), st.integers(100, 1500), st.randoms())
def test_fragments_come_together_in_any_order(
    pair: tuple[IPv4Address, IPv4Address], payload: bytes, mtu: int, chance: object
) -> None:
    packet = IpPacket(*pair, 253, payload, identification=7)
    pieces = fragments(packet, mtu)
    assert all(len(piece.encode()) <= mtu for piece in pieces)
    chance.shuffle(pieces)  # type: ignore[attr-defined]
    reassembler = Reassembler()
    results = [reassembler.add(IpPacket.decode(piece.encode()), 0.0) for piece in pieces]
    assert results[:-1] == [None] * (len(pieces) - 1)
    assert results[-1] is not None
    assert (results[-1].payload, results[-1].is_fragment) == (payload, False)


def test_fragments_are_what_scapy_reads() -> None:
    last = fragments(IpPacket(*V6, 17, bytes(3000), identification=9), 1280)[-1]
    extension = IPv6(last.encode())[IPv6ExtHdrFragment]
    assert (extension.id, extension.m, extension.offset) == (9, 0, last.fragment_offset // 8)


def test_overlapping_and_late_fragments_are_dropped() -> None:
    reassembler = Reassembler()
    one, two = fragments(IpPacket(*V4, 253, bytes(100), identification=1), 100)
    assert reassembler.add(one, 0) is None
    assert reassembler.add(one, 0) is None  # the same again overlaps: RFC 5722 drops it all
    assert reassembler.add(two, 0) is None
    assert reassembler.add(one, 40.0) is None
    assert reassembler.timed_out == 1


@given(st.binary(max_size=80))
def test_any_octets_are_read_or_refused(octets: bytes) -> None:
    for decode in (IpPacket.decode, Arp.decode):
        with contextlib.suppress(PacketError):
            decode(octets)


@given(ends, st.data())
def test_one_flipped_bit_is_noticed(
    pair: tuple[IPv4Address, IPv4Address], data: st.DataObject
) -> None:
    """In the IPv4 header or in the UDP message: one of the checksums or lengths objects."""
    packet = IpPacket(*pair, ip.UDP, udp.encode(*pair, (5, 6), b"payload"))
    octets = bytearray(packet.encode())
    start = 0 if pair[0].version == 4 else 40
    at = data.draw(st.integers(start, len(octets) - 1))
    octets[at] ^= 1 << data.draw(st.integers(0, 7))
    with pytest.raises(PacketError):
        udp.decode(IpPacket.decode(bytes(octets)))


@pytest.mark.parametrize("text", ["0200.0000.00ff", "02:00:00:00:00:ff", "02-00-00-00-00-FF"])
def test_mac_addresses(text: str) -> None:
    assert mac_text(mac_octets(text)) == "02:00:00:00:00:ff"


@pytest.mark.parametrize("text", ["", "02:00", "zz:00:00:00:00:00"])
def test_wrong_mac_addresses(text: str) -> None:
    with pytest.raises(PacketError, match="no MAC address"):
        mac_octets(text)


def test_addresses_of_both_versions() -> None:
    assert {ip_address(str(end)).version for pair in (V4, V6) for end in pair} == {4, 6}
