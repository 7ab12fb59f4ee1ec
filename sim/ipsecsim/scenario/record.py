"""results.json: what a run did, for programs. Times are seconds of virtual time."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from enum import StrEnum
from pathlib import Path
from typing import Any, Final

FILE: Final = "results.json"
FORMAT: Final = 1


class RecordError(ValueError):
    """A file that is no results of a run; the message names it."""


class Kind(StrEnum):
    """What an entry of the timeline is."""

    TITLE = "title"
    NOTE = "note"
    COMMAND = "command"
    EVENT = "event"
    OUTCOME = "outcome"


@dataclass(frozen=True, slots=True)
class Entry:
    """One thing that happened; `held` for outcomes of expectations only."""

    time: float
    kind: Kind
    text: str
    held: bool | None = None


@dataclass(frozen=True, slots=True)
class LinkRecord:
    """`ends` as the scenario names them; counters by the name of the sending end."""

    ends: tuple[str, ...]
    counters: Mapping[str, Mapping[str, int]]


@dataclass(frozen=True, slots=True)
class FlowRecord:
    """What a router's data plane counted for one protected flow (`show crypto ipsec sa`)."""

    router: str
    interface: str
    local: str
    remote: str
    peer: str
    counters: Mapping[str, int]


@dataclass(frozen=True, slots=True)
class RunRecord:
    name: str
    guide: str
    description: str
    start: str  # UTC, ISO 8601
    seed: int | str
    settings: Mapping[str, str]
    seconds: float
    expectations: int
    failures: tuple[str, ...]
    nodes: Mapping[str, str]  # name -> router, host, nat
    links: Mapping[str, LinkRecord]
    flows: tuple[FlowRecord, ...]
    measures: Mapping[str, float | list[float]]
    timeline: tuple[Entry, ...]

    def write(self, folder: Path) -> None:
        data = {"format": FORMAT, **asdict(self)}
        text = json.dumps(data, indent=1, ensure_ascii=False)
        (folder / FILE).write_text(f"{text}\n", encoding="utf-8")


def read(folder: Path) -> RunRecord:
    """Raises RecordError, OSError."""
    path = folder / FILE
    try:
        data = json.loads(path.read_text(encoding="utf-8"))
    except ValueError as error:
        raise RecordError(f"{path}: not JSON: {error}") from error
    if not isinstance(data, dict) or data.pop("format", None) != FORMAT:
        raise RecordError(f"{path}: not the results of a run, format {FORMAT}")
    try:
        return _decoded(data)
    except (AttributeError, KeyError, TypeError, ValueError) as error:
        raise RecordError(f"{path}: damaged: {error!r}") from error


def _decoded(data: dict[str, Any]) -> RunRecord:
    links = {
        name: LinkRecord(tuple(link["ends"]), link["counters"])
        for name, link in data.pop("links").items()
    }
    flows = tuple(FlowRecord(**flow) for flow in data.pop("flows"))
    timeline = tuple(
        Entry(entry["time"], Kind(entry["kind"]), entry["text"], entry["held"])
        for entry in data.pop("timeline")
    )
    failures = tuple(data.pop("failures"))
    return RunRecord(**data, links=links, flows=flows, timeline=timeline, failures=failures)
