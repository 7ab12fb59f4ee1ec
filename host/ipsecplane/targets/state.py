"""What a device holds, as P4Runtime text: a ReadResponse that a person and a parser can read."""

from __future__ import annotations

from enum import IntEnum
from typing import Final

from finsy.proto import p4r
from google.protobuf import text_format

from .crypto_header import Reason as CryptoReason
from .reasons import Reason
from .tables import TableCodec, TableError
from .transport import Transport

LARGEST_COUNTER: Final = 4096
"""Cells up to which an indirect counter is part of the text; larger ones are read by index only."""


def state_text(transport: Transport) -> str:
    """All table entries with their direct counters, and counts of reasons, in a stable order.

    The text is that of one p4.v1.ReadResponse; above each entity a comment tells it by names.
    Raises TargetError.
    """
    config = transport.get_pipeline(
        p4r.GetForwardingPipelineConfigRequest(
            device_id=transport.device_id,
            response_type=p4r.GetForwardingPipelineConfigRequest.P4INFO_AND_COOKIE,
        )
    ).config
    codec = TableCodec(config.p4info)
    lines = [f"# device {transport.device_id}"]
    for table in config.p4info.tables:
        if table.is_const_table:
            continue
        for entity in _entities(transport, codec, table.preamble.alias, table.preamble.id):
            lines += ["", f"# {_described(codec, entity.table_entry)}", *_block(entity)]
    for counter in config.p4info.counters:
        if counter.size <= LARGEST_COUNTER:
            for entity in _cells(transport, counter.preamble.id):
                cell = entity.counter_entry
                name = _reason(counter.preamble.alias, cell.index.index)
                text = f"# {counter.preamble.alias}[{name}] {cell.data.packet_count} packets"
                lines += ["", text, *_block(entity)]
    return "\n".join(lines) + "\n"


def _cells(transport: Transport, number: int) -> list[p4r.Entity]:
    """The cells of an indirect counter that have counted anything, by index."""
    request = p4r.ReadRequest(device_id=transport.device_id)
    request.entities.add().counter_entry.counter_id = number
    found = [
        entity
        for response in transport.read(request)
        for entity in response.entities
        if entity.counter_entry.data.packet_count
    ]
    return sorted(found, key=lambda e: e.counter_entry.index.index)


def _reason(counter: str, index: int) -> str:
    """The name of a cell of the counters that are indexed by a reason."""
    reasons: type[IntEnum] | None = {"drops": Reason, "errors": CryptoReason}.get(counter)
    if reasons is None or index not in set(reasons):
        return str(index)
    return reasons(index).name


def _block(entity: p4r.Entity) -> list[str]:
    rows = text_format.MessageToString(entity).splitlines()
    return ["entities {", *(f"  {row}" for row in rows), "}"]


def _entities(transport: Transport, codec: TableCodec, name: str, number: int) -> list[p4r.Entity]:
    """A table's entries, the default entry left out, in order of priority and key."""
    request = p4r.ReadRequest(device_id=transport.device_id)
    wildcard = request.entities.add().table_entry
    wildcard.table_id = number
    if codec.has_counter(name):
        wildcard.counter_data.SetInParent()
    found = [
        entity
        for response in transport.read(request)
        for entity in response.entities
        if not entity.table_entry.is_default_action
    ]
    for entity in found:
        matches = sorted(entity.table_entry.match, key=lambda m: m.field_id)
        del entity.table_entry.match[:]
        entity.table_entry.match.extend(matches)
    found.sort(
        key=lambda e: (
            -e.table_entry.priority,
            [m.SerializeToString(deterministic=True) for m in e.table_entry.match],
        )
    )
    return found


def _described(codec: TableCodec, entry: p4r.TableEntry) -> str:
    try:
        return str(codec.decode(entry))
    except TableError as error:
        return str(error)
