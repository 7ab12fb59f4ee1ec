"""GHASH and the powers of its key against the definition."""

from __future__ import annotations

from typing import Any

import cocotb
import pytest
from cocotb.triggers import RisingEdge

from tests.rtl.gcm import POWERS, ghash, packed_powers
from tests.rtl.harness import settings, simulate
from tests.rtl.streams import Scoreboard, Sink, Source, cycle, seeded, start

LATENCY = 7


@cocotb.test(timeout_time=5, timeout_unit="ms")
async def hashes(dut: Any) -> None:
    """Packets of every short length and some long ones, each with a key of its own."""
    random = seeded()
    names = ("block", "power", "more", "last")
    source = Source(
        dut, "in_valid", None, {name: f"in_{name}" for name in names}, rate=settings()["rate"]
    )
    board = Scoreboard(dut.clk)
    sink = Sink(
        dut,
        "out_valid",
        None,
        {"hash": "out_hash"},
        on_item=lambda item, now: board.check(item["hash"]),
    )
    await start(dut)
    lengths = [*range(1, 28)] * 3 + [100, 64, 7]
    random.shuffle(lengths)
    last_blocks = []
    for length in lengths:
        h = random.choice((random.getrandbits(128), 1 << random.randrange(128), 0))
        blocks = [random.getrandbits(128) for _ in range(length)]
        powers = packed_powers(h)
        for index, block in enumerate(blocks):
            behind = length - 1 - index
            at = min(behind, POWERS - 1)
            source.put(
                {
                    "block": block,
                    "power": powers >> 128 * at & (1 << 128) - 1,
                    "more": int(behind >= POWERS),
                    "last": int(behind == 0),
                }
            )
        last_blocks.append(sum(lengths[: len(last_blocks) + 1]) - 1)
        board.expect(ghash(h, blocks))
    await board.done(500)
    for at, now in zip(last_blocks, sink.cycles, strict=True):
        assert now - source.taken[at] == LATENCY


@pytest.mark.parametrize("rate", [1, 0.5])
def test_ghash(rate: float) -> None:
    simulate("ghash", __file__, settings={"rate": rate}, tests=["hashes"])


@cocotb.test(timeout_time=5, timeout_unit="ms")
async def powers(dut: Any) -> None:
    random = seeded()
    dut.go.value = 0
    await start(dut)
    for h in [0, 1 << 127, 1, *(random.getrandbits(128) for _ in range(4))]:
        dut.h.value = h
        dut.go.value = 1
        await RisingEdge(dut.clk)
        dut.go.value = 0
        begun = cycle()
        await RisingEdge(dut.clk)
        while dut.done.value == 0:
            await RisingEdge(dut.clk)
            assert cycle() - begun < 300
        assert int(dut.powers.value) == packed_powers(h)


def test_ghash_powers() -> None:
    simulate("ghash_powers", __file__, tests=["powers"])
