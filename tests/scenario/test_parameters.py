"""${NAME} of a parameter in a scenario's text."""

from __future__ import annotations

from pathlib import Path

import pytest
from ipsecsim.scenario.document import ScenarioError, parse_document
from ipsecsim.scenario.loader import load_scenario, with_settings
from ipsecsim.scenario.model import HostAction, LinkImpair, Scenario
from ipsecsim.scenario.parameters import fill_in

TEXT = """\
name: depth ${depth}
parameters:
  depth:
    description: ${depth} stays here
    default: 50
    choices: {50: [], 200: []}
routers: {a: {config: a.cfg}}
hosts: {h: {addresses: [10.0.0.9/24]}}
links: {lan: {ends: [a.Fa0/0, h]}}
timeline:
  - {link: lan, impair: {reorder_by: '${depth} ms'}}
  - {host: h, ping: {target: 10.0.0.1, count: '${depth}'}}
  - {router: a, exec: [show clock], save: {year: '(\\d+)'}, note: '${depth} and ${year}'}
"""


def load(tmp_path: Path, text: str = TEXT) -> Scenario:
    (tmp_path / "a.cfg").write_text("hostname a\ninterface Fa0/0\n ip address 10.0.0.1 255.0.0.0\n")
    (tmp_path / "scenario.yaml").write_text(text)
    return load_scenario(tmp_path)


def facts(scenario: Scenario) -> tuple[object, ...]:
    impair, ping, note = scenario.timeline
    assert isinstance(impair.action, LinkImpair)
    assert isinstance(ping.action, HostAction)
    return (
        scenario.name,
        impair.action.changes["reorder_by"],
        ping.action.options.count,  # type: ignore[union-attr]
        note.note,
    )


def test_the_default_and_another_value(tmp_path: Path) -> None:
    scenario = load(tmp_path)
    assert facts(scenario) == ("depth 50", 0.05, 50, "50 and ${year}")
    assert facts(with_settings(scenario, {"depth": "200"})) == (
        "depth 200", 0.2, 200, "200 and ${year}",
    )  # fmt: skip
    assert scenario.parameters["depth"].description == "${depth} stays here"
    assert with_settings(scenario, {"depth": "50"}) is scenario


def test_a_value_that_does_not_fit_its_place_is_told_with_the_place(tmp_path: Path) -> None:
    text = TEXT.replace("default: 50", "default: deep").replace("50: []", "deep: []")
    with pytest.raises(ScenarioError) as caught:
        load(tmp_path, text)
    assert [str(problem).split(":", 1)[1] for problem in caught.value.problems] == [
        "12:47: timeline[1].ping.count: is text, needs a whole number",
    ]


def test_saving_under_a_parameters_name_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ScenarioError, match="is a parameter"):
        load(tmp_path, TEXT.replace("year: '(", "depth: '("))


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("'${n}'", 5),
        ("'${n}0'", "50"),
        ("'${other}'", "${other}"),
        ("'${n} ${other}'", "5 ${other}"),
        ("'${n}${n}'", "55"),
        ("[1, '${n}', {k: '${n}'}]", [1, 5, {"k": 5}]),
    ],
)
def test_what_is_filled_in(text: str, value: object) -> None:
    assert fill_in(parse_document(f"a: {text}", "s"), {"n": "5"}).root == {"a": value}
