"""Parsers as Python.

The offset into `frame` is a constant as long as one path leads to a place; where paths meet, it is
in the variable `o`. At the end of the parser `o` is where the payload starts. An error raises
Reject after `o` was set to what had been parsed until then.
"""

from __future__ import annotations

from dataclasses import dataclass

from .actions import Primitives
from .declarations import Header
from .expressions import Expressions, Value
from .flow import Flow, Goto
from .jsonpath import Node
from .layout import mask
from .phv import Phv
from .writer import Writer


class Reject(Exception):
    """Parsing ended with an error; `code` is the program's number for it."""

    def __init__(self, code: int) -> None:
        super().__init__(code)
        self.code = code


@dataclass(frozen=True, slots=True)
class Offset:
    """Bytes from the start of the frame: a constant, or what `o` says (None)."""

    at: int | None

    def plus(self, bytes_: int) -> str:
        if self.at is not None:
            return str(self.at + bytes_)
        return f"o + {bytes_}" if bytes_ else "o"


class Parsers:
    """Writes a parser. `value_sets` are variables by value set name."""

    def __init__(self, phv: Phv, primitives: Primitives, value_sets: dict[str, str]) -> None:
        self.phv = phv
        self.program = phv.program
        self._primitives = primitives
        self._value_sets = value_sets
        phv.namespace["Reject"] = Reject

    def write(self, writer: Writer, parser: Node) -> None:
        states: dict[str, Node] = {}
        for state in parser["parse_states"]:
            states[state["name"].text()] = state
        entry = parser["init_state"].text()
        successors: dict[str, list[str | None]] = {}
        for name, state in states.items():
            following = [t["next_state"].name() for t in state["transitions"]]
            for target in following:
                if target is not None and target not in states:
                    raise state["transitions"].error(f"there is no state {target!r}")
            successors[name] = following if self._has_default(state) else [*following, None]
        if entry not in states:
            raise parser["init_state"].error(f"there is no state {entry!r}")

        def emit(w: Writer, name: str, offset: Offset, goto: Goto[Offset]) -> None:
            self._state(w, states[name], offset, goto)

        def flush(w: Writer, offset: Offset) -> None:
            if offset.at is not None:
                w.line(f"o = {offset.at}")

        Flow(successors, entry, emit, Offset(None), flush).write(writer, Offset(0))

    @staticmethod
    def _has_default(state: Node) -> bool:
        return any(t["type"].value == "default" for t in state["transitions"])

    def _state(self, w: Writer, state: Node, offset: Offset, goto: Goto[Offset]) -> None:
        for op in state["parser_ops"]:
            offset = self._operation(w, op, offset)
        self._transition(w, state, offset, goto)

    def _expressions(self, w: Writer, offset: Offset) -> Expressions:
        return Expressions(
            self.phv,
            self._primitives.stateful.register_cell,
            lookahead=lambda node: self._lookahead(w, node, offset),
        )

    # -- errors ------------------------------------------------------------------------------

    def _reject(self, w: Writer, condition: str, error: str, offset: Offset) -> None:
        with w.block(f"if {condition}"):
            if offset.at is not None:
                w.line(f"o = {offset.at}")
            w.line(f"raise Reject({self.program.errors[error]})")

    def _need(self, w: Writer, bytes_: int, offset: Offset) -> None:
        if bytes_:
            self._reject(w, f"n < {offset.plus(bytes_)}", "PacketTooShort", offset)

    # -- operations --------------------------------------------------------------------------

    def _operation(self, w: Writer, op: Node, offset: Offset) -> Offset:
        p = op["parameters"]
        match op["op"].text():
            case "extract":
                return self._extract(w, p, offset, None)
            case "extract_VL":
                return self._extract(w, p, offset, p[1])
            case "set":
                value = self._expressions(w, offset).value(p[1])
                self._primitives.assignments.store(w, self._expressions(w, offset), p[0], value)
            case "verify":
                expressions = self._expressions(w, offset)
                with w.block(f"if not {expressions.condition(p[0])}"):
                    if offset.at is not None:
                        w.line(f"o = {offset.at}")
                    w.line(f"raise Reject({expressions.value(p[1]).text})")
            case "shift":
                count = p[0].value if isinstance(p[0].value, int) else p[0].hexadecimal()
                self._need(w, count, offset)
                return self._moved(w, offset, count)
            case "advance":
                return self._advance(w, self._expressions(w, offset).value(p[0]), offset)
            case "primitive":
                call = p[0]
                self._primitives.write(w, self._expressions(w, offset), call)
            case other:
                raise op["op"].unsupported(f"the parser operation {other!r}")
        return offset

    @staticmethod
    def _moved(w: Writer, offset: Offset, bytes_: int) -> Offset:
        if offset.at is not None:
            return Offset(offset.at + bytes_)
        if bytes_:
            w.line(f"o += {bytes_}")
        return offset

    def _advance(self, w: Writer, bits: Value, offset: Offset) -> Offset:
        if bits.low is not None and bits.low == bits.high:
            if bits.low % 8:
                self._reject(w, "True", "ParserInvalidArgument", offset)
            self._need(w, bits.low // 8, offset)
            return self._moved(w, offset, bits.low // 8)
        w.line(f"x = {bits.text}")
        self._reject(w, "x & 7", "ParserInvalidArgument", offset)
        self._reject(w, f"n < {offset.plus(0)} + (x >> 3)", "PacketTooShort", offset)
        w.line(f"o = {offset.plus(0)} + (x >> 3)")
        return Offset(None)

    def _lookahead(self, w: Writer, node: Node, offset: Offset) -> Value:
        start, width = node[0].number(), node[1].number()
        first, end = start // 8, (start + width + 7) // 8
        self._need(w, end, offset)
        text = f"int.from_bytes(frame[{offset.plus(first)}:{offset.plus(end)}], 'big')"
        shift = 8 * end - start - width
        if shift:
            text = f"({text} >> {shift})"
        if start % 8:
            text = f"({text} & {mask(width):#x})"
        return Value(text, 0, mask(width))

    def _extract(self, w: Writer, p: Node, offset: Offset, length: Node | None) -> Offset:
        target = p[0]
        match target["type"].text():
            case "regular":
                whole = self.program.header(target["value"])
                if whole.metadata:
                    raise target["value"].error(f"{whole.name} is metadata: nothing to extract")
                return self._header(w, whole, offset, length)
            case "stack":
                stack = target["value"].text()
                if stack not in self.program.stacks:
                    raise target["value"].error(f"there is no header stack {stack!r}")
                choices = [(header,) for header in self.program.stacks[stack].headers]
            case "union_stack":
                stack = target["value"][0].text()
                if stack not in self.program.union_stacks:
                    raise target["value"][0].error(f"there is no header union stack {stack!r}")
                member = target["value"][1].text()
                unions = [self.program.unions[u] for u in self.program.union_stacks[stack].unions]
                if member not in unions[0].members:
                    raise target["value"][1].error(f"the union has no member {member!r}")
                number = unions[0].members.index(member)
                choices = [(u.headers[number],) for u in unions]
            case other:
                raise target["type"].unsupported(f"extraction to a {other!r}")
        count = self.phv.next_index(stack)
        self._reject(w, f"{count} >= {len(choices)}", "StackOutOfBounds", offset)
        # Which element it is, only the packet knows: the offset has to be in `o` after it.
        if offset.at is not None:
            w.line(f"o = {offset.at}")
            offset = Offset(None)
        for number, (header,) in enumerate(choices):
            with w.block(f"{'el' if number else ''}if {count} == {number}"):
                self._header(w, self.program.headers[header], offset, length)
        w.line(f"{count} += 1")
        return offset

    def _header(self, w: Writer, header: Header, offset: Offset, length: Node | None) -> Offset:
        phv = self.phv
        phv.facts.extracted.add(header.name)
        wanted = {f.name: phv.variable((header.name, f.name)) for f in phv.loads(header)}
        size = header.type.fixed_bits // 8
        varbit = header.type.varbit
        if varbit is None:
            self._need(w, size, offset)
            phv.layouts(header)[0].write_unpack(w, wanted, offset.plus(0))
            w.line(f"{phv.offset(header.name)} = {offset.plus(0)}")
            self._extracted(w, header)
            return self._moved(w, offset, size)
        first, second = phv.layouts(header)
        bits = (
            self._expressions(w, offset).value(length) if length is not None else Value("0", 0, 0)
        )
        w.line(f"x = {bits.text}")
        self._reject(w, "x & 7", "ParserInvalidArgument", offset)
        w.line("x >>= 3")
        start = offset.plus(0)
        # A negative length wraps in bmv2, which then finds the packet too short.
        self._reject(w, f"x < 0 or n < {start} + {size} + x", "PacketTooShort", offset)
        if header.type.max_length:
            limit = header.type.max_length - size
            self._reject(w, f"x > {limit}", "HeaderTooShort", offset)
        first.write_unpack(w, wanted, start)
        middle = offset.plus(first.size)
        if varbit.name in wanted:
            w.line(f"{wanted[varbit.name]} = frame[{middle}:{middle} + x]")
        if second is not None:
            second.write_unpack(w, wanted, f"{middle} + x")
        w.line(f"{phv.offset(header.name)} = {start}")
        w.line(f"o = {start} + {size} + x")
        w.line(f"{phv.end(header.name)} = o")
        self._extracted(w, header)
        return Offset(None)

    def _extracted(self, w: Writer, header: Header) -> None:
        self.phv.set_valid(w, header.name)
        if self.phv.is_written(header.name):
            w.line(f"{self.phv.changed(header.name)} = 0")

    # -- transitions -------------------------------------------------------------------------

    def _transition(self, w: Writer, state: Node, offset: Offset, goto: Goto[Offset]) -> None:
        key = list(state["transition_key"])
        cases = list(state["transitions"])
        values, widths = self._key(w, key, offset)
        depth = w.depth
        first = True
        for case in cases:
            target = case["next_state"].name()
            kind = case["type"].text()
            if kind == "default" or (condition := self._case(case, values, widths)) == "True":
                if first:
                    goto(w, target, offset)
                else:
                    with w.block("else"):
                        goto(w, target, offset)
                break
            with w.block(f"{'if' if first else 'elif'} {condition}"):
                goto(w, target, offset)
            first = False
        else:
            # No case matches: the packet is accepted as it is.
            if first:
                goto(w, None, offset)
            else:
                with w.block("else"):
                    goto(w, None, offset)
        assert w.depth == depth

    def _key(self, w: Writer, key: list[Node], offset: Offset) -> tuple[list[str], list[int]]:
        """The key's values as identifiers (or short expressions) and their widths."""
        values: list[str] = []
        widths: list[int] = []
        expressions = self._expressions(w, offset)
        for number, node in enumerate(key):
            kind = node["type"].text()
            if kind == "lookahead":
                value = self._lookahead(w, node["value"], offset)
                widths.append(node["value"][1].number())
            elif kind == "field":
                value = expressions.compile(node)  # type: ignore[assignment]
                ref = self.program.field_ref(node["value"])
                widths.append(1 if ref[1] == "$valid$" else self.phv.type_of(ref).width)
            elif kind == "stack_field":
                value = expressions.last_field(node["value"])
                stack = self.program.stacks[node["value"][0].text()]
                ref = (stack.headers[0], node["value"][1].text())
                widths.append(self.phv.type_of(ref).width)
            elif kind == "union_stack_field":
                value, width = self._union_stack_field(expressions, node["value"])
                widths.append(width)
            else:
                raise node["type"].unsupported(f"a transition key of type {kind!r}")
            text = value.text
            if not text.isidentifier():
                w.line(f"k{number} = {text}")
                text = f"k{number}"
            values.append(text)
        return values, widths

    def _union_stack_field(self, expressions: Expressions, node: Node) -> tuple[Value, int]:
        stack = node[0].text()
        if stack not in self.program.union_stacks:
            raise node[0].error(f"there is no header union stack {stack!r}")
        unions = [self.program.unions[u] for u in self.program.union_stacks[stack].unions]
        if node[1].key() not in unions[0].members:
            raise node[1].error(f"the union has no member {node[1].value!r}")
        number = unions[0].members.index(node[1].text())
        headers = tuple(u.headers[number] for u in unions)
        last = Value(f"{self.phv.next_index(stack)} - 1")
        value = expressions.element_field(headers, last, node[2])
        return value, self.phv.type_of((headers[0], node[2].text())).width

    def _case(self, case: Node, values: list[str], widths: list[int]) -> str:
        kind = case["type"].text()
        sizes = [(width + 7) // 8 for width in widths]
        mask_node = case.get("mask")
        masks = _split(mask_node, sizes) if mask_node else [mask(8 * size) for size in sizes]
        if kind == "parse_vset":
            name = case["value"].text()
            if name not in self._value_sets:
                raise case["value"].error(f"there is no value set {name!r} in the p4info")
            if mask_node and any(
                m & mask(width) != mask(width) for m, width in zip(masks, widths, strict=True)
            ):
                raise mask_node.unsupported("a masked value set")
            return f"{self._value_sets[name]}.contains(({', '.join(values)},))"
        if kind != "hexstr":
            raise case["type"].unsupported(f"a transition of type {kind!r}")
        wanted = _split(case["value"], sizes)
        terms = []
        for text, want, bits, width in zip(values, wanted, masks, widths, strict=True):
            bits &= mask(width)
            if bits == mask(width):
                terms.append(f"{text} == {want:#x}")
            elif bits:
                terms.append(f"{text} & {bits:#x} == {want & bits:#x}")
        return " and ".join(terms) or "True"


def _split(node: Node, sizes: list[int]) -> list[int]:
    """A concatenation of byte-padded fields as numbers."""
    number = node.hexadecimal()
    result = []
    left = sum(sizes)
    for size in sizes:
        left -= size
        result.append((number >> (8 * left)) & mask(8 * size))
    return result
