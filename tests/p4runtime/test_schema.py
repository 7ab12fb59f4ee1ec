"""A p4info that contradicts itself is refused, with its place; a device of a p4info alone works."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from finsy.proto import p4i, p4r
from ipsecsim.p4runtime.changes import Change, Kind
from ipsecsim.p4runtime.entries import ActionCall, TableEntry
from ipsecsim.p4runtime.errors import Code, P4RuntimeError, exhausted
from ipsecsim.p4runtime.schema import Schema
from ipsecsim.p4runtime.store import EntityStore

TABLE, ACTION, COUNTER, DIRECT = 0x02000001, 0x01000001, 0x12000001, 0x13000001


def p4info() -> p4i.P4Info:
    """One table of SAs, as an accelerator has: no program behind it."""
    info = p4i.P4Info()
    action = info.actions.add()
    action.preamble.id, action.preamble.name, action.preamble.alias = ACTION, "c.encrypt", "encrypt"
    action.params.add(id=1, name="spi", bitwidth=32)
    action.params.add(id=2, name="key", bitwidth=256)
    table = info.tables.add(size=2, direct_resource_ids=[DIRECT])
    table.preamble.id, table.preamble.name, table.preamble.alias = TABLE, "c.sa", "sa"
    table.match_fields.add(id=1, name="index", bitwidth=16, match_type=p4i.MatchField.EXACT)
    table.action_refs.add(id=ACTION)
    direct = info.direct_counters.add(direct_table_id=TABLE)
    direct.preamble.id, direct.preamble.name = DIRECT, "c.hits"
    counter = info.counters.add(size=1 << 22)
    counter.preamble.id, counter.preamble.name, counter.preamble.alias = (
        COUNTER,
        "c.errors",
        "errors",
    )
    return info


def update(kind: int, index: int, spi: int = 1) -> p4r.Update:
    entry = p4r.TableEntry(table_id=TABLE)
    entry.match.add(field_id=1).exact.value = index.to_bytes(2, "big")
    entry.action.action.action_id = ACTION
    entry.action.action.params.add(param_id=2, value=b"\x05")
    entry.action.action.params.add(param_id=1, value=spi.to_bytes(4, "big"))
    return p4r.Update(type=kind, entity=p4r.Entity(table_entry=entry))  # type: ignore[arg-type]


INSERT, MODIFY, DELETE = p4r.Update.INSERT, p4r.Update.MODIFY, p4r.Update.DELETE


def break_it(change: Callable[[p4i.P4Info], Any]) -> str:
    info = p4info()
    change(info)
    with pytest.raises(P4RuntimeError) as caught:
        Schema(info)
    assert caught.value.code == Code.INVALID_ARGUMENT
    return caught.value.message


def test_contradictions() -> None:
    assert break_it(lambda info: info.tables[0].action_refs.add(id=7)) == (
        "p4info: table c.sa: no action has id 0x7"
    )
    assert break_it(lambda info: info.tables[0].direct_resource_ids.append(9)) == (
        "p4info: table c.sa: no direct resource has id 0x9"
    )

    def profile(info: p4i.P4Info) -> None:
        info.tables[0].implementation_id = 5

    assert break_it(profile) == "p4info: table c.sa: no action profile has id 0x5"

    def odd_kind(info: p4i.P4Info) -> None:
        info.tables[0].match_fields[0].other_match_type = "fuzzy"

    assert break_it(odd_kind) == "p4info: c.sa.index: match kind fuzzy is not supported"

    def twice(info: p4i.P4Info) -> None:
        info.actions.add().CopyFrom(info.actions[0])

    assert break_it(twice) == "p4info: action c.encrypt: id 0x1000001 is used twice"

    def text(info: p4i.P4Info) -> None:
        info.tables[0].match_fields[0].type_name.name = "name_t"
        info.type_info.new_types["name_t"].translated_type.sdn_string.SetInParent()

    assert "type name_t is translated to a string" in break_it(text)


def test_a_device_without_a_program() -> None:
    changes: list[tuple[Kind, int]] = []

    def listen(change: Change) -> None:
        assert isinstance(change.what, TableEntry)
        call = change.what.action
        assert isinstance(call, ActionCall)
        changes.append((change.kind, call.arguments()["spi"]))
        if call.arguments()["spi"] == 666:
            raise exhausted("no room for this one")

    now = [3.0]
    store = EntityStore(p4info(), clock=lambda: now[0], listener=listen)
    store.write(update(INSERT, 1, spi=10))
    (entry,) = store.table("sa").entries.values()
    assert entry.values() == {"index": 1}
    assert entry.last_hit == 3.0
    assert isinstance(entry.action, ActionCall)
    assert entry.action.arguments() == {"spi": 10, "key": 5}
    store.write(update(MODIFY, 1, spi=11))
    with pytest.raises(P4RuntimeError, match="no room for this one"):
        store.write(update(MODIFY, 1, spi=666))
    assert entry.action.arguments()["spi"] == 11, "what the device refuses is not kept"
    with pytest.raises(P4RuntimeError, match="no room for this one"):
        store.write(update(INSERT, 2, spi=666))
    undo = store.write(update(DELETE, 1))
    assert not store.table("c.sa").entries
    undo()
    assert list(store.table("sa").entries.values()) == [entry]
    assert changes == [
        (Kind.INSERT, 10),
        (Kind.MODIFY, 11),
        (Kind.MODIFY, 666),
        (Kind.INSERT, 666),
        (Kind.DELETE, 11),
        (Kind.INSERT, 11),
    ]


def test_large_arrays_are_sparse() -> None:
    store = EntityStore(p4info(), clock=lambda: 0.0)
    store.counter("errors")[1 << 21].packets += 3
    pattern = p4r.Entity(counter_entry=p4r.CounterEntry(counter_id=COUNTER))
    pattern.counter_entry.index.index = 1 << 21
    (found,) = store.read(pattern)
    assert found.counter_entry.data.packet_count == 3
    fresh = EntityStore(p4info(), clock=lambda: 0.0)
    fresh.take_over(store)
    assert fresh.counter("errors")[1 << 21].packets == 3
    assert len(fresh.counter("errors")) == 1
