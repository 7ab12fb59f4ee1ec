"""Plots of a study: a measure over a parameter, or the distribution of a measure."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any, Final

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from ipsecsim.report.figures import COLOURS
from ipsecsim.report.study_document import Plot

if TYPE_CHECKING:
    from ipsecsim.report.study import Point

MARKERS: Final = "os^Dv*P"


def draw(plot: Plot, sweep: Mapping[str, tuple[str, ...]], points: Sequence[Point]) -> Figure:
    """One plot; several runs with the same x and series are averaged."""
    figure = Figure(figsize=(7, 4.2), layout="constrained")
    axes = figure.add_subplot()
    for index, value in enumerate(sweep[plot.series]):
        mine = [point for point in points if point.settings[plot.series] == value]
        style = {"color": COLOURS[index % len(COLOURS)], "label": f"{plot.series} {value}"}
        if plot.x is None:
            _distribution(axes, plot, mine, style)
        else:
            marker = MARKERS[index % len(MARKERS)]
            _line(axes, plot, sweep[plot.x], mine, {**style, "marker": marker})
    axes.set_title(plot.title, loc="left")
    axes.set_xlabel(plot.x_label)
    axes.set_ylabel(plot.y_label)
    axes.grid(color="#e3e6ea", lw=0.6)
    axes.set_axisbelow(True)
    axes.set_ylim(bottom=0)
    axes.legend(frameon=False)
    return figure


def _line(
    axes: Axes, plot: Plot, values: Sequence[str], points: Sequence[Point], style: dict[str, Any]
) -> None:
    assert plot.x is not None
    xs: list[float | str] = []
    ys = []
    numeric = all(map(_is_number, values))
    for value in values:
        found = [p.measures.get(plot.measure) for p in points if p.settings[plot.x] == value]
        numbers = [number for number in found if isinstance(number, int | float)]
        if numbers:
            xs.append(float(value) if numeric else value)
            ys.append(float(np.mean(numbers)) * plot.scale)
    axes.plot(xs, ys, lw=1.6, ms=5, **style)


def _distribution(axes: Axes, plot: Plot, points: Sequence[Point], style: dict[str, Any]) -> None:
    """The share of values up to x, in per cent."""
    values = sorted(
        value
        for point in points
        for measured in [point.measures.get(plot.measure)]
        if isinstance(measured, list)
        for value in measured
    )
    if values:
        shares = np.arange(1, len(values) + 1) / len(values) * 100
        axes.step(np.array(values) * plot.scale, shares, where="post", lw=1.6, **style)


def _is_number(text: str) -> bool:
    try:
        float(text)
    except ValueError:
        return False
    return True
