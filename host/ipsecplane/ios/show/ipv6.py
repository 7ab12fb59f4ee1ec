"""`show ipv6 route`, `show ipv6 cef`, `show ipv6 interface`, `show adjacency`."""

from __future__ import annotations

from collections.abc import Sequence
from ipaddress import IPv6Address, IPv6Network

from ipsecplane.config import Address, InterfaceConfig, Network
from ipsecplane.ios.show.interface import status_of
from ipsecplane.views import AdjacencyView, InterfaceView, RouteView

_CODES = """\
Codes: C - Connected, L - Local, S - Static, U - Per-user Static route
       B - BGP, R - RIP, H - NHRP, I1 - ISIS L1
       I2 - ISIS L2, IA - ISIS interarea, IS - ISIS summary, D - EIGRP
       EX - EIGRP external, ND - ND Default, NDp - ND Prefix, DCE - Destination
       NDr - Redirect, O - OSPF Intra, OI - OSPF Inter, OE1 - OSPF ext 1
       OE2 - OSPF ext 2, ON1 - OSPF NSSA ext 1, ON2 - OSPF NSSA ext 2"""

_MULTICAST = IPv6Network("FF00::/8")


def ipv6_route(routes: Sequence[RouteView], *, multicast: bool = True) -> list[str]:
    """`multicast`: with the row that keeps multicast packets from being routed."""
    six = list(routes)
    if multicast:
        six.append(RouteView("L", _MULTICAST, None, "Null0", 0, 0))
    rows = [f"IPv6 Routing Table - default - {len(six)} entries", *_CODES.splitlines()]
    for route in six:
        rows.append(f"{route.code:<3} {_text(route.prefix)} [{route.distance}/{route.metric}]")
        if route.code == "L":
            rows.append(f"     via {route.interface}, receive")
        elif route.next_hop is None:
            rows.append(f"     via {route.interface}, directly connected")
        else:
            through = f", {route.interface}" if route.interface else ""
            rows.append(f"     via {_text(route.next_hop)}{through}")
    return rows


_KNOWN_VIA = {"C": "connected", "L": "local", "S": "static"}


def routing_entry(routes: Sequence[RouteView]) -> list[str]:
    """`show ipv6 route X:X:X:X::X`: the ways of one prefix."""
    first = routes[0]
    rows = [
        f"Routing entry for {_text(first.prefix)}",
        f'  Known via "{_KNOWN_VIA.get(first.code, first.code)}", distance {first.distance}, '
        f"metric {first.metric}",
        f"  Route count is {len(routes)}/{len(routes)}, share count 0",
        "  Routing paths:",
    ]
    for route in routes:
        if route.code == "L":
            rows.append(f"    receive via {route.interface}")
        elif route.next_hop is None:
            rows.append(f"    directly connected via {route.interface}")
        else:
            through = f", {route.interface}" if route.interface else ""
            rows.append(f"    {_text(route.next_hop)}{through}")
    return rows


def ipv6_cef(routes: Sequence[RouteView], *, detail: bool = False) -> list[str]:
    rows: list[str] = []
    for route in routes:
        if not isinstance(route.prefix, IPv6Network):
            continue
        rows.append(_text(route.prefix) + (", epoch 0" if detail else ""))
        if route.code == "L":
            rows.append(f"  receive for {route.interface}")
        elif route.interface == "Null0":
            rows.append("  attached to Null0")
        elif route.next_hop is None:
            rows.append(f"  attached to {route.interface}")
        else:
            rows.append(f"  nexthop {_text(route.next_hop)} {route.interface}")
    return rows


def ipv6_cef_rest() -> list[str]:
    """What the table holds besides routes."""
    return ["FE80::/10", "  receive for Null0", "FF00::/8", "  multicast"]


def ipv6_interface(views: Sequence[InterfaceView]) -> list[str]:
    rows: list[str] = []
    for view in views:
        config = view.config
        if view.link_local is None:
            continue
        status, protocol = status_of(view)
        rows += [
            f"{config.name} is {status}, line protocol is {protocol}",
            f"  IPv6 is enabled, link-local address is {_text(view.link_local)}",
            "  No Virtual link-local address(es):",
        ]
        if config.description:
            rows.append(f"  Description: {config.description}")
        if config.ipv6:
            rows.append("  Global unicast address(es):")
        else:
            rows.append("  No global unicast address is configured")
        for address in config.ipv6:
            made = any(address.network == prefix.network for prefix in config.eui64)
            rows.append(
                f"    {_text(address.ip)}, subnet is {_text(address.network)}"
                + (" [EUI]" if made else "")
            )
        rows.append("  Joined group address(es):")
        groups = [IPv6Address("FF02::1"), IPv6Address("FF02::2")]
        groups += [_solicited(a) for a in (*(i.ip for i in config.ipv6), view.link_local)]
        rows += [f"    {_text(group)}" for group in dict.fromkeys(groups)]
        rows += [
            f"  MTU is {view.mtu_of(6)} bytes",
            "  ICMP error messages limited to one every 500 milliseconds",
            "  ICMP unreachables are sent",
            *_features(config),
        ]
    return rows


def _features(config: InterfaceConfig) -> list[str]:
    if config.ipv6_crypto_map is None:
        return []
    return ["  Input features: IPSec", "  Output features: IPSec"]


def ipv6_interface_brief(views: Sequence[InterfaceView]) -> list[str]:
    rows = []
    for view in views:
        status, protocol = status_of(view)
        rows.append(f"{view.config.name:<22} [{status}/{protocol}]")
        if view.link_local is None:
            rows.append("    unassigned")
        else:
            addresses = [view.link_local, *(i.ip for i in view.config.ipv6)]
            rows += [f"    {_text(address)}" for address in addresses]
    return rows


def adjacency(views: Sequence[AdjacencyView], *, detail: bool = False) -> list[str]:
    rows = ["Protocol Interface                 Address"]
    for view in views:
        protocol = "IP" if view.version == 4 else "IPV6"
        place = "point2point" if view.address is None else _text(view.address)
        rows.append(f"{protocol:<8} {view.interface:<25} {place}({view.routes})")
        if not detail:
            continue
        indent = " " * 35
        if view.rewrite:
            rows += [
                f"{indent}{view.packets} packets, {view.bytes} bytes",
                f"{indent}epoch 0",
                f"{indent}sourced in sev-epoch 0",
                f"{indent}Encap length {len(view.rewrite)}",
                f"{indent}{view.rewrite.hex().upper()}",
                f"{indent}L2 destination address byte offset 0",
                f"{indent}L2 destination address byte length 6",
                f"{indent}Link-type after encap: {'ip' if view.version == 4 else 'ipv6'}",
                f"{indent}{'ARP' if view.version == 4 else 'IPv6 ND'}",
            ]
        else:
            rows += [
                f"{indent}{view.packets} packets, {view.bytes} bytes",
                f"{indent}epoch 0",
                f"{indent}sourced in sev-epoch 0",
                f"{indent}empty encap string",
                f"{indent}P2P-ADJ",
                f"{indent}Next chain element:",
                f"{indent}  IPSec tunnel, {view.chained}",
            ]
    return rows


def adjacency_summary(views: Sequence[AdjacencyView]) -> list[str]:
    """All are complete: a next hop without an address is no adjacency yet."""
    rows = [
        f"Adjacency table has {len(views)} adjacencies:",
        f"  {len(views)} complete adjacencies",
        "  0 incomplete adjacencies",
    ]
    for version, name in ((4, "IP"), (6, "IPV6")):
        count = sum(view.version == version for view in views)
        rows += [
            f"  {count} complete adjacencies of linktype {name}",
            f"  0 incomplete adjacencies of linktype {name}",
        ]
    rows += [
        "",
        f"Database epoch:        0 ({len(views)} entries at this epoch)",
        "",
        "Adjacency manager summary event processing:",
        "  Summary events epoch is 0",
        "  Summary events queue contains 0 events (high water mark 0 events)",
        "",
        "Interface                 Adjacency Count",
    ]
    for interface in dict.fromkeys(view.interface for view in views):
        count = sum(view.interface == interface for view in views)
        rows.append(f"{interface:<25} {count}")
    return rows


def _solicited(address: IPv6Address) -> IPv6Address:
    """RFC 4291 section 2.7.1."""
    return IPv6Address(int(IPv6Address("FF02::1:FF00:0")) | int(address) & 0xFFFFFF)


def _text(value: Address | Network) -> str:
    return str(value).upper()
