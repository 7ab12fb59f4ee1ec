"""`accel_control`: SAs come in by registers, are looked up whole, and leave no key behind."""

from __future__ import annotations

from collections import Counter
from typing import Any

import cocotb
from cocotb.triggers import ClockCycles, RisingEdge
from ipsecsim.accelerator.rtl import registers as reg
from ipsecsim.accelerator.rtl.sa_registers import sa_registers

from tests.accelerator.conftest import Tunnel
from tests.rtl import traffic
from tests.rtl.aes_keys import key_end
from tests.rtl.axil import AxiLite
from tests.rtl.gcm import hash_key, packed_powers
from tests.rtl.harness import settings, simulate
from tests.rtl.streams import seeded, start

INSTALL, REMOVE, READ, FORGET = 1, 2, 3, 4
DONE, BAD_COMMAND, BAD_INDEX, LOCKED, NOT_READY = range(5)
KEYS = (
    ("key_size", 2), ("key", 256), ("salt", 32), ("iv_seed", 64), ("powers", 1024),
    ("esp_inner", 512), ("esp_outer", 512), ("ah_inner", 512), ("ah_outer", 512),
)  # fmt: skip


class Bench:
    """The device, its AXI4-Lite side, and the datapath's side in both directions."""

    def __init__(self, dut: Any) -> None:
        self.dut = dut
        self.sas = settings()["sas"]
        self.axi = AxiLite(dut)
        for name in ("sa_read", "number_write", "done", "key_read", "count_valid"):
            for side in ("tx_", "rx_"):
                if hasattr(dut, side + name):
                    getattr(dut, side + name).value = 0
        dut.parse_count_valid.value = 0
        dut.in_flight.value = 0
        dut.tx_llq_count.value = dut.rx_llq_count.value = 0
        dut.llq_rule_ready.value = 3
        dut.llq_ready.value = 1
        dut.window_ready.value = 1
        self.windows: list[tuple[int, int, int, int, int]] = []
        self.early: dict[str, int] = {}

    async def begin(self) -> None:
        await start(self.dut)
        cocotb.start_soon(self._windows())
        await ClockCycles(self.dut.clk, self.sas + 4)
        await self.axi.put(reg.BOOT, 0xB007)

    async def _windows(self) -> None:
        d = self.dut
        while True:
            await RisingEdge(d.clk)
            if d.window_valid.value == 1 and d.window_ready.value == 1:
                names = ("sa", "ah", "size", "esn", "keep")
                self.windows.append(tuple(int(getattr(d, f"window_{n}").value) for n in names))

    async def install(self, sa: Tunnel, index: int, inbound: bool) -> None:
        a = sa.inbound() if inbound else sa.outbound()
        await self.axi.shadow(sa_registers(a))
        assert await self.axi.command(INSTALL, index, inbound=inbound) == DONE

    async def look(self, index: int, inbound: bool) -> int:
        """The row, as the datapath gets it, and `early` its keys. The request is to be ended."""
        side = "rx" if inbound else "tx"
        d = self.dut
        getattr(d, f"{side}_sa_index").value = index
        getattr(d, f"{side}_sa_read").value = 1
        await RisingEdge(d.clk)
        getattr(d, f"{side}_sa_read").value = 0
        while True:
            await RisingEdge(d.clk)
            if getattr(d, f"{side}_sa_found").value == 1:
                assert getattr(d, f"{side}_key_found").value == 1
                assert getattr(d, f"{side}_key_of").value == index
                self.early = traffic.unpack(KEYS, int(getattr(d, f"{side}_keys").value))
                return int(getattr(d, f"{side}_sa_row").value)

    async def keys(self, index: int, inbound: bool) -> dict[str, int]:
        side = "rx" if inbound else "tx"
        d = self.dut
        getattr(d, f"{side}_key_index").value = index
        getattr(d, f"{side}_key_read").value = 1
        await RisingEdge(d.clk)
        getattr(d, f"{side}_key_read").value = 0
        while True:
            await RisingEdge(d.clk)
            found = getattr(d, f"{side}_key_found").value == 1
            if found and getattr(d, f"{side}_key_of").value == index:
                return traffic.unpack(KEYS, int(getattr(d, f"{side}_keys").value))

    async def number(self, value: int) -> None:
        self.dut.tx_number.value = value
        self.dut.tx_number_write.value = 1
        await RisingEdge(self.dut.clk)
        self.dut.tx_number_write.value = 0

    async def done(self, inbound: bool) -> None:
        signal = self.dut.rx_done if inbound else self.dut.tx_done
        signal.value = 1
        await RisingEdge(self.dut.clk)
        signal.value = 0

    async def count(self, side: str, **fields: int) -> None:
        getattr(self.dut, f"{side}_count").value = traffic.pack(traffic.COUNT, fields)
        getattr(self.dut, f"{side}_count_valid").value = 1
        await RisingEdge(self.dut.clk)
        getattr(self.dut, f"{side}_count_valid").value = 0


def expected_keys(sa: Tunnel, inbound: bool) -> dict[str, int]:
    """The keys of a row: as they are in the registers, and what is derived from them."""
    words = sa_registers(sa.inbound() if inbound else sa.outbound())
    left = 256 - 8 * len(sa.cipher_key)
    names = ("esp_inner", "esp_outer", "ah_inner", "ah_outer", "salt", "iv_seed")
    keys = {name: words[getattr(reg, f"SA_{name.upper()}")] for name in names}
    keys["key"] = int.from_bytes(sa.cipher_key, "big") << left
    if inbound and sa.cipher == "AES-CBC":
        keys["key"] = int.from_bytes(key_end(sa.cipher_key))
    gcm = sa.cipher == "AES-GCM"
    keys["powers"] = packed_powers(hash_key(sa.cipher_key)) if gcm else 0
    return keys


@cocotb.test(timeout_time=5, timeout_unit="ms")
async def rows_and_keys(dut: Any) -> None:
    """What is installed is looked up; with the same epoch the number stays, else it is 0."""
    bench = Bench(dut)
    await bench.begin()
    random = seeded()
    numbers: dict[int, int] = {}
    there: tuple[dict[int, Tunnel], dict[int, Tunnel]] = ({}, {})
    for _ in range(60):
        inbound = random.random() < 0.5
        index = random.randrange(bench.sas + 3)
        if index >= bench.sas:
            assert await bench.axi.command(INSTALL, index, inbound=inbound) == BAD_INDEX
        elif random.random() < 0.2:
            assert await bench.axi.command(REMOVE, index, inbound=inbound) == DONE
            there[inbound].pop(index, None)
            if not inbound:
                numbers[index] = 0
        else:
            sa = traffic.random_sa(random)
            before = there[inbound].get(index)
            keep = before is not None and random.random() < 0.5
            if keep:
                assert before is not None
                sa.epoch = before.epoch
            elif not inbound:
                numbers[index] = 0
            bench.windows.clear()
            await bench.install(sa, index, inbound)
            there[inbound][index] = sa
            if inbound:
                rows = [(index, ah, sa.window, int(sa.esn), int(keep)) for ah in (0, 1)]
                assert bench.windows == rows
        inbound = random.random() < 0.5
        index = random.choice([*there[inbound], random.randrange(bench.sas), 65535])
        sa = there[inbound].get(index)
        row = await bench.look(index, inbound)
        if inbound:
            assert row == traffic.inbound_word(sa)
        else:
            number = numbers.get(index, 0)
            assert row == traffic.outbound_word(sa, number), index
            if sa is not None and random.random() < 0.7:
                numbers[index] = random.getrandbits(64)
                await bench.number(numbers[index])
        if index < bench.sas:
            early = bench.early
            # A look-up in the same cycle goes first.
            other = cocotb.start_soon(bench.look(random.randrange(bench.sas), inbound))
            keys = await bench.keys(index, inbound)
            await other
            await bench.done(inbound)
            assert keys == early
            if sa is None:
                assert not any(keys.values())
            else:
                wanted = expected_keys(sa, inbound)
                assert {n: keys[n] for n in wanted} == wanted
        await bench.done(inbound)
    for index, number in numbers.items():
        await bench.axi.command(READ, index)
        valid = reg.ROW_STATUS_VALID.get(await bench.axi.get(reg.ROW_STATUS))
        assert valid == (index in there[0])
        assert await bench.axi.get(reg.ROW_NUMBER) == number
        if valid:
            assert await bench.axi.get(reg.ROW_EPOCH) == there[0][index].epoch


@cocotb.test(timeout_time=5, timeout_unit="ms")
async def keys_leave_no_trace(dut: Any) -> None:
    """No register shows a secret, and REMOVE, FORGET and reset overwrite what the memories hold."""
    bench = Bench(dut)
    await bench.begin()
    random = seeded()
    everywhere = (dut.outbound, dut.inbound_table)

    def secrets(table: Any, index: int) -> int:
        return int(table.key_ram.rows[index].value)

    for kind in (REMOVE, FORGET, None):
        sas = {}
        for index in range(bench.sas):
            sas[index] = traffic.random_sa(random)
            for inbound in (False, True):
                await bench.install(sas[index], index, inbound)
                await bench.look(index, inbound)
                await bench.keys(index, inbound)
                await bench.done(inbound)
                for register in vars(reg).values():
                    if isinstance(register, reg.Register) and register.access == "secret":
                        assert await bench.axi.get(register) == 0
        assert not int(dut.shadow.words.value) >> 32 * 14, "the shadow keeps secrets"
        await ClockCycles(dut.clk, 16)
        derive = dut.derive
        for left in (derive.keys, derive.schedule.keys, derive.multiplier.powers):
            assert int(left.value) == 0
        assert not int(derive.multiplier.left.value)
        for table in everywhere:
            assert all(secrets(table, index) for index in sas)
        if kind is None:
            dut.rst.value = 1
            await ClockCycles(dut.clk, 2)
            dut.rst.value = 0
            # A look-up that comes too early finds nothing, and waits for the memories.
            assert await bench.look(0, False) == 0
            await bench.done(False)
            assert await bench.axi.get(reg.BOOT) == 0
            assert await bench.axi.command(INSTALL, 0) == LOCKED
            await bench.axi.put(reg.BOOT, 2)
        elif kind == FORGET:
            assert await bench.axi.command(FORGET) == DONE
        else:
            for index in sas:
                for inbound in (False, True):
                    assert await bench.axi.command(REMOVE, index, inbound=inbound) == DONE
        for table, inbound in zip(everywhere, (False, True), strict=True):
            for index in sas:
                assert secrets(table, index) == 0
                assert int(table.row_ram.rows[index].value) == 0
            assert int(getattr(dut, "rx_keys" if inbound else "tx_keys").value) == 0


@cocotb.test(timeout_time=5, timeout_unit="ms")
async def update_under_load(dut: Any) -> None:
    """Rekeys while requests run: from look-up to end a request sees one generation of its SA."""
    bench = Bench(dut)
    await bench.begin()
    random = seeded()
    index = 3
    first = traffic.random_sa(random)
    generations: dict[int, Tunnel] = {first.epoch: first}
    await bench.install(first, index, False)
    seen: Counter[int] = Counter()
    running = True

    async def requests() -> None:
        while running:
            row = await bench.look(index, False)
            layout = traffic.unpack(traffic.OUTBOUND, row)
            sa = generations[layout["epoch"]]
            seen[sa.epoch] += 1
            assert row == traffic.outbound_word(sa, layout["sequence"])
            wanted = expected_keys(sa, False)
            assert {n: bench.early[n] for n in wanted} == wanted
            number = layout["sequence"] + 1
            await bench.number(number)
            for _ in range(random.randint(1, 3)):
                await ClockCycles(dut.clk, random.randint(1, 30))
                keys = await bench.keys(index, False)
                assert {n: keys[n] for n in wanted} == wanted
            await bench.done(False)
            await ClockCycles(dut.clk, random.randint(1, 20))

    task = cocotb.start_soon(requests())
    for _ in range(25):
        sa = traffic.random_sa(random)
        generations[sa.epoch] = sa
        await bench.install(sa, index, False)
        await ClockCycles(dut.clk, random.randint(1, 400))
    running = False
    await task
    assert len(seen) > 15


@cocotb.test(timeout_time=5, timeout_unit="ms")
async def counters(dut: Any) -> None:
    """Any mix of counts and reads, back to back: nothing is lost; refusals stop at 65535."""
    bench = Bench(dut)
    await bench.begin()
    random = seeded()
    packets: Counter[tuple[bool, int, int]] = Counter()
    octets: Counter[tuple[bool, int]] = Counter()
    by_reason: Counter[int] = Counter()

    async def side(inbound: bool) -> None:
        for _ in range(1500):
            index, reason = random.randrange(4), random.choice((0, 0, 0, 1, 12, 31))
            of_sa = random.random() < 0.8
            if of_sa:
                packets[inbound, index, reason] += 1
                octets[inbound, index] += 0 if reason else 1000 + index
            else:
                by_reason[reason] += 1
            await bench.count(
                "rx" if inbound else "tx", of_sa=of_sa, inbound=inbound, sa_index=index,
                reason=reason, octets=1000 + index,
            )  # fmt: skip
            if random.random() < 0.2:
                await ClockCycles(dut.clk, random.randint(1, 5))

    tasks = [cocotb.start_soon(side(inbound)) for inbound in (False, True)]
    got: Counter[tuple[bool, int, int]] = Counter()
    got_octets: Counter[tuple[bool, int]] = Counter()

    async def collect(inbound: bool, index: int, reason: int) -> None:
        assert await bench.axi.command(READ, index, inbound=inbound, reason=reason) == DONE
        got[inbound, index, reason] += await bench.axi.get(reg.ROW_PACKETS)
        more = await bench.axi.get(reg.ROW_OCTETS)
        assert reason == 0 or more == 0
        got_octets[inbound, index] += more

    for _ in range(40):
        await collect(random.random() < 0.5, random.randrange(4), random.choice((0, 0, 1, 12, 31)))
    for task in tasks:
        await task
    for inbound in (False, True):
        for index in range(4):
            for reason in (0, 1, 12, 31):
                await collect(inbound, index, reason)
    assert got == packets
    assert +got_octets == +octets
    for reason in range(32):
        assert await bench.axi.get(reg.ERROR, reason) == by_reason[reason]

    dut.rx_count.value = traffic.pack(
        traffic.COUNT, {"of_sa": 1, "inbound": 1, "sa_index": 2, "reason": 8, "octets": 0}
    )
    dut.rx_count_valid.value = 1
    await ClockCycles(dut.clk, 65535 + 9)
    dut.rx_count_valid.value = 0
    await bench.axi.command(READ, 2, inbound=True, reason=8)
    assert await bench.axi.get(reg.ROW_PACKETS) == 65535


@cocotb.test(timeout_time=2, timeout_unit="ms")
async def registers(dut: Any) -> None:
    """What can be read is what the map says; commands that cannot be done say why."""
    bench = Bench(dut)
    await start(dut)
    axi = bench.axi
    await axi.put(reg.COMMAND, reg.COMMAND_OPERATION.put(READ))
    assert reg.STATUS_ERROR.get(await axi.get(reg.STATUS)) == NOT_READY
    await ClockCycles(dut.clk, bench.sas + 4)
    assert await axi.get(reg.ID) == reg.ID.value
    assert await axi.get(reg.VERSION) == reg.VERSION.value
    assert reg.SIZE_SAS.get(await axi.get(reg.SIZE)) == bench.sas
    assert reg.STATUS_READY.get(await axi.get(reg.STATUS))
    assert await axi.command(INSTALL, 0) == LOCKED
    await axi.put(reg.BOOT, 99)
    assert await axi.get(reg.BOOT) == 99
    for operation in (0, 5, 15):
        assert await axi.command(operation, 0) == BAD_COMMAND
    assert await axi.command(REMOVE, bench.sas) == BAD_INDEX
    before = await axi.get(reg.CYCLES)
    assert 0 < await axi.get(reg.CYCLES) - before < 100
    random = seeded()
    written = {}
    for register in vars(reg).values():
        if isinstance(register, reg.Register) and register.name.startswith("sa_"):
            written[register] = random.getrandbits(register.bits)
            await axi.put(register, written[register])
    for register, value in written.items():
        wanted = 0 if register.access == "secret" else value
        assert await axi.get(register) == wanted, register.name
    assert await axi.read(0xFFC) == 0


def test_accel_control() -> None:
    simulate(
        "accel_control",
        __file__,
        parameters={"SAS": 8},
        settings={"sas": 8},
        peek=True,
    )
