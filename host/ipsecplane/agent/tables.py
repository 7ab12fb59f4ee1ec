"""The agent's state as the inputs of the desired tables."""

from __future__ import annotations

from collections.abc import Iterator

from ipsecplane.config import RouterConfig
from ipsecplane.ipsec.outbound import rule_priority
from ipsecplane.ipsec.sad import SadEntry
from ipsecplane.net.rib import NULL_INTERFACE
from ipsecplane.targets.desired import (
    DF_POLICIES,
    Forwarding,
    Neighbour,
    PipelineInterface,
    SaSettings,
    desired_accelerator_entries,
    desired_pipeline_entries,
)
from ipsecplane.targets.tables import Key, TableEntry

from .crypto import Crypto
from .interfaces import InterfaceTable
from .stack import Stack

Lines = dict[Key, tuple[str, int]]


def desired(
    interfaces: InterfaceTable,
    stack: Stack,
    crypto: Crypto,
    config: RouterConfig,
    *,
    replay_in_pipeline: bool,
) -> tuple[list[TableEntry], Lines]:
    """What both devices should hold, and which access list line each policy row stands for."""
    sas = list(crypto.sad)
    rib = stack.rib
    entries = list(
        desired_pipeline_entries(
            interfaces=_interfaces(interfaces, crypto),
            local=[*rib.local, *rib.broadcasts],
            routes=_routes(interfaces, stack),
            neighbours=[Neighbour(*row) for row in stack.neighbours.table()],
            spd=crypto.spd,
            sas=sas,
            settings={sa.index: settings_of(sa, interfaces, crypto, config) for sa in sas},
            replay=replay_in_pipeline,
        )
    )
    lines = _lines(entries, crypto)
    entries += desired_accelerator_entries(sas, replay=not replay_in_pipeline)
    return entries, lines


def settings_of(
    sa: SadEntry, interfaces: InterfaceTable, crypto: Crypto, config: RouterConfig
) -> SaSettings:
    """What the rows of an SA need besides the SA."""
    interface = interfaces.named(sa.interface)
    if interface is None:
        return SaSettings(crypto.path_mtu(sa, 1500), 1500)
    return SaSettings(
        crypto.path_mtu(sa, interface.ip_mtu),
        interface.ip_mtu,
        DF_POLICIES[config.df_bit_of(interface.config)],
        config.prefragment_of(interface.config),
    )


def _interfaces(interfaces: InterfaceTable, crypto: Crypto) -> Iterator[PipelineInterface]:
    for one in interfaces:
        if one.up and one.port is not None:
            policy = crypto.spd.policy_of(one.name)
            number = policy.number if policy is not None else 0
            ipv6 = bool(one.config.ipv6)
            yield PipelineInterface(one.if_id, one.port, one.mac, one.ip_mtu, number, ipv6=ipv6)


def _routes(interfaces: InterfaceTable, stack: Stack) -> Iterator[Forwarding]:
    for route in stack.rib.forwarding():
        interface = interfaces.named(route.interface)
        if route.interface == NULL_INTERFACE or interface is None or interface.port is None:
            yield Forwarding(route.prefix, None)
        else:
            yield Forwarding(route.prefix, interface.if_id, route.next_hop)


def _lines(entries: list[TableEntry], crypto: Crypto) -> Lines:
    """A row of `spd_out` came from the rule whose priority it has, or the next one below."""
    rules = {
        (policy.number, rule.priority): (rule.access_list, rule.line)
        for policy in crypto.spd.policies
        for rule in policy.rules
    }
    lines = {}
    for entry in entries:
        if entry.table.startswith("spd_out"):
            policy = entry.field("spd_policy")
            assert isinstance(policy, int)
            base = rule_priority(entry.priority)
            lines[entry.key] = rules[policy, base]
    return lines
