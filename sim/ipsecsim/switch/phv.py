"""Where a packet's headers and metadata live in the generated code: in local variables.

    f_ipv4_ttl   a field, a Python int in its range (bytes for a varbit field)
    v_ipv4       1 when the header is valid
    o_ipv4       where it was extracted from: `frame[o_ipv4:…]` are its bytes while unchanged
    e_ipv4       where it ends there (headers with a varbit field)
    c_ipv4       1 when its fields changed, so that it has to be packed again
    n_vlan       how many elements of a header stack were extracted or pushed (`nextIndex`)

Code is generated twice. The first pass notes what the program does with each header (Facts); the
second leaves out what that makes unnecessary: fields nobody reads are not taken apart, headers
nobody changes are copied as they came.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

from .declarations import FieldType, Header
from .layout import Layout, mask, signed
from .program import Program
from .writer import Names, Writer

Ref = tuple[str, str]

VALID = "$valid$"


@dataclass(slots=True)
class Facts:
    """What a program does."""

    reads: set[Ref] = field(default_factory=set)
    written: set[str] = field(default_factory=set)
    """Headers whose fields change other than by extraction."""
    unsettled: set[str] = field(default_factory=set)
    """Headers that may hold field values while they are not valid."""
    extracted: set[str] = field(default_factory=set)
    features: set[str] = field(default_factory=set)
    links: dict[str, set[str]] = field(default_factory=dict)

    def link(self, one: str, other: str) -> None:
        """Values move from one header to the other."""
        self.links.setdefault(one, set()).add(other)
        self.links.setdefault(other, set()).add(one)

    def settle(self) -> None:
        """Let linked headers share their facts."""
        seen: set[str] = set()
        for start in list(self.links):
            if start in seen:
                continue
            group = [start]
            for header in group:
                group += [h for h in self.links[header] if h not in group]
            seen |= set(group)
            for facts in (self.written, self.unsettled):
                if facts & set(group):
                    facts |= set(group)
            fields = {name for header, name in self.reads if header in group}
            self.reads |= {(header, name) for header in group for name in fields}


class Phv:
    """Variables for the headers of `program`; `known` are the facts of the first pass."""

    def __init__(self, program: Program, known: Facts | None, namespace: dict[str, Any]) -> None:
        self.program = program
        self.known = known
        self.facts = Facts()
        self.namespace = namespace
        self._names = Names()
        self._layouts: dict[str, tuple[Layout, Layout | None]] = {}
        self._overlay: dict[Ref, str] = {}

    # -- names -------------------------------------------------------------------------------

    def type_of(self, ref: Ref) -> FieldType:
        found = self.program.headers[ref[0]].field(ref[1])
        assert found is not None
        return found

    def read(self, ref: Ref) -> str:
        """The variable of a field that is read (validity for `$valid$`)."""
        if ref[1] == VALID:
            return self.valid(ref[0])
        self.facts.reads.add(ref)
        return self._overlay.get(ref) or self.variable(ref)

    def variable(self, ref: Ref) -> str:
        return self._names("f", f"{ref[0]}.{ref[1]}")

    def valid(self, header: str) -> str:
        if self.program.headers[header].metadata:
            return "1"
        return self._names("v", header)

    def offset(self, header: str) -> str:
        return self._names("o", header)

    def end(self, header: str) -> str:
        return self._names("e", header)

    def changed(self, header: str) -> str:
        return self._names("c", header)

    def next_index(self, stack: str) -> str:
        return self._names("n", stack)

    @contextmanager
    def replacing(self, values: Mapping[Ref, str]) -> Iterator[None]:
        """Read some fields from elsewhere for a while."""
        before = self._overlay
        self._overlay = {**before, **values}
        try:
            yield
        finally:
            self._overlay = before

    # -- what the first pass tells -----------------------------------------------------------

    def is_written(self, header: str) -> bool:
        return self.known is None or header in self.known.written

    def is_extracted(self, header: str) -> bool:
        return self.known is None or header in self.known.extracted

    def is_unsettled(self, header: str) -> bool:
        return self.known is None or header in self.known.unsettled

    def is_read(self, ref: Ref) -> bool:
        return self.known is None or ref in self.known.reads

    def has(self, feature: str) -> bool:
        return self.known is None or feature in self.known.features

    def loads(self, header: Header) -> list[FieldType]:
        """The fields to take apart when the header is extracted."""
        if self.is_written(header.name):
            return list(header.type.fields)
        return [f for f in header.type.fields if self.is_read((header.name, f.name))]

    # -- reading and writing -----------------------------------------------------------------

    def key(self, ref: Ref) -> str:
        """A field as a match key: 0 while its header is not valid."""
        text = self.read(ref)
        header = self.program.headers[ref[0]]
        if ref[1] == VALID or header.metadata or not self.is_unsettled(ref[0]):
            return text
        return f"({text} if {self.valid(ref[0])} else 0)"

    def write(self, writer: Writer, ref: Ref, value: str) -> None:
        """Assign an expression that is in the field's range already."""
        header = self.program.headers[ref[0]]
        if header.metadata:
            if self.is_read(ref):
                writer.line(f"{self.variable(ref)} = {value}")
            return
        self.touch(ref[0])
        writer.line(f"{self.variable(ref)} = {value}")
        if self.is_extracted(ref[0]):
            writer.line(f"{self.changed(ref[0])} = 1")

    def touch(self, header: str) -> None:
        """Note that the header changes other than by extraction."""
        self.facts.written.add(header)
        self.facts.unsettled.add(header)

    def set_valid(self, writer: Writer, header: str) -> None:
        """Make a header valid, and the other members of its union invalid."""
        writer.line(f"{self.valid(header)} = 1")
        union = self.program.union_of.get(header)
        if union is not None:
            for other in union.headers:
                if other != header:
                    self.facts.unsettled.add(other)
                    writer.line(f"{self.valid(other)} = 0")

    def add(self, writer: Writer, header: str) -> None:
        """setValid(): fields become 0 if the header was not valid."""
        self.touch(header)
        spec = self.program.headers[header]
        with writer.block(f"if not {self.valid(header)}"):
            self.set_valid(writer, header)
            zero = [self.variable((header, f.name)) for f in spec.type.fields if not f.varbit]
            if zero:
                writer.line(" = ".join([*zero, "0"]))
            if spec.type.varbit is not None:
                writer.line(f"{self.variable((header, spec.type.varbit.name))} = b''")
            if self.is_extracted(header):
                writer.line(f"{self.changed(header)} = 1")
            writer.line(f"plen += {spec.type.fixed_bits // 8}")

    def remove(self, writer: Writer, header: str) -> None:
        """setInvalid()."""
        self.facts.unsettled.add(header)
        spec = self.program.headers[header]
        with writer.block(f"if {self.valid(header)}"):
            writer.line(f"{self.valid(header)} = 0")
            size = f"{spec.type.fixed_bits // 8}"
            if spec.type.varbit is not None:
                size += f" + len({self.read((header, spec.type.varbit.name))})"
            writer.line(f"plen -= {size}")

    def copy(self, writer: Writer, target: str, source: str) -> None:
        """target = source, whole headers of one type; validity is copied too."""
        if target == source:
            return
        self.facts.link(target, source)
        self.facts.unsettled.add(target)
        self.facts.written |= {target, source}
        with writer.block(f"if {self.valid(source)}"):
            self.set_valid(writer, target)
            self._copy_contents(writer, target, source)
        with writer.block("else"):
            writer.line(f"{self.valid(target)} = 0")

    def _copy_contents(self, writer: Writer, target: str, source: str) -> None:
        for spec in self.program.headers[source].type.fields:
            writer.line(
                f"{self.variable((target, spec.name))} = {self.variable((source, spec.name))}"
            )
        if self.is_extracted(target):
            writer.line(f"{self.changed(target)} = 1")

    def elements(self, stack: str) -> list[tuple[str, ...]]:
        """The headers of each element of a header stack (one) or header union stack (several)."""
        if stack in self.program.stacks:
            return [(header,) for header in self.program.stacks[stack].headers]
        unions = self.program.union_stacks[stack].unions
        return [self.program.unions[union].headers for union in unions]

    def move_stack(self, writer: Writer, stack: str, step: int) -> None:
        """push_front (step > 0) or pop_front (step < 0) by a constant number of elements."""
        elements = self.elements(stack)
        size = len(elements)
        count = self.next_index(stack)
        if step > 0:
            writer.line(f"{count} = min({size}, {count} + {step})")
        else:
            writer.line(f"{count} = max(0, {count} - {-step})")
        order = range(size - 1, -1, -1) if step > 0 else range(size)
        for index in order:
            source = index - step
            if 0 <= source < size:
                for target, origin in zip(elements[index], elements[source], strict=True):
                    self.copy(writer, target, origin)
                continue
            for header in elements[index]:
                self.facts.unsettled.add(header)
                writer.line(f"{self.valid(header)} = 0")

    # -- wire form ---------------------------------------------------------------------------

    def layouts(self, header: Header) -> tuple[Layout, Layout | None]:
        """Fixed fields before the varbit field (all, when there is none), and after it."""
        if header.type.name not in self._layouts:
            before: list[FieldType] = []
            after: list[FieldType] | None = None
            for spec in header.type.fields:
                if spec.varbit:
                    after = []
                elif after is None:
                    before.append(spec)
                else:
                    after.append(spec)
            self._layouts[header.type.name] = (
                Layout(before, self.namespace),
                Layout(after, self.namespace) if after is not None else None,
            )
        return self._layouts[header.type.name]

    def packed(self, header: Header) -> str:
        """An expression for the header's bytes, made of its fields."""
        names = {f.name: self.variable((header.name, f.name)) for f in header.type.fields}
        first, second = self.layouts(header)
        parts = [first.pack(names)] if first.size else []
        if header.type.varbit is not None:
            parts.append(names[header.type.varbit.name])
        if second is not None and second.size:
            parts.append(second.pack(names))
        return " + ".join(parts) or "b''"

    def bytes_of(self, header: Header) -> str:
        """An expression for the bytes of a valid header."""
        size = header.type.fixed_bits // 8
        start = self.offset(header.name)
        end = self.end(header.name) if header.type.varbit else f"{start} + {size}"
        raw = f"frame[{start}:{end}]"
        if not self.is_written(header.name):
            return raw
        if not self.is_extracted(header.name):
            return self.packed(header)
        return f"{self.packed(header)} if {self.changed(header.name)} else {raw}"


def in_range(text: str, low: int | None, high: int | None, spec: FieldType) -> str:
    """`text`, whose value is in low..high (None: unbounded), wrapped to the field's range."""
    width = spec.width
    bottom, top = (-(1 << (width - 1)), mask(width - 1)) if spec.signed else (0, mask(width))
    if low is not None and high is not None and bottom <= low and high <= top:
        return text
    if spec.signed:
        return signed(f"({text}) & {mask(width):#x}", width)
    return f"({text}) & {mask(width):#x}"
