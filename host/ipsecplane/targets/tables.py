"""Table entries as values, and their P4Runtime form by way of a p4info.

Entries name tables, fields, actions and parameters by their p4info names; numbers and widths come
from the p4info alone. Values are unsigned integers.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from ipaddress import IPv4Address, IPv6Address
from typing import Final, NamedTuple

from finsy.proto import p4i, p4r


class TableError(ValueError):
    """An entry that does not fit the p4info, or the other way round; the text names both."""


class Lpm(NamedTuple):
    """A prefix: `value` has no bits beyond `length`."""

    value: int
    length: int


class Ternary(NamedTuple):
    """A value where `mask` has ones; `value` has no others."""

    value: int
    mask: int


MatchValue = int | Lpm | Ternary
Match = tuple[tuple[str, MatchValue], ...]
Key = tuple[str, Match, int]


@dataclass(frozen=True, slots=True)
class TableEntry:
    """One entry; `match` and `params` are sorted by name, fields that match anything are absent.

    Make them with `entry`, which sees to that.
    """

    table: str
    match: Match
    action: str
    params: tuple[tuple[str, int], ...] = ()
    priority: int = 0

    @property
    def key(self) -> Key:
        """What identifies the entry in its device."""
        return self.table, self.match, self.priority

    def field(self, name: str) -> MatchValue | None:
        """A match value by field name; None = matches anything."""
        return next((value for one, value in self.match if one == name), None)

    def param(self, name: str) -> int:
        """A parameter of the action. KeyError if it has none of that name."""
        for one, value in self.params:
            if one == name:
                return value
        raise KeyError(f"{self.table}: {self.action} has no parameter {name}")

    def __str__(self) -> str:
        match = " ".join(f"{n}={_text(self.table, n, v)}" for n, v in self.match)
        shown = ((n, v) for n, v in self.params if n not in SECRET_PARAMS)
        params = ", ".join(f"{n}={_text(self.table, n, v)}" for n, v in shown)
        priority = f" priority {self.priority}" if self.priority else ""
        return f"{self.table}[{match}]{priority} {self.action}({params})"


SECRET_PARAMS: Final = frozenset(
    {"cipher_key", "salt", "esp_integrity_key", "ah_integrity_key", "iv_seed"}
)
"""Parameters that a device does not give back and a message never shows (docs/contracts.md)."""


def entry(
    table: str,
    match: Mapping[str, MatchValue],
    action: str,
    params: Mapping[str, int] | None = None,
    priority: int = 0,
) -> TableEntry:
    """A table entry in canonical form: don't-cares dropped, names sorted, masked bits cleared."""
    kept: list[tuple[str, MatchValue]] = []
    for name in sorted(match):
        value = match[name]
        if isinstance(value, Ternary):
            if value.mask == 0:
                continue
            value = Ternary(value.value & value.mask, value.mask)
        elif isinstance(value, Lpm) and value.length == 0:
            continue
        kept.append((name, value))
    return TableEntry(table, tuple(kept), action, tuple(sorted((params or {}).items())), priority)


def by_key(entries: Iterable[TableEntry]) -> dict[Key, TableEntry]:
    """Entries by identity. Raises TableError when two share one."""
    result: dict[Key, TableEntry] = {}
    for one in entries:
        if result.setdefault(one.key, one) is not one and result[one.key] != one:
            raise TableError(f"two entries for one key: {result[one.key]} and {one}")
    return result


# -- the p4info side -------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class _Field:
    id: int
    name: str
    width: int
    kind: int  # p4i.MatchField.MatchType; 0 for parameters


@dataclass(frozen=True, slots=True)
class _Action:
    id: int
    name: str
    by_name: Mapping[str, _Field]
    by_id: Mapping[int, _Field]


@dataclass(frozen=True, slots=True)
class _Table:
    id: int
    name: str
    by_name: Mapping[str, _Field]
    by_id: Mapping[int, _Field]
    actions: Mapping[str, _Action]
    actions_by_id: Mapping[int, _Action]
    priority: bool
    counter: bool


class TableCodec:
    """Entries of one p4info to and from P4Runtime messages. Raises TableError."""

    def __init__(self, p4info: p4i.P4Info) -> None:
        actions = {a.preamble.id: _action(a) for a in p4info.actions}
        counters = {c.preamble.id for c in p4info.direct_counters}
        self._tables = {t.preamble.alias: _table(t, actions, counters) for t in p4info.tables}
        self._by_id = {t.id: t for t in self._tables.values()}
        self._counters = {c.preamble.alias: c.preamble.id for c in p4info.counters}

    @property
    def tables(self) -> frozenset[str]:
        """Names (aliases) of all tables."""
        return frozenset(self._tables)

    def table_id(self, name: str) -> int:
        return self._table(name).id

    def has_counter(self, table: str) -> bool:
        """Whether the table's entries count (a direct counter)."""
        return self._table(table).counter

    def counter_id(self, name: str) -> int:
        """The id of an indirect counter."""
        if name not in self._counters:
            raise TableError(f"no counter {name} in the p4info")
        return self._counters[name]

    def encode(self, one: TableEntry) -> p4r.TableEntry:
        """The message that inserts or modifies `one`."""
        message = self.encode_key(one)
        table = self._table(one.table)
        action = table.actions.get(one.action)
        if action is None:
            raise TableError(f"table {one.table}: no action {one.action}")
        call = message.action.action
        call.action_id = action.id
        where = f"table {one.table}: {one.action}"
        given = dict(one.params)
        for name, param in action.by_name.items():
            if name not in given:
                raise TableError(f"{where}: parameter {name} is missing")
            value = _octets(given.pop(name), param, where)
            call.params.add(param_id=param.id, value=value)
        if given:
            raise TableError(f"{where}: no parameter {', '.join(sorted(given))}")
        return message

    def encode_key(self, one: TableEntry) -> p4r.TableEntry:
        """The message that names `one`: enough to delete it or read its counter."""
        table = self._table(one.table)
        where = f"table {one.table}"
        if table.priority != bool(one.priority):
            wants = "needs a priority" if table.priority else "takes no priority"
            raise TableError(f"{where}: {wants}: {one}")
        message = p4r.TableEntry(table_id=table.id, priority=one.priority)
        for name, value in one.match:
            spec = table.by_name.get(name)
            if spec is None:
                raise TableError(f"{where}: no match field {name}")
            _encode_match(message.match.add(field_id=spec.id), spec, value, where)
        given = {name for name, _ in one.match}
        for spec in table.by_name.values():
            if spec.kind == p4i.MatchField.EXACT and spec.name not in given:
                raise TableError(f"{where}: match field {spec.name} is missing")
        return message

    def decode(self, message: p4r.TableEntry) -> TableEntry:
        """The entry that a device returned."""
        table = self._by_id.get(message.table_id)
        if table is None:
            raise TableError(f"no table has id {message.table_id:#x} in the p4info")
        match: dict[str, MatchValue] = {}
        for one in message.match:
            spec = table.by_id.get(one.field_id)
            if spec is None:
                raise TableError(f"table {table.name}: no match field has id {one.field_id}")
            match[spec.name] = _decode_match(one)
        call = message.action.action
        if not call.action_id:  # a key alone, as in a counter's answer
            return entry(table.name, match, "", {}, message.priority)
        action = table.actions_by_id.get(call.action_id)
        if action is None:
            raise TableError(f"table {table.name}: no action has id {call.action_id:#x}")
        params = {}
        for param in call.params:
            if param.param_id not in action.by_id:
                raise TableError(f"{table.name}: {action.name}: no parameter {param.param_id}")
            params[action.by_id[param.param_id].name] = int.from_bytes(param.value, "big")
        return entry(table.name, match, action.name, params, message.priority)

    def _table(self, name: str) -> _Table:
        table = self._tables.get(name)
        if table is None:
            raise TableError(f"no table {name} in the p4info")
        return table


def _action(message: p4i.Action) -> _Action:
    fields = [_Field(p.id, p.name, p.bitwidth, 0) for p in message.params]
    return _Action(
        message.preamble.id,
        message.preamble.alias,
        {f.name: f for f in fields},
        {f.id: f for f in fields},
    )


def _table(message: p4i.Table, actions: Mapping[int, _Action], counters: set[int]) -> _Table:
    fields = [_Field(m.id, m.name, m.bitwidth, m.match_type) for m in message.match_fields]
    own = [actions[ref.id] for ref in message.action_refs]
    return _Table(
        message.preamble.id,
        message.preamble.alias,
        {f.name: f for f in fields},
        {f.id: f for f in fields},
        {a.name: a for a in own},
        {a.id: a for a in own},
        any(f.kind in (p4i.MatchField.TERNARY, p4i.MatchField.RANGE) for f in fields),
        any(i in counters for i in message.direct_resource_ids),
    )


def _octets(value: int, spec: _Field, where: str) -> bytes:
    """P4Runtime's canonical byte string: the shortest, at least one octet."""
    if value < 0 or value >> spec.width:
        raise TableError(f"{where}: {spec.name}={value:#x} does not fit {spec.width} bits")
    return value.to_bytes((value.bit_length() + 7) // 8 or 1, "big")


def _encode_match(message: p4r.FieldMatch, spec: _Field, value: MatchValue, where: str) -> None:
    kinds = p4i.MatchField
    match value:
        case Lpm() if spec.kind == kinds.LPM:
            if value.value & ((1 << spec.width - value.length) - 1):
                raise TableError(f"{where}: {spec.name} has bits beyond /{value.length}")
            message.lpm.value = _octets(value.value, spec, where)
            message.lpm.prefix_len = value.length
        case Ternary() if spec.kind == kinds.TERNARY:
            message.ternary.value = _octets(value.value, spec, where)
            message.ternary.mask = _octets(value.mask, spec, where)
        case int() if spec.kind == kinds.EXACT:
            message.exact.value = _octets(value, spec, where)
        case _:
            kind = kinds.MatchType.Name(spec.kind)  # type: ignore[arg-type]
            raise TableError(f"{where}: {spec.name} is {kind}, the entry has {value!r}")


def _decode_match(message: p4r.FieldMatch) -> MatchValue:
    number = int.from_bytes
    match message.WhichOneof("field_match_type"):
        case "exact":
            return number(message.exact.value, "big")
        case "lpm":
            return Lpm(number(message.lpm.value, "big"), message.lpm.prefix_len)
        case "ternary":
            return Ternary(
                number(message.ternary.value, "big"), number(message.ternary.mask, "big")
            )
        case other:
            raise TableError(f"match kind {other} is not used by our tables")


def _text(table: str, name: str, value: MatchValue) -> str:
    """A value as a person writes it: addresses in their own notation, the rest in decimal."""
    if isinstance(value, Lpm):
        return f"{_text(table, name, value.value)}/{value.length}"
    if isinstance(value, Ternary):
        exact = _text(table, name, value.value)
        return exact if _all_ones(value.mask) else f"{exact}&{value.mask:#x}"
    if name in ("src", "dst", "next_hop"):
        if table.endswith("_v6") or value >> 32:
            return str(IPv6Address(value))
        return str(IPv4Address(value))
    if name.endswith("mac"):
        return ":".join(f"{octet:02x}" for octet in value.to_bytes(6, "big"))
    return f"{value:#x}" if name.endswith("spi") else str(value)


def _all_ones(mask: int) -> bool:
    return mask in (0xFF, 0xFFFF, 0xFFFFFFFF, (1 << 48) - 1, (1 << 128) - 1)
