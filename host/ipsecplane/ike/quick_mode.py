"""Quick mode: three messages that negotiate IPsec SAs (RFC 2409 section 5.5).

    initiator   I_QM1 --QM2--> PHASE2_COMPLETE            (or WAIT_CONNECTED, with the commit bit)
    responder   R_QM2 --QM3--> PHASE2_COMPLETE

Inbound SAs are reported before the message that lets the peer use them is sent; outbound SAs once
the exchange is complete. With the commit bit (RFC 2408 section 3.1) of the responder, the initiator
holds its outbound SAs back until CONNECTED arrives.
"""

from __future__ import annotations

from enum import StrEnum
from typing import Protocol

from ipsecplane.config import Address
from ipsecplane.ike import groups, identities, informational, key_engine, messages, phase2
from ipsecplane.ike import keys as key_derivation
from ipsecplane.ike.attributes import decode_attributes, encode_attributes
from ipsecplane.ike.constants import (
    IP_PROTOCOL,
    NAT_T_PORT,
    ExchangeType,
    HeaderFlag,
    NotifyType,
    PayloadType,
    ProtocolId,
    is_error_notify,
)
from ipsecplane.ike.errors import AuthenticationError, NegotiationError, PayloadError
from ipsecplane.ike.exchange import AnswerCache, Retransmission
from ipsecplane.ike.groups import InvalidPublicValue, KeyPair
from ipsecplane.ike.isakmp_sa import IsakmpSa, Request
from ipsecplane.ike.keys import WeakKey
from ipsecplane.ike.main_mode import NONCE_SIZE
from ipsecplane.ike.messages import Message
from ipsecplane.ike.modes import acceptable, preferred
from ipsecplane.ike.payloads import (
    Header,
    Identification,
    Notification,
    decode_original_address,
    encode_chain,
    encode_original_address,
    nonce_of,
    of_type,
    single,
)
from ipsecplane.ike.phase2 import Phase2Choice
from ipsecplane.ike.proposals import SecurityAssociation
from ipsecplane.ike.sa_records import parts_of
from ipsecplane.ike.types import (
    InboundSasReady,
    IpsecSas,
    OutboundSasReady,
    Phase2Policy,
    ProtocolSa,
    ProxyIdentity,
)


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
        transport = _allows_transport(policy.local, policy.remote, sa.local, sa.remote)
        self._offered = phase2.offer(policy, self.spis, nat=sa.nat, transport=transport)
        for text in key_engine.sa_request(policy, sa.local, sa.remote):
            sa.runtime.debug(text, "ipsec")
        self._nonce = sa.runtime.random_bytes(NONCE_SIZE)
        payloads: list[tuple[int, bytes]] = [
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
            payloads += self._original_addresses(initiator=True)
        self._transition(State.I_QM1)
        self._send(self._with_hash(b"", payloads))
        self._resend.start(now)

    def respond(self, message: Message, data: bytes, now: float) -> None:
        """Take QM1 and answer it; raises `PayloadError`, `AuthenticationError`, `NegotiationError`.

        The message was opened with `open_first`, so it is authentic; `data` is how it came.
        """
        sa = self.sa
        offer, identity_i, identity_r, transport = self._read_offer(message)
        self.policy, choice = self._choose(offer, identity_i, identity_r, transport=transport)
        self._peer_nonce = nonce_of(message.payloads)
        self._nonce = sa.runtime.random_bytes(NONCE_SIZE)
        secret = b""
        if choice.pfs_group is None:
            if of_type(message.payloads, PayloadType.KEY_EXCHANGE):
                raise PayloadError(28, "KE", "is there though no proposal names its group")
        else:
            self._pair = groups.generate(choice.pfs_group, sa.runtime.random_bytes)
            secret = self._secret(self._pair, message)
        self.spis = {
            part.protocol: self._owner.new_spi().to_bytes(phase2.SPI_SIZE) for part in choice.parts
        }
        for text in key_engine.spi_response(self.spis, sa.local, sa.remote):
            sa.runtime.debug(text, "ipsec")
        self.sas = self._build_sas(choice, identity_r, identity_i, secret, now)
        answer = choice.answer(self.spis)
        payloads: list[tuple[int, bytes]] = [
            (PayloadType.SA, answer.encode()),
            (PayloadType.NONCE, self._nonce),
        ]
        if self._pair is not None:
            payloads.append((PayloadType.KEY_EXCHANGE, self._pair.public))
        payloads += [
            (PayloadType.IDENTIFICATION, payload.body)
            for payload in of_type(message.payloads, PayloadType.IDENTIFICATION)
        ]
        if choice.shortened:
            payloads += self._responder_lifetimes(choice)
        if choice.mode.transport:
            payloads += self._original_addresses(initiator=False)
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
        if self.state is State.I_QM1 and header.exchange == ExchangeType.QUICK:
            self._on_qm2(self._open(header, data), data, now)
        elif self.state is State.R_QM2 and header.exchange == ExchangeType.QUICK:
            self._on_qm3(self._open(header, data), data, now)
        elif self.state is State.WAIT_CONNECTED:
            self._on_connected(header, data, now)
        else:
            sa.runtime.count("unexpected")

    def _on_qm2(self, message: Message, data: bytes, now: float) -> None:
        sa, policy = self.sa, self.policy
        assert policy is not None
        assert self._offered is not None
        identifier = self.message_id.to_bytes(4)
        informational.check_hash(sa, message, identifier + self._nonce)
        sa.debug(f" processing HASH payload. message ID = {self.message_id}")
        answer = SecurityAssociation.decode(single(message.payloads, PayloadType.SA))
        sa.debug(f" processing SA payload. message ID = {self.message_id}")
        transport = _allows_transport(policy.local, policy.remote, sa.local, sa.remote)
        modes = [preferred(sa.nat, transport=kind) for kind in (transport, False)]
        choice = phase2.check_answer(policy, self._offered, answer, modes=modes, trace=sa.debug)
        self._check_identities(message, policy)
        peer_nonce = nonce_of(message.payloads)
        secret = b"" if self._pair is None else self._secret(self._pair, message)
        seconds, kilobytes = _responder_lifetimes(message)
        self._peer_nonce = peer_nonce
        self.sas = self._build_sas(
            choice, policy.local, policy.remote, secret, now, seconds, kilobytes
        )
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

    def _on_qm3(self, message: Message, data: bytes, now: float) -> None:
        sa = self.sa
        if not message.payloads or message.payloads[0].type != PayloadType.HASH:
            raise PayloadError(28, "HASH", "is not the first payload")
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
            raise PayloadError(28, "CONNECTED", "cannot be decrypted or authenticated")
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

    def _with_hash(
        self, nonce: bytes, payloads: list[tuple[int, bytes]]
    ) -> list[tuple[int, bytes]]:
        """HASH(1) (no nonce) or HASH(2) (the initiator's nonce) before the payloads it covers."""
        proof = self.sa.phase1_keys().authenticate(
            self.message_id.to_bytes(4), nonce, encode_chain(payloads)
        )
        return [(PayloadType.HASH, proof), *payloads]

    def _send(self, payloads: list[tuple[int, bytes]], *, commit: bool = False) -> None:
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

    def _read_offer(
        self, message: Message
    ) -> tuple[SecurityAssociation, ProxyIdentity, ProxyIdentity, bool]:
        """QM1's SA payload, both identities and whether they allow transport mode."""
        sa = self.sa
        sa.debug(f" processing HASH payload. message ID = {self.message_id}")
        offer = SecurityAssociation.decode(single(message.payloads, PayloadType.SA))
        sa.debug(f" processing SA payload. message ID = {self.message_id}")
        found = of_type(message.payloads, PayloadType.IDENTIFICATION)
        if len(found) not in (0, 2):
            raise PayloadError(28, "identification", f"{len(found)} payloads, not 0 or 2")
        for payload in of_type(message.payloads, PayloadType.NAT_OA, PayloadType.NAT_OA_DRAFT):
            sa.debug(f" NAT-OA is {decode_original_address(payload)}")
        if not found:
            # RFC 2409 section 5.5: without identities the peers themselves are meant.
            hosts = identities.host_network(sa.remote), identities.host_network(sa.local)
            return offer, ProxyIdentity(hosts[0]), ProxyIdentity(hosts[1]), True
        first, second = (identities.decode(Identification.decode(payload)) for payload in found)
        # Behind a NAT the hosts have other addresses than the datagrams (RFC 3947 section 5).
        transport = (
            _is_host(first) and _is_host(second)
            if sa.nat.detected
            else _allows_transport(second, first, sa.local, sa.remote)
        )
        return offer, first, second, transport

    def _choose(
        self,
        offer: SecurityAssociation,
        identity_i: ProxyIdentity,
        identity_r: ProxyIdentity,
        *,
        transport: bool,
    ) -> tuple[Phase2Policy, Phase2Choice]:
        """The first policy for the peer that covers both identities and accepts a proposal."""
        sa = self.sa
        for text in key_engine.validate_proposal(offer, sa, identity_r, identity_i):
            sa.runtime.debug(text, "ipsec")
        floated = sa.local_port == NAT_T_PORT
        modes = acceptable(sa.nat, transport=transport, floated=floated)
        covering = [
            policy
            for policy in sa.runtime.config.phase2
            if (not policy.peers or sa.remote in policy.peers)
            and policy.local_address in (None, sa.local)
            and identities.contains(policy.local, identity_r)
            and identities.contains(policy.remote, identity_i)
        ]
        if not covering:
            sa.runtime.debug(
                "IPSEC(ipsec_process_proposal): proxy identities not supported", "ipsec"
            )
            raise NegotiationError(
                NotifyType.INVALID_ID_INFORMATION, "proxy identities not supported"
            )
        refusal: NegotiationError | None = None
        for policy in covering:
            try:
                return policy, phase2.choose(policy, offer, modes=modes, trace=sa.debug)
            except NegotiationError as error:
                refusal = refusal or error
        assert refusal is not None
        raise refusal

    def _check_identities(self, message: Message, policy: Phase2Policy) -> None:
        found = of_type(message.payloads, PayloadType.IDENTIFICATION)
        expected = [identities.encode(policy.local), identities.encode(policy.remote)]
        received = [Identification.decode(payload) for payload in found]
        if received and [identities.decode(i) for i in received] != [
            identities.decode(i) for i in expected
        ]:
            raise NegotiationError(
                NotifyType.INVALID_ID_INFORMATION, "responder changed the identities"
            )

    def _secret(self, pair: KeyPair, message: Message) -> bytes:
        """g(qm)^xy with the peer's KE payload."""
        public = single(message.payloads, PayloadType.KEY_EXCHANGE).body
        self.sa.debug(f" processing KE payload. message ID = {self.message_id}")
        try:
            return groups.shared_secret(pair, public)
        except InvalidPublicValue as error:
            raise NegotiationError(NotifyType.INVALID_KEY_INFORMATION, str(error)) from error

    def _build_sas(
        self,
        choice: Phase2Choice,
        local: ProxyIdentity,
        remote: ProxyIdentity,
        secret: bytes,
        now: float,
        seconds: int | None = None,
        kilobytes: int | None = None,
    ) -> IpsecSas:
        """The negotiated SAs with their keys; raises INVALID-KEY-INFORMATION for a weak key."""
        sa, policy = self.sa, self.policy
        assert policy is not None
        try:
            parts = {
                part.protocol: self._protocol_sa(choice, part.protocol, secret)
                for part in choice.parts
            }
        except WeakKey as error:
            raise NegotiationError(NotifyType.INVALID_KEY_INFORMATION, str(error)) from error
        limits = [k for k in (choice.lifetime_kilobytes, kilobytes) if k]
        return IpsecSas(
            id=self._owner.new_sas_id(),
            policy=policy,
            local=sa.local,
            remote=sa.remote,
            local_port=sa.local_port,
            remote_port=sa.remote_port,
            local_identity=local,
            remote_identity=remote,
            transform_set=choice.transform_set,
            esp=parts.get(ProtocolId.ESP),
            ah=parts.get(ProtocolId.AH),
            udp_encapsulation=choice.mode.udp,
            transport=choice.mode.transport,
            lifetime_seconds=min(choice.lifetime_seconds, seconds or choice.lifetime_seconds),
            lifetime_kilobytes=min(limits, default=0),
            pfs_group=choice.pfs_group,
            initiator=self.initiator,
            isakmp_conn_id=sa.conn_id,
            established_at=now,
        )

    def _protocol_sa(self, choice: Phase2Choice, protocol: int, secret: bytes) -> ProtocolSa:
        chosen = choice.transform_set
        is_esp = protocol == ProtocolId.ESP
        cipher = (chosen.cipher or "NULL") if is_esp else None
        integrity = chosen.integrity if is_esp else chosen.ah
        nonces = (
            self._nonce + self._peer_nonce if self.initiator else self._peer_nonce + self._nonce
        )
        spis = self.spis[protocol], choice.peer_spi(protocol)
        inbound, outbound = (
            key_derivation.ipsec_keys(
                self.sa.phase1_keys(),
                protocol=protocol,
                spi=spi,
                nonces=nonces,
                shared_secret=secret,
                cipher=cipher,
                cipher_key_size=phase2.cipher_key_size(chosen) if is_esp else 0,
                integrity=integrity,
            )
            for spi in spis
        )
        return ProtocolSa(
            protocol=IP_PROTOCOL[ProtocolId(protocol)],
            inbound_spi=int.from_bytes(spis[0]),
            outbound_spi=int.from_bytes(spis[1]),
            cipher=cipher,
            integrity=integrity,
            inbound_cipher_key=inbound.cipher,
            outbound_cipher_key=outbound.cipher,
            inbound_salt=inbound.salt,
            outbound_salt=outbound.salt,
            inbound_integrity_key=inbound.integrity,
            outbound_integrity_key=outbound.integrity,
        )

    def _responder_lifetimes(self, choice: Phase2Choice) -> list[tuple[int, bytes]]:
        """RESPONDER-LIFETIME (RFC 2407 section 4.6.3.1), one a protocol."""
        attributes = phase2.lifetime_attributes(choice.lifetime_seconds, choice.lifetime_kilobytes)
        return [
            (
                PayloadType.NOTIFICATION,
                Notification(
                    part.protocol,
                    NotifyType.RESPONDER_LIFETIME,
                    self.spis[part.protocol],
                    encode_attributes(attributes),
                ).encode(),
            )
            for part in choice.parts
        ]

    def _original_addresses(self, *, initiator: bool) -> list[tuple[int, bytes]]:
        """NAT-OAi and NAT-OAr as we see them, in transport mode through a NAT (RFC 3947, 5.2)."""
        sa = self.sa
        if not sa.nat.detected or sa.nat.version is None:
            return []
        ours, theirs = encode_original_address(sa.local), encode_original_address(sa.remote)
        ordered = (ours, theirs) if initiator else (theirs, ours)
        return [(sa.nat.version.nat_oa, body) for body in ordered]

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


def _responder_lifetimes(message: Message) -> tuple[int | None, int | None]:
    """The shortest lifetimes of a message's RESPONDER-LIFETIME notifications."""
    seconds: list[int] = []
    kilobytes: list[int] = []
    for payload in of_type(message.payloads, PayloadType.NOTIFICATION):
        notification = Notification.decode(payload)
        if notification.type != NotifyType.RESPONDER_LIFETIME:
            continue
        attributes = decode_attributes(notification.data, payload.body_offset)
        stated = phase2.read_lifetimes(attributes)
        seconds += [stated[0]] if stated[0] else []
        kilobytes += [stated[1]] if stated[1] else []
    return min(seconds, default=None), min(kilobytes, default=None)


def _is_host(identity: ProxyIdentity) -> bool:
    return identity.network.prefixlen == identity.network.max_prefixlen


def _allows_transport(
    local: ProxyIdentity, remote: ProxyIdentity, local_address: Address, remote_address: Address
) -> bool:
    """Transport mode is for traffic between the peers themselves; IOS ignores it for the rest."""
    return local.network == identities.host_network(
        local_address
    ) and remote.network == identities.host_network(remote_address)
