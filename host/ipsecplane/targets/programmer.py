"""Keeps two devices at a desired state, whatever fails in between.

`want` says what should be there; `apply` sends the difference. What could not be written is
reported by table and entry, the wish is kept, and after a pause the devices are read again and the
rest is tried: a failed write never leaves an entry that points to nothing.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Mapping
from typing import Final

from .dependencies import (
    RANK,
    Reference,
    Target,
    guarded_by,
    needs,
    provides,
    target_of,
)
from .diff import Kind, Update, diff, same
from .session import Session
from .tables import Key, TableEntry, by_key
from .transport import TargetError, TargetUnavailable

FIRST_RETRY: Final = 1.0
LAST_RETRY: Final = 30.0


class Programmer:
    """Desired and current entries of both devices. Times are seconds.

    `report(text)` gets one line for each update that failed. `before_delete(entries)` is called
    with what is about to be removed, while its counters can still be read.
    """

    def __init__(
        self,
        sessions: Mapping[Target, Session],
        *,
        clock: Callable[[], float],
        report: Callable[[str], None],
        before_delete: Callable[[Iterable[TableEntry]], None] | None = None,
    ) -> None:
        self.current: dict[Key, TableEntry] = {}
        self.desired: dict[Key, TableEntry] = {}
        self.in_step = False
        """Whether the last `apply` left both devices as they should be, as far as is known."""
        self._sessions = sessions
        self._clock = clock
        self._report = report
        self._before_delete = before_delete
        self._retry_at: float | None = None
        self._retry_in = FIRST_RETRY
        self._reported: set[str] = set()

    def want(self, entries: Iterable[TableEntry]) -> None:
        """A new desired state; `apply` makes it so. Raises TableError for a doubled key."""
        self.desired = by_key(entries)

    def next_timeout(self) -> float | None:
        return self._retry_at

    def handle_timeout(self, now: float) -> None:
        """Read again and retry what had failed."""
        if self._retry_at is not None and now >= self._retry_at:
            self._retry_at = None
            for target, session in self._sessions.items():
                if session.ready:
                    self.read(target)
            self.apply()

    def read(self, target: Target) -> list[TableEntry]:
        """Learn what a device holds. Returns the entries that we thought it had and it has not."""
        session = self._sessions[target]
        assert session.codec is not None
        tables = [t for t in RANK if target_of(t) is target and t in session.codec.tables]
        try:
            held = session.read_entries(tables)
        except TargetError as error:
            self._failed(f"{target}: reading the tables: {error}")
            return []
        before = {k: e for k, e in self.current.items() if target_of(e.table) is target}
        for key in before:
            del self.current[key]
        # What we wrote ourselves we know in full; the device keeps the keys to itself.
        for key, entry in held.items():
            ours = before.get(key)
            self.current[key] = ours if ours is not None and same(ours, entry) else entry
        return [entry for key, entry in before.items() if key not in held]

    def apply(self) -> bool:
        """Send what differs to the devices that are there. True when nothing is left to do."""
        self.in_step = self._send_all()
        if self.in_step:
            self._retry_at, self._retry_in = None, FIRST_RETRY
            self._reported.clear()
        elif any(session.ready for session in self._sessions.values()):
            self._retry_at = self._clock() + self._retry_in
            self._retry_in = min(self._retry_in * 2, LAST_RETRY)
        return self.in_step

    def _send_all(self) -> bool:
        todo = diff(self.current, self.desired)
        if not todo:
            return True
        guard = _Guard(self.current)
        complete = True
        for batch in todo:
            session = self._sessions[batch.target]
            allowed = []
            for update in batch.updates:
                if session.ready and guard.allows(update):
                    allowed.append(update)
                else:
                    guard.failed(update)
                    complete = False
            if allowed:
                complete &= self._send(session, allowed, guard)
        return complete

    def _send(self, session: Session, updates: list[Update], guard: _Guard) -> bool:
        deletes = [u.entry for u in updates if u.kind is Kind.DELETE]
        if deletes and self._before_delete is not None:
            self._before_delete(deletes)
        try:
            failed = session.write(updates)
        except TargetUnavailable:
            for update in updates:
                guard.failed(update)
            return False
        refused = {id(update) for update, _ in failed}
        for update in updates:
            if id(update) in refused:
                guard.failed(update)
            else:
                guard.applied(update, self.current.get(update.entry.key))
                if update.kind is Kind.DELETE:
                    self.current.pop(update.entry.key, None)
                else:
                    self.current[update.entry.key] = update.entry
        for update, failure in failed:
            self._failed(f"{target_of(update.entry.table)}: {update}: {failure}")
        return not failed

    def _failed(self, text: str) -> None:
        """Report once until all is well again: retries would repeat it."""
        if self._retry_at is None:
            self._retry_at = self._clock() + self._retry_in
        if text not in self._reported:
            self._reported.add(text)
            self._report(text)


class _Guard:
    """Says which updates keep references whole, given what was applied and what failed."""

    def __init__(self, current: Mapping[Key, TableEntry]) -> None:
        self._provided: Counter[Reference] = Counter()
        self._needed: Counter[Reference] = Counter()
        self._broken: set[Reference] = set()
        for entry in current.values():
            self._count(entry, 1)

    def allows(self, update: Update) -> bool:
        entry = update.entry
        if update.kind is Kind.DELETE:
            gives = provides(entry)
            return gives is None or gives[0] == "spd" or not self._needed[gives]
        if guarded_by(entry) in self._broken:
            return False
        return all(self._provided[r] and r not in self._broken for r in needs(entry))

    def applied(self, update: Update, before: TableEntry | None) -> None:
        if before is not None:
            self._count(before, -1)
        if update.kind is not Kind.DELETE:
            self._count(update.entry, 1)

    def failed(self, update: Update) -> None:
        """What this update should have provided must not be relied on."""
        gives = provides(update.entry)
        if gives is not None and update.kind is not Kind.DELETE:
            self._broken.add(gives)

    def _count(self, entry: TableEntry, step: int) -> None:
        gives = provides(entry)
        if gives is not None:
            self._provided[gives] += step
        for one in needs(entry):
            self._needed[one] += step
