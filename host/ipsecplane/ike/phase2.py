"""Phase 2 negotiation: transform sets against the proposals of Quick Mode (RFC 2407 section 4.5).

A transform set becomes one proposal number with one protocol (AH or ESP) or two (the bundle, all of
whose parts are accepted together). The responder takes the first of the initiator's proposals that
one of its transform sets allows, as IOS does.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Final

from ipsecplane.config import TransformSet
from ipsecplane.ike.attributes import Attribute, number_attribute
from ipsecplane.ike.constants import (
    LIFE_KILOBYTES,
    LIFE_SECONDS,
    Encapsulation,
    NotifyType,
    Phase2Attribute,
    ProtocolId,
)
from ipsecplane.ike.errors import NegotiationError
from ipsecplane.ike.modes import Mode, preferred
from ipsecplane.ike.nat import NatState
from ipsecplane.ike.phase1 import Trace
from ipsecplane.ike.proposals import Proposal, SecurityAssociation, Transform
from ipsecplane.ike.types import Phase2Policy
from ipsecplane.ipsec.algorithms import CIPHER, CIPHERS, GROUP, INTEGRITIES, INTEGRITY

SPI_SIZE: Final = 4
FIRST_SPI: Final = 256  # RFC 4303 section 2.1: 1 to 255 are reserved
_KNOWN: Final = frozenset(Phase2Attribute)
_ESP_NAMES: Final = {c.esp_id: f"ESP_{c.name.removesuffix('-CBC')}" for c in CIPHERS}
_AUTH_NAMES: Final = {i.auth_id: i.name.rsplit("-", 1)[0] for i in INTEGRITIES}
_AH_NAMES: Final = {i.ah_id: "AH_" + i.name.split("-", 1)[1].rsplit("-", 1)[0] for i in INTEGRITIES}


@dataclass(frozen=True, slots=True)
class Phase2Choice:
    """What was agreed on. Lifetimes are the shorter ones of both sides'; 0 kilobytes = no limit.

    `parts` are the peer's proposals, each with the chosen transform alone and the peer's SPI.
    """

    parts: tuple[Proposal, ...]
    transform_set: TransformSet
    mode: Mode
    pfs_group: int | None
    lifetime_seconds: int
    lifetime_kilobytes: int
    shortened: bool  # a lifetime of ours is shorter than what the peer stated

    def answer(self, spis: Mapping[int, bytes]) -> SecurityAssociation:
        """The responder's SA payload; `spis` are its own by DOI protocol number."""
        return SecurityAssociation(tuple(replace(p, spi=spis[p.protocol]) for p in self.parts))

    def peer_spi(self, protocol: int) -> bytes:
        return next(part.spi for part in self.parts if part.protocol == protocol)


def protocols_of(transform_set: TransformSet) -> list[ProtocolId]:
    """The parts of a transform set in the order of a proposal: AH outside, ESP inside."""
    parts = [ProtocolId.AH] if transform_set.ah else []
    if transform_set.cipher or transform_set.integrity:
        parts.append(ProtocolId.ESP)
    return parts


def cipher_key_size(transform_set: TransformSet) -> int:
    """Octets of ESP's cipher key; ciphers of one size need none stated."""
    cipher = CIPHER[transform_set.cipher or "NULL"]
    return transform_set.cipher_key_size if cipher.variable_key else cipher.key_sizes[0]


def offer(
    policy: Phase2Policy, spis: Mapping[int, bytes], *, nat: NatState, transport: bool
) -> SecurityAssociation:
    """The initiator's proposals, a number for each transform set; AH cannot cross a NAT."""
    proposals: list[Proposal] = []
    number = 0
    for transform_set in policy.transform_sets:
        if transform_set.ah and nat.detected:
            continue
        number += 1
        mode = preferred(nat, transport=transport and transform_set.transport).number
        for protocol in protocols_of(transform_set):
            transform = _transform(policy, transform_set, protocol, mode)
            proposals.append(Proposal(number, protocol, spis[protocol], (transform,)))
    if not proposals:
        raise NegotiationError(NotifyType.NO_PROPOSAL_CHOSEN, "no transform set can be used")
    return SecurityAssociation(tuple(proposals))


def choose(
    policy: Phase2Policy,
    offered: SecurityAssociation,
    *,
    modes: Sequence[Mode],
    trace: Trace,
) -> Phase2Choice:
    """The first alternative of `offered` that a transform set allows; raises NO-PROPOSAL-CHOSEN."""
    for alternative in offered.alternatives():
        trace(f"Checking IPSec proposal {alternative[0].number}")
        for transform_set in policy.transform_sets:
            wanted = sorted(protocols_of(transform_set))
            if sorted(proposal.protocol for proposal in alternative) != wanted:
                continue
            for mode in modes:
                # A set in transport mode takes tunnel mode too, one in tunnel mode only that; AH
                # is never in UDP.
                if (mode.transport and not transform_set.transport) or (
                    mode.udp and transform_set.ah
                ):
                    continue
                choice = _match(policy, transform_set, alternative, mode)
                if choice is not None:
                    _trace_parts(choice.parts, trace)
                    trace("atts are acceptable.")
                    return choice
        _trace_parts(alternative, trace)
        trace("atts not acceptable. Next payload is 0")
    trace("phase 2 SA policy not acceptable!")
    raise NegotiationError(NotifyType.NO_PROPOSAL_CHOSEN, "phase 2 SA policy not acceptable")


def check_answer(
    policy: Phase2Policy,
    offered: SecurityAssociation,
    answer: SecurityAssociation,
    *,
    modes: Sequence[Mode],
    trace: Trace,
) -> Phase2Choice:
    """The initiator's check: the answer is one alternative of ours with one transform a part."""
    alternatives = answer.alternatives()
    if len(alternatives) != 1 or any(len(p.transforms) != 1 for p in alternatives[0]):
        raise NegotiationError(NotifyType.NO_PROPOSAL_CHOSEN, "answer is not one proposal")
    choice = choose(policy, answer, modes=modes, trace=trace)
    for part in choice.parts:
        terms = _terms(part.transforms[0])
        if not any(
            ours.protocol == part.protocol
            and ours.transforms[0].id == part.transforms[0].id
            and _terms(ours.transforms[0]) == terms
            for ours in offered.proposals
        ):
            raise NegotiationError(NotifyType.NO_PROPOSAL_CHOSEN, "answer was not offered")
    return choice


def lifetime_attributes(seconds: int, kilobytes: int) -> list[Attribute]:
    """Lifetimes of a transform or a RESPONDER-LIFETIME notification."""
    values = [(Phase2Attribute.LIFE_TYPE, LIFE_SECONDS), (Phase2Attribute.LIFE_DURATION, seconds)]
    if kilobytes:
        values += [
            (Phase2Attribute.LIFE_TYPE, LIFE_KILOBYTES),
            (Phase2Attribute.LIFE_DURATION, kilobytes),
        ]
    return [number_attribute(kind, value) for kind, value in values]


def read_lifetimes(attributes: tuple[Attribute, ...]) -> tuple[int | None, int | None]:
    """Seconds and kilobytes, None for what is not stated (or stated as 0)."""
    seconds = kilobytes = kind = None
    for attribute in attributes:
        if attribute.type == Phase2Attribute.LIFE_TYPE:
            kind = attribute.number
        elif attribute.type == Phase2Attribute.LIFE_DURATION:
            if kind == LIFE_SECONDS:
                seconds = attribute.number or None
            elif kind == LIFE_KILOBYTES:
                kilobytes = attribute.number or None
    return seconds, kilobytes


def _transform(
    policy: Phase2Policy, transform_set: TransformSet, protocol: ProtocolId, mode: Encapsulation
) -> Transform:
    attributes = [
        number_attribute(Phase2Attribute.ENCAPSULATION, mode),
        *lifetime_attributes(policy.lifetime_seconds, policy.lifetime_kilobytes),
    ]
    integrity = transform_set.ah if protocol == ProtocolId.AH else transform_set.integrity
    if integrity:
        auth_id = INTEGRITY[integrity].auth_id
        attributes.append(number_attribute(Phase2Attribute.AUTHENTICATION, auth_id))
    if protocol == ProtocolId.ESP:
        cipher = CIPHER[transform_set.cipher or "NULL"]
        identifier = cipher.esp_id
        if cipher.variable_key:
            bits = transform_set.cipher_key_size * 8
            attributes.append(number_attribute(Phase2Attribute.KEY_LENGTH, bits))
    else:
        assert integrity is not None  # protocols_of
        identifier = INTEGRITY[integrity].ah_id
    if policy.pfs_group is not None:
        attributes.append(number_attribute(Phase2Attribute.GROUP, policy.pfs_group))
    return Transform(1, identifier, tuple(attributes))


def _terms(transform: Transform) -> dict[int, int]:
    """What a transform says apart from lifetimes."""
    lifetimes = (Phase2Attribute.LIFE_TYPE, Phase2Attribute.LIFE_DURATION)
    return {a.type: a.number for a in transform.attributes if a.type not in lifetimes}


def _match(
    policy: Phase2Policy,
    transform_set: TransformSet,
    alternative: tuple[Proposal, ...],
    mode: Mode,
) -> Phase2Choice | None:
    parts: list[Proposal] = []
    group: int | None = None
    for proposal in alternative:
        if len(proposal.spi) != SPI_SIZE or int.from_bytes(proposal.spi) < FIRST_SPI:
            return None
        found = next(
            (
                transform
                for transform in proposal.transforms
                if _fits(policy, transform_set, proposal.protocol, transform, mode)
                and (not parts or transform.value(Phase2Attribute.GROUP) == group)
            ),
            None,
        )
        if found is None:
            return None
        group = found.value(Phase2Attribute.GROUP)
        parts.append(proposal.choosing(found, proposal.spi))
    stated = [read_lifetimes(part.transforms[0].attributes) for part in parts]
    seconds = [s for s, _ in stated if s is not None]
    kilobytes = [k for _, k in stated if k is not None]
    ours = policy.lifetime_kilobytes
    agreed_seconds = min([policy.lifetime_seconds, *seconds])
    agreed_kilobytes = min([*([ours] if ours else []), *kilobytes], default=0)
    return Phase2Choice(
        parts=tuple(parts),
        transform_set=transform_set,
        mode=mode,
        pfs_group=group,
        lifetime_seconds=agreed_seconds,
        lifetime_kilobytes=agreed_kilobytes,
        shortened=any(s > agreed_seconds for s in seconds)
        or any(k > agreed_kilobytes for k in kilobytes),
    )


def _fits(
    policy: Phase2Policy,
    transform_set: TransformSet,
    protocol: int,
    transform: Transform,
    mode: Mode,
) -> bool:
    if any(attribute.type not in _KNOWN for attribute in transform.attributes):
        return False
    stated_mode = transform.value(Phase2Attribute.ENCAPSULATION)
    # RFC 2407 section 4.5 leaves the default to the host: tunnel mode, as for any gateway.
    if stated_mode != mode.number and (stated_mode is not None or mode.transport):
        return False
    group = transform.value(Phase2Attribute.GROUP)
    # Without `set pfs` any group that we know is welcome; with it, that group is demanded.
    if policy.pfs_group not in (None, group) or (group is not None and group not in GROUP):
        return False
    authentication = transform.value(Phase2Attribute.AUTHENTICATION)
    if protocol == ProtocolId.AH:
        assert transform_set.ah is not None  # the caller compared the protocols
        row = INTEGRITY[transform_set.ah]
        return transform.id == row.ah_id and authentication == row.auth_id
    integrity = transform_set.integrity
    cipher = CIPHER[transform_set.cipher or "NULL"]
    default_bits = cipher.key_sizes[0] * 8
    stated_bits = transform.value(Phase2Attribute.KEY_LENGTH)
    return (
        transform.id == cipher.esp_id
        and authentication == (INTEGRITY[integrity].auth_id if integrity else None)
        and (default_bits if stated_bits is None else stated_bits)
        == cipher_key_size(transform_set) * 8
    )


def _trace_parts(parts: tuple[Proposal, ...], trace: Trace) -> None:
    for part in parts:
        for transform in part.transforms:
            names = _AH_NAMES if part.protocol == ProtocolId.AH else _ESP_NAMES
            trace(f" transform {transform.number}, {names.get(transform.id, transform.id)}")
            trace("   attributes in transform:")
            for attribute in transform.attributes:
                trace(f"      {_describe(attribute)}")


def _describe(attribute: Attribute) -> str:
    number = attribute.number
    match attribute.type:
        case Phase2Attribute.ENCAPSULATION:
            return f"encaps is {number} ({_MODE_NAMES.get(number, 'unknown')})"
        case Phase2Attribute.LIFE_TYPE:
            return f"SA life type in {'seconds' if number == LIFE_SECONDS else 'kilobytes'}"
        case Phase2Attribute.LIFE_DURATION:
            return f"SA life duration {attribute.shown()}"
        case Phase2Attribute.AUTHENTICATION:
            return f"authenticator is {_AUTH_NAMES.get(number, number)}"
        case Phase2Attribute.KEY_LENGTH:
            return f"key length is {number}"
        case Phase2Attribute.GROUP:
            return f"group is {number}"
        case kind:
            return f"attribute {kind} is {number}"


_MODE_NAMES: Final[dict[int, str]] = {
    Encapsulation.TUNNEL: "Tunnel",
    Encapsulation.TRANSPORT: "Transport",
    Encapsulation.UDP_TUNNEL: "Tunnel-UDP",
    Encapsulation.UDP_TRANSPORT: "Transport-UDP",
    Encapsulation.UDP_TUNNEL_DRAFT: "Tunnel-UDP",
    Encapsulation.UDP_TRANSPORT_DRAFT: "Transport-UDP",
}
