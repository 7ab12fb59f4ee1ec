"""The rows of address translation: what is translated, and the flows there are."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from ipaddress import IPv4Address, IPv4Network

from ipsecplane.net.pat import Flow

from .tables import MatchValue, TableEntry, Ternary, entry


@dataclass(frozen=True, slots=True)
class NatRule:
    """What leaves under a policy from these networks to those is translated to `address`."""

    number: int
    spd_policy: int
    source: IPv4Network
    destination: IPv4Network
    address: IPv4Address


def desired_nat_entries(rules: Iterable[NatRule], flows: Iterable[Flow]) -> Iterator[TableEntry]:
    for rule in rules:
        match: dict[str, MatchValue] = {
            "spd_policy": rule.spd_policy,
            "src": _ternary(rule.source),
            "dst": _ternary(rule.destination),
        }
        yield entry("nat_rule_v4", match, "nat_translate", {"nat_rule": rule.number}, priority=1)
    for flow in flows:
        yield entry(
            "nat_out_v4",
            {
                "nat_rule": flow.rule,
                "src": int(flow.inside),
                "protocol": flow.protocol,
                "port": flow.inside_port,
            },
            "nat_source",
            {"address": int(flow.outside), "new_source_port": flow.outside_port},
        )
        yield entry(
            "nat_in_v4",
            {"dst": int(flow.outside), "protocol": flow.protocol, "port": flow.outside_port},
            "nat_destination",
            {"address": int(flow.inside), "new_destination_port": flow.inside_port},
        )


def _ternary(network: IPv4Network) -> Ternary:
    return Ternary(int(network.network_address), int(network.netmask))
