"""The accelerator's speed in cycles, measured: `make bench-rtl` prints all of it beside the bounds.

Everything is deterministic: cycles of the clock, IPv4 tunnels, packets back to back, nothing waits
at the output. The engine's stream (`accel_engine`) has the crypto header as sideband and no
Ethernet; the framed port is that of `ipsec_accel`, with the queues.
"""

from __future__ import annotations

import json
import sys
import tempfile
from dataclasses import dataclass
from functools import partial
from math import inf
from pathlib import Path
from typing import Any, Final

import cocotb
from cocotb.triggers import ClockCycles, RisingEdge
from ipsecplane.targets.crypto_header import CryptoHeader, Operation
from ipsecsim.accelerator import ip
from ipsecsim.accelerator.rtl import registers as reg
from ipsecsim.accelerator.rtl.sa_registers import sa_registers

from tests.accelerator.conftest import ETHERNET, Rig, Tunnel
from tests.rtl import traffic
from tests.rtl.axil import AxiLite
from tests.rtl.harness import settings, simulate
from tests.rtl.streams import Packet, PacketSink, PacketSource, seeded, start

INSTALL: Final = 1
GCM, CBC = "AES-GCM", "AES-CBC"
SIZES: Final = (64, 1400)
NOTHING_IN_FRONT: Final = {
    "parse_count_valid": 0, "parse_count": 0, "llq_rule_ready": 3, "tx_llq_count": 0,
    "rx_llq_count": 0, "llq_ready": 1, "in_front": 0,
}  # fmt: skip
FLOOD: Final = 24  # packets of 1400 octets: more than the framed bench's queue has room for
# Packets of priority meanwhile, and cycles between them: each finds what is before it elsewhere
URGENT: Final = 3
APART: Final = range(240, 340)
# Rows of the bench, their key sizes, octets inner: ends of packets at every place in a beat
LATENCIES: Final = (
    *((0, "128", size) for size in (64, 68, 72, 76, 256, 1400)),
    *((1, "256", size) for size in (64, 1400)),
)


@dataclass(frozen=True, slots=True)
class Figure:
    """A row of the table: cycles, what the bus or the engines allow, what has to be reached."""

    name: str
    cycles: float
    bound: float
    most: float

    @property
    def reached(self) -> bool:
        return self.cycles <= self.most


# -- benches: they run inside the simulator ------------------------------------------------------


class Bench:
    """A device with SAs in rows 0, 1, …, alike in both directions."""

    def __init__(self, dut: Any, sas: list[Tunnel], streams: tuple[str, str, str, str]) -> None:
        self.dut = dut
        self.random = seeded()
        self.sas = sas
        self.rig = Rig()
        self.axi = AxiLite(dut)
        self.framed = streams[0] == streams[1]
        if not self.framed:
            for name, value in NOTHING_IN_FRONT.items():
                getattr(dut, name).value = value
        self.sources = {name: PacketSource(dut, name) for name in dict.fromkeys(streams[:2])}
        self.sinks = {name: PacketSink(dut, name) for name in dict.fromkeys(streams[2:])}
        self.streams = streams

    async def begin(self) -> None:
        await start(self.dut)
        while self.dut.ready.value == 0:
            await ClockCycles(self.dut.clk, 10)
        await self.axi.put(reg.BOOT, 1)
        for index, sa in enumerate(self.sas):
            self.rig.install(sa, index)
            for inbound in (False, True):
                await self.axi.shadow(sa_registers(sa.inbound() if inbound else sa.outbound()))
                assert await self.axi.command(INSTALL, index, inbound=inbound) == 0

    def put(self, inbound: bool, row: int, packet: bytes, **fields: int) -> int:
        """Send a packet as soon as it may go; octets that go into the device."""
        header = CryptoHeader(
            Operation.DECRYPT if inbound else Operation.ENCRYPT, row, ethertype=0x0800,
            epoch=self.sas[row].epoch, **fields,
        )  # fmt: skip
        request = traffic.Request(header, packet)
        octets = request.frame if self.framed else packet
        user = 0 if self.framed else traffic.request_word(request)
        self.sources[self.streams[int(inbound)]].put(Packet(octets, user))
        return len(octets)

    async def dropped(self, inbound: bool) -> int:
        """Packets of class 0 that found their queue full."""
        fields = reg.LLQ_COUNT_ABOVE_LIMIT.put(1) | reg.LLQ_COUNT_DROPS.put(1)
        await self.axi.put(reg.LLQ_COUNT, fields | reg.LLQ_COUNT_INBOUND.put(int(inbound)))
        return await self.axi.get(reg.LLQ_PACKETS)

    async def come_out(self, sink: PacketSink, count: int) -> None:
        """Returns when `sink` has had so many packets."""
        quiet = 0
        while (seen := len(sink.packets)) < count:
            await RisingEdge(self.dut.clk)
            quiet = quiet + 1 if len(sink.packets) == seen else 0
            assert quiet < 5_000, f"{seen} of {count} came out"

    async def through(
        self, inbound: bool, packets: list[tuple[int, bytes]]
    ) -> tuple[list[int], list[int], list[int]]:
        """Send (row, packet) back to back. Cycles in which each began to come in, began to go out
        and ended. Every one has to succeed."""
        source = self.sources[self.streams[int(inbound)]]
        sink = self.sinks[self.streams[2 + int(inbound)]]
        before, taken = len(sink.packets), len(source.source.taken)
        beats = []
        for row, packet in packets:
            beats.append(-(-self.put(inbound, row, packet) // 16))
        await self.come_out(sink, before + len(packets))
        for packet in sink.packets[before:]:
            reason = (
                packet.octets[15] if self.framed else traffic.result_of(packet.user, b"").reason
            )
            assert reason == 0, reason
        firsts = [taken + sum(beats[:n]) for n in range(len(beats))]
        come = [source.source.taken[at] for at in firsts]
        self.last_in = [
            source.source.taken[at + n - 1] for at, n in zip(firsts, beats, strict=True)
        ]
        return come, sink.first_cycles[before:], sink.last_cycles[before:]

    def plain(self, size: int) -> bytes:
        """An IPv4 packet of `size` octets without options."""
        header = ip.ipv4_header(
            self.random.randbytes(4), self.random.randbytes(4), ip.UDP, size - 20,
            traffic_class=0, ttl=64, identification=1, dont_fragment=False,
        )  # fmt: skip
        return header + self.random.randbytes(size - 20)

    def make(self, inbound: bool, row: int, size: int) -> bytes:
        """A packet to be encrypted, or to be decrypted to one of `size` octets."""
        plain = self.plain(size)
        return self.sealed(row, plain) if inbound else plain

    def sealed(self, row: int, plain: bytes) -> bytes:
        """As the peer sends it: the model makes it with the same SA, its numbers go on."""
        header = CryptoHeader(Operation.ENCRYPT, row, ethertype=0x0800, epoch=self.sas[row].epoch)
        frame = ETHERNET + header.encode() + plain
        (answer,) = self.rig.accelerator.process(frame, 0.0)
        assert answer[15] == 0
        return answer[46:]


def spacing(ends: list[int], skip: int, engines: int = 1) -> float:
    """Cycles a packet, once the pipeline is full; whole cycles if there are no bubbles.

    Engines that work side by side end together: so as many packets as give them equal work.
    """
    count = (len(ends) - skip - 1) // engines * engines
    return (ends[-1] - ends[-1 - count]) / count


def gcm(key_size: int) -> Tunnel:
    return Tunnel(GCM, cipher_key=bytes(range(key_size)), salt=b"salt")


def cbc() -> Tunnel:
    return Tunnel(CBC, "HMAC-SHA1-96", cipher_key=bytes(range(16)), integrity_key=bytes(range(20)))


@cocotb.test(timeout_time=60, timeout_unit="ms")
async def engine_stream(dut: Any) -> None:
    """Throughput and latency without Ethernet."""
    chosen = settings()
    engines = chosen["engines"]
    sas = [gcm(16), gcm(32), gcm(16), gcm(32), *(cbc() for _ in range(3))]
    for number, sa in enumerate(sas):
        sa.esp_spi += number
    bench = Bench(dut, sas, ("s_tx", "s_rx", "m_tx", "m_rx"))
    found: dict[str, float] = {}
    await bench.begin()
    if chosen["gcm"]:
        for inbound, way in ((False, "transmit"), (True, "receive")):
            make = partial(bench.make, inbound)
            for size in SIZES:
                for mix, rows in (("128", [0]), ("256", [1]), ("mix", [0, 1, 2, 3])):
                    count = 40 if size == 64 else 14
                    packets = [(row, make(row, size)) for row in (rows * count)[:count]]
                    _, _, ends = await bench.through(inbound, packets)
                    found[f"GCM {mix} {size} {way}"] = spacing(ends, count // 2)
            waits = {}
            for row, key, size in LATENCIES:
                await ClockCycles(dut.clk, 200)
                come, first, _ = await bench.through(inbound, [(row, make(row, size))])
                waits[key, size] = first[0] - (bench.last_in if inbound else come)[0]
            found |= {f"latency {key} {size} {way}": wait for (key, size), wait in waits.items()}
            found[f"latency worst {way}"] = max(waits.values())
        found["latency priority receive"] = await overtakes(bench)
    for inbound, way in ((False, "transmit"), (True, "receive")):
        make = partial(bench.make, inbound)
        for size in SIZES:
            count = 5 * engines + 1 if engines > 1 else 12
            rows = [4, 5, 6]
            packets = [(row, make(row, size)) for row in (rows * count)[:count]]
            _, _, ends = await bench.through(inbound, packets)
            found[f"CBC {engines} {size} {way}"] = spacing(ends, 2 * engines, engines)
    Path(chosen["out"]).write_text(json.dumps(found))


@cocotb.test(timeout_time=60, timeout_unit="ms")
async def framed_port(dut: Any) -> None:
    """The same with Ethernet and crypto header in the octets, and with the queues."""
    chosen = settings()
    sas = [gcm(16), gcm(32), cbc()]
    for number, sa in enumerate(sas):
        sa.esp_spi += number
    bench = Bench(dut, sas, ("s_axis", "s_axis", "m_axis", "m_axis"))
    found: dict[str, float] = {}
    await bench.begin()
    for inbound, way in ((False, "transmit"), (True, "receive")):
        make = partial(bench.make, inbound)
        for size in SIZES:
            packets = [(row, make(row, size)) for row in ([0, 1] * 20)[: 40 if size == 64 else 14]]
            _, _, ends = await bench.through(inbound, packets)
            found[f"framed GCM {size} {way}"] = spacing(ends, len(ends) // 2)
            if chosen["cbc"]:
                packets = [(2, make(2, size)) for _ in range(6)]
                _, _, ends = await bench.through(inbound, packets)
                found[f"framed CBC 1 {size} {way}"] = spacing(ends, 3)
        await ClockCycles(dut.clk, 400)
        _, first, _ = await bench.through(inbound, [(0, make(0, 64))])
        alone = first[0] - bench.last_in[0]
        found[f"framed latency {way}"] = alone
        found[f"framed priority {way}"] = await urgent(bench, inbound) - alone
    Path(chosen["out"]).write_text(json.dumps(found))


async def overtakes(bench: Bench) -> int:
    """Cycles from the last beat in to the first beat out of a received packet of priority that
    comes right behind one of 1400 octets, while the one before that is on its way out."""
    source, sink = bench.sources["s_rx"], bench.sinks["m_rx"]
    await ClockCycles(bench.dut.clk, 200)
    before, last = len(sink.packets), 0
    sizes = [1400, 1400, 1400, 64, 1400]
    for size in sizes:
        bench.put(True, 0, bench.make(True, 0, size), level=int(size == 64))
        if size == 64:
            last = len(source.source.taken) + len(source.source.queue) - 1
    await bench.come_out(sink, before + len(sizes))
    out = [len(packet.octets) for packet in sink.packets[before:]]
    assert out == [1400, 1400, 64, 1400, 1400]
    return sink.first_cycles[before + 2] - source.source.taken[last]


async def urgent(bench: Bench, inbound: bool) -> int:
    """The longest that a packet of priority takes behind a full best-effort queue of 1400 octets,
    from its last beat in to its first beat out, whichever part of another packet it meets."""
    axi, source, sink = bench.axi, bench.sources["s_axis"], bench.sinks["m_axis"]
    await axi.put(reg.LLQ_RULE, reg.LLQ_RULE_LEVEL.put(1))
    await axi.put(reg.LLQ_LIMIT, 64)
    await axi.put(reg.LLQ_CLASS, reg.LLQ_CLASS_CLASS_ID.put(1))
    await axi.write(reg.LLQ_SELECT.address + 4 * 256 // 8, 1)  # level 1, qos_group 0
    times = []
    for _ in range(settings()["floods"]):
        sent: tuple[list[bytes], list[bytes]] = ([], [])  # by level
        come = []

        def put(level: int, size: int, sent: tuple[list[bytes], list[bytes]] = sent) -> None:
            plain = bench.plain(size)
            sent[level].append(plain)
            octets = bench.sealed(level, plain) if inbound else plain
            bench.put(inbound, level, octets, level=level)

        await axi.put(reg.LLQ_MODE, reg.LLQ_MODE_GATED.put(1))
        before, dropped = len(sink.packets), await bench.dropped(inbound)
        for _ in range(FLOOD):
            put(0, 1400)
        await source.drained()
        await ClockCycles(bench.dut.clk, 200)  # the last one is judged
        dropped = await bench.dropped(inbound) - dropped
        assert 0 < dropped < FLOOD / 2, "the queue is not full"
        del sent[0][-dropped:]
        await axi.put(reg.LLQ_MODE, 0)
        await ClockCycles(bench.dut.clk, 500)  # what is under way has filled the path
        for _ in range(URGENT):
            put(1, 64)
            await source.drained()
            come.append(source.source.taken[-1])
            await ClockCycles(bench.dut.clk, bench.random.choice(APART))
        await bench.come_out(sink, before + len(sent[0]) + URGENT)
        answers = sink.packets[before:]
        places = [n for n, answer in enumerate(answers) if answer.octets[18]]
        assert places[-1] < len(answers) - 3, "there was nothing to overtake"
        if inbound:
            for level in (0, 1):
                inner = [one.octets[46:] for one in answers if one.octets[18] == level]
                assert inner == sent[level], "other packets than were sent, or in another order"
        for cycle, place in zip(come, places, strict=True):
            times.append(sink.first_cycles[before + place] - cycle)
        await ClockCycles(bench.dut.clk, 400)
    return max(times)


# -- outside of it --------------------------------------------------------------------------------


def stream_figures(engines: int, *, with_gcm: bool = True) -> dict[str, float]:
    """Runs the engine's stream with `engines` SHA-1 engines; builds it if need be."""
    wide = engines > 1
    return _measured(
        "accel_engine",
        "engine_stream",
        {
            "SAS": 64,
            "SHA1": engines,
            "IN_FLIGHT": 128 if wide else 16,
            "RING_W": 17 if wide else 12,
            "SLOT_W": 7 if wide else 4,
            "ROW_W": 11 if wide else 8,
        },
        {"engines": engines, "gcm": with_gcm},
    )


def framed_figures(*, floods: int = 20, with_cbc: bool = True) -> dict[str, float]:
    """Runs the framed port, with so many full queues in front of packets of priority."""
    parameters = {"SAS": 32, "HANDLE_W": 8}
    return _measured("ipsec_accel", "framed_port", parameters, {"floods": floods, "cbc": with_cbc})


def _measured(
    top: str,
    bench: str,
    parameters: dict[str, object],
    chosen: dict[str, Any],
) -> dict[str, float]:
    with tempfile.TemporaryDirectory() as folder:
        out = Path(folder) / "figures.json"
        simulate(
            top,
            __file__,
            parameters=parameters,
            settings={**chosen, "out": str(out)},
            tests=[bench],
        )
        found: dict[str, float] = json.loads(out.read_text())
        return found


def judged(found: dict[str, float]) -> list[Figure]:
    """Each figure with its bound: the bus (octets out / 16, rounded up) or the hash engines."""
    rows = []
    for name, cycles in found.items():
        framed = name.startswith("framed ")
        words = name.removeprefix("framed ").split()
        if words[0] == "latency":
            bound = most = 24.0
        elif words[0] == "priority":
            bound = found[f"framed GCM 1400 {words[1]}"]
            most = bound + 24
        elif words[0] == "GCM":
            bound = {64: 8.0, 1400: 91.0}[int(words[-2])]
            most = bound
        else:
            engines, size = int(words[1]), int(words[2])
            beats, blocks = {64: (9, 3), 1400: (92, 24)}[size]
            bound = max(beats, blocks * 80 / engines)
            most = 1.05 * bound
        if framed and words[0] != "priority":  # has beats that the bound does not know
            most = inf
        rows.append(Figure(name, cycles, bound, most))
    return rows


def main(engines: list[int]) -> int:
    found: dict[str, float] = {}
    for number in engines:
        found |= stream_figures(number, with_gcm=number == engines[0])
    if len(engines) > 1:
        found |= framed_figures()
    figures = judged(found)
    print(f"{'':32}{'cycles':>10}{'bound':>10}")
    for figure in figures:
        note = "" if figure.reached else "  not reached"
        print(f"{figure.name:32}{figure.cycles:10.2f}{figure.bound:10.2f}{note}")
    return int(any(not figure.reached for figure in figures))


if __name__ == "__main__":
    sys.exit(main([int(text) for text in sys.argv[1:]] or [1, 8, 24]))
