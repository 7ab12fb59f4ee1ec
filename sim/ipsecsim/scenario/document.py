"""YAML with places: every value knows the file, line and column it came from.

YAML 1.2's core types are read (so `on` and `off` are text, and 10:20 is no number); a key that
appears twice in a mapping is an error.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

import yaml

Steps = tuple[str | int, ...]
"""The way to a value from the document's root: keys and indices."""


@dataclass(frozen=True, slots=True, order=True)
class Place:
    """Line and column count from 1."""

    file: str
    line: int
    column: int

    def __str__(self) -> str:
        return f"{self.file}:{self.line}"


@dataclass(frozen=True, slots=True, order=True)
class Problem:
    """One thing that is wrong: where, in which field ("links.wan.latency"), and what."""

    place: Place
    field: str
    message: str

    def __str__(self) -> str:
        where = f"{self.place.file}:{self.place.line}:{self.place.column}"
        return ": ".join(part for part in (where, self.field, self.message) if part)


class ScenarioError(ValueError):
    """A scenario that cannot be used, with every problem found, in order of place."""

    def __init__(self, problems: Iterable[Problem]) -> None:
        self.problems = sorted(problems)
        super().__init__("\n".join(map(str, self.problems)))


def field_name(steps: Steps) -> str:
    """`("timeline", 3, "exec")` as `timeline[3].exec`."""
    text = ""
    for step in steps:
        text += f"[{step}]" if isinstance(step, int) else f".{step}" if text else str(step)
    return text


@dataclass(slots=True)
class Document:
    """A read YAML file: plain values, and the place of each value and of each key."""

    file: str
    root: Any
    values: dict[Steps, Place] = field(default_factory=dict)
    keys: dict[Steps, Place] = field(default_factory=dict)

    def place(self, steps: Steps) -> Place:
        """Where a value is, or the nearest thing around it that exists."""
        for length in range(len(steps), -1, -1):
            found = self.values.get(steps[:length])
            if found is not None:
                return found
        return Place(self.file, 1, 1)

    def problem(self, steps: Steps, message: str, *, at_key: bool = False) -> Problem:
        place = self.keys.get(steps) if at_key else None
        return Problem(place or self.place(steps), field_name(steps), message)


class _Loader(yaml.SafeLoader):
    """SafeLoader with YAML 1.2's core schema for plain scalars."""

    yaml_implicit_resolvers: Final = {}  # type: ignore[misc]


for _tag, _pattern, _first in (
    ("bool", r"true|false", "tf"),
    ("null", r"~|null|", "~n\0"),
    ("int", r"[-+]?[0-9]+|0x[0-9a-fA-F]+", "-+0123456789"),
    ("float", r"[-+]?(\.[0-9]+|[0-9]+(\.[0-9]*)?)([eE][-+]?[0-9]+)?", "-+.0123456789"),
):
    _compiled = re.compile(f"^(?:{_pattern})$")
    _starts = ["" if character == "\0" else character for character in _first]
    _Loader.add_implicit_resolver(f"tag:yaml.org,2002:{_tag}", _compiled, _starts)


def _integer(loader: _Loader, node: yaml.ScalarNode) -> int:
    """YAML 1.2: a leading zero does not make it octal."""
    text = node.value
    return int(text, 16) if text.startswith("0x") else int(text)


_Loader.add_constructor("tag:yaml.org,2002:int", _integer)


def plain_scalar(text: str) -> Any:
    """What `text` is as a plain scalar: a number, true or false, nothing, or the text itself."""
    loader = _Loader("")
    try:
        tag = loader.resolve(yaml.ScalarNode, text, (True, False))  # type: ignore[no-untyped-call]
        return loader.construct_object(yaml.ScalarNode(tag, text), deep=True)
    finally:
        loader.dispose()


def read_document(path: Path, shown: str | None = None) -> Document:
    """Read a YAML file; `shown` is its name in messages. Raises ScenarioError."""
    shown = shown or str(path)
    try:
        text = path.read_text(encoding="utf-8")
    except OSError as error:
        raise ScenarioError(
            [Problem(Place(shown, 1, 1), "", error.strerror or str(error))]
        ) from error
    except UnicodeDecodeError as error:
        problem = Problem(Place(shown, 1, 1), "", f"not UTF-8 text: {error.reason}")
        raise ScenarioError([problem]) from error
    return parse_document(text, shown)


def parse_document(text: str, shown: str) -> Document:
    """Read YAML text. Raises ScenarioError."""
    loader = _Loader(text)
    try:
        node = loader.get_single_node()
        document = Document(shown, None)
        problems: list[Problem] = []
        if node is None:
            raise ScenarioError([Problem(Place(shown, 1, 1), "", "the file is empty")])
        document.root = _value(loader, node, (), document, problems)
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        place = Place(shown, mark.line + 1, mark.column + 1) if mark else Place(shown, 1, 1)
        message = f"not YAML: {error.problem or error.context or error}"
        raise ScenarioError([Problem(place, "", message)]) from error
    except yaml.YAMLError as error:
        raise ScenarioError([Problem(Place(shown, 1, 1), "", f"not YAML: {error}")]) from error
    finally:
        loader.dispose()
    if problems:
        raise ScenarioError(problems)
    return document


def _value(
    loader: _Loader, node: yaml.Node, steps: Steps, document: Document, problems: list[Problem]
) -> Any:
    mark = node.start_mark
    document.values[steps] = Place(document.file, mark.line + 1, mark.column + 1)
    if isinstance(node, yaml.SequenceNode):
        return [
            _value(loader, item, (*steps, index), document, problems)
            for index, item in enumerate(node.value)
        ]
    if isinstance(node, yaml.MappingNode):
        result: dict[str, Any] = {}
        for key_node, value_node in node.value:
            key = str(loader.construct_object(key_node, deep=True))
            place = key_node.start_mark
            inner = (*steps, key)
            if key in result:
                at = Place(document.file, place.line + 1, place.column + 1)
                problems.append(Problem(at, field_name(inner), "appears twice"))
            document.keys[inner] = Place(document.file, place.line + 1, place.column + 1)
            result[key] = _value(loader, value_node, inner, document, problems)
        return result
    return loader.construct_object(node)
