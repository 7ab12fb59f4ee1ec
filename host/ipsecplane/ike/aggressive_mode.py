"""Aggressive mode: three messages (RFC 2409 section 5.4; NAT detection RFC 3947).

    initiator   I_AM1 --AM2--> P1_COMPLETE
    responder   R_AM2 --AM3--> P1_COMPLETE

The identities travel unencrypted, so that a responder may find the key by them: it need not know
the peer's address. The group cannot be negotiated, for the first message holds the key exchange.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import ClassVar

from ipsecplane.config import IsakmpPolicy
from ipsecplane.ike import phase1
from ipsecplane.ike import phase1_payloads as parts
from ipsecplane.ike.constants import ExchangeType, NotifyType, PayloadType
from ipsecplane.ike.credentials import Credentials
from ipsecplane.ike.errors import NegotiationError
from ipsecplane.ike.isakmp_sa import IsakmpSa
from ipsecplane.ike.messages import Message
from ipsecplane.ike.payloads import single
from ipsecplane.ike.phase1_exchange import Owner, Phase1Exchange, State, Step
from ipsecplane.ike.proposals import SecurityAssociation
from ipsecplane.ike.types import Datagram, IsakmpState


class AggressiveMode(Phase1Exchange):
    """Phase 1 in which each side names itself before there are keys."""

    kind = ExchangeType.AGGRESSIVE
    name = "aggressive"

    def __init__(self, sa: IsakmpSa, owner: Owner, credentials: Credentials) -> None:
        super().__init__(sa, owner, credentials)
        self._own_identity = b""  # bodies of the ID payloads
        self._peer_identity = b""

    def initiate(self, now: float) -> None:
        """Send AM1: the policies of the group of the first one, which the key exchange is in."""
        sa = self.sa
        group = self.credentials.policies[0].group
        policies = [p for p in self.credentials.policies if p.group == group]
        self._sa_i = phase1.offer(policies).encode()
        self._own_identity = self._identity()
        payloads = [
            (int(PayloadType.SA), self._sa_i),
            *self._key_exchange(group),
            (int(PayloadType.IDENTIFICATION), self._own_identity),
            *(self._signatures.requests() if self._may_sign(policies) else []),
            *parts.offered(sa),
        ]
        sa.debug(" beginning Aggressive Mode exchange")
        sa.state = IsakmpState.AG_INIT_EXCH
        self._transition(State.I_AM1)
        self._send_plain(payloads)
        self._resend.start(now)

    def respond(self, message: Message, now: float) -> None:
        """Take AM1 and answer it; raises `PayloadError` or `NegotiationError`.

        The answer is repeated until AM3 comes: the initiator does not know if that was lost.
        """
        sa = self.sa
        sa.debug(" processing SA payload. message ID = 0")
        payload = single(message.payloads, PayloadType.SA)
        _, sa.peer_identity = parts.read_identity(sa, message)
        self._peer_identity = single(message.payloads, PayloadType.IDENTIFICATION).body
        choice = phase1.choose(
            self.credentials.policies,
            SecurityAssociation.decode(payload),
            sa.debug,
            accept_longer=self.credentials.accept_longer,
        )
        public, nonce = self._read_key_exchange(message)
        vendor_ids = parts.read_vendor_ids(sa, message)
        sa.choice = choice
        sa.nat = parts.nat_support(sa, vendor_ids)
        sa.cookie_r = sa.runtime.nonzero_random(8)
        self._sa_i = payload.body
        self._signatures.read_requests(message)
        exchange = self._key_exchange(choice.suite.group)
        self._derive(public, nonce)
        identity = self._identity()
        payloads = [
            (int(PayloadType.SA), choice.answer.encode()),
            *exchange,
            (int(PayloadType.IDENTIFICATION), identity),
            *self._proof(identity),
            *self._certificate_requests(choice),
            *parts.answered(sa, vendor_ids),
            *parts.nat_detection(sa, sa.peers_datagram(message.data)),
        ]
        sa.state = IsakmpState.AG_INIT_EXCH
        self._transition(State.R_AM2)
        self._answers.accept(message.data, self._send_plain(payloads))
        self._resend.start(now)

    def _on_am2(self, message: Message, datagram: Datagram, now: float) -> bytes:
        """Initiator: everything of the peer's; our proof in the answer."""
        sa = self.sa
        sa.debug(" processing SA payload. message ID = 0")
        answer = SecurityAssociation.decode(single(message.payloads, PayloadType.SA))
        group = self.credentials.policies[0].group
        choice = phase1.check_answer(self.credentials.policies, answer, sa.debug)
        if choice.suite.group != group:
            raise NegotiationError(NotifyType.NO_PROPOSAL_CHOSEN, "answer has another group")
        payload, identity = parts.read_identity(sa, message)
        public, nonce = self._read_key_exchange(message)
        vendor_ids = parts.read_vendor_ids(sa, message)
        derived = self._derived(choice, message.header.responder_cookie, public, nonce)
        self._verify_peer(message, payload.body, identity, now, choice=choice, derived=derived)
        self._signatures.read_requests(message)
        sa.choice, sa.cookie_r = choice, message.header.responder_cookie
        sa.nat = parts.nat_support(sa, vendor_ids)
        self._take_up(derived)
        sa.peer_identity = identity
        sa.nat = parts.detect_nat(sa, message, datagram)
        if sa.nat.detected:
            sa.float_to_nat_port()
        sa.state = IsakmpState.AG_AUTH
        payloads = [
            *self._proof(self._own_identity),
            *parts.nat_detection(sa, datagram),
            *self._initial_contact(),
        ]
        sent = self._send_sealed(payloads)
        self._complete()
        return sent

    def _on_am3(self, message: Message, datagram: Datagram, now: float) -> None:
        """Responder: the peer's proof. It need not be encrypted."""
        sa = self.sa
        assert sa.peer_identity is not None  # since AM1
        self._verify_peer(message, self._peer_identity, sa.peer_identity, now)
        sa.nat = parts.detect_nat(sa, message, datagram)
        self._peer_has_no_other = parts.read_initial_contact(sa, message)
        sa.local_port, sa.remote_port = datagram.local_port, datagram.remote_port
        self._iv = message.iv or self._iv
        self._complete()

    def _may_sign(self, policies: Iterable[IsakmpPolicy]) -> bool:
        """Whether the answer may ask for signatures."""
        return any(policy.authentication in phase1.RSA_SIGNATURES for policy in policies)

    steps: ClassVar = {
        State.I_AM1: Step(False, _on_am2),
        State.R_AM2: Step(None, _on_am3),
    }
