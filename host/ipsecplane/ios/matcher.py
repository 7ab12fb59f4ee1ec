"""Reads a typed line against the grammars of a mode: parsing, errors, `?` and completion.

All grammars are followed at once, word by word. A keyword typed in full shuts out every other
reading of the word; an abbreviation must fit one keyword only; what is left is decided at the end,
keywords before values.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import Any, Generic, TypeVar

from ipsecplane.ios.args import Args
from ipsecplane.ios.grammar import Grammar
from ipsecplane.ios.tokens import EXACT, PREFIX, Match, Token

C = TypeVar("C")


class CommandLineError(Exception):
    """A line that is no command. `column` counts from 0; `expected` are labels of what may come."""

    def __init__(self, column: int, expected: Sequence[str] = ()) -> None:
        super().__init__()
        self.column = column
        self.expected = tuple(expected)

    def message(self, line: str) -> str:
        raise NotImplementedError


class InvalidInput(CommandLineError):
    """The word at `column` (or its rest from there) cannot be."""

    def message(self, line: str) -> str:
        return "% Invalid input detected at '^' marker."


class IncompleteCommand(CommandLineError):
    """More words are needed."""

    def message(self, line: str) -> str:
        return "% Incomplete command."


class AmbiguousCommand(CommandLineError):
    """The word at `column` abbreviates more than one keyword."""

    def message(self, line: str) -> str:
        return f'% Ambiguous command:  "{line.strip()}"'


@dataclass(frozen=True, slots=True)
class Word:
    text: str
    column: int
    rest: str  # the line from this word on, without trailing blanks


def split(line: str, start: int = 0) -> list[Word]:
    """The words of `line` from column `start` on."""
    end = len(line.rstrip())
    return [Word(m[0], m.start(), line[m.start() : end]) for m in _words(line, start)]


def _words(line: str, start: int) -> Iterable[re.Match[str]]:
    return re.compile(r"\S+").finditer(line, start)


@dataclass(frozen=True, slots=True)
class Candidate(Generic[C]):
    """A grammar and what it stands for."""

    command: C
    grammar: Grammar


@dataclass(frozen=True, slots=True)
class Parsed(Generic[C]):
    """A line that is a command: what it captured and its canonical spelling."""

    command: C
    args: Args
    text: str


@dataclass(frozen=True, slots=True)
class _Thread(Generic[C]):
    """One reading of the words so far."""

    candidate: Candidate[C]
    state: int = 0
    values: dict[str, Any] = field(default_factory=dict)
    words: tuple[str, ...] = ()
    ranks: tuple[int, ...] = ()
    done: bool = False  # LINE has taken the rest

    @property
    def accepts(self) -> bool:
        return self.state in self.candidate.grammar.accepting

    def options(self) -> list[tuple[Token, int]]:
        if self.done:
            return []
        return [
            (token, to)
            for token, to in self.candidate.grammar.edges[self.state]
            if token.multiple or token.join or token.capture not in self.values
        ]

    def follow(self, token: Token, to: int, match: Match) -> _Thread[C]:
        values, words = dict(self.values), self.words
        if token.capture:
            before = values.get(token.capture)
            if token.join:
                values[token.capture] = f"{before}{match.value}"
            elif token.multiple:
                values[token.capture] = (*(before or ()), match.value)
            else:
                values[token.capture] = match.value
        words = (*words[:-1], words[-1] + match.text) if token.join else (*words, match.text)
        return _Thread(
            self.candidate, to, values, words, (*self.ranks, match.rank), token.takes_rest
        )


_Step = tuple[_Thread[C], Token, int, Match]


def _steps(threads: Sequence[_Thread[C]], word: Word) -> list[_Step[C]]:
    """Every reading of `word`, after keywords typed in full shut out the rest."""
    found: list[_Step[C]] = []
    for thread in threads:
        for token, to in thread.options():
            match = token.match(word.rest if token.takes_rest else word.text)
            if match is not None:
                found.append((thread, token, to, match))
    exact = [step for step in found if step[3].rank == EXACT]
    return exact or found


def _advance(
    threads: Sequence[_Thread[C]], word: Word, *, resolve: bool = True
) -> list[_Thread[C]]:
    steps = _steps(threads, word)
    if resolve:
        keywords = {step[1].label for step in steps if step[3].rank == PREFIX}
        if len(keywords) > 1:
            values = [step for step in steps if step[3].rank != PREFIX]
            if not values:
                raise AmbiguousCommand(word.column, sorted(keywords))
            steps = values
    return [thread.follow(token, to, match) for thread, token, to, match in steps]


def _labels(threads: Sequence[_Thread[C]]) -> list[str]:
    labels = {
        token.label for thread in threads for token, _ in thread.options() if not token.hidden
    }
    return sorted(labels, key=_help_order) + (["<cr>"] if any(t.accepts for t in threads) else [])


def _help_order(label: str) -> tuple[bool, str]:
    """Values before keywords, each alphabetically, as IOS sorts them."""
    return label[:1].islower(), label.lower()


def _mismatch(threads: Sequence[_Thread[C]], word: Word) -> int:
    """Column of the first character that fits no keyword; IOS puts its caret there."""
    longest = 0
    for thread in threads:
        for token, _ in thread.options():
            if token.is_keyword:
                label = token.label.lower()
                common = 0
                for ours, theirs in zip(word.text.lower(), label, strict=False):
                    if ours != theirs:
                        break
                    common += 1
                longest = max(longest, common)
    return word.column + longest


def _start(candidates: Iterable[Candidate[C]]) -> list[_Thread[C]]:
    return [_Thread(candidate) for candidate in candidates]


def parse(candidates: Iterable[Candidate[C]], line: str, start: int = 0) -> Parsed[C]:
    """Read `line` from column `start` on.

    Raises InvalidInput, IncompleteCommand or AmbiguousCommand, columns counted in `line`.
    """
    threads = _start(candidates)
    for word in split(line, start):
        if all(thread.done for thread in threads) and threads:
            break
        following = _advance([t for t in threads if not t.done], word)
        following += [t for t in threads if t.done]
        if not following:
            raise InvalidInput(_mismatch(threads, word), _labels(threads))
        threads = following
    complete = [thread for thread in threads if thread.accepts]
    if not complete:
        raise IncompleteCommand(len(line.rstrip()), _labels(threads))
    best = max(complete, key=lambda thread: thread.ranks)
    return Parsed(best.candidate.command, Args(best.values), " ".join(best.words))


@dataclass(frozen=True, slots=True)
class Help:
    """What `?` shows: (label, help) rows, and whether the line may end here (`<cr>`)."""

    rows: tuple[tuple[str, str], ...]
    complete: bool


def help_for(candidates: Iterable[Candidate[C]], line: str, start: int = 0) -> Help:
    """What may follow `line`, or how its unfinished last word may go on.

    Raises like `parse` where an earlier word is wrong; no rows where the last word fits nothing.
    """
    threads, partial = _before_last(candidates, line, start)
    rows = {
        token.label: token.help
        for thread in threads
        for token, _ in thread.options()
        if not token.hidden and _fits(token, partial)
    }
    ordered = tuple(sorted(rows.items(), key=lambda row: _help_order(row[0])))
    return Help(ordered, not partial and any(thread.accepts for thread in threads))


def complete(candidates: Iterable[Candidate[C]], line: str, start: int = 0) -> list[str]:
    """Keywords that the unfinished last word of `line` may become; empty where `line` is wrong."""
    try:
        threads, partial = _before_last(candidates, line, start)
    except CommandLineError:
        return []
    found = {
        token.label
        for thread in threads
        for token, _ in thread.options()
        if token.is_keyword and not token.hidden and token.match(partial)
    }
    return sorted(found)


def _before_last(
    candidates: Iterable[Candidate[C]], line: str, start: int
) -> tuple[list[_Thread[C]], str]:
    words = split(line, start)
    partial = words.pop().text if words and not line[-1:].isspace() else ""
    threads = _start(candidates)
    for word in words:
        following = _advance([t for t in threads if not t.done], word)
        following += [t for t in threads if t.done]
        if not following:
            raise InvalidInput(_mismatch(threads, word), _labels(threads))
        threads = following
    return threads, partial


def _fits(token: Token, partial: str) -> bool:
    if not partial:
        return True
    if token.is_keyword:
        return token.match(partial) is not None
    if token.match(partial) is not None:
        return True
    # An unfinished address or number fits its kind already.
    return token.label[:1] in "A<0h" and partial[0].isdigit()


def shifted(error: CommandLineError, by: int) -> CommandLineError:
    """The same error for a line that began `by` columns earlier."""
    return type(error)(error.column + by, error.expected)
