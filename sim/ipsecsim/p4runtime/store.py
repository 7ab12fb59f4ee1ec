"""The whole forwarding state that a p4info describes, behind P4Runtime's Update and Entity.

A device that is programmed through P4Runtime keeps its state here and looks at it (or is told of
changes by its listener): `store.table("sa_encrypt").entries`, `store.counter("errors")[index]`.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from typing import TypeVar

from finsy.proto import p4i, p4r

from .arrays import CounterArray, MeterArray
from .changes import Change, Kind, Listener, Undo
from .device import Pipeline
from .digests import DigestState
from .entries import TableEntry, decode_meter, encode_meter
from .errors import P4RuntimeError, invalid, unimplemented
from .profiles import ProfileState
from .replication import ReplicationState
from .schema import Action, Schema
from .tables import Clock, TableState
from .value_sets import ValueSetState

T = TypeVar("T")

_KINDS = {
    p4r.Update.INSERT: Kind.INSERT,
    p4r.Update.MODIFY: Kind.MODIFY,
    p4r.Update.DELETE: Kind.DELETE,
}


def _silent(change: Change) -> None:
    """The listener of a store whose device only looks."""


class EntityStore:
    """Implements device.Pipeline for any p4info.

    `listener` hears of every change (see changes.Change) and may refuse it; `clock` gives seconds
    and stamps entries for idle timeouts; `port_exists` limits multicast and clone replicas.
    Raises INVALID_ARGUMENT for a p4info that cannot be served.
    """

    def __init__(
        self,
        p4info: p4i.P4Info,
        *,
        clock: Clock,
        listener: Listener = _silent,
        port_exists: Callable[[int], bool] = lambda port: True,
    ) -> None:
        self.schema = schema = Schema(p4info)
        self._clock = clock
        self.profiles = {
            p.id: ProfileState(p, _profile_actions(schema, p.table_ids), listener, port_exists)
            for p in schema.profiles.values()
        }
        self.tables = {
            t.id: TableState(t, self.profiles[t.profile.id] if t.profile else None, listener, clock)
            for t in schema.tables.values()
        }
        self.counters = {c.id: CounterArray(c) for c in schema.counters.values()}
        self.meters = {m.id: MeterArray(m, listener) for m in schema.meters.values()}
        self.value_sets = {v.id: ValueSetState(v, listener) for v in schema.value_sets.values()}
        self.digests = {d.id: DigestState(d) for d in schema.digests.values()}
        self.replication = ReplicationState(listener, port_exists)
        self._idle_tables = [t for t in self.tables.values() if t.table.idle_timeout]

    def table(self, name: str) -> TableState:
        """A table by name or alias (KeyError when there is none)."""
        return self.tables[self.schema.tables.named(name).id]

    def counter(self, name: str) -> CounterArray:
        """An indirect counter array by name or alias (KeyError when there is none)."""
        return self.counters[self.schema.counters.named(name).id]

    # -- writes ------------------------------------------------------------------------------

    def write(self, update: p4r.Update) -> Undo:
        """Apply one update. Raises P4RuntimeError with nothing changed, or returns its undo."""
        kind = _KINDS.get(update.type)
        if kind is None:
            raise invalid("update without a type")
        entity = update.entity
        match entity.WhichOneof("entity"):
            case "table_entry":
                return self._write_table(kind, entity.table_entry)
            case "action_profile_member":
                return self._write_member(kind, entity.action_profile_member)
            case "action_profile_group":
                return self._write_group(kind, entity.action_profile_group)
            case "packet_replication_engine_entry":
                return self.replication.write(kind, entity.packet_replication_engine_entry)
            case "digest_entry":
                digest = self.schema.digests.find(entity.digest_entry.digest_id)
                return self.digests[digest.id].write(kind, entity.digest_entry)
            case "register_entry":
                raise unimplemented("registers cannot be written through P4Runtime")
            case "extern_entry":
                raise unimplemented("extern entries are not supported")
            case None:
                raise invalid("update without an entity")
            case other:
                if kind is not Kind.MODIFY:
                    raise invalid(f"{other}: can only be modified")
                return self._modify(other, entity)

    def settle(self) -> None:
        """A store that only stores has nothing to do when a batch is over."""

    def _modify(self, what: str, entity: p4r.Entity) -> Undo:
        match what:
            case "counter_entry":
                counter = self.schema.counters.find(entity.counter_entry.counter_id)
                return self.counters[counter.id].write(entity.counter_entry)
            case "meter_entry":
                meter = self.schema.meters.find(entity.meter_entry.meter_id)
                return self.meters[meter.id].write(entity.meter_entry)
            case "value_set_entry":
                value_set = self.schema.value_sets.find(entity.value_set_entry.value_set_id)
                return self.value_sets[value_set.id].write(entity.value_set_entry)
            case "direct_counter_entry":
                counter_entry = entity.direct_counter_entry
                table = self._table_of(counter_entry.table_entry)
                if table.table.direct_counter is None:
                    raise invalid(f"table {table.table.name}: has no direct counter")
                entry = table.find(counter_entry.table_entry)
                if not counter_entry.HasField("data"):
                    return lambda: None
                return table.set_counter(entry, counter_entry.data)
            case "direct_meter_entry":
                return self._modify_direct_meter(entity.direct_meter_entry)
        raise unimplemented(f"{what} is not supported")

    def _modify_direct_meter(self, message: p4r.DirectMeterEntry) -> Undo:
        table = self._table_of(message.table_entry)
        meter = table.table.direct_meter
        where = f"table {table.table.name}"
        if meter is None:
            raise invalid(f"{where}: has no direct meter")
        if message.HasField("counter_data"):
            raise unimplemented(f"{where}: meters keep no counters per colour")
        entry = table.find(message.table_entry)
        config = None
        if message.HasField("config"):
            config = decode_meter(message.config, meter.type, where)
        return table.set_meter(entry, config)

    def _write_table(self, kind: Kind, message: p4r.TableEntry) -> Undo:
        table = self._table_of(message)
        match kind:
            case Kind.INSERT:
                return table.insert(message)
            case Kind.MODIFY:
                return table.modify(message)
            case Kind.DELETE:
                return table.delete(message)

    def _table_of(self, message: p4r.TableEntry) -> TableState:
        return self.tables[self.schema.tables.find(message.table_id).id]

    def _write_member(self, kind: Kind, message: p4r.ActionProfileMember) -> Undo:
        profile = self.profiles[self.schema.profiles.find(message.action_profile_id).id]
        match kind:
            case Kind.INSERT:
                return profile.insert_member(message)
            case Kind.MODIFY:
                return profile.modify_member(message)
            case Kind.DELETE:
                return profile.delete_member(message)

    def _write_group(self, kind: Kind, message: p4r.ActionProfileGroup) -> Undo:
        profile = self.profiles[self.schema.profiles.find(message.action_profile_id).id]
        match kind:
            case Kind.INSERT:
                return profile.insert_group(message)
            case Kind.MODIFY:
                return profile.modify_group(message)
            case Kind.DELETE:
                return profile.delete_group(message)

    # -- reads -------------------------------------------------------------------------------

    def read(self, pattern: p4r.Entity) -> Iterator[p4r.Entity]:
        """The entities that `pattern` selects; ids of 0 are wildcards."""
        match pattern.WhichOneof("entity"):
            case "table_entry":
                for table, entry in self._select(pattern.table_entry):
                    yield p4r.Entity(table_entry=table.encode(entry, pattern.table_entry))
            case "direct_counter_entry":
                for table, entry in self._select(pattern.direct_counter_entry.table_entry, "count"):
                    yield p4r.Entity(
                        direct_counter_entry=p4r.DirectCounterEntry(
                            table_entry=table.identify(entry), data=table.counter_data(entry)
                        )
                    )
            case "direct_meter_entry":
                yield from self._read_direct_meters(pattern.direct_meter_entry)
            case "counter_entry":
                for counters in _chosen(
                    self.counters, self.schema.counters.find, pattern.counter_entry.counter_id
                ):
                    for counter in counters.read(pattern.counter_entry):
                        yield p4r.Entity(counter_entry=counter)
            case "meter_entry":
                for meters in _chosen(
                    self.meters, self.schema.meters.find, pattern.meter_entry.meter_id
                ):
                    for meter in meters.read(pattern.meter_entry):
                        yield p4r.Entity(meter_entry=meter)
            case "action_profile_member":
                wanted = pattern.action_profile_member
                for profile in _chosen(
                    self.profiles, self.schema.profiles.find, wanted.action_profile_id
                ):
                    for member in profile.read_members(wanted.member_id):
                        yield p4r.Entity(action_profile_member=member)
            case "action_profile_group":
                chosen = pattern.action_profile_group
                for profile in _chosen(
                    self.profiles, self.schema.profiles.find, chosen.action_profile_id
                ):
                    for group in profile.read_groups(chosen.group_id):
                        yield p4r.Entity(action_profile_group=group)
            case "packet_replication_engine_entry":
                for replica in self.replication.read(pattern.packet_replication_engine_entry):
                    yield p4r.Entity(packet_replication_engine_entry=replica)
            case "value_set_entry":
                for value_set in _chosen(
                    self.value_sets,
                    self.schema.value_sets.find,
                    pattern.value_set_entry.value_set_id,
                ):
                    yield p4r.Entity(value_set_entry=value_set.read())
            case "digest_entry":
                for digest in _chosen(
                    self.digests, self.schema.digests.find, pattern.digest_entry.digest_id
                ):
                    for config in digest.read():
                        yield p4r.Entity(digest_entry=config)
            case "register_entry":
                raise unimplemented("registers cannot be read through P4Runtime")
            case "extern_entry":
                raise unimplemented("extern entries are not supported")
            case None:
                raise invalid("read of an empty entity")

    def _read_direct_meters(self, pattern: p4r.DirectMeterEntry) -> Iterator[p4r.Entity]:
        if pattern.HasField("counter_data"):
            raise unimplemented("meters keep no counters per colour")
        for table, entry in self._select(pattern.table_entry, "meter"):
            message = p4r.DirectMeterEntry(table_entry=table.identify(entry))
            if entry.meter is not None:
                message.config.CopyFrom(encode_meter(entry.meter))
            yield p4r.Entity(direct_meter_entry=message)

    def _select(
        self, pattern: p4r.TableEntry, resource: str = ""
    ) -> Iterator[tuple[TableState, TableEntry]]:
        """Entries by a table entry pattern; with `resource`, of tables that have it."""

        def has(table: TableState) -> bool:
            spec = table.table
            wanted = {"": spec, "count": spec.direct_counter, "meter": spec.direct_meter}
            return wanted[resource] is not None

        if pattern.table_id == 0:
            for table in self.tables.values():
                if has(table):
                    for entry in (
                        [table.default]
                        if pattern.is_default_action
                        else table.select(p4r.TableEntry())
                    ):
                        yield table, entry
            return
        table = self._table_of(pattern)
        table.check_pattern(pattern)
        if not has(table):
            raise invalid(f"table {table.table.name}: has no direct {resource}er")
        if resource and (pattern.match or pattern.is_default_action):
            yield table, table.find(pattern)
            return
        for entry in table.select(pattern):
            yield table, entry

    # -- reconciliation ----------------------------------------------------------------------

    def take_over(self, previous: Pipeline) -> None:
        """Write everything that a client can read from `previous` into this fresh store.

        Raises INVALID_ARGUMENT naming what does not fit. Const entries are not copied: a program
        brings its own.
        """
        if not isinstance(previous, EntityStore):
            raise unimplemented("the forwarding state of this pipeline cannot be preserved")
        for mine in self.tables.values():
            for entry in list(mine.entries.values()):
                if not entry.is_const:
                    mine.delete(mine.identify(entry))
        for kind, entity in previous._state():
            try:
                self.write(p4r.Update(type=kind, entity=entity))
            except P4RuntimeError as error:
                what = entity.WhichOneof("entity")
                raise invalid(f"cannot keep this {what}: {error.message}") from error

    def _state(self) -> Iterator[tuple[p4r.Update.Type.ValueType, p4r.Entity]]:
        """The updates that make a fresh store equal this one, referred-to objects first."""
        insert, modify = p4r.Update.INSERT, p4r.Update.MODIFY
        replication = p4r.PacketReplicationEngineEntry
        for pattern in (
            p4r.Entity(action_profile_member=p4r.ActionProfileMember()),
            p4r.Entity(action_profile_group=p4r.ActionProfileGroup()),
            p4r.Entity(digest_entry=p4r.DigestEntry()),
            p4r.Entity(
                packet_replication_engine_entry=replication(
                    multicast_group_entry=p4r.MulticastGroupEntry()
                )
            ),
            p4r.Entity(
                packet_replication_engine_entry=replication(
                    clone_session_entry=p4r.CloneSessionEntry()
                )
            ),
        ):
            for entity in self.read(pattern):
                yield insert, entity
        everything = p4r.TableEntry(counter_data=p4r.CounterData(), meter_config=p4r.MeterConfig())
        for table in self.tables.values():
            for entry in table.entries.values():
                if not entry.is_const:
                    yield insert, p4r.Entity(table_entry=table.encode(entry, everything))
            if table.default.action != table.initial_default:
                yield modify, p4r.Entity(table_entry=table.encode(table.default, everything))
        for value_set in self.value_sets.values():
            if value_set.members:
                yield modify, p4r.Entity(value_set_entry=value_set.read())
        # Arrays are sparse: only cells that were used differ from a fresh store's.
        for arrays, name in ((self.counters, "counter"), (self.meters, "meter")):
            for number, array in arrays.items():
                for index in array:
                    pattern = p4r.Entity()
                    cell = getattr(pattern, f"{name}_entry")
                    setattr(cell, f"{name}_id", number)
                    cell.index.index = index
                    for entity in self.read(pattern):
                        yield modify, entity

    # -- time --------------------------------------------------------------------------------

    def idle(self, now: float) -> p4r.IdleTimeoutNotification | None:
        """Entries that have become idle, as one notification (None: none)."""
        message = p4r.IdleTimeoutNotification(timestamp=round(now * 1e9))
        for table in self._idle_tables:
            message.table_entry.extend(table.identify(e) for e in table.idle_entries(now))
        return message if message.table_entry else None

    def next_timeout(self) -> float | None:
        """When an entry may become idle or a digest list is due (clock seconds), or None."""
        times = [t.next_idle() for t in self._idle_tables]
        times += [d.next_timeout() for d in self.digests.values()]
        return min((t for t in times if t is not None), default=None)


def _chosen(home: Mapping[int, T], find: Callable[[int], object], number: int) -> list[T]:
    """The object with id `number`, or (0) all; INVALID_ARGUMENT for an unknown id."""
    if number == 0:
        return list(home.values())
    find(number)
    return [home[number]]


def _profile_actions(schema: Schema, table_ids: tuple[int, ...]) -> dict[int, Action]:
    actions: dict[int, Action] = {}
    for table_id in table_ids:
        if table_id in schema.tables:
            actions.update(schema.tables[table_id].actions)
    return actions
