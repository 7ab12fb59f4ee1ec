"""`show crypto isakmp ...`."""

from __future__ import annotations

from collections.abc import Sequence

from ipsecplane.config import RouterConfig
from ipsecplane.ike.types import IsakmpSaView
from ipsecplane.ios.show.names import (
    authentication_title,
    cipher_title,
    group_title,
    hash_title,
    policy_short,
)


def _endpoints(sa: IsakmpSaView) -> tuple[str, str]:
    """(dst, src): the responder and the initiator."""
    if sa.we_initiated:
        return str(sa.remote), str(sa.local)
    return str(sa.local), str(sa.remote)


def isakmp_sa(sas: Sequence[IsakmpSaView]) -> list[str]:
    rows = []
    for version in (4, 6):
        rows.append(f"IPv{version} Crypto ISAKMP SA")
        if version == 4:
            rows.append("dst             src             state          conn-id status")
        for sa in sas:
            if sa.remote.version != version:
                continue
            dst, src = _endpoints(sa)
            deleted = " (deleted)" if sa.deleted else ""
            if version == 4:
                rows.append(f"{dst:<15} {src:<15} {sa.state:<14} {sa.conn_id:>7} ACTIVE{deleted}")
            else:
                rows += [
                    "",
                    f" dst: {dst}",
                    f" src: {src}",
                    f" state: {sa.state:<14} conn-id: {sa.conn_id:>6} status: ACTIVE{deleted}",
                ]
        rows.append("")
    return rows


def _remaining(sa: IsakmpSaView, now: float) -> str:
    left = max(0, int(sa.created_at + sa.lifetime - now))
    if left >= 86400:
        return f"{left // 86400}d{left // 3600 % 24:02}h"
    return f"{left // 3600:02}:{left // 60 % 60:02}:{left % 60:02}"


def isakmp_sa_detail(sas: Sequence[IsakmpSaView], now: float) -> list[str]:
    rows = [
        "Codes: C - IKE configuration mode, D - Dead Peer Detection",
        "       K - Keepalives, N - NAT-traversal",
        "       T - cTCP encapsulation, X - IKE Extended Authentication",
        "       psk - Preshared key, rsig - RSA signature",
        "       renc - RSA encryption",
    ]
    for version in (4, 6):
        rows.append(f"IPv{version} Crypto ISAKMP SA")
        rows.append("")
        if version == 4:
            rows.append(
                "C-id  Local           Remote          I-VRF  Status Encr Hash   Auth DH Lifetime"
                " Cap."
            )
            rows.append("")
        for sa in sas:
            if sa.remote.version != version:
                continue
            encryption, digest, authentication, group = "", "", "", 0
            if sa.policy is not None:
                encryption, digest, authentication = policy_short(sa.policy)
                group = sa.policy.group
            row = (
                f"{sa.conn_id:<5} {sa.local!s:<15} {sa.remote!s:<15}        ACTIVE"
                f" {encryption:<4} {digest:<6} {authentication:<4} {group:<2}"
                f" {_remaining(sa, now):<8} {sa.capabilities}"
            )
            rows.append(row.rstrip() + (" (deleted)" if sa.deleted else ""))
            rows.append(f"       Engine-id:Conn-id =  SW:{sa.conn_id % 1000}")
            rows.append("")
        if rows[-1]:
            rows.append("")
    return rows


def isakmp_policy(config: RouterConfig) -> list[str]:
    rows = ["", "Global IKE policy"]
    for policy in config.isakmp_policies:
        rows += [
            f"Protection suite of priority {policy.priority}",
            f"\tencryption algorithm:\t{cipher_title(policy)}.",
            f"\thash algorithm:\t\t{hash_title(policy)}",
            f"\tauthentication method:\t{authentication_title(policy)}",
            f"\tDiffie-Hellman group:\t{group_title(policy)}",
            f"\tlifetime:\t\t{policy.lifetime} seconds, no volume limit",
        ]
    return rows


def isakmp_key(config: RouterConfig) -> list[str]:
    rows = ["Keyring      Hostname/Address                            Preshared Key", ""]
    for key in config.isakmp_keys:
        whole = key.network.prefixlen == key.network.max_prefixlen
        peer = key.hostname or (
            str(key.network.network_address)
            if whole
            else f"{key.network.network_address} [{key.network.netmask}]"
        )
        rows.append(f"default      {peer:<43} {key.secret}")
    return rows
