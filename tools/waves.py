"""A picture of signals: waves.py FILE.fst|FILE.vcd OUT.svg|OUT.png FROM TO SIGNAL|FILE.gtkw ...

FROM and TO are clock cycles. A SIGNAL is named as viewers show it, or by its end; a GTKWave save
file (rtl/watch.gtkw) stands for those in it, which its comments part. Bits are drawn as steps,
vectors as boxes with their value in hexadecimal.
"""

from __future__ import annotations

import re
import sys
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

import matplotlib

matplotlib.use("Agg")
from matplotlib import pyplot
from pywellen import Waveform

CYCLE = 10  # of the file's time units, as sim/ipsecsim/accelerator/rtl/harness.cpp writes them
ROW = 0.24  # height in inches
_RANGE = re.compile(r"\[\d+:\d+\]$")


@dataclass(frozen=True, slots=True)
class Row:
    """A signal's changes (cycle, value); or a heading, which has none."""

    label: str
    width: int = 0
    changes: tuple[tuple[float, int], ...] = ()


def listed(file: Path) -> list[str]:
    """Signals and, with a leading "-", headings of a GTKWave save file, in their order."""
    lines = [line.strip() for line in file.read_text().splitlines()]
    return [line for line in lines if line and line[0] not in "[@*"]


def read(file: Path, wanted: Iterable[str]) -> list[Row]:
    """A row for each of `wanted`. Ends the program if the file has no such signal."""
    variables = {variable.full_name: variable for variable in Waveform(str(file)).all_vars()}
    rows = []
    for name in wanted:
        if name.startswith("-"):
            rows.append(Row(name[1:]))
            continue
        path = _RANGE.sub("", name)
        found = [full for full in variables if full == path or full.endswith(f".{path}")]
        if not found:
            raise SystemExit(f"{file} has no signal {path}")
        variable = variables[min(found, key=len)]
        signal = variable.signal
        changes = tuple((time / CYCLE, int(value)) for time, value in signal if _known(value))
        rows.append(Row(path.removeprefix("accel.ipsec_accel."), variable.bitwidth or 1, changes))
    return rows


def _known(value: object) -> bool:
    """A signal without x and z comes as a number."""
    return isinstance(value, int)


def spans(row: Row, begin: float, end: float) -> list[tuple[float, float, int]]:
    """The pieces of [begin, end) in which the signal stays as it is: from, to, value."""
    before = [change for change in row.changes if change[0] <= begin][-1:]
    within = [change for change in row.changes if begin < change[0] < end]
    pieces = [(max(at, begin), value) for at, value in [*before, *within]]
    ends = [*(at for at, _ in pieces[1:]), end]
    return [(at, to, value) for (at, value), to in zip(pieces, ends, strict=True)]


def draw(rows: Sequence[Row], begin: int, end: int, out: Path) -> None:
    figure, axes = pyplot.subplots(figsize=(11, ROW * len(rows) + 0.6))
    for number, row in enumerate(rows):
        low = -float(number)
        if not row.changes:
            axes.axhline(low + 0.75, color="0.8", linewidth=0.6)
            continue
        level = low + 0.3
        for at, to, value in spans(row, begin, end):
            if row.width == 1:
                now = low + 0.6 * value
                axes.plot([at, at, to], [level, now, now], "C0", linewidth=1)
                level = now
            else:
                axes.fill_between(
                    [at, to], low, low + 0.6, facecolor="C0" if value else "w", alpha=0.3,
                    edgecolor="C0", linewidth=0.8,
                )  # fmt: skip
                if (to - at) / (end - begin) * 130 > len(text := f"{value:x}"):
                    axes.text((at + to) / 2, low + 0.27, text, ha="center", va="center", fontsize=6)
    axes.set_yticks([0.3 - number for number in range(len(rows))])
    labels = axes.set_yticklabels([row.label for row in rows], fontsize=7)
    for row, label in zip(rows, labels, strict=True):
        label.set_family("monospace" if row.changes else "sans-serif")
        label.set_style("normal" if row.changes else "italic")
    axes.tick_params(axis="y", length=0)
    axes.set(xlim=(begin, end), ylim=(0.4 - len(rows), 1), xlabel="clock cycles")
    axes.grid(axis="x", alpha=0.3)
    figure.tight_layout()
    matplotlib.rcParams.update({"svg.hashsalt": "waves", "svg.fonttype": "none"})
    figure.savefig(out, dpi=100, metadata={"Date": None} if out.suffix == ".svg" else None)


def main(arguments: list[str]) -> int:
    if len(arguments) < 5:
        print(__doc__, file=sys.stderr)
        return 2
    file, out, begin, end, *chosen = arguments
    wanted = [
        name for one in chosen for name in (listed(Path(one)) if one.endswith(".gtkw") else (one,))
    ]
    draw(read(Path(file), wanted), int(begin), int(end), Path(out))
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
