"""Plots of a run: its network, and what went over its links when."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Final

import matplotlib as mpl
import networkx as nx
import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from ipsecsim.report.packets import KINDS, OTHER, Seen
from ipsecsim.scenario.record import Kind, RunRecord

BINS: Final = 120
COLOURS: Final = ("#4477aa", "#ee6677", "#228833", "#ccbb44", "#bbbbbb", "#aa3377", "#66ccee")
NODE_COLOURS: Final = {"router": "#4477aa", "host": "#228833", "nat": "#ccbb44", "link": "#888888"}
LINE: Final = "#555555"
_BOX: Final = {"boxstyle": "round,pad=0.15", "fc": "white", "ec": "none"}
mpl.rcParams.update({"font.size": 9, "axes.spines.top": False, "axes.spines.right": False})


def save(figure: Figure, path: Path) -> None:
    """As PNG; without the library's version in it, so that equal plots are equal files."""
    figure.savefig(path, dpi=144, metadata={"Software": None})


def topology(record: RunRecord) -> Figure:
    """Routers, hosts, NAT boxes and what joins them."""
    graph: nx.Graph = nx.Graph()
    kinds = dict(record.nodes)
    graph.add_nodes_from(record.nodes)
    labels: dict[tuple[str, str], str] = {}
    for name, link in record.links.items():
        owners = [end.partition(".")[0] for end in link.ends]
        if len(owners) == 2 and not graph.has_edge(*owners):
            graph.add_edge(*owners)
            labels[owners[0], owners[1]] = name
        else:  # a LAN segment, or a second wire between the same two
            kinds[name] = "link"
            graph.add_edges_from((owner, name) for owner in owners)
    places = nx.spring_layout(graph, seed=1, iterations=500)
    _spread(places)
    figure = Figure(figsize=(7.5, 1.6 + 0.28 * len(kinds)), layout="constrained")
    axes = figure.add_subplot()
    for one, other in graph.edges:
        axes.plot(*zip(places[one], places[other], strict=True), color=LINE, lw=1, zorder=1)
    for (one, other), name in labels.items():
        _label(axes, (places[one] + places[other]) / 2, name, LINE, size=8)
    for name, kind in kinds.items():
        shape = {"router": "s", "host": "o", "nat": "D", "link": "."}[kind]
        axes.plot(*places[name], shape, color=NODE_COLOURS[kind], ms=13, zorder=2)
        axes.annotate(name, places[name], (0, -16), textcoords="offset points",
                      ha="center", va="center", weight="bold" if kind != "link" else "normal",
                      bbox=_BOX, zorder=3)  # fmt: skip
    axes.margins(0.18, 0.3)
    axes.set_axis_off()
    return figure


def _spread(places: dict[str, np.ndarray]) -> None:
    """Turn the picture so that it is wider than high: the longest way lies level."""
    points = np.array(list(places.values()))
    if len(points) < 2:
        return
    centred = points - points.mean(axis=0)
    _, _, axes = np.linalg.svd(centred, full_matrices=False)
    if axes[0][0] < 0:
        axes = -axes
    for name, point in zip(places, centred @ axes.T, strict=True):
        places[name] = point


def traffic(record: RunRecord, captures: Mapping[str, Sequence[Seen]], epoch: float) -> Figure:
    """Frames a second over virtual time, one row a link, stacked by kind, headings as lines.

    Links that carried ARP and the like only are left out.
    """
    busy = {n: frames for n, frames in captures.items() if any(f.kind != OTHER for f in frames)}
    captures = busy or captures
    figure = Figure(figsize=(7.5, 0.9 + 1.25 * max(1, len(captures))), layout="constrained")
    rows = figure.subplots(max(1, len(captures)), 1, sharex=True, squeeze=False)[:, 0]
    end = max(record.seconds, 1e-6)
    edges = np.linspace(0.0, end, BINS + 1)
    width = end / BINS
    shown: dict[str, Any] = {}
    for axes, (name, frames) in zip(rows, captures.items(), strict=False):
        bottom = np.zeros(BINS)
        for kind, colour in zip(KINDS, COLOURS, strict=False):
            times = [frame.time - epoch for frame in frames if frame.kind == kind]
            if not times:
                continue
            rates = np.histogram(np.clip(times, 0.0, end), edges)[0] / width
            shown[kind] = axes.bar(
                edges[:-1], rates, width, bottom=bottom, color=colour, align="edge", label=kind
            )
            bottom += rates
        axes.set_ylabel(f"{name}\nframes/s")
    titles = [entry for entry in record.timeline if entry.kind is Kind.TITLE][1:]
    for axes in rows:
        for entry in titles:
            axes.axvline(entry.time, color=LINE, lw=0.7, ls=":")
        axes.set_xlim(0.0, end)
    rows[-1].set_xlabel("virtual time (s)")
    if shown:
        order = [kind for kind in KINDS if kind in shown]
        figure.legend([shown[kind] for kind in order], order, ncols=len(order),
                      loc="outside upper center", frameon=False)  # fmt: skip
    return figure


def _label(axes: Axes, place: np.ndarray, text: str, colour: str, size: int) -> None:
    axes.annotate(
        text, tuple(place), ha="center", va="center", color=colour, fontsize=size, bbox=_BOX
    )
