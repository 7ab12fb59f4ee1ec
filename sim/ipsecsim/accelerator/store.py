"""The accelerator's forwarding state: P4Runtime entities, and the SAs made of them.

The store keeps no keys. Once an entry's SA is built, the entry's action is replaced by one whose
secrets are 0 and which refers to the SA: that is what reads answer, and what brings the SA back
when a batch is rolled back.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Final, Generic, Protocol, TypeVar, cast

from finsy.proto import p4i
from ipsecplane.targets.crypto_header import Reason

from ipsecsim.p4runtime.changes import Change, Kind
from ipsecsim.p4runtime.device import Pipeline
from ipsecsim.p4runtime.entries import ActionCall, TableEntry
from ipsecsim.p4runtime.errors import denied, invalid
from ipsecsim.p4runtime.schema import MatchKind, Schema
from ipsecsim.p4runtime.store import EntityStore

from .classes import CLASS, CLASS_PARAMETERS, SELECT, SELECT_PARAMETERS, ClassTable
from .llq import CLASSES, Cause
from .sa import DecryptSa, EncryptSa
from .tables import (
    DECRYPT_PARAMETERS,
    ENCRYPT_PARAMETERS,
    SECRETS,
    Arguments,
    SaError,
    decrypt_sa,
    encrypt_sa,
)

_ENCRYPT: Final = "sa_encrypt"
_DECRYPT: Final = "sa_decrypt"
_ACTION: Final = {_ENCRYPT: "encrypt", _DECRYPT: "decrypt"}
_CONTRACT: Final = {  # table: its key, the match, its action and that one's parameters
    _ENCRYPT: (("sa_index",), MatchKind.EXACT, "encrypt", ENCRYPT_PARAMETERS),
    _DECRYPT: (("sa_index",), MatchKind.EXACT, "decrypt", DECRYPT_PARAMETERS),
    SELECT: (("level", "qos_group"), MatchKind.TERNARY, "select_class", SELECT_PARAMETERS),
    CLASS: (("class_id",), MatchKind.EXACT, "queue_class", CLASS_PARAMETERS),
}
_REASON_BITS: Final = 5
_INDEX_BITS: Final = 16
_COUNTERS: Final = {
    "sa_errors": 1 << 1 + _INDEX_BITS + _REASON_BITS,
    "errors": 1 << _REASON_BITS,
    "llq_drops": CLASSES * len(Cause),
}


class Sa(Protocol):
    """What a store keeps of an SA, whatever it is made of."""

    @property
    def epoch(self) -> int: ...

    def adopt(self, other: Any) -> None:
        """Go on where `other`, of the same kind and epoch, has stopped."""


Out = TypeVar("Out", bound=Sa)
In = TypeVar("In", bound=Sa)
S = TypeVar("S", bound=Sa)


@dataclass(frozen=True, slots=True)
class KeptCall(ActionCall):
    """An action call without its secrets, and the SA that was made of it."""

    sa: Sa


@dataclass(slots=True)
class Row(Generic[S]):
    """An SA and the table entry in whose direct counter it counts."""

    sa: S
    entry: TableEntry


class SaTables(EntityStore, Generic[Out, In]):
    """The entities of `p4/accelerator.p4`, its SAs by index, and the classes of its queues.

    `encrypt` and `decrypt` make an SA of an action's arguments, or raise SaError. Raises
    INVALID_ARGUMENT for a p4info that is not the accelerator's.
    """

    def __init__(
        self,
        p4info: p4i.P4Info,
        clock: Callable[[], float],
        encrypt: Callable[[Arguments], Out],
        decrypt: Callable[[Arguments], In],
    ) -> None:
        self.outbound: dict[int, Row[Out]] = {}
        self.inbound: dict[int, Row[In]] = {}
        self.classes = ClassTable()
        self._encrypt = encrypt
        self._decrypt = decrypt
        super().__init__(p4info, clock=clock, listener=self._changed)
        _check(self.schema)
        self._sa_errors = self.counter("sa_errors")
        self._errors = self.counter("errors")
        self._llq_drops = self.counter("llq_drops")

    def count_error(self, reason: Reason, packets: int = 1) -> None:
        """Count refusals that no SA is to blame for."""
        self._errors[reason].packets += packets

    def count_sa_error(self, inbound: bool, index: int, reason: Reason, packets: int = 1) -> None:
        """Count refusals in the name of the SA in row `index`."""
        row = inbound << _INDEX_BITS | index
        self._sa_errors[row << _REASON_BITS | reason].packets += packets

    def count_llq_drop(self, number: int, octets: int, cause: Cause, packets: int = 1) -> None:
        """Count packets that class `number` did not let in."""
        cell = self._llq_drops[number * len(Cause) + cause]
        cell.packets += packets
        cell.bytes += octets

    def take_over(self, previous: Pipeline) -> None:
        """Copy entities as any store does, and bring along the SAs: no read shows their keys."""
        super().take_over(previous)
        assert isinstance(previous, SaTables)
        for name in _ACTION:
            old = previous.table(name).entries
            for key, entry in self.table(name).entries.items():
                if key in old:
                    entry.action = old[key].action
                    self._changed(Change(Kind.MODIFY, entry))

    def _changed(self, change: Change) -> None:
        if isinstance(change.what, TableEntry):
            match change.what.table.alias:
                case "sa_encrypt":
                    _install(change.kind, change.what, self.outbound, self._encrypt)
                case "sa_decrypt":
                    _install(change.kind, change.what, self.inbound, self._decrypt)
                case "llq_select" | "llq_class":
                    self.classes.changed(change)


class SaStore(SaTables[EncryptSa, DecryptSa]):
    """The store of the software model: its SAs hold their ciphers."""

    def __init__(self, p4info: p4i.P4Info, clock: Callable[[], float]) -> None:
        super().__init__(p4info, clock, encrypt_sa, decrypt_sa)


def _install(
    kind: Kind, entry: TableEntry, rows: dict[int, Row[S]], build: Callable[[Arguments], S]
) -> None:
    """Make `rows` follow a change of `entry`. Raises P4RuntimeError with nothing changed."""
    where = f"table {entry.table.name}"
    if entry.is_default:
        raise denied(f"{where}: the default action is fixed")
    index = cast(int, entry.match[0])
    if kind is Kind.DELETE:
        del rows[index]
        return
    call = cast(ActionCall, entry.action)
    if isinstance(call, KeptCall):
        rows[index] = Row(cast(S, call.sa), entry)
        return
    where = f"{where}: sa_index {index}"
    if call.action.alias != _ACTION[entry.table.alias]:
        raise invalid(f"{where}: action {call.action.name} makes no SA")
    try:
        sa = build(call.arguments())
    except SaError as error:
        raise invalid(f"{where}: {error}") from None
    before = rows.get(index)
    if before is not None and before.sa.epoch == sa.epoch:
        sa.adopt(before.sa)
    named = zip(call.action.params, call.values, strict=True)
    kept = tuple(0 if p.name in SECRETS else value for p, value in named)
    entry.action = KeptCall(call.action, kept, sa)
    rows[index] = Row(sa, entry)


def _check(schema: Schema) -> None:
    """Refuse a p4info that is not the contract which this model implements."""
    for name, (key, kind, action_name, parameters) in _CONTRACT.items():
        table = next((t for t in schema.tables.values() if t.alias == name), None)
        if table is None:
            raise invalid(f"p4info: no table {name}; this is an accelerator")
        if [(f.name, f.kind) for f in table.fields] != [(field, kind) for field in key]:
            raise invalid(f"p4info: table {name}: the key must be {', '.join(key)}, {kind.value}")
        action = next((a for a in table.actions.values() if a.alias == action_name), None)
        if action is None:
            raise invalid(f"p4info: table {name}: no action {action_name}")
        if different := {p.name for p in action.params} ^ parameters:
            raise invalid(f"p4info: action {action_name}: parameters differ: {sorted(different)}")
        if table.direct_counter is None and name != SELECT:
            raise invalid(f"p4info: table {name}: no direct counter")
    for name, size in _COUNTERS.items():
        counter = next((c for c in schema.counters.values() if c.alias == name), None)
        if counter is None or counter.size < size:
            raise invalid(f"p4info: no counter {name} of at least {size} cells")
