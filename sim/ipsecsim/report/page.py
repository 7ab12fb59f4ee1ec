"""The HTML page of a run's folder, and the plots it shows."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from pathlib import Path
from typing import Any, Final

from jinja2 import Environment, PackageLoader, StrictUndefined

from ipsecsim.report import figures
from ipsecsim.report.packets import read_capture
from ipsecsim.scenario.outputs import CAPTURES, TABLES, TRANSCRIPT
from ipsecsim.scenario.record import RecordError, RunRecord, read

PAGE: Final = "report.html"
PLOTS: Final = "plots"
_LINK_COUNTERS: Final = (
    "sent", "delivered", "lost", "queue_full", "too_big", "link_down", "duplicated", "reordered",
)  # fmt: skip


def write_run_report(folder: Path) -> Path:
    """Make plots/*.png and report.html in a run's folder; the path of the page.

    Raises RecordError for what is no run's folder, OSError.
    """
    record = read(folder)
    plots = folder / PLOTS
    plots.mkdir(exist_ok=True)
    figures.save(figures.topology(record), plots / "topology.png")
    epoch = datetime.fromisoformat(record.start).timestamp()
    captures = {}
    for path in sorted((folder / CAPTURES).glob("*.pcapng")):
        try:
            captures[path.stem] = list(read_capture(path))
        except ValueError as error:
            raise RecordError(f"{path}: no capture: {error}") from error
    figures.save(figures.traffic(record, captures, epoch), plots / "traffic.png")
    flows = [flow for flow in record.flows if any(flow.counters.values())]
    return write_page(
        folder,
        "run.html.j2",
        record=record,
        link_counters=[
            (name, link.ends, sender, {key: counters[key] for key in _LINK_COUNTERS})
            for name, link in record.links.items()
            for sender, counters in link.counters.items()
        ],
        flow_counters=flows,
        flow_columns=[
            name
            for name in (flows[0].counters if flows else ())
            if any(flow.counters[name] for flow in flows)
        ],
        files=_files(folder),
        entries=_numbered(record),
    )


def write_page(folder: Path, template: str, **values: Any) -> Path:
    environment = Environment(
        loader=PackageLoader("ipsecsim.report"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    path = folder / PAGE
    path.write_text(environment.get_template(template).render(**values), encoding="utf-8")
    return path


def _files(folder: Path) -> Mapping[str, list[str]]:
    """What the page links to, by heading; paths from the folder."""
    found = {
        "Transcript": [folder / TRANSCRIPT],
        "Captures": sorted((folder / CAPTURES).glob("*.pcapng")),
        "Tables": sorted((folder / TABLES).glob("*.txtpb")),
    }
    return {
        heading: [path.relative_to(folder).as_posix() for path in paths if path.exists()]
        for heading, paths in found.items()
    }


def _numbered(record: RunRecord) -> list[tuple[float, str, str, bool | None]]:
    """The timeline without the run's own heading, which is the page's."""
    return [(e.time, e.kind.value, e.text, e.held) for e in record.timeline[1:]]
