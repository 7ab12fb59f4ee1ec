"""p4runtime-shell, unmodified, as a user types into it.

It pins an old protobuf, so it lives in an environment of its own, `.venv-p4rt-shell/`, which is
made once (`make shell` uses the same).
"""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

import pytest

from tests.p4runtime.conftest import ROOT
from tests.switch.targets import PROGRAMS

ENVIRONMENT = ROOT / ".venv-p4rt-shell"
COLOURS = re.compile(r"\x1b\[[0-9;]*[A-Za-z]")


@pytest.fixture(scope="module")
def python() -> Path:
    """The interpreter of the shell's environment."""
    interpreter = ENVIRONMENT / "bin" / "python"
    works = [str(interpreter), "-c", "import p4runtime_sh.shell"]
    if not interpreter.exists() or subprocess.run(works, check=False).returncode:
        for command in (
            [sys.executable, "-m", "venv", str(ENVIRONMENT)],
            [str(interpreter), "-m", "pip", "install", "--quiet", "p4runtime-shell"],
            works,
        ):
            ran = subprocess.run(command, capture_output=True, text=True, check=False, timeout=300)
            if ran.returncode:
                pytest.skip(
                    f"NOT RUN with p4runtime-shell: {' '.join(command)}: {ran.stderr[-300:]}"
                )
    return interpreter


def type_into(python: Path, address: str, text: str, *arguments: str) -> str:
    """What the shell prints for a session of these lines."""
    ran = subprocess.run(
        [
            str(python), "-m", "p4runtime_sh", "--grpc-addr", address, "--device-id", "1",
            "--election-id", "0,1", *arguments,
        ],
        input=text + "\nexit\n",
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )  # fmt: skip
    said = COLOURS.sub("", ran.stdout)
    assert ran.returncode == 0, said + ran.stderr
    return said


ENTRY = """
te = table_entry["flows"](action="metered")
te.match["flow"] = "0x700&&&0xff00"
te.action["value"] = "9"
te.priority = 3
"""


def test_entries(python: Path, ready_switch: str) -> None:
    said = type_into(
        python,
        ready_switch,
        f"""{ENTRY}te.insert()
te.action["value"] = "10"
te.modify()
te.counter_data
print("found", [e.action["value"].value for e in table_entry["flows"].read()])

everything = []
table_entry["flows"].read(lambda e: everything.append(e))
print("count", len(everything))
te.delete()
print("left", len(list(table_entry["flows"].read())))
""",
    )
    assert "found [b'\\n']" in said
    assert "count 1" in said
    assert "left 0" in said


def test_errors_say_what_is_wrong(python: Path, ready_switch: str) -> None:
    said = type_into(python, ready_switch, f"{ENTRY}te.insert()\nte.insert()\n")
    assert "ALREADY_EXISTS, 'table I.flows: an entry with this match (and priority) exists'" in said
    said = type_into(
        python,
        ready_switch,
        """
te = table_entry["learned"](action="NoAction")
te.match["hdr.data.address"] = "1"
te.idle_timeout_ns = -5
te.insert()
""",
    )
    assert "INVALID_ARGUMENT, 'table I.learned: negative idle timeout'" in said


def test_pipeline_packets_and_counters(python: Path, empty_switch: str) -> None:
    """The shell brings the program; a packet-out to the CPU port comes back as a packet-in."""
    said = type_into(
        python,
        empty_switch,
        r"""
import time
received = []
def hear():
    packet_in.sniff(lambda m: received.append(m), timeout=2)

import threading
listener = threading.Thread(target=hear)
listener.start()
p = packet_out()
p.payload = b"\x81\x86hello"
p.metadata["egress_port"] = "510"
p.metadata["pad"] = "0"
p.send()
listener.join()
print("payload", received[0].packet.payload)
c = counter_entry["totals"]
c.index = 3
c.data
c.packet_count = 12
c.modify()
print("counted", [x.packet_count for x in counter_entry["totals"].read()])
g = multicast_group_entry(4)
g.add(510, 1)
g.insert()
print("group", [r.egress_port for e in multicast_group_entry(4).read() for r in e.replicas])
""",
        "--config",
        f"{PROGRAMS / 'controller.p4info.txtpb'},{PROGRAMS / 'controller.json'}",
    )
    assert "payload b'hello'" in said
    assert "counted [0, 0, 0, 12, 0, 0, 0, 0]" in said
    assert "group [510]" in said
