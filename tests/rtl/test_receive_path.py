"""DECRYPT, the fast way and the slow one, against the golden model; engine, windows are Python."""

from __future__ import annotations

from collections import Counter, deque
from typing import Any

import cocotb
import pytest
from cocotb.triggers import ClockCycles, RisingEdge
from ipsecplane.targets.crypto_header import CryptoHeader, Operation
from ipsecsim.accelerator import ip

from tests.accelerator.conftest import Rig, Tunnel
from tests.rtl import traffic
from tests.rtl.engine import Engine, Reasons, expected_count
from tests.rtl.harness import settings, simulate
from tests.rtl.streams import Packet, PacketSink, PacketSource, Scoreboard, seeded, start
from tests.rtl.test_decapsulate import Windows


class World:
    """The path with its SA table, engine, windows and scoreboards."""

    def __init__(self, dut: Any, sas: dict[int, Tunnel], rate: float, out: float) -> None:
        """`rate`: of what comes and of the engine; `out`: of what takes the results."""
        self.dut = dut
        self.sas = sas
        self.rig, self.peer_rig = Rig(), Rig()
        for index, sa in sas.items():
            for either in (self.rig, self.peer_rig):
                either.install(sa, index)
        dut.sa_found.value = 0
        self.source = PacketSource(dut, "s_axis", rate=rate)
        Engine(dut, self.rig, rate)
        self.windows = Windows(dut, sas, "check_sa", "commit_sa", "check_ah", "commit_ah")
        # Packets of priority overtake the others, so each kind has its own scoreboard.
        self.boards = [Scoreboard(dut.clk, name) for name in ("others", "priority")]
        self.places: tuple[deque[int], ...] = (deque(), deque())  # of requests with a result
        self.counts: Counter[int] = Counter()
        self.sent = self.last = self.overtaken = 0
        self.looked = 0  # look-ups that have not ended
        self.reasons = Reasons()
        PacketSink(dut, "m_axis", rate=out, on_packet=self._check)

    def _check(self, packet: Packet, now: int) -> None:
        urgent = traffic.unpack(traffic.RESULT, packet.user)["urgent"]
        self.boards[urgent].check(traffic.result_of(packet.user, packet.octets))
        place = self.places[urgent].popleft()
        assert place >= self.last or not urgent, "overtaken though it has priority"
        self.overtaken += place < self.last
        self.last = max(place, self.last)

    async def begin(self) -> None:
        await start(self.dut)
        for process in (self._ends(), self._table(), self.windows.run()):
            cocotb.start_soon(process)

    async def _ends(self) -> None:
        dut = self.dut
        while True:
            await RisingEdge(dut.clk)
            if dut.count_valid.value == 1:
                self.counts[int(dut.count.value)] += 1
            self.looked += int(dut.sa_read.value) - int(dut.done.value)

    async def _table(self) -> None:
        dut = self.dut
        while True:
            await RisingEdge(dut.clk)
            if dut.sa_read.value == 1:
                await RisingEdge(dut.clk)
                dut.sa_row.value = traffic.inbound_word(self.sas.get(int(dut.sa_index.value)))
                dut.sa_found.value = 1
                await RisingEdge(dut.clk)
                dut.sa_found.value = 0

    def send(self, request: traffic.Request) -> None:
        results = traffic.expected(self.rig, request)
        urgent = request.header.level > 0
        for one in results:
            self.boards[urgent].expect(one)
            self.places[urgent].append(self.sent)
        self.sent += 1
        self.reasons.saw(results[0].reason)
        counted = expected_count(self.rig.store, request, results)
        assert counted is not None
        self.counts[traffic.pack(traffic.COUNT, counted)] -= 1
        self.source.put(Packet(request.packet, traffic.request_word(request)))

    async def done(self) -> None:
        for board in self.boards:
            await board.done(100_000)

    async def end(self) -> None:
        """All has come, was counted, and has moved the windows as it should."""
        await self.done()
        await ClockCycles(self.dut.clk, 10)
        assert not any(self.counts.values()), self.counts
        assert self.dut.idle.value == 1
        assert self.looked == 0, "look-ups that have not ended"
        for (index, half), window in self.windows.windows.items():
            sa = self.rig.store.inbound[index].sa
            golden = sa.ah_window if half else sa.esp_window
            assert (window.highest, window._seen) == (golden.highest, golden._seen), (index, half)


@cocotb.test(timeout_time=40, timeout_unit="ms")
async def random_packets(dut: Any) -> None:
    """Most SAs suit the fast path; old, repeated and damaged packets of every kind come too."""
    random = seeded()
    chosen = settings()
    sas = {index: traffic.random_sa(random) for index in range(24)}
    for sa in list(sas.values())[:16]:
        traffic.make_fast(random, sa)
    world = World(dut, sas, chosen["rate"], chosen["rate"])
    for index, sa in sas.items():
        if sa.esn and random.random() < 0.5:
            world.peer_rig.store.outbound[index].sa.sequence = 2**32 - 10
    peer = traffic.Peer(random, world.peer_rig, sas)
    await world.begin()
    for number in range(chosen["packets"]):
        world.send(peer.request())
        if number % 20 == 0:
            await world.done()
    await world.end()
    assert world.overtaken > chosen["packets"] // 100 or not chosen["fast"]
    world.reasons.covered(0, 4, 5, 8, 9, 10, 11, 12, 13, 17, 19)


@cocotb.test(timeout_time=10, timeout_unit="ms")
async def priority_all_the_time(dut: Any) -> None:
    """More of priority than leaves: what it overtakes stays whole, and goes when room is short."""
    random = seeded("all the time")
    sa = Tunnel("AES-GCM", epoch=7)
    world = World(dut, {0: sa}, 1.0, 0.5)
    await world.begin()
    for number in range(20):
        size = 1000 if number % 7 == 1 else 1400
        packet = ip.ipv4_header(
            random.randbytes(4), random.randbytes(4), ip.UDP, size - 20,
            traffic_class=0, ttl=64, identification=1, dont_fragment=False,
        ) + random.randbytes(size - 20)  # fmt: skip
        header = CryptoHeader(
            Operation.DECRYPT, 0, level=int(size == 1400), ethertype=0x0800, epoch=7
        )
        world.send(traffic.Request(header, world.peer_rig.seal(packet, index=0)))
    await world.end()
    assert world.overtaken == 3 * settings()["fast"]


# The slow way alone has a bench of its own, test_decapsulate.py.
@pytest.mark.parametrize(
    ("rate", "fast"), [(1.0, 1), (0.6, 1), pytest.param(1.0, 0, marks=pytest.mark.slow)]
)
def test_receive_path(rate: float, fast: int) -> None:
    simulate(
        "receive_path",
        __file__,
        parameters={"FAST": fast},
        settings={"packets": 900, "rate": rate, "fast": fast},
    )
