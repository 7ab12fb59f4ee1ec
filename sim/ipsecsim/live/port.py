"""A router's interface plugged into a network interface of this machine."""

from __future__ import annotations

from ipsecsim.network.devices.raw import RawInterface
from ipsecsim.network.link import Attachment, Tap
from ipsecsim.network.realtime import RealTimeLoop


class LivePort:
    """A cable with two ends: the router's `interface`, and `device`, behind which is the world.

    `cable` is the router's end. Captures see it as a link (`network.link.Observable`).
    """

    def __init__(self, interface: str, device: str, loop: RealTimeLoop) -> None:
        """Raises DeviceError."""
        self.name = device
        self.taps: list[Tap] = []
        self.interface = interface
        self.received = 0
        self.sent = 0
        self._loop = loop
        self.raw = RawInterface(device, loop, self._arrived)
        self.cable = Attachment(interface, self._send)
        self._world = Attachment(device, self._arrived)

    @property
    def attachments(self) -> dict[str, Attachment]:
        return {self.interface: self.cable, self.name: self._world}

    def close(self) -> None:
        self.raw.close()

    def _arrived(self, frame: bytes) -> None:
        self.received += 1
        if self.taps:
            self._observe(self.name, frame)
        self.cable.receive(frame)

    def _send(self, frame: bytes) -> None:
        self.sent += 1
        if self.taps:
            self._observe(self.interface, frame)
        self.raw.send(frame)

    def _observe(self, sender: str, frame: bytes) -> None:
        for tap in self.taps:
            tap(sender, self._loop.now_ns, frame, "")
