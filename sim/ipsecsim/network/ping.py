"""A host's ping: echo requests at an interval, what came back and how fast."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field

from ipsecplane.config import Address

from ipsecsim.network import icmp
from ipsecsim.network.clock import Loop
from ipsecsim.network.icmp import IcmpError, IcmpMessage
from ipsecsim.network.packet import IpPacket


@dataclass(frozen=True, slots=True)
class PingOptions:
    """`size` is of the whole IP datagram, as IOS counts; times in seconds."""

    target: Address
    count: int = 5
    size: int = 100
    interval: float = 1.0
    timeout: float = 2.0
    source: Address | None = None
    dont_fragment: bool = False
    traffic_class: int = 0
    ttl: int = 64


@dataclass(slots=True)
class Ping:
    """A running or finished ping. `marks` has one character a request, as IOS prints them:

    `!` answered, `.` timed out, `U` unreachable, `M` too big, `&` time exceeded.
    """

    options: PingOptions
    identifier: int
    loop: Loop
    send: Callable[[IcmpMessage], None]
    on_done: Callable[[Ping], None]
    sent: int = 0
    round_trips: list[float] = field(default_factory=list)
    corrupted: int = 0
    _marks: list[str] = field(default_factory=list)
    _sent_at: dict[int, float] = field(default_factory=dict)
    _done: bool = False

    @property
    def done(self) -> bool:
        return self._done

    @property
    def received(self) -> int:
        return len(self.round_trips)

    @property
    def marks(self) -> str:
        return "".join(self._marks)

    def start(self) -> None:
        self._request()

    def replied(self, message: IcmpMessage, packet: IpPacket) -> None:
        sequence = message.word & 0xFFFF
        sent_at = self._sent_at.pop(sequence, None)
        if sent_at is None:
            return  # a duplicate, or later than the timeout
        if message.body != self._data(sequence):
            self.corrupted += 1
            self._mark(sequence, "C")
            return
        self.round_trips.append(self.loop.now - sent_at)
        self._mark(sequence, "!")

    def failed(self, error: IcmpError) -> None:
        if len(error.quoted.payload) < 8:
            return
        sequence = int.from_bytes(error.quoted.payload[6:8], "big")
        if self._sent_at.pop(sequence, None) is not None:
            mark = {"too big": "M", "time exceeded": "&"}.get(error.kind, "U")
            self._mark(sequence, mark)

    def summary(self) -> str:
        """`!!!.. 3/5, round trip min/avg/max 1.000/1.500/2.000 ms`."""
        text = f"{self.marks} {self.received}/{self.sent}"
        if self.round_trips:
            times = [t * 1000 for t in self.round_trips]
            mean = sum(times) / len(times)
            text += f", round trip min/avg/max {min(times):.3f}/{mean:.3f}/{max(times):.3f} ms"
        return text

    def _request(self) -> None:
        sequence = self.sent
        self.sent += 1
        self._marks.append("?")
        self._sent_at[sequence & 0xFFFF] = self.loop.now
        self.loop.after(self.options.timeout, lambda: self._timed_out(sequence))
        if self.sent < self.options.count:
            self.loop.after(self.options.interval, self._request)
        kind = icmp.ECHO_REQUEST[self.options.target.version]
        word = self.identifier << 16 | sequence & 0xFFFF
        self.send(IcmpMessage(kind, 0, word, self._data(sequence)))

    def _data(self, sequence: int) -> bytes:
        """Octets that differ from request to request, so that a mixed-up answer shows."""
        overhead = 28 if self.options.target.version == 4 else 48
        size = max(0, self.options.size - overhead)
        return bytes((sequence + at) & 0xFF for at in range(size))

    def _timed_out(self, sequence: int) -> None:
        if self._sent_at.pop(sequence & 0xFFFF, None) is not None:
            self._mark(sequence, ".")

    def _mark(self, sequence: int, mark: str) -> None:
        self._marks[sequence] = mark
        if self.sent == self.options.count and not self._sent_at and not self._done:
            self._done = True
            self.on_done(self)
