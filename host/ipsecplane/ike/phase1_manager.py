"""The IKE SAs of an engine: which exist, how they begin, are replaced and end."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Final

from ipsecplane.config import Address
from ipsecplane.ike import credentials, informational, messages
from ipsecplane.ike import phase1_payloads as parts
from ipsecplane.ike.aggressive_mode import AggressiveMode
from ipsecplane.ike.constants import (
    IKE_PORT,
    NO_COOKIE,
    ExchangeType,
    NotifyType,
    PayloadType,
    ProtocolId,
)
from ipsecplane.ike.errors import NegotiationError
from ipsecplane.ike.isakmp_sa import IsakmpSa
from ipsecplane.ike.main_mode import MainMode
from ipsecplane.ike.messages import open_plain
from ipsecplane.ike.payloads import Deletion, Header, Notification
from ipsecplane.ike.runtime import Runtime
from ipsecplane.ike.sa_records import SaRecords
from ipsecplane.ike.types import (
    Datagram,
    EzvpnClient,
    IsakmpSaDeleted,
    IsakmpSaEstablished,
    IsakmpState,
)

SHOWN_AFTER_DELETION: Final = 60.0  # seconds an SA stays in the list as MM_NO_STATE (deleted)
_UNPROVEN: Final = (IsakmpState.MM_SA_SETUP, IsakmpState.AG_INIT_EXCH)  # see `_make_room`
REKEY_MARGIN: Final = 0.1  # of the lifetime, before its end
LONGEST_REKEY_MARGIN: Final = 300.0


class Phase1Manager:
    """Implements `phase1_exchange.Owner` and `clients.Owner`.

    `on_established` and `on_deleted` go on with Phase 2; `follow_up` says whether something comes
    before that, whose end it tells by `complete` or `turn_away`.
    """

    def __init__(
        self,
        runtime: Runtime,
        records: SaRecords,
        on_established: Callable[[IsakmpSa, float], None],
        on_deleted: Callable[[IsakmpSa, float, bool, str], None],
        follow_up: Callable[[IsakmpSa, float], bool],
    ) -> None:
        self._runtime = runtime
        self._records = records
        self._on_established = on_established
        self._on_deleted = on_deleted
        self._follow_up = follow_up
        self._sas: list[IsakmpSa] = []  # in order of creation, deleted ones until they are purged
        self._met: set[Address] = set()  # peers with whom an SA was ever up
        self._by_cookies: dict[bytes, IsakmpSa] = {}
        self._next_conn_id = 1001

    # --- look-up ---

    def __iter__(self) -> Iterator[IsakmpSa]:
        return iter(list(self._sas))

    def by_cookies(self, cookies: bytes) -> IsakmpSa | None:
        """A live SA; one of ours without an answer yet is known by its own cookie and zeros."""
        return self._by_cookies.get(cookies)

    def was_deleted(self, cookies: bytes) -> bool:
        """Whether an SA with these cookies ended not long ago."""
        return any(sa.deleted and sa.cookies == cookies for sa in self._sas)

    def established(
        self, local: Address, remote: Address, port: int | None = None
    ) -> IsakmpSa | None:
        """The newest one that is up between two addresses (and with that port behind a NAT)."""
        return max(
            (sa for sa in self._sas if sa.established and sa.is_with(local, remote, port)),
            key=lambda sa: sa.established_at or 0.0,
            default=None,
        )

    def negotiating(
        self, local: Address, remote: Address, port: int | None = None
    ) -> IsakmpSa | None:
        """One on its way up that is worth waiting for.

        A peer's first message may be forged, its third not by somebody who cannot receive at its
        address: before that, nothing may depend on what the peer began.
        """
        return next(
            (
                sa
                for sa in self._sas
                if sa.negotiating
                and sa.is_with(local, remote, port)
                and (sa.initiator or sa.state is IsakmpState.MM_KEY_EXCH)
            ),
            None,
        )

    # --- beginnings ---

    def start(
        self,
        local: Address,
        peer: Address,
        now: float,
        *,
        local_port: int = IKE_PORT,
        peer_port: int = IKE_PORT,
        for_recovery: bool = False,
        profile: str | None = None,
        client: EzvpnClient | None = None,
    ) -> IsakmpSa:
        """Begin Phase 1 as initiator; raises `NegotiationError` without a policy or a key."""
        runtime = self._runtime
        try:
            terms = (
                credentials.for_initiator(runtime.config, peer, profile)
                if client is None
                else credentials.for_client(client, runtime.config)
            )
        except NegotiationError as error:
            runtime.debug(f"ISAKMP:(0):{str(error).capitalize()}!")
            raise
        sa = IsakmpSa(
            runtime,
            initiator=True,
            local=local,
            remote=peer,
            local_port=local_port,
            remote_port=peer_port,
            cookie_i=runtime.nonzero_random(8),
            now=now,
        )
        sa.for_recovery = for_recovery
        mode = AggressiveMode if terms.aggressive else MainMode
        sa.phase1 = mode(sa, self, terms)
        self._sas.append(sa)
        self._by_cookies[sa.cookies] = sa
        sa.phase1.initiate(now)
        return sa

    def respond(self, header: Header, datagram: Datagram, now: float) -> None:
        """A first message from a peer; raises `PayloadError` or `NegotiationError`."""
        runtime = self._runtime
        known = self._half_open(header.initiator_cookie, datagram.remote)
        if known is not None and known.phase1 is not None:
            known.phase1.receive(header, datagram, now)
            return
        if header.initiator_cookie + NO_COOKIE in self._by_cookies:
            runtime.count("reflected")  # our own first message came back
            return
        message = open_plain(header, datagram.payload)
        if not self._make_room(now):
            runtime.count("negotiation_limit")
            return
        sa = IsakmpSa(
            runtime,
            initiator=False,
            local=datagram.local,
            remote=datagram.remote,
            local_port=datagram.local_port,
            remote_port=datagram.remote_port,
            cookie_i=header.initiator_cookie,
            now=now,
        )
        sa.debug(
            f" received packet from {sa.remote} dport {sa.local_port} sport {sa.remote_port} "
            "Global (N) NEW SA"
        )
        aggressive = header.exchange == ExchangeType.AGGRESSIVE
        if aggressive and not runtime.config.aggressive_mode:
            raise NegotiationError(NotifyType.INVALID_EXCHANGE_TYPE, "aggressive mode is disabled")
        identity = parts.read_identity(sa, message)[1] if aggressive else None
        try:
            terms = credentials.for_responder(
                runtime.config, datagram.local, datagram.remote, identity
            )
        except NegotiationError as error:
            sa.debug(f"{str(error).capitalize()}!")
            raise
        sa.phase1 = (AggressiveMode if aggressive else MainMode)(sa, self, terms)
        sa.phase1.respond(message, now)
        self._sas.append(sa)
        self._by_cookies[sa.cookies] = sa

    def refuse(self, header: Header, datagram: Datagram, notify: NotifyType) -> None:
        """Tell the sender of an unacceptable first message, without a state and unauthenticated."""
        notification = Notification(ProtocolId.ISAKMP, notify)
        message = messages.plain(
            header.initiator_cookie + header.responder_cookie,
            ExchangeType.INFORMATIONAL,
            int.from_bytes(self._runtime.nonzero_random(4)),
            [(PayloadType.NOTIFICATION, notification.encode())],
        )
        self._runtime.send(
            Datagram(
                datagram.local, datagram.local_port, datagram.remote, datagram.remote_port, message
            )
        )

    def receive(self, sa: IsakmpSa, header: Header, datagram: Datagram, now: float) -> None:
        """A Phase 1 message of an SA; raises the errors of `errors.py`."""
        assert sa.phase1 is not None
        before = sa.cookies
        sa.phase1.receive(header, datagram, now)
        if sa.cookies != before and self._by_cookies.pop(before, None) is not None:
            self._by_cookies[sa.cookies] = sa

    # --- phase1_exchange.Owner ---

    def number(self, sa: IsakmpSa) -> None:
        """IOS numbers an SA when it has keys; until then it is 0 in lists and debugs."""
        sa.conn_id = self._next_conn_id
        self._next_conn_id += 1

    def is_first_contact(self, sa: IsakmpSa) -> bool:
        """INITIAL-CONTACT says that we hold nothing else with the peer (RFC 2407 section 4.6.3.3).

        Invalid SPI recovery names the one SPI instead of wiping out all of them; but where we have
        never met the peer, it knows us from before a restart and holds nothing that is of use.
        """
        return (
            not (sa.for_recovery and sa.remote in self._met)
            and not self._records.of_sa(sa)
            and not any(s.established and is_same_peer(s, sa) for s in self._sas if s is not sa)
        )

    def phase1_done(self, sa: IsakmpSa, now: float, *, initial_contact: bool) -> None:
        sa.cancel_timers()
        sa.authenticated = True
        sa.initial_contact = initial_contact
        self._runtime.count(f"{_mode(sa)}_modes")
        if not self._follow_up(sa, now):
            self.complete(sa, now)

    # --- clients.Owner ---

    def complete(self, sa: IsakmpSa, now: float) -> None:
        """Nothing is missing any more."""
        sa.cancel_timers()
        sa.established_at = now
        sa.state = IsakmpState.QM_IDLE
        self._met.add(sa.remote)
        assert sa.choice is not None
        lifetime = float(sa.choice.lifetime)
        margin = min(lifetime * REKEY_MARGIN, LONGEST_REKEY_MARGIN)
        # The responder waits for the initiator's rekeying first; jitter keeps many SAs apart.
        jitter = self._runtime.random_bytes(1)[0] / 256 * margin / 4
        early = margin - jitter if sa.initiator else margin / 2 - jitter
        sa.at(now + lifetime - early, lambda at: self._rekey(sa, at))
        sa.at(now + lifetime, lambda at: self.delete(sa, at, "IKE SA Lifetime Exceeded"))
        self._runtime.emit(IsakmpSaEstablished(sa.conn_id))
        self._on_established(sa, now)

    def turn_away(self, sa: IsakmpSa, now: float, reason: str) -> None:
        """What follows Phase 1 failed."""
        self.delete(sa, now, reason, retry=False)

    def phase1_failed(self, sa: IsakmpSa, now: float, reason: str) -> None:
        self._runtime.count(f"{_mode(sa)}_modes_failed")
        self.delete(sa, now, reason)

    # --- ends ---

    def delete(
        self, sa: IsakmpSa, now: float, reason: str, *, tell_peer: bool = True, retry: bool = True
    ) -> None:
        """End an SA. It stays listed for a minute; `retry`: what it was needed for goes on."""
        if sa.deleted:
            return
        role = "I" if sa.initiator else "R"
        sa.debug(
            f'deleting SA reason "{reason}" state ({role}) {sa.state} '
            f"(peer {sa.remote}) input queue 0"
        )
        if sa.authenticated and tell_peer:
            deletion = Deletion(ProtocolId.ISAKMP, (sa.cookies,))
            informational.send(sa, [(PayloadType.DELETE, deletion.encode())])
        was_established = sa.established
        sa.deleted = True
        sa.state = IsakmpState.AG_NO_STATE if _mode(sa) == "aggressive" else IsakmpState.MM_NO_STATE
        sa.cancel_timers()
        if sa.phase1 is not None:
            sa.phase1.stop()
        self._by_cookies.pop(sa.cookies, None)
        if sa.initiator or sa.conn_id:
            self._runtime.timers.at(now + SHOWN_AFTER_DELETION, lambda _: self._purge(sa))
        else:
            self._purge(sa)  # a peer's first message that nothing followed
        if sa.conn_id:
            self._runtime.emit(IsakmpSaDeleted(sa.conn_id, reason))
        self._on_deleted(sa, now, retry and was_established, reason)

    def drop_older(self, sa: IsakmpSa, now: float) -> None:
        """The peer has no other IKE SA with us: those up before this one began are dead."""
        for other in self:
            if (
                other is not sa
                and other.established_at is not None
                and other.established_at < sa.created_at
                and is_same_peer(other, sa)
            ):
                self.delete(other, now, "Receive initial contact", tell_peer=False)

    def _rekey(self, sa: IsakmpSa, now: float) -> None:
        """Replace an SA before it expires, if IPsec SAs still need one and no newer one is up."""
        peer = sa.local, sa.remote, sa.remote_port
        if self.established(*peer) is not sa or self.negotiating(*peer) is not None:
            return
        if not self._records.of_sa(sa) and not any(
            exchange.pending for exchange in sa.exchanges.values()
        ):
            return
        try:
            self.start(
                sa.local,
                sa.remote,
                now,
                local_port=sa.local_port,
                peer_port=sa.remote_port,
                profile=sa.profile,
                client=sa.phase1.credentials.client if sa.phase1 is not None else None,
            )
        except NegotiationError as error:
            sa.debug(f"rekeying is impossible: {error}")

    def _make_room(self, now: float) -> bool:
        """Keep half-open negotiations of peers below the limit by giving up the oldest.

        Only those go whose sender has not shown yet that it can receive our answers, so a flood of
        forged first messages pushes out itself.
        """
        half_open = [sa for sa in self._sas if sa.negotiating and not sa.initiator]
        if len(half_open) < self._runtime.config.negotiation_limit:
            return True
        oldest = next((sa for sa in half_open if sa.state in _UNPROVEN), None)
        if oldest is None:
            return False
        self._runtime.count("evicted")
        self.delete(oldest, now, "half-open negotiation limit")
        return True

    def _half_open(self, cookie_i: bytes, remote: Address) -> IsakmpSa | None:
        return next(
            (
                sa
                for sa in self._sas
                if not sa.initiator
                and sa.negotiating
                and sa.cookie_i == cookie_i
                and sa.remote == remote
            ),
            None,
        )

    def _purge(self, sa: IsakmpSa) -> None:
        sa.debug("purging SA.")
        self._sas.remove(sa)


def _mode(sa: IsakmpSa) -> str:
    return sa.phase1.name if sa.phase1 is not None else "main"


def is_same_peer(a: IsakmpSa, b: IsakmpSa) -> bool:
    """Behind one NAT there may be several peers, told apart by their ports."""
    if a.remote != b.remote:
        return False
    return a.remote_port == b.remote_port or not (a.nat.peer_is_behind and b.nat.peer_is_behind)
