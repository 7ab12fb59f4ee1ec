"""ENCRYPT and FRAGMENT, the fast way and the slow one, against the golden model."""

from __future__ import annotations

from collections import Counter
from itertools import product
from typing import Any

import cocotb
import pytest
from cocotb.triggers import ClockCycles, RisingEdge
from ipsecplane.targets.crypto_header import CryptoHeader, DfPolicy, Operation, Reason
from ipsecsim.accelerator import ip

from tests.accelerator.conftest import Rig, Tunnel
from tests.rtl import traffic
from tests.rtl.engine import Engine, Reasons, expected_count
from tests.rtl.harness import settings, simulate
from tests.rtl.streams import Packet, PacketSink, PacketSource, Scoreboard, seeded, start


class World:
    """A path with its SA table, engine and scoreboards."""

    def __init__(self, dut: Any, sas: dict[int, Tunnel], rate: float) -> None:
        self.dut = dut
        self.rig = Rig()
        self.sas = sas
        self.numbers = dict.fromkeys(sas, 0)
        for index, sa in sas.items():
            self.rig.install(sa, index)
        dut.sa_found.value = 0
        self.source = PacketSource(dut, "s_axis", rate=rate)
        self.engine = Engine(dut, self.rig, rate)
        self.board = Scoreboard(dut.clk, "result")
        self.counts = Scoreboard(dut.clk, "count")
        self.sink = PacketSink(
            dut, "m_axis", rate=rate,
            on_packet=lambda p, now: self.board.check(traffic.result_of(p.user, p.octets)),
        )  # fmt: skip

    async def table(self) -> None:
        dut = self.dut
        index = -1  # looked up last, whose number is handed back
        while True:
            await RisingEdge(dut.clk)
            if dut.number_write.value == 1:
                self.numbers[index] = int(dut.number.value)
            if dut.count_valid.value == 1:
                self.counts.check(traffic.unpack(traffic.COUNT, int(dut.count.value)))
            if dut.sa_read.value == 1:
                index = int(dut.sa_index.value)
                await RisingEdge(dut.clk)
                dut.sa_row.value = traffic.outbound_word(
                    self.sas.get(index), self.numbers.get(index, 0)
                )
                dut.sa_found.value = 1
                await RisingEdge(dut.clk)
                dut.sa_found.value = 0

    async def begin(self) -> None:
        await start(self.dut)
        cocotb.start_soon(self.table())

    def send(self, request: traffic.Request) -> int:
        results = traffic.expected(self.rig, request)
        for one in results:
            self.board.expect(one)
        counted = expected_count(self.rig.store, request, results)
        if counted is not None:
            self.counts.expect(counted)
        self.source.put(Packet(request.packet, traffic.request_word(request)))
        return results[0].reason

    async def done(self) -> None:
        await self.board.done(100_000)
        await self.counts.done()

    async def cut(
        self, operation: Operation, index: int, packet: bytes, policy: DfPolicy, early: bool,
        mtu: int, seen: Counter[tuple[str, str]],
    ) -> None:  # fmt: skip
        """Send a packet that may have to be cut; `seen` counts what became of which kind."""
        header = CryptoHeader(
            operation, index, epoch=self.sas[index].epoch, mtu=mtu, df_policy=policy,
            prefragment=early, ethertype=0x86DD if packet[0] >> 4 == 6 else 0x0800,
        )  # fmt: skip
        before = len(self.sink.packets)
        reason = self.send(traffic.Request(header, packet))
        await self.done()
        results = [result.octets for result in self.sink.packets[before:]]
        way = "plain" if operation is Operation.FRAGMENT else ("tunnel", "outer IPv6", "transport")[
            index - 1
        ]  # fmt: skip
        what = Reason(reason).name if reason else "cut" if len(results) > 1 else "whole"
        seen[way, what] += 1
        if reason:
            assert results == [packet]
            return
        assert all(len(one) <= mtu for one in results)
        if len(results) > 1 and operation is Operation.FRAGMENT:
            payloads = [len(one) - 4 * (one[0] & 15) for one in results]
            assert max(payloads) - min(payloads) <= 8, payloads
            assert all(octets % 8 == 0 for octets in payloads[:-1]), payloads
            fields = [int.from_bytes(one[6:8], "big") for one in results]
            assert all(field & 0x2000 for field in fields[:-1])
            at = fields[0] & 0x1FFF
            for field, octets in zip(fields, payloads, strict=True):
                assert field & 0x1FFF == at
                at += octets // 8


@cocotb.test(timeout_time=40, timeout_unit="ms")
async def random_packets(dut: Any) -> None:
    """Half of the SAs and packets suit the fast path."""
    random = seeded()
    chosen = settings()
    sas = {index: traffic.random_sa(random) for index in range(24)}
    for sa in list(sas.values())[:14]:
        traffic.make_fast(random, sa)
    world = World(dut, sas, chosen["rate"])
    for index, sa in sas.items():
        limit = 2**64 - 1 if sa.esn else 2**32 - 1
        world.numbers[index] = random.choice((0, 0, random.getrandbits(32), limit - 20))
        world.rig.store.outbound[index].sa.sequence = world.numbers[index]
    reasons = Reasons()
    await world.begin()
    for _ in range(chosen["packets"]):
        request = None
        if random.random() < 0.7:
            packet = traffic.ipv4(random, traffic.random_size(random))
            index = random.randrange(14)
            header = CryptoHeader(
                Operation.ENCRYPT, index, epoch=sas[index].epoch, ethertype=0x0800,
                mtu=random.choice((0, 1500)),
            )  # fmt: skip
            request = traffic.Request(header, packet)
        reasons.saw(world.send(request or traffic.outbound_request(random, sas)))
        if random.random() < 0.05:
            await world.done()
    await world.done()
    await ClockCycles(dut.clk, 10)
    assert dut.idle.value == 1
    for index, number in world.numbers.items():
        assert number == world.rig.store.outbound[index].sa.sequence, index
    reasons.covered(0, 3, 4, 14, 15)


@cocotb.test(timeout_time=10, timeout_unit="ms")
async def latency(dut: Any) -> None:
    """AES-GCM, 64 octets, an empty path: first beat in to first beat out."""
    random = seeded()
    sas = {1: Tunnel("AES-GCM", cipher_key=random.randbytes(16), salt=b"salt")}
    world = World(dut, sas, 1.0)
    await world.begin()
    header = CryptoHeader(Operation.ENCRYPT, 1, epoch=sas[1].epoch, ethertype=0x0800)
    for _ in range(3):
        world.send(traffic.Request(header, plain(random, 64)))
        await world.done()
    first = world.source.source.taken[4]
    cycles = world.sink.first_cycles[1] - first
    dut._log.info("first beat in to first beat out: %d cycles", cycles)
    assert cycles <= (24 if settings()["fast"] else 200)


@cocotb.test(timeout_time=40, timeout_unit="ms")
async def fragments(dut: Any) -> None:
    """The guide's table, cell by cell: DF of the packet, policy, where it is cut, mode, versions.

    Packets have options, are fragments already, and are just too long or much. What comes is the
    golden model's; here it is seen that the pieces are equal to a unit of 8 octets.
    """
    random = seeded()
    keys = {"cipher_key": random.randbytes(16), "salt": b"salt"}
    sas = {
        1: Tunnel("AES-GCM", **keys),
        2: Tunnel("AES-GCM", outer=6, **keys),
        3: Tunnel("AES-GCM", transport=True, **keys),
    }
    world = World(dut, sas, 1.0)
    await world.begin()
    options = bytes.fromhex("07070400000000 94040000 01 8307040a090909 00")
    seen: Counter[tuple[str, str]] = Counter()
    table = product(
        (Operation.ENCRYPT, Operation.FRAGMENT), sas, (False, True), DfPolicy, (False, True),
        (0, 1, 700),
    )  # fmt: skip
    for operation, index, df, policy, early, excess in table:
        # In transport mode fragments are refused.
        whole = (0,) * (9 if index == 3 else 2)
        field = random.choice((*whole, 0x2000, 0x2123, 0x0123))
        more = random.choice((b"", options))
        if operation is Operation.FRAGMENT and index > 1:
            continue
        mtu = random.choice((300, 400, 576))
        over = 0 if operation is Operation.FRAGMENT else 80 if index == 2 else 60
        size = mtu + excess - over
        header = bytes((0x45 + len(more) // 4, 0)) + size.to_bytes(2, "big") + b"\x12\x34"
        header += (field | df << 14).to_bytes(2, "big") + b"\x40\xfd\0\0"
        header += bytes((10, 0, 0, 1, 10, 0, 2, 2)) + more
        sum_of = ip.checksum(header).to_bytes(2, "big")
        packet = header[:10] + sum_of + header[12:] + random.randbytes(size - len(header))
        await world.cut(operation, index, packet, policy, early, mtu, seen)
    for index in sas:  # IPv6 is never cut: the pipeline sends packet-too-big for TOO_BIG
        packet = bytes.fromhex("60000000 0200 fd40") + random.randbytes(32 + 512)
        await world.cut(Operation.ENCRYPT, index, packet, DfPolicy.CLEAR, True, 400, seen)
    await world.cut(Operation.FRAGMENT, 1, packet, DfPolicy.CLEAR, True, 400, seen)
    for way in ("plain", "tunnel", "outer IPv6", "transport"):
        for what in ("whole", "cut", "TOO_BIG"):
            assert seen[way, what] >= 2, (way, what, seen)
    assert seen["transport", "FRAGMENT"] >= 2, seen


def plain(random: Any, total: int) -> bytes:
    """An IPv4 packet that suits the fast path."""
    while True:
        packet = traffic.ipv4(random, total - 20)
        if packet[0] == 0x45 and not packet[6] & 0x20 and len(packet) == total:
            return packet


# The slow way alone has a bench of its own, test_encapsulate.py.
@pytest.mark.parametrize(
    ("rate", "fast"), [(1.0, 1), (0.6, 1), pytest.param(1.0, 0, marks=pytest.mark.slow)]
)
def test_transmit_path(rate: float, fast: int) -> None:
    simulate(
        "transmit_path",
        __file__,
        parameters={"FAST": fast},
        tests=["random_packets", "latency"],
        settings={"packets": 500, "rate": rate, "fast": fast},
    )


def test_fragments() -> None:
    simulate("transmit_path", __file__, parameters={"FAST": 1}, tests=["fragments"])
