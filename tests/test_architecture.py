"""The rules of docs/architecture.md that a machine can check: imports, no traces of machines."""

from __future__ import annotations

import ast
import re
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent
HOST = sorted((ROOT / "host").rglob("*.py"))
SIM = sorted((ROOT / "sim").rglob("*.py"))


def imports(file: Path) -> Iterator[tuple[int, str]]:
    for node in ast.walk(ast.parse(file.read_text(), str(file))):
        if isinstance(node, ast.Import):
            for alias in node.names:
                yield node.lineno, alias.name
        elif isinstance(node, ast.ImportFrom) and node.module and not node.level:
            yield node.lineno, node.module
            for alias in node.names:
                yield node.lineno, f"{node.module}.{alias.name}"


def offences(files: list[Path], forbidden: set[str]) -> list[str]:
    return [
        f"{file.relative_to(ROOT)}:{line} imports {name}"
        for file in files
        for line, name in imports(file)
        if name in forbidden or name.split(".")[0] in forbidden
    ]


def test_the_host_never_imports_the_simulation() -> None:
    assert HOST
    assert offences(HOST, {"ipsecsim"}) == []


@pytest.mark.parametrize("package", ["ike", "ipsec", "ios"])
def test_protocol_packages_know_no_socket_clock_or_grpc(package: str) -> None:
    files = [f for f in HOST if package in f.relative_to(ROOT / "host").parts]
    assert files
    clocks_and_chance = {"time", "random", "secrets", "os.urandom"}
    assert offences(files, clocks_and_chance | {"socket", "grpc", "asyncio", "threading"}) == []


def test_simulated_parts_take_time_and_randomness_as_parameters() -> None:
    """Only the real-time drivers may look at the clock."""
    files = [f for p in ("accelerator", "network") for f in SIM if p in f.relative_to(ROOT).parts]
    assert offences(files, {"time.time", "time.monotonic", "secrets"}) == []


def test_no_path_of_a_machine_is_in_the_tree() -> None:
    listed = subprocess.run(
        ["git", "ls-files", "-z"], cwd=ROOT, capture_output=True, text=True, check=False
    )
    if listed.returncode:
        pytest.skip("not a git checkout")
    pattern = re.compile(rb"/(home|root|Users)/[a-z]|/" + rb"work/(main|shared)|/\.m" + rb"irror/")
    found = []
    for name in filter(None, listed.stdout.split("\0")):
        path = ROOT / name
        if path.is_file() and (match := pattern.search(path.read_bytes())):
            found.append(f"{name}: {match[0]!r}")
    assert found == []
