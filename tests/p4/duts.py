"""Devices under test: anything that runs `p4/ipsec.p4` and speaks P4Runtime.

One client (the project's own) drives them all; they differ in how frames get in and out.
"""

from __future__ import annotations

import contextlib
import itertools
import queue
import random
import shutil
import socket
import subprocess
import tempfile
import threading
import time
from abc import ABC, abstractmethod
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, ClassVar, Final

import grpc
from finsy.proto import p4r
from google.protobuf import descriptor_pb2, descriptor_pool, message_factory
from ipsecplane.targets.diff import Kind, Update
from ipsecplane.targets.digests import Digest
from ipsecplane.targets.grpc_transport import GrpcTransport
from ipsecplane.targets.inprocess import InProcessTransport
from ipsecplane.targets.packetio import Mode, PacketOut
from ipsecplane.targets.program import Program, load_program
from ipsecplane.targets.reasons import COUNTER_SIZE, Reason
from ipsecplane.targets.session import Session
from ipsecplane.targets.tables import TableEntry
from ipsecplane.targets.transport import ClosedCallback, MessageCallback, Transport

ACCELERATOR_PORT: Final = 500
CPU_PORT: Final = 510
PORTS: Final = (1, 2, 3, ACCELERATOR_PORT)
RECIRCULATION_PORT: Final = 509
DEVICE_ID: Final = 1


@dataclass(frozen=True, slots=True)
class Sent:
    """A frame that left by a port."""

    port: int
    frame: bytes


@dataclass(frozen=True, slots=True)
class Punt:
    """A frame that went to the host, and its packet-in header."""

    frame: bytes
    ingress_port: int
    reason: int
    crypto_reason: int
    if_id: int
    sa_index: int
    value: int
    protocol: int
    operation: int


Output = Sent | Punt


class _Tap:
    """A transport that shows the messages of the stream to a second listener."""

    def __init__(self, inner: Transport, listener: MessageCallback) -> None:
        self._inner = inner
        self._listener = listener

    def open(self, on_message: MessageCallback, on_closed: ClosedCallback) -> None:
        def both(message: p4r.StreamMessageResponse) -> None:
            self._listener(message)
            on_message(message)

        self._inner.open(both, on_closed)

    def __getattr__(self, name: str) -> Any:
        return getattr(self._inner, name)


class Dut(ABC):
    """A switch that runs the pipeline; tables are empty, counters as they are."""

    name: ClassVar[str]

    def __init__(self, transport: Transport, program: Program) -> None:
        self._fields = {
            header.preamble.alias: {m.id: m.name for m in header.metadata}
            for header in program.p4info.controller_packet_metadata
        }
        # BMv2 returns const entries like any other, and refuses to delete them.
        self._tables = sorted(
            t.preamble.alias for t in program.p4info.tables if not t.is_const_table
        )
        self._meters = {m.preamble.alias: m.preamble.id for m in program.p4info.meters}
        self._punts: list[Punt] = []
        self._digests: list[Digest] = []
        problems: list[str] = []
        self.session = Session(
            _Tap(transport, self._message),
            program,
            clock=time.monotonic,
            on_ready=lambda: None,
            on_lost=lambda why, _: problems.append(why),
            on_packet=lambda _: None,
            on_digest=self._digests.append,
        )
        self.session.connect()
        deadline = time.monotonic() + 20
        while not self.session.ready:
            if problems or time.monotonic() > deadline:
                raise RuntimeError(f"no P4Runtime session: {problems or 'no answer'}")
            transport.pump()
            time.sleep(0.01)
        self.transport = transport

    def _message(self, message: p4r.StreamMessageResponse) -> None:
        if message.WhichOneof("update") == "packet":
            names = self._fields["packet_in"]
            values = {
                names[m.metadata_id]: int.from_bytes(m.value, "big")
                for m in message.packet.metadata
            }
            self._punts.append(Punt(message.packet.payload, **values))

    # -- P4Runtime ---------------------------------------------------------------------------

    def write(self, entries: Iterable[TableEntry], kind: Kind = Kind.INSERT) -> None:
        failed = self.session.write(Update(kind, one) for one in entries)
        assert not failed, failed[0]

    def entries(self) -> list[TableEntry]:
        return list(self.session.read_entries(self._tables).values())

    def clear(self) -> None:
        self.write(self.entries(), Kind.DELETE)

    def reasons(self) -> Counter[Reason]:
        """Packets counted by reason since ever."""
        cells = self.session.read_counters("drops", range(COUNTER_SIZE))
        return Counter({Reason(i): cell.packets for i, cell in cells.items() if cell.packets})

    def hits(self, table: str) -> dict[TableEntry, int]:
        """Packets counted by each entry of a table."""
        counts = self.session.read_direct_counters([table])
        held = self.session.read_entries([table])
        return {held[key]: counted.packets for key, counted in counts.items()}

    def digests(self, expected: int = 1) -> list[Digest]:
        """Those told since the last call; waits for `expected` of them."""
        deadline = time.monotonic() + 5
        while len(self._digests) < expected and time.monotonic() < deadline:
            self.transport.pump()
            time.sleep(0.01)
        told, self._digests[:] = list(self._digests), []
        return told

    def limit_punts(self, reason: Reason, packets_per_second: int | None) -> None:
        """Configure the punt meter of one reason, or clear it."""
        entry = p4r.MeterEntry(meter_id=self._meters["punt_meter"])
        entry.index.index = reason
        if packets_per_second is not None:
            entry.config.cir = entry.config.pir = packets_per_second
            entry.config.cburst = entry.config.pburst = packets_per_second
        request = p4r.WriteRequest(device_id=DEVICE_ID)
        request.election_id.low = 1
        request.updates.add(type=p4r.Update.MODIFY).entity.meter_entry.CopyFrom(entry)
        self.transport.write(request)

    # -- packets -----------------------------------------------------------------------------

    def send(self, port: int, frame: bytes) -> list[Output]:
        """What comes out for one frame."""
        return self.send_all([(port, frame)])

    @abstractmethod
    def send_all(self, frames: Sequence[tuple[int, bytes]]) -> list[Output]:
        """What comes out for frames one after another: punts first, each port in its order."""

    @abstractmethod
    def packet_out(self, mode: Mode, frame: bytes, port: int = 0) -> list[Output]:
        """What comes out for a frame of the host's, sent through P4Runtime."""

    def close(self) -> None:
        self.session.close()


class Embedded(Dut):
    """The project's own switch, in this process."""

    name = "embedded"

    def __init__(self, program: Program) -> None:
        from ipsecsim.p4runtime.service import Service
        from ipsecsim.switch import Switch

        self._sent: list[tuple[int, bytes]] = []
        self._now = 0.0
        self._switch = Switch(
            DEVICE_ID,
            cpu_port=CPU_PORT,
            random=random.Random(1),
            on_output=lambda port, frame: self._sent.append((port, frame)),
        )
        super().__init__(InProcessTransport(Service(self._switch), DEVICE_ID), program)

    def send_all(self, frames: Sequence[tuple[int, bytes]]) -> list[Output]:
        for port, frame in frames:
            self._now += 1e-6
            self._sent += self._switch.receive(port, frame, self._now)
        return self._collect()

    def packet_out(self, mode: Mode, frame: bytes, port: int = 0) -> list[Output]:
        assert self.session.send_packet(PacketOut(mode, frame, port))
        return self._collect()

    def _collect(self) -> list[Output]:
        outputs: list[Output] = [*self._punts, *(Sent(*one) for one in self._sent)]
        self._punts.clear()
        self._sent.clear()
        return outputs


_BMV2: Final = "simple_switch_grpc"
_FLUSH: Final = 0xFF  # reason of the harness's own packets
_PASSES: Final = 3  # a packet's through the pipeline, in these tests, if it leaves at all
_MESSAGES: Final = "p4.bm"


def _packet_messages() -> tuple[type[Any], type[Any]]:
    """Request and response of BMv2's DataplaneInterface.PacketStream."""
    file = descriptor_pb2.FileDescriptorProto(
        name="ipsecplane_test_dataplane.proto", package=_MESSAGES, syntax="proto3"
    )
    field = descriptor_pb2.FieldDescriptorProto
    layout = (("id", field.TYPE_UINT64), ("device_id", field.TYPE_UINT64),
              ("port", field.TYPE_UINT32), ("packet", field.TYPE_BYTES))  # fmt: skip
    for name in ("PacketStreamRequest", "PacketStreamResponse"):
        message = file.message_type.add(name=name)
        for number, (label, kind) in enumerate(layout, start=1):
            message.field.add(name=label, number=number, type=kind, label=field.LABEL_OPTIONAL)
    pool = descriptor_pool.DescriptorPool()
    pool.Add(file)
    request, response = (
        message_factory.GetMessageClass(pool.FindMessageTypeByName(f"{_MESSAGES}.{name}"))
        for name in ("PacketStreamRequest", "PacketStreamResponse")
    )
    return request, response


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def _await_listener(port: int) -> None:
    deadline = time.monotonic() + 30
    while True:
        try:
            socket.create_connection(("127.0.0.1", port)).close()
            return
        except OSError:
            assert time.monotonic() < deadline, f"nothing listens on port {port}"
            time.sleep(0.05)


class Bmv2(Dut):
    """Stock `simple_switch_grpc`; frames pass through its gRPC data plane, so no root is needed.

    Its threads run free: to know that a frame is done, flush packets follow it to every port, as
    often as it can pass the pipeline.
    """

    name = "bmv2"

    @staticmethod
    def missing() -> str | None:
        return None if shutil.which(_BMV2) else f"{_BMV2} is not installed"

    def __init__(self, program: Program) -> None:
        self._stack = contextlib.ExitStack()
        control, data = _free_port(), _free_port()
        folder = Path(self._stack.enter_context(tempfile.TemporaryDirectory()))
        log = self._stack.enter_context((folder / "log").open("w"))
        self._process = subprocess.Popen(
            [
                _BMV2, "--no-p4", "--device-id", str(DEVICE_ID), "--log-level", "warn",
                "--notifications-addr", f"ipc://{folder}/notifications",
                "--thrift-port", str(_free_port()), "--",
                "--grpc-server-addr", f"127.0.0.1:{control}", "--cpu-port", str(CPU_PORT),
                "--dp-grpc-server-addr", f"127.0.0.1:{data}", "--priority-queues", "3",
            ],
            stdout=log,
            stderr=log,
        )  # fmt: skip
        self._stack.callback(self._stop)
        self._outgoing: queue.Queue[Any] = queue.Queue()
        self._arrived: queue.Queue[tuple[int, bytes]] = queue.Queue()
        self._flushes = itertools.count(1)
        _await_listener(control)
        super().__init__(GrpcTransport(f"127.0.0.1:{control}", DEVICE_ID), program)
        # The data plane takes its (one) client only once a program runs.
        self._request, response = _packet_messages()
        channel = self._stack.enter_context(grpc.insecure_channel(f"127.0.0.1:{data}"))
        grpc.channel_ready_future(channel).result(timeout=30)
        stream = channel.stream_stream(
            f"/{_MESSAGES}.DataplaneInterface/PacketStream",
            request_serializer=self._request.SerializeToString,
            response_deserializer=response.FromString,
        )(iter(self._outgoing.get, None))
        self._stack.callback(self._outgoing.put, None)
        threading.Thread(target=self._receive, args=(stream,), daemon=True).start()

    def _stop(self) -> None:
        self._process.terminate()
        self._process.wait(10)

    def _receive(self, stream: Iterator[Any]) -> None:
        with contextlib.suppress(grpc.RpcError):
            for message in stream:
                self._arrived.put((message.port, message.packet))

    def _inject(self, port: int, frame: bytes) -> None:
        self._outgoing.put(self._request(device_id=DEVICE_ID, port=port, packet=frame))

    def send_all(self, frames: Sequence[tuple[int, bytes]]) -> list[Output]:
        for port, frame in frames:
            self._inject(port, frame)

        def direct(port: int, frame: bytes) -> None:
            header = port.to_bytes(2, "big") + bytes([Mode.DIRECT, 0])
            self._inject(CPU_PORT, header + frame)

        return self._collect(direct)

    def packet_out(self, mode: Mode, frame: bytes, port: int = 0) -> list[Output]:
        assert self.session.send_packet(PacketOut(mode, frame, port))

        def direct(port: int, frame: bytes) -> None:
            assert self.session.send_packet(PacketOut(Mode.DIRECT, frame, port))

        return self._collect(direct)

    def _collect(self, direct: Callable[[int, bytes], None]) -> list[Output]:
        sent = [one for _ in range(_PASSES) for one in self._flush(direct)]
        punts = [p for p in self._punts if p.reason != _FLUSH]
        self._punts.clear()
        return [*punts, *sent]

    def _flush(self, direct: Callable[[int, bytes], None]) -> list[Sent]:
        mark = b"flush" + next(self._flushes).to_bytes(8, "big")
        for port in (*PORTS, RECIRCULATION_PORT):
            direct(port, mark)
        direct(CPU_PORT, bytes([0, 0, _FLUSH]) + bytes(11) + mark)
        sent: list[Sent] = []
        waiting = {*PORTS, RECIRCULATION_PORT}
        deadline = time.monotonic() + 20
        while waiting:
            port, frame = self._arrived.get(timeout=max(0.01, deadline - time.monotonic()))
            if frame == mark:
                waiting.discard(port)
            else:
                sent.append(Sent(port, frame))
        while not any(p.reason == _FLUSH and p.frame == mark for p in self._punts):
            assert time.monotonic() < deadline, "BMv2: the CPU port gave no answer"
            self.transport.pump()
            time.sleep(0.0005)
        return sent

    def close(self) -> None:
        super().close()
        self._stack.close()


def make(name: str, program_name: str = "ipsec") -> Dut:
    program = load_program(program_name)
    return Bmv2(program) if name == Bmv2.name else Embedded(program)
