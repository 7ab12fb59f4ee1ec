"""A peer behind a NAT gets another port: the host is told, once the packet has proven authentic."""

from __future__ import annotations

import itertools

import pytest
from ipsecplane.targets.crypto_header import CryptoHeader, Operation
from ipsecplane.targets.crypto_header import Reason as CryptoReason
from ipsecplane.targets.digests import PEER_MOVED, Digest
from scapy.layers.inet import IP, UDP
from scapy.layers.ipsec import ESP
from scapy.packet import Raw

from tests.p4.duts import Dut, Output
from tests.p4.world import (
    HOST4,
    LAN,
    REMOTE4,
    ROUTER4,
    WAN,
    frame,
    inner_policy,
    result,
    sa_in,
    sad,
    the_frame,
    the_request,
)

SA, SPI = 5, 0xABCDEF01
INNER = IP(src=REMOTE4, dst=HOST4[LAN]) / UDP(sport=1, dport=2) / Raw(bytes(40))


class Tunnel:
    """SA 5 on a device; `result` is what the accelerator says of a packet from `port`."""

    epochs = itertools.count(100)  # the window of an SA that was there before is not ours

    def __init__(self, dut: Dut, **peer: int) -> None:
        self.dut = dut
        self.epoch = next(self.epochs)
        dut.write([
            sad(ROUTER4[WAN], SPI, SA),
            sa_in(SA, self.epoch, window=64, **peer),
            inner_policy(SA, 4, src="10.9.0.0/16"),
        ])  # fmt: skip
        dut.digests(expected=0)

    def result(self, port: int, reason: CryptoReason = CryptoReason.OK) -> list[Output]:
        header = CryptoHeader(
            Operation.DECRYPTED,
            reason=reason,
            sa_index=SA,
            epoch=self.epoch,
            ingress_if=WAN,
            egress_if=port,
            spi=SPI,
            sequence=1,
        )
        return self.dut.send(*result(header, INNER))


@pytest.fixture
def tunnel(router: Dut) -> Tunnel:
    """With a peer that was last seen at port 1026."""
    return Tunnel(router, udp_encap=1, peer_port=1026)


def test_the_port_rides_through_the_accelerator(tunnel: Tunnel) -> None:
    packet = IP(src=REMOTE4, dst=ROUTER4[WAN]) / UDP(sport=1031, dport=4500, chksum=0)
    sent = tunnel.dut.send(*frame(WAN, packet / ESP(spi=SPI, seq=1, data=bytes(40))))
    header, _ = the_request(sent)
    assert header.egress_if == 1031
    assert tunnel.dut.digests(expected=0) == [], "not authentic yet"


def test_the_host_is_told_and_the_packet_goes_on(tunnel: Tunnel) -> None:
    the_frame(tunnel.result(port=1031), LAN)
    told = Digest(PEER_MOVED, {"sa_index": SA, "epoch": tunnel.epoch, "port": 1031})
    assert tunnel.dut.digests() == [told]


def test_nobody_is_told_of_the_port_that_is_known(tunnel: Tunnel) -> None:
    the_frame(tunnel.result(port=1026), LAN)
    assert tunnel.dut.digests(expected=0) == []


def test_nor_of_a_peer_without_nat(router: Dut) -> None:
    tunnel = Tunnel(router)
    the_frame(tunnel.result(port=1031), LAN)
    assert router.digests(expected=0) == []


@pytest.mark.parametrize("reason", [CryptoReason.OK, CryptoReason.BAD_ICV])
def test_a_refused_packet_tells_nothing(tunnel: Tunnel, reason: CryptoReason) -> None:
    """Who has seen a packet can send it again from elsewhere: replayed, or altered."""
    the_frame(tunnel.result(port=1026), LAN)
    tunnel.result(port=666, reason=reason)
    assert tunnel.dut.digests(expected=0) == []
