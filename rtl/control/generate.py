"""Makes RTL constants, Python constants and documentation of registers.yaml.

Usage: generate.py [--check]. With --check nothing is written; it ends with 1 and names the files
that are not what would be made.
"""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

import yaml
from ipsecsim.accelerator.rtl.regmap import Field, Register

HERE: Final = Path(__file__).resolve().parent
ROOT: Final = HERE.parents[1]
SOURCE: Final = HERE / "registers.yaml"
PACKAGE: Final = HERE / "registers_pkg.sv"
PYTHON: Final = ROOT / "sim/ipsecsim/accelerator/rtl/registers.py"
DOCUMENT: Final = ROOT / "docs/registers.md"

ADDRESS_BITS: Final = 12
ACCESS: Final = {
    "ro": "read",
    "rw": "read, write",
    "wo": "write; reads 0",
    "secret": "write; reads 0, cleared after use",
}
STRUCT: Final = "sa"
"""The block whose registers are an argument of a command, so a structure in the RTL."""
_MADE: Final = "Made of rtl/control/registers.yaml by rtl/control/generate.py; do not edit."
_REGISTER_KEYS: Final = {"name", "access", "text", "value", "words", "count", "fields"}


class MapError(ValueError):
    """registers.yaml makes no register map; the text names register and reason."""


@dataclass(frozen=True)
class Block:
    name: str
    text: str
    registers: tuple[Register, ...]
    fields: dict[str, tuple[Field, ...]] = field(default_factory=dict)
    texts: dict[str, str] = field(default_factory=dict)  # of registers, and of "register.field"


def load(text: str) -> list[Block]:
    """The blocks of a register map. Raises MapError."""
    blocks = []
    taken: dict[int, str] = {}
    names: set[str] = set()
    for raw in yaml.safe_load(text)["blocks"]:
        address = raw["address"]
        registers, fields, texts = [], {}, {}
        for entry in raw["registers"]:
            name = entry.get("name", "")
            if not name.isidentifier() or name in names:
                raise MapError(f"block {raw['name']}: register {name!r}: no name, or used twice")
            names.add(name)
            if unknown := set(entry) - _REGISTER_KEYS:
                raise MapError(f"register {name}: unknown {', '.join(sorted(unknown))}")
            if entry.get("access") not in ACCESS:
                raise MapError(f"register {name}: access is none of {', '.join(ACCESS)}")
            if not entry.get("text"):
                raise MapError(f"register {name}: no text")
            words, count = entry.get("words", 1), entry.get("count", 1)
            register = Register(name, address, entry["access"], words, count, entry.get("value", 0))
            for at in range(address, address + 4 * words * count, 4):
                if at in taken:
                    raise MapError(f"register {name}: 0x{at:03x} belongs to {taken[at]} too")
                if at >> ADDRESS_BITS or at & 3:
                    raise MapError(f"register {name}: 0x{at:03x} is no register's address")
                taken[at] = name
            address += 4 * words * count
            registers.append(register)
            texts[name] = entry["text"]
            if "fields" in entry:
                fields[name] = tuple(_fields(register, entry["fields"], texts))
        blocks.append(Block(raw["name"], raw["text"], tuple(registers), fields, texts))
    return blocks


def _fields(
    register: Register, entries: list[dict[str, Any]], texts: dict[str, str]
) -> Iterator[Field]:
    end = -1
    for entry in entries:
        where = f"register {register.name}: field {entry.get('name')}"
        if set(entry) != {"name", "bits", "text"}:
            raise MapError(f"{where}: has to have name, bits and text")
        most, least = entry["bits"]
        if not end < least <= most < 32:
            raise MapError(f"{where}: bits {most}-{least} overlap, or are not in order")
        end = most
        texts[f"{register.name}.{entry['name']}"] = entry["text"]
        yield Field(register, entry["name"], least, most - least + 1)


# -- SystemVerilog ---------------------------------------------------------------------------------


def package(blocks: list[Block]) -> str:
    lines = [
        f"// {_MADE}",
        "`default_nettype none",
        "",
        "// No module uses all of these.",
        "// verilator lint_off UNUSEDPARAM",
        "package registers_pkg;",
        "",
        f"    localparam int ADDRESS_W = {ADDRESS_BITS};",
        "",
    ]
    for block in blocks:
        lines.append(f"    // -- {block.name}: {block.text}")
        for register in block.registers:
            name = register.name.upper()
            at = f"{ADDRESS_BITS}'h{register.address:03X}"
            lines.append(f"    localparam [{ADDRESS_BITS - 1}:0] {name} = {at};")
            if register.value:
                lines.append(f"    localparam [31:0] {name}_VALUE = 32'h{register.value:08X};")
            if register.count > 1:
                lines.append(f"    localparam int {name}_COUNT = {register.count};")
        if block.name == STRUCT:
            lines += _struct(block)
        else:
            lines += _structs_of_fields(block)
        lines.append("")
    lines += [
        "endpackage",
        "// verilator lint_on UNUSEDPARAM",
        "",
        "`default_nettype wire",
        "",
    ]
    return "\n".join(lines)


def _structs_of_fields(block: Block) -> Iterator[str]:
    for register in block.registers:
        if fields := block.fields.get(register.name):
            yield "    typedef struct packed {"
            yield from _members(fields)
            yield f"    }} {register.name}_t;"


def _struct(block: Block) -> Iterator[str]:
    """All registers of the block as one structure, and which of its words are secret."""
    words = [word for r in block.registers for word in [r.access == "secret"] * r.words]
    prefix = f"{block.name}_"
    yield f"    localparam int {block.name.upper()}_WORDS = {len(words)};"
    mask = "".join("1" if secret else "0" for secret in reversed(words))
    yield f"    localparam [{len(words) - 1}:0] {block.name.upper()}_SECRET ="
    yield f"        {len(words)}'b{mask};"
    yield "    typedef struct packed {"
    for register in reversed(block.registers):
        if fields := block.fields.get(register.name):
            yield from _members(fields)
        else:
            yield _member(register.bits, register.name.removeprefix(prefix))
    yield f"    }} {block.name}_t;"


def _members(fields: tuple[Field, ...]) -> Iterator[str]:
    """Fields and the gaps between them, the most significant first."""
    top = 32
    for one in reversed(fields):
        end = one.least + one.width
        if end < top:
            yield _member(top - end, f"unused_{end}")
        yield _member(one.width, one.name)
        top = one.least
    if top:
        yield _member(top, "unused_0" if top < 32 else "unused")


def _member(bits: int, name: str) -> str:
    kind = f"logic [{bits - 1}:0]" if bits > 1 else "logic"
    return f"        {kind} {name};"


# -- Python ----------------------------------------------------------------------------------------


def python(blocks: list[Block]) -> str:
    lines = [
        f'"""{_MADE}"""',
        "",
        "from __future__ import annotations",
        "",
        "from typing import Final",
        "",
        "from .regmap import Field, Register",
        "",
    ]
    for block in blocks:
        lines.append(f"# {block.text}")
        for r in block.registers:
            values = [repr(r.name), f"0x{r.address:03X}", repr(r.access)]
            values += [f"{n}={v}" for n, v in (("words", r.words), ("count", r.count)) if v > 1]
            values += [f"value=0x{r.value:X}"] if r.value else []
            lines.append(f"{r.name.upper()}: Final = Register({', '.join(values)})")
            for f in block.fields.get(r.name, ()):
                lines.append(
                    f"{r.name.upper()}_{f.name.upper()}: Final = "
                    f"Field({r.name.upper()}, {f.name!r}, {f.least}, {f.width})"
                )
        lines.append("")
    ruff = Path(sys.executable).with_name("ruff")
    run = subprocess.run(
        [str(ruff), "format", "--stdin-filename", str(PYTHON), "-"],
        input="\n".join(lines),
        capture_output=True,
        text=True,
        check=True,
    )
    return run.stdout


# -- documentation ---------------------------------------------------------------------------------


def document(blocks: list[Block]) -> str:
    lines = [
        f"<!-- {_MADE} -->",
        "",
        "# Registers of the crypto accelerator",
        "",
        "AXI4-Lite, 32 bits, byte addresses. What stands in several registers has its low word",
        "first. Other addresses read 0 and ignore writes. [What the driver does with them]"
        "(../rtl/README.md#control).",
        "",
    ]
    for block in blocks:
        lines += [f"## {block.name}", "", block.text, ""]
        lines += ["| address | register | bits | access | meaning |", "|---|---|---|---|---|"]
        for r in block.registers:
            last = r.address + 4 * (r.words * r.count - 1)
            where = f"0x{r.address:03X}" + (f" … 0x{last:03X}" if last > r.address else "")
            text = block.texts[r.name] + (f" (0x{r.value:08X})" if r.value else "")
            bits = f"{r.bits - 1}–0"
            lines.append(f"| {where} | `{r.name}` | {bits} | {ACCESS[r.access]} | {text} |")
            for f in block.fields.get(r.name, ()):
                most = f.least + f.width - 1
                span = f"{most}–{f.least}" if f.width > 1 else f"{f.least}"
                lines.append(f"| | `.{f.name}` | {span} | | {block.texts[f'{r.name}.{f.name}']} |")
        lines.append("")
    return "\n".join(lines)


def made() -> dict[Path, str]:
    """Every file that is made, with its text. Raises MapError."""
    blocks = load(SOURCE.read_text())
    return {PACKAGE: package(blocks), PYTHON: python(blocks), DOCUMENT: document(blocks)}


def main(arguments: list[str]) -> int:
    try:
        files = made()
    except MapError as error:
        print(f"{SOURCE}: {error}", file=sys.stderr)
        return 2
    wrong = [p for p, text in files.items() if not p.exists() or p.read_text() != text]
    for path in wrong:
        if "--check" in arguments:
            print(f"{path.relative_to(ROOT)} is not what registers.yaml makes; run {__file__}")
        else:
            path.write_text(files[path])
            print(path.relative_to(ROOT))
    return int(bool(wrong) and "--check" in arguments)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
