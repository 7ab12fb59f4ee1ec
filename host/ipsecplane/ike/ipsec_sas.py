"""From an agreement of quick mode to SAs with keys (RFC 2409 section 5.5)."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from ipsecplane.config import Address
from ipsecplane.ike import keys, phase2
from ipsecplane.ike.constants import IP_PROTOCOL, NotifyType, ProtocolId
from ipsecplane.ike.errors import NegotiationError
from ipsecplane.ike.isakmp_sa import IsakmpSa
from ipsecplane.ike.keys import WeakKey
from ipsecplane.ike.phase2 import Phase2Choice
from ipsecplane.ike.types import IpsecSas, Phase2Policy, ProtocolSa, ProxyIdentity


@dataclass(frozen=True, slots=True)
class Agreement:
    """All that one quick mode settled. `spis` are ours by DOI protocol number.

    `shared_secret` is g(qm)^xy, empty without PFS; `nonces` is Ni_b | Nr_b.
    """

    policy: Phase2Policy
    choice: Phase2Choice
    local: ProxyIdentity
    remote: ProxyIdentity
    spis: Mapping[int, bytes]
    nonces: bytes
    shared_secret: bytes = field(repr=False)
    initiator: bool
    limit_seconds: int | None = None  # of a RESPONDER-LIFETIME notification
    limit_kilobytes: int | None = None
    peers_view: tuple[Address, Address] | None = None  # source, destination: see IpsecSas


def build(sa: IsakmpSa, agreement: Agreement, *, sas_id: int, now: float) -> IpsecSas:
    """The SAs of both directions; raises INVALID-KEY-INFORMATION for a weak key."""
    choice = agreement.choice
    try:
        parts = {part.protocol: _protocol_sa(sa, agreement, part.protocol) for part in choice.parts}
    except WeakKey as error:
        raise NegotiationError(NotifyType.INVALID_KEY_INFORMATION, str(error)) from error
    seconds = [s for s in (choice.lifetime_seconds, agreement.limit_seconds) if s]
    kilobytes = [k for k in (choice.lifetime_kilobytes, agreement.limit_kilobytes) if k]
    return IpsecSas(
        id=sas_id,
        policy=agreement.policy,
        local=sa.local,
        remote=sa.remote,
        local_port=sa.local_port,
        remote_port=sa.remote_port,
        local_identity=agreement.local,
        remote_identity=agreement.remote,
        transform_set=choice.transform_set,
        esp=parts.get(ProtocolId.ESP),
        ah=parts.get(ProtocolId.AH),
        udp_encapsulation=choice.mode.udp,
        transport=choice.mode.transport,
        lifetime_seconds=min(seconds),
        lifetime_kilobytes=min(kilobytes, default=0),
        pfs_group=choice.pfs_group,
        initiator=agreement.initiator,
        isakmp_conn_id=sa.conn_id,
        established_at=now,
        peer_is_behind_nat=sa.nat.peer_is_behind,
        peers_view=agreement.peers_view if choice.mode.transport else None,
    )


def _protocol_sa(sa: IsakmpSa, agreement: Agreement, protocol: int) -> ProtocolSa:
    chosen = agreement.choice.transform_set
    is_esp = protocol == ProtocolId.ESP
    cipher = (chosen.cipher or "NULL") if is_esp else None
    integrity = chosen.integrity if is_esp else chosen.ah
    spis = agreement.spis[protocol], agreement.choice.peer_spi(protocol)
    # The SPI names the SA and so its direction: ours the inbound one.
    inbound, outbound = (
        keys.ipsec_keys(
            sa.phase1_keys(),
            protocol=protocol,
            spi=spi,
            nonces=agreement.nonces,
            shared_secret=agreement.shared_secret,
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
