"""P4 expressions as Python expressions.

bmv2 evaluates with unlimited precision and wraps when a field is assigned; Python's ints do the
same. Each compiled expression carries the range of its value, so that a wrap that cannot change
anything is left out.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from .jsonpath import Node
from .layout import mask
from .phv import VALID, Phv


@dataclass(frozen=True, slots=True)
class Value:
    """An integer expression with its range (None: unbounded)."""

    text: str
    low: int | None = None
    high: int | None = None


@dataclass(frozen=True, slots=True)
class Condition:
    """A boolean expression; its value is only good for its truth."""

    text: str


@dataclass(frozen=True, slots=True)
class HeaderRef:
    """A header known when compiling (one choice), or a stack element chosen by a value."""

    headers: tuple[str, ...]
    index: Value | None = None


@dataclass(frozen=True, slots=True)
class StackRef:
    name: str


@dataclass(frozen=True, slots=True)
class UnionRef:
    unions: tuple[str, ...]
    index: Value | None = None


Compiled = Value | Condition | HeaderRef | StackRef | UnionRef

_COMPARE = {"==", "!=", "<", ">", "<=", ">="}


class Expressions:
    """Compiles expressions over `phv`.

    `locals_` are the variables of an action's parameters (text and width), `lookahead` compiles
    one (parsers only), `register` reads a register cell (name, index).
    """

    def __init__(
        self,
        phv: Phv,
        register: Callable[[Node, Value], Value],
        locals_: list[Value] | None = None,
        lookahead: Callable[[Node], Value] | None = None,
    ) -> None:
        self._phv = phv
        self._register = register
        self._locals = locals_ or []
        self._lookahead = lookahead

    # -- typed entry points ------------------------------------------------------------------

    def value(self, node: Node) -> Value:
        compiled = self.compile(node)
        if isinstance(compiled, Condition):
            return Value(f"(1 if {compiled.text} else 0)", 0, 1)
        if not isinstance(compiled, Value):
            raise node.error("is not a value")
        return compiled

    def condition(self, node: Node) -> str:
        compiled = self.compile(node)
        if isinstance(compiled, Value):
            return compiled.text
        if not isinstance(compiled, Condition):
            raise node.error("is not a condition")
        return compiled.text

    def header(self, node: Node) -> HeaderRef:
        compiled = self.compile(node)
        if not isinstance(compiled, HeaderRef):
            raise node.error("is not a header")
        return compiled

    def stack(self, node: Node) -> str:
        compiled = self.compile(node)
        if not isinstance(compiled, StackRef):
            raise node.error("is not a header stack")
        return compiled.name

    # -- compilation -------------------------------------------------------------------------

    def compile(self, node: Node) -> Compiled:
        """A `{"type": …, "value": …}` object, or a bare `{"op": …}`."""
        program = self._phv.program
        if node.get("op"):
            return self._operation(node)
        kind = node["type"].text()
        value = node["value"]
        match kind:
            case "expression":
                return self.compile(value)
            case "hexstr":
                number = value.hexadecimal()
                text = f"{number:#x}" if number > 9 else str(number)
                return Value(text if number >= 0 else f"({number})", number, number)
            case "bool":
                return Condition("True" if value.flag() else "False")
            case "field":
                return self._field(program.field_ref(value))
            case "local" | "runtime_data":
                index = value.number()
                if index >= len(self._locals):
                    raise value.error(f"the action has no parameter {index}")
                return self._locals[index]
            case "header":
                return HeaderRef((program.header(value).name,))
            case "header_stack":
                return StackRef(_known(program.stacks, value, "header stack"))
            case "header_union":
                return UnionRef((_known(program.unions, value, "header union"),))
            case "header_union_stack":
                return StackRef(_known(program.union_stacks, value, "header union stack"))
            case "stack_field":
                return self._last(value)
            case "register":
                return self._register(value[0], self.value(value[1]))
            case "lookahead" if self._lookahead is not None:
                return self._lookahead(value)
        raise node["type"].unsupported(f"an operand of type {kind!r}")

    def _field(self, ref: tuple[str, str]) -> Value:
        if ref[1] == VALID:
            return Value(self._phv.valid(ref[0]), 0, 1)
        spec = self._phv.type_of(ref)
        text = self._phv.read(ref)
        if spec.signed:
            return Value(text, -(1 << (spec.width - 1)), mask(spec.width - 1))
        return Value(text, 0, mask(spec.width))

    def _last(self, value: Node) -> Compiled:
        """A field of the last extracted element; named `last`, that element itself."""
        name = _known(self._phv.program.stacks, value[0], "header stack")
        headers = self._phv.program.stacks[name].headers
        if value[1].value == "last" and self._phv.program.headers[headers[0]].field("last") is None:
            return HeaderRef(headers, Value(f"{self._phv.next_index(name)} - 1"))
        return self.last_field(value)

    def last_field(self, value: Node) -> Value:
        """A field of the last extracted element of a stack."""
        name = _known(self._phv.program.stacks, value[0], "header stack")
        headers = self._phv.program.stacks[name].headers
        last = Value(f"{self._phv.next_index(name)} - 1")
        return self.element_field(headers, last, value[1])

    def element_field(self, headers: tuple[str, ...], index: Value, name: Node) -> Value:
        values = [self._field(self._existing(header, name)) for header in headers]
        return self._choose(values, index)

    def _existing(self, header: str, name: Node) -> tuple[str, str]:
        if self._phv.program.headers[header].field(name.text()) is None:
            raise name.error(f"header {header} has no field {name.value!r}")
        return header, name.text()

    def _choose(self, values: list[Value], index: Value) -> Value:
        """The value at `index`; 0 outside the stack, which P4 leaves undefined."""
        text = "0"
        for number in range(len(values) - 1, -1, -1):
            text = f"{values[number].text} if {index.text} == {number} else {text}"
        lows = [v.low for v in values if v.low is not None]
        highs = [v.high for v in values if v.high is not None]
        known = len(lows) == len(highs) == len(values)
        return (
            Value(f"({text})", min([0, *lows]), max([0, *highs])) if known else Value(f"({text})")
        )

    def _operation(self, node: Node) -> Compiled:
        op = node["op"].text()
        match op:
            case "+" | "-" | "*" | "&" | "|" | "^" | "<<" | ">>" | "/" | "%":
                return self._arithmetic(op, node)
            case "~":
                inner = self.value(node["right"])
                low = None if inner.high is None else ~inner.high
                high = None if inner.low is None else ~inner.low
                return Value(f"(~{inner.text})", low, high)
            case "and" | "or":
                left, right = self.condition(node["left"]), self.condition(node["right"])
                return Condition(f"({left} {op} {right})")
            case "not":
                return Condition(f"(not {self.condition(node['right'])})")
            case "==b" | "!=b":
                left, right = self.condition(node["left"]), self.condition(node["right"])
                return Condition(f"((not {left}) {op[:2]} (not {right}))")
            case "==h" | "!=h" | "==u" | "!=u":
                return self._compare_headers(node, op)
            case "d2b":
                return Condition(self.value(node["right"]).text)
            case "b2d":
                return Value(f"(1 if {self.condition(node['right'])} else 0)", 0, 1)
            case "valid":
                return self._valid(self.header(node["right"]))
            case "valid_union":
                return self._valid_union(node["right"])
            case "?":
                return self._ternary(node)
            case "two_comp_mod" | "sat_cast" | "usat_cast":
                return self._cast(op, node)
            case "dereference_header_stack" | "dereference_stack" | "dereference_union_stack":
                return self._element(node)
            case "access_field":
                return self._access_field(node)
            case "access_union_header":
                return self._access_member(node)
            case "last_stack_index" | "size_stack":
                stack = self.stack(node["right"])
                program = self._phv.program
                home = program.stacks.get(stack)
                size = len(home.headers if home else program.union_stacks[stack].unions)
                count = self._phv.next_index(stack)
                if op == "size_stack":
                    return Value(count, 0, size)
                return Value(f"({count} - 1)", -1, size - 1)
            case _ if op in _COMPARE:
                left_value, right_value = self.value(node["left"]), self.value(node["right"])
                return Condition(f"({left_value.text} {op} {right_value.text})")
        raise node["op"].unsupported(f"the operation {op!r}")

    def _arithmetic(self, op: str, node: Node) -> Value:
        left = self.value(node["left"]) if node.get("left") else Value("0", 0, 0)
        right = self.value(node["right"])
        if op in ("/", "%"):
            name = "divide" if op == "/" else "modulo"
            return Value(f"{name}({left.text}, {right.text})")
        text = f"({left.text} {op} {right.text})"
        a, b, c, d = left.low, left.high, right.low, right.high
        if a is None or b is None or c is None or d is None:
            # Masking with a constant bounds anything.
            for side_low, side_high in ((a, b), (c, d)):
                if op == "&" and side_low is not None and side_low >= 0 and side_high is not None:
                    return Value(text, 0, side_high)
            return Value(text)
        match op:
            case "+":
                return Value(text, a + c, b + d)
            case "-":
                return Value(text, a - d, b - c)
            case "*":
                corners = (a * c, a * d, b * c, b * d)
                return Value(text, min(corners), max(corners))
            case "&":
                highs = [high for low, high in ((a, b), (c, d)) if low >= 0]
                return Value(text, 0, min(highs)) if highs else Value(text)
            case "|" | "^" if a >= 0 and c >= 0:
                return Value(text, 0, mask(max(b, d).bit_length()))
            case ">>" if a >= 0 and c >= 0:
                return Value(text, 0, b >> c)
            case "<<" if a >= 0 and c >= 0 and d <= 4096:
                return Value(text, 0, b << d)
        return Value(text)

    def _cast(self, op: str, node: Node) -> Value:
        source = self.value(node["left"])
        width = self.value(node["right"])
        if width.low is None or width.low != width.high:
            raise node["right"].unsupported(f"{op} to a width that is not constant")
        bits = width.low
        if op == "usat_cast":
            return Value(f"min(max({source.text}, 0), {mask(bits):#x})", 0, mask(bits))
        half = 1 << (bits - 1)
        if op == "sat_cast":
            return Value(f"min(max({source.text}, {-half}), {half - 1})", -half, half - 1)
        low, high = source.low, source.high
        if low is not None and high is not None and -half <= low and high < half:
            return source
        text = f"((({source.text} + {half:#x}) & {mask(bits):#x}) - {half:#x})"
        return Value(text, -half, half - 1)

    def _ternary(self, node: Node) -> Compiled:
        condition = self.condition(node["cond"])
        left, right = self.compile(node["left"]), self.compile(node["right"])
        if isinstance(left, Condition) and isinstance(right, Condition):
            return Condition(f"({left.text} if {condition} else {right.text})")
        one, other = self.value(node["left"]), self.value(node["right"])
        low = None if one.low is None or other.low is None else min(one.low, other.low)
        high = None if one.high is None or other.high is None else max(one.high, other.high)
        return Value(f"({one.text} if {condition} else {other.text})", low, high)

    # -- headers, stacks, unions -------------------------------------------------------------

    def _element(self, node: Node) -> HeaderRef | UnionRef:
        name = self.stack(node["left"])
        index = self.value(node["right"])
        program = self._phv.program
        is_union = name in program.union_stacks
        items = program.union_stacks[name].unions if is_union else program.stacks[name].headers
        if index.low is not None and index.low == index.high:
            if not 0 <= index.low < len(items):
                raise node["right"].error(f"index {index.low} is outside stack {name}")
            items, constant = (items[index.low],), True
        else:
            constant = False
        chosen = None if constant else index
        return UnionRef(items, chosen) if is_union else HeaderRef(items, chosen)

    def access(self, node: Node) -> tuple[HeaderRef, str]:
        """The header and the field name that an `access_field` operation designates."""
        ref = self.header(node["left"])
        offset = node["right"].value
        fields = self._phv.program.headers[ref.headers[0]].type.fields
        if not isinstance(offset, int) or not 0 <= offset < len(fields):
            raise node["right"].error("is not a field offset of the header")
        return ref, fields[offset].name

    def _access_field(self, node: Node) -> Value:
        ref, name = self.access(node)
        values = [self._field((header, name)) for header in ref.headers]
        return values[0] if ref.index is None else self._choose(values, ref.index)

    def _access_member(self, node: Node) -> HeaderRef:
        ref = self.compile(node["left"])
        if not isinstance(ref, UnionRef):
            raise node["left"].error("is not a header union")
        number = node["right"].number()
        unions = [self._phv.program.unions[name] for name in ref.unions]
        if number >= len(unions[0].headers):
            raise node["right"].error("is not a member of the header union")
        return HeaderRef(tuple(u.headers[number] for u in unions), ref.index)

    def _valid(self, ref: HeaderRef) -> Condition:
        flags = [Value(self._phv.valid(header), 0, 1) for header in ref.headers]
        if ref.index is None:
            return Condition(flags[0].text)
        return Condition(self._choose(flags, ref.index).text)

    def _valid_union(self, node: Node) -> Condition:
        ref = self.compile(node)
        if not isinstance(ref, UnionRef):
            raise node.error("is not a header union")
        flags = []
        for name in ref.unions:
            union = self._phv.program.unions[name]
            flags.append(Value(f"({' or '.join(self._phv.valid(h) for h in union.headers)})", 0, 1))
        return Condition(
            flags[0].text if ref.index is None else self._choose(flags, ref.index).text
        )

    def _compare_headers(self, node: Node, op: str) -> Condition:
        sides = [self.compile(node["left"]), self.compile(node["right"])]
        pairs: list[tuple[str, str]]
        one, other = sides
        if isinstance(one, HeaderRef) and isinstance(other, HeaderRef):
            if one.index is not None or other.index is not None:
                raise node.unsupported(
                    "comparing stack elements with an index that is not constant"
                )
            pairs = [(one.headers[0], other.headers[0])]
        elif isinstance(one, UnionRef) and isinstance(other, UnionRef):
            if one.index is not None or other.index is not None:
                raise node.unsupported(
                    "comparing stack elements with an index that is not constant"
                )
            unions = self._phv.program.unions
            pairs = list(
                zip(unions[one.unions[0]].headers, unions[other.unions[0]].headers, strict=True)
            )
        else:
            raise node.error("compares what are not two headers or two unions")
        terms = []
        for left, right in pairs:
            names = [f.name for f in self._phv.program.headers[left].type.fields]
            same = " and ".join(
                f"{self._phv.read((left, n))} == {self._phv.read((right, n))}" for n in names
            )
            valid = f"{self._phv.valid(left)} and {self._phv.valid(right)}"
            terms.append(f"({valid} and {same})" if same else f"({valid})")
        text = " or ".join(terms)
        return Condition(f"({text})" if op[0] == "=" else f"(not ({text}))")


def _known(home: dict[str, object] | object, node: Node, what: str) -> str:
    if not isinstance(home, dict) or node.key() not in home:
        raise node.error(f"there is no {what} {node.value!r}")
    return node.text()
