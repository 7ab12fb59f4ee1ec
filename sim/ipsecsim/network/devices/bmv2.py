"""Stock BMv2 as the pipeline, in real time: its threads run as they like."""

from __future__ import annotations

from collections.abc import Callable

from ipsecsim.network.devices.base import FrameCallback
from ipsecsim.network.devices.bmv2_process import Bmv2Device, Bmv2Process, Bmv2Transport
from ipsecsim.network.realtime import RealTimeLoop


class Bmv2Pipeline(Bmv2Device):
    """What BMv2 sends, and what it tells the agent, comes through the loop."""

    def __init__(self, name: str, loop: RealTimeLoop) -> None:
        """Raises DeviceError if BMv2 is not installed."""
        self._loop = loop
        self._on_frame: FrameCallback = lambda port, frame: None
        process = Bmv2Process(name, self._leaves)
        super().__init__(process, Bmv2Transport(process))

    def start(self, on_frame: FrameCallback, pump: Callable[[], None]) -> None:
        self._on_frame = on_frame
        self.transport.wake = lambda: self._loop.call_soon(pump)
        self.process.start()

    def inject(self, port: int, frame: bytes) -> None:
        self.process.send(port, frame)

    def _leaves(self, port: int, frame: bytes) -> None:
        """On gRPC's thread."""
        self._loop.call_soon(lambda: self._on_frame(port, frame))
