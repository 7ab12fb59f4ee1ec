"""Links: what a frame meets between two interfaces.

A `Channel` is one direction: a queue, a transmitter of some bandwidth, then impairments and
propagation. A `Wire` is two channels between two ends; `segment.Segment` joins more stations.
"""

from __future__ import annotations

import random
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Final, Protocol

from ipsecsim.network.clock import NANOSECONDS, Loop

ETHERNET_HEADER: Final = 14
VLAN_TAG: Final = 4
MIN_FRAME: Final = 60
WIRE_OVERHEAD: Final = 24  # preamble 8, FCS 4, inter-packet gap 12: a bandwidth is a line rate


@dataclass(frozen=True, slots=True)
class Impairments:
    """What a channel does to frames; the default is an ideal wire.

    latency, jitter (uniform extra, order kept) and reorder_by in seconds; bandwidth in bit/s
    (None = unlimited), queue in frames; mtu in bytes of IP packet (None = no limit);
    loss, duplicate and reorder are probabilities.
    """

    latency: float = 0.0
    jitter: float = 0.0
    bandwidth: float | None = None
    queue: int = 1000
    mtu: int | None = None
    loss: float = 0.0
    duplicate: float = 0.0
    reorder: float = 0.0
    reorder_by: float = 0.001


@dataclass(slots=True)
class ChannelCounters:
    """What happened to the frames of one direction; `sent` is the sum of all that were offered."""

    sent: int = 0
    sent_bytes: int = 0
    delivered: int = 0
    lost: int = 0
    queue_full: int = 0
    too_big: int = 0
    link_down: int = 0
    duplicated: int = 0
    reordered: int = 0


class Tap(Protocol):
    """Sees each frame that goes onto the wire, as it leaves its sender.

    `fate` is "" or why it will not arrive as sent. What never gets that far (link down, queue full,
    too big) is not seen, only counted.
    """

    def __call__(self, sender: str, time_ns: int, frame: bytes, fate: str) -> None: ...


class Channel:
    """One direction of a link. Frames come out at `deliver(frame)`."""

    def __init__(
        self,
        loop: Loop,
        rng: random.Random,
        impairments: Impairments,
        deliver: Callable[[bytes], None],
        observe: Callable[[int, bytes, str], None] | None = None,
    ) -> None:
        self.impairments = impairments
        self.counters = ChannelCounters()
        self.up = True
        self._loop = loop
        self._rng = rng
        self._deliver = deliver
        self._observe = observe
        self._free_at_ns = 0  # when the transmitter has sent all that is queued
        self._last_arrival_ns = 0
        self._queued = 0

    def send(self, frame: bytes) -> None:
        """Offer a frame (Ethernet, without FCS) to the transmitter."""
        limits = self.impairments
        self.counters.sent += 1
        self.counters.sent_bytes += len(frame)
        if not self.up:
            self.counters.link_down += 1
        elif limits.mtu is not None and _packet_length(frame) > limits.mtu:
            self.counters.too_big += 1
        elif limits.bandwidth is None:
            self._transmitted(frame)
        elif self._queued >= limits.queue:
            self.counters.queue_full += 1
        else:
            bits = (max(len(frame), MIN_FRAME) + WIRE_OVERHEAD) * 8
            start = max(self._loop.now_ns, self._free_at_ns)
            self._free_at_ns = start + round(bits * NANOSECONDS / limits.bandwidth)
            self._queued += 1
            self._loop.at_ns(self._free_at_ns, lambda: self._dequeue(frame))

    def _dequeue(self, frame: bytes) -> None:
        self._queued -= 1
        self._transmitted(frame)

    def _transmitted(self, frame: bytes) -> None:
        chance, draw = self.impairments, self._rng.random
        if not self.up:  # it went down while the frame was in the queue
            self.counters.link_down += 1
            return
        if chance.loss and draw() < chance.loss:
            self.counters.lost += 1
            self._seen(frame, "lost on the link")
            return
        delay = chance.latency + (draw() * chance.jitter if chance.jitter else 0.0)
        arrival = self._loop.now_ns + round(delay * NANOSECONDS)
        copies = 1
        fates = []
        if chance.duplicate and draw() < chance.duplicate:
            self.counters.duplicated += 1
            copies = 2
            fates.append("duplicated on the link")
        if chance.reorder and draw() < chance.reorder:
            self.counters.reordered += 1
            arrival += round(chance.reorder_by * NANOSECONDS)
            fates.append("delayed past others on the link")
        else:
            arrival = max(arrival, self._last_arrival_ns)  # jitter alone does not reorder
            self._last_arrival_ns = arrival
        self._seen(frame, ", ".join(fates))
        for _ in range(copies):
            self._loop.at_ns(arrival, lambda: self._arrived(frame))

    def _arrived(self, frame: bytes) -> None:
        self.counters.delivered += 1
        self._deliver(frame)

    def _seen(self, frame: bytes, fate: str) -> None:
        if self._observe is not None:
            self._observe(self._loop.now_ns, frame, fate)


@dataclass(slots=True)
class Attachment:
    """An interface's end of a link: `send` takes its frames, `receive` gets those that come.

    `on_state` hears of the link going down and coming up.
    """

    name: str
    send: Callable[[bytes], None]
    receive: Callable[[bytes], None] = field(default=lambda frame: None)
    on_state: Callable[[bool], None] = field(default=lambda up: None)


class Observable(Protocol):
    """What captures see of a link."""

    name: str
    taps: list[Tap]

    @property
    def attachments(self) -> dict[str, Attachment]:
        """By the name of the interface at that end."""


class Link(Observable, Protocol):
    """What scenarios see of wires and segments."""

    @property
    def counters(self) -> dict[str, ChannelCounters]:
        """By the name of the sending interface."""

    @property
    def up(self) -> bool: ...

    def set_up(self, up: bool) -> None: ...

    def impairments(self, sender: str) -> Impairments: ...

    def impair(self, impairments: Impairments, sender: str | None = None) -> None:
        """Change what happens to frames from `sender` (None: anyone) that leave from now on."""


class Wire:
    """A full-duplex link between two interfaces."""

    def __init__(
        self,
        name: str,
        ends: tuple[str, str],
        loop: Loop,
        stream: Callable[[str], random.Random],
        impairments: Impairments | None = None,
    ) -> None:
        """`stream(purpose)` gives the generator of each direction."""
        self.name = name
        self.taps: list[Tap] = []
        self._up = True
        self._attachments: dict[str, Attachment] = {}
        self._channels: dict[str, Channel] = {}
        for sender, receiver in (ends, ends[::-1]):
            channel = Channel(
                loop,
                stream(f"link {name} from {sender}"),
                impairments or Impairments(),
                lambda frame, to=receiver: self._attachments[to].receive(frame),  # type: ignore[misc]
                lambda time_ns, frame, fate, by=sender: self._observed(by, time_ns, frame, fate),  # type: ignore[misc]
            )
            self._channels[sender] = channel
            self._attachments[sender] = Attachment(sender, channel.send)

    @property
    def attachments(self) -> dict[str, Attachment]:
        return self._attachments

    @property
    def counters(self) -> dict[str, ChannelCounters]:
        return {sender: channel.counters for sender, channel in self._channels.items()}

    @property
    def up(self) -> bool:
        return self._up

    def set_up(self, up: bool) -> None:
        if up != self._up:
            self._up = up
            for channel in self._channels.values():
                channel.up = up
            for attachment in self._attachments.values():
                attachment.on_state(up)

    def impairments(self, sender: str) -> Impairments:
        return self._channels[sender].impairments

    def impair(self, impairments: Impairments, sender: str | None = None) -> None:
        for name, channel in self._channels.items():
            if sender in (None, name):
                channel.impairments = impairments

    def _observed(self, sender: str, time_ns: int, frame: bytes, fate: str) -> None:
        for tap in self.taps:
            tap(sender, time_ns, frame, fate)


def _packet_length(frame: bytes) -> int:
    """Length of what an Ethernet frame carries: MTUs do not count its header or a VLAN tag."""
    tagged = frame[12:14] == b"\x81\x00"
    return len(frame) - ETHERNET_HEADER - (VLAN_TAG if tagged else 0)
