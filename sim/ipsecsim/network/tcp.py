"""One TCP connection, sans-IO (RFC 9293; congestion control RFC 5681, timer RFC 6298).

Segments go in by `receive`, come out by `segments_to_send`; `next_timeout`/`handle_timeout` drive
the retransmission timer. No window scaling, SACK or urgent data: what two hosts need to move bytes
through a tunnel and notice when it loses or shrinks them.
"""

from __future__ import annotations

import struct
from dataclasses import dataclass, field
from enum import Enum
from typing import Final

from ipsecplane.config import Address

from ipsecsim.network.packet import TCP, IpPacket, PacketError, checksum, pseudo_header

FIN, SYN, RST, PSH, ACK = 1, 2, 4, 8, 16
WINDOW: Final = 65535
DEFAULT_MSS: Final = {4: 536, 6: 1220}  # RFC 9293 section 3.7.1
INITIAL_RTO: Final = 1.0
MAX_RTO: Final = 60.0
RETRY_LIMIT: Final = 8
TIME_WAIT: Final = 2.0  # 2 MSL, of a network whose packets live a second
_HEADER: Final = struct.Struct(">HHIIBBHHH")


def _before(a: int, b: int) -> bool:
    """Sequence number a < b, modulo 2^32."""
    return (a - b) & 0xFFFFFFFF > 0x7FFFFFFF


@dataclass(frozen=True, slots=True)
class Segment:
    source_port: int
    destination_port: int
    sequence: int
    acknowledgment: int
    flags: int
    window: int
    data: bytes = b""
    mss: int | None = None

    def encode(self, source: Address, destination: Address) -> bytes:
        options = b"" if self.mss is None else struct.pack(">BBH", 2, 4, self.mss)
        size = _HEADER.size + len(options)

        def header(value: int) -> bytes:
            ports = (self.source_port, self.destination_port)
            numbers = (self.sequence, self.acknowledgment, size << 2, self.flags, self.window)
            return _HEADER.pack(*ports, *numbers, value, 0) + options

        cover = pseudo_header(source, destination, TCP, size + len(self.data))
        return header(checksum(cover, header(0), self.data)) + self.data

    @classmethod
    def decode(cls, packet: IpPacket) -> Segment:
        """Raises PacketError."""
        octets = packet.payload
        if len(octets) < _HEADER.size:
            raise PacketError(f"TCP: {len(octets)} octets, needs {_HEADER.size}")
        sport, dport, sequence, ack, offset, flags, window, _, _ = _HEADER.unpack_from(octets)
        size = (offset >> 4) * 4
        if not _HEADER.size <= size <= len(octets):
            raise PacketError(f"TCP: header {size} of {len(octets)} octets")
        if checksum(pseudo_header(packet.source, packet.destination, TCP, len(octets)), octets):
            raise PacketError("TCP: wrong checksum")
        mss = _mss_option(octets[_HEADER.size : size])
        return cls(sport, dport, sequence, ack, flags, window, octets[size:], mss)


def _mss_option(options: bytes) -> int | None:
    at = 0
    while at < len(options) and options[at] != 0:
        if options[at] == 1:
            at += 1
            continue
        if at + 1 >= len(options) or options[at + 1] < 2:
            return None
        if options[at] == 2 and options[at + 1] == 4:
            return int.from_bytes(options[at + 2 : at + 4], "big")
        at += options[at + 1]
    return None


class State(Enum):
    """RFC 9293 section 3.3.2; LISTEN is the stack's."""

    SYN_SENT = "SYN-SENT"
    SYN_RECEIVED = "SYN-RECEIVED"
    ESTABLISHED = "ESTABLISHED"
    FIN_WAIT_1 = "FIN-WAIT-1"
    FIN_WAIT_2 = "FIN-WAIT-2"
    CLOSE_WAIT = "CLOSE-WAIT"
    CLOSING = "CLOSING"
    LAST_ACK = "LAST-ACK"
    TIME_WAIT = "TIME-WAIT"
    CLOSED = "CLOSED"


_SENDING: Final = (State.ESTABLISHED, State.CLOSE_WAIT)
_RECEIVING: Final = (State.ESTABLISHED, State.FIN_WAIT_1, State.FIN_WAIT_2)
_FIN_SENT: Final = {State.ESTABLISHED: State.FIN_WAIT_1, State.CLOSE_WAIT: State.LAST_ACK}
_FIN_RECEIVED: Final = {
    State.ESTABLISHED: State.CLOSE_WAIT,
    State.FIN_WAIT_1: State.CLOSING,
    State.FIN_WAIT_2: State.TIME_WAIT,
}
_FIN_ACKED: Final = {
    State.FIN_WAIT_1: State.FIN_WAIT_2,
    State.CLOSING: State.TIME_WAIT,
    State.LAST_ACK: State.CLOSED,
}


@dataclass(slots=True)
class TcpCounters:
    segments_sent: int = 0
    segments_received: int = 0
    bytes_acknowledged: int = 0
    bytes_received: int = 0
    retransmissions: int = 0
    timeouts: int = 0


@dataclass(slots=True)
class TcpConnection:
    """Make one with `connect` or `accept`. `error` says why it was closed early ("" = was not).

    `read` hands over what arrived in order; `write` and `close` may be called at any time.
    """

    ports: tuple[int, int]  # local, remote
    initial_sequence: int
    mss: int  # what we can take; also the most we send until the peer says less
    state: State
    now: float
    counters: TcpCounters = field(default_factory=TcpCounters)
    error: str = ""

    _unacknowledged: int = 0  # SND.UNA
    _next: int = 0  # SND.NXT
    _highest: int = 0  # the most we ever sent: below it, sending is retransmitting
    _peer_window: int = WINDOW
    _pending: bytearray = field(default_factory=bytearray)  # from SND.UNA on, SYN excluded
    _closing: bool = False
    _fin_at: int | None = None
    _expected: int = 0  # RCV.NXT
    _ahead: dict[int, bytes] = field(default_factory=dict)
    _peer_fin: int | None = None
    _inbox: bytearray = field(default_factory=bytearray)
    _outbox: list[Segment] = field(default_factory=list)

    _window: float = 0.0  # congestion window, bytes
    _threshold: float = float(WINDOW)
    _duplicates: int = 0
    _recover: int | None = None
    _rto: float = INITIAL_RTO
    _smoothed: float | None = None
    _variation: float = 0.0
    _timed: tuple[int, float] | None = None  # (sequence, when sent) of the segment being timed
    _deadline: float | None = None
    _retries: int = 0

    @classmethod
    def connect(
        cls, ports: tuple[int, int], initial_sequence: int, mss: int, now: float
    ) -> TcpConnection:
        """Active open: the SYN is ready to send."""
        connection = cls(ports, initial_sequence, mss, State.SYN_SENT, now)
        connection._start()
        connection._send_syn()
        return connection

    @classmethod
    def accept(cls, segment: Segment, initial_sequence: int, mss: int, now: float) -> TcpConnection:
        """Passive open, by the SYN that a listening port received."""
        ports = (segment.destination_port, segment.source_port)
        connection = cls(ports, initial_sequence, mss, State.SYN_RECEIVED, now)
        connection._start()
        connection._take_syn(segment)
        connection._send_syn()
        return connection

    @property
    def established(self) -> bool:
        return self.state not in (State.SYN_SENT, State.SYN_RECEIVED, State.CLOSED)

    def write(self, data: bytes) -> None:
        self._pending += data
        self._send_data()

    def close(self) -> None:
        """Send what was written, then FIN."""
        self._closing = True
        self._send_data()

    def abort(self) -> None:
        if self.state is not State.CLOSED:
            self._emit(self._next, RST | ACK)
            self._fail("aborted")

    def read(self) -> bytes:
        data = bytes(self._inbox)
        self._inbox.clear()
        return data

    def segments_to_send(self) -> list[Segment]:
        segments, self._outbox = self._outbox, []
        return segments

    def next_timeout(self) -> float | None:
        return self._deadline

    def handle_timeout(self, now: float) -> None:
        self.now = now
        if self._deadline is None or now < self._deadline:
            return
        if self.state is State.TIME_WAIT:
            self._enter(State.CLOSED)
            return
        self._retries += 1
        self.counters.timeouts += 1
        if self._retries > RETRY_LIMIT:
            self._fail("timed out")
            return
        self._rto = min(self._rto * 2, MAX_RTO)
        self._deadline = now + self._rto
        self._timed = None
        if self.state in (State.SYN_SENT, State.SYN_RECEIVED):
            self._send_syn()
            return
        flight = (self._next - self._unacknowledged) & 0xFFFFFFFF
        self._threshold = max(flight / 2, 2 * self.mss)
        self._window = self.mss
        self._recover = None
        self._duplicates = 0
        self._next = self._unacknowledged  # go back: everything in flight is taken for lost
        if self._peer_window == 0:
            self._peer_window = self.mss  # probe
        self._send_data()

    def shrink(self, mss: int) -> None:
        """The path takes less (RFC 1191): smaller segments, and those in flight again."""
        if mss < self.mss:
            self.mss = mss
            if self.established:
                self._next = self._unacknowledged
                self._send_data()

    def receive(self, segment: Segment, now: float) -> None:
        """A segment of this connection, its checksum checked."""
        self.now = now
        self.counters.segments_received += 1
        if self.state is State.CLOSED:
            return
        if self.state is State.SYN_SENT:
            self._receive_in_syn_sent(segment)
            return
        if segment.flags & RST:
            if segment.sequence == self._expected:
                self._fail("reset by the peer")
            return
        if segment.flags & SYN:
            # A repeated SYN: our SYN and ACK, or the last ACK of the handshake, got lost.
            if self.state is State.SYN_RECEIVED:
                self._send_syn()
            else:
                self._emit(self._next, ACK)
            return
        if segment.flags & ACK:
            self._acknowledged(segment)
        self._take_data(segment)

    def _receive_in_syn_sent(self, segment: Segment) -> None:
        if segment.flags & ACK and segment.acknowledgment != (self.initial_sequence + 1) % 2**32:
            return
        if segment.flags & RST:
            if segment.flags & ACK:
                self._fail("connection refused")
            return
        if segment.flags & SYN and segment.flags & ACK:
            self._take_syn(segment)
            self._unacknowledged = segment.acknowledgment
            self._become_established(segment)
            self._emit(self._next, ACK)
            self._send_data()

    def _start(self) -> None:
        self._unacknowledged = self.initial_sequence
        self._next = self._highest = (self.initial_sequence + 1) & 0xFFFFFFFF

    def _take_syn(self, segment: Segment) -> None:
        self._expected = (segment.sequence + 1) & 0xFFFFFFFF
        self._peer_window = segment.window
        if segment.mss is not None:
            self.mss = min(self.mss, segment.mss)

    def _become_established(self, segment: Segment) -> None:
        self._enter(State.ESTABLISHED)
        self._peer_window = segment.window
        self._window = min(10 * self.mss, max(2 * self.mss, 14600))  # RFC 6928
        self._deadline = None
        self._retries = 0

    def _acknowledged(self, segment: Segment) -> None:
        ack = segment.acknowledgment
        if self.state is State.SYN_RECEIVED:
            if ack != self._next:
                return
            self._unacknowledged = ack
            self._become_established(segment)
            self._send_data()
            return
        if _before(self._highest, ack):
            self._emit(self._next, ACK)  # acknowledges what was never sent
            return
        news = _before(self._unacknowledged, ack)
        outstanding = self._unacknowledged != self._highest
        repeated = ack == self._unacknowledged and outstanding and not segment.data
        same_window = segment.window == self._peer_window
        self._peer_window = segment.window
        if news:
            self._advance(ack)
        elif repeated and same_window and not segment.flags & FIN:
            self._duplicate_ack()
        self._send_data()

    def _advance(self, ack: int) -> None:
        count = (ack - self._unacknowledged) & 0xFFFFFFFF
        fin_acked = self._fin_at is not None and _before(self._fin_at, ack)
        data = count - fin_acked
        del self._pending[:data]
        self.counters.bytes_acknowledged += data
        self._unacknowledged = ack
        if _before(self._next, ack):
            self._next = ack
        self._retries = 0
        if self._timed is not None and not _before(ack, self._timed[0]):
            self._measure(self.now - self._timed[1])
            self._timed = None
        if self._recover is not None and _before(ack, self._recover):
            self._resend_first()  # a partial acknowledgment: the next hole (RFC 6582)
        else:
            if self._recover is not None:
                self._window = self._threshold
                self._recover = None
            elif self._window < self._threshold:
                self._window += min(data, self.mss)
            else:
                self._window += self.mss * self.mss / self._window
            self._duplicates = 0
        self._deadline = None if ack == self._highest else self.now + self._rto
        if fin_acked and self.state in _FIN_ACKED:
            self._enter(_FIN_ACKED[self.state])

    def _duplicate_ack(self) -> None:
        self._duplicates += 1
        if self._duplicates == 3 and self._recover is None:
            flight = (self._next - self._unacknowledged) & 0xFFFFFFFF
            self._threshold = max(flight / 2, 2 * self.mss)
            self._window = self._threshold + 3 * self.mss
            self._recover = self._highest
            self._resend_first()
        elif self._duplicates > 3:
            self._window += self.mss

    def _measure(self, sample: float) -> None:
        if self._smoothed is None:
            self._smoothed, self._variation = sample, sample / 2
        else:
            self._variation = 0.75 * self._variation + 0.25 * abs(self._smoothed - sample)
            self._smoothed = 0.875 * self._smoothed + 0.125 * sample
        self._rto = min(max(self._smoothed + 4 * self._variation, INITIAL_RTO), MAX_RTO)

    def _take_data(self, segment: Segment) -> None:
        if self.state is State.CLOSED or not (segment.data or segment.flags & FIN):
            return
        if self.state in _RECEIVING:
            if segment.flags & FIN:
                self._peer_fin = (segment.sequence + len(segment.data)) & 0xFFFFFFFF
            if segment.data and len(self._ahead) < 1024:
                known = self._ahead.get(segment.sequence, b"")
                self._ahead[segment.sequence] = max(known, segment.data, key=len)
            self._deliver()
            if self._peer_fin == self._expected:
                self._expected = (self._expected + 1) & 0xFFFFFFFF
                self._enter(_FIN_RECEIVED[self.state])
        self._emit(self._next, ACK)

    def _deliver(self) -> None:
        """Move what is now in order to the inbox."""
        progress = True
        while progress:
            progress = False
            for sequence in sorted(self._ahead):
                if _before(self._expected, sequence):
                    continue
                data = self._ahead.pop(sequence)[(self._expected - sequence) & 0xFFFFFFFF :]
                self._inbox += data
                self.counters.bytes_received += len(data)
                self._expected = (self._expected + len(data)) & 0xFFFFFFFF
                progress = True

    def _send_data(self) -> None:
        if self.state not in _SENDING and self._fin_at is None:
            return
        limit = min(self._window, self._peer_window)
        while True:
            offset = (self._next - self._unacknowledged) & 0xFFFFFFFF
            chunk = bytes(self._pending[offset : offset + self.mss])
            if not chunk or (offset and offset + len(chunk) > limit):
                break
            last = offset + len(chunk) == len(self._pending)
            self._transmit(chunk, ACK | (PSH if last else 0))
        offset = (self._next - self._unacknowledged) & 0xFFFFFFFF
        if self._closing and self._fin_at is None and offset == len(self._pending):
            self._fin_at = self._next
            self._enter(_FIN_SENT[self.state])
        if self._fin_at == self._next:
            self._transmit(b"", FIN | ACK)

    def _resend_first(self) -> None:
        chunk = bytes(self._pending[: self.mss])
        self._timed = None  # Karn: a retransmitted segment is not timed
        self.counters.retransmissions += 1
        if chunk:
            self._emit(self._unacknowledged, ACK, chunk)
        elif self._fin_at is not None:
            self._emit(self._unacknowledged, FIN | ACK)

    def _transmit(self, chunk: bytes, flags: int) -> None:
        end = (self._next + len(chunk) + (1 if flags & FIN else 0)) & 0xFFFFFFFF
        if _before(self._next, self._highest):
            self.counters.retransmissions += 1
        elif self._timed is None:
            self._timed = (end, self.now)
        self._emit(self._next, flags, chunk)
        self._next = end
        if _before(self._highest, end):
            self._highest = end
        if self._deadline is None:
            self._deadline = self.now + self._rto

    def _send_syn(self) -> None:
        flags = SYN if self.state is State.SYN_SENT else SYN | ACK
        self._emit(self.initial_sequence, flags, mss=self.mss)
        if self._deadline is None:
            self._deadline = self.now + self._rto

    def _emit(self, sequence: int, flags: int, data: bytes = b"", mss: int | None = None) -> None:
        self.counters.segments_sent += 1
        ack = self._expected if flags & ACK else 0
        self._outbox.append(Segment(*self.ports, sequence, ack, flags, WINDOW, data, mss))

    def _enter(self, state: State) -> None:
        self.state = state
        if state is State.TIME_WAIT:
            self._deadline = self.now + TIME_WAIT
        elif state is State.CLOSED:
            self._deadline = None

    def _fail(self, why: str) -> None:
        self.error = why
        self._enter(State.CLOSED)
