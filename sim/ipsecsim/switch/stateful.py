"""Objects that outlive a packet: counters, meters and registers, as primitives."""

from __future__ import annotations

from typing import Any

from .assignments import Assignments, Handler, when
from .declarations import Array, FieldType
from .expressions import Expressions, Value
from .jsonpath import Node
from .layout import mask
from .phv import Phv, in_range
from .writer import Names, Writer


class Stateful:
    """`names` are the variables of the arrays (see array_names)."""

    def __init__(self, phv: Phv, names: dict[str, str], assignments: Assignments) -> None:
        self.program = phv.program
        self._names = names
        self._assignments = assignments
        self.handlers: dict[str, Handler] = {
            "count": self._count,
            "execute_meter": self._execute_meter,
            "register_read": self._register_read,
            "register_write": self._register_write,
        }

    def _array(self, node: Node, kind: str, home: dict[str, Array]) -> tuple[Array, str]:
        if node.key() not in home:
            raise node.error(f"there is no {kind} {node.value!r}")
        return home[node.text()], self._names[f"{kind} {node.text()}"]

    def _index(self, writer: Writer, index: Value, size: int) -> tuple[str, bool]:
        """An index expression, and whether it can be outside the array."""
        inside = index.high is not None and index.high < size and (index.low or 0) >= 0
        if inside or index.text.isidentifier():
            return index.text, not inside
        writer.line(f"i = {index.text}")
        return "i", not inside

    def _count(self, writer: Writer, expressions: Expressions, p: Node) -> None:
        array, name = self._array(p[0]["value"], "counter", self.program.counters)
        index, check = self._index(writer, expressions.value(p[1]), array.size)

        def body(w: Writer) -> None:
            w.line(f"cell = {name}[{index}]")
            w.line("cell.packets += 1")
            w.line("cell.bytes += ilen")

        when(writer, f"{index} < {array.size}" if check else "", body)

    def _execute_meter(self, writer: Writer, expressions: Expressions, p: Node) -> None:
        array, name = self._array(p[0]["value"], "meter", self.program.meters)
        index, check = self._index(writer, expressions.value(p[1]), array.size)
        size = "ilen" if array.bytes else "1"

        def body(w: Writer) -> None:
            w.line(f"cell = {name}.get({index})")
            text = f"cell.installed.execute({size}, now) if cell is not None else 0"
            self._assignments.store(w, expressions, p[2], Value(text, 0, 2))

        when(writer, f"{index} < {array.size}" if check else "", body)

    def _register_read(self, writer: Writer, expressions: Expressions, p: Node) -> None:
        array, name = self._array(p[1]["value"], "register", self.program.registers)
        index, check = self._index(writer, expressions.value(p[2]), array.size)
        value = Value(f"{name}[{index}]", *_range(array))

        def body(w: Writer) -> None:
            self._assignments.store(w, expressions, p[0], value)

        when(writer, f"{index} < {array.size}" if check else "", body)

    def _register_write(self, writer: Writer, expressions: Expressions, p: Node) -> None:
        array, name = self._array(p[0]["value"], "register", self.program.registers)
        index, check = self._index(writer, expressions.value(p[1]), array.size)
        value = expressions.value(p[2])
        text = in_range(
            value.text, value.low, value.high, FieldType("", array.width, array.signed, False)
        )

        def body(w: Writer) -> None:
            w.line(f"{name}[{index}] = {text}")

        when(writer, f"{index} < {array.size}" if check else "", body)

    def register_cell(self, name_node: Node, index: Value) -> Value:
        array, name = self._array(name_node, "register", self.program.registers)
        return Value(
            f"({name}[{index.text}] if 0 <= {index.text} < {array.size} else 0)", *_range(array)
        )


def _range(array: Array) -> tuple[int, int]:
    if array.signed:
        return -(1 << (array.width - 1)), mask(array.width - 1)
    return 0, mask(array.width)


def array_names(
    names: Names, counters: dict[str, Any], meters: dict[str, Any], registers: dict[str, Any]
) -> dict[str, str]:
    """Variables of the generated module for each array, by `kind name`."""
    given = {f"counter {name}": names("C", name) for name in counters}
    given |= {f"meter {name}": names("M", name) for name in meters}
    given |= {f"register {name}": names("R", name) for name in registers}
    return given
