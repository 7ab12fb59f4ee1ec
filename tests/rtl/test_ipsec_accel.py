"""The whole accelerator against the golden model: SAs by registers, frames in and out, counters."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from itertools import cycle
from random import Random
from typing import Any

import cocotb
import pytest
from cocotb.triggers import ClockCycles
from ipsecsim.accelerator import ip
from ipsecsim.accelerator.rtl import registers as reg
from ipsecsim.accelerator.rtl.sa_registers import sa_registers

from tests.accelerator.conftest import Rig, Tunnel
from tests.rtl import traffic
from tests.rtl.axil import AxiLite
from tests.rtl.harness import settings, simulate
from tests.rtl.streams import Packet, PacketSink, PacketSource, Scoreboard, seeded, start
from tests.rtl.traffic import is_request

INSTALL, READ = 1, 3
UNDER_WAY = 24  # packets each way, fewer than the queues have room for


def plain(random: Random, size: int) -> bytes:
    """An IPv4 packet that every mode takes."""
    header = ip.ipv4_header(
        random.randbytes(4), random.randbytes(4), ip.UDP, size,
        traffic_class=0, ttl=64, identification=1, dont_fragment=False,
    )  # fmt: skip
    return header + random.randbytes(size)


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


class Rekeyed:
    """One row with two sets of keys, A and B, in turn, while its packets are under way.

    A model of each set sees every packet, and their sequence numbers are the same: an answer has to
    be the one's or the other's, whole. An *epoch* is the time from one change of the row to
    the next: a packet is of the one in which it was sent or of a later one that has begun.
    """

    def __init__(self, world: World, index: int, both: tuple[Tunnel, Tunnel]) -> None:
        self.world, self.index, self.both = world, index, both
        self.models, self.peers = (Rig(), Rig()), (Rig(), Rig())
        for rigs in (self.models, self.peers):
            for rig, sa in zip(rigs, both, strict=True):
                rig.install(sa, index)
        self.due: tuple[list[tuple[bytes, bytes]], ...] = ([], [])  # of A, of B
        self.came: list[int] = [0, 0]
        self.sent_in: tuple[list[int], ...] = ([], [])  # epochs; A's are even, B's odd
        self.epochs = [0, 0]  # of the last answer
        self.begun, self.whole = 0, 0  # the epoch that has begun, and the one the row is wholly in

    def send(self, random: Random) -> None:
        """One packet to be encrypted, and one from a peer that has either key."""
        packet = plain(random, random.choice((40, 200, 600)))
        for inbound in (False, True):
            operation = traffic.Operation.DECRYPT if inbound else traffic.Operation.ENCRYPT
            if inbound:
                sealed = [rig.seal(packet, index=self.index) for rig in self.peers]
                packet = random.choice(sealed)
            header = traffic.CryptoHeader(operation, self.index, epoch=7, ethertype=0x0800)
            frame = traffic.Request(header, packet).frame
            (a,), (b,) = (rig.accelerator.process(frame, 0.0) for rig in self.models)
            assert a != b
            self.due[inbound].append((a, b))
            self.sent_in[inbound].append(self.whole)
            self.world.source.put(Packet(frame))

    def check(self, frame: bytes) -> None:
        path = World.path(frame)
        place = self.came[path]
        assert frame in self.due[path][place], f"row {self.index}, {path}: {place} is of no key"
        epoch = max(self.epochs[path], self.sent_in[path][place])
        epoch += epoch % 2 != self.due[path][place].index(frame)
        assert epoch <= self.begun, (
            f"row {self.index}, {path}: {place} is not of epoch {self.begun}"
        )
        self.epochs[path] = epoch
        self.came[path] += 1

    def under_way(self, path: int) -> int:
        return len(self.due[path]) - self.came[path]

    async def change(self) -> None:
        """Put the other set of keys in force."""
        self.begun += 1
        await self.install()
        self.whole = self.begun

    async def install(self) -> None:
        sa = self.both[self.begun % 2]
        for inbound in (False, True):
            await self.world.axi.shadow(sa_registers(sa.inbound() if inbound else sa.outbound()))
            assert await self.world.axi.command(INSTALL, self.index, inbound=inbound) == 0


@cocotb.test(timeout_time=20, timeout_unit="ms")
async def rekey_under_load(dut: Any) -> None:
    """A row's keys change while its packets are on their way: each has the old ones or the new."""
    random = seeded("rekey")
    world = World(dut, random, {}, 1.0)
    await world.begin()
    kinds: tuple[dict[str, Any], ...] = (
        {"cipher": "AES-GCM", "key_size": 16},
        {"cipher": "AES-GCM", "key_size": 32},
        {"cipher": "AES-CBC", "integrity": "HMAC-SHA1-96"},  # fast
        {"cipher": "AES-CBC", "integrity": "HMAC-SHA2-256-128", "transport": True},  # slow
        {"cipher": "DES-CBC", "integrity": "HMAC-MD5-96", "ah": "HMAC-SHA1-96"},
    )
    rows = {
        index: Rekeyed(world, index, (Tunnel(**kind), Tunnel(**kind)))
        for index, kind in enumerate(kinds)
    }
    world.sink.on_packet = lambda packet, now: rows[packet.octets[17]].check(packet.octets)
    for row in rows.values():
        await row.install()
    turns = 4

    def under_way() -> int:
        return max(sum(row.under_way(path) for row in rows.values()) for path in (0, 1))

    def load(chosen: Iterator[Rekeyed]) -> None:
        while under_way() < UNDER_WAY:
            next(chosen).send(random)

    for turn in range(turns):
        for row in rows.values():
            # Each second time none of its own packets is under way: the first one after has the new
            # keys. Else there are some that may have either.
            chosen = cycle([one for one in rows.values() if turn % 2 == 0 or one is not row])
            load(chosen)
            await ClockCycles(dut.clk, random.randint(1, 600))
            while turn % 2 and (row.under_way(0) or row.under_way(1)):
                await ClockCycles(dut.clk, 20)
                load(chosen)
            await row.change()
            assert under_way(), "no load"
            row.send(random)
    for row in rows.values():
        row.send(random)  # with what is in force in the end
        for path in (0, 1):
            while row.under_way(path):
                await ClockCycles(dut.clk, 100)
            assert row.epochs[path] == turns, (row.index, path)


BUILD = {"SAS": 32, "HANDLE_W": 8}


# At full rate it is `test_differential.py` that has random frames.
@pytest.mark.parametrize("rate", [pytest.param(1.0, marks=pytest.mark.slow), 0.6])
def test_random_frames(rate: float) -> None:
    simulate(
        "ipsec_accel",
        __file__,
        parameters=BUILD,
        settings={"frames": 400, "rate": rate, "suites": traffic.SUITES},
        tests=["random_frames"],
    )


def test_bundle_and_rekey() -> None:
    simulate("ipsec_accel", __file__, parameters=BUILD, tests=["bundle", "rekey_under_load"])
