"""Loads a running-config from text: all of it, or an error for every wrong line.

A line is read in the mode that the lines before it opened, or in an outer one. An indented line
belongs to the open section first, one at the margin to global configuration first; where that
fails the other is tried, so configurations that lost their indentation load too.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

from ipsecplane.config import RouterConfig
from ipsecplane.ios.bodies import begun
from ipsecplane.ios.commands import load_commands
from ipsecplane.ios.commandset import CommandError, read_line
from ipsecplane.ios.configuration import Configuration, Path, build, enter
from ipsecplane.ios.matcher import CommandLineError

_IGNORED = re.compile(
    r"\s*(!.*)?$|Building configuration|Current configuration\s*:|Using \d+ out of \d+ bytes"
)


@dataclass(frozen=True, slots=True)
class LineError:
    """What is wrong with one line of a file. `column` counts from 0, None = the whole line."""

    file: str
    number: int
    line: str
    message: str
    column: int | None = None
    expected: tuple[str, ...] = ()

    def __str__(self) -> str:
        rows = [f"{self.file}:{self.number}: {self.message}", f"  {self.line}"]
        if self.column is not None:
            rows.append(" " * (2 + self.column) + "^")
        if self.expected:
            rows.append(f"  expected: {', '.join(self.expected)}")
        return "\n".join(rows)


class ConfigurationErrors(ValueError):
    """Every error of a configuration file; nothing of the file was taken."""

    def __init__(self, errors: list[LineError]) -> None:
        super().__init__("\n".join(str(error) for error in errors))
        self.errors = errors


def load_running_config(
    text: str, filename: str = "<running-config>"
) -> tuple[Configuration, RouterConfig]:
    """Read a running-config. Raises ConfigurationErrors with all errors, in order of lines."""
    load_commands()
    configuration = Configuration()
    path: Path = ()
    errors: list[LineError] = []
    rows = text.splitlines()
    ended = unknown_section = False
    number = 0
    while number < len(rows):
        row = rows[number].rstrip()
        number += 1
        if _IGNORED.match(row):
            continue
        first = number
        if ended:
            errors.append(LineError(filename, first, row, "% Line after `end`", 0))
            break
        if row.strip() == "end":
            ended = True
            continue
        if unknown_section and row[:1].isspace():
            continue  # its heading is the error; what its lines mean cannot be said
        unknown_section = False
        if row.strip() == "exit":
            path = path[:-1]
            continue
        row, number, unfinished = _with_body(rows, row, number)
        if unfinished:
            text = f"% Unfinished {unfinished}"
            errors.append(LineError(filename, first, row.split("\n")[0], text))
            break
        try:
            configuration, path = _take(configuration, path, row, first)
        except CommandLineError as error:
            errors.append(_syntax_error(filename, first, row, error))
            unknown_section = not row[:1].isspace()
        except CommandError as error:
            errors.append(LineError(filename, first, row, str(error)))
    router, problems = build(configuration)
    for problem in problems:
        at = problem.line.source
        shown = rows[at - 1].rstrip() if at else problem.line.shown
        errors.append(LineError(filename, at, shown, problem.message))
    if errors:
        raise ConfigurationErrors(sorted(errors, key=lambda e: e.number))
    return configuration, router


def _take(
    configuration: Configuration, path: Path, row: str, number: int
) -> tuple[Configuration, Path]:
    levels = [path[:depth] for depth in range(len(path), -1, -1)]
    if not row[:1].isspace():
        levels = [levels[-1], *levels[:-1]]
    failures: list[CommandLineError] = []
    for level in levels:
        try:
            parsed, form = read_line(configuration.mode(level), row)
        except CommandLineError as error:
            failures.append(error)
            continue
        return enter(configuration, level, parsed, form, number)
    raise max(failures, key=lambda failure: failure.column)


def _with_body(rows: list[str], row: str, number: int) -> tuple[str, int, str]:
    """A line with all its rows. Third: the name of what has no end, "" if all is well."""
    body = begun(row)
    if body is None:
        return row, number, ""
    while not body.is_complete(row) and number < len(rows):
        row += "\n" + rows[number]
        number += 1
    return row, number, "" if body.is_complete(row) else body.kind


def _syntax_error(filename: str, number: int, row: str, error: CommandLineError) -> LineError:
    return LineError(filename, number, row, error.message(row), error.column, error.expected)
