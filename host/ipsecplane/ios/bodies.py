"""Lines that go on over several rows: banners, certificates, keys."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Final

_BANNER: Final = re.compile(r"\s*banner\s+\S+\s+(\^C|\S)")
_ENDED_BY_QUIT: Final = (
    re.compile(r"\s*certificate\s+((ca|self-signed)\s+)?[0-9A-Fa-f]+\s*$"),
    re.compile(r"\s*crypto\s+pki\s+import\s+\S+\s+pem\s+terminal\s+\S"),
)
QUIT: Final = "quit"


@dataclass(frozen=True, slots=True)
class Body:
    """What a first row begins: `kind` names it, `until` is what ends it."""

    kind: str
    until: str
    begins: int  # column of the text on the first row

    def is_complete(self, text: str) -> bool:
        """Whether the end has come in the rows so far."""
        if self.until != QUIT:
            return self.until in text[self.begins :]
        return "\n" in text and text.rsplit("\n", 1)[1].strip() == QUIT


def begun(row: str) -> Body | None:
    """What goes on after this row; None for a line of one row."""
    found = _BANNER.match(row)
    if found is not None:
        return Body("banner", found[1], found.end())
    if any(pattern.match(row) for pattern in _ENDED_BY_QUIT):
        return Body("certificate", QUIT, len(row))
    return None
