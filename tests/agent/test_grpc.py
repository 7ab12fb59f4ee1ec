"""An agent with both targets behind gRPC: an outage of one and its return, in real time."""

from __future__ import annotations

import random
import time
from collections.abc import Callable
from datetime import UTC, datetime

from configs import PORTS, router
from ipsecplane.agent import Agent, AgentOptions
from ipsecplane.ios.loader import load_running_config
from ipsecplane.targets.grpc_transport import GrpcTransport
from ipsecplane.targets.program import load_program
from ipsecplane.targets.state import state_text
from ipsecsim.accelerator.device import Accelerator
from ipsecsim.network.devices.base import CPU_PORT
from ipsecsim.p4runtime.server import Server, serve
from ipsecsim.p4runtime.service import Service
from ipsecsim.switch import Switch

PATIENCE = 20.0


def start_switch(port: int = 0) -> Server:
    switch = Switch(1, cpu_port=CPU_PORT, random=random.Random(1))
    return serve(Service(switch), f"127.0.0.1:{port}")


def drive(agent: Agent, until: Callable[[], bool]) -> None:
    deadline = time.monotonic() + PATIENCE
    while not until():
        assert time.monotonic() < deadline, "\n".join(line.text for line in agent.logging().lines)
        agent.pump(time.monotonic())
        due = agent.next_timeout()
        if due is not None and time.monotonic() >= due:
            agent.handle_timeout(time.monotonic())
        time.sleep(0.005)


def test_a_switch_that_restarts_in_the_middle_of_a_run() -> None:
    switch = start_switch()
    accelerator = serve(Service(Accelerator(2)), "127.0.0.1:0")
    pipeline = GrpcTransport(f"127.0.0.1:{switch.port}", timeout=1.0)
    agent = Agent(
        load_running_config(router("one", 1, 2))[1],
        ports=PORTS,
        pipeline=pipeline,
        accelerator=GrpcTransport(f"127.0.0.1:{accelerator.port}", 2, timeout=1.0),
        random_bytes=random.Random(1).randbytes,
        clock=time.monotonic,
        wall_clock_start=datetime(2026, 1, 1, tzinfo=UTC),
        options=AgentOptions(load_program("ipsec"), load_program("accelerator")),
    )
    try:
        agent.start(time.monotonic())
        drive(agent, lambda: agent.ready)
        before = without_counters(state_text(pipeline))
        assert "spd_acquire(policy_entry=1)" in before
        switch.stop()
        drive(agent, lambda: not agent.ready)
        texts = [line.text for line in agent.logging().lines]
        lost = [text for text in texts if f"pipeline grpc://127.0.0.1:{switch.port}" in text]
        assert lost[-1].endswith("; trying again in 1 s")
        switch = start_switch(switch.port)
        drive(agent, lambda: agent.ready)
        assert without_counters(state_text(pipeline)) == before
    finally:
        agent.stop()
        switch.stop()
        accelerator.stop()


def without_counters(text: str) -> str:
    """The table entries of a state text."""
    return text.partition("# drops[")[0].rstrip()
