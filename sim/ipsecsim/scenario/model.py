"""A scenario as values: what `loader` makes of the YAML, and `runner` runs."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from pathlib import Path
from typing import Any

from ipsecsim.network.host import HostConfig
from ipsecsim.network.link import Impairments
from ipsecsim.network.nat import NatConfig
from ipsecsim.network.ping import PingOptions
from ipsecsim.network.tcp_stack import TcpFlowOptions
from ipsecsim.network.udp import UdpFlowOptions
from ipsecsim.scenario.document import Document, Place

When = Mapping[str, tuple[str, ...]]
"""Parameter -> the values with which a step or expectation applies."""


class Edit(StrEnum):
    REMOVE = "remove"
    REPLACE = "replace"
    APPEND = "append"


@dataclass(frozen=True, slots=True)
class ConfigEdit:
    """One change of a configuration's text; `router` None = every router that has the line."""

    place: Place
    kind: Edit
    line: str
    replacement: str = ""
    router: str | None = None


@dataclass(frozen=True, slots=True)
class Parameter:
    name: str
    default: str
    choices: Mapping[str, tuple[ConfigEdit, ...]]
    description: str = ""


@dataclass(frozen=True, slots=True)
class RouterSpec:
    """`crypto_rate` in octets a second, 0 = the crypto engine takes no time."""

    name: str
    config: Path
    place: Place
    crypto_rate: int = 0


@dataclass(frozen=True, slots=True)
class HostSpec:
    name: str
    config: HostConfig
    place: Place


@dataclass(frozen=True, slots=True)
class NatSpec:
    name: str
    config: NatConfig
    place: Place


@dataclass(frozen=True, slots=True)
class EndSpec:
    """An end of a link: a router's interface (its name as written), a NAT's side, a host (None)."""

    node: str
    interface: str | None
    place: Place

    def __str__(self) -> str:
        return self.node if self.interface is None else f"{self.node}.{self.interface}"


@dataclass(frozen=True, slots=True)
class LinkSpec:
    name: str
    ends: tuple[EndSpec, ...]
    impairments: Impairments
    place: Place


@dataclass(frozen=True, slots=True)
class Comparison:
    """What a number must be; `equals` may be a text or truth value for fields that are."""

    equals: float | str | bool | None = None
    at_least: float | None = None
    at_most: float | None = None

    @property
    def given(self) -> bool:
        return (self.equals, self.at_least, self.at_most) != (None, None, None)

    def holds(self, value: float | str | bool) -> bool:
        if self.equals is not None and value != self.equals:
            return False
        if self.at_least is None and self.at_most is None:
            return True
        if isinstance(value, str):
            return False
        low = self.at_least is None or value >= self.at_least
        return low and (self.at_most is None or value <= self.at_most)

    @property
    def numbers(self) -> str:
        """`28`, `at least 3`, `3 to 5`."""
        if self.equals is not None:
            return _shown(self.equals)
        if self.at_least is None:
            return f"at most {_shown(self.at_most)}"
        if self.at_most is None:
            return f"at least {_shown(self.at_least)}"
        return f"{_shown(self.at_least)} to {_shown(self.at_most)}"

    def __str__(self) -> str:
        return f"is {self.numbers}"


def _shown(value: float | str | bool | None) -> str:
    return f"{value:.15g}" if isinstance(value, float) else f"{value}"


class Subject(StrEnum):
    """What an expectation looks at."""

    OUTPUT = "output"  # of the step it belongs to
    COMMAND = "command"
    LOG = "log"
    COUNTER = "counter"
    PACKETS = "packets"
    FLOW = "flow"
    HOST = "host"
    NAT = "nat"


class TextTest(StrEnum):
    CONTAINS = "contains"
    LACKS = "lacks"
    MATCHES = "matches"
    NUMBER = "number"


@dataclass(frozen=True, slots=True)
class Expectation:
    """One expectation. `texts` all have to hold; `comparison` is of counts and numbers."""

    place: Place
    subject: Subject
    texts: tuple[tuple[TextTest, str], ...] = ()
    comparison: Comparison = Comparison()
    router: str | None = None
    command: str = ""
    log: str = ""
    link: str = ""
    sender: str | None = None
    counter: str = ""
    packets: Mapping[str, str] = field(default_factory=dict)
    flow: str = ""
    host: str = ""
    nat: str = ""
    field_name: str = ""
    within: float = 0.0
    why: str = ""
    when: When = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class ExecLine:
    """A command, and what is typed at the questions it asks (`ping`'s dialogue).

    A tuple answers in order, one for every question; a mapping by how the question starts, Return
    for all others.
    """

    place: Place
    command: str
    answers: tuple[str, ...] | Mapping[str, str] = ()


@dataclass(frozen=True, slots=True)
class Exec:
    router: str
    lines: tuple[ExecLine, ...]
    timeout: float = 600.0
    allow_errors: bool = False


@dataclass(frozen=True, slots=True)
class Wait:
    seconds: float


@dataclass(frozen=True, slots=True)
class Join:
    name: str


@dataclass(frozen=True, slots=True)
class LinkState:
    link: str
    up: bool


@dataclass(frozen=True, slots=True)
class LinkImpair:
    link: str
    changes: Mapping[str, Any]  # fields of Impairments
    sender: str | None = None


@dataclass(frozen=True, slots=True)
class HostAction:
    """A ping or a flow; the options say which."""

    host: str
    options: PingOptions | UdpFlowOptions | TcpFlowOptions


@dataclass(frozen=True, slots=True)
class Reboot:
    router: str
    keep_devices: bool


@dataclass(frozen=True, slots=True)
class Outage:
    router: str
    device: str
    seconds: float | None
    keep_state: bool


@dataclass(frozen=True, slots=True)
class Rebind:
    """A NAT box forgets its mappings."""

    nat: str


@dataclass(frozen=True, slots=True)
class Nothing:
    """A step with only a title, a note or expectations."""


Action = (
    Exec | Wait | Join | LinkState | LinkImpair | HostAction | Reboot | Outage | Rebind | Nothing
)


@dataclass(frozen=True, slots=True)
class Step:
    place: Place
    action: Action
    title: str = ""
    note: str = ""
    when: When = field(default_factory=dict)
    at: float | None = None
    background: str | None = None
    save: Mapping[str, str] = field(default_factory=dict)
    expect: tuple[Expectation, ...] = ()
    measure: Mapping[str, Expectation] = field(default_factory=dict)  # without comparisons


@dataclass(frozen=True, slots=True)
class Scenario:
    name: str
    folder: Path
    start: datetime  # UTC
    seed: int | str
    parameters: Mapping[str, Parameter]
    routers: Mapping[str, RouterSpec]
    hosts: Mapping[str, HostSpec]
    links: Mapping[str, LinkSpec]
    timeline: tuple[Step, ...]
    description: str = ""
    guide: str = ""
    nats: Mapping[str, NatSpec] = field(default_factory=dict)
    source: Document | None = None  # as written, before parameters' values were filled in
    settings: Mapping[str, str] = field(default_factory=dict)  # the values that were
