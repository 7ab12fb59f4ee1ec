"""Address and port translation on the host, held against checksums made anew."""

from __future__ import annotations

from dataclasses import replace
from ipaddress import IPv4Address

import pytest
from hypothesis import given
from hypothesis import strategies as st
from ipsecplane.net.ip import IpPacket, parse_ip
from ipsecplane.net.pat import CAPACITY, Translations, port_of
from scapy.layers.inet import ICMP, IP, TCP, UDP
from scapy.packet import Packet, Raw

OUTSIDE = IPv4Address("10.9.0.1")
FAR = "192.168.100.2"


def packet(layer: Packet, src: str = "10.2.3.10") -> IpPacket:
    return parse_ip(bytes(IP(src=src, dst=FAR) / layer))


def checksums_hold(one: IpPacket) -> bool:
    octets = one.encode()
    fresh = IP(octets)
    for layer in (TCP, UDP, ICMP):
        if layer in fresh:
            del fresh[layer].chksum
    return bytes(fresh) == octets


@given(
    st.sampled_from([UDP, TCP]), st.integers(1, 65535), st.integers(1, 65535), st.binary(max_size=9)
)
def test_there_and_back(kind: type[Packet], sport: int, dport: int, data: bytes) -> None:
    translations = Translations()
    one = packet(kind(sport=sport, dport=dport) / Raw(data))
    flow = translations.open(1, OUTSIDE, one)
    assert flow is not None
    assert flow.outside_port >= 1024
    back = parse_ip(
        bytes(
            IP(src=FAR, dst=str(OUTSIDE)) / kind(sport=dport, dport=flow.outside_port) / Raw(data)
        )
    )
    inside = translations.to_inside(back)
    assert inside is not None
    assert (str(inside.dst), port_of(inside, source=False)) == ("10.2.3.10", sport)
    assert checksums_hold(inside)
    sent = replace(parse_ip(bytes(IP(src=str(OUTSIDE), dst=FAR) / kind(sport=flow.outside_port))))
    assert (
        translations.as_it_was(sent).src,
        port_of(translations.as_it_was(sent), source=True),
    ) == (
        IPv4Address("10.2.3.10"),
        sport,
    )


def test_two_hosts_with_one_port_get_different_ones() -> None:
    translations = Translations()
    first = translations.open(1, OUTSIDE, packet(UDP(sport=5000)))
    second = translations.open(1, OUTSIDE, packet(UDP(sport=5000), "10.2.3.11"))
    again = translations.open(1, OUTSIDE, packet(UDP(sport=5000)))
    assert first is not None
    assert second is not None
    assert first is again
    assert (first.outside_port, second.outside_port) == (5000, 5001)
    translations.remove(first)
    assert translations.open(1, OUTSIDE, packet(UDP(sport=5000), "10.2.3.12")) is not None
    assert len(translations) == 2


@pytest.mark.parametrize(
    "one",
    [
        packet(ICMP(type=3)),
        parse_ip(bytes(IP(src="10.2.3.10", dst=FAR, proto=47) / Raw(bytes(30)))),
        parse_ip(bytes(IP(src="10.2.3.10", dst=FAR, frag=4, proto=17) / Raw(bytes(30)))),
        parse_ip(bytes(IP(src="10.2.3.10", dst=FAR, proto=6) / Raw(bytes(19)))),
    ],
    ids=["error", "other protocol", "fragment", "short"],
)
def test_what_has_nothing_to_tell_flows_apart_by(one: IpPacket) -> None:
    assert Translations().open(1, OUTSIDE, one) is None


def test_a_full_table_refuses() -> None:
    translations = Translations()
    for number in range(CAPACITY):
        assert translations.open(1, OUTSIDE, packet_of(number)) is not None
    assert translations.open(1, OUTSIDE, packet_of(CAPACITY)) is None


def packet_of(number: int) -> IpPacket:
    """An echo of its own; without scapy, which is slow."""
    source = IPv4Address(0x0A020000 + number % 250)
    payload = bytes((8, 0, 0, 0)) + (1024 + number).to_bytes(2, "big") + bytes(2)
    return IpPacket(source, IPv4Address(FAR), 1, payload)


@given(st.binary(max_size=60), st.integers(0, 255))
def test_any_payload_is_translated_or_left(data: bytes, protocol: int) -> None:
    translations = Translations()
    one = IpPacket(IPv4Address("10.2.3.10"), IPv4Address(FAR), protocol, data)
    translations.open(1, OUTSIDE, one)
    translations.to_inside(replace(one, dst=OUTSIDE))
    assert translations.as_it_was(one) == one
