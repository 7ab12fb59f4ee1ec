"""The values of a security policy database: policy entries, and rules in order."""

from __future__ import annotations

from collections.abc import Mapping, MutableMapping
from dataclasses import dataclass, field
from typing import Final, TypeVar

from ipsecplane.config import ReverseRoute
from ipsecplane.ike.types import Phase2Policy, ProxyIdentity

from .selectors import Cube

RULE_LIMIT: Final = 16384
"""Rules of one interface: the size of the pipeline's policy tables."""

PRIORITY_STRIDE: Final = 256
"""Priorities between two rules: room for SAs that the peer narrowed."""

TOP_PRIORITY: Final = (RULE_LIMIT * 2) * PRIORITY_STRIDE

EntryName = tuple[str, str, int, str, ProxyIdentity, ProxyIdentity]
"""What makes a policy entry the same one after a change of configuration: interface, crypto map,
sequence number, access list (of a tunnel: its two ends), local and remote identity."""


@dataclass(frozen=True, slots=True)
class Idle:
    """When SAs that carry nothing go (guide chapter 7): seconds, 0 = never.

    `to_default`: the default peer, the first, has the next turn then.
    """

    seconds: int = 0
    to_default: bool = False


@dataclass(frozen=True, slots=True)
class PolicyEntry:
    """One permit line of a crypto map entry on one interface: what SAs are negotiated for.

    `default_peer`: the first peer is preferred, and tried again whenever another is lost.
    """

    number: int
    interface: str
    crypto_map: str
    sequence: int
    access_list: str
    phase2: Phase2Policy
    idle: Idle = Idle()
    default_peer: bool = False
    reverse: ReverseRoute | None = None
    responder_only: bool = False  # SAs are never asked for, only answered


@dataclass(frozen=True, slots=True)
class Rule:
    """One row of an interface's policy. The highest priority decides.

    `entry` None = bypass, or with `discard` nothing passes. `passive`: the entry's SAs protect what
    they were negotiated for, and what has no SA is not for this rule.
    """

    cube: Cube
    entry: int | None
    priority: int
    access_list: str
    line: int
    discard: bool = False
    passive: bool = False


@dataclass(frozen=True, slots=True)
class InterfacePolicy:
    """The rules of one interface, in order; `number` is its `spd_policy` in the pipeline."""

    number: int
    interface: str
    crypto_map: str
    rules: tuple[Rule, ...]
    tunnel: bool = False
    remote: bool = False  # of an Easy VPN remote, whose SAs are there without traffic


@dataclass(frozen=True, slots=True)
class Spd:
    policies: tuple[InterfacePolicy, ...] = ()
    entries: Mapping[int, PolicyEntry] = field(default_factory=dict)
    warnings: tuple[str, ...] = ()

    def phase2(self) -> tuple[Phase2Policy, ...]:
        return tuple(entry.phase2 for entry in self.entries.values())

    def is_of_remote(self, entry: PolicyEntry) -> bool:
        """Whether an entry is that of an Easy VPN remote."""
        policy = self.policy_of(entry.interface)
        return policy is not None and policy.remote

    def policy_of(self, interface: str) -> InterfacePolicy | None:
        return next((p for p in self.policies if p.interface == interface), None)


T = TypeVar("T")


class Numbers:
    """Numbers of policy entries and interface policies; a name keeps the number it once got."""

    def __init__(self) -> None:
        self._entries: dict[EntryName, int] = {}
        self._policies: dict[str, int] = {}

    def entry(self, name: EntryName) -> int:
        return _number(self._entries, name)

    def policy(self, interface: str) -> int:
        return _number(self._policies, interface)


def _number(numbers: MutableMapping[T, int], name: T) -> int:
    return numbers.setdefault(name, len(numbers) + 1)


def or_default(value: int | None, default: int) -> int:
    """A setting of a crypto map entry or profile, or what holds globally."""
    return default if value is None else value
