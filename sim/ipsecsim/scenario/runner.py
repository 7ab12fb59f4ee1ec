"""Runs a scenario's timeline on its world, and keeps account of what was expected."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Final

from ipsecplane.ios.syslog import format_line

from ipsecsim.network.devices.base import DeviceError
from ipsecsim.network.host import NoRouteError
from ipsecsim.network.ping import PingOptions
from ipsecsim.network.udp import UdpFlowOptions
from ipsecsim.scenario import evidence
from ipsecsim.scenario.document import Place
from ipsecsim.scenario.evidence import Activity, Fact, Recorder
from ipsecsim.scenario.expectations import Measured, Outcome, Witness, judge, measure
from ipsecsim.scenario.model import (
    Exec,
    Expectation,
    HostAction,
    Join,
    LinkImpair,
    LinkState,
    Nothing,
    Outage,
    Rebind,
    Reboot,
    Step,
    Subject,
    Wait,
    When,
)
from ipsecsim.scenario.terminal import CommandRun, Terminal
from ipsecsim.scenario.transcript import Transcript
from ipsecsim.scenario.units import substitute
from ipsecsim.scenario.world import World

POLL: Final = 0.25  # seconds of virtual time between two looks at an expectation `within`
PATIENCE: Final = 86400.0  # seconds that a ping or flow, or what is joined, may take
REFUSALS: Final = re.compile(
    r"^% (Invalid input|Incomplete command|Ambiguous command|Unknown command)", re.MULTILINE
)


@dataclass(frozen=True, slots=True)
class Failure:
    """Something that was expected and did not happen."""

    place: Place
    text: str

    def __str__(self) -> str:
        return f"{self.place}: {self.text}"


@dataclass(slots=True)
class Report:
    expectations: int = 0
    failures: list[Failure] = field(default_factory=list)
    measures: dict[str, Measured] = field(default_factory=dict)

    @property
    def passed(self) -> bool:
        return not self.failures


class Runner:
    """Runs the timeline once. Time goes on only inside steps."""

    def __init__(self, world: World, transcript: Transcript) -> None:
        self.world = world
        self.transcript = transcript
        self.report = Report()
        self.saved: dict[str, str] = {}
        self._recorders = {
            name: Recorder(world.links[name])
            for name in {e.link for e in self._all_looks() if e.subject is Subject.PACKETS}
        }
        self._terminals: dict[str, Terminal] = {}
        self._activities: dict[str, Activity | CommandRun] = {}
        self._output = ""

    def run(self) -> Report:
        scenario, world = self.world.scenario, self.world
        self.transcript.title(scenario.name)
        if world.settings:
            chosen = ", ".join(f"{name}={value}" for name, value in world.settings.items())
            self.transcript.note(f"with {chosen}")
        for step in scenario.timeline:
            if self._applies(step.when):
                self._step(step)
        count, failures = self.report.expectations, self.report.failures
        if failures:
            listed = "\n".join(str(failure) for failure in failures)
            self.transcript.summary(f"{len(failures)} of {count} expectations failed:\n{listed}")
        else:
            told = "The one expectation holds." if count == 1 else f"All {count} expectations hold."
            self.transcript.summary(told)
        return self.report

    def terminal(self, router: str) -> Terminal:
        """The console of a router; another one after a reboot."""
        terminal = self._terminals.get(router)
        if terminal is None or terminal.agent is not self.world.routers[router].agent:
            terminal = self._terminals[router] = self._new_terminal(router)
        return terminal

    def _new_terminal(self, router: str) -> Terminal:
        world = self.world
        return Terminal(world.routers[router].agent, world.stores[router], world.loop)

    def _all_looks(self) -> list[Expectation]:
        timeline = self.world.scenario.timeline
        return [e for step in timeline for e in (*step.expect, *step.measure.values())]

    def _applies(self, when: When) -> bool:
        return all(self.world.settings[name] in values for name, values in when.items())

    def _step(self, step: Step) -> None:
        if step.title:
            self.transcript.title(step.title)
        if step.note:
            self.transcript.note(step.note)
        if step.at is not None:
            self.world.loop.run_until(step.at)
        self._output = ""
        try:
            self._act(step)
        except (DeviceError, NoRouteError) as error:
            self._fail(step.place, str(error))
        for name, pattern in step.save.items():
            found = re.search(pattern, self._output, re.MULTILINE)
            if found is None:
                self._fail(step.place, f"save {name}: the output does not match /{pattern}/")
            else:
                self.saved[name] = found[1]
        for expectation in step.expect:
            if self._applies(expectation.when):
                self._expect(expectation)
        for name, wanted in step.measure.items():
            self._measure(name, wanted)

    def _act(self, step: Step) -> None:
        action, loop, say = step.action, self.world.loop, self.transcript.event
        match action:
            case Exec():
                self._exec(step, action)
            case Wait():
                say(loop.now, f"{action.seconds:g} s pass")
                loop.run_for(action.seconds)
            case Join():
                self._join(step, action.name)
            case LinkState():
                say(loop.now, f"link {action.link} goes {'up' if action.up else 'down'}")
                self.world.links[action.link].set_up(action.up)
            case LinkImpair():
                self._impair(action)
            case HostAction():
                self._host(step, action)
            case Reboot():
                kept = "keep" if action.keep_devices else "lose"
                say(loop.now, f"{action.router} restarts; its devices {kept} their state")
                self.world.reboot(action.router, keep_devices=action.keep_devices)
            case Outage():
                self._outage(step, action)
            case Rebind():
                say(loop.now, f"{action.nat} forgets its mappings")
                self.world.nats[action.nat].rebind()
            case Nothing():
                pass

    # -- routers -----------------------------------------------------------------------------

    def _exec(self, step: Step, action: Exec) -> None:
        lines = [
            replace(line, command=substitute(line.command, self.saved)) for line in action.lines
        ]
        if step.background is not None:
            # A terminal of its own, so that the console stays free.
            terminal = self._new_terminal(action.router)
            run = CommandRun(terminal, lines)
            self._activities[step.background] = run
            shown = "; ".join(line.command for line in lines)
            self.transcript.event(
                self.world.loop.now, f"{action.router}: {shown} (in the background)"
            )
            run.start()
            return
        terminal = self.terminal(action.router)
        deadline = self.world.loop.now + action.timeout
        for line in lines:
            run = CommandRun(terminal, [line], self.transcript)
            run.start()
            if not self.world.loop.run_until(deadline, stop=lambda run=run: run.done):  # type: ignore[misc]
                run.interrupt()
                self._fail(line.place, f"{line.command}: not finished in {action.timeout:g} s")
            self._output += run.output
            self._check_commands(run, allow_errors=action.allow_errors)

    def _check_commands(self, run: CommandRun, *, allow_errors: bool) -> None:
        for place, problem in run.problems:
            self._fail(place, problem)
        refused = REFUSALS.search(run.output)
        if refused is not None and not allow_errors:
            line = run.lines[0]
            self._fail(line.place, f"{line.command}: refused: {refused[0]}")

    # -- hosts and links ---------------------------------------------------------------------

    def _host(self, step: Step, action: HostAction) -> None:
        host, options, loop = self.world.hosts[action.host], action.options, self.world.loop
        activity: Activity
        if isinstance(options, PingOptions):
            verb, activity = "pings", host.ping(options)
        elif isinstance(options, UdpFlowOptions):
            verb, activity = "sends UDP to", host.udp.flow(options)
        else:
            verb, activity = "sends TCP to", host.tcp.flow(options)
        self.transcript.event(loop.now, f"{action.host} {verb} {options.target}")
        self._activities[step.background or action.host] = activity
        if step.background is None:
            if not loop.run_for(PATIENCE, stop=lambda: activity.done):
                self._fail(step.place, f"{action.host}: not finished in {PATIENCE:g} s")
            self.transcript.event(loop.now, evidence.describe(activity))

    def _join(self, step: Step, name: str) -> None:
        activity = self._activities.get(name)
        if activity is None:  # its step was not taken
            self._fail(step.place, f"{name!r} was not started in this run")
            return
        done = self.world.loop.run_for(PATIENCE, stop=lambda: activity.done)
        if not done:
            self._fail(step.place, f"{name!r}: not finished in {PATIENCE:g} s")
        if isinstance(activity, CommandRun):
            self.transcript.output(activity.output)
            self._output = activity.output
            self._check_commands(activity, allow_errors=False)
        else:
            text = f"{name}: {evidence.describe(activity)}"
            self.transcript.event(self.world.loop.now, text)

    def _impair(self, action: LinkImpair) -> None:
        link = self.world.links[action.link]
        sender = self._sender(action.link, action.sender)
        shown = ", ".join(f"{name} {value}" for name, value in action.changes.items())
        by = f" from {action.sender}" if action.sender else ""
        self.transcript.event(self.world.loop.now, f"link {action.link}{by}: {shown}")
        for name in link.attachments:
            if sender in (None, name):
                link.impair(replace(link.impairments(name), **action.changes), name)

    def _sender(self, link: str, written: str | None) -> str | None:
        """The name that a link's end has in the world."""
        ends = self.world.cabling.ends[link]
        return next((shown for end, shown in ends if str(end) == written), None)

    def _outage(self, step: Step, action: Outage) -> None:
        router = self.world.routers[action.router]
        device = router.pipeline if action.device == "pipeline" else router.accelerator
        say, loop = self.transcript.event, self.world.loop
        say(loop.now, f"{action.router} loses its {action.device}")
        device.disconnect("connection lost")
        if action.seconds is None:
            return

        def back() -> None:
            try:
                device.reconnect(keep_state=action.keep_state)
            except DeviceError as error:
                self._fail(step.place, str(error))
                return
            state = "as it was" if action.keep_state else "restarted"
            say(loop.now, f"{action.router}'s {action.device} is back, {state}")

        loop.after(action.seconds, back)

    # -- expectations ------------------------------------------------------------------------

    def _expect(self, expectation: Expectation) -> None:
        self.report.expectations += 1
        deadline = self.world.loop.now + expectation.within
        outcome = judge(expectation, self._witness())
        while not outcome.held and self.world.loop.now < deadline:
            self.world.loop.run_for(min(POLL, deadline - self.world.loop.now))
            outcome = judge(expectation, self._witness())
        self._note(expectation, outcome)

    def _measure(self, name: str, wanted: Expectation) -> None:
        try:
            value = measure(wanted, self._witness())
        except evidence.EvidenceError as error:
            self._fail(wanted.place, f"measure {name}: cannot tell: {error}")
            return
        self.report.measures[name] = value
        shown = f"{len(value)} values" if isinstance(value, list) else f"{value:g}"
        self.transcript.event(self.world.loop.now, f"{name}: {shown}")

    def _note(self, expectation: Expectation, outcome: Outcome) -> None:
        self.transcript.outcome(outcome.held, outcome.text)
        if not outcome.held:
            self.report.failures.append(Failure(expectation.place, outcome.text))

    def _fail(self, place: Place, text: str) -> None:
        self.report.expectations += 1
        self.transcript.outcome(False, text)
        self.report.failures.append(Failure(place, text))

    def _witness(self) -> Witness:
        return Witness(
            output=self._output,
            saved=self.saved,
            command=self._quietly,
            log=self._log,
            counter=lambda link, counter, sender: evidence.link_counter(
                self.world.links[link], counter, self._sender(link, sender)
            ),
            packets=lambda link, wanted, sender: self._recorders[link].count(
                wanted, self._sender(link, sender)
            ),
            flow=self._flow,
            host=lambda name: evidence.facts_of_host(self.world.hosts[name]),
            nat=lambda name: evidence.facts_of_nat(self.world.nats[name]),
            round_trips=lambda name: evidence.round_trips_of(self._activity(name)),
        )

    def _quietly(self, router: str, command: str) -> str:
        """A command's output, without a trace in the transcript."""
        run = CommandRun.single(self._new_terminal(router), command)
        run.start()
        self.world.loop.run_for(60.0, stop=lambda: run.done)
        return run.output

    def _log(self, router: str) -> list[str]:
        agent = self.world.routers[router].agent
        return [
            format_line(line, agent.wall_time(line.time), agent.config.clock)
            for line in agent.logging().lines
        ]

    def _flow(self, name: str) -> Mapping[str, Fact]:
        return evidence.facts_of(self._activity(name))

    def _activity(self, name: str) -> Activity:
        activity = self._activities.get(name)
        if activity is None or isinstance(activity, CommandRun):
            raise evidence.EvidenceError(f"{name!r} is no ping or flow of this run")
        return activity
