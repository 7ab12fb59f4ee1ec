"""Every example runs as it stands; one with a parameter `broken` notices each breakage.

`broken` is an example's own proof that its expectations can fail: its default changes nothing,
every other choice takes the feature away from the configurations.
"""

from __future__ import annotations

import io
from collections.abc import Iterator
from pathlib import Path

import pytest
from ipsecsim.scenario.loader import load_scenario
from ipsecsim.scenario.runner import Report, Runner
from ipsecsim.scenario.transcript import Transcript
from ipsecsim.scenario.world import RunOptions, World

EXAMPLES = Path(__file__).parents[1] / "examples"
BROKEN = "broken"


def folders() -> list[Path]:
    return sorted(file.parent for file in EXAMPLES.glob("*/scenario.yaml"))


def breakages() -> Iterator[tuple[Path, str]]:
    for folder in folders():
        parameter = load_scenario(folder).parameters.get(BROKEN)
        for choice in parameter.choices if parameter else ():
            if parameter and choice != parameter.default:
                yield folder, choice


def run(folder: Path, **settings: str) -> Report:
    with World(load_scenario(folder), RunOptions(settings)) as world:
        return Runner(world, Transcript([io.StringIO()])).run()


@pytest.mark.parametrize("folder", folders(), ids=lambda folder: folder.name)
def test_an_example_holds(folder: Path) -> None:
    report = run(folder)
    assert [f"{failure.place.line}: {failure.text}" for failure in report.failures] == []
    assert report.expectations > 0


@pytest.mark.parametrize(
    ("folder", "choice"), breakages(), ids=lambda one: getattr(one, "name", one)
)
def test_an_example_notices_when_its_feature_is_broken(folder: Path, choice: str) -> None:
    assert run(folder, **{BROKEN: choice}).failures
