"""Checksums after transport mode through a NAT."""

from __future__ import annotations

from ipaddress import IPv4Address, ip_address

from hypothesis import given, settings
from hypothesis import strategies as st
from ipsecplane.net.ip import UDP, IpPacket, PacketError, UdpDatagram, parse_udp
from ipsecplane.net.transport_nat import restored

addresses = st.integers(0, 0xFFFFFFFF).map(IPv4Address)
HERE, THERE, SEEN = map(ip_address, ("10.2.2.2", "10.1.1.1", "192.0.2.1"))


@settings(max_examples=200)
@given(addresses, addresses, addresses, addresses, st.binary(max_size=40), st.integers(0, 65535))
def test_a_checksum_over_the_peers_addresses_becomes_one_over_ours(
    made_by: IPv4Address,
    made_for: IPv4Address,
    source: IPv4Address,
    destination: IPv4Address,
    data: bytes,
    port: int,
) -> None:
    octets = UdpDatagram(port, 9, data).encode(made_by, made_for)
    packet = restored(IpPacket(source, destination, UDP, octets), (made_by, made_for))
    assert parse_udp(packet).payload == data
    assert packet.payload[6:8] != bytes(2), "0 means none"


def test_a_wrong_checksum_stays_wrong() -> None:
    octets = bytearray(UdpDatagram(1, 2, b"hello").encode(THERE, HERE))
    octets[-1] ^= 1
    packet = restored(IpPacket(SEEN, HERE, UDP, bytes(octets)), (THERE, HERE))
    try:
        parse_udp(packet)
    except PacketError:
        return
    raise AssertionError("a damaged packet passes")


def test_what_bears_no_checksum_over_addresses_is_left_alone() -> None:
    for protocol, octets in ((1, bytes(8)), (UDP, bytes(8)), (UDP, b"short"), (6, bytes(10))):
        packet = IpPacket(SEEN, HERE, protocol, octets)
        assert restored(packet, (THERE, HERE)) is packet
