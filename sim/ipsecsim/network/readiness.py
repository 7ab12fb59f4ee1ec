"""Routers start in no time: a simulated network's clock stands until their devices are ready."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from typing import Final

from ipsecsim.network.clock import Loop
from ipsecsim.network.devices.base import DeviceError
from ipsecsim.network.realtime import RealTimeLoop
from ipsecsim.network.router import Router

READY_TIMEOUT: Final = 60.0  # seconds of real time


@contextmanager
def in_no_time(loop: Loop, routers: Iterable[Router]) -> Iterator[None]:
    """Within, `routers` start (again); it ends when they are ready.

    In virtual time that is at once. In real time the clock stands meanwhile, so that nothing
    depends on how long a device takes. Raises DeviceError when one cannot be had.
    """
    if not isinstance(loop, RealTimeLoop):
        yield
        return
    with loop.standing_still():
        yield
        agents = [router.agent for router in routers]
        loop.settle(
            READY_TIMEOUT, lambda: all(a.ready for a in agents) or any(a.problems for a in agents)
        )
    for agent in agents:
        if agent.problems:
            raise DeviceError(f"{agent.name}: {'; '.join(agent.problems)}")
        if not agent.ready:
            raise DeviceError(f"{agent.name}: its devices are not ready after {READY_TIMEOUT:g} s")
