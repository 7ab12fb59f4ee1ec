"""Hosts: ARP and ND, ping, UDP flows, errors, path MTU, on links good and bad."""

from __future__ import annotations

from dataclasses import replace
from ipaddress import ip_address, ip_interface

import pytest
from ipsecplane.config import Address
from ipsecsim.network.clock import Loop
from ipsecsim.network.host import Host, HostConfig, NoRouteError
from ipsecsim.network.icmp import IcmpError
from ipsecsim.network.link import Impairments
from ipsecsim.network.packet import IpPacket
from ipsecsim.network.ping import PingOptions
from ipsecsim.network.randomness import Randomness
from ipsecsim.network.udp import UdpFlowOptions
from scapy.layers.l2 import ARP, Ether

from tests.network.worlds import Pair

V4: Address = ip_address("10.0.0.2")
V6: Address = ip_address("fd00::2")


@pytest.mark.parametrize("target", [V4, V6], ids=["v4", "v6"])
def test_ping(target: Address) -> None:
    world = Pair()
    ping = world.a.ping(PingOptions(target, count=4, size=200))
    world.loop.run_until(10)
    assert (ping.done, ping.marks, ping.received) == (True, "!!!!", 4)
    assert ping.round_trips[0] == pytest.approx(0.004)  # with a question for the MAC address
    assert ping.round_trips[1] == pytest.approx(0.002)
    assert "4/4" in ping.summary()


def test_the_first_frame_is_a_broadcast_arp_request() -> None:
    world = Pair()
    world.a.ping(PingOptions(V4, count=1))
    world.loop.run_until(5)
    first, second = (Ether(octets) for _, _, octets, _ in world.frames[:2])
    assert (first.dst, first[ARP].op, first[ARP].pdst) == ("ff:ff:ff:ff:ff:ff", 1, "10.0.0.2")
    assert (second[ARP].op, second[ARP].hwsrc) == (2, "02:00:00:00:00:02")


@pytest.mark.parametrize("target", ["10.0.0.77", "fd00::77"])
def test_nobody_answers_for_an_address(target: str) -> None:
    world = Pair()
    ping = world.a.ping(PingOptions(ip_address(target), count=1, timeout=10))
    world.loop.run_until(20)
    assert ping.marks == "U"
    assert world.a.counters["neighbor unreachable"] == 1
    assert len(world.frames) == 3


def test_ping_over_a_lossy_link_counts_what_came_back() -> None:
    world = Pair(Impairments(latency=0.01, loss=0.2), seed=3)
    ping = world.a.ping(PingOptions(V4, count=200, interval=0.1))
    world.loop.run_until(60)
    assert ping.done
    assert ping.marks.count("!") == ping.received
    assert 90 <= ping.received <= 165  # 0.8 squared of 200 is 128


def test_duplicates_do_not_count_twice() -> None:
    world = Pair(Impairments(latency=0.01, duplicate=1.0))
    ping = world.a.ping(PingOptions(V4, count=5))
    world.loop.run_until(20)
    assert (ping.received, ping.marks) == (5, "!!!!!")


def test_big_packets_travel_in_fragments() -> None:
    world = Pair(Impairments(latency=0.001, mtu=1500))
    pings = [world.a.ping(PingOptions(target, count=1, size=5000)) for target in (V4, V6)]
    world.loop.run_until(10)
    assert [ping.marks for ping in pings] == ["!", "!"]
    assert max(len(octets) for _, _, octets, _ in world.frames) <= 1514


def test_a_big_packet_that_may_not_be_fragmented_fails_at_once() -> None:
    world = Pair()
    ping = world.a.ping(PingOptions(V4, count=1, size=1501, dont_fragment=True))
    world.loop.run_until(10)
    assert ping.marks == "M"
    assert world.frames == []


@pytest.mark.parametrize("target", [V4, V6], ids=["v4", "v6"])
def test_udp_echo_flow(target: Address) -> None:
    world = Pair()
    flow = world.a.udp.flow(UdpFlowOptions(target, count=50, size=300, rate=100))
    world.loop.run_until(10)
    assert flow.done
    assert (flow.sent, flow.echoed, flow.duplicates, flow.reordered) == (50, 50, 0, 0)
    port = world.b.udp.ports[7]
    header = 28 if target.version == 4 else 48
    assert (port.received, port.received_bytes) == (50, 50 * (300 - header))


def test_udp_flow_sees_reordering_duplicates_and_loss() -> None:
    chance = Impairments(latency=0.002, loss=0.1, duplicate=0.1, reorder=0.2, reorder_by=0.05)
    world = Pair(chance, seed=5)
    world.b.udp.open(9)
    flow = world.a.udp.flow(UdpFlowOptions(V4, port=9, count=500, rate=100))
    world.loop.run_until(20)
    port, counters = world.b.udp.ports[9], world.wire.counters["a"]
    assert flow.echoed == 0
    assert port.reordered > 50
    assert port.duplicates > 20
    assert port.received == counters.delivered - _arps(world)
    assert port.received < 500 + port.duplicates


def _arps(world: Pair) -> int:
    return sum(
        by == "a" and octets[12:14] == b"\x08\x06" and "lost" not in fate
        for by, _, octets, fate in world.frames
    ) + sum(
        by == "a" and octets[12:14] == b"\x08\x06" and "duplicated" in fate
        for by, _, octets, fate in world.frames
    )


def test_a_closed_udp_port_is_reported() -> None:
    world = Pair()
    flow = world.a.udp.flow(UdpFlowOptions(V4, port=4242, count=3))
    world.loop.run_until(10)
    assert (flow.errors, flow.echoed) == (3, 0)


def test_dscp_of_a_flow_arrives() -> None:
    world = Pair()
    world.a.udp.flow(UdpFlowOptions(V4, count=2, traffic_class=46 << 2))
    world.loop.run_until(10)
    assert world.b.udp.ports[7].traffic_classes == {46 << 2: 2}


def test_too_big_lowers_the_path_mtu_but_not_below_the_floor() -> None:
    world = Pair()
    quoted = IpPacket(ip_address("10.0.0.1"), V4, 17, bytes(8))
    world.a._report(IcmpError(V4, "too big", quoted, 1400))
    assert world.a.path_mtu(V4) == 1400
    world.a._report(IcmpError(V4, "too big", quoted, 20))
    assert world.a.path_mtu(V4) == 1400


def test_gateways_and_no_route() -> None:
    loop = Loop()
    config = HostConfig((ip_interface("10.0.0.9/24"),), bytes([2, 0, 0, 0, 0, 9]))
    host = Host("h", config, loop, Randomness(1).stream("h"))
    with pytest.raises(NoRouteError, match=r"no route to 192\.0\.2\.1"):
        host.ping(PingOptions(ip_address("192.0.2.1")))
    with pytest.raises(NoRouteError, match="no IPv6 address"):
        host.ping(PingOptions(ip_address("fd00::1")))
    world = Pair()
    world.a.config = replace(world.a.config, gateways=(V4,))
    world.a.ping(PingOptions(ip_address("192.0.2.1"), count=1))
    world.loop.run_until(5)
    assert Ether(world.frames[0][2])[ARP].pdst == "10.0.0.2"


def test_malformed_frames_are_counted() -> None:
    world = Pair()
    mac = world.b.config.mac
    for octets in (b"short", mac + bytes(6) + b"\x08\x00" + b"\x45", mac + bytes(6) + b"\x08\x06x"):
        world.wire.attachments["a"].send(octets)
    world.wire.attachments["a"].send(bytes([2, 9, 9, 9, 9, 9]) + bytes(60))
    world.loop.run_until(1)
    assert world.b.counters["malformed"] == 3
    assert world.b.counters["not my MAC"] == 1
