"""Peers behind a NAT, which may get another port or address at any time (RFC 3947 section 4)."""

from __future__ import annotations

from ipsecplane.config import Address
from ipsecplane.ike.isakmp_sa import IsakmpSa
from ipsecplane.ike.phase1_manager import Phase1Manager
from ipsecplane.ike.runtime import Runtime
from ipsecplane.ike.sa_records import SaRecords
from ipsecplane.ike.types import Datagram, PeerMoved

Peer = tuple[Address, int]


class PeerMoves:
    """Where peers are, by the last authentic packet: their IKE SA and its IPsec SAs go along."""

    def __init__(self, runtime: Runtime, records: SaRecords, phase1: Phase1Manager) -> None:
        self._runtime = runtime
        self._records = records
        self._phase1 = phase1

    def follow(self, sa: IsakmpSa, datagram: Datagram) -> None:
        """A NAT may give the peer another port or address; the message that tells is authentic."""
        new = (datagram.remote, datagram.remote_port)
        if not sa.nat.peer_is_behind or new == (sa.remote, sa.remote_port):
            return
        old = (sa.remote, sa.remote_port)
        sa.remote, sa.remote_port, sa.local_port = *new, datagram.local_port
        self._moved(old, new, sa.conn_id)

    def port_changed(self, sas_id: int, port: int) -> None:
        """Authentic ESP of these SAs has come from another port (RFC 3948 section 4)."""
        sas = self._records.get(sas_id)
        if sas is None or not sas.peer_is_behind_nat or sas.remote_port == port:
            return
        old = (sas.remote, sas.remote_port)
        own = (sa for sa in self._phase1 if sa.established and sa.conn_id == sas.isakmp_conn_id)
        sa = next(own, None) or self._phase1.established(sas.local, *old)
        if sa is not None:
            sa.remote_port = port
        conn_id = sa.conn_id if sa is not None else sas.isakmp_conn_id
        self._moved(old, (sas.remote, port), conn_id)

    def _moved(self, old: Peer, new: Peer, conn_id: int) -> None:
        """SAs go along, but those of another peer stay: a NAT that restarts gives out ports anew,
        so one peer may be where another was last seen.
        """
        others = {
            sa.conn_id
            for sa in self._phase1
            if sa.established and sa.conn_id != conn_id and (sa.remote, sa.remote_port) == old
        }
        moved = self._records.move_peer(old, new, others)
        self._runtime.emit(PeerMoved(*old, *new, moved))
