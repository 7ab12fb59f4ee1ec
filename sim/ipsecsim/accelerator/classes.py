"""The rows of `llq_select` and `llq_class`: which class a request belongs to, and its rules."""

from __future__ import annotations

from typing import Final, cast

from ipsecsim.p4runtime.changes import Change, Kind
from ipsecsim.p4runtime.entries import ActionCall, MatchKey, TableEntry, matches
from ipsecsim.p4runtime.errors import denied, invalid

from .llq import LlqClass, LlqError

NO_LEVEL: Final = 3
SELECT: Final = "llq_select"
CLASS: Final = "llq_class"
SELECT_PARAMETERS: Final = frozenset({"class_id"})
CLASS_PARAMETERS: Final = frozenset(
    {"level", "weight", "limit", "police_rate", "police_burst", "conditional"}
)


class ClassTable:
    """Follows both tables through `changed`.

    `generation` grows with each change of the rules, `revision` with each change at all.
    """

    def __init__(self) -> None:
        self.rules: dict[int, LlqClass] = {}
        self.generation = 0
        self.revision = 0
        self._entries: dict[int, TableEntry] = {}
        self._selectors: dict[tuple[int, MatchKey], tuple[TableEntry, int]] = {}
        self._known: dict[tuple[int, int], int] = {}  # answers of class_of

    def class_of(self, level: int, qos_group: int) -> int:
        """The class of a request; 0 where no row says otherwise, or the class has no row.

        Levels above 2 are none that exist, so they are all taken for 3.
        """
        key = min(level, NO_LEVEL), qos_group
        number = self._known.get(key)
        if number is None:
            chosen = max(
                (
                    (entry.priority, -place, number)
                    for place, (entry, number) in enumerate(self._selectors.values())
                    if matches(entry.table.fields, entry.match, key)
                ),
                default=(0, 0, 0),
            )[2]
            number = self._known[key] = chosen if chosen in self.rules else 0
        return number

    def count(self, number: int, octets: int, packets: int = 1) -> None:
        """Count packets that class `number` has let through; class 0 without a row counts none."""
        if (entry := self._entries.get(number)) is not None:
            entry.packets += packets
            entry.bytes += octets

    def changed(self, change: Change) -> None:
        """Raises P4RuntimeError, with nothing changed, for a row that makes no class."""
        entry = cast(TableEntry, change.what)
        where = f"table {entry.table.name}"
        if entry.is_default:
            raise denied(f"{where}: the default action is fixed")
        if entry.table.alias == SELECT:
            self._select(change.kind, entry)
        else:
            self._define(change.kind, entry, where)
        self._known.clear()
        self.revision += 1

    def _select(self, kind: Kind, entry: TableEntry) -> None:
        key = entry.priority, entry.match
        if kind is Kind.DELETE:
            del self._selectors[key]
        else:
            number = cast(ActionCall, entry.action).arguments()["class_id"]
            self._selectors[key] = entry, number

    def _define(self, kind: Kind, entry: TableEntry, where: str) -> None:
        number = cast(int, entry.match[0])
        if kind is Kind.DELETE:
            del self.rules[number], self._entries[number]
        else:
            arguments = dict(cast(ActionCall, entry.action).arguments())
            conditional = bool(arguments.pop("conditional"))
            try:
                self.rules[number] = LlqClass(**arguments, conditional=conditional)
            except LlqError as error:
                raise invalid(f"{where}: class_id {number}: {error}") from None
            self._entries[number] = entry
        self.generation += 1
