"""Virtual seconds simulated per second: `python bench/virtual_time.py [--repeat N]`.

The main job, the same without recovery (an hour in a black hole), and two hours of a tunnel with
AES-GCM: idle, and with a datagram echoed every second across its rekeys. A run is two agents, two
compiled pipelines and two accelerators in one thread; loading them is not counted. `relative`
compares with the first row of the same run, since absolute figures depend on the machine.
"""

from __future__ import annotations

import argparse
import time
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from ipaddress import ip_address
from pathlib import Path

from ipsecsim.network.ping import PingOptions
from ipsecsim.network.udp import UdpFlowOptions
from ipsecsim.scenario.document import Place
from ipsecsim.scenario.loader import load_scenario
from ipsecsim.scenario.model import Action, HostAction, Scenario, Step, Wait
from ipsecsim.scenario.runner import Runner
from ipsecsim.scenario.transcript import Transcript
from ipsecsim.scenario.world import RunOptions, World

EXAMPLES = Path(__file__).resolve().parents[1] / "examples"
HOURS = 2
ALICE, BOB = "alice", ip_address("192.168.2.10")


@dataclass(frozen=True)
class Case:
    name: str
    scenario: Scenario
    settings: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class Measured:
    virtual: float
    wall: float
    frames: int  # that were sent on any link


def two_hours(*actions: Action) -> Scenario:
    scenario = load_scenario(EXAMPLES / "site_to_site")
    place = Place(__file__, 1, 1)
    first = HostAction(ALICE, PingOptions(BOB, count=2))
    return replace(scenario, timeline=tuple(Step(place, a) for a in (first, *actions)))


def cases() -> list[Case]:
    chapter3 = load_scenario(EXAMPLES / "ch03_invalid_spi_recovery")
    echoes = UdpFlowOptions(BOB, count=HOURS * 3600, rate=1.0)
    return [
        Case("chapter 3, 41 pings", chapter3),
        Case("chapter 3 without recovery, an hour", chapter3, {"recovery": "off"}),
        Case(f"a tunnel at rest, {HOURS} h", two_hours(Wait(HOURS * 3600.0))),
        Case(f"an echo a second, {HOURS} h", two_hours(HostAction(ALICE, echoes))),
    ]


def measure(case: Case) -> Measured:
    with World(case.scenario, RunOptions(case.settings)) as world:
        runner = Runner(world, Transcript([]))
        start = time.perf_counter()
        report = runner.run()
        wall = time.perf_counter() - start
    assert report.failures == [], "the run is to be a good one"
    frames = sum(c.sent for link in world.links.values() for c in link.counters.values())
    return Measured(world.loop.now, wall, frames)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--repeat", type=int, default=2, help="runs of each; the fastest counts")
    repeat = parser.parse_args().repeat
    header = ("virtual s", "wall s", "virtual/wall", "relative", "frames", "frames/s")
    print(f"{'scenario':36} " + " ".join(f"{name:>12}" for name in header))
    first = None
    for case in cases():
        best = min((measure(case) for _ in range(repeat)), key=lambda m: m.wall)
        speed = best.virtual / best.wall
        first = first or speed
        print(
            f"{case.name:36} {best.virtual:12.1f} {best.wall:12.2f} {speed:12,.0f}"
            f" {speed / first:11.2f}x {best.frames:12,} {best.frames / best.wall:12,.0f}"
        )


if __name__ == "__main__":
    main()
