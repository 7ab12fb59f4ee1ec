"""Path MTUs of SAs, and fragments that wait for the SAD: guide chapter 6 against real devices."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from ipaddress import ip_address

import pytest
from configs import PORTS, both
from ipsecplane.ipsec.path_mtu import LIFETIME
from ipsecplane.net.icmp import IcmpMessage, Kind
from ipsecplane.net.ip import EthernetFrame, IpPacket
from routers import Pair, Site, make_pair

A, B, BETWEEN = (ip_address(f"203.0.113.{n}") for n in (1, 2, 200))
ESP = 50
BOTH_WAYS = "access-list 101 permit icmp 192.168.{0}.0 0.0.0.255 192.168.{1}.0 0.0.0.255\n"


def inject(site: Site, packet: IpPacket) -> None:
    """A packet reaches a router from its outside."""
    mac = next(i.mac for i in site.router.agent.interfaces() if i.config.name == site.wan)
    frame = EthernetFrame(int(mac.replace(".", ""), 16), 2, 0x0800, packet.encode())
    site.pipeline.inject(1, frame.encode())


def esp_of(pair: Pair, start: int, sender: str = "a") -> Iterator[bytes]:
    """The ESP packets on the wire, from the IP header on."""
    for who, _, frame, _ in pair.frames[start:]:
        if who == sender and frame[12:14] == b"\x08\0" and frame[23] == ESP:
            yield frame[14:]


def too_big(quoted: bytes, mtu: int = 1400) -> IpPacket:
    return IcmpMessage(Kind.TOO_BIG, mtu, quoted).packet(BETWEEN, A)


def mtus(pair: Pair) -> list[int]:
    return [ident.path_mtu for ident in pair.a.router.agent.idents()]


@pytest.fixture
def tunnel() -> Pair:
    pair = make_pair(both(), (PORTS, PORTS))
    assert pair.ping(pair.a, "192.168.2.1", "192.168.1.1", 3).marks == ".!!"
    return pair


def big_esp(pair: Pair) -> bytes:
    """The packet that a ping of 1438 octets with DF becomes; it fits 1500."""
    start = len(pair.frames)
    run = pair.ping(pair.a, "192.168.2.1", "192.168.1.1", 1, size=1438, df_bit=True)
    assert run.marks == "!"
    return next(esp_of(pair, start))


def test_only_what_quotes_a_packet_of_a_live_sa_is_believed(tunnel: Pair) -> None:
    sent = big_esp(tunnel)
    assert len(sent) <= 1500
    bogus = [
        too_big(sent[:20] + bytes.fromhex("12345678") + sent[24:28]),  # nobody's SPI
        too_big(sent[:16] + BETWEEN.packed + sent[20:28]),  # not where the SA leads
        too_big(sent[:12] + BETWEEN.packed + sent[16:28]),  # not from us
        too_big(sent[:6] + bytes([sent[6] & ~0x40 & 0xFF]) + sent[7:28]),  # without DF
        too_big(sent[:9] + bytes([51]) + sent[10:28]),  # AH
        too_big(sent[:28], mtu=1500),  # it fits that
        too_big(sent[:22]),  # too short to tell
    ]
    for packet in bogus:
        inject(tunnel.a, packet)
        tunnel.run(0.01)
        assert mtus(tunnel) == [1500]
    inject(tunnel.a, too_big(sent[:28]))
    tunnel.run(0.01)
    assert mtus(tunnel) == [1400]
    shown = tunnel.command(tunnel.a, "show crypto ipsec sa")
    assert "plaintext mtu 1326, path mtu 1400, ip mtu 1500" in shown


def test_it_holds_in_the_data_plane_until_it_is_old(tunnel: Pair) -> None:
    tunnel.command(tunnel.a, "debug crypto ipsec")
    inject(tunnel.a, too_big(big_esp(tunnel)[:28]))
    tunnel.run(0.01)
    log = tunnel.log(tunnel.a)
    assert "IPSEC(adjust_mtu): adjusting path mtu to 1400" in log
    run = tunnel.ping(tunnel.a, "192.168.2.1", "192.168.1.1", 1, size=1327, df_bit=True)
    assert run.marks == "M"
    start = len(tunnel.frames)
    run = tunnel.ping(tunnel.a, "192.168.2.1", "192.168.1.1", 2, size=1430)
    assert run.marks == "!!"
    assert [len(p) <= 1400 for p in esp_of(tunnel, start)] == [True] * 4
    # A larger one later does not make it longer, a smaller one shorter.
    inject(tunnel.a, too_big(big_quote(tunnel), 1390))
    tunnel.run(0.01)
    assert mtus(tunnel) == [1390]
    inject(tunnel.a, too_big(big_quote(tunnel), 1398))
    tunnel.run(0.01)
    assert mtus(tunnel) == [1390]
    tunnel.run(LIFETIME + 1)
    assert mtus(tunnel) == [1500]


def big_quote(pair: Pair) -> bytes:
    """A quote of the longest packet that was sent."""
    return max(esp_of(pair, 0), key=len)[:28]


def test_each_sa_has_its_own() -> None:
    pair = make_pair(
        tuple(  # type: ignore[arg-type]
            text.replace("end\n", BOTH_WAYS.format(*ends) + "end\n")
            for text, ends in zip(
                (t.replace("permit ip", "permit udp") for t in both()), ((1, 2), (2, 1)),
                strict=True,
            )
        ),
        (PORTS, PORTS),
    )  # fmt: skip
    assert pair.ping(pair.a, "192.168.2.1", "192.168.1.1", 3).marks == ".!!"
    inject(pair.a, too_big(big_esp(pair)[:28]))
    pair.run(0.01)
    assert mtus(pair) == [1500, 1400]


def test_a_successor_takes_it_over(tunnel: Pair) -> None:
    inject(tunnel.a, too_big(big_esp(tunnel)[:28]))
    tunnel.run(0.01)
    crypto = tunnel.a.router.agent._plane.crypto
    (old,) = crypto.sad
    crypto.negotiations.rekey(old, tunnel.loop.now)
    with tunnel.a.router.agent._plane.working():
        pass
    tunnel.run(0.5)
    assert len(list(crypto.sad)) == 2
    assert mtus(tunnel) == [1400]


# -- fragments before decryption -------------------------------------------------------------------


def first_half(esp: bytes, number: int) -> IpPacket:
    """The first fragment of a packet whose second one never comes."""
    return IpPacket(B, A, ESP, esp[20:420], identification=number, more_fragments=True)


def test_the_queue_fills_up_is_told_and_empties() -> None:
    extra = "interface GigabitEthernet0/0\n ip virtual-reassembly max-reassemblies 4 timeout 2\n"
    pair = make_pair(both(extra=extra), (PORTS, PORTS))
    assert pair.ping(pair.a, "192.168.2.1", "192.168.1.1", 3).marks == ".!!"
    sent = big_esp(pair)
    for number in range(1, 8):
        inject(pair.a, first_half(sent, number))
    pair.run(0.01)
    log = pair.log(pair.a)
    message = (
        "%IP_VFR-4-FRAG_TABLE_OVERFLOW: GigabitEthernet0/0: the fragment table has reached its"
        " maximum threshold 4"
    )
    assert log.count(message) == 1, "one a minute"
    shown = pair.command(pair.a, "show ip virtual-reassembly GigabitEthernet0/0")
    assert "Concurrent reassemblies (max-reassemblies): 4" in shown
    assert "Current reassembly count:4" in shown
    assert "Dropped, too many packets at once:3" in shown
    pair.run(3)
    shown = pair.command(pair.a, "show ip virtual-reassembly")
    assert "Current reassembly count:0" in shown
    assert "Total reassembly timeout count:4" in shown
    shown = pair.command(pair.a, "show ip traffic")
    assert "Frags: 0 reassembled, 4 timeouts, 3 couldn't reassemble" in shown


def test_what_fragments_do_wrong_is_told(tunnel: Pair) -> None:
    sent = big_esp(tunnel)
    one = first_half(sent, 1)
    inject(tunnel.a, one)
    inject(tunnel.a, replace(one, payload=bytes(800), fragment_offset=80))
    inject(tunnel.a, replace(one, payload=bytes(9), identification=2))
    for at in range(33):
        inject(tunnel.a, replace(one, payload=bytes(8), identification=3, fragment_offset=at * 8))
    tunnel.run(0.01)
    log = tunnel.log(tunnel.a)
    wan = "GigabitEthernet0/0"
    assert f"%IP_VFR-3-OVERLAP_FRAGMENTS: {wan}: from the host {B} destined to {A}" in log
    assert (
        f"%IP_VFR-3-INVALID_FRAG_LENGTH: {wan}: fragment length is invalid - sent by {B},"
        f" destined to {A}" in log
    )
    assert (
        f"%IP_VFR-4-TOO_MANY_FRAGMENTS: {wan}: Too many fragments per datagram (more than 32)"
        f" - sent by {B}, destined to {A}" in log
    )
    assert tunnel.ping(tunnel.a, "192.168.2.1", "192.168.1.1", 2).marks == "!!"
