"""Reads a scenario: schema, units, names; every problem with its place.

What one part says about another (a link's end, a step's router) is checked here; what only the
configurations can tell (does the interface exist?) is `build`'s.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import replace
from datetime import UTC, datetime
from ipaddress import ip_address, ip_interface
from pathlib import Path
from typing import Any, TypeVar

from ipsecplane.config import Address

from ipsecsim.network.host import HostConfig
from ipsecsim.network.link import Impairments
from ipsecsim.network.nat import INSIDE, OUTSIDE
from ipsecsim.network.packet import PacketError, mac_octets
from ipsecsim.scenario import schema, steps, units
from ipsecsim.scenario.document import (
    Document,
    Place,
    Problem,
    ScenarioError,
    Steps,
    read_document,
)
from ipsecsim.scenario.model import (
    ConfigEdit,
    Edit,
    EndSpec,
    HostSpec,
    LinkSpec,
    NatSpec,
    Parameter,
    RouterSpec,
    Scenario,
)
from ipsecsim.scenario.nats import read_nat
from ipsecsim.scenario.parameters import SECTION, fill_in

FILE = "scenario.yaml"
DEFAULT_START = "2003-03-25T04:50:00Z"  # shortly before the log of the guide's chapter 3
T = TypeVar("T")


def load_scenario(folder: Path) -> Scenario:
    """Read `folder`/scenario.yaml (or the file itself). Raises ScenarioError with all problems."""
    file = folder if folder.is_file() else folder / FILE
    if not file.exists():
        what = "no such folder" if not folder.exists() else f"no {FILE} in it"
        raise ScenarioError([Problem(Place(str(folder), 1, 1), "", what)])
    return Loader(read_document(file), file.parent).scenario()


def with_settings(scenario: Scenario, settings: Mapping[str, str]) -> Scenario:
    """The scenario with other values of its parameters. Raises ScenarioError."""
    if scenario.source is None or dict(settings) == dict(scenario.settings):
        return scenario
    return Loader(scenario.source, scenario.folder, settings).scenario()


class Loader:
    """The document under reading, and the problems found so far."""

    def __init__(
        self, document: Document, folder: Path, settings: Mapping[str, str] | None = None
    ) -> None:
        """`settings`: values of the parameters that do not have their defaults."""
        self.source = document
        self.settings = {**_defaults(document.root), **(settings or {})}
        self.document = fill_in(document, self.settings)
        self.folder = folder
        self.problems: list[Problem] = []

    def scenario(self) -> Scenario:
        self.problems += schema.check(self.document)
        self._stop_if_wrong()
        root = self.document.root
        parameters = {n: self._parameter(n, p) for n, p in (root.get("parameters") or {}).items()}
        routers = {name: self._router(name, spec) for name, spec in root["routers"].items()}
        hosts = {name: self._host(name, spec) for name, spec in (root.get("hosts") or {}).items()}
        nats = {
            name: read_nat(self, name, number, spec)
            for number, (name, spec) in enumerate((root.get("nats") or {}).items(), 1)
        }
        for name in hosts.keys() & routers.keys():
            self.problem(("hosts", name), "is the name of a router too", at_key=True)
        for name in nats.keys() & (routers.keys() | hosts.keys()):
            self.problem(("nats", name), "is the name of a router or host too", at_key=True)
        links = {}
        taken: dict[str, str] = {}
        for name, spec in (root.get("links") or {}).items():
            links[name] = self._link(name, spec, (routers, hosts, nats), taken)
        self._stop_if_wrong()
        start = self.take(("start",), root.get("start", DEFAULT_START), _instant)
        scenario = Scenario(
            name=root["name"],
            folder=self.folder,
            start=start or datetime(2003, 3, 25, tzinfo=UTC),
            seed=root.get("seed", 1),
            parameters=parameters,
            routers=routers,
            hosts=hosts,
            nats=nats,
            links=links,
            timeline=(),
            description=root.get("description", ""),
            guide=root.get("guide", ""),
            source=self.source,
            settings=self.settings,
        )
        timeline = steps.read_timeline(self, scenario, root["timeline"])
        self._stop_if_wrong()
        return replace(scenario, timeline=timeline)

    def problem(self, at: Steps, message: str, *, at_key: bool = False) -> None:
        self.problems.append(self.document.problem(at, message, at_key=at_key))

    def place(self, at: Steps) -> Place:
        return self.document.place(at)

    def take(self, at: Steps, value: Any, read: Callable[[Any], T]) -> T | None:
        """`read(value)`; a ValueError becomes a problem at `at` and None."""
        try:
            return read(value)
        except (ValueError, PacketError) as error:
            self.problem(at, str(error))
            return None

    def name_in(self, at: Steps, name: str, known: Mapping[str, Any], what: str) -> bool:
        if name not in known:
            names = ", ".join(known) or "none is defined"
            self.problem(at, f"no {what} {name!r} ({names})")
        return name in known

    def impairments(self, at: Steps, spec: Mapping[str, Any]) -> dict[str, Any]:
        """The fields of Impairments that `spec` sets."""
        readers: dict[str, Callable[[Any], Any]] = {
            "latency": units.duration,
            "jitter": units.duration,
            "reorder_by": units.duration,
            "bandwidth": lambda value: None if value is None else _positive(units.rate(value)),
            "loss": units.probability,
            "duplicate": units.probability,
            "reorder": units.probability,
            "queue": int,
            "mtu": lambda value: value,
        }
        return {
            key: self.take((*at, key), spec[key], read)
            for key, read in readers.items()
            if key in spec
        }

    def pattern(self, at: Steps, text: str, *, groups: int | None = None) -> str:
        """Check that `text` is a regular expression (with ${names} standing for some text)."""
        try:
            compiled = re.compile(re.sub(r"\$\{[\w-]+\}", "x", text))
        except re.error as error:
            self.problem(at, f"no regular expression: {error}")
        else:
            if groups is not None and compiled.groups != groups:
                self.problem(at, f"needs {groups} group in parentheses, has {compiled.groups}")
        return text

    def _stop_if_wrong(self) -> None:
        if self.problems:
            raise ScenarioError(self.problems)

    def _parameter(self, name: str, spec: Mapping[str, Any]) -> Parameter:
        at: Steps = ("parameters", name)
        choices = {
            value: tuple(
                edit
                for index, raw in enumerate(edits or ())
                if (edit := self._edit((*at, "choices", value, index), raw)) is not None
            )
            for value, edits in spec["choices"].items()
        }
        default = str(spec["default"])
        if default not in choices:
            self.problem((*at, "default"), f"{default!r} is none of {', '.join(choices)}")
        return Parameter(name, default, choices, spec.get("description", ""))

    def _edit(self, at: Steps, spec: Mapping[str, Any]) -> ConfigEdit | None:
        kinds = [kind for kind in Edit if kind in spec]
        if len(kinds) != 1:
            self.problem(at, "needs exactly one of remove, replace, append")
            return None
        if (kinds[0] is Edit.REPLACE) != ("with" in spec):
            self.problem(at, "replace and with go together")
        router = spec.get("router")
        if router is not None:
            self.name_in((*at, "router"), router, self.document.root["routers"], "router")
        return ConfigEdit(self.place(at), kinds[0], spec[kinds[0]], spec.get("with", ""), router)

    def _router(self, name: str, spec: Mapping[str, Any]) -> RouterSpec:
        at: Steps = ("routers", name, "config")
        config = self.folder / spec["config"]
        if not config.is_file():
            self.problem(at, f"no such file: {config}")
        rate = 0.0
        if "crypto_rate" in spec:
            where: Steps = ("routers", name, "crypto_rate")
            rate = self.take(where, spec["crypto_rate"], _octet_rate) or 0.0
        return RouterSpec(name, config, self.place(at), int(rate / 8))

    def _host(self, name: str, spec: Mapping[str, Any]) -> HostSpec:
        at: Steps = ("hosts", name)
        addresses = [
            self.take((*at, "addresses", index), text, ip_interface)
            for index, text in enumerate(spec["addresses"])
        ]
        gateways: list[Address | None] = [
            self.take((*at, "gateways", index), text, ip_address)
            for index, text in enumerate(spec.get("gateways", ()))
        ]
        versions = [gateway.version for gateway in gateways if gateway is not None]
        if len(set(versions)) != len(versions):
            self.problem((*at, "gateways"), "at most one gateway an IP version")
        number = list(self.document.root["hosts"]).index(name) + 1
        mac = bytes([2, 0, 0, 0xFE, number >> 8, number & 0xFF])
        if "mac" in spec:
            mac = self.take((*at, "mac"), spec["mac"], mac_octets) or mac
        config = HostConfig(
            tuple(a for a in addresses if a is not None),
            mac,
            tuple(g for g in gateways if g is not None),
            spec.get("mtu", 1500),
            tuple(spec.get("udp_echo", (7,))),
            tuple(spec.get("tcp_sink", (5001,))),
        )
        return HostSpec(name, config, self.place(at))

    def _link(
        self,
        name: str,
        spec: Mapping[str, Any],
        nodes: tuple[Mapping[str, RouterSpec], Mapping[str, HostSpec], Mapping[str, NatSpec]],
        taken: dict[str, str],
    ) -> LinkSpec:
        at: Steps = ("links", name)
        routers, hosts, nats = nodes
        ends = []
        for index, text in enumerate(spec["ends"]):
            here: Steps = (*at, "ends", index)
            node, dot, interface = text.partition(".")
            if node in routers:
                if not interface:
                    self.problem(here, f"router {node!r} needs an interface: {node}.INTERFACE")
            elif node in hosts:
                if dot:
                    self.problem(here, f"host {node!r} has one interface: write {node!r} alone")
            elif node in nats:
                if interface not in (INSIDE, OUTSIDE):
                    self.problem(here, f"a NAT's ends are {node}.{INSIDE} and {node}.{OUTSIDE}")
            else:
                self.problem(here, f"no router, host or NAT {node!r}")
            end = EndSpec(node, interface or None, self.place(here))
            if str(end) in taken:
                self.problem(here, f"{end} is on link {taken[str(end)]!r} already")
            taken[str(end)] = name
            ends.append(end)
        impairments = Impairments()
        try:
            impairments = replace(impairments, **self.impairments(at, spec))
        except TypeError as error:  # pragma: no cover - the schema admits known fields only
            self.problem(at, str(error))
        return LinkSpec(name, tuple(ends), impairments, self.place(at))


def _defaults(root: Any) -> dict[str, str]:
    """The parameters' default values, as far as the section has the right shape."""
    section = root.get(SECTION) if isinstance(root, dict) else None
    if not isinstance(section, dict):
        return {}
    return {
        name: str(spec["default"])
        for name, spec in section.items()
        if isinstance(spec, dict) and "default" in spec
    }


def _instant(text: str) -> datetime:
    """A UTC instant. Raises ValueError."""
    try:
        instant = datetime.fromisoformat(text)
    except ValueError:
        raise ValueError(f"{text!r} is no ISO 8601 time, like {DEFAULT_START}") from None
    return instant.replace(tzinfo=UTC) if instant.tzinfo is None else instant.astimezone(UTC)


def _octet_rate(value: object) -> float:
    """Bits a second that are at least one octet. Raises UnitError."""
    rate = units.rate(value)
    if rate < 8:
        raise units.UnitError("a crypto engine gets through at least 8 bit/s")
    return rate


def _positive(value: float) -> float:
    if value <= 0:
        raise units.UnitError("a bandwidth is more than 0")
    return value
