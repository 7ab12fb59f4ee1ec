"""NAT and PAT boxes: what they translate, for how long, and what they cannot."""

from __future__ import annotations

from ipaddress import IPv4Address, IPv4Interface, ip_address, ip_interface

import pytest
from ipsecsim.network.clock import Loop
from ipsecsim.network.host import Host, HostConfig
from ipsecsim.network.link import Wire
from ipsecsim.network.nat import NatBox, NatConfig
from ipsecsim.network.nat_table import NatTable, Untranslatable
from ipsecsim.network.packet import IpPacket
from ipsecsim.network.ping import Ping, PingOptions
from ipsecsim.network.randomness import Randomness
from ipsecsim.network.segment import Segment
from ipsecsim.network.tcp_stack import TcpFlowOptions
from ipsecsim.network.udp import UdpFlowOptions, decode, encode

SERVER = ip_address("203.0.113.80")
POOL = tuple(IPv4Address(f"203.0.113.{n}") for n in (21, 22))


class Office:
    """Two clients on a LAN, a box, a server outside."""

    def __init__(self, **how: object) -> None:
        self.loop = Loop()
        randomness = Randomness(1)
        lan = Segment("lan", ("c1", "c2", "box"), self.loop, randomness.stream)
        wan = Wire("wan", ("box", "server"), self.loop, randomness.stream)
        settings = NatConfig(
            IPv4Interface("10.0.0.1/24"),
            IPv4Interface("203.0.113.1/24"),
            bytes([2, 0, 0, 0xFD, 1, 0]),
            **how,  # type: ignore[arg-type]
        )
        self.box = NatBox("box", settings, self.loop)
        self.box.attach("inside", lan.attachments["box"])
        self.box.attach("outside", wan.attachments["box"])
        self.seen: list[IpPacket] = []
        wan.taps.append(self._tap)
        self.c1, self.c2, self.server = (
            Host(
                name,
                HostConfig((ip_interface(address),), bytes([2, 0, 0, 0, 0, number]), gateways),
                self.loop,
                randomness.stream(name),
            )
            for number, (name, address, gateways) in enumerate(
                (
                    ("c1", "10.0.0.11/24", (ip_address("10.0.0.1"),)),
                    ("c2", "10.0.0.12/24", (ip_address("10.0.0.1"),)),
                    ("server", f"{SERVER}/24", ()),
                )
            )
        )
        self.c1.attach(lan.attachments["c1"])
        self.c2.attach(lan.attachments["c2"])
        self.server.attach(wan.attachments["server"])

    def _tap(self, sender: str, time_ns: int, frame: bytes, fate: str) -> None:
        if frame[12:14] == b"\x08\0":
            self.seen.append(IpPacket.decode(frame[14:]))

    def sources(self) -> set[str]:
        return {str(p.source) for p in self.seen if p.source != SERVER}

    def count(self, name: str) -> int:
        return self.box.table.counters[name]


def udp(office: Office, host: Host, count: int = 3, **more: float) -> int:
    flow = host.udp.flow(UdpFlowOptions(SERVER, count=count, **more))  # type: ignore[arg-type]
    office.loop.run_for(600, lambda: flow.done)
    return flow.echoed


def test_pat_puts_two_clients_behind_one_address() -> None:
    office = Office()
    assert udp(office, office.c1) == udp(office, office.c2) == 3
    assert office.sources() == {"203.0.113.1"}
    ports = {decode(p)[0] for p in office.seen if p.source != SERVER}
    assert ports == {1024, 1025}
    assert office.count("created") == 2
    assert office.count("translated out") == office.count("translated in") == 6


def test_nat_gives_each_client_an_address_of_its_own() -> None:
    office = Office(ports=False, pool=POOL)
    assert udp(office, office.c1) == udp(office, office.c2) == 3
    assert office.sources() == {"203.0.113.21", "203.0.113.22"}


@pytest.mark.parametrize("ports", [True, False])
def test_ping_and_tcp_and_fragments_pass(ports: bool) -> None:
    office = Office(ports=ports, pool=() if ports else POOL)
    done: list[Ping] = []
    office.c1.ping(PingOptions(SERVER, 2, size=4000), done.append)
    office.loop.run_for(10, lambda: bool(done))
    assert done[0].received == 2
    flow = office.c2.tcp.flow(TcpFlowOptions(SERVER, size=50_000))
    office.loop.run_for(60, lambda: flow.done)
    assert flow.acknowledged == 50_000


def test_an_unused_mapping_expires_and_the_next_packet_has_another_port() -> None:
    office = Office(expiry=20.0)
    udp(office, office.c1, linger=0.1)
    office.loop.run_for(19.0)
    assert len(office.box.table.mappings()) == 1
    office.loop.run_for(1.5)
    assert office.box.table.mappings() == []
    assert office.count("expired") == 1
    host_port = decode(office.seen[0])[0]
    udp(office, office.c1)
    assert decode(office.seen[-2])[0] != host_port


def test_a_used_mapping_lives() -> None:
    office = Office(expiry=20.0)
    assert udp(office, office.c1, 10, rate=0.1) == 10
    assert (office.count("created"), office.count("expired")) == (1, 0)


def test_rebinding_moves_a_flow_to_another_port() -> None:
    office = Office()
    flow = office.c1.udp.flow(UdpFlowOptions(SERVER, count=10, rate=1.0))
    office.loop.run_for(4.5)
    office.box.rebind()
    office.loop.run_for(20, lambda: flow.done)
    assert flow.echoed == 10
    assert len({decode(p)[0] for p in office.seen if p.source != SERVER}) == 2
    assert office.count("forgotten") == 1


@pytest.mark.parametrize("protocol", [50, 51])
def test_pat_drops_what_has_no_ports_and_nat_does_not(protocol: int) -> None:
    for ports, arrives in ((True, 0), (False, 1)):
        office = Office(ports=ports, pool=() if ports else POOL)
        packet = IpPacket(ip_address("10.0.0.11"), SERVER, protocol, bytes(40))
        office.c1.send_ip(packet)
        office.loop.run_for(1)
        assert office.server.counters["unknown protocol"] == arrives
        assert office.count("no ports") == 1 - arrives


def test_nobody_gets_in_uninvited() -> None:
    office = Office()
    data = encode(SERVER, ip_address("203.0.113.1"), (9, 4500), b"hello")
    office.server.send_ip(IpPacket(SERVER, ip_address("203.0.113.1"), 17, data))
    office.loop.run_for(1)
    assert office.count("no mapping") == 1


def test_an_error_finds_the_way_back_to_who_caused_it() -> None:
    office = Office()
    flow = office.c1.udp.flow(UdpFlowOptions(SERVER, port=9, count=1))
    office.loop.run_for(10, lambda: flow.done)
    assert flow.errors == 1


def test_a_udp_checksum_of_zero_stays_zero() -> None:
    table = NatTable((IPv4Address("192.0.2.1"),), ports=True, expiry=20, now=lambda: 0.0)
    data = bytes.fromhex("1194119400090000ff")
    out = table.outward(IpPacket(ip_address("10.0.0.2"), SERVER, 17, data))
    assert out.payload[6:8] == bytes(2)
    assert out.payload[2:4] == data[2:4]


def test_a_pool_has_an_end() -> None:
    table = NatTable(POOL, ports=False, expiry=20, now=lambda: 0.0)
    for number in (1, 2):
        table.outward(IpPacket(ip_address(f"10.0.0.{number}"), SERVER, 50, bytes(8)))
    with pytest.raises(Untranslatable, match="pool exhausted"):
        table.outward(IpPacket(ip_address("10.0.0.3"), SERVER, 50, bytes(8)))
