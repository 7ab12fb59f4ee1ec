"""Which files of `rtl/` a module is made of.

One module (or package) a file, named as the module: so the files follow from the text of the top
one. Everything that reads RTL (simulation, lint, synthesis, proofs) asks here.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from functools import cache
from hashlib import sha256
from pathlib import Path
from typing import Final

RTL: Final = Path(__file__).resolve().parents[4] / "rtl"

_COMMENT: Final = re.compile(r"//[^\n]*|/\*.*?\*/", re.DOTALL)
# `name #(`, `name instance (`, `name instance [` and `name::item`
_USE: Final = re.compile(r"\b([a-z]\w*)\s*(?:#\s*\(|::|\s\w+\s*[(\[])")
# Only proofs take in other text, so what is left without these is all the hardware there is.
_PROOF: Final = re.compile(r"^[ \t]*`ifdef FORMAL$.*?^[ \t]*`endif$", re.DOTALL | re.MULTILINE)
_INCLUDE: Final = re.compile(r'^\s*`include\s+"([^"]+)"', re.MULTILINE)


class SourceError(Exception):
    """A module that `rtl/` does not have; the text names it."""


@cache
def modules() -> dict[str, Path]:
    """Every module and package under `rtl/`: name -> file, sorted by path."""
    return {path.stem: path for path in sorted(RTL.rglob("*.sv"))}


def closure(top: str) -> tuple[Path, ...]:
    """The files that `top` needs, itself last, each after what it uses. Raises SourceError."""
    known = modules()
    if top not in known:
        raise SourceError(f"rtl/ has no module named {top!r}")
    done: dict[str, None] = {}

    def visit(name: str, above: tuple[str, ...]) -> None:
        if name in done:
            return
        if name in above:
            raise SourceError(f"rtl/: {' uses '.join([*above[above.index(name) :], name])}")
        for used in _used(known[name]):
            if used in known and used != name:
                visit(used, (*above, name))
        done[name] = None

    visit(top, ())
    return tuple(known[name] for name in done)


def gathered(top: str, extra: tuple[Path, ...] = ()) -> tuple[Path, ...]:
    """`closure(top)`; or `extra`: files of modules that `top` uses, and last one outside of `rtl/`
    that holds `top` itself."""
    if not extra:
        return closure(top)
    *used, last = extra
    files = dict.fromkeys(path for one in used for path in closure(one.stem))
    return (*files, last)


def included(files: Iterable[Path]) -> tuple[Path, ...]:
    """The files that `files` take in by `include`, looked for beside them and all over `rtl/`."""
    headers = {path.name: path for path in RTL.rglob("*.svh")}
    found: dict[Path, None] = {}
    queue = list(files)
    while queue:
        path = queue.pop()
        for name in _INCLUDE.findall(path.read_text()):
            header = headers.get(Path(name).name)
            if header is not None and header not in found:
                found[header] = None
                queue.append(header)
    return tuple(sorted(found))


def hardware(path: Path) -> str:
    """The text of a file without comments, empty lines and what is for proofs only: what makes no
    hardware."""
    text = _PROOF.sub("", _COMMENT.sub(" ", path.read_text()))
    return "\n".join(line for raw in text.splitlines() if (line := raw.strip()))


def digest(files: Iterable[Path], *more: str) -> str:
    """A name for what is built from `files` and the settings `more`: 16 hexadecimal digits."""
    hashed = sha256()
    for path in files:
        hashed.update(f"{path.name}\0".encode())
        hashed.update(path.read_bytes())
    for text in more:
        hashed.update(f"\0{text}".encode())
    return hashed.hexdigest()[:16]


def _used(path: Path) -> list[str]:
    return list(dict.fromkeys(_USE.findall(_COMMENT.sub(" ", path.read_text()))))
