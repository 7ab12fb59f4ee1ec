"""The software accelerator, with a P4Runtime service of its own in this process."""

from __future__ import annotations

from ipsecplane.targets.inprocess import InProcessTransport

from ipsecsim.accelerator.device import Accelerator
from ipsecsim.p4runtime.service import Service

DEVICE_ID = 2


class SoftwareAccelerator:
    """Device 2 of one router."""

    def __init__(self) -> None:
        self.device = Accelerator(DEVICE_ID)
        self.transport = InProcessTransport(Service(self.device), DEVICE_ID, "software accelerator")

    def process(self, frame: bytes, now: float) -> list[bytes]:
        return self.device.process(frame, now)

    def disconnect(self, reason: str) -> None:
        self.transport.disconnect(reason)

    def reconnect(self, *, keep_state: bool) -> None:
        if keep_state:
            self.transport.reconnect()
        else:
            self.device = Accelerator(DEVICE_ID)
            self.transport.reconnect(Service(self.device))

    def stop(self) -> None:
        self.transport.close()
