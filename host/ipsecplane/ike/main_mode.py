"""Main mode with pre-shared keys: six messages (RFC 2409 section 5.4; NAT detection RFC 3947).

The states are IOS's, named after the last message that we sent; `STEPS` says what each waits for:

    initiator   I_MM1 --MM2--> I_MM3 --MM4--> I_MM5 --MM6--> P1_COMPLETE
    responder   R_MM2 --MM3--> R_MM4 --MM5--> P1_COMPLETE

A message changes the state only once all of it has been checked.
"""

from __future__ import annotations

import hmac
from collections.abc import Callable
from dataclasses import dataclass
from enum import StrEnum
from typing import Final, Protocol

from ipsecplane.ike import groups, messages, phase1
from ipsecplane.ike import keys as key_derivation
from ipsecplane.ike import main_mode_payloads as parts
from ipsecplane.ike.constants import (
    ExchangeType,
    HeaderFlag,
    NotifyType,
    PayloadType,
    ProtocolId,
)
from ipsecplane.ike.errors import AuthenticationError, NegotiationError, PayloadError
from ipsecplane.ike.exchange import AnswerCache, Retransmission, longest_negotiation
from ipsecplane.ike.groups import InvalidPublicValue, KeyPair
from ipsecplane.ike.isakmp_sa import IsakmpSa
from ipsecplane.ike.keys import Phase1Values, WeakKey
from ipsecplane.ike.messages import Message
from ipsecplane.ike.payloads import (
    NONCE_SIZE,
    Header,
    Notification,
    Payloads,
    nonce_of,
    single,
)
from ipsecplane.ike.proposals import SecurityAssociation
from ipsecplane.ike.types import Datagram, MainModeState


class State(StrEnum):
    READY = "IKE_READY"
    I_MM1 = "IKE_I_MM1"
    I_MM3 = "IKE_I_MM3"
    I_MM5 = "IKE_I_MM5"
    R_MM2 = "IKE_R_MM2"
    R_MM4 = "IKE_R_MM4"
    P1_COMPLETE = "IKE_P1_COMPLETE"
    FAILED = "IKE_DEST_SA"


class Owner(Protocol):
    """Who is told of main mode's end."""

    def number(self, sa: IsakmpSa) -> None:
        """The SA has keys and gets its connection id."""

    def main_mode_done(self, sa: IsakmpSa, now: float, *, initial_contact: bool) -> None: ...

    def main_mode_failed(self, sa: IsakmpSa, now: float, reason: str) -> None: ...

    def is_first_contact(self, sa: IsakmpSa) -> bool: ...


class MainMode:
    """One Phase 1 negotiation of an IKE SA, in either role."""

    def __init__(self, sa: IsakmpSa, owner: Owner, pre_shared_key: bytes) -> None:
        self.sa = sa
        self.state = State.READY
        self._owner = owner
        self._pre_shared_key = pre_shared_key
        self._answers = AnswerCache()
        self._last_sent = b""
        self._resend = Retransmission(sa.runtime, lambda: sa.send(self._last_sent), self._give_up)
        self._policies = phase1.usable_policies(sa.runtime.config.policies)
        self._sa_i = b""  # body of the initiator's SA payload
        self._pair: KeyPair | None = None
        self._nonce = b""
        self._values: Phase1Values | None = None
        self._iv = b""
        self._peer_has_no_other = False  # by its INITIAL-CONTACT

    # --- beginnings ---

    def initiate(self, now: float) -> None:
        """Send MM1; the caller has seen to it that there are policies."""
        sa = self.sa
        offered = phase1.offer(self._policies)
        self._sa_i = offered.encode()
        payloads = [(int(PayloadType.SA), self._sa_i), *parts.offered(sa)]
        sa.debug(" beginning Main Mode exchange")
        self._transition(State.I_MM1)
        self._send_plain(payloads)
        self._resend.start(now)

    def respond(self, message: Message, now: float) -> None:
        """Take MM1 and answer it; raises `PayloadError` or `NegotiationError`."""
        sa = self.sa
        sa.debug(" processing SA payload. message ID = 0")
        payload = single(message.payloads, PayloadType.SA)
        choice = phase1.choose(
            self._policies,
            SecurityAssociation.decode(payload),
            sa.debug,
            accept_longer=sa.runtime.config.accept_longer_lifetime,
        )
        vendor_ids = parts.read_vendor_ids(sa, message)
        sa.choice = choice
        sa.nat = parts.nat_support(sa, vendor_ids)
        sa.cookie_r = sa.runtime.nonzero_random(8)
        self._sa_i = payload.body
        payloads = [
            (int(PayloadType.SA), choice.answer.encode()),
            *parts.answered(sa, vendor_ids),
        ]
        sa.state = MainModeState.MM_SA_SETUP
        self._transition(State.R_MM2)
        self._answers.accept(message.data, self._send_plain(payloads))
        self._expire_responder(now)

    # --- messages ---

    def receive(self, header: Header, datagram: Datagram, now: float) -> None:
        """A message of this SA; raises the errors of `errors.py`, the state unchanged then."""
        sa, data = self.sa, datagram.payload
        if self._answers.is_duplicate(data):
            sa.runtime.count("duplicates")
            answer = self._answers.answer_to(data)
            if answer is not None:
                sa.debug(" phase 1 packet is a duplicate of a previous packet.")
                sa.send(answer)
            return
        step = STEPS.get(self.state)
        if step is None:
            sa.runtime.count("unexpected")
            return
        if bool(header.flags & HeaderFlag.ENCRYPTED) != step.encrypted:
            raise PayloadError(19, "flags", f"encryption is not as {self.state} expects")
        if step.encrypted:
            message = sa.open_sealed(self._iv, header, data)
        else:
            message = messages.open_plain(header, data)
        answer = step.handler(self, message, datagram, now)
        self._answers.accept(data, answer)
        if self.state is State.P1_COMPLETE:
            self._resend.stop()
            self._owner.main_mode_done(sa, now, initial_contact=self._peer_has_no_other)
        elif sa.initiator:
            self._resend.start(now)

    def stop(self) -> None:
        """No more retransmissions: the SA is established or deleted."""
        self._resend.stop()

    def _on_mm2(self, message: Message, datagram: Datagram, now: float) -> bytes:
        sa = self.sa
        sa.debug(" processing SA payload. message ID = 0")
        answer = SecurityAssociation.decode(single(message.payloads, PayloadType.SA))
        choice = phase1.check_answer(self._policies, answer, sa.debug)
        sa.choice = choice
        sa.cookie_r = message.header.responder_cookie
        sa.nat = parts.nat_support(sa, parts.read_vendor_ids(sa, message))
        sa.state = MainModeState.MM_SA_SETUP
        self._transition(State.I_MM3)
        return self._send_plain(self._key_exchange(choice.suite.group, datagram))

    def _on_mm3(self, message: Message, datagram: Datagram, now: float) -> bytes:
        """Responder: the peer's key exchange, ours in the answer."""
        sa = self.sa
        assert sa.choice is not None  # since MM1
        public, nonce = self._read_key_exchange(message)
        answer = self._key_exchange(sa.choice.suite.group, datagram)
        self._derive(public, nonce)
        sa.nat = parts.detect_nat(sa, message, datagram)
        sa.local_port, sa.remote_port = datagram.local_port, datagram.remote_port
        sa.state = MainModeState.MM_KEY_EXCH
        self._transition(State.R_MM4)
        self._expire_responder(now)
        return self._send_plain(answer)

    def _on_mm4(self, message: Message, datagram: Datagram, now: float) -> bytes:
        """Initiator: the peer's key exchange; our identity and proof in the answer."""
        sa = self.sa
        public, nonce = self._read_key_exchange(message)
        self._derive(public, nonce)
        sa.nat = parts.detect_nat(sa, message, datagram)
        if sa.nat.detected:
            sa.float_to_nat_port()
        sa.state = MainModeState.MM_KEY_EXCH
        payloads = self._identity_and_hash()
        if self._owner.is_first_contact(sa):
            sa.debug("Send initial contact")
            contact = Notification(ProtocolId.ISAKMP, NotifyType.INITIAL_CONTACT, sa.cookies)
            payloads.append((PayloadType.NOTIFICATION, contact.encode()))
        self._transition(State.I_MM5)
        return self._send_sealed(payloads)

    def _on_mm5(self, message: Message, datagram: Datagram, now: float) -> bytes:
        sa = self.sa
        self._verify_peer(message, initiator=True)
        self._peer_has_no_other = parts.read_initial_contact(sa, message)
        # Authenticated: from here on the peer is where this message came from (RFC 3947 section 4).
        sa.local_port, sa.remote_port = datagram.local_port, datagram.remote_port
        self._iv = message.iv
        answer = self._send_sealed(self._identity_and_hash())
        self._complete()
        return answer

    def _on_mm6(self, message: Message, datagram: Datagram, now: float) -> None:
        sa = self.sa
        self._verify_peer(message, initiator=False)
        self._peer_has_no_other = parts.read_initial_contact(sa, message)
        self._iv = message.iv
        self._complete()

    # --- parts of messages ---

    def _key_exchange(self, group: int, answering: Datagram) -> Payloads:
        """KE, nonce and NAT-D payloads."""
        sa = self.sa
        if self._pair is None:
            self._pair = groups.generate(group, sa.runtime.random_bytes)
            self._nonce = sa.runtime.random_bytes(NONCE_SIZE)
        return [
            (PayloadType.KEY_EXCHANGE, self._pair.public),
            (PayloadType.NONCE, self._nonce),
            *parts.nat_detection(sa, answering),
        ]

    def _read_key_exchange(self, message: Message) -> tuple[bytes, bytes]:
        self.sa.debug(" processing KE payload. message ID = 0")
        public = single(message.payloads, PayloadType.KEY_EXCHANGE).body
        self.sa.debug(" processing NONCE payload. message ID = 0")
        nonce = nonce_of(message.payloads)
        parts.read_vendor_ids(self.sa, message)
        return public, nonce

    def _derive(self, peer_public: bytes, peer_nonce: bytes) -> None:
        """Check the peer's public value and compute all keys; raises `NegotiationError`."""
        sa = self.sa
        assert self._pair is not None  # since the key exchange was made
        assert sa.choice is not None
        try:
            secret = groups.shared_secret(self._pair, peer_public)
        except InvalidPublicValue as error:
            raise NegotiationError(NotifyType.INVALID_KEY_INFORMATION, str(error)) from error
        ours, theirs = (self._pair.public, self._nonce), (peer_public, peer_nonce)
        first, second = (ours, theirs) if sa.initiator else (theirs, ours)
        values = Phase1Values(
            sa.cookie_i, sa.cookie_r, first[0], second[0], first[1], second[1], secret
        )
        try:
            keys = key_derivation.phase1_keys(sa.choice.suite, self._pre_shared_key, values)
        except WeakKey as error:
            raise NegotiationError(NotifyType.INVALID_KEY_INFORMATION, str(error)) from error
        sa.debug(f"found peer pre-shared key matching {sa.remote}")
        sa.keys, self._values, self._iv = keys, values, keys.iv
        self._owner.number(sa)

    def _identity_and_hash(self) -> Payloads:
        body = parts.own_identity(self.sa)
        proof = self._hash(body, initiator=self.sa.initiator)
        return [(PayloadType.IDENTIFICATION, body), (PayloadType.HASH, proof)]

    def _verify_peer(self, message: Message, *, initiator: bool) -> None:
        """The peer's identity and its HASH_I or HASH_R."""
        sa = self.sa
        identity = parts.read_identity(sa, message)
        sa.debug(" processing HASH payload. message ID = 0")
        proof = single(message.payloads, PayloadType.HASH).body
        if not hmac.compare_digest(proof, self._hash(identity.body, initiator=initiator)):
            raise AuthenticationError("HASH of main mode does not match")
        sa.debug("SA authentication status:\tauthenticated")
        sa.debug(f"SA has been authenticated with {sa.remote}")

    def _hash(self, identity: bytes, *, initiator: bool) -> bytes:
        assert self._values is not None
        return key_derivation.phase1_hash(
            self.sa.phase1_keys(), self._values, self._sa_i, identity, initiator=initiator
        )

    # --- state ---

    def _send_plain(self, payloads: Payloads) -> bytes:
        self._last_sent = messages.plain(self.sa.cookies, ExchangeType.MAIN, 0, payloads)
        self.sa.send(self._last_sent)
        return self._last_sent

    def _send_sealed(self, payloads: Payloads) -> bytes:
        sa = self.sa
        self._last_sent, self._iv = messages.sealed(
            sa.phase1_keys(), self._iv, sa.cookies, ExchangeType.MAIN, 0, payloads
        )
        sa.send(self._last_sent)
        return self._last_sent

    def _complete(self) -> None:
        self.sa.last_block = self._iv
        self.sa.state = MainModeState.QM_IDLE
        self._transition(State.P1_COMPLETE)

    def _transition(self, new: State) -> None:
        self.sa.debug(f"Old State = {self.state}  New State = {new} ")
        self.state = new

    def _give_up(self, now: float) -> None:
        self._fail(now, "Death by retransmission P1")

    def _fail(self, now: float, reason: str) -> None:
        self._transition(State.FAILED)
        self.stop()
        self._owner.main_mode_failed(self.sa, now, reason)

    def _expire_responder(self, now: float) -> None:
        """The responder resends on request only; it waits as long as an initiator would try."""
        config = self.sa.runtime.config
        wait = longest_negotiation(config.retransmit_interval, config.retransmit_limit)
        waiting_in = self.state

        def expire(at: float) -> None:
            if self.state is waiting_in:
                self._fail(at, "Death by retransmission P1")

        self.sa.at(now + wait, expire)


@dataclass(frozen=True, slots=True)
class Step:
    """What a state waits for and who takes it; handlers return the answer that they sent."""

    encrypted: bool
    handler: Callable[[MainMode, Message, Datagram, float], bytes | None]


STEPS: Final = {
    State.I_MM1: Step(False, MainMode._on_mm2),
    State.I_MM3: Step(False, MainMode._on_mm4),
    State.I_MM5: Step(True, MainMode._on_mm6),
    State.R_MM2: Step(False, MainMode._on_mm3),
    State.R_MM4: Step(True, MainMode._on_mm5),
}
