"""Actions: bmv2's primitives as statements.

Each primitive is a method of Primitives named after it. `parameters` are checked here, when the
program is loaded; nothing can go wrong at a packet.
"""

from __future__ import annotations

import logging
from collections.abc import Callable
from functools import partial
from typing import Any

from .calculations import Calculations
from .errors import AssertionFailure
from .expressions import Expressions, HeaderRef, UnionRef, Value
from .flow import Flow, Goto
from .jsonpath import Node
from .layout import mask
from .phv import Phv, Ref, in_range
from .program import Action, Array, FieldType
from .writer import Names, Writer

DROP_PORT = 511

program_log = logging.getLogger("ipsecsim.switch.program")
"""What P4 programs say with log_msg."""


def _log_text(template: str, *values: int) -> str:
    for value in values:
        template = template.replace("{}", str(value), 1)
    return template


class Primitives:
    """Compiles primitive calls. One instance serves one generated function."""

    def __init__(self, phv: Phv, arrays: dict[str, str], in_control: bool) -> None:
        self.phv = phv
        self.program = phv.program
        self.calculations = Calculations(phv)
        self._arrays = arrays
        self._in_control = in_control
        self._registry: dict[str, Callable[[Writer, Expressions, Node], None]] = {
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
            "push": lambda w, e, p: self._move(w, e, p, 1),
            "pop": lambda w, e, p: self._move(w, e, p, -1),
            "add_to_field": lambda w, e, p: self._binary(w, e, p, "+", in_place=True),
            "subtract_from_field": lambda w, e, p: self._binary(w, e, p, "-", in_place=True),
            "add": lambda w, e, p: self._binary(w, e, p, "+"),
            "subtract": lambda w, e, p: self._binary(w, e, p, "-"),
            "bit_and": lambda w, e, p: self._binary(w, e, p, "&"),
            "bit_or": lambda w, e, p: self._binary(w, e, p, "|"),
            "bit_xor": lambda w, e, p: self._binary(w, e, p, "^"),
            "shift_left": lambda w, e, p: self._binary(w, e, p, "<<"),
            "shift_right": lambda w, e, p: self._binary(w, e, p, ">>"),
            "no_op": lambda w, e, p: None,
            "drop": self._drop,
            "mark_to_drop": self._drop,
            "exit": self._exit,
            "count": self._count,
            "execute_meter": self._execute_meter,
            "register_read": self._register_read,
            "register_write": self._register_write,
            "modify_field_rng_uniform": self._random,
            "modify_field_with_hash_based_offset": self._hash,
            "generate_digest": self._digest,
            "clone_ingress_pkt_to_egress": lambda w, e, p: self._clone(w, e, p, "clone_i2e"),
            "clone_egress_pkt_to_egress": lambda w, e, p: self._clone(w, e, p, "clone_e2e"),
            "resubmit": lambda w, e, p: self._again(w, e, p, "resubmit"),
            "recirculate": lambda w, e, p: self._again(w, e, p, "recirculate"),
            "truncate": self._truncate,
            "assert": self._assert,
            "assume": self._assert,
            "log_msg": self._log,
        }

    def expressions(self, locals_: list[Value] | None = None) -> Expressions:
        return Expressions(self.phv, self._register_cell, locals_)

    def write_action(self, writer: Writer, action: Action, locals_: list[Value]) -> None:
        """The body of an action whose parameters are in `locals_`."""
        expressions = self.expressions(locals_)
        calls = list(action.primitives)
        if not any(call["op"].value in ("_jump", "_jump_if_zero") for call in calls):
            for call in calls:
                self.write(writer, expressions, call)
            return
        self._write_jumps(writer, expressions, calls)

    def _write_jumps(self, writer: Writer, expressions: Expressions, calls: list[Node]) -> None:
        """Primitives with conditional jumps: a flow graph of basic instructions."""

        def target(node: Node) -> str | None:
            value = expressions.value(node)
            if value.low is None or value.low != value.high:
                raise node.unsupported("a jump to an offset that is not constant")
            if not 0 <= value.low <= len(calls):
                raise node.error("jumps outside the action")
            return str(value.low) if value.low < len(calls) else None

        following: dict[str, list[str | None]] = {}
        for number, call in enumerate(calls):
            after = str(number + 1) if number + 1 < len(calls) else None
            parameters = call["parameters"]
            match call["op"].text():
                case "_jump":
                    following[str(number)] = [target(parameters[0])]
                case "_jump_if_zero":
                    following[str(number)] = [after, target(parameters[1])]
                case _:
                    following[str(number)] = [after]

        def emit(w: Writer, name: str, state: None, goto: Goto[None]) -> None:
            call = calls[int(name)]
            following_here = following[name]
            if call["op"].value == "_jump_if_zero":
                with w.block(f"if {expressions.condition(call['parameters'][0])}"):
                    goto(w, following_here[0], None)
                with w.block("else"):
                    goto(w, following_here[1], None)
                return
            if call["op"].value != "_jump":
                self.write(w, expressions, call)
            goto(w, following_here[0], None)

        # Actions are written inside controls, which have jumps of their own.
        inner = Writer()
        Flow(following, "0", emit, None, variable="j").write(inner, None)
        writer.extend(inner)

    def write(self, writer: Writer, expressions: Expressions, call: Node) -> None:
        """One primitive call: `{"op": …, "parameters": […]}`."""
        handler = self._registry.get(call["op"].text())
        if handler is None:
            raise call["op"].unsupported(f"the primitive {call['op'].value!r}")
        handler(writer, expressions, call["parameters"])

    # -- assignments -------------------------------------------------------------------------

    def _store(self, writer: Writer, expressions: Expressions, target: Node, value: Value) -> None:
        """Assign `value` to what `target` designates, wrapped to its width."""
        inner = target
        while inner.get("type").value == "expression":
            inner = inner["value"]
        if inner.get("type").value == "field":
            ref = self.program.field_ref(inner["value"])
            if ref[1] == "$valid$":
                raise inner.unsupported("assigning a header's validity")
            self._store_field(writer, ref, value)
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
                self._store_field(writer, (ref_header.headers[0], name), value)
            else:
                self._store_element(writer, ref_header.headers, ref_header.index, name, value)
            return
        raise inner.unsupported("assigning this")

    def _store_field(self, writer: Writer, ref: Ref, value: Value) -> None:
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
                self._store_field(writer, (header, name), Value("x", value.low, value.high))

    def _assign(self, writer: Writer, expressions: Expressions, p: Node) -> None:
        self._store(writer, expressions, p[0], expressions.value(p[1]))

    def _binary(
        self, writer: Writer, expressions: Expressions, p: Node, op: str, in_place: bool = False
    ) -> None:
        left = expressions.value(p[0] if in_place else p[1])
        right = expressions.value(p[1] if in_place else p[2])
        value = Value(f"({left.text} {op} {right.text})")
        self._store(writer, expressions, p[0], value)

    def _assign_varbit(self, writer: Writer, expressions: Expressions, p: Node) -> None:
        refs = [self.program.field_ref(_inner(node)["value"]) for node in (p[0], p[1])]
        self.phv.facts.link(refs[0][0], refs[1][0])
        self.phv.write(writer, refs[0], self.phv.read(refs[1]))

    def _assign_header(self, writer: Writer, expressions: Expressions, p: Node) -> None:
        target, source = expressions.header(p[0]), expressions.header(p[1])
        for origin, header in _choices(writer, source, "i"):
            for index, goal in _choices(writer, target, "k"):
                self._in_choice(writer, [origin, index], partial(self._copy, p, goal, header))

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

    @staticmethod
    def _in_choice(writer: Writer, conditions: list[str], body: Callable[[Writer], None]) -> None:
        text = " and ".join(c for c in conditions if c)
        if text:
            with writer.block(f"if {text}"):
                body(writer)
        else:
            body(writer)

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

    # -- headers -----------------------------------------------------------------------------

    def _each(self, writer: Writer, ref: HeaderRef, action: Callable[[Writer, str], None]) -> None:
        for condition, header in _choices(writer, ref, "i"):
            if condition:
                with writer.block(f"if {condition}"):
                    action(writer, header)
            else:
                action(writer, header)

    def _add_header(self, writer: Writer, expressions: Expressions, p: Node) -> None:
        self._each(writer, expressions.header(p[0]), self.phv.add)

    def _remove_header(self, writer: Writer, expressions: Expressions, p: Node) -> None:
        self._each(writer, expressions.header(p[0]), self.phv.remove)

    def _move(self, writer: Writer, expressions: Expressions, p: Node, sign: int) -> None:
        stack = expressions.stack(p[0])
        count = expressions.value(p[1])
        if count.low is None or count.low != count.high:
            raise p[1].unsupported("pushing or popping a number of headers that is not constant")
        if count.low:
            self.phv.move_stack(writer, stack, sign * count.low)

    # -- standard metadata -------------------------------------------------------------------

    def standard(self, name: str) -> Ref | None:
        """A standard metadata field by its simple_switch name; None when the program has none."""
        found = self.program.aliases.get(name)
        if found is not None:
            return found
        header, _, field = name.partition(".")
        home = self.program.headers.get(header)
        return (header, field) if home is not None and home.field(field) is not None else None

    def _drop(self, writer: Writer, expressions: Expressions, p: Node) -> None:
        spec = self.standard("standard_metadata.egress_spec")
        group = self.standard("intrinsic_metadata.mcast_grp")
        if spec is not None:
            self.phv.write(writer, spec, str(DROP_PORT))
        if group is not None:
            self.phv.write(writer, group, "0")

    def _exit(self, writer: Writer, expressions: Expressions, p: Node) -> None:
        if not self._in_control:
            raise p.unsupported("exit outside a control")
        self.phv.facts.features.add("exit")
        writer.line("break")

    # -- stateful objects --------------------------------------------------------------------

    def _array(self, node: Node, kind: str, home: dict[str, Array]) -> tuple[Array, str]:
        if node.value not in home:
            raise node.error(f"there is no {kind} {node.value!r}")
        return home[node.text()], self._arrays[f"{kind} {node.text()}"]

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

        self._in_choice(writer, [f"{index} < {array.size}" if check else ""], body)

    def _execute_meter(self, writer: Writer, expressions: Expressions, p: Node) -> None:
        array, name = self._array(p[0]["value"], "meter", self.program.meters)
        index, check = self._index(writer, expressions.value(p[1]), array.size)
        size = "ilen" if array.bytes else "1"

        def body(w: Writer) -> None:
            w.line(f"cell = {name}.get({index})")
            text = f"cell.installed.execute({size}, now) if cell is not None else 0"
            self._store(w, expressions, p[2], Value(text, 0, 2))

        self._in_choice(writer, [f"{index} < {array.size}" if check else ""], body)

    def _register_read(self, writer: Writer, expressions: Expressions, p: Node) -> None:
        array, name = self._array(p[1]["value"], "register", self.program.registers)
        index, check = self._index(writer, expressions.value(p[2]), array.size)
        value = Value(f"{name}[{index}]", *_range(array))

        def body(w: Writer) -> None:
            self._store(w, expressions, p[0], value)

        self._in_choice(writer, [f"{index} < {array.size}" if check else ""], body)

    def _register_write(self, writer: Writer, expressions: Expressions, p: Node) -> None:
        array, name = self._array(p[0]["value"], "register", self.program.registers)
        index, check = self._index(writer, expressions.value(p[1]), array.size)
        value = expressions.value(p[2])
        text = in_range(
            value.text, value.low, value.high, FieldType("", array.width, array.signed, False)
        )

        def body(w: Writer) -> None:
            w.line(f"{name}[{index}] = {text}")

        self._in_choice(writer, [f"{index} < {array.size}" if check else ""], body)

    def _register_cell(self, name_node: Node, index: Value) -> Value:
        array, name = self._array(name_node, "register", self.program.registers)
        return Value(
            f"({name}[{index.text}] if 0 <= {index.text} < {array.size} else 0)", *_range(array)
        )

    # -- numbers from elsewhere --------------------------------------------------------------

    def _random(self, writer: Writer, expressions: Expressions, p: Node) -> None:
        low, high = expressions.value(p[1]), expressions.value(p[2])
        writer.line(f"x = {low.text}")
        writer.line(f"y = {high.text}")
        with writer.block("if x <= y"):
            bounds = (low.low, high.high)
            self._store(writer, expressions, p[0], Value("randint(x, y)", *bounds))

    def _hash(self, writer: Writer, expressions: Expressions, p: Node) -> None:
        base, size = expressions.value(p[1]), expressions.value(p[3])
        name = p[2]["value"].text()
        if name not in self.program.calculations:
            raise p[2]["value"].error(f"there is no calculation {name!r}")
        calculation = self.program.calculations[name]
        hashed = self.calculations.write(writer, calculation["algo"], calculation["input"])
        high = None
        if base.high is not None and size.high is not None:
            high = base.high + max(0, size.high - 1)
        text = f"{hashed} % ({size.text} or 1) + {base.text}"
        self._store(writer, expressions, p[0], Value(text, base.low, high))

    # -- packet paths ------------------------------------------------------------------------

    def _constant(self, expressions: Expressions, node: Node, what: str) -> int:
        value = expressions.value(node)
        if value.low is None or value.low != value.high:
            raise node.unsupported(f"{what} that is not constant")
        return value.low

    def _digest(self, writer: Writer, expressions: Expressions, p: Node) -> None:
        number = self._constant(expressions, p[1], "a digest")
        if number not in self.program.learn_lists:
            raise p[1].error(f"there is no learn list {number}")
        self.phv.facts.features.add("digest")
        writer.line(f"digest = {number}")

    def _field_list(self, expressions: Expressions, node: Node) -> int:
        number = self._constant(expressions, node, "a field list")
        if number and number not in self.program.field_lists:
            raise node.error(f"there is no field list {number}")
        return number

    def _clone(self, writer: Writer, expressions: Expressions, p: Node, kind: str) -> None:
        self.phv.facts.features.add(kind)
        session = expressions.value(p[0])
        number = self._field_list(expressions, p[1])
        self.phv.facts.features.add(f"{kind} {number}")
        writer.line(f"{kind} = ({session.text}, {number})")

    def _again(self, writer: Writer, expressions: Expressions, p: Node, kind: str) -> None:
        self.phv.facts.features.add(kind)
        number = self._field_list(expressions, p[0])
        self.phv.facts.features.add(f"{kind} {number}")
        writer.line(f"{kind} = {number}")

    def _truncate(self, writer: Writer, expressions: Expressions, p: Node) -> None:
        self.phv.facts.features.add("truncate")
        writer.line(f"limit = {expressions.value(p[0]).text}")

    # -- diagnostics -------------------------------------------------------------------------

    def _assert(self, writer: Writer, expressions: Expressions, p: Node) -> None:
        self.phv.namespace["AssertionFailure"] = AssertionFailure
        with writer.block(f"if not {expressions.condition(p[0])}"):
            writer.line(f"raise AssertionFailure({p.path!r})")

    def _log(self, writer: Writer, expressions: Expressions, p: Node) -> None:
        self.phv.namespace["program_log"] = program_log
        self.phv.namespace["log_text"] = _log_text
        template = p[0]["value"].text()
        values = [expressions.value(node).text for node in _items(p[1]["value"])]
        if template.count("{}") != len(values):
            raise p.error(f"log_msg has {len(values)} values for {template.count('{}')} places")
        arguments = ", ".join([repr(template), *values])
        writer.line(f"program_log.info(log_text({arguments}))")


def _range(array: Array) -> tuple[int, int]:
    if array.signed:
        return -(1 << (array.width - 1)), mask(array.width - 1)
    return 0, mask(array.width)


def _items(node: Node) -> list[Node]:
    """A parameters_vector (p4c writes an empty one as an object)."""
    return list(node) if node.value else []


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


def array_names(
    names: Names, counters: dict[str, Any], meters: dict[str, Any], registers: dict[str, Any]
) -> dict[str, str]:
    """Variables of the generated module for each array, by `kind name`."""
    given = {f"counter {name}": names("C", name) for name in counters}
    given |= {f"meter {name}": names("M", name) for name in meters}
    given |= {f"register {name}": names("R", name) for name in registers}
    return given
