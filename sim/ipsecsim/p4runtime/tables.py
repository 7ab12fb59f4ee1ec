"""One table's entries: P4Runtime's INSERT, MODIFY, DELETE and read rules for TableEntry."""

from __future__ import annotations

from collections.abc import Callable, Iterator

from finsy.proto import p4r

from .changes import Change, Kind, Listener, Undo, apply, set_attributes
from .entries import (
    ActionCall,
    MatchKey,
    MeterConfig,
    TableAction,
    TableEntry,
    decode_action,
    decode_match,
    decode_meter,
    encode_action,
    encode_match,
    encode_meter,
    make_call,
)
from .errors import already_exists, denied, exhausted, invalid, not_found, unimplemented
from .profiles import ProfileState
from .schema import Table

Clock = Callable[[], float]


class TableState:
    """The forwarding state of one table.

    `entries` is keyed by (priority, match key). The default entry always exists; its action is
    None when neither the p4info nor the device has named one (nothing happens on a miss).
    """

    def __init__(
        self, table: Table, profile: ProfileState | None, listener: Listener, clock: Clock
    ) -> None:
        self.table = table
        self.entries: dict[tuple[int, MatchKey], TableEntry] = {}
        self._profile = profile
        self._listener = listener
        self._clock = clock
        self._where = f"table {table.name}"
        self._idle_due: float | None = None
        self.initial_default: ActionCall | None = None
        if table.default is not None:
            action_id, values = table.default
            action = table.actions[action_id]
            # A p4info that names the action but not its arguments leaves them to the device.
            if len(values) == len(action.params):
                self.initial_default = make_call(action, values, self._where)
        self.default = TableEntry(
            table, (None,) * len(table.fields), 0, self.initial_default, is_default=True
        )

    # -- for the device ----------------------------------------------------------------------

    def set_initial_default(self, call: ActionCall | None) -> None:
        """What the program says the default action is (when the p4info does not tell)."""
        self.initial_default = call
        self.default.action = call

    def preload(self, match: MatchKey, priority: int, call: ActionCall, *, const: bool) -> None:
        """Install an entry that the program declares (`entries`, `const entries`)."""
        entry = TableEntry(self.table, match, priority, call, is_const=const)
        entry.last_hit = self._clock()
        if (priority, match) in self.entries:
            raise already_exists(f"{self._where}: initial entry {match} is declared twice")
        self.entries[priority, match] = entry
        self._listener(Change(Kind.INSERT, entry))

    # -- writes ------------------------------------------------------------------------------

    def insert(self, message: p4r.TableEntry) -> Undo:
        table = self.table
        if message.is_default_action:
            raise invalid(f"{self._where}: the default entry can only be modified")
        if table.is_const:
            raise denied(f"{self._where}: is a const table")
        if not table.fields:
            raise invalid(f"{self._where}: has no match key, so it takes no entries")
        self._check_write(message)
        key = self._key(message)
        if key in self.entries:
            raise already_exists(f"{self._where}: an entry with this match (and priority) exists")
        if table.size and len(self.entries) >= table.size:
            raise exhausted(f"{self._where}: full, its size is {table.size}")
        if not message.HasField("action"):
            raise invalid(f"{self._where}: an entry needs an action")
        action = decode_action(table, message.action, self._where)
        self._check_reference(action)
        entry = TableEntry(
            table,
            key[1],
            key[0],
            action,
            message.metadata,
            message.controller_metadata,
            message.idle_timeout_ns,
            meter=self._meter(message),
            packets=message.counter_data.packet_count,
            bytes=message.counter_data.byte_count,
            last_hit=self._clock(),
        )
        return self._put(entry, key)

    def modify(self, message: p4r.TableEntry) -> Undo:
        entry = self.find(message)
        self._check_write(message)
        action = entry.action
        if entry.is_default:
            if self.table.profile is not None:
                raise denied(f"{self._where}: the default entry of an indirect table is fixed")
            if self.table.const_default and message.HasField("action"):
                raise denied(f"{self._where}: the default action is const")
            action = self.initial_default
        if message.HasField("action"):
            if entry.is_const:
                raise denied(f"{self._where}: the action of a const entry cannot be modified")
            action = decode_action(
                self.table, message.action, self._where, default=entry.is_default
            )
            self._check_reference(action)
        values: dict[str, object] = {
            "action": action,
            "metadata": message.metadata,
            "controller_metadata": message.controller_metadata,
            "idle_timeout_ns": message.idle_timeout_ns,
            "meter": self._meter(message),
        }
        if message.HasField("counter_data"):
            values["packets"] = message.counter_data.packet_count
            values["bytes"] = message.counter_data.byte_count
        assign, restore = set_attributes(entry, **values)
        old, new = entry.action, action

        def do() -> None:
            assign()
            self._move_reference(old, new)
            self._expect_idle(entry)

        def undo() -> None:
            restore()
            self._move_reference(new, old)

        return apply(self._listener, Change(Kind.MODIFY, entry), do, undo)

    def delete(self, message: p4r.TableEntry) -> Undo:
        if message.is_default_action:
            raise invalid(f"{self._where}: the default entry cannot be deleted")
        if self.table.is_const:
            raise denied(f"{self._where}: is a const table")
        entry = self.find(message)
        if entry.is_const:
            raise denied(f"{self._where}: a const entry cannot be deleted")
        return self._put(entry, (entry.priority, entry.match), Kind.DELETE)

    def _put(self, entry: TableEntry, key: tuple[int, MatchKey], kind: Kind = Kind.INSERT) -> Undo:
        def add() -> None:
            self.entries[key] = entry
            self._move_reference(None, entry.action)
            self._expect_idle(entry)

        def remove() -> None:
            del self.entries[key]
            self._move_reference(entry.action, None)

        do, undo = (add, remove) if kind is Kind.INSERT else (remove, add)
        return apply(self._listener, Change(kind, entry), do, undo)

    def set_counter(self, entry: TableEntry, data: p4r.CounterData) -> Undo:
        """Overwrite a direct counter."""
        do, undo = set_attributes(entry, packets=data.packet_count, bytes=data.byte_count)
        do()
        return undo

    def set_meter(self, entry: TableEntry, config: MeterConfig | None) -> Undo:
        """Reconfigure a direct meter; None is the default (all green)."""
        do, undo = set_attributes(entry, meter=config)
        return apply(self._listener, Change(Kind.MODIFY, entry), do, undo)

    # -- lookups and reads -------------------------------------------------------------------

    def find(self, message: p4r.TableEntry) -> TableEntry:
        """The entry that `message` identifies (default, or by match and priority)."""
        if message.is_default_action:
            if message.match or message.priority:
                raise invalid(f"{self._where}: the default entry has no match and no priority")
            return self.default
        entry = self.entries.get(self._key(message))
        if entry is None:
            raise not_found(f"{self._where}: no entry with this match (and priority)")
        return entry

    def select(self, pattern: p4r.TableEntry) -> Iterator[TableEntry]:
        """The entries that a read's `pattern` selects (specification, "Wildcard Reads")."""
        found: list[TableEntry]
        if pattern.is_default_action:
            found = [self.find(pattern)]
        elif pattern.match:
            match = decode_match(self.table.fields, pattern.match, self._where)
            if self.table.needs_priority and not pattern.priority:
                found = [e for e in self.entries.values() if e.match == match]
            else:
                entry = self.entries.get((pattern.priority, match))
                found = [entry] if entry is not None else []
        else:
            found = list(self.entries.values())
        for entry in found:
            if pattern.priority and entry.priority != pattern.priority:
                continue
            if pattern.metadata and entry.metadata != pattern.metadata:
                continue
            wanted = pattern.controller_metadata
            if wanted and entry.controller_metadata != wanted:
                continue
            if pattern.HasField("action"):
                action_id = pattern.action.action.action_id
                if not isinstance(entry.action, ActionCall) or entry.action.action.id != action_id:
                    continue
            yield entry

    def check_pattern(self, pattern: p4r.TableEntry) -> None:
        """Refuse a read of this one table that asks for what it does not have."""
        if pattern.HasField("counter_data") and self.table.direct_counter is None:
            raise invalid(f"{self._where}: has no direct counter")
        if pattern.HasField("meter_config") and self.table.direct_meter is None:
            raise invalid(f"{self._where}: has no direct meter")
        if pattern.HasField("time_since_last_hit") and not self.table.idle_timeout:
            raise invalid(f"{self._where}: does not support idle timeout")
        if pattern.HasField("meter_counter_data"):
            raise unimplemented(f"{self._where}: meters keep no counters per colour")

    def encode(self, entry: TableEntry, pattern: p4r.TableEntry) -> p4r.TableEntry:
        """The entry as a read answers it, with the direct resources that `pattern` asks for."""
        message = self.identify(entry)
        if entry.action is not None:
            message.action.CopyFrom(encode_action(entry.action))
        message.is_const = entry.is_const
        if pattern.HasField("counter_data") and self.table.direct_counter is not None:
            message.counter_data.CopyFrom(self.counter_data(entry))
        if pattern.HasField("meter_config") and entry.meter is not None:
            message.meter_config.CopyFrom(encode_meter(entry.meter))
        wants_age = pattern.HasField("time_since_last_hit") and self.table.idle_timeout
        if wants_age and not entry.is_default:
            elapsed = max(0.0, self._clock() - entry.last_hit)
            message.time_since_last_hit.elapsed_ns = round(elapsed * 1e9)
        return message

    def counter_data(self, entry: TableEntry) -> p4r.CounterData:
        return p4r.CounterData(byte_count=entry.bytes, packet_count=entry.packets)

    def identify(self, entry: TableEntry) -> p4r.TableEntry:
        """The entry's key fields, cookies and idle timeout: what notifications carry."""
        return p4r.TableEntry(
            table_id=self.table.id,
            match=encode_match(self.table.fields, entry.match),
            priority=entry.priority,
            is_default_action=entry.is_default,
            metadata=entry.metadata,
            controller_metadata=entry.controller_metadata,
            idle_timeout_ns=entry.idle_timeout_ns,
        )

    # -- checks ------------------------------------------------------------------------------

    def _key(self, message: p4r.TableEntry) -> tuple[int, MatchKey]:
        match = decode_match(self.table.fields, message.match, self._where)
        if self.table.needs_priority and message.priority <= 0:
            raise invalid(
                f"{self._where}: entries of a table with ternary, range or optional fields need a"
                " positive priority"
            )
        if not self.table.needs_priority and message.priority:
            raise invalid(f"{self._where}: entries of this table have no priority")
        return message.priority, match

    def _check_write(self, message: p4r.TableEntry) -> None:
        if message.is_const:
            raise invalid(f"{self._where}: is_const is not for a client to set")
        if message.HasField("time_since_last_hit"):
            raise invalid(f"{self._where}: time_since_last_hit cannot be written")
        if message.HasField("meter_counter_data"):
            raise unimplemented(f"{self._where}: meters keep no counters per colour")
        if message.HasField("counter_data") and self.table.direct_counter is None:
            raise invalid(f"{self._where}: has no direct counter")
        if message.HasField("meter_config") and self.table.direct_meter is None:
            raise invalid(f"{self._where}: has no direct meter")
        if message.idle_timeout_ns:
            if not self.table.idle_timeout or message.is_default_action:
                raise invalid(f"{self._where}: idle timeout is not supported here")
            if message.idle_timeout_ns < 0:
                raise invalid(f"{self._where}: negative idle timeout")

    def _meter(self, message: p4r.TableEntry) -> MeterConfig | None:
        if not message.HasField("meter_config") or self.table.direct_meter is None:
            return None
        return decode_meter(message.meter_config, self.table.direct_meter.type, self._where)

    def _check_reference(self, action: TableAction) -> None:
        if self._profile is not None:
            self._profile.check_reference(action, self._where)

    def _move_reference(self, old: TableAction | None, new: TableAction | None) -> None:
        if self._profile is not None:
            self._profile.move_reference(old, new)

    # -- idle timeout ------------------------------------------------------------------------

    def _expect_idle(self, entry: TableEntry) -> None:
        if entry.idle_timeout_ns:
            due = entry.last_hit + entry.idle_timeout_ns / 1e9
            self._idle_due = due if self._idle_due is None else min(self._idle_due, due)

    def next_idle(self) -> float | None:
        """A time before which no entry becomes idle (clock seconds), None without timeouts.

        Hits move an entry's time later without telling: the answer may be early, never late.
        """
        return self._idle_due

    def idle_entries(self, now: float) -> list[TableEntry]:
        """Entries that were not hit for their idle timeout; their timers start anew."""
        if self._idle_due is None or now < self._idle_due:
            return []
        idle = []
        self._idle_due = None
        for entry in self.entries.values():
            timeout = entry.idle_timeout_ns
            if timeout:
                if now >= entry.last_hit + timeout / 1e9:
                    entry.last_hit = now
                    idle.append(entry)
                self._expect_idle(entry)
        return idle
