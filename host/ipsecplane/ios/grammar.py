r"""The grammar of a command, written as one string and compiled to a small state machine.

::

    keyword          a word of the command; may be abbreviated
    <1-10000>        a number
    A.B.C.D WORD     one word of a kind (`tokens.VARIABLES`); LINE takes the rest of the line
    INTERFACE        an interface, in one word or two (`fa0/0`, `FastEthernet 0/0`)
    {a|b}            one of these
    [a|b]            one of these or nothing
    x...             one or more; [a|b]... none or more, in any order, each at most once
    word$name        the value is captured as `name`; {a|b}$name: whichever was typed
    @rule(name)      a rule of `RULES`, its captures beginning with `name`

Every token has one help text. Those of leading keywords may be known already from the mode's
`prefixes` (`crypto isakmp` is explained once); the others are given in the order of the string.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Final

from ipsecplane.ios.interfaces import INTERFACE_TYPES
from ipsecplane.ios.tokens import INTERFACE_IN_ONE, VARIABLES, Keyword, Token, token


class GrammarError(Exception):
    """A grammar string that cannot be: a mistake in the program, not of a user."""


@dataclass(frozen=True, slots=True)
class Rule:
    """A named part of grammars. `%` in its captures stands for the name it is used with."""

    grammar: str
    helps: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Grammar:
    """The state machine: `edges[s]` are the tokens that may come in state `s` and where they lead.

    Empty moves are resolved already; `accepting` are the states in which the command may end.
    """

    text: str
    edges: tuple[tuple[tuple[Token, int], ...], ...] = field(repr=False)
    accepting: frozenset[int] = field(repr=False)

    @property
    def tokens(self) -> Iterator[Token]:
        for edges in self.edges:
            for edge, _ in edges:
                yield edge


@dataclass(slots=True)
class _Machine:
    edges: list[list[tuple[Token, int]]] = field(default_factory=list)
    empty: list[list[int]] = field(default_factory=list)

    def state(self) -> int:
        self.edges.append([])
        self.empty.append([])
        return len(self.edges) - 1

    def closure(self, state: int) -> list[int]:
        seen, todo = [state], [state]
        while todo:
            for following in self.empty[todo.pop()]:
                if following not in seen:
                    seen.append(following)
                    todo.append(following)
        return seen


_LEXER: Final = re.compile(
    r"""\s*(?:
        (?P<mark>[{}\[\]|])
      | (?P<repeat>\.\.\.)
      | @(?P<rule>[\w-]+)\((?P<name>\w*)\)
      | (?P<word>[^\s{}\[\]|$@]+?)(?=\s|\.\.\.|[{}\[\]|$@]|$)
    )(?:\$(?P<capture>\w+))?""",
    re.VERBOSE,
)


class _Compiler:
    def __init__(
        self, text: str, helps: Iterator[str], rules: Mapping[str, Rule], machine: _Machine
    ) -> None:
        self.lexemes = list(self._lex(text))
        self.helps = helps
        self.rules = rules
        self.machine = machine
        self.position = 0
        self.text = text

    @staticmethod
    def _lex(text: str) -> Iterator[re.Match[str]]:
        at = 0
        text = text.strip()
        while at < len(text):
            found = _LEXER.match(text, at)
            if found is None:
                raise GrammarError(f"{text!r} at {text[at:]!r}")
            yield found
            at = found.end()

    def peek(self, mark: str) -> bool:
        return (
            self.position < len(self.lexemes)
            and self.lexemes[self.position].group().strip() == mark
        )

    def sequence(self, state: int, capture: str) -> int:
        """Compile up to the next `|`, `}` or `]`; returns the state after it."""
        while self.position < len(self.lexemes):
            if self.lexemes[self.position]["mark"] in ("|", "}", "]"):
                break
            state = self.item(state, capture)
        return state

    def item(self, state: int, outer: str) -> int:
        lexeme = self.lexemes[self.position]
        self.position += 1
        start = self.machine.state()
        self.machine.empty[state].append(start)
        if lexeme["rule"]:
            end = self.rule(start, lexeme["rule"], lexeme["name"])
        elif lexeme["mark"]:
            end = self.group(start, lexeme["mark"])
        else:
            end = self.word(start, lexeme["word"], lexeme["capture"] or outer)
        if self.position < len(self.lexemes) and self.lexemes[self.position]["repeat"]:
            self.position += 1
            self.machine.empty[end].append(start)
            if not lexeme["mark"]:
                self.mark_multiple(start)
        return end

    def mark_multiple(self, start: int) -> None:
        for edges in self.machine.edges[start:]:
            edges[:] = [(replace(t, multiple=True), to) for t, to in edges]

    def group(self, start: int, opening: str) -> int:
        closing = "}" if opening == "{" else "]"
        end = self.machine.state()
        if opening == "[":
            self.machine.empty[start].append(end)
        capture = self.capture_after(closing)
        while True:
            self.machine.empty[self.sequence(start, capture)].append(end)
            if self.position >= len(self.lexemes):
                raise GrammarError(f"{self.text!r}: {closing} is missing")
            mark = self.lexemes[self.position]["mark"]
            self.position += 1
            if mark == closing:
                return end

    def capture_after(self, closing: str) -> str:
        """The `$name` behind the bracket that closes the group that begins here."""
        depth = 0
        for lexeme in self.lexemes[self.position :]:
            mark = lexeme["mark"]
            if mark == closing and depth == 0:
                return lexeme["capture"] or ""
            depth += {"{": 1, "[": 1, "}": -1, "]": -1}.get(mark or "", 0)
        raise GrammarError(f"{self.text!r}: {closing} is missing")

    def rule(self, start: int, name: str, capture: str) -> int:
        rule = self.rules[name]
        text = rule.grammar.replace("%", capture)
        inner = _Compiler(text, iter(rule.helps), self.rules, self.machine)
        end = inner.whole(start)
        if next(inner.helps, None) is not None:
            raise GrammarError(f"rule {name}: more helps than tokens")
        return end

    def word(self, start: int, word: str, capture: str) -> int:
        help_text = next(self.helps, None)
        if help_text is None:
            raise GrammarError(f"{self.text!r}: no help for {word!r}")
        end = self.machine.state()
        if word != "INTERFACE":
            edge = token(word, help_text).named(capture)
            self.machine.edges[start].append((edge, end))
            return end
        apart = self.machine.state()
        self.machine.edges[start].append((INTERFACE_IN_ONE.named(capture), end))
        for kind, kind_help in INTERFACE_TYPES.items():
            edge = Keyword(label=kind, help=kind_help, capture=capture)
            self.machine.edges[start].append((edge, apart))
        number = replace(VARIABLES["SLOT"], help=help_text, capture=capture, join=True)
        self.machine.edges[apart].append((number, end))
        return end

    def whole(self, start: int) -> int:
        end = self.sequence(start, "")
        if self.position < len(self.lexemes):
            raise GrammarError(f"{self.text!r}: stray {self.lexemes[self.position].group()!r}")
        return end


def compile_grammar(
    text: str,
    helps: Sequence[str],
    rules: Mapping[str, Rule] | None = None,
    prefixes: Mapping[str, str] | None = None,
) -> Grammar:
    """Compile a grammar string. Raises GrammarError if it or the number of helps is wrong."""
    known: list[str] = []
    leading: list[str] = []
    for word in text.split():
        leading.append(word)
        if prefixes is None or " ".join(leading) not in prefixes:
            break
        known.append(prefixes[" ".join(leading)])
    machine = _Machine()
    supply = iter([*known, *helps])
    start = machine.state()
    end = _Compiler(text, supply, rules or {}, machine).whole(start)
    left = next(supply, None)
    if left is not None:
        raise GrammarError(f"{text!r}: more helps than tokens, from {left!r}")
    edges = []
    accepting = set()
    for state in range(len(machine.edges)):
        reached = machine.closure(state)
        edges.append(tuple(edge for s in reached for edge in machine.edges[s]))
        if end in reached:
            accepting.add(state)
    return Grammar(text, tuple(edges), frozenset(accepting))
