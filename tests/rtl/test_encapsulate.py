"""ENCRYPT and FRAGMENT by `encapsulate`, against the golden model; the engine is Python."""

from __future__ import annotations

from typing import Any

import cocotb
import pytest
from cocotb.triggers import ClockCycles, RisingEdge

from tests.accelerator.conftest import Rig
from tests.rtl import traffic
from tests.rtl.engine import Engine, Reasons, expected_count
from tests.rtl.harness import settings, simulate
from tests.rtl.streams import Packet, PacketSink, PacketSource, Scoreboard, seeded, start


@cocotb.test(timeout_time=40, timeout_unit="ms")
async def random_packets(dut: Any) -> None:
    random = seeded()
    chosen = settings()
    rig = Rig()
    sas = {index: traffic.random_sa(random) for index in range(chosen["sas"])}
    numbers = {}
    for index, sa in sas.items():
        rig.install(sa, index)
        limit = 2**64 - 1 if sa.esn else 2**32 - 1
        numbers[index] = random.choice((0, 0, random.getrandbits(32), limit - 8))
        if sa.esn and random.random() < 0.5:
            numbers[index] = 2**32 - 10
        rig.store.outbound[index].sa.sequence = numbers[index]
    dut.sa_found.value = 0
    source = PacketSource(dut, "s_axis", rate=chosen["rate"])
    Engine(dut, rig, chosen["rate"])
    board = Scoreboard(dut.clk, "result")
    counts = Scoreboard(dut.clk, "count")

    def result(packet: Packet, now: int) -> None:
        board.check(traffic.result_of(packet.user, packet.octets))

    PacketSink(dut, "m_axis", rate=chosen["rate"], on_packet=result)

    async def table() -> None:
        while True:
            await RisingEdge(dut.clk)
            if dut.number_write.value == 1:
                numbers[int(dut.sa_index.value)] = int(dut.number.value)
            if dut.count_valid.value == 1:
                counts.check(traffic.unpack(traffic.COUNT, int(dut.count.value)))
            if dut.sa_read.value == 1:
                await ClockCycles(dut.clk, random_table.randint(1, 6))
                index = int(dut.sa_index.value)
                dut.sa_row.value = traffic.outbound_word(sas.get(index), numbers.get(index, 0))
                dut.sa_found.value = 1
                await RisingEdge(dut.clk)
                dut.sa_found.value = 0

    random_table = seeded("table")
    reasons = Reasons()
    await start(dut)
    cocotb.start_soon(table())
    for _ in range(chosen["packets"]):
        request = traffic.outbound_request(random, sas)
        h = request.header
        results = traffic.expected(rig, request)
        for one in results:
            board.expect(one)
        reasons.saw(results[0].reason)
        counted = expected_count(rig.store, request, results)
        if counted is not None:
            counts.expect(counted)
        source.put(Packet(request.packet, traffic.request_word(request)))
        if h.sa_index in numbers and random.random() < 0.1:
            await board.done(100_000)
    await board.done(100_000)
    await counts.done()
    for index, number in numbers.items():
        assert number == rig.store.outbound[index].sa.sequence, index
    reasons.covered(0, 1, 2, 3, 4, 14, 15, 16)


# With idles and back-pressure test_transmit_path.py has it too.
@pytest.mark.parametrize("rate", [1.0, pytest.param(0.6, marks=pytest.mark.slow)])
def test_encapsulate(rate: float) -> None:
    simulate(
        "encapsulate",
        __file__,
        settings={"sas": 24, "packets": 500, "rate": rate},
    )
