"""Indirect counters and meters: sparse arrays of cells, and their P4Runtime rules."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

from finsy.proto import p4r

from .changes import Change, Kind, Listener, Undo, all_of, apply, set_attributes
from .entries import MeterConfig, decode_meter, encode_meter
from .errors import invalid, out_of_range, unimplemented
from .schema import Counter, Meter


@dataclass(slots=True, eq=False)
class CounterCell:
    packets: int = 0
    bytes: int = 0


class CounterArray(dict[int, CounterCell]):
    """Cells by index; one springs into being when it is first counted in (`array[i]`).

    Keeping an index below `counter.size` is the caller's part: the data plane ignores others.
    """

    def __init__(self, counter: Counter) -> None:
        super().__init__()
        self.counter = counter

    def __missing__(self, index: int) -> CounterCell:
        cell = self[index] = CounterCell()
        return cell

    def write(self, message: p4r.CounterEntry) -> Undo:
        indexes = _indexes(message, self.counter)
        if not message.HasField("data"):
            return lambda: None
        undos: list[Undo] = []
        for index in indexes:
            do, undo = set_attributes(
                self[index], packets=message.data.packet_count, bytes=message.data.byte_count
            )
            do()
            undos.append(undo)
        return all_of(undos)

    def read(self, pattern: p4r.CounterEntry) -> Iterator[p4r.CounterEntry]:
        for index in _indexes(pattern, self.counter):
            cell = self.get(index) or CounterCell()
            yield p4r.CounterEntry(
                counter_id=self.counter.id,
                index=p4r.Index(index=index),
                data=p4r.CounterData(byte_count=cell.bytes, packet_count=cell.packets),
            )


@dataclass(slots=True, eq=False)
class MeterCell:
    """A configured meter cell (`config` None: all green); `installed` is the device's."""

    meter: Meter
    index: int
    config: MeterConfig | None = None
    installed: Any = field(default=None, repr=False)


class MeterArray(dict[int, MeterCell]):
    """Cells that were configured at some time, by index; absent cells are all green."""

    def __init__(self, meter: Meter, listener: Listener) -> None:
        super().__init__()
        self.meter = meter
        self._listener = listener

    def write(self, message: p4r.MeterEntry) -> Undo:
        where = f"meter {self.meter.name}"
        if message.HasField("counter_data"):
            raise unimplemented(f"{where}: meters keep no counters per colour")
        config = None
        if message.HasField("config"):
            config = decode_meter(message.config, self.meter.type, where)
        undos: list[Undo] = []
        for index in _indexes(message, self.meter):
            if config is None and index not in self:
                continue
            cell = self.setdefault(index, MeterCell(self.meter, index))
            assign = set_attributes(cell, config=config)
            undos.append(apply(self._listener, Change(Kind.MODIFY, cell), *assign))
        return all_of(undos)

    def read(self, pattern: p4r.MeterEntry) -> Iterator[p4r.MeterEntry]:
        if pattern.HasField("counter_data"):
            raise unimplemented(f"meter {self.meter.name}: meters keep no counters per colour")
        for index in _indexes(pattern, self.meter):
            message = p4r.MeterEntry(meter_id=self.meter.id, index=p4r.Index(index=index))
            cell = self.get(index)
            if cell is not None and cell.config is not None:
                message.config.CopyFrom(encode_meter(cell.config))
            yield message


def _indexes(message: p4r.CounterEntry | p4r.MeterEntry, array: Counter | Meter) -> range:
    """The cells that a message means: one, or all when it has no index."""
    if not message.HasField("index"):
        return range(array.size)
    index = message.index.index
    if index < 0:
        raise invalid(f"{array.name}: negative index {index}")
    if index >= array.size:
        raise out_of_range(f"{array.name}: index {index} is beyond its size {array.size}")
    return range(index, index + 1)
