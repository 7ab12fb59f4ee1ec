"""Two routers with real devices (embedded switch, software accelerator) on a simulated wire."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from ipaddress import ip_address, ip_interface

from ipsecplane.agent import AgentOptions
from ipsecplane.config import RouterConfig
from ipsecplane.ios.loader import load_running_config
from ipsecplane.ios.session import Session
from ipsecplane.targets.program import load_program
from ipsecplane.views import PingRequest, PingResult
from ipsecsim.network.clock import Loop
from ipsecsim.network.devices.embedded import EmbeddedPipeline
from ipsecsim.network.devices.software import SoftwareAccelerator
from ipsecsim.network.host import Host, HostConfig
from ipsecsim.network.link import Impairments, Wire
from ipsecsim.network.ping import Ping, PingOptions
from ipsecsim.network.randomness import Randomness
from ipsecsim.network.router import Router, RouterSetup

START = datetime(2003, 3, 25, 4, 50, tzinfo=UTC)


@dataclass(slots=True)
class PingRun:
    """A ping's marks as they come, and its result when it is over."""

    marks: str = ""
    result: PingResult | None = None

    def output(self, text: str) -> None:
        self.marks += text

    def done(self, result: PingResult) -> None:
        self.result = result


@dataclass(slots=True)
class Site:
    """A router and what its ports are called."""

    router: Router
    pipeline: EmbeddedPipeline
    accelerator: SoftwareAccelerator
    wan: str


@dataclass(slots=True)
class Pair:
    """Routers A and B; `frames`: (sender, time in ns, frame, fate) of the wire between them."""

    a: Site
    b: Site
    loop: Loop
    wire: Wire
    frames: list[tuple[str, int, bytes, str]] = field(default_factory=list)

    def run(self, seconds: float) -> None:
        self.loop.run_for(seconds)

    def ping(self, site: Site, target: str, source: str, count: int = 5, **more: object) -> PingRun:
        """Ping and wait for the end."""
        run = PingRun()
        request = PingRequest(
            ip_address(target),
            repeat=count,
            source=ip_address(source),
            **more,  # type: ignore[arg-type]
        )
        site.router.agent.ping(request, run.output, run.done)
        self.loop.run_for(3600.0, lambda: run.result is not None)
        return run

    def log(self, site: Site) -> str:
        return "\n".join(
            f"%{line.facility}-{line.severity}-{line.mnemonic}: {line.text}"
            for line in site.router.agent.logging().lines
        )

    def command(self, site: Site, line: str) -> str:
        """What an EXEC command prints."""
        session = Session(site.router.agent)
        session.submit(line)
        return session.read()


def add_host(site: Site, port: int, address: str, gateway: str | None, number: int = 10) -> Host:
    """A host on a wire of its own to `port` of a router."""
    loop = site.router._loop
    randomness = Randomness(f"host {site.router.name} {port}")
    ends = (f"{site.router.name}-{port}", f"host-{site.router.name}")
    wire = Wire(ends[1], ends, loop, randomness.stream, Impairments(latency=0.0005))
    config = HostConfig(
        (ip_interface(address),),
        bytes([2, 0xAA, 0, ord(site.router.name[0]), port, number]),
        (ip_address(gateway),) if gateway else (),
    )
    host = Host(ends[1], config, loop, randomness.stream("host"))
    interface = next(name for name, where in site.router.setup.ports.items() if where == port)
    site.router.attach(interface, wire.attachments[ends[0]])
    host.attach(wire.attachments[ends[1]])
    return host


def host_ping(pair: Pair, host: Host, target: str, count: int = 5, **options: object) -> str:
    """A host's ping to its end; the marks."""
    done: list[Ping] = []
    request = PingOptions(ip_address(target), count, **options)  # type: ignore[arg-type]
    host.ping(request, done.append)
    pair.loop.run_for(600.0, lambda: bool(done))
    return done[0].marks


def make_pair(
    configs: tuple[str, str],
    ports: tuple[Mapping[str, int], Mapping[str, int]],
    *,
    seed: int = 1,
    latency: float = 0.001,
    options: AgentOptions | None = None,
    start: bool = True,
) -> Pair:
    """Port 1 of each router is its end of the wire."""
    loop, randomness = Loop(), Randomness(seed)
    wire = Wire("wan", ("a", "b"), loop, randomness.stream, Impairments(latency=latency))
    programs = options or AgentOptions(
        pipeline_program=load_program("ipsec"), accelerator_program=load_program("accelerator")
    )
    sites = []
    for name, text, where in zip("ab", configs, ports, strict=True):
        config: RouterConfig = load_running_config(text)[1]
        pipeline = EmbeddedPipeline(loop, randomness.stream(f"{name} pipeline"))
        accelerator = SoftwareAccelerator()
        setup = RouterSetup(name, config, where, START, programs)
        router = Router(setup, pipeline, accelerator, loop, randomness)
        wan = next(interface for interface, port in where.items() if port == 1)
        router.attach(wan, wire.attachments[name])
        sites.append(Site(router, pipeline, accelerator, wan))
    pair = Pair(sites[0], sites[1], loop, wire)
    wire.taps.append(lambda *seen: pair.frames.append(seen))
    if start:
        for site in sites:
            site.router.start()
        loop.run_for(0.1)
    return pair
