"""Parameters' values in a scenario's text: `${depth} ms` is `200 ms` where depth is 200."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any, Final

from ipsecsim.scenario.document import Document, plain_scalar
from ipsecsim.scenario.units import names_in, substitute

SECTION: Final = "parameters"


def fill_in(document: Document, values: Mapping[str, str]) -> Document:
    """The document with each ${NAME} of a parameter replaced; names that are none stay.

    A text that is nothing but ${NAME} becomes what YAML makes of the value, so a number too.
    """
    if not values or not isinstance(document.root, dict):
        return document
    root = {
        key: value if key == SECTION else _filled(value, values)
        for key, value in document.root.items()
    }
    return replace(document, root=root)


def _filled(value: Any, values: Mapping[str, str]) -> Any:
    if isinstance(value, dict):
        return {key: _filled(inner, values) for key, inner in value.items()}
    if isinstance(value, list):
        return [_filled(inner, values) for inner in value]
    if not isinstance(value, str):
        return value
    known = {name: values.get(name, f"${{{name}}}") for name in names_in(value)}
    if not known.keys() & values.keys():
        return value
    filled = substitute(value, known)
    whole = len(known) == 1 and value == f"${{{next(iter(known))}}}"
    return plain_scalar(filled) if whole else filled
