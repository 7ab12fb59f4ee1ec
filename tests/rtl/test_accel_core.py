"""The datapath from frame to frame, against the golden model; SA tables and engines are Python."""

from __future__ import annotations

from random import Random
from typing import Any

import cocotb
import pytest
from cocotb.triggers import ClockCycles, RisingEdge

from tests.accelerator.conftest import ETHERNET, Rig
from tests.rtl import traffic
from tests.rtl.engine import Engine
from tests.rtl.harness import settings, simulate
from tests.rtl.streams import Packet, PacketSink, PacketSource, Scoreboard, seeded, start


@cocotb.test(timeout_time=40, timeout_unit="ms")
async def random_frames(dut: Any) -> None:
    random = seeded()
    rate = settings()["rate"]
    rig, peer_rig = Rig(), Rig()
    sas = {index: traffic.random_sa(random) for index in range(1, 25)}
    for index, sa in sas.items():
        for either in (rig, peer_rig):
            either.install(sa, index)
    numbers = dict.fromkeys(sas, 0)
    peer = traffic.Peer(random, peer_rig, sas)
    source = PacketSource(dut, "s_axis", rate=rate)
    Engine(dut, rig, rate, "tx_")
    Engine(dut, rig, rate, "rx_")
    # Transmit and receive overtake each other, so each has its own scoreboard.
    boards = [Scoreboard(dut.clk, name) for name in ("transmit", "receive")]
    tally: dict[tuple[int, int], int] = {}

    def path(frame: bytes) -> int:
        return int(len(frame) > 14 and frame[14] & 7 == 2)

    PacketSink(
        dut, "m_axis", rate=rate,
        on_packet=lambda packet, now: boards[path(packet.octets)].check(packet.octets),
    )  # fmt: skip
    for side in ("tx", "rx"):
        getattr(dut, f"{side}_sa_found").value = 0
    dut.window_valid.value = 0

    async def table(side: str) -> None:
        port = {name: getattr(dut, f"{side}_{name}") for name in ("sa_read", "sa_index")}
        found, row = getattr(dut, f"{side}_sa_found"), getattr(dut, f"{side}_sa_row")
        while True:
            await RisingEdge(dut.clk)
            if side == "tx" and dut.tx_number_write.value == 1:
                numbers[int(dut.tx_sa_index.value)] = int(dut.tx_number.value)
            if port["sa_read"].value == 1:
                index = int(port["sa_index"].value)
                await ClockCycles(dut.clk, 2)
                row.value = (
                    traffic.outbound_word(sas.get(index), numbers.get(index, 0))
                    if side == "tx"
                    else traffic.inbound_word(sas.get(index))
                )
                found.value = 1
                await RisingEdge(dut.clk)
                found.value = 0

    async def counters() -> None:
        while True:
            await RisingEdge(dut.clk)
            for side in ("parse", "tx", "rx"):
                if getattr(dut, f"{side}_count_valid").value == 1:
                    count = traffic.unpack(traffic.COUNT, int(getattr(dut, f"{side}_count").value))
                    if not count["of_sa"]:
                        key = 0, count["reason"]
                        tally[key] = tally.get(key, 0) + 1

    await start(dut)
    for side in ("tx", "rx"):
        cocotb.start_soon(table(side))
    cocotb.start_soon(counters())
    for index, sa in sas.items():
        for half in (0, 1):
            dut.window_valid.value = 1
            dut.window_sa.value = index
            dut.window_ah.value = half
            dut.window_size.value = sa.window
            dut.window_esn.value = int(sa.esn)
            dut.window_keep.value = 0
            await RisingEdge(dut.clk)
    dut.window_valid.value = 0
    for number in range(settings()["frames"]):
        frame = random_frame(random, sas, peer)
        for one in rig.accelerator.process(frame, 0.0):
            boards[path(one)].expect(one)
        source.put(Packet(frame))
        if number % 10 == 0:
            for board in boards:
                await board.done(100_000)
    for board in boards:
        await board.done(100_000)
    await ClockCycles(dut.clk, 50)
    errors = {
        (0, int(reason)): cell.packets
        for reason, cell in rig.store.counter("errors").items()
        if cell.packets
    }
    assert tally == errors


def random_frame(random: Random, sas: dict[int, Any], peer: traffic.Peer) -> bytes:
    """A request with octets carried in front of the packet; some frames are no requests."""
    outbound = random.random() < 0.5
    request = traffic.outbound_request(random, sas) if outbound else peer.request()
    carried = random.randbytes(random.choice((0, 0, 0, 2, 4, random.randint(0, 255))))
    header = bytearray(request.header.encode())
    header[9] = len(carried)
    chance = random.random()
    if chance < 0.1:
        at = random.choice((0, 0, 1, 8, 9, random.randrange(32)))
        header[at] ^= 1 << random.randrange(8)
    frame = random.randbytes(12) + ETHERNET[12:] + bytes(header) + carried + request.packet
    if chance > 0.97:
        frame = frame[: random.randint(1, 60)]
    elif chance > 0.95:
        frame = frame[:12] + b"\x08\x00" + frame[14:]
    return frame


@pytest.mark.parametrize("rate", [1.0, 0.6])
def test_frames(rate: float) -> None:
    simulate(
        "accel_core",
        __file__,
        parameters={"SAS": 32},
        settings={"frames": 600, "rate": rate},
    )
