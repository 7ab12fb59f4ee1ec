"""Small networks for the tests of hosts."""

from __future__ import annotations

from ipaddress import ip_interface

from ipsecsim.network.clock import Loop
from ipsecsim.network.host import Host, HostConfig
from ipsecsim.network.link import Impairments, Wire
from ipsecsim.network.randomness import Randomness


class Pair:
    """Two hosts on a wire, `a` (10.0.0.1, fd00::1) and `b` (10.0.0.2, fd00::2)."""

    def __init__(self, impairments: Impairments | None = None, seed: int = 1, **more: int) -> None:
        self.loop = Loop()
        self.randomness = Randomness(seed)
        self.wire = Wire(
            "lan",
            ("a", "b"),
            self.loop,
            self.randomness.stream,
            impairments or Impairments(latency=0.001),
        )
        self.a, self.b = (self._host(name, n, **more) for name, n in (("a", 1), ("b", 2)))
        self.frames: list[tuple[str, int, bytes, str]] = []
        self.wire.taps.append(lambda *seen: self.frames.append(seen))

    def _host(self, name: str, number: int, **more: int) -> Host:
        addresses = (ip_interface(f"10.0.0.{number}/24"), ip_interface(f"fd00::{number}/64"))
        config = HostConfig(addresses, bytes([2, 0, 0, 0, 0, number]), **more)  # type: ignore[arg-type]
        host = Host(name, config, self.loop, self.randomness.stream(f"host {name}"))
        host.attach(self.wire.attachments[name])
        return host
