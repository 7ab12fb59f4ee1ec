"""finsy, a P4Runtime controller library, unmodified, over gRPC."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any

import finsy as fy
import pytest

from tests.switch.targets import PROGRAMS, entry

P4INFO, BLOB = PROGRAMS / "controller.p4info.txtpb", PROGRAMS / "controller.json"


def with_switch(address: str, body: Callable[[fy.Switch], Awaitable[None]]) -> None:
    """Run `body` on a connected finsy Switch that has brought its pipeline."""

    async def run() -> None:
        options = fy.SwitchOptions(p4info=P4INFO, p4blob=BLOB)
        async with fy.Switch("sw1", address, options) as switch:
            await asyncio.wait_for(body(switch), 20)

    asyncio.run(run())


async def read(switch: fy.Switch, pattern: Any) -> list[Any]:
    return [entity async for entity in switch.read([pattern])]  # type: ignore[attr-defined]


def test_pipeline_and_entries(empty_switch: str) -> None:
    async def body(switch: fy.Switch) -> None:
        assert switch.is_primary
        match = {"flow": 0x0700}
        await switch.insert(
            [
                entry("flows", match, fy.P4TableAction("metered", value=9), priority=3),
                entry("learned", {"hdr.data.address": 5}, fy.P4TableAction("NoAction")),
            ]
        )
        pattern = fy.P4TableEntry("flows", counter_data=fy.P4CounterData())
        (found,) = await read(switch, pattern)
        assert found.action == fy.P4TableAction("metered", value=9)
        assert found.counter_data == fy.P4CounterData()
        await switch.modify(
            [entry("flows", match, fy.P4TableAction("metered", value=10), priority=3)]
        )
        everything = await read(switch, fy.P4TableEntry())
        assert {(e.table_id, e.action.args.get("value")) for e in everything} == {
            ("flows", 10),
            ("learned", None),
        }
        await switch.delete([entry("flows", match, None, priority=3)])
        assert await read(switch, fy.P4TableEntry("flows")) == []

    with_switch(empty_switch, body)


def test_delete_everything(empty_switch: str) -> None:
    """finsy's own clean-up reads with wildcards and deletes what it finds."""

    async def body(switch: fy.Switch) -> None:
        await switch.write(
            [
                +entry("learned", {"hdr.data.address": 5}, fy.P4TableAction("NoAction")),
                +fy.P4MulticastGroupEntry(3, replicas=[(510, 0)]),
                +fy.P4CloneSessionEntry(4, replicas=[(510, 0)]),
                +fy.P4ActionProfileMember(
                    "answers", member_id=1, action=fy.P4TableAction("answer", value=1)
                ),
                +fy.P4DigestEntry("learned_t", max_list_size=1, max_timeout_ns=0, ack_timeout_ns=0),
            ]
        )
        await switch.delete_all()
        for pattern in (fy.P4TableEntry(), fy.P4MulticastGroupEntry(), fy.P4CloneSessionEntry()):
            assert await read(switch, pattern) == []

    with_switch(empty_switch, body)


def test_errors_are_told_by_update(empty_switch: str) -> None:
    async def body(switch: fy.Switch) -> None:
        def one() -> fy.P4TableEntry:
            return entry("learned", {"hdr.data.address": 5}, fy.P4TableAction("NoAction"))

        await switch.insert([one()])
        with pytest.raises(fy.P4ClientError) as caught:
            await switch.insert(
                [entry("learned", {"hdr.data.address": 6}, fy.P4TableAction("NoAction")), one()]
            )
        details = caught.value.details
        assert {number: error.canonical_code.name for number, error in details.items()} == {
            1: "ALREADY_EXISTS"
        }
        assert "an entry with this match" in details[1].message
        with pytest.raises(fy.P4ClientError) as caught:
            await read(switch, fy.P4RegisterEntry())
        assert caught.value.code.name == "UNIMPLEMENTED"

    with_switch(empty_switch, body)


def test_packets_go_out_and_come_back(empty_switch: str) -> None:
    """A packet-out to the CPU port comes back as a packet-in: its first bytes are the header."""

    async def body(switch: fy.Switch) -> None:
        async def first() -> fy.P4PacketIn:
            async for packet in switch.read_packets():
                return packet
            raise AssertionError("the stream has ended")

        waiting = asyncio.create_task(first())
        await asyncio.sleep(0)
        header = (259 << 7 | 6).to_bytes(2, "big")
        await switch.write(
            [fy.P4PacketOut(header + b"hello from the controller", egress_port=510, pad=0)]
        )
        packet = await waiting
        assert packet.payload == b"hello from the controller"
        assert packet.metadata == {"ingress_port": 259, "reason": 6}

    with_switch(empty_switch, body)


def test_a_second_controller_waits_its_turn(empty_switch: str) -> None:
    async def run() -> None:
        def options(election_id: int) -> fy.SwitchOptions:
            return fy.SwitchOptions(p4info=P4INFO, p4blob=BLOB, initial_election_id=election_id)

        async with fy.Switch("first", empty_switch, options(10)) as first:
            assert first.is_primary
            learned = entry("learned", {"hdr.data.address": 5}, fy.P4TableAction("NoAction"))
            await first.insert([learned])
            async with fy.Switch("second", empty_switch, options(5)) as second:
                assert not second.is_primary
                assert len(await read(second, fy.P4TableEntry("learned"))) == 1
                again = entry("learned", {"hdr.data.address": 6}, fy.P4TableAction("NoAction"))
                with pytest.raises(fy.P4ClientError) as caught:
                    await second.insert([again])
                assert caught.value.code.name == "PERMISSION_DENIED"

    asyncio.run(run())
