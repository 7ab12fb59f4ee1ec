"""What a bench drives and reads RTL streams with: sources and sinks of valid/ready channels.

After `await RisingEdge(clk)` a read gives what the flip-flops see at that edge, and a write takes
effect after it: so every process here behaves as a register does.

Rates are shares of cycles in which a side is willing. A rate below 1 mixes single idle cycles with
bursts of both kinds, since each finds other mistakes.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from random import Random
from typing import Any, Final

import cocotb
import pytest
from cocotb.clock import Clock
from cocotb.triggers import Event, RisingEdge
from cocotb.utils import get_sim_time

PERIOD_NS: Final = 10
# Of jobs, octets in and what comes out, for engines: full rate, all of them slow; with -m slow one
# or two of them.
RATES: Final = (
    (1, 1, 1),
    (0.5, 0.6, 0.4),
    pytest.param((0.5, 0.6, 1), marks=pytest.mark.slow),
    pytest.param((1, 1, 0.4), marks=pytest.mark.slow),
)


async def start(dut: Any, cycles: int = 3) -> None:
    """Start the clock, and hold reset for `cycles`. Drive the inputs first."""
    Clock(dut.clk, PERIOD_NS, unit="ns").start()
    dut.rst.value = 1
    for _ in range(cycles):
        await RisingEdge(dut.clk)
    dut.rst.value = 0


def cycle() -> int:
    """The number of the current clock cycle."""
    return int(get_sim_time("ns")) // PERIOD_NS


def seeded(name: str = "") -> Random:
    """Randomness of this run; another `name` gives another sequence."""
    return Random(f"{cocotb.RANDOM_SEED} {name}")


def willing(random: Random, rate: float) -> Iterator[bool]:
    """Endless: is this side willing in the next cycle?"""
    while True:
        if rate >= 1:
            yield True
        elif random.random() < 0.5:
            for _ in range(random.randint(1, 16)):
                yield random.random() < rate
        else:
            burst = random.randint(2, 12)
            yield from [random.random() < rate] * burst


@dataclass(slots=True)
class _Channel:
    """Signals of one valid/ready channel. `fields`: name in the item -> name of the port."""

    dut: Any
    valid: str
    ready: str | None
    fields: Mapping[str, str]
    handles: dict[str, Any] = field(init=False)

    def __post_init__(self) -> None:
        self.handles = {key: getattr(self.dut, port) for key, port in self.fields.items()}


class Source:
    """Drives items (field -> int) into a channel, in order, at `rate`.

    Between items the payload is random: nothing may depend on it. `ready=None`: no back-pressure.
    """

    def __init__(
        self,
        dut: Any,
        valid: str,
        ready: str | None,
        fields: Mapping[str, str],
        *,
        rate: float = 1.0,
        random: Random | None = None,
    ) -> None:
        self.channel = _Channel(dut, valid, ready, fields)
        self.rate = rate
        self.random = random or seeded(valid)
        self.queue: deque[Mapping[str, int]] = deque()
        self.taken: list[int] = []
        """Cycle in which each item was taken."""
        self.idle = Event()
        getattr(dut, valid).value = 0
        self._scramble()
        cocotb.start_soon(self._run())

    def put(self, item: Mapping[str, int]) -> None:
        self.queue.append(item)
        self.idle.clear()

    async def drained(self) -> None:
        """Returns once every item was taken."""
        if self.queue:
            await self.idle.wait()

    def _scramble(self) -> None:
        for handle in self.channel.handles.values():
            handle.value = self.random.getrandbits(len(handle))

    async def _run(self) -> None:
        dut, channel = self.channel.dut, self.channel
        valid = getattr(dut, channel.valid)
        ready = getattr(dut, channel.ready) if channel.ready else None
        edge = RisingEdge(dut.clk)
        gate = willing(self.random, self.rate)
        driving = False
        while True:
            await edge
            if driving and (ready is None or ready.value == 1):
                self.queue.popleft()
                self.taken.append(cycle())
                driving = False
                if not self.queue:
                    self.idle.set()
            elif driving:
                continue
            if self.queue and dut.rst.value == 0 and next(gate):
                item = self.queue[0]
                for key, handle in channel.handles.items():
                    handle.value = item[key]
                valid.value = 1
                driving = True
            elif valid.value == 1:
                valid.value = 0
                self._scramble()


class Sink:
    """Collects items from a channel at `rate`; each goes to `on_item` with its cycle.

    Fails the test if valid falls, or the payload changes, before ready.
    """

    def __init__(
        self,
        dut: Any,
        valid: str,
        ready: str | None,
        fields: Mapping[str, str],
        *,
        rate: float = 1.0,
        random: Random | None = None,
        on_item: Callable[[dict[str, int], int], None] | None = None,
    ) -> None:
        self.channel = _Channel(dut, valid, ready, fields)
        self.rate = rate
        self.random = random or seeded(valid)
        self.on_item = on_item
        self.items: list[dict[str, int]] = []
        self.cycles: list[int] = []
        if ready is not None:
            getattr(dut, ready).value = 0
        cocotb.start_soon(self._run())

    async def _run(self) -> None:
        dut, channel = self.channel.dut, self.channel
        valid = getattr(dut, channel.valid)
        ready = getattr(dut, channel.ready) if channel.ready else None
        edge = RisingEdge(dut.clk)
        gate = willing(self.random, self.rate)
        held: dict[str, int] | None = None
        open_now = ready is None
        while True:
            await edge
            if dut.rst.value == 1:
                held = None
            elif valid.value == 1:
                item = {key: int(handle.value) for key, handle in channel.handles.items()}
                assert held is None or held == item, f"{channel.valid}: changed while not ready"
                if open_now:
                    held = None
                    self.items.append(item)
                    self.cycles.append(cycle())
                    if self.on_item is not None:
                        self.on_item(item, cycle())
                else:
                    held = item
            else:
                assert held is None, f"{channel.valid}: fell while not ready"
            if ready is not None:
                willing_now = next(gate)
                if willing_now != open_now:
                    ready.value = int(willing_now)
                    open_now = willing_now


@dataclass(frozen=True, slots=True)
class Packet:
    """A packet of an AXI4-Stream: its octets, and tuser."""

    octets: bytes
    user: int = 0


def stream_fields(dut: Any, prefix: str) -> dict[str, str]:
    """Ports of a stream, as far as the module has them."""
    names = ("tdata", "tkeep", "tlast", "tuser")
    return {name: f"{prefix}_{name}" for name in names if hasattr(dut, f"{prefix}_{name}")}


class PacketSource:
    """Cuts packets into beats of an AXI4-Stream whose ports begin with `prefix`."""

    def __init__(self, dut: Any, prefix: str, **options: Any) -> None:
        fields = stream_fields(dut, prefix)
        self.source = Source(dut, f"{prefix}_tvalid", f"{prefix}_tready", fields, **options)
        self.width = len(getattr(dut, f"{prefix}_tdata")) // 8

    def put(self, packet: Packet) -> None:
        for beat in beats(packet, self.width):
            self.source.put(beat)

    async def drained(self) -> None:
        await self.source.drained()


class PacketSink:
    """Packets of an AXI4-Stream, put together; `on_packet` gets each with the cycle of its end.

    Fails the test if tkeep is not contiguous from lane 0, or not full before tlast, or tuser is
    not the same in all beats. A packet of no octets is one beat with tkeep 0.
    """

    def __init__(
        self,
        dut: Any,
        prefix: str,
        *,
        on_packet: Callable[[Packet, int], None] | None = None,
        **options: Any,
    ) -> None:
        self.width = len(getattr(dut, f"{prefix}_tdata")) // 8
        self.prefix = prefix
        self.on_packet = on_packet
        self.packets: list[Packet] = []
        self.first_cycles: list[int] = []
        self.last_cycles: list[int] = []
        self._octets = bytearray()
        self._user: int | None = None
        fields = stream_fields(dut, prefix)
        Sink(
            dut,
            f"{prefix}_tvalid",
            f"{prefix}_tready" if hasattr(dut, f"{prefix}_tready") else None,
            fields,
            on_item=self._beat,
            **options,
        )

    def _beat(self, beat: dict[str, int], now: int) -> None:
        keep = beat["tkeep"]
        count = keep.bit_length()
        assert keep == (1 << count) - 1, f"{self.prefix}_tkeep {keep:#x} has holes"
        assert beat["tlast"] or count == self.width, f"{self.prefix}_tkeep is not full before tlast"
        user = beat.get("tuser", 0)
        if self._user is None:
            self._user = user
            self.first_cycles.append(now)
        assert user == self._user, f"{self.prefix}_tuser changes within a packet"
        self._octets += beat["tdata"].to_bytes(self.width, "little")[:count]
        if beat["tlast"]:
            packet = Packet(bytes(self._octets), user)
            self._octets.clear()
            self._user = None
            self.packets.append(packet)
            self.last_cycles.append(now)
            if self.on_packet is not None:
                self.on_packet(packet, now)


def beats(packet: Packet, width: int) -> list[dict[str, int]]:
    """The beats of a packet on a stream of `width` octets; octet 0 is in lane 0."""
    cut: list[dict[str, int]] = []
    octets = packet.octets
    for at in range(0, max(len(octets), 1), width):
        piece = octets[at : at + width]
        cut.append(
            {
                "tdata": int.from_bytes(piece, "little"),
                "tkeep": (1 << len(piece)) - 1,
                "tlast": int(at + width >= len(octets)),
                "tuser": packet.user,
            }
        )
    return cut


class Scoreboard:
    """Results in the order in which they are due; a difference fails the test at once."""

    def __init__(self, clk: Any, name: str = "result") -> None:
        self.clk = clk
        self.name = name
        self.due: deque[Any] = deque()
        self.seen = 0

    def expect(self, result: Any) -> None:
        self.due.append(result)

    def check(self, result: Any) -> None:
        assert self.due, f"{self.name} {self.seen}: {result!r} was not expected"
        due = self.due.popleft()
        assert result == due, f"{self.name} {self.seen}:\n  got {result!r}\n  not {due!r}"
        self.seen += 1

    async def done(self, cycles: int = 10_000) -> None:
        """Returns once everything came; fails after `cycles` in which nothing did."""
        quiet = 0
        before = self.seen
        while self.due:
            await RisingEdge(self.clk)
            quiet = 0 if self.seen != before else quiet + 1
            before = self.seen
            assert quiet < cycles, (
                f"{self.name} {self.seen} did not come: {len(self.due)} are due, "
                f"next {self.due[0]!r}"
            )


def block_fields(ports: Sequence[str], prefix: str = "") -> dict[str, str]:
    """Fields of a channel whose ports are `prefix` + name."""
    return {name: f"{prefix}{name}" for name in ports}
