"""The embedded switch with its P4Runtime server on an address: for the agent, and for who looks."""

from __future__ import annotations

import random
from collections.abc import Callable
from typing import Final

from ipsecplane.targets.grpc_transport import GrpcTransport

from ipsecsim.network.devices.base import CPU_PORT, DeviceError, FrameCallback
from ipsecsim.network.realtime import RealTimeLoop
from ipsecsim.p4runtime.server import serve
from ipsecsim.p4runtime.service import Service
from ipsecsim.switch import Switch

DEVICE_ID: Final = 1
_TICK: Final = 0.05  # seconds between looks at the switch's timeouts: clients may move them


class ServedPipeline:
    """A `PipelineDevice` that the agent itself reaches over gRPC.

    So all clients are alike, and none of them runs code of ours on a thread of gRPC's: the switch
    is used under its service's lock, what it sends goes through the loop.
    """

    def __init__(self, address: str, loop: RealTimeLoop, rng: random.Random) -> None:
        """Raises DeviceError if `address` (HOST:PORT, port 0 picks one; unix:PATH) is taken."""
        self._loop = loop
        self._on_frame: FrameCallback = lambda port, frame: None
        self._switch = Switch(
            DEVICE_ID,
            cpu_port=CPU_PORT,
            random=rng,
            clock=lambda: loop.now,
            on_output=self._sent_by_client,
        )
        self._service = Service(self._switch)
        try:
            self._server = serve(self._service, address)
        except OSError as error:
            raise DeviceError(f"--grpc {address}: {error}") from error
        if not address.startswith("unix:"):
            address = f"{address.rpartition(':')[0]}:{self._server.port}"
        self.address = address
        self.transport = GrpcTransport(address, DEVICE_ID)

    def start(self, on_frame: FrameCallback, pump: Callable[[], None]) -> None:
        self._on_frame = on_frame
        self.transport.wake = lambda: self._loop.call_soon(pump)
        self._tick()

    def inject(self, port: int, frame: bytes) -> None:
        with self._service.lock:
            leaving = self._switch.receive(port, frame, self._loop.now)
        for out_port, out_frame in leaving:
            self._on_frame(out_port, out_frame)

    def disconnect(self, reason: str) -> None:
        raise DeviceError("the switch of a live router has no outages")

    def reconnect(self, *, keep_state: bool) -> None:
        raise DeviceError("the switch of a live router has no outages")

    def stop(self) -> None:
        self.transport.close()
        self._server.stop(0.2)

    def _sent_by_client(self, port: int, frame: bytes) -> None:
        """On gRPC's thread."""
        self._loop.call_soon(lambda: self._on_frame(port, frame))

    def _tick(self) -> None:
        with self._service.lock:
            now = self._loop.now
            due = self._switch.next_timeout()
            if due is not None and now >= due:
                self._switch.handle_timeout(now)
        self._loop.after(_TICK, self._tick)
