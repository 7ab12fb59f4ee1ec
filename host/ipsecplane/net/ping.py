"""`ping` as IOS does it: one echo at a time, a character for each outcome.

The next echo goes out when the answer to the last one has come or its timeout has passed. Sans-IO:
the job says what to send; the agent brings the answers.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

from ipsecplane.config import Address
from ipsecplane.views import PingRequest, PingResult

from .icmp import IcmpMessage, Kind
from .ip import IpPacket

_HEADERS: Final = {4: 28, 6: 48}  # IP and ICMP headers
_MARKS: Final = {
    Kind.NET_UNREACHABLE: "U",
    Kind.HOST_UNREACHABLE: "U",
    Kind.PROTOCOL_UNREACHABLE: "P",
    Kind.PORT_UNREACHABLE: "U",
    Kind.ADMIN_PROHIBITED: "A",
    Kind.TOO_BIG: "M",
    Kind.SOURCE_QUENCH: "Q",
    Kind.TIME_EXCEEDED: "&",
}
UNKNOWN_MARK: Final = "?"


@dataclass(slots=True)
class _Waiting:
    sequence: int
    sent_at: float
    data: bytes


class Ping:
    """A running ping (`views.Job`). `send(packet)` transmits; times are seconds."""

    def __init__(
        self,
        request: PingRequest,
        source: Address,
        identifier: int,
        *,
        send: Callable[[IpPacket], None],
        on_output: Callable[[str], None],
        on_done: Callable[[PingResult], None],
    ) -> None:
        self.source = source
        self.identifier = identifier
        self._request = request
        self._send = send
        self._on_output = on_output
        self._on_done = on_done
        self._sizes = request.sizes or (request.size,)
        self._total = request.repeat * len(self._sizes)
        self._sent = 0
        self._received = 0
        self._round_trips: list[float] = []
        self._waiting: _Waiting | None = None
        self._done = False

    @property
    def done(self) -> bool:
        return self._done

    @property
    def target(self) -> Address:
        return self._request.target

    def start(self, now: float) -> None:
        self._next(now)

    def cancel(self) -> None:
        """Stop (the escape sequence): what was sent and answered so far is the result."""
        if not self._done:
            self._finish()

    def next_timeout(self) -> float | None:
        if self._waiting is None:
            return None
        return self._waiting.sent_at + self._request.timeout

    def handle_timeout(self, now: float) -> None:
        due = self.next_timeout()
        if due is not None and now >= due:
            self._outcome(".", now)

    def reply(self, packet: IpPacket, message: IcmpMessage, now: float) -> bool:
        """An echo reply with our identifier. True if it answers what we wait for."""
        waiting = self._waiting
        if waiting is None or message.sequence != waiting.sequence or packet.src != self.target:
            return False
        if self._request.validate and message.data != waiting.data:
            self._outcome("C", now)
            return True
        self._received += 1
        self._round_trips.append(now - waiting.sent_at)
        self._outcome("!", now)
        return True

    def error(self, kind: Kind, sequence: int, now: float) -> bool:
        """An ICMP error about one of our echoes. True if it is about the one we wait for."""
        if self._waiting is None or sequence != self._waiting.sequence:
            return False
        self._outcome(_MARKS.get(kind, UNKNOWN_MARK), now)
        return True

    def _outcome(self, mark: str, now: float) -> None:
        self._waiting = None
        self._on_output(mark)
        if not self._done:
            self._next(now)

    def _next(self, now: float) -> None:
        if self._sent == self._total:
            self._finish()
            return
        size = self._sizes[self._sent % len(self._sizes)]
        sequence = self._sent & 0xFFFF
        data = _payload(max(0, size - _HEADERS[self.source.version]), self._request.data, now)
        self._sent += 1
        self._waiting = _Waiting(sequence, now, data)
        message = IcmpMessage(Kind.ECHO_REQUEST, self.identifier << 16 | sequence, data)
        self._send(
            message.packet(self.source, self.target, tos=self._request.tos, df=self._request.df_bit)
        )

    def _finish(self) -> None:
        self._done = True
        self._waiting = None
        self._on_done(PingResult(self._sent, self._received, tuple(self._round_trips)))


def _payload(size: int, pattern: int, now: float) -> bytes:
    """IOS's echo data: the sender's uptime in milliseconds in octets 4 to 7, then the pattern."""
    head = bytes(4) + (int(now * 1000) & 0xFFFFFFFF).to_bytes(4, "big")
    fill = (pattern & 0xFFFF).to_bytes(2, "big") * (size // 2 + 1)
    return (head + fill)[:size]
