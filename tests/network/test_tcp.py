"""TCP between hosts: every byte arrives, in order, whatever the link does to the segments."""

from __future__ import annotations

import hashlib
from dataclasses import replace
from ipaddress import ip_address

import pytest
from ipsecplane.config import Address
from ipsecsim.network.icmp import IcmpError
from ipsecsim.network.link import Impairments
from ipsecsim.network.packet import IpPacket
from ipsecsim.network.tcp_stack import TcpFlow, TcpFlowOptions, pattern

from tests.network.worlds import Pair

V4: Address = ip_address("10.0.0.2")
V6: Address = ip_address("fd00::2")


def transfer(world: Pair, size: int, target: Address = V4, seconds: float = 3600) -> TcpFlow:
    flow = world.a.tcp.flow(TcpFlowOptions(target, size=size))
    world.loop.run_for(seconds, stop=lambda: flow.done and not world.b.tcp.connections)
    return flow


def assert_arrived(world: Pair, size: int) -> None:
    port = world.b.tcp.ports[5001]
    assert port.received_bytes == size
    assert port.digests == [hashlib.sha256(pattern(size)).hexdigest()]


@pytest.mark.parametrize("target", [V4, V6], ids=["v4", "v6"])
@pytest.mark.parametrize("size", [0, 1, 1460, 200_000])
def test_transfer_and_close(target: Address, size: int) -> None:
    world = Pair()
    flow = transfer(world, size, target)
    assert (flow.done, flow.error, flow.acknowledged) == (True, "", size)
    assert_arrived(world, size)
    assert flow.connection.counters.retransmissions == 0
    world.loop.run_for(10)
    assert world.a.tcp.connections == world.b.tcp.connections == []


@pytest.mark.parametrize("seed", range(6))
def test_transfer_over_a_bad_link(seed: int) -> None:
    chance = Impairments(
        latency=0.01, jitter=0.005, loss=0.05, duplicate=0.02, reorder=0.05, reorder_by=0.03
    )
    world = Pair(chance, seed)
    flow = transfer(world, 150_000)
    assert flow.error == ""
    assert_arrived(world, 150_000)
    assert flow.connection.counters.retransmissions > 0


def test_a_bottleneck_is_used_and_shared_by_congestion_control() -> None:
    world = Pair(Impairments(latency=0.01, bandwidth=10e6, queue=20))
    flow = transfer(world, 1_000_000)
    assert flow.finished is not None
    rate = 8 * 1_000_000 / (flow.finished - flow.started)
    assert 4e6 < rate < 10e6
    assert_arrived(world, 1_000_000)


def test_refused_and_unanswered() -> None:
    world = Pair()
    flow = world.a.tcp.flow(TcpFlowOptions(V4, port=81))
    world.loop.run_until(5)
    assert (flow.done, flow.error) == (True, "connection refused")
    world.wire.set_up(False)
    flow = world.a.tcp.flow(TcpFlowOptions(V4))
    world.loop.run_until(1000)
    assert (flow.done, flow.error) == (True, "timed out")


def test_a_transfer_survives_a_link_that_is_down_for_a_while() -> None:
    world = Pair(Impairments(latency=0.01, bandwidth=10e6))
    world.loop.at(0.1, lambda: world.wire.set_up(False))
    world.loop.at(5.0, lambda: world.wire.set_up(True))
    flow = transfer(world, 500_000)
    assert flow.error == ""
    assert flow.connection.counters.timeouts > 0
    assert_arrived(world, 500_000)


def test_a_smaller_path_mtu_shrinks_segments() -> None:
    """As a router would: what is bigger than 1,000 bytes is dropped and reported."""
    world = Pair(Impairments(latency=0.001, mtu=1000))
    deliver = world.wire.attachments["a"].send

    def send(octets: bytes) -> None:
        if len(octets) > 1014:
            quoted = IpPacket.decode(octets[14:])
            error = IcmpError(V4, "too big", replace(quoted, payload=quoted.payload[:8]), 1000)
            world.loop.after(0.001, lambda: world.a._report(error))
        deliver(octets)

    world.wire.attachments["a"].send = send
    flow = transfer(world, 100_000)
    assert flow.error == ""
    assert flow.connection.mss == 960
    assert_arrived(world, 100_000)
