"""The router's own stack in place: neighbours, errors, fragments, pings, what crosses it."""

from __future__ import annotations

import random
from ipaddress import ip_address

import pytest
from configs import PORTS, both
from ipsecplane.net import ip
from ipsecplane.net.icmp import IcmpMessage, Kind
from ipsecplane.net.ip import EthernetFrame
from ipsecplane.views import PingRequest
from ipsecsim.network.host import Host
from ipsecsim.network.packet import IpPacket
from routers import Pair, PingRun, add_host, host_ping, make_pair


@pytest.fixture(scope="module")
def world() -> tuple[Pair, Host, Host]:
    pair = make_pair(both(), (PORTS, PORTS))
    left = add_host(pair.a, 2, "192.168.1.10/24", "192.168.1.1")
    right = add_host(pair.b, 2, "192.168.2.10/24", "192.168.2.1")
    assert host_ping(pair, left, "192.168.2.10", 3, interval=2.0) == ".!!"
    return pair, left, right


def test_hosts_reach_each_other_through_the_tunnel(world: tuple[Pair, Host, Host]) -> None:
    pair, left, right = world
    start = len(pair.frames)
    assert host_ping(pair, left, "192.168.2.10") == "!!!!!"
    assert host_ping(pair, right, "192.168.1.10") == "!!!!!"
    on_wire = [f for _, _, f, _ in pair.frames[start:] if f[12:14] == b"\x08\0"]
    assert {f[23] for f in on_wire} == {50}


def test_a_host_pings_its_router_and_the_far_one(world: tuple[Pair, Host, Host]) -> None:
    pair, left, _ = world
    assert host_ping(pair, left, "192.168.1.1") == "!!!!!"
    assert host_ping(pair, left, "203.0.113.1", 2) == "!!"
    assert host_ping(pair, left, "192.168.2.1", 2) == "!!"


def test_time_exceeded_comes_from_where_the_packet_came_in(world: tuple[Pair, Host, Host]) -> None:
    pair, left, _ = world
    assert host_ping(pair, left, "192.168.2.10", 1, ttl=1) == "&"


def test_too_big_with_df_tells_the_size_that_fits(world: tuple[Pair, Host, Host]) -> None:
    pair, left, _ = world
    pair.run(1)
    assert host_ping(pair, left, "192.168.2.10", 2, size=1500, dont_fragment=True)[0] == "M"
    fits = left.path_mtu(ip_address("192.168.2.10"))
    assert fits == 1438
    assert host_ping(pair, left, "192.168.2.10", 2, size=fits, dont_fragment=True) == "!!"
    assert host_ping(pair, left, "192.168.2.10", 2, size=fits + 1, dont_fragment=True)[0] == "M"


def test_too_big_without_df_is_split_before_encryption(world: tuple[Pair, Host, Host]) -> None:
    pair, left, _ = world
    left.path_mtus.clear()
    start = len(pair.frames)
    assert host_ping(pair, left, "192.168.2.10", 3, size=1500) == "!!!"
    sizes = [len(f) - 14 for _, _, f, _ in pair.frames[start:] if f[12:14] == b"\x08\0"]
    assert len(sizes) == 12
    assert max(sizes) <= 1500


def test_a_neighbour_that_does_not_answer_is_unreachable(world: tuple[Pair, Host, Host]) -> None:
    pair, left, _ = world
    pair.run(1)
    assert host_ping(pair, left, "192.168.2.77", 1, timeout=10.0) == "U"


def test_udp_to_a_closed_port_is_told(world: tuple[Pair, Host, Host]) -> None:
    pair, left, _ = world
    pair.run(1)
    seen: list[bytes] = []
    receive = left.receive

    def watch(frame: bytes) -> None:
        seen.append(frame)
        receive(frame)

    assert left._link is not None
    left._link.receive = watch
    datagram = b"\x30\x39\x27\x0f\x00\x0c\x00\x00data"
    left.send_ip(IpPacket(ip_address("192.168.1.10"), ip_address("192.168.1.1"), 17, datagram))
    pair.run(0.1)
    left._link.receive = receive
    errors = [f for f in seen if f[12:14] == b"\x08\0" and f[23] == 1 and f[34:36] == b"\x03\x03"]
    assert len(errors) == 1
    assert errors[0].endswith(datagram)


def test_a_reassembled_echo_for_the_router_is_answered(world: tuple[Pair, Host, Host]) -> None:
    pair, left, _ = world
    assert host_ping(pair, left, "192.168.1.1", 2, size=4000) == "!!"
    assert host_ping(pair, left, "192.168.2.1", 2, size=4000) == "!!", "fragments, decrypted"


def test_ping_of_the_router_itself_and_of_nowhere(world: tuple[Pair, Host, Host]) -> None:
    pair, _, _ = world
    assert pair.ping(pair.a, "192.168.1.1", "192.168.1.1", 3).marks == "!!!"
    assert pair.ping(pair.a, "203.0.113.77", "203.0.113.1", 2).marks == ".."


def test_ping_marks_what_does_not_fit(world: tuple[Pair, Host, Host]) -> None:
    pair, _, _ = world
    run = pair.ping(pair.a, "192.168.2.1", "192.168.1.1", 2, size=1500, df_bit=True)
    assert run.marks == "MM"
    assert (
        pair.ping(pair.a, "192.168.2.1", "192.168.1.1", 2, sizes=(36, 100, 1438)).marks == "!" * 6
    )


def test_a_ping_can_be_stopped(world: tuple[Pair, Host, Host]) -> None:
    pair, _, _ = world
    run = PingRun()
    request = PingRequest(ip_address("203.0.113.77"), repeat=100)
    job = pair.a.router.agent.ping(request, run.output, run.done)
    pair.run(5)
    assert not job.done
    job.cancel()
    assert job.done
    assert run.result is not None
    assert (run.result.sent, run.result.received) == (3, 0)


def test_cleartext_that_should_be_protected_is_dropped_and_told(
    world: tuple[Pair, Host, Host],
) -> None:
    pair, _, _ = world
    echo = IcmpMessage(Kind.ECHO_REQUEST, 1, bytes(56))
    packet = echo.packet(ip_address("192.168.2.10"), ip_address("192.168.1.10"))
    mac = next(i.mac for i in pair.a.router.agent.interfaces() if i.config.name == pair.a.wan)
    frame = EthernetFrame(int(mac.replace(".", ""), 16), 2, 0x0800, packet.encode()).encode()
    pair.a.pipeline.inject(1, frame)
    pair.run(0.1)
    assert (
        "%CRYPTO-4-RECVD_PKT_NOT_IPSEC: Rec'd packet not an IPSEC packet. (ip)"
        " vrf/dest_addr= /192.168.1.10, src_addr= 192.168.2.10, prot= 1" in pair.log(pair.a)
    )


def test_a_packet_that_comes_twice_is_a_replay(world: tuple[Pair, Host, Host]) -> None:
    pair, left, _ = world
    start = len(pair.frames)
    assert host_ping(pair, left, "192.168.2.10", 1) == "!"
    again = next(f for sender, _, f, _ in pair.frames[start:] if sender == "a" and f[23] == 50)
    before = pair.b.router.agent.idents()[0]
    pair.b.pipeline.inject(1, again)
    pair.run(0.1)
    after = pair.b.router.agent.idents()[0]
    assert after.replay_errors == before.replay_errors + 1
    assert after.receive_errors == before.receive_errors + 1
    assert after.decaps == before.decaps
    assert "%CRYPTO-4-PKT_REPLAY_ERR: decrypt: replay check failed" in pair.log(pair.b)


def test_a_packet_with_a_wrong_icv_is_counted_and_told(world: tuple[Pair, Host, Host]) -> None:
    pair, left, _ = world
    start = len(pair.frames)
    pair.wire.impair(type(pair.wire.impairments("a"))(loss=1.0), "a")
    host_ping(pair, left, "192.168.2.10", 1)
    pair.wire.impair(type(pair.wire.impairments("a"))(latency=0.001), "a")
    lost = next(f for sender, _, f, _ in pair.frames[start:] if sender == "a" and f[23] == 50)
    pair.b.pipeline.inject(1, lost[:-1] + bytes([lost[-1] ^ 1]))
    pair.run(0.1)
    assert pair.b.router.agent.idents()[0].verify_failed == 1
    assert "%CRYPTO-4-RECVD_PKT_MAC_ERR: decrypt: mac verify failed" in pair.log(pair.b)
    pair.b.pipeline.inject(1, lost)  # a bad ICV does not move the window
    pair.run(0.1)
    assert pair.b.router.agent.idents()[0].verify_failed == 1


def test_garbage_from_the_wire_harms_nothing(world: tuple[Pair, Host, Host]) -> None:
    pair, left, _ = world
    rng = random.Random(5)
    mac = next(i.mac for i in pair.a.router.agent.interfaces() if i.config.name == pair.a.wan)
    head = bytes.fromhex(mac.replace(".", "")) + bytes(6)
    for ethertype in (b"\x08\0", b"\x08\x06", b"\x86\xdd"):
        for _ in range(200):
            pair.a.pipeline.inject(1, head + ethertype + rng.randbytes(rng.randrange(0, 90)))
    for protocol in (1, 6, 17, 50, 51, 89):
        for _ in range(60):
            packet = ip.IpPacket(
                ip_address("203.0.113.2"), ip_address("203.0.113.1"), protocol,
                rng.randbytes(rng.randrange(0, 60)), more_fragments=rng.random() < 0.2,
                fragment_offset=rng.choice((0, 0, 8)),
            )  # fmt: skip
            frame = EthernetFrame(int(mac.replace(".", ""), 16), 2, 0x0800, packet.encode())
            pair.a.pipeline.inject(1, frame.encode())
    pair.run(3)
    assert host_ping(pair, left, "192.168.2.10", 2) == "!!"
