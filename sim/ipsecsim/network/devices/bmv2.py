"""Stock BMv2 as the pipeline: one `simple_switch_grpc` process for each router, in real time.

Its ports are not network interfaces: with `--dp-grpc-server-addr` it takes and gives frames over a
gRPC stream of its own (`dataplane.py`). P4Runtime and that stream are served on Unix sockets in a
folder that only we may enter. So nothing here needs privileges, and no two runs meet.
"""

from __future__ import annotations

import contextlib
import shutil
import socket
import subprocess
import tempfile
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Final

from finsy.proto import p4r
from ipsecplane.targets.grpc_transport import GrpcTransport
from ipsecplane.targets.packetio import Mode
from ipsecplane.targets.transport import TargetUnavailable

from ipsecsim.network.devices.base import ACCELERATOR_PORT, CPU_PORT, DeviceError, FrameCallback
from ipsecsim.network.devices.dataplane import PacketStream
from ipsecsim.network.realtime import RealTimeLoop

PROGRAM: Final = "simple_switch_grpc"
DEVICE_ID: Final = 1
PRIORITY_QUEUES: Final = 3  # docs/contracts.md: `classify`
START_TIMEOUT: Final = 20.0
_PROBE: Final = b"\0" * 12 + b"\x88\xb5" + b"ipsecplane: are you there?".ljust(46, b"\0")
_PROBE_INTERVAL: Final = 0.1


class Bmv2Pipeline:
    """The agent loads the program through P4Runtime; only then does BMv2 take frames."""

    def __init__(self, name: str, loop: RealTimeLoop) -> None:
        """Raises DeviceError if BMv2 is not installed."""
        if shutil.which(PROGRAM) is None:
            raise DeviceError(
                f"--pipeline bmv2: {PROGRAM} is not on PATH; install BMv2 (docs/targets.md), "
                "or use --pipeline embedded, which needs nothing"
            )
        self._name = name
        self._loop = loop
        self._folder = tempfile.TemporaryDirectory(prefix="ipsecplane-bmv2-")
        self._process: subprocess.Popen[bytes] | None = None
        self._stream: PacketStream | None = None
        self._probed = threading.Event()
        self._on_frame: FrameCallback = lambda port, frame: None
        self.transport = _Transport(self._path("p4runtime"), self._open_data_plane)

    @property
    def pid(self) -> int | None:
        """Of the process, None when there is none."""
        return self._process.pid if self._process is not None else None

    def start(self, on_frame: FrameCallback, pump: Callable[[], None]) -> None:
        self._on_frame = on_frame
        self.transport.wake = lambda: self._loop.call_soon(pump)
        self._launch()

    def inject(self, port: int, frame: bytes) -> None:
        if self._stream is not None:
            self._stream.send(port, frame)

    def disconnect(self, reason: str) -> None:
        self.transport.disconnect(reason)

    def reconnect(self, *, keep_state: bool) -> None:
        if not keep_state:
            self._terminate()
            self._launch()
        self.transport.reconnect()

    def stop(self) -> None:
        self.transport.close()
        self._terminate()
        self._folder.cleanup()

    # -- the process --------------------------------------------------------------------------

    def _launch(self) -> None:
        control, data = self._path("p4runtime"), self._path("dataplane")
        command = [
            *(PROGRAM, "--no-p4", "--device-id", str(DEVICE_ID)),
            *("--log-console", "--log-level", "error"),
            *("--notifications-addr", f"ipc://{self._path('notifications')}", "--"),
            *("--grpc-server-addr", f"unix:{control}", "--dp-grpc-server-addr", f"unix:{data}"),
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
        self._await_socket(control)

    def _await_socket(self, path: Path) -> None:
        assert self._process is not None
        deadline = time.monotonic() + START_TIMEOUT
        while time.monotonic() < deadline:
            if self._process.poll() is not None:
                said = self._path("log").read_text(errors="replace").strip()
                code = self._process.returncode
                raise DeviceError(f"{PROGRAM} for {self._name} ended with {code}: {said}")
            with contextlib.suppress(OSError), socket.socket(socket.AF_UNIX) as probe:
                probe.connect(str(path))
                return
            time.sleep(0.02)
        raise DeviceError(f"{PROGRAM} for {self._name}: not ready after {START_TIMEOUT:g} s")

    def _terminate(self) -> None:
        if self._stream is not None:
            self._stream.close()
            self._stream = None
        process, self._process = self._process, None
        if process is None:
            return
        process.terminate()
        try:
            process.wait(5)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()
        for name in ("p4runtime", "dataplane"):
            self._path(name).unlink(missing_ok=True)

    def _path(self, name: str) -> Path:
        return Path(self._folder.name) / name

    # -- frames -------------------------------------------------------------------------------

    def _open_data_plane(self) -> None:
        """Connect the ports, and see a frame go in and come out. Raises TargetUnavailable.

        Between a program's arrival and the start of its threads BMv2 refuses the stream, and it
        does not say when it accepts.
        """
        if self._stream is not None:
            return
        self._probed.clear()
        header = ACCELERATOR_PORT.to_bytes(2, "big") + bytes([Mode.DIRECT, 0])
        deadline = time.monotonic() + START_TIMEOUT
        while time.monotonic() < deadline:
            stream = PacketStream(f"unix:{self._path('dataplane')}", DEVICE_ID, self._arrived)
            while not stream.ended and time.monotonic() < deadline:
                stream.send(CPU_PORT, header + _PROBE)
                if self._probed.wait(_PROBE_INTERVAL):
                    self._stream = stream
                    return
            stream.close()
            time.sleep(_PROBE_INTERVAL / 4)
        raise TargetUnavailable("its data plane does not answer")

    def _arrived(self, port: int, frame: bytes) -> None:
        """On gRPC's thread."""
        if frame == _PROBE:
            self._probed.set()
        else:
            self._loop.call_soon(lambda: self._on_frame(port, frame))


class _Transport(GrpcTransport):
    """Tells when a program has been loaded."""

    def __init__(self, path: Path, on_program: Callable[[], None]) -> None:
        super().__init__(f"unix:{path}", DEVICE_ID, name="BMv2")
        self._on_program = on_program

    def set_pipeline(self, request: p4r.SetForwardingPipelineConfigRequest) -> None:
        super().set_pipeline(request)
        self._on_program()
