"""`ipsecplane report` and `ipsecplane study`. Only argparse here: plots are imported when drawn."""

from __future__ import annotations

import argparse
import os
import sys
from pathlib import Path

from ipsecplane.cli import FAILED, OK, CommandError

from ipsecsim.commands import clear_errors


def register_report(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    parser = commands.add_parser(
        "report",
        help="plots and an HTML page of a run",
        description="Make plots/*.png and report.html in the folder that `ipsecplane run` left.",
    )
    parser.add_argument("folder", type=Path, metavar="FOLDER", help="of a run's results")
    parser.set_defaults(run=report)


def register_study(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    parser = commands.add_parser(
        "study",
        help="run a scenario with many parameter values and plot what it measures",
        description="Run the scenario in FOLDER with every combination of values in "
        "FOLDER/study.yaml; leave a table, plots and report.html in a folder.",
        epilog="Exit code 0 if all findings hold, 1 if not, 2 for wrong input.",
    )
    parser.add_argument("folder", type=Path, metavar="FOLDER", help="with a study.yaml in it")
    parser.add_argument("--seed", help="of all randomness (default the scenario's)")
    parser.add_argument(
        "--out", type=Path, metavar="DIR", help="where the results go (default runs/NAME-study)"
    )
    parser.add_argument(
        "--jobs", type=_jobs, default=os.cpu_count() or 1, metavar="N", help="runs side by side"
    )
    parser.set_defaults(run=study)


def report(parsed: argparse.Namespace) -> int:
    """`ipsecplane report`."""
    from ipsecsim.report.page import write_run_report
    from ipsecsim.scenario.record import RecordError

    with clear_errors():
        try:
            print(write_run_report(parsed.folder))
        except RecordError as error:
            raise CommandError(str(error)) from error
    return OK


def study(parsed: argparse.Namespace) -> int:
    """`ipsecplane study`."""
    from ipsecsim.report.page import PAGE
    from ipsecsim.report.study import run_study
    from ipsecsim.report.study_document import load_study

    with clear_errors():
        loaded = load_study(parsed.folder)
        out = parsed.out or Path("runs") / f"{parsed.folder.resolve().name}-study"
        verdicts = run_study(loaded, out, parsed.seed, parsed.jobs, _progress)
    for verdict in verdicts:
        print(f"{'✓' if verdict.held else '✗'} {verdict.text}")
    print(f"Table, plots and page are in {out}: {out / PAGE}")
    return OK if all(verdict.held for verdict in verdicts) else FAILED


def _progress(done: int, total: int) -> None:
    """One line that counts up at a terminal, the last one only elsewhere."""
    if sys.stderr.isatty():
        print(f"\rrun {done} of {total}", end="\n" if done == total else "", file=sys.stderr)
        sys.stderr.flush()
    elif done == total:
        print(f"{total} runs", file=sys.stderr)


def _jobs(text: str) -> int:
    if not text.isdecimal() or not int(text):
        raise argparse.ArgumentTypeError(f"{text!r} is no number of jobs")
    return int(text)
