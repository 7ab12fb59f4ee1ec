"""Match structures: what the generated code looks keys up in.

Exact tables are plain dicts from key to entry. The others are dicts too, of answers found before:
a key that is not there is searched for once, and the answer (an entry, or the default entry) is
kept until the table changes. Ternary and range entries are grouped by mask, one dict a group.
"""

from __future__ import annotations

from bisect import insort
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

from ipsecsim.p4runtime.entries import MatchKey, TableEntry
from ipsecsim.p4runtime.schema import Field, MatchKind

CACHE_LIMIT = 16384
"""Answers kept per table; beyond it the cache starts anew."""


class ExactLookup(dict[Any, TableEntry]):
    """Key: the value of the only field, or the tuple of values."""

    def __init__(self, fields: Sequence[Field], default: TableEntry) -> None:
        super().__init__()
        self._one = len(fields) == 1

    def insert(self, entry: TableEntry) -> None:
        self[entry.match[0] if self._one else entry.match] = entry

    def remove(self, entry: TableEntry) -> None:
        del self[entry.match[0] if self._one else entry.match]


class _CachedLookup(dict[Any, TableEntry]):
    """Subclasses search; `default` answers for a miss."""

    def __init__(self, default: TableEntry) -> None:
        super().__init__()
        self.default = default

    def __missing__(self, key: Any) -> TableEntry:
        if len(self) >= CACHE_LIMIT:
            self.clear()
        entry = self[key] = self.search(key) or self.default
        return entry

    def search(self, key: Any) -> TableEntry | None:
        raise NotImplementedError


class LpmLookup(_CachedLookup):
    """Exact fields and one longest-prefix field. Key as for ExactLookup."""

    def __init__(self, fields: Sequence[Field], default: TableEntry) -> None:
        super().__init__(default)
        self._at = next(i for i, f in enumerate(fields) if f.kind is MatchKind.LPM)
        self._width = fields[self._at].bitwidth
        self._one = len(fields) == 1
        self._by_length: dict[int, dict[Any, TableEntry]] = {}
        self._lengths: list[int] = []

    def _split(self, match: MatchKey) -> tuple[int, Any]:
        """The prefix length, and the key in that length's dict."""
        prefix = match[self._at]
        value, length = prefix if isinstance(prefix, tuple) else (0, 0)
        short = value >> (self._width - length)
        if self._one:
            return length, short
        return length, (*match[: self._at], short, *match[self._at + 1 :])

    def insert(self, entry: TableEntry) -> None:
        self.clear()
        length, key = self._split(entry.match)
        if length not in self._by_length:
            self._by_length[length] = {}
            insort(self._lengths, length, key=lambda item: -item)
        self._by_length[length][key] = entry

    def remove(self, entry: TableEntry) -> None:
        self.clear()
        length, key = self._split(entry.match)
        del self._by_length[length][key]
        if not self._by_length[length]:
            del self._by_length[length]
            self._lengths.remove(length)

    def search(self, key: Any) -> TableEntry | None:
        at, width = self._at, self._width
        for length in self._lengths:
            entries = self._by_length[length]
            if self._one:
                entry = entries.get(key >> (width - length))
            else:
                entry = entries.get((*key[:at], key[at] >> (width - length), *key[at + 1 :]))
            if entry is not None:
                return entry
        return None


@dataclass(slots=True, eq=False)
class _Item:
    """An entry in its group: `order` counts insertions, the earlier of equal priority wins."""

    entry: TableEntry
    order: int
    ranges: tuple[tuple[int, int, int, int], ...]
    """(shift, width mask, low, high) of each range field that has one."""

    def rank(self) -> tuple[int, int]:
        return (-self.entry.priority, self.order)


@dataclass(slots=True, eq=False)
class _Group:
    """Entries with one mask: masked key → items, best first."""

    mask: int
    items: dict[int, list[_Item]] = field(default_factory=dict)
    best: int = 0
    """The highest priority in the group."""


class TernaryLookup(_CachedLookup):
    """Any mix of fields. The key is all fields side by side, the first in the highest bits."""

    def __init__(self, fields: Sequence[Field], default: TableEntry) -> None:
        super().__init__(default)
        self._fields = fields
        self._shifts: list[int] = []
        left = sum(f.bitwidth for f in fields)
        for spec in fields:
            left -= spec.bitwidth
            self._shifts.append(left)
        self._groups: dict[int, _Group] = {}
        self._sorted: list[_Group] = []
        self._count = 0

    def _encode(self, match: MatchKey) -> tuple[int, int, list[tuple[int, int, int, int]]]:
        value = mask = 0
        ranges: list[tuple[int, int, int, int]] = []
        for spec, shift, want in zip(self._fields, self._shifts, match, strict=True):
            full = (1 << spec.bitwidth) - 1
            if want is None:
                continue
            if isinstance(want, int):
                value |= want << shift
                mask |= full << shift
            elif spec.kind is MatchKind.RANGE:
                ranges.append((shift, full, want[0], want[1]))
            elif spec.kind is MatchKind.LPM:
                value |= want[0] << shift
                mask |= (full ^ (full >> want[1])) << shift
            else:
                value |= want[0] << shift
                mask |= want[1] << shift
        return value, mask, ranges

    def insert(self, entry: TableEntry) -> None:
        self.clear()
        value, mask, ranges = self._encode(entry.match)
        self._count += 1
        group = self._groups.setdefault(mask, _Group(mask))
        item = _Item(entry, self._count, tuple(ranges))
        insort(group.items.setdefault(value, []), item, key=_Item.rank)
        if len(group.items) == 1 or entry.priority > group.best:
            self._rank(group, max(group.best, entry.priority))

    def remove(self, entry: TableEntry) -> None:
        self.clear()
        value, mask, _ = self._encode(entry.match)
        group = self._groups[mask]
        items = group.items[value]
        items[:] = [item for item in items if item.entry is not entry]
        if not items:
            del group.items[value]
        if not group.items:
            del self._groups[mask]
            self._sorted.remove(group)
        elif entry.priority == group.best:
            self._rank(group, max(items[0].entry.priority for items in group.items.values()))

    def _rank(self, group: _Group, best: int) -> None:
        group.best = best
        self._sorted = sorted(self._groups.values(), key=lambda g: -g.best)

    def search(self, key: Any) -> TableEntry | None:
        found: _Item | None = None
        for group in self._sorted:
            if found is not None and group.best < found.entry.priority:
                break
            for item in group.items.get(key & group.mask, ()):
                if item.ranges and not all(
                    low <= key >> shift & full <= high for shift, full, low, high in item.ranges
                ):
                    continue
                if found is None or item.rank() < found.rank():
                    found = item
                break
        return found.entry if found is not None else None


Lookup = ExactLookup | LpmLookup | TernaryLookup


def make_lookup(fields: Sequence[Field], default: TableEntry) -> Lookup:
    """The structure for a table with these match fields."""
    kinds = {f.kind for f in fields}
    if kinds <= {MatchKind.EXACT}:
        return ExactLookup(fields, default)
    if kinds <= {MatchKind.EXACT, MatchKind.LPM}:
        return LpmLookup(fields, default)
    return TernaryLookup(fields, default)
