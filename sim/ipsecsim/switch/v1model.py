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

from .actions import DROP_PORT, Primitives, array_names
from .calculations import Calculations
from .controls import Controls, TableNames
from .expressions import Expressions
from .jsonpath import Node
from .layout import mask
from .parsers import Parsers
from .phv import Facts, Phv, Ref, in_range
from .program import Program, Table
from .writer import Names, Writer

NORMAL, INGRESS_CLONE, EGRESS_CLONE, RECIRCULATED, REPLICATED, RESUBMITTED = 0, 1, 2, 4, 5, 6
"""standard_metadata.instance_type."""

_STATE = re.compile(r"\b[fvocen]_\w+")


def _quotient(a: int, b: int) -> int:
    """Division as P4's, towards zero; 0 for a zero divisor, which P4 leaves undefined."""
    if b == 0:
        return 0
    return abs(a) // abs(b) * (1 if (a < 0) == (b < 0) else -1)


def _remainder(a: int, b: int) -> int:
    return a - b * _quotient(a, b)


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


class _Generator:
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

    # -- standard metadata -------------------------------------------------------------------

    def _standard(self, name: str) -> Ref | None:
        if "." not in name:
            name = f"standard_metadata.{name}"
        return self.primitives.standard(name)

    def _set(self, w: Writer, name: str, text: str, low: int | None, high: int | None) -> None:
        """Assign a standard metadata field, if the program has it (and reads it)."""
        ref = self._standard(name)
        if ref is not None:
            self.phv.write(w, ref, in_range(text, low, high, self.phv.type_of(ref)))

    def _get(self, name: str) -> str | None:
        ref = self._standard(name)
        return self.phv.read(ref) if ref is not None else None

    def _time(self, w: Writer, name: str) -> None:
        ref = self._standard(name)
        if ref is not None and self.phv.is_read(ref):
            self._set(w, name, "int(now * 1000000)", None, None)

    # -- field lists -------------------------------------------------------------------------

    def _lists(self, kind: str) -> list[int]:
        """The field lists used with clone_i2e, clone_e2e, resubmit or recirculate."""
        features = self.phv.known.features if self.phv.known else self.phv.facts.features
        numbers = [f.rpartition(" ")[2] for f in features if f.startswith(f"{kind} ")]
        return sorted(int(n) for n in numbers)

    def _keep(self, w: Writer, kind: str, number: str) -> None:
        """`kept` = the values of the field list whose number is in the variable `number`."""
        w.line("kept = None")
        for one in self._lists(kind):
            refs = self.program.field_lists.get(one, [])
            if refs:
                values = ", ".join(self.phv.read(ref) for ref in refs)
                with w.block(f"if {number} == {one}"):
                    w.line(f"kept = ({one}, ({values},))")

    def _restore(self, w: Writer, kinds: tuple[str, ...]) -> None:
        """Assign the fields in `kept`."""
        numbers = sorted({n for kind in kinds for n in self._lists(kind)})
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

    def _control(self, w: Writer, name: str) -> None:
        """A control; `exit` leaves the loop that is around it then."""
        before = "exit" in self.phv.facts.features
        self.phv.facts.features.discard("exit")
        body = Writer()
        primitives = Primitives(self.phv, self.arrays, in_control=True)
        Controls(self.phv, primitives, self.tables).write(body, self.program.pipelines[name])
        if "exit" in self.phv.facts.features:
            with w.block("while True"):
                w.extend(body)
                w.line("break")
        else:
            w.extend(body)
        if before:
            self.phv.facts.features.add("exit")

    def _parse(self, w: Writer) -> None:
        """Parser and checksum verification; parser_error and checksum_error are set."""
        w.line("error = 0")
        w.line("o = 0")
        with w.block("try"):
            Parsers(self.phv, self.primitives, self.value_sets).write(w, self.parser)
        with w.block("except Reject as reject"):
            w.line("error = reject.code")
        self._set(w, "parser_error", "error", None, None)
        checks = [c for c in self.program.checksums if c.verify]
        flag = self._standard("checksum_error")
        if flag is not None and self.phv.is_read(flag):
            self.phv.write(w, flag, "0")
            for check in checks:
                self._verify(w, check.target, check.condition, check.calculation, flag)

    def _expressions(self) -> Expressions:
        return self.primitives.expressions()

    def _verify(
        self, w: Writer, target: Ref, condition: Node | None, calculation: str, flag: Ref
    ) -> None:
        terms = []
        if self.phv.valid(target[0]) != "1":
            terms.append(self.phv.valid(target[0]))
        if condition is not None:
            text = self._expressions().condition(condition)
            if text not in terms:
                terms.append(text)
        with w.block(f"if {' and '.join(terms) or 'True'}"):
            node = self.program.calculations[calculation]
            computed = self.calculations.write(w, node["algo"], node["input"])
            spec = self.phv.type_of(target)
            with w.block(f"if {self.phv.read(target)} != {computed} & {mask(spec.width):#x}"):
                self.phv.write(w, flag, "1")

    def _ingress(self, module: Writer) -> None:
        body = Writer()
        self._set(body, "ingress_port", "port", 0, 511)
        self._set(body, "packet_length", "length", 0, mask(32))
        self._set(body, "instance_type", "kind", 0, 6)
        stamp = Writer()
        self._time(stamp, "intrinsic_metadata.ingress_global_timestamp")
        if stamp.lines:
            with body.block("if kind == 0"):
                body.extend(stamp)
        self._restore(body, ("resubmit", "recirculate"))
        body.line("n = len(frame)")
        body.line("plen = length")
        for name in ("clone_i2e", "digest", "resubmit"):
            if self.phv.has(name):
                body.line(f"{name} = None")
        body.line("limit = None")
        self._parse(body)
        self._control(body, "ingress")
        self._after_ingress(body)
        parameters = "out, again, frame, port, kind, now, length, ilen, kept"
        with module.block(f"def ingress({parameters})"):
            self._initialise(module, body)
            module.extend(body)

    def _initialise(self, w: Writer, body: Writer) -> None:
        """Zero for every variable of the packet's state that this function mentions."""
        names = sorted({name for line in body.lines for name in _STATE.findall(line)})
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

    def _after_ingress(self, w: Writer) -> None:
        if self.phv.has("clone_i2e"):
            with w.block("if clone_i2e is not None"):
                w.line("session, number = clone_i2e")
                self._keep(w, "clone_i2e", "number")
                w.line("most, copies = sessions.get(session & 0x7fff, NO_SESSION)")
                with w.block("for eport, rid in copies"):
                    w.line(
                        "clone_i2e_packet"
                        "(out, again, frame, now, length, ilen, port, eport, rid, most, kept)"
                    )
        if self.phv.has("digest"):
            with w.block("if digest is not None"):
                for number, learn in self.program.learn_lists.items():
                    values = ", ".join(
                        self._expressions().value(node).text for node in learn.elements
                    )
                    with w.block(f"if digest == {number}"):
                        w.line(f"learn({learn.name!r}, ({values},), now)")
        if self.phv.has("resubmit"):
            with w.block("if resubmit is not None"):
                self._keep(w, "resubmit", "resubmit")
                w.line(f"again.append((frame, 0, {RESUBMITTED}, ilen, kept))")
                w.line("return")
        group = self._get("intrinsic_metadata.mcast_grp")
        if group is not None:
            with w.block(f"if {group}"):
                with w.block(f"for eport, rid in groups.get({group}, ())"):
                    self._call_egress(w, REPLICATED, "eport", "rid", "limit")
                w.line("return")
        spec = self._get("egress_spec")
        if spec is None:
            raise self.program.root["headers"].error(
                "the program has no standard_metadata.egress_spec"
            )
        with w.block(f"if {spec} == {DROP_PORT}"):
            w.line("return")
        w.line(f"eport = {spec}")
        self._call_egress(w, NORMAL, "eport", None, "limit")

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
            ref = self._standard(name)
            if ref is not None and text is not None:
                values[self.phv.variable(ref)] = text
        arguments = ", ".join(values.get(name, name) for name in self.state)
        w.line(f"egress(out, again, frame, o, plen, ilen, now, {limit}, {arguments})")

    def _clone_i2e(self, module: Writer) -> None:
        body = Writer()
        body.line("n = len(frame)")
        body.line("plen = length")
        self._set(body, "ingress_port", "port", 0, 511)
        self._parse(body)
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
        self._restore(body, ("clone_i2e",))
        self._call_egress(body, INGRESS_CLONE, "eport", "rid", "limit")
        parameters = "out, again, frame, now, length, ilen, port, eport, rid, limit, kept"
        with module.block(f"def clone_i2e_packet({parameters})"):
            self._initialise(module, body)
            module.extend(body)

    # -- egress ------------------------------------------------------------------------------

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
            self._set(w, name, text, None, None)
            own.add(name)
        for name in (
            "intrinsic_metadata.egress_global_timestamp",
            "queueing_metadata.enq_timestamp",
        ):
            self._time(w, name)
            own.add(name)
        for name in ("clone_e2e", "recirculate"):
            if self.phv.has(name):
                w.line(f"{name} = None")
        self._control(w, "egress")
        after = Writer()
        self._after_egress(after)
        owned = {self.phv.variable(ref) for ref in map(self._standard, own) if ref is not None}
        text = "\n".join([*w.lines, *after.lines])
        state = sorted(set(_STATE.findall(text)) - owned)
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
            ref = self._standard(name)
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
                for one in self._lists("clone_e2e"):
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
        with w.block(f"if {self._get('egress_spec')} == {DROP_PORT}"):
            w.line("return")
        for check in self.program.checksums:
            if check.update:
                self._update(w, check.target, check.condition, check.calculation)
        expressions = self._expressions()
        for call in self.deparser.get("primitives"):
            self.primitives.write(w, expressions, call)
        self._deparse(w)
        with w.block("if limit is not None"):
            w.line("data = data[:limit]")
        if self.phv.has("recirculate"):
            with w.block("if recirculate is not None"):
                self._keep(w, "recirculate", "recirculate")
                w.line(f"again.append((data, 0, {RECIRCULATED}, len(data), kept))")
                w.line("return")
        w.line(f"out.append(({self._get('egress_port')}, data))")

    def _update(self, w: Writer, target: Ref, condition: Node | None, calculation: str) -> None:
        text = self._expressions().condition(condition) if condition is not None else "True"
        with w.block(f"if {text}"):
            node = self.program.calculations[calculation]
            computed = self.calculations.write(w, node["algo"], node["input"])
            spec = self.phv.type_of(target)
            w.line(f"x = {computed} & {mask(spec.width):#x}")
            # A right checksum is left alone, so that an unchanged header is sent as it came.
            with w.block(f"if {self.phv.read(target)} != x"):
                self.phv.write(w, target, "x")

    def _deparse(self, w: Writer) -> None:
        w.line("parts = []")
        for node in self.deparser["order"]:
            header = self.program.header(node)
            if not self.phv.is_extracted(header.name) and not self.phv.is_written(header.name):
                continue
            with w.block(f"if {self.phv.valid(header.name)}"):
                w.line(f"parts.append({self.phv.bytes_of(header)})")
        w.line("parts.append(frame[o:])")
        w.line("data = b''.join(parts)")


def _named(nodes: Node, name: str) -> Node:
    for node in nodes:
        if node["name"].value == name:
            return node
    raise nodes.error(f"there is no {name!r}")
