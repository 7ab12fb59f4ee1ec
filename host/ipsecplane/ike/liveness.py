"""Who watches over established IKE SAs: dead peer detection and NAT keepalives, of the newest one.

Older IKE SAs with a peer only wait for their end; asking twice would tell nothing more.
"""

from __future__ import annotations

from ipsecplane.config import Address
from ipsecplane.ike import dpd, informational
from ipsecplane.ike.constants import NotifyType, PayloadType, ProtocolId
from ipsecplane.ike.dpd import DeadPeerDetection, PeersQuestions
from ipsecplane.ike.errors import PayloadError
from ipsecplane.ike.isakmp_sa import IsakmpSa
from ipsecplane.ike.nat_keepalive import NatKeepalive
from ipsecplane.ike.payloads import HEADER_SIZE, Notification
from ipsecplane.ike.phase1_manager import Phase1Manager, is_same_peer
from ipsecplane.ike.phase2_manager import Phase2Manager
from ipsecplane.ike.runtime import Runtime
from ipsecplane.ike.sa_records import SaRecords, parts_of
from ipsecplane.ike.types import PeerDead


class Liveness:
    """Starts, feeds and ends the watches of all IKE SAs."""

    def __init__(
        self, runtime: Runtime, records: SaRecords, phase1: Phase1Manager, phase2: Phase2Manager
    ) -> None:
        self._runtime = runtime
        self._records = records
        self._phase1 = phase1
        self._phase2 = phase2

    # --- beginnings and ends ---

    def begin(self, sa: IsakmpSa, now: float) -> None:
        """An IKE SA is up, or the newest one left with its peer."""
        for other in self._phase1:
            if other is not sa and other.established and is_same_peer(other, sa):
                other.stop_watches()
        if sa.nat.we_are_behind:
            sa.nat_keepalive = NatKeepalive(sa)
            sa.nat_keepalive.start(now)
        keepalive = self._runtime.config.keepalive
        if keepalive is None:
            return
        protocol = dpd.protocol_with(sa)
        if protocol is None:
            sa.debug("peer supports neither DPD nor keepalives")
            return
        sa.dpd = DeadPeerDetection(sa, keepalive, protocol, self._dead)
        sa.dpd.start(now)

    def ended(self, sa: IsakmpSa, now: float) -> None:
        """An IKE SA was deleted; another one with its peer takes over."""
        left = self._phase1.established(sa.local, sa.remote, sa.remote_port)
        if left is not None and (sa.dpd is not None or sa.nat_keepalive is not None):
            self.begin(left, now)

    def reconfigured(self, now: float) -> None:
        """NAT keepalives may have been configured; running ones follow by themselves."""
        for sa in self._phase1:
            if sa.nat_keepalive is not None and self._is_newest(sa):
                sa.nat_keepalive.start(now)

    # --- what is heard ---

    def heard(self, sa: IsakmpSa, now: float) -> None:
        """An authentic message came under this SA."""
        if sa.dpd is not None:
            sa.dpd.heard(now)
        if sa.nat_keepalive is not None:
            sa.nat_keepalive.active(now)

    def notification(self, sa: IsakmpSa, notification: Notification, now: float) -> None:
        """A question or an answer; raises `PayloadError` for one that cannot be."""
        kind = NotifyType(notification.type)
        if sa.nat_keepalive is not None:
            sa.nat_keepalive.active(now)
        if notification.spi != sa.cookies:
            raise PayloadError(HEADER_SIZE, kind.name, "names another SA")
        if kind in dpd.IOS_KEEPALIVE:
            self._ios_keepalive(sa, kind, notification.data, now)
            return
        if len(notification.data) != dpd.SEQUENCE_SIZE:
            problem = f"has a sequence number of {len(notification.data)} octets"
            raise PayloadError(HEADER_SIZE, kind.name, problem)
        sequence = int.from_bytes(notification.data)
        sa.debug(f" DPD/{kind.name} received from peer {sa.remote}, sequence 0x{sequence:X}")
        if kind is NotifyType.R_U_THERE:
            if not self._runtime.config.dead_peer_detection:
                return
            sa.questions = sa.questions or PeersQuestions()
            if not sa.questions.accepts(sequence):
                self._runtime.count("dpd_bad_sequence")
                sa.debug(f"DPD/R_U_THERE with sequence 0x{sequence:X} is old: ignored")
                return
            if sa.dpd is not None:
                sa.dpd.hello(now)
            dpd.send(sa, NotifyType.R_U_THERE_ACK, sequence)
        elif sa.dpd is not None and kind is sa.dpd.answer:
            sa.dpd.answered(sequence, now)

    def traffic(
        self,
        local: Address,
        remote: Address,
        port: int,
        *,
        received: bool,
        sent: bool,
        since: float,
        now: float,
    ) -> None:
        """What IPsec SAs with a peer have carried from `since` to `now`."""
        sa = self._phase1.established(local, remote, port)
        if sa is None:
            return
        if sa.dpd is not None:
            sa.dpd.traffic(received=received, sent=sent, now=now)
        if sa.nat_keepalive is not None and (received or sent):
            sa.nat_keepalive.active(since)

    @property
    def watches_traffic(self) -> bool:
        """Whether anything depends on `traffic` being told at least each second."""
        return any(
            sa.established
            and (
                (sa.dpd is not None and sa.dpd.on_demand)
                or (sa.nat_keepalive is not None and sa.nat_keepalive.running)
            )
            for sa in self._phase1
        )

    def _ios_keepalive(self, sa: IsakmpSa, kind: NotifyType, data: bytes, now: float) -> None:
        """Cisco tells nobody what they carry: ours carry a number as DPD's do, theirs come back."""
        if kind is NotifyType.KEEP_ALIVE:
            if sa.dpd is not None:
                sa.dpd.hello(now)
            answer = Notification(ProtocolId.ISAKMP, NotifyType.KEEP_ALIVE_ACK, sa.cookies, data)
            informational.send(sa, [(PayloadType.NOTIFICATION, answer.encode())])
        elif sa.dpd is not None and kind is sa.dpd.answer:
            sa.dpd.answered(int.from_bytes(data), now)

    # --- death ---

    def _dead(self, sa: IsakmpSa, now: float) -> None:
        """Nobody answers: all SAs with the peer go, the IKE SAs first."""
        gone = self._records.of_sa(sa)
        self._runtime.count("peers_dead")
        self._runtime.emit(PeerDead(sa.local, sa.remote, sa.remote_port))
        others = [o for o in self._phase1 if o is not sa and is_same_peer(o, sa) and not o.deleted]
        for one in (sa, *others):
            self._phase1.delete(one, now, "peers alive", retry=False)
        sa.trace_input("IKE_MESG_FROM_TIMER", "IKE_TIMER_PEERS_ALIVE", "IKE_DEST_SA")
        self._runtime.debug(
            f"ISAKMP: Deleting peer node by peer_reap for {sa.remote}: {sa.handle:X}"
        )
        for sas in gone:
            for part in parts_of(sas):
                self._runtime.debug(
                    "ISAKMP: ignoring request to send delete notify (no ISAKMP sa) "
                    f"src {sa.local} dst {sa.remote} for SPI 0x{part.inbound_spi:X}"
                )
        self._phase2.forget(gone)

    def _is_newest(self, sa: IsakmpSa) -> bool:
        return self._phase1.established(sa.local, sa.remote, sa.remote_port) is sa
