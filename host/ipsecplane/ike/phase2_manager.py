"""The quick modes of an engine: requests for IPsec SAs, answers to peers, and what came of them."""

from __future__ import annotations

from ipsecplane.ike import informational, quick_mode
from ipsecplane.ike.constants import PayloadType
from ipsecplane.ike.errors import NegotiationError
from ipsecplane.ike.exchange import longest_negotiation
from ipsecplane.ike.isakmp_sa import IsakmpSa, Request
from ipsecplane.ike.messages import Message
from ipsecplane.ike.payloads import Header, Notification, single
from ipsecplane.ike.phase1_manager import Phase1Manager
from ipsecplane.ike.phase2 import FIRST_SPI
from ipsecplane.ike.proposals import SecurityAssociation
from ipsecplane.ike.quick_mode import QuickMode
from ipsecplane.ike.runtime import Runtime
from ipsecplane.ike.sa_records import SaRecords, outbound_spis
from ipsecplane.ike.types import (
    Datagram,
    IpsecSas,
    IpsecSasDeleted,
    NegotiationFailed,
    Phase2Policy,
)

MOST_ATTEMPTS = 2  # IKE SAs that may die under one request


class Phase2Manager:
    """Implements `quick_mode.Owner`."""

    def __init__(self, runtime: Runtime, records: SaRecords, phase1: Phase1Manager) -> None:
        self._runtime = runtime
        self._records = records
        self._phase1 = phase1
        self._next_sas_id = 1

    # --- requests ---

    def request(self, request: Request, now: float) -> None:
        """Take up an acquire or a rekey, unless a negotiation under way will satisfy it."""
        if self._joins(request):
            self._runtime.count("joined")
            return
        self._pursue(request, now)

    def _joins(self, request: Request) -> bool:
        policy = request.policy
        for sa in self._phase1:
            if sa.deleted or not sa.is_with(request.local, request.peer, request.peer_port):
                continue
            if any(is_same(waiting.policy, policy) for waiting in sa.work.requests):
                return True
            for exchange in sa.exchanges.values():
                ours = exchange.policy
                if not exchange.pending or ours is None or ours.entry != policy.entry:
                    continue
                if exchange.initiator and is_same(ours, policy):
                    return True
                sas = exchange.sas
                if sas is not None and (sas.local_identity, sas.remote_identity) == (
                    policy.local,
                    policy.remote,
                ):
                    exchange.joined.append(request)
                    return True
        return False

    def _pursue(self, request: Request, now: float) -> None:
        sa = self._phase1.established(request.local, request.peer, request.peer_port)
        if sa is not None and request.policy.isakmp_profile in (None, sa.profile):
            self._initiate(sa, request, now)
            return
        sa = self._phase1.negotiating(request.local, request.peer, request.peer_port)
        if sa is None:
            try:
                sa = self._phase1.start(
                    request.local, request.peer, now, profile=request.policy.isakmp_profile
                )
            except NegotiationError as error:
                self._failed(request, str(error))
                return
        sa.work.requests.append(request)

    def _initiate(self, sa: IsakmpSa, request: Request, now: float) -> None:
        exchange = QuickMode(sa, self, sa.new_message_id())
        sa.exchanges[exchange.message_id] = exchange
        try:
            exchange.initiate(request, now)
        except NegotiationError as error:
            exchange.fail(now, str(error))

    def _retry(self, request: Request, now: float, reason: str) -> None:
        request.attempts += 1
        if request.attempts < MOST_ATTEMPTS:
            self.request(request, now)
        else:
            self._failed(request, reason)

    def _failed(self, request: Request, reason: str) -> None:
        self._runtime.emit(NegotiationFailed(request.peer, request.policy.entry, reason))

    # --- the IKE SA under it ---

    def sa_established(self, sa: IsakmpSa, now: float) -> None:
        """Start what waited for this SA or for another one with the same peer."""
        waiting = [sa] + [
            other
            for other in self._phase1
            if other is not sa
            and other.negotiating
            and other.is_with(sa.local, sa.remote, sa.remote_port)
        ]
        for other in waiting:
            requests, other.work.requests = other.work.requests, []
            for request in requests:
                self._initiate(sa, request, now)

    def sa_deleted(self, sa: IsakmpSa, now: float, retry: bool) -> None:
        """Quick modes end with their IKE SA; what we wanted of them is tried again or reported."""
        requests, sa.work.requests = sa.work.requests, []
        for exchange in list(sa.exchanges.values()):
            exchange.stop()
            if exchange.pending:
                exchange.state = quick_mode.State.FAILED
                self._take_back(exchange)
                requests += exchange.joined
                if exchange.request is not None:
                    requests.append(exchange.request)
        for request in requests:
            if retry:
                self._retry(request, now, "IKE SA was deleted")
            else:
                self._failed(request, "no IKE SA")
        last = self._phase1.established(sa.local, sa.remote, sa.remote_port) is None
        if not self._runtime.config.dangling and sa.established_at is not None and last:
            self.forget(self._records.of_sa(sa))

    # --- peers' quick modes ---

    def respond(self, sa: IsakmpSa, header: Header, datagram: Datagram, now: float) -> bool:
        """A message with a new message ID; True if it was authentic and acceptable.

        Raises the errors of `errors.py`. What we cannot agree to is answered with an
        authenticated notification.
        """
        if header.message_id in sa.used_message_ids:
            self._runtime.count("replayed")
            return False
        message = quick_mode.open_first(sa, header, datagram.payload)
        sa.used_message_ids.add(header.message_id)
        exchange = QuickMode(sa, self, header.message_id)
        try:
            exchange.respond(message, datagram.payload, now)
        except NegotiationError as error:
            self._refuse(sa, message, error)
            raise
        sa.exchanges[header.message_id] = exchange
        return True

    def abandon(self, exchange: QuickMode, error: NegotiationError, now: float) -> None:
        """As initiator: the responder's answer is authentic but not acceptable."""
        protocol, spi = next(iter(exchange.spis.items()))
        _notify(exchange.sa, protocol, error, spi)
        exchange.fail(now, str(error))

    def _refuse(self, sa: IsakmpSa, message: Message, error: NegotiationError) -> None:
        """The notification names the SPI that the peer proposed: so it knows the exchange."""
        offer = SecurityAssociation.decode(single(message.payloads, PayloadType.SA))
        proposal = offer.proposals[0]
        _notify(sa, proposal.protocol, error, proposal.spi)

    # --- quick_mode.Owner ---

    def new_sas_id(self) -> int:
        self._next_sas_id += 1
        return self._next_sas_id - 1

    def new_spi(self) -> int:
        while True:
            spi = int.from_bytes(self._runtime.random_bytes(4))
            if spi >= FIRST_SPI and not self._records.uses_spi(spi):
                return spi

    def sas_negotiated(self, sas: IpsecSas) -> None:
        self._records.add(sas)

    def quick_mode_done(self, exchange: QuickMode, now: float) -> None:
        self._runtime.count("quick_modes")
        assert exchange.sas is not None
        self._runtime.timers.at(
            exchange.sas.established_at + exchange.sas.lifetime_seconds, self._records.expire
        )
        self._forget_later(exchange, now)

    def quick_mode_failed(
        self, exchange: QuickMode, now: float, reason: str, *, peer_is_silent: bool
    ) -> None:
        self._runtime.count("quick_modes_failed")
        self._take_back(exchange)
        self._forget_later(exchange, now)
        joined, exchange.joined = exchange.joined, []
        if peer_is_silent and exchange.initiator:
            # An IKE SA that the peer no longer answers on is a black hole of its own.
            self._phase1.delete(exchange.sa, now, reason)
        elif peer_is_silent and exchange.sas is not None and exchange.sa.established:
            # QM3 may have been sent all the same, and the initiator believe that it is through.
            informational.send_deletion(exchange.sa, exchange.sas)
        for request in joined:
            self._retry(request, now, reason)
        if exchange.request is not None:
            if peer_is_silent:
                self._retry(exchange.request, now, reason)
            else:
                self._failed(exchange.request, reason)

    # --- ends of IPsec SAs ---

    def forget(self, found: list[IpsecSas], *, invalid_spi: bool = False) -> None:
        """The peer no longer has these SAs."""
        for sas in found:
            self._records.remove(sas.id)
            self._runtime.emit(
                IpsecSasDeleted(sas.remote, outbound_spis(sas), invalid_spi, sas.remote_port)
            )

    def drop_older(self, sa: IsakmpSa) -> None:
        """INITIAL-CONTACT: SAs from before the IKE SA that brought it are gone at the peer."""
        self.forget([sas for sas in self._records.of_sa(sa) if sas.established_at < sa.created_at])

    def deleted_by_peer(
        self, sa: IsakmpSa, protocol: int, spi: int, now: float, *, invalid_spi: bool = False
    ) -> None:
        """The peer deleted or does not know (IP protocol, SPI); a bundle goes as a whole."""
        sas = self._records.by_outbound(sa, protocol, spi)
        if sas is None:
            port = sa.remote_port if sa.nat.peer_is_behind else None
            self._runtime.emit(IpsecSasDeleted(sa.remote, ((protocol, spi),), invalid_spi, port))
            return
        self.forget([sas], invalid_spi=invalid_spi)
        for exchange in list(sa.exchanges.values()):
            if exchange.pending and exchange.sas is not None and exchange.sas.id == sas.id:
                exchange.fail(now, "peer deleted the SAs")

    def refused_by_peer(self, sa: IsakmpSa, spi: bytes, kind: str, now: float) -> None:
        """An error notification about a quick mode, known by an SPI of either side.

        One without a known SPI is about the only quick mode that we initiated, if there is one.
        """
        pending = [exchange for exchange in sa.exchanges.values() if exchange.pending]
        named = [exchange for exchange in pending if exchange.uses_spi(spi)]
        ours = [exchange for exchange in pending if exchange.initiator]
        if named or len(ours) == 1:
            (named or ours)[0].fail(now, f"peer sent {kind}")

    def _take_back(self, exchange: QuickMode) -> None:
        if exchange.sas is not None and exchange.sas.id in self._records:
            self.forget([exchange.sas])

    def _forget_later(self, exchange: QuickMode, now: float) -> None:
        """Duplicates are answered for as long as the peer may send them."""
        config = self._runtime.config
        wait = longest_negotiation(config.retransmit_interval, config.retransmit_limit)

        def forget(_: float) -> None:
            exchange.sa.exchanges.pop(exchange.message_id, None)

        self._runtime.timers.at(now + wait, forget)


def is_same(one: Phase2Policy, other: Phase2Policy) -> bool:
    """Whether they ask for the same: those of a dynamic map differ by what its peers asked for."""
    return (one.entry, one.local, one.remote) == (other.entry, other.local, other.remote)


def _notify(sa: IsakmpSa, protocol: int, error: NegotiationError, spi: bytes) -> None:
    sa.debug(f"sending NOTIFY {error.notify.name} protocol {protocol} spi {int.from_bytes(spi)}")
    notification = Notification(protocol, error.notify, spi)
    informational.send(sa, [(PayloadType.NOTIFICATION, notification.encode())])
