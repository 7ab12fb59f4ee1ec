"""docs/scenarios.md names everything that a scenario may say, and its examples run."""

from __future__ import annotations

import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest
from ipsecsim.scenario import evidence
from ipsecsim.scenario.loader import load_scenario
from ipsecsim.scenario.schema import schema
from played import TWO_SITES, play, play_scenario, two_sites, write

TEXT = (Path(__file__).resolve().parents[2] / "docs" / "scenarios.md").read_text()
BLOCKS = re.findall(r"^```yaml\n(.*?)^```", TEXT, re.MULTILINE | re.DOTALL)
SECTIONS = dict(re.findall(r"^##+ (.*)\n((?:(?!^##).*\n)+)", TEXT, re.MULTILINE))


def rows(heading: str) -> set[str]:
    """The fields in the first column of a section's tables."""
    return set(re.findall(r"^\| `([a-z_]+)` \|", SECTIONS[heading], re.MULTILINE))


def properties(*path: str) -> set[str]:
    found: Any = schema()
    for step in path:
        found = found[step]
    return set(found["properties"])


STEP = ("$defs", "step")
PLACES: list[tuple[str, tuple[str, ...]]] = [
    ("The file", ()),
    ("`routers`", ("$defs", "router")),
    ("`hosts`", ("$defs", "host")),
    ("`nats`", ("$defs", "nat")),
    ("`links`", ("$defs", "link")),
    ("`parameters`", ("$defs", "parameter")),
    ("`parameters`", ("$defs", "edit")),
    ("Steps", STEP),
    *(("`ping`, `udp`, `tcp`, `outage`", (*STEP, "properties", kind)) for kind in ("ping", "udp")),
    ("`ping`, `udp`, `tcp`, `outage`", (*STEP, "properties", "tcp")),
    ("`ping`, `udp`, `tcp`, `outage`", (*STEP, "properties", "outage")),
    ("Expectations", ("$defs", "expectation")),
    ("Expectations", ("$defs", "measured")),
]


@pytest.mark.parametrize(("heading", "path"), PLACES)
def test_every_field_has_its_row(heading: str, path: tuple[str, ...]) -> None:
    elsewhere = rows("Steps") | {"ping", "udp", "tcp"}  # told where the flows are
    missing = properties(*path) - rows(heading)
    if heading in ("Steps", "`ping`, `udp`, `tcp`, `outage`"):
        missing -= elsewhere
    assert missing == set()


def test_every_kind_of_thing_is_looked_at_here() -> None:
    described = {path[-1] for _, path in PLACES if path}
    kinds = {n for n, d in schema()["$defs"].items() if d.get("type") == "object"}
    assert kinds == described & kinds


def test_no_row_is_about_a_field_that_is_gone() -> None:
    fields: dict[str, set[str]] = {}
    for heading, path in PLACES:
        fields.setdefault(heading, set()).update(properties(*path))
    fields["Expectations"] |= {"ping", "udp", "tcp"}  # whose facts are listed there
    gone = {heading: rows(heading) - known for heading, known in fields.items()}
    assert [heading for heading, names in gone.items() if names] == []


def test_impairments_and_counters_are_listed() -> None:
    row = re.search(r"^\| `impair` \|.*$", TEXT, re.MULTILINE)
    counter = re.search(r"^\| `counter` \|.*$", TEXT, re.MULTILINE)
    assert row
    assert counter
    words = set(re.findall(r"`(\w+)`", row[0]))
    assert properties(*STEP, "properties", "impair") <= words
    expectation: Mapping[str, Any] = schema()["$defs"]["expectation"]["properties"]
    assert set(expectation["counter"]["enum"]) <= set(re.findall(r"`(\w+)`", counter[0]))


def test_the_first_example_is_a_whole_scenario(tmp_path: Path) -> None:
    folder = tmp_path / "s"
    folder.mkdir()
    (folder / "scenario.yaml").write_text(BLOCKS[0])
    for name, text in two_sites().items():
        (folder / f"{name}.cfg").write_text(text)
    played = play_scenario(load_scenario(folder))
    assert played.failures == []
    assert played.report.expectations == 3


@pytest.mark.parametrize("block", BLOCKS[1:])
def test_the_other_examples_are_steps_of_two_sites(tmp_path: Path, block: str) -> None:
    played = play(tmp_path, block, two_sites(), TWO_SITES)
    assert played.failures == []
    assert played.report.expectations > 0


def test_fields_of_flows_and_hosts_are_listed(tmp_path: Path) -> None:
    timeline = """
        - {host: h1, ping: {target: 192.168.1.1, count: 1}, background: ping}
        - {host: h1, udp: {target: 192.168.2.9, count: 1}, background: udp}
        - {host: h2, tcp: {target: 192.168.1.9, size: 1 kB}, background: tcp}
        - {join: ping}
        - {join: udp}
        - {join: tcp}
        """
    played = play_scenario(load_scenario(write(tmp_path, timeline, two_sites())))
    for name in ("ping", "udp", "tcp"):
        row = re.search(rf"^\| `{name}` \| (`.*) \|$", SECTIONS["Expectations"], re.MULTILINE)
        assert row
        activity = played.runner._activities[name]
        facts = evidence.facts_of(activity)  # type: ignore[arg-type]
        assert set(facts) == set(re.findall(r"`([a-z_]{2,})`", row[1])), name
    host = re.search(r"^\| a host \|.*$", TEXT, re.MULTILINE)
    assert host
    told = set(re.findall(r"`((?:udp|tcp)\.[\w.]+)`", host[0]))
    facts = evidence.facts_of_host(played.world.hosts["h2"])
    counted = {re.sub(r"\d+", "PORT", name) for name in facts if name[:4] in ("udp.", "tcp.")}
    assert counted == told
