"""Reads the timeline: each step's action and expectations, with every name checked."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from ipaddress import ip_address
from typing import TYPE_CHECKING, Any, Final

from ipsecsim.network.ping import PingOptions
from ipsecsim.network.tcp_stack import TcpFlowOptions
from ipsecsim.network.udp import UdpFlowOptions
from ipsecsim.scenario import units
from ipsecsim.scenario.document import Steps
from ipsecsim.scenario.model import (
    Action,
    Comparison,
    Exec,
    ExecLine,
    Expectation,
    HostAction,
    Join,
    LinkImpair,
    LinkState,
    Nothing,
    Outage,
    Rebind,
    Reboot,
    Scenario,
    Step,
    Subject,
    TextTest,
    Wait,
    When,
)

if TYPE_CHECKING:
    from ipsecsim.scenario.loader import Loader

ACTIONS: Final = ("exec", "wait", "join", "link", "host", "reboot", "outage", "rebind")
_COMPANIONS: Final = {  # fields that make sense with one action only
    "router": "exec",
    "timeout": "exec",
    "allow_errors": "exec",
    "state": "link",
    "impair": "link",
    "ping": "host",
    "udp": "host",
    "tcp": "host",
    "device_state": "reboot",
}
_FLOWS: Final = ("ping", "udp", "tcp")


def read_timeline(
    loader: Loader, scenario: Scenario, raw: list[Mapping[str, Any]]
) -> tuple[Step, ...]:
    """All steps; problems go to the loader."""
    reader = _Timeline(loader, scenario)
    return tuple(reader.step(("timeline", index), spec) for index, spec in enumerate(raw))


class _Timeline:
    def __init__(self, loader: Loader, scenario: Scenario) -> None:
        self.loader = loader
        self.scenario = scenario
        self.started: dict[str, str] = {}  # background names and what they are
        self.saved: dict[str, None] = {}
        self.measured: set[str] = set()

    def step(self, at: Steps, spec: Mapping[str, Any]) -> Step:
        present = [name for name in ACTIONS if name in spec]
        if len(present) > 1:
            self.loader.problem(at, f"one action a step, not {' and '.join(present)}")
        for field, owner in _COMPANIONS.items():
            if field in spec and owner not in present:
                self.loader.problem((*at, field), f"goes with {owner}", at_key=True)
        if not present and not {"expect", "measure", "title", "note", "at"} & spec.keys():
            actions = ", ".join(ACTIONS)
            self.loader.problem(
                at, f"does nothing: needs one of {actions}, expect, measure, title, note"
            )
        action: Action = Nothing()
        if present:
            readers: dict[str, Callable[[Steps, Mapping[str, Any]], Action]] = {
                "exec": self._exec,
                "wait": self._wait,
                "join": self._join,
                "link": self._link,
                "host": self._host,
                "reboot": self._reboot,
                "outage": self._outage,
                "rebind": self._rebind,
            }
            action = readers[present[0]](at, spec)
        background = spec.get("background")
        if background is not None:
            if not isinstance(action, Exec | HostAction):
                self.loader.problem((*at, "background"), "only exec and host steps can go on")
            if background in self.started:
                self.loader.problem((*at, "background"), f"{background!r} is used already")
            self.started[background] = present[0] if present else ""
        elif isinstance(action, HostAction):
            self.started[action.host] = "host"  # the host's own name is that of its last flow
        has_output = self._has_output(action, background)
        if "save" in spec and not has_output:
            message = "goes with exec in the foreground, or with the join of one"
            self.loader.problem((*at, "save"), message, at_key=True)
        for name, pattern in spec.get("save", {}).items():
            self.loader.pattern((*at, "save", name), pattern, groups=1)
            if name in self.scenario.parameters:
                message = "is a parameter: its value is what ${…} stands for"
                self.loader.problem((*at, "save", name), message, at_key=True)
            self.saved[name] = None
        when = self._when((*at, "when"), spec.get("when", {}))
        instant = None
        if "at" in spec:
            instant = self.loader.take((*at, "at"), spec["at"], units.duration)
        expect = tuple(
            self._expectation((*at, "expect", index), raw, has_output)
            for index, raw in enumerate(spec.get("expect", ()))
        )
        measures = {
            name: self._expectation((*at, "measure", name), raw, has_output, measured=True)
            for name, raw in spec.get("measure", {}).items()
        }
        for name in measures.keys() & self.measured:
            self.loader.problem((*at, "measure", name), "is measured already", at_key=True)
        self.measured |= measures.keys()
        return Step(
            self.loader.place(at),
            action,
            spec.get("title", ""),
            spec.get("note", ""),
            when,
            instant,
            background,
            spec.get("save", {}),
            expect,
            measures,
        )

    def _has_output(self, action: Action, background: str | None) -> bool:
        """Whether the step ends with a router's words: a command of its own, or one it joins."""
        if isinstance(action, Join):
            return self.started.get(action.name) == "exec"
        return isinstance(action, Exec) and background is None

    def _when(self, at: Steps, spec: Mapping[str, Any]) -> When:
        when = {}
        for name, wanted in spec.items():
            values = tuple(map(str, wanted if isinstance(wanted, list) else [wanted]))
            if self.loader.name_in((*at, name), name, self.scenario.parameters, "parameter"):
                choices = self.scenario.parameters[name].choices
                for value in values:
                    if value not in choices:
                        known = ", ".join(choices)
                        self.loader.problem((*at, name), f"{value!r} is none of {known}")
            when[name] = values
        return when

    def _exec(self, at: Steps, spec: Mapping[str, Any]) -> Action:
        if "router" not in spec:
            self.loader.problem(at, "exec needs router")
        router = spec.get("router", "")
        if router:
            self.loader.name_in((*at, "router"), router, self.scenario.routers, "router")
        lines = []
        for index, raw in enumerate(spec["exec"]):
            here: Steps = (*at, "exec", index)
            place = self.loader.place(here)
            command = raw if isinstance(raw, str) else raw["command"]
            answers: tuple[str, ...] | dict[str, str] = ()
            given = raw.get("answers", ()) if isinstance(raw, dict) else ()
            if isinstance(given, dict):
                answers = {question: _typed(answer) for question, answer in given.items()}
            else:
                answers = tuple(_typed(answer) for answer in given)
            self._names_in_text(here, command)
            lines.append(ExecLine(place, command, answers))
        timeout = self.loader.take((*at, "timeout"), spec.get("timeout", 600), units.duration)
        return Exec(router, tuple(lines), timeout or 600.0, spec.get("allow_errors", False))

    def _wait(self, at: Steps, spec: Mapping[str, Any]) -> Action:
        return Wait(self.loader.take((*at, "wait"), spec["wait"], units.duration) or 0.0)

    def _join(self, at: Steps, spec: Mapping[str, Any]) -> Action:
        name = spec["join"]
        if name not in self.started:
            self.loader.problem((*at, "join"), f"nothing named {name!r} was started before")
        return Join(name)

    def _link(self, at: Steps, spec: Mapping[str, Any]) -> Action:
        link = spec["link"]
        known = self.loader.name_in((*at, "link"), link, self.scenario.links, "link")
        if ("state" in spec) == ("impair" in spec):
            self.loader.problem(at, "link needs either state or impair")
            return Nothing()
        if "state" in spec:
            return LinkState(link, spec["state"] == "up")
        changes = spec["impair"]
        sender = changes.get("from")
        if sender is not None and known:
            self._end((*at, "impair", "from"), link, sender)
        fields = self.loader.impairments((*at, "impair"), changes)
        if not fields:
            self.loader.problem((*at, "impair"), "changes nothing")
        return LinkImpair(link, fields, sender)

    def _host(self, at: Steps, spec: Mapping[str, Any]) -> Action:
        host = spec["host"]
        self.loader.name_in((*at, "host"), host, self.scenario.hosts, "host")
        kinds = [kind for kind in _FLOWS if kind in spec]
        if len(kinds) != 1:
            self.loader.problem(at, "host needs exactly one of ping, udp, tcp")
            return Nothing()
        kind = kinds[0]
        here: Steps = (*at, kind)
        raw = dict(spec[kind])
        take = self.loader.take
        target = take((*here, "target"), raw.pop("target"), ip_address) or ip_address("0.0.0.0")
        options: dict[str, Any] = {}
        if "dscp" in raw:
            options["traffic_class"] = raw.pop("dscp") << 2
        if "df" in raw:
            options["dont_fragment"] = raw.pop("df")
        readers: dict[str, Callable[[Any], Any]] = {
            "interval": units.duration,
            "timeout": units.duration,
            "source": ip_address,
        }
        if kind == "tcp":
            readers["size"] = units.size
        for name, value in raw.items():
            options[name] = take((*here, name), value, readers.get(name, lambda value: value))
        types = {"ping": PingOptions, "udp": UdpFlowOptions, "tcp": TcpFlowOptions}
        return HostAction(host, types[kind](target, **options))

    def _reboot(self, at: Steps, spec: Mapping[str, Any]) -> Action:
        router = spec["reboot"]
        self.loader.name_in((*at, "reboot"), router, self.scenario.routers, "router")
        return Reboot(router, spec.get("device_state", "lost") == "kept")

    def _outage(self, at: Steps, spec: Mapping[str, Any]) -> Action:
        here: Steps = (*at, "outage")
        outage = spec["outage"]
        self.loader.name_in((*here, "router"), outage["router"], self.scenario.routers, "router")
        seconds = None
        if "for" in outage:
            seconds = self.loader.take((*here, "for"), outage["for"], units.duration)
        keep = outage.get("device_state", "kept") == "kept"
        return Outage(outage["router"], outage["device"], seconds, keep)

    def _rebind(self, at: Steps, spec: Mapping[str, Any]) -> Action:
        self.loader.name_in((*at, "rebind"), spec["rebind"], self.scenario.nats, "NAT")
        return Rebind(spec["rebind"])

    def _end(self, at: Steps, link: str, sender: str) -> None:
        ends = {str(end): None for end in self.scenario.links[link].ends}
        self.loader.name_in(at, sender, ends, f"end of link {link!r}")

    def _names_in_text(self, at: Steps, text: str) -> None:
        for name in units.names_in(text):
            if name not in self.saved:
                self.loader.problem(at, f"${{{name}}} was not saved by a step before")

    def _expectation(
        self, at: Steps, spec: Mapping[str, Any], has_output: bool, *, measured: bool = False
    ) -> Expectation:
        """`measured`: for the number alone, which is compared with nothing."""
        loader = self.loader
        subjects = {
            "command": Subject.COMMAND,
            "log": Subject.LOG,
            "counter": Subject.COUNTER,
            "packets": Subject.PACKETS,
            "flow": Subject.FLOW,
            "host": Subject.HOST,
            "nat": Subject.NAT,
        }
        present = [name for name in subjects if name in spec]
        if len(present) > 1:
            loader.problem(at, f"one subject an expectation, not {' and '.join(present)}")
        subject = subjects[present[0]] if present else Subject.OUTPUT
        if subject is Subject.OUTPUT and not has_output:
            known = ", ".join(subjects)
            loader.problem(at, f"the step has no output to look at: needs one of {known}")
        texts = tuple((test, spec[test]) for test in TextTest if test in spec)
        for test, text in texts:
            self._names_in_text((*at, test), text)
            if test in (TextTest.MATCHES, TextTest.NUMBER):
                groups = 1 if test is TextTest.NUMBER else None
                loader.pattern((*at, test), text, groups=groups)
        comparison = Comparison(spec.get("equals"), spec.get("at_least"), spec.get("at_most"))
        about_text = subject in (Subject.OUTPUT, Subject.COMMAND)
        if about_text and not texts and not measured:
            tests = ", ".join(TextTest)
            loader.problem(at, f"says nothing about the output: needs one of {tests}")
        if texts and not about_text:
            loader.problem(at, f"{texts[0][0]} goes with the output of a command")
        facts = (Subject.FLOW, Subject.HOST, Subject.NAT)
        if measured:
            if about_text and [test for test, _ in texts] != [TextTest.NUMBER]:
                loader.problem(at, "of a command's output a number is measured: needs number only")
        else:
            if TextTest.NUMBER in spec and not comparison.given:
                loader.problem(at, "number needs equals, at_least or at_most")
            if subject in (Subject.COUNTER, *facts) and not comparison.given:
                loader.problem(at, f"{subject} needs equals, at_least or at_most")
        self._about_router(at, spec, subject)
        self._about_link(at, spec, subject)
        if subject is Subject.LOG:
            loader.pattern((*at, "log"), spec["log"])
            self._names_in_text((*at, "log"), spec["log"])
        if subject is Subject.FLOW:
            loader.name_in((*at, "flow"), spec["flow"], self.started, "ping or flow")
        elif subject is Subject.HOST:
            loader.name_in((*at, "host"), spec["host"], self.scenario.hosts, "host")
        elif subject is Subject.NAT:
            loader.name_in((*at, "nat"), spec["nat"], self.scenario.nats, "NAT")
        elif "field" in spec:
            loader.problem((*at, "field"), "goes with flow, host or nat", at_key=True)
        if subject in facts and "field" not in spec:
            loader.problem(at, f"{subject} needs field")
        for name, value in spec.get("packets", {}).items():
            if name.count(".") != 1:
                loader.problem((*at, "packets", name), "write LAYER.FIELD, as scapy names them")
            else:
                self._known_layer((*at, "packets", name), name)
            self._names_in_text((*at, "packets", name), str(value))
        return Expectation(
            loader.place(at),
            subject,
            texts,
            comparison,
            spec.get("router"),
            spec.get("command", ""),
            spec.get("log", ""),
            spec.get("link", ""),
            spec.get("from"),
            spec.get("counter", ""),
            {name: str(value) for name, value in spec.get("packets", {}).items()},
            spec.get("flow", ""),
            spec.get("host", ""),
            spec.get("nat", ""),
            spec.get("field", ""),
            loader.take((*at, "within"), spec.get("within", 0), units.duration) or 0.0,
            spec.get("why", ""),
            self._when((*at, "when"), spec.get("when", {})),
        )

    def _known_layer(self, at: Steps, name: str) -> None:
        # Scapy takes a second to import: only for scenarios that look into packets.
        from ipsecsim.scenario.evidence import EvidenceError, layer_named

        try:
            layer_named(name)
        except EvidenceError as error:
            self.loader.problem(at, str(error), at_key=True)

    def _about_router(self, at: Steps, spec: Mapping[str, Any], subject: Subject) -> None:
        needed = subject in (Subject.COMMAND, Subject.LOG)
        if needed and "router" not in spec:
            self.loader.problem(at, f"{subject} needs router")
        if not needed and "router" in spec:
            self.loader.problem((*at, "router"), "goes with command or log", at_key=True)
        if "router" in spec:
            self.loader.name_in((*at, "router"), spec["router"], self.scenario.routers, "router")

    def _about_link(self, at: Steps, spec: Mapping[str, Any], subject: Subject) -> None:
        needed = subject in (Subject.COUNTER, Subject.PACKETS)
        if needed and "link" not in spec:
            self.loader.problem(at, f"{subject} needs link")
        for field in ("link", "from"):
            if field in spec and not needed:
                self.loader.problem((*at, field), "goes with counter or packets", at_key=True)
        if "link" not in spec:
            return
        known = self.loader.name_in((*at, "link"), spec["link"], self.scenario.links, "link")
        if known and "from" in spec:
            self._end((*at, "from"), spec["link"], spec["from"])


def _typed(answer: object) -> str:
    """What is typed for an answer; nothing means Return alone."""
    return "" if answer is None else str(answer)
