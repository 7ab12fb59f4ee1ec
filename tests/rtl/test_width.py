"""The width adapters of the framed port: packets of all lengths come out as they went in."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import cocotb
import pytest
from ipsecsim.accelerator.rtl.sources import modules

from tests.rtl.harness import settings, simulate
from tests.rtl.streams import Packet, PacketSink, PacketSource, Scoreboard, seeded, start


@cocotb.test(timeout_time=10, timeout_unit="ms")
async def all_lengths(dut: Any) -> None:
    random = seeded()
    rate = settings()["rate"]
    board = Scoreboard(dut.clk)
    source = PacketSource(dut, "s_axis", rate=rate)
    PacketSink(dut, "m_axis", rate=rate, on_packet=lambda packet, now: board.check(packet.octets))
    await start(dut)
    for size in (*range(1, 200), 1500, 64, 128, 1514, 1):
        octets = random.randbytes(size)
        board.expect(octets)
        source.put(Packet(octets))
    await board.done()


WIDTHS = [
    (512, 1.0),
    (512, 0.6),
    *(pytest.param(width, 0.6, marks=pytest.mark.slow) for width in (256, 128)),
]


@pytest.mark.parametrize(("width", "rate"), WIDTHS)
def test_width(width: int, rate: float) -> None:
    top = Path(__file__).with_name("width_top.sv")
    simulate(
        "width_top",
        __file__,
        parameters={"DATA_W": width},
        settings={"rate": rate},
        extra=(modules()["stream_narrow"], modules()["stream_widen"], top),
    )
