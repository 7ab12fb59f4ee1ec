"""What every accelerator in this process has in front of its engines: P4Runtime and queues.

A frame with a crypto header is taken apart, queued by its class, and given to who does the work,
which a subclass says. Nothing here opens a socket or reads a clock.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping
from typing import Any, Final, Generic, Protocol, TypeVar

from finsy.proto import p4r
from ipsecplane.targets.crypto_header import (
    ETHERTYPE,
    LENGTH,
    CryptoHeader,
    CryptoHeaderError,
    Operation,
)

from ipsecsim.p4runtime.device import Events
from ipsecsim.p4runtime.errors import invalid, unimplemented

from .engine import Engine
from .llq import Cause, LlqClass
from .store import SaTables

ETHERNET: Final = 14
START: Final = ETHERNET + LENGTH
MARK: Final = ETHERTYPE.to_bytes(2, "big")
REQUESTS: Final = frozenset({Operation.ENCRYPT, Operation.DECRYPT, Operation.FRAGMENT})

StoreT = TypeVar("StoreT", bound=SaTables[Any, Any])


class Request:
    """A frame with its crypto header read."""

    __slots__ = ("frame", "header", "packet", "short")

    def __init__(self, frame: bytes, header: CryptoHeader) -> None:
        l3 = START + header.l3_offset
        self.frame = frame
        self.header = header
        self.short = len(frame) < l3  # l3_offset points beyond the frame
        self.packet = frame[l3:]


class QueuedEngine(Protocol):
    """What `Engine` is to requests, whoever has the queues."""

    @property
    def due(self) -> float | None: ...

    def configure(self, classes: Mapping[int, LlqClass], now: float) -> None: ...

    def offer(self, item: Request, size: int, number: int, now: float) -> list[bytes]: ...

    def collect(self, now: float) -> list[bytes]: ...


class Frontend(ABC, Generic[StoreT]):
    """Device 2 of the P4Runtime service; one pipeline, whose state is an SaTables.

    Sending (ENCRYPT, FRAGMENT) and receiving (DECRYPT) have an engine each, which takes `rate`
    octets of IP packets a second; 0 = it takes no time, so nothing waits in its queues.
    """

    def __init__(self, device_id: int = 2, *, rate: int = 0) -> None:
        self._device_id = device_id
        self._store: StoreT | None = None
        self._now = 0.0
        self._sending = self._engine(False, rate)
        self._receiving = self._engine(True, rate)
        self._rules = 0  # generation of the classes that the engines go by

    # -- for subclasses ----------------------------------------------------------------------

    @abstractmethod
    def _serve(self, request: Request) -> list[bytes]:
        """The frames that answer a request."""

    @abstractmethod
    def _malformed(self, frame: bytes) -> list[bytes]:
        """The same for a frame that is no request that can be read."""

    def _engine(self, inbound: bool, rate: int) -> QueuedEngine:
        """The engine of one direction, with its queues."""
        return Engine(rate, self._work, self._dropped)

    # -- P4Runtime ---------------------------------------------------------------------------

    @property
    def device_id(self) -> int:
        return self._device_id

    def attach(self, events: Events) -> None:
        """It has no events to tell."""

    @abstractmethod
    def prepare(self, config: p4r.ForwardingPipelineConfig) -> StoreT:
        """Check that the p4info is the accelerator's. Raises P4RuntimeError."""

    def commit(self, pipeline: StoreT, previous: StoreT | None) -> None:
        self._store = pipeline
        self._rules = -1

    def packet_out(self, packet: p4r.PacketOut) -> None:
        raise unimplemented("the accelerator has no packet I/O through P4Runtime")

    def acknowledge(self, ack: p4r.DigestListAck) -> None:
        raise invalid("the accelerator has no digests")

    # -- data path ---------------------------------------------------------------------------

    def process(self, frame: bytes, now: float) -> list[bytes]:
        """Take a frame; returns the frames that are done by `now` (seconds), as `collect` does.

        Every request gets an answer: its results, or itself with the reason of the refusal. Only a
        dummy packet ends here (counted by its SA), what the queues drop (counted by its class), and
        frames that are no requests at all (counted as BAD_HEADER). Octets of any kind raise
        nothing. Without a rate, the answer comes at once.
        """
        self._now = now
        try:
            header = CryptoHeader.decode(frame[ETHERNET:START])
        except CryptoHeaderError:
            return self._malformed(frame)
        if frame[12:14] != MARK or header.operation not in REQUESTS:
            return self._malformed(frame)
        request = Request(frame, header)
        store = self._store
        if store is None:
            return self._work(request, 0)
        if self._rules != store.classes.generation:
            self._rules = store.classes.generation
            for engine in (self._sending, self._receiving):
                engine.configure(store.classes.rules, now)
        engine = self._receiving if header.operation is Operation.DECRYPT else self._sending
        number = store.classes.class_of(header.level, header.qos_group)
        return self.collect(now) + engine.offer(request, len(request.packet), number, now)

    @property
    def due(self) -> float | None:
        """When `collect` has something next, in seconds; None if nothing is under way."""
        times = [t for t in (self._sending.due, self._receiving.due) if t is not None]
        return min(times, default=None)

    def collect(self, now: float) -> list[bytes]:
        """The frames that are done by `now` and were not returned yet."""
        self._now = now
        return self._sending.collect(now) + self._receiving.collect(now)

    def _work(self, request: Request, number: int) -> list[bytes]:
        """What an engine makes of a request that has left the queue of class `number`."""
        if self._store is not None:
            self._store.classes.count(number, len(request.packet))
        return self._serve(request)

    def _dropped(self, number: int, octets: int, cause: Cause) -> None:
        if self._store is not None:
            self._store.count_llq_drop(number, octets, cause)
