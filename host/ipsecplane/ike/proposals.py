"""The SA payload with its proposals and transforms (RFC 2408 sections 3.4 to 3.6)."""

from __future__ import annotations

from dataclasses import dataclass, replace
from itertools import groupby

from ipsecplane.ike.attributes import Attribute, decode_attributes, encode_attributes
from ipsecplane.ike.constants import DOI_IPSEC, SITUATION_IDENTITY_ONLY, PayloadType
from ipsecplane.ike.payloads import Payload
from ipsecplane.ike.reader import Reader


@dataclass(frozen=True, slots=True)
class Transform:
    """One choice of a protocol's parameters; `id` is a transform identifier of the protocol."""

    number: int
    id: int
    attributes: tuple[Attribute, ...]

    def attribute(self, kind: int) -> Attribute | None:
        return next((a for a in self.attributes if a.type == kind), None)

    def value(self, kind: int) -> int | None:
        attribute = self.attribute(kind)
        return None if attribute is None else attribute.number


@dataclass(frozen=True, slots=True)
class Proposal:
    """One protocol of a proposal; those of one number belong together (logical and)."""

    number: int
    protocol: int
    spi: bytes
    transforms: tuple[Transform, ...]

    def choosing(self, transform: Transform, spi: bytes) -> Proposal:
        """The answer that accepts `transform` of this proposal."""
        return replace(self, spi=spi, transforms=(transform,))


@dataclass(frozen=True, slots=True)
class SecurityAssociation:
    """The SA payload's body (IPsec DOI, situation SIT_IDENTITY_ONLY)."""

    proposals: tuple[Proposal, ...]

    def alternatives(self) -> list[tuple[Proposal, ...]]:
        """Proposals grouped by number, in their order."""
        return [tuple(group) for _, group in groupby(self.proposals, key=lambda p: p.number)]

    def encode(self) -> bytes:
        head = DOI_IPSEC.to_bytes(4) + SITUATION_IDENTITY_ONLY.to_bytes(4)
        bodies = [_encode_proposal(proposal) for proposal in self.proposals]
        return head + _substructures(PayloadType.PROPOSAL, bodies)

    @classmethod
    def decode(cls, payload: Payload) -> SecurityAssociation:
        reader = Reader(payload.body, payload.body_offset)
        at = reader.offset
        if (doi := reader.number(4, "DOI")) != DOI_IPSEC:
            raise Reader(b"", at).error("DOI", f"{doi} is not the IPsec DOI")
        at = reader.offset
        if (situation := reader.number(4, "situation")) != SITUATION_IDENTITY_ONLY:
            raise Reader(b"", at).error("situation", f"{situation} is not SIT_IDENTITY_ONLY")
        proposals: list[Proposal] = []
        more = True
        while more:
            more, body = _next(reader, PayloadType.PROPOSAL, "proposal")
            proposals.append(_decode_proposal(body))
        reader.end("proposals")
        return cls(tuple(proposals))


def _encode_proposal(proposal: Proposal) -> bytes:
    transforms = [
        bytes((transform.number, transform.id, 0, 0)) + encode_attributes(transform.attributes)
        for transform in proposal.transforms
    ]
    head = bytes((proposal.number, proposal.protocol, len(proposal.spi), len(transforms)))
    return head + proposal.spi + _substructures(PayloadType.TRANSFORM, transforms)


def _substructures(kind: PayloadType, bodies: list[bytes]) -> bytes:
    """Bodies with the headers that say whether another one of their kind follows."""
    following = [kind] * (len(bodies) - 1) + [PayloadType.NONE]
    return b"".join(
        bytes((next_type, 0)) + (len(body) + 4).to_bytes(2) + body
        for next_type, body in zip(following, bodies, strict=True)
    )


def _next(reader: Reader, kind: PayloadType, name: str) -> tuple[bool, Reader]:
    """One proposal or transform: whether another one follows, and its body."""
    at = reader.offset
    following = reader.number(1, f"{name} next")
    if following not in (PayloadType.NONE, kind):
        raise Reader(b"", at).error(f"{name} next", f"{following} is neither 0 nor {int(kind)}")
    reader.zero(1, f"{name} reserved")
    at = reader.offset
    size = reader.number(2, f"{name} length")
    if size < 8:
        raise Reader(b"", at).error(f"{name} length", f"{size} is less than 8")
    at = reader.offset
    return following == kind, Reader(reader.take(size - 4, name), at)


def _decode_proposal(reader: Reader) -> Proposal:
    number = reader.number(1, "proposal number")
    protocol = reader.number(1, "proposal protocol")
    spi_size = reader.number(1, "SPI size")
    count = reader.number(1, "number of transforms")
    spi = reader.take(spi_size, "SPI")
    transforms: list[Transform] = []
    more = True
    while more:
        more, body = _next(reader, PayloadType.TRANSFORM, "transform")
        transform_number = body.number(1, "transform number")
        identifier = body.number(1, "transform ID")
        body.zero(2, "transform reserved2")
        at = body.offset
        attributes = decode_attributes(body.rest(), at)
        transforms.append(Transform(transform_number, identifier, attributes))
    reader.end("transforms")
    if len(transforms) != count:
        raise reader.error("number of transforms", f"{count} stated, {len(transforms)} found")
    return Proposal(number, protocol, spi, tuple(transforms))
