"""Phase 1 negotiation: `crypto isakmp policy` values against the transforms of SA payloads.

The rule is the guide's (chapter 9): our policies in order of priority, each against all transforms
of the peer; encryption, hash, authentication and group must be equal and the peer's lifetime less
than or equal to ours; the shorter one is used.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Sequence
from dataclasses import dataclass
from typing import Final

from ipsecplane.config import IsakmpPolicy
from ipsecplane.ike.attributes import Attribute, number_attribute
from ipsecplane.ike.constants import (
    AUTHENTICATION_METHODS,
    KEY_IKE,
    LIFE_SECONDS,
    NotifyType,
    Phase1Attribute,
    ProtocolId,
)
from ipsecplane.ike.errors import NegotiationError
from ipsecplane.ike.keys import Phase1Suite
from ipsecplane.ike.proposals import Proposal, SecurityAssociation, Transform
from ipsecplane.ipsec.algorithms import CIPHER, CIPHERS, GROUP, HASH, HASHES

Trace = Callable[[str], None]

PRE_SHARED: Final = ("pre-share", "XAUTHInitPreShared")
RSA_SIGNATURES: Final = ("rsa-sig", "XAUTHInitRSA")

_CIPHER_BY_ID: Final = {c.phase1_id: c for c in CIPHERS if c.phase1_id is not None}
_HASH_BY_ID: Final = {h.phase1_id: h for h in HASHES}
_AUTHENTICATION_BY_ID: Final = {number: name for name, number in AUTHENTICATION_METHODS.items()}


@dataclass(frozen=True, slots=True)
class Phase1Choice:
    """What was agreed on; `lifetime` in seconds, `answer` is the SA payload that says so."""

    policy: IsakmpPolicy
    suite: Phase1Suite
    lifetime: int
    answer: SecurityAssociation


def usable_policies(
    policies: Iterable[IsakmpPolicy], methods: Collection[str] = PRE_SHARED
) -> list[IsakmpPolicy]:
    """Those that we can complete by one of the methods, highest priority first."""
    return sorted(
        (
            policy
            for policy in policies
            if policy.authentication in methods
            and policy.hash in HASH
            and policy.group in GROUP
            and policy.encryption in CIPHER
            and CIPHER[policy.encryption].phase1_id is not None
            and policy.key_size in CIPHER[policy.encryption].key_sizes
        ),
        key=lambda policy: policy.priority,
    )


def offer(policies: Sequence[IsakmpPolicy]) -> SecurityAssociation:
    """One proposal with one transform a policy."""
    transforms = tuple(
        Transform(number, KEY_IKE, _attributes(policy))
        for number, policy in enumerate(policies, start=1)
    )
    return SecurityAssociation((Proposal(1, ProtocolId.ISAKMP, b"", transforms),))


def choose(
    policies: Sequence[IsakmpPolicy],
    offered: SecurityAssociation,
    trace: Trace,
    *,
    accept_longer: bool = False,
) -> Phase1Choice:
    """The responder's choice; raises `NegotiationError` with NO-PROPOSAL-CHOSEN.

    `accept_longer`: if no policy fits, a lifetime longer than ours is no reason to refuse.
    """
    try:
        return _first_match(policies, offered, trace, accept_longer=False)
    except NegotiationError:
        if not accept_longer:
            raise
    return _first_match(policies, offered, trace, accept_longer=True)


def _first_match(
    policies: Sequence[IsakmpPolicy],
    offered: SecurityAssociation,
    trace: Trace,
    *,
    accept_longer: bool,
) -> Phase1Choice:
    for policy in policies:
        for proposal in offered.proposals:
            if proposal.protocol != ProtocolId.ISAKMP:
                continue
            for position, transform in enumerate(proposal.transforms):
                trace(
                    f"Checking ISAKMP transform {transform.number} "
                    f"against priority {policy.priority} policy"
                )
                lifetime = _acceptable(policy, transform, trace, accept_longer=accept_longer)
                last = position == len(proposal.transforms) - 1
                following = f"Next payload is {0 if last else 3}"
                if lifetime is None:
                    trace(f"atts are not acceptable. {following}")
                    continue
                trace(f"atts are acceptable. {following}")
                trace(f"Returning Actual lifetime: {lifetime}")
                # An SPI has no use in Phase 1: the cookies name the SA (RFC 2408 section 3.5).
                answer = SecurityAssociation((proposal.choosing(transform, b""),))
                return Phase1Choice(policy, suite_of(policy), lifetime, answer)
    trace("no offers accepted!")
    raise NegotiationError(NotifyType.NO_PROPOSAL_CHOSEN, "no offers accepted")


def check_answer(
    policies: Sequence[IsakmpPolicy], answer: SecurityAssociation, trace: Trace
) -> Phase1Choice:
    """The initiator's check that the answer is one of the transforms it offered.

    `policies` are those of `offer`, in its order. The responder may have shortened the lifetime.
    """
    if len(answer.proposals) != 1 or len(answer.proposals[0].transforms) != 1:
        raise NegotiationError(NotifyType.NO_PROPOSAL_CHOSEN, "answer has more than one transform")
    return choose(policies, answer, trace)


def suite_of(policy: IsakmpPolicy) -> Phase1Suite:
    return Phase1Suite(policy.encryption, policy.key_size, policy.hash, policy.group)


def _attributes(policy: IsakmpPolicy) -> tuple[Attribute, ...]:
    cipher = CIPHER[policy.encryption]
    assert cipher.phase1_id is not None  # usable_policies
    values = [(Phase1Attribute.ENCRYPTION, cipher.phase1_id)]
    if cipher.variable_key:
        values.append((Phase1Attribute.KEY_LENGTH, policy.key_size * 8))
    values += [
        (Phase1Attribute.HASH, HASH[policy.hash].phase1_id),
        (Phase1Attribute.GROUP, policy.group),
        (Phase1Attribute.AUTHENTICATION, AUTHENTICATION_METHODS[policy.authentication]),
        (Phase1Attribute.LIFE_TYPE, LIFE_SECONDS),
        (Phase1Attribute.LIFE_DURATION, policy.lifetime),
    ]
    return tuple(number_attribute(kind, value) for kind, value in values)


def _acceptable(
    policy: IsakmpPolicy, transform: Transform, trace: Trace, *, accept_longer: bool
) -> int | None:
    """The lifetime in seconds if the transform is what the policy says, else None."""
    trace_attributes(transform, trace)
    if transform.id != KEY_IKE or any(a.type not in _KNOWN for a in transform.attributes):
        trace("Unknown Attr: transform holds an attribute that is not supported")
        return None
    cipher = CIPHER[policy.encryption]
    if transform.value(Phase1Attribute.ENCRYPTION) != cipher.phase1_id:
        trace("Encryption algorithm offered does not match policy!")
        return None
    # RFC 3602 section 5.2 demands the key length; AES without it can only be 128 bits.
    key_bits = transform.value(Phase1Attribute.KEY_LENGTH)
    if (key_bits if key_bits is not None else cipher.key_sizes[0] * 8) != policy.key_size * 8:
        trace("Proposed key length does not match policy")
        return None
    if transform.value(Phase1Attribute.HASH) != HASH[policy.hash].phase1_id:
        trace("Hash algorithm offered does not match policy!")
        return None
    if transform.value(Phase1Attribute.GROUP) != policy.group:
        trace("Diffie-Hellman group offered does not match policy!")
        return None
    method = transform.value(Phase1Attribute.AUTHENTICATION)
    if method != AUTHENTICATION_METHODS[policy.authentication]:
        if method in _XAUTH_TOLD:
            trace(f"Xauthentication by {_XAUTH_TOLD[method]} offered but does not match policy!")
        trace("Authentication method offered does not match policy!")
        return None
    lifetime = _lifetime(transform)
    if lifetime is None:
        return policy.lifetime
    if lifetime == 0 or (lifetime > policy.lifetime and not accept_longer):
        trace("Lifetime offered is longer than the policy's!")
        return None
    return min(lifetime, policy.lifetime)


_KNOWN: Final = frozenset(Phase1Attribute)
_XAUTH_TOLD: Final = {
    AUTHENTICATION_METHODS["XAUTHInitPreShared"]: "pre-shared key",
    AUTHENTICATION_METHODS["XAUTHInitRSA"]: "RSA signature",
}


def _lifetime(transform: Transform) -> int | None:
    """Seconds; None when the peer states none. A volume limit is the peer's own affair."""
    kind = None
    for attribute in transform.attributes:
        if attribute.type == Phase1Attribute.LIFE_TYPE:
            kind = attribute.number
        elif attribute.type == Phase1Attribute.LIFE_DURATION and kind == LIFE_SECONDS:
            return attribute.number
    return None


def trace_attributes(transform: Transform, trace: Trace) -> None:
    """The transform as `debug crypto isakmp` lists it."""
    for attribute in transform.attributes:
        trace(f"      {_describe(attribute)}")


def _describe(attribute: Attribute) -> str:
    number = attribute.number
    match attribute.type:
        case Phase1Attribute.ENCRYPTION:
            return f"encryption {_CIPHER_BY_ID[number].name if number in _CIPHER_BY_ID else number}"
        case Phase1Attribute.KEY_LENGTH:
            return f"keylength of {number}"
        case Phase1Attribute.HASH:
            return f"hash {_HASH_BY_ID[number].name if number in _HASH_BY_ID else number}"
        case Phase1Attribute.GROUP:
            return f"default group {number}"
        case Phase1Attribute.AUTHENTICATION:
            return f"auth {_AUTHENTICATION_BY_ID.get(number, number)}"
        case Phase1Attribute.LIFE_TYPE:
            return f"life type in {'seconds' if number == LIFE_SECONDS else 'kilobytes'}"
        case Phase1Attribute.LIFE_DURATION:
            return f"life duration {attribute.shown()}"
        case kind:
            return f"attribute {kind} of {number}"
