"""The routers' configurations of a scenario, with its parameters' edits applied."""

from __future__ import annotations

import difflib
import itertools
from collections.abc import Iterator, Mapping

from ipsecplane.ios.store import ConfigurationStore

from ipsecsim.scenario.document import Place, Problem, ScenarioError
from ipsecsim.scenario.model import ConfigEdit, Edit, RouterSpec, Scenario


def resolve_settings(scenario: Scenario, given: Mapping[str, str]) -> dict[str, str]:
    """Each parameter's value: the given one, else the default. Raises ScenarioError."""
    file = Place("--set", 1, 1)
    problems = []
    for name, value in given.items():
        parameter = scenario.parameters.get(name)
        if parameter is None:
            close = difflib.get_close_matches(name, scenario.parameters, n=1)
            known = ", ".join(scenario.parameters) or "it has none"
            hint = f"; did you mean {close[0]!r}?" if close else f" ({known})"
            problems.append(Problem(file, name, f"the scenario has no such parameter{hint}"))
        elif value not in parameter.choices:
            choices = ", ".join(parameter.choices)
            problems.append(Problem(file, name, f"{value!r} is none of {choices}"))
    if problems:
        raise ScenarioError(problems)
    return {name: given.get(name, p.default) for name, p in scenario.parameters.items()}


def combinations(scenario: Scenario) -> Iterator[dict[str, str]]:
    """Every combination of parameter values."""
    names = list(scenario.parameters)
    for values in itertools.product(*(scenario.parameters[name].choices for name in names)):
        yield dict(zip(names, values, strict=True))


def load_configs(scenario: Scenario, settings: Mapping[str, str]) -> dict[str, ConfigurationStore]:
    """Raises ConfigurationErrors (FILE:LINE of each wrong line) and ScenarioError (an edit)."""
    edits = [
        edit for n, value in settings.items() for edit in scenario.parameters[n].choices[value]
    ]
    configs: dict[str, ConfigurationStore] = {}
    unused = list(edits)
    for spec in scenario.routers.values():
        text = _read(spec)
        # The file as it stands first, so that an error has the line it has in an editor.
        configs[spec.name] = ConfigurationStore.load(text, str(spec.config))
        mine = [edit for edit in edits if edit.router in (None, spec.name)]
        changed = text
        for edit in mine:
            after = apply_edit(changed, edit)
            if after is not None:
                changed = after
                unused = [other for other in unused if other is not edit]
        if changed != text:
            shown = f"{spec.config} (with {_shown(settings)})"
            configs[spec.name] = ConfigurationStore.load(changed, shown)
    if unused:
        raise ScenarioError(
            Problem(edit.place, edit.kind, f"no configuration has the line {edit.line!r}")
            for edit in unused
        )
    return configs


def apply_edit(text: str, edit: ConfigEdit) -> str | None:
    """The edited text, None if it lacks the line. Lines are compared without regard to spaces."""
    rows = text.splitlines()
    if edit.kind is Edit.APPEND:
        ends = [i for i, row in enumerate(rows) if row.strip() == "end"]
        at = ends[0] if ends else len(rows)
        return "\n".join([*rows[:at], *edit.line.splitlines(), *rows[at:]]) + "\n"
    wanted = edit.line.split()
    if not any(row.split() == wanted for row in rows):
        return None
    replacement = edit.replacement.splitlines()
    result: list[str] = []
    for row in rows:
        result += replacement if row.split() == wanted else [row]
    return "\n".join(result) + "\n"


def _read(spec: RouterSpec) -> str:
    try:
        return spec.config.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        problem = Problem(spec.place, f"routers.{spec.name}.config", f"{spec.config}: {error}")
        raise ScenarioError([problem]) from error


def _shown(settings: Mapping[str, str]) -> str:
    return ", ".join(f"{name}={value}" for name, value in settings.items())
