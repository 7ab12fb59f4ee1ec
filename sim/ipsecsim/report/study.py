"""Runs a study: its scenario with every combination of the sweep's values, then plots and a page.

study.csv             a row a run: parameters, then measures (of a distribution its percentiles)
plots/NAME.png        what study.yaml asks for
report.html           all of it on a page
"""

from __future__ import annotations

import csv
import io
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from multiprocessing import get_context
from pathlib import Path
from typing import Final

import numpy as np

from ipsecsim.report import plots
from ipsecsim.report.figures import save
from ipsecsim.report.page import PLOTS, write_page
from ipsecsim.report.study_document import Finding, Study
from ipsecsim.scenario.expectations import Measured
from ipsecsim.scenario.loader import load_scenario
from ipsecsim.scenario.runner import Runner
from ipsecsim.scenario.transcript import Transcript
from ipsecsim.scenario.world import RunOptions, World

CSV: Final = "study.csv"
PERCENTILES: Final = (50, 90, 99, 100)


@dataclass(frozen=True, slots=True)
class Point:
    """One run: its settings, what it measured, and which of its expectations failed."""

    settings: Mapping[str, str]
    measures: Mapping[str, Measured]
    failures: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Verdict:
    """Whether a finding holds: the text says what was found."""

    held: bool
    text: str


def run_study(
    study: Study, folder: Path, seed: str | None, jobs: int, progress: Callable[[int, int], None]
) -> list[Verdict]:
    """Run all, fill `folder`, judge the findings; failed runs are verdicts too.

    `progress` hears how many of how many runs are done. Raises what World raises, OSError.
    """
    settings = list(study.runs())
    points: list[Point] = []
    for point in _points(study, settings, seed, jobs):
        points.append(point)
        progress(len(points), len(settings))
    verdicts = [judge(finding, points) for finding in study.findings]
    verdicts += [
        Verdict(False, f"{_shown(point.settings)}: {failure}")
        for point in points
        for failure in point.failures
    ]
    (folder / PLOTS).mkdir(parents=True, exist_ok=True)
    (folder / CSV).write_text(as_csv(study, points), encoding="utf-8")
    for plot in study.plots:
        save(plots.draw(plot, study.sweep, points), folder / PLOTS / f"{plot.file}.png")
    rows = list(csv.reader(io.StringIO(as_csv(study, points))))
    write_page(
        folder, "study.html.j2", study=study, verdicts=verdicts, head=rows[0], rows=rows[1:],
        csv=CSV, plots_folder=PLOTS,
    )  # fmt: skip
    return verdicts


def _points(
    study: Study, settings: Sequence[Mapping[str, str]], seed: str | None, jobs: int
) -> Iterator[Point]:
    folder = study.scenario.folder
    if jobs == 1:
        for one in settings:
            yield run_point(folder, one, seed)
        return
    # Forked children would share gRPC's threads, which do not survive a fork.
    with ProcessPoolExecutor(jobs, mp_context=get_context("spawn")) as pool:
        futures = [pool.submit(run_point, folder, one, seed) for one in settings]
        try:
            for future in futures:
                yield future.result()
        except BaseException:
            pool.shutdown(wait=True, cancel_futures=True)
            raise


def run_point(folder: Path, settings: Mapping[str, str], seed: str | None) -> Point:
    """One run of the scenario in `folder`, without results of its own."""
    with World(load_scenario(folder), RunOptions(settings, seed)) as world:
        report = Runner(world, Transcript([])).run()
    return Point(settings, report.measures, tuple(map(str, report.failures)))


def judge(finding: Finding, points: Sequence[Point]) -> Verdict:
    """Whether a finding holds in every run it is about."""
    about = [point for point in points if _selected(point, finding.where)]
    text = f"{finding.measure}"
    if finding.percentile is not None:
        text += f" ({finding.percentile:g}th percentile)"
    text += f" {finding.comparison}"
    if finding.where:
        text += " where " + ", ".join(f"{n} is {' or '.join(v)}" for n, v in finding.where.items())
    if not about:
        return Verdict(False, f"{text}: no run is meant")
    wrong = []
    for point in about:
        value = point.measures.get(finding.measure)
        number = _number(value, finding.percentile)
        if number is None or not finding.comparison.holds(number):
            wrong.append(f"{'nothing' if number is None else f'{number:g}'} in {point.settings}")
    if wrong:
        why = f"; {finding.why}" if finding.why else ""
        return Verdict(False, f"{finding.place}: {text}: found {'; '.join(wrong)}{why}")
    return Verdict(True, f"{text} ({len(about)} run{'s' * (len(about) != 1)})")


def as_csv(study: Study, points: Sequence[Point]) -> str:
    """Columns: the sweep's parameters, then the measures by name."""
    names = sorted({name for point in points for name in point.measures})
    wide = {
        name for point in points for name, value in point.measures.items() if _many(value)
    }  # fmt: skip
    columns = [
        (name, percentile)
        for name in names
        for percentile in (PERCENTILES if name in wide else (None,))
    ]
    out = io.StringIO()
    writer = csv.writer(out, lineterminator="\n")
    heads = [name if p is None else f"{name} p{p}" for name, p in columns]
    writer.writerow([*study.sweep, *heads])
    for point in points:
        values = [_number(point.measures.get(name), p) for name, p in columns]
        shown = ["" if value is None else _text(value) for value in values]
        writer.writerow([*point.settings.values(), *shown])
    return out.getvalue()


def _text(value: float) -> str:
    """Counts exactly, other numbers to six digits: seconds to the microsecond."""
    return f"{value:.0f}" if value == int(value) else f"{value:.6g}"


def _many(value: Measured) -> bool:
    return isinstance(value, list)


def _number(value: Measured | None, percentile: float | None) -> float | None:
    """A measure as one number; a distribution without a percentile, or an empty one, has none."""
    if not isinstance(value, list):
        return value
    if percentile is None or not value:
        return None
    return float(np.percentile(value, percentile))


def _selected(point: Point, where: Mapping[str, tuple[str, ...]]) -> bool:
    return all(point.settings[name] in values for name, values in where.items())


def _shown(settings: Mapping[str, str]) -> str:
    return ", ".join(f"{name}={value}" for name, value in settings.items())
