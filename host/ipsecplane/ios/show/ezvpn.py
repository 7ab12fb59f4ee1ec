"""`show crypto ipsec client ezvpn`."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import zip_longest

from ipsecplane.ike.types import ModeConfig
from ipsecplane.views import EzvpnView


def ezvpn_client(views: Sequence[EzvpnView]) -> list[str]:
    rows = ["Easy VPN Remote Phase: 8", ""]
    for view in views:
        rows += [
            f"Tunnel name : {view.name}",
            f"Inside interface list: {', '.join(view.inside)}",
            f"Outside interface: {view.outside} ",
            f"Current State: {view.state}",
            f"Last Event: {view.last_event}",
        ]
        if view.given is not None:
            rows += _given(view.given, view.loopback)
        if view.peer is not None:
            rows.append(f"Current EzVPN Peer: {view.peer}")
        rows.append("")
    return rows


def _given(given: ModeConfig, loopback: str) -> list[str]:
    rows = []
    if given.address is not None:
        rows += [
            f"Address: {given.address} (applied on {loopback})",
            f"Mask: {given.netmask or '255.255.255.255'}",
        ]
    for title, servers in (("DNS", given.dns), ("NBMS/WINS", given.wins)):
        for which, server in zip_longest(("Primary", "Secondary"), servers[:2]):
            if server is not None:
                rows.append(f"{title} {which}: {server}")
    if given.domain:
        rows.append(f"Default Domain: {given.domain}")
    if given.banner:
        rows.append(f"Banner: {given.banner}")
    rows.append(f"Save Password: {'Allowed' if given.save_password else 'Disallowed'}")
    if given.split:
        rows.append("Split Tunnel List: 1")
        for network in given.split:
            rows += [
                f"       Address    : {network.network_address}",
                f"       Mask       : {network.netmask}",
                "       Protocol   : 0x0",
                "       Source Port: 0",
                "       Dest Port  : 0",
            ]
    if given.backup_servers:
        rows += [
            f"Backup Server {number}: {server}"
            for number, server in enumerate(given.backup_servers, 1)
        ]
    return rows
