"""Stock BMv2 as the pipeline: `simple_switch_grpc`, started for one router, on loopback.

Its ports are not network interfaces: with `--dp-grpc-server-addr` it takes and gives frames over a
gRPC stream of its own (BMv2's `dataplane_interface.proto`), so nothing here needs privileges. It
runs in real time.
"""

from __future__ import annotations

import contextlib
import queue
import shutil
import socket
import subprocess
import tempfile
import threading
import time
from collections.abc import Callable
from functools import cache
from pathlib import Path
from typing import Any, Final

import grpc
from google.protobuf import descriptor_pb2, descriptor_pool, message_factory
from ipsecplane.targets.grpc_transport import GrpcTransport

from ipsecsim.network.devices.base import CPU_PORT, DeviceError, FrameCallback
from ipsecsim.network.realtime import RealTimeLoop

PROGRAM: Final = "simple_switch_grpc"
DEVICE_ID: Final = 1
START_TIMEOUT: Final = 20.0
_METHOD: Final = "/p4.bm.DataplaneInterface/PacketStream"


class Bmv2Pipeline:
    """One `simple_switch_grpc` process. The agent loads the program through P4Runtime."""

    def __init__(self, name: str, loop: RealTimeLoop) -> None:
        """Raises DeviceError if BMv2 is not installed."""
        if shutil.which(PROGRAM) is None:
            raise DeviceError(
                f"--pipeline bmv2: {PROGRAM} is not installed (not on PATH); "
                "--pipeline embedded needs nothing"
            )
        self._name = name
        self._loop = loop
        self._addresses = (_free_address(), _free_address())
        self._process: subprocess.Popen[bytes] | None = None
        self._stream: _PacketStream | None = None
        self._log = tempfile.NamedTemporaryFile(prefix=f"bmv2-{name}-", suffix=".log")  # noqa: SIM115
        self._on_frame: FrameCallback = lambda port, frame: None
        self.transport = GrpcTransport(self._addresses[0], DEVICE_ID)

    def start(self, on_frame: FrameCallback, pump: Callable[[], None]) -> None:
        self._on_frame = on_frame
        self.transport.wake = lambda: self._loop.call_soon(pump)
        self._launch()

    def _launch(self) -> None:
        control, data = self._addresses
        command = [
            *(PROGRAM, "--no-p4", "--device-id", str(DEVICE_ID), "--log-level", "error"),
            *("--log-console", "--", "--grpc-server-addr", control),
            *("--cpu-port", str(CPU_PORT), "--dp-grpc-server-addr", data),
        ]
        self._process = subprocess.Popen(
            command, stdin=subprocess.DEVNULL, stdout=self._log, stderr=subprocess.STDOUT
        )
        self._await_port(control)
        self._stream = _PacketStream(data, self._arrived)

    def inject(self, port: int, frame: bytes) -> None:
        if self._stream is not None:
            self._stream.send(port, frame)

    def disconnect(self, reason: str) -> None:
        """BMv2 goes away for real: the process ends."""
        self._terminate()

    def reconnect(self, *, keep_state: bool) -> None:
        if keep_state:
            raise DeviceError("bmv2 does not outlive its outage: write device_state: lost")
        self._launch()

    def stop(self) -> None:
        self._terminate()
        self._log.close()

    def _terminate(self) -> None:
        if self._stream is not None:
            self._stream.close()
            self._stream = None
        process, self._process = self._process, None
        if process is not None:
            process.terminate()
            try:
                process.wait(5)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()

    def _arrived(self, port: int, frame: bytes) -> None:
        """On gRPC's thread."""
        self._loop.call_soon(lambda: self._on_frame(port, frame))

    def _await_port(self, address: str) -> None:
        host, _, port = address.rpartition(":")
        deadline = time.monotonic() + START_TIMEOUT
        while time.monotonic() < deadline:
            assert self._process is not None
            if self._process.poll() is not None:
                said = Path(self._log.name).read_text(errors="replace").strip()
                code = self._process.returncode
                raise DeviceError(f"{PROGRAM} for {self._name} ended with {code}: {said}")
            with contextlib.suppress(OSError), socket.create_connection((host, int(port)), 1):
                return
            time.sleep(0.05)
        self._terminate()
        raise DeviceError(f"{PROGRAM} for {self._name}: not ready after {START_TIMEOUT:g} s")


class _PacketStream:
    """BMv2's data-plane stream; both directions in one call."""

    def __init__(self, address: str, on_frame: FrameCallback) -> None:
        request, response = _messages()
        self._request = request
        self._on_frame = on_frame
        self._outgoing: queue.SimpleQueue[Any] = queue.SimpleQueue()
        self._channel = grpc.insecure_channel(
            address, options=[("grpc.use_local_subchannel_pool", 1)]
        )
        method = self._channel.stream_stream(
            _METHOD,
            request_serializer=request.SerializeToString,
            response_deserializer=response.FromString,
        )
        self._call = method(iter(self._outgoing.get, None), wait_for_ready=True)
        threading.Thread(target=self._read, name="bmv2-frames", daemon=True).start()

    def send(self, port: int, frame: bytes) -> None:
        self._outgoing.put(self._request(device_id=DEVICE_ID, port=port, packet=frame))

    def close(self) -> None:
        self._outgoing.put(None)
        self._call.cancel()
        self._channel.close()

    def _read(self) -> None:
        with contextlib.suppress(grpc.RpcError):  # the process ended, or we closed
            for message in self._call:
                self._on_frame(message.port, message.packet)


@cache
def _messages() -> tuple[Any, Any]:
    """The request and response classes of PacketStream; both have the same fields."""
    kinds = descriptor_pb2.FieldDescriptorProto
    fields = (
        ("id", kinds.TYPE_UINT64),
        ("device_id", kinds.TYPE_UINT64),
        ("port", kinds.TYPE_UINT32),
        ("packet", kinds.TYPE_BYTES),
    )
    file = descriptor_pb2.FileDescriptorProto(
        name="dataplane_interface.proto", package="p4.bm", syntax="proto3"
    )
    names = ("PacketStreamRequest", "PacketStreamResponse")
    for name in names:
        message = file.message_type.add(name=name)
        for number, (field, kind) in enumerate(fields, 1):
            message.field.add(name=field, number=number, type=kind, label=kinds.LABEL_OPTIONAL)
    pool = descriptor_pool.DescriptorPool()
    pool.Add(file)
    request, response = (
        message_factory.GetMessageClass(pool.FindMessageTypeByName(f"p4.bm.{name}"))
        for name in names
    )
    return request, response


def _free_address() -> str:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return f"127.0.0.1:{probe.getsockname()[1]}"
