"""TCP on a host: listening ports that count, and flows that move bytes and close."""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final

from ipsecplane.config import Address

from ipsecsim.network.clock import Alarm
from ipsecsim.network.icmp import IcmpError
from ipsecsim.network.packet import TCP, IpPacket
from ipsecsim.network.tcp import ACK, RST, SYN, Segment, State, TcpConnection

if TYPE_CHECKING:
    from ipsecsim.network.host import Host

HEADERS: Final = {4: 40, 6: 60}  # IP and TCP
_KEY = tuple[Address, Address, int, int]  # local, remote, local port, remote port


@dataclass(frozen=True, slots=True)
class TcpFlowOptions:
    """A bulk transfer of `size` bytes to a listening port."""

    target: Address
    port: int = 5001
    size: int = 100_000
    traffic_class: int = 0


@dataclass(slots=True)
class TcpFlow:
    """A transfer under way: done when both sides have closed or it failed (`error`)."""

    options: TcpFlowOptions
    connection: TcpConnection
    started: float
    finished: float | None = None

    @property
    def done(self) -> bool:
        return self.finished is not None

    @property
    def error(self) -> str:
        return self.connection.error

    @property
    def acknowledged(self) -> int:
        return self.connection.counters.bytes_acknowledged


@dataclass(slots=True)
class TcpPort:
    """What a listening port took. `digests` are SHA-256 of each finished connection's bytes."""

    connections: int = 0
    received_bytes: int = 0
    digests: list[str] = field(default_factory=list)


@dataclass(slots=True)
class _Entry:
    connection: TcpConnection
    alarm: Alarm
    moved: Callable[[], None]  # the application, called after anything happened
    traffic_class: int = 0


def pattern(size: int) -> bytes:
    """The bytes that a flow sends: no two segments alike, so that a mix-up shows."""
    block = bytes((i * 7 + (i >> 8) * 13) & 0xFF for i in range(65536))
    return (block * (size // len(block) + 1))[:size]


class TcpStack:
    """TCP of a host."""

    PROTOCOL: Final = TCP

    def __init__(self, host: Host) -> None:
        self._host = host
        self._entries: dict[_KEY, _Entry] = {}
        self.ports: dict[int, TcpPort] = {port: TcpPort() for port in host.config.tcp_sink}

    @property
    def connections(self) -> list[TcpConnection]:
        return [entry.connection for entry in self._entries.values()]

    def listen(self, port: int) -> TcpPort:
        return self.ports.setdefault(port, TcpPort())

    def flow(
        self, options: TcpFlowOptions, on_done: Callable[[TcpFlow], None] | None = None
    ) -> TcpFlow:
        """Connect, send `size` bytes, close. Raises NoRouteError."""
        host = self._host
        source = host.source_for(options.target)
        port = 49152 + host.rng.randrange(16384)
        while (source, options.target, port, options.port) in self._entries:
            port = 49152 + host.rng.randrange(16384)
        ports = (port, options.port)
        connection = TcpConnection.connect(
            ports, host.rng.getrandbits(32), self._mss(options.target), host.loop.now
        )
        flow = TcpFlow(options, connection, host.loop.now)

        def moved() -> None:
            ended = connection.state in (State.CLOSED, State.TIME_WAIT)
            if ended and flow.finished is None:
                flow.finished = host.loop.now
                if on_done is not None:
                    on_done(flow)

        connection.write(pattern(options.size))
        connection.close()
        self._add((source, options.target, *ports), connection, moved, options.traffic_class)
        return flow

    def receive(self, packet: IpPacket) -> None:
        """Raises PacketError."""
        segment = Segment.decode(packet)
        ends = (packet.destination, packet.source)
        key = (*ends, segment.destination_port, segment.source_port)
        entry = self._entries.get(key)
        if entry is not None:
            entry.connection.receive(segment, self._host.loop.now)
            self._moved(key, entry)
        elif segment.flags & (SYN | ACK | RST) == SYN and segment.destination_port in self.ports:
            self._accept(key, segment)
        elif not segment.flags & RST:
            self._refuse(packet, segment)

    def error(self, error: IcmpError) -> None:
        """An ICMP error about one of our segments: "too big" shrinks, the rest is only a hint."""
        ports = error.quoted.payload[:4]
        local, remote = error.quoted.source, error.quoted.destination
        key = (local, remote, int.from_bytes(ports[:2], "big"), int.from_bytes(ports[2:], "big"))
        entry = self._entries.get(key)
        if entry is not None and error.kind == "too big":
            entry.connection.now = self._host.loop.now
            entry.connection.shrink(self._mss(remote))
            self._moved(key, entry)

    def _accept(self, key: _KEY, segment: Segment) -> None:
        host = self._host
        listening = self.ports[segment.destination_port]
        listening.connections += 1
        connection = TcpConnection.accept(
            segment, host.rng.getrandbits(32), self._mss(key[1]), host.loop.now
        )
        digest = hashlib.sha256()

        def moved() -> None:
            data = connection.read()
            listening.received_bytes += len(data)
            digest.update(data)
            if connection.state is State.CLOSE_WAIT:
                listening.digests.append(digest.hexdigest())
                connection.close()

        self._add(key, connection, moved)

    def _refuse(self, packet: IpPacket, segment: Segment) -> None:
        ports = (segment.destination_port, segment.source_port)
        length = len(segment.data) + bool(segment.flags & SYN) + (segment.flags & 1)
        answer = Segment(*ports, 0, segment.sequence + length & 0xFFFFFFFF, RST | ACK, 0)
        if segment.flags & ACK:
            answer = Segment(*ports, segment.acknowledgment, 0, RST, 0)
        self._send((packet.destination, packet.source), answer)

    def _add(
        self,
        key: _KEY,
        connection: TcpConnection,
        moved: Callable[[], None],
        traffic_class: int = 0,
    ) -> None:
        def after() -> None:
            self._moved(key, entry)

        entry = _Entry(connection, Alarm(self._host.loop, connection, after), moved, traffic_class)
        self._entries[key] = entry
        self._moved(key, entry)

    def _moved(self, key: _KEY, entry: _Entry) -> None:
        entry.moved()
        for segment in entry.connection.segments_to_send():
            self._send(key[:2], segment, entry.traffic_class)
        if entry.connection.state is State.CLOSED:
            entry.alarm.stop()
            self._entries.pop(key, None)
        else:
            entry.alarm.rearm()

    def _send(
        self, ends: tuple[Address, Address], segment: Segment, traffic_class: int = 0
    ) -> None:
        self._host.send_ip(
            IpPacket(
                *ends,
                TCP,
                segment.encode(*ends),
                traffic_class=traffic_class,
                dont_fragment=ends[0].version == 4,
            )
        )

    def _mss(self, remote: Address) -> int:
        return self._host.path_mtu(remote) - HEADERS[remote.version]
