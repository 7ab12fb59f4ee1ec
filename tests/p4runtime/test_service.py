"""The service in this process: writes, reads, pipelines, streams; messages from finsy."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import finsy as fy
import pytest
from finsy.p4entity import P4ValueSetMember
from finsy.proto import U128, p4r
from ipsecplane.targets.program import Program, load_program
from ipsecsim.p4runtime.errors import Code, P4RuntimeError
from ipsecsim.p4runtime.service import API_VERSION

from tests.switch.targets import (
    DEVICE_ID,
    ELECTION_ID,
    PROGRAMS,
    Embedded,
    entry,
    run_frame,
)

PACKET_IN, LEARN, INDIRECT, SELECTED, FLOWS, MULTICAST, CLONE, RATE = range(1, 9)
SECOND = 1_000_000_000


def data_frame(test: int, address: int = 1, flow: int = 1, port: int = 2) -> bytes:
    body = address.to_bytes(6, "big") + flow.to_bytes(2, "big") + b"\0\0"
    return run_frame(test, body, port=port)


def answer(frame: bytes) -> int:
    return int.from_bytes(frame[12:14], "big")


@pytest.fixture
def switch() -> Embedded:
    return Embedded(load_program("controller", PROGRAMS))


@pytest.fixture
def tables() -> Embedded:
    return Embedded(load_program("tables", PROGRAMS))


def refused(action: Callable[..., Any], *arguments: Any) -> tuple[Code, str]:
    """The code and message of the only refused update (or of the whole RPC)."""
    with pytest.raises(P4RuntimeError) as caught:
        action(*arguments)
    wrong = [d for d in caught.value.details if d.canonical_code != Code.OK]
    if not wrong:
        return caught.value.code, caught.value.message
    assert caught.value.code == Code.UNKNOWN
    assert len(wrong) == 1
    return Code(wrong[0].canonical_code), wrong[0].message


def table_entry(switch: Embedded, table: str, **fields: Any) -> p4r.TableEntry:
    """A raw TableEntry, for what finsy would not encode."""
    return p4r.TableEntry(table_id=switch.schema.tables[table].id, **fields)


def raw(kind: int, **entity: Any) -> p4r.Update:
    return p4r.Update(type=kind, entity=p4r.Entity(**entity))  # type: ignore[arg-type]


def exact(number: int, value: bytes) -> p4r.FieldMatch:
    return p4r.FieldMatch(field_id=number, exact=p4r.FieldMatch.Exact(value=value))


ANSWER = fy.P4TableAction("answer", value=5)
INSERT, MODIFY, DELETE = p4r.Update.INSERT, p4r.Update.MODIFY, p4r.Update.DELETE


# -- table entries -----------------------------------------------------------------------------


def test_insert_read_modify_delete(tables: Embedded) -> None:
    key = {"hdr.key.b": 5}
    one = entry("exact_one", key, ANSWER, metadata=b"mine", controller_metadata=9)
    tables.write(+one)
    (found,) = tables.read(fy.P4TableEntry("exact_one"))
    assert found == one.encode(tables.schema)
    changed = entry("exact_one", key, fy.P4TableAction("shout"))
    tables.write(~changed)
    (found,) = tables.read(fy.P4TableEntry("exact_one"))
    assert found == changed.encode(tables.schema)
    tables.write(-entry("exact_one", key, None))
    assert tables.read(fy.P4TableEntry("exact_one")) == []


def test_entries_come_back_as_they_were_written(tables: Embedded) -> None:
    written = [
        entry("longest", {"hdr.key.c": 1, "hdr.key.a": "10.0.0.0/8"}, ANSWER),
        entry("longest", {"hdr.key.c": 1}, ANSWER),
        entry("masked", {"hdr.key.b": "0x10/&0xf0", "hdr.key.c": 0}, ANSWER, priority=1),
        entry("mixed", {"hdr.key.b": "1...5", "hdr.key.c": 3}, ANSWER, priority=2),
        entry("mixed", {}, ANSWER, priority=3),
    ]
    tables.write(*(+one for one in written))
    found = [e for e in tables.read(fy.P4TableEntry()) if not e.table_entry.is_const]
    assert found == [one.encode(tables.schema) for one in written]


def test_what_an_insert_refuses(tables: Embedded) -> None:
    key = {"hdr.key.b": 5}
    tables.write(+entry("exact_one", key, ANSWER))

    def insert(*arguments: Any, **others: Any) -> tuple[Code, str]:
        return refused(tables.write, +entry(*arguments, **others))

    assert insert("exact_one", key, ANSWER) == (
        Code.ALREADY_EXISTS,
        "table I.exact_one: an entry with this match (and priority) exists",
    )
    only_default = fy.P4TableAction("only_default", value=1)
    assert insert("exact_one", {"hdr.key.b": 6}, only_default)[0] == Code.PERMISSION_DENIED
    assert insert("exact_one", {"hdr.key.b": 6}, ANSWER, priority=1)[0] == Code.INVALID_ARGUMENT
    assert insert("masked", {"hdr.key.c": 6}, ANSWER)[0] == Code.INVALID_ARGUMENT
    assert insert("declared", {}, ANSWER, priority=1)[0] == Code.PERMISSION_DENIED
    idle = insert("exact_one", {"hdr.key.b": 6}, ANSWER, idle_timeout_ns=1)
    assert idle == (Code.INVALID_ARGUMENT, "table I.exact_one: idle timeout is not supported here")
    for number in range(7):
        tables.write(+entry("exact_one", {"hdr.key.b": 100 + number}, ANSWER))
    assert insert("exact_one", {"hdr.key.b": 6}, ANSWER) == (
        Code.RESOURCE_EXHAUSTED,
        "table I.exact_one: full, its size is 8",
    )


def test_malformed_entries_are_named(tables: Embedded) -> None:
    action = p4r.TableAction(
        action=p4r.Action(
            action_id=tables.schema.actions["answer"].id,
            params=[p4r.Action.Param(param_id=1, value=b"\x05")],
        )
    )

    def insert(table: str, *match: p4r.FieldMatch, **fields: Any) -> tuple[Code, str]:
        fields.setdefault("action", action)
        message = table_entry(tables, table, match=match, **fields)
        return refused(tables.write, raw(INSERT, table_entry=message))

    where = "table I.exact_one: match field hdr.key.b"
    assert insert("exact_one", exact(1, b"\x01\x00\x00")) == (
        Code.OUT_OF_RANGE,
        f"{where}: 0x10000 does not fit 16 bits",
    )
    assert insert("exact_one") == (
        Code.INVALID_ARGUMENT,
        f"{where}: an exact match field cannot be omitted",
    )
    assert insert("exact_one", exact(1, b"\1"), exact(1, b"\1"))[1].endswith("given twice")
    assert insert("exact_one", exact(1, b"\1"), exact(2, b"\1"))[1].endswith("has id 2")
    lpm = p4r.FieldMatch(field_id=1, lpm=p4r.FieldMatch.LPM(value=b"\1", prefix_len=3))
    assert insert("exact_one", lpm)[1] == f"{where}: is exact, the request says lpm"
    longest = [exact(1, b"\1"), p4r.FieldMatch(field_id=2)]
    for value, length, problem in (
        (b"\x0a\x00\x00\x01", 8, "has bits set beyond its prefix"),
        (b"\x00", 0, "is a don't care: omit the field"),
        (b"\x00", 33, "prefix length 33 is not in 1..32"),
    ):
        longest[1].lpm.value, longest[1].lpm.prefix_len = value, length
        code, message = insert("longest", *longest)
        assert (code, problem in message) == (Code.INVALID_ARGUMENT, True)
    ternary = p4r.FieldMatch(field_id=1)
    for value, mask, problem in ((b"\x10", b"\x01", "outside its mask"), (b"\0", b"\0", "mask 0")):
        ternary.ternary.value, ternary.ternary.mask = value, mask
        code, message = insert("masked", ternary, exact(3, b"\1"), priority=1)
        assert (code, problem in message) == (Code.INVALID_ARGUMENT, True)
    span = p4r.FieldMatch(field_id=1)
    for low, high, problem in ((b"\5", b"\4", "is above"), (b"\0", b"\xff\xff", "the full range")):
        span.range.low, span.range.high = low, high
        code, message = insert("mixed", span, priority=1)
        assert (code, problem in message) == (Code.INVALID_ARGUMENT, True)
    bare = p4r.TableAction(action=p4r.Action(action_id=action.action.action_id))
    assert insert("exact_one", exact(1, b"\1"), action=bare)[1].endswith("value is missing")
    wide = p4r.TableAction()
    wide.CopyFrom(action)
    wide.action.params[0].value = b"\1\0\0\0\0"
    assert insert("exact_one", exact(1, b"\1"), action=wide)[0] == Code.OUT_OF_RANGE
    wide.action.params.add(param_id=9, value=b"\1")
    wide.action.params[0].value = b"\1"
    assert insert("exact_one", exact(1, b"\1"), action=wide)[1].endswith("parameter with id 9")
    member = p4r.TableAction(action_profile_member_id=1)
    assert insert("exact_one", exact(1, b"\1"), action=member)[0] == Code.INVALID_ARGUMENT
    assert (
        insert("exact_one", exact(1, b"\1"), action=p4r.TableAction())[0] == Code.INVALID_ARGUMENT
    )
    unknown = p4r.TableAction(action=p4r.Action(action_id=77))
    assert insert("exact_one", exact(1, b"\1"), action=unknown)[0] == Code.INVALID_ARGUMENT
    assert insert("exact_one", exact(1, b"\1"), is_const=True)[0] == Code.INVALID_ARGUMENT
    nowhere = p4r.TableEntry(table_id=5)
    code, message = refused(tables.write, raw(INSERT, table_entry=nowhere))
    assert (code, message) == (Code.INVALID_ARGUMENT, "no table has id 0x5 in the p4info")
    assert tables.read(fy.P4TableEntry("exact_one")) == [], "nothing of it was kept"


def test_entries_that_are_not_there(tables: Embedded) -> None:
    missing = entry("exact_one", {"hdr.key.b": 5}, ANSWER).encode(tables.schema)
    for kind in (MODIFY, DELETE):
        update = p4r.Update(type=kind, entity=missing)
        assert refused(tables.write, update)[0] == Code.NOT_FOUND


def test_default_entries(tables: Embedded) -> None:
    def default(table: str, action: Any = None) -> fy.P4TableEntry:
        return fy.P4TableEntry(table, action=action, is_default_action=True)

    tables.write(~default("exact_one", ANSWER))
    (found,) = tables.read(default("exact_one"))
    assert fy.P4TableEntry.decode(found, tables.schema).action == ANSWER
    tables.write(~default("exact_one"))
    (found,) = tables.read(default("exact_one"))
    reset = fy.P4TableEntry.decode(found, tables.schema).action
    assert reset == fy.P4TableAction("only_default", value=6), "what the program says"
    assert refused(tables.write, +default("exact_one", ANSWER))[0] == Code.INVALID_ARGUMENT
    assert refused(tables.write, -default("exact_one"))[0] == Code.INVALID_ARGUMENT
    assert refused(tables.write, ~default("exact_many", ANSWER))[0] == Code.PERMISSION_DENIED
    with_match = table_entry(tables, "exact_one", match=[exact(1, b"\1")], is_default_action=True)
    code, _ = refused(tables.write, raw(MODIFY, table_entry=with_match))
    assert code == Code.INVALID_ARGUMENT


def test_const_entries(tables: Embedded) -> None:
    found = tables.read(fy.P4TableEntry("prefixes"))
    assert [e.table_entry.is_const for e in found] == [True] * 3
    entity = found[0].table_entry
    assert refused(tables.write, raw(DELETE, table_entry=entity))[0] == Code.PERMISSION_DENIED
    entity.is_const = False
    assert refused(tables.write, raw(MODIFY, table_entry=entity))[0] == Code.PERMISSION_DENIED


def test_wildcard_reads_filter(tables: Embedded) -> None:
    rows = [(1, 1, b"x", ANSWER), (2, 2, b"y", ANSWER), (3, 2, b"x", fy.P4TableAction("NoAction"))]
    tables.write(
        *(
            +entry("masked", {"hdr.key.c": c}, action, priority=priority, metadata=metadata)
            for c, priority, metadata, action in rows
        )
    )

    def found(**pattern: Any) -> list[int]:
        entities = tables.read(fy.P4TableEntry("masked", **pattern))
        return [e.table_entry.match[0].exact.value[0] for e in entities]

    assert found() == [1, 2, 3]
    assert found(priority=2) == [2, 3]
    assert found(metadata=b"x") == [1, 3]
    action = table_entry(tables, "masked")
    action.action.action.action_id = tables.schema.actions["NoAction"].id
    (one,) = tables.read(p4r.Entity(table_entry=action))
    assert one.table_entry.match[0].exact.value == b"\3"
    (one,) = tables.read(entry("masked", {"hdr.key.c": 2}, None, priority=2))
    assert one.table_entry.metadata == b"y"
    assert tables.read(entry("masked", {"hdr.key.c": 2}, None, priority=1)) == []
    everything = tables.read(fy.P4TableEntry())
    assert len(everything) == 3 + 4 + 3, "declared entries too"


def test_direct_counters(tables: Embedded) -> None:
    match = {"hdr.key.b": 5}
    tables.write(+entry("exact_one", match, ANSWER, counter_data=fy.P4CounterData(packet_count=7)))
    frame = run_frame(1, bytes([0, 0, 0, 0, 0, 5, 0, 0]))
    tables.run([(1, frame)] * 3)
    (found,) = tables.read(entry("exact_one", match, None, counter_data=fy.P4CounterData()))
    data = found.table_entry.counter_data
    assert (data.packet_count, data.byte_count) == (10, 3 * len(frame))
    (plain,) = tables.read(entry("exact_one", match, None))
    assert not plain.table_entry.HasField("counter_data")
    (direct,) = tables.read(fy.P4DirectCounterEntry(table_entry=entry("exact_one", match, None)))
    assert direct.direct_counter_entry.data == data
    wildcard = p4r.Entity(direct_counter_entry=p4r.DirectCounterEntry())
    wildcard.direct_counter_entry.table_entry.SetInParent()
    assert [e.direct_counter_entry.data for e in tables.read(wildcard)] == [data]
    tables.write(
        ~fy.P4DirectCounterEntry(
            table_entry=entry("exact_one", match, None), data=fy.P4CounterData(byte_count=1)
        )
    )
    (found,) = tables.read(entry("exact_one", match, None, counter_data=fy.P4CounterData()))
    assert found.table_entry.counter_data == p4r.CounterData(byte_count=1)
    tables.write(~entry("exact_one", match, fy.P4TableAction("shout")))
    (found,) = tables.read(entry("exact_one", match, None, counter_data=fy.P4CounterData()))
    assert found.table_entry.counter_data.byte_count == 1, "a new action keeps the counter"
    pattern = fy.P4TableEntry("masked", counter_data=fy.P4CounterData())
    assert refused(tables.read, pattern)[0] == Code.INVALID_ARGUMENT


# -- batches -----------------------------------------------------------------------------------


def batch(atomicity: int, *updates: p4r.Update) -> p4r.WriteRequest:
    return p4r.WriteRequest(
        device_id=DEVICE_ID,
        election_id=ELECTION_ID,
        updates=updates,
        atomicity=atomicity,  # type: ignore[arg-type]
    )


def encoded(switch: Embedded, kind: int, value: Any) -> p4r.Update:
    return p4r.Update(type=kind, entity=value.encode(switch.schema))  # type: ignore[arg-type]


def test_a_batch_continues_on_error(tables: Embedded) -> None:
    good, other = (entry("exact_one", {"hdr.key.b": n}, ANSWER) for n in (1, 2))
    updates = [
        encoded(tables, INSERT, good),
        encoded(tables, INSERT, good),
        encoded(tables, INSERT, other),
        p4r.Update(type=INSERT),
        p4r.Update(entity=other.encode(tables.schema)),
    ]
    with pytest.raises(P4RuntimeError) as caught:
        tables.service.write(batch(p4r.WriteRequest.CONTINUE_ON_ERROR, *updates))
    assert caught.value.code == Code.UNKNOWN
    assert [Code(d.canonical_code) for d in caught.value.details] == [
        Code.OK,
        Code.ALREADY_EXISTS,
        Code.OK,
        Code.INVALID_ARGUMENT,
        Code.INVALID_ARGUMENT,
    ]
    assert len(tables.read(fy.P4TableEntry("exact_one"))) == 2
    status = caught.value.as_status()
    detail = p4r.Error()
    assert status.details[1].Unpack(detail)
    assert detail == caught.value.details[1]
    assert "update 2: ALREADY_EXISTS" in str(caught.value)


@pytest.mark.parametrize(
    "atomicity", [p4r.WriteRequest.ROLLBACK_ON_ERROR, p4r.WriteRequest.DATAPLANE_ATOMIC]
)
def test_all_or_nothing(tables: Embedded, atomicity: int) -> None:
    kept = entry("exact_one", {"hdr.key.b": 1}, ANSWER)
    tables.write(+kept)
    frame = run_frame(1, bytes([0, 0, 0, 0, 0, 1, 0, 0]))
    tables.run([(1, frame)])
    pattern = fy.P4TableEntry("exact_one", counter_data=fy.P4CounterData())
    before = tables.read(pattern)
    updates = [
        encoded(tables, MODIFY, entry("exact_one", {"hdr.key.b": 1}, fy.P4TableAction("shout"))),
        encoded(tables, INSERT, entry("exact_one", {"hdr.key.b": 2}, ANSWER)),
        encoded(tables, DELETE, kept),
        encoded(tables, DELETE, kept),
        encoded(tables, INSERT, entry("exact_one", {"hdr.key.b": 3}, ANSWER)),
    ]
    with pytest.raises(P4RuntimeError) as caught:
        tables.service.write(batch(atomicity, *updates))
    codes = [Code(d.canonical_code) for d in caught.value.details]
    assert codes == [Code.ABORTED] * 3 + [Code.NOT_FOUND, Code.ABORTED]
    assert tables.read(pattern) == before, "its counter too"
    assert tables.run([(1, frame)])[2][0][4:9] == bytes([0, 0, 0, 5, 1]), "and the data plane"
    tables.service.write(batch(atomicity, *updates[:3]))
    assert len(tables.read(pattern)) == 1


def test_who_may_write(tables: Embedded) -> None:
    request = batch(0)
    request.election_id.low = 2
    assert refused(tables.service.write, request)[0] == Code.PERMISSION_DENIED
    request = batch(0)
    request.device_id = 99
    assert refused(tables.service.write, request)[0] == Code.NOT_FOUND
    messages: list[p4r.StreamMessageResponse] = []
    other = tables.service.open_stream(messages.append)
    arbitration = p4r.MasterArbitrationUpdate(device_id=DEVICE_ID, election_id=U128.encode(50))
    other.send(p4r.StreamMessageRequest(arbitration=arbitration))
    assert refused(tables.service.write, batch(0))[0] == Code.PERMISSION_DENIED
    assert tables.messages[-1].arbitration.status.code == Code.ALREADY_EXISTS
    other.close()
    assert tables.messages[-1].arbitration.status.code == Code.NOT_FOUND
    assert refused(tables.service.write, batch(0))[0] == Code.PERMISSION_DENIED


# -- pipelines ---------------------------------------------------------------------------------

Set = p4r.SetForwardingPipelineConfigRequest
Get = p4r.GetForwardingPipelineConfigRequest


def set_pipeline(switch: Embedded, action: int, program: Program | None = None) -> None:
    request = Set(device_id=DEVICE_ID, election_id=ELECTION_ID, action=action)  # type: ignore[arg-type]
    if program is not None:
        request.config.p4info.CopyFrom(program.p4info)
        request.config.p4_device_config = program.device_config
        request.config.cookie.cookie = 77
    switch.service.set_pipeline(request)


def get_pipeline(switch: Embedded, kind: int = 0) -> p4r.ForwardingPipelineConfig:
    request = Get(device_id=DEVICE_ID, response_type=kind)  # type: ignore[arg-type]
    return switch.service.get_pipeline(request).config


def test_a_config_can_be_read_back(switch: Embedded) -> None:
    program = load_program("tables", PROGRAMS)
    set_pipeline(switch, Set.VERIFY_AND_COMMIT, program)
    whole = get_pipeline(switch)
    assert whole.p4info == program.p4info
    assert whole.p4_device_config == program.device_config
    assert whole.cookie.cookie == 77
    cookie = get_pipeline(switch, Get.COOKIE_ONLY)
    assert cookie == p4r.ForwardingPipelineConfig(cookie=whole.cookie)
    info = get_pipeline(switch, Get.P4INFO_AND_COOKIE)
    assert info.p4info == program.p4info
    assert not info.p4_device_config
    device = get_pipeline(switch, Get.DEVICE_CONFIG_AND_COOKIE)
    assert device.p4_device_config == program.device_config
    assert not device.HasField("p4info")


def _changed(program: Program, old: bytes, new: bytes) -> Program:
    assert old in program.device_config
    return Program("x", program.p4info, program.device_config.replace(old, new, 1))


def test_a_broken_config_leaves_the_old_one_running(tables: Embedded) -> None:
    tables.write(+entry("exact_one", {"hdr.key.b": 5}, ANSWER))
    frame = run_frame(1, bytes([0, 0, 0, 0, 0, 5, 0, 0]))
    before = tables.run([(1, frame)])
    good = load_program("tables", PROGRAMS)
    broken = {
        "p4_device_config: $: is not JSON": Program("x", good.p4info, b"{"),
        "p4_device_config: $.__meta__: ": Program("x", good.p4info, b'{"__meta__": 3}'),
        "p4_device_config: $.pipelines[0].tables[": _changed(
            good, b'"match_type":"lpm"', b'"match_type":"fuzzy"'
        ),
        "p4_device_config: $.actions[": _changed(good, b'"op":"assign"', b'"op":"teleport"'),
    }
    for problem, program in broken.items():
        for action in (Set.VERIFY, Set.VERIFY_AND_COMMIT, Set.RECONCILE_AND_COMMIT):
            code, message = refused(set_pipeline, tables, action, program)
            assert code in (Code.INVALID_ARGUMENT, Code.UNIMPLEMENTED)
            assert message.startswith(problem), message
    assert get_pipeline(tables).p4_device_config == good.device_config
    assert tables.run([(1, frame)]) == before


def test_verify_changes_nothing(tables: Embedded) -> None:
    tables.write(+entry("exact_one", {"hdr.key.b": 5}, ANSWER))
    set_pipeline(tables, Set.VERIFY, load_program("tables", PROGRAMS))
    assert len(tables.read(fy.P4TableEntry("exact_one"))) == 1
    assert refused(set_pipeline, tables, Set.VERIFY)[0] == Code.INVALID_ARGUMENT
    assert refused(set_pipeline, tables, 0, load_program("tables", PROGRAMS)) == (
        Code.INVALID_ARGUMENT,
        "the request has no action",
    )


def test_commit_starts_empty(tables: Embedded) -> None:
    tables.write(+entry("exact_one", {"hdr.key.b": 5}, ANSWER))
    set_pipeline(tables, Set.VERIFY_AND_COMMIT, load_program("tables", PROGRAMS))
    assert tables.read(fy.P4TableEntry("exact_one")) == []


def test_save_then_commit(tables: Embedded) -> None:
    """Writes go to the saved config; packets see it only after COMMIT."""
    program = load_program("tables", PROGRAMS)
    assert refused(set_pipeline, tables, Set.COMMIT)[0] == Code.NOT_FOUND
    frame = run_frame(1, bytes([0, 0, 0, 0, 0, 5, 0, 0]))
    before = tables.run([(1, frame)])
    set_pipeline(tables, Set.VERIFY_AND_SAVE, program)
    tables.write(+entry("exact_one", {"hdr.key.b": 5}, ANSWER))
    assert tables.run([(1, frame)]) == before
    assert refused(set_pipeline, tables, Set.COMMIT, program)[0] == Code.INVALID_ARGUMENT
    set_pipeline(tables, Set.COMMIT)
    assert tables.run([(1, frame)])[2][0][4:9] == bytes([0, 0, 0, 5, 1])


def test_reconcile_keeps_the_state(switch: Embedded) -> None:
    set_pipeline(switch, Set.VERIFY_AND_COMMIT, load_program("controller", PROGRAMS))
    selector = switch.schema.action_profiles["spread"].id
    switch.write(
        +fy.P4ActionProfileMember("spread", member_id=1, action=ANSWER),
        +fy.P4ActionProfileGroup("spread", group_id=2, members=[fy.P4Member(1, weight=1)]),
        +entry("selected", {"hdr.data.flow": 1}, fy.P4IndirectAction(group_id=2)),
        +entry("learned", {"hdr.data.address": 9}, fy.P4TableAction("NoAction"),
               idle_timeout_ns=5 * SECOND),
        +entry("flows", {"flow": "0x1/&0xff"}, fy.P4TableAction("metered", value=3), priority=4,
               meter_config=fy.P4MeterConfig(cir=1, cburst=2, pir=3, pburst=4)),
        +fy.P4MulticastGroupEntry(5, replicas=[(2, 1)]),
        +fy.P4CloneSessionEntry(6, replicas=[(3, 0)]),
        +fy.P4DigestEntry("learned_t", max_list_size=3, max_timeout_ns=SECOND, ack_timeout_ns=0),
        ~fy.P4MeterEntry(
            "rates", index=1, config=fy.P4MeterConfig(cir=1, cburst=1, pir=1, pburst=1)
        ),
        ~fy.P4ValueSetEntry("special_flows", members=[P4ValueSetMember(4)]),
    )  # fmt: skip
    assert selector
    switch.run([(1, data_frame(FLOWS))] * 3)

    def state() -> list[str]:
        found = switch.read(
            fy.P4TableEntry(counter_data=fy.P4CounterData(), meter_config=fy.P4MeterConfig(
                cir=0, cburst=0, pir=0, pburst=0)),
            fy.P4ActionProfileMember("spread"),
            fy.P4ActionProfileGroup("spread"),
            fy.P4MulticastGroupEntry(),
            fy.P4CloneSessionEntry(),
            fy.P4DigestEntry("learned_t"),
            fy.P4MeterEntry("rates"),
            fy.P4CounterEntry("totals"),
            fy.P4ValueSetEntry("special_flows", members=[]),
        )  # fmt: skip
        return sorted(map(str, found))

    before = state()
    assert any("packet_count: 3" in text for text in before)
    set_pipeline(switch, Set.RECONCILE_AND_COMMIT, load_program("controller", PROGRAMS))
    assert state() == before
    code, message = refused(
        set_pipeline, switch, Set.RECONCILE_AND_COMMIT, load_program("tables", PROGRAMS)
    )
    assert code == Code.INVALID_ARGUMENT
    assert message.startswith("cannot keep this")
    assert state() == before


def test_registers_survive_a_reconciliation() -> None:
    switch = Embedded(load_program("stateful", PROGRAMS))
    frame = run_frame(1, bytes([0, 0, 0, 3, 0, 0, 0, 0, 0, 9, 0]))
    switch.run([(1, frame)])
    set_pipeline(switch, Set.RECONCILE_AND_COMMIT, load_program("stateful", PROGRAMS))
    assert switch.run([(1, frame)])[2][0][8:14] == bytes([0, 0, 0, 0, 0, 9])
    set_pipeline(switch, Set.VERIFY_AND_COMMIT, load_program("stateful", PROGRAMS))
    assert switch.run([(1, frame)])[2][0][8:14] == bytes(6)


def test_capabilities(switch: Embedded) -> None:
    found = switch.service.capabilities(p4r.CapabilitiesRequest())
    assert found.p4runtime_api_version == API_VERSION
    request = p4r.CapabilitiesRequest(device_id=99)
    assert refused(switch.service.capabilities, request)[0] == Code.NOT_FOUND
