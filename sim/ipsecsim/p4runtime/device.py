"""What the P4Runtime service needs from a device.

    service ──── prepare, commit, packet_out, acknowledge ────▶ device
    service ◀─── packet_in, digest, idle_timeout (Events) ───── device

A device makes a Pipeline of a forwarding pipeline config without touching the one that runs, and
switches to it in `commit`. The forwarding state belongs to the Pipeline; `store.EntityStore` is
one for any p4info, so a device usually subclasses it or hands it out as it is:

    class Accelerator:
        device_id = 2
        def attach(self, events): self._events = events
        def prepare(self, config):
            return EntityStore(config.p4info, clock=self._clock, listener=self._changed)
        def commit(self, pipeline, previous): self._store = pipeline
        def packet_out(self, packet): raise unimplemented("device 2 has no packet I/O")
        def acknowledge(self, ack): raise invalid("device 2 has no digests")
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Protocol, TypeVar

from finsy.proto import p4r

from .changes import Undo


class Events(Protocol):
    """The service's ear; a device calls it from wherever it was itself called."""

    def packet_in(self, packet: p4r.PacketIn) -> None: ...
    def digest(self, digest: p4r.DigestList) -> None: ...
    def idle_timeout(self, note: p4r.IdleTimeoutNotification) -> None: ...


class Pipeline(Protocol):
    """A loaded forwarding pipeline with its forwarding state."""

    def write(self, update: p4r.Update) -> Undo:
        """Apply one update; what comes back undoes it. Raises P4RuntimeError, nothing changed."""

    def settle(self) -> None:
        """The batch is over: nothing of it will be undone. Raises P4RuntimeError if the device
        cannot put it in force after all."""

    def read(self, pattern: p4r.Entity) -> Iterator[p4r.Entity]:
        """The entities that `pattern` selects. Raises P4RuntimeError."""

    def take_over(self, previous: Pipeline) -> None:
        """Copy the forwarding state of `previous` (the same device's), before the commit.

        Raises INVALID_ARGUMENT naming what does not fit this pipeline.
        """


P = TypeVar("P", bound=Pipeline)


class Device(Protocol[P]):
    """One P4Runtime device. All calls come one at a time (the service holds its lock)."""

    @property
    def device_id(self) -> int:
        """Non-zero."""

    def attach(self, events: Events) -> None:
        """Where packet-ins, digests and idle timeouts go from now on."""

    def prepare(self, config: p4r.ForwardingPipelineConfig) -> P:
        """A new pipeline from `config`, complete and checked; the running one is not touched.

        Raises P4RuntimeError (INVALID_ARGUMENT) saying what in the config cannot be realised.
        """

    def commit(self, pipeline: P, previous: P | None) -> None:
        """Run `pipeline` from now on. Must not fail.

        `previous` is given when forwarding state is to be preserved (`take_over` was called
        already): carry over what P4Runtime does not show, such as registers.
        """

    def packet_out(self, packet: p4r.PacketOut) -> None:
        """Send or inject a packet. Raises P4RuntimeError for metadata that does not fit."""

    def acknowledge(self, ack: p4r.DigestListAck) -> None:
        """A client has handled a digest list. Raises P4RuntimeError for an unknown digest."""
