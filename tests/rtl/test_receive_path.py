"""DECRYPT, the fast way and the slow one, against the golden model; engine, windows are Python."""

from __future__ import annotations

from collections import Counter, deque
from typing import Any

import cocotb
import pytest
from cocotb.triggers import ClockCycles, RisingEdge

from tests.accelerator.conftest import Rig
from tests.rtl import traffic
from tests.rtl.engine import Engine, Reasons, expected_count
from tests.rtl.harness import settings, simulate
from tests.rtl.streams import Packet, PacketSink, PacketSource, Scoreboard, seeded, start
from tests.rtl.test_decapsulate import Windows


@cocotb.test(timeout_time=40, timeout_unit="ms")
async def random_packets(dut: Any) -> None:
    """Most SAs suit the fast path; old, repeated and damaged packets of every kind come too."""
    random = seeded()
    chosen = settings()
    rig, peer_rig = Rig(), Rig()
    sas = {index: traffic.random_sa(random) for index in range(24)}
    for sa in list(sas.values())[:16]:
        traffic.make_fast(random, sa)
    for index, sa in sas.items():
        for either in (rig, peer_rig):
            either.install(sa, index)
        if sa.esn and random.random() < 0.5:
            peer_rig.store.outbound[index].sa.sequence = 2**32 - 10
    peer = traffic.Peer(random, peer_rig, sas)
    dut.sa_found.value = 0
    source = PacketSource(dut, "s_axis", rate=chosen["rate"])
    Engine(dut, rig, chosen["rate"])
    windows = Windows(dut, sas, "check_sa", "commit_sa", "check_ah", "commit_ah")
    # Packets of priority overtake the others, so each kind has its own scoreboard.
    boards = [Scoreboard(dut.clk, name) for name in ("others", "priority")]
    places: tuple[deque[int], ...] = (deque(), deque())  # numbers of requests that have a result
    counts: Counter[int] = Counter()
    last = overtaken = 0

    def check(packet: Packet, now: int) -> None:
        nonlocal last, overtaken
        urgent = traffic.unpack(traffic.RESULT, packet.user)["urgent"]
        boards[urgent].check(traffic.result_of(packet.user, packet.octets))
        place = places[urgent].popleft()
        assert place > last or not urgent, "overtaken though it has priority"
        overtaken += place < last
        last = max(place, last)

    PacketSink(dut, "m_axis", rate=chosen["rate"], on_packet=check)
    looked = 0

    async def ends() -> None:
        nonlocal looked
        while True:
            await RisingEdge(dut.clk)
            if dut.count_valid.value == 1:
                counts[int(dut.count.value)] += 1
            looked += int(dut.sa_read.value) - int(dut.done.value)

    async def table() -> None:
        while True:
            await RisingEdge(dut.clk)
            if dut.sa_read.value == 1:
                await RisingEdge(dut.clk)
                dut.sa_row.value = traffic.inbound_word(sas.get(int(dut.sa_index.value)))
                dut.sa_found.value = 1
                await RisingEdge(dut.clk)
                dut.sa_found.value = 0

    async def done() -> None:
        for board in boards:
            await board.done(100_000)

    reasons = Reasons()
    await start(dut)
    cocotb.start_soon(ends())
    cocotb.start_soon(table())
    cocotb.start_soon(windows.run())
    for number in range(chosen["packets"]):
        request = peer.request()
        results = traffic.expected(rig, request)
        urgent = request.header.level > 0
        for one in results:
            boards[urgent].expect(one)
            places[urgent].append(number)
        reasons.saw(results[0].reason)
        counted = expected_count(rig.store, request, results)
        assert counted is not None
        counts[traffic.pack(traffic.COUNT, counted)] -= 1
        source.put(Packet(request.packet, traffic.request_word(request)))
        if number % 20 == 0:
            await done()
    await done()
    await ClockCycles(dut.clk, 10)
    assert not any(counts.values()), counts
    assert overtaken > chosen["packets"] // 100 or not chosen["fast"]
    assert dut.idle.value == 1
    assert looked == 0, "look-ups that have not ended"
    for (index, half), window in windows.windows.items():
        sa = rig.store.inbound[index].sa
        golden = sa.ah_window if half else sa.esp_window
        assert (window.highest, window._seen) == (golden.highest, golden._seen), (index, half)
    reasons.covered(0, 4, 5, 8, 9, 10, 11, 12, 13, 17, 19)


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
