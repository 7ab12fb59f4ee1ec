"""`show ip route`."""

from __future__ import annotations

from collections.abc import Sequence
from ipaddress import IPv4Network

from ipsecplane.views import RouteView

_CODES = """\
Codes: L - local, C - connected, S - static, R - RIP, M - mobile, B - BGP
       D - EIGRP, EX - EIGRP external, O - OSPF, IA - OSPF inter area
       N1 - OSPF NSSA external type 1, N2 - OSPF NSSA external type 2
       E1 - OSPF external type 1, E2 - OSPF external type 2
       i - IS-IS, su - IS-IS summary, L1 - IS-IS level-1, L2 - IS-IS level-2
       ia - IS-IS inter area, * - candidate default, U - per-user static route
       o - ODR, P - periodic downloaded static route
       + - replicated route, % - next hop override"""


def _classful(prefix: IPv4Network) -> IPv4Network:
    """The class A, B or C network that `prefix` lies in; a supernet or class D/E is its own."""
    first = int(prefix.network_address) >> 24
    length = 8 if first < 128 else 16 if first < 192 else 24
    if prefix.prefixlen < length or first >= 224:
        return prefix
    return prefix.supernet(new_prefix=length)


def _way(route: RouteView) -> str:
    if route.next_hop is None:
        return f"is directly connected, {route.interface}"
    through = f", {route.interface}" if route.interface else ""
    return f"[{route.distance}/{route.metric}] via {route.next_hop}{through}"


def _rows(prefix: str, routes: Sequence[RouteView], indent: str) -> list[str]:
    """All ways to one prefix: the first with the prefix, the others below it."""
    mark = "*" if prefix.startswith("0.0.0.0") else " "
    head = f"{routes[0].code}{mark}{indent}{prefix} "
    rows = [head + _way(routes[0])]
    for route in routes[1:]:
        code = "" if route.code == routes[0].code else route.code
        rows.append(f"{code:<{len(head)}}{_way(route)}")
    return rows


def ip_route(routes: Sequence[RouteView]) -> list[str]:
    by_prefix: dict[IPv4Network, list[RouteView]] = {}
    for route in routes:
        if isinstance(route.prefix, IPv4Network):
            by_prefix.setdefault(route.prefix, []).append(route)
    rows = [*_CODES.splitlines(), ""]
    default = by_prefix.get(IPv4Network("0.0.0.0/0"), [])
    if default and default[0].next_hop is not None:
        rows.append(f"Gateway of last resort is {default[0].next_hop} to network 0.0.0.0")
    elif default:
        rows.append("Gateway of last resort is 0.0.0.0 to network 0.0.0.0")
    else:
        rows.append("Gateway of last resort is not set")
    rows.append("")
    networks = sorted({_classful(prefix) for prefix in by_prefix})
    for network in networks:
        mine = sorted(prefix for prefix in by_prefix if _classful(prefix) == network)
        if mine == [network]:
            rows += _rows(str(network), by_prefix[network], "    ")
            continue
        masks = {prefix.prefixlen for prefix in mine}
        if len(masks) == 1:
            shown = f"{network.network_address}/{masks.copy().pop()}"
            rows.append(f"      {shown} is subnetted, {len(mine)} subnets")
        else:
            rows.append(
                f"      {network} is variably subnetted, {len(mine)} subnets, {len(masks)} masks"
            )
        for prefix in mine:
            text = str(prefix.network_address) if len(masks) == 1 else str(prefix)
            rows += _rows(text, by_prefix[prefix], " " * 7)
    return rows


_KNOWN_VIA = {"C": "connected", "L": "connected", "S": "static"}


def routing_entry(routes: Sequence[RouteView]) -> list[str]:
    """`show ip route A.B.C.D`: the ways of one prefix."""
    first = routes[0]
    known = _KNOWN_VIA.get(first.code, first.code)
    rows = [
        f"Routing entry for {first.prefix}",
        f'  Known via "{known}", distance {first.distance}, metric {first.metric}'
        + (" (connected)" if known == "connected" else ""),
        "  Routing Descriptor Blocks:",
    ]
    for number, route in enumerate(routes):
        mark = "*" if number == 0 else " "
        if route.next_hop is None:
            rows.append(f"  {mark} directly connected, via {route.interface}")
        else:
            through = f", via {route.interface}" if route.interface else ""
            rows.append(f"  {mark} {route.next_hop}{through}")
        rows.append(f"      Route metric is {route.metric}, traffic share count is 1")
    return rows
