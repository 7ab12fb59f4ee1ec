"""Waveforms as pictures, and the signals that rtl/watch.gtkw names."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

from ipsecsim.accelerator.rtl.sources import RTL, modules

TOOL = RTL.parent / "tools" / "waves.py"
WATCH = RTL / "watch.gtkw"
VCD = """\
$timescale 1ns $end
$scope module accel $end
$var wire 1 ! clk $end
$scope module core $end
$var wire 4 " state [3:0] $end
$upscope $end
$upscope $end
$enddefinitions $end
#0
0!
b0000 "
#15
1!
#20
b1010 "
#40
0!
"""


def draw(folder: Path, *signals: str) -> subprocess.CompletedProcess[str]:
    (folder / "a.vcd").write_text(VCD)
    command = [sys.executable, str(TOOL), "a.vcd", "a.svg", "0", "5", *signals]
    return subprocess.run(command, cwd=folder, capture_output=True, text=True)


def test_a_picture(tmp_path: Path) -> None:
    (tmp_path / "a.gtkw").write_text("[*] note\n@200\n-heading\n@22\naccel.core.state[3:0]\n")
    assert draw(tmp_path, "clk", "a.gtkw").stderr == ""
    svg = (tmp_path / "a.svg").read_text()
    for text in ("clk", "heading", "state", ">a<"):  # 1010 is a
        assert text in svg, text
    assert "note" not in svg


def test_a_signal_that_is_not_there(tmp_path: Path) -> None:
    assert draw(tmp_path, "core.clk").stderr == "a.vcd has no signal core.clk\n"


def test_watched_signals_are_in_the_rtl() -> None:
    lines = [line for line in WATCH.read_text().splitlines() if line.startswith("accel.")]
    assert len(lines) > 20
    for line in lines:
        top, module, *path, signal = re.sub(r"\[\d+:\d+\]$", "", line).split(".")
        assert top == "accel"
        for instance in path:
            text = modules()[module].read_text()
            found = re.search(rf"\b(\w+)\s+(?:#\s*\([^;]*?)?\b{instance}\s*\(", text)
            assert found, f"{line}: {module} has no instance {instance}"
            module = found[1]
        assert re.search(rf"\b{signal}\b", modules()[module].read_text()), line
