"""The whole accelerator against the golden model: SAs by registers, frames in and out, counters."""

from __future__ import annotations

from collections import Counter
from random import Random
from typing import Any

import cocotb
import pytest
from cocotb.triggers import ClockCycles
from ipsecsim.accelerator.rtl import registers as reg
from ipsecsim.accelerator.rtl.sa_registers import sa_registers

from tests.accelerator.conftest import Rig, Tunnel
from tests.rtl import traffic
from tests.rtl.axil import AxiLite
from tests.rtl.harness import settings, simulate
from tests.rtl.streams import Packet, PacketSink, PacketSource, Scoreboard, seeded, start
from tests.rtl.traffic import is_request

INSTALL, READ = 1, 3


class World:
    """The device, its golden model, and a peer of each SA."""

    def __init__(self, dut: Any, random: Random, sas: dict[int, Tunnel], rate: float) -> None:
        self.dut = dut
        self.sas = sas
        self.rig, self.peer_rig = Rig(), Rig()
        self.peer = traffic.Peer(random, self.peer_rig, sas)
        self.axi = AxiLite(dut)
        self.source = PacketSource(dut, "s_axis", rate=rate)
        # Transmit and receive overtake each other, so each has its own scoreboard.
        self.boards = [Scoreboard(dut.clk, name) for name in ("transmit", "receive")]
        self.sink = PacketSink(
            dut, "m_axis", rate=rate,
            on_packet=lambda p, now: self._check(p.octets),
        )  # fmt: skip
        self.malformed: Counter[bytes] = Counter()  # answers that do not queue

    @staticmethod
    def path(frame: bytes) -> int:
        return int(len(frame) > 14 and frame[14] & 7 == 2)

    async def begin(self) -> None:
        await start(self.dut)
        while self.dut.ready.value == 0:
            await ClockCycles(self.dut.clk, 10)
        await self.axi.put(reg.BOOT, 1)
        for index in self.sas:
            await self.install(index)

    async def install(self, index: int) -> None:
        sa = self.sas[index]
        for rig in (self.rig, self.peer_rig):
            there = index in rig.store.outbound
            rig.install(sa, index, "MODIFY" if there else "INSERT")
        for inbound in (False, True):
            await self.axi.shadow(sa_registers(sa.inbound() if inbound else sa.outbound()))
            assert await self.axi.command(INSTALL, index, inbound=inbound) == 0

    def _check(self, frame: bytes) -> None:
        if self.malformed[frame]:
            self.malformed[frame] -= 1
        else:
            self.boards[self.path(frame)].check(frame)

    def send(self, frame: bytes) -> None:
        expected = self.rig.accelerator.process(frame, 0.0)
        if is_request(frame):
            for one in expected:
                self.boards[self.path(one)].expect(one)
        else:
            self.malformed.update(expected)
        self.source.put(Packet(frame))

    async def done(self) -> None:
        for board in self.boards:
            await board.done(200_000)
        while self.malformed.total():
            await ClockCycles(self.dut.clk, 1)

    async def check_counters(self) -> None:
        """Every counter that the model has, and those of successes."""
        await ClockCycles(self.dut.clk, 50)
        store = self.rig.store
        for reason, cell in store.counter("errors").items():
            assert await self.axi.get(reg.ERROR, int(reason)) == cell.packets, reason
        model: Counter[tuple[int, int, int]] = Counter()
        for key, cell in store.counter("sa_errors").items():
            model[key >> 21, key >> 5 & 0xFFFF, key & 31] += cell.packets
        for (inbound, index, reason), packets in model.items():
            await self.axi.command(READ, index, inbound=bool(inbound), reason=reason)
            assert await self.axi.get(reg.ROW_PACKETS) == packets, (inbound, index, reason)
        for inbound, rows in ((False, store.outbound), (True, store.inbound)):
            for index, row in rows.items():
                await self.axi.command(READ, index, inbound=inbound, reason=0)
                counted = await self.axi.get(reg.ROW_PACKETS), await self.axi.get(reg.ROW_OCTETS)
                assert counted == (row.entry.packets, row.entry.bytes), (inbound, index)


@cocotb.test(timeout_time=60, timeout_unit="ms")
async def random_frames(dut: Any) -> None:
    random = seeded()
    chosen = settings()
    suites = tuple((cipher, integrity) for cipher, integrity in chosen["suites"])
    sas = {index: traffic.random_sa(random, suites=suites) for index in range(1, 25)}
    world = World(dut, random, sas, chosen["rate"])
    await world.begin()
    for number in range(chosen["frames"]):
        world.send(traffic.random_frame(random, sas, world.peer))
        if number % 10 == 0:
            await world.done()
        if number % 60 == 59:  # a row is replaced, with its own epoch or another
            await world.done()
            index = random.choice(list(sas))
            if random.random() < 0.7:
                sas[index] = traffic.random_sa(random, suites=suites)
            await world.install(index)
    await world.done()
    await world.check_counters()


@cocotb.test(timeout_time=20, timeout_unit="ms")
async def bundle(dut: Any) -> None:
    """The guide's transform set: ah-sha-hmac esp-des esp-sha-hmac, there and back."""
    random = seeded("bundle")
    sas = {
        7: Tunnel(
            "DES-CBC", "HMAC-SHA1-96", "HMAC-SHA1-96", cipher_key=random.randbytes(8),
            integrity_key=random.randbytes(20), ah_key=random.randbytes(20),
        )
    }  # fmt: skip
    world = World(dut, random, sas, 1.0)
    await world.begin()
    for size in (84, 100, 1400):
        packet = traffic.ipv4(random, size)
        for operation in (traffic.Operation.ENCRYPT, traffic.Operation.DECRYPT):
            header = traffic.CryptoHeader(operation, 7, epoch=7, ethertype=0x0800)
            world.send(traffic.Request(header, packet).frame)
            await world.done()
            packet = world.sink.packets[-1].octets[46:]
    await world.check_counters()


@pytest.mark.parametrize("rate", [1.0, 0.6])
def test_ipsec_accel(rate: float) -> None:
    simulate(
        "ipsec_accel",
        __file__,
        parameters={"SAS": 32, "HANDLE_W": 8},
        settings={
            "frames": 400,
            "rate": rate,
            "suites": traffic.SUITES,
        },
    )
