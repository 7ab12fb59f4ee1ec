"""Python source, line by line."""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import contextmanager


class Writer:
    def __init__(self) -> None:
        self.lines: list[str] = []
        self.depth = 0

    def line(self, text: str) -> None:
        self.lines.append("    " * self.depth + text)

    @contextmanager
    def block(self, head: str) -> Iterator[None]:
        """An indented suite under `head` (given without its colon); `pass` if it stays empty."""
        self.line(head + ":")
        self.depth += 1
        start = len(self.lines)
        yield
        if len(self.lines) == start:
            self.line("pass")
        self.depth -= 1

    def extend(self, other: Writer) -> None:
        """Append what another writer has, at this depth."""
        self.lines.extend("    " * self.depth + line for line in other.lines)

    def source(self) -> str:
        return "\n".join(self.lines) + "\n"


class Names:
    """Python identifiers for P4 names, unique and readable."""

    def __init__(self) -> None:
        self._given: dict[tuple[str, str], str] = {}
        self._taken: set[str] = set()

    def __call__(self, prefix: str, name: str) -> str:
        key = (prefix, name)
        if key not in self._given:
            base = f"{prefix}_{re.sub(r'[^A-Za-z0-9]+', '_', name).strip('_')}"
            candidate, number = base, 1
            while candidate in self._taken:
                number += 1
                candidate = f"{base}_{number}"
            self._taken.add(candidate)
            self._given[key] = candidate
        return self._given[key]
