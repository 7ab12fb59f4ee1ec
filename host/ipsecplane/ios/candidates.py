"""What a typed line is read against, in EXEC and in every configuration mode."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from ipsecplane.ios.commands.exec_mode import EXEC
from ipsecplane.ios.commandset import MODES, ExecCommand, form_of
from ipsecplane.ios.grammar import compile_grammar
from ipsecplane.ios.helptext import help_table, help_words
from ipsecplane.ios.matcher import (
    Candidate,
    CommandLineError,
    InvalidInput,
    complete,
    help_for,
    split,
)
from ipsecplane.ios.pipes import PIPES, pipe_column

if TYPE_CHECKING:
    from ipsecplane.ios.session import Session

AnyCandidate = Candidate[Any]


def _leave(session: Session, _: Any) -> None:
    session.leave_mode()


def _end(session: Session, _: Any) -> None:
    session.end_configuration()


NAVIGATION: Final = [
    Candidate(ExecCommand(grammar, run, False), grammar)
    for grammar, run in (
        (compile_grammar("exit", ("Exit from this configuration mode",)), _leave),
        (compile_grammar("end", ("Exit from configure mode",)), _end),
    )
]
"""What every configuration mode has besides its own lines."""

PREFIXES: Final = [
    Candidate(None, compile_grammar(f"{word} LINE", (help_text, "Command")))
    for word, help_text in (
        ("default", "Set a command to its defaults"),
        ("do", "To run exec commands in config mode"),
        ("no", "Negate a command or set its defaults"),
    )
]
"""Words before a line in configuration modes; sessions take them off before they parse."""


def configuration_candidates(mode: str, form: str) -> list[AnyCandidate]:
    """What a mode accepts; `form` is "" or the prefix ("no", "default") that is off already."""
    if form:
        return [*MODES[mode].removal_candidates()]
    return [*MODES[mode].candidates(), *NAVIGATION]


def can_be_piped(line: str, start: int) -> bool:
    """Whether the line is a `show` command, whose output modifiers may follow."""
    words = split(line, start)
    return bool(words) and len(words[0].text) > 1 and "show".startswith(words[0].text.lower())


def _context(text: str, mode: str | None, privileged: bool) -> tuple[list[AnyCandidate], int, bool]:
    """What the end of `text` is read against, from which column, and whether it is EXEC."""
    words = split(text)
    start = 0
    if mode is not None:
        form, start = form_of(text)
        if form and text[start:]:
            return configuration_candidates(mode, form), start, False
        if not words or words[0].text.lower() != "do" or not text[words[0].column + 2 :]:
            return [*configuration_candidates(mode, ""), *PREFIXES], 0, False
        start = words[0].column + 2
    column = pipe_column(text)
    if column is not None and can_be_piped(text, start):
        return [*PIPES], column + 1, False
    return [*EXEC.candidates(privileged)], start, True


def help_text(text: str, mode: str | None, privileged: bool, width: int) -> str:
    """What `?` prints behind `text`; `mode` is the configuration mode, None = EXEC."""
    candidates, start, is_exec = _context(text, mode, privileged)
    try:
        found = help_for(candidates, text, start)
    except InvalidInput:
        return "% Unrecognized command\n"
    except CommandLineError as error:
        return f"{error.message(text)}\n"
    if text and not text[-1].isspace():
        return help_words(found.rows, width)
    rows = list(found.rows)
    if found.complete and is_exec and can_be_piped(text, start):
        rows.append(("|", "Output modifiers"))
    return help_table(rows, found.complete)


def completions(text: str, mode: str | None, privileged: bool) -> list[str]:
    """Keywords that the last, unfinished word of `text` may become."""
    candidates, start, _ = _context(text, mode, privileged)
    return complete(candidates, text, start)
