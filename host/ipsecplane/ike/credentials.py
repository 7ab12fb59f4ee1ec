"""What Phase 1 with a peer is done with: the policies, the key, our name and the mode."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field

from ipsecplane.config import Address, IkeIdentity, IsakmpKey, IsakmpPeer, IsakmpPolicy
from ipsecplane.ike import identities
from ipsecplane.ike.constants import NotifyType
from ipsecplane.ike.errors import NegotiationError
from ipsecplane.ike.payloads import Identification
from ipsecplane.ike.phase1 import usable_policies
from ipsecplane.ike.types import IkeConfig


@dataclass(frozen=True, slots=True)
class Credentials:
    """`policies` are those that can be completed with them, best first."""

    policies: tuple[IsakmpPolicy, ...]
    pre_shared_key: bytes | None = field(repr=False)
    identity: IkeIdentity | None = None  # ours; None = our address
    aggressive: bool = False


def for_initiator(config: IkeConfig, peer: Address) -> Credentials:
    """To begin Phase 1 with a peer; raises `NegotiationError` without a key or a policy."""
    entry = _peer_entry(config, peer)
    secret = pre_shared_key(config.keys, peer)
    if entry is not None and entry.aggressive_password is not None:
        secret = entry.aggressive_password.encode()
    identity = entry.aggressive_endpoint if entry is not None else None
    if secret is None:
        raise NegotiationError(NotifyType.AUTHENTICATION_FAILED, f"no pre-shared key with {peer}")
    return Credentials(
        _completable(config),
        secret,
        identity or config.identity,
        aggressive=entry is not None and entry.aggressive and config.aggressive_mode,
    )


def for_responder(
    config: IkeConfig, remote: Address, identity: Identification | None = None
) -> Credentials:
    """To answer a peer, known by its address in main mode and by its identity in aggressive mode.

    Raises `NegotiationError` with NO-PROPOSAL-CHOSEN, as IOS answers those it has no key with.
    """
    secret = None
    if identity is not None:
        secret = _key_of_identity(config, identity)
    if secret is None:
        secret = pre_shared_key(config.keys, remote)
    if secret is None:
        raise NegotiationError(NotifyType.NO_PROPOSAL_CHOSEN, f"no pre-shared key with {remote}")
    return Credentials(_completable(config), secret, config.identity)


def pre_shared_key(keys: Iterable[IsakmpKey], peer: Address) -> bytes | None:
    """The key of the narrowest network that holds the peer."""
    found = [key for key in keys if key.hostname is None and peer in key.network]
    if not found:
        return None
    return max(found, key=lambda key: key.network.prefixlen).secret.encode()


def _completable(config: IkeConfig) -> tuple[IsakmpPolicy, ...]:
    found = tuple(usable_policies(config.policies))
    if not found:
        raise NegotiationError(NotifyType.NO_PROPOSAL_CHOSEN, "no usable ISAKMP policy")
    return found


def _peer_entry(config: IkeConfig, peer: Address) -> IsakmpPeer | None:
    """The narrowest `crypto isakmp peer` that holds the address and says how to begin."""
    found = [one for one in config.peers if one.aggressive and one.network and peer in one.network]
    return max(found, key=lambda one: one.network.prefixlen if one.network else 0, default=None)


def _key_of_identity(config: IkeConfig, identity: Identification) -> bytes | None:
    """The key of a name (`crypto isakmp key … hostname`, `peer hostname`) or of an address."""
    named = identities.phase1_identity(identity)
    if named is None:
        return None
    for key in config.keys:
        if key.hostname is not None and key.hostname == named.value:
            return key.secret.encode()
    for one in config.peers:
        if one.hostname == named.value and one.aggressive_password is not None:
            return one.aggressive_password.encode()
    return None
