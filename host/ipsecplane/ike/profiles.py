"""ISAKMP profiles and keyrings: which keys are tried with a peer, and who may use a profile."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from ipaddress import ip_address

from ipsecplane.config import Address, IdentityMatch, IkeIdentity, IsakmpKey, IsakmpProfile
from ipsecplane.ike.types import IkeConfig


def profile_named(config: IkeConfig, name: str | None) -> IsakmpProfile | None:
    return next((one for one in config.profiles if one.name == name), None)


def profile_of(
    config: IkeConfig, identity: IkeIdentity, units: Sequence[str] = ()
) -> IsakmpProfile | None:
    """The first profile that matches a peer: its identity, or a unit in its certificate."""
    for profile in config.profiles:
        if any(_matches(one, identity, units) for one in profile.matches):
            return profile
    return None


def key_of(
    config: IkeConfig, peer: Address, profile: IsakmpProfile | None = None
) -> IsakmpKey | None:
    """The key with a peer: of the keyrings of the profile, or of all, those without a name first.

    In one keyring the narrowest network decides.
    """
    for keys in _keyrings(config, profile):
        found = [key for key in keys if key.hostname is None and peer in key.network]
        if found:
            return max(found, key=lambda key: key.network.prefixlen)
    return None


def named_key_of(config: IkeConfig, name: str) -> IsakmpKey | None:
    """The key with a peer that calls itself `name`, of any keyring."""
    every = (key for keys in _keyrings(config, None) for key in keys)
    return next((key for key in every if key.hostname == name), None)


def may_use(config: IkeConfig, profile: IsakmpProfile, key: IsakmpKey | None) -> bool:
    """Whether a key that was found before the profile was known is one of the profile's."""
    return not profile.keyrings or any(key in keys for keys in _keyrings(config, profile))


def _keyrings(config: IkeConfig, profile: IsakmpProfile | None) -> Iterator[tuple[IsakmpKey, ...]]:
    if profile is not None and profile.keyrings:
        yield from (ring.keys for ring in config.keyrings if ring.name in profile.keyrings)
    else:
        yield config.keys
        yield from (ring.keys for ring in config.keyrings)


def _matches(match: IdentityMatch, identity: IkeIdentity, units: Sequence[str]) -> bool:
    if match.network is not None:
        return identity.kind == "address" and ip_address(identity.value) in match.network
    if match.kind == "group":
        named = (identity.value,) if identity.kind == "key-id" else units
        return match.value in named
    if identity.kind != match.kind:
        return False
    if not match.domain:
        return identity.value == match.value
    return identity.value.endswith(("." + match.value, "@" + match.value))
