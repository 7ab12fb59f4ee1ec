"""docs/guide-coverage.md and the tests agree: rows name tests that exist, none is missing.

Rows name `tests/x/test_y.py::test_z`, a whole test module, or an example's folder. Two things must
be in the list of their chapter: the example folders `chNN_*` and the tests of modules called
`test_chapterN_*.py`. Commands in the first column are parsed by the command grammar.
"""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from pathlib import Path

import pytest
from ipsecplane.ios.commands import load_commands
from ipsecplane.ios.commands.exec_mode import EXEC
from ipsecplane.ios.commandset import read_line
from ipsecplane.ios.matcher import parse

ROOT = Path(__file__).parents[1]
LIST = ROOT / "docs" / "guide-coverage.md"
REFERENCE = re.compile(r"`((?:tests|examples)/[^`]*)`")
COMMAND = re.compile(r"`(?:([\w-]+)[#>] )([^`]*)`")


@dataclass(frozen=True)
class Row:
    line: int
    chapter: int
    statement: str
    shown_by: str

    @property
    def references(self) -> list[str]:
        return REFERENCE.findall(self.shown_by)


def rows() -> Iterator[Row]:
    chapter = 0
    for number, text in enumerate(LIST.read_text().splitlines(), 1):
        heading = re.match(r"## Chapter (\d+)\b", text)
        if heading:
            chapter = int(heading[1])
        elif text.startswith("|") and not re.match(r"\|( Statement|-)", text):
            cells = [cell.strip() for cell in text.strip("|").split(" | ")]
            assert len(cells) == 2, f"{LIST.name}:{number}: {len(cells)} cells, needs 2"
            yield Row(number, chapter, cells[0], cells[1])


@cache
def names_of(module: Path) -> frozenset[str]:
    tree = ast.parse(module.read_text())
    return frozenset(
        node.name
        for node in ast.walk(tree)
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)
        and node.name.startswith("test_")
    )


def problem(reference: str) -> str:
    """Why a reference leads nowhere; "" if it leads to a test."""
    path, _, name = reference.partition("::")
    if path.startswith("examples/"):
        return "" if (ROOT / path / "scenario.yaml").is_file() else "no such example"
    if not (ROOT / path).is_file():
        return "no such module"
    if name and name not in names_of(ROOT / path):
        return "no such test"
    return "" if names_of(ROOT / path) else "no tests in it"


def test_every_row_is_shown_by_tests_that_exist() -> None:
    wrong = []
    for row in rows():
        where = f"{LIST.name}:{row.line}"
        if not row.chapter:
            wrong.append(f"{where}: belongs to no chapter")
        if not row.references:
            wrong.append(f"{where}: names no test")
        wrong += [f"{where}: {ref}: {why}" for ref in row.references if (why := problem(ref))]
    assert not wrong, "\n".join(wrong)


def test_no_row_is_there_twice() -> None:
    seen = [(row.chapter, row.statement) for row in rows()]
    assert len(seen) == len(set(seen))


def test_no_example_and_no_chapter_test_is_missing_in_the_list() -> None:
    listed: dict[int, set[str]] = {}
    for row in rows():
        listed.setdefault(row.chapter, set()).update(row.references)
    missing = []
    for chapter, references in listed.items():
        wanted = [f"examples/{f.name}" for f in (ROOT / "examples").glob(f"ch{chapter:02}_*")]
        for module in (ROOT / "tests").rglob(f"test_chapter{chapter}_*.py"):
            name = module.relative_to(ROOT).as_posix()
            if name not in references:
                wanted += [f"{name}::{test}" for test in sorted(names_of(module))]
        missing += [f"chapter {chapter}: {one}" for one in wanted if one not in references]
    assert not missing, "\n".join(missing)


def test_every_command_of_the_list_is_one() -> None:
    load_commands()
    wrong = []
    for row in rows():
        for mode, text in COMMAND.findall(row.statement):
            try:
                if mode == "router":
                    parse(EXEC.candidates(privileged=True), text)
                else:
                    read_line(mode, text)
            except Exception as error:
                wrong.append(f"{LIST.name}:{row.line}: {text}: {error}")
    assert not wrong, "\n".join(wrong)


@pytest.mark.parametrize(
    ("reference", "why"),
    [
        ("tests/test_guide_coverage.py", ""),
        ("tests/test_guide_coverage.py::test_no_row_is_there_twice", ""),
        ("tests/test_guide_coverage.py::test_nonsense", "no such test"),
        ("tests/test_nonsense.py", "no such module"),
        ("tests/ios/ios_fakes.py", "no tests in it"),
        ("examples/ch99_nonsense", "no such example"),
    ],
)
def test_references_that_lead_nowhere_are_found(reference: str, why: str) -> None:
    assert problem(reference) == why
