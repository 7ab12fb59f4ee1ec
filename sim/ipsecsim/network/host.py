"""An end host with one interface: ARP, ND, IPv4 and IPv6, answers to ping, and UDP and TCP above.

Enough of RFC 1122 to be a good citizen: longest on-link match, a default gateway per IP version,
path MTU discovery, fragmentation and reassembly, ICMP errors.
"""

from __future__ import annotations

import random
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from ipaddress import IPv4Address, IPv4Interface, IPv6Address, IPv6Interface
from typing import Final

from ipsecplane.config import Address

from ipsecsim.network import icmp
from ipsecsim.network.clock import Loop
from ipsecsim.network.icmp import IcmpError, IcmpMessage
from ipsecsim.network.link import ETHERNET_HEADER, Attachment
from ipsecsim.network.neighbors import Neighbors
from ipsecsim.network.packet import (
    ARP,
    BROADCAST,
    ICMP,
    ICMPV6,
    IPV4,
    IPV6,
    Arp,
    IpPacket,
    PacketError,
    Reassembler,
    fragments,
    frame,
)
from ipsecsim.network.ping import Ping, PingOptions
from ipsecsim.network.tcp_stack import TcpStack
from ipsecsim.network.udp import UdpStack

MIN_MTU: Final = {4: 68, 6: 1280}


@dataclass(frozen=True, slots=True)
class HostConfig:
    """A host's interface: addresses with their prefix, gateways (at most one per IP version)."""

    addresses: tuple[IPv4Interface | IPv6Interface, ...]
    mac: bytes
    gateways: tuple[Address, ...] = ()
    mtu: int = 1500
    udp_echo: tuple[int, ...] = (7,)  # ports that send back what they get
    tcp_sink: tuple[int, ...] = (5001,)  # ports that take a connection and count


class NoRouteError(Exception):
    """The host has no address or no gateway for a destination."""


class Host:
    """A station. `attach` it to a link, then use `ping`, `udp` and `tcp`."""

    def __init__(self, name: str, config: HostConfig, loop: Loop, rng: random.Random) -> None:
        self.name = name
        self.config = config
        self.loop = loop
        self.rng = rng
        self.counters: Counter[str] = Counter()
        self.path_mtus: dict[Address, int] = {}
        self.neighbors = Neighbors(loop, self._ask, self._transmit, self._unreachable)
        self.udp = UdpStack(self)
        self.tcp = TcpStack(self)
        self._reassembler = Reassembler()
        self._link: Attachment | None = None
        self._identification = rng.getrandbits(16)
        self._pings: dict[int, Ping] = {}

    def attach(self, link: Attachment) -> None:
        self._link = link
        link.receive = self.receive
        link.on_state = lambda up: None if up else self.neighbors.clear()

    def source_for(self, destination: Address) -> Address:
        """The own address to use towards `destination`: the one on its network, or the first."""
        own = [i for i in self.config.addresses if i.version == destination.version]
        on_link = [i for i in own if destination in i.network]
        best = max(on_link, key=lambda i: i.network.prefixlen, default=None)
        chosen = best or next(iter(own), None)
        if chosen is None:
            raise NoRouteError(f"host {self.name} has no IPv{destination.version} address")
        return chosen.ip

    def path_mtu(self, destination: Address) -> int:
        return self.path_mtus.get(destination, self.config.mtu)

    def ping(self, options: PingOptions, on_done: Callable[[Ping], None] | None = None) -> Ping:
        """Start a ping. Raises NoRouteError."""
        source = options.source or self.source_for(options.target)
        identifier = self.rng.getrandbits(16)
        while identifier in self._pings:
            identifier = self.rng.getrandbits(16)

        def send(message: IcmpMessage) -> None:
            octets = message.encode(source, options.target)
            protocol = icmp.protocol_of(source.version)
            self.send_ip(
                IpPacket(
                    source,
                    options.target,
                    protocol,
                    octets,
                    ttl=options.ttl,
                    traffic_class=options.traffic_class,
                    dont_fragment=options.dont_fragment,
                )
            )

        def finished(ping: Ping) -> None:
            self._pings.pop(identifier, None)
            if on_done is not None:
                on_done(ping)

        ping = self._pings[identifier] = Ping(options, identifier, self.loop, send, finished)
        ping.start()
        return ping

    def send_ip(self, packet: IpPacket) -> None:
        """Send a packet, in fragments where it is too big and may be. Raises NoRouteError."""
        if packet.identification == 0:
            self._identification = (self._identification + 1) & 0xFFFF or 1
            packet = replace(packet, identification=self._identification)
        if packet.destination in {i.ip for i in self.config.addresses}:
            self.loop.after(0, lambda: self._deliver(packet))
            return
        next_hop = self._next_hop(packet.destination)
        may_fragment = not packet.dont_fragment
        mtu = self.path_mtu(packet.destination) if may_fragment else self.config.mtu
        if packet.length > mtu and not may_fragment:
            self.counters["too big to send"] += 1
            self._report(IcmpError(packet.source, "too big", packet, mtu))
            return
        for piece in fragments(packet, mtu):
            self.counters["sent"] += 1
            self.neighbors.send(next_hop, piece.encode())

    def send_error(self, about: IpPacket, kind: int, code: int, word: int = 0) -> None:
        """Send an ICMP error about a packet that came in."""
        message = icmp.error_about(about, kind, code, word)
        octets = message.encode(about.destination, about.source)
        self.send_ip(
            IpPacket(about.destination, about.source, icmp.protocol_of(about.version), octets)
        )

    def receive(self, octets: bytes) -> None:
        """A frame from the link. What is not for us or malformed is counted and dropped."""
        if len(octets) < ETHERNET_HEADER:
            self.counters["malformed"] += 1
            return
        destination, ethertype = octets[:6], int.from_bytes(octets[12:14], "big")
        if destination != self.config.mac and not destination[0] & 1:
            self.counters["not my MAC"] += 1
            return
        try:
            if ethertype == ARP:
                self._receive_arp(Arp.decode(octets[14:]))
            elif ethertype in (IPV4, IPV6):
                self._receive_ip(IpPacket.decode(octets[14:]), octets[6:12])
            else:
                self.counters["unknown EtherType"] += 1
        except PacketError:
            self.counters["malformed"] += 1
        except NoRouteError:
            self.counters["no route"] += 1

    def _receive_arp(self, message: Arp) -> None:
        mine = message.target in {i.ip for i in self.config.addresses}
        self.neighbors.learn(message.sender, message.sender_mac, create=mine)
        if mine and message.operation == Arp.REQUEST:
            reply = Arp(
                Arp.REPLY, self.config.mac, message.target, message.sender_mac, message.sender
            )
            self._put(message.sender_mac, ARP, reply.encode())

    def _receive_ip(self, packet: IpPacket, sender_mac: bytes) -> None:
        ours = packet.destination in {i.ip for i in self.config.addresses}
        if packet.protocol == ICMPV6 and (ours or packet.destination.is_multicast):
            message = IcmpMessage.decode(packet) if not packet.is_fragment else None
            if message and self._neighbor_discovery(packet, message, sender_mac):
                return
        if not ours:
            self.counters["not my address"] += 1
            return
        whole = self._reassembler.add(packet, self.loop.now)
        if whole is not None:
            self._deliver(whole)

    def _deliver(self, packet: IpPacket) -> None:
        self.counters["received"] += 1
        if packet.protocol in (ICMP, ICMPV6):
            self._receive_icmp(packet)
        elif packet.protocol == self.udp.PROTOCOL:
            self.udp.receive(packet)
        elif packet.protocol == self.tcp.PROTOCOL:
            self.tcp.receive(packet)
        else:
            self.counters["unknown protocol"] += 1

    def _receive_icmp(self, packet: IpPacket) -> None:
        message = IcmpMessage.decode(packet)
        version = packet.version
        if message.type == icmp.ECHO_REQUEST[version]:
            reply = IcmpMessage(icmp.ECHO_REPLY[version], 0, message.word, message.body)
            octets = reply.encode(packet.destination, packet.source)
            protocol, traffic_class = packet.protocol, packet.traffic_class
            self.send_ip(
                IpPacket(
                    packet.destination,
                    packet.source,
                    protocol,
                    octets,
                    traffic_class=traffic_class,
                )
            )
        elif message.type == icmp.ECHO_REPLY[version]:
            ping = self._pings.get(message.word >> 16)
            if ping is not None:
                ping.replied(message, packet)
        else:
            error = icmp.error_of(packet, message)
            if error is not None:
                self._report(error)

    def _report(self, error: IcmpError) -> None:
        """Hand an error to whoever sent the packet it is about."""
        quoted = error.quoted
        if error.kind == "too big" and error.mtu is not None:
            floor = MIN_MTU[quoted.version]
            if error.mtu >= floor:
                known = self.path_mtu(quoted.destination)
                self.path_mtus[quoted.destination] = min(known, error.mtu)
        if quoted.protocol in (ICMP, ICMPV6) and len(quoted.payload) >= 6:
            ping = self._pings.get(int.from_bytes(quoted.payload[4:6], "big"))
            if ping is not None:
                ping.failed(error)
        elif quoted.protocol == self.udp.PROTOCOL:
            self.udp.error(error)
        elif quoted.protocol == self.tcp.PROTOCOL:
            self.tcp.error(error)

    def _neighbor_discovery(self, packet: IpPacket, message: IcmpMessage, mac: bytes) -> bool:
        """Handle a solicitation or advertisement (RFC 4861 section 7.2); False if it is neither."""
        if message.type not in (icmp.NEIGHBOR_SOLICITATION, icmp.NEIGHBOR_ADVERTISEMENT):
            return False
        if packet.ttl != 255 or len(message.body) < 16:
            self.counters["malformed"] += 1
            return True
        target = IPv6Address(message.body[:16])
        if message.type == icmp.NEIGHBOR_ADVERTISEMENT:
            target_mac = icmp.link_layer_option(message.body, 2) or mac
            self.neighbors.learn(target, target_mac, create=False)
        elif target in {i.ip for i in self.config.addresses}:
            asker_mac = icmp.link_layer_option(message.body, 1)
            if asker_mac is not None and not packet.source.is_unspecified:
                self.neighbors.learn(packet.source, asker_mac)
            to: Address = packet.source
            if to.is_unspecified:  # duplicate address detection: tell everyone
                to = IPv6Address("ff02::1")
            answer = icmp.advertisement(target, self.config.mac, solicited=to == packet.source)
            self._send_nd(target, to, answer, asker_mac if to == packet.source else None)
        return True

    def _ask(self, address: Address) -> None:
        if isinstance(address, IPv4Address):
            source = self.source_for(address)
            assert isinstance(source, IPv4Address)
            request = Arp(Arp.REQUEST, self.config.mac, source, bytes(6), address)
            self._put(BROADCAST, ARP, request.encode())
        else:
            message = icmp.solicitation(address, self.config.mac)
            self._send_nd(self.source_for(address), icmp.solicited_node(address), message, None)

    def _send_nd(
        self, source: Address, to: Address, message: IcmpMessage, mac: bytes | None
    ) -> None:
        packet = IpPacket(source, to, ICMPV6, message.encode(source, to), ttl=255)
        if mac is None:
            assert isinstance(to, IPv6Address)
            mac = icmp.multicast_mac(to) if to.is_multicast else self.neighbors.lookup(to)
        if mac is not None:
            self._put(mac, IPV6, packet.encode())

    def _next_hop(self, destination: Address) -> Address:
        same = [i for i in self.config.addresses if i.version == destination.version]
        if any(destination in i.network for i in same):
            return destination
        for gateway in self.config.gateways:
            if gateway.version == destination.version and same:
                return gateway
        raise NoRouteError(f"host {self.name} has no route to {destination}")

    def _transmit(self, mac: bytes, version: int, packet: bytes) -> None:
        self._put(mac, IPV4 if version == 4 else IPV6, packet)

    def _unreachable(self, address: Address, packets: Sequence[bytes]) -> None:
        self.counters["neighbor unreachable"] += len(packets)
        for octets in packets:
            packet = IpPacket.decode(octets)
            self._report(IcmpError(packet.source, "unreachable", packet))

    def _put(self, mac: bytes, ethertype: int, payload: bytes) -> None:
        if self._link is None:
            self.counters["no link"] += 1
        else:
            self._link.send(frame(mac, self.config.mac, ethertype, payload))
