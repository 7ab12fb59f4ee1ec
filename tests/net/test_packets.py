"""Our small codecs against scapy's."""

from __future__ import annotations

from ipaddress import IPv4Address, IPv6Address, ip_address

import pytest
from hypothesis import given
from hypothesis import strategies as st
from ipsecplane.net import icmp, ip
from ipsecplane.net.icmp import IcmpMessage, Kind
from ipsecplane.net.ip import EthernetFrame, IpPacket, PacketError, UdpDatagram
from ipsecplane.net.tcp import reset_for
from scapy.layers.inet import ICMP, IP, TCP, UDP
from scapy.layers.inet6 import ICMPv6EchoRequest, IPv6, IPv6ExtHdrDestOpt
from scapy.layers.l2 import Dot1Q, Ether

ADDRESSES = st.one_of(
    st.tuples(st.ip_addresses(v=4), st.ip_addresses(v=4)),
    st.tuples(st.ip_addresses(v=6), st.ip_addresses(v=6)),
)
BYTES = st.binary(max_size=200)


def scapy_ip(octets: bytes) -> IP | IPv6:
    return (IP if octets[0] >> 4 == 4 else IPv6)(octets)


@given(ADDRESSES, st.integers(0, 255), BYTES, st.integers(1, 255), st.integers(0, 255),
       st.booleans(), st.booleans(), st.integers(0, 100))  # fmt: skip
def test_ip_packets(
    addresses: tuple[IPv4Address | IPv6Address, IPv4Address | IPv6Address],
    protocol: int, payload: bytes, ttl: int, tos: int, df: bool, more: bool, offset: int,
) -> None:  # fmt: skip
    src, dst = addresses
    if src.version == 6:
        df, more, offset = True, False, 0
        if protocol in (0, 43, 44, 60):
            protocol = 59
    packet = IpPacket(src, dst, protocol, payload, ttl, tos, 0, df, more, offset * 8)
    octets = packet.encode()
    assert ip.parse_ip(octets + bytes(7)) == packet, "Ethernet's padding is not the packet's"
    seen = scapy_ip(octets)
    if src.version == 4:
        del seen.chksum
        assert bytes(IP(bytes(seen)))[:20] == octets[:20], "scapy makes the same checksum"
        assert (seen.src, seen.dst, seen.proto, seen.ttl) == (str(src), str(dst), protocol, ttl)
        assert (seen.frag, bool(seen.flags.MF), bool(seen.flags.DF)) == (offset, more, df)
    else:
        assert (ip_address(seen.src), ip_address(seen.dst)) == (src, dst)
        assert (seen.nh, seen.hlim, seen.tc, seen.plen) == (protocol, ttl, tos, len(payload))


@given(ADDRESSES, st.integers(0, 65535), st.integers(0, 65535), BYTES)
def test_udp(
    addresses: tuple[IPv4Address, IPv4Address], src_port: int, dst_port: int, payload: bytes
) -> None:
    src, dst = addresses
    datagram = UdpDatagram(src_port, dst_port, payload)
    octets = datagram.encode(src, dst)
    packet = IpPacket(src, dst, 17, octets)
    assert ip.parse_udp(packet) == datagram
    theirs = (IP if src.version == 4 else IPv6)(src=str(src), dst=str(dst)) / UDP(
        sport=src_port, dport=dst_port
    )
    made = bytes(theirs / payload)[20 if src.version == 4 else 40 :]
    assert made == octets
    if int.from_bytes(octets[6:8], "big"):
        with pytest.raises(PacketError, match="UDP: bad checksum"):
            ip.parse_udp(IpPacket(src, dst, 17, octets[:7] + bytes([octets[7] ^ 1]) + octets[8:]))


@given(ADDRESSES, st.integers(0, 0xFFFFFFFF), BYTES)
def test_icmp_echo(addresses: tuple[IPv4Address, IPv4Address], rest: int, data: bytes) -> None:
    src, dst = addresses
    message = IcmpMessage(Kind.ECHO_REQUEST, rest, data)
    packet = message.packet(src, dst)
    assert icmp.parse_icmp(packet) == message
    layer: ICMP | ICMPv6EchoRequest
    if src.version == 4:
        layer = IP(src=str(src), dst=str(dst)) / ICMP(id=rest >> 16, seq=rest & 0xFFFF)
    else:
        layer = IPv6(src=str(src), dst=str(dst)) / ICMPv6EchoRequest(
            id=rest >> 16, seq=rest & 0xFFFF, data=data
        )
    made = bytes(layer / data) if src.version == 4 else bytes(layer)
    assert made[20 if src.version == 4 else 40 :] == packet.payload
    assert icmp.echo_reply(packet, message).dst == src


def test_extension_headers_are_passed_over() -> None:
    packet = (
        IPv6(src="2001:db8::1", dst="2001:db8::2") / IPv6ExtHdrDestOpt() / UDP(dport=500) / b"x"
    )
    parsed = ip.parse_ip(bytes(packet))
    assert parsed.protocol == 17
    assert ip.parse_udp(parsed).dst_port == 500


def test_tagged_frames() -> None:
    frame = bytes(Ether(dst="02:00:00:00:00:01", src="02:00:00:00:00:02") / Dot1Q(vlan=7) / b"xy")
    parsed = ip.parse_ethernet(frame)
    assert (parsed.dst, parsed.src, parsed.payload) == (0x020000000001, 0x020000000002, b"xy")
    plain = EthernetFrame(1, 2, 0x0800, b"z")
    assert ip.parse_ethernet(plain.encode()) == plain


@given(st.binary(max_size=120))
def test_any_octets_give_a_packet_or_a_packet_error(octets: bytes) -> None:
    for parse in (ip.parse_ethernet, ip.parse_ip):
        try:
            packet = parse(octets)
        except PacketError:
            continue
        if isinstance(packet, IpPacket):
            for inner in (ip.parse_udp, icmp.parse_icmp, reset_for):
                try:
                    inner(packet)  # type: ignore[operator]
                except PacketError:
                    continue


V4 = (ip_address("192.0.2.1"), ip_address("192.0.2.2"))


def udp_packet(**more: object) -> IpPacket:
    values: dict[str, object] = {"ttl": 1} | more
    return IpPacket(*V4, 17, b"\0\1\0\2\0\x09\0\0x", **values)  # type: ignore[arg-type]


def test_an_error_quotes_the_packet() -> None:
    about = udp_packet()
    error = icmp.error_about(about, about.encode(), Kind.TIME_EXCEEDED, ip_address("198.51.100.1"))
    assert error is not None
    seen = IP(error.encode())
    assert (seen.dst, seen[ICMP].type, seen[ICMP].code) == ("192.0.2.1", 11, 0)
    assert bytes(seen[ICMP].payload) == about.encode()
    big = icmp.error_about(about, about.encode(), Kind.TOO_BIG, V4[1], mtu=1400)
    assert big is not None
    assert IP(big.encode())[ICMP].nexthopmtu == 1400


@pytest.mark.parametrize(
    "about",
    [
        udp_packet(fragment_offset=8),
        IpPacket(ip_address("224.0.0.1"), V4[1], 17, bytes(8)),
        IpPacket(ip_address("255.255.255.255"), V4[1], 17, bytes(8)),
        IpPacket(ip_address("0.0.0.0"), V4[1], 17, bytes(8)),
        IpPacket(V4[0], ip_address("224.0.0.5"), 17, bytes(8)),
        IpPacket(*V4, 1, bytes([3, 1]) + bytes(6)),
    ],
)
def test_no_error_about_what_must_not_have_one(about: IpPacket) -> None:
    assert icmp.error_about(about, about.encode(), Kind.TIME_EXCEEDED, V4[1]) is None


def test_resets_answer_as_the_rfc_says() -> None:
    def answer(**fields: object) -> TCP:
        octets = bytes(IP(src=str(V4[0]), dst=str(V4[1])) / TCP(sport=9, dport=23, **fields))
        packet = reset_for(ip.parse_ip(octets))
        assert packet is not None
        seen = IP(packet.encode())
        checked = IP(bytes(seen))
        del checked[TCP].chksum
        assert IP(bytes(checked))[TCP].chksum == seen[TCP].chksum
        return seen[TCP]

    syn = answer(flags="S", seq=100)
    assert (syn.flags, syn.ack, syn.sport, syn.dport) == ("RA", 101, 23, 9)
    ack = answer(flags="A", seq=5, ack=77)
    assert (ack.flags, ack.seq) == ("R", 77)
    rst = bytes(IP(src=str(V4[0]), dst=str(V4[1])) / TCP(flags="R"))
    assert reset_for(ip.parse_ip(rst)) is None


@pytest.mark.parametrize("text", ["0011.2233.4455", "00:11:22:33:44:55", "00-11-22-33-44-55"])
def test_mac_addresses_in_every_usual_spelling(text: str) -> None:
    assert ip.mac_from_text(text) == 0x001122334455
    assert ip.mac_to_text(0x001122334455) == "0011.2233.4455"
    with pytest.raises(PacketError, match="MAC address"):
        ip.mac_from_text("0011.2233")
