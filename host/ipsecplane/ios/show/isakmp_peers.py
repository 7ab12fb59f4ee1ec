"""`show crypto isakmp peers` and `show crypto isakmp profile`."""

from __future__ import annotations

from collections.abc import Sequence

from ipsecplane.config import IdentityMatch, IsakmpPeer, IsakmpProfile, RouterConfig
from ipsecplane.ike.distinguished_names import shown
from ipsecplane.ike.types import IsakmpSaView


def peers(
    sas: Sequence[IsakmpSaView], configured: Sequence[IsakmpPeer], *, detail: bool = False
) -> list[str]:
    """Those with an IKE SA; `detail` tells how it stands with each."""
    rows = []
    seen = set()
    for sa in sas:
        ends = sa.remote, sa.remote_port, sa.local
        if sa.deleted or ends in seen:
            continue
        seen.add(ends)
        rows.append(
            f"Peer: {str(sa.remote).upper()} Port: {sa.remote_port} Local: {str(sa.local).upper()}"
        )
        if sa.peer_identity is not None:
            rows.append(f" Phase1 id: {shown(sa.peer_identity)}")
        texts = [p.description for p in configured if p.network and sa.remote in p.network]
        rows += [f" Desc: {text}" for text in texts if text]
        if detail:
            begun = "Initiator" if sa.we_initiated else "Responder"
            rows.append(f" Role: {begun}  State: {sa.state}  conn-id: {sa.conn_id}")
            if sa.profile is not None:
                rows.append(f" Profile: {sa.profile}")
    return rows


def peer_config(configured: Sequence[IsakmpPeer]) -> list[str]:
    """`show crypto isakmp peers config`: what `crypto isakmp peer` says."""
    rows = []
    for peer in configured:
        rows.append(f"Peer: {str(peer.network or peer.hostname).upper()}")
        if peer.description:
            rows.append(f" Desc: {peer.description}")
        if peer.aggressive_endpoint is not None:
            end = peer.aggressive_endpoint
            rows.append(f" Aggressive mode client endpoint: {end.kind} {end.value}")
        if peer.aggressive_password is not None:
            rows.append(" Aggressive mode password: set")
    return rows


def profiles(config: RouterConfig, found: Sequence[IsakmpProfile]) -> list[str]:
    rows: list[str] = []
    users = [one.isakmp_profile for one in config.ipsec_profiles.values()]
    users += [e.isakmp_profile for m in config.crypto_maps.values() for e in m.entries]
    for profile in found:
        rows += [f"IKEv1 PROFILE {profile.name}", f"Ref Count = {1 + users.count(profile.name)}"]
        if profile.description:
            rows.append(f"   Description: {profile.description}")
        rows.append("   Identities matched are:")
        rows += [f"    {_match(match)}" for match in profile.matches]
        rows.append("   Certificate maps matched are:")
        if profile.self_identity is not None:
            own = profile.self_identity
            rows.append(f"   Self identity: {own.kind} {own.value}".rstrip())
        rings = " ".join(profile.keyrings) or "<none>"
        rows += [f"   keyring(s): {rings}", "   trustpoint(s): <all>", ""]
    return rows


def _match(match: IdentityMatch) -> str:
    if match.network is not None:
        network = match.network
        if network.version == 6:
            return f"ipv6-address {str(network).upper()}"
        return f"ip-address {network.network_address} {network.netmask}"
    kind = {"group": "group", "fqdn": "host", "user-fqdn": "user"}[match.kind]
    return f"{kind} {'domain ' if match.domain else ''}{match.value}"
