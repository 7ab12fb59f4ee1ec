"""One router in real time: its agent, its devices, and network interfaces of this machine."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from types import TracebackType
from typing import Final

from ipsecplane.agent import Agent, AgentOptions
from ipsecplane.agent.keys import WiresharkKeys
from ipsecplane.config import RouterConfig
from ipsecplane.ios.interfaces import interface_name
from ipsecplane.targets.program import load_program

from ipsecsim.live.port import LivePort
from ipsecsim.live.randomness import SystemRandomness
from ipsecsim.live.served import ServedPipeline
from ipsecsim.network.capture import Captures
from ipsecsim.network.devices.base import ACCELERATOR_PORT, PipelineDevice
from ipsecsim.network.devices.bmv2 import Bmv2Pipeline
from ipsecsim.network.devices.choice import SOFTWARE, accelerator
from ipsecsim.network.devices.embedded import EmbeddedPipeline
from ipsecsim.network.devices.external import ExternalPipeline
from ipsecsim.network.randomness import Randomness
from ipsecsim.network.realtime import RealTimeLoop
from ipsecsim.network.router import Router, RouterSetup
from ipsecsim.scenario.outputs import write_wireshark_keys

EMBEDDED: Final = "embedded"
BMV2: Final = "bmv2"
_FLUSH: Final = 0.5  # seconds until a capture's file has what went over the wire
_LONG: Final = 3600.0
_ELECTION_ID: Final = 100  # who only comes to look (p4runtime-shell's is 1) does not take over


class LiveError(ValueError):
    """What is asked for does not fit the configuration; the text says what does."""


@dataclass(frozen=True, slots=True)
class LiveOptions:
    """How a router is plugged into this machine.

    `interfaces`: names as written in the configuration, or abbreviated -> network interface; with a
    pipeline elsewhere (`grpc://`) its port number, and `accelerator_device` is the network
    interface here that is cabled to its accelerator port. `accelerator`: software or rtl, whose
    waveforms go to `trace`. `serve`: where the embedded switch offers P4Runtime.
    `seed` None = the system's randomness. `captures`: folder of a pcapng per network interface;
    `keys`: one for the keys that Wireshark needs to read them.
    """

    interfaces: Mapping[str, str]
    pipeline: str = EMBEDDED
    accelerator_device: str | None = None
    accelerator: str = SOFTWARE
    trace: Path | None = None
    serve: str | None = None
    seed: int | None = None
    captures: Path | None = None
    keys: Path | None = None

    @property
    def elsewhere(self) -> bool:
        return self.pipeline.startswith("grpc://")


class LiveRouter:
    """Runs while `run` does; a context manager that unplugs it."""

    def __init__(self, config: RouterConfig, options: LiveOptions) -> None:
        """Raises LiveError, DeviceError, ProgramError, OSError (captures)."""
        plugs = resolve(config, options)
        randomness = SystemRandomness() if options.seed is None else Randomness(options.seed)
        self.loop = RealTimeLoop()
        self.plugs = {
            interface: device or f"port {number}" for interface, (number, device) in plugs.items()
        }
        self.ports: list[LivePort] = []
        self._captures: Captures | None = None
        self._keys = options.keys
        self._keys_written: WiresharkKeys | None = None
        self._router: Router | None = None
        self._started = False
        try:
            pipeline = self._pipeline(config.hostname, plugs, options, randomness)
            setup = RouterSetup(
                config.hostname,
                config,
                {interface: number for interface, (number, _) in plugs.items()},
                datetime.now(UTC),
                AgentOptions(
                    pipeline_program=load_program("ipsec"),
                    accelerator_program=load_program("accelerator"),
                    election_id=_ELECTION_ID,
                ),
            )
            engine = accelerator(options.accelerator, options.trace)
            self._router = Router(setup, pipeline, engine, self.loop, randomness)
            if not options.elsewhere:
                for interface, (_, device) in plugs.items():
                    port = LivePort(interface, device, self.loop)
                    self.ports.append(port)
                    self._router.attach(interface, port.cable)
            if options.captures is not None:
                start_ns = int(setup.wall_clock_start.timestamp() * 1e9)
                self._captures = Captures(self.ports, options.captures, start_ns)
        except BaseException:
            self.close()
            raise
        self.served = pipeline.address if isinstance(pipeline, ServedPipeline) else None

    @property
    def agent(self) -> Agent:
        assert self._router is not None
        return self._router.agent

    def start(self) -> None:
        """Raises DeviceError, TargetError."""
        assert self._router is not None
        self._started = True
        self._router.start()
        self.agent.set_clock(datetime.now(UTC))  # it is right, so log lines need no asterisk
        self._keep_up()

    def run(self, stop: Callable[[], bool]) -> None:
        """Go on until `stop`, which is asked after everything that happens, holds."""
        while not self.loop.run_for(_LONG, stop):
            pass

    def close(self) -> None:
        if self._router is not None and self._started:
            self._write_keys()
            self._router.stop()
        for port in self.ports:
            port.close()
        if self._captures is not None:
            self._captures.close()
        self.loop.close()

    def __enter__(self) -> LiveRouter:
        try:
            self.start()
        except BaseException:
            self.close()
            raise
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self.close()

    def notes(self) -> list[str]:
        """What is legal but rarely meant about the network interfaces."""
        assert self._router is not None
        found = []
        for port in self.ports:
            interface = self._router.setup.config.interface(port.interface)
            assert interface is not None
            device, mtu = port.name, interface.ip_mtu or interface.mtu
            if port.raw.address is not None:
                found.append(
                    f"{device} has the address {port.raw.address}: this machine's own stack hears "
                    "and answers there too"
                )
            if port.raw.mtu < mtu:
                found.append(
                    f"{device} takes packets of {port.raw.mtu} bytes, {interface.name} sends "
                    f"up to {mtu}: longer ones get lost"
                )
            if interface.shutdown:
                found.append(f"{interface.name} is shut down in the configuration")
        return found

    def _pipeline(
        self,
        name: str,
        plugs: Mapping[str, tuple[int, str]],
        options: LiveOptions,
        randomness: Randomness,
    ) -> PipelineDevice:
        """Raises DeviceError."""
        rng = randomness.stream(f"router {name} pipeline")
        if options.serve is not None:
            return ServedPipeline(options.serve, self.loop, rng)
        if options.pipeline == EMBEDDED:
            return EmbeddedPipeline(self.loop, rng)
        if options.pipeline == BMV2:
            return Bmv2Pipeline(name, self.loop)
        assert options.accelerator_device is not None
        cabled = {ACCELERATOR_PORT: options.accelerator_device}
        return ExternalPipeline(options.pipeline, cabled, self.loop)

    def _keep_up(self) -> None:
        """Whoever reads the files while the router runs finds them nearly up to date."""
        self._write_keys()
        if self._captures is not None:
            self._captures.flush()
        if self._captures is not None or self._keys is not None:
            self.loop.after(_FLUSH, self._keep_up)

    def _write_keys(self) -> None:
        if self._keys is not None:
            keys = self.agent.wireshark_keys()
            if keys != self._keys_written:
                write_wireshark_keys(self._keys, [self.agent])
                self._keys_written = keys


def resolve(config: RouterConfig, options: LiveOptions) -> dict[str, tuple[int, str]]:
    """Canonical interface name -> (pipeline port, network interface). Raises LiveError.

    The embedded pipeline's ports are 1, 2, … in the configuration's order; those of one elsewhere
    are what `options.interfaces` says.
    """
    _check(options)
    given: dict[str, str] = {}
    for written, device in options.interfaces.items():
        interface = _interface(config, written)
        if interface in given:
            raise LiveError(f"{interface} is mapped twice, to {given[interface]} and to {device}")
        for other, its in given.items():
            if its == device:
                raise LiveError(f"{device} is mapped twice, from {other} and from {interface}")
        given[interface] = device
    mapped = [i.name for i in config.interfaces if i.name in given]
    if options.elsewhere:
        return {name: (_port_number(name, given[name]), "") for name in mapped}
    return {name: (number, given[name]) for number, name in enumerate(mapped, 1)}


def _check(options: LiveOptions) -> None:
    if not options.interfaces:
        raise LiveError("a router without --map INTERFACE=DEVICE has no cables")
    if options.pipeline not in (EMBEDDED, BMV2) and not options.elsewhere:
        raise LiveError(f"--pipeline {options.pipeline}: is none of embedded, bmv2, grpc://…")
    if options.serve is not None and options.pipeline != EMBEDDED:
        raise LiveError(f"--grpc offers the embedded switch; --pipeline is {options.pipeline}")
    if options.elsewhere and options.accelerator_device is None:
        raise LiveError(
            f"--pipeline {options.pipeline}: say which interface here is cabled to its port "
            f"{ACCELERATOR_PORT}: --accelerator-device DEVICE"
        )
    if options.accelerator_device is not None and not options.elsewhere:
        raise LiveError("--accelerator-device is for a pipeline elsewhere (grpc://)")
    if options.trace is not None and options.accelerator == SOFTWARE:
        raise LiveError(f"--trace {options.trace}: waveforms are those of --accelerator rtl")
    if options.captures is not None and options.elsewhere:
        raise LiveError("--pcap sees no packets of a pipeline elsewhere")


def _interface(config: RouterConfig, written: str) -> str:
    try:
        name = interface_name(written)
    except ValueError as error:
        raise LiveError(f"--map {written}: {error}") from error
    if config.interface(name) is None:
        known = ", ".join(i.name for i in config.interfaces) or "none"
        raise LiveError(
            f"{config.hostname} has no interface {written}; its configuration has {known}"
        )
    return name


def _port_number(interface: str, written: str) -> int:
    number = int(written) if written.isdecimal() else 0
    if not 1 <= number <= 32:
        raise LiveError(
            f"--map {interface}={written}: with a pipeline elsewhere this is one of its ports, 1-32"
        )
    return number
