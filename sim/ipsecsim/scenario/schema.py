"""Checks a document against the schema, with messages that name the field and say what fits."""

from __future__ import annotations

import difflib
import json
from collections.abc import Iterator
from functools import cache
from importlib import resources
from typing import Any

from jsonschema import Draft202012Validator
from jsonschema.exceptions import ValidationError

from ipsecsim.scenario.document import Document, Problem, Steps


@cache
def schema() -> dict[str, Any]:
    """The JSON Schema of scenarios (draft 2020-12)."""
    text = resources.files("ipsecsim.scenario").joinpath("scenario.schema.json").read_text()
    loaded: dict[str, Any] = json.loads(text)
    return loaded


def check(document: Document, wanted: dict[str, Any] | None = None) -> list[Problem]:
    """Everything that does not fit the schema (by default that of scenarios)."""
    validator = Draft202012Validator(schema() if wanted is None else wanted)
    problems: list[Problem] = []
    for error in validator.iter_errors(document.root):
        problems += _problems(document, error)
    return problems


def _problems(document: Document, error: ValidationError) -> Iterator[Problem]:
    steps: Steps = tuple(error.absolute_path)
    instance: Any = error.instance
    wanted: Any = error.validator_value
    within: Any = error.schema
    if error.validator == "additionalProperties" and wanted is False:
        known = sorted(within.get("properties", {}))
        for key in instance:
            if key not in known:
                yield document.problem((*steps, key), _unknown(key, known), at_key=True)
    elif "propertyNames" in error.absolute_schema_path:
        message = f"{instance!r} is no name: letters, digits, - and _, no dot"
        yield document.problem((*steps, instance), message, at_key=True)
    elif error.validator == "required":
        missing = [key for key in wanted if key not in instance]
        yield document.problem(steps, f"needs {', '.join(missing)}")
    elif error.validator == "type":
        names = [wanted] if isinstance(wanted, str) else list(wanted)
        yield document.problem(steps, f"is {_kind(instance)}, needs {_either(names)}")
    elif error.validator == "enum":
        yield document.problem(steps, f"{instance!r} is none of {', '.join(map(str, wanted))}")
    else:
        yield document.problem(steps, error.message)


def _unknown(key: str, known: list[str]) -> str:
    close = difflib.get_close_matches(key, known, n=1)
    if close:
        return f"unknown field; did you mean {close[0]!r}?"
    return f"unknown field; known are {', '.join(known)}"


_NAMES = {
    "string": "text",
    "integer": "a whole number",
    "object": "a mapping",
    "array": "a list",
    "null": "nothing",
}


def _either(kinds: list[str]) -> str:
    return " or ".join(_NAMES.get(kind, f"a {kind}") for kind in kinds)


def _kind(value: object) -> str:
    if value is None:
        return "empty"
    for kind, name in ((bool, "true/false"), (str, "text"), (dict, "a mapping"), (list, "a list")):
        if isinstance(value, kind):
            return name
    return "a number"
