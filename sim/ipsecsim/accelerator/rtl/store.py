"""The forwarding state of an accelerator in hardware: checked here, kept there.

Rows say what has to be in force; when a batch of updates is over (`settle`), the device is told
what differs from what it has. So it hears nothing of what was undone. Keys are in here from the
write of a row to the end of its batch. Counters are read from the device when they are asked for.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Final, cast

from finsy.proto import p4i, p4r
from ipsecplane.ipsec.algorithms import CIPHERS, INTEGRITIES
from ipsecplane.targets.crypto_header import Reason

from ipsecsim.accelerator.llq import Cause
from ipsecsim.accelerator.store import SaTables
from ipsecsim.accelerator.tables import Arguments, SaError, decrypt_sa, encrypt_sa
from ipsecsim.p4runtime.changes import Change, Kind, Undo
from ipsecsim.p4runtime.entries import TableEntry
from ipsecsim.p4runtime.errors import Code, P4RuntimeError, exhausted

from .driver import Driver, DriverError, Features
from .model import ModelError
from .queues import Queues
from .regmap import Register
from .sa_registers import sa_registers

_CIPHER: Final = {row.accelerator_id: row.name for row in CIPHERS}
_INTEGRITY: Final = {row.accelerator_id: row.name for row in INTEGRITIES}

Place = tuple[bool, int]
"""Inbound?, and sa_index."""


@dataclass(slots=True, eq=False)
class HardwareSa:
    """An SA on its way to the device, or there; then it has no `registers` any more.

    `line` is the same for SAs that follow each other in a row with numbers and windows going on.
    """

    epoch: int
    registers: Mapping[Register, int] = field(repr=False)
    line: object = field(default_factory=object)

    def adopt(self, other: HardwareSa) -> None:
        self.line = other.line


class HardwareStore(SaTables[HardwareSa, HardwareSa]):
    """The entities of `p4/accelerator.p4`, of a device that `driver` drives."""

    def __init__(
        self,
        p4info: p4i.P4Info,
        clock: Callable[[], float],
        driver: Driver,
        queues: Queues,
        features: Features,
    ) -> None:
        self._driver = driver
        self._queues = queues
        self._sas = features.sas
        self._loaded: dict[Place, HardwareSa] = {}
        self._touched: set[tuple[bool, int, int]] = set()  # inbound, index, reason
        self._touched_errors: set[int] = set()
        self._touched_queues: set[tuple[bool, int]] = set()  # inbound, class

        def outbound(a: Arguments) -> HardwareSa:
            encrypt_sa(a)
            return _hardware_sa(a, features)

        def inbound(a: Arguments) -> HardwareSa:
            decrypt_sa(a)
            return _hardware_sa(a, features)

        super().__init__(p4info, clock, outbound, inbound)

    # -- rows --------------------------------------------------------------------------------

    def replaces(self, previous: HardwareStore) -> None:
        """From now on this store is that of the device, which has the SAs of `previous`."""
        previous._collect()
        self._loaded = previous._loaded

    def settle(self) -> None:
        """Make the device have the SAs and classes that the rows say. Raises P4RuntimeError."""
        wanted = dict(self._wanted())
        with _as_p4runtime():
            self._queues.follow(self.classes)
            for place in [place for place in self._loaded if place not in wanted]:
                self._driver.remove(*place)
                del self._loaded[place]
            for place, sa in wanted.items():
                there = self._loaded.get(place)
                if there is sa:
                    continue
                if there is not None and there.line is not sa.line:
                    self._driver.remove(*place)  # numbers start anew, even with the same epoch
                self._driver.install(*place, sa.registers)
                sa.registers = {}
                self._loaded[place] = sa

    def _wanted(self) -> Iterator[tuple[Place, HardwareSa]]:
        for inbound, rows in ((False, self.outbound), (True, self.inbound)):
            for index, row in rows.items():
                yield (inbound, index), row.sa

    def _changed(self, change: Change) -> None:
        entry = change.what
        if (
            isinstance(entry, TableEntry)
            and entry.table.alias in ("sa_encrypt", "sa_decrypt")
            and change.kind is not Kind.DELETE
            and not entry.is_default
            and (index := cast(int, entry.match[0])) >= self._sas
        ):
            raise exhausted(
                f"table {entry.table.name}: sa_index {index}: this accelerator has {self._sas} rows"
            )
        super()._changed(change)

    # -- counters ----------------------------------------------------------------------------

    def touch(self, inbound: bool, index: int, reason: int) -> None:
        """The device may have counted this: a success (0) or a refusal, of a row or of none."""
        if index < self._sas:
            self._touched.add((inbound, index, reason))
        self.touch_error(reason)

    def touch_error(self, reason: int) -> None:
        """The device may have counted this in the name of no SA."""
        self._touched_errors.add(reason)

    def touch_queue(self, inbound: bool, number: int) -> None:
        """The device may have counted a packet of this class."""
        self._touched_queues.add((inbound, number))

    def write(self, update: p4r.Update) -> Undo:
        self._collect()
        return super().write(update)

    def read(self, pattern: p4r.Entity) -> Iterator[p4r.Entity]:
        self._collect()
        return super().read(pattern)

    def _state(self) -> Iterator[tuple[p4r.Update.Type.ValueType, p4r.Entity]]:
        self._collect()
        return super()._state()

    def _collect(self) -> None:
        """Add what the device has counted since the last time."""
        with _as_p4runtime():
            self._collect_touched()

    def _collect_touched(self) -> None:
        for inbound, index, reason in sorted(self._touched):
            packets, octets = self._driver.take_counts(inbound, index, reason)
            if reason == Reason.OK:
                row = (self.inbound if inbound else self.outbound).get(index)
                if row is not None:
                    row.entry.packets += packets
                    row.entry.bytes += octets
            elif packets:
                self.count_sa_error(inbound, index, Reason(reason), packets)
        for reason in sorted(self._touched_errors):
            if packets := self._driver.take_errors(reason):
                self.count_error(Reason(reason), packets)
        for inbound, number in sorted(self._touched_queues):
            packets, octets = self._queues.take(inbound, number)
            self.classes.count(number, octets, packets)
            for cause in Cause:
                packets, octets = self._queues.take(inbound, number, cause)
                self.count_llq_drop(number, octets, cause, packets)
        self._touched_queues.clear()
        self._touched.clear()
        self._touched_errors.clear()


def _hardware_sa(a: Arguments, features: Features) -> HardwareSa:
    """Raises SaError for what the device was built without."""
    for name, names, has in (
        ("cipher", _CIPHER, features.ciphers),
        ("esp_integrity", _INTEGRITY, features.integrities),
        ("ah_integrity", _INTEGRITY, features.integrities),
    ):
        if a[name] and a[name] not in has:
            raise SaError(f"{name}: this accelerator was built without {names[a[name]]}")
    return HardwareSa(a["epoch"], sa_registers(a))


@contextmanager
def _as_p4runtime() -> Iterator[None]:
    """What goes wrong with the device goes to the client."""
    try:
        yield
    except (DriverError, ModelError) as error:
        raise P4RuntimeError(Code.INTERNAL, f"accelerator: {error}") from error
