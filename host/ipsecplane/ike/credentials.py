"""What Phase 1 with a peer is done with: the policies, the key, our name and the mode."""

from __future__ import annotations

from dataclasses import dataclass, field, replace

from ipsecplane.config import (
    NO_NETWORK,
    Address,
    IkeIdentity,
    IsakmpKey,
    IsakmpPeer,
    IsakmpPolicy,
    IsakmpProfile,
)
from ipsecplane.ike import identities
from ipsecplane.ike.constants import NotifyType
from ipsecplane.ike.errors import AuthenticationError, NegotiationError
from ipsecplane.ike.payloads import Identification
from ipsecplane.ike.phase1 import usable_policies
from ipsecplane.ike.profiles import key_of, may_use, named_key_of, profile_named, profile_of
from ipsecplane.ike.types import IkeConfig


@dataclass(frozen=True, slots=True)
class Credentials:
    """`policies` are those that can be completed with them, best first."""

    policies: tuple[IsakmpPolicy, ...]
    pre_shared_key: bytes | None = field(repr=False)
    identity: IkeIdentity | None = None  # ours; None = our address
    aggressive: bool = False
    key: IsakmpKey | None = field(default=None, repr=False)  # where the pre-shared key is from
    profile: IsakmpProfile | None = None


def for_initiator(config: IkeConfig, peer: Address, profile: str | None = None) -> Credentials:
    """To begin Phase 1 with a peer; raises `NegotiationError` without a key or a policy.

    `profile` names an ISAKMP profile: its keyrings, its identity, its mode.
    """
    entry = _peer_entry(config, peer)
    chosen = profile_named(config, profile)
    key = key_of(config, peer, chosen)
    secret = key.secret.encode() if key is not None else None
    if entry is not None and entry.aggressive_password is not None:
        secret = entry.aggressive_password.encode()
    identity = entry.aggressive_endpoint if entry is not None else None
    if secret is None:
        raise NegotiationError(NotifyType.AUTHENTICATION_FAILED, f"no pre-shared key with {peer}")
    own = chosen.self_identity if chosen is not None else None
    begins = (entry is not None and entry.aggressive) or (chosen is not None and chosen.aggressive)
    return Credentials(
        _completable(config, peer),
        secret,
        identity or own or config.identity,
        aggressive=begins and config.aggressive_mode,
        key=key,
        profile=chosen,
    )


def for_responder(
    config: IkeConfig, remote: Address, identity: Identification | None = None
) -> Credentials:
    """To answer a peer, known by its address in main mode and by its identity in aggressive mode.

    Raises `NegotiationError` with NO-PROPOSAL-CHOSEN, as IOS answers those it has no key with.
    """
    named = identities.phase1_identity(identity) if identity is not None else None
    profile = profile_of(config, named) if named is not None else None
    key = _key_of_name(config, named) if named is not None else None
    if key is None or (profile is not None and not may_use(config, profile, key)):
        key = key_of(config, remote, profile)
    if key is None:
        raise NegotiationError(NotifyType.NO_PROPOSAL_CHOSEN, f"no pre-shared key with {remote}")
    found = Credentials(_completable(config, remote), key.secret.encode(), config.identity, key=key)
    return _taking(profile, found)


def with_profile(
    config: IkeConfig, credentials: Credentials, identity: Identification
) -> Credentials:
    """As responder in main mode: the peer has shown its identity, after the key was chosen.

    Raises `AuthenticationError` if the key is not one of the profile's.
    """
    named = identities.phase1_identity(identity)
    profile = profile_of(config, named) if named is not None else None
    if profile is not None and not may_use(config, profile, credentials.key):
        raise AuthenticationError(f"the key is in no keyring of profile {profile.name}")
    return _taking(profile, credentials)


def _taking(profile: IsakmpProfile | None, credentials: Credentials) -> Credentials:
    if profile is None:
        return credentials
    own = profile.self_identity or credentials.identity
    return replace(credentials, profile=profile, identity=own)


def _completable(config: IkeConfig, peer: Address) -> tuple[IsakmpPolicy, ...]:
    """The policies that can be used with a peer: with IPv6 only pre-shared keys are supported."""
    found = usable_policies(config.policies)
    if peer.version == 6:
        found = [policy for policy in found if policy.authentication == "pre-share"]
    if found:
        return tuple(found)
    reason = "no usable ISAKMP policy"
    if peer.version == 6 and config.policies:
        reason += ": rsa-sig and rsa-encr are not supported with IPv6 peers"
    raise NegotiationError(NotifyType.NO_PROPOSAL_CHOSEN, reason)


def _peer_entry(config: IkeConfig, peer: Address) -> IsakmpPeer | None:
    """The narrowest `crypto isakmp peer` that holds the address and says how to begin."""
    found = [one for one in config.peers if one.aggressive and one.network and peer in one.network]
    return max(found, key=lambda one: one.network.prefixlen if one.network else 0, default=None)


def _key_of_name(config: IkeConfig, named: IkeIdentity) -> IsakmpKey | None:
    """The key of a name: `crypto isakmp key … hostname`, a keyring's, `peer hostname`."""
    key = named_key_of(config, named.value)
    if key is not None:
        return key
    for one in config.peers:
        if one.hostname == named.value and one.aggressive_password is not None:
            return IsakmpKey(one.aggressive_password, NO_NETWORK, hostname=one.hostname)
    return None
