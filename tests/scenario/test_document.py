"""YAML with places: values as YAML 1.2 means them, and where each came from."""

from __future__ import annotations

from pathlib import Path

import pytest
from ipsecsim.scenario.document import (
    Place,
    ScenarioError,
    field_name,
    parse_document,
    read_document,
)


def test_values_and_places() -> None:
    document = parse_document("a: 1\nb:\n  - x\n  - {c: on, d: 0x10}\n", "s.yaml")
    assert document.root == {"a": 1, "b": ["x", {"c": "on", "d": 16}]}
    assert document.place(("b", 1, "d")) == Place("s.yaml", 4, 16)
    assert document.keys["b", 1, "d"] == Place("s.yaml", 4, 13)
    assert document.place(("b", 1, "missing", 7)) == Place("s.yaml", 4, 5)
    assert field_name(("b", 1, "d")) == "b[1].d"


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("on", "on"),
        ("no", "no"),
        ("true", True),
        ("20:55:45", "20:55:45"),
        ("2003-03-24", "2003-03-24"),
        ("1e3", 1000.0),
        ("-5", -5),
        ("010", 10),
        ("~", None),
        ("", None),
        ("1ms", "1ms"),
        ("0/0", "0/0"),
    ],
)
def test_plain_scalars(text: str, value: object) -> None:
    assert parse_document(f"v: {text}\n", "s").root == {"v": value}


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("a: 1\nb: {\n", "s.yaml:3:1: not YAML"),
        ("a: 1\na: 2\n", "s.yaml:2:1: a: appears twice"),
        ("", "s.yaml:1:1: the file is empty"),
        ("a: 1\n\tb: 2\n", "s.yaml:2:1: not YAML"),
        ("a: *nothing\n", "s.yaml:1:4: not YAML"),
    ],
)
def test_what_is_wrong_has_a_line(text: str, message: str) -> None:
    with pytest.raises(ScenarioError) as caught:
        parse_document(text, "s.yaml")
    assert str(caught.value).startswith(message)


def test_files_that_cannot_be_read(tmp_path: Path) -> None:
    with pytest.raises(ScenarioError, match="No such file"):
        read_document(tmp_path / "absent.yaml")
    (tmp_path / "latin.yaml").write_bytes(b"name: \xe9\n")
    with pytest.raises(ScenarioError, match="not UTF-8"):
        read_document(tmp_path / "latin.yaml")
