"""Class maps as TCAM rules: against an oracle that asks match by match, on random packets."""

from __future__ import annotations

from ipaddress import IPv4Address, IPv6Address
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from ipsecplane.config import AccessList, AccessListEntry, WildcardAddress
from ipsecplane.ipsec.selectors import Cube, Packet
from ipsecplane.qos import classification
from ipsecplane.qos.classification import TooManyRules, class_rules
from ipsecplane.qos.policy import CLASS_DEFAULT, ClassMap, Match, PolicyClass, PolicyMap


def line(permit: bool, protocol: int | None, ports: tuple[int, int] | None) -> AccessListEntry:
    everything = WildcardAddress.any()
    return AccessListEntry(
        10, permit, protocol, everything, everything, destination_ports=ports
    )  # fmt: skip


LISTS = {
    "voice": AccessList("voice", (line(False, 17, (5, 5)), line(True, 17, (3, 9)))),
    "six": AccessList("six", (AccessListEntry(
        10, True, None, WildcardAddress.any(6), WildcardAddress(IPv6Address("::9"), IPv6Address(0))
    ),)),
}  # fmt: skip


def asked(match: Match, packet: Packet) -> bool:
    """What a `match` line says of a packet, step by step."""
    if match.version not in (None, packet.version):
        yes = False
    elif match.kind == "any":
        yes = True
    elif match.kind == "dscp":
        yes = packet.dscp in match.values
    elif match.kind == "precedence":
        yes = packet.dscp >> 3 in match.values
    elif match.kind == "qos-group":
        yes = packet.qos_group in match.values
    elif match.kind == "protocol":
        yes = {"ip": 4, "ipv6": 6}[match.name] == packet.version
    elif match.name == "voice":
        yes = packet.version == 4 and packet.protocol == 17
        yes = yes and packet.dst_port in (3, 4, 6, 7, 8, 9)
    elif match.name == "six":
        yes = packet.version == 6 and packet.dst == 9
    else:
        yes = False
    return yes != match.negated


def class_of(policy: PolicyMap, maps: dict[str, ClassMap], packet: Packet) -> str:
    for one in policy.classes:
        found = maps[one.name]
        answers = [asked(match, packet) for match in found.matches]
        if answers and (any if found.match_any else all)(answers):
            return one.name
    return CLASS_DEFAULT


dscps = st.sampled_from([0, 8, 10, 34, 40, 46, 48])
matches = st.one_of(
    st.builds(Match, st.just("dscp"), st.lists(dscps, min_size=1, max_size=3).map(tuple),
              version=st.sampled_from([None, 4, 6]), negated=st.booleans()),
    st.builds(Match, st.just("precedence"),
              st.lists(st.integers(0, 7), min_size=1, max_size=4).map(tuple),
              negated=st.booleans()),
    st.builds(Match, st.just("qos-group"), st.integers(0, 3).map(lambda n: (n,)),
              negated=st.booleans()),
    st.builds(Match, st.just("access-group"), name=st.sampled_from(["voice", "six", "none"]),
              negated=st.booleans()),
    st.builds(Match, st.just("protocol"), name=st.sampled_from(["ip", "ipv6"]),
              negated=st.booleans()),
    st.just(Match("any")),
)  # fmt: skip
packets = st.builds(
    Packet, st.sampled_from([4, 6]), st.just(1), st.sampled_from([8, 9]),
    st.sampled_from([6, 17]), st.just(0), st.integers(2, 10), dscps, st.integers(0, 3),
)  # fmt: skip


@st.composite
def class_maps(draw: st.DrawFn) -> dict[str, ClassMap]:
    names = [f"c{n}" for n in range(draw(st.integers(1, 4)))]
    return {
        name: ClassMap(name, draw(st.booleans()), tuple(draw(st.lists(matches, max_size=3))))
        for name in names
    }


@given(class_maps(), st.lists(packets, min_size=20, max_size=20))
def test_the_first_rule_that_matches_names_the_class(
    maps: dict[str, ClassMap], seen: list[Packet]
) -> None:
    policy = PolicyMap("p", tuple(PolicyClass(name) for name in maps))
    names = [one.name for one in policy.all_classes]
    for packet in seen:
        rules = class_rules(policy, maps, LISTS, packet.version)
        found = next(rule.index for rule in rules if rule.cube.matches(packet))
        assert names[found] == class_of(policy, maps, packet)


def rules_of(*found: Match, any_of: bool = False, version: int = 4) -> list[tuple[Cube, int]]:
    maps = {"c": ClassMap("c", any_of, found)}
    policy = PolicyMap("p", (PolicyClass("c"),))
    return [(r.cube, r.index) for r in class_rules(policy, maps, LISTS, version)]


def test_one_rule_for_each_value_and_one_for_the_rest() -> None:
    rules = rules_of(Match("precedence", (5, 6, 7)))
    assert [(cube.dscp, index) for cube, index in rules] == [
        ((40, 0x38), 0), ((48, 0x38), 0), ((56, 0x38), 0), ((0, 0), 1),
    ]  # fmt: skip


def test_rules_that_can_never_decide_are_left_out() -> None:
    assert rules_of(Match("dscp", (46, 46, 46)))[1:] == [(Cube(4), 1)]
    assert rules_of(Match("dscp", (46,), version=6)) == [(Cube(4), 1)]
    assert rules_of(Match("any"), Match("protocol", name="ip")) == [(Cube(4), 0)]
    assert rules_of() == [(Cube(4), 1)]  # a class map without any match


def test_a_deny_line_sends_a_packet_on_to_the_next_class() -> None:
    maps = {
        "first": ClassMap("first", matches=(Match("access-group", name="voice"),)),
        "second": ClassMap("second", matches=(Match("dscp", (46,)),)),
    }
    policy = PolicyMap("p", (PolicyClass("first"), PolicyClass("second")))
    rules = class_rules(policy, maps, LISTS, 4)
    denied = Packet(4, 1, 2, 17, 0, 5, 46)
    assert next(rule.index for rule in rules if rule.cube.matches(denied)) == 1


def test_what_needs_too_many_rules_is_told(monkeypatch: Any) -> None:
    monkeypatch.setattr(classification, "RULE_LIMIT", 10)
    with pytest.raises(TooManyRules):
        rules_of(Match("dscp", tuple(range(8))), Match("qos-group", (1,)), any_of=True)


def test_access_list_of_the_other_version_matches_nothing() -> None:
    assert IPv4Address("0.0.0.0") == LISTS["voice"].entries[0].source.address
    assert rules_of(Match("access-group", name="voice"), version=6) == [(Cube(6), 1)]
