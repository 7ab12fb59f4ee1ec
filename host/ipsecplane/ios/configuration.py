"""A router's configuration as IOS keeps it: an ordered tree of lines.

The tree is immutable. `enter` gives the tree after a command; `build` makes the typed
`RouterConfig` from it; `running_config` prints it. Whatever was loaded is printed in IOS's order,
which is the order in which the commands are declared.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from ipsecplane.config import Address, RouterConfig
from ipsecplane.ios.args import Args
from ipsecplane.ios.commandset import EACH, CommandError, ConfigCommand, read_line
from ipsecplane.ios.matcher import Parsed

Path = tuple[str, ...]
"""Keys of the sections from the outside in; () is global configuration."""


@dataclass(frozen=True, slots=True)
class Line:
    """One line with its section's lines; `text` is canonical and without `no`.

    `source` is its line number in the file it came from, 0 if it was typed.
    """

    command: ConfigCommand
    args: Args = field(compare=False)
    text: str
    key: str
    negated: bool = False
    children: tuple[Line, ...] = ()
    source: int = field(default=0, compare=False)

    @property
    def shown(self) -> str:
        return f"no {self.text}" if self.negated else self.text


@dataclass(frozen=True, slots=True)
class Problem:
    """A line that is well formed but cannot be taken."""

    line: Line
    message: str


@dataclass(frozen=True, slots=True)
class Configuration:
    """All lines, in the order in which they were entered."""

    lines: tuple[Line, ...] = ()

    def section(self, path: Path) -> Line | None:
        lines, found = self.lines, None
        for key in path:
            found = next((line for line in lines if line.key == key), None)
            if found is None:
                return None
            lines = found.children
        return found

    def children(self, path: Path) -> tuple[Line, ...]:
        found = self.section(path)
        return self.lines if found is None else found.children

    def mode(self, path: Path) -> str:
        """Name of the configuration mode at `path`."""
        found = self.section(path)
        return "config" if found is None else found.command.enters

    def with_children(self, path: Path, children: tuple[Line, ...]) -> Configuration:
        return Configuration(_rebuilt(self.lines, path, children))


def _rebuilt(lines: tuple[Line, ...], path: Path, children: tuple[Line, ...]) -> tuple[Line, ...]:
    if not path:
        return children
    return tuple(
        replace(line, children=_rebuilt(line.children, path[1:], children))
        if line.key == path[0]
        else line
        for line in lines
    )


def enter(
    configuration: Configuration,
    path: Path,
    parsed: Parsed[ConfigCommand],
    form: str,
    source: int = 0,
) -> tuple[Configuration, Path]:
    """Take in a command: `form` is "" (set), "no" or "default". Returns the new tree and mode path.

    Raises CommandError where the command cannot be done.
    """
    command, args, text = parsed.command, parsed.args, parsed.text
    if command.route is not None:
        return _enter_routed(configuration, path, parsed, form, source)
    siblings = configuration.children(path)
    key = command.key_for(args, text)
    if form == "no" and command.keeps_no:
        shown = text if command.key == EACH else key
        line = Line(command, args, shown, key, negated=True, source=source)
        siblings = _without(siblings, command.also_removes)
        if f"no {shown}" == command.default:
            return configuration.with_children(path, _drop(siblings, key)), path
        return configuration.with_children(path, _put(siblings, line)), path
    if form:
        siblings = _without(siblings, command.also_removes)
        left = tuple(line for line in siblings if not _removed(line, parsed, key))
        section = configuration.section(path)
        if section is not None:
            left += tuple(line for line in _initial(section.command) if line.key == key)
        return configuration.with_children(path, left), path
    line = Line(command, args, text, key, source=source)
    if command.place is not None:
        line = command.place(line, siblings)
    if command.enters:
        siblings = _open(siblings, line)
        return configuration.with_children(path, siblings), (*path, line.key)
    if line.text == command.default:
        return configuration.with_children(path, _drop(siblings, line.key)), path
    return configuration.with_children(path, _put(siblings, line)), path


def _enter_routed(
    configuration: Configuration,
    path: Path,
    parsed: Parsed[ConfigCommand],
    form: str,
    source: int,
) -> tuple[Configuration, Path]:
    """A flat line that belongs into a section (`access-list 150 ...`); `no` removes the section."""
    assert parsed.command.route is not None
    section_text, line_text = parsed.command.route(parsed.text)
    section, _ = read_line(parsed.command.mode, section_text)
    if form:
        return enter(configuration, path, section, form, source)[0], path
    configuration, inside = enter(configuration, path, section, "", source)
    line, _ = read_line(section.command.enters, line_text)
    return enter(configuration, inside, line, "", source)[0], path


def _open(siblings: tuple[Line, ...], line: Line) -> tuple[Line, ...]:
    for other in siblings:
        if other.key == line.key:
            return _put(siblings, replace(line, children=other.children))
    return _put(siblings, replace(line, children=_initial(line.command)))


def _initial(command: ConfigCommand) -> tuple[Line, ...]:
    """The lines a new section of `command` holds."""
    lines = []
    for text in command.initial:
        parsed, form = read_line(command.enters, text)
        key = parsed.command.key_for(parsed.args, parsed.text)
        lines.append(Line(parsed.command, parsed.args, parsed.text, key, negated=form == "no"))
    return tuple(lines)


def _put(siblings: tuple[Line, ...], line: Line) -> tuple[Line, ...]:
    if any(other.key == line.key for other in siblings):
        return tuple(line if other.key == line.key else other for other in siblings)
    return (*siblings, line)


def _drop(siblings: tuple[Line, ...], key: str) -> tuple[Line, ...]:
    return tuple(line for line in siblings if line.key != key)


def _without(siblings: tuple[Line, ...], prefix: str) -> tuple[Line, ...]:
    if not prefix:
        return siblings
    return tuple(line for line in siblings if not line.key.startswith(prefix))


def _removed(line: Line, parsed: Parsed[ConfigCommand], key: str) -> bool:
    """Whether `no` names this line: by key, or by as many of its values as were typed."""
    command = parsed.command
    if line.key == key:
        return True
    if line.command is not command or not (command.key == EACH or "{" in command.key):
        return False
    typed = parsed.args.values
    named = set(re.findall(r"{(\w+)}", command.key))
    relevant = {n: v for n, v in typed.items() if command.key == EACH or n in named}
    return all(line.args.get(name) == value for name, value in relevant.items())


def ordered(lines: tuple[Line, ...]) -> list[Line]:
    """Lines in the order of running-config."""

    def key(line: Line) -> tuple[int, tuple[Any, ...]]:
        command = line.command
        return command.rank, command.sort(line.args) if command.sort else ()

    return sorted(lines, key=key)


def build(configuration: Configuration) -> tuple[RouterConfig, list[Problem]]:
    """The typed meaning of a configuration, and the lines that cannot be taken (empty: all can)."""
    router = RouterConfig()
    problems: list[Problem] = []
    for line in ordered(configuration.lines):
        router = _take(router, line, problems, router.hosts)
    problems += _dangling(configuration, router)
    return router, problems


def _take(value: Any, line: Line, problems: list[Problem], hosts: Mapping[str, Address]) -> Any:
    """What `value` becomes by a line, or by a section with all its lines."""
    command = line.command
    try:
        if command.begin is not None and command.finish is not None:
            inner = command.begin(value, line.args)
            for child in ordered(line.children):
                inner = _take(inner, child, problems, hosts)
            return command.finish(value, inner)
        function = command.refuse if line.negated else command.apply
        return value if function is None else function(value, _resolved(line, hosts))
    except CommandError as error:
        problems.append(Problem(line, str(error)))
        return value


def _resolved(line: Line, hosts: Mapping[str, Address]) -> Args:
    name = line.args.get(line.command.resolves)
    return line.args if name not in hosts else line.args.with_value("peer", hosts[name])


def _dangling(configuration: Configuration, router: RouterConfig) -> Iterator[Problem]:
    for line in walk(configuration.lines):
        if line.command.refers is None or line.negated:
            continue
        attribute, capture, message = line.command.refers
        for name in line.args.many(capture):
            if name not in getattr(router, attribute):
                yield Problem(line, message.format(name))


def walk(lines: tuple[Line, ...]) -> Iterator[Line]:
    for line in lines:
        yield line
        yield from walk(line.children)


def render(line: Line, indent: str = "") -> list[str]:
    """A line and its section as running-config prints them."""
    if line.command.render is not None:
        return [indent + text for text in line.command.render(line)]
    rows = [indent + line.shown]
    for child in ordered(line.children):
        rows += render(child, indent + " ")
    return rows


def body(configuration: Configuration) -> str:
    """The configuration from its first `!` to `end`, as it is loaded again."""
    rows = ["!"]
    block = None
    for line in ordered(configuration.lines):
        if line.command.block != block and rows[-1] != "!":
            rows.append("!")
        block = line.command.block
        rows += render(line)
        if line.command.spaced:
            rows.append("!")
    if rows[-1] != "!":
        rows.append("!")
    return "\n".join([*rows, "end", ""])


def running_config(text: str) -> str:
    """`show running-config` of a body: with the two lines IOS begins with."""
    size = len(text.encode())
    return f"Building configuration...\n\nCurrent configuration : {size} bytes\n{text}"


def section_text(configuration: Configuration, key: str) -> str | None:
    """The body for one section (`show running-config interface X`); None if there is none."""
    line = next((line for line in configuration.lines if line.key == key), None)
    if line is None:
        return None
    return "\n".join(["!", *render(line), "end", ""])
