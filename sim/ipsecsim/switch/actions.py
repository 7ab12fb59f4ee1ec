"""Actions: bmv2's primitives as statements.

Parameters are checked here, when the program is loaded; nothing can go wrong at a packet.
"""

from __future__ import annotations

import logging

from .assignments import Assignments, Handler
from .calculations import Calculations
from .declarations import Action
from .errors import AssertionFailure
from .expressions import Expressions, Value
from .flow import Flow, Goto
from .jsonpath import Node
from .paths import Paths
from .phv import Phv
from .stateful import Stateful
from .writer import Writer

program_log = logging.getLogger("ipsecsim.switch.program")
"""What P4 programs say with log_msg."""


def _log_text(template: str, *values: int) -> str:
    for value in values:
        template = template.replace("{}", str(value), 1)
    return template


class Primitives:
    """Compiles actions and primitive calls. `arrays` are the variables of stateful objects."""

    def __init__(self, phv: Phv, arrays: dict[str, str], in_control: bool) -> None:
        self.phv = phv
        self.program = phv.program
        self.calculations = Calculations(phv)
        self.assignments = Assignments(phv)
        self.stateful = Stateful(phv, arrays, self.assignments)
        self._paths = Paths(phv, in_control)
        self._handlers: dict[str, Handler] = {
            **self.assignments.handlers,
            **self.stateful.handlers,
            **self._paths.handlers,
            "no_op": lambda writer, expressions, parameters: None,
            "modify_field_rng_uniform": self._random,
            "modify_field_with_hash_based_offset": self._hash,
            "assert": self._assert,
            "assume": self._assert,
            "log_msg": self._log,
        }

    def expressions(self, locals_: list[Value] | None = None) -> Expressions:
        return Expressions(self.phv, self.stateful.register_cell, locals_)

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
        flow = Flow(following, "0", emit, None, variable="j")
        self._paths.in_loop = flow.loops
        flow.write(inner, None)
        self._paths.in_loop = False
        writer.extend(inner)

    def write(self, writer: Writer, expressions: Expressions, call: Node) -> None:
        """One primitive call: `{"op": …, "parameters": […]}`."""
        handler = self._handlers.get(call["op"].text())
        if handler is None:
            raise call["op"].unsupported(f"the primitive {call['op'].value!r}")
        handler(writer, expressions, call["parameters"])

    def _random(self, writer: Writer, expressions: Expressions, p: Node) -> None:
        low, high = expressions.value(p[1]), expressions.value(p[2])
        writer.line(f"x = {low.text}")
        writer.line(f"y = {high.text}")
        with writer.block("if x <= y"):
            bounds = (low.low, high.high)
            self.assignments.store(writer, expressions, p[0], Value("randint(x, y)", *bounds))

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
        self.assignments.store(writer, expressions, p[0], Value(text, base.low, high))

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


def _items(node: Node) -> list[Node]:
    """A parameters_vector (p4c writes an empty one as an object)."""
    return list(node) if node.value else []
