"""Where commands are declared: modes, configuration lines and EXEC commands.

A command is declared once: its grammar, helps, what it does and, for a configuration line, how
running-config prints it. Declaration order within a configuration mode is the printed order.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Final, TypeVar

from ipsecplane.ios.args import Args
from ipsecplane.ios.grammar import Grammar, GrammarError, Rule, compile_grammar
from ipsecplane.ios.matcher import Candidate, Parsed, parse, split

if TYPE_CHECKING:
    from ipsecplane.ios.configuration import Line

Apply = Callable[[Any, Args], Any]
A = TypeVar("A", bound=Callable[..., Any])

EACH: Final = "*"
"""Key of lines that stand side by side, told apart by their whole text."""


class CommandError(Exception):
    """A well-formed command that cannot be done; the text is what the terminal shows."""


@dataclass(frozen=True, slots=True, eq=False)
class ConfigCommand:
    """A configuration line.

    `apply(value, args)` returns the mode's value (RouterConfig, InterfaceConfig, ...) with the
    line taken in; `refuse` does the same for a stored `no` line. Both None: the line has no effect
    on the model and is only kept. `key` names what the line sets, with `{capture}` for values: a
    line replaces the one of the same key. `default` is the text that is not stored because it
    changes nothing. `keeps_no`: the `no` form is a setting of its own and is stored. `enters` is
    the mode that the line opens; `begin` makes that mode's value from the outer mode's and
    `finish` puts it into that. `initial` are the lines a new section holds at once. `refers` names
    what must exist: (attribute of RouterConfig, capture, error text). `resolves` is the capture of
    a host name: where `ip host` knows it, the address is given as capture `peer`. `check` runs on
    what a person types only and returns an error text or "". `notice` is shown when a person
    creates the section.
    `also_removes`: the `no` form takes along lines whose key begins so. `route` turns the line's
    text into a section's and a line in it (`access-list` lines live in `ip access-list`). `place`
    adapts a new line to its neighbours (sequence numbers). `render` prints the section its own way.
    `spaced`: a `!` follows each.
    """

    mode: str
    grammar: Grammar
    removals: tuple[Grammar, ...]
    rank: int
    block: str
    key: str
    apply: Apply | None = None
    refuse: Apply | None = None
    default: str = ""
    keeps_no: bool = False
    enters: str = ""
    begin: Callable[[Any, Args], Any] | None = None
    finish: Callable[[Any, Any], Any] | None = None
    initial: tuple[str, ...] = ()
    sort: Callable[[Args], tuple[Any, ...]] | None = None
    refers: tuple[str, str, str] | None = None
    resolves: str = ""
    check: Callable[[Args], str] | None = None
    notice: str = ""
    also_removes: str = ""
    route: Callable[[str], tuple[str, str]] | None = None
    place: Callable[[Line, tuple[Line, ...]], Line] | None = None
    render: Callable[[Line], list[str]] | None = None
    spaced: bool = False

    @property
    def has_effect(self) -> bool:
        return any((self.apply, self.refuse, self.begin, self.route))

    def key_for(self, args: Args, text: str) -> str:
        if self.key == EACH:
            return text
        return self.key.format_map(_Blank(args.values))


class _Blank(dict[str, Any]):
    def __missing__(self, key: str) -> str:
        return ""


@dataclass(frozen=True, slots=True, eq=False)
class ExecCommand:
    """A command of user or privileged EXEC; `run` is called by the session."""

    grammar: Grammar
    run: Callable[..., Any]
    privileged: bool


@dataclass(slots=True, eq=False)
class ConfigMode:
    """A configuration mode: the explanations of shared keywords, its commands."""

    name: str
    rules: Mapping[str, Rule]
    prefixes: dict[str, str] = field(default_factory=dict)
    commands: list[ConfigCommand] = field(default_factory=list)
    block: str = ""

    def explain(self, helps: str) -> None:
        """Give the help of leading keywords, one `keywords: help` a line."""
        for row in helps.strip().splitlines():
            words, _, text = row.partition(":")
            self.prefixes[" ".join(words.split())] = text.strip()

    def begin_block(self, name: str) -> None:
        """Commands declared from here on print as one block, `!` before and after it."""
        self.block = name

    def line(
        self, text: str, *helps: str, key: str = "", no: str | None = None, **how: Any
    ) -> Callable[[A], A]:
        """Declare a line with effect; the decorated function is its `apply`."""

        def declare(function: A) -> A:
            self.add(text, *helps, key=key, no=no, apply=function, **how)
            return function

        return declare

    def keep(self, text: str, *helps: str, key: str = EACH, keeps_no: bool = False) -> None:
        """Declare a line that is recognized, kept and shown back, and has no effect here."""
        self.add(text, *helps, key=key, keeps_no=keeps_no)

    def add(
        self,
        text: str,
        *helps: str,
        key: str = "",
        no: str | None = None,
        together: bool = False,
        **how: Any,
    ) -> ConfigCommand:
        """Declare a command; `together`: its lines print mixed with those of the one before it."""
        grammar = compile_grammar(text, helps, self.rules, self.prefixes)
        words = leading_keywords(text)
        key = key or words
        if no is None and key != EACH and "{" not in key:
            no = words
        removals = [grammar]
        if no is not None and no != text:
            removals.append(self._removal(text, helps, no))
        rank = self.commands[-1].rank if together else len(self.commands)
        command = ConfigCommand(self.name, grammar, tuple(removals), rank, self.block, key, **how)
        self.commands.append(command)
        return command

    def _removal(self, text: str, helps: tuple[str, ...], no: str) -> Grammar:
        """The short form after `no`: it takes the first helps of the full form."""
        for count in range(len(helps) + 1):
            try:
                return compile_grammar(no, helps[:count], self.rules, self.prefixes)
            except GrammarError:
                continue
        raise GrammarError(f"{no!r} does not begin {text!r}")

    def candidates(self) -> list[Candidate[ConfigCommand]]:
        """What the mode accepts, without `no` and `default`."""
        return [Candidate(c, c.grammar) for c in self.commands]

    def removal_candidates(self) -> list[Candidate[ConfigCommand]]:
        return [Candidate(c, g) for c in self.commands for g in c.removals]


MODES: Final[dict[str, ConfigMode]] = {}
"""Configuration modes by name ("config", "config-if", ...), filled by `ipsecplane.ios.commands`."""


def config_mode(name: str, rules: Mapping[str, Rule]) -> ConfigMode:
    """Declare a mode; its name is also its prompt, `Router(config-if)#`."""
    return MODES.setdefault(name, ConfigMode(name, rules))


_DEFAULT: Final = re.compile(r"def(a(u(lt?)?)?)?$")


def form_of(line: str, start: int = 0) -> tuple[str, int]:
    """Whether a configuration line begins with `no` or `default`, and where the rest begins."""
    words = split(line, start)
    first = words[0].text.lower() if words else ""
    form = "no" if first == "no" else "default" if _DEFAULT.match(first) else ""
    return form, words[0].column + len(first) if form else start


def read_line(mode: str, line: str, start: int = 0) -> tuple[Parsed[ConfigCommand], str]:
    """Parse a line of a configuration mode; returns it and its form ("", "no" or "default").

    Raises CommandLineError.
    """
    form, begin = form_of(line, start)
    candidates = MODES[mode].removal_candidates() if form else MODES[mode].candidates()
    return parse(candidates, line, begin), form


def leading_keywords(text: str) -> str:
    """The plain keywords with which a grammar string begins."""
    words = []
    for word in text.split():
        if not word[0].islower() and not word[0].isdigit():
            break
        if any(mark in word for mark in "$.:{["):
            break
        words.append(word)
    return " ".join(words)
