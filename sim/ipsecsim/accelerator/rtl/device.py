"""The accelerator in RTL: the same P4Runtime, the same frames, answered by the Verilated model.

Table entries become register writes when their batch is over; counters are the hardware's. The
queues of LLQ are those of the software model, in front of the model's input.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Final

from finsy.proto import p4r
from ipsecplane.targets.crypto_header import Operation, Reason

from ipsecsim.accelerator.frontend import ETHERNET, Frontend, Request

from .driver import Driver, Features
from .library import TRACES, library
from .model import Model
from .store import HardwareStore
from .toolchain import ToolchainError

_REASON: Final = ETHERNET + 1  # octet of a frame


class RtlAccelerator(Frontend[HardwareStore]):
    """What `Accelerator` is, in hardware."""

    def __init__(
        self,
        device_id: int = 2,
        *,
        rate: int = 0,
        trace: Path | None = None,
        path: Path | None = None,
        on_build: Callable[[str], None] | None = None,
    ) -> None:
        """`trace`: where waveforms go, FILE.fst or FILE.vcd; `path`: a library that is there;
        `on_build` is told if one has to be compiled.

        Raises ToolchainError (what this machine lacks to build it, or a trace of another kind),
        ModelError (the trace cannot be written), DriverError.
        """
        super().__init__(device_id, rate=rate)
        kind = "" if trace is None else trace.suffix.removeprefix(".")
        if trace is not None and kind not in TRACES:
            known = " or ".join(f"FILE.{one}" for one in TRACES)
            raise ToolchainError(f"waveforms are written to {known}, not to {trace}")
        self.model = Model(path or library(trace=kind, on_build=on_build))
        if trace is not None:
            self.model.trace(trace)
        self.driver = Driver(self.model)
        self._features = self._begin()

    def reset(self) -> None:
        """The reset pin. The hardware forgets its SAs, and P4Runtime its config with them: the
        client has to load it again, and nothing in here could bring a key back."""
        self._store = None
        self._features = self._begin()

    def close(self) -> None:
        """End the model and its waveforms."""
        self.model.close()

    def _begin(self) -> Features:
        self.model.reset()
        return self.driver.take_over()

    # -- P4Runtime ---------------------------------------------------------------------------

    def prepare(self, config: p4r.ForwardingPipelineConfig) -> HardwareStore:
        return HardwareStore(config.p4info, lambda: self._now, self.driver, self._features)

    def commit(self, pipeline: HardwareStore, previous: HardwareStore | None) -> None:
        if self._store is not None:
            pipeline.replaces(self._store)
        pipeline.settle()
        super().commit(pipeline, previous)

    # -- data path ---------------------------------------------------------------------------

    def _serve(self, request: Request) -> list[bytes]:
        answers = self._through(request.frame)
        if self._store is not None:
            inbound = request.header.operation is Operation.DECRYPT
            for reason in {Reason.OK, *(answer[_REASON] for answer in answers)}:
                self._store.touch(inbound, request.header.sa_index, reason)
        return answers

    def _malformed(self, frame: bytes) -> list[bytes]:
        if self._store is not None:
            self._store.touch_error(Reason.BAD_HEADER)
        return self._through(frame)

    def _through(self, frame: bytes) -> list[bytes]:
        self.model.push(frame)
        return self.model.run()
