"""Class maps as rows of a TCAM: which class of a policy map a packet belongs to.

Code points and qos-groups come first: packets that all class maps see alike in these are a region,
in which every such `match` is true or false. What is left to ask there is access lists. With their
`deny` lines, negated or combined, these are decision lists: cubes in order, each with an answer,
the first that matches counts. Lists combine by pairing their cubes in order (the first pair that
matches is the pair of the first matches), so a region becomes one list of cubes, each with a class.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Final, TypeVar

from ipsecplane.config import AccessList
from ipsecplane.ipsec.selectors import ANY, Cube, Masked, cubes_of

from .policy import DSCP_BITS, PRECEDENCE_BITS, ClassMap, Match, PolicyMap

RULE_LIMIT: Final = 16384
"""Rules of one policy map: the size of the pipeline's tables."""

MERGE_LIMIT: Final = 1000
"""Rules up to which superfluous ones are looked for (the search is quadratic)."""

_VERSIONS: Final = {"ip": 4, "ipv6": 6}
_GROUP_BITS: Final = 0xFF

A = TypeVar("A")
B = TypeVar("B")
C = TypeVar("C")

Decisions = list[tuple[Cube, A]]
"""The first cube that matches decides; the last matches everything."""


class TooManyRules(Exception):
    """A policy map that needs more than RULE_LIMIT rules."""


@dataclass(frozen=True, slots=True)
class ClassRule:
    """Packets in `cube` belong to the policy map's class `index`, in order: the first decides."""

    cube: Cube
    index: int


@dataclass(frozen=True, slots=True)
class _Region:
    """Packets that are alike in what the class maps ask of code point and qos-group.

    None = none of the values that any of them names.
    """

    cube: Cube
    dscp: int | None
    precedence: int | None
    group: int | None


def class_rules(
    policy: PolicyMap,
    class_maps: Mapping[str, ClassMap],
    access_lists: Mapping[str, AccessList],
    version: int,
) -> list[ClassRule]:
    """The rules of a policy map for IPv4 or IPv6; `index` is that of `policy.all_classes`.

    The last rule takes what is left for class-default. Raises TooManyRules.
    """
    names = [one.name for one in policy.all_classes]
    asked = [class_maps.get(name, ClassMap(name)) for name in names[:-1]]
    rules: Decisions[int] = []
    for region in _regions(asked, version):
        whole: Decisions[int] = [(region.cube, len(asked))]
        for index in range(len(asked) - 1, -1, -1):
            whole = _choose(_wanted(asked[index], region, access_lists), index, whole)
        rules += whole
        if len(rules) > RULE_LIMIT:
            raise TooManyRules
    return [ClassRule(cube, index) for cube, index in _needed(rules)]


def _regions(class_maps: Iterable[ClassMap], version: int) -> Iterator[_Region]:
    """All regions, in an order in which the first that matches a packet is its own."""
    values: dict[str, dict[int, None]] = {"dscp": {}, "precedence": {}, "qos-group": {}}
    for one in class_maps:
        for match in one.matches:
            if match.version in (None, version):
                values.get(match.kind, {}).update(dict.fromkeys(match.values))
    points: list[tuple[Masked, int | None, int | None]] = [
        *((Masked(dscp, DSCP_BITS), dscp, dscp >> 3) for dscp in values["dscp"]),
        *((Masked(p << 3, PRECEDENCE_BITS), None, p) for p in values["precedence"]),
        (ANY, None, None),
    ]
    groups: list[tuple[Masked, int | None]] = [
        *((Masked(group, _GROUP_BITS), group) for group in values["qos-group"]),
        (ANY, None),
    ]
    for group_bits, group in groups:
        for bits, dscp, precedence in points:
            cube = Cube(version, dscp=bits, qos_group=group_bits)
            yield _Region(cube, dscp, precedence, group)


def _wanted(
    class_map: ClassMap, region: _Region, access_lists: Mapping[str, AccessList]
) -> Decisions[bool]:
    """Whether packets of the region are of this class: by their addresses, where these count."""
    settled = class_map.match_any  # the answer that settles the matter, whatever the others say
    left = []
    for match in class_map.matches:
        answer = _answer(match, region)
        if answer is None:
            left.append(match)
        elif answer is settled:
            return [(region.cube, settled)]
    if not left:
        return [(region.cube, not settled and bool(class_map.matches))]
    join: Callable[[bool, bool], bool] = _either if class_map.match_any else _both
    version = region.cube.version
    whole: Decisions[bool] = [(region.cube, not settled)]
    for match in left:
        lines = [*_of_list(access_lists.get(match.name), version), (Cube(version), False)]
        one = [(cube, yes is not match.negated) for cube, yes in lines]
        whole = _pair(whole, one, join)
    return whole


def _answer(match: Match, region: _Region) -> bool | None:
    """What a `match` says of all packets of a region; None = that depends on an access list."""
    if match.version not in (None, region.cube.version):
        yes = False
    elif match.kind == "any":
        yes = True
    elif match.kind == "protocol":
        yes = _VERSIONS[match.name] == region.cube.version
    elif match.kind == "dscp":
        yes = region.dscp in match.values
    elif match.kind == "precedence":
        yes = region.precedence in match.values
    elif match.kind == "qos-group":
        yes = region.group in match.values
    else:
        return None
    return yes is not match.negated


def _of_list(access_list: AccessList | None, version: int) -> Iterator[tuple[Cube, bool]]:
    """A list that is not there matches nothing; its lines of the other IP version do not either."""
    for line in access_list.entries if access_list is not None else ():
        if line.source.address.version == version:
            for cube in cubes_of(line):
                yield cube, line.permit


def _both(a: bool, b: bool) -> bool:
    return a and b


def _either(a: bool, b: bool) -> bool:
    return a or b


def _pair(left: Decisions[A], right: Decisions[B], join: Callable[[A, B], C]) -> Decisions[C]:
    pairs = []
    for first, a in left:
        for second, b in right:
            cube = first.intersect(second)
            if cube is not None:
                pairs.append((cube, join(a, b)))
        if len(pairs) > RULE_LIMIT:
            raise TooManyRules
    return pairs


def _choose(wanted: Decisions[bool], index: int, otherwise: Decisions[int]) -> Decisions[int]:
    """Class `index` where `wanted` says yes, else what the list for the later classes says."""
    chosen: Decisions[int] = []
    for cube, yes in wanted:
        if yes:
            chosen.append((cube, index))
        else:
            chosen += _pair([(cube, None)], otherwise, lambda _, later: later)
        if len(chosen) > RULE_LIMIT:
            raise TooManyRules
    return chosen


def _needed(rules: Sequence[tuple[Cube, int]]) -> Decisions[int]:
    """Without rules that an earlier one covers, and without those that a later one makes good."""
    if len(rules) > MERGE_LIMIT:
        return list(rules)
    first: Decisions[int] = []
    for cube, answer in rules:
        if not any(earlier.covers(cube) for earlier, _ in first):
            first.append((cube, answer))
    kept: Decisions[int] = []
    for cube, answer in reversed(first):
        if not kept or _said_by(kept, cube) != answer:
            kept.insert(0, (cube, answer))
    return kept


def _said_by(rules: Decisions[int], cube: Cube) -> int | None:
    """What the rules say of all of `cube`; None if not all of it is the same."""
    for other, answer in rules:
        if other.covers(cube):
            return answer
        if other.overlaps(cube):
            return None
    return None
