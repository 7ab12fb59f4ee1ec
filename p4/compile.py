"""Compile the P4 programs into `p4/build/` (`make p4`).

Each program gives a BMv2 JSON and a p4info, next to `sources.sha256`: the hashes of the sources
that they were made from, in the form of sha256sum(1), by which a stale artifact is known.
p4c is called from the repository's root with relative paths, so its output is the same anywhere.
"""

from __future__ import annotations

import argparse
import hashlib
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Final

ROOT: Final = Path(__file__).resolve().parent.parent
BUILD: Final = ROOT / "p4" / "build"
HASHES: Final = BUILD / "sources.sha256"
PROGRAMS: Final = ("ipsec", "accelerator")
COMPILER: Final = "p4c-bm2-ss"


class CompileError(Exception):
    """p4c is not there, refused a program, or warned; the text says which."""


def sources() -> list[Path]:
    """All P4 files, the programs and what they include."""
    return sorted((ROOT / "p4").glob("*.p4")) + sorted((ROOT / "p4" / "include").glob("*.p4"))


def source_hashes() -> str:
    """What `sources.sha256` has to say for the sources as they are now."""
    return "".join(
        f"{hashlib.sha256(path.read_bytes()).hexdigest()}  {path.relative_to(ROOT).as_posix()}\n"
        for path in sources()
    )


def stale() -> bool:
    """Whether the artifacts were made from other sources than those that are there."""
    made = [BUILD / f"{name}{suffix}" for name in PROGRAMS for suffix in (".json", ".p4info.txtpb")]
    if not all(path.is_file() for path in (*made, HASHES)):
        return True
    return HASHES.read_text(encoding="utf-8") != source_hashes()


def compile_program(name: str, build: Path) -> None:
    """Make `name`.json and `name`.p4info.txtpb in `build`. Raises CompileError."""
    compiler = shutil.which(COMPILER)
    if compiler is None:
        raise CompileError(f"{COMPILER} is not on PATH; the artifacts in p4/build are left alone")
    ran = subprocess.run(
        [
            compiler,
            *("--arch", "v1model"),
            *("--p4runtime-files", str(build / f"{name}.p4info.txtpb")),
            *("-o", str(build / f"{name}.json")),
            f"p4/{name}.p4",
        ],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
    )
    said = (ran.stdout + ran.stderr).strip()
    if ran.returncode != 0 or said:
        raise CompileError(f"p4/{name}.p4: {COMPILER} says\n{said}")


def main(arguments: list[str] | None = None) -> int:
    parser = argparse.ArgumentParser(description="Compile the P4 programs into p4/build/.")
    parser.add_argument("--check", action="store_true", help="only say whether p4/build is stale")
    if parser.parse_args(arguments).check:
        if stale():
            print("p4/build was made from other sources: run `make p4`", file=sys.stderr)
        return int(stale())
    BUILD.mkdir(exist_ok=True)
    try:
        for name in PROGRAMS:
            compile_program(name, BUILD)
    except CompileError as error:
        print(error, file=sys.stderr)
        return 1
    HASHES.write_text(source_hashes(), encoding="utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main())
