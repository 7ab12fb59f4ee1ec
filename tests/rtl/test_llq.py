"""Queues in front of a path: order and drops are the golden model's, for the same arrivals."""

from __future__ import annotations

from collections import Counter
from random import Random
from typing import Any

import cocotb
import pytest
from cocotb.triggers import ClockCycles, RisingEdge
from ipsecsim.accelerator.llq import CLASS_DEFAULT, CLASSES, Cause, LlqClass, Scheduler

from tests.rtl import traffic
from tests.rtl.harness import settings, simulate
from tests.rtl.streams import Packet, PacketSink, PacketSource, cycle, seeded, start

RULE = (
    ("level", 2), ("weight", 10), ("limit", 16), ("police_rate", 32), ("police_burst", 32),
    ("conditional", 1),
)  # fmt: skip
SETUP = (
    ("tick", 48), ("gated", 1), ("rule_class", 4), ("rule", 93), ("select_write", 1),
    ("select_at", 7), ("select_classes", 32),
)  # fmt: skip
COUNT = (
    ("passed", 1), ("passed_class", 4), ("passed_octets", 17), ("dropped", 1),
    ("dropped_class", 4), ("above_limit", 1), ("dropped_octets", 17),
)  # fmt: skip
CELL = 128
"""Octets of a cell of its memory."""


class Bench:
    """The module with everything around it; the golden model follows its events one by one."""

    def __init__(self, dut: Any, *, rate_in: float = 1.0, rate_out: float = 1.0) -> None:
        self.dut = dut
        self.random = seeded()
        for name in ("rule_write", "grant", "path_ready"):
            getattr(dut, name).value = 0
        self.setup = dict.fromkeys(dict(SETUP), 0)
        self.set_up()
        self.prefixes_in = PacketSource(dut, "s_prefix", rate=rate_in)
        self.requests_in = PacketSource(dut, "s_axis", rate=rate_in)
        self.prefixes = PacketSink(dut, "m_prefix", rate=rate_out)
        self.requests = PacketSink(dut, "m_axis", rate=rate_out, on_packet=self._left)
        self.golden: Scheduler[int] = Scheduler()
        self.rules: dict[int, LlqClass] = {}
        self.classes: dict[tuple[int, int], int] = {}
        self.sent: list[tuple[int, int, bytes, Packet]] = []  # class, size, prefix, request
        self.judged = 0
        self.due: list[int] = []  # requests in the order in which they have to leave
        self.levels: list[int] = []  # of their classes, at that time
        self.left: list[int] = []
        self.drops: Counter[Cause] = Counter()
        self.started: list[int] = []
        """Cycle in which each request of `left` was chosen."""
        self.entered: dict[int, int] = {}
        """Cycle in which a request joined its queue."""
        self.tick = 0
        self.seconds = 0
        """Ticks that pass, at most, between two packets."""
        self.willing = 1.0
        """Share of cycles in which the path takes another packet."""
        cocotb.start_soon(self._follow())

    def set_up(self, **values: int) -> None:
        self.setup |= values
        self.dut.setup.value = traffic.pack(SETUP, self.setup)

    async def begin(self, rules: dict[int, LlqClass], classes: dict[tuple[int, int], int]) -> None:
        await start(self.dut)
        while self.dut.ready.value != 1:
            await RisingEdge(self.dut.clk)
        for number, rule in rules.items():
            await self.rule(number, rule)
        self.classes = classes
        words: Counter[int] = Counter()
        for (level, group), number in classes.items():
            at = min(level, 3) << 8 | group
            words[at >> 3] |= number << 4 * (at & 7)
        for at, word in words.items():
            self.set_up(select_write=1, select_at=at, select_classes=word)
            await RisingEdge(self.dut.clk)
        self.set_up(select_write=0)

    async def rule(self, number: int, rule: LlqClass) -> None:
        dut = self.dut
        values = {name: int(getattr(rule, name)) for name, _ in RULE}
        self.set_up(rule_class=number, rule=traffic.pack(RULE, values))
        dut.rule_write.value = 1
        await RisingEdge(dut.clk)
        while dut.rule_ready.value != 1:
            await RisingEdge(dut.clk)
        dut.rule_write.value = 0
        self.rules[number] = rule
        self.golden.configure(self.rules, self.tick)

    def put(self, size: int, level: int = 0, group: int = 0, prefix: int | None = None) -> int:
        """A request of `size` octets; returns its number."""
        random = self.random
        octets = random.randbytes(prefix or random.choice((46, 60, 64, random.randint(46, 301))))
        header = {name: random.getrandbits(width) for name, width in traffic.REQUEST}
        header |= {"level": level, "qos_group": group, "length": size}
        packet = Packet(random.randbytes(size), traffic.pack(traffic.REQUEST, header))
        self.sent.append((self.classes.get((level, group), 0), size, octets, packet))
        self.prefixes_in.put(Packet(octets))
        self.requests_in.put(packet)
        return len(self.sent) - 1

    async def _follow(self) -> None:
        """Offer and take in the golden model what the module keeps, drops and passes."""
        dut, random = self.dut, self.random
        while True:
            await RisingEdge(dut.clk)
            dut.path_ready.value = int(random.random() < self.willing)
            if dut.rst.value == 1:
                continue
            count = traffic.unpack(COUNT, int(dut.count.value))
            if dut.kept.value == 1 or count["dropped"]:
                number, size, *_ = self.sent[self.judged]
                cause = self.golden.offer(self.judged, size, number, self.tick)
                if count["dropped"]:
                    found = Cause(count["above_limit"])
                    assert cause is found, f"request {self.judged}: {found!r}, not {cause!r}"
                    assert (count["dropped_class"], count["dropped_octets"]) == (number, size)
                    self.drops[found] += 1
                else:
                    assert cause is None, f"request {self.judged}: kept, not {cause!r}"
                    self.entered[self.judged] = cycle()
                self.judged += 1
                self.tick += random.randint(0, self.seconds)
                self.set_up(tick=self.tick)
            if count["passed"]:
                taken = self.golden.take()
                assert taken is not None
                number, item, size = taken
                assert (count["passed_class"], count["passed_octets"]) == (number, size)
                self.due.append(item)
                self.levels.append(self.rules.get(number, CLASS_DEFAULT).level)
                self.started.append(cycle())

    def _left(self, packet: Packet, now: int) -> None:
        place = len(self.left)
        _, _, prefix, request = self.sent[self.due[place]]
        level = self.levels[place]
        assert self.prefixes.packets[place] == Packet(prefix, level)
        assert packet.octets == request.octets
        header = traffic.unpack(traffic.REQUEST, request.user) | {"level": level}
        assert packet.user == traffic.pack(traffic.REQUEST, header)
        self.left.append(self.due[place])

    async def done(self, patience: int = 20_000) -> None:
        """Returns when every request was judged and has left."""
        quiet, before = 0, (0, 0)
        while self.judged < len(self.sent) or len(self.golden) or len(self.left) < len(self.due):
            await RisingEdge(self.dut.clk)
            now = (self.judged, len(self.left))
            quiet = quiet + 1 if now == before else 0
            before = now
            assert quiet < patience, f"{now} of {len(self.sent)}: nothing happens any more"
        await ClockCycles(self.dut.clk, 3)
        assert self.dut.idle.value == 1


def random_rules(random: Random) -> dict[int, LlqClass]:
    rules = {}
    for number in random.sample(range(CLASSES), 9):
        level = random.choice((0, 0, 0, 0, 1, 1, 2))
        rate, burst = random.choice(((0, 0), (2000, 1600), (9000, 600)))
        rules[number] = LlqClass(
            level,
            0 if level else random.choice((1, 5, 30, 100, 1023)),
            random.choice((0, 2, 4, 5)),
            rate,
            burst,
            bool(rate) and random.random() < 0.3,
        )
    return rules


@cocotb.test(timeout_time=10, timeout_unit="ms")
async def random_traffic(dut: Any) -> None:
    """Rates of arrival and leaving change; so do rules, while packets wait."""
    bench = Bench(dut, rate_in=settings()["rate"], rate_out=settings()["rate"])
    random = bench.random
    rules = random_rules(random)
    classes = {
        (level, group): random.choice(list(rules))
        for level in range(5)
        for group in range(0, 256, 5)
        if level < 3 or level == 3
    }
    classes |= {(4, group): number for (level, group), number in classes.items() if level == 3}
    await bench.begin(rules, classes)
    for turn in range(settings()["turns"]):
        bench.seconds = random.choice((0, 0, 1000))
        bench.willing = random.choice((0.005, 0.02, 1.0))
        for _ in range(40):
            level, group = random.choice(list(classes)) if random.random() < 0.95 else (0, 1)
            bench.put(random.choice((0, 1, 20, 64, 200, 576)), level, group)
        while bench.judged < len(bench.sent):
            await RisingEdge(dut.clk)
        if turn % 3 == 2:
            bench.willing = 1.0
            await bench.done()
        number = random.choice(list(rules))
        await bench.rule(number, random_rules(random).popitem()[1])
    bench.willing = 1.0
    await bench.done()
    assert bench.drops[Cause.ABOVE_LIMIT] > 20
    assert bench.drops[Cause.ABOVE_RATE] > 20
    assert len(bench.left) > 200


@cocotb.test(timeout_time=10, timeout_unit="ms")
async def priority_waits_for_one_packet(dut: Any) -> None:
    """At any moment of a best-effort packet's: at most the rest of that one, and 24 cycles."""
    bench = Bench(dut)
    await bench.begin({0: LlqClass(), 1: LlqClass(1, 0)}, {(1, 0): 1})
    waited = []
    for delay in range(0, 110, 7):
        for _ in range(8):
            bench.put(1400, prefix=60)
        bench.willing = 0.0
        while bench.judged < len(bench.sent):
            await RisingEdge(dut.clk)
        bench.willing = 1.0
        await ClockCycles(dut.clk, delay)
        urgent = bench.put(64, level=1, prefix=60)
        await bench.done()
        place = bench.left.index(urgent)
        assert place < len(bench.left) - 1, "nothing waited behind it"
        waited.append(bench.started[place] - bench.entered[urgent])
    packet = 4 + 88
    assert max(waited) <= packet + 24, waited
    assert max(waited) > packet // 2, "no packet was under way"
    dut._log.info("a priority packet waits %d cycles, one packet is %d", max(waited), packet)


@cocotb.test(timeout_time=10, timeout_unit="ms")
async def what_is_not_urgent_leaves_room(dut: Any) -> None:
    """A flood of class 0 fills three quarters of the memory and no more; no packet is lost."""
    bench = Bench(dut)
    rules = {0: LlqClass(limit=60_000), 1: LlqClass(1, 0, 60_000)}
    await bench.begin(rules, {(1, 0): 1})
    bench.golden = Roomy(2 ** settings()["handle_w"], bench)
    bench.golden.configure(rules, 0)
    bench.willing = 0.0
    for _ in range(settings()["flood"]):
        bench.put(576, prefix=60)
    for _ in range(8):
        bench.put(64, level=1, prefix=60)
    while bench.judged < len(bench.sent):
        await RisingEdge(dut.clk)
    assert bench.drops[Cause.ABOVE_LIMIT] > 10
    assert len(bench.golden) - 8 < settings()["flood"]
    assert all(len(bench.sent) - n in bench.entered for n in range(1, 9))
    for _ in range(settings()["flood"]):
        bench.put(576, level=1, prefix=60)  # now priority itself fills it
    while bench.judged < len(bench.sent):
        await RisingEdge(dut.clk)
    bench.willing = 1.0
    await bench.done()
    for _ in range(40):
        bench.put(1400)
    await bench.done()


@cocotb.test(timeout_time=10, timeout_unit="ms")
async def police_at_any_rate(dut: Any) -> None:
    """Time and rate are multiplied in pieces of 16 bits: rates and times of one and of more."""
    bench = Bench(dut)
    rates = (1, 2000, 90_000, 3 << 20)
    rules = {number: LlqClass(1, 0, 64, rate, 700) for number, rate in enumerate(rates, 1)}
    await bench.begin(rules, {(1, number): number for number in rules})
    for number, rate in enumerate(rates, 1):
        bench.seconds = (300 << 16) // rate  # for 150 octets, on average
        for _ in range(40):
            bench.put(bench.random.choice((64, 200, 576)), level=1, group=number, prefix=60)
        dropped = bench.drops[Cause.ABOVE_RATE]
        await bench.done()
        assert 5 < bench.drops[Cause.ABOVE_RATE] - dropped < 35


class Roomy(Scheduler[int]):
    """The golden model with the module's memory."""

    def __init__(self, cells: int, bench: Bench) -> None:
        super().__init__()
        self.cells = cells
        self.bench = bench

    def _needs(self, item: int) -> int:
        _, size, prefix, _ = self.bench.sent[item]
        beats = -(-len(prefix) // 16) + max(1, -(-size // 16))
        return -(-beats * 16 // CELL)

    def offer(self, item: int, size: int, number: int, tick: int) -> Cause | None:
        # What leaves frees its cells only then.
        inside = set(range(item)) - set(self.bench.left)
        used = sum(self._needs(i) for i in inside if i in self.bench.entered)
        free = self.cells - used
        beats = -(-301 // 16) + (2 ** settings()["addr_w"]) // 16
        if free < (beats + 7) // 8 + 2 or (
            not self._class(number).level and free < self.cells // 4
        ):
            return Cause.ABOVE_LIMIT
        return super().offer(item, size, number, tick)


@cocotb.test(timeout_time=10, timeout_unit="ms")
async def gated(dut: Any) -> None:
    """One frame leaves for a grant; the next waits for another one."""
    bench = Bench(dut)
    await bench.begin({0: LlqClass(), 1: LlqClass(1, 0)}, {(1, 0): 1})
    bench.set_up(gated=1)
    for _ in range(3):
        bench.put(100)
    await ClockCycles(dut.clk, 200)
    assert bench.due == []
    for number in range(3):
        if number == 1:
            bench.put(50, level=1)
            await ClockCycles(dut.clk, 100)
        dut.grant.value = 1
        await RisingEdge(dut.clk)
        dut.grant.value = 0
        await ClockCycles(dut.clk, 200)
        assert bench.left == [0, 3, 1][: number + 1]
    bench.set_up(gated=0)
    await bench.done()


BUILD = {"HANDLE_W": 9, "ADDR_W": 11}


@pytest.mark.parametrize("rate", [1.0, 0.7])
def test_llq(rate: float) -> None:
    simulate(
        "llq", __file__, parameters=BUILD, tests=["random_traffic"],
        settings={"rate": rate, "turns": 20},
    )  # fmt: skip


def test_llq_in_time_and_in_room() -> None:
    simulate(
        "llq", __file__, parameters=BUILD,
        tests=["priority_waits_for_one_packet", "what_is_not_urgent_leaves_room", "gated",
               "police_at_any_rate"],
        settings={"handle_w": 9, "addr_w": 11, "flood": 110},
    )  # fmt: skip
