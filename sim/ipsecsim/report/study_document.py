"""Reads study.yaml: which values of a scenario's parameters to run, what to plot and expect."""

from __future__ import annotations

import itertools
import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from importlib import resources
from pathlib import Path
from typing import Any, Final

from ipsecsim.scenario import schema
from ipsecsim.scenario.document import Document, Place, Problem, ScenarioError, Steps, read_document
from ipsecsim.scenario.loader import load_scenario
from ipsecsim.scenario.model import Comparison, Scenario

FILE: Final = "study.yaml"


@dataclass(frozen=True, slots=True)
class Plot:
    """`x` None: the distribution of a measure that has many values."""

    file: str
    title: str
    measure: str
    series: str
    x: str | None
    x_label: str
    y_label: str
    scale: float


@dataclass(frozen=True, slots=True)
class Finding:
    """What a measure has to be in the runs that `where` selects."""

    place: Place
    measure: str
    where: Mapping[str, tuple[str, ...]]
    percentile: float | None
    comparison: Comparison
    why: str


@dataclass(frozen=True, slots=True)
class Study:
    name: str
    description: str
    guide: str
    scenario: Scenario
    sweep: Mapping[str, tuple[str, ...]]
    plots: tuple[Plot, ...]
    findings: tuple[Finding, ...]

    def runs(self) -> Iterator[dict[str, str]]:
        """The settings of every run, in the order of the file."""
        for values in itertools.product(*self.sweep.values()):
            yield dict(zip(self.sweep, values, strict=True))


def load_study(folder: Path) -> Study:
    """Read folder/study.yaml and the scenario beside it. Raises ScenarioError."""
    if not (folder / FILE).exists():
        what = f"no {FILE} in it" if folder.exists() else "no such folder"
        raise ScenarioError([Problem(Place(str(folder), 1, 1), "", what)])
    scenario = load_scenario(folder)
    return _Reader(read_document(folder / FILE), scenario).study()


class _Reader:
    def __init__(self, document: Document, scenario: Scenario) -> None:
        self.document = document
        self.scenario = scenario
        self.problems: list[Problem] = []
        self.measures = {name for step in scenario.timeline for name in step.measure}

    def study(self) -> Study:
        text = resources.files("ipsecsim.report").joinpath("study.schema.json").read_text()
        self.problems += schema.check(self.document, json.loads(text))
        self._stop_if_wrong()
        root = self.document.root
        sweep = {
            name: self._values(("sweep", name), name, values)
            for name, values in root["sweep"].items()
        }
        plots = tuple(self._plot(("plots", i), raw, sweep) for i, raw in enumerate(root["plots"]))
        findings = tuple(
            self._finding(("expect", i), raw, sweep) for i, raw in enumerate(root.get("expect", ()))
        )
        self._stop_if_wrong()
        return Study(
            root["name"], root.get("description", ""), root.get("guide", self.scenario.guide),
            self.scenario, sweep, plots, findings,
        )  # fmt: skip

    def _values(self, at: Steps, name: str, raw: list[object]) -> tuple[str, ...]:
        parameter = self.scenario.parameters.get(name)
        values = tuple(map(str, raw))
        if parameter is None:
            known = ", ".join(self.scenario.parameters) or "it has none"
            self._problem(at, f"the scenario has no such parameter ({known})")
            return values
        for index, value in enumerate(values):
            if value not in parameter.choices:
                known = ", ".join(parameter.choices)
                self._problem((*at, index), f"{value!r} is none of {known}")
        return values

    def _plot(self, at: Steps, raw: Mapping[str, Any], sweep: Mapping[str, object]) -> Plot:
        self._known((*at, "measure"), raw["measure"], self.measures, "measure of the scenario")
        for field in ("x", "series"):
            if field in raw:
                self._known((*at, field), raw[field], sweep, "parameter of the sweep")
        return Plot(
            raw["file"], raw["title"], raw["measure"], raw["series"], raw.get("x"),
            raw.get("x_label", raw.get("x", raw["measure"])), raw.get("y_label", raw["measure"]),
            float(raw.get("scale", 1)),
        )  # fmt: skip

    def _finding(
        self, at: Steps, raw: Mapping[str, Any], sweep: Mapping[str, tuple[str, ...]]
    ) -> Finding:
        self._known((*at, "measure"), raw["measure"], self.measures, "measure of the scenario")
        where = {}
        for name, wanted in raw.get("where", {}).items():
            here: Steps = (*at, "where", name)
            values = tuple(map(str, wanted if isinstance(wanted, list) else [wanted]))
            if self._known(here, name, sweep, "parameter of the sweep"):
                for value in values:
                    self._known(here, value, sweep[name], f"value of {name} in the sweep")
            where[name] = values
        comparison = Comparison(raw.get("equals"), raw.get("at_least"), raw.get("at_most"))
        if not comparison.given:
            self._problem(at, "needs equals, at_least or at_most")
        return Finding(
            self.document.place(at), raw["measure"], where, raw.get("percentile"), comparison,
            raw.get("why", ""),
        )  # fmt: skip

    def _known(self, at: Steps, name: str, known: Any, what: str) -> bool:
        if name not in known:
            names = ", ".join(sorted(known)) or "there is none"
            self._problem(at, f"no {what} {name!r} ({names})")
        return name in known

    def _problem(self, at: Steps, message: str) -> None:
        self.problems.append(self.document.problem(at, message))

    def _stop_if_wrong(self) -> None:
        if self.problems:
            raise ScenarioError(self.problems)
