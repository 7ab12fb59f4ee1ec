"""Primitives that decide where a packet goes: drop, exit, clone, digest, resubmit, recirculate.

They only note what was asked for, in local variables; the architecture (v1model) does it at the end
of the control.
"""

from __future__ import annotations

from functools import partial

from .assignments import Handler
from .expressions import Expressions
from .jsonpath import Node
from .phv import Phv, Ref
from .writer import Writer

DROP_PORT = 511


def standard_field(phv: Phv, name: str) -> Ref | None:
    """A standard metadata field by its simple_switch name (`intrinsic_metadata.mcast_grp`).

    None when the program has none.
    """
    found = phv.program.aliases.get(name)
    if found is not None:
        return found
    header, _, field = name.partition(".")
    home = phv.program.headers.get(header)
    return (header, field) if home is not None and home.field(field) is not None else None


class Paths:
    """`in_control` is false in parsers and deparsers, which cannot exit.

    `in_loop` is true while an action is written whose jumps form a loop: there `exit` cannot be a
    `break` out of the control.
    """

    def __init__(self, phv: Phv, in_control: bool) -> None:
        self.phv = phv
        self.program = phv.program
        self._in_control = in_control
        self.in_loop = False
        self.handlers: dict[str, Handler] = {
            "drop": self._drop,
            "mark_to_drop": self._drop,
            "exit": self._exit,
            "generate_digest": self._digest,
            "clone_ingress_pkt_to_egress": partial(self._clone, "clone_i2e"),
            "clone_egress_pkt_to_egress": partial(self._clone, "clone_e2e"),
            "resubmit": partial(self._again, "resubmit"),
            "recirculate": partial(self._again, "recirculate"),
            "truncate": self._truncate,
        }

    def _drop(self, writer: Writer, expressions: Expressions, p: Node) -> None:
        spec = standard_field(self.phv, "standard_metadata.egress_spec")
        group = standard_field(self.phv, "intrinsic_metadata.mcast_grp")
        if spec is not None:
            self.phv.write(writer, spec, str(DROP_PORT))
        if group is not None:
            self.phv.write(writer, group, "0")

    def _exit(self, writer: Writer, expressions: Expressions, p: Node) -> None:
        if not self._in_control:
            raise p.unsupported("exit outside a control")
        if self.in_loop:
            self.phv.facts.features.add("exit from a loop")
            writer.line("raise Exit")
            return
        self.phv.facts.features.add("exit")
        writer.line("break")

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

    def _clone(self, kind: str, writer: Writer, expressions: Expressions, p: Node) -> None:
        self.phv.facts.features.add(kind)
        session = expressions.value(p[0])
        number = self._field_list(expressions, p[1])
        self.phv.facts.features.add(f"{kind} {number}")
        writer.line(f"{kind} = ({session.text}, {number})")

    def _again(self, kind: str, writer: Writer, expressions: Expressions, p: Node) -> None:
        self.phv.facts.features.add(kind)
        number = self._field_list(expressions, p[0])
        self.phv.facts.features.add(f"{kind} {number}")
        writer.line(f"{kind} = {number}")

    def _truncate(self, writer: Writer, expressions: Expressions, p: Node) -> None:
        self.phv.facts.features.add("truncate")
        writer.line(f"limit = {expressions.value(p[0]).text}")
