"""The agent's state as the inputs of the desired tables."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

from ipsecplane.config import Address, RouterConfig
from ipsecplane.ipsec.outbound import rule_priority
from ipsecplane.ipsec.sad import SadEntry
from ipsecplane.net.rib import NULL_INTERFACE, Rib
from ipsecplane.qos.plan import QosPlan
from ipsecplane.qos.policy import INPUT
from ipsecplane.targets.desired import (
    DF_POLICIES,
    Forwarding,
    Neighbour,
    PipelineGre,
    PipelineInterface,
    SaSettings,
    desired_accelerator_entries,
    desired_pipeline_entries,
    largest_inner,
)
from ipsecplane.targets.nat import desired_nat_entries
from ipsecplane.targets.qos import (
    TunnelWay,
    decrypted_by,
    desired_class_entries,
    desired_engine_entries,
    pre_classified,
)
from ipsecplane.targets.tables import Key, TableEntry

from .crypto import Crypto
from .gre import OVERHEAD
from .interfaces import Interface, InterfaceTable
from .nat import Nat
from .stack import Stack
from .tunnels import Tunnels

Lines = dict[Key, tuple[str, int]]


def desired(
    interfaces: InterfaceTable,
    stack: Stack,
    crypto: Crypto,
    tunnels: Tunnels,
    nat: Nat,
    config: RouterConfig,
    *,
    qos: QosPlan,
    replay_in_pipeline: bool,
) -> tuple[list[TableEntry], Lines]:
    """What both devices should hold, and which access list line each policy row stands for."""
    sas = list(crypto.sad)
    rib = stack.rib
    entries = list(
        desired_pipeline_entries(
            interfaces=_interfaces(interfaces, crypto, rib),
            gre=_gre(interfaces, tunnels),
            local=[*rib.local, *rib.broadcasts],
            routes=_routes(interfaces, stack),
            neighbours=[Neighbour(*row) for row in stack.neighbours.table()],
            spd=crypto.spd,
            sas=sas,
            settings={
                sa.index: settings_of(sa, interfaces, stack.rib, crypto, config) for sa in sas
            },
            replay=replay_in_pipeline,
        )
    )
    lines = _lines(entries, crypto)
    entries += desired_nat_entries(nat.rules, nat.translations)
    entries += desired_accelerator_entries(sas, replay=not replay_in_pipeline)
    up = {i.name: i.if_id for i in interfaces if i.up}
    entries += desired_class_entries(qos, up, _tunnel_ways(interfaces, rib))
    entries += desired_engine_entries(qos)
    entries += [
        pre_classified(sa.index)
        for sa in sas
        if sa.outbound and _pre_classifies(sa, crypto, config)
    ]
    entries += [
        decrypted_by(sa.index, up[sa.interface])
        for sa in sas
        if sa.interface in up and _has_input_policy(sa.interface, interfaces, qos)
    ]
    return entries, lines


def settings_of(
    sa: SadEntry, interfaces: InterfaceTable, rib: Rib, crypto: Crypto, config: RouterConfig
) -> SaSettings:
    """What the rows of an SA need besides the SA."""
    interface = interfaces.named(sa.interface)
    if interface is None:
        return SaSettings(crypto.path_mtu(sa, 1500), 1500)
    df_policy = DF_POLICIES[config.df_bit_of(interface.config)]
    prefragment = config.prefragment_of(interface.config)
    tunnel = interface.config.tunnel
    if tunnel is None:
        link = interface.mtu_of(sa.sas.remote.version)
    else:
        link = link_mtu_to(sa.sas.remote, interfaces, rib)
    if tunnel is None or tunnel.is_gre:
        return SaSettings(crypto.path_mtu(sa, link), link, df_policy, prefragment)
    own = interface.config.ip_mtu
    if own is not None and interface.config.prefragment is None:
        # Guide chapter 2: the tunnel's IP MTU decides; above the MTU of the interface by which its
        # packets leave it asks for fragmentation after encryption.
        prefragment = own <= link
    settings = SaSettings(crypto.path_mtu(sa, link), 0, df_policy, prefragment)
    if own is None or own >= largest_inner(sa, settings.path_mtu):
        return settings
    return replace(settings, inner_mtu=own, prefragment=True)


def link_mtu_to(peer: Address, interfaces: InterfaceTable, rib: Rib) -> int:
    """The IP MTU of the interface by which packets leave for `peer`."""
    interface = egress_to(peer, interfaces, rib)
    return interface.mtu_of(peer.version) if interface is not None else 1500


def egress_to(peer: Address, interfaces: InterfaceTable, rib: Rib) -> Interface | None:
    """The interface by which packets leave for `peer`; None = there is no route."""
    route = rib.lookup(peer)
    return interfaces.named(route.interface) if route is not None else None


def tunnel_mtu(one: Interface, interfaces: InterfaceTable, rib: Rib, version: int = 4) -> int:
    """The largest packet that a GRE tunnel carries in one; 0 = an IPsec tunnel: its SA decides.

    An IPsec tunnel may have a limit for IPv6 besides (`ipv6 mtu`).
    """
    tunnel = one.config.tunnel
    if version == 6 and one.config.ipv6_mtu is not None:
        return one.config.ipv6_mtu
    if tunnel is None or not tunnel.is_gre or tunnel.destination is None:
        return 0
    own = one.config.ip_mtu if version == 4 else None
    return own or link_mtu_to(tunnel.destination, interfaces, rib) - OVERHEAD


def _gre(interfaces: InterfaceTable, tunnels: Tunnels) -> Iterator[PipelineGre]:
    for one in tunnels.gre:
        interface = interfaces.named(one.name)
        if interface is not None:
            yield PipelineGre(interface.if_id, one.local, one.remote)


def _pre_classifies(sa: SadEntry, crypto: Crypto, config: RouterConfig) -> bool:
    """Whether its crypto map entry or its tunnel says `qos pre-classify`."""
    policy = crypto.spd.entries.get(sa.sas.policy.entry)
    if policy is None:
        return False
    interface = config.interface(policy.interface)
    if interface is not None and interface.pre_classify:
        return True
    crypto_map = config.crypto_maps.get(policy.crypto_map)
    entries = crypto_map.entries if crypto_map is not None else ()
    return any(e.pre_classify for e in entries if e.sequence == policy.sequence)


def _has_input_policy(name: str, interfaces: InterfaceTable, qos: QosPlan) -> bool:
    """Whether it is a tunnel with an input policy, which sees what its SAs have decrypted.

    Not so with GRE: there the policy sees what is inside, when it comes in by the tunnel.
    """
    one = interfaces.named(name)
    tunnel = one.config.tunnel if one is not None else None
    return tunnel is not None and not tunnel.is_gre and qos.attached(name, INPUT) is not None


def _tunnel_ways(interfaces: InterfaceTable, rib: Rib) -> Iterator[TunnelWay]:
    """Tunnels that are up, with the interface by which they leave at last."""
    for one in interfaces:
        way: Interface | None = one
        for _ in range(len(list(interfaces))):  # tunnels in tunnels have an end
            tunnel = way.config.tunnel if way is not None else None
            if tunnel is None or tunnel.destination is None:
                break
            way = egress_to(tunnel.destination, interfaces, rib)
        if one.up and way is not None and way is not one:
            yield TunnelWay(one.name, way.name, one.config.pre_classify)


def _interfaces(
    interfaces: InterfaceTable, crypto: Crypto, rib: Rib
) -> Iterator[PipelineInterface]:
    for one in interfaces:
        if one.forwards:
            policy = crypto.spd.policy_of(one.name)
            number = policy.number if policy is not None else 0
            ipv6 = bool(one.config.ipv6)
            if one.config.tunnel is None:
                mtu, mtu_v6 = one.mtu_of(4), one.mtu_of(6)
            else:
                mtu, mtu_v6 = (tunnel_mtu(one, interfaces, rib, n) for n in (4, 6))
            yield PipelineInterface(
                one.if_id, one.port, one.mac, mtu, number, ipv6=ipv6, mtu_v6=mtu_v6
            )


def _routes(interfaces: InterfaceTable, stack: Stack) -> Iterator[Forwarding]:
    for route in stack.rib.forwarding():
        interface = interfaces.named(route.interface)
        if route.interface == NULL_INTERFACE or interface is None or not interface.forwards:
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
