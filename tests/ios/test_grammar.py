"""The grammar itself: what a string means, which words fit, where errors are marked."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from ios_lines import lines
from ipsecplane.ios.commands import load_commands
from ipsecplane.ios.commands.exec_mode import EXEC
from ipsecplane.ios.commandset import MODES
from ipsecplane.ios.grammar import Grammar, GrammarError, Rule, compile_grammar
from ipsecplane.ios.matcher import (
    AmbiguousCommand,
    Candidate,
    CommandLineError,
    IncompleteCommand,
    InvalidInput,
    Parsed,
    complete,
    help_for,
    parse,
)

load_commands()

COMMANDS = {
    "route": ("ip route A.B.C.D$to [<1-255>$distance|name WORD$name|permanent$permanent]...", 7),
    "routing": ("ip routing", 2),
    "show": ("show {clock [detail$detail]|cloud|crypto WORD$names...}", 6),
    "shut": ("shutdown", 1),
    "interface": ("interface INTERFACE$name [p2p]", 3),
    "describe": ("description LINE$text", 2),
    "key": ("key [{0|6}$kind] WORD$secret", 4),
}
CANDIDATES = [
    Candidate(name, compile_grammar(text, ["help"] * helps))
    for name, (text, helps) in COMMANDS.items()
]


def read(line: str) -> Parsed[str]:
    return parse(CANDIDATES, line)


@pytest.mark.parametrize(
    ("line", "command", "values", "text"),
    [
        ("ip rout", None, {}, ""),
        ("ip routi", "routing", {}, "ip routing"),
        ("ip route 1.2.3.4", "route", {"to": "1.2.3.4"}, "ip route 1.2.3.4"),
        (
            "ip route 1.2.3.4 name X 7 perm",
            "route",
            {"name": "X", "distance": 7, "permanent": "permanent"},
            "ip route 1.2.3.4 name X 7 permanent",
        ),
        ("SHOW CLOCK DET", "show", {"detail": "detail"}, "show clock detail"),
        ("sho cr a b c", "show", {"names": ("a", "b", "c")}, "show crypto a b c"),
        ("int fa0/0", "interface", {"name": "FastEthernet0/0"}, "interface FastEthernet0/0"),
        (
            "int fast 0/0 p",
            "interface",
            {"name": "FastEthernet0/0"},
            "interface FastEthernet0/0 p2p",
        ),
        ("int Lo 7", "interface", {"name": "Loopback7"}, "interface Loopback7"),
        ("desc  two  words ", "describe", {"text": "two  words"}, "description two  words"),
        ("key 0 abc", "key", {"kind": "0", "secret": "abc"}, "key 0 abc"),
        ("key 01 ", "key", {"secret": "01"}, "key 01"),
    ],
)
def test_a_line_is_read(line: str, command: str | None, values: dict[str, Any], text: str) -> None:
    if command is None:
        with pytest.raises(AmbiguousCommand):
            read(line)
        return
    parsed = read(line)
    assert parsed.command == command
    assert parsed.text == text
    for name, value in values.items():
        assert str(parsed.args[name]) == str(value)


@pytest.mark.parametrize(
    ("line", "error", "column"),
    [
        ("x", InvalidInput, 0),
        ("show x", InvalidInput, 5),
        ("show clx", InvalidInput, 7),  # "cl" fits, the third letter does not
        ("show clock x", InvalidInput, 11),
        ("show  clocks", InvalidInput, 11),
        ("ip route 1.2.3", InvalidInput, 9),
        ("ip route 1.2.3.4 256", InvalidInput, 17),
        ("ip route 1.2.3.4 7 8", InvalidInput, 19),
        ("interface fa0/x", InvalidInput, 12),
        ("interface zz0", InvalidInput, 10),
        ("show", IncompleteCommand, 4),
        ("ip route", IncompleteCommand, 8),
        ("interface fast", IncompleteCommand, 14),
        ("s", AmbiguousCommand, 0),
        ("show cl", AmbiguousCommand, 5),
        ("interface t 0", AmbiguousCommand, 10),
    ],
)
def test_an_error_is_marked(line: str, error: type[CommandLineError], column: int) -> None:
    with pytest.raises(error) as caught:
        read(line)
    assert caught.value.column == column


def test_an_error_tells_what_may_come() -> None:
    with pytest.raises(InvalidInput) as caught:
        read("show x")
    assert caught.value.expected == ("clock", "cloud", "crypto")
    with pytest.raises(IncompleteCommand) as missing:
        read("ip route")
    assert missing.value.expected == ("A.B.C.D",)


def test_help_lists_values_before_keywords_and_says_where_a_line_may_end() -> None:
    found = help_for(CANDIDATES, "ip route 1.2.3.4 ")
    assert [label for label, _ in found.rows] == ["<1-255>", "name", "permanent"]
    assert found.complete
    assert [label for label, _ in help_for(CANDIDATES, "show cl").rows] == ["clock", "cloud"]
    assert not help_for(CANDIDATES, "show ").complete


def test_completion_offers_keywords_only() -> None:
    assert complete(CANDIDATES, "sh") == ["show", "shutdown"]
    assert complete(CANDIDATES, "show c") == ["clock", "cloud", "crypto"]
    assert complete(CANDIDATES, "ip route ") == []
    assert complete(CANDIDATES, "wrong x") == []


@pytest.mark.parametrize(
    ("text", "helps"),
    [
        ("a b", ["one"]),
        ("a", ["one", "two"]),
        ("a {b", ["one", "two"]),
        ("a b]", ["one", "two"]),
        ("a |", ["one"]),
    ],
)
def test_a_wrong_grammar_is_refused(text: str, helps: list[str]) -> None:
    with pytest.raises(GrammarError):
        compile_grammar(text, helps)


def test_rules_prefix_their_captures() -> None:
    rules = {"side": Rule("{any$%_any|host A.B.C.D$%_host}", ("any", "host", "address"))}
    grammar = compile_grammar("from @side(a) to @side(b)", ["from", "to"], rules)
    parsed = parse([Candidate("x", grammar)], "from any to host 1.1.1.1")
    assert set(parsed.args.values) == {"a_any", "b_host"}


GRAMMARS = [c.grammar for c in EXEC.commands] + [
    grammar
    for mode in MODES.values()
    for c in mode.commands
    for grammar in (c.grammar, *c.removals)
]


def test_every_token_has_a_help() -> None:
    missing = {
        (grammar.text, token.label)
        for grammar in GRAMMARS
        for token in grammar.tokens
        if not token.help and not token.hidden
    }
    assert missing == set()


@given(st.sampled_from(GRAMMARS), st.data())
@settings(max_examples=400)
def test_whatever_a_grammar_generates_it_reads_as_it_stands(
    grammar: Grammar, data: st.DataObject
) -> None:
    line = data.draw(lines(grammar))
    parsed = parse([Candidate(grammar, grammar)], line)
    assert parsed.text == line
    again = parse([Candidate(grammar, grammar)], f"  {line.upper()}" if _plain(grammar) else line)
    assert again.text == line
    assert again.args == parsed.args or _plain(grammar)


def _plain(grammar: Grammar) -> bool:
    return all(token.is_keyword for token in grammar.tokens)


@given(st.text(max_size=40))
@settings(max_examples=300)
def test_any_line_is_a_command_or_a_named_error_within_it(line: str) -> None:
    line = line.replace("\n", " ").replace("\r", " ")
    try:
        read(line)
    except CommandLineError as error:
        wrong = error
    else:
        return
    assert 0 <= wrong.column <= len(line)
    assert wrong.message(line).startswith("% ")
