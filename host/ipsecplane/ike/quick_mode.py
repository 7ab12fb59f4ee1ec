"""Quick mode: three messages that negotiate IPsec SAs (RFC 2409 section 5.5).

    initiator   I_QM1 --QM2--> PHASE2_COMPLETE            (or WAIT_CONNECTED, with the commit bit)
    responder   R_QM2 --QM3--> PHASE2_COMPLETE

Inbound SAs are reported before the message that lets the peer use them is sent; outbound SAs once
the exchange is complete. With the commit bit (RFC 2408 section 3.1) of the responder, the initiator
holds its outbound SAs back until CONNECTED arrives.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from enum import StrEnum
from typing import Final, Protocol

from ipsecplane.ike import (
    groups,
    identities,
    informational,
    ipsec_sas,
    key_engine,
    messages,
    phase2,
)
from ipsecplane.ike import quick_mode_payloads as parts
from ipsecplane.ike.constants import (
    ExchangeType,
    HeaderFlag,
    NotifyType,
    PayloadType,
    is_error_notify,
)
from ipsecplane.ike.errors import AuthenticationError, NegotiationError, PayloadError
from ipsecplane.ike.exchange import AnswerCache, Retransmission
from ipsecplane.ike.groups import InvalidPublicValue, KeyPair
from ipsecplane.ike.ipsec_sas import Agreement
from ipsecplane.ike.isakmp_sa import IsakmpSa, Request
from ipsecplane.ike.messages import Message
from ipsecplane.ike.modes import preferred
from ipsecplane.ike.payloads import (
    HEADER_SIZE,
    NONCE_SIZE,
    Header,
    Notification,
    Payloads,
    encode_chain,
    nonce_of,
    of_type,
    single,
)
from ipsecplane.ike.proposals import SecurityAssociation
from ipsecplane.ike.sa_records import parts_of
from ipsecplane.ike.types import InboundSasReady, IpsecSas, OutboundSasReady, Phase2Policy


class State(StrEnum):
    READY = "IKE_QM_READY"
    I_QM1 = "IKE_QM_I_QM1"
    WAIT_CONNECTED = "IKE_QM_I_CONNECTED"
    R_QM2 = "IKE_QM_R_QM2"
    PHASE2_COMPLETE = "IKE_QM_PHASE2_COMPLETE"
    FAILED = "IKE_QM_FAILED"


class Owner(Protocol):
    """Who gives ids and SPIs out and is told of quick mode's end."""

    def new_sas_id(self) -> int: ...

    def new_spi(self) -> int: ...

    def sas_negotiated(self, sas: IpsecSas) -> None:
        """The inbound half is about to be reported."""

    def quick_mode_done(self, exchange: QuickMode, now: float) -> None: ...

    def quick_mode_failed(
        self, exchange: QuickMode, now: float, reason: str, *, peer_is_silent: bool
    ) -> None: ...


class QuickMode:
    """One quick mode under an established IKE SA, in either role."""

    def __init__(self, sa: IsakmpSa, owner: Owner, message_id: int) -> None:
        self.sa = sa
        self.message_id = message_id
        self.state = State.READY
        self.request: Request | None = None  # what we initiated it for
        self.joined: list[Request] = []  # requests that the peer's negotiation will satisfy
        self.policy: Phase2Policy | None = None
        self.sas: IpsecSas | None = None
        self.spis: dict[int, bytes] = {}  # ours, by DOI protocol number
        self._owner = owner
        self._answers = AnswerCache()
        self._last_sent = b""
        self._resend = Retransmission(sa.runtime, lambda: sa.send(self._last_sent), self._give_up)
        self._iv = sa.phase1_keys().phase2_iv(sa.last_block, message_id)
        self._pair: KeyPair | None = None
        self._nonce = b""
        self._peer_nonce = b""
        self._offered: SecurityAssociation | None = None
        self._commit = False

    @property
    def initiator(self) -> bool:
        return self.request is not None

    @property
    def complete(self) -> bool:
        return self.state is State.PHASE2_COMPLETE

    @property
    def pending(self) -> bool:
        return self.state not in (State.PHASE2_COMPLETE, State.FAILED)

    def uses_spi(self, spi: bytes) -> bool:
        """Whether an SPI of this negotiation is that one, ours or the peer's."""
        theirs = [part.outbound_spi for part in parts_of(self.sas)] if self.sas else []
        return spi in self.spis.values() or int.from_bytes(spi) in theirs

    # --- beginnings ---

    def initiate(self, request: Request, now: float) -> None:
        """Send QM1; raises `NegotiationError` if the policy cannot be proposed here."""
        sa, policy = self.sa, request.policy
        self.request, self.policy = request, policy
        sa.debug(f"beginning Quick Mode exchange, M-ID of {self.message_id}")
        self.spis = {
            protocol: self._owner.new_spi().to_bytes(phase2.SPI_SIZE)
            for transform_set in policy.transform_sets
            for protocol in phase2.protocols_of(transform_set)
        }
        transport = parts.allows_transport(sa, policy.local, policy.remote)
        self._offered = phase2.offer(policy, self.spis, nat=sa.nat, transport=transport)
        for text in key_engine.sa_request(policy, sa.local, sa.remote):
            sa.runtime.debug(text, "ipsec")
        self._nonce = sa.runtime.random_bytes(NONCE_SIZE)
        payloads: Payloads = [
            (PayloadType.SA, self._offered.encode()),
            (PayloadType.NONCE, self._nonce),
        ]
        if policy.pfs_group is not None:
            self._pair = groups.generate(policy.pfs_group, sa.runtime.random_bytes)
            payloads.append((PayloadType.KEY_EXCHANGE, self._pair.public))
        payloads += [
            (PayloadType.IDENTIFICATION, identities.encode(policy.local).encode()),
            (PayloadType.IDENTIFICATION, identities.encode(policy.remote).encode()),
        ]
        if transport:
            payloads += parts.original_addresses(sa, initiator=True)
        self._transition(State.I_QM1)
        self._send(self._with_hash(b"", payloads))
        self._resend.start(now)

    def respond(self, message: Message, data: bytes, now: float) -> None:
        """Take QM1 and answer it; raises `PayloadError`, `AuthenticationError`, `NegotiationError`.

        The message was opened with `open_first`, so it is authentic; `data` is how it came.
        """
        sa = self.sa
        offer = parts.read_offer(sa, message)
        self.policy, choice, offer = parts.choose(sa, offer)
        self._peer_nonce = nonce_of(message.payloads)
        self._nonce = sa.runtime.random_bytes(NONCE_SIZE)
        secret = b""
        if choice.pfs_group is None:
            if of_type(message.payloads, PayloadType.KEY_EXCHANGE):
                raise PayloadError(HEADER_SIZE, "KE", "is there though no proposal names its group")
        else:
            self._pair = groups.generate(choice.pfs_group, sa.runtime.random_bytes)
            secret = self._secret(self._pair, message)
        self.spis = {
            part.protocol: self._owner.new_spi().to_bytes(phase2.SPI_SIZE) for part in choice.parts
        }
        for text in key_engine.spi_response(self.spis, sa.local, sa.remote):
            sa.runtime.debug(text, "ipsec")
        agreement = Agreement(
            self.policy,
            choice,
            offer.local,
            offer.remote,
            self.spis,
            self._peer_nonce + self._nonce,
            secret,
            initiator=False,
            peers_view=offer.original,
        )
        self.sas = ipsec_sas.build(sa, agreement, sas_id=self._owner.new_sas_id(), now=now)
        payloads: Payloads = [
            (PayloadType.SA, choice.answer(self.spis).encode()),
            (PayloadType.NONCE, self._nonce),
        ]
        if self._pair is not None:
            payloads.append((PayloadType.KEY_EXCHANGE, self._pair.public))
        payloads += [
            (PayloadType.IDENTIFICATION, payload.body)
            for payload in of_type(message.payloads, PayloadType.IDENTIFICATION)
        ]
        payloads += parts.responder_lifetimes(choice, self.spis)
        if choice.mode.transport:
            payloads += parts.original_addresses(sa, initiator=False)
        self._iv = message.iv
        self._commit = sa.runtime.config.commit_bit
        self._transition(State.R_QM2)
        self._report_inbound()
        self._send(self._with_hash(self._peer_nonce, payloads), commit=self._commit)
        self._answers.accept(data, self._last_sent)
        self._resend.start(now)

    # --- messages ---

    def receive(self, header: Header, data: bytes, now: float) -> None:
        """A later message of this exchange; raises the errors of `errors.py`, state unchanged."""
        sa = self.sa
        if self._answers.is_duplicate(data):
            sa.runtime.count("duplicates")
            answer = self._answers.answer_to(data)
            if answer is not None:
                sa.debug(" phase 2 packet is a duplicate of a previous packet.")
                sa.send(answer)
            return
        step = STEPS.get(self.state)
        if step is None or header.exchange not in step.exchanges:
            sa.runtime.count("unexpected")
            return
        step.handler(self, header, data, now)

    def _on_qm2(self, header: Header, data: bytes, now: float) -> None:
        sa, policy = self.sa, self.policy
        message = self._open(header, data)
        assert policy is not None
        assert self._offered is not None
        identifier = self.message_id.to_bytes(4)
        informational.check_hash(sa, message, identifier + self._nonce)
        sa.debug(f" processing HASH payload. message ID = {self.message_id}")
        answer = SecurityAssociation.decode(single(message.payloads, PayloadType.SA))
        sa.debug(f" processing SA payload. message ID = {self.message_id}")
        transport = parts.allows_transport(sa, policy.local, policy.remote)
        modes = [preferred(sa.nat, transport=kind) for kind in (transport, False)]
        choice = phase2.check_answer(policy, self._offered, answer, modes=modes, trace=sa.debug)
        parts.check_identities(message, policy)
        peer_nonce = nonce_of(message.payloads)
        seconds, kilobytes = parts.read_responder_lifetimes(message)
        original = parts.read_original_addresses(sa, message)
        agreement = Agreement(
            policy,
            choice,
            policy.local,
            policy.remote,
            self.spis,
            self._nonce + peer_nonce,
            b"" if self._pair is None else self._secret(self._pair, message),
            initiator=True,
            limit_seconds=seconds,
            limit_kilobytes=kilobytes,
            peers_view=original[::-1] if original is not None else None,
        )
        self.sas = ipsec_sas.build(sa, agreement, sas_id=self._owner.new_sas_id(), now=now)
        self._peer_nonce = peer_nonce
        self._iv = message.iv
        self._report_inbound()
        proof = sa.phase1_keys().authenticate(b"\x00", identifier, self._nonce, self._peer_nonce)
        self._commit = message.commit
        self._send([(PayloadType.HASH, proof)])
        self._answers.accept(data, self._last_sent)
        if self._commit:
            sa.debug("commit bit set: waiting for CONNECTED")
            self._transition(State.WAIT_CONNECTED)
            self._resend.start(now)
        else:
            self._complete(now)

    def _on_qm3(self, header: Header, data: bytes, now: float) -> None:
        sa = self.sa
        message = self._open(header, data)
        prefix = b"\x00" + self.message_id.to_bytes(4) + self._peer_nonce + self._nonce
        informational.check_hash(sa, message, prefix)
        self._iv = message.iv
        answer = None
        if self._commit:
            protocol, spi = next(iter(self.spis.items()))
            connected = Notification(protocol, NotifyType.CONNECTED, spi)
            answer = informational.build(
                sa, self.message_id, [(PayloadType.NOTIFICATION, connected.encode())]
            )
            sa.send(answer)
        self._answers.accept(data, answer)
        self._complete(now)

    def _on_connected(self, header: Header, data: bytes, now: float) -> None:
        """CONNECTED comes as an informational exchange (RFC 2408) or as a fourth message."""
        sa = self.sa
        fresh = sa.phase1_keys().phase2_iv(sa.last_block, self.message_id)
        message = None
        for iv in (fresh, self._iv):
            try:
                message = informational.open_authenticated(sa, header, data, iv)
                break
            except (PayloadError, AuthenticationError):
                continue
        if message is None:
            raise PayloadError(HEADER_SIZE, "CONNECTED", "cannot be decrypted or authenticated")
        kinds = [
            Notification.decode(payload).type
            for payload in of_type(message.payloads, PayloadType.NOTIFICATION)
        ]
        if NotifyType.CONNECTED in kinds:
            self._answers.accept(data, None)
            self._complete(now)
        elif any(is_error_notify(kind) for kind in kinds):
            self.fail(now, "peer refused after the commit bit")

    # --- parts ---

    def _open(self, header: Header, data: bytes) -> Message:
        if not header.flags & HeaderFlag.ENCRYPTED:
            raise PayloadError(19, "flags", "quick mode must be encrypted")
        return self.sa.open_sealed(self._iv, header, data)

    def _with_hash(self, nonce: bytes, payloads: Payloads) -> Payloads:
        """HASH(1) (no nonce) or HASH(2) (the initiator's nonce) before the payloads it covers."""
        proof = self.sa.phase1_keys().authenticate(
            self.message_id.to_bytes(4), nonce, encode_chain(payloads)
        )
        return [(PayloadType.HASH, proof), *payloads]

    def _send(self, payloads: Payloads, *, commit: bool = False) -> None:
        sa = self.sa
        self._last_sent, self._iv = messages.sealed(
            sa.phase1_keys(),
            self._iv,
            sa.cookies,
            ExchangeType.QUICK,
            self.message_id,
            payloads,
            commit=commit,
        )
        sa.send(self._last_sent)

    def _secret(self, pair: KeyPair, message: Message) -> bytes:
        """g(qm)^xy with the peer's KE payload."""
        public = single(message.payloads, PayloadType.KEY_EXCHANGE).body
        self.sa.debug(f" processing KE payload. message ID = {self.message_id}")
        try:
            return groups.shared_secret(pair, public)
        except InvalidPublicValue as error:
            raise NegotiationError(NotifyType.INVALID_KEY_INFORMATION, str(error)) from error

    # --- state ---

    def _report_inbound(self) -> None:
        assert self.sas is not None
        self._owner.sas_negotiated(self.sas)
        self.sa.runtime.emit(InboundSasReady(self.sas))

    def _complete(self, now: float) -> None:
        assert self.sas is not None
        self._resend.stop()
        self._transition(State.PHASE2_COMPLETE)
        self.sa.runtime.emit(OutboundSasReady(self.sas))
        self._owner.quick_mode_done(self, now)

    def fail(self, now: float, reason: str, *, peer_is_silent: bool = False) -> None:
        """End without result; what was reported as inbound is taken back by the owner."""
        self.stop()
        self._transition(State.FAILED)
        self._owner.quick_mode_failed(self, now, reason, peer_is_silent=peer_is_silent)

    def stop(self) -> None:
        self._resend.stop()

    def _give_up(self, now: float) -> None:
        self.fail(now, "Death by retransmission P2", peer_is_silent=True)

    def _transition(self, new: State) -> None:
        self.sa.debug(f"Old State = {self.state}  New State = {new}")
        self.state = new


def open_first(sa: IsakmpSa, header: Header, data: bytes) -> Message:
    """QM1, decrypted and authenticated; raises `PayloadError` or `AuthenticationError`."""
    if not header.flags & HeaderFlag.ENCRYPTED:
        raise PayloadError(19, "flags", "quick mode must be encrypted")
    iv = sa.phase1_keys().phase2_iv(sa.last_block, header.message_id)
    return informational.open_authenticated(sa, header, data, iv)


@dataclass(frozen=True, slots=True)
class Step:
    """What a state waits for and who takes it."""

    exchanges: tuple[ExchangeType, ...]
    handler: Callable[[QuickMode, Header, bytes, float], None]


STEPS: Final = {
    State.I_QM1: Step((ExchangeType.QUICK,), QuickMode._on_qm2),
    State.R_QM2: Step((ExchangeType.QUICK,), QuickMode._on_qm3),
    State.WAIT_CONNECTED: Step(
        (ExchangeType.INFORMATIONAL, ExchangeType.QUICK), QuickMode._on_connected
    ),
}
