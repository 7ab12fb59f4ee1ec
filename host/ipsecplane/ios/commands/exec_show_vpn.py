"""`show` commands of the guide's chapter 9: sessions, tunnels, IPv6, adjacencies, the engine."""

from __future__ import annotations

from ipaddress import IPv6Network
from typing import TYPE_CHECKING

from ipsecplane.ios.args import Args
from ipsecplane.ios.commands.exec_mode import EXEC
from ipsecplane.ios.commands.exec_show import chosen_interfaces
from ipsecplane.ios.commandset import CommandError
from ipsecplane.ios.show import engine, ipv6, isakmp_peers, tunnel_map
from ipsecplane.ios.show import session as crypto_session
from ipsecplane.views import AdjacencyView, RouteView

if TYPE_CHECKING:
    from ipsecplane.ios.session import Session


# -- crypto ----------------------------------------------------------------------------------------


@EXEC.command("show crypto isakmp peers [{A.B.C.D|X:X:X:X::X}$peer|config$config|detail$detail]",
              "Show ISAKMP peers", "Show one peer", "Show one peer",
              "Show what is configured for peers", "Show more of each peer")  # fmt: skip
def show_isakmp_peers(session: Session, args: Args) -> list[str]:
    configured = session.router.config.isakmp_peers
    if "config" in args:
        return isakmp_peers.peer_config(configured)
    sas = session.router.isakmp_sas()
    if "peer" in args:
        sas = [sa for sa in sas if sa.remote == args.address("peer")]
    return isakmp_peers.peers(sas, configured, detail="detail" in args)


@EXEC.command("show crypto isakmp profile [tag WORD$tag|vrf WORD$vrf]", "Show ISAKMP profiles",
              "Show one profile", "Profile name", "Show the profiles of a VRF",
              "VRF name")  # fmt: skip
def show_isakmp_profile(session: Session, args: Args) -> list[str]:
    if "vrf" in args:
        raise CommandError(f"% VRF {args['vrf']} does not exist: there are no VRFs here")
    config = session.router.config
    found = list(config.isakmp_profiles.values())
    if "tag" in args:
        found = [profile for profile in found if profile.name == args["tag"]]
        if not found:
            raise CommandError(f"% ISAKMP profile {args['tag']} not found")
    return isakmp_peers.profiles(config, found)


@EXEC.command("show crypto ipsec profile [tag WORD$tag]", "Show ipsec profile information",
              "Show one profile", "Profile name")  # fmt: skip
def show_ipsec_profile(session: Session, args: Args) -> list[str]:
    config = session.router.config
    found = list(config.ipsec_profiles.values())
    if "tag" in args:
        found = [profile for profile in found if profile.name == args["tag"]]
        if not found:
            raise CommandError(f"% IPsec profile {args['tag']} not found")
    return tunnel_map.ipsec_profiles(config, found)


@EXEC.command("show crypto sockets", "Secure socket information")
def show_sockets(session: Session, _: Args) -> list[str]:
    return tunnel_map.sockets(session.router.config, session.router.idents())


@EXEC.command(
    "show crypto session [interface INTERFACE$interface"
    "|local {A.B.C.D|X:X:X:X::X}$local [port <1-65535>$local_port]"
    "|remote {A.B.C.D|X:X:X:X::X}$remote [port <1-65535>$remote_port]"
    "|fvrf WORD$vrf|ivrf WORD$vrf] [detail$detail]",
    "Show crypto sessions (tunnels)", "Sessions on an interface", "Interface number",
    "Sessions of a local address", "Local address", "Local IPv6 address",
    "Local port", "Port number",
    "Sessions with a remote address", "Remote address", "Remote IPv6 address",
    "Remote port", "Port number",
    "Front-door VRF", "VRF name", "Inside VRF", "VRF name", "Show detailed information",
)  # fmt: skip
def show_session(session: Session, args: Args) -> list[str]:
    if "vrf" in args:
        raise CommandError(f"% VRF {args['vrf']} does not exist: there are no VRFs here")
    router = session.router
    found = crypto_session.sessions(router.idents(), router.isakmp_sas())
    if "interface" in args:
        found = [one for one in found if one.interface == args["interface"]]
    if "local" in args:
        port = args.get("local_port")
        found = [
            one
            for one in found
            if any(a == args["local"] and port in (None, p) for a, p in one.local)
        ]
    if "remote" in args:
        port = args.get("remote_port")
        found = [one for one in found if one.peer == args["remote"] and port in (None, one.port)]
    return crypto_session.crypto_session(found, router.now, detail="detail" in args)


@EXEC.command("show crypto engine brief", "Show all crypto engines in the system")
def show_engine_brief(session: Session, _: Args) -> list[str]:
    return engine.brief(session.router.crypto_engine())


@EXEC.command("show crypto engine configuration", "Show crypto engine config")
def show_engine_configuration(session: Session, _: Args) -> list[str]:
    return engine.configuration(session.router.crypto_engine())


@EXEC.command("show crypto engine accelerator [statistic]", "Show crypto accelerator info",
              "Show accelerator statistics")  # fmt: skip
def show_engine_accelerator(session: Session, _: Args) -> list[str]:
    return engine.accelerator(session.router.crypto_engine())


@EXEC.command("show crypto engine connections dropped-packet", "Show crypto engine dropped packets")
def show_engine_dropped(session: Session, _: Args) -> list[str]:
    return engine.dropped_packets(session.router.idents())


@EXEC.command("show crypto engine connections dh", "Show crypto engine DH table")
def show_engine_dh(session: Session, _: Args) -> list[str]:
    return ["Number of DH's pregenerated = 0"]


# -- IPv6 ------------------------------------------------------------------------------------------


def _six(session: Session, args: Args) -> list[RouteView]:
    """IPv6 routes, of those that hold an address or a prefix the longest."""
    routes = [r for r in session.router.routes() if isinstance(r.prefix, IPv6Network)]
    if "interface" in args:
        routes = [r for r in routes if r.interface == args["interface"]]
    if "address" in args:
        wanted = IPv6Network(args["address"])
    elif "prefix" in args:
        wanted = IPv6Network(args["prefix"].network)
    else:
        return routes
    holding = [
        r for r in routes if isinstance(r.prefix, IPv6Network) and wanted.subnet_of(r.prefix)
    ]
    longest = max((r.prefix.prefixlen for r in holding), default=-1)
    return [r for r in holding if r.prefix.prefixlen == longest]


@EXEC.command(
    "show ipv6 route [X:X:X:X::X$address|X:X:X:X::X/<0-128>$prefix|connected$connected"
    "|local$local|static$static|interface INTERFACE$interface]",
    "IPv6 information", "Show IPv6 route table entries", "IPv6 name or address", "IPv6 prefix",
    "Connected routes", "Local routes", "Static routes", "Routes by an interface",
    "Interface number",
)  # fmt: skip
def show_ipv6_route(session: Session, args: Args) -> list[str]:
    routes = _six(session, args)
    for word, code in (("connected", "C"), ("local", "L"), ("static", "S")):
        if word in args:
            routes = [r for r in routes if r.code == code]
    if not routes and ("address" in args or "prefix" in args):
        raise CommandError("% Route not found")
    if "address" in args:
        return ipv6.routing_entry(routes)
    return ipv6.ipv6_route(routes, multicast=len(args.values) == 0 or "local" in args)


@EXEC.command(
    "show ipv6 cef [X:X:X:X::X$address|X:X:X:X::X/<0-128>$prefix|INTERFACE$interface]"
    " [detail$detail]",
    "IPv6 information", "Cisco Express Forwarding for IPv6", "IPv6 address", "IPv6 prefix",
    "Interface number", "Detailed information",
)  # fmt: skip
def show_ipv6_cef(session: Session, args: Args) -> list[str]:
    rows = ipv6.ipv6_cef(_six(session, args), detail="detail" in args)
    if {"address", "prefix", "interface"} & set(args.values):
        return rows or ["%Prefix not found"]
    return rows + ipv6.ipv6_cef_rest()


@EXEC.command("show ipv6 interface brief", "IPv6 information",
              "IPv6 interface status and configuration",
              "Brief summary of IPv6 status and configuration")  # fmt: skip
def show_ipv6_interface_brief(session: Session, _: Args) -> list[str]:
    return ipv6.ipv6_interface_brief(session.router.interfaces())


@EXEC.command("show ipv6 interface [INTERFACE$interface]", "IPv6 information",
              "IPv6 interface status and configuration", "Interface number")  # fmt: skip
def show_ipv6_interface(session: Session, args: Args) -> list[str]:
    return ipv6.ipv6_interface(chosen_interfaces(session, args))


# -- adjacencies -----------------------------------------------------------------------------------


def _adjacencies(session: Session, args: Args) -> list[AdjacencyView]:
    found = list(session.router.adjacencies())
    if "interface" in args:
        found = [one for one in found if one.interface == args["interface"]]
    if "link" in args:
        found = [one for one in found if f"ipv{one.version}" == args["link"]]
    if "prefix" in args:
        found = [one for one in found if one.address == args["prefix"]]
    return found


@EXEC.command("show adjacency summary [INTERFACE$interface]", "Adjacent nodes",
              "Show number of adjacencies", "Interface number")  # fmt: skip
def show_adjacency_summary(session: Session, args: Args) -> list[str]:
    return ipv6.adjacency_summary(_adjacencies(session, args))


@EXEC.command(
    "show adjacency [{A.B.C.D|X:X:X:X::X}$prefix|INTERFACE$interface] [link {ipv4|ipv6}$link]"
    " [detail$detail]",
    "Adjacent nodes", "Address of a next hop", "IPv6 address of a next hop", "Interface number",
    "Show only one link type", "IPv4", "IPv6", "Detailed display",
)  # fmt: skip
def show_adjacency(session: Session, args: Args) -> list[str]:
    return ipv6.adjacency(_adjacencies(session, args), detail="detail" in args)
