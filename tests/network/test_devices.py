"""Which devices a run uses, and BMv2 processes that do not do as they should."""

from __future__ import annotations

import os
import random
import shutil
import subprocess
import sys
import time
from pathlib import Path

import pytest
from ipsecsim.network.clock import Loop
from ipsecsim.network.devices import bmv2_process
from ipsecsim.network.devices.base import DeviceError
from ipsecsim.network.devices.bmv2 import Bmv2Pipeline
from ipsecsim.network.devices.choice import DeviceChoice
from ipsecsim.network.devices.embedded import EmbeddedPipeline
from ipsecsim.network.devices.external import ExternalPipeline, parse_url
from ipsecsim.network.randomness import Randomness
from ipsecsim.network.realtime import RealTimeLoop

ROUTERS = {"a": None, "b": None}


def test_the_default_is_all_in_this_process_and_needs_no_real_time() -> None:
    choice = DeviceChoice()
    choice.check(ROUTERS)
    assert not choice.real_time(ROUTERS)
    pipeline = choice.make_pipeline("a", {"Gi0/0": 1}, Loop(), Randomness(1))
    assert isinstance(pipeline, EmbeddedPipeline)


def test_a_router_s_own_choice_goes_before_that_for_all() -> None:
    choice = DeviceChoice({"": "bmv2", "b": "embedded"})
    choice.check(ROUTERS)
    assert (choice.pipeline_of("a"), choice.pipeline_of("b")) == ("bmv2", "embedded")
    assert choice.real_time(ROUTERS)
    virtual = DeviceChoice({"": "bmv2", "a": "embedded", "b": "bmv2-stepped"})
    virtual.check(ROUTERS)
    assert not virtual.real_time(ROUTERS)


@pytest.mark.parametrize(
    ("choice", "message"),
    [
        (DeviceChoice({"c": "bmv2"}), "no router 'c' in the scenario (a, b)"),
        (DeviceChoice(interfaces={("c", "1"): "eth0"}), "no router 'c' in the scenario (a, b)"),
        (DeviceChoice({"a": "fpga"}), "--pipeline fpga: is none of embedded, bmv2, grpc://"),
        (DeviceChoice({"a": "grpc://h"}), "--pipeline grpc://h: write grpc://HOST:PORT or"),
        (DeviceChoice({"": "grpc://h:1"}), "would be the pipeline of a and of b: write --pipeline"),
        (DeviceChoice(accelerators={"b": "qat"}), "--accelerator qat: is neither software nor rtl"),
    ],
)
def test_choices_that_do_not_make_sense(choice: DeviceChoice, message: str) -> None:
    with pytest.raises(DeviceError) as raised:
        choice.check(ROUTERS)
    assert message in str(raised.value)


def test_every_port_of_an_external_pipeline_needs_its_interface() -> None:
    ports = {"Gi0/0": 1, "Gi0/1": 2}
    loop = RealTimeLoop()
    some = {("a", "Gi0/0"): "eth1", ("b", "Gi0/0"): "eth9"}
    choice = DeviceChoice({"a": "grpc://10.0.0.1:9559/7"}, interfaces=some)
    with pytest.raises(DeviceError, match=r"--port a\.Gi0/1=IFACE --port a\.accelerator=IFACE"):
        choice.make_pipeline("a", ports, loop, Randomness(1))
    wrong = DeviceChoice(choice.pipelines, interfaces=some | {("a", "Gi0/7"): "eth2"})
    with pytest.raises(DeviceError, match=r"--port a\.Gi0/7: no such port \(Gi0/0, Gi0/1, acc"):
        wrong.make_pipeline("a", ports, loop, Randomness(1))
    rest = {("a", "2"): "eth2", ("a", "accelerator"): "eth3"}
    pipeline = DeviceChoice(choice.pipelines, interfaces=some | rest).make_pipeline(
        "a", ports, loop, Randomness(1)
    )
    assert isinstance(pipeline, ExternalPipeline)
    assert pipeline.transport.name == "grpc://10.0.0.1:9559"
    assert pipeline.transport.device_id == 7
    loop.close()


@pytest.mark.parametrize(
    ("url", "address", "device"),
    [
        ("grpc://localhost:9559", "localhost:9559", 1),
        ("grpc://[::1]:9559/3", "[::1]:9559", 3),
        ("grpc://unix:/run/p4.sock", "unix:/run/p4.sock", 1),
        ("grpc://unix:/run/p4/5", "unix:/run/p4", 5),
    ],
)
def test_urls(url: str, address: str, device: int) -> None:
    assert parse_url(url) == (address, device)


# -- simple_switch_grpc ----------------------------------------------------------------------------


@pytest.fixture
def fake(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A program in the place of BMv2."""
    monkeypatch.setenv("PATH", f"{tmp_path}{os.pathsep}{os.environ['PATH']}")
    program = tmp_path / "simple_switch_grpc"
    program.write_text("#!/bin/sh\n")
    program.chmod(0o755)
    return program


def start(pipeline: Bmv2Pipeline) -> str:
    with pytest.raises(DeviceError) as raised:
        pipeline.start(lambda port, frame: None, lambda: None)
    return str(raised.value)


def test_a_bmv2_that_ends_at_once_is_quoted(fake: Path) -> None:
    fake.write_text("#!/bin/sh\necho unrecognised option --no-p4 >&2\nexit 3\n")
    loop = RealTimeLoop()
    pipeline = Bmv2Pipeline("r1", loop)
    said = start(pipeline)
    assert said == "simple_switch_grpc for r1 ended with 3: unrecognised option --no-p4"
    pipeline.stop()
    loop.close()


def test_a_bmv2_that_does_not_come_up_is_ended(fake: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    fake.write_text("#!/bin/sh\nexec sleep 1000\n")
    monkeypatch.setattr(bmv2_process, "START_TIMEOUT", 0.3)
    loop = RealTimeLoop()
    pipeline = Bmv2Pipeline("r1", loop)
    assert start(pipeline) == "simple_switch_grpc for r1: not ready after 0.3 s"
    pid = pipeline.process.pid
    pipeline.stop()
    assert pipeline.process.pid is None
    with pytest.raises(ProcessLookupError):
        os.kill(pid or 0, 0)
    loop.close()


def test_a_bmv2_that_is_killed_leaves_the_loop_alive(fake: Path) -> None:
    """Frames to a process that is gone are lost, no more."""
    fake.unlink()
    if shutil.which(bmv2_process.PROGRAM) is None:
        pytest.skip("simple_switch_grpc is not installed")
    loop = RealTimeLoop()
    pipeline = Bmv2Pipeline("r1", loop)
    pipeline.start(lambda port, frame: None, lambda: None)
    os.kill(pipeline.process.pid or 0, 9)
    pipeline.inject(1, bytes(60))
    loop.run_for(0.05)
    started = time.monotonic()
    pipeline.stop()
    assert time.monotonic() - started < 2
    loop.close()


def test_the_embedded_switch_restarts_without_its_tables() -> None:
    loop = Loop()
    pipeline = EmbeddedPipeline(loop, random.Random(1))
    pipeline.start(lambda port, frame: None, lambda: None)
    before = pipeline.switch
    pipeline.disconnect("away")
    pipeline.reconnect(keep_state=True)
    assert pipeline.switch is before
    pipeline.disconnect("away")
    pipeline.reconnect(keep_state=False)
    assert pipeline.switch is not before


def test_a_bmv2_that_nobody_ends_does_not_outlive_the_interpreter(fake: Path) -> None:
    fake.write_text("#!/bin/sh\nexec sleep 1000\n")
    script = (
        "from ipsecsim.network.devices import bmv2_process as b\n"
        "b.START_TIMEOUT = 0.1\n"
        "p = b.Bmv2Process('r1', lambda port, frame: None)\n"
        "try: p.start()\n"
        "except b.DeviceError: print(p.pid)\n"
    )
    pid = subprocess.check_output([sys.executable, "-c", script], text=True)
    wait_until_gone(int(pid))


def wait_until_gone(pid: int) -> None:
    """Whoever inherits it has to take note of its end first."""
    deadline = time.monotonic() + 5
    while Path(f"/proc/{pid}").exists() and "Z" not in _state(pid):
        assert time.monotonic() < deadline
        time.sleep(0.02)


def _state(pid: int) -> str:
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0]
    except OSError:
        return "Z"
