"""Compile the switch's test programs and the benchmark's, beside their sources.

    python tests/switch/p4/compile.py [--check]

`sources.sha256` says what the artifacts were made from. Line numbers (`source_info`) are left out
of the JSON: they are most of it, and nothing reads them.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any, Final

ROOT: Final = Path(__file__).resolve().parents[3]
FOLDERS: Final = (ROOT / "tests" / "switch" / "p4", ROOT / "bench" / "p4")
HASHES: Final = FOLDERS[0] / "sources.sha256"
INCLUDED: Final = {"base"}
COMPILER: Final = "p4c-bm2-ss"


def sources() -> list[Path]:
    return [path for folder in FOLDERS for path in sorted(folder.glob("*.p4"))]


def programs() -> list[Path]:
    """The sources that are programs of their own."""
    return [path for path in sources() if path.stem not in INCLUDED]


def source_hashes() -> str:
    """What `sources.sha256` has to say for the sources as they are."""
    return "".join(
        f"{hashlib.sha256(path.read_bytes()).hexdigest()}  {path.relative_to(ROOT).as_posix()}\n"
        for path in sources()
    )


def stale() -> bool:
    """Whether an artifact is missing or made from other sources."""
    made = [path.with_suffix(end) for path in programs() for end in (".json", ".p4info.txtpb")]
    there = all(path.is_file() for path in (*made, HASHES))
    return not there or HASHES.read_text(encoding="utf-8") != source_hashes()


def compile_program(source: Path, folder: Path) -> None:
    """Make the JSON and the p4info of `source` in `folder`. Raises RuntimeError."""
    if shutil.which(COMPILER) is None:
        raise RuntimeError(f"{COMPILER} is not on PATH")
    target = folder / f"{source.stem}.json"
    ran = subprocess.run(
        [
            COMPILER,
            *("--arch", "v1model", "-o", str(target)),
            *("--p4runtime-files", str(folder / f"{source.stem}.p4info.txtpb")),
            source.relative_to(ROOT).as_posix(),
        ],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
    )
    if ran.returncode != 0:
        raise RuntimeError(f"{source}: {COMPILER} says\n{ran.stdout}{ran.stderr}")
    program = _without_lines(json.loads(target.read_text(encoding="utf-8")))
    target.write_text(json.dumps(program, separators=(",", ":")) + "\n", encoding="utf-8")


def _without_lines(node: Any) -> Any:
    if isinstance(node, dict):
        return {key: _without_lines(node[key]) for key in node if key != "source_info"}
    if isinstance(node, list):
        return [_without_lines(item) for item in node]
    return node


def main(arguments: list[str] | None = None) -> int:
    parser = argparse.ArgumentParser(description="Compile the switch's test programs.")
    parser.add_argument("--check", action="store_true", help="only say whether they are stale")
    if parser.parse_args(arguments).check:
        return int(stale())
    try:
        for source in programs():
            compile_program(source, source.parent)
    except RuntimeError as error:
        print(error, file=sys.stderr)
        return 1
    HASHES.write_text(source_hashes(), encoding="utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main())
