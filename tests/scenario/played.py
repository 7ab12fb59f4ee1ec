"""Scenarios played in tests: examples as they stand, and small ones written beside a test."""

from __future__ import annotations

import io
import textwrap
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from ipsecsim.scenario.loader import load_scenario
from ipsecsim.scenario.model import Scenario
from ipsecsim.scenario.outputs import run_with_outputs
from ipsecsim.scenario.runner import Report, Runner
from ipsecsim.scenario.transcript import Transcript
from ipsecsim.scenario.world import RunOptions, World

EXAMPLES = Path(__file__).resolve().parents[2] / "examples"

TWO_SITES = """\
name: two sites
routers: {a: {config: a.cfg}, b: {config: b.cfg}}
hosts:
  h1: {addresses: [192.168.1.9/24, "2001:db8:1::9/64"], gateways: [192.168.1.1, "2001:db8:1::1"]}
  h2: {addresses: [192.168.2.9/24, "2001:db8:2::9/64"], gateways: [192.168.2.1, "2001:db8:2::1"]}
links:
  wan: {ends: [a.Gi0/0, b.Gi0/0], latency: 1 ms}
  lan1: {ends: [a.Gi0/1, h1]}
  lan2: {ends: [b.Gi0/1, h2]}
"""


@dataclass(slots=True)
class Ran:
    """A run of a whole scenario, with what it left in `folder`."""

    folder: Path
    report: Report

    @property
    def transcript(self) -> str:
        return (self.folder / "transcript.txt").read_text()


@dataclass(slots=True)
class Played:
    """A run of a scenario of a test's own; nothing is left on disk."""

    report: Report
    transcript: str
    world: World
    runner: Runner

    @property
    def failures(self) -> list[str]:
        return [f"{f.place.line}: {f.text}" for f in self.report.failures]


def run_example(example: Path, out: Path, seed: str | None = None, **settings: str) -> Ran:
    """As `ipsecplane run EXAMPLE --out OUT --set …` does."""
    options = RunOptions(settings, seed)
    return Ran(out, run_with_outputs(load_scenario(example), options, out, None))


def site(
    name: str,
    number: int,
    remotes: tuple[int, ...],
    *,
    wan: str | None = None,
    key: str = "s3cret",
    transform: str = "esp-aes esp-sha256-hmac",
    policy: str = "encryption aes|hash sha256|group 14",
    ike_lifetime: int = 86400,
    peers: Mapping[int, str] | None = None,
    extra: str = "",
) -> str:
    """A router with LAN 192.168.NUMBER.0/24 behind 203.0.113.NUMBER, a tunnel to each remote."""
    wan = wan or f"203.0.113.{number}"
    maps = lists = routes = ""
    for remote in remotes:
        peer = (peers or {}).get(remote, f"203.0.113.{remote}")
        maps += (
            f"crypto map wan {remote} ipsec-isakmp\n set peer {peer}\n set transform-set ts\n"
            f" match address {100 + remote}\n"
        )
        lists += (
            f"access-list {100 + remote} permit ip 192.168.{number}.0 0.0.0.255"
            f" 192.168.{remote}.0 0.0.0.255\n"
        )
        routes += f"ip route 192.168.{remote}.0 255.255.255.0 {peer}\n"
    lines = "".join(f" {line}\n" for line in policy.split("|"))
    return (
        f"hostname {name}\n"
        "service timestamps log uptime\n"
        f"crypto isakmp policy 10\n{lines} authentication pre-share\n lifetime {ike_lifetime}\n"
        f"crypto isakmp key {key} address 0.0.0.0 0.0.0.0\n"
        f"crypto ipsec transform-set ts {transform}\n"
        f"{maps}"
        f"interface GigabitEthernet0/0\n ip address {wan} 255.255.255.0\n crypto map wan\n"
        f"interface GigabitEthernet0/1\n ip address 192.168.{number}.1 255.255.255.0\n"
        f"{routes}{lists}{extra}end\n"
    )


def two_sites(**options: object) -> dict[str, str]:
    """The configurations of TWO_SITES."""
    return {"a": site("a", 1, (2,), **options), "b": site("b", 2, (1,), **options)}  # type: ignore[arg-type]


def write(folder: Path, timeline: str, configs: Mapping[str, str], head: str = TWO_SITES) -> Path:
    """A scenario's folder; `timeline` is the YAML of the steps."""
    folder.mkdir(parents=True, exist_ok=True)
    for name, text in configs.items():
        (folder / f"{name}.cfg").write_text(text)
    steps = textwrap.indent(textwrap.dedent(timeline).strip(), "  ")
    (folder / "scenario.yaml").write_text(f"{head}timeline:\n{steps}\n")
    return folder


def play(
    folder: Path,
    timeline: str,
    configs: Mapping[str, str] | None = None,
    head: str = TWO_SITES,
    **settings: str,
) -> Played:
    """Write a scenario and run it."""
    written = write(folder, timeline, two_sites() if configs is None else configs, head)
    return play_scenario(load_scenario(written), **settings)


def play_scenario(scenario: Scenario, **settings: str) -> Played:
    text = io.StringIO()
    with World(scenario, RunOptions(settings)) as world:
        runner = Runner(world, Transcript([text]))
        report = runner.run()
    return Played(report, text.getvalue(), world, runner)
