"""From policy to the rows that stand for it: rules and the SAs that there are."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from ipsecplane.ike.types import ProxyIdentity

from .policy import PRIORITY_STRIDE, Rule, Spd
from .selectors import Cube, cube_of_identities


@dataclass(frozen=True, slots=True)
class Selection:
    """An SA that outbound traffic of a policy entry may use, with what was agreed for it."""

    sa_index: int
    local: ProxyIdentity
    remote: ProxyIdentity


@dataclass(frozen=True, slots=True)
class OutboundRule:
    """A row of `spd_out`.

    `sa_index` protects, else `acquire` asks for an SA, else `discard` drops, else it bypasses.
    """

    policy: int
    cube: Cube
    priority: int
    acquire: int | None = None
    sa_index: int | None = None
    discard: bool = False


def outbound_rules(
    spd: Spd, selections: Mapping[int, Sequence[Selection]]
) -> Iterator[OutboundRule]:
    """The rows of `spd_out`: `selections` has the usable SAs of each policy entry, newest first."""
    for policy in spd.policies:
        for rule in policy.rules:
            if rule.entry is None:
                yield OutboundRule(policy.number, rule.cube, rule.priority, discard=rule.discard)
                continue
            whole: int | None = None
            narrowed: list[tuple[Cube, int]] = []
            for one in selections.get(rule.entry, ()):
                cube = cube_of_identities(one.local, one.remote)
                if cube.covers(rule.cube):
                    whole = one.sa_index
                    break  # older ones are behind this one
                part = cube.intersect(rule.cube)
                if part is not None and all(part != known for known, _ in narrowed):
                    narrowed.append((part, one.sa_index))
            room = narrowed[: PRIORITY_STRIDE - 1]
            for above, (part, sa_index) in enumerate(reversed(room), start=1):
                yield OutboundRule(policy.number, part, rule.priority + above, sa_index=sa_index)
            if rule.passive and whole is None:
                continue
            acquire = rule.entry if whole is None else None
            yield OutboundRule(policy.number, rule.cube, rule.priority, acquire, whole)


def rule_priority(priority: int) -> int:
    """The priority of the rule that a row of `spd_out` belongs to."""
    return priority // PRIORITY_STRIDE * PRIORITY_STRIDE


def cleartext_rules(
    spd: Spd, selections: Mapping[int, Sequence[Selection]]
) -> Iterator[tuple[int, Rule, Cube]]:
    """The inbound side: (policy, rule, mirrored cube); a rule with an entry requires IPsec.

    A passive rule does so for what its SAs protect. A tunnel has none: nothing comes in by it but
    what its SAs decrypted.
    """
    for policy in spd.policies:
        for rule in policy.rules if not policy.tunnel else ():
            if not rule.passive:
                yield policy.number, rule, rule.cube.mirrored()
                continue
            cubes = [
                part
                for one in selections.get(rule.entry or 0, ())
                if (part := cube_of_identities(one.local, one.remote).intersect(rule.cube))
            ]
            for cube in dict.fromkeys(cubes):
                yield policy.number, rule, cube.mirrored()
