"""A switch started as a user starts one: a process of its own, P4Runtime over gRPC."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.switch.targets import PROGRAMS

ROOT = Path(__file__).resolve().parents[2]


class Process:
    """`python -m ipsecsim.switch …` with its address."""

    def __init__(self, *arguments: str) -> None:
        self._process = subprocess.Popen(
            [sys.executable, "-m", "ipsecsim.switch", "--grpc", "127.0.0.1:0", *arguments],
            cwd=ROOT,
            env={**os.environ, "PYTHONPATH": f"{ROOT / 'host'}:{ROOT / 'sim'}"},
            stdout=subprocess.PIPE,
            text=True,
        )
        assert self._process.stdout is not None
        said = self._process.stdout.readline()
        found = re.search(r"P4Runtime at (\S+:\d+)", said)
        assert found is not None, f"the switch said: {said!r}"
        self.address = found[1]

    def stop(self) -> None:
        self._process.terminate()
        self._process.wait(10)
        assert self._process.stdout is not None
        self._process.stdout.close()


@pytest.fixture
def empty_switch() -> Iterator[str]:
    """The address of a switch that waits for its pipeline."""
    process = Process()
    yield process.address
    process.stop()


@pytest.fixture
def ready_switch() -> Iterator[str]:
    """The address of a switch that runs controller.p4."""
    base = PROGRAMS / "controller"
    process = Process("--json", f"{base}.json", "--p4info", f"{base}.p4info.txtpb")
    yield process.address
    process.stop()
