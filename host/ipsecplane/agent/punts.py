"""What happens with each kind of packet that the pipeline hands to the host."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Final

from ipsecplane.ios import syslog
from ipsecplane.ipsec.sad import SadEntry
from ipsecplane.net.icmp import Kind
from ipsecplane.net.ip import AH, ESP, UDP, IpPacket, PacketError, parse_ethernet, parse_ip
from ipsecplane.targets.crypto_header import Operation
from ipsecplane.targets.crypto_header import Reason as CryptoReason
from ipsecplane.targets.digests import PEER_MOVED, Digest
from ipsecplane.targets.packetio import PacketIn
from ipsecplane.targets.reasons import Reason

from .counters import Counters
from .crypto import Crypto
from .log import Log
from .nat import Nat
from .stack import Stack


class Punts:
    """Dispatches packet-ins; octets that are no packet are counted, never raised."""

    def __init__(
        self,
        stack: Stack,
        crypto: Crypto,
        counters: Counters,
        log: Log,
        nat: Nat,
        largest_inner: Callable[[SadEntry], int],
    ) -> None:
        """`largest_inner` says how large a cleartext packet of an SA may be."""
        self.malformed = 0
        self.now = 0.0
        self._stack = stack
        self._crypto = crypto
        self._counters = counters
        self._log = log
        self._largest_inner = largest_inner
        self._handlers: Final[Mapping[int, Callable[[PacketIn], None]]] = {
            Reason.LOCAL: self._local,
            Reason.ARP: stack.arp,
            Reason.ND: stack.neighbour_discovery,
            Reason.REASSEMBLE: stack.reassemble,
            Reason.INVALID_SPI: self._invalid_spi,
            Reason.ACQUIRE: self._acquire,
            Reason.GLEAN: stack.glean,
            Reason.TTL_EXPIRED: lambda p: stack.undeliverable(p, Kind.TIME_EXCEEDED),
            Reason.FRAG_NEEDED: self._too_big,
            Reason.NO_ROUTE: lambda p: stack.undeliverable(p, Kind.HOST_UNREACHABLE),
            Reason.SA_ERROR: self._sa_error,
            Reason.INNER_POLICY: self._inner_policy,
            Reason.NOT_IPSEC: self._not_ipsec,
            Reason.REPLAYED: self._replayed,
            Reason.TOO_OLD: self._replayed,
            Reason.NAT_FLOW: lambda p: nat.new_flow(p, self.now),
        }

    def told(self, digest: Digest) -> None:
        """What the pipeline says without a packet."""
        if digest.name == PEER_MOVED:
            fields = digest.fields
            self._crypto.peer_port_changed(fields["sa_index"], fields["epoch"], fields["port"])

    def handle(self, punt: PacketIn, now: float) -> None:
        self.now = now
        handler = self._handlers.get(punt.reason)
        if handler is None:
            self.malformed += 1
            return
        try:
            if self._crypto.debugging and punt.operation == Operation.DECRYPTED:
                octets = parse_ethernet(punt.frame).payload
                when = "After decryption" if punt.crypto_reason == 0 else "Before decryption"
                self._crypto.debug_packet(when, parse_ip(octets), octets, now)
            handler(punt)
        except PacketError:
            self.malformed += 1

    def _local(self, punt: PacketIn) -> None:
        decrypted = punt.operation == Operation.DECRYPTED
        sa = self._crypto.sad.by_index(punt.sa_index) if decrypted else None
        self._stack.local(punt, sa.sas.peers_view if sa is not None else None)

    def _acquire(self, punt: PacketIn) -> None:
        self._crypto.negotiations.acquire(punt.value, self.now)

    def _invalid_spi(self, punt: PacketIn) -> None:
        packet = _packet(punt)
        self._crypto.invalid_spi(packet.src, packet.dst, punt.protocol, punt.value, self.now)

    def _too_big(self, punt: PacketIn) -> None:
        if punt.operation == Operation.ENCRYPTED:
            # Our own tunnel packet: from now on what goes in has to be smaller.
            sa = self._crypto.sad.by_index(punt.sa_index)
            if sa is not None:
                self._crypto.learn_path_mtu(sa, punt.value, self.now)
        else:
            self._stack.undeliverable(punt, Kind.TOO_BIG, punt.value)

    def _not_ipsec(self, punt: PacketIn) -> None:
        packet = _packet(punt)
        line = syslog.received_not_ipsec(self.now, packet.dst, packet.src, packet.protocol)
        self._log.add_limited(line, packet.src)

    def _inner_policy(self, punt: PacketIn) -> None:
        sa = self._crypto.sad.by_index(punt.sa_index)
        self._counters.refused_by_pipeline(punt.sa_index, "invalid_identity")
        if sa is None:
            return
        packet = _packet(punt)
        line = syslog.received_wrong_identity(
            self.now, packet.dst, packet.src, packet.protocol, sa.sas.local, sa.sas.remote
        )
        self._log.add_limited(line, sa.index)

    def _replayed(self, punt: PacketIn) -> None:
        self._counters.refused_by_pipeline(punt.sa_index, "replay_errors")
        self._log_replay(punt)

    def _sa_error(self, punt: PacketIn) -> None:
        """The accelerator refused; it has counted by itself."""
        match punt.crypto_reason:
            case CryptoReason.BAD_ICV:
                sa = self._crypto.sad.by_index(punt.sa_index)
                if sa is not None:
                    line = syslog.integrity_failed(self.now, _inbound_conn(sa))
                    self._log.add_limited(line, sa.index)
            case CryptoReason.REPLAYED | CryptoReason.TOO_OLD:
                self._log_replay(punt)
            case CryptoReason.SEQUENCE_OVERFLOW:
                self._crypto.sequence_exhausted(punt.sa_index, self.now)
            case CryptoReason.TOO_BIG if punt.operation == Operation.ENCRYPTED:
                sa = self._crypto.sad.by_index(punt.sa_index)
                if sa is not None:
                    self._stack.undeliverable(punt, Kind.TOO_BIG, self._largest_inner(sa))

    def _log_replay(self, punt: PacketIn) -> None:
        sa = self._crypto.sad.by_index(punt.sa_index)
        if sa is not None:
            sequence = _sequence(_packet(punt)) if punt.operation == 0 else None
            line = syslog.replay_check_failed(self.now, _inbound_conn(sa), sequence)
            self._log.add_limited(line, sa.index)


def _packet(punt: PacketIn) -> IpPacket:
    return parse_ip(parse_ethernet(punt.frame).payload)


def _inbound_conn(sa: SadEntry) -> int:
    return sa.ids[sa.outer.protocol].inbound_conn


def _sequence(packet: IpPacket) -> int | None:
    """The sequence number that an IPsec packet shows outside."""
    at = {ESP: 4, AH: 8, UDP: 12}.get(packet.protocol)
    if at is None or len(packet.payload) < at + 4:
        return None
    return int.from_bytes(packet.payload[at : at + 4], "big")
