"""Sessions with real P4Runtime servers, in process and over gRPC: the same behaviour of both."""

from __future__ import annotations

import random
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field

import pytest
from finsy.proto import p4r
from google.protobuf import text_format
from ipsecplane.targets.diff import Kind, Update
from ipsecplane.targets.grpc_transport import GrpcTransport
from ipsecplane.targets.inprocess import InProcessTransport
from ipsecplane.targets.packetio import Mode, PacketIn, PacketOut
from ipsecplane.targets.program import load_program
from ipsecplane.targets.session import Session, State
from ipsecplane.targets.state import state_text
from ipsecplane.targets.tables import Ternary, entry
from ipsecplane.targets.transport import TargetUnavailable, Transport
from ipsecsim.network.devices.base import CPU_PORT
from ipsecsim.p4runtime.server import Server, serve
from ipsecsim.p4runtime.service import Service
from ipsecsim.switch import Switch

PROGRAM = load_program("ipsec")
PATIENCE = 20.0


def make_service() -> Service:
    return Service(Switch(1, cpu_port=CPU_PORT, random=random.Random(1)))


@dataclass
class Client:
    """A session, what it reported, and how to wait for its stream."""

    transport: Transport
    now: float = 0.0
    ready: int = 0
    lost: list[str] = field(default_factory=list)
    packets: list[PacketIn] = field(default_factory=list)
    program: object = PROGRAM
    election_id: int = 1

    def __post_init__(self) -> None:
        def on_ready() -> None:
            self.ready += 1

        self.session = Session(
            self.transport,
            self.program,  # type: ignore[arg-type]
            clock=lambda: self.now,
            on_ready=on_ready,
            on_lost=lambda why, retry_in: self.lost.append(why),
            on_packet=self.packets.append,
            election_id=self.election_id,
        )

    def until(self, condition: Callable[[], bool]) -> None:
        deadline = time.monotonic() + PATIENCE
        while not condition():
            assert time.monotonic() < deadline, "in vain"
            self.transport.pump()
            time.sleep(0.005)

    def connect(self) -> None:
        self.session.connect()
        self.until(lambda: self.session.ready)


@pytest.fixture(params=["in process", "gRPC"])
def target(request: pytest.FixtureRequest) -> Iterator[Callable[[], Transport]]:
    """What makes another transport to one switch."""
    service = make_service()
    if request.param == "in process":
        yield lambda: InProcessTransport(service)
        return
    server = serve(service, "127.0.0.1:0")
    transports: list[GrpcTransport] = []

    def make() -> Transport:
        transports.append(GrpcTransport(f"127.0.0.1:{server.port}"))
        return transports[-1]

    yield make
    for transport in transports:
        transport.close()
    server.stop()


Target = Callable[[], Transport]


def local(number: int) -> Update:
    return Update(Kind.INSERT, entry("local_v4", {"dst": number}, "local"))


def test_program_tables_and_packets(target: Target) -> None:
    client = Client(target())
    client.connect()
    assert client.ready == 1
    session = client.session
    assert session.write([local(1), local(2)]) == []
    assert set(session.read_entries(["local_v4", "route_v4"])) == {
        local(1).entry.key,
        local(2).entry.key,
    }
    policy = entry("spd_out_v4", {"spd_policy": 1}, "spd_bypass", {}, 5)
    assert session.write([Update(Kind.INSERT, policy)]) == []
    counts = session.read_direct_counters(["spd_out_v4"])
    assert counts[policy.key].packets == 0
    assert session.read_counters("drops", [1, 2])[2].packets == 0
    assert session.send_packet(PacketOut(Mode.DIRECT, bytes(60), 3))
    # A packet of the host's own that has no route comes back, with the reason.
    ip = bytes.fromhex("45000014000000004001") + bytes(2) + bytes([10, 0, 0, 1, 10, 0, 0, 2])
    total = sum(int.from_bytes(ip[i : i + 2], "big") for i in range(0, 20, 2))
    while total >> 16:
        total = (total & 0xFFFF) + (total >> 16)
    ip = ip[:10] + (~total & 0xFFFF).to_bytes(2, "big") + ip[12:]
    session.send_packet(PacketOut(Mode.ROUTE, bytes(12) + b"\x08\0" + ip))
    client.until(lambda: bool(client.packets))
    assert (client.packets[0].reason, client.packets[0].ingress_port) == (10, CPU_PORT)
    assert client.packets[0].frame[14:] == ip


def test_each_failed_update_is_named_and_the_others_are_applied(target: Target) -> None:
    client = Client(target())
    client.connect()
    client.session.write([local(1)])
    bad = Update(Kind.INSERT, entry("local_v4", {"dst": 1 << 40}, "local"))
    missing = Update(Kind.DELETE, entry("local_v4", {"dst": 9}, "local"))
    updates = [local(2), local(1), bad, missing, local(3)]
    failed = client.session.write(updates)
    assert {(str(u), str(f).split(":")[0]) for u, f in failed} == {
        ("INSERT local_v4[dst=0.0.0.1] local()", "ALREADY_EXISTS"),
        ("INSERT local_v4[dst=::100:0:0] local()", "INVALID_ARGUMENT"),
        ("DELETE local_v4[dst=0.0.0.9] local()", "NOT_FOUND"),
    }
    held = client.session.read_entries(["local_v4"])
    assert len(held) == 3


def test_a_running_program_is_not_loaded_again(target: Target) -> None:
    first = Client(target())
    first.connect()
    first.session.write([local(1)])
    first.session.close()
    second = Client(target(), election_id=5)
    second.connect()
    assert len(second.session.read_entries(["local_v4"])) == 1, "a new load would have cleared it"


def test_without_a_program_the_targets_own_is_taken(target: Target) -> None:
    empty = Client(target(), program=None)
    empty.session.connect()
    empty.until(lambda: bool(empty.lost))
    assert "the target runs no program, and none is given" in empty.lost[0]
    loader = Client(target())
    loader.connect()
    loader.session.close()
    taker = Client(target(), program=None, election_id=2)
    taker.connect()
    assert taker.session.write([local(1)]) == []


def test_an_older_higher_election_id_of_nobody_is_overtaken(target: Target) -> None:
    first = Client(target(), election_id=77)
    first.connect()
    first.session.close()
    second = Client(target(), election_id=1)
    time.sleep(0.1)  # gRPC: the server has to notice
    second.connect()
    assert second.session.state is State.READY


def test_the_state_text_is_a_read_response_in_a_fixed_order(target: Target) -> None:
    client = Client(target())
    client.connect()
    rows = [
        entry("spd_out_v4", {"spd_policy": 1, "dst": Ternary(n, 0xFF)}, "spd_bypass", {}, p)
        for n, p in ((3, 10), (1, 10), (2, 20))
    ]
    client.session.write([Update(Kind.INSERT, row) for row in rows])
    text = state_text(client.transport)
    message = text_format.Parse(text, p4r.ReadResponse())
    entries = [e.table_entry for e in message.entities if e.HasField("table_entry")]
    assert [e.priority for e in entries] == [20, 10, 10]
    assert [e.match[1].ternary.value for e in entries] == [b"\x02", b"\x01", b"\x03"]
    assert f"# {rows[0]}" in text
    client.session.write([Update(Kind.DELETE, row) for row in rows])
    client.session.write([Update(Kind.INSERT, row) for row in reversed(rows)])
    assert state_text(client.transport) == text


# -- over gRPC only: nobody there, going away, coming back ---------------------------------------


def free_server(service: Service, port: int = 0) -> Server:
    return serve(service, f"127.0.0.1:{port}")


def test_nobody_there_is_said_and_tried_again_with_growing_pauses() -> None:
    service = make_service()
    server = free_server(service)
    port = server.port
    server.stop()
    transport = GrpcTransport(f"127.0.0.1:{port}", timeout=0.3)
    client = Client(transport)
    client.session.connect()
    assert client.lost == [f"nobody answers at 127.0.0.1:{port}"]
    pauses = []
    for _ in range(3):
        due = client.session.next_timeout()
        assert due is not None
        pauses.append(due - client.now)
        client.now = due
        client.session.handle_timeout(due)
    assert pauses == [1.0, 2.0, 4.0]
    assert len(client.lost) == 1
    server = free_server(service, port)
    try:
        client.now += 8.0
        client.session.handle_timeout(client.now)
        client.until(lambda: client.session.ready)
    finally:
        client.session.close()
        server.stop()


def test_a_target_that_goes_away_and_comes_back_is_found_again() -> None:
    service = make_service()
    server = free_server(service)
    port = server.port
    client = Client(GrpcTransport(f"127.0.0.1:{port}", timeout=1.0))
    client.connect()
    client.session.write([local(1)])
    server.stop()
    client.until(lambda: bool(client.lost))
    assert client.session.state is State.DOWN
    assert not client.session.send_packet(PacketOut(Mode.DIRECT, b"", 1))
    fresh = make_service()
    server = free_server(fresh, port)
    try:
        while not client.session.ready:
            due = client.session.next_timeout()
            if due is not None:
                client.now = due
                client.session.handle_timeout(due)
            client.transport.pump()
            time.sleep(0.01)
        assert client.ready == 2
        assert client.session.read_entries(["local_v4"]) == {}, "another device: nothing is left"
    finally:
        client.session.close()
        server.stop()


def test_a_write_into_the_void_says_so() -> None:
    service = make_service()
    server = free_server(service)
    client = Client(GrpcTransport(f"127.0.0.1:{server.port}", timeout=0.5))
    client.connect()
    server.stop()
    with pytest.raises(TargetUnavailable):
        client.session.write([local(1)])
    assert client.session.state is State.DOWN
    assert len(client.lost) == 1
    client.session.close()
