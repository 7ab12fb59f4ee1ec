"""What a compiled program declares, as immutable values.

What runs (expressions, primitives, parser operations) stays JSON with its path.
"""

from __future__ import annotations

from dataclasses import dataclass

from .jsonpath import Node


@dataclass(frozen=True, slots=True)
class FieldType:
    """`width` in bits; for a varbit the maximum, or 0 when the type does not say."""

    name: str
    width: int
    signed: bool
    varbit: bool


@dataclass(frozen=True, slots=True)
class HeaderType:
    name: str
    fields: tuple[FieldType, ...]
    max_length: int
    """Bytes, with a full varbit field (0: no varbit field)."""

    @property
    def fixed_bits(self) -> int:
        return sum(f.width for f in self.fields if not f.varbit)

    @property
    def varbit(self) -> FieldType | None:
        return next((f for f in self.fields if f.varbit), None)


@dataclass(frozen=True, slots=True)
class Header:
    """A header or metadata instance; `group` names the other members of its union, if any."""

    id: int
    name: str
    type: HeaderType
    metadata: bool

    def field(self, name: str) -> FieldType | None:
        return next((f for f in self.type.fields if f.name == name), None)


@dataclass(frozen=True, slots=True)
class Stack:
    name: str
    headers: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Union:
    id: int
    name: str
    headers: tuple[str, ...]
    members: tuple[str, ...]
    """The members' names in the union type, in the order of `headers`."""


@dataclass(frozen=True, slots=True)
class UnionStack:
    name: str
    unions: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Action:
    id: int
    name: str
    params: tuple[tuple[str, int], ...]
    primitives: Node


@dataclass(frozen=True, slots=True)
class TableKey:
    """`field` is (header, field), or (header, "$valid$") for a valid match."""

    kind: str
    field: tuple[str, str]
    mask: int | None
    node: Node


@dataclass(frozen=True, slots=True)
class Table:
    name: str
    keys: tuple[TableKey, ...]
    actions: tuple[Action, ...]
    profile: str | None
    next_by_action: dict[str, str | None] | None
    next_hit: str | None
    next_miss: str | None
    base_next: str | None
    direct_meter: str | None
    with_counters: bool
    support_timeout: bool
    default_action: Action | None
    default_data: tuple[int, ...]
    default_const: bool
    node: Node

    @property
    def is_statement(self) -> bool:
        """It does one and the same thing for every packet, and nothing else needs its state."""
        simple = self.profile is None and not self.with_counters
        return simple and not self.keys and self.default_const


@dataclass(frozen=True, slots=True)
class Conditional:
    name: str
    expression: Node
    true_next: str | None
    false_next: str | None


@dataclass(frozen=True, slots=True)
class ActionCall:
    """A direct call of an action in a control (older compilers)."""

    name: str
    action: Action
    next: str | None


@dataclass(frozen=True, slots=True)
class Profile:
    """`selector` has `algo` and `input` when members are chosen by hash."""

    name: str
    selector: Node | None


@dataclass(frozen=True, slots=True)
class Pipeline:
    name: str
    init: str | None
    nodes: dict[str, Table | Conditional | ActionCall]


@dataclass(frozen=True, slots=True)
class Array:
    """A counter, meter or register array. `width` is for registers, `bytes` for meters."""

    name: str
    size: int
    direct: bool
    table: str | None = None
    width: int = 0
    signed: bool = False
    bytes: bool = False
    target: tuple[str, str] | None = None


@dataclass(frozen=True, slots=True)
class Checksum:
    target: tuple[str, str]
    calculation: str
    condition: Node | None
    verify: bool
    update: bool
    node: Node


@dataclass(frozen=True, slots=True)
class LearnList:
    name: str
    elements: Node
