"""Routes: which one holds a prefix, and how next hops resolve."""

from __future__ import annotations

from ipaddress import (
    IPv4Interface,
    IPv4Network,
    IPv6Interface,
    ip_address,
    ip_network,
)

from hypothesis import given
from hypothesis import strategies as st
from ipsecplane.config import InterfaceConfig, StaticRoute
from ipsecplane.net.rib import Rib


def interface(name: str, address: str, **more: object) -> InterfaceConfig:
    return InterfaceConfig(name, IPv4Interface(address), **more)  # type: ignore[arg-type]


def static(prefix: str, hop: str | None = None, out: str | None = None, **more: int) -> StaticRoute:
    where = ip_address(hop) if hop else None
    return StaticRoute(ip_network(prefix, strict=False), where, out, **more)


def rib(
    interfaces: list[InterfaceConfig], routes: list[StaticRoute] | None = None, down: str = ""
) -> Rib:
    return Rib(interfaces, routes or [], lambda name: name not in down.split())


TWO = [interface("A", "10.1.1.1/8"), interface("B", "10.0.0.1/8")]


def found(table: Rib, address: str) -> tuple[str, str | None] | None:
    route = table.lookup(ip_address(address))
    if route is None:
        return None
    return route.interface, str(route.next_hop) if route.next_hop else None


def test_of_equal_connected_prefixes_the_first_interface_that_is_up_has_it() -> None:
    assert found(rib(TWO), "10.9.9.9") == ("A", None)
    assert found(rib(TWO, down="A"), "10.9.9.9") == ("B", None)
    assert set(rib(TWO).local) == {ip_address("10.1.1.1"), ip_address("10.0.0.1")}
    assert set(rib(TWO, down="B").local) == {ip_address("10.1.1.1")}


def test_connected_beats_static() -> None:
    table = rib(TWO, [static("10.3.3.3/8", "10.2.0.1")])
    assert found(table, "10.9.9.9") == ("A", None)
    assert [r.code for r in table.routes()] == ["C", "L", "L"]


def test_the_longest_prefix_then_the_lowest_distance() -> None:
    table = rib(
        [interface("A", "192.0.2.1/24")],
        [
            static("0.0.0.0/0", "192.0.2.9"),
            static("198.51.100.0/24", "192.0.2.7", distance=200),
            static("198.51.100.0/24", "192.0.2.8", distance=10),
            static("198.51.100.128/25", out="Null0"),
        ],
    )
    assert found(table, "8.8.8.8") == ("A", "192.0.2.9")
    assert found(table, "198.51.100.1") == ("A", "192.0.2.8")
    assert found(table, "198.51.100.200") == ("Null0", None)
    assert found(table, "192.0.2.44") == ("A", None)


def test_next_hops_resolve_through_other_static_routes_in_any_order() -> None:
    routes = [
        static("203.0.113.0/24", "198.51.100.1"),
        static("198.51.100.0/24", "192.0.2.2"),
        static("198.51.100.0/25", "192.0.2.3"),
    ]
    for order in (routes, routes[::-1]):
        table = rib([interface("A", "192.0.2.1/24")], order)
        assert found(table, "203.0.113.5") == ("A", "192.0.2.3")


def test_what_does_not_resolve_or_only_through_itself_is_not_used() -> None:
    routes = [
        static("203.0.113.0/24", "203.0.113.1"),
        static("198.51.100.0/24", "203.0.113.7"),
        static("198.18.0.0/15", "192.0.2.1"),
        static("198.19.0.0/16", out="B"),
    ]
    table = rib([interface("A", "192.0.2.1/24"), interface("B", "192.0.3.1/24")], routes, down="B")
    assert [str(r.prefix) for r in table.forwarding()] == ["192.0.2.0/24"]


def test_broadcast_and_host_addresses() -> None:
    table = rib([interface("A", "192.0.2.1/24"), interface("L", "192.0.2.77/32")])
    assert table.broadcasts == {ip_address("192.0.2.255")}
    assert found(table, "192.0.2.77") == ("A", None), "a /32 has no connected prefix of its own"


def test_ipv6() -> None:
    config = InterfaceConfig("A", ipv6=(IPv6Interface("2001:db8::1/64"),))
    table = rib([config], [static("::/0", "2001:db8::9")])
    assert found(table, "2001:db8::5") == ("A", None)
    assert found(table, "2600::1") == ("A", "2001:db8::9")


@given(
    st.lists(st.tuples(st.integers(0, 255), st.integers(0, 8)), max_size=12),
    st.integers(0, 255),
)
def test_lookup_is_the_longest_of_all_that_match(prefixes: list[tuple[int, int]], low: int) -> None:
    base = int(ip_address("198.51.100.0"))
    networks = {
        IPv4Network((base + value, 24 + length), strict=False) for value, length in prefixes
    }
    routes = [StaticRoute(n, ip_address("192.0.2.9")) for n in sorted(networks)]
    table = rib([interface("A", "192.0.2.1/24")], routes)
    address = ip_address(base + low)
    best = max((n for n in networks if address in n), key=lambda n: n.prefixlen, default=None)
    route = table.lookup(address)
    assert (route.prefix if route else None) == best
