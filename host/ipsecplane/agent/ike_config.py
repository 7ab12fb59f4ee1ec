"""What IKE has to know of a router's configuration."""

from __future__ import annotations

from dataclasses import replace

from ipsecplane.config import IkeIdentity, IsakmpProfile, RouterConfig
from ipsecplane.ike.types import IkeConfig
from ipsecplane.ipsec.policy import Spd

from .remote_access import remote_access


def ike_config(config: RouterConfig, spd: Spd) -> IkeConfig:
    """What the engine has to know."""
    return IkeConfig(
        policies=tuple(sorted(config.isakmp_policies, key=lambda p: p.priority)),
        keys=config.isakmp_keys,
        keyrings=tuple(config.keyrings.values()),
        profiles=tuple(_with_own_name(config, one) for one in config.isakmp_profiles.values()),
        peers=config.isakmp_peers,
        identity=_identity(config),
        aggressive_mode=config.aggressive_mode,
        phase2=spd.phase2(),
        trustpoints=tuple(config.trustpoints.values()),
        access=remote_access(config),
        invalid_spi_recovery=config.invalid_spi_recovery,
        nat_transparency=config.nat_transparency,
        nat_keepalive=config.nat_keepalive,
        keepalive=config.keepalive,
    )


def _with_own_name(config: RouterConfig, profile: IsakmpProfile) -> IsakmpProfile:
    """`self-identity fqdn` without a name is the router's own; without a kind, as globally."""
    own = profile.self_identity
    if own is None or own.kind != "fqdn" or own.value:
        return profile
    return replace(profile, self_identity=IkeIdentity("fqdn", _own_name(config)))


def _identity(config: RouterConfig) -> IkeIdentity | None:
    """`crypto isakmp identity`: our address, name, or the subject of our certificate."""
    match config.isakmp_identity:
        case "hostname":
            return IkeIdentity("fqdn", _own_name(config))
        case "dn":
            return IkeIdentity("dn", "")
        case _:
            return None


def _own_name(config: RouterConfig) -> str:
    return config.hostname + (f".{config.domain_name}" if config.domain_name else "")
