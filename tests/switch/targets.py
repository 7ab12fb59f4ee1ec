"""Two switches under one client: the embedded one in this process, stock BMv2 beside it.

Both get the same P4Runtime messages (encoded by finsy, which shares no code with our server) and
the same frames. BMv2's frames go through its gRPC data plane, so nothing here needs root.
"""

from __future__ import annotations

import contextlib
import queue
import random
import shutil
import socket
import subprocess
import tempfile
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Sequence
from pathlib import Path
from typing import Any, Final, Protocol

import finsy as fy
import grpc
from finsy import p4entity
from finsy.proto import U128, p4r, p4r_grpc
from google.protobuf import descriptor_pb2, descriptor_pool, message_factory
from ipsecplane.targets.program import Program, load_program
from ipsecsim.p4runtime.service import Service
from ipsecsim.switch import Switch

PROGRAMS: Final = Path(__file__).resolve().parent / "p4"
STOCK: Final = "simple_switch_grpc"
DEVICE_ID: Final = 1
CPU_PORT: Final = 510
ELECTION_ID: Final = U128.encode(1)

_QUEUE: Final = 40
"""Frames at once: BMv2's egress queues hold 64 and drop the rest."""

Frames = Sequence[tuple[int, bytes]]
Sent = dict[int, list[bytes]]


class Client(Protocol):
    """The RPCs a test needs, as messages."""

    def write(self, request: p4r.WriteRequest) -> Any: ...
    def read(self, request: p4r.ReadRequest) -> Iterable[p4r.ReadResponse]: ...


class Target:
    """A switch running one program. `messages` are what the stream brought, in order."""

    def __init__(self, program: Program) -> None:
        self.schema = fy.P4Schema(program.p4info)
        self.messages: list[p4r.StreamMessageResponse] = []
        self.client: Client

    def write(self, *updates: Any) -> None:
        """Apply finsy updates (`+entity`, `~entity`, `-entity`)."""
        encoded = p4entity.encode_updates(updates, self.schema)
        self.client.write(
            p4r.WriteRequest(
                device_id=DEVICE_ID,
                election_id=ELECTION_ID,
                updates=[one for one in encoded if isinstance(one, p4r.Update)],
            )
        )

    def read(self, *patterns: Any) -> list[p4r.Entity]:
        request = p4r.ReadRequest(
            device_id=DEVICE_ID, entities=p4entity.encode_entities(patterns, self.schema)
        )
        return [entity for response in self.client.read(request) for entity in response.entities]

    def run(self, frames: Frames) -> Sent:
        """What leaves each port for these frames, in order."""
        raise NotImplementedError

    def close(self) -> None:
        """Stop it."""


class Embedded(Target):
    """`now` is the clock, in seconds; each frame comes a microsecond after the one before."""

    def __init__(self, program: Program) -> None:
        super().__init__(program)
        self.now = 0.0
        self.sent: Sent = {}
        self.switch = Switch(
            DEVICE_ID,
            cpu_port=CPU_PORT,
            random=random.Random(1),
            clock=lambda: self.now,
            on_output=self._sent,
        )
        self.service = Service(self.switch)
        self.client = self.service
        self.stream = self.service.open_stream(self.messages.append)
        self.stream.send(_arbitration())
        self.service.set_pipeline(_set_pipeline(program))

    def _sent(self, port: int, frame: bytes) -> None:
        self.sent.setdefault(port, []).append(frame)

    def run(self, frames: Frames) -> Sent:
        self.sent = {}
        for port, frame in frames:
            self.now += 1e-6
            for out_port, out_frame in self.switch.receive(port, frame, self.now):
                self._sent(out_port, out_frame)
        return self.sent


def _packet_messages() -> tuple[type[Any], type[Any]]:
    """Request and response of BMv2's DataplaneInterface.PacketStream."""
    file = descriptor_pb2.FileDescriptorProto(
        name="embedded_switch_test.proto", package="p4.bm", syntax="proto3"
    )
    field = descriptor_pb2.FieldDescriptorProto
    for name in ("PacketStreamRequest", "PacketStreamResponse"):
        message = file.message_type.add(name=name)
        for number, (label, kind) in enumerate(
            (
                ("id", field.TYPE_UINT64),
                ("device_id", field.TYPE_UINT64),
                ("port", field.TYPE_UINT32),
                ("packet", field.TYPE_BYTES),
            ),
            start=1,
        ):
            message.field.add(name=label, number=number, type=kind, label=field.LABEL_OPTIONAL)
    pool = descriptor_pool.DescriptorPool()
    pool.Add(file)
    names = ("PacketStreamRequest", "PacketStreamResponse")
    request, response = (
        message_factory.GetMessageClass(pool.FindMessageTypeByName(f"p4.bm.{name}"))
        for name in names
    )
    return request, response


class _GrpcClient:
    def __init__(self, stub: p4r_grpc.P4RuntimeStub) -> None:
        self._stub = stub

    def write(self, request: p4r.WriteRequest) -> Any:
        return self._stub.Write(request, timeout=10)

    def read(self, request: p4r.ReadRequest) -> Iterable[p4r.ReadResponse]:
        return self._stub.Read(request, timeout=10)  # type: ignore[no-any-return]


class Stock(Target):
    """`simple_switch_grpc`. Its threads run free: `expect` says how many frames to wait for."""

    def __init__(self, program: Program) -> None:
        super().__init__(program)
        self._stack = contextlib.ExitStack()
        control, data = _free_port(), _free_port()
        folder = Path(self._stack.enter_context(tempfile.TemporaryDirectory()))
        log = self._stack.enter_context((folder / "log").open("w"))
        process = subprocess.Popen(
            [
                STOCK, "--no-p4", "--device-id", str(DEVICE_ID), "--log-level", "warn",
                "--notifications-addr", f"ipc://{folder}/notifications",
                "--thrift-port", str(_free_port()), "--",
                "--grpc-server-addr", f"127.0.0.1:{control}", "--cpu-port", str(CPU_PORT),
                "--dp-grpc-server-addr", f"127.0.0.1:{data}",
            ],
            stdout=log,
            stderr=log,
        )  # fmt: skip

        def stop() -> None:
            process.terminate()
            process.wait(10)

        self._stack.callback(stop)
        channel = self._channel(control)
        stub = p4r_grpc.P4RuntimeStub(channel)
        self.client = _GrpcClient(stub)
        self._requests: queue.Queue[p4r.StreamMessageRequest | None] = queue.Queue()
        stream = stub.StreamChannel(iter(self._requests.get, None))
        self._stack.callback(self._requests.put, None)
        _thread(stream, self.messages.append)
        self._requests.put(_arbitration())
        _wait(lambda: bool(self.messages), "no arbitration answer")
        stub.SetForwardingPipelineConfig(_set_pipeline(program), timeout=20)
        self._request, response = _packet_messages()
        self._frames: queue.Queue[Any] = queue.Queue()
        self._arrived: queue.Queue[Any] = queue.Queue()
        packets = self._channel(data).stream_stream(
            "/p4.bm.DataplaneInterface/PacketStream",
            request_serializer=self._request.SerializeToString,
            response_deserializer=response.FromString,
        )(iter(self._frames.get, None))
        self._stack.callback(self._frames.put, None)
        _thread(packets, self._arrived.put)
        self.expect = 0

    def _channel(self, port: int) -> grpc.Channel:
        # gRPC waits a second after a refused connection: look by ourselves first.
        _wait(lambda: _listens(port), f"nothing listens on port {port}")
        channel = grpc.insecure_channel(f"127.0.0.1:{port}")
        grpc.channel_ready_future(channel).result(timeout=20)
        self._stack.callback(channel.close)
        return channel

    def run(self, frames: Frames) -> Sent:
        for port, frame in frames:
            self._frames.put(self._request(device_id=DEVICE_ID, port=port, packet=frame))
        sent: Sent = {}
        count = 0
        # Wait for as many as are expected, then a moment longer for one too many.
        while True:
            try:
                item = self._arrived.get(timeout=2.0 if count < self.expect else 0.02)
            except queue.Empty:
                return sent
            sent.setdefault(item.port, []).append(item.packet)
            count += 1

    def close(self) -> None:
        self._stack.close()


class Both:
    """The embedded switch, and stock BMv2 if it is there: one has to do what the other does.

    BMv2's threads may let frames overtake each other, so frames are compared as a collection a
    port.
    """

    def __init__(self, name: str) -> None:
        program = load_program(name, PROGRAMS)
        self.embedded = Embedded(program)
        self.stock = Stock(program) if shutil.which(STOCK) else None

    def write(self, *updates: Any) -> None:
        self.embedded.write(*updates)
        if self.stock is not None:
            self.stock.write(*updates)

    def run(self, frames: Frames) -> Sent:
        """The embedded switch's answer, which has been compared."""
        whole: Sent = {}
        for at in range(0, len(frames), _QUEUE):
            part = frames[at : at + _QUEUE]
            sent = self.embedded.run(part)
            if self.stock is not None:
                self.stock.expect = sum(map(len, sent.values()))
                other = self.stock.run(part)
                assert {port: Counter(got) for port, got in sent.items()} == {
                    port: Counter(got) for port, got in other.items()
                }
            for port, got in sent.items():
                whole.setdefault(port, []).extend(got)
        return whole

    def one(self, frame: bytes, port: int = 1) -> list[tuple[int, bytes]]:
        """What leaves for one frame: (port, frame), in order of port."""
        sent = self.run([(port, frame)])
        return [(number, one) for number in sorted(sent) for one in sent[number]]

    def read(self, *patterns: Any) -> list[p4r.Entity]:
        """The embedded switch's answer; BMv2 has to have the same entities."""
        found = self.embedded.read(*patterns)
        if self.stock is not None:
            assert _texts(found) == _texts(self.stock.read(*patterns))
        return found

    def close(self) -> None:
        if self.stock is not None:
            self.stock.close()


def _texts(entities: Iterable[p4r.Entity]) -> list[str]:
    return sorted(str(entity) for entity in entities)


def run_frame(test: int, body: bytes = b"", *, number: int = 0, port: int = 2) -> bytes:
    """A frame for the test programs: header run_t, then `body`."""
    return number.to_bytes(2, "big") + bytes([test, port]) + body


def entry(
    table: str,
    match: dict[str, Any],
    action: Any,
    *,
    priority: int = 0,
    **others: Any,
) -> fy.P4TableEntry:
    """A table entry, in finsy's notation of match values."""
    return fy.P4TableEntry(
        table, match=fy.P4TableMatch(match), action=action, priority=priority, **others
    )


def _arbitration() -> p4r.StreamMessageRequest:
    return p4r.StreamMessageRequest(
        arbitration=p4r.MasterArbitrationUpdate(device_id=DEVICE_ID, election_id=ELECTION_ID)
    )


def _set_pipeline(program: Program) -> p4r.SetForwardingPipelineConfigRequest:
    return p4r.SetForwardingPipelineConfigRequest(
        device_id=DEVICE_ID,
        election_id=ELECTION_ID,
        action=p4r.SetForwardingPipelineConfigRequest.VERIFY_AND_COMMIT,
        config=p4r.ForwardingPipelineConfig(
            p4info=program.p4info, p4_device_config=program.device_config
        ),
    )


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def _listens(port: int) -> bool:
    with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", port)):
        return True
    return False


def _thread(stream: Iterator[Any], take: Callable[[Any], None]) -> None:
    def read() -> None:
        with contextlib.suppress(grpc.RpcError):
            for item in stream:
                take(item)

    threading.Thread(target=read, daemon=True).start()


def _wait(condition: Callable[[], bool], problem: str) -> None:
    deadline = time.monotonic() + 20
    while not condition():
        assert time.monotonic() < deadline, problem
        time.sleep(0.005)
