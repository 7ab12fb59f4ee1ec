"""Runs an IKE engine in real time on UDP sockets: the I/O that the engine leaves out."""

from __future__ import annotations

import select
import socket
import time
from collections.abc import Callable
from ipaddress import ip_address

from ipsecplane.ike.engine import Engine
from ipsecplane.ike.types import Datagram, Event

NON_ESP_MARKER = bytes(4)


class UdpPump:
    """`engine` on sockets bound to one address's ports; events collect in `events`."""

    def __init__(self, engine: Engine, sockets: list[socket.socket]) -> None:
        self.engine = engine
        self.events: list[Event] = []
        self.received: list[Datagram] = []
        self.sent: list[Datagram] = []
        self._sockets = {udp.getsockname()[1]: udp for udp in sockets}

    @property
    def now(self) -> float:
        return time.monotonic()

    def flush(self) -> None:
        """Take the engine's output after a command."""
        self.events += self.engine.events()
        for datagram in self.engine.datagrams_to_send():
            self.sent.append(datagram)
            floated = datagram.local_port not in (500,) and 4500 in self._sockets
            marker = NON_ESP_MARKER if floated and datagram.local_port == 4500 else b""
            self._sockets[datagram.local_port].sendto(
                marker + datagram.payload, (str(datagram.remote), datagram.remote_port)
            )

    def run_until(self, condition: Callable[[], bool], seconds: float = 10.0) -> bool:
        """Exchange messages until the condition holds; False after `seconds` without it."""
        deadline = self.now + seconds
        self.flush()
        while not condition():
            now = self.now
            if now >= deadline:
                return False
            timeout = self.engine.next_timeout()
            wait = min(0.1, deadline - now, max(0.0, (timeout or deadline) - now))
            readable, _, _ = select.select(list(self._sockets.values()), [], [], wait)
            for udp in readable:
                self._receive(udp)
            self.engine.handle_timeout(self.now)
            self.flush()
        return True

    def _receive(self, udp: socket.socket) -> None:
        data, source = udp.recvfrom(65535)
        local_address, local_port = udp.getsockname()[:2]
        if local_port == 4500:
            if not data.startswith(NON_ESP_MARKER):
                return  # ESP in UDP or a keepalive: the data path's
            data = data[len(NON_ESP_MARKER) :]
        datagram = Datagram(
            ip_address(local_address), local_port, ip_address(source[0]), source[1], data
        )
        self.received.append(datagram)
        self.engine.receive(datagram, self.now)

    def close(self) -> None:
        for udp in self._sockets.values():
            udp.close()
