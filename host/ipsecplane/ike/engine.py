"""The IKE engine: datagrams, commands and time in; datagrams, events and a next time out.

Nothing here opens a socket or reads a clock. After every call the owner takes `events()` first and
`datagrams_to_send()` second: an `InboundSasReady` must be acted upon before the message that lets
the peer use those SAs goes out.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime

from ipsecplane.config import Address
from ipsecplane.ike import complaints, informational, notices
from ipsecplane.ike.clients import Clients
from ipsecplane.ike.constants import NO_COOKIE, ExchangeType, HeaderFlag
from ipsecplane.ike.errors import IkeError, NegotiationError, PayloadError
from ipsecplane.ike.isakmp_sa import IsakmpSa, Request
from ipsecplane.ike.liveness import Liveness
from ipsecplane.ike.messages import node_of
from ipsecplane.ike.payloads import Header
from ipsecplane.ike.peer_moves import PeerMoves
from ipsecplane.ike.phase1_manager import Phase1Manager
from ipsecplane.ike.phase2_manager import Phase2Manager
from ipsecplane.ike.runtime import Runtime
from ipsecplane.ike.sa_records import SaRecords
from ipsecplane.ike.spi_notices import SpiNotices
from ipsecplane.ike.types import (
    Datagram,
    Event,
    IkeConfig,
    IpsecSas,
    IsakmpSaView,
    Phase2Policy,
    Statistics,
)

PHASE1 = (ExchangeType.MAIN, ExchangeType.AGGRESSIVE)
TRANSACTION, INFORMATIONAL = ExchangeType.TRANSACTION, ExchangeType.INFORMATIONAL
EARLY_LIMIT = 8  # Phase 2 messages kept until Phase 1 is done


def _since_1970(now: float) -> datetime:
    """Of a clock that nobody has set: no certificate is valid yet."""
    return datetime.fromtimestamp(now, UTC)


class Engine:
    """All IKE version 1 of one router."""

    def __init__(
        self,
        config: IkeConfig,
        *,
        random_bytes: Callable[[int], bytes],
        wall_time: Callable[[float], datetime] = _since_1970,
    ) -> None:
        """`wall_time` gives the UTC time of an instant: certificates have dates."""
        self._runtime = Runtime(config, random_bytes, wall_time)
        self._records = SaRecords()
        self._phase1 = Phase1Manager(
            self._runtime,
            self._records,
            self._sa_established,
            self._sa_deleted,
            self._sa_authenticated,
        )
        self.clients = Clients(self._runtime, self._records, self._phase1)
        self._moves = PeerMoves(self._runtime, self._records, self._phase1)
        self._phase2 = Phase2Manager(self._runtime, self._records, self._phase1)
        self._spi_notices = SpiNotices(self._runtime, self._phase1)
        self._liveness = Liveness(self._runtime, self._records, self._phase1, self._phase2)

    # --- configuration and views ---

    def reconfigure(self, config: IkeConfig, now: float) -> None:
        """A new configuration for what begins from `now` on; existing SAs stay."""
        self._runtime.config = config
        self._liveness.reconfigured(now)

    def isakmp_sas(self) -> list[IsakmpSaView]:
        """All IKE SAs in order of creation, deleted ones for another minute."""
        return [sa.view() for sa in self._phase1]

    @property
    def statistics(self) -> Statistics:
        """Counts since the start: received, sent, retransmitted, duplicates, replayed, malformed,
        bad_hash, unauthenticated, no_sa, (main|aggressive|quick)_modes(_failed), recoveries, and
        refusals by the notification that they caused (no_proposal_chosen, …).
        """
        return Statistics(dict(self._runtime.counts))

    # --- time and output ---

    def datagrams_to_send(self) -> list[Datagram]:
        """What is to be sent, in order; taken once."""
        return self._runtime.take_datagrams()

    def events(self) -> list[Event]:
        """What happened since the last call, in order."""
        return self._runtime.take_events()

    def next_timeout(self) -> float | None:
        """When `handle_timeout` wants to be called next."""
        return self._runtime.timers.next_time()

    def handle_timeout(self, now: float) -> None:
        self._runtime.timers.run(now)

    # --- commands ---

    def initiate(
        self,
        policy: Phase2Policy,
        *,
        local: Address,
        peer: Address,
        now: float,
        replaces: int | None = None,
        peer_port: int | None = None,
    ) -> None:
        """Negotiate IPsec SAs for a policy: an acquire, or a rekey of the SAs with id `replaces`.

        Joins a negotiation for the same policy that is under way. Ends in `OutboundSasReady` or
        `NegotiationFailed`. `peer_port` tells apart peers behind one NAT.
        """
        request = Request(policy, local, peer, replaces, peer_port=peer_port)
        self._phase2.request(request, now)

    def notify_invalid_spi(
        self, peer: Address, local: Address, protocol: int, spi: int, now: float
    ) -> None:
        """A packet came from `peer` with an SPI that we do not have (IP protocol 50 or 51).

        The peer is told through an IKE SA. Without one, and only with invalid SPI recovery
        configured, an IKE SA is set up for it: to peers of a policy alone, and seldom (the guide's
        "built-in mechanism" against denial of service).
        """
        self._spi_notices.notify(peer, local, protocol, spi, now)

    def delete_sas(self, sas: IpsecSas, now: float) -> None:
        """Tell the peer that these SAs of ours are gone, if there is an IKE SA to tell it by."""
        sas = self._records.remove(sas.id) or sas  # the peer may have moved meanwhile
        sa = self._phase1.established(sas.local, sas.remote, sas.remote_port)
        if sa is not None:
            informational.send_deletion(sa, sas)

    def delete_isakmp(self, conn_id: int | None, now: float) -> bool:
        """`clear crypto isakmp [conn-id]`: False if there is no such live connection."""
        found = [
            sa
            for sa in self._phase1
            if not sa.deleted and (conn_id is None or sa.conn_id == conn_id)
        ]
        for sa in found:
            self._phase1.delete(sa, now, "BY user command", retry=False)
        return bool(found) or conn_id is None

    def delete_view(self, view: IsakmpSaView, now: float) -> None:
        """End the IKE SA that `isakmp_sas` showed, in whatever state it is."""
        for sa in self._phase1:
            if sa.cookies == view.initiator_cookie + view.responder_cookie:
                self._phase1.delete(sa, now, "BY user command", retry=False)

    def delete_peer(
        self, local: Address, remote: Address, port: int, now: float, reason: str
    ) -> None:
        """End the IKE SAs with a peer, and tell it."""
        for sa in list(self._phase1):
            if sa.established and sa.is_with(local, remote, port):
                self._phase1.delete(sa, now, reason, retry=False)

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
        """What IPsec SAs with a peer carried from `since` to `now`, by the data plane's counters.

        Dead peer detection on demand and NAT keepalives go by it (see `watches_traffic`).
        """
        self._liveness.traffic(
            local, remote, port, received=received, sent=sent, since=since, now=now
        )

    def peer_port_changed(self, sas_id: int, port: int) -> None:
        """Authentic ESP of these SAs has come from another port (RFC 3948 section 4)."""
        self._moves.port_changed(sas_id, port)

    @property
    def watches_traffic(self) -> bool:
        """Whether `traffic` has to be called each second, and before `handle_timeout`."""
        return self._liveness.watches_traffic

    # --- datagrams ---

    def receive(self, datagram: Datagram, now: float) -> None:
        """Any datagram of ports 500 and 4500; never raises, whatever its bytes."""
        runtime = self._runtime
        runtime.count("received")
        if datagram.payload == b"\xff":
            runtime.count("nat_keepalives")
            return
        try:
            header = Header.decode(datagram.payload)
        except PayloadError as error:
            complaints.bad_message(runtime, datagram, error)
            return
        try:
            if header.responder_cookie == NO_COOKIE and header.exchange in PHASE1:
                self._first_message(header, datagram, now)
            elif (sa := self._find(header)) is not None:
                self._receive_on(sa, header, datagram, now)
            else:
                self._without_sa(header, datagram)
        except PayloadError as error:
            complaints.bad_message(runtime, datagram, error)
        except IkeError as error:
            complaints.mode_failure(runtime, header.exchange, datagram, error)

    def _find(self, header: Header) -> IsakmpSa | None:
        if header.responder_cookie == NO_COOKIE:
            return None
        sa = self._phase1.by_cookies(header.initiator_cookie + header.responder_cookie)
        if sa is None and header.exchange in PHASE1:
            # The answer to our first message brings the responder's cookie.
            sa = self._phase1.by_cookies(header.initiator_cookie + NO_COOKIE)
        return sa

    def _first_message(self, header: Header, datagram: Datagram, now: float) -> None:
        if header.flags & HeaderFlag.ENCRYPTED or header.message_id:
            raise PayloadError(19, "flags and message ID", "are not those of a first message")
        try:
            self._phase1.respond(header, datagram, now)
        except NegotiationError as error:
            runtime = self._runtime
            runtime.debug(
                "ISAKMP:(0): phase 1 SA policy not acceptable! "
                f"(local {datagram.local} remote {datagram.remote})"
            )
            self._phase1.refuse(header, datagram, error.notify)
            raise

    def _receive_on(self, sa: IsakmpSa, header: Header, datagram: Datagram, now: float) -> None:
        if datagram.local != sa.local or (
            datagram.remote != sa.remote and not (sa.established and sa.nat.peer_is_behind)
        ):
            self._runtime.count("wrong_source")
            return
        role = "I" if sa.initiator else "R"
        sa.debug(
            f" received packet from {datagram.remote} dport {datagram.local_port} "
            f"sport {datagram.remote_port} Global ({role}) {sa.state}"
        )
        if header.exchange in PHASE1:
            if header.message_id:
                raise PayloadError(20, "message ID", "is not zero in Phase 1")
            if sa.phase1 is None or header.exchange != sa.phase1.kind:
                raise PayloadError(18, "exchange type", "is not that of this SA")
            self._phase1.receive(sa, header, datagram, now)
        elif not header.flags & HeaderFlag.ENCRYPTED:
            complaints.unauthenticated(self._runtime, header.exchange, datagram)
        elif sa.authenticated and header.message_id and header.exchange == TRANSACTION:
            self.clients.receive(sa, header, datagram, now)
            self._heard(sa, datagram, now)
        elif not sa.established and not (sa.authenticated and header.exchange == INFORMATIONAL):
            if sa.keys is not None and len(sa.work.early) < EARLY_LIMIT:
                sa.work.early.append(datagram)
        elif header.message_id == 0:
            raise PayloadError(20, "message ID", "is zero in Phase 2")
        elif header.message_id in sa.exchanges:
            exchange = sa.exchanges[header.message_id]
            before = exchange.state
            try:
                exchange.receive(header, datagram.payload, now)
            except NegotiationError as error:
                self._phase2.abandon(exchange, error, now)
                raise
            if exchange.state is not before:
                self._heard(sa, datagram, now)
        elif header.exchange == ExchangeType.QUICK:
            try:
                if self._phase2.respond(sa, header, datagram, now):
                    self._heard(sa, datagram, now)
            except NegotiationError:
                sa.debug(f"phase 2 SA policy not acceptable! (local {sa.local} remote {sa.remote})")
                raise
        elif header.exchange == ExchangeType.INFORMATIONAL:
            self._informational(sa, header, datagram, now)
        else:
            raise PayloadError(18, "exchange type", f"{header.exchange} is not supported")

    def _informational(self, sa: IsakmpSa, header: Header, datagram: Datagram, now: float) -> None:
        if header.message_id in sa.used_message_ids:
            self._runtime.count("replayed")
            return
        iv = sa.phase1_keys().phase2_iv(sa.last_block, header.message_id)
        message = informational.open_authenticated(sa, header, datagram.payload, iv)
        sa.used_message_ids.add(header.message_id)
        self._moves.follow(sa, datagram)
        node = node_of(header.message_id)
        self._runtime.debug(f"ISAKMP: set new node {node} to QM_IDLE")
        sa.debug(f" processing HASH payload. message ID = {node}")
        notices.handle(sa, message, now, self._phase1, self._phase2, self._liveness)
        sa.debug(f'deleting node {node} error FALSE reason "Informational (in) state 1"')
        if not sa.deleted:
            sa.trace_input("IKE_MESG_FROM_PEER", "IKE_INFO_NOTIFY")

    # --- what the managers report ---

    def _sa_authenticated(self, sa: IsakmpSa, now: float) -> bool:
        waits = self.clients.begin(sa, now)
        if waits:
            self._take_early(sa, now)
        return waits

    def _sa_established(self, sa: IsakmpSa, now: float) -> None:
        if sa.initial_contact:
            self._phase1.drop_older(sa, now)
            self._phase2.drop_older(sa)
        self._liveness.begin(sa, now)
        self._spi_notices.sa_established(sa)
        self._phase2.sa_established(sa, now)
        self._take_early(sa, now)

    def _take_early(self, sa: IsakmpSa, now: float) -> None:
        """Messages that overtook what had to be before them."""
        early, sa.work.early = sa.work.early, []
        for datagram in early:
            self.receive(datagram, now)

    def _sa_deleted(self, sa: IsakmpSa, now: float, retry: bool, reason: str) -> None:
        self.clients.ended(sa, reason)
        self._phase2.sa_deleted(sa, now, retry)
        self._liveness.ended(sa, now)

    # --- helpers ---

    def _heard(self, sa: IsakmpSa, datagram: Datagram, now: float) -> None:
        """An authentic message: the peer is alive, and where it came from."""
        self._liveness.heard(sa, now)
        self._moves.follow(sa, datagram)

    def _without_sa(self, header: Header, datagram: Datagram) -> None:
        runtime = self._runtime
        if header.exchange == ExchangeType.INFORMATIONAL and not header.flags:
            complaints.unauthenticated(runtime, header.exchange, datagram)
        elif self._phase1.was_deleted(header.initiator_cookie + header.responder_cookie):
            runtime.count("deleted_sa")  # both sides delete at the same time, or late messages
        else:
            runtime.count("no_sa")
            if header.responder_cookie == NO_COOKIE:
                error = PayloadError(18, "exchange type", "is not supported")
                complaints.mode_failure(runtime, header.exchange, datagram, error)
            else:
                complaints.no_sa(runtime, datagram)
