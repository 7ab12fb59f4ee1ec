"""The embedded switch as the pipeline, with a P4Runtime service of its own in this process."""

from __future__ import annotations

import random
from collections.abc import Callable

from ipsecplane.targets.inprocess import InProcessTransport

from ipsecsim.network.clock import Alarm, Loop
from ipsecsim.network.devices.base import CPU_PORT, FrameCallback
from ipsecsim.p4runtime.service import Service
from ipsecsim.switch import Switch

DEVICE_ID = 1


class EmbeddedPipeline:
    """Device 1 of one router. It takes no time of its own: a frame leaves when it comes in."""

    def __init__(self, loop: Loop, rng: random.Random) -> None:
        self._loop = loop
        self._rng = rng
        self._on_frame: FrameCallback = lambda port, frame: None
        self.switch, service = self._new_switch()
        self.transport = InProcessTransport(service, DEVICE_ID, "embedded switch")
        self._alarm = Alarm(loop, self.switch, lambda: None)

    def start(self, on_frame: FrameCallback, pump: Callable[[], None]) -> None:
        self._on_frame = on_frame

    def inject(self, port: int, frame: bytes) -> None:
        for out_port, out_frame in self.switch.receive(port, frame, self._loop.now):
            self._on_frame(out_port, out_frame)
        self._alarm.rearm()

    def disconnect(self, reason: str) -> None:
        self.transport.disconnect(reason)

    def reconnect(self, *, keep_state: bool) -> None:
        if keep_state:
            self.transport.reconnect()
            return
        self._alarm.stop()
        self.switch, service = self._new_switch()
        self._alarm = Alarm(self._loop, self.switch, lambda: None)
        self.transport.reconnect(service)

    def stop(self) -> None:
        self._alarm.stop()
        self.transport.close()

    def _new_switch(self) -> tuple[Switch, Service]:
        switch = Switch(
            DEVICE_ID,
            cpu_port=CPU_PORT,
            random=self._rng,
            clock=lambda: self._loop.now,
            on_output=lambda port, frame: self._on_frame(port, frame),
        )
        return switch, Service(switch)
