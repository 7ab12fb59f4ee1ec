"""`--accelerator rtl`: the same files as with the software model, octet for octet."""

from __future__ import annotations

import io
import sys
from pathlib import Path

import pytest
from ipsecplane.cli import NO_TARGET, main
from ipsecsim.accelerator.rtl import toolchain
from ipsecsim.accelerator.rtl.toolchain import ToolchainError, find_toolchain
from ipsecsim.network.devices.base import DeviceError
from ipsecsim.network.devices.choice import DeviceChoice
from ipsecsim.scenario.loader import load_scenario
from ipsecsim.scenario.model import Scenario
from ipsecsim.scenario.outputs import run_with_outputs
from ipsecsim.scenario.world import RunOptions
from played import EXAMPLES

CHAPTER3 = EXAMPLES / "ch03_invalid_spi_recovery"
QUICK = (
    "ch03_invalid_spi_recovery",  # AH and ESP in a bundle, DES
    "ch05_nat_keepalives",  # ESP in UDP
    "ch08_pre_classify",  # queues; 3DES
    "ch09_either_version_in_either",  # AES-GCM, IPv4 and IPv6 in each other
    "ch09_ipv6_vti",  # IPv6, AH and ESP with AES-CBC
)
# The library that the others of this group use too: it is built once, and no one waits for it.
pytestmark = pytest.mark.xdist_group("rtl-library")


def examples() -> list[object]:
    """A few of them in every run, the others with `-m slow`."""
    names = sorted(file.parent.name for file in EXAMPLES.glob("*/scenario.yaml"))
    return [pytest.param(n, marks=() if n in QUICK else pytest.mark.slow) for n in names]


def run(
    example: Path, out: Path, kind: str, screen: io.StringIO | None = None
) -> tuple[Scenario, dict[str, bytes]]:
    """The files that a run leaves, without the accelerator's name in log messages."""
    scenario = load_scenario(example)
    options = RunOptions(devices=DeviceChoice(accelerators={"": kind}))
    report = run_with_outputs(scenario, options, out, screen)
    assert report.failures == []
    files = {str(p.relative_to(out)): p.read_bytes() for p in out.rglob("*") if p.is_file()}
    name = f"accelerator {kind} accelerator".encode()
    files["transcript.txt"] = files["transcript.txt"].replace(name, b"accelerator NAME")
    return scenario, files


@pytest.mark.parametrize("name", examples())
def test_an_example_through_verilated_systemverilog(name: str, tmp_path: Path) -> None:
    """Every packet of all routers: transcript, captures, keys and tables are the same."""
    try:
        find_toolchain()
    except ToolchainError as error:
        pytest.skip(str(error))
    screen = io.StringIO()
    _, software = run(EXAMPLES / name, tmp_path / "software", "software")
    scenario, rtl = run(EXAMPLES / name, tmp_path / "rtl", "rtl", screen)
    assert [file for file in software if software[file] != rtl.get(file)] == []
    assert software.keys() == rtl.keys()
    said = screen.getvalue().splitlines()
    lines = [line for line in said if line.endswith("cycles of the accelerator")]
    assert sorted(line.split(":")[0] for line in lines) == sorted(scenario.routers)
    cycles = [int(line.split()[1].replace(",", "")) for line in lines]
    assert max(cycles) > 12_000, "a router's ones are 8,000 of reset alone"


def test_without_a_compiler_a_sentence_says_so(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    which = toolchain.shutil.which

    def without(name: str, *rest: object, **more: object) -> str | None:
        return None if name in ("g++", "clang++") else which(name, *rest, **more)

    monkeypatch.setattr(toolchain.shutil, "which", without)
    monkeypatch.delenv("CXX", raising=False)
    toolchain.find_toolchain.cache_clear()
    monkeypatch.setattr(sys, "argv", ["ipsecplane"])
    try:
        command = ["run", str(CHAPTER3), "--accelerator", "rtl", "--out", str(tmp_path)]
        assert main(command) == NO_TARGET
    finally:
        toolchain.find_toolchain.cache_clear()
    said = capsys.readouterr().err
    assert "--accelerator rtl: no C++ compiler: Verilated RTL is compiled on this machine" in said
    assert "(Debian package g++)" in said


@pytest.mark.parametrize(
    ("choice", "message"),
    [
        (
            DeviceChoice(traces={"": Path("a.fst")}),
            "--trace a.fst: no accelerator is --accelerator rtl",
        ),
        (
            DeviceChoice(accelerators={"a": "rtl"}, traces={"b": Path("a.fst")}),
            "--trace a.fst: no accelerator of b is --accelerator rtl",
        ),
        (DeviceChoice(traces={"c": Path("a.fst")}), "no router 'c' in the scenario"),
    ],
)
def test_waveforms_of_what_has_none(choice: DeviceChoice, message: str) -> None:
    with pytest.raises(DeviceError, match=message):
        choice.check({"a": None, "b": None})


def test_each_router_has_waveforms_of_its_own() -> None:
    shared = DeviceChoice(accelerators={"": "rtl"}, traces={"": Path("x/a.fst")})
    assert shared.trace_of("r1", ("r1", "r2")) == Path("x/a-r1.fst")
    alone = DeviceChoice(accelerators={"r1": "rtl"}, traces={"": Path("x/a.fst")})
    assert alone.trace_of("r1", ("r1", "r2")) == Path("x/a.fst")
    assert alone.trace_of("r2", ("r1", "r2")) is None
    named = DeviceChoice(accelerators={"": "rtl"}, traces={"": Path("a.vcd"), "r1": Path("b.fst")})
    assert named.trace_of("r1", ("r1", "r2")) == Path("b.fst")
    assert named.trace_of("r2", ("r1", "r2")) == Path("a.vcd")
