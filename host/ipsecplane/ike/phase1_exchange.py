"""What main mode and aggressive mode have in common: keys, proofs, duplicates, states and ends.

A message changes the state only once all of it has been checked.
"""

from __future__ import annotations

import hmac
from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Any, ClassVar, Protocol

from ipsecplane.config import IkeIdentity
from ipsecplane.ike import certificates, groups, identities, messages
from ipsecplane.ike import keys as key_derivation
from ipsecplane.ike import phase1_payloads as parts
from ipsecplane.ike.constants import (
    ExchangeType,
    HeaderFlag,
    NotifyType,
    PayloadType,
    ProtocolId,
)
from ipsecplane.ike.credentials import Credentials, with_certified_group, with_profile
from ipsecplane.ike.errors import AuthenticationError, NegotiationError, PayloadError
from ipsecplane.ike.exchange import AnswerCache, Retransmission, longest_negotiation
from ipsecplane.ike.groups import InvalidPublicValue, KeyPair
from ipsecplane.ike.isakmp_sa import IsakmpSa
from ipsecplane.ike.keys import Phase1Keys, Phase1Values, WeakKey
from ipsecplane.ike.messages import Message
from ipsecplane.ike.payloads import (
    NONCE_SIZE,
    Header,
    Identification,
    Notification,
    Payloads,
    nonce_of,
    single,
)
from ipsecplane.ike.phase1 import RSA_SIGNATURES, Phase1Choice
from ipsecplane.ike.signatures import Signatures
from ipsecplane.ike.types import Datagram, IsakmpState


class State(StrEnum):
    """IOS's names: after the last message that we sent, I initiator, R responder."""

    READY = "IKE_READY"
    I_MM1 = "IKE_I_MM1"
    I_MM3 = "IKE_I_MM3"
    I_MM5 = "IKE_I_MM5"
    R_MM2 = "IKE_R_MM2"
    R_MM4 = "IKE_R_MM4"
    I_AM1 = "IKE_I_AM1"
    R_AM2 = "IKE_R_AM2"
    P1_COMPLETE = "IKE_P1_COMPLETE"
    FAILED = "IKE_DEST_SA"


class Owner(Protocol):
    """Who is told of Phase 1's end."""

    def number(self, sa: IsakmpSa) -> None:
        """The SA has keys and gets its connection id."""

    def phase1_done(self, sa: IsakmpSa, now: float, *, initial_contact: bool) -> None: ...

    def phase1_failed(self, sa: IsakmpSa, now: float, reason: str) -> None: ...

    def is_first_contact(self, sa: IsakmpSa) -> bool: ...


@dataclass(frozen=True, slots=True)
class Step:
    """What a state waits for and who takes it; handlers return the answer that they sent.

    `encrypted` None: either way is good.
    """

    encrypted: bool | None
    handler: Callable[[Any, Message, Datagram, float], bytes | None]


def signs(choice: Phase1Choice) -> bool:
    """Whether it was agreed that the proofs are signatures."""
    return choice.policy.authentication in RSA_SIGNATURES


@dataclass(frozen=True, slots=True)
class Derived:
    """Keys, and what they were made of."""

    keys: Phase1Keys
    values: Phase1Values


class Phase1Exchange(ABC):
    """One Phase 1 negotiation of an IKE SA, in either role."""

    kind: ClassVar[ExchangeType]
    name: ClassVar[str]  # of the mode, in texts and counters
    steps: ClassVar[Mapping[State, Step]]

    def __init__(self, sa: IsakmpSa, owner: Owner, credentials: Credentials) -> None:
        self.sa = sa
        self.state = State.READY
        self.credentials = credentials
        sa.profile = credentials.profile.name if credentials.profile is not None else None
        self._owner = owner
        self._answers = AnswerCache()
        self._last_sent = b""
        self._resend = Retransmission(sa.runtime, lambda: sa.send(self._last_sent), self._give_up)
        self._sa_i = b""  # body of the initiator's SA payload
        self._pair: KeyPair | None = None
        self._nonce = b""
        self._values: Phase1Values | None = None
        self._iv = b""
        self._peer_has_no_other = False  # by its INITIAL-CONTACT
        self._signatures = Signatures(sa, credentials.trustpoints)
        self._units: list[str] | None = None  # of the peer's certificate

    @abstractmethod
    def initiate(self, now: float) -> None:
        """Send the first message."""

    @abstractmethod
    def respond(self, message: Message, now: float) -> None:
        """Take the first message and answer it; raises `PayloadError` or `NegotiationError`."""

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
        step = self.steps.get(self.state)
        if step is None:
            sa.runtime.count("unexpected")
            return
        encrypted = bool(header.flags & HeaderFlag.ENCRYPTED)
        if step.encrypted not in (None, encrypted):
            raise PayloadError(19, "flags", f"encryption is not as {self.state} expects")
        if encrypted:
            message = sa.open_sealed(self._iv, header, data)
        else:
            message = messages.open_plain(header, data)
        answer = step.handler(self, message, datagram, now)
        self._answers.accept(data, answer)
        if self.state is State.P1_COMPLETE:
            self._resend.stop()
            self._owner.phase1_done(sa, now, initial_contact=self._peer_has_no_other)
        elif sa.initiator:
            self._resend.start(now)

    def stop(self) -> None:
        """No more retransmissions: the SA is established or deleted."""
        self._resend.stop()

    # --- parts of messages ---

    def _key_exchange(self, group: int) -> Payloads:
        """Our KE and nonce payloads."""
        sa = self.sa
        if self._pair is None:
            self._pair = groups.generate(group, sa.runtime.random_bytes)
            self._nonce = sa.runtime.random_bytes(NONCE_SIZE)
        return [(PayloadType.KEY_EXCHANGE, self._pair.public), (PayloadType.NONCE, self._nonce)]

    def _read_key_exchange(self, message: Message) -> tuple[bytes, bytes]:
        self.sa.debug(" processing KE payload. message ID = 0")
        public = single(message.payloads, PayloadType.KEY_EXCHANGE).body
        self.sa.debug(" processing NONCE payload. message ID = 0")
        return public, nonce_of(message.payloads)

    def _derive(self, peer_public: bytes, peer_nonce: bytes) -> None:
        """Check the peer's public value and take up all keys; raises `NegotiationError`."""
        assert self.sa.choice is not None
        self._take_up(self._derived(self.sa.choice, self.sa.cookie_r, peer_public, peer_nonce))

    def _derived(
        self, choice: Phase1Choice, cookie_r: bytes, peer_public: bytes, peer_nonce: bytes
    ) -> Derived:
        sa = self.sa
        assert self._pair is not None  # since the key exchange was made
        try:
            secret = groups.shared_secret(self._pair, peer_public)
        except InvalidPublicValue as error:
            raise NegotiationError(NotifyType.INVALID_KEY_INFORMATION, str(error)) from error
        ours, theirs = (self._pair.public, self._nonce), (peer_public, peer_nonce)
        first, second = (ours, theirs) if sa.initiator else (theirs, ours)
        values = Phase1Values(
            sa.cookie_i, cookie_r, first[0], second[0], first[1], second[1], secret
        )
        try:
            key = None if signs(choice) else self.credentials.pre_shared_key
            keys = key_derivation.phase1_keys(choice.suite, key, values)
        except WeakKey as error:
            raise NegotiationError(NotifyType.INVALID_KEY_INFORMATION, str(error)) from error
        if not signs(choice):
            sa.debug(f"found peer pre-shared key matching {sa.remote}")
        return Derived(keys, values)

    def _take_up(self, derived: Derived) -> None:
        self._values, self.sa.keys, self._iv = derived.values, derived.keys, derived.keys.iv
        self._owner.number(self.sa)

    def _take_profile(self, identity: Identification) -> None:
        """As responder of main mode we know only now which profile the peer is under."""
        sa = self.sa
        config = sa.runtime.config
        self.credentials = with_profile(config, self.credentials, identity, self._units)
        profile = self.credentials.profile
        sa.profile = profile.name if profile is not None else None
        found = f"{profile.name} profile" if profile is not None else "*none* of the profiles"
        sa.debug(f": peer matches {found}")

    def _identity(self) -> bytes:
        """The body of our ID payload."""
        name = self.credentials.identity
        if name is not None and name.kind == "dn":
            name = self._distinguished_name()
        return parts.own_identity(self.sa, name)

    def _distinguished_name(self) -> IkeIdentity | None:
        """The subject of our certificate; with a pre-shared key we are our address."""
        choice, key = self.sa.choice, self.credentials.pre_shared_key
        if (choice is not None and not signs(choice)) or (choice is None and key is not None):
            return None
        certificate = certificates.load(self._signatures.own().certificate or b"")
        return IkeIdentity("dn", certificate.subject.public_bytes().hex())

    def _proof(self, identity: bytes) -> Payloads:
        """What shows that we are who the ID payload says: HASH_I or HASH_R, bare or signed."""
        digest = self._hash(identity, self.sa.initiator)
        if self.sa.choice is not None and signs(self.sa.choice):
            return self._signatures.proof(digest)
        return [(PayloadType.HASH, digest)]

    def _certificate_requests(self, choice: Phase1Choice) -> Payloads:
        return self._signatures.requests() if signs(choice) else []

    def _verify_peer(
        self,
        message: Message,
        body: bytes,
        identity: Identification,
        now: float,
        *,
        choice: Phase1Choice | None = None,
        derived: Derived | None = None,
    ) -> None:
        """The peer's HASH_I or HASH_R over the body of its ID payload, bare or signed.

        `choice`, `derived`: with what is not taken up before it has proved right.
        """
        sa = self.sa
        choice = choice or sa.choice
        assert choice is not None
        digest = self._hash(body, not sa.initiator, derived)
        if signs(choice):
            named = identities.phase1_identity(identity)
            certificate = self._signatures.verify(message, digest, named, now)
            self._units = certificates.units(certificate)
            if not sa.initiator:
                self.credentials = with_certified_group(
                    sa.runtime.config, self.credentials, sa.local, self._units
                )
        else:
            sa.debug(" processing HASH payload. message ID = 0")
            proof = single(message.payloads, PayloadType.HASH).body
            if not hmac.compare_digest(proof, digest):
                raise AuthenticationError(f"HASH of {self.name} mode does not match")
        sa.debug("SA authentication status:\tauthenticated")
        sa.debug(f"SA has been authenticated with {sa.remote}")

    def _hash(self, identity: bytes, initiator: bool, derived: Derived | None = None) -> bytes:
        if derived is None:
            assert self._values is not None
            derived = Derived(self.sa.phase1_keys(), self._values)
        return key_derivation.phase1_hash(
            derived.keys, derived.values, self._sa_i, identity, initiator=initiator
        )

    def _initial_contact(self) -> Payloads:
        """INITIAL-CONTACT, if we have nothing else with the peer."""
        sa = self.sa
        if not self._owner.is_first_contact(sa):
            return []
        sa.debug("Send initial contact")
        contact = Notification(ProtocolId.ISAKMP, NotifyType.INITIAL_CONTACT, sa.cookies)
        return [(PayloadType.NOTIFICATION, contact.encode())]

    # --- state ---

    def _send_plain(self, payloads: Payloads) -> bytes:
        self._last_sent = messages.plain(self.sa.cookies, self.kind, 0, payloads)
        self.sa.send(self._last_sent)
        return self._last_sent

    def _send_sealed(self, payloads: Payloads) -> bytes:
        sa = self.sa
        self._last_sent, self._iv = messages.sealed(
            sa.phase1_keys(), self._iv, sa.cookies, self.kind, 0, payloads
        )
        sa.send(self._last_sent)
        return self._last_sent

    def _complete(self) -> None:
        self.sa.last_block = self._iv
        self.sa.state = IsakmpState.QM_IDLE
        self._transition(State.P1_COMPLETE)

    def _transition(self, new: State) -> None:
        self.sa.debug(f"Old State = {self.state}  New State = {new} ")
        self.state = new

    def _give_up(self, now: float) -> None:
        self._fail(now, "Death by retransmission P1")

    def _fail(self, now: float, reason: str) -> None:
        self._transition(State.FAILED)
        self.stop()
        self._owner.phase1_failed(self.sa, now, reason)

    def _expire_responder(self, now: float) -> None:
        """The responder resends on request only; it waits as long as an initiator would try."""
        config = self.sa.runtime.config
        wait = longest_negotiation(config.retransmit_interval, config.retransmit_limit)
        waiting_in = self.state

        def expire(at: float) -> None:
            if self.state is waiting_in:
                self._fail(at, "Death by retransmission P1")

        self.sa.at(now + wait, expire)
