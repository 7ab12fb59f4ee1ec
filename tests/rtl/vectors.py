"""Reads the vector files of the `cryptography-vectors` package (NIST's, RFCs')."""

from __future__ import annotations

from collections.abc import Iterator
from importlib.resources import files


def vectors(path: str) -> Iterator[dict[str, str]]:
    """The cases of a file of "NAME = value" lines, which empty lines part.

    A heading's own name ([ENCRYPT], [L=20]) is in each case below it as "section".
    """
    text = files("cryptography_vectors").joinpath(*path.split("/")).read_text()
    section = ""
    case: dict[str, str] = {}
    for line in [*text.splitlines(), ""]:
        line = line.strip()
        if line.startswith("["):
            section = line.strip("[]")
        elif "=" in line and not line.startswith("#"):
            name, value = (part.strip() for part in line.split("=", 1))
            case[name] = value.strip('"')
        elif not line and case:
            yield {"section": section, **case}
            case = {}
