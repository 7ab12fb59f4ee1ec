"""What comes and goes on a stream: packets, digests, idle timeouts, errors."""

from __future__ import annotations

from typing import Any

import finsy as fy
import pytest
from finsy.p4entity import P4ValueSetMember
from finsy.proto import p4r
from ipsecplane.targets.program import load_program
from ipsecsim.p4runtime.errors import Code, P4RuntimeError
from ipsecsim.p4runtime.service import Service
from ipsecsim.switch import Switch

from tests.p4runtime.test_service import (
    CLONE,
    FLOWS,
    INDIRECT,
    LEARN,
    MULTICAST,
    PACKET_IN,
    RATE,
    SECOND,
    SELECTED,
    answer,
    data_frame,
    refused,
)
from tests.switch.targets import DEVICE_ID, PROGRAMS, Embedded, entry


@pytest.fixture
def switch() -> Embedded:
    switch = Embedded(load_program("controller", PROGRAMS))
    switch.messages.clear()
    return switch


def send(switch: Embedded, **message: Any) -> None:
    switch.stream.send(p4r.StreamMessageRequest(**message))


def packet_out(port: int, payload: bytes = b"payload", pad: bytes | None = b"\0") -> p4r.PacketOut:
    message = p4r.PacketOut(payload=payload)
    message.metadata.add(metadata_id=1, value=port.to_bytes(2, "big"))
    if pad is not None:
        message.metadata.add(metadata_id=2, value=pad)
    return message


# -- packets -----------------------------------------------------------------------------------


def test_packet_in(switch: Embedded) -> None:
    frame = data_frame(PACKET_IN)
    assert switch.run([(259, frame)]) == {}
    (message,) = switch.messages
    decoded = {
        switch.schema.controller_packet_metadata["packet_in"].metadata[m.metadata_id].name: m.value
        for m in message.packet.metadata
    }
    assert decoded == {"ingress_port": b"\x01\x03", "reason": b"\x05"}
    assert message.packet.payload == frame


def test_packet_out(switch: Embedded) -> None:
    send(switch, packet=packet_out(259))
    assert switch.sent == {259: [b"payload"]}
    assert switch.messages == []


@pytest.mark.parametrize(
    ("message", "problem"),
    [
        (packet_out(3, pad=None), "metadata field pad is missing"),
        (packet_out(600), "metadata field egress_port: 0x258 does not fit 9 bits"),
        (packet_out(3, pad=b""), "metadata field pad: empty byte string"),
    ],
)
def test_wrong_packet_out(switch: Embedded, message: p4r.PacketOut, problem: str) -> None:
    send(switch, packet=message)
    (answered,) = switch.messages
    assert answered.error.message == f"packet-out: {problem}"
    assert answered.error.packet_out.packet_out == message
    assert switch.sent == {}


def test_packets_and_backups(switch: Embedded) -> None:
    """Only the primary gets packets, and may send them."""
    heard: list[p4r.StreamMessageResponse] = []
    backup = switch.service.open_stream(heard.append)
    with pytest.raises(P4RuntimeError, match="arbitration update") as caught:
        switch.service.open_stream(heard.append).send(p4r.StreamMessageRequest())
    assert caught.value.code == Code.FAILED_PRECONDITION
    arbitration = p4r.MasterArbitrationUpdate(device_id=DEVICE_ID)
    backup.send(p4r.StreamMessageRequest(arbitration=arbitration))
    heard.clear()
    switch.run([(1, data_frame(PACKET_IN))])
    assert len(switch.messages) == 1
    assert heard == []
    backup.send(p4r.StreamMessageRequest(packet=packet_out(3)))
    assert heard[0].error.canonical_code == Code.PERMISSION_DENIED
    assert switch.sent == {}


def test_a_client_may_answer_a_packet_in_at_once() -> None:
    """A write and a packet-out from inside the callback, as an in-process agent does."""
    switch = Embedded(load_program("controller", PROGRAMS))

    def react(message: p4r.StreamMessageResponse) -> None:
        if message.WhichOneof("update") == "packet":
            switch.write(
                +entry(
                    "flows", {"flow": "0x7/&0xff"}, fy.P4TableAction("metered", value=9), priority=1
                )
            )
            send(switch, packet=packet_out(4, b"answer"))

    switch.stream.callback = react
    assert switch.run([(1, data_frame(PACKET_IN))]) == {4: [b"answer"]}
    (sent,) = switch.run([(1, data_frame(FLOWS, flow=7))])[2]
    assert answer(sent) == 9


def test_before_there_is_a_pipeline() -> None:
    import random

    bare = Switch(3, random=random.Random(1))
    service = Service(bare)
    heard: list[p4r.StreamMessageResponse] = []
    stream = service.open_stream(heard.append)
    arbitration = p4r.MasterArbitrationUpdate(device_id=3)
    arbitration.election_id.low = 1
    stream.send(p4r.StreamMessageRequest(arbitration=arbitration))
    stream.send(p4r.StreamMessageRequest(packet=packet_out(3)))
    assert heard[-1].error.canonical_code == Code.FAILED_PRECONDITION
    write = p4r.WriteRequest(device_id=3)
    write.election_id.low = 1
    assert refused(service.write, write)[0] == Code.FAILED_PRECONDITION
    read = p4r.ReadRequest(device_id=3)
    assert refused(lambda: list(service.read(read)))[0] == Code.FAILED_PRECONDITION
    assert bare.receive(1, b"frame", 0.0) == []
    assert bare.drops == {"no pipeline": 1}
    assert bare.next_timeout() is None


def test_unknown_devices_end_the_stream(switch: Embedded) -> None:
    stream = switch.service.open_stream(switch.messages.append)
    arbitration = p4r.MasterArbitrationUpdate(device_id=99)
    message = p4r.StreamMessageRequest(arbitration=arbitration)
    assert refused(stream.send, message)[0] == Code.NOT_FOUND
    assert stream.closed


# -- digests -----------------------------------------------------------------------------------


def digests(switch: Embedded, size: int, timeout: float, ack: float = 0.0) -> None:
    switch.write(
        +fy.P4DigestEntry(
            "learned_t",
            max_list_size=size,
            max_timeout_ns=int(timeout * SECOND),
            ack_timeout_ns=int(ack * SECOND),
        )
    )


def learned(switch: Embedded) -> list[list[tuple[int, int]]]:
    """The digest lists that came, as (address, port) pairs."""
    lists = []
    for message in switch.messages:
        if message.WhichOneof("update") == "digest":
            rows = [
                tuple(int.from_bytes(m.bitstring, "big") for m in data.struct.members)
                for data in message.digest.data
            ]
            lists.append(rows)
    switch.messages.clear()
    return lists  # type: ignore[return-value]


def test_no_digests_before_they_are_configured(switch: Embedded) -> None:
    switch.run([(1, data_frame(LEARN))])
    assert learned(switch) == []


def test_digest_lists_fill_up(switch: Embedded) -> None:
    digests(switch, size=2, timeout=10)
    switch.run([(1, data_frame(LEARN, address)) for address in (7, 7, 8, 9)])
    assert learned(switch) == [[(7, 1), (8, 1)]]


def test_digest_lists_do_not_wait_for_ever(switch: Embedded) -> None:
    digests(switch, size=10, timeout=2)
    assert switch.switch.next_timeout() is None
    switch.run([(3, data_frame(LEARN, 7))])
    due = switch.switch.next_timeout()
    assert due == pytest.approx(switch.now + 2)
    switch.switch.handle_timeout(switch.now + 1.9)
    assert learned(switch) == []
    switch.switch.handle_timeout(switch.now + 2)
    assert learned(switch) == [[(7, 3)]]
    assert switch.switch.next_timeout() is None


def test_each_digest_alone(switch: Embedded) -> None:
    digests(switch, size=0, timeout=0)
    switch.run([(1, data_frame(LEARN, address)) for address in (7, 7, 8)])
    assert learned(switch) == [[(7, 1)], [(7, 1)], [(8, 1)]]


def test_unacknowledged_digests_are_not_repeated(switch: Embedded) -> None:
    digests(switch, size=1, timeout=1, ack=5)
    switch.run([(1, data_frame(LEARN, 7))])
    (message,) = switch.messages
    switch.run([(1, data_frame(LEARN, 7)), (1, data_frame(LEARN, 8))])
    assert learned(switch) == [[(7, 1)], [(8, 1)]]
    switch.now += 5
    switch.run([(1, data_frame(LEARN, 8))])
    assert learned(switch) == [[(8, 1)]], "five seconds without an acknowledgement"
    switch.run([(1, data_frame(LEARN, 7))])
    (message,) = switch.messages
    ack = p4r.DigestListAck(digest_id=message.digest.digest_id, list_id=message.digest.list_id)
    send(switch, digest_ack=ack)
    switch.run([(1, data_frame(LEARN, 7))])
    assert learned(switch) == [[(7, 1)], [(7, 1)]], "acknowledged"


def test_digest_configuration(switch: Embedded) -> None:
    digests(switch, size=3, timeout=1)
    (found,) = switch.read(fy.P4DigestEntry("learned_t"))
    assert found.digest_entry.config.max_list_size == 3
    again = fy.P4DigestEntry("learned_t", max_list_size=1, max_timeout_ns=0, ack_timeout_ns=0)
    assert refused(switch.write, +again)[0] == Code.ALREADY_EXISTS
    switch.write(-fy.P4DigestEntry("learned_t"))
    assert switch.read(fy.P4DigestEntry("learned_t")) == []
    switch.run([(1, data_frame(LEARN))])
    assert learned(switch) == []
    send(switch, digest_ack=p4r.DigestListAck(digest_id=5))
    assert switch.messages[-1].error.canonical_code == Code.INVALID_ARGUMENT


# -- idle timeouts -----------------------------------------------------------------------------


def test_idle_entries_are_announced(switch: Embedded) -> None:
    match = {"hdr.data.address": 9}
    switch.write(
        +entry(
            "learned", match, fy.P4TableAction("NoAction"), idle_timeout_ns=3 * SECOND,
            metadata=b"mine",
        ),
        +entry("learned", {"hdr.data.address": 10}, fy.P4TableAction("NoAction")),
    )  # fmt: skip
    assert switch.switch.next_timeout() == pytest.approx(3)
    switch.now = 2.0
    switch.run([(1, data_frame(LEARN, 9))])
    (found,) = switch.read(entry("learned", match, None, time_since_last_hit=0))
    assert found.table_entry.time_since_last_hit.elapsed_ns < SECOND
    switch.switch.handle_timeout(3.0)
    assert switch.messages == [], "it was hit meanwhile"
    assert switch.switch.next_timeout() == pytest.approx(5, abs=0.01)
    switch.switch.handle_timeout(5.1)
    (message,) = switch.messages
    (idle,) = message.idle_timeout_notification.table_entry
    assert (idle.match[0].exact.value, idle.metadata) == (b"\x09", b"mine")
    assert idle.idle_timeout_ns == 3 * SECOND
    assert switch.switch.next_timeout() == pytest.approx(8.1), "and again after another timeout"
    switch.write(-entry("learned", match, None))
    switch.messages.clear()
    switch.switch.handle_timeout(20.0)
    assert switch.messages == []
    assert switch.switch.next_timeout() is None


# -- action profiles ---------------------------------------------------------------------------


def member(number: int, value: int, profile: str = "answers") -> fy.P4ActionProfileMember:
    return fy.P4ActionProfileMember(
        profile, member_id=number, action=fy.P4TableAction("answer", value=value)
    )


def group(number: int, weights: dict[int, int], **others: Any) -> fy.P4ActionProfileGroup:
    members = [fy.P4Member(m, weight=w) for m, w in weights.items()]
    return fy.P4ActionProfileGroup("spread", group_id=number, members=members, **others)


def answers(switch: Embedded, test: int, **fields: int) -> list[int]:
    # The low bits of a CRC-16 over one byte are few: let several bytes vary.
    frames = [(1, data_frame(test, 0x10203 * number, **fields)) for number in range(200)]
    return [answer(frame) for frame in switch.run(frames)[2]]


def test_indirect_members(switch: Embedded) -> None:
    def by_member() -> fy.P4TableEntry:
        return entry("indirect", {"hdr.data.flow": 1}, fy.P4IndirectAction(member_id=1))

    assert refused(switch.write, +by_member())[0] == Code.NOT_FOUND
    switch.write(+member(1, 11), +by_member())
    assert set(answers(switch, INDIRECT)) == {11}
    switch.write(~member(1, 12))
    assert set(answers(switch, INDIRECT)) == {12}, "a changed member changes its entries"
    (found,) = switch.read(fy.P4ActionProfileMember("answers"))
    assert found == member(1, 12).encode(switch.schema)
    delete = p4r.Update(type=p4r.Update.DELETE, entity=member(1, 12).encode(switch.schema))
    assert refused(switch.write, delete)[0] == Code.FAILED_PRECONDITION
    assert refused(switch.write, +member(1, 5))[0] == Code.ALREADY_EXISTS
    assert refused(switch.write, ~member(2, 5))[0] == Code.NOT_FOUND
    assert refused(switch.write, +member(0, 5))[0] == Code.INVALID_ARGUMENT
    switch.write(-entry("indirect", {"hdr.data.flow": 1}, None), -member(1, 12))
    assert set(answers(switch, INDIRECT)) == {0}


def test_groups_spread_by_hash(switch: Embedded) -> None:
    switch.write(*(+member(n, 100 + n, "spread") for n in (1, 2, 3)))
    switch.write(
        +group(7, {1: 1, 2: 1, 3: 2}),
        +entry("selected", {"hdr.data.flow": 1}, fy.P4IndirectAction(group_id=7)),
    )
    got = answers(switch, SELECTED)
    assert answers(switch, SELECTED) == got, "a flow stays with its member"
    counts = {value: got.count(value) for value in set(got)}
    assert set(counts) == {101, 102, 103}
    assert counts[103] > max(counts[101], counts[102]), "by weight"
    switch.write(~group(7, {2: 1}))
    assert set(answers(switch, SELECTED)) == {102}
    switch.write(~group(7, {}))
    assert set(answers(switch, SELECTED)) == {0}, "an empty group does nothing"
    delete = p4r.Update(type=p4r.Update.DELETE, entity=group(7, {}).encode(switch.schema))
    assert refused(switch.write, delete)[0] == Code.FAILED_PRECONDITION


def test_groups_that_do_not_fit(switch: Embedded) -> None:
    switch.write(+member(1, 1, "spread"))
    assert refused(switch.write, +group(1, {9: 1}))[0] == Code.NOT_FOUND
    assert refused(switch.write, +group(1, {1: 0}))[0] == Code.INVALID_ARGUMENT
    watching = p4r.Update(type=p4r.Update.INSERT, entity=group(1, {1: 1}).encode(switch.schema))
    watching.entity.action_profile_group.members[0].watch_port = b"\x02\x58"
    assert refused(switch.write, watching) == (
        Code.INVALID_ARGUMENT,
        "action profile I.spread: group 1: member 1: there is no watch port 0258",
    )
    assert refused(switch.write, +group(1, {1: 5}, max_size=4))[0] == Code.RESOURCE_EXHAUSTED
    switch.write(+group(1, {1: 1}, max_size=4))
    assert refused(switch.write, ~group(1, {1: 1}, max_size=5))[0] == Code.INVALID_ARGUMENT
    delete = p4r.Update(type=p4r.Update.DELETE, entity=member(1, 1, "spread").encode(switch.schema))
    assert refused(switch.write, delete)[0] == Code.FAILED_PRECONDITION


def test_one_shot_groups(switch: Embedded) -> None:
    action = fy.P4IndirectAction(
        action_set=[
            (1, fy.P4TableAction("answer", value=1)),
            (2, fy.P4TableAction("answer", value=2)),
        ]
    )
    one = entry("selected", {"hdr.data.flow": 1}, action)
    switch.write(+one)
    got = answers(switch, SELECTED)
    assert set(got) == {1, 2}
    assert got.count(2) > got.count(1)
    (found,) = switch.read(fy.P4TableEntry("selected"))
    assert found == one.encode(switch.schema)
    assert refused(switch.write, +member(1, 1, "spread"))[0] == Code.INVALID_ARGUMENT


# -- the rest ----------------------------------------------------------------------------------


def test_replication_state(switch: Embedded) -> None:
    switch.write(+fy.P4MulticastGroupEntry(5, replicas=[(2, 1), (3, 2)], metadata=b"m"))
    sent = switch.run([(1, data_frame(MULTICAST, port=5))])
    assert {port: answer(frames[0]) for port, frames in sent.items()} == {2: 1, 3: 2}
    (found,) = switch.read(fy.P4MulticastGroupEntry())
    assert found.packet_replication_engine_entry.multicast_group_entry.metadata == b"m"
    switch.write(+fy.P4CloneSessionEntry(6, replicas=[(4, 3)]))
    sent = switch.run([(1, data_frame(CLONE, port=6))])
    assert {port: answer(frames[0]) for port, frames in sent.items()} == {4: 3, 6: 0}
    for bad in (
        fy.P4MulticastGroupEntry(0, replicas=[(2, 1)]),
        fy.P4MulticastGroupEntry(8, replicas=[(2, 1), (2, 1)]),
        fy.P4MulticastGroupEntry(8, replicas=[(600, 1)]),
        fy.P4CloneSessionEntry(0, replicas=[(2, 1)]),
        fy.P4CloneSessionEntry(8, replicas=[]),
    ):
        assert refused(switch.write, +bad)[0] == Code.INVALID_ARGUMENT
    assert refused(switch.write, ~fy.P4CloneSessionEntry(8, replicas=[(2, 1)]))[0] == Code.NOT_FOUND
    again = fy.P4CloneSessionEntry(6, replicas=[(2, 1)])
    assert refused(switch.write, +again)[0] == Code.ALREADY_EXISTS
    switch.write(-fy.P4CloneSessionEntry(6))
    assert switch.run([(1, data_frame(CLONE, port=6))]).keys() == {6}


def test_meters(switch: Embedded) -> None:
    config = fy.P4MeterConfig(cir=1, cburst=1, pir=1, pburst=2)
    switch.write(~fy.P4MeterEntry("rates", index=1, config=config))
    colours = [answer(f) for f in switch.run([(1, data_frame(RATE))] * 3)[2]]
    assert colours == [0, 1, 2]
    (found,) = switch.read(fy.P4MeterEntry("rates", index=1))
    assert found.meter_entry.config.pburst == 2
    assert len(switch.read(fy.P4MeterEntry("rates"))) == 8
    outside = fy.P4MeterEntry("rates", index=8, config=config)
    assert refused(switch.write, ~outside)[0] == Code.OUT_OF_RANGE
    slow_peak = fy.P4MeterConfig(cir=5, cburst=1, pir=1, pburst=2)
    wrong = fy.P4MeterEntry("rates", index=1, config=slow_peak)
    assert refused(switch.write, ~wrong)[0] == Code.INVALID_ARGUMENT
    message = p4r.Update(type=p4r.Update.INSERT, entity=outside.encode(switch.schema))
    assert refused(switch.write, message)[0] == Code.INVALID_ARGUMENT


def test_counters(switch: Embedded) -> None:
    switch.run([(1, data_frame(FLOWS))] * 2)
    found = switch.read(fy.P4CounterEntry("totals"))
    assert [e.counter_entry.data.packet_count for e in found] == [0, 2, 0, 0, 0, 0, 0, 0]
    outside = fy.P4CounterEntry("totals", index=8, data=fy.P4CounterData(packet_count=1))
    assert refused(switch.write, ~outside)[0] == Code.OUT_OF_RANGE
    switch.write(~fy.P4CounterEntry("totals", data=fy.P4CounterData(packet_count=4)))
    everywhere = switch.read(p4r.Entity(counter_entry=p4r.CounterEntry()))
    assert {e.counter_entry.data.packet_count for e in everywhere} == {4}


def test_value_sets(switch: Embedded) -> None:
    def flows(*values: int) -> Any:
        members = [P4ValueSetMember(value) for value in values]
        return ~fy.P4ValueSetEntry("special_flows", members=members)

    assert answer(switch.run([(1, data_frame(9, flow=4))])[2][0]) == 0
    switch.write(flows(4, 5))
    assert answer(switch.run([(1, data_frame(9, flow=4))])[2][0]) == 0x5555
    assert refused(switch.write, flows(4, 4))[0] == Code.ALREADY_EXISTS
    assert refused(switch.write, flows(1, 2, 3, 4, 5))[0] == Code.RESOURCE_EXHAUSTED


def test_what_is_not_offered(switch: Embedded) -> None:
    register = p4r.Entity(register_entry=p4r.RegisterEntry())
    assert refused(switch.read, register)[0] == Code.UNIMPLEMENTED
    update = p4r.Update(type=p4r.Update.MODIFY, entity=register)
    assert refused(switch.write, update)[0] == Code.UNIMPLEMENTED
    extern = p4r.Entity(extern_entry=p4r.ExternEntry())
    assert refused(switch.read, extern)[0] == Code.UNIMPLEMENTED
    assert refused(switch.read, p4r.Entity())[0] == Code.INVALID_ARGUMENT
