"""The register map: what is committed is what the generator makes; a wrong map is refused."""

from __future__ import annotations

import importlib.util
import sys
from pathlib import Path
from types import ModuleType

import pytest
from ipsecsim.accelerator.rtl import registers
from ipsecsim.accelerator.rtl.regmap import Field, Register


def _load() -> ModuleType:
    path = Path(__file__).resolve().parents[2] / "rtl" / "control" / "generate.py"
    spec = importlib.util.spec_from_file_location("rtl_generate", path)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules["rtl_generate"] = module
    spec.loader.exec_module(module)
    return module


generate = _load()


def test_committed_files_are_what_the_generator_makes() -> None:
    for path, text in generate.made().items():
        assert path.read_text() == text, f"{path.name}: run rtl/control/generate.py"


def test_every_register_is_documented_and_a_constant() -> None:
    document = generate.DOCUMENT.read_text()
    blocks = generate.load(generate.SOURCE.read_text())
    named = [register for block in blocks for register in block.registers]
    assert len(named) > 20
    for register in named:
        assert getattr(registers, register.name.upper()) == register
        assert f"`{register.name}`" in document


def test_fields_hold_their_bits_and_no_more() -> None:
    fields = [f for f in vars(registers).values() if isinstance(f, Field)]
    assert fields
    for one in fields:
        most = (1 << one.width) - 1
        assert one.get(one.put(most) | ~(most << one.least) & 0xFFFFFFFF) == most
        with pytest.raises(ValueError, match=rf"{one.register.name}\.{one.name}"):
            one.put(most + 1)


def _map(registers: str) -> str:
    return f"blocks:\n  - name: a\n    address: 0x0\n    text: t\n    registers:\n{registers}"


@pytest.mark.parametrize(
    ("registers", "complaint"),
    [
        ("      - {name: a, access: rx, text: t}", "register a: access"),
        ("      - {name: a, access: ro}", "register a: no text"),
        ("      - {name: a, access: ro, text: t, width: 3}", "register a: unknown width"),
        ("      - {name: a, access: ro, text: t, count: 1025}", "0x1000 is no register"),
        ("      - {name: a, access: ro, text: t}\n" * 2, "used twice"),
        (
            "      - {name: a, access: ro, text: t, fields: "
            "[{name: x, bits: [3, 0], text: t}, {name: y, bits: [4, 3], text: t}]}",
            "field y: bits 4-3 overlap",
        ),
        (
            "      - {name: a, access: ro, text: t, words: 2}\n"
            "  - name: b\n    address: 0x4\n    text: t\n    registers:\n"
            "      - {name: b, access: ro, text: t}",
            "register b: 0x004 belongs to a too",
        ),
    ],
)
def test_a_wrong_map_is_refused(registers: str, complaint: str) -> None:
    with pytest.raises(generate.MapError, match=complaint):
        generate.load(_map(registers))


def test_registers_are_values() -> None:
    assert Register("a", 0, "ro", words=2).bits == 64
