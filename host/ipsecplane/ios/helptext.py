"""How `?` lays out its answers."""

from __future__ import annotations

from collections.abc import Sequence

Rows = Sequence[tuple[str, str]]


def help_table(rows: Rows, complete: bool) -> str:
    """One row a token; `<cr>` at the end where the command may end."""
    width = max((len(label) for label, _ in rows), default=0)
    lines = [f"  {label:<{width}}  {text}".rstrip() for label, text in rows]
    if complete:
        lines.append("  <cr>")
    return "".join(f"{line}\n" for line in lines) + "\n"


def help_words(rows: Rows, width: int) -> str:
    """Answers to `sh?`: the words alone, in columns; values keep their explanation."""
    if not rows:
        return "% Unrecognized command\n"
    if any(not label[0].islower() and not label[0].isdigit() for label, _ in rows):
        return help_table(rows, False)
    cell = max(len(label) for label, _ in rows) + 2
    columns = max(1, (width or 80) // cell)
    labels = [label for label, _ in rows]
    lines = [labels[i : i + columns] for i in range(0, len(labels), columns)]
    return "".join("".join(f"{w:<{cell}}" for w in line).rstrip() + "\n" for line in lines) + "\n"
