"""Lines of `debug crypto ipsec`: the key engine on proposals and SAs (guide, chapter 3)."""

from __future__ import annotations

from collections.abc import Mapping

from ipsecplane.config import Address, TransformSet
from ipsecplane.ike import identities, phase2
from ipsecplane.ike.constants import IP_PROTOCOL, Encapsulation, Phase2Attribute, ProtocolId
from ipsecplane.ike.isakmp_sa import IsakmpSa
from ipsecplane.ike.proposals import Proposal, SecurityAssociation, Transform
from ipsecplane.ike.types import Phase2Policy, ProxyIdentity
from ipsecplane.ipsec.algorithms import CIPHER, CIPHERS, INTEGRITIES, INTEGRITY

_TRANSPORT = (
    Encapsulation.TRANSPORT,
    Encapsulation.UDP_TRANSPORT,
    Encapsulation.UDP_TRANSPORT_DRAFT,
)


def key_engine_message(
    *,
    direction: str,
    local: Address,
    remote: Address,
    local_identity: ProxyIdentity,
    remote_identity: ProxyIdentity,
    protocol: int,
    transform: str,
    seconds: int = 0,
    kilobytes: int = 0,
    spi: int = 0,
    conn_id: int = 0,
    key_bits: int = 0,
    flags: int = 0x2,
) -> str:
    """The block "(key eng. msg.)"; `protocol` is IP's (50, 51), `direction` INBOUND or OUTBOUND."""
    return (
        f" (key eng. msg.) {direction} local= {local}, remote= {remote}, \n"
        f" local_proxy= {identities.shown(local_identity)}, \n"
        f" remote_proxy= {identities.shown(remote_identity)}, \n"
        f" protocol= {'AH' if protocol == 51 else 'ESP'}, transform= {transform} , \n"
        f" lifedur= {seconds}s and {kilobytes}kb, \n"
        f" spi= 0x{spi:X}({spi}), conn_id= {conn_id}, keysize= {key_bits}, flags= 0x{flags:X}"
    )


def transform_keywords(transform_set: TransformSet, protocol: int) -> str:
    """The part of a transform set that is about AH (51) or ESP (50), as IOS writes it."""
    if protocol == 51:
        return INTEGRITY[transform_set.ah].ah_transform if transform_set.ah else ""
    cipher = CIPHER[transform_set.cipher or "NULL"]
    words = [cipher.transform]
    if cipher.variable_key and transform_set.cipher_key_size != cipher.key_sizes[0]:
        words.append(str(transform_set.cipher_key_size * 8))
    if transform_set.integrity:
        words.append(INTEGRITY[transform_set.integrity].esp_transform)
    return " ".join(words)


def sa_request(policy: Phase2Policy, local: Address, remote: Address) -> list[str]:
    """What the initiator asks for, a line a protocol."""
    return [
        "IPSEC(sa_request): ,\n"
        + key_engine_message(
            direction="OUTBOUND",
            local=local,
            remote=remote,
            local_identity=policy.local,
            remote_identity=policy.remote,
            protocol=IP_PROTOCOL[protocol],
            transform=transform_keywords(transform_set, IP_PROTOCOL[protocol]),
            seconds=policy.lifetime_seconds,
            kilobytes=policy.lifetime_kilobytes,
            flags=0x0,
        )
        for transform_set in policy.transform_sets
        for protocol in phase2.protocols_of(transform_set)
    ]


def validate_proposal(
    offer: SecurityAssociation,
    sa: IsakmpSa,
    local_identity: ProxyIdentity,
    remote_identity: ProxyIdentity,
) -> list[str]:
    """What the responder is asked, a line a part of the first proposal."""
    alternatives = offer.alternatives()
    lines = [
        f"IPSEC(validate_proposal_request): proposal part #{number}, \n"
        + key_engine_message(
            direction="INBOUND",
            local=sa.local,
            remote=sa.remote,
            local_identity=local_identity,
            remote_identity=remote_identity,
            protocol=51 if part.protocol == ProtocolId.AH else 50,
            transform=_offered_keywords(part),
            key_bits=part.transforms[0].value(Phase2Attribute.KEY_LENGTH) or 0,
            flags=0x0 if _mode(part.transforms[0]) in _TRANSPORT else 0x2,
        )
        for number, part in enumerate(alternatives[0], start=1)
    ]
    count = len(alternatives[0])
    return [*lines, f"IPSEC(key_engine): got a queue event with {count} kei messages"]


def spi_response(spis: Mapping[int, bytes], local: Address, remote: Address) -> list[str]:
    return [
        f"IPSEC(spi_response): getting spi {int.from_bytes(spi)} for SA \n"
        f" from {local} to {remote} for prot {protocol}"
        for protocol, spi in spis.items()
    ]


def _mode(transform: Transform) -> int | None:
    return transform.value(Phase2Attribute.ENCAPSULATION)


def _offered_keywords(part: Proposal) -> str:
    """The offered algorithms by IOS's keywords, numbers for unknown ones."""
    transform = part.transforms[0]
    if part.protocol == ProtocolId.AH:
        known = {row.ah_id: row.ah_transform for row in INTEGRITIES}
        return known.get(transform.id, f"ah-{transform.id}")
    ciphers = {row.esp_id: row.transform for row in CIPHERS}
    words = [ciphers.get(transform.id, f"esp-{transform.id}")]
    authentication = transform.value(Phase2Attribute.AUTHENTICATION)
    if authentication is not None:
        hashes = {row.auth_id: row.esp_transform for row in INTEGRITIES}
        words.append(hashes.get(authentication, f"auth-{authentication}"))
    return " ".join(words)
