"""A picture of a few signals of a VCD: waves.py FILE.vcd OUT.png FROM TO SIGNAL ...

FROM and TO are in clock cycles; a SIGNAL is its path below the top, as viewers show it, and may be
given a shorter name: PATH=NAME. Bits are drawn as steps, vectors as boxes with their value.
"""

from __future__ import annotations

import re
import sys
from collections.abc import Sequence
from pathlib import Path

import matplotlib

matplotlib.use("Agg")
from matplotlib import pyplot

CYCLE = 10  # of the file's time units, as the harness writes them
Changes = list[tuple[int, str]]


def read(path: Path, wanted: Sequence[str]) -> dict[str, tuple[int, Changes]]:
    """Width and changes (time, value in binary) of each signal."""
    scope: list[str] = []
    ids: dict[str, list[str]] = {}
    found: dict[str, tuple[int, Changes]] = {}
    now = 0
    with path.open() as file:
        for line in file:
            words = line.split()
            if not words:
                continue
            if words[0] == "$scope":
                scope.append(words[2])
            elif words[0] == "$upscope":
                scope.pop()
            elif words[0] == "$var":
                name = ".".join([*scope, words[4]])
                for one in wanted:
                    if one not in found and (name == one or name.endswith(f".{one}")):
                        ids.setdefault(words[3], []).append(one)
                        found[one] = (int(words[2]), [])
            elif line[0] == "#":
                now = int(line[1:])
            elif match := re.match(r"b(\S+) (\S+)|([01xz])(\S+)", line):
                value, mark = match[1] or match[3], match[2] or match[4]
                for one in ids.get(mark, ()):
                    found[one][1].append((now, value))
    if missing := [one for one in wanted if one not in found]:
        raise SystemExit(f"{path} has no signal {', '.join(missing)}")
    return found


def draw(
    signals: dict[str, tuple[int, Changes]], names: dict[str, str], begin: int, end: int, out: Path
) -> None:
    figure, axes = pyplot.subplots(figsize=(12, 0.42 * len(signals) + 0.8))
    for row, (width, changes) in enumerate(signals.values()):
        low = -row
        spans = [(t / CYCLE, v) for t, v in changes]
        spans = [
            *[s for s in spans if s[0] <= begin][-1:],
            *[s for s in spans if begin < s[0] < end],
        ]
        ends = [*(t for t, _ in spans[1:]), float(end)]
        for (start, value), stop in zip(spans, ends, strict=True):
            start = max(start, begin)
            if width == 1:
                level = low + 0.6 * (value == "1")
                axes.plot([start, start, stop], [low + 0.3, level, level], "C0", linewidth=1)
            else:
                on = "1" in value
                axes.fill_between([start, stop], low, low + 0.6, facecolor="C0" if on else "w",
                                  alpha=0.3, edgecolor="C0", linewidth=0.8)  # fmt: skip
                text = f"{int(value.replace('x', '0').replace('z', '0'), 2):x}"
                if on and (stop - start) / (end - begin) * 130 > len(text[:10]):
                    axes.text((start + stop) / 2, low + 0.28, text[:10], ha="center", va="center",
                              fontsize=6, family="monospace")  # fmt: skip
    axes.set_yticks([0.3 - row for row in range(len(signals))])
    axes.set_yticklabels([names[signal] for signal in signals], family="monospace", fontsize=8)
    axes.set_xlim(begin, end)
    axes.set_xlabel("cycles")
    axes.grid(axis="x", alpha=0.3)
    figure.tight_layout()
    figure.savefig(out, dpi=90)


def main(arguments: list[str]) -> int:
    if len(arguments) < 5:
        print(__doc__, file=sys.stderr)
        return 2
    file, out, begin, end, *chosen = arguments
    names = dict(one.split("=") if "=" in one else (one, one) for one in chosen)
    draw(read(Path(file), list(names)), names, int(begin), int(end), Path(out))
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
