"""Makes a scenario's network: routers with their devices, hosts, links, one loop, one seed."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from types import TracebackType

from ipsecplane.agent import Agent, AgentOptions
from ipsecplane.config import RouterConfig
from ipsecplane.ios.interfaces import interface_name
from ipsecplane.ios.store import ConfigurationStore
from ipsecplane.targets.program import load_program

from ipsecsim.network.clock import Loop
from ipsecsim.network.devices.choice import DeviceChoice
from ipsecsim.network.host import Host
from ipsecsim.network.link import Link, Wire
from ipsecsim.network.nat import NatBox
from ipsecsim.network.randomness import Randomness
from ipsecsim.network.readiness import in_no_time
from ipsecsim.network.realtime import RealTimeLoop
from ipsecsim.network.router import Router, RouterSetup
from ipsecsim.network.segment import Segment
from ipsecsim.scenario.configs import load_configs, resolve_settings
from ipsecsim.scenario.document import Problem, ScenarioError
from ipsecsim.scenario.loader import with_settings
from ipsecsim.scenario.model import EndSpec, LinkSpec, Scenario


@dataclass(frozen=True, slots=True)
class RunOptions:
    """What the command line says about a run; `seed` None = the scenario's."""

    settings: Mapping[str, str] = field(default_factory=dict)
    seed: int | str | None = None
    devices: DeviceChoice = field(default_factory=DeviceChoice)


@dataclass(frozen=True, slots=True)
class Cabling:
    """Where everything is plugged in, names canonical: made before anything runs."""

    ports: Mapping[str, Mapping[str, int]]  # router -> interface -> pipeline port
    ends: Mapping[str, tuple[tuple[EndSpec, str], ...]]  # link -> ends, with their shown names


class World:
    """A network ready to run; a context manager that stops it."""

    def __init__(
        self, scenario: Scenario, options: RunOptions, new_loop: Callable[[], Loop] = Loop
    ) -> None:
        """`new_loop` keeps time unless a device needs real time.

        Raises ScenarioError, ConfigurationErrors, DeviceError, ProgramError.
        """
        options.devices.check(scenario.routers)
        self.settings = resolve_settings(scenario, options.settings)
        self.scenario = scenario = with_settings(scenario, self.settings)
        self.seed = scenario.seed if options.seed is None else options.seed
        self._startup = load_configs(scenario, self.settings)
        self.stores = {name: _copy(store) for name, store in self._startup.items()}
        self._retired: list[Agent] = []
        configs = {name: store.router for name, store in self._startup.items()}
        self.cabling = cable(scenario, configs)
        self.real_time = options.devices.real_time(scenario.routers)
        self.loop = RealTimeLoop() if self.real_time else new_loop()
        randomness = Randomness(self.seed)
        self.links: dict[str, Link] = {
            spec.name: self._link(spec, randomness) for spec in scenario.links.values()
        }
        self.hosts = {
            spec.name: Host(
                spec.name, spec.config, self.loop, randomness.stream(f"host {spec.name}")
            )
            for spec in scenario.hosts.values()
        }
        self.nats = {
            spec.name: NatBox(spec.name, spec.config, self.loop) for spec in scenario.nats.values()
        }
        programs = AgentOptions(
            pipeline_program=load_program("ipsec"), accelerator_program=load_program("accelerator")
        )
        self.routers: dict[str, Router] = {}
        for name, config in configs.items():
            ports = self.cabling.ports[name]
            self.routers[name] = Router(
                RouterSetup(name, config, ports, scenario.start, programs),
                options.devices.make_pipeline(name, ports, self.loop, randomness),
                options.devices.make_accelerator(name, configs, scenario.routers[name].crypto_rate),
                self.loop,
                randomness,
            )
        self._plug()

    def start(self) -> None:
        """Raises DeviceError; what started before is stopped then."""
        try:
            with in_no_time(self.loop, self.routers.values()):
                for router in self.routers.values():
                    router.start()
        except BaseException:
            self.stop()
            raise

    def stop(self) -> None:
        for router in self.routers.values():
            router.stop()
        if isinstance(self.loop, RealTimeLoop):
            self.loop.close()

    def reboot(self, name: str, *, keep_devices: bool) -> None:
        """Restart a router from its start-up configuration. Raises DeviceError."""
        router = self.routers[name]
        self._retired.append(router.agent)
        self.stores[name] = _copy(self._startup[name])
        with in_no_time(self.loop, [router]):
            router.reboot(keep_devices=keep_devices)

    def agents(self) -> list[Agent]:
        """All there have been: those that ended in a reboot know keys that nobody else does."""
        return [*self._retired, *(router.agent for router in self.routers.values())]

    def __enter__(self) -> World:
        self.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self.stop()

    def _link(self, spec: LinkSpec, randomness: Randomness) -> Link:
        names = [shown for _, shown in self.cabling.ends[spec.name]]
        arguments = (self.loop, randomness.stream, spec.impairments)
        if len(names) == 2:
            return Wire(spec.name, (names[0], names[1]), *arguments)
        return Segment(spec.name, names, *arguments)

    def _plug(self) -> None:
        for name, link in self.links.items():
            for end, shown in self.cabling.ends[name]:
                cable_end = link.attachments[shown]
                if end.interface is None:
                    self.hosts[end.node].attach(cable_end)
                elif end.node in self.nats:
                    self.nats[end.node].attach(end.interface, cable_end)
                else:
                    self.routers[end.node].attach(shown.partition(".")[2], cable_end)


def _copy(store: ConfigurationStore) -> ConfigurationStore:
    """Sessions replace a store's (immutable) values; the start-up configuration stays."""
    return ConfigurationStore(store.configuration, store.router)


def cable(scenario: Scenario, configs: Mapping[str, RouterConfig]) -> Cabling:
    """Find each link's interfaces. Raises ScenarioError for those that no configuration has.

    A router's cabled interfaces get the pipeline's ports 1, 2, … in the configuration's order.
    """
    problems: list[Problem] = []
    ends: dict[str, tuple[tuple[EndSpec, str], ...]] = {}
    used: dict[str, dict[str, str]] = {name: {} for name in configs}
    for link in scenario.links.values():
        shown = []
        for end in link.ends:
            name = end.node
            if end.node in scenario.nats:
                name = str(end)
            elif end.interface is not None:
                interface = _interface(end, configs[end.node], problems)
                other = used[end.node].setdefault(interface, link.name)
                if other != link.name:
                    message = f"{interface} is on link {other!r} already"
                    problems.append(Problem(end.place, f"links.{link.name}.ends", message))
                name = f"{end.node}.{interface}"
            shown.append((end, name))
        ends[link.name] = tuple(shown)
    if problems:
        raise ScenarioError(problems)
    ports = {}
    for name, config in configs.items():
        cabled = [i.name for i in config.interfaces if i.name in used[name]]
        ports[name] = {interface: number for number, interface in enumerate(cabled, 1)}
    return Cabling(ports, ends)


def _interface(end: EndSpec, config: RouterConfig, problems: list[Problem]) -> str:
    """The canonical name of an end's interface."""
    written = end.interface or ""
    field_name = "links.ends"
    try:
        name = interface_name(written)
    except ValueError as error:
        problems.append(Problem(end.place, field_name, str(error)))
        return written
    if config.interface(name) is None:
        known = ", ".join(i.name for i in config.interfaces)
        message = f"{end.node} has no interface {written!r}; its configuration has {known}"
        problems.append(Problem(end.place, field_name, message))
    return name
