"""What Phase 1 with a peer is done with: the policies, the key, our name and the mode."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from typing import Final

from ipsecplane.config import (
    NO_NETWORK,
    Address,
    IkeIdentity,
    IsakmpKey,
    IsakmpPeer,
    IsakmpPolicy,
    IsakmpProfile,
    Trustpoint,
)
from ipsecplane.ike import identities
from ipsecplane.ike.constants import WITH_XAUTH, XAUTH_METHODS, NotifyType
from ipsecplane.ike.errors import AuthenticationError, NegotiationError
from ipsecplane.ike.payloads import Identification
from ipsecplane.ike.phase1 import PRE_SHARED, RSA_SIGNATURES, usable_policies
from ipsecplane.ike.profiles import key_of, may_use, named_key_of, profile_named, profile_of
from ipsecplane.ike.types import EzvpnClient, GroupTerms, IkeConfig, RemoteAccess


@dataclass(frozen=True, slots=True)
class Credentials:
    """`policies` are those that can be completed with them, best first."""

    policies: tuple[IsakmpPolicy, ...]
    pre_shared_key: bytes | None = field(repr=False)
    identity: IkeIdentity | None = None  # ours; None = our address
    aggressive: bool = False
    key: IsakmpKey | None = field(default=None, repr=False)  # where the pre-shared key is from
    profile: IsakmpProfile | None = None
    accept_longer: bool = False  # as responder: a longer lifetime is cut to ours
    group: GroupTerms | None = None  # as a server of Easy VPN
    client: EzvpnClient | None = None  # as a client
    trustpoints: tuple[Trustpoint, ...] = ()

    @property
    def does_xauth(self) -> bool:
        """Whether a user may be asked for after Phase 1."""
        return any(policy.authentication in XAUTH_METHODS for policy in self.policies)

    @property
    def no_xauth(self) -> bool:
        """The key says that its peer is no client."""
        return self.key is not None and self.key.no_xauth


# An Easy VPN remote configures no policies: it offers these, in the group that the Unity protocol
# is spoken in, each with and without a user to be asked for.
_EZVPN_LIFETIME: Final = 2147483


def _ezvpn_policies(method: str) -> tuple[IsakmpPolicy, ...]:
    policies = (
        IsakmpPolicy(65515 + number, cipher, size, digest, either, 2, _EZVPN_LIFETIME)
        for number, (cipher, size, digest, either) in enumerate(
            (cipher, size, digest, either)
            for cipher, size in (
                ("AES-CBC", 32),
                ("AES-CBC", 24),
                ("AES-CBC", 16),
                ("3DES-CBC", 24),
                ("DES-CBC", 8),
            )
            for digest in ("SHA", "MD5")
            for either in (WITH_XAUTH[method], method)
        )
    )
    return tuple(usable_policies(policies, (WITH_XAUTH[method], method)))


_EZVPN_WITH_KEY: Final = _ezvpn_policies("pre-share")
_EZVPN_WITH_CERTIFICATE: Final = _ezvpn_policies("rsa-sig")


def for_client(client: EzvpnClient, config: IkeConfig) -> Credentials:
    """To begin Phase 1 as an Easy VPN remote; raises `NegotiationError` where it may not be.

    With a group's key it is aggressive mode, for the server finds the key by the name; with a
    certificate main mode, whose subject tells the group.
    """
    if client.group is None or client.key is None:
        if not _can_sign(config):
            raise NegotiationError(NotifyType.AUTHENTICATION_FAILED, "no certificate of our own")
        return Credentials(
            _EZVPN_WITH_CERTIFICATE,
            None,
            IkeIdentity("dn", ""),
            client=client,
            trustpoints=config.trustpoints,
        )
    if not config.aggressive_mode:
        raise NegotiationError(NotifyType.INVALID_EXCHANGE_TYPE, "aggressive mode is disabled")
    return Credentials(
        _EZVPN_WITH_KEY,
        client.key.encode(),
        IkeIdentity("key-id", client.group),
        aggressive=True,
        client=client,
    )


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
    if secret is None and not _can_sign(config):
        raise NegotiationError(NotifyType.AUTHENTICATION_FAILED, f"no pre-shared key with {peer}")
    own = chosen.self_identity if chosen is not None else None
    begins = (entry is not None and entry.aggressive) or (chosen is not None and chosen.aggressive)
    return Credentials(
        _completable(config, peer, with_key=secret is not None),
        secret,
        identity or own or config.identity,
        aggressive=begins and config.aggressive_mode,
        key=key,
        profile=chosen,
        trustpoints=config.trustpoints,
    )


def for_responder(
    config: IkeConfig,
    local: Address,
    remote: Address,
    identity: Identification | None = None,
) -> Credentials:
    """To answer a peer, known by its address in main mode and by its identity in aggressive mode.

    Raises `NegotiationError` with NO-PROPOSAL-CHOSEN, as IOS answers those it has no key with.
    """
    named = identities.phase1_identity(identity) if identity is not None else None
    access = access_at(config, local)
    own_key = _key_of_name(config, named) if named is not None else None
    group = None
    if access is not None and named is not None and named.kind != "address":
        group = _group_named(access, named.value, default=own_key is None)
    if group is not None:
        policies = _answerable(config, remote, access, with_key=True)
        return Credentials(
            policies, group.key.encode(), config.identity, accept_longer=True, group=group
        )
    profile = profile_of(config, named) if named is not None else None
    key = own_key
    if key is None or (profile is not None and not may_use(config, profile, key)):
        key = key_of(config, remote, profile)
    if key is None and not _can_sign(config):
        raise NegotiationError(NotifyType.NO_PROPOSAL_CHOSEN, f"no pre-shared key with {remote}")
    serves = access is not None and bool(access.groups)
    found = Credentials(
        _answerable(config, remote, access, with_key=key is not None),
        key.secret.encode() if key is not None else None,
        config.identity,
        key=key,
        trustpoints=config.trustpoints,
        accept_longer=config.accept_longer_lifetime or serves,
    )
    return _taking(profile, found)


def with_certified_group(
    config: IkeConfig, credentials: Credentials, local: Address, units: Sequence[str]
) -> Credentials:
    """As responder: the peer has shown a certificate, and its group is one of `units` in that."""
    access = access_at(config, local)
    if access is None:
        return credentials
    found = (_group_named(access, unit, default=False) for unit in units)
    group = next((one for one in found if one is not None), None)
    return replace(credentials, group=group)


def with_profile(
    config: IkeConfig,
    credentials: Credentials,
    identity: Identification,
    units: Sequence[str] | None,
) -> Credentials:
    """As responder in main mode: the peer has shown its identity, after the key was chosen.

    `units` are those of its certificate, None if it has proved itself by the key. Raises
    `AuthenticationError` if that is not one of the profile's.
    """
    named = identities.phase1_identity(identity)
    profile = profile_of(config, named, units or ()) if named is not None else None
    keyed = units is None
    if profile is not None and keyed and not may_use(config, profile, credentials.key):
        raise AuthenticationError(f"the key is in no keyring of profile {profile.name}")
    return _taking(profile, credentials)


def _taking(profile: IsakmpProfile | None, credentials: Credentials) -> Credentials:
    if profile is None:
        return credentials
    own = profile.self_identity or credentials.identity
    return replace(credentials, profile=profile, identity=own)


def _can_sign(config: IkeConfig) -> bool:
    return any(one.complete for one in config.trustpoints)


def _completable(config: IkeConfig, peer: Address, *, with_key: bool) -> tuple[IsakmpPolicy, ...]:
    """The policies that can be used with a peer, `with_key` or by signatures.

    With IPv6 only pre-shared keys are supported.
    """
    methods = [*(PRE_SHARED if with_key else ()), *(RSA_SIGNATURES if _can_sign(config) else ())]
    found = usable_policies(config.policies, methods)
    if peer.version == 6:
        found = [policy for policy in found if policy.authentication == "pre-share"]
    if found:
        return tuple(found)
    reason = "no usable ISAKMP policy"
    if peer.version == 6 and config.policies:
        reason += ": rsa-sig and rsa-encr are not supported with IPv6 peers"
    raise NegotiationError(NotifyType.NO_PROPOSAL_CHOSEN, reason)


def _answerable(
    config: IkeConfig, peer: Address, access: RemoteAccess | None, *, with_key: bool
) -> tuple[IsakmpPolicy, ...]:
    """As responder: who offers to be asked for a user is taken at that."""
    policies = _completable(config, peer, with_key=with_key)
    if access is None or access.users is None:
        return policies
    return tuple(
        one
        for policy in policies
        for one in (replace(policy, authentication=WITH_XAUTH[policy.authentication]), policy)
    )


def _peer_entry(config: IkeConfig, peer: Address) -> IsakmpPeer | None:
    """The narrowest `crypto isakmp peer` that holds the address and says how to begin."""
    found = [one for one in config.peers if one.aggressive and one.network and peer in one.network]
    return max(found, key=lambda one: one.network.prefixlen if one.network else 0, default=None)


def access_at(config: IkeConfig, local: Address) -> RemoteAccess | None:
    """What clients that come to an address of ours meet."""
    return next((one for one in config.access if local in one.addresses), None)


def _group_named(access: RemoteAccess, name: str, *, default: bool) -> GroupTerms | None:
    """A client's group, which it names as a key ID (Unity) or otherwise."""
    by_name = {group.name: group for group in access.groups}
    return by_name.get(name) or (by_name.get("default") if default else None)


def _key_of_name(config: IkeConfig, named: IkeIdentity) -> IsakmpKey | None:
    """The key of a name: `crypto isakmp key … hostname`, a keyring's, `peer hostname`."""
    key = named_key_of(config, named.value)
    if key is not None:
        return key
    for one in config.peers:
        if one.hostname == named.value and one.aggressive_password is not None:
            return IsakmpKey(one.aggressive_password, NO_NETWORK, hostname=one.hostname)
    return None
