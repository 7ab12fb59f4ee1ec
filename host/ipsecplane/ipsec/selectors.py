"""Traffic selectors as ternary cubes: what an access list line matches, in a TCAM's terms.

A cube matches a packet when every field agrees with `value` wherever `mask` has ones. Cubes are
closed under intersection, which is what crypto map semantics need (spd.py). A port range is not a
cube; it becomes the fewest prefixes that make it up.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace
from typing import Any, Final, NamedTuple

from ipsecplane.config import AccessListEntry, Address, WildcardAddress
from ipsecplane.ike.types import ProxyIdentity

PORT_BITS: Final = 16


class Masked(NamedTuple):
    """Bits that matter (`mask`) and what they are; `value` has no others."""

    value: int
    mask: int

    def matches(self, number: int) -> bool:
        return number & self.mask == self.value

    def intersect(self, other: Masked) -> Masked | None:
        if (self.value ^ other.value) & self.mask & other.mask:
            return None
        return Masked(self.value | other.value, self.mask | other.mask)

    def covers(self, other: Masked) -> bool:
        return not self.mask & ~other.mask and other.value & self.mask == self.value


ANY: Final = Masked(0, 0)


@dataclass(frozen=True, slots=True)
class Cube:
    """A selector: `version` 4 or 6; field names are those of the pipeline's tables.

    `dscp` and `qos_group` are for classes only (qos/classification.py); policies leave them open.
    """

    version: int
    src: Masked = ANY
    dst: Masked = ANY
    protocol: Masked = ANY
    src_port: Masked = ANY
    dst_port: Masked = ANY
    dscp: Masked = ANY
    qos_group: Masked = ANY

    @property
    def fields(self) -> tuple[tuple[str, Masked], ...]:
        return (
            ("src", self.src),
            ("dst", self.dst),
            ("protocol", self.protocol),
            ("src_port", self.src_port),
            ("dst_port", self.dst_port),
            ("dscp", self.dscp),
            ("qos_group", self.qos_group),
        )

    def matches(self, packet: Packet) -> bool:
        return self.version == packet.version and all(
            masked.matches(getattr(packet, name)) for name, masked in self.fields
        )

    def intersect(self, other: Cube) -> Cube | None:
        """What both match; None = nothing."""
        if self.version != other.version:
            return None
        both = [a.intersect(b) for (_, a), (_, b) in zip(self.fields, other.fields, strict=True)]
        first = [one for one in both if one is not None]
        return Cube(self.version, *first) if len(first) == len(both) else None

    def overlaps(self, other: Cube) -> bool:
        """Whether some packet matches both."""
        if self.version != other.version:
            return False
        return not any(
            (a.value ^ b.value) & a.mask & b.mask
            for (_, a), (_, b) in zip(self.fields, other.fields, strict=True)
        )

    def covers(self, other: Cube) -> bool:
        """Whether this matches everything that `other` does."""
        return self.version == other.version and all(
            a.covers(b) for (_, a), (_, b) in zip(self.fields, other.fields, strict=True)
        )

    def mirrored(self) -> Cube:
        """The same flow seen from the other side."""
        return replace(
            self, src=self.dst, dst=self.src, src_port=self.dst_port, dst_port=self.src_port
        )


class Packet(NamedTuple):
    """The fields of a packet that selectors look at; ports are 0 where there are none."""

    version: int
    src: int
    dst: int
    protocol: int
    src_port: int = 0
    dst_port: int = 0
    dscp: int = 0
    qos_group: int = 0


def range_to_prefixes(low: int, high: int, bits: int = PORT_BITS) -> list[Masked]:
    """The fewest prefixes that together match exactly low…high (inclusive)."""
    full = (1 << bits) - 1
    prefixes = []
    while low <= high:
        size = low & -low or 1 << bits  # the largest block that may start at `low`
        while low + size - 1 > high:
            size >>= 1
        prefixes.append(Masked(low, full & ~(size - 1)))
        low += size
    return prefixes


def cubes_of(line: AccessListEntry) -> list[Cube]:
    """The cubes that an access list line stands for: several only where it has port ranges."""
    version = line.source.address.version
    protocol = ANY if line.protocol is None else Masked(line.protocol, 0xFF)
    return [
        Cube(version, _masked(line.source), _masked(line.destination), protocol, src, dst)
        for src in _ports(line.source_ports)
        for dst in _ports(line.destination_ports)
    ]


def cube_of_identities(source: ProxyIdentity, destination: ProxyIdentity) -> Cube:
    """The flow from `source` to `destination` that Quick Mode agreed on."""
    protocol = source.protocol or destination.protocol
    return Cube(
        source.network.version,
        _network(source),
        _network(destination),
        Masked(protocol, 0xFF) if protocol else ANY,
        Masked(source.port, 0xFFFF) if source.port else ANY,
        Masked(destination.port, 0xFFFF) if destination.port else ANY,
    )


def uncovered(cube: Cube, by: Iterable[Cube]) -> bool:
    """Whether `cube` still matches something that none of `by` does."""
    rest = [cube]
    for other in by:
        rest = [piece for one in rest for piece in _subtract(one, other)]
        if not rest:
            return False
        if len(rest) > 4096:
            return True  # too intricate to tell: say nothing rather than something wrong
    return True


def _subtract(cube: Cube, other: Cube) -> list[Cube]:
    """Disjoint cubes that together match what `cube` does and `other` does not."""
    both = cube.intersect(other)
    if both is None:
        return [cube]
    pieces = []
    rest = cube
    for name, want in both.fields:
        have: Masked = getattr(rest, name)
        bits = want.mask & ~have.mask
        while bits:
            bit = 1 << bits.bit_length() - 1
            bits ^= bit
            flipped = Masked(have.value | (~want.value & bit), have.mask | bit)
            pieces.append(_with(rest, name, flipped))
            have = Masked(have.value | (want.value & bit), have.mask | bit)
        rest = _with(rest, name, have)
    return pieces


def _with(cube: Cube, name: str, value: Masked) -> Cube:
    changed: dict[str, Any] = {name: value}
    return replace(cube, **changed)


def _masked(address: WildcardAddress) -> Masked:
    mask = _full(address.address) & ~int(address.wildcard)
    return Masked(int(address.address) & mask, mask)


def _network(identity: ProxyIdentity) -> Masked:
    return Masked(int(identity.network.network_address), int(identity.network.netmask))


def _ports(ports: tuple[int, int] | None) -> list[Masked]:
    return [ANY] if ports is None else range_to_prefixes(*ports)


def _full(address: Address) -> int:
    return (1 << address.max_prefixlen) - 1
