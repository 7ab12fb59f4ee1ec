"""What a p4info says, indexed by id and by name, as immutable values.

Everything that validates a message reads from here, so that a device which is described by a
p4info alone (no P4 program behind it) gets the same checks as a compiled one.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from enum import Enum
from typing import Protocol, TypeVar

from finsy.proto import p4i, p4t

from .errors import invalid


class MatchKind(Enum):
    """A match field's kind; the value is the FieldMatch member that carries it."""

    EXACT = "exact"
    LPM = "lpm"
    TERNARY = "ternary"
    RANGE = "range"
    OPTIONAL = "optional"


_KINDS = {
    p4i.MatchField.EXACT: MatchKind.EXACT,
    p4i.MatchField.LPM: MatchKind.LPM,
    p4i.MatchField.TERNARY: MatchKind.TERNARY,
    p4i.MatchField.RANGE: MatchKind.RANGE,
    p4i.MatchField.OPTIONAL: MatchKind.OPTIONAL,
}
_NEED_PRIORITY = {MatchKind.TERNARY, MatchKind.RANGE, MatchKind.OPTIONAL}


class Scope(Enum):
    """Where a table may use an action."""

    ANYWHERE = p4i.ActionRef.TABLE_AND_DEFAULT
    ENTRIES_ONLY = p4i.ActionRef.TABLE_ONLY
    DEFAULT_ONLY = p4i.ActionRef.DEFAULT_ONLY


@dataclass(frozen=True, slots=True)
class Field:
    """A typed, numbered element: match field, action parameter or packet metadata."""

    id: int
    name: str
    bitwidth: int
    kind: MatchKind = MatchKind.EXACT


@dataclass(frozen=True, slots=True)
class Action:
    id: int
    name: str
    alias: str
    params: tuple[Field, ...]


@dataclass(frozen=True, slots=True)
class ActionProfile:
    """An action profile, or an action selector when `with_selector`.

    `size` is 0 when unlimited; `max_group_size` 0 when only `size` limits a group. Group sizes sum
    member weights unless `sum_of_members` (then `max_member_weight` bounds each weight, 0: none).
    """

    id: int
    name: str
    alias: str
    table_ids: tuple[int, ...]
    with_selector: bool
    size: int
    max_group_size: int
    sum_of_members: bool
    max_member_weight: int


@dataclass(frozen=True, slots=True)
class Table:
    """A match-action table. `size` 0 is unlimited; `scopes` maps action id to where it may be used.

    `default` is the default action as p4info states it (action id, values by parameter id), or
    None when p4info says nothing.
    """

    id: int
    name: str
    alias: str
    fields: tuple[Field, ...]
    actions: Mapping[int, Action]
    scopes: Mapping[int, Scope]
    size: int
    const_default: bool
    default: tuple[int, Mapping[int, bytes]] | None
    profile: ActionProfile | None
    direct_counter: Counter | None
    direct_meter: Meter | None
    idle_timeout: bool
    is_const: bool
    needs_priority: bool


@dataclass(frozen=True, slots=True)
class Counter:
    """An indirect counter array, or (size 0) a table's direct counter."""

    id: int
    name: str
    alias: str
    size: int
    counts_packets: bool
    counts_bytes: bool


@dataclass(frozen=True, slots=True)
class Meter:
    """An indirect meter array, or (size 0) a table's direct meter."""

    id: int
    name: str
    alias: str
    size: int
    counts_bytes: bool
    type: int


@dataclass(frozen=True, slots=True)
class PacketHeader:
    """A controller header: `packet_in` or `packet_out`."""

    id: int
    name: str
    alias: str
    fields: tuple[Field, ...]


@dataclass(frozen=True, slots=True)
class ValueSet:
    id: int
    name: str
    alias: str
    fields: tuple[Field, ...]
    size: int


@dataclass(frozen=True, slots=True)
class Digest:
    """A digest; `members` is the struct or tuple that it carries (one unnamed: a bare value)."""

    id: int
    name: str
    alias: str
    members: tuple[Field, ...]
    is_struct: bool


@dataclass(frozen=True, slots=True)
class Named:
    """An object that only its identity matters of (registers)."""

    id: int
    name: str
    alias: str


class _HasNames(Protocol):
    @property
    def id(self) -> int: ...
    @property
    def name(self) -> str: ...
    @property
    def alias(self) -> str: ...


T = TypeVar("T", bound=_HasNames)


class Catalog(Mapping[int, T]):
    """The p4info objects of one kind, by id; `named` finds one by full name or by alias."""

    def __init__(self, kind: str, items: Iterable[T]) -> None:
        self.kind = kind
        self._by_id: dict[int, T] = {}
        self._by_name: dict[str, T] = {}
        for item in items:
            if item.id in self._by_id:
                raise invalid(f"p4info: {kind} {item.name}: id {item.id:#x} is used twice")
            self._by_id[item.id] = item
            self._by_name.setdefault(item.alias, item)
            self._by_name[item.name] = item

    def __getitem__(self, key: int) -> T:
        return self._by_id[key]

    def __iter__(self) -> Iterator[int]:
        return iter(self._by_id)

    def __len__(self) -> int:
        return len(self._by_id)

    def named(self, name: str) -> T:
        """KeyError when there is none."""
        return self._by_name[name]

    def find(self, key: int) -> T:
        """The object with id `key`, or INVALID_ARGUMENT naming the kind and the id."""
        found = self._by_id.get(key)
        if found is None:
            raise invalid(f"no {self.kind} has id {key:#x} in the p4info")
        return found


@dataclass(slots=True)
class Schema:
    """An indexed p4info. Raises INVALID_ARGUMENT when the p4info contradicts itself."""

    p4info: p4i.P4Info
    actions: Catalog[Action] = field(init=False)
    profiles: Catalog[ActionProfile] = field(init=False)
    tables: Catalog[Table] = field(init=False)
    counters: Catalog[Counter] = field(init=False)
    direct_counters: Catalog[Counter] = field(init=False)
    meters: Catalog[Meter] = field(init=False)
    direct_meters: Catalog[Meter] = field(init=False)
    packet_headers: Catalog[PacketHeader] = field(init=False)
    value_sets: Catalog[ValueSet] = field(init=False)
    registers: Catalog[Named] = field(init=False)
    digests: Catalog[Digest] = field(init=False)

    def __post_init__(self) -> None:
        info = self.p4info
        self.actions = Catalog("action", (self._action(a) for a in info.actions))
        self.profiles = Catalog("action profile", (_profile(p) for p in info.action_profiles))
        self.counters = Catalog(
            "counter", (_counter(c.preamble, c.spec, c.size) for c in info.counters)
        )
        self.direct_counters = Catalog(
            "direct counter", (_counter(c.preamble, c.spec, 0) for c in info.direct_counters)
        )
        self.meters = Catalog("meter", (_meter(m.preamble, m.spec, m.size) for m in info.meters))
        self.direct_meters = Catalog(
            "direct meter", (_meter(m.preamble, m.spec, 0) for m in info.direct_meters)
        )
        self.tables = Catalog("table", (self._table(t) for t in info.tables))
        self.packet_headers = Catalog(
            "controller header",
            (
                PacketHeader(
                    h.preamble.id,
                    h.preamble.name,
                    h.preamble.alias,
                    tuple(
                        self._typed(m.id, m.name, m.bitwidth, m.type_name, h.preamble.name)
                        for m in h.metadata
                    ),
                )
                for h in info.controller_packet_metadata
            ),
        )
        self.value_sets = Catalog(
            "value set",
            (
                ValueSet(
                    v.preamble.id,
                    v.preamble.name,
                    v.preamble.alias,
                    tuple(self._match_field(m, v.preamble.name) for m in v.match),
                    v.size,
                )
                for v in info.value_sets
            ),
        )
        self.registers = Catalog(
            "register",
            (Named(r.preamble.id, r.preamble.name, r.preamble.alias) for r in info.registers),
        )
        self.digests = Catalog("digest", (self._digest(d) for d in info.digests))

    def _typed(
        self, id_: int, name: str, bitwidth: int, type_name: p4t.P4NamedType, where: str
    ) -> Field:
        """A field whose width may come from a translated type (`@p4runtime_translation`)."""
        if type_name.name:
            new_type = self.p4info.type_info.new_types.get(type_name.name)
            if new_type is not None and new_type.HasField("translated_type"):
                translated = new_type.translated_type
                if translated.HasField("sdn_string"):
                    raise invalid(
                        f"p4info: {where}.{name}: type {type_name.name} is translated to a string;"
                        " only translation to bit strings is supported"
                    )
                bitwidth = translated.sdn_bitwidth or bitwidth
        # Errors and enums have no width in a p4info; bmv2 gives them 32 bits.
        return Field(id_, name, bitwidth or 32)

    def _match_field(self, match: p4i.MatchField, where: str) -> Field:
        kind = _KINDS.get(match.match_type)
        if kind is None:
            other = match.other_match_type or "none"
            raise invalid(f"p4info: {where}.{match.name}: match kind {other} is not supported")
        typed = self._typed(match.id, match.name, match.bitwidth, match.type_name, where)
        return Field(match.id, match.name, typed.bitwidth, kind)

    def _action(self, action: p4i.Action) -> Action:
        pre = action.preamble
        params = (
            self._typed(p.id, p.name, p.bitwidth, p.type_name, pre.name) for p in action.params
        )
        return Action(pre.id, pre.name, pre.alias, tuple(params))

    def _table(self, table: p4i.Table) -> Table:
        pre = table.preamble
        actions: dict[int, Action] = {}
        scopes: dict[int, Scope] = {}
        for ref in table.action_refs:
            if ref.id not in self.actions:
                raise invalid(f"p4info: table {pre.name}: no action has id {ref.id:#x}")
            actions[ref.id] = self.actions[ref.id]
            scopes[ref.id] = Scope(ref.scope)
        profile = None
        if table.implementation_id:
            profile = self.profiles.get(table.implementation_id)
            if profile is None:
                raise invalid(
                    f"p4info: table {pre.name}: no action profile has id"
                    f" {table.implementation_id:#x}"
                )
        counter = meter = None
        for resource in table.direct_resource_ids:
            counter = self.direct_counters.get(resource, counter)
            meter = self.direct_meters.get(resource, meter)
            if resource not in self.direct_counters and resource not in self.direct_meters:
                raise invalid(f"p4info: table {pre.name}: no direct resource has id {resource:#x}")
        default: tuple[int, Mapping[int, bytes]] | None = None
        if table.initial_default_action.action_id:
            call = table.initial_default_action
            default = (call.action_id, {a.param_id: a.value for a in call.arguments})
        elif table.const_default_action_id:
            default = (table.const_default_action_id, {})
        if default is not None and default[0] not in actions:
            raise invalid(f"p4info: table {pre.name}: default action is not one of its actions")
        fields = tuple(self._match_field(m, pre.name) for m in table.match_fields)
        return Table(
            id=pre.id,
            name=pre.name,
            alias=pre.alias,
            fields=fields,
            actions=actions,
            scopes=scopes,
            size=table.size,
            const_default=bool(table.const_default_action_id),
            default=default,
            profile=profile,
            direct_counter=counter,
            direct_meter=meter,
            idle_timeout=table.idle_timeout_behavior == p4i.Table.NOTIFY_CONTROL,
            is_const=table.is_const_table,
            needs_priority=any(f.kind in _NEED_PRIORITY for f in fields),
        )

    def _digest(self, digest: p4i.Digest) -> Digest:
        pre = digest.preamble
        spec = digest.type_spec
        kind = spec.WhichOneof("type_spec")
        if kind == "struct":
            struct = self.p4info.type_info.structs.get(spec.struct.name)
            if struct is None:
                raise invalid(f"p4info: digest {pre.name}: no struct {spec.struct.name}")
            members = [(m.name, m.type_spec) for m in struct.members]
        elif kind == "tuple":
            members = [(f"{i}", m) for i, m in enumerate(spec.tuple.members)]
        else:
            members = [("", spec)]
        fields = tuple(
            Field(i + 1, name, self._width(member, f"digest {pre.name}.{name}"))
            for i, (name, member) in enumerate(members)
        )
        return Digest(pre.id, pre.name, pre.alias, fields, kind == "struct")

    def _width(self, spec: p4t.P4DataTypeSpec, where: str) -> int:
        kind = spec.WhichOneof("type_spec")
        if kind == "bitstring":
            bits = spec.bitstring
            match bits.WhichOneof("type_spec"):
                case "bit":
                    return bits.bit.bitwidth
                case "int":
                    return bits.int.bitwidth
        elif kind == "bool":
            return 1
        elif kind == "new_type":
            new_type = self.p4info.type_info.new_types.get(spec.new_type.name)
            if new_type is not None and new_type.HasField("original_type"):
                return self._width(new_type.original_type, where)
            if new_type is not None and new_type.translated_type.sdn_bitwidth:
                return new_type.translated_type.sdn_bitwidth
        elif kind == "serializable_enum":
            enum = self.p4info.type_info.serializable_enums.get(spec.serializable_enum.name)
            if enum is not None:
                return enum.underlying_type.bitwidth
        raise invalid(f"p4info: {where}: type {kind} is not supported")


def _profile(profile: p4i.ActionProfile) -> ActionProfile:
    pre = profile.preamble
    by_members = profile.HasField("sum_of_members")
    return ActionProfile(
        id=pre.id,
        name=pre.name,
        alias=pre.alias,
        table_ids=tuple(profile.table_ids),
        with_selector=profile.with_selector,
        size=profile.size,
        max_group_size=profile.max_group_size,
        sum_of_members=by_members,
        max_member_weight=profile.sum_of_members.max_member_weight if by_members else 0,
    )


def _counter(pre: p4i.Preamble, spec: p4i.CounterSpec, size: int) -> Counter:
    unit = spec.unit
    return Counter(
        id=pre.id,
        name=pre.name,
        alias=pre.alias,
        size=size,
        counts_packets=unit != p4i.CounterSpec.BYTES,
        counts_bytes=unit != p4i.CounterSpec.PACKETS,
    )


def _meter(pre: p4i.Preamble, spec: p4i.MeterSpec, size: int) -> Meter:
    counts_bytes = spec.unit == p4i.MeterSpec.BYTES
    return Meter(pre.id, pre.name, pre.alias, size, counts_bytes, int(spec.type))
