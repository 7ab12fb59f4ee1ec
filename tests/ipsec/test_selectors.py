"""Cubes against the plain meaning of access list lines."""

from __future__ import annotations

from ipaddress import IPv4Address

from hypothesis import given
from hypothesis import strategies as st
from ipsecplane.config import AccessListEntry, WildcardAddress
from ipsecplane.ipsec.selectors import (
    Cube,
    Masked,
    Packet,
    cubes_of,
    range_to_prefixes,
    uncovered,
)

SMALL = st.integers(0, 15)


@st.composite
def cubes(draw: st.DrawFn) -> Cube:
    def masked(bits: int) -> Masked:
        mask = draw(st.integers(0, (1 << bits) - 1))
        return Masked(draw(st.integers(0, (1 << bits) - 1)) & mask, mask)

    return Cube(draw(st.sampled_from([4, 6])), masked(3), masked(3), masked(2), masked(2))


def packets() -> list[Packet]:
    return [
        Packet(version, src, dst, protocol, port)
        for version in (4, 6)
        for src in range(8)
        for dst in range(8)
        for protocol in range(4)
        for port in range(4)
    ]


EVERYTHING = packets()


@given(cubes(), cubes())
def test_intersection_covering_and_overlap_mean_what_packets_say(a: Cube, b: Cube) -> None:
    in_a = {p for p in EVERYTHING if a.matches(p)}
    in_b = {p for p in EVERYTHING if b.matches(p)}
    both = a.intersect(b)
    assert {p for p in EVERYTHING if both is not None and both.matches(p)} == in_a & in_b
    assert a.overlaps(b) == bool(in_a & in_b)
    assert a.covers(b) == (in_b <= in_a)


@given(cubes(), st.lists(cubes(), max_size=6))
def test_uncovered_is_what_no_other_matches(cube: Cube, others: list[Cube]) -> None:
    rest = [p for p in EVERYTHING if cube.matches(p) and not any(o.matches(p) for o in others)]
    assert uncovered(cube, others) == bool(rest)


@given(SMALL, SMALL)
def test_a_range_becomes_prefixes_of_exactly_it(one: int, other: int) -> None:
    low, high = sorted((one, other))
    prefixes = range_to_prefixes(low, high, 4)
    assert {n for n in range(16) if any(p.matches(n) for p in prefixes)} == set(
        range(low, high + 1)
    )
    assert sum(sum(p.matches(n) for p in prefixes) for n in range(16)) == high - low + 1


@given(st.integers(0, 65535), st.integers(0, 65535))
def test_no_range_of_ports_needs_more_than_thirty_prefixes(one: int, other: int) -> None:
    low, high = sorted((one, other))
    prefixes = range_to_prefixes(low, high)
    assert len(prefixes) <= 30
    assert sum(1 << (16 - p.mask.bit_count()) for p in prefixes) == high - low + 1


@given(
    st.integers(0, 255), st.integers(0, 255), st.integers(0, 255),
    st.none() | st.tuples(SMALL, SMALL).map(lambda r: (min(r), max(r))),
    st.integers(0, 255), st.integers(0, 20), st.sampled_from([6, 17]),
)  # fmt: skip
def test_an_access_list_line_matches_what_ios_says(
    address: int,
    wildcard: int,
    src: int,
    ports: tuple[int, int] | None,
    dst: int,
    port: int,
    p: int,
) -> None:
    line = AccessListEntry(
        10,
        True,
        6,
        WildcardAddress(IPv4Address(address), IPv4Address(wildcard)),
        WildcardAddress.any(),
        destination_ports=ports,
    )
    says = (
        (src ^ address) & ~wildcard & 0xFFFFFFFF == 0
        and p == 6
        and (ports is None or ports[0] <= port <= ports[1])
    )
    packet = Packet(4, src, dst, p, 1, port)
    assert any(c.matches(packet) for c in cubes_of(line)) == says


@given(cubes())
def test_the_mirror_is_the_other_direction(cube: Cube) -> None:
    mirror = cube.mirrored()
    for p in EVERYTHING[::7]:
        back = Packet(p.version, p.dst, p.src, p.protocol, p.dst_port, p.src_port)
        assert cube.matches(p) == mirror.matches(back)
    assert mirror.mirrored() == cube
