"""A NAT or PAT box between two networks: ARP on both sides, and `nat_table` in between (IPv4)."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from ipaddress import IPv4Address, IPv4Interface
from typing import Final

from ipsecplane.config import Address

from ipsecsim.network.clock import Loop
from ipsecsim.network.link import ETHERNET_HEADER, Attachment
from ipsecsim.network.nat_table import NatTable, Untranslatable
from ipsecsim.network.neighbors import Neighbors
from ipsecsim.network.packet import (
    ARP,
    BROADCAST,
    IPV4,
    Arp,
    IpPacket,
    PacketError,
    Reassembler,
    fragments,
    frame,
)

INSIDE: Final = "inside"
OUTSIDE: Final = "outside"
MAPPING_EXPIRY: Final = 20.0
"""Seconds: the NAT mapping expiration time of the guide's chapter 5."""
_MTU: Final = 1500


@dataclass(frozen=True, slots=True)
class NatConfig:
    """`ports`: PAT, all behind the outside address; else NAT, one to one with `pool`."""

    inside: IPv4Interface
    outside: IPv4Interface
    mac: bytes  # of the inside; the outside's is the next one
    gateway: IPv4Address | None = None  # on the outside
    ports: bool = True
    pool: tuple[IPv4Address, ...] = ()
    expiry: float = MAPPING_EXPIRY


class NatBox:
    """`attach` both sides. What it does not translate it drops and counts."""

    def __init__(self, name: str, config: NatConfig, loop: Loop) -> None:
        self.name = name
        self.config = config
        pool = config.pool or (config.outside.ip,)
        self.table = NatTable(pool, ports=config.ports, expiry=config.expiry, now=lambda: loop.now)
        number = int.from_bytes(config.mac, "big")
        self._sides = {
            INSIDE: _Side(config.inside, (), config.mac, None, loop),
            OUTSIDE: _Side(
                config.outside, pool, (number + 1).to_bytes(6, "big"), config.gateway, loop
            ),
        }
        self._reassembler = Reassembler()
        self._loop = loop

    def attach(self, side: str, link: Attachment) -> None:
        """`side` is INSIDE or OUTSIDE."""
        self._sides[side].link = link
        link.receive = lambda octets: self._receive(side, octets)

    def rebind(self) -> None:
        """Forget all mappings."""
        self.table.forget()

    def _receive(self, side: str, octets: bytes) -> None:
        here = self._sides[side]
        counters = self.table.counters
        if len(octets) < ETHERNET_HEADER or octets[:6] not in (here.mac, BROADCAST):
            return
        try:
            ethertype = int.from_bytes(octets[12:14], "big")
            if ethertype == ARP:
                here.receive_arp(Arp.decode(octets[ETHERNET_HEADER:]))
            elif ethertype == IPV4:
                self._forward(side, IpPacket.decode(octets[ETHERNET_HEADER:]))
            else:
                counters["not IPv4"] += 1
        except Untranslatable as problem:
            counters[str(problem)] += 1
        except PacketError:
            counters["malformed"] += 1

    def _forward(self, side: str, packet: IpPacket) -> None:
        if packet.ttl <= 1:
            raise Untranslatable("TTL expired")
        whole = self._reassembler.add(packet, self._loop.now)
        if whole is None:
            return
        if side == INSIDE:
            to, translated = self._sides[OUTSIDE], self.table.outward(whole)
        else:
            to, translated = self._sides[INSIDE], self.table.inward(whole)
        for piece in fragments(replace(translated, ttl=packet.ttl - 1), _MTU):
            to.send(piece)


class _Side:
    """One interface: its neighbors, and the addresses that it answers ARP for."""

    def __init__(
        self,
        interface: IPv4Interface,
        pool: tuple[IPv4Address, ...],
        mac: bytes,
        gateway: IPv4Address | None,
        loop: Loop,
    ) -> None:
        self.mac = mac
        self.link: Attachment | None = None
        self._interface = interface
        self._own = {interface.ip, *pool}
        self._gateway = gateway
        self._neighbors = Neighbors(loop, self._ask, self._transmit, self._unreachable)

    def send(self, packet: IpPacket) -> None:
        """Raises Untranslatable where no next hop is known."""
        hop: Address | None = packet.destination
        if packet.destination not in self._interface.network:
            hop = self._gateway
        if hop is None:
            raise Untranslatable("no route")
        self._neighbors.send(hop, packet.encode())

    def receive_arp(self, message: Arp) -> None:
        mine = message.target in self._own
        self._neighbors.learn(message.sender, message.sender_mac, create=mine)
        if mine and message.operation == Arp.REQUEST:
            reply = Arp(Arp.REPLY, self.mac, message.target, message.sender_mac, message.sender)
            self._put(message.sender_mac, ARP, reply.encode())

    def _ask(self, address: Address) -> None:
        assert isinstance(address, IPv4Address)
        request = Arp(Arp.REQUEST, self.mac, self._interface.ip, bytes(6), address)
        self._put(BROADCAST, ARP, request.encode())

    def _transmit(self, mac: bytes, version: int, packet: bytes) -> None:
        self._put(mac, IPV4, packet)

    def _unreachable(self, address: Address, packets: Sequence[bytes]) -> None:
        """Nobody has the address: the packets are lost."""

    def _put(self, mac: bytes, ethertype: int, payload: bytes) -> None:
        if self.link is not None:
            self.link.send(frame(mac, self.mac, ethertype, payload))
