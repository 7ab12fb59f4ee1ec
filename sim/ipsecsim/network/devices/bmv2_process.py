"""A `simple_switch_grpc` process for one router: started, connected, ended.

Its ports are not network interfaces: with `--dp-grpc-server-addr` it takes and gives frames over a
gRPC stream of its own (`dataplane.py`). P4Runtime and that stream are served on Unix sockets in a
folder that only we may enter. So nothing here needs privileges, and no two runs meet; a build with
Thrift gets a port of its own for that.
"""

from __future__ import annotations

import contextlib
import shutil
import socket
import subprocess
import tempfile
import threading
import time
import weakref
from pathlib import Path
from typing import Final

from finsy.proto import p4r
from ipsecplane.targets.grpc_transport import GrpcTransport
from ipsecplane.targets.packetio import Mode
from ipsecplane.targets.transport import TargetUnavailable

from ipsecsim.network.devices.base import ACCELERATOR_PORT, CPU_PORT, DeviceError, FrameCallback
from ipsecsim.network.devices.dataplane import PacketStream

PROGRAM: Final = "simple_switch_grpc"
DEVICE_ID: Final = 1
PRIORITY_QUEUES: Final = 3  # docs/contracts.md: `classify`
START_TIMEOUT: Final = 20.0
_PROBE: Final = b"\0" * 12 + b"\x88\xb5" + b"ipsecplane: are you there?".ljust(46, b"\0")
_PROBE_INTERVAL: Final = 0.1


def direct(port: int, frame: bytes) -> bytes:
    """What arrives at the CPU port so that `frame` leaves by `port` (packet-out's header)."""
    return port.to_bytes(2, "big") + bytes([Mode.DIRECT, 0]) + frame


def free_port() -> int:
    """Where a BMv2 that was built with Thrift may listen; by default all of them want one port."""
    with socket.socket() as probe:
        probe.bind(("", 0))
        return int(probe.getsockname()[1])


class Bmv2Process:
    """`on_frame(port, frame)` is called on a thread of gRPC's for each frame that leaves."""

    def __init__(self, name: str, on_frame: FrameCallback) -> None:
        """Raises DeviceError if BMv2 is not installed."""
        if shutil.which(PROGRAM) is None:
            raise DeviceError(
                f"--pipeline bmv2: {PROGRAM} is not on PATH; install BMv2 (docs/targets.md), "
                "or use --pipeline embedded, which needs nothing"
            )
        self._name = name
        self._on_frame = on_frame
        self._folder = tempfile.TemporaryDirectory(prefix="ipsecplane-bmv2-")
        self._process: subprocess.Popen[bytes] | None = None
        self._stream: PacketStream | None = None
        self._probed = threading.Event()

    @property
    def address(self) -> str:
        """Of its P4Runtime server."""
        return f"unix:{self._path('p4runtime')}"

    @property
    def pid(self) -> int | None:
        """None when there is no process."""
        return self._process.pid if self._process is not None else None

    @property
    def forwarding(self) -> bool:
        """Whether a program runs and frames can come and go."""
        return self._stream is not None

    def start(self) -> None:
        """Returns when it serves P4Runtime. Raises DeviceError."""
        data = f"unix:{self._path('dataplane')}"
        command = [
            *(PROGRAM, "--no-p4", "--device-id", str(DEVICE_ID)),
            *("--log-console", "--log-level", "error"),
            *("--notifications-addr", f"ipc://{self._path('notifications')}"),
            *("--thrift-port", str(free_port()), "--"),
            *("--grpc-server-addr", self.address, "--dp-grpc-server-addr", data),
            *("--cpu-port", str(CPU_PORT), "--priority-queues", str(PRIORITY_QUEUES)),
        ]
        with self._path("log").open("wb") as log:
            self._process = subprocess.Popen(
                command,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=subprocess.STDOUT,
                start_new_session=True,  # Ctrl-C is for us: we end it when we have what we want
            )
        # Should nobody call `end`, it ends with this object, or with the interpreter.
        self._last_resort = weakref.finalize(self, self._process.kill)
        self._await_server(self._process)

    def open_data_plane(self) -> None:
        """Connect the ports, and see a frame go in and come out. Raises TargetUnavailable.

        Between a program's arrival and the start of its threads BMv2 refuses the stream, and it
        does not say when it accepts.
        """
        if self._stream is not None:
            return
        self._probed.clear()
        deadline = time.monotonic() + START_TIMEOUT
        while time.monotonic() < deadline:
            stream = PacketStream(f"unix:{self._path('dataplane')}", DEVICE_ID, self._arrived)
            while not stream.ended and time.monotonic() < deadline:
                stream.send(CPU_PORT, direct(ACCELERATOR_PORT, _PROBE))
                if self._probed.wait(_PROBE_INTERVAL):
                    self._stream = stream
                    return
            stream.close()
            time.sleep(_PROBE_INTERVAL / 4)
        raise TargetUnavailable("its data plane does not answer")

    def send(self, port: int, frame: bytes) -> None:
        """A frame arrives at a port; lost while no program runs."""
        if self._stream is not None:
            self._stream.send(port, frame)

    def end(self) -> None:
        """End the process; `start` may follow."""
        if self._stream is not None:
            self._stream.close()
            self._stream = None
        process, self._process = self._process, None
        if process is None:
            return
        self._last_resort.detach()
        process.terminate()
        try:
            process.wait(5)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()
        for name in ("p4runtime", "dataplane"):
            self._path(name).unlink(missing_ok=True)

    def close(self) -> None:
        self.end()
        self._folder.cleanup()

    def _await_server(self, process: subprocess.Popen[bytes]) -> None:
        deadline = time.monotonic() + START_TIMEOUT
        while time.monotonic() < deadline:
            if process.poll() is not None:
                said = self._path("log").read_text(errors="replace").strip()
                raise DeviceError(
                    f"{PROGRAM} for {self._name} ended with {process.returncode}: {said}"
                )
            with contextlib.suppress(OSError), socket.socket(socket.AF_UNIX) as probe:
                probe.connect(str(self._path("p4runtime")))
                return
            time.sleep(0.02)
        raise DeviceError(f"{PROGRAM} for {self._name}: not ready after {START_TIMEOUT:g} s")

    def _arrived(self, port: int, frame: bytes) -> None:
        if frame == _PROBE:
            self._probed.set()
        else:
            self._on_frame(port, frame)

    def _path(self, name: str) -> Path:
        return Path(self._folder.name) / name


class Bmv2Transport(GrpcTransport):
    """To the process's P4Runtime server; with a program comes the data plane."""

    def __init__(self, process: Bmv2Process) -> None:
        super().__init__(process.address, DEVICE_ID, name="BMv2")
        self._process = process

    def set_pipeline(self, request: p4r.SetForwardingPipelineConfigRequest) -> None:
        super().set_pipeline(request)
        self._process.open_data_plane()


class Bmv2Device:
    """What both ways to drive the process have in common (`base.PipelineDevice`)."""

    def __init__(self, process: Bmv2Process, transport: Bmv2Transport) -> None:
        self.process = process
        self.transport = transport

    def disconnect(self, reason: str) -> None:
        self.transport.disconnect(reason)

    def reconnect(self, *, keep_state: bool) -> None:
        if not keep_state:
            self.process.end()
            self.process.start()
        self.transport.reconnect()

    def stop(self) -> None:
        self.transport.close()
        self.process.close()
