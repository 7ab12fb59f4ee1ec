"""The accelerator in RTL, compiled by Verilator."""

from __future__ import annotations

import sys
from pathlib import Path

from ipsecsim.accelerator.rtl.device import RtlAccelerator
from ipsecsim.accelerator.rtl.driver import DriverError
from ipsecsim.accelerator.rtl.model import ModelError
from ipsecsim.accelerator.rtl.toolchain import ToolchainError
from ipsecsim.network.devices.base import DeviceError
from ipsecsim.network.devices.inprocess import DEVICE_ID, InProcessAccelerator


class VerilatedAccelerator(InProcessAccelerator):
    """Its model is compiled if there is none yet, which takes minutes. Raises DeviceError."""

    def __init__(self, trace: Path | None = None, rate: int = 0) -> None:
        """`trace`: where waveforms go, FILE.fst or FILE.vcd."""
        try:
            self._rtl = RtlAccelerator(DEVICE_ID, rate=rate, trace=trace, on_build=_tell)
        except (ToolchainError, ModelError, DriverError) as error:
            raise DeviceError(f"--accelerator rtl: {error}") from error
        super().__init__(self._rtl, "rtl")

    @property
    def cycles(self) -> int:
        return self._rtl.model.cycles

    def stop(self) -> None:
        super().stop()
        self._rtl.close()

    def _restarted(self) -> RtlAccelerator:
        self._rtl.reset()
        return self._rtl


def _tell(what: str) -> None:
    print(f"note: {what}", file=sys.stderr, flush=True)
