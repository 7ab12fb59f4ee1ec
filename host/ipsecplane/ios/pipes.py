"""Output modifiers: `| include`, `exclude`, `begin`, `section`, `count`."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

from ipsecplane.ios.args import Args
from ipsecplane.ios.commandset import CommandError
from ipsecplane.ios.grammar import compile_grammar
from ipsecplane.ios.matcher import Candidate, parse

Pattern = re.Pattern[str]
Modifier = Callable[[list[str], Args], list[str]]


@dataclass(frozen=True, slots=True, eq=False)
class PipeCommand:
    run: Modifier


def _compiled(args: Args) -> Pattern:
    try:
        return re.compile(args.text("pattern"))
    except re.error as error:
        raise CommandError(f"% Bad regular expression: {error}") from None


def _include(lines: list[str], args: Args) -> list[str]:
    pattern = _compiled(args)
    return [line for line in lines if pattern.search(line)]


def _exclude(lines: list[str], args: Args) -> list[str]:
    pattern = _compiled(args)
    return [line for line in lines if not pattern.search(line)]


def _begin(lines: list[str], args: Args) -> list[str]:
    pattern = _compiled(args)
    first = next((i for i, line in enumerate(lines) if pattern.search(line)), len(lines))
    return lines[first:]


def _count(lines: list[str], args: Args) -> list[str]:
    return [f"Number of lines which match regexp = {len(_include(lines, args))}"]


def _section(lines: list[str], args: Args) -> list[str]:
    """Matching lines, each with the deeper indented lines below it."""
    pattern = _compiled(args)
    inside: list[bool] = []
    depth: int | None = None
    for line in lines:
        indent = len(line) - len(line.lstrip())
        if depth is not None and indent <= depth:
            depth = None
        if depth is None and pattern.search(line):
            depth = indent
        inside.append(depth is not None)
    keep = "exclude" not in args
    return [line for line, taken in zip(lines, inside, strict=True) if taken is keep]


def _candidate(text: str, run: Modifier, *helps: str) -> Candidate[PipeCommand]:
    return Candidate(PipeCommand(run), compile_grammar(text, helps))


PIPES: Final[list[Candidate[PipeCommand]]] = [
    _candidate("begin LINE$pattern", _begin, "Begin with the line that matches",
               "Regular Expression"),
    _candidate("count LINE$pattern", _count, "Count number of lines which match regexp",
               "Regular Expression"),
    _candidate("exclude LINE$pattern", _exclude, "Exclude lines that match", "Regular Expression"),
    _candidate("include LINE$pattern", _include, "Include lines that match", "Regular Expression"),
    _candidate("section [include|exclude$exclude] LINE$pattern", _section,
               "Filter a section of output", "Include only sections that match",
               "Exclude sections that match", "Regular Expression"),
]  # fmt: skip


def pipe_column(line: str) -> int | None:
    """Column of the first ` | ` (or a `|` that ends the line) of a show command; None if none."""
    found = re.search(r"(?<=\s)\|(?=\s|$)", line)
    return None if found is None else found.start()


def parse_pipes(line: str, column: int) -> list[tuple[PipeCommand, Args]]:
    """The modifiers from the `|` at `column` on. Raises CommandLineError with columns of `line`."""
    stages = []
    while True:
        following = pipe_column(" " * (column + 1) + line[column + 1 :])
        end = len(line) if following is None else following
        parsed = parse(PIPES, line[:end], column + 1)
        stages.append((parsed.command, parsed.args))
        if following is None:
            return stages
        column = following


def apply_pipes(lines: list[str], stages: list[tuple[PipeCommand, Args]]) -> list[str]:
    for command, args in stages:
        lines = command.run(lines, args)
    return lines
