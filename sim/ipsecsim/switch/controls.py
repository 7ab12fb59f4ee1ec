"""Match-action controls as Python: conditionals, table lookups and, in place, their actions."""

from __future__ import annotations

from dataclasses import dataclass

from .actions import Primitives
from .declarations import ActionCall, Conditional, Pipeline, Table
from .expressions import Value
from .flow import Flow, Goto
from .layout import mask
from .phv import Phv
from .writer import Writer

# In an entry's `installed` tuple the first item says what to do.
NO_ACTION = -1
"""Nothing (a miss without a default action, an empty group)."""
CHOOSE = -2
"""The second item is a group: choose(hash) gives the tuple of a member."""


@dataclass(frozen=True, slots=True)
class TableNames:
    """Variables of a table in the generated module: lookup structure and default entry."""

    lookup: str
    default: str


class Controls:
    """Writes a pipeline. `tables` are the variables by table name."""

    def __init__(self, phv: Phv, primitives: Primitives, tables: dict[str, TableNames]) -> None:
        self.phv = phv
        self.program = phv.program
        self._primitives = primitives
        self._tables = tables

    def write(self, writer: Writer, pipeline: Pipeline) -> None:
        if pipeline.init is None:
            return
        successors = {name: _successors(node) for name, node in pipeline.nodes.items()}

        def emit(w: Writer, name: str, state: None, goto: Goto[None]) -> None:
            match pipeline.nodes[name]:
                case Conditional() as node:
                    self._conditional(w, node, goto)
                case ActionCall() as node:
                    self._primitives.write_action(w, node.action, [])
                    goto(w, node.next, None)
                case Table() as node:
                    self._table(w, node, goto)

        Flow(successors, pipeline.init, emit, None).write(writer, None)

    def _conditional(self, w: Writer, node: Conditional, goto: Goto[None]) -> None:
        condition = self._primitives.expressions().condition(node.expression)
        with w.block(f"if {condition}"):
            goto(w, node.true_next, None)
        with w.block("else"):
            goto(w, node.false_next, None)

    # -- tables ------------------------------------------------------------------------------

    def _table(self, w: Writer, table: Table, goto: Goto[None]) -> None:
        if table.is_statement:
            # Most are statements that the compiler has wrapped into a table of their own.
            action = table.default_action
            if action is not None:
                data = [Value(f"{v:#x}", v, v) for v in table.default_data]
                self._primitives.write_action(w, action, data)
            goto(w, _successors(table)[0], None)
            return
        names = self._tables[table.name]
        if table.keys:
            w.line(f"e = {names.lookup}{self._key(table, names)}")
        else:
            w.line(f"e = {names.default}")
        if table.with_counters:
            w.line("e.packets += 1")
            w.line("e.bytes += ilen")
        if table.support_timeout:
            w.line("e.last_hit = now")
        w.line("r = e.installed")
        if table.profile is not None and self.program.profiles[table.profile].selector is not None:
            self._choose(w, table)
        if table.direct_meter is not None:
            self._direct_meter(w, table, names)
        by_action = table.next_by_action
        following = _successors(table)
        if by_action is None and len(following) > 1:
            # Actions may use e and r for themselves: remember the outcome first.
            w.line(f"hit = e is not {names.default}")
        self._actions(w, table, goto if by_action is not None else None)
        if by_action is None:
            if len(following) == 1:
                goto(w, following[0], None)
            else:
                with w.block("if hit"):
                    goto(w, table.next_hit, None)
                with w.block("else"):
                    goto(w, table.next_miss, None)

    def _key(self, table: Table, names: TableNames) -> str:
        """The lookup: `.get(key, default)` in a dict of exact entries, else `[key]`.

        Exact and LPM tables are keyed by the tuple of field values (or the one value); ternary and
        range tables by all fields side by side in one number.
        """
        texts = []
        widths = []
        for key in table.keys:
            text = self.phv.key(key.field)
            width = 1 if key.field[1] == "$valid$" else self.phv.type_of(key.field).width
            if key.mask is not None and key.mask & mask(width) != mask(width):
                text = f"({text} & {key.mask & mask(width):#x})"
            if key.field[1] != "$valid$" and self.phv.type_of(key.field).signed:
                text = f"({text} & {mask(width):#x})"
            texts.append(text)
            widths.append(width)
        kinds = {key.kind for key in table.keys}
        if kinds <= {"exact", "valid"}:
            return f".get({_tuple(texts)}, {names.default})"
        if kinds <= {"exact", "valid", "lpm"}:
            return f"[{_tuple(texts)}]"
        left = sum(widths)
        terms = []
        for text, width in zip(texts, widths, strict=True):
            left -= width
            terms.append(f"{text} << {left}" if left else text)
        return f"[{' | '.join(terms)}]"

    def _choose(self, w: Writer, table: Table) -> None:
        assert table.profile is not None
        selector = self.program.profiles[table.profile].selector
        assert selector is not None
        with w.block(f"if r[0] == {CHOOSE}"):
            text = self._primitives.calculations.write(w, selector["algo"], selector["input"])
            w.line(f"r = r[1].choose({text})")

    def _direct_meter(self, w: Writer, table: Table, names: TableNames) -> None:
        assert table.direct_meter is not None
        meter = self.program.meters.get(table.direct_meter)
        if meter is None or meter.target is None:
            raise table.node["direct_meters"].error(
                f"there is no direct meter {table.direct_meter!r}"
            )
        spec = self.phv.type_of(meter.target)
        size = "ilen" if meter.bytes else "1"
        with w.block(f"if e is not {names.default}"):
            colour = Writer()
            self.phv.write(colour, meter.target, f"e.meter_state.execute({size}, now)")
            w.extend(colour)
        if spec.width < 2:
            raise table.node["direct_meters"].unsupported("a meter result narrower than 2 bits")

    def _actions(self, w: Writer, table: Table, goto: Goto[None] | None) -> None:
        """Dispatch on the entry's action; with `goto`, continue there by action."""
        w.line("k = r[0]")
        everything = list(range(len(table.actions)))
        if goto is None:
            self._dispatch(w, table, everything)
            return
        ends: dict[str | None, list[int]] = {end: [] for end in _successors(table)}
        for number in everything:
            ends[_end(table, number)].append(number)
        if len(ends) == 1:
            self._dispatch(w, table, everything)
            goto(w, next(iter(ends)), None)
            return
        # The end for no action at all is the last: it needs no question.
        *others, last = sorted(ends, key=lambda end: end == table.base_next)
        for position, end in enumerate(others):
            numbers = ends[end]
            question = f"k == {numbers[0]}" if len(numbers) == 1 else f"k in {_tuple_of(numbers)}"
            with w.block(f"{'elif' if position else 'if'} {question}"):
                self._dispatch(w, table, numbers)
                goto(w, end, None)
        with w.block("else"):
            self._dispatch(w, table, ends[last])
            goto(w, last, None)

    def _dispatch(self, w: Writer, table: Table, numbers: list[int]) -> None:
        first = True
        for number in numbers:
            body = Writer()
            self._body(body, table, number)
            if body.lines:
                with w.block(f"{'if' if first else 'elif'} k == {number}"):
                    w.extend(body)
                first = False

    def _body(self, w: Writer, table: Table, number: int) -> None:
        action = table.actions[number]
        arguments = [Value(f"a{i}", 0, mask(width)) for i, (_, width) in enumerate(action.params)]
        body = Writer()
        self._primitives.write_action(body, action, arguments)
        if body.lines and arguments:
            w.line(f"_, {', '.join(a.text for a in arguments)} = r")
        w.extend(body)


def _end(table: Table, number: int) -> str | None:
    assert table.next_by_action is not None
    return table.next_by_action.get(table.actions[number].name, table.base_next)


def _successors(node: Table | Conditional | ActionCall) -> list[str | None]:
    """Where a node may continue, each place once, except for conditionals."""
    match node:
        case Conditional():
            return [node.true_next, node.false_next]
        case ActionCall():
            return [node.next]
        case Table(next_by_action=None):
            if node.is_statement:
                return [node.next_miss]
            return list(dict.fromkeys([node.next_hit, node.next_miss]))
    if node.is_statement:
        name = node.default_action.name if node.default_action else ""
        return [(node.next_by_action or {}).get(name, node.base_next)]
    ends = [_end(node, number) for number in range(len(node.actions))]
    return list(dict.fromkeys([*ends, node.base_next]))


def _tuple(texts: list[str]) -> str:
    return texts[0] if len(texts) == 1 else f"({', '.join(texts)})"


def _tuple_of(numbers: list[int]) -> str:
    return f"({', '.join(map(str, numbers))},)"
