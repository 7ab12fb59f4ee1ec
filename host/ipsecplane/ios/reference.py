"""The command reference, written from the grammar: `python -m ipsecplane.ios.reference`."""

from __future__ import annotations

import re
from collections.abc import Iterable

from ipsecplane.ios.commands import load_commands
from ipsecplane.ios.commands.exec_mode import EXEC
from ipsecplane.ios.commands.modes import RULES
from ipsecplane.ios.commandset import MODES, ConfigCommand
from ipsecplane.ios.grammar import Grammar
from ipsecplane.ios.pipes import PIPES

_HEAD = """\
# Commands

Made from the command grammar by `python -m ipsecplane.ios.reference`; do not edit.

`{a|b}` is a choice, `[x]` is optional, `...` repeats; `<1-10>` is a number, words in capitals are
values, `INTERFACE` is an interface in one word or two. Keywords may be abbreviated. Words in
*italics* stand for the parts listed under [Shared parts](#shared-parts). `no` and `default` go
before every configuration line; `exit`, `end` and `do` work in every configuration mode.
"""


def _readable(text: str) -> str:
    """A grammar string without captures, its rules in italics."""
    text = re.sub(r"\$\w*", "", text)
    pieces = re.split(r"(@[\w-]+\(\w*\))", text)
    shown = []
    for piece in pieces:
        if piece.startswith("@"):
            shown.append(f"*{piece[1:].partition('(')[0]}*")
        elif piece.strip():
            shown.append(f"`{piece.strip()}`")
    return " ".join(shown).replace("|", "\\|")


def _summary(grammar: Grammar) -> str:
    """The help of the last keyword before the line branches."""
    state, help_text = 0, ""
    while True:
        edges = [(token, to) for token, to in grammar.edges[state] if not token.hidden]
        if help_text and state in grammar.accepting:
            return help_text
        if len(edges) != 1 or (help_text and not edges[0][0].is_keyword):
            return help_text
        help_text, state = edges[0][0].help, edges[0][1]


def _effect(command: ConfigCommand) -> str:
    if command.enters:
        return f"opens {command.enters}" + ("" if command.has_effect else ", kept")
    return "" if command.has_effect else "kept"


def _table(rows: Iterable[tuple[str, ...]], *heads: str) -> list[str]:
    lines = ["| " + " | ".join(heads) + " |", "|" + " --- |" * len(heads)]
    return lines + ["| " + " | ".join(row) + " |" for row in rows]


def commands_markdown() -> str:
    """The whole page."""
    load_commands()
    lines = [_HEAD, "## EXEC", ""]
    lines += _table(
        sorted(
            (_readable(c.grammar.text), _summary(c.grammar), "privileged" if c.privileged else "")
            for c in EXEC.commands
        ),
        "command",
        "purpose",
        "mode",
    )
    lines += ["", "## Output modifiers", "", "After a `show` command:", ""]
    lines += _table(
        ((f"`\\|` {_readable(p.grammar.text)}", _summary(p.grammar)) for p in PIPES),
        "modifier",
        "purpose",
    )
    lines += [
        "",
        "## Configuration",
        "",
        "In the order in which running-config prints them. *kept*: recognized, kept and shown",
        "back, without effect on the model.",
    ]
    for mode in MODES.values():
        lines += ["", f"### {mode.name}", ""]
        rows = [(_readable(c.grammar.text), _summary(c.grammar), _effect(c)) for c in mode.commands]
        lines += _table(rows, "line", "purpose", "effect")
    lines += ["", "## Shared parts", ""]
    lines += _table(
        ((f"*{name}*", _readable(rule.grammar.replace("%", ""))) for name, rule in RULES.items()),
        "part",
        "is",
    )
    return "\n".join(lines) + "\n"


if __name__ == "__main__":
    print(commands_markdown(), end="")
