"""The blocks of a v1model program as pieces of functions: parser, controls, checksums, deparser."""

from __future__ import annotations

import random
import re
from typing import Any

from .actions import Primitives
from .calculations import Calculations
from .controls import Controls, TableNames
from .declarations import Table
from .errors import EndlessLoop, Exit
from .expressions import Expressions
from .jsonpath import Node
from .layout import mask
from .parsers import Parsers
from .paths import standard_field
from .phv import Facts, Phv, Ref, in_range
from .program import Program
from .stateful import array_names
from .writer import Names, Writer

STATE = re.compile(r"\b[fvocen]_\w+")
"""Variables of a packet's state (see phv)."""


def _quotient(a: int, b: int) -> int:
    """Division as P4's, towards zero; 0 for a zero divisor, which P4 leaves undefined."""
    if b == 0:
        return 0
    return abs(a) // abs(b) * (1 if (a < 0) == (b < 0) else -1)


def _remainder(a: int, b: int) -> int:
    return a - b * _quotient(a, b)


class Blocks:
    """Writes the blocks of `program`; `known` are the facts of the first pass, if it is over."""

    def __init__(
        self,
        program: Program,
        known: Facts | None,
        value_sets: list[str],
        rng: random.Random,
    ) -> None:
        self.program = program
        self.namespace: dict[str, Any] = {
            "divide": _quotient,
            "modulo": _remainder,
            "randint": rng.randint,
            "NO_SESSION": (None, ()),
            "EndlessLoop": EndlessLoop,
            "Exit": Exit,
        }
        self.phv = Phv(program, known, self.namespace)
        names = Names()
        self.arrays = array_names(names, program.counters, program.meters, program.registers)
        self.value_sets = {name: names("V", name) for name in value_sets}
        self.tables = {
            node.name: TableNames(names("T", node.name), names("D", node.name))
            for pipeline in program.pipelines.values()
            for node in pipeline.nodes.values()
            if isinstance(node, Table)
        }
        self.parser = _named(program.root["parsers"], "parser")
        self.deparser = _named(program.root["deparsers"], "deparser")
        self.calculations = Calculations(self.phv)
        self.primitives = Primitives(self.phv, self.arrays, in_control=False)

    # -- standard metadata -------------------------------------------------------------------

    def standard(self, name: str) -> Ref | None:
        if "." not in name:
            name = f"standard_metadata.{name}"
        return standard_field(self.phv, name)

    def set_standard(
        self, w: Writer, name: str, text: str, low: int | None, high: int | None
    ) -> None:
        """Assign a standard metadata field, if the program has it (and reads it)."""
        ref = self.standard(name)
        if ref is not None:
            self.phv.write(w, ref, in_range(text, low, high, self.phv.type_of(ref)))

    def get_standard(self, name: str) -> str | None:
        ref = self.standard(name)
        return self.phv.read(ref) if ref is not None else None

    def set_time(self, w: Writer, name: str) -> None:
        ref = self.standard(name)
        if ref is not None and self.phv.is_read(ref):
            self.set_standard(w, name, "int(now * 1000000)", None, None)

    # -- field lists -------------------------------------------------------------------------

    def field_lists(self, kind: str) -> list[int]:
        """The field lists used with clone_i2e, clone_e2e, resubmit or recirculate."""
        features = self.phv.known.features if self.phv.known else self.phv.facts.features
        numbers = [f.rpartition(" ")[2] for f in features if f.startswith(f"{kind} ")]
        return sorted(int(n) for n in numbers)

    def keep_fields(self, w: Writer, kind: str, number: str) -> None:
        """`kept` = the values of the field list whose number is in the variable `number`."""
        w.line("kept = None")
        for one in self.field_lists(kind):
            refs = self.program.field_lists.get(one, [])
            if refs:
                values = ", ".join(self.phv.read(ref) for ref in refs)
                with w.block(f"if {number} == {one}"):
                    w.line(f"kept = ({one}, ({values},))")

    def restore_fields(self, w: Writer, kinds: tuple[str, ...]) -> None:
        """Assign the fields in `kept`."""
        numbers = sorted({n for kind in kinds for n in self.field_lists(kind)})
        body = Writer()
        for one in numbers:
            refs = self.program.field_lists.get(one, [])
            if refs:
                with body.block(f"if kept[0] == {one}"):
                    for position, ref in enumerate(refs):
                        self.phv.write(body, ref, f"kept[1][{position}]")
        if body.lines:
            with w.block("if kept is not None"):
                w.extend(body)

    # -- blocks ------------------------------------------------------------------------------

    def expressions(self) -> Expressions:
        return self.primitives.expressions()

    def control(self, w: Writer, name: str) -> None:
        """A control; `exit` leaves the loop (or the try) that is around it then."""
        exits = {"exit", "exit from a loop"}
        before = self.phv.facts.features & exits
        self.phv.facts.features -= exits
        body = Writer()
        primitives = Primitives(self.phv, self.arrays, in_control=True)
        Controls(self.phv, primitives, self.tables).write(body, self.program.pipelines[name])
        if "exit" in self.phv.facts.features:
            inner, body = body, Writer()
            with body.block("while True"):
                body.extend(inner)
                body.line("break")
        if "exit from a loop" in self.phv.facts.features:
            inner, body = body, Writer()
            with body.block("try"):
                body.extend(inner)
            with body.block("except Exit"):
                pass
        w.extend(body)
        self.phv.facts.features |= before

    def parse(self, w: Writer) -> None:
        """Parser and checksum verification; parser_error and checksum_error are set."""
        w.line("error = 0")
        w.line("o = 0")
        with w.block("try"):
            Parsers(self.phv, self.primitives, self.value_sets).write(w, self.parser)
        with w.block("except Reject as reject"):
            w.line("error = reject.code")
        self.set_standard(w, "parser_error", "error", None, None)
        checks = [c for c in self.program.checksums if c.verify]
        flag = self.standard("checksum_error")
        if flag is not None and self.phv.is_read(flag):
            self.phv.write(w, flag, "0")
            for check in checks:
                self._verify(w, check.target, check.condition, check.calculation, flag)

    def _verify(
        self, w: Writer, target: Ref, condition: Node | None, calculation: str, flag: Ref
    ) -> None:
        terms = []
        if self.phv.valid(target[0]) != "1":
            terms.append(self.phv.valid(target[0]))
        if condition is not None:
            text = self.expressions().condition(condition)
            if text not in terms:
                terms.append(text)
        with w.block(f"if {' and '.join(terms) or 'True'}"):
            node = self.program.calculations[calculation]
            computed = self.calculations.write(w, node["algo"], node["input"])
            spec = self.phv.type_of(target)
            with w.block(f"if {self.phv.read(target)} != {computed} & {mask(spec.width):#x}"):
                self.phv.write(w, flag, "1")

    def update_checksum(
        self, w: Writer, target: Ref, condition: Node | None, calculation: str
    ) -> None:
        text = self.expressions().condition(condition) if condition is not None else "True"
        with w.block(f"if {text}"):
            node = self.program.calculations[calculation]
            computed = self.calculations.write(w, node["algo"], node["input"])
            spec = self.phv.type_of(target)
            w.line(f"x = {computed} & {mask(spec.width):#x}")
            # A right checksum is left alone, so that an unchanged header is sent as it came.
            with w.block(f"if {self.phv.read(target)} != x"):
                self.phv.write(w, target, "x")

    def deparse(self, w: Writer) -> None:
        w.line("parts = []")
        for node in self.deparser["order"]:
            header = self.program.header(node)
            if not self.phv.is_extracted(header.name) and not self.phv.is_written(header.name):
                continue
            with w.block(f"if {self.phv.valid(header.name)}"):
                w.line(f"parts.append({self.phv.bytes_of(header)})")
        w.line("parts.append(frame[o:])")
        w.line("data = b''.join(parts)")

    def initialise(self, w: Writer, body: Writer) -> None:
        """Zero for every variable of the packet's state that this function mentions."""
        names = sorted({name for line in body.lines for name in STATE.findall(line)})
        varbits = {
            self.phv.variable((header.name, header.type.varbit.name))
            for header in self.program.headers.values()
            if header.type.varbit is not None
        }
        zeros = [name for name in names if name not in varbits]
        for at in range(0, len(zeros), 8):
            w.line(" = ".join([*zeros[at : at + 8], "0"]))
        for name in names:
            if name in varbits:
                w.line(f"{name} = b''")


def _named(nodes: Node, name: str) -> Node:
    for node in nodes:
        if node["name"].value == name:
            return node
    raise nodes.error(f"there is no {name!r}")
