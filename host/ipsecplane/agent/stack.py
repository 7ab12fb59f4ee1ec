"""The router's own IP stack above the pipeline: what is punted to it, and what it sends itself."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from ipaddress import IPv4Address
from typing import Final

from ipsecplane.config import Address
from ipsecplane.ike.types import Datagram
from ipsecplane.ipsec.path_mtu import TooBig
from ipsecplane.net import icmp
from ipsecplane.net.icmp import IcmpMessage, Kind, RateLimit
from ipsecplane.net.ip import (
    AH,
    ESP,
    ETHERTYPE_ARP,
    GRE,
    ICMP,
    ICMPV6,
    UDP,
    EthernetFrame,
    IpPacket,
    PacketError,
    UdpDatagram,
    parse_ethernet,
    parse_ip,
    parse_udp,
)
from ipsecplane.net.neighbours import NeighbourCache, Port
from ipsecplane.net.pat import Translations
from ipsecplane.net.ping import Ping
from ipsecplane.net.rib import Rib
from ipsecplane.net.tcp import reset_for
from ipsecplane.net.transport_nat import restored
from ipsecplane.targets.crypto_header import Operation
from ipsecplane.targets.packetio import Mode, PacketIn, PacketOut
from ipsecplane.views import PingRequest, PingResult

from .fragments import Fragments
from .interfaces import Interface, InterfaceTable

IKE_PORT: Final = 500
NAT_T_PORT: Final = 4500
CPU_PORT: Final = 510
_NON_ESP_MARKER: Final = bytes(4)
_NAT_KEEPALIVE: Final = b"\xff"
_INTERNETWORK_CONTROL: Final = 0xC0  # the precedence that IOS gives IKE


class Stack:
    """Sends by `transmit`; hands IKE datagrams to `on_ike`, errors about IPsec to `on_too_big`."""

    def __init__(
        self,
        interfaces: InterfaceTable,
        fragments: Fragments,
        *,
        arp_timeout: float,
        transmit: Callable[[PacketOut], None],
        on_ike: Callable[[Datagram], None],
        on_too_big: Callable[[TooBig], None],
        on_neighbours: Callable[[], None],
    ) -> None:
        self.rib = Rib((), (), lambda _: False)
        self.neighbours = NeighbourCache(self._send_frame, arp_timeout)
        self.fragments = fragments
        self.now = 0.0
        self.on_sent: Callable[[IpPacket, bytes], None] | None = None  # sees what policy applies to
        self.translations = Translations()
        self._interfaces = interfaces
        self._transmit = transmit
        self._on_ike = on_ike
        self._on_too_big = on_too_big
        self._on_neighbours = on_neighbours
        self._pings: dict[int, Ping] = {}
        self._ping_id = 0
        self._identification = 0
        self._errors = RateLimit()
        self._looped: list[IpPacket] = []

    # -- time ---------------------------------------------------------------------------------

    def next_timeout(self) -> float | None:
        if self._looped:
            return self.now
        candidates = [self.neighbours.next_timeout(), self.fragments.next_timeout()]
        candidates += [ping.next_timeout() for ping in self._pings.values()]
        return min((c for c in candidates if c is not None), default=None)

    def handle_timeout(self, now: float) -> None:
        self.now = now
        self.deliver_looped()
        if self.neighbours.handle_timeout(now):
            self._on_neighbours()
        self.fragments.handle_timeout(now)
        for ping in list(self._pings.values()):
            ping.handle_timeout(now)

    # -- sending ------------------------------------------------------------------------------

    def send(self, packet: IpPacket, *, clear: bool = False) -> None:
        """Send a packet of our own; `clear` = past the SPD (IKE only)."""
        if packet.dst in self.rib.local:
            self._looped.append(packet)
            return
        if packet.version == 4:
            self._identification = self._identification + 1 & 0xFFFF
            packet = replace(packet, identification=self._identification)
        octets = packet.encode()
        if self.on_sent is not None and not clear:
            self.on_sent(packet, octets)
        frame = EthernetFrame(0, 0, packet.ethertype, octets).encode()
        self._transmit(PacketOut(Mode.ROUTE_CLEAR if clear else Mode.ROUTE, frame))

    def deliver_looped(self) -> bool:
        """Packets to ourselves, which never see the pipeline. True if there were any."""
        looped, self._looped = self._looped, []
        for packet in looped:
            self._deliver(packet, packet.encode(), None)
        return bool(looped)

    def send_ike(self, datagram: Datagram) -> None:
        """Also a NAT keepalive: it bears neither marker nor checksum (RFC 3948 section 2.3)."""
        payload = datagram.payload
        keepalive = payload == _NAT_KEEPALIVE
        if datagram.local_port == NAT_T_PORT and not keepalive:
            payload = _NON_ESP_MARKER + payload
        udp = UdpDatagram(datagram.local_port, datagram.remote_port, payload)
        octets = udp.encode(datagram.local, datagram.remote, checked=not keepalive)
        packet = IpPacket(datagram.local, datagram.remote, UDP, octets, tos=_INTERNETWORK_CONTROL)
        self.send(packet, clear=True)

    def source_address(self, destination: Address) -> Address | None:
        """What a packet of our own to `destination` bears as its source: see docs/routing.md."""
        if destination in self.rib.local:
            return destination
        route = self.rib.lookup(destination)
        interface = self._interfaces.named(route.interface) if route is not None else None
        if interface is None:
            return None
        return interface.primary(destination.version)

    def ping(
        self,
        request: PingRequest,
        on_output: Callable[[str], None],
        on_done: Callable[[PingResult], None],
    ) -> Ping:
        """Start a ping. Without a route the echoes are lost, as IOS shows it."""
        source = request.source or self.source_address(request.target)
        if source is None:
            source = next(
                (a for a in self.rib.local if a.version == request.target.version),
                IPv4Address(0) if request.target.version == 4 else request.target,
            )
        self._ping_id = self._ping_id + 1 & 0xFFFF
        identifier = self._ping_id

        def done(result: PingResult) -> None:
            self._pings.pop(identifier, None)
            on_done(result)

        ping = Ping(request, source, identifier, send=self.send, on_output=on_output, on_done=done)
        self._pings[identifier] = ping
        ping.start(self.now)
        return ping

    # -- what is punted -------------------------------------------------------------------------

    def arp(self, punt: PacketIn) -> None:
        """An ARP packet. Raises PacketError."""
        interface = self._interfaces.numbered(punt.if_id)
        frame = parse_ethernet(punt.frame)
        if interface is None or frame.ethertype != ETHERTYPE_ARP:
            return
        if self.neighbours.receive_arp(interface, frame.payload, self.now):
            self._on_neighbours()

    def neighbour_discovery(self, punt: PacketIn) -> None:
        """Neighbour or router discovery. Raises PacketError."""
        interface = self._interfaces.numbered(punt.if_id)
        if interface is None:
            return
        packet = parse_ip(parse_ethernet(punt.frame).payload)
        if self.neighbours.receive_nd(interface, packet, self.now):
            self._on_neighbours()

    def local(self, punt: PacketIn, view: tuple[Address, Address] | None = None) -> None:
        """A packet for the router itself. `view`: see `transport_nat`. Raises PacketError."""
        octets = parse_ethernet(punt.frame).payload
        packet = parse_ip(octets)
        if view is not None:
            packet = restored(packet, view)
        self._deliver(packet, octets, self._interfaces.numbered(punt.if_id))

    def reassemble(self, punt: PacketIn) -> None:
        """A fragment for the router itself.

        The whole packet goes through the pipeline again, which knows what is for the SAD; but one
        that was decrypted, or carried by a tunnel, is done with that. GRE that was cut before
        encryption has its own way back in. Raises PacketError.
        """
        frame = parse_ethernet(punt.frame)
        interface = self._interfaces.numbered(punt.if_id)
        if interface is None:
            return
        decrypted = punt.operation == Operation.DECRYPTED
        fragment = parse_ip(frame.payload)
        whole = self.fragments.add(interface, fragment, self.now, decrypted=decrypted)
        if whole is None:
            return
        octets = whole.encode()
        if decrypted and whole.protocol == GRE and interface.port is not None:
            own = EthernetFrame(interface.mac, interface.mac, whole.ethertype, octets).encode()
            self._transmit(PacketOut(Mode.RECEIVE_DECRYPTED, own, interface.port))
        elif decrypted or interface.config.tunnel is not None:
            self._deliver(whole, octets, interface)
        else:
            again = replace(frame, payload=octets).encode()
            self._transmit(PacketOut(Mode.RECEIVE, again, punt.ingress_port))

    def glean(self, punt: PacketIn) -> None:
        """The next hop's MAC is not known: find it, then finish the packet's way. PacketError.

        All decisions on the packet were made but for the MAC, so it leaves directly; only what
        crosses the router still has its TTL to be counted down.
        """
        interface = self._interfaces.numbered(punt.if_id)
        if interface is None or interface.port is None:
            return
        octets = parse_ethernet(punt.frame).payload
        packet = parse_ip(octets)
        hop = self._next_hop(punt, packet)
        crosses = punt.ingress_port != CPU_PORT and punt.operation in (0, Operation.DECRYPTED)
        port, mac, ethertype = interface.port, interface.mac, packet.ethertype

        def resolved(next_mac: int | None) -> None:
            if next_mac is None:
                self._tell(packet, octets, Kind.HOST_UNREACHABLE, None)
                return
            ready = _count_down(octets) if crosses else octets
            frame = EthernetFrame(next_mac, mac, ethertype, ready).encode()
            self._transmit(PacketOut(Mode.DIRECT, frame, port))

        self.neighbours.resolve(interface, hop, self.now, resolved)

    def undeliverable(self, punt: PacketIn, kind: Kind, mtu: int = 0) -> None:
        """A packet that could not be sent on: tell its sender why. Raises PacketError."""
        octets = parse_ethernet(punt.frame).payload
        packet = parse_ip(octets)
        if punt.ingress_port == CPU_PORT:
            if packet.protocol in (ICMP, ICMPV6) and kind is Kind.TOO_BIG:
                self._ping_error(packet, kind)
            return
        before = self.translations.as_it_was(packet)
        if before is not packet:
            packet, octets = before, before.encode()
        came_in = kind is Kind.TIME_EXCEEDED  # else the punt names the interface out
        interface = self._interfaces.numbered(punt.if_id) if came_in else None
        self._tell(packet, octets, kind, interface, mtu)

    # -- inside -------------------------------------------------------------------------------

    def _next_hop(self, punt: PacketIn, packet: IpPacket) -> Address:
        if packet.version == 4 and punt.value:
            return IPv4Address(punt.value)
        route = self.rib.lookup(packet.dst)
        return route.next_hop if route is not None and route.next_hop is not None else packet.dst

    def _send_frame(self, port: Port, frame: bytes) -> None:
        interface = self._interfaces.numbered(port.if_id)
        if interface is not None and interface.port is not None:
            self._transmit(PacketOut(Mode.DIRECT, frame, interface.port))

    def _tell(
        self,
        packet: IpPacket,
        octets: bytes,
        kind: Kind,
        interface: Interface | None,
        mtu: int = 0,
    ) -> None:
        """Send an ICMP error about `packet`, at most one of a kind each half second."""
        if packet.src in self.rib.local:
            return
        source = interface.primary(packet.version) if interface is not None else None
        source = source or self.source_address(packet.src)
        if source is None:
            return
        error = icmp.error_about(packet, octets, kind, source, mtu)
        if error is not None and self._errors.allows((kind, packet.src), self.now):
            self.send(error)

    def _deliver(self, packet: IpPacket, octets: bytes, interface: Interface | None) -> None:
        if packet.dst not in self.rib.local:
            return  # broadcast: nothing of ours listens
        inside = self.translations.to_inside(packet)
        if inside is not None:  # put together here: the pipeline has not translated it
            self.send(inside)
            return
        match packet.protocol:
            case 1 | 58:
                self._icmp(packet)
            case 17:
                self._udp(packet, octets, interface)
            case 6:
                answer = reset_for(packet)
                if answer is not None:
                    self.send(answer)
            case _:
                self._tell(packet, octets, Kind.PROTOCOL_UNREACHABLE, interface)

    def _udp(self, packet: IpPacket, octets: bytes, interface: Interface | None) -> None:
        udp = parse_udp(packet)
        payload = udp.payload
        if udp.dst_port == NAT_T_PORT:
            if not payload.startswith(_NON_ESP_MARKER):
                return  # a keepalive, or ESP that the pipeline should have taken
            payload = payload[len(_NON_ESP_MARKER) :]
        elif udp.dst_port != IKE_PORT:
            self._tell(packet, octets, Kind.PORT_UNREACHABLE, interface)
            return
        self._on_ike(Datagram(packet.dst, udp.dst_port, packet.src, udp.src_port, payload))

    def _icmp(self, packet: IpPacket) -> None:
        message = icmp.parse_icmp(packet)
        if message is None:
            return
        if message.kind is Kind.ECHO_REQUEST:
            self.send(icmp.echo_reply(packet, message))
        elif message.kind is Kind.ECHO_REPLY:
            ping = self._pings.get(message.identifier)
            if ping is not None:
                ping.reply(packet, message, self.now)
        else:
            self._icmp_error(packet, message)

    def _icmp_error(self, packet: IpPacket, message: IcmpMessage) -> None:
        """An error about something we sent: a ping's echo, or an IPsec packet too big."""
        try:
            about = parse_ip(_completed(message.data))
        except PacketError:
            return
        if about.src not in self.rib.local:
            return
        before = self.translations.as_it_was(about)
        if before is not about:
            self.send(icmp.about_another(packet, message, before))
        elif about.protocol in (ICMP, ICMPV6):
            self._ping_error(about, message.kind)
        elif message.kind is Kind.TOO_BIG and about.protocol in (ESP, AH, UDP):
            self._on_too_big(_too_big(about, message))

    def _ping_error(self, echo: IpPacket, kind: Kind) -> None:
        if len(echo.payload) >= 8 and echo.payload[0] in (8, 128):
            identifier = int.from_bytes(echo.payload[4:6], "big")
            ping = self._pings.get(identifier)
            if ping is not None:
                ping.error(kind, int.from_bytes(echo.payload[6:8], "big"), self.now)


def _count_down(octets: bytes) -> bytes:
    """The packet with its TTL or hop limit one less."""
    packet = parse_ip(octets)
    if packet.version == 4:
        return replace(packet, ttl=packet.ttl - 1).encode()
    return octets[:7] + bytes([octets[7] - 1]) + octets[8:]


def _too_big(about: IpPacket, message: IcmpMessage) -> TooBig:
    """What an error tells about an IPsec packet; what the quote lacks was filled with zeros."""
    length = len(about.encode())
    shown = len(about.payload) - (length - len(message.data))
    at = {ESP: 0, AH: 4, UDP: 8}[about.protocol]
    payload = about.payload
    return TooBig(
        message.rest if about.version == 6 else message.rest & 0xFFFF,
        about.src,
        about.dst,
        about.protocol,
        length,
        about.df,
        int.from_bytes(payload[at : at + 4], "big") if shown >= at + 4 else None,
        _ports(payload) if about.protocol == UDP and shown >= 4 else None,
    )


def _ports(payload: bytes) -> tuple[int, int]:
    return int.from_bytes(payload[:2], "big"), int.from_bytes(payload[2:4], "big")


def _completed(quoted: bytes) -> bytes:
    """A quoted packet, which is cut off, with zeros up to the length that it claims."""
    if quoted[:1] and quoted[0] >> 4 == 6 and len(quoted) >= 40:
        return quoted.ljust(40 + int.from_bytes(quoted[4:6], "big"), b"\0")
    if len(quoted) >= 20:
        return quoted.ljust(int.from_bytes(quoted[2:4], "big"), b"\0")
    return quoted
