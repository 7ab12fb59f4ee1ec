"""The accelerator in RTL: the same P4Runtime, the same frames, answered by the Verilated model.

Table entries become register writes when their batch is over; queues and counters are hardware too.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Final

from finsy.proto import p4r
from ipsecplane.targets.crypto_header import CryptoHeader, CryptoHeaderError, Operation, Reason

from ipsecsim.accelerator.frontend import ETHERNET, START, Frontend, Request

from .driver import Driver, Features
from .library import TRACES, library
from .model import Model
from .queues import HardwareEngine, Queues
from .store import HardwareStore
from .toolchain import ToolchainError

PARAMETERS: Final = {"ADDR_W": 17, "ROW_W": 11, "HANDLE_W": 13}
"""IP packets of any size; all else is the default of `rtl/ipsec_accel.sv`."""
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
        self.model = Model(path or library(parameters=PARAMETERS, trace=kind, on_build=on_build))
        if trace is not None:
            self.model.trace(trace)
        self.driver = Driver(self.model)
        self._rate = rate
        self._features = self._begin()

    def reset(self) -> None:
        """The reset pin. The hardware forgets its SAs, and P4Runtime its config with them: the
        client has to load it again, and nothing in here could bring a key back."""
        self._store = None
        self._features = self._begin()
        self._sending = self._engine(False, self._rate)
        self._receiving = self._engine(True, self._rate)

    def close(self) -> None:
        """End the model and its waveforms."""
        self.model.close()

    def _begin(self) -> Features:
        self.model.reset()
        features = self.driver.take_over()
        self.queues = Queues(self.model)
        return features

    def _engine(self, inbound: bool, rate: int) -> HardwareEngine:
        return HardwareEngine(inbound, rate, lambda: self.queues, self._through)

    # -- P4Runtime ---------------------------------------------------------------------------

    def prepare(self, config: p4r.ForwardingPipelineConfig) -> HardwareStore:
        return HardwareStore(
            config.p4info, lambda: self._now, self.driver, self.queues, self._features
        )

    def commit(self, pipeline: HardwareStore, previous: HardwareStore | None) -> None:
        if self._store is not None:
            pipeline.replaces(self._store)
        pipeline.settle()
        self.queues.gate(self._rate > 0)
        super().commit(pipeline, previous)

    # -- data path ---------------------------------------------------------------------------

    def _serve(self, request: Request) -> list[bytes]:
        """Without a pipeline the device has no rows, and refuses every request that needs one."""
        return self._through(request.frame)

    def _malformed(self, frame: bytes) -> list[bytes]:
        if self._store is not None:
            self._store.touch_error(Reason.BAD_HEADER)
        return self._through(frame)

    def _through(self, frame: bytes) -> list[bytes]:
        if self._store is not None:
            self._touch(frame, Reason.OK)
        self.model.push(frame)
        answers = self.model.run()
        if self._store is not None:
            for answer in answers:
                self._touch(answer, answer[_REASON])
        return answers

    def _touch(self, frame: bytes, reason: int) -> None:
        """The device counts this frame, a request or an answer, or will."""
        assert self._store is not None
        try:
            header = CryptoHeader.decode(frame[ETHERNET:START])
        except CryptoHeaderError:
            return
        inbound = header.operation in (Operation.DECRYPT, Operation.DECRYPTED)
        self._store.touch(inbound, header.sa_index, reason)
        number = self._store.classes.class_of(header.level, header.qos_group)
        self._store.touch_queue(inbound, number)
