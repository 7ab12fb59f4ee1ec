"""The software accelerator."""

from __future__ import annotations

from ipsecsim.accelerator.device import Accelerator
from ipsecsim.network.devices.inprocess import DEVICE_ID, InProcessAccelerator


class SoftwareAccelerator(InProcessAccelerator):
    """`rate` in octets a second each way, 0 = it takes no time."""

    def __init__(self, rate: int = 0) -> None:
        self._rate = rate
        super().__init__(Accelerator(DEVICE_ID, rate=rate), "software")

    def _restarted(self) -> Accelerator:
        return Accelerator(DEVICE_ID, rate=self._rate)
