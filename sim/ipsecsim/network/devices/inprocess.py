"""An accelerator with a P4Runtime service of its own in this process."""

from __future__ import annotations

from typing import Any, Final

from ipsecplane.targets.inprocess import InProcessTransport

from ipsecsim.accelerator.frontend import Frontend
from ipsecsim.p4runtime.service import Service

DEVICE_ID: Final = 2


class InProcessAccelerator:
    """Device 2 of one router; a subclass says what it is after a restart."""

    def __init__(self, device: Frontend[Any], name: str) -> None:
        self.device = device
        self.transport = InProcessTransport(Service(device), DEVICE_ID, f"{name} accelerator")

    @property
    def cycles(self) -> int | None:
        """Clock cycles that its hardware has had; None: it has no clock."""
        return None

    def process(self, frame: bytes, now: float) -> list[bytes]:
        return self.device.process(frame, now)

    @property
    def due(self) -> float | None:
        """When `collect` has something next; None if nothing is under way."""
        return self.device.due

    def collect(self, now: float) -> list[bytes]:
        return self.device.collect(now)

    def disconnect(self, reason: str) -> None:
        self.transport.disconnect(reason)

    def reconnect(self, *, keep_state: bool) -> None:
        if keep_state:
            self.transport.reconnect()
        else:
            self.device = self._restarted()
            self.transport.reconnect(Service(self.device))

    def stop(self) -> None:
        self.transport.close()

    def _restarted(self) -> Frontend[Any]:
        raise NotImplementedError
