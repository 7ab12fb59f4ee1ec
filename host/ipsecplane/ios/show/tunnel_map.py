"""The crypto maps that IOS makes of tunnel interfaces, in `show crypto map` and `show crypto ipsec
profile`, and the sockets that tunnels open: `show crypto socket`.
"""

from __future__ import annotations

from collections.abc import Sequence

from ipsecplane.config import InterfaceConfig, IpsecProfile, RouterConfig, TunnelConfig
from ipsecplane.ios.interfaces import short_name
from ipsecplane.ios.show.ipsec import transform_list
from ipsecplane.views import IdentView


def _protection(config: RouterConfig, profile: IpsecProfile, mixed: bool) -> list[str]:
    kilobytes = profile.lifetime_kilobytes or config.lifetime_kilobytes
    seconds = profile.lifetime_seconds or config.lifetime_seconds
    rows = [f"\tSecurity association lifetime: {kilobytes} kilobytes/{seconds} seconds"]
    if profile.idle_time is not None:
        rows.append(f"\tSecurity association idletime: {profile.idle_time} seconds")
    rows += ["\tDualstack (Y/N): N", ""]
    rows.append(f"\tResponder-Only (Y/N): {'Y' if profile.responder_only else 'N'}")
    rows.append(f"\tPFS (Y/N): {'N' if profile.pfs_group is None else 'Y'}")
    if profile.pfs_group is not None:
        rows.append(f"\tDH group:  group{profile.pfs_group}")
    rows.append(f"\tMixed-mode : {'Enabled' if mixed else 'Disabled'}")
    rows.append("\tTransform sets={")
    rows += [
        f"\t\t{name}:  {{ {transform_list(config.transform_sets[name])}  }} ,"
        for name in profile.transform_sets
    ]
    return [*rows, "\t}"]


def ipsec_profiles(config: RouterConfig, profiles: Sequence[IpsecProfile]) -> list[str]:
    """`show crypto ipsec profile`."""
    rows: list[str] = []
    for profile in profiles:
        rows.append(f"IPSEC profile {profile.name}")
        if profile.isakmp_profile is not None:
            rows.append(f"\tISAKMP Profile: {profile.isakmp_profile}")
        rows += [*_protection(config, profile, mixed=False), ""]
    return rows


def map_name(interface: InterfaceConfig) -> str:
    return f"{interface.name}-head-0"


def protected(config: RouterConfig) -> list[tuple[InterfaceConfig, TunnelConfig, IpsecProfile]]:
    """Tunnel interfaces with an IPsec profile."""
    return [
        (one, one.tunnel, config.ipsec_profiles[one.tunnel.profile])
        for one in config.interfaces
        if one.tunnel is not None and one.tunnel.profile in config.ipsec_profiles
    ]


def tunnel_maps(config: RouterConfig, interface: str | None, tag: str | None) -> list[str]:
    """One map for the profile, one for its use with the peer."""
    rows: list[str] = []
    for one, tunnel, profile in protected(config):
        name = map_name(one)
        if interface not in (None, one.name) or tag not in (None, name):
            continue
        mode = tunnel.mode
        head = f'Crypto Map IPv{mode.carrier} "{name}"'
        protection = _protection(config, profile, mode.overlay not in (0, mode.carrier))
        rows += [f"{head} 65536 ipsec-isakmp", f"\tProfile name: {profile.name}"]
        rows += [*protection, "", f"{head} 65537 ipsec-isakmp", "\tMap is a PROFILE INSTANCE."]
        if tunnel.destination is not None:
            rows.append(f"\tPeer = {str(tunnel.destination).upper()}")
        rows.append("\tAccess-List SS dynamic: False")
        if mode.overlay == 6:
            rows += [
                f"\tIPv6 access list {name}-ACL (crypto)",
                "\t    permit ipv6 any any sequence 1",
            ]
        else:
            what = _gre_ends(config, tunnel) if tunnel.is_gre else "ip any any"
            rows += ["\tExtended IP access list", f"\t    access-list  permit {what}"]
        if tunnel.destination is not None:
            rows.append(f"\tCurrent peer: {str(tunnel.destination).upper()}")
        rows += [*protection, f"\tInterfaces using crypto map {name}:", f"\t\t{one.name}", ""]
    return rows


def _gre_ends(config: RouterConfig, tunnel: TunnelConfig) -> str:
    source: object = tunnel.source
    if isinstance(source, str):
        interface = config.interface(source)
        address = interface.address if interface is not None else None
        source = address.ip if address is not None else "0.0.0.0"
    return f"gre host {source} host {tunnel.destination}"


def sockets(config: RouterConfig, idents: Sequence[IdentView]) -> list[str]:
    """`show crypto socket`: one a tunnel interface that could ask for SAs."""
    by_interface = {ident.interface: ident for ident in idents}
    tunnels = protected(config)
    connected = [(t, by_interface[t[0].name]) for t in tunnels if t[0].name in by_interface]
    rows = ["", f"Number of Crypto Socket connections {len(connected)}", ""]
    for (one, _, profile), ident in connected:
        name = short_name(one.name)
        ends = f"{ident.local_address}/{ident.peer}"
        kind = "mask" if ident.local_identity.network.version == 4 else "plen"
        rows += [
            f"   {name} Peers (local/remote): {ends.upper()}",
            *(
                f"       {side} (addr/{kind}/port/prot): {_selector(ident, local)}"
                for side, local in (("Local Ident ", True), ("Remote Ident", False))
            ),
            f'       IPSec Profile: "{profile.name}"',
            f"       Socket State: {'Open' if ident.sas else 'Closed'}",
            f'       Client: "TUNNEL SEC" (Client State: {"Active" if ident.sas else "Idle"})',
        ]
    rows += ["", "Crypto Sockets in Listen state:"]
    return rows + [
        f'Client: "TUNNEL SEC" Profile: "{profile.name}" Map-name: "{map_name(one)}"'
        for one, _, profile in tunnels
    ]


def _selector(ident: IdentView, local: bool) -> str:
    identity = ident.local_identity if local else ident.remote_identity
    network = identity.network
    length = network.netmask if network.version == 4 else network.prefixlen
    address = str(network.network_address).upper()
    return f"({address}/{length}/{identity.port}/{identity.protocol})"
