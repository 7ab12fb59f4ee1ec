"""Real network interfaces as ports: AF_PACKET sockets in the real-time loop (Linux, as root)."""

from __future__ import annotations

import socket
from collections.abc import Callable
from typing import Final

from ipsecsim.network.devices.base import DeviceError
from ipsecsim.network.realtime import RealTimeLoop

ETH_P_ALL: Final = 3
PACKET_OUTGOING: Final = 4
_MAX_FRAME: Final = 65536
_BATCH: Final = 64  # frames read before other events get their turn


class RawInterface:
    """Sends and receives whole Ethernet frames on a network interface."""

    def __init__(
        self, interface: str, loop: RealTimeLoop, on_frame: Callable[[bytes], None]
    ) -> None:
        """Raises DeviceError if the interface is not there or may not be used."""
        self.interface = interface
        self.dropped = 0
        self._loop = loop
        self._on_frame = on_frame
        try:
            self._socket = socket.socket(socket.AF_PACKET, socket.SOCK_RAW, 0)
            self._socket.bind((interface, ETH_P_ALL))
        except PermissionError as error:
            raise DeviceError(f"interface {interface}: needs root (CAP_NET_RAW)") from error
        except OSError as error:
            raise DeviceError(f"interface {interface}: {error.strerror}") from error
        self._socket.setblocking(False)
        loop.watch(self._socket, self._readable)

    def send(self, frame: bytes) -> None:
        try:
            self._socket.send(frame)
        except OSError:  # the interface is down, or its queue is full: frames get lost
            self.dropped += 1

    def close(self) -> None:
        self._loop.unwatch(self._socket)
        self._socket.close()

    def _readable(self) -> None:
        for _ in range(_BATCH):
            try:
                frame, address = self._socket.recvfrom(_MAX_FRAME)
            except BlockingIOError:
                return
            except OSError:
                self.dropped += 1
                return
            if address[2] != PACKET_OUTGOING:
                self._on_frame(frame)
