"""Whatever is entered, the printed text loads to the same meaning and the same text."""

from __future__ import annotations

from dataclasses import replace

from hypothesis import given, settings
from hypothesis import strategies as st
from ios_lines import lines
from ipsecplane.ios.commands import load_commands
from ipsecplane.ios.commandset import MODES, CommandError, ConfigCommand, read_line
from ipsecplane.ios.configuration import Configuration, Path, body, build, enter
from ipsecplane.ios.loader import load_running_config

load_commands()

GLOBAL = MODES["config"].commands
SECTIONS = [command for command in GLOBAL if command.enters]


@st.composite
def entries(draw: st.DrawFn) -> list[tuple[str, str]]:
    """(mode, line) of what somebody types: global lines, sections with lines of theirs."""
    typed = []
    for _ in range(draw(st.integers(1, 6))):
        command = draw(st.one_of(st.sampled_from(GLOBAL), st.sampled_from(SECTIONS)))
        typed.append(("config", draw(_line(command))))
        if command.enters:
            inside = st.sampled_from(MODES[command.enters].commands)
            for child in draw(st.lists(inside, max_size=5)):
                typed.append((command.enters, draw(_line(child))))
    return typed


@st.composite
def _line(draw: st.DrawFn, command: ConfigCommand) -> str:
    form = draw(st.sampled_from(["", "", "", "", "no ", "default "]))
    grammar = draw(st.sampled_from(command.removals)) if form else command.grammar
    text = draw(lines(grammar))
    if text.startswith("banner ") and not form:
        text = " ".join([*text.split(" ")[:2], "^Ckeep out\n  please^C"])  # closed, as it must be
    return form + text


def typed_in(entered: list[tuple[str, str]]) -> Configuration:
    """The configuration after all that can be taken, as a session would take it."""
    configuration, path = Configuration(), Path()
    for mode, line in entered:
        if mode == "config":
            path = ()
        elif configuration.mode(path) != mode:
            continue
        try:
            parsed, form = read_line(mode, line)
            candidate, new_path = enter(configuration, path, parsed, form)
        except CommandError:
            continue
        if not build(candidate)[1]:
            configuration, path = candidate, new_path
    return configuration


@given(entries())
@settings(max_examples=400)
def test_what_is_printed_loads_to_the_same(entered: list[tuple[str, str]]) -> None:
    configuration = typed_in(entered)
    router, problems = build(configuration)
    assert problems == []
    text = body(configuration)
    again, router_again = load_running_config(text)
    assert body(again) == text
    assert router_again == router


@given(entries())
@settings(max_examples=150)
def test_no_of_every_line_gives_the_default(entered: list[tuple[str, str]]) -> None:
    """`default` of each global line, then of what is left, empties the configuration."""
    configuration = typed_in(entered)
    for line in configuration.lines:
        parsed, form = read_line("config", "default " + line.text.split("\n")[0])
        configuration, _ = enter(configuration, (), parsed, form)
    assert configuration.lines == ()


@given(st.lists(st.sampled_from(["permit ip any any", "deny tcp any any eq www", "remark X"])))
@settings(max_examples=60)
def test_flat_access_list_lines_number_by_tens(rules: list[str]) -> None:
    text = "".join(f"access-list 120 {rule}\n" for rule in rules)
    configuration, router = load_running_config(text)
    if rules:
        sequences = [entry.sequence for entry in router.access_lists["120"].entries]
        assert sequences == sorted(set(sequences))
        assert all(sequence % 10 == 0 for sequence in sequences)
        assert load_running_config(body(configuration))[1] == router


def test_reordering_the_file_changes_nothing_but_order_that_matters() -> None:
    text = (
        "hostname r\ncrypto isakmp policy 20\n lifetime 100\ncrypto isakmp policy 10\n"
        " lifetime 200\ninterface Serial0\ninterface fa0/1\ninterface fa0/0\ninterface lo1\n"
    )
    _, router = load_running_config(text)
    assert [policy.priority for policy in router.isakmp_policies] == [10, 20]
    names = [interface.name for interface in router.interfaces]
    assert names == ["Loopback1", "FastEthernet0/0", "FastEthernet0/1", "Serial0"]
    other = load_running_config("interface lo1\ninterface Serial0\n" + text)[1]
    assert other == replace(router)
