"""Any P4Runtime target as the pipeline, its ports cabled to interfaces of this machine.

`--pipeline grpc://HOST:PORT[/DEVICE]` names the target, `--port ROUTER.PORT=IFACE` the interface
behind which each of its ports is: a simulated link's frames leave on IFACE, as on a cable.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from typing import Final

from ipsecplane.targets.grpc_transport import GrpcTransport

from ipsecsim.network.devices.base import DeviceError, FrameCallback
from ipsecsim.network.devices.raw import RawInterface
from ipsecsim.network.realtime import RealTimeLoop

_URL: Final = re.compile(r"grpc://(?P<address>[^/]+:\d+|unix:.+?)(?:/(?P<device>\d+))?")


def parse_url(url: str) -> tuple[str, int]:
    """The address and device id of a `grpc://` URL. Raises DeviceError."""
    found = _URL.fullmatch(url)
    if found is None:
        raise DeviceError(f"--pipeline {url}: write grpc://HOST:PORT or grpc://HOST:PORT/DEVICE")
    return found["address"], int(found["device"] or 1)


class ExternalPipeline:
    """A pipeline that is not ours to start or stop."""

    def __init__(self, url: str, interfaces: Mapping[int, str], loop: RealTimeLoop) -> None:
        """`interfaces` by pipeline port. Raises DeviceError."""
        self.transport = GrpcTransport(*parse_url(url))
        self._interfaces = interfaces
        self._loop = loop
        self._ports: dict[int, RawInterface] = {}

    def start(self, on_frame: FrameCallback, pump: Callable[[], None]) -> None:
        self.transport.wake = lambda: self._loop.call_soon(pump)
        for port, interface in self._interfaces.items():

            def arrived(frame: bytes, port: int = port) -> None:
                on_frame(port, frame)

            self._ports[port] = RawInterface(interface, self._loop, arrived)

    def inject(self, port: int, frame: bytes) -> None:
        interface = self._ports.get(port)
        if interface is not None:
            interface.send(frame)

    def disconnect(self, reason: str) -> None:
        """Only the control connection: the target itself goes on."""
        self.transport.disconnect(reason)

    def reconnect(self, *, keep_state: bool) -> None:
        self.transport.reconnect()
        if not keep_state:
            raise DeviceError(
                f"{self.transport.name} is not ours to restart: it comes back as it was "
                "(write device_state: kept)"
            )

    def stop(self) -> None:
        self.transport.close()
        for interface in self._ports.values():
            interface.close()
        self._ports.clear()
