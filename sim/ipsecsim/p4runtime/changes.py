"""How a store tells its device of a change, and how a change is taken back."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from enum import Enum
from typing import Any

from .errors import P4RuntimeError

Undo = Callable[[], None]


class Kind(Enum):
    INSERT = "insert"
    MODIFY = "modify"
    DELETE = "delete"


@dataclass(frozen=True, slots=True)
class Change:
    """Something that has just changed in a store.

    `what` is the changed object, already in its new state: a TableEntry (default entries change
    with MODIFY only), profiles.Member or Group, replication.MulticastGroup or CloneSession,
    arrays.MeterCell, value_sets.ValueSetState. MODIFY changes the object in place: a device that
    holds the object sees the new state without being told.
    """

    kind: Kind
    what: Any


Listener = Callable[[Change], None]
"""Called after each change. It may refuse by raising P4RuntimeError: the store then restores the
state before. It must not refuse the inverse of a change that it accepted."""

_INVERSE = {Kind.INSERT: Kind.DELETE, Kind.MODIFY: Kind.MODIFY, Kind.DELETE: Kind.INSERT}


def apply(
    listener: Listener, change: Change, do: Callable[[], None], undo: Callable[[], None]
) -> Undo:
    """Do a change and tell the listener; returns what takes it back (and tells so again)."""
    do()
    try:
        listener(change)
    except P4RuntimeError:
        undo()
        raise

    def take_back() -> None:
        undo()
        listener(Change(_INVERSE[change.kind], change.what))

    return take_back


def set_attributes(target: object, **values: Any) -> tuple[Callable[[], None], Callable[[], None]]:
    """A (do, undo) pair that assigns attributes of `target`."""
    before = {name: getattr(target, name) for name in values}

    def assign(state: dict[str, Any]) -> None:
        for name, value in state.items():
            setattr(target, name, value)

    return (lambda: assign(values)), (lambda: assign(before))


def all_of(undos: list[Undo]) -> Undo:
    """One undo for several changes, last change first."""

    def take_back() -> None:
        for undo in reversed(undos):
            undo()

    return take_back
