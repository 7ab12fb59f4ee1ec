"""Runs a cocotb bench on Verilated RTL, from pytest.

A test file holds the bench (`@cocotb.test()` coroutines, which run inside the simulator) and the
pytest functions that start it, once for each set of parameters:

    @cocotb.test(timeout_time=1, timeout_unit="ms")
    async def random_traffic(dut): ...

    @pytest.mark.parametrize("depth", [2, 16])
    def test_fifo(depth: int) -> None:
        simulate("fifo_stream", __file__, parameters={"DEPTH": depth})

What was built is kept under build/rtl, by the text of the sources, and serves again. WAVES=1 writes
a VCD there; RTL_SEED=n sets the random seed (default 1, so that a run can be repeated).
"""

from __future__ import annotations

import fcntl
import json
import os
import shutil
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from functools import cache
from importlib.metadata import version
from pathlib import Path
from typing import Any, Final
from unittest import mock
from xml.etree import ElementTree

import pytest
from cocotb_tools.runner import Verilator
from find_libpython import find_libpython
from ipsecsim.accelerator.rtl.sources import RTL, digest, gathered, included
from ipsecsim.accelerator.rtl.toolchain import Toolchain, ToolchainError, find_toolchain

ROOT: Final = Path(__file__).resolve().parents[2]
BUILD: Final = ROOT / "build" / "rtl"
_FLAGS: Final = (
    "--assert",
    "-Wno-fatal",
    *("--x-assign", "unique", "--x-initial", "unique"),
)
_SETTINGS: Final = "RTL_BENCH_SETTINGS"


def simulate(
    top: str,
    bench: str,
    *,
    parameters: Mapping[str, object] | None = None,
    settings: Mapping[str, Any] | None = None,
    tests: Sequence[str] | None = None,
    seed: int | None = None,
    peek: bool = False,
    extra: tuple[Path, ...] = (),
) -> None:
    """Run the cocotb tests of the file `bench` (all, or those named `tests`) on module `top`.

    `settings` reach the bench through `settings()`. With `peek` the bench sees every signal of the
    design, which is slower to build and run; else the ports of `top`. `extra`: see `gathered`.
    Fails the pytest test with the end of the simulator's log. Skips it if this machine has no C++
    compiler.
    """
    tools = _tools()
    parameters = dict(parameters or {})
    waves = bool(os.environ.get("WAVES"))
    runner = _Runner(peek)
    where = _build(runner, tools, top, parameters, waves, extra)
    with tempfile.TemporaryDirectory(prefix=f"{top}-") as scratch:
        log = Path(scratch) / "log"
        results = Path(scratch) / "results.xml"
        seed = seed if seed is not None else int(os.environ.get("RTL_SEED", "1"))
        problem = ""
        try:
            runner.test(
                test_module=".".join(Path(bench).resolve().relative_to(ROOT).with_suffix("").parts),
                hdl_toplevel=top,
                hdl_toplevel_lang="verilog",
                testcase=tests,
                seed=seed,
                build_dir=where,
                test_dir=scratch,
                results_xml=str(results),
                log_file=str(log),
                waves=waves,
                extra_env={
                    "PYTHONPATH": str(ROOT),
                    _SETTINGS: json.dumps(dict(settings or {})),
                    "COCOTB_ANSI_OUTPUT": "0",
                },
                plusargs=[
                    "+verilator+rand+reset+2",
                    f"+verilator+seed+{seed % (2**31 - 1) + 1}",
                ],
            )
        except (RuntimeError, SystemExit) as error:
            problem = str(error)
        if waves and (dump := Path(scratch) / "dump.vcd").exists():
            shutil.move(dump, BUILD / f"{top}.vcd")
        failed = _failed(results)
        if problem or failed:
            tail = log.read_text(errors="replace").splitlines()[-80:] if log.exists() else []
            pytest.fail(
                "\n".join([f"{top} {parameters}: {problem or failed} (seed {seed})", *tail]),
                pytrace=False,
            )


def settings() -> dict[str, Any]:
    """In the bench: what `simulate` was given."""
    chosen: dict[str, Any] = json.loads(os.environ.get(_SETTINGS, "{}"))
    return chosen


class _Runner(Verilator):
    """cocotb's runner makes every signal of the design visible, which costs most of the speed."""

    def __init__(self, peek: bool) -> None:
        super().__init__()
        self.peek = peek

    def _build_command(self) -> list[Sequence[str]]:
        verilate, make = super()._build_command()
        visible = ["--public-flat-rw"] if self.peek else ["--public-depth", "1"]
        at = list(verilate).index("--public-flat-rw")
        return [[*verilate[:at], *visible, *verilate[at + 1 :]], make]


@cache
def _tools() -> Toolchain:
    if find_libpython() is None:
        pytest.skip("cocotb needs Python's shared library (Debian package libpython3-dev)")
    try:
        return find_toolchain()
    except ToolchainError as error:
        pytest.skip(str(error))


def _build(
    runner: _Runner,
    tools: Toolchain,
    top: str,
    parameters: Mapping[str, object],
    waves: bool,
    extra: tuple[Path, ...],
) -> Path:
    sources = gathered(top, extra)
    headers = included(sources)
    tag = digest([], *(f"{k}={v}" for k, v in sorted(parameters.items())), f"{runner.peek} {waves}")
    name = f"{top}-{tag[:6]}-"
    made_from = digest(
        [*sources, *headers],
        *_FLAGS,
        tools.version,
        tools.compiler,
        version("cocotb"),
    )
    where = BUILD / f"{name}{made_from}"
    made = where / "made"
    BUILD.mkdir(parents=True, exist_ok=True)
    with _locked(BUILD / f"{name}lock"):
        if made.exists():
            return where
        for older in BUILD.glob(f"{name}[0-9a-f]*"):
            shutil.rmtree(older, ignore_errors=True)
        where.mkdir()
        log = where / "build.log"
        environment = dict(tools.environment)
        environment["MAKEFLAGS"] += " OPT_FAST=-O1 OPT_SLOW=-O0 OPT_GLOBAL=-O1"
        try:
            with mock.patch.dict(os.environ, environment):
                runner.build(
                    sources=list(sources),
                    includes=sorted({str(path.parent) for path in headers}),
                    parameters=parameters,
                    build_args=list(_FLAGS),
                    hdl_toplevel=top,
                    build_dir=where,
                    timescale=("1ns", "1ps"),
                    waves=waves,
                    log_file=str(log),
                )
        except (RuntimeError, SystemExit) as error:
            tail = log.read_text(errors="replace").splitlines()[-60:] if log.exists() else []
            shutil.rmtree(where, ignore_errors=True)
            pytest.fail(
                "\n".join([f"{top} {dict(parameters)} does not build: {error}", *tail]),
                pytrace=False,
            )
        made.touch()
    return where


@contextmanager
def _locked(path: Path) -> Iterator[None]:
    with path.open("w") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        yield


def _failed(results: Path) -> str:
    """Which tests failed, "" if none did."""
    if not results.exists():
        return "the simulator ended without results"
    cases = ElementTree.parse(results).getroot().findall(".//testcase")
    if not cases:
        return "the bench ran no test"
    failed = [
        case.get("name", "?")
        for case in cases
        if case.find("failure") is not None or case.find("error") is not None
    ]
    return f"failed: {', '.join(failed)}" if failed else ""


__all__ = ["BUILD", "ROOT", "RTL", "settings", "simulate"]
