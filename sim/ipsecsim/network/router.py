"""A router in a network: an agent, a pipeline and an accelerator, and the cables between them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime

from ipsecplane.agent import Agent, AgentOptions
from ipsecplane.config import RouterConfig

from ipsecsim.network.clock import Alarm, Loop, Timer
from ipsecsim.network.devices.base import ACCELERATOR_PORT, AcceleratorDevice, PipelineDevice
from ipsecsim.network.link import Attachment
from ipsecsim.network.randomness import Randomness


@dataclass(frozen=True, slots=True)
class RouterSetup:
    """What makes one router; `ports` gives the pipeline port of each cabled interface."""

    name: str
    config: RouterConfig
    ports: Mapping[str, int]
    wall_clock_start: datetime
    options: AgentOptions = field(default_factory=AgentOptions)


class Router:
    """`attach` its interfaces, then `start`. `agent` is another object after each `reboot`."""

    def __init__(
        self,
        setup: RouterSetup,
        pipeline: PipelineDevice,
        accelerator: AcceleratorDevice,
        loop: Loop,
        randomness: Randomness,
    ) -> None:
        self.name = setup.name
        self.setup = setup
        self.pipeline = pipeline
        self.accelerator = accelerator
        self.boots = 0
        self._loop = loop
        self._randomness = randomness
        self._cables: dict[int, Attachment] = {}
        self.agent = self._new_agent()
        self._alarm = Alarm(loop, self.agent, lambda: None)
        self._engine: Timer | None = None  # when the accelerator has something done

    def attach(self, interface: str, cable: Attachment) -> None:
        """Connect an interface of `setup.ports` to its end of a link."""
        port = self.setup.ports[interface]
        self._cables[port] = cable
        cable.receive = lambda frame: self.pipeline.inject(port, frame)

    def start(self) -> None:
        """Raises DeviceError."""
        self.pipeline.start(self._from_pipeline, self._pump)
        self._boot()

    def reboot(self, *, keep_devices: bool) -> None:
        """The agent ends and another starts from the start-up configuration, knowing nothing.

        The devices lose their tables too, unless `keep_devices`: then the new agent finds them as
        the old one left them.
        """
        self._shut_down()
        if not keep_devices:
            for device in (self.pipeline, self.accelerator):
                device.disconnect("the router restarts")
                device.reconnect(keep_state=False)
        self.agent = self._new_agent()
        self._boot()

    def stop(self) -> None:
        self._shut_down()
        self.pipeline.stop()
        self.accelerator.stop()

    def _new_agent(self) -> Agent:
        self.boots += 1
        setup = self.setup
        return Agent(
            setup.config,
            ports=setup.ports,
            pipeline=self.pipeline.transport,
            accelerator=self.accelerator.transport,
            random_bytes=self._randomness.bytes_for(f"router {self.name} boot {self.boots}"),
            clock=lambda: self._loop.now,
            wall_clock_start=setup.wall_clock_start,
            options=setup.options,
        )

    def _boot(self) -> None:
        self._alarm = Alarm(self._loop, self.agent, lambda: None)
        self.agent.on_wakeup = self._alarm.rearm
        self.agent.start(self._loop.now)
        self._alarm.rearm()

    def _shut_down(self) -> None:
        self.agent.on_wakeup = None
        self._alarm.stop()
        self.agent.stop()

    def _pump(self) -> None:
        self.agent.pump(self._loop.now)

    def _from_pipeline(self, port: int, frame: bytes) -> None:
        if port == ACCELERATOR_PORT:
            # By way of the queue: the pipeline is still busy with the packet that led here.
            self._loop.after(0, lambda: self._through_accelerator(frame))
        elif port in self._cables:
            self._cables[port].send(frame)

    def _through_accelerator(self, frame: bytes) -> None:
        self._from_accelerator(self.accelerator.process(frame, self._loop.now))

    def _from_accelerator(self, results: list[bytes]) -> None:
        for result in results:
            self.pipeline.inject(ACCELERATOR_PORT, result)
        if self._engine is not None:
            self._engine.cancel()
        due = self.accelerator.due
        self._engine = None if due is None else self._loop.at(due, self._collect)

    def _collect(self) -> None:
        self._from_accelerator(self.accelerator.collect(self._loop.now))
