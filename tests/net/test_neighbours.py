"""ARP and neighbour discovery: answering, asking, waiting, forgetting."""

from __future__ import annotations

from dataclasses import dataclass, field
from ipaddress import ip_address

import pytest
from ipsecplane.config import Address
from ipsecplane.net.ip import PacketError, parse_ip
from ipsecplane.net.neighbours import (
    NEGATIVE_TIME,
    QUEUE_LENGTH,
    RETRY_INTERVAL,
    RETRY_LIMIT,
    NeighbourCache,
)
from scapy.layers.inet6 import ICMPv6ND_NA, ICMPv6ND_NS, ICMPv6NDOptSrcLLAddr, IPv6
from scapy.layers.l2 import ARP, Ether

OWN, OTHER = ip_address("192.0.2.1"), ip_address("192.0.2.2")
OWN6, OTHER6 = ip_address("2001:db8::1"), ip_address("2001:db8::2")
MAC, OTHER_MAC = 0x020000000001, 0x020000000002


@dataclass
class Port:
    if_id: int = 1
    mac: int = MAC
    addresses: tuple[Address, ...] = (OWN, OWN6)

    def source_for(self, address: Address) -> Address | None:
        return next((a for a in self.addresses if a.version == address.version), None)

    def owns(self, address: Address) -> bool:
        return address in self.addresses


@dataclass
class Lan:
    port: Port = field(default_factory=Port)
    sent: list[Ether] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.cache = NeighbourCache(lambda port, frame: self.sent.append(Ether(frame)), 100.0)

    def arp(self, now: float = 0.0, **fields: object) -> bool:
        values = {"op": 1, "hwsrc": "02:00:00:00:00:02", "psrc": str(OTHER), "pdst": str(OWN)}
        return self.cache.receive_arp(self.port, bytes(ARP(**(values | fields))), now)

    def reply(self, now: float = 0.0) -> bool:
        return self.arp(now, op=2)


def test_requests_for_our_address_are_answered_and_their_sender_is_learnt() -> None:
    lan = Lan()
    assert lan.arp()
    (answer,) = lan.sent
    assert (answer.dst, answer[ARP].op) == ("02:00:00:00:00:02", 2)
    assert (answer[ARP].psrc, answer[ARP].hwsrc) == (str(OWN), "02:00:00:00:00:01")
    assert lan.cache.table() == [(1, OTHER, OTHER_MAC)]
    assert not lan.arp(), "known already"


def test_requests_for_others_teach_nothing_but_a_new_mac_of_a_known_one_is_taken() -> None:
    lan = Lan()
    assert not lan.arp(pdst="192.0.2.9")
    assert lan.sent == []
    assert lan.cache.table() == []
    lan.arp()
    assert lan.arp(hwsrc="02:00:00:00:00:07", psrc=str(OTHER), pdst=str(OTHER))
    assert lan.cache.table() == [(1, OTHER, 0x020000000007)]


def test_our_own_address_in_somebody_elses_mouth_is_not_believed() -> None:
    lan = Lan()
    assert not lan.arp(psrc=str(OWN))
    assert lan.cache.table() == []


def test_packets_wait_for_the_answer() -> None:
    lan = Lan()
    got: list[int | None] = []
    for _ in range(3):
        lan.cache.resolve(lan.port, OTHER, 0.0, got.append)
    (question,) = lan.sent
    assert (question.dst, question[ARP].op) == ("ff:ff:ff:ff:ff:ff", 1)
    assert (question[ARP].psrc, question[ARP].pdst) == (str(OWN), str(OTHER))
    assert got == []
    assert lan.reply()
    assert got == [OTHER_MAC] * 3
    lan.cache.resolve(lan.port, OTHER, 1.0, got.append)
    assert got == [OTHER_MAC] * 4
    assert len(lan.sent) == 1


def test_the_queue_is_short_and_the_oldest_goes_first() -> None:
    lan = Lan()
    got: list[int] = []
    for number in range(QUEUE_LENGTH + 3):
        lan.cache.resolve(lan.port, OTHER, 0.0, lambda mac, n=number: got.append(n))
    lan.reply()
    assert got == list(range(3, QUEUE_LENGTH + 3))


def test_silence_is_asked_again_then_given_up_then_forgotten() -> None:
    lan = Lan()
    got: list[int | None] = []
    lan.cache.resolve(lan.port, OTHER, 0.0, got.append)
    times = []
    while (due := lan.cache.next_timeout()) is not None and not got:
        times.append(due)
        lan.cache.handle_timeout(due)
    assert times == [RETRY_INTERVAL * n for n in range(1, RETRY_LIMIT + 1)]
    assert len(lan.sent) == RETRY_LIMIT
    assert got == [None]
    lan.cache.resolve(lan.port, OTHER, times[-1], got.append)
    assert got == [None, None], "not asked again at once"
    lan.cache.handle_timeout(times[-1] + NEGATIVE_TIME)
    assert lan.cache.next_timeout() is None


def test_a_known_neighbour_is_asked_directly_before_it_is_forgotten() -> None:
    lan = Lan()
    lan.arp(0.0)
    lan.sent.clear()
    assert lan.cache.next_timeout() == 100.0
    assert not lan.cache.handle_timeout(100.0)
    assert lan.sent[0].dst == "02:00:00:00:00:02"
    assert lan.cache.table(), "used while we ask"
    lan.reply(100.5)
    assert lan.cache.next_timeout() == 200.5
    changed = False
    while not changed:
        due = lan.cache.next_timeout()
        assert due is not None
        changed = lan.cache.handle_timeout(due)
    assert lan.cache.table() == []


def test_an_interface_that_goes_down_takes_its_neighbours_along() -> None:
    lan = Lan()
    got: list[int | None] = []
    lan.arp()
    lan.cache.resolve(lan.port, ip_address("192.0.2.9"), 0.0, got.append)
    lan.cache.forget(1)
    assert lan.cache.table() == []
    assert got == [None]


def test_announcements_say_our_address_twice() -> None:
    lan = Lan()
    lan.cache.announce(lan.port, OWN)
    (frame,) = lan.sent
    assert frame.dst == "ff:ff:ff:ff:ff:ff"
    assert frame[ARP].psrc == frame[ARP].pdst == str(OWN)


def test_neighbour_discovery() -> None:
    lan = Lan()
    got: list[int | None] = []
    lan.cache.resolve(lan.port, OTHER6, 0.0, got.append)
    question = Ether(bytes(lan.sent.pop()))
    assert question.dst == "33:33:ff:00:00:02"
    assert question[IPv6].hlim == 255
    assert question[ICMPv6ND_NS].tgt == str(OTHER6)
    advertisement = IPv6(src=str(OTHER6), dst=str(OWN6), hlim=255) / ICMPv6ND_NA(tgt=str(OTHER6))
    from scapy.layers.inet6 import ICMPv6NDOptDstLLAddr

    advertisement /= ICMPv6NDOptDstLLAddr(lladdr="02:00:00:00:00:02")
    assert lan.cache.receive_nd(lan.port, parse_ip(bytes(advertisement)), 0.0)
    assert got == [OTHER_MAC]
    solicitation = (
        IPv6(src=str(OTHER6), dst="ff02::1:ff00:1", hlim=255)
        / ICMPv6ND_NS(tgt=str(OWN6))
        / ICMPv6NDOptSrcLLAddr(lladdr="02:00:00:00:00:02")
    )
    lan.cache.receive_nd(lan.port, parse_ip(bytes(solicitation)), 0.0)
    answer = lan.sent.pop()
    assert answer[ICMPv6ND_NA].tgt == str(OWN6)
    assert (answer.dst, answer[IPv6].dst) == ("02:00:00:00:00:02", str(OTHER6))
    recomputed = answer.copy()
    del recomputed[ICMPv6ND_NA].cksum
    assert Ether(bytes(recomputed))[ICMPv6ND_NA].cksum == answer[ICMPv6ND_NA].cksum


@pytest.mark.parametrize("size", [0, 27])
def test_cut_off_arp_is_an_error(size: int) -> None:
    lan = Lan()
    with pytest.raises(PacketError, match="ARP"):
        lan.cache.receive_arp(lan.port, bytes(ARP())[:size], 0.0)
