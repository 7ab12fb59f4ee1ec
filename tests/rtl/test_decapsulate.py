"""DECRYPT by `decapsulate`, against the golden model; engine and replay unit are Python."""

from __future__ import annotations

from typing import Any

import cocotb
import pytest
from cocotb.triggers import ClockCycles, RisingEdge
from ipsecplane.targets.crypto_header import Reason
from ipsecsim.accelerator.replay import ReplayWindow

from tests.accelerator.conftest import Rig
from tests.rtl import traffic
from tests.rtl.engine import Engine, Reasons, expected_count
from tests.rtl.harness import settings, simulate
from tests.rtl.streams import Packet, PacketSink, PacketSource, Scoreboard, Source, seeded, start

_VERDICT = {Reason.OK: 0, Reason.REPLAYED: 1, Reason.TOO_OLD: 2}


class Windows:
    """The replay unit: a window for each half of each SA."""

    def __init__(self, dut: Any, sas: dict[int, Any], *ports: str) -> None:
        self.dut = dut
        names = ports or ("sa_index", "sa_index", "replay_ah", "replay_ah")
        self.check_sa, self.commit_sa, self.check_ah, self.commit_ah = (
            getattr(dut, name) for name in names
        )
        self.sas = sas
        self.windows = {
            (index, half): ReplayWindow(sa.window) for index, sa in sas.items() for half in (0, 1)
        }
        self.checked = Source(
            dut, "checked_valid", None,
            {"verdict": "checked_verdict", "number": "checked_number"},
        )  # fmt: skip
        self.committed = Source(dut, "committed_valid", None, {"verdict": "committed_verdict"})

    async def run(self) -> None:
        """Answers commits 4 cycles later, checks 5; a check sees what was committed before."""
        dut = self.dut
        while True:
            await RisingEdge(dut.clk)
            if dut.commit_valid.value == 1:
                window = self.windows[int(self.commit_sa.value), int(self.commit_ah.value)]
                number = int(dut.commit_number.value)
                verdict = window.check(number)
                if verdict is Reason.OK and dut.commit_authentic.value == 1:
                    window.accept(number)
                item = {"verdict": _VERDICT[verdict]}
                cocotb.start_soon(self._later(3, self.committed, item))
            if dut.check_valid.value == 1:
                index = int(self.check_sa.value)
                window = self.windows[index, int(self.check_ah.value)]
                low, told = int(dut.check_low.value), int(dut.check_told.value)
                number = low
                if self.sas[index].esn:
                    same = not window.size and told & 0xFFFFFFFF == low
                    number = told if same else window.infer(low)
                item = {"verdict": _VERDICT[window.check(number)], "number": max(number, 0)}
                cocotb.start_soon(self._later(4, self.checked, item))

    async def _later(self, cycles: int, source: Source, item: dict[str, int]) -> None:
        await ClockCycles(self.dut.clk, cycles)
        source.put(item)


@cocotb.test(timeout_time=40, timeout_unit="ms")
async def random_packets(dut: Any) -> None:
    random = seeded()
    chosen = settings()
    rig, peer_rig = Rig(), Rig()
    sas = {index: traffic.random_sa(random) for index in range(chosen["sas"])}
    for index, sa in sas.items():
        for either in (rig, peer_rig):
            either.install(sa, index)
        if sa.esn and random.random() < 0.5:
            peer_rig.store.outbound[index].sa.sequence = 2**32 - 10
    peer = traffic.Peer(random, peer_rig, sas)
    dut.sa_found.value = 0
    source = PacketSource(dut, "s_axis", rate=chosen["rate"])
    Engine(dut, rig, chosen["rate"])
    windows = Windows(dut, sas)
    board = Scoreboard(dut.clk, "result")
    counts = Scoreboard(dut.clk, "count")
    PacketSink(
        dut, "m_axis", rate=chosen["rate"],
        on_packet=lambda packet, now: board.check(traffic.result_of(packet.user, packet.octets)),
    )  # fmt: skip
    random_table = seeded("table")

    async def table() -> None:
        while True:
            await RisingEdge(dut.clk)
            if dut.count_valid.value == 1:
                counts.check(traffic.unpack(traffic.COUNT, int(dut.count.value)))
            if dut.sa_read.value == 1:
                await ClockCycles(dut.clk, random_table.randint(1, 6))
                dut.sa_row.value = traffic.inbound_word(sas.get(int(dut.sa_index.value)))
                dut.sa_found.value = 1
                await RisingEdge(dut.clk)
                dut.sa_found.value = 0

    reasons = Reasons()
    await start(dut)
    cocotb.start_soon(table())
    cocotb.start_soon(windows.run())
    for number in range(chosen["packets"]):
        request = peer.request()
        results = traffic.expected(rig, request)
        for one in results:
            board.expect(one)
        reasons.saw(results[0].reason)
        counts.expect(expected_count(rig.store, request, results))
        source.put(Packet(request.packet, traffic.request_word(request)))
        if number % 10 == 0:
            await board.done(100_000)
    await board.done(100_000)
    await counts.done()
    for (index, half), window in windows.windows.items():
        sa = rig.store.inbound[index].sa
        golden = sa.ah_window if half else sa.esp_window
        assert (window.highest, window._seen) == (golden.highest, golden._seen), (index, half)
    reasons.covered(*range(14), 16, 17, 19)


# With idles and back-pressure test_receive_path.py has it too.
@pytest.mark.parametrize("rate", [1.0, pytest.param(0.6, marks=pytest.mark.slow)])
def test_decapsulate(rate: float) -> None:
    simulate("decapsulate", __file__, settings={"sas": 40, "packets": 900, "rate": rate})
