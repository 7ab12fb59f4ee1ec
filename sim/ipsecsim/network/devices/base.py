"""What a router needs of its devices, whatever they are made of."""

from __future__ import annotations

from collections.abc import Callable
from typing import Final, Protocol

from ipsecplane.targets.transport import Transport

ACCELERATOR_PORT: Final = 500
CPU_PORT: Final = 510
RECIRCULATION_PORT: Final = 509  # of packets that pass the pipeline once more

FrameCallback = Callable[[int, bytes], None]
"""Called with (port, frame) for each frame that leaves the pipeline."""


class DeviceError(Exception):
    """A device that cannot be made, reached or asked for something; the text says what to do."""


class PipelineDevice(Protocol):
    """The match-action pipeline of one router."""

    @property
    def transport(self) -> Transport: ...

    def start(self, on_frame: FrameCallback, pump: Callable[[], None]) -> None:
        """Begin. `pump` is called, on the loop's thread, when stream messages wait for the agent.

        Raises DeviceError when it cannot.
        """

    def inject(self, port: int, frame: bytes) -> None:
        """A frame arrives at a port."""

    def disconnect(self, reason: str) -> None:
        """The agent loses it, from now on. Raises DeviceError where that cannot be done."""

    def reconnect(self, *, keep_state: bool) -> None:
        """It is there again, as it was or restarted. Raises DeviceError likewise."""

    def stop(self) -> None: ...


class AcceleratorDevice(Protocol):
    """The crypto accelerator of one router: a frame in, frames out, at once or when due."""

    @property
    def transport(self) -> Transport: ...

    @property
    def cycles(self) -> int | None:
        """Clock cycles that its hardware has had; None: it has no clock."""

    def process(self, frame: bytes, now: float) -> list[bytes]:
        """Take a frame; returns what is done by `now` (seconds)."""

    @property
    def due(self) -> float | None:
        """When `collect` has something next; None if nothing is under way."""

    def collect(self, now: float) -> list[bytes]:
        """What is done by `now` and was not returned yet."""

    def disconnect(self, reason: str) -> None: ...

    def reconnect(self, *, keep_state: bool) -> None: ...

    def stop(self) -> None: ...
