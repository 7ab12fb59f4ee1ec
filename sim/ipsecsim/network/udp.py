"""UDP on a host: echo ports, and flows that count what happened to each datagram (RFC 768)."""

from __future__ import annotations

import struct
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final

from ipsecplane.config import Address

from ipsecsim.network import icmp
from ipsecsim.network.icmp import IcmpError
from ipsecsim.network.packet import UDP, IpPacket, PacketError, checksum, pseudo_header

if TYPE_CHECKING:
    from ipsecsim.network.host import Host

_HEADER: Final = struct.Struct(">HHHH")
_FLOW: Final = struct.Struct(">4sIQ")  # magic, sequence number, when sent (ns)
_MAGIC: Final = b"flow"
HEADERS: Final = {4: 28, 6: 48}  # IP and UDP


def encode(source: Address, destination: Address, ports: tuple[int, int], data: bytes) -> bytes:
    """A UDP message with its checksum."""
    length = _HEADER.size + len(data)
    without = _HEADER.pack(*ports, length, 0)
    value = checksum(pseudo_header(source, destination, UDP, length), without, data)
    return _HEADER.pack(*ports, length, value or 0xFFFF) + data


def decode(packet: IpPacket) -> tuple[int, int, bytes]:
    """Source port, destination port, data. Raises PacketError."""
    octets = packet.payload
    if len(octets) < _HEADER.size:
        raise PacketError(f"UDP: {len(octets)} octets, needs {_HEADER.size}")
    source, destination, length, value = _HEADER.unpack_from(octets)
    if not _HEADER.size <= length <= len(octets):
        raise PacketError(f"UDP: length {length} of {len(octets)} octets")
    octets = octets[:length]
    cover = pseudo_header(packet.source, packet.destination, UDP, length)
    if (value or packet.version == 6) and checksum(cover, octets):
        raise PacketError("UDP: wrong checksum")
    return source, destination, octets[_HEADER.size :]


@dataclass(frozen=True, slots=True)
class UdpFlowOptions:
    """`size` is of the whole IP datagram; `rate` is datagrams per second."""

    target: Address
    port: int = 7
    count: int = 10
    size: int = 100
    rate: float = 10.0
    traffic_class: int = 0
    dont_fragment: bool = False
    linger: float = 2.0  # seconds to wait for the last answers


@dataclass(slots=True)
class UdpFlow:
    """A flow's sender, and what it saw come back if the port echoes."""

    options: UdpFlowOptions
    source_port: int
    sent: int = 0
    echoed: int = 0
    duplicates: int = 0
    reordered: int = 0
    errors: int = 0
    round_trips: list[float] = field(default_factory=list)
    done: bool = False
    _seen: set[int] = field(default_factory=set)
    _highest: int = -1

    def returned(self, sequence: int, round_trip: float) -> None:
        if sequence in self._seen:
            self.duplicates += 1
            return
        self._seen.add(sequence)
        self.echoed += 1
        self.round_trips.append(round_trip)
        if sequence < self._highest:
            self.reordered += 1
        self._highest = max(self._highest, sequence)


@dataclass(slots=True)
class UdpPort:
    """What arrived at one port of a host."""

    received: int = 0
    received_bytes: int = 0  # UDP data
    reordered: int = 0
    duplicates: int = 0
    traffic_classes: dict[int, int] = field(default_factory=dict)
    _flows: dict[tuple[Address, int], tuple[int, set[int]]] = field(default_factory=dict)

    def count(self, packet: IpPacket, source_port: int, data: bytes) -> None:
        self.received += 1
        self.received_bytes += len(data)
        seen_class = self.traffic_classes.get(packet.traffic_class, 0)
        self.traffic_classes[packet.traffic_class] = seen_class + 1
        if len(data) < _FLOW.size or data[:4] != _MAGIC:
            return
        _, sequence, _ = _FLOW.unpack_from(data)
        key = (packet.source, source_port)
        highest, seen = self._flows.get(key, (-1, set()))
        self.duplicates += sequence in seen
        self.reordered += sequence not in seen and sequence < highest
        seen.add(sequence)
        self._flows[key] = (max(highest, sequence), seen)


class UdpStack:
    """UDP of a host. Ports in `echo` answer; any port that `open` names counts."""

    PROTOCOL: Final = UDP

    def __init__(self, host: Host) -> None:
        self._host = host
        self.ports: dict[int, UdpPort] = {port: UdpPort() for port in host.config.udp_echo}
        self._echo = frozenset(host.config.udp_echo)
        self._flows: dict[int, UdpFlow] = {}

    def open(self, port: int) -> UdpPort:
        """Count what arrives at `port` (without answering unless it echoes)."""
        return self.ports.setdefault(port, UdpPort())

    def flow(
        self, options: UdpFlowOptions, on_done: Callable[[UdpFlow], None] | None = None
    ) -> UdpFlow:
        """Start sending. Raises NoRouteError."""
        host, loop = self._host, self._host.loop
        source = host.source_for(options.target)
        port = 49152 + host.rng.randrange(16384)
        while port in self._flows:
            port = 49152 + host.rng.randrange(16384)
        flow = self._flows[port] = UdpFlow(options, port)
        size = max(_FLOW.size, options.size - HEADERS[options.target.version])

        def finish() -> None:
            flow.done = True
            del self._flows[port]
            if on_done is not None:
                on_done(flow)

        def send() -> None:
            data = _FLOW.pack(_MAGIC, flow.sent, loop.now_ns).ljust(size, b"\xa5")
            flow.sent += 1
            if flow.sent < options.count:
                loop.after(1 / options.rate, send)
            else:
                loop.after(options.linger, finish)
            ports = (port, options.port)
            host.send_ip(
                IpPacket(
                    source,
                    options.target,
                    UDP,
                    encode(source, options.target, ports, data),
                    traffic_class=options.traffic_class,
                    dont_fragment=options.dont_fragment,
                )
            )

        send()
        return flow

    def receive(self, packet: IpPacket) -> None:
        """Raises PacketError."""
        source_port, port, data = decode(packet)
        flow = self._flows.get(port)
        if flow is not None and len(data) >= _FLOW.size and data[:4] == _MAGIC:
            _, sequence, sent_at = _FLOW.unpack_from(data)
            flow.returned(sequence, (self._host.loop.now_ns - sent_at) / 1e9)
        elif port in self.ports:
            self.ports[port].count(packet, source_port, data)
            if port in self._echo:
                ends = (packet.destination, packet.source)
                reply = encode(*ends, (port, source_port), data)
                traffic_class = packet.traffic_class
                self._host.send_ip(IpPacket(*ends, UDP, reply, traffic_class=traffic_class))
        else:
            self._host.counters["udp port closed"] += 1
            version = packet.version
            self._host.send_error(packet, icmp.UNREACHABLE[version], icmp.PORT_UNREACHABLE[version])

    def error(self, error: IcmpError) -> None:
        flow = self._flows.get(int.from_bytes(error.quoted.payload[:2], "big"))
        if flow is not None:
            flow.errors += 1
