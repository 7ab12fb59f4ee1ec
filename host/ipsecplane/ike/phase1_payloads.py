"""The payloads of Phase 1's messages: vendor IDs, NAT detection, identities, INITIAL-CONTACT."""

from __future__ import annotations

from typing import Final

from ipsecplane.config import Address, IkeIdentity
from ipsecplane.ike import identities, vendor_ids
from ipsecplane.ike.constants import IKE_PORT, NAT_T_PORT, IdType, NotifyType, PayloadType
from ipsecplane.ike.errors import PayloadError
from ipsecplane.ike.isakmp_sa import IsakmpSa
from ipsecplane.ike.messages import Message
from ipsecplane.ike.nat import (
    NatState,
    answered_vendor_id,
    common_version,
    detect,
    detection_hash,
    offered_vendor_ids,
    vendor_name,
)
from ipsecplane.ike.payloads import (
    Identification,
    Notification,
    Payload,
    Payloads,
    of_type,
    single,
)
from ipsecplane.ike.phase1 import RSA_SIGNATURES
from ipsecplane.ike.types import Datagram

_UDP: Final = 17
# RFC 2407 section 4.6.2 allows 0/0 and 17/500; peers that floated to NAT-T's port say 17/4500.
_PHASE1_PORTS: Final = ((0, 0), (_UDP, 0), (_UDP, IKE_PORT), (_UDP, NAT_T_PORT))


# --- vendor IDs ---


def offered(sa: IsakmpSa) -> Payloads:
    """The initiator's: all versions of NAT-T unless it is switched off, and what is always ours."""
    found = offered_vendor_ids() if sa.runtime.config.nat_transparency else []
    for _, name in found:
        sa.debug(f" constructed NAT-T vendor-{name} ID")
    return [*((PayloadType.VENDOR_ID, value) for value, _ in found), *_ours(sa)]


def answered(sa: IsakmpSa, received: list[bytes]) -> Payloads:
    """The responder's: the version of NAT-T that it agreed to, and what is always ours."""
    payloads: Payloads = []
    if sa.nat.version is not None:
        value, name = answered_vendor_id(sa.nat.version, received)
        sa.debug(f" constructed NAT-T vendor-{name} ID")
        payloads.append((PayloadType.VENDOR_ID, value))
    return [*payloads, *_ours(sa)]


def _ours(sa: IsakmpSa) -> Payloads:
    found = [vendor_ids.DPD] if sa.runtime.config.dead_peer_detection else []
    assert sa.phase1 is not None
    if sa.phase1.credentials.does_xauth:
        found.append(vendor_ids.XAUTH)
    return [(PayloadType.VENDOR_ID, value) for value in [*found, vendor_ids.UNITY]]


def read_vendor_ids(sa: IsakmpSa, message: Message) -> list[bytes]:
    found = [payload.body for payload in of_type(message.payloads, PayloadType.VENDOR_ID)]
    for value in found:
        sa.debug(" processing vendor id payload")
        name = vendor_name(value) or vendor_ids.name_of(value)
        if name is not None:
            sa.debug(f" vendor ID is {name}")
    sa.peer_vendor_ids.update(found)
    return found


def nat_support(sa: IsakmpSa, received: list[bytes]) -> NatState:
    """The version of NAT-T that both sides know, nothing being detected yet."""
    return NatState(common_version(received) if sa.runtime.config.nat_transparency else None)


# --- NAT detection ---


def nat_detection(sa: IsakmpSa, answering: Datagram) -> Payloads:
    """NAT-D: the receiver's address first, the sender's second (RFC 3947 section 3.2)."""
    if sa.nat.version is None:
        return []
    ends = (
        (answering.remote, answering.remote_port),
        (answering.local, answering.local_port),
    )
    return [(sa.nat.version.nat_d, _nat_d(sa, address, port)) for address, port in ends]


def detect_nat(sa: IsakmpSa, message: Message, datagram: Datagram) -> NatState:
    version = sa.nat.version
    if version is None:
        return NatState()
    nat = detect(
        version,
        [payload.body for payload in of_type(message.payloads, version.nat_d)],
        ours=_nat_d(sa, datagram.local, datagram.local_port),
        peers=_nat_d(sa, datagram.remote, datagram.remote_port),
    )
    sa.debug(_FOUND[nat.we_are_behind, nat.peer_is_behind])
    return nat


_FOUND: Final = {
    (False, False): "No NAT Found for self or peer",
    (True, False): "NAT found, node inside NAT",
    (False, True): "NAT found, peer inside NAT",
    (True, True): "NAT found, both nodes inside NAT",
}


def _nat_d(sa: IsakmpSa, address: Address, port: int) -> bytes:
    assert sa.choice is not None  # NAT-D comes after the SA payloads
    return detection_hash(sa.choice.suite.hash, sa.cookies, address, port)


# --- identities ---


def own_identity(sa: IsakmpSa, name: IkeIdentity | None) -> bytes:
    """The body of our ID payload; its port is 0 once off port 500 (RFC 3947, 4).

    Without a name it is our address, and so it is for `address` without a value.
    """
    if name is None or (name.kind == "address" and not name.value):
        name = IkeIdentity("address", str(sa.local))
    port = IKE_PORT if sa.local_port == IKE_PORT else 0
    own = identities.encode_phase1(name, protocol=_UDP, port=port)
    method = "pre-shared key"
    if sa.choice is not None and sa.choice.policy.authentication in RSA_SIGNATURES:
        method = "RSA signature"
    sa.debug(f"SA is doing {method} authentication using id type {_id_name(own.type)}")
    return own.encode()


def read_identity(sa: IsakmpSa, message: Message) -> tuple[Payload, Identification]:
    """The peer's ID payload, checked for what RFC 2407 allows in Phase 1."""
    sa.debug(" processing ID payload. message ID = 0")
    payload = single(message.payloads, PayloadType.IDENTIFICATION)
    identity = Identification.decode(payload)
    if (identity.protocol, identity.port) not in _PHASE1_PORTS:
        problem = f"protocol {identity.protocol} port {identity.port} is not allowed in Phase 1"
        raise PayloadError(payload.body_offset, "identification", problem)
    named = identities.phase1_identity(identity)
    if named is None:
        problem = f"type {identity.type} does not name a peer"
        raise PayloadError(payload.body_offset, "identification", problem)
    sa.debug(f"ID payload: type {identity.type} {named.kind} {named.value}")
    return payload, identity


def _id_name(kind: int) -> str:
    """As IOS's debug lines call an ID type."""
    return f"ID_{IdType(kind).name}"


def read_initial_contact(sa: IsakmpSa, message: Message) -> bool:
    """Whether a last message of Phase 1 carries INITIAL-CONTACT.

    No HASH covers it: it must name this very SA, so that a damaged one does not pass.
    """
    found = False
    for payload in of_type(message.payloads, PayloadType.NOTIFICATION):
        notification = Notification.decode(payload)
        if notification.type == NotifyType.INITIAL_CONTACT:
            if notification.spi not in (b"", sa.cookies):
                raise PayloadError(payload.body_offset, "INITIAL-CONTACT", "names another SA")
            sa.debug(" processing NOTIFY INITIAL_CONTACT protocol 1")
            found = True
    return found
