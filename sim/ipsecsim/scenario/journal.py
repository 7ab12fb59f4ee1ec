"""Keeps what a transcript is told, and makes the record of a run (results.json)."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import asdict
from typing import Final, TextIO

from ipsecplane.ike.types import ProxyIdentity
from ipsecplane.views import IdentView

from ipsecsim.scenario.record import Entry, FlowRecord, Kind, LinkRecord, RunRecord
from ipsecsim.scenario.runner import Report
from ipsecsim.scenario.transcript import Transcript
from ipsecsim.scenario.world import World

COUNTERS: Final = (
    "encaps", "encrypt", "digest", "decaps", "decrypt", "verify", "send_errors",
    "receive_errors", "replay_errors", "invalid_sa", "verify_failed", "invalid_identity", "no_sa",
)  # fmt: skip
"""Of an IdentView, those that a report shows."""


class Journal(Transcript):
    """A transcript that remembers its entries (not what routers print)."""

    def __init__(self, streams: Sequence[TextIO], now: Callable[[], float]) -> None:
        super().__init__(streams)
        self.entries: list[Entry] = []
        self._now = now

    def title(self, text: str) -> None:
        self._keep(Kind.TITLE, text)
        super().title(text)

    def note(self, text: str) -> None:
        self._keep(Kind.NOTE, text.strip())
        super().note(text)

    def command(self, now: float, prompt: str, line: str) -> None:
        self._keep(Kind.COMMAND, f"{prompt}{line}", at=now)
        super().command(now, prompt, line)

    def event(self, now: float, text: str) -> None:
        self._keep(Kind.EVENT, text, at=now)
        super().event(now, text)

    def outcome(self, held: bool, text: str) -> None:
        self._keep(Kind.OUTCOME, text, held=held)
        super().outcome(held, text)

    def _keep(
        self, kind: Kind, text: str, *, held: bool | None = None, at: float | None = None
    ) -> None:
        time = self._now() if at is None else at
        self.entries.append(Entry(round(time, 9), kind, text, held))


def record_of(world: World, report: Report, journal: Journal) -> RunRecord:
    """The record of a run that has ended, or was stopped."""
    scenario = world.scenario
    nodes = dict.fromkeys(world.routers, "router")
    nodes |= dict.fromkeys(world.hosts, "host") | dict.fromkeys(world.nats, "nat")
    links = {
        name: LinkRecord(
            tuple(str(end) for end, _ in world.cabling.ends[name]),
            {sender: asdict(counters) for sender, counters in link.counters.items()},
        )
        for name, link in world.links.items()
    }
    flows = tuple(
        _flow(name, ident)
        for name, router in world.routers.items()
        for ident in router.agent.idents()
    )
    return RunRecord(
        name=scenario.name,
        guide=scenario.guide,
        description=scenario.description,
        start=scenario.start.isoformat(),
        seed=world.seed,
        settings=world.settings,
        seconds=round(world.loop.now, 9),
        expectations=report.expectations,
        failures=tuple(str(failure) for failure in report.failures),
        nodes=nodes,
        links=links,
        flows=flows,
        measures=report.measures,
        timeline=tuple(journal.entries),
    )


def _flow(router: str, ident: IdentView) -> FlowRecord:
    return FlowRecord(
        router,
        ident.interface,
        _identity(ident.local_identity),
        _identity(ident.remote_identity),
        "none" if ident.peer is None else str(ident.peer),
        {name: getattr(ident, name) for name in COUNTERS},
    )


def _identity(identity: ProxyIdentity) -> str:
    """`10.0.0.0/8`, with protocol and port where they are told."""
    text = str(identity.network)
    if identity.protocol:
        text += f" protocol {identity.protocol}"
    return f"{text} port {identity.port}" if identity.port else text
