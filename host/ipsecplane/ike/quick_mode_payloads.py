"""The payloads of quick mode's messages: offers, identities, original addresses, lifetimes."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace

from ipsecplane.config import Address
from ipsecplane.ike import identities, key_engine, phase2
from ipsecplane.ike.attributes import decode_attributes, encode_attributes
from ipsecplane.ike.constants import NAT_T_PORT, NotifyType, PayloadType
from ipsecplane.ike.errors import NegotiationError, PayloadError
from ipsecplane.ike.identities import host_network
from ipsecplane.ike.isakmp_sa import IsakmpSa
from ipsecplane.ike.messages import Message
from ipsecplane.ike.modes import acceptable
from ipsecplane.ike.payloads import (
    HEADER_SIZE,
    Identification,
    Notification,
    Payloads,
    decode_original_address,
    encode_original_address,
    of_type,
    single,
)
from ipsecplane.ike.phase2 import Phase2Choice
from ipsecplane.ike.proposals import SecurityAssociation
from ipsecplane.ike.types import Phase2Policy, ProxyIdentity


@dataclass(frozen=True, slots=True)
class Offer:
    """What QM1 asks for, `local` and `remote` from the responder's view."""

    proposals: SecurityAssociation
    local: ProxyIdentity
    remote: ProxyIdentity
    transport: bool  # the identities allow transport mode
    original: tuple[Address, Address] | None = None  # NAT-OA: the initiator's addresses for us both


def read_offer(sa: IsakmpSa, message: Message) -> Offer:
    """Raises `PayloadError`, or `NegotiationError` for identities that are no selectors."""
    message_id = message.header.message_id
    sa.debug(f" processing HASH payload. message ID = {message_id}")
    proposals = SecurityAssociation.decode(single(message.payloads, PayloadType.SA))
    sa.debug(f" processing SA payload. message ID = {message_id}")
    original = read_original_addresses(sa, message)
    found = _identities(message)
    if not found:
        # RFC 2409 section 5.5: without identities the peers themselves are meant.
        hosts = ProxyIdentity(host_network(sa.local)), ProxyIdentity(host_network(sa.remote))
        return Offer(proposals, *hosts, transport=True, original=original)
    remote, local = found
    # Behind a NAT the hosts have other addresses than the datagrams (RFC 3947 section 5).
    transport = (
        _is_host(local) and _is_host(remote)
        if sa.nat.detected
        else allows_transport(sa, local, remote)
    )
    return Offer(proposals, local, remote, transport, original)


def choose(sa: IsakmpSa, offer: Offer) -> tuple[Phase2Policy, Phase2Choice, Offer]:
    """The first policy for the peer that covers both identities and accepts a proposal.

    In transport mode through a NAT the SAs are for the addresses that packets have here, whatever
    the peer calls itself (RFC 3947 section 5): the returned offer has them.

    Raises `NegotiationError` with what the peer is to be told.
    """
    for text in key_engine.validate_proposal(offer.proposals, sa, offer.local, offer.remote):
        sa.runtime.debug(text, "ipsec")
    floated = sa.local_port == NAT_T_PORT
    readings = [(offer, acceptable(sa.nat, transport=offer.transport, floated=floated))]
    if offer.transport and sa.nat.detected:
        seen = replace(
            offer,
            local=replace(offer.local, network=host_network(sa.local)),
            remote=replace(offer.remote, network=host_network(sa.remote)),
        )
        known = readings[0][1]
        readings = [(seen, [m for m in known if m.transport])]
        readings.append((offer, [m for m in known if not m.transport]))
    covering = [
        (policy, reading, modes)
        for policy in sa.runtime.config.phase2
        for reading, modes in readings
        if (not policy.peers or sa.remote in policy.peers)
        and policy.local_address in (None, sa.local)
        and policy.isakmp_profile in (None, sa.profile)
        and _covers(policy, reading)
        and (sa.assigned is None or reading.remote.network == host_network(sa.assigned))
    ]
    if not covering:
        sa.runtime.debug("IPSEC(ipsec_process_proposal): proxy identities not supported", "ipsec")
        raise NegotiationError(NotifyType.INVALID_ID_INFORMATION, "proxy identities not supported")
    refusal: NegotiationError | None = None
    for policy, reading, modes in covering:
        try:
            choice = phase2.choose(policy, offer.proposals, modes=modes, trace=sa.debug)
            return policy, choice, reading
        except NegotiationError as error:
            refusal = refusal or error
    assert refusal is not None  # there was a policy
    raise refusal


def _covers(policy: Phase2Policy, offer: Offer) -> bool:
    if policy.tunnel:
        return (policy.local, policy.remote) == (offer.local, offer.remote)
    return identities.contains(policy.local, offer.local) and identities.contains(
        policy.remote, offer.remote
    )


def check_identities(message: Message, policy: Phase2Policy) -> None:
    """The responder must return the initiator's identities, if any."""
    found = _identities(message)
    if found and found != [policy.local, policy.remote]:
        raise NegotiationError(
            NotifyType.INVALID_ID_INFORMATION, "responder changed the identities"
        )


def allows_transport(sa: IsakmpSa, local: ProxyIdentity, remote: ProxyIdentity) -> bool:
    """Transport mode is for traffic between the peers themselves; IOS ignores it for the rest."""
    hosts = host_network(sa.local), host_network(sa.remote)
    return (local.network, remote.network) == hosts


def original_addresses(sa: IsakmpSa, *, initiator: bool) -> Payloads:
    """NAT-OAi and NAT-OAr as we see them, in transport mode through a NAT (RFC 3947, 5.2)."""
    if not sa.nat.detected or sa.nat.version is None:
        return []
    ours, theirs = encode_original_address(sa.local), encode_original_address(sa.remote)
    ordered = (ours, theirs) if initiator else (theirs, ours)
    return [(sa.nat.version.nat_oa, body) for body in ordered]


def read_original_addresses(sa: IsakmpSa, message: Message) -> tuple[Address, Address] | None:
    """NAT-OAi and NAT-OAr as the peer sent them, if both are there."""
    found = [
        decode_original_address(payload)
        for payload in of_type(message.payloads, PayloadType.NAT_OA, PayloadType.NAT_OA_DRAFT)
    ]
    for address in found:
        sa.debug(f" NAT-OA is {address}")
    return (found[0], found[1]) if len(found) == 2 else None


def responder_lifetimes(choice: Phase2Choice, spis: Mapping[int, bytes]) -> Payloads:
    """RESPONDER-LIFETIME where a lifetime of ours is shorter (RFC 2407 section 4.6.3.1)."""
    if not choice.shortened:
        return []
    attributes = encode_attributes(
        phase2.lifetime_attributes(choice.lifetime_seconds, choice.lifetime_kilobytes)
    )
    notifications = [
        Notification(part.protocol, NotifyType.RESPONDER_LIFETIME, spis[part.protocol], attributes)
        for part in choice.parts
    ]
    return [(PayloadType.NOTIFICATION, n.encode()) for n in notifications]


def read_responder_lifetimes(message: Message) -> tuple[int | None, int | None]:
    """The shortest seconds and kilobytes that a message's notifications state."""
    seconds: list[int] = []
    kilobytes: list[int] = []
    for payload in of_type(message.payloads, PayloadType.NOTIFICATION):
        notification = Notification.decode(payload)
        if notification.type == NotifyType.RESPONDER_LIFETIME:
            attributes = decode_attributes(notification.data, payload.body_offset)
            stated = phase2.read_lifetimes(attributes)
            seconds += [stated[0]] if stated[0] else []
            kilobytes += [stated[1]] if stated[1] else []
    return min(seconds, default=None), min(kilobytes, default=None)


def _identities(message: Message) -> list[ProxyIdentity]:
    """IDci and IDcr, or none."""
    found = of_type(message.payloads, PayloadType.IDENTIFICATION)
    if len(found) not in (0, 2):
        problem = f"{len(found)} payloads, not 0 or 2"
        raise PayloadError(HEADER_SIZE, "identification", problem)
    return [identities.decode(Identification.decode(payload)) for payload in found]


def _is_host(identity: ProxyIdentity) -> bool:
    return identity.network.prefixlen == identity.network.max_prefixlen
