"""Assignments: what can stand on the left side, headers as values, validity, header stacks."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial

from .expressions import Expressions, HeaderRef, UnionRef, Value
from .jsonpath import Node
from .phv import Phv, Ref, in_range
from .writer import Writer

Handler = Callable[[Writer, Expressions, Node], None]
"""Writes one primitive call: writer, expressions of its action, the call's parameters."""


def when(writer: Writer, condition: str, body: Callable[[Writer], None]) -> None:
    """`body` under `if condition`, or as it is when the condition is empty."""
    if condition:
        with writer.block(f"if {condition}"):
            body(writer)
    else:
        body(writer)


class Assignments:
    """Primitives that change fields and headers, and nothing else."""

    def __init__(self, phv: Phv) -> None:
        self.phv = phv
        self.program = phv.program
        self.handlers: dict[str, Handler] = {
            "assign": self._assign,
            "modify_field": self._assign,
            "assign_VL": self._assign_varbit,
            "assign_header": self._assign_header,
            "copy_header": self._assign_header,
            "assign_union": self._assign_union,
            "assign_header_stack": self._assign_stack,
            "assign_union_stack": self._assign_stack,
            "add_header": self._add_header,
            "add_header_fast": self._add_header,
            "remove_header": self._remove_header,
            "push": partial(self._move, 1),
            "pop": partial(self._move, -1),
            "add_to_field": partial(self._binary, "+", True),
            "subtract_from_field": partial(self._binary, "-", True),
            "add": partial(self._binary, "+", False),
            "subtract": partial(self._binary, "-", False),
            "bit_and": partial(self._binary, "&", False),
            "bit_or": partial(self._binary, "|", False),
            "bit_xor": partial(self._binary, "^", False),
            "shift_left": partial(self._binary, "<<", False),
            "shift_right": partial(self._binary, ">>", False),
        }

    def store(self, writer: Writer, expressions: Expressions, target: Node, value: Value) -> None:
        """Assign `value` to what `target` designates, wrapped to its width."""
        inner = target
        while inner.get("type").value == "expression":
            inner = inner["value"]
        if inner.get("type").value == "field":
            ref = self.program.field_ref(inner["value"])
            if ref[1] == "$valid$":
                raise inner.unsupported("assigning a header's validity")
            self.store_field(writer, ref, value)
            return
        if inner.get("type").value == "stack_field":
            stack = inner["value"][0].text()
            if stack not in self.program.stacks:
                raise inner["value"][0].error(f"there is no header stack {stack!r}")
            headers = self.program.stacks[stack].headers
            index = Value(f"{self.phv.next_index(stack)} - 1")
            self._store_element(writer, headers, index, inner["value"][1].text(), value)
            return
        if inner.get("op").value == "access_field":
            ref_header, name = expressions.access(inner)
            if ref_header.index is None:
                self.store_field(writer, (ref_header.headers[0], name), value)
            else:
                self._store_element(writer, ref_header.headers, ref_header.index, name, value)
            return
        raise inner.unsupported("assigning this")

    def store_field(self, writer: Writer, ref: Ref, value: Value) -> None:
        spec = self.phv.type_of(ref)
        if spec.varbit:
            raise self.program.root.unsupported(
                f"assigning a number to varbit field {'.'.join(ref)}"
            )
        self.phv.write(writer, ref, in_range(value.text, value.low, value.high, spec))

    def _store_element(
        self, writer: Writer, headers: tuple[str, ...], index: Value, name: str, value: Value
    ) -> None:
        writer.line(f"x = {value.text}")
        writer.line(f"i = {index.text}")
        for number, header in enumerate(headers):
            with writer.block(f"{'el' if number else ''}if i == {number}"):
                self.store_field(writer, (header, name), Value("x", value.low, value.high))

    def _assign(self, writer: Writer, expressions: Expressions, p: Node) -> None:
        self.store(writer, expressions, p[0], expressions.value(p[1]))

    def _binary(
        self, op: str, in_place: bool, writer: Writer, expressions: Expressions, p: Node
    ) -> None:
        left = expressions.value(p[0] if in_place else p[1])
        right = expressions.value(p[1] if in_place else p[2])
        self.store(writer, expressions, p[0], Value(f"({left.text} {op} {right.text})"))

    def _assign_varbit(self, writer: Writer, expressions: Expressions, p: Node) -> None:
        refs = [self.program.field_ref(_inner(node)["value"]) for node in (p[0], p[1])]
        self.phv.facts.link(refs[0][0], refs[1][0])
        self.phv.write(writer, refs[0], self.phv.read(refs[1]))

    def _assign_header(self, writer: Writer, expressions: Expressions, p: Node) -> None:
        target, source = expressions.header(p[0]), expressions.header(p[1])
        for origin, header in _choices(writer, source, "i"):
            for index, goal in _choices(writer, target, "k"):
                both = " and ".join(filter(None, (origin, index)))
                when(writer, both, partial(self._copy, p, goal, header))

    def _copy(self, p: Node, target: str, source: str, writer: Writer) -> None:
        headers = self.program.headers
        if headers[target].type.name != headers[source].type.name:
            raise p.error(f"{target} and {source} have different types")
        if headers[target].metadata:
            for spec in headers[target].type.fields:
                ref = (source, spec.name)
                self.phv.write(writer, (target, spec.name), self.phv.read(ref))
            return
        self.phv.copy(writer, target, source)

    def _assign_union(self, writer: Writer, expressions: Expressions, p: Node) -> None:
        sides = [expressions.compile(p[0]), expressions.compile(p[1])]
        target, source = sides
        if not isinstance(target, UnionRef) or not isinstance(source, UnionRef):
            raise p.error("assigns what are not two header unions")
        if target.index is not None or source.index is not None:
            raise p.unsupported(
                "assigning a union stack element with an index that is not constant"
            )
        unions = self.program.unions
        pairs = zip(unions[target.unions[0]].headers, unions[source.unions[0]].headers, strict=True)
        for goal, origin in pairs:
            self.phv.copy(writer, goal, origin)

    def _assign_stack(self, writer: Writer, expressions: Expressions, p: Node) -> None:
        target, source = expressions.stack(p[0]), expressions.stack(p[1])
        goals, origins = self.phv.elements(target), self.phv.elements(source)
        if len(goals) != len(origins):
            raise p.error("the header stacks differ in size")
        writer.line(f"{self.phv.next_index(target)} = {self.phv.next_index(source)}")
        for goal, origin in zip(goals, origins, strict=True):
            for one, other in zip(goal, origin, strict=True):
                self.phv.copy(writer, one, other)

    def _each(self, writer: Writer, ref: HeaderRef, action: Callable[[str, Writer], None]) -> None:
        for condition, header in _choices(writer, ref, "i"):
            when(writer, condition, partial(action, header))

    def _real(self, expressions: Expressions, p: Node) -> HeaderRef:
        """A header whose validity can change."""
        ref = expressions.header(p[0])
        if any(self.program.headers[header].metadata for header in ref.headers):
            raise p[0].error("is metadata, which is always valid")
        return ref

    def _add_header(self, writer: Writer, expressions: Expressions, p: Node) -> None:
        self._each(writer, self._real(expressions, p), lambda h, w: self.phv.add(w, h))

    def _remove_header(self, writer: Writer, expressions: Expressions, p: Node) -> None:
        self._each(writer, self._real(expressions, p), lambda h, w: self.phv.remove(w, h))

    def _move(self, sign: int, writer: Writer, expressions: Expressions, p: Node) -> None:
        stack = expressions.stack(p[0])
        count = expressions.value(p[1])
        if count.low is None or count.low != count.high:
            raise p[1].unsupported("pushing or popping a number of headers that is not constant")
        if count.low:
            self.phv.move_stack(writer, stack, sign * count.low)


def _inner(node: Node) -> Node:
    while node.get("type").value == "expression":
        node = node["value"]
    return node


def _choices(writer: Writer, ref: HeaderRef, variable: str) -> list[tuple[str, str]]:
    """(condition, header) pairs; the condition is empty when the header is known."""
    if ref.index is None:
        return [("", ref.headers[0])]
    writer.line(f"{variable} = {ref.index.text}")
    return [(f"{variable} == {number}", header) for number, header in enumerate(ref.headers)]
