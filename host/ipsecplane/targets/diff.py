"""From what the devices hold to what they should hold: ordered batches of updates.

P4Runtime promises no order inside a batch, so whatever must come before something else is in an
earlier one. Order between ranks keeps references whole (dependencies.py). Among the policy entries,
new ones are written from the highest priority down and old ones deleted from the lowest up: at
every moment a packet meets the decision of the old policy or of the new one, never a third. A batch
ends where "pass in the clear" and "protect" alternate, since only between those does order matter.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from enum import StrEnum
from itertools import groupby
from typing import Final

from .dependencies import RANK, Target, lets_clear_traffic_pass, target_of
from .tables import SECRET_PARAMS, Key, TableEntry

BATCH_SIZE: Final = 500


class Kind(StrEnum):
    INSERT = "INSERT"
    MODIFY = "MODIFY"
    DELETE = "DELETE"


@dataclass(frozen=True, slots=True)
class Update:
    kind: Kind
    entry: TableEntry

    def __str__(self) -> str:
        return f"{self.kind} {self.entry}"


@dataclass(frozen=True, slots=True)
class Batch:
    """Updates of one device that may be applied in any order."""

    target: Target
    updates: tuple[Update, ...]


def same(one: TableEntry, other: TableEntry) -> bool:
    """Whether two entries of one key do the same, as far as a device tells."""
    if one is other or one == other:
        return True
    if one.key != other.key or one.action != other.action:
        return False
    return _public(one) == _public(other)


def diff(current: Mapping[Key, TableEntry], desired: Mapping[Key, TableEntry]) -> list[Batch]:
    """Batches that turn `current` (both devices' entries) into `desired`, in the order to send."""
    upserts: list[Update] = []
    for key, entry in desired.items():
        held = current.get(key)
        if held is None:
            upserts.append(Update(Kind.INSERT, entry))
        elif not same(held, entry):
            upserts.append(Update(Kind.MODIFY, entry))
    deletes = [Update(Kind.DELETE, entry) for key, entry in current.items() if key not in desired]
    upserts.sort(key=lambda u: (RANK[u.entry.table], -u.entry.priority))
    deletes.sort(key=lambda u: (-RANK[u.entry.table], u.entry.priority))
    return [*_batches(upserts), *_batches(deletes)]


def _batches(updates: Iterable[Update]) -> Iterable[Batch]:
    def together(update: Update) -> tuple[Target, int, bool | None]:
        table = update.entry.table
        return target_of(table), RANK[table], lets_clear_traffic_pass(update.entry)

    for (target, _, _), group in groupby(updates, together):
        members = tuple(group)
        for start in range(0, len(members), BATCH_SIZE):
            yield Batch(target, members[start : start + BATCH_SIZE])


def _public(entry: TableEntry) -> tuple[tuple[str, int], ...]:
    return tuple(item for item in entry.params if item[0] not in SECRET_PARAMS)
