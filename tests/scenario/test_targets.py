"""Every pipeline gives the same packets; what happens when one is not there."""

from __future__ import annotations

import io
import re
import shutil
import signal
import socket
import subprocess
import sys
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest
from ipsecplane.cli import NO_TARGET, WRONG_INPUT, main
from ipsecsim.network.devices.base import DeviceError
from ipsecsim.network.devices.choice import DeviceChoice
from ipsecsim.scenario.loader import load_scenario
from ipsecsim.scenario.outputs import run_with_outputs
from ipsecsim.scenario.runner import Runner
from ipsecsim.scenario.transcript import Transcript
from ipsecsim.scenario.world import RunOptions, World
from packets import packets
from played import EXAMPLES, Ran, two_sites, write

from tests.interop.lab import Lab, Namespace, need, stop, wait_for

CHAPTER3 = EXAMPLES / "ch03_invalid_spi_recovery"
COMMAND = (sys.executable, "-m", "ipsecplane")
URL = "grpc://127.0.0.1:9559"
PINGS = "{router: a, exec: [ping 192.168.2.1 source 192.168.1.1 repeat 3]"

needs_bmv2 = pytest.mark.skipif(
    shutil.which("simple_switch_grpc") is None, reason="simple_switch_grpc is not installed"
)


# -- the same packets ------------------------------------------------------------------------------


def run(folder: Path, out: Path, pipeline: str, **settings: str) -> dict[str, bytes]:
    """The files that a run leaves, without the name that the pipeline has in log messages."""
    options = RunOptions(settings, devices=DeviceChoice({"": pipeline}))
    report = run_with_outputs(load_scenario(folder), options, out, None)
    assert report.failures == []
    files = {str(p.relative_to(out)): p.read_bytes() for p in out.rglob("*") if p.is_file()}
    for name in (b"pipeline embedded switch", b"pipeline BMv2"):
        files["transcript.txt"] = files["transcript.txt"].replace(name, b"pipeline NAME")
    return files


# Each packet asks the other process: what sends thousands would take minutes.
THOUSANDS = "ch01_*"
EVERY: list[tuple[str, dict[str, str]]] = [
    (file.parent.name, {})
    for file in sorted(EXAMPLES.glob("*/scenario.yaml"))
    if not file.parent.match(THOUSANDS)
]
EVERY.append((CHAPTER3.name, {"recovery": "off"}))


@pytest.mark.interop
@needs_bmv2
@pytest.mark.parametrize(("example", "settings"), EVERY)
def test_stock_bmv2_in_virtual_time_leaves_the_same_files(
    tmp_path: Path, example: str, settings: dict[str, str]
) -> None:
    """Transcript, captures with their time stamps, keys and tables: octet for octet."""
    runs = [
        run(EXAMPLES / example, tmp_path / pipeline, pipeline, **settings)
        for pipeline in ("embedded", "bmv2-stepped")
    ]
    assert [name for name in runs[0] if runs[0][name] != runs[1].get(name)] == []
    assert runs[0].keys() == runs[1].keys()


FLOWS = """
- {host: h1, ping: {target: 192.168.2.9, count: 5}}
- {host: h1, ping: {target: "2001:db8:2::9", count: 2}}
- {host: h1, tcp: {target: 192.168.2.9, size: 60 kB}}
- {host: h2, udp: {target: 192.168.1.9, count: 20, size: 1500, rate: 1000}}
- {host: h2, udp: {target: 192.168.1.9, count: 5, size: 1500, rate: 1000, df: true}}
- {host: h1, ping: {target: 192.168.2.9, count: 3, size: 4000}}
- {host: h1, ping: {target: 203.0.113.2, count: 3, size: 2000}}
- {link: wan, impair: {loss: 2%, jitter: 1 ms, reorder: 5%, duplicate: 5%}}
- {host: h2, tcp: {target: 192.168.1.9, size: 60 kB}}
"""


@pytest.mark.interop
@needs_bmv2
def test_flows_of_hosts_are_the_same_too(tmp_path: Path) -> None:
    """TCP, fragments and errors in and outside of a tunnel, through two BMv2s in virtual time."""
    folder = write(tmp_path / "s", FLOWS, two_sites())
    one = run(folder, tmp_path / "embedded", "embedded")
    other = run(folder, tmp_path / "bmv2", "bmv2-stepped")
    assert len(one["captures/wan.pcapng"]) > 150_000
    assert [name for name in one if one[name] != other[name]] == []


@pytest.mark.xdist_group("chapter3")
@pytest.mark.interop
@needs_bmv2
def test_stock_bmv2_gives_the_same_packets(tmp_path: Path, recovered: Ran) -> None:
    """Chapter 3 in virtual time on the embedded switch, in real time on BMv2, from one seed."""
    options = RunOptions(devices=DeviceChoice({"": "bmv2"}))
    report = run_with_outputs(load_scenario(CHAPTER3), options, tmp_path, None)
    assert report.failures == []
    assert packets(tmp_path) == packets(recovered.folder)


class Elsewhere:
    """A namespace with a P4Runtime target on three interfaces; Router A's pipeline."""

    def __init__(self, namespace: Namespace) -> None:
        self.namespace = namespace
        self.ends = {1: "s1", 2: "s2", 500: "s500"}
        self.words = ["--target", f"ipseca-71a={URL}"]
        for port, name in ((1, "FastEthernet0/0"), (2, "FastEthernet0/1"), (500, "accelerator")):
            pair = (f"h{port}", f"s{port}")
            namespace.run(
                *("ip", "link", "add", pair[0], "mtu", "9000", "type", "veth"),
                *("peer", "name", pair[1], "mtu", "9000"),
            )
            for end in pair:  # the machine's own stack is to be silent there
                namespace.run("sysctl", "-qw", f"net.ipv6.conf.{end}.disable_ipv6=1")
                namespace.run("ip", "link", "set", end, "up")
            self.words += ["--port", f"ipseca-71a.{name}={pair[0]}"]

    def switch(self) -> subprocess.Popen[str]:
        """Our own, as a process of its own."""
        ports = [word for n, end in self.ends.items() for word in ("--port", f"{n}={end}")]
        process = self.namespace.start(*COMMAND, "switch", "--grpc", URL[7:], *ports)
        assert process.stdout is not None
        assert "P4Runtime at" in process.stdout.readline()
        return process

    def bmv2(self) -> subprocess.Popen[str]:
        ports = [word for n, end in self.ends.items() for word in ("-i", f"{n}@{end}")]
        process = self.namespace.start(
            *("simple_switch_grpc", "--no-p4", "--device-id", "1", *ports, "--"),
            *("--grpc-server-addr", URL[7:], "--cpu-port", "510", "--priority-queues", "3"),
        )
        wait_for(self._listens, "BMv2's P4Runtime server", 20)
        return process

    def _listens(self) -> bool:
        def connect() -> None:
            socket.create_connection(("127.0.0.1", 9559)).close()

        try:
            self.namespace.inside(connect)
        except OSError:
            return False
        return True


@pytest.fixture
def elsewhere() -> Iterator[Elsewhere]:
    need()
    with Lab() as lab:
        yield Elsewhere(lab.namespace("target"))


@pytest.mark.xdist_group("chapter3")
@pytest.mark.interop
@pytest.mark.parametrize("kind", ["switch", pytest.param("bmv2", marks=needs_bmv2)])
def test_a_target_on_real_interfaces_gives_the_same_packets(
    tmp_path: Path, recovered: Ran, elsewhere: Elsewhere, kind: str
) -> None:
    """Router A's pipeline is behind gRPC and three cables, Router B's in this process."""
    target = elsewhere.switch() if kind == "switch" else elsewhere.bmv2()
    command = (*COMMAND, "run", CHAPTER3, "--out", tmp_path, *elsewhere.words)
    try:
        shown = elsewhere.namespace.run(*command, timeout=120, check=False)
    finally:
        stop(target)
    assert re.search(r"^All \d+ expectations hold\.$", shown, re.M), shown[-3000:]
    assert packets(tmp_path) == packets(recovered.folder)


# -- outages ---------------------------------------------------------------------------------------


OUTAGE = f"""
- {PINGS}, expect: [{{contains: .!!}}]}}
- router: a
  exec: [show crypto ipsec sa]
  save: {{spi: 'outbound esp sas:\\s+spi: 0x([0-9A-F]+)'}}
- outage: {{router: a, device: pipeline, for: 0.5 s, device_state: STATE}}
  expect: [{{router: a, log: 'P4RT-3-TARGET_LOST: pipeline BMv2: connection lost'}}]
- wait: 0.2 s
- expect: [{{router: a, log: 'P4RT-5-TARGET_UP: pipeline BMv2 is ready', equals: 2, within: 10}}]
- {PINGS}, expect: [{{contains: "!!!"}}]}}
- router: a
  exec: [show crypto ipsec sa]
  expect: [{{matches: 'outbound esp sas:\\s+spi: 0x${{spi}}'}}]
"""


@pytest.mark.interop
@needs_bmv2
@pytest.mark.parametrize("state", ["kept", "lost"])
@pytest.mark.parametrize("pipeline", ["bmv2", "bmv2-stepped"])
def test_bmv2_goes_away_and_comes_back(tmp_path: Path, pipeline: str, state: str) -> None:
    timeline = OUTAGE.replace("STATE", state)
    scenario = load_scenario(write(tmp_path, timeline, two_sites()))
    text = io.StringIO()
    options = RunOptions(devices=DeviceChoice({"a": pipeline}))
    with World(scenario, options) as world:
        report = Runner(world, Transcript([text])).run()
    assert report.failures == [], text.getvalue()


AWAY = """\
name: a target that goes away
routers: {ipseca-71a: {config: ipseca-71a.cfg}, ipseca-72a: {config: ipseca-72a.cfg}}
links:
  wan: {ends: [ipseca-71a.Fa0/0, ipseca-72a.Fa1/0]}
  lan-a: {ends: [ipseca-71a.Fa0/1]}
  lan-b: {ends: [ipseca-72a.Fa1/1]}
"""
PING_AWAY = "{router: ipseca-71a, exec: [ping 10.0.2.2 source 10.0.0.1 repeat 3]"
COMES_BACK = f"""
- {PING_AWAY}, expect: [{{contains: .!!}}]}}
- note: now it goes
- expect: [{{router: ipseca-71a, log: 'P4RT-3-TARGET_LOST: pipeline {URL}', within: 20}}]
- note: now it comes
- expect:
    - {{router: ipseca-71a, log: 'P4RT-5-TARGET_UP: pipeline {URL}', equals: 2, within: 30}}
- {PING_AWAY}, expect: [{{contains: "!!"}}]}}
"""


@pytest.mark.interop
def test_a_target_that_goes_away_and_comes_back(tmp_path: Path, elsewhere: Elsewhere) -> None:
    """The process is killed and another one started: nobody told the run."""
    configs = {r: (CHAPTER3 / f"{r}.cfg").read_text() for r in ("ipseca-71a", "ipseca-72a")}
    folder = write(tmp_path / "s", COMES_BACK, configs, AWAY)
    target = elsewhere.switch()
    run = elsewhere.namespace.start(
        *(*COMMAND, "run", folder, "--out", tmp_path / "out", *elsewhere.words)
    )
    assert run.stdout is not None
    shown = ""
    for line in run.stdout:
        shown += line
        if "now it goes" in line:
            target.kill()
            target.wait()
        elif "now it comes" in line:
            target = elsewhere.switch()
    assert run.wait(10) == 0, shown
    stop(target)


# -- targets that cannot be had --------------------------------------------------------------------


def complaint(capsys: pytest.CaptureFixture[str], out: Path, *words: str) -> tuple[int, str]:
    code = main(["run", str(CHAPTER3), "--out", str(out), *words])
    return code, capsys.readouterr().err.strip()


def test_bmv2_that_is_not_installed(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    code, said = complaint(capsys, tmp_path / "out", "--target", "bmv2")
    assert code == NO_TARGET
    assert "simple_switch_grpc is not on PATH" in said
    assert "--pipeline embedded" in said
    assert not (tmp_path / "out").exists()


def test_a_target_that_is_not_there(elsewhere: Elsewhere, tmp_path: Path) -> None:
    command = elsewhere.namespace.command(
        *COMMAND, "run", CHAPTER3, "--out", tmp_path, *elsewhere.words
    )
    done = subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)
    assert done.returncode == NO_TARGET
    assert done.stderr == f"ipseca-71a: pipeline {URL}: nobody answers at 127.0.0.1:9559\n"


@pytest.mark.parametrize(
    ("words", "code", "message"),
    [
        (["--target", URL], NO_TARGET, f"{URL} would be the pipeline of ipseca-71a and of"),
        (["--target", "ipseca-71a=grpc://nowhere"], NO_TARGET, "write grpc://HOST:PORT or grpc"),
        (["--target", f"ipseca-71a={URL}"], NO_TARGET, "ipseca-71a.FastEthernet0/0=IFACE"),
        (["--port", "ipseca-71a=eth0"], WRONG_INPUT, "write ROUTER.PORT=IFACE"),
    ],
)
def test_wrong_words(
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    words: list[str],
    code: int,
    message: str,
) -> None:
    found, said = complaint(capsys, tmp_path / "out", *words)
    assert (found, message in said) == (code, True), said


def test_an_interface_that_is_not_there(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    ports = ("FastEthernet0/0", "FastEthernet0/1", "accelerator")
    words = [w for p in ports for w in ("--port", f"ipseca-71a.{p}=nosuch0")]
    found, said = complaint(capsys, tmp_path / "out", "--target", f"ipseca-71a={URL}", *words)
    assert found == NO_TARGET
    assert said.startswith("interface nosuch0: ")


# -- a run that is stopped -------------------------------------------------------------------------


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
@pytest.mark.parametrize("pipeline", ["embedded", pytest.param("bmv2", marks=needs_bmv2)])
def test_a_stopped_run_leaves_its_folder_in_order(
    tmp_path: Path, number: int, pipeline: str
) -> None:
    """Stopped while a ping waits for an answer that will not come."""
    timeline = """
        - {router: a, exec: [ping 192.168.2.1 source 192.168.1.1 repeat 3]}
        - {router: a, exec: [ping 192.0.2.1 repeat 100000000], timeout: 1000000 h}
    """
    folder, out = write(tmp_path / "s", timeline, two_sites()), tmp_path / "out"
    run = subprocess.Popen(
        [*COMMAND, "run", str(folder), "--out", str(out), "--target", pipeline],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        preexec_fn=lambda: signal.signal(signal.SIGINT, signal.default_int_handler),
    )
    assert run.stdout is not None
    while "100000000, 100-byte" not in (line := run.stdout.readline()):
        assert line, run.communicate()
    children = _children(run.pid)
    assert len(children) == (2 if pipeline == "bmv2" else 0)
    reader = threading.Thread(target=run.stdout.read)
    reader.start()
    run.send_signal(number)
    assert run.wait(20) == 130
    reader.join()
    assert run.stderr is not None
    assert run.stderr.read() == ""
    assert not any(Path(f"/proc/{child}").exists() for child in children)
    assert "\nInterrupted at " in (out / "transcript.txt").read_text()
    last = packets(out)["wan a.GigabitEthernet0/0"][-1]
    assert last[23] == 50, "the third echo, in ESP"
    assert (out / "wireshark" / "esp_sa").read_text().count("\n") == 2
    assert "sa_out" in (out / "tables" / "a.pipeline.txtpb").read_text()


def _children(pid: int) -> list[str]:
    return Path(f"/proc/{pid}/task/{pid}/children").read_text().split()


def test_a_device_that_is_not_there_leaves_an_earlier_runs_results_alone(tmp_path: Path) -> None:
    folder = write(tmp_path / "scenario", "- wait: 1 s", two_sites())
    out = tmp_path / "out"
    run_with_outputs(load_scenario(folder), RunOptions(), out, None)
    before = {path: path.read_bytes() for path in out.rglob("*") if path.is_file()}
    away = DeviceChoice({"a": "grpc://127.0.0.1:1"}, {}, {})
    with pytest.raises(DeviceError):
        run_with_outputs(load_scenario(folder), RunOptions(devices=away), out, None)
    assert {path: path.read_bytes() for path in out.rglob("*") if path.is_file()} == before
    assert not list(out.glob(".new-*"))
