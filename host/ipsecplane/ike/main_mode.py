"""Main mode: six messages (RFC 2409 section 5.4; NAT detection RFC 3947).

initiator   I_MM1 --MM2--> I_MM3 --MM4--> I_MM5 --MM6--> P1_COMPLETE
responder   R_MM2 --MM3--> R_MM4 --MM5--> P1_COMPLETE
"""

from __future__ import annotations

from typing import ClassVar

from ipsecplane.ike import phase1
from ipsecplane.ike import phase1_payloads as parts
from ipsecplane.ike.constants import ExchangeType, PayloadType
from ipsecplane.ike.messages import Message
from ipsecplane.ike.payloads import Identification, Payloads, single
from ipsecplane.ike.phase1 import Phase1Choice
from ipsecplane.ike.phase1_exchange import Phase1Exchange, State, Step
from ipsecplane.ike.proposals import SecurityAssociation
from ipsecplane.ike.types import Datagram, IsakmpState


class MainMode(Phase1Exchange):
    """Phase 1 that hides identities; a pre-shared key must be known by the peer's address."""

    kind = ExchangeType.MAIN
    name = "main"

    def initiate(self, now: float) -> None:
        """Send MM1; the caller has seen to it that there are policies."""
        sa = self.sa
        offered = phase1.offer(self.credentials.policies)
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
            self.credentials.policies,
            SecurityAssociation.decode(payload),
            sa.debug,
            accept_longer=self.credentials.accept_longer,
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
        sa.state = IsakmpState.MM_SA_SETUP
        self._transition(State.R_MM2)
        self._answers.accept(message.data, self._send_plain(payloads))
        self._expire_responder(now)

    def _on_mm2(self, message: Message, datagram: Datagram, now: float) -> bytes:
        sa = self.sa
        sa.debug(" processing SA payload. message ID = 0")
        answer = SecurityAssociation.decode(single(message.payloads, PayloadType.SA))
        choice = phase1.check_answer(self.credentials.policies, answer, sa.debug)
        sa.choice = choice
        sa.cookie_r = message.header.responder_cookie
        sa.nat = parts.nat_support(sa, parts.read_vendor_ids(sa, message))
        sa.state = IsakmpState.MM_SA_SETUP
        self._transition(State.I_MM3)
        return self._send_plain(self._keys_and_nat(choice, datagram))

    def _on_mm3(self, message: Message, datagram: Datagram, now: float) -> bytes:
        """Responder: the peer's key exchange, ours in the answer."""
        sa = self.sa
        assert sa.choice is not None  # since MM1
        public, nonce = self._read_key_exchange(message)
        parts.read_vendor_ids(sa, message)
        self._signatures.read_requests(message)
        answer = self._keys_and_nat(sa.choice, datagram)
        self._derive(public, nonce)
        sa.nat = parts.detect_nat(sa, message, datagram)
        sa.local_port, sa.remote_port = datagram.local_port, datagram.remote_port
        sa.state = IsakmpState.MM_KEY_EXCH
        self._transition(State.R_MM4)
        self._expire_responder(now)
        return self._send_plain(answer)

    def _on_mm4(self, message: Message, datagram: Datagram, now: float) -> bytes:
        """Initiator: the peer's key exchange; our identity and proof in the answer."""
        sa = self.sa
        public, nonce = self._read_key_exchange(message)
        parts.read_vendor_ids(sa, message)
        self._signatures.read_requests(message)
        self._derive(public, nonce)
        sa.nat = parts.detect_nat(sa, message, datagram)
        if sa.nat.detected:
            sa.float_to_nat_port()
        sa.state = IsakmpState.MM_KEY_EXCH
        payloads = self._identity_and_proof() + self._initial_contact()
        self._transition(State.I_MM5)
        return self._send_sealed(payloads)

    def _on_mm5(self, message: Message, datagram: Datagram, now: float) -> bytes:
        sa = self.sa
        self._take_profile(self._verify_identity(message, now))
        self._peer_has_no_other = parts.read_initial_contact(sa, message)
        # Authenticated: from here on the peer is where this message came from (RFC 3947 section 4).
        sa.local_port, sa.remote_port = datagram.local_port, datagram.remote_port
        self._iv = message.iv
        answer = self._send_sealed(self._identity_and_proof())
        self._complete()
        return answer

    def _on_mm6(self, message: Message, datagram: Datagram, now: float) -> None:
        sa = self.sa
        self._verify_identity(message, now)
        self._peer_has_no_other = parts.read_initial_contact(sa, message)
        self._iv = message.iv
        self._complete()

    # --- parts of messages ---

    def _keys_and_nat(self, choice: Phase1Choice, answering: Datagram) -> Payloads:
        return [
            *self._key_exchange(choice.suite.group),
            *self._certificate_requests(choice),
            *parts.nat_detection(self.sa, answering),
        ]

    def _identity_and_proof(self) -> Payloads:
        identity = self._identity()
        return [(PayloadType.IDENTIFICATION, identity), *self._proof(identity)]

    def _verify_identity(self, message: Message, now: float) -> Identification:
        payload, identity = parts.read_identity(self.sa, message)
        self._verify_peer(message, payload.body, identity, now)
        self.sa.peer_identity = identity
        return identity

    steps: ClassVar = {
        State.I_MM1: Step(False, _on_mm2),
        State.I_MM3: Step(False, _on_mm4),
        State.I_MM5: Step(True, _on_mm6),
        State.R_MM2: Step(False, _on_mm3),
        State.R_MM4: Step(True, _on_mm5),
    }
