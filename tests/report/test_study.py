"""Studies: what is run, what is found, what is refused."""

from __future__ import annotations

import re
from dataclasses import replace
from pathlib import Path

import pytest
from ipsecplane.cli import main
from ipsecsim.report.study import Point, as_csv, judge, run_study
from ipsecsim.report.study_document import Study, load_study
from ipsecsim.scenario.document import ScenarioError

REPLAY = Path(__file__).parents[2] / "examples" / "ch01_replay_window_study"
DOCUMENT = Path(__file__).parents[2] / "docs" / "studies.md"

SCENARIO = """\
name: small
parameters:
  many: {default: 1, choices: {1: , 3: }}
routers: {a: {config: a.cfg}}
hosts: {h: {addresses: [10.0.0.9/24]}}
links: {lan: {ends: [a.Fa0/0, h]}}
timeline:
  - host: h
    ping: {target: 10.0.0.1, count: '${many}'}
    measure:
      answered: {flow: h, field: received}
      delays: {flow: h, field: round_trips}
"""
STUDY = """\
name: small
sweep: {many: [1, 3]}
plots:
  - {file: answered, title: Answers, measure: answered, x: many, series: many}
  - {file: delays, title: Delays, measure: delays, series: many, scale: 1000}
expect:
  - {measure: answered, where: {many: 3}, equals: 3}
  - {measure: delays, percentile: 100, at_most: 0.1}
"""


def folder(tmp_path: Path, study: str = STUDY) -> Path:
    (tmp_path / "a.cfg").write_text("hostname a\ninterface Fa0/0\n ip address 10.0.0.1 255.0.0.0\n")
    (tmp_path / "scenario.yaml").write_text(SCENARIO)
    (tmp_path / "study.yaml").write_text(study)
    return tmp_path


def run(study: Study, out: Path) -> list[bool]:
    done: list[tuple[int, int]] = []
    verdicts = run_study(study, out, None, 1, lambda n, total: done.append((n, total)))
    count = len(list(study.runs()))
    assert done == [(n, count) for n in range(1, count + 1)]
    return [verdict.held for verdict in verdicts]


def test_a_wide_window_loses_nothing_and_a_narrow_one_what_waits(tmp_path: Path) -> None:
    study = load_study(REPLAY)
    study = replace(study, sweep={"window": ("64", "1024"), "depth": ("48", "100")})
    findings = [f for f in study.findings if f.where.get("window") in (None, ("1024", "disabled"))]
    narrow = replace(study.findings[1], where={"window": ("64",), "depth": ("100",)})
    assert run(replace(study, findings=(*findings, narrow)), tmp_path) == [True, True, True]
    rows = (tmp_path / "study.csv").read_text().splitlines()
    assert rows[0] == "window,depth,held_back,refused"
    assert len(rows) == 5
    assert (tmp_path / "plots" / "refused.png").read_bytes().startswith(b"\x89PNG")
    page = (tmp_path / "report.html").read_text()
    assert 'src="plots/refused.png"' in page
    assert "✗" not in page


def test_the_command_fails_with_a_finding_that_does_not_hold(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    wrong = STUDY.replace("equals: 3}", "equals: 4, why: four were asked for}")
    here = folder(tmp_path, wrong)
    out = tmp_path / "out"
    assert main(["study", str(here), "--out", str(out), "--jobs", "1"]) == 1
    text = capsys.readouterr().out
    assert "study.yaml:7: answered is 4 where many is 3: found 3 in {'many': '3'}; four" in text
    assert "✓ delays (100th percentile) is at most 0.1 (2 runs)" in text
    assert (out / "study.csv").read_text().splitlines()[0] == (
        "many,answered,delays p50,delays p90,delays p99,delays p100"
    )


def test_an_expectation_that_fails_in_a_run_is_a_verdict(tmp_path: Path) -> None:
    here = folder(tmp_path)
    more = "    expect: [{flow: h, field: received, equals: 1}]\n"
    (here / "scenario.yaml").write_text(SCENARIO + more)
    assert run(load_study(here), tmp_path / "out") == [True, True, False]


@pytest.mark.parametrize(
    ("old", "new", "problem"),
    [
        ("many: [1, 3]", "few: [1]", "2:14: sweep.few: the scenario has no such parameter (many)"),
        ("many: [1, 3]", "many: [1, 7]", "2:19: sweep.many[1]: '7' is none of 1, 3"),
        ("measure: answered, x", "measure: asked, x", "no measure of the scenario 'asked' (ans"),
        ("x: many", "x: depth", "no parameter of the sweep 'depth' (many)"),
        ("where: {many: 3}", "where: {many: 4}", "no value of many in the sweep '4' (1, 3)"),
        (", equals: 3", "", "expect[0]: needs equals, at_least or at_most"),
        ("plots:", "plot:", "unknown field; did you mean 'plots'?"),
        ("file: answered", "file: a/b", "does not match"),
    ],
)
def test_mistakes_are_told_with_their_place(
    tmp_path: Path, old: str, new: str, problem: str
) -> None:
    assert old in STUDY
    with pytest.raises(ScenarioError, match=re.escape(problem)):
        load_study(folder(tmp_path, STUDY.replace(old, new, 1)))


def test_a_folder_without_a_study(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["study", str(tmp_path)]) == 2
    assert "no study.yaml in it" in capsys.readouterr().err
    assert main(["study", str(tmp_path / "nothing")]) == 2
    assert "no such folder" in capsys.readouterr().err


def test_a_finding_about_no_run_and_a_measure_that_is_missing_do_not_hold(tmp_path: Path) -> None:
    study = load_study(folder(tmp_path))
    about_three, delays = study.findings
    assert not judge(about_three, [Point({"many": "1"}, {"answered": 1}, ())]).held
    assert not judge(about_three, [Point({"many": "3"}, {}, ())]).held
    assert not judge(
        replace(delays, percentile=None), [Point({"many": "1"}, {"delays": []}, ())]
    ).held


def test_a_measure_that_only_some_runs_have_leaves_a_gap_in_the_table(tmp_path: Path) -> None:
    study = load_study(folder(tmp_path))
    points = [Point({"many": "1"}, {}, ()), Point({"many": "3"}, {"answered": 3}, ())]
    assert as_csv(study, points) == "many,answered\n1,\n3,3\n"


def test_every_field_is_told_in_the_document() -> None:
    import json

    schema = json.loads(
        (Path(__file__).parents[2] / "sim/ipsecsim/report/study.schema.json").read_text()
    )
    fields = set(schema["properties"])
    for definition in schema["$defs"].values():
        fields |= set(definition["properties"])
    told = set(re.findall(r"`(\w+)`", "\n".join(
        line.split("|")[1] for line in DOCUMENT.read_text().splitlines() if line.startswith("| `")
    )))  # fmt: skip
    assert fields == told
