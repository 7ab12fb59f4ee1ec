"""Neighbour tables: ARP (RFC 826) and what a router needs of neighbour discovery (RFC 4861).

Sans-IO: the cache takes what arrived and says what to send. Packets wait for their next hop in a
short queue; those of a next hop that does not answer come back as unreachable.
"""

from __future__ import annotations

import struct
from collections.abc import Callable
from dataclasses import dataclass, field
from ipaddress import IPv4Address, IPv6Address
from typing import Final, Protocol

from ipsecplane.config import Address

from .ip import (
    ETHERTYPE_ARP,
    ETHERTYPE_IPV6,
    ICMPV6,
    EthernetFrame,
    IpPacket,
    PacketError,
    checksum,
    pseudo_header,
)

BROADCAST: Final = 0xFFFFFFFFFFFF
QUEUE_LENGTH: Final = 8
"""Packets that wait for one next hop; a further one pushes out the oldest."""

RETRY_INTERVAL: Final = 1.0
RETRY_LIMIT: Final = 3
NEGATIVE_TIME: Final = 1.0
"""Seconds for which a next hop that did not answer is not asked again."""

_ARP: Final = struct.Struct(">HHBBH6s4s6s4s")
_REQUEST, _REPLY = 1, 2
_SOLICITATION, _ADVERTISEMENT = 135, 136


class Port(Protocol):
    """What the cache has to know of an interface."""

    @property
    def if_id(self) -> int: ...

    @property
    def mac(self) -> int: ...

    def source_for(self, address: Address) -> Address | None:
        """Our address on the interface from which to ask for `address`."""

    def owns(self, address: Address) -> bool:
        """Whether we answer for `address` there."""


@dataclass(slots=True)
class _Entry:
    """`mac` None = asked and not answered yet. `due` = when to ask (again) or forget."""

    port: Port
    mac: int | None = None
    due: float = 0.0
    tries: int = 0
    waiting: list[Callable[[int | None], None]] = field(default_factory=list)


class NeighbourCache:
    """Both address families of all interfaces. Times are seconds.

    `send(port, frame)` transmits a frame on an interface.
    """

    def __init__(self, send: Callable[[Port, bytes], None], timeout: float) -> None:
        self._send = send
        self._timeout = timeout
        self._entries: dict[tuple[int, Address], _Entry] = {}

    def table(self) -> list[tuple[int, Address, int]]:
        """What is resolved: (if_id, address, MAC)."""
        return [(i, a, e.mac) for (i, a), e in self._entries.items() if e.mac is not None]

    def resolve(
        self, port: Port, address: Address, now: float, then: Callable[[int | None], None]
    ) -> None:
        """Call `then(mac)` once `address` is resolved (perhaps at once), `then(None)` if never."""
        key = port.if_id, address
        entry = self._entries.get(key)
        if entry is None:
            entry = self._entries[key] = _Entry(port)
            self._ask(entry, address, now)
        if entry.mac is not None:
            then(entry.mac)
        elif entry.tries > RETRY_LIMIT:
            then(None)
        else:
            entry.waiting.append(then)
            if len(entry.waiting) > QUEUE_LENGTH:
                entry.waiting.pop(0)

    def receive_arp(self, port: Port, octets: bytes, now: float) -> bool:
        """An ARP packet came in. True if the table changed. Raises PacketError."""
        if len(octets) < _ARP.size:
            raise PacketError(f"ARP: {len(octets)} octets")
        hardware, protocol, hlen, plen, operation, sha, spa, _, tpa = _ARP.unpack_from(octets)
        if (hardware, protocol, hlen, plen) != (1, 0x0800, 6, 4):
            raise PacketError("ARP: not for IPv4 over Ethernet")
        sender, target = IPv4Address(spa), IPv4Address(tpa)
        mac = int.from_bytes(sha, "big")
        ours = port.owns(target)
        changed = False
        if not sender.is_unspecified and not port.owns(sender):
            changed = self._learn(port, sender, mac, now, create=ours)
        if operation == _REQUEST and ours:
            self._send(port, _arp(_REPLY, port.mac, target, mac, mac, sender))
        return changed

    def receive_nd(self, port: Port, packet: IpPacket, now: float) -> bool:
        """A neighbour solicitation or advertisement. True if the table changed. PacketError."""
        octets = packet.payload
        covered = pseudo_header(packet.src, packet.dst, ICMPV6, len(octets)) + octets
        if len(octets) < 24 or checksum(covered):
            raise PacketError("neighbour discovery: cut off, or bad checksum")
        kind, target = octets[0], IPv6Address(octets[8:24])
        options = _nd_options(octets[24:])
        if kind == _SOLICITATION and port.owns(target):
            changed = False
            mac = options.get(1)
            if mac is not None and not packet.src.is_unspecified:
                changed = self._learn(port, packet.src, mac, now, create=True)
            if mac is not None:
                self._send(port, _advertise(port.mac, target, mac, packet.src))
            return changed
        if kind == _ADVERTISEMENT and 2 in options:
            return self._learn(port, target, options[2], now, create=False)
        return False

    def announce(self, port: Port, address: Address) -> None:
        """A gratuitous ARP: the address is ours, at this MAC, from now on."""
        if isinstance(address, IPv4Address):
            frame = _arp(_REQUEST, port.mac, address, 0, BROADCAST, address)
            self._send(port, frame)

    def forget(self, if_id: int) -> None:
        """The interface went down."""
        for key in [k for k in self._entries if k[0] == if_id]:
            entry = self._entries.pop(key)
            for then in entry.waiting:
                then(None)

    def clear(self) -> None:
        """Forget everything that is resolved."""
        self._entries = {k: e for k, e in self._entries.items() if e.mac is None}

    def next_timeout(self) -> float | None:
        return min((e.due for e in self._entries.values()), default=None)

    def handle_timeout(self, now: float) -> bool:
        """Ask again, give up, refresh. True if the table changed."""
        changed = False
        for key, entry in list(self._entries.items()):
            if entry.due > now:
                continue
            if entry.mac is not None and entry.tries == 0:
                self._ask(entry, key[1], now)  # still used while we ask
            elif entry.tries < RETRY_LIMIT:
                self._ask(entry, key[1], now)
            elif entry.tries == RETRY_LIMIT:
                changed |= entry.mac is not None
                entry.mac = None
                entry.tries += 1
                entry.due = now + NEGATIVE_TIME
                waiting, entry.waiting = entry.waiting, []
                for then in waiting:
                    then(None)
            else:
                del self._entries[key]
        return changed

    def _learn(self, port: Port, address: Address, mac: int, now: float, *, create: bool) -> bool:
        key = port.if_id, address
        entry = self._entries.get(key)
        if entry is None:
            if not create:
                return False
            entry = self._entries[key] = _Entry(port)
        changed = entry.mac != mac
        entry.mac, entry.tries, entry.due = mac, 0, now + self._timeout
        waiting, entry.waiting = entry.waiting, []
        for then in waiting:
            then(mac)
        return changed

    def _ask(self, entry: _Entry, address: Address, now: float) -> None:
        entry.tries += 1
        entry.due = now + RETRY_INTERVAL
        source = entry.port.source_for(address)
        if source is None:
            return
        if isinstance(address, IPv4Address) and isinstance(source, IPv4Address):
            to = entry.mac or BROADCAST  # a refresh goes to the one we know
            self._send(entry.port, _arp(_REQUEST, entry.port.mac, source, 0, to, address))
        elif isinstance(address, IPv6Address) and isinstance(source, IPv6Address):
            self._send(entry.port, _solicit(entry.port.mac, source, address))


def _arp(
    operation: int,
    own_mac: int,
    own: IPv4Address,
    target_mac: int,
    to: int,
    target: IPv4Address,
) -> bytes:
    octets = _ARP.pack(
        1, 0x0800, 6, 4, operation,
        own_mac.to_bytes(6, "big"), own.packed, target_mac.to_bytes(6, "big"), target.packed,
    )  # fmt: skip
    return EthernetFrame(to, own_mac, ETHERTYPE_ARP, octets).encode()


def _solicit(own_mac: int, own: IPv6Address, target: IPv6Address) -> bytes:
    group = IPv6Address(int(IPv6Address("ff02::1:ff00:0")) | int(target) & 0xFFFFFF)
    to = 0x333300000000 | int(group) & 0xFFFFFFFF
    body = target.packed + b"\1\1" + own_mac.to_bytes(6, "big")
    return _nd_frame(_SOLICITATION, 0, body, own_mac, own, to, group)


def _advertise(own_mac: int, own: IPv6Address, to: int, dst: Address) -> bytes:
    """An answer; to all nodes when the asker has no address yet (duplicate address detection)."""
    flags = 0xE0000000  # router, solicited, override
    if dst.is_unspecified:
        flags, dst, to = 0xA0000000, IPv6Address("ff02::1"), 0x333300000001
    assert isinstance(dst, IPv6Address)
    body = own.packed + b"\2\1" + own_mac.to_bytes(6, "big")
    return _nd_frame(_ADVERTISEMENT, flags, body, own_mac, own, to, dst)


def _nd_frame(
    kind: int, word: int, body: bytes, mac: int, src: IPv6Address, to: int, dst: IPv6Address
) -> bytes:
    octets = struct.pack(">BBHI", kind, 0, 0, word) + body
    total = checksum(pseudo_header(src, dst, ICMPV6, len(octets)) + octets)
    octets = octets[:2] + total.to_bytes(2, "big") + octets[4:]
    packet = IpPacket(src, dst, ICMPV6, octets, ttl=255)
    return EthernetFrame(to, mac, ETHERTYPE_IPV6, packet.encode()).encode()


def _nd_options(octets: bytes) -> dict[int, int]:
    """Link-layer address options by type (1 source, 2 target). Raises PacketError."""
    found = {}
    while octets:
        if len(octets) < 8 or not octets[1] or len(octets) < octets[1] * 8:
            raise PacketError("neighbour discovery: option cut off")
        found[octets[0]] = int.from_bytes(octets[2:8], "big")
        octets = octets[octets[1] * 8 :]
    return found
