"""The replay unit at its full rate against the Python model; one trace through P4, RTL and Python.

The trace is judged by the P4 program's replay stage on the embedded switch, by the Python model,
and by the RTL in a bench that reads the same trace: all three give the same verdicts. A 64-bit
number left of the window is inferred as 2^32 more by RFC 4303's rule, and then fails its ICV, which
covers the high half: FORGED. The P4 stage takes the nearest number and says TOO_OLD at once.
"""

from __future__ import annotations

import json
from collections import deque
from collections.abc import Iterator
from pathlib import Path
from random import Random
from typing import Any, Final

import cocotb
import pytest
from cocotb.triggers import ClockCycles, RisingEdge
from cocotb_coverage.coverage import CoverPoint, coverage_db
from ipsecplane.targets.crypto_header import Reason as CryptoReason
from ipsecplane.targets.reasons import Reason
from ipsecsim.accelerator.replay import ReplayWindow

from tests.p4 import duts, test_replay, world
from tests.rtl.harness import settings, simulate
from tests.rtl.streams import seeded, start

LOW: Final = 0xFFFFFFFF
ROWS: Final = 16
WIDEST: Final = 4096
SIZES: Final = (0, 64, 128, 256, 512, 1024, 2048, 4096)
OK, REPLAYED, TOO_OLD, FORGED = range(4)
_CODE: Final = {CryptoReason.OK: OK, CryptoReason.REPLAYED: REPLAYED, CryptoReason.TOO_OLD: TOO_OLD}
_P4: Final = {Reason.NONE: OK, Reason.REPLAYED: REPLAYED, Reason.TOO_OLD: TOO_OLD}
_VISIBLE: Final = 3  # cycles from a commit to the first check that sees it


def steps(random: Random, window: int) -> Iterator[int]:
    """From the highest number so far to the next one tried, endless: 2W, W + 1, W, 1.5W ahead and
    behind, their neighbours and repeats, steps within the window, and jumps of all sizes."""
    width = window or 64
    edges = [width * 2, width + 1, width, width * 3 // 2, width - 1]
    while True:
        step = random.choice(
            (1, 1, 1, 0, -1, 2, random.choice(edges), -random.choice(edges),
             -random.randint(0, width), -random.randint(0, width), random.randint(0, width),
             random.choice((31, 32, 63, 64, 65)), random.choice((-3, 3)) * random.randint(0, 5000)),
        )  # fmt: skip
        yield from [step] if random.random() < 0.7 else [step, 0 if step > 0 else step]


def relation(highest: int, number: int, window: int) -> str:
    """Where a number lies in the window whose highest one is `highest`."""
    ahead = number - highest
    if ahead > 0:
        return "next" if ahead == 1 else "one window ahead" if ahead == window else "far ahead"
    if ahead == 0:
        return "highest again"
    return {1: "right edge", window - 1: "left edge", window: "left of it"}.get(
        -ahead, "far behind" if -ahead > window else ""
    )


@CoverPoint(
    "replay_unit.window",
    xf=lambda window, esn, where: (window, esn, where),
    bins=[
        (window, esn, where)
        for window in SIZES[1:]
        for esn in (False, True)
        for where in (
            "far ahead", "one window ahead", "next", "highest again", "right edge", "left edge",
            "left of it", "far behind",
        )
    ],
)  # fmt: skip
def _tried(window: int, esn: bool, where: str) -> None:
    """A number has been committed."""


class Row:
    """What the Python model says of one row: now, and as checks see it."""

    def __init__(self) -> None:
        self.window = ReplayWindow(0)
        self.seen = ReplayWindow(0)
        self.esn = self.seen_esn = False

    def copied(self) -> ReplayWindow:
        copy = ReplayWindow(self.window.size)
        copy.highest, copy._seen = self.window.highest, self.window._seen
        return copy


@cocotb.test(timeout_time=10, timeout_unit="ms")
async def full_rate(dut: Any) -> None:
    """A check and a commit each cycle, any mix of rows; set-ups now and then."""
    random = seeded()
    rows = [Row() for _ in range(ROWS)]
    paths = [steps(random, SIZES[1 + n % 7]) for n in range(ROWS)]
    later: deque[tuple[int, int, ReplayWindow, bool]] = deque()  # cycle, row, what checks then see
    checks: deque[tuple[int, int, int] | None] = deque([None] * 5)
    commits: deque[tuple[int, int] | None] = deque([None] * 4)
    dut.check_valid.value = dut.commit_valid.value = dut.setup_valid.value = 0
    await start(dut)

    async def set_up(number: int, size: int, esn: bool, keep: bool) -> None:
        row = rows[number]
        before = row.window
        row.window, row.esn = ReplayWindow(size), esn
        if keep:
            row.window.adopt(before)
        dut.setup_valid.value = 1
        dut.setup_row.value = number
        dut.setup_window.value = size
        dut.setup_esn.value = int(esn)
        dut.setup_keep.value = int(keep)

    for number in range(ROWS):
        await set_up(number, SIZES[1 + number % 7], number >= 7, False)
        await RisingEdge(dut.clk)
    dut.setup_valid.value = 0
    await ClockCycles(dut.clk, 8)
    for row in rows:
        row.seen, row.seen_esn = row.copied(), row.esn
    counted = 0
    for now in range(settings()["cycles"]):
        while later and later[0][0] <= now:
            _, number, window, esn = later.popleft()
            rows[number].seen, rows[number].seen_esn = window, esn
        # -- a commit, or a set-up
        dut.setup_valid.value = 0
        target = random.randrange(ROWS) if random.random() < 0.6 else now // 400 % ROWS
        row = rows[target]
        if random.random() < 0.01:
            dut.commit_valid.value = 0
            esn = row.esn if random.random() < 0.5 else not row.esn
            keep = esn == row.esn and random.random() < 0.5
            await set_up(target, random.choice(SIZES), esn, keep)
            paths[target] = steps(random, row.window.size)
            commits.append(None)
        else:
            base = row.window.highest
            if base == 0 and row.esn and random.random() < 0.5:
                base = random.choice((1 << 32, 5 << 32)) - random.randint(0, 5000)
            committed = max(0, base + next(paths[target]))
            if not row.esn:
                committed &= LOW
            authentic = random.random() < 0.9
            dut.commit_valid.value = 1
            dut.commit_row.value = target
            dut.commit_sequence.value = committed
            dut.commit_authentic.value = int(authentic)
            dut.commit_tag.value = now & 0xFF
            verdict = row.window.check(committed)
            if row.window.size:
                _tried(
                    row.window.size, row.esn,
                    relation(row.window.highest, committed, row.window.size),
                )  # fmt: skip
            if verdict is CryptoReason.OK and authentic:
                row.window.accept(committed)
            commits.append((_CODE[verdict], now & 0xFF))
        later.append((now + _VISIBLE, target, row.copied(), row.esn))
        # -- a check
        asked = random.randrange(ROWS) if random.random() < 0.6 else target
        row = rows[asked]
        low = (row.seen.highest + next(paths[asked])) & LOW
        told = (row.seen.highest >> 32 << 32 | low) if random.random() < 0.5 else 0
        dut.check_valid.value = 1
        dut.check_row.value = asked
        dut.check_low.value = low
        dut.check_told.value = told
        dut.check_tag.value = now & 0xFF
        whole = low
        if row.seen_esn:
            whole = told if not row.seen.size and told & LOW == low else row.seen.infer(low)
        whole = max(0, whole)
        checks.append((_CODE[row.seen.check(whole)], whole, now & 0xFF))
        await RisingEdge(dut.clk)
        due = checks.popleft()
        assert dut.checked_valid.value == int(due is not None)
        if due is not None:
            found = int(dut.checked_verdict.value), int(dut.checked_sequence.value)
            assert (*found, int(dut.checked_tag.value)) == due, f"cycle {now}"
        answer = commits.popleft()
        assert dut.committed_valid.value == int(answer is not None)
        if answer is not None:
            assert (int(dut.committed_verdict.value), int(dut.committed_tag.value)) == answer, now
            counted += 1
    assert counted > 0.9 * settings()["cycles"] - 100
    hits = coverage_db["replay_unit.window"].detailed_coverage
    missed = [bin_ for bin_, times in hits.items() if not times]
    assert not missed, missed


@cocotb.test(timeout_time=10, timeout_unit="ms")
async def traces(dut: Any) -> None:
    """Packet by packet: check, then commit if that passed. The verdicts are the given ones."""
    given = json.loads(Path(settings()["file"]).read_text())
    dut.check_valid.value = dut.commit_valid.value = dut.setup_valid.value = 0
    await start(dut)
    for number, trace in enumerate(given):
        dut.setup_valid.value = 1
        dut.setup_row.value = number
        dut.setup_window.value = trace["window"]
        dut.setup_esn.value = int(trace["esn"])
        dut.setup_keep.value = 0
        await RisingEdge(dut.clk)
    dut.setup_valid.value = 0
    await ClockCycles(dut.clk, 8)
    dut.check_told.value = 0
    verdicts: list[list[int]] = [[] for _ in given]
    for step in range(max(len(trace["numbers"]) for trace in given)):
        at_work = [n for n, trace in enumerate(given) if step < len(trace["numbers"])]
        answers = {}
        for tick in range(len(at_work) + 6):
            dut.check_valid.value = int(tick < len(at_work))
            if tick < len(at_work):
                dut.check_row.value = dut.check_tag.value = at_work[tick]
                dut.check_low.value = given[at_work[tick]]["numbers"][step] & LOW
            await RisingEdge(dut.clk)
            if dut.checked_valid.value == 1:
                verdict = int(dut.checked_verdict.value), int(dut.checked_sequence.value)
                answers[int(dut.checked_tag.value)] = verdict
        assert sorted(answers) == at_work
        passed = [n for n in at_work if answers[n][0] == OK]
        final = {n: answers[n][0] for n in at_work}
        authentic = {n: answers[n][1] == given[n]["numbers"][step] for n in at_work}
        for tick in range(len(passed) + 5):
            dut.commit_valid.value = int(tick < len(passed))
            if tick < len(passed):
                dut.commit_row.value = dut.commit_tag.value = passed[tick]
                dut.commit_sequence.value = answers[passed[tick]][1]
                dut.commit_authentic.value = int(authentic[passed[tick]])
            await RisingEdge(dut.clk)
            if dut.committed_valid.value == 1:
                number, verdict = int(dut.committed_tag.value), int(dut.committed_verdict.value)
                final[number] = verdict if authentic[number] else verdict or FORGED
        for number, verdict in final.items():
            verdicts[number].append(verdict)
    for number, trace in enumerate(given):
        assert verdicts[number] == trace["verdicts"], (trace["window"], trace["esn"])


BUILD: Final = {"ROWS": ROWS, "WINDOW_MAX": WIDEST, "TAG_W": 8}


def test_full_rate() -> None:
    simulate(
        "replay_unit", __file__, parameters=BUILD, tests=["full_rate"], settings={"cycles": 20000}
    )


# -- P4, RTL and Python ----------------------------------------------------------------------------


def _trace(random: Random, window: int, esn: bool, packets: int) -> list[int]:
    """Whole numbers as a sender and a network would give them, with jumps, wraps and repeats.

    64-bit ones come near the end of their low half in strides that are inferred as they are meant;
    before the first number there is none.
    """
    numbers = [1]
    if esn:
        numbers = [LOW, 1, LOW - 1]
        start = random.choice((1, 2)) * (1 << 32) - 3 * window
        numbers += [*range(1 << 30, start, 1 << 30), start]
    highest = numbers[-1]
    for step in steps(random, window):
        numbers.append(max(1, highest + step))
        highest = max(highest, numbers[-1])
        if len(numbers) >= packets:
            break
    return numbers


def _python(window: int, esn: bool, numbers: list[int]) -> list[int]:
    model, verdicts = ReplayWindow(window), []
    for number in numbers:
        inferred = model.infer(number & LOW) if esn else number
        verdict = _CODE[model.check(inferred)]
        if verdict == OK and inferred == number:
            model.accept(number)
        verdicts.append(verdict if inferred == number else verdict or FORGED)
    return verdicts


def _p4(dut: duts.Dut, window: int, esn: bool, numbers: list[int]) -> list[int]:
    """By the program: what the check before decryption lets pass is decrypted and judged again."""
    epoch = test_replay.new_sa(dut, window, esn)
    verdicts = []
    for number in numbers:
        (output,) = dut.send(*test_replay.arrived(number))
        if isinstance(output, duts.Punt):
            verdicts.append(_P4[Reason(output.reason)])
            continue
        header, _ = world.the_request([output])
        if esn and header.sequence != number:
            verdicts.append(FORGED)
            continue
        (reason,) = test_replay.verdicts(dut, epoch, [number])
        verdicts.append(_P4[reason])
    return verdicts


@pytest.fixture
def switch() -> Iterator[duts.Dut]:
    dut = duts.make(duts.Embedded.name)
    dut.write(world.base())
    address = world.ROUTER4[world.WAN]
    dut.write([
        world.sad(address, test_replay.SPI, test_replay.SA),
        world.inner_policy(test_replay.SA, 4),
    ])  # fmt: skip
    yield dut
    dut.close()


def test_p4_rtl_and_python_agree(switch: duts.Dut, tmp_path: Path) -> None:
    random = Random(7)
    given = []
    for window in (64, 128, 256, 512, 1024):
        for esn in (False, True):
            numbers = _trace(random, window, esn, 160)
            verdicts = _python(window, esn, numbers)
            assert _p4(switch, window, esn, numbers) == verdicts, (window, esn)
            assert {OK, REPLAYED, FORGED if esn else TOO_OLD} <= set(verdicts), (window, esn)
            given.append({"window": window, "esn": esn, "numbers": numbers, "verdicts": verdicts})
    file = tmp_path / "traces.json"
    file.write_text(json.dumps(given))
    simulate(
        "replay_unit", __file__, parameters=BUILD, tests=["traces"], settings={"file": str(file)}
    )
