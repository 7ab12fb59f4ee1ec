"""The software accelerator."""

from __future__ import annotations

from ipsecsim.accelerator.device import Accelerator
from ipsecsim.network.devices.inprocess import DEVICE_ID, InProcessAccelerator


class SoftwareAccelerator(InProcessAccelerator):
    def __init__(self) -> None:
        super().__init__(Accelerator(DEVICE_ID), "software")

    def _restarted(self) -> Accelerator:
        return Accelerator(DEVICE_ID)
