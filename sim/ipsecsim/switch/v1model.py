"""The v1model architecture around a program: what BMv2's simple_switch does between its blocks.

Two functions are generated, and a third one for programs that clone in ingress:

    ingress(out, again, frame, port, kind, now, length, ilen, kept)
        parser, checksum verification, ingress; then clone, digest, resubmit, multicast, unicast
    egress(out, again, frame, o, plen, ilen, now, limit, <state>)
        egress, clone, checksum update, deparser; appends (port, bytes) to `out`
    clone_i2e_packet(out, again, frame, now, length, ilen, port, eport, rid, limit, kept)
        an ingress clone: the original frame is parsed again and goes to egress

`length` is the packet's length, `ilen` the length that counters and meters count; `now` is in
seconds. The packet is sent up to `limit` bytes (None: whole). `kept` holds the field list of a
resubmitted, recirculated or cloned packet: None, or (list number, values). `<state>` are the
variables of Phv that egress and the deparser use. Resubmitted and recirculated packets are left in
`again` for the caller: (frame, port, kind, ilen, kept).
"""

from __future__ import annotations

import random
import re
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from .blocks import STATE, Blocks
from .controls import TableNames
from .jsonpath import Node
from .layout import mask
from .paths import DROP_PORT
from .phv import VALID
from .program import Program
from .writer import Writer

NORMAL, INGRESS_CLONE, EGRESS_CLONE, RECIRCULATED, REPLICATED, RESUBMITTED = 0, 1, 2, 4, 5, 6
"""standard_metadata.instance_type."""


@dataclass(slots=True)
class Code:
    """A generated module, before it is linked to its tables.

    `namespace` has constants already; the caller adds an object for each variable of the other
    attributes (tables, arrays, value sets), and:

        groups    multicast group → ((egress port, instance), …)
        sessions  clone session → (truncation length or None, ((egress port, instance), …))
        learn     learn(name, values, now) takes a digest

    then `link`s.
    """

    source: str
    namespace: dict[str, Any]
    tables: dict[str, TableNames]
    arrays: dict[str, str]
    value_sets: dict[str, str]
    features: set[str] = field(default_factory=set)

    def link(self) -> Callable[..., None]:
        """Compile and run the module; returns ingress."""
        exec(compile(self.source, "<generated from bmv2 JSON>", "exec"), self.namespace)
        function: Callable[..., None] = self.namespace["ingress"]
        return function


def generate(program: Program, value_sets: list[str], rng: random.Random) -> Code:
    """Python source for `program`. Raises UnsupportedError or ProgramError.

    `value_sets` are the names of the parser value sets; `rng` serves P4's random().
    """
    first = _Generator(program, None, value_sets, rng)
    first.write()
    first.phv.facts.settle()
    second = _Generator(program, first.phv.facts, value_sets, rng)
    return second.write()


class _Generator(Blocks):
    """The three functions, made of blocks."""

    state: list[str]
    """Variables that ingress hands to egress."""

    def write(self) -> Code:
        # Egress first: its text says which variables ingress has to hand over.
        body, state = self._egress_body()
        self.state = state
        module = Writer()
        with module.block(
            f"def egress(out, again, frame, o, plen, ilen, now, limit, {', '.join(state)})"
        ):
            module.extend(body)
        module.line("")
        self._ingress(module)
        if self.phv.has("clone_i2e"):
            module.line("")
            self._clone_i2e(module)
        return Code(
            module.source(),
            self.namespace,
            self.tables,
            self.arrays,
            self.value_sets,
            self.phv.facts.features,
        )

    def _ingress(self, module: Writer) -> None:
        body = Writer()
        self.set_standard(body, "ingress_port", "port", 0, 511)
        self.set_standard(body, "packet_length", "length", 0, mask(32))
        self.set_standard(body, "instance_type", "kind", 0, 6)
        stamp = Writer()
        self.set_time(stamp, "intrinsic_metadata.ingress_global_timestamp")
        if stamp.lines:
            with body.block("if kind == 0"):
                body.extend(stamp)
        self.restore_fields(body, ("resubmit", "recirculate"))
        body.line("n = len(frame)")
        body.line("plen = length")
        for name in ("clone_i2e", "digest", "resubmit"):
            if self.phv.has(name):
                body.line(f"{name} = None")
        body.line("limit = None")
        self.parse(body)
        self.control(body, "ingress")
        self._after_ingress(body)
        parameters = "out, again, frame, port, kind, now, length, ilen, kept"
        with module.block(f"def ingress({parameters})"):
            self.initialise(module, body)
            module.extend(body)

    def _after_ingress(self, w: Writer) -> None:
        if self.phv.has("clone_i2e"):
            with w.block("if clone_i2e is not None"):
                w.line("session, number = clone_i2e")
                self.keep_fields(w, "clone_i2e", "number")
                w.line("most, copies = sessions.get(session & 0x7fff, NO_SESSION)")
                with w.block("for eport, rid in copies"):
                    w.line(
                        "clone_i2e_packet"
                        "(out, again, frame, now, length, ilen, port, eport, rid, most, kept)"
                    )
        if self.phv.has("digest"):
            with w.block("if digest is not None"):
                for number, learn in self.program.learn_lists.items():
                    values = ", ".join(self._digest_value(node) for node in learn.elements)
                    with w.block(f"if digest == {number}"):
                        w.line(f"learn({learn.name!r}, ({values},), now)")
        if self.phv.has("resubmit"):
            with w.block("if resubmit is not None"):
                self.keep_fields(w, "resubmit", "resubmit")
                w.line(f"again.append((frame, 0, {RESUBMITTED}, ilen, kept))")
                w.line("return")
        group = self.get_standard("intrinsic_metadata.mcast_grp")
        if group is not None:
            with w.block(f"if {group}"):
                with w.block(f"for eport, rid in groups.get({group}, ())"):
                    self._call_egress(w, REPLICATED, "eport", "rid", "limit")
                w.line("return")
        spec = self.get_standard("egress_spec")
        if spec is None:
            raise self.program.root["headers"].error(
                "the program has no standard_metadata.egress_spec"
            )
        with w.block(f"if {spec} == {DROP_PORT}"):
            w.line("return")
        w.line(f"eport = {spec}")
        self._call_egress(w, NORMAL, "eport", None, "limit")

    def _digest_value(self, node: Node) -> str:
        """An element of a digest as an unsigned number."""
        if node["type"].value == "field":
            ref = self.program.field_ref(node["value"])
            if ref[1] != VALID and self.phv.type_of(ref).signed:
                return f"{self.phv.read(ref)} & {mask(self.phv.type_of(ref).width):#x}"
        return self.expressions().value(node).text

    def _call_egress(
        self, w: Writer, kind: int, eport: str, rid: str | None, limit: str = "None"
    ) -> None:
        """Hand the state over; the fields that say what became of the packet are set for it."""
        values: dict[str, str] = {}
        for name, text in (
            ("instance_type", str(kind)),
            ("egress_port", eport),
            ("intrinsic_metadata.egress_rid", rid),
        ):
            ref = self.standard(name)
            if ref is not None and text is not None:
                values[self.phv.variable(ref)] = text
        arguments = ", ".join(values.get(name, name) for name in self.state)
        w.line(f"egress(out, again, frame, o, plen, ilen, now, {limit}, {arguments})")

    def _clone_i2e(self, module: Writer) -> None:
        body = Writer()
        body.line("n = len(frame)")
        body.line("plen = length")
        self.set_standard(body, "ingress_port", "port", 0, 511)
        self.parse(body)
        # Only headers come from this second parse; metadata starts anew.
        metadata = {
            self.phv.variable((header.name, f.name))
            for header in self.program.headers.values()
            if header.metadata
            for f in header.type.fields
        }
        reset = sorted(name for name in self.state if name in metadata)
        if reset:
            body.line(" = ".join([*reset, "0"]))
        self.restore_fields(body, ("clone_i2e",))
        self._call_egress(body, INGRESS_CLONE, "eport", "rid", "limit")
        parameters = "out, again, frame, now, length, ilen, port, eport, rid, limit, kept"
        with module.block(f"def clone_i2e_packet({parameters})"):
            self.initialise(module, body)
            module.extend(body)

    def _egress_body(self) -> tuple[Writer, list[str]]:
        """The text of egress and the state variables it needs."""
        w = Writer()
        own: set[str] = set()
        for name, text in (
            # Any port but the drop port, as BMv2 does it: 512, which 9 bits make 0.
            ("egress_spec", str(DROP_PORT + 1)),
            ("packet_length", "plen"),
            ("queueing_metadata.enq_qdepth", "0"),
            ("queueing_metadata.deq_timedelta", "0"),
            ("queueing_metadata.deq_qdepth", "0"),
            ("queueing_metadata.qid", "0"),
        ):
            self.set_standard(w, name, text, None, None)
            own.add(name)
        for name in (
            "intrinsic_metadata.egress_global_timestamp",
            "queueing_metadata.enq_timestamp",
        ):
            self.set_time(w, name)
            own.add(name)
        for name in ("clone_e2e", "recirculate"):
            if self.phv.has(name):
                w.line(f"{name} = None")
        self.control(w, "egress")
        after = Writer()
        self._after_egress(after)
        owned = {self.phv.variable(ref) for ref in map(self.standard, own) if ref is not None}
        text = "\n".join([*w.lines, *after.lines])
        state = sorted(set(STATE.findall(text)) - owned)
        if self.phv.has("clone_e2e"):
            self._clone_e2e(w, state)
        w.extend(after)
        if re.search(r"\bn\b", text):
            w.lines.insert(0, "n = len(frame)")
        return w, state

    def _clone_e2e(self, w: Writer, state: list[str]) -> None:
        """Clones keep the headers as egress leaves them; of the metadata only a field list."""
        zero = {
            self.phv.variable((header.name, spec.name)): "0"
            for header in self.program.headers.values()
            if header.metadata
            for spec in header.type.fields
        }
        for name, text in (
            ("instance_type", str(EGRESS_CLONE)),
            ("egress_port", "eport"),
            ("intrinsic_metadata.egress_rid", "rid"),
        ):
            ref = self.standard(name)
            if ref is not None:
                zero[self.phv.variable(ref)] = text

        def call(kept: dict[str, str]) -> None:
            values = {**zero, **kept}
            arguments = ", ".join(values.get(name, name) for name in state)
            w.line(f"egress(out, again, frame, o, plen, ilen, now, most, {arguments})")

        with w.block("if clone_e2e is not None"):
            w.line("session, number = clone_e2e")
            w.line("most, copies = sessions.get(session & 0x7fff, NO_SESSION)")
            with w.block("for eport, rid in copies"):
                question = "if"
                for one in self.field_lists("clone_e2e"):
                    refs = self.program.field_lists.get(one, [])
                    if refs:
                        with w.block(f"{question} number == {one}"):
                            kept = {self.phv.variable(ref): self.phv.read(ref) for ref in refs}
                            call({k: v for k, v in kept.items() if k in state})
                        question = "elif"
                if question == "if":
                    call({})
                else:
                    with w.block("else"):
                        call({})

    def _after_egress(self, w: Writer) -> None:
        with w.block(f"if {self.get_standard('egress_spec')} == {DROP_PORT}"):
            w.line("return")
        for check in self.program.checksums:
            if check.update:
                self.update_checksum(w, check.target, check.condition, check.calculation)
        expressions = self.expressions()
        for call in self.deparser.get("primitives"):
            self.primitives.write(w, expressions, call)
        self.deparse(w)
        with w.block("if limit is not None"):
            w.line("data = data[:limit]")
        if self.phv.has("recirculate"):
            with w.block("if recirculate is not None"):
                self.keep_fields(w, "recirculate", "recirculate")
                w.line(f"again.append((data, 0, {RECIRCULATED}, len(data), kept))")
                w.line("return")
        w.line(f"out.append(({self.get_standard('egress_port')}, data))")
