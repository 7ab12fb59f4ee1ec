"""Stock BMv2 as the pipeline, in virtual time: every frame is followed until BMv2 has done with it.

BMv2's threads run free and say nothing when they are idle. So behind whatever goes in, marks are
sent after it, straight to each port and to the host: queues keep their order, and when the marks
have come out, so has all that was before them, or it has begun another pass; behind that go the
next marks, as often as a packet can pass. Only then does the simulation go on. A run is as
reproducible as with the embedded switch, an hour of it as short, and a frame costs a few
milliseconds.
"""

from __future__ import annotations

import queue
import threading
import time
from collections.abc import Callable, Iterable
from itertools import count
from typing import Final

from finsy.proto import p4r
from ipsecplane.targets.packetio import Mode, PacketCodec, PacketOut
from ipsecplane.targets.transport import ClosedCallback, MessageCallback, TargetUnavailable

from ipsecsim.network.devices.base import (
    ACCELERATOR_PORT,
    CPU_PORT,
    RECIRCULATION_PORT,
    DeviceError,
    FrameCallback,
)
from ipsecsim.network.devices.bmv2_process import Bmv2Device, Bmv2Process, Bmv2Transport, direct

PATIENCE: Final = 20.0  # seconds
PASSES: Final = 3  # out of one tunnel with a header of its own and into another (p4/include/gre.p4)
_PACKET_IN_HEADER: Final = 14  # octets (p4/include/headers.p4), zero in marks: no reason of ours


class SteppedBmv2Pipeline(Bmv2Device):
    """It takes no virtual time: a frame leaves when it comes in."""

    transport: _Transport

    def __init__(self, name: str, ports: Iterable[int]) -> None:
        """`ports` that have a cable. Raises DeviceError if BMv2 is not installed."""
        self._ports = (*ports, ACCELERATOR_PORT, RECIRCULATION_PORT)
        self._on_frame: FrameCallback = lambda port, frame: None
        self._left: queue.SimpleQueue[tuple[int, bytes]] = queue.SimpleQueue()
        self._marks = count(1)
        process = Bmv2Process(name, lambda port, frame: self._left.put((port, frame)))
        super().__init__(process, _Transport(process, self._follow))

    def start(self, on_frame: FrameCallback, pump: Callable[[], None]) -> None:
        self._on_frame = on_frame
        self.process.start()

    def inject(self, port: int, frame: bytes) -> None:
        if self.process.forwarding:
            self.process.send(port, frame)
            self._follow(lambda port, mark: self.process.send(CPU_PORT, direct(port, mark)))

    def _follow(self, send_mark: Callable[[int, bytes], None]) -> None:
        """Send marks the way of what went before, and deliver what comes out before them.

        First what goes to the host, which may send in its turn, as the embedded switch does it.
        """
        frames: list[tuple[int, bytes]] = []
        for _ in range(PASSES):
            mark = self._send_marks(send_mark)
            frames += self._frames_before(mark)
            self.transport.await_mark(mark)
        self.transport.deliver()
        for port, frame in frames:
            self._on_frame(port, frame)

    def _send_marks(self, send_mark: Callable[[int, bytes], None]) -> bytes:
        mark = b"mark" + next(self._marks).to_bytes(60, "big")
        punted = bytes(_PACKET_IN_HEADER) + mark
        for port in self._ports:
            send_mark(port, mark)
        send_mark(CPU_PORT, punted)
        return mark

    def _frames_before(self, mark: bytes) -> list[tuple[int, bytes]]:
        frames: list[tuple[int, bytes]] = []
        waiting = set(self._ports)
        while waiting:
            try:
                port, frame = self._left.get(timeout=PATIENCE)
            except queue.Empty:
                raise DeviceError(f"BMv2: nothing came out within {PATIENCE:g} s") from None
            if frame == mark:
                waiting.discard(port)
            else:
                frames.append((port, frame))
        return frames


class _Transport(Bmv2Transport):
    """Answers within the call, as a target in the same process does."""

    def __init__(
        self, process: Bmv2Process, follow: Callable[[Callable[[int, bytes], None]], None]
    ) -> None:
        super().__init__(process)
        self._follow = follow
        self._codec: PacketCodec | None = None
        self._deliver: MessageCallback = lambda message: None
        self._arrived = threading.Event()
        self.wake = self._arrived.set
        self._answered = False
        self._punts: list[p4r.StreamMessageResponse] = []

    def open(self, on_message: MessageCallback, on_closed: ClosedCallback) -> None:
        self._deliver = on_message
        super().open(self._receive, on_closed)

    def set_pipeline(self, request: p4r.SetForwardingPipelineConfigRequest) -> None:
        super().set_pipeline(request)
        self._codec = PacketCodec(request.config.p4info)

    def send(self, message: p4r.StreamMessageRequest) -> None:
        kind = message.WhichOneof("update")
        if kind == "arbitration":
            self._answered = False
        super().send(message)
        if kind == "arbitration":
            self._wait(lambda: self._answered)
        elif kind == "packet":
            self._follow(self._send_mark)

    def await_mark(self, mark: bytes) -> None:
        """Wait until the packet-ins before a mark are there; without a stream they are lost."""
        if self._stream is None:
            return
        self._wait(lambda: any(m.packet.payload == mark for m in self._punts))
        self._punts = [m for m in self._punts if m.packet.payload != mark]

    def deliver(self) -> None:
        """Hand over the packet-ins that have come."""
        if self._stream is None:
            return
        punts, self._punts = self._punts, []
        for message in punts:
            self._deliver(message)

    def _send_mark(self, port: int, mark: bytes) -> None:
        assert self._codec is not None
        packet = self._codec.encode(PacketOut(Mode.DIRECT, mark, port))
        super().send(p4r.StreamMessageRequest(packet=packet))

    def _receive(self, message: p4r.StreamMessageResponse) -> None:
        if message.WhichOneof("update") == "packet":
            self._punts.append(message)
        else:
            self._answered = True
            self._deliver(message)

    def _wait(self, done: Callable[[], bool]) -> None:
        deadline = time.monotonic() + PATIENCE
        while True:
            self._arrived.clear()
            self.pump()
            if done():
                return
            if not self._arrived.wait(max(0.0, deadline - time.monotonic())):
                raise TargetUnavailable(f"no answer in {PATIENCE:g} s")
