"""The policy of tunnel interfaces: an IPsec profile protects all that is sent through one.

Of an IPsec tunnel that is a policy of its own. A GRE tunnel's packets are those of the router
itself, and leave by another interface: there they are protected by their two ends, and not let in
in the clear.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import replace
from ipaddress import IPv4Address, IPv4Network, IPv6Network, ip_network
from typing import Final

from ipsecplane.config import Address, InterfaceConfig, Network, RouterConfig, TunnelConfig
from ipsecplane.ike.types import Phase2Policy, ProxyIdentity

from .policy import (
    PRIORITY_STRIDE,
    TOP_PRIORITY,
    Idle,
    InterfacePolicy,
    Numbers,
    PolicyEntry,
    Rule,
    Spd,
    or_default,
)
from .selectors import Cube, cube_of_identities

TUNNEL_SEQUENCE: Final = 65537
"""Sequence number that IOS shows for the crypto map that it makes of a tunnel's profile."""

GRE: Final = 47
"""IP protocol (RFC 2784)."""


def tunnel_policy(
    config: RouterConfig,
    interface: InterfaceConfig,
    numbers: Numbers,
    others: Iterable[PolicyEntry] = (),
) -> Spd:
    """The policy of a tunnel interface: everything of its IP version is protected, with one peer.

    Of a GRE tunnel the policy entry alone (`guard_gre` makes use of it). What is lacking is a
    warning, and the tunnel stays down. So does one between the ends of another tunnel, which is
    among `others`: nobody could tell their SAs apart.
    """
    tunnel = interface.tunnel
    assert tunnel is not None
    if tunnel.profile is None:
        return Spd()
    profile = config.ipsec_profiles.get(tunnel.profile)
    names = profile.transform_sets if profile is not None else ()
    transforms = [config.transform_sets[n] for n in names if n in config.transform_sets]
    local = tunnel_source(config, tunnel)
    lacking = [
        text
        for text, there in (
            ("a destination of its mode's IP version", _fits_mode(tunnel)),
            ("a source address of the destination's version and scope", local),
            ("a profile with a transform set", transforms),
        )
        if not there
    ]
    if lacking or profile is None or local is None or tunnel.destination is None:
        return Spd(warnings=(f"{interface.name}: down until it has {' and '.join(lacking)}",))
    version = tunnel.mode.overlay
    if tunnel.is_gre:
        near, far = (ProxyIdentity(ip_network(a), GRE) for a in (local, tunnel.destination))
    else:
        anything: Network = IPv4Network("0.0.0.0/0") if version == 4 else IPv6Network("::/0")
        near = far = ProxyIdentity(anything)
    crypto_map = f"{interface.name}-head-0"
    ends = f"{local} {tunnel.destination}"
    number = numbers.entry((interface.name, crypto_map, TUNNEL_SEQUENCE, ends, near, far))
    same = (local, (tunnel.destination,), near, TUNNEL_SEQUENCE)
    for other in others:
        theirs = other.phase2
        if (theirs.local_address, theirs.peers, theirs.local, other.sequence) == same:
            text = f"{interface.name}: down, {other.interface} has the same source and destination"
            return Spd(warnings=(text,))
    pick = or_default
    phase2 = Phase2Policy(
        name=f"{crypto_map} {TUNNEL_SEQUENCE}",
        entry=number,
        peers=(tunnel.destination,),
        local=near,
        remote=far,
        transform_sets=tuple(transforms),
        pfs_group=profile.pfs_group,
        lifetime_seconds=pick(profile.lifetime_seconds, config.lifetime_seconds),
        lifetime_kilobytes=pick(profile.lifetime_kilobytes, config.lifetime_kilobytes),
        local_address=local,
        replay_window=pick(profile.replay_window, config.replay_window),
        isakmp_profile=profile.isakmp_profile,
        tunnel=not tunnel.is_gre,
    )
    idle = Idle(pick(profile.idle_time, config.idle_time or 0))
    entry = PolicyEntry(
        number,
        interface.name,
        crypto_map,
        TUNNEL_SEQUENCE,
        "",
        phase2,
        idle,
        responder_only=profile.responder_only,
    )
    if tunnel.is_gre:
        return Spd((), {number: entry})
    dropped = Cube(10 - version)
    rules = (
        Rule(Cube(version), number, TOP_PRIORITY, "", 0),
        Rule(dropped, None, TOP_PRIORITY - PRIORITY_STRIDE, "", 0, discard=True),
    )
    policy = InterfacePolicy(
        numbers.policy(interface.name), interface.name, crypto_map, rules, True
    )
    return Spd((policy,), {number: entry})


def guard_gre(
    config: RouterConfig,
    policies: Sequence[InterfacePolicy],
    tunnels: Sequence[PolicyEntry],
    numbers: Numbers,
) -> list[InterfacePolicy]:
    """`policies`, and before their rules, on every interface by which a way may lead, those of
    the GRE `tunnels`: whatever the routes say, nothing between their ends passes in the clear.
    """
    if not tunnels:
        return list(policies)
    rules = tuple(
        Rule(
            cube_of_identities(one.phase2.local, one.phase2.remote),
            one.number,
            TOP_PRIORITY - rank * PRIORITY_STRIDE,
            "",
            0,
        )
        for rank, one in enumerate(tunnels)
    )
    below = len(rules) * PRIORITY_STRIDE
    guarded = [policy for policy in policies if policy.tunnel]
    known = {policy.interface: policy for policy in policies}
    for interface in config.interfaces:
        if interface.tunnel is not None or interface.shutdown:
            continue
        policy = known.get(interface.name) or InterfacePolicy(
            numbers.policy(interface.name), interface.name, tunnels[0].crypto_map, ()
        )
        later = (replace(rule, priority=rule.priority - below) for rule in policy.rules)
        guarded.append(replace(policy, rules=(*rules, *later)))
    return guarded


def tunnel_source(config: RouterConfig, tunnel: TunnelConfig) -> Address | None:
    """Our end of a tunnel: of the source interface the address that has the destination's version
    and scope (guide chapter 9), or the source address if it is one of ours. None = there is none.
    """
    far = tunnel.destination
    if far is None or tunnel.source is None:
        return None
    own: list[Address] = [
        address.ip
        for interface in config.interfaces
        if not interface.shutdown
        and (interface.name == tunnel.source or not isinstance(tunnel.source, str))
        for address in (interface.address, *interface.secondary, *interface.ipv6)
        if address is not None
    ]
    if not isinstance(tunnel.source, str):
        own = [address for address in own if address == tunnel.source]
    fitting = (a for a in own if a.version == far.version and _scope(a) == _scope(far))
    return next(fitting, None)


def _fits_mode(tunnel: TunnelConfig) -> bool:
    return tunnel.destination is not None and tunnel.destination.version == tunnel.mode.carrier


def _scope(address: Address) -> str:
    """The scope of an address (RFC 4007): IPv4 has one, as far as tunnels are concerned."""
    if isinstance(address, IPv4Address):
        return "global"
    if address.is_link_local:
        return "link-local"
    return "site-local" if address.is_site_local else "global"
