"""Register slice: nothing lost, nothing changed, a beat a cycle."""

from __future__ import annotations

from typing import Any

import cocotb
import pytest

from tests.rtl.harness import settings, simulate
from tests.rtl.streams import Packet, PacketSink, PacketSource, Scoreboard, seeded, start


@cocotb.test(timeout_time=2, timeout_unit="ms")
async def random_packets(dut: Any) -> None:
    random = seeded()
    chosen = settings()
    source = PacketSource(dut, "s", rate=chosen["source"])
    board = Scoreboard(dut.clk, "packet")
    sink = PacketSink(
        dut, "m", rate=chosen["sink"], on_packet=lambda packet, now: board.check(packet)
    )
    await start(dut)
    for _ in range(300):
        packet = Packet(random.randbytes(random.randint(0, 70)), random.getrandbits(1))
        board.expect(packet)
        source.put(packet)
    await board.done()
    if chosen["source"] == chosen["sink"] == 1:
        beats = sum(max(1, -(-len(packet.octets) // 16)) for packet in sink.packets)
        assert sink.last_cycles[-1] - sink.first_cycles[0] + 1 == beats


@pytest.mark.parametrize(("source", "sink"), [(1, 1), (1, 0.5), (0.5, 1), (0.6, 0.6)])
def test_skid_buffer(source: float, sink: float) -> None:
    simulate("skid_buffer", __file__, settings={"source": source, "sink": sink})
