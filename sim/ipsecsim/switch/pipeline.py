"""A loaded program: generated code, its tables, and the P4Runtime state that drives both.

Everything is made before anything runs: a config that cannot be realised is refused here, and the
pipeline that runs meanwhile is not touched.
"""

from __future__ import annotations

import json
import random
from collections.abc import Callable
from dataclasses import dataclass

from finsy.proto import p4r

from ipsecsim.p4runtime import schema
from ipsecsim.p4runtime.arrays import MeterCell
from ipsecsim.p4runtime.changes import Change, Kind
from ipsecsim.p4runtime.entries import (
    ActionCall,
    ActionSet,
    GroupRef,
    MatchKey,
    MatchValue,
    MemberRef,
    TableAction,
    TableEntry,
    matches,
)
from ipsecsim.p4runtime.errors import Code, P4RuntimeError, invalid
from ipsecsim.p4runtime.profiles import Group, Member
from ipsecsim.p4runtime.replication import CloneSession, MulticastGroup, Replica
from ipsecsim.p4runtime.schema import MatchKind
from ipsecsim.p4runtime.store import EntityStore
from ipsecsim.p4runtime.tables import Clock, TableState
from ipsecsim.p4runtime.value_sets import ValueSetState

from .controls import CHOOSE, NO_ACTION
from .declarations import Action, Table
from .errors import ProgramError, UnsupportedError
from .jsonpath import Node
from .lookup import Lookup, make_lookup
from .meters import make_meter
from .packetio import PacketHeaders
from .program import Program
from .v1model import generate

Installed = tuple[object, ...]
Copies = tuple[tuple[int, int], ...]
"""(egress port, instance) of each replica."""

_NOTHING: Installed = (NO_ACTION,)


@dataclass(frozen=True, slots=True)
class Selector:
    """A group's members, each as often as its weight says."""

    members: tuple[Installed, ...]

    def choose(self, value: int) -> Installed:
        return self.members[value % len(self.members)] if self.members else _NOTHING


@dataclass(slots=True)
class _ValueSet:
    """What a generated parser asks."""

    state: ValueSetState

    def contains(self, values: tuple[int, ...]) -> bool:
        fields = self.state.value_set.fields
        return any(matches(fields, key, values) for key in self.state.members)


@dataclass(slots=True)
class _Bound:
    """A table's lookup structure, and the program's action numbers by p4info action id."""

    lookup: Lookup
    numbers: dict[int, int]
    masks: dict[int, tuple[int, ...]]
    """The widths of an action's parameters in the program: a translated type may be wider."""


class SwitchPipeline(EntityStore):
    """A device.Pipeline whose `ingress` runs packets (see v1model).

    Making one raises P4RuntimeError, INVALID_ARGUMENT or (for a construct that is not supported)
    UNIMPLEMENTED, with the place in the JSON. `learn(name, values, now)` takes digests.
    """

    def __init__(
        self,
        config: p4r.ForwardingPipelineConfig,
        *,
        clock: Clock,
        rng: random.Random,
        port_exists: Callable[[int], bool],
        learn: Callable[[str, tuple[int, ...], float], None],
    ) -> None:
        super().__init__(
            config.p4info, clock=clock, listener=self._changed, port_exists=port_exists
        )
        self._now = clock
        self._bound: dict[int, _Bound] = {}
        self._groups: dict[int, Copies] = {}
        self._sessions: dict[int, tuple[int | None, Copies]] = {}
        self.packets = PacketHeaders(self.schema)
        try:
            self.program = Program(Node(_load(config.p4_device_config)))
            value_sets = [v.name for v in self.schema.value_sets.values()]
            code = generate(self.program, value_sets, rng)
            self.source = code.source
            self.registers = {a.name: [0] * a.size for a in self.program.registers.values()}
            namespace = code.namespace
            for name, variable in code.value_sets.items():
                state = self.value_sets[self.schema.value_sets.named(name).id]
                namespace[variable] = _ValueSet(state)
            for key, variable in code.arrays.items():
                kind, _, name = key.partition(" ")
                namespace[variable] = self._array(kind, name)
            for pipeline in self.program.pipelines.values():
                for table in pipeline.nodes.values():
                    if isinstance(table, Table) and not table.is_statement:
                        names = code.tables[table.name]
                        lookup, default = self._bind(table)
                        namespace[names.lookup], namespace[names.default] = lookup, default
            namespace.update(groups=self._groups, sessions=self._sessions, learn=learn)
            self.ingress = code.link()
        except UnsupportedError as error:
            raise P4RuntimeError(Code.UNIMPLEMENTED, f"p4_device_config: {error}") from error
        except ProgramError as error:
            raise invalid(f"p4_device_config: {error}") from error

    def take_registers(self, previous: SwitchPipeline) -> None:
        """Copy the cells of registers that both programs have, alike."""
        arrays = previous.program.registers
        for name, cells in self.registers.items():
            if arrays.get(name) == self.program.registers[name]:
                cells[:] = previous.registers[name]

    # -- linking -----------------------------------------------------------------------------

    def _array(self, kind: str, name: str) -> object:
        """The object behind a counter, meter or register of the generated code."""
        try:
            if kind == "register":
                return self.registers[name]
            if kind == "counter" and not self.program.counters[name].direct:
                return self.counter(name)
            if kind == "meter" and not self.program.meters[name].direct:
                return self.meters[self.schema.meters.named(name).id]
        except KeyError:
            raise invalid(f"the p4info has no {kind} {name}, which the program uses") from None
        return None  # direct ones belong to their table's entries

    def _bind(self, table: Table) -> tuple[Lookup, TableEntry]:
        """Make the lookup structure of a table, with the entries that the program declares."""
        try:
            spec = self.schema.tables.named(table.name)
            state = self.tables[spec.id]
            actions = {a.id: self.schema.actions.named(a.name) for a in table.actions}
        except KeyError:
            # Tables that the compiler made, or that are @hidden, have no place in the p4info.
            spec, actions = _hidden(table, self.program, len(self._bound))
            state = TableState(spec, None, self._changed, self._now)
        _compare(table, spec, actions)
        lookup = make_lookup(spec.fields, state.default)
        self._bound[spec.id] = _Bound(
            lookup,
            {actions[a.id].id: n for n, a in enumerate(table.actions)},
            {
                actions[a.id].id: tuple((1 << width) - 1 for _, width in a.params)
                for a in table.actions
            },
        )
        if table.profile is None and table.default_action is not None:
            action = actions.get(table.default_action.id)
            if action is None:
                raise table.node["default_entry"].error("is not one of the table's actions")
            state.set_initial_default(ActionCall(action, table.default_data))
        state.default.installed = self._install(state.default)
        self._preload(table, state, actions)
        return lookup, state.default

    def _preload(self, table: Table, state: TableState, actions: dict[int, schema.Action]) -> None:
        entries = list(table.node.get("entries"))
        if not entries:
            return
        # bmv2 prefers small numbers, P4Runtime large ones.
        top = max(entry["priority"].number() for entry in entries)
        for entry in entries:
            call = entry["action_entry"]
            action = actions.get(call["action_id"].number())
            if action is None:
                raise call["action_id"].error("is not one of the table's actions")
            values = tuple(node.hexadecimal() for node in call["action_data"])
            if len(values) != len(action.params):
                raise call["action_data"].error(f"{action.name} takes {len(action.params)} values")
            priority = 0
            if state.table.needs_priority:
                priority = top - entry["priority"].number() + 1
            key = _match_key(state.table.fields, entry["match_key"])
            state.preload(key, priority, ActionCall(action, values), const=state.table.is_const)

    # -- changes -----------------------------------------------------------------------------

    def _changed(self, change: Change) -> None:
        """Bring what the generated code looks at in line with the entity store."""
        match change.what:
            case TableEntry() as entry:
                self._entry_changed(change.kind, entry)
            case Member() | Group() as item:
                self._refresh(item.profile)
            case MeterCell() as cell:
                cell.installed = make_meter(cell.config, cell.meter.type, self._now())
            case MulticastGroup() as group:
                if change.kind is Kind.DELETE:
                    del self._groups[group.group_id]
                else:
                    self._groups[group.group_id] = _copies(group.replicas)
            case CloneSession() as session:
                if change.kind is Kind.DELETE:
                    del self._sessions[session.session_id]
                else:
                    copies = _copies(session.replicas)
                    self._sessions[session.session_id] = (session.max_length or None, copies)

    def _entry_changed(self, kind: Kind, entry: TableEntry) -> None:
        bound = self._bound.get(entry.table.id)
        if bound is None:
            return  # a table that the program declares but never applies
        if kind is Kind.DELETE:
            bound.lookup.remove(entry)
            return
        entry.installed = self._install(entry)
        meter = entry.table.direct_meter
        if meter is not None:
            entry.meter_state = make_meter(entry.meter, meter.type, self._now())
        if kind is Kind.INSERT:
            bound.lookup.insert(entry)

    def _refresh(self, profile: schema.ActionProfile) -> None:
        """Members or groups changed: compile the entries that refer to them again."""
        for table in self.tables.values():
            if table.table.profile == profile:
                for entry in table.entries.values():
                    if isinstance(entry.action, MemberRef | GroupRef):
                        entry.installed = self._install(entry)

    def _install(self, entry: TableEntry) -> Installed:
        return self._compile(entry.table, entry.action)

    def _compile(self, table: schema.Table, action: TableAction | None) -> Installed:
        """What the generated code does on a hit: (action number, *arguments)."""
        match action:
            case None:
                return _NOTHING
            case ActionCall(spec, values):
                bound = self._bound[table.id]
                masked = (v & m for v, m in zip(values, bound.masks[spec.id], strict=True))
                return (bound.numbers[spec.id], *masked)
            case ActionSet(actions):
                chosen = [(self._compile(table, one.call), one.weight) for one in actions]
                return (CHOOSE, _selector(chosen))
        assert table.profile is not None
        profile = self.profiles[table.profile.id]
        if isinstance(action, MemberRef):
            member = profile.members.get(action.member_id)
            return self._compile(table, member.call) if member is not None else _NOTHING
        group = profile.groups.get(action.group_id)
        if group is None:
            return _NOTHING
        weights = {one.member_id: one.weight for one in group.members}
        # In the order in which the members were made, as bmv2 numbers them.
        return (
            CHOOSE,
            _selector(
                [
                    (self._compile(table, member.call), weights[member_id])
                    for member_id, member in profile.members.items()
                    if member_id in weights
                ]
            ),
        )


def _selector(members: list[tuple[Installed, int]]) -> Selector:
    return Selector(tuple(item for item, weight in members for _ in range(weight)))


def _copies(replicas: tuple[Replica, ...]) -> Copies:
    return tuple((replica.port, replica.instance) for replica in replicas)


def _load(text: bytes) -> object:
    try:
        return json.loads(text)
    except ValueError as error:
        raise ProgramError("$", f"is not JSON: {error}") from error


def _match_key(fields: tuple[schema.Field, ...], items: Node) -> MatchKey:
    """The key of an entry in the JSON, in the store's form."""
    if len(items) != len(fields):
        raise items.error(f"the table has {len(fields)} match fields")
    key: list[MatchValue] = []
    for spec, item in zip(fields, items, strict=True):
        match spec.kind:
            case MatchKind.EXACT:
                value = item["key"].value
                key.append(int(value) if isinstance(value, bool) else item["key"].hexadecimal())
            case MatchKind.LPM:
                length = item["prefix_length"].number()
                key.append((item["key"].hexadecimal(), length) if length else None)
            case MatchKind.RANGE:
                low, high = item["start"].hexadecimal(), item["end"].hexadecimal()
                full = low == 0 and high == (1 << spec.bitwidth) - 1
                key.append(None if full else (low, high))
            case MatchKind.TERNARY:
                mask = item["mask"].hexadecimal()
                key.append((item["key"].hexadecimal() & mask, mask) if mask else None)
            case MatchKind.OPTIONAL:
                mask_node = item.get("mask")
                wild = bool(mask_node) and mask_node.hexadecimal() == 0
                key.append(None if wild else item["key"].hexadecimal())
    return tuple(key)


def _compare(table: Table, spec: schema.Table, actions: dict[int, schema.Action]) -> None:
    """Refuse a p4info that was made from another program."""
    # p4c has bmv2 match validity exactly and optional fields with a mask.
    same = {"valid": "exact", "optional": "ternary"}
    kinds = [same.get(key.kind, key.kind) for key in table.keys]
    if kinds != [same.get(field.kind.value, field.kind.value) for field in spec.fields]:
        raise table.node["key"].error(f"the p4info gives {table.name} other match fields")
    missing = [a.name for i, a in spec.actions.items() if i not in {a.id for a in actions.values()}]
    if missing:
        raise table.node["action_ids"].error(f"the p4info has the action {missing[0]} too")
    for action in table.actions:
        if len(actions[action.id].params) != len(action.params):
            raise table.node["action_ids"].error(f"the p4info gives {action.name} other parameters")


def _hidden(
    table: Table, program: Program, number: int
) -> tuple[schema.Table, dict[int, schema.Action]]:
    """A schema for a table that the p4info does not show."""
    kinds = {"valid": MatchKind.EXACT} | {kind.value: kind for kind in MatchKind}
    fields: list[schema.Field] = []
    for key in table.keys:
        found = program.headers[key.field[0]].field(key.field[1])
        width = found.width if found is not None else 1
        fields.append(schema.Field(len(fields) + 1, ".".join(key.field), width, kinds[key.kind]))
    actions = {action.id: _hidden_action(action) for action in table.actions}
    spec = schema.Table(
        id=-1 - number,  # no p4info id is negative
        name=table.name,
        alias=table.name,
        fields=tuple(fields),
        actions={a.id: a for a in actions.values()},
        scopes={},
        size=0,
        const_default=True,
        default=None,
        profile=None,
        direct_counter=None,
        direct_meter=None,
        idle_timeout=False,
        is_const=True,
        needs_priority=any(f.kind not in (MatchKind.EXACT, MatchKind.LPM) for f in fields),
    )
    return spec, actions


def _hidden_action(action: Action) -> schema.Action:
    params = tuple(
        schema.Field(n + 1, name, width) for n, (name, width) in enumerate(action.params)
    )
    return schema.Action(action.id, action.name, action.name, params)
