"""`show` commands: pick what is asked for and hand it to the printers."""

from __future__ import annotations

from collections.abc import Sequence
from importlib.metadata import PackageNotFoundError, version
from ipaddress import IPv4Address, IPv4Network
from typing import TYPE_CHECKING

from ipsecplane.config import Trustpoint
from ipsecplane.ios import configuration as tree
from ipsecplane.ios.args import Args
from ipsecplane.ios.commands.exec_mode import EXEC
from ipsecplane.ios.commandset import CommandError
from ipsecplane.ios.show import (
    access_list,
    crypto_map,
    interface,
    ipsec,
    isakmp,
    pki,
    route,
    system,
    tunnel_map,
)
from ipsecplane.views import IdentView, InterfaceView

if TYPE_CHECKING:
    from ipsecplane.ios.session import Session


@EXEC.command("show crypto isakmp sa [detail$detail]", "Show ISAKMP Security Associations",
              "Show ISAKMP SA Detail")  # fmt: skip
def show_isakmp_sa(session: Session, args: Args) -> list[str]:
    sas = session.router.isakmp_sas()
    if "detail" in args:
        return isakmp.isakmp_sa_detail(sas, session.router.now)
    return isakmp.isakmp_sa(sas)


def _trustpoints(session: Session, args: Args) -> list[Trustpoint]:
    found = session.router.config.trustpoints
    if "name" in args and args.text("name") not in found:
        raise CommandError(f"% Trustpoint {args['name']} is not configured")
    return [one for name, one in found.items() if args.get("name", name) == name]


@EXEC.command("show crypto pki certificates [WORD$name]", "Show certificates",
              "Trustpoint name")  # fmt: skip
def show_pki_certificates(session: Session, args: Args) -> list[str]:
    return pki.pki_certificates(_trustpoints(session, args))


@EXEC.command("show crypto pki trustpoints [WORD$name]", "Show trustpoints",
              "Trustpoint name")  # fmt: skip
def show_pki_trustpoints(session: Session, args: Args) -> list[str]:
    return pki.pki_trustpoints(_trustpoints(session, args))


@EXEC.command("show crypto isakmp policy", "Show ISAKMP protection suite policy")
def show_isakmp_policy(session: Session, _: Args) -> list[str]:
    return isakmp.isakmp_policy(session.router.config)


@EXEC.command("show crypto isakmp key", "Show ISAKMP preshared keys", privileged=True)
def show_isakmp_key(session: Session, _: Args) -> list[str]:
    return isakmp.isakmp_key(session.router.config)


def _chosen(session: Session, args: Args) -> list[IdentView]:
    idents = list(session.router.idents())
    if "interface" in args:
        idents = [i for i in idents if i.interface == args["interface"]]
    if "peer" in args:
        idents = [i for i in idents if i.peer == args["peer"]]
    if "version" in args:
        idents = [i for i in idents if f"ipv{i.local_address.version}" == args["version"]]
    if "map" in args:
        idents = [i for i in idents if i.crypto_map == args["map"]]
    return idents


@EXEC.command(
    "show crypto ipsec sa [interface INTERFACE$interface|peer {A.B.C.D|X:X:X:X::X}$peer"
    "|map WORD$map|address$address|identity$identity"
    "|{ipv4|ipv6}$version [interface INTERFACE$interface]] [{detail|detailed}$detail]",
    "IPSEC SA table", "Show info for specific interface", "Interface number",
    "Show IPSec SAs for a specific peer", "Peer address", "Peer IPv6 address",
    "Show crypto map entries", "Crypto map tag", "IPSEC SA table in (dest) address order",
    "IPSEC SADB identity tree", "SAs over IPv4", "SAs over IPv6",
    "Show info for specific interface", "Interface number",
    "Show counters by reason and replay windows", "Show counters by reason and replay windows",
)  # fmt: skip
def show_ipsec_sa(session: Session, args: Args) -> list[str]:
    idents = _chosen(session, args)
    if "address" in args:
        return ipsec.sa_by_address(idents)
    shown = ipsec.ipsec_sa(idents, detail="detail" in args, with_sas="identity" not in args)
    if not shown:
        return ["", "No SAs found"]
    return shown


@EXEC.command("show crypto ipsec transform-set [tag WORD$name]", "Crypto transform sets",
              "Show one transform set", "Transform set tag")  # fmt: skip
def show_transform_set(session: Session, args: Args) -> list[str]:
    config = session.router.config
    if "name" in args:
        if args["name"] not in config.transform_sets:
            raise CommandError(f"% Transform set {args['name']} not found")
        return ipsec.transform_set(config, (args.text("name"),))
    return ipsec.transform_set(config, tuple(config.transform_sets))


@EXEC.command("show crypto ipsec security-association lifetime",
              "Show parameters for IPSec security associations",
              "Security association lifetime")  # fmt: skip
def show_lifetime(session: Session, _: Args) -> list[str]:
    return ipsec.lifetime(session.router.config)


@EXEC.command("show crypto map [interface INTERFACE$interface|tag WORD$tag]", "Crypto maps",
              "Crypto maps for an interface", "Interface number", "Crypto maps with a given tag",
              "Crypto map tag")  # fmt: skip
def show_crypto_map(session: Session, args: Args) -> list[str]:
    config = session.router.config
    maps = list(config.crypto_maps.values())
    if "interface" in args:
        found = config.interface(args.text("interface"))
        maps = [m for m in maps if found is not None and m.name in found.crypto_maps]
    if "tag" in args:
        maps = [m for m in maps if m.name == args["tag"]]
    rows = crypto_map.crypto_map(config, maps)
    rows += tunnel_map.tunnel_maps(config, args.get("interface"), args.get("tag"))
    return rows or ["No crypto maps found."]


@EXEC.command("show crypto dynamic-map [tag WORD$tag]", "Crypto map templates",
              "Crypto map templates with a given tag", "Crypto map tag")  # fmt: skip
def show_dynamic_map(session: Session, args: Args) -> list[str]:
    config = session.router.config
    maps = [m for m in config.dynamic_maps.values() if args.get("tag", m.name) == m.name]
    return crypto_map.dynamic_map(config, maps) or ["No crypto map templates found."]


@EXEC.command("show crypto engine connections active", "Show all active crypto engine connections")
def show_engine_connections(session: Session, _: Args) -> list[str]:
    return crypto_map.engine_connections(session.router.engine_connections())


@EXEC.command("show ip route [A.B.C.D$address|connected$connected|static$static]",
              "IP routing table", "Network to display information about", "Connected",
              "Static routes")  # fmt: skip
def show_ip_route(session: Session, args: Args) -> list[str]:
    routes = session.router.routes()
    if "connected" in args:
        routes = [r for r in routes if r.code in "CL"]
    if "static" in args:
        routes = [r for r in routes if r.code == "S"]
    if "address" not in args:
        return route.ip_route(routes)
    address = args.ipv4("address")
    found = [r for r in routes if isinstance(r.prefix, IPv4Network) and address in r.prefix]
    longest = max((r.prefix.prefixlen for r in found), default=-1)
    best = [r for r in found if r.prefix.prefixlen == longest]
    if not best:
        raise CommandError("% Network not in table")
    return route.routing_entry(best)


def chosen_interfaces(session: Session, args: Args) -> list[InterfaceView]:
    views = list(session.router.interfaces())
    if "interface" not in args:
        return views
    views = [view for view in views if view.config.name == args["interface"]]
    if not views:
        raise CommandError(f"% There is no interface {args['interface']}")
    return views


@EXEC.command("show ip interface brief", "IP interface status and configuration",
              "Brief summary of IP status and configuration")  # fmt: skip
def show_ip_interface_brief(session: Session, _: Args) -> list[str]:
    return interface.ip_interface_brief(session.router.interfaces())


@EXEC.command("show ip interface [INTERFACE$interface]", "IP interface status and configuration",
              "Interface number")  # fmt: skip
def show_ip_interface(session: Session, args: Args) -> list[str]:
    return interface.ip_interface(chosen_interfaces(session, args))


@EXEC.command("show ip traffic", "IP protocol statistics")
def show_ip_traffic(session: Session, _: Args) -> list[str]:
    return system.ip_traffic(session.router.traffic())


@EXEC.command("show ip virtual-reassembly [INTERFACE$interface]", "Virtual reassembly",
              "Interface number")  # fmt: skip
def show_ip_virtual_reassembly(session: Session, args: Args) -> list[str]:
    views = session.router.reassemblies()
    if "interface" in args:
        views = [view for view in views if view.interface == args["interface"]]
    return [row for view in views for row in interface.virtual_reassembly(view)]


@EXEC.command("show interfaces [INTERFACE$interface] [stats$stats]",
              "Interface status and configuration", "Interface number",
              "Show interface packets & octets, in & out, by switching path")  # fmt: skip
def show_interfaces(session: Session, args: Args) -> list[str]:
    if "stats" in args:
        return interface.interface_stats(chosen_interfaces(session, args))
    return interface.interfaces(chosen_interfaces(session, args))


def _access_lists(session: Session, args: Args, version: int | None = None) -> list[str]:
    lists = list(session.router.config.access_lists.values())
    lists = [found for found in lists if version in (None, found.version)]
    if "name" in args:
        lists = [found for found in lists if found.name == args.text("name")]
    matches = {found.name: session.router.access_list_matches(found.name) for found in lists}
    return access_list.access_lists(lists, matches)


_LIST = "[{<1-2699>|WORD}$name]"


@EXEC.command(f"show access-lists {_LIST}", "List access lists", "ACL number", "ACL name")
def show_access_lists(session: Session, args: Args) -> list[str]:
    return _access_lists(session, args)


@EXEC.command("show ipv6 access-list [WORD$name]", "IPv6 information", "Summary of access lists",
              "IPv6 access list name")  # fmt: skip
def show_ipv6_access_list(session: Session, args: Args) -> list[str]:
    return _access_lists(session, args, version=6)


@EXEC.command(f"show ip access-lists {_LIST}", "List IP access lists", "ACL number", "ACL name")
def show_ip_access_lists(session: Session, args: Args) -> list[str]:
    return _access_lists(session, args, version=4)


@EXEC.command("show logging", "Show the contents of logging buffers")
def show_logging(session: Session, _: Args) -> list[str]:
    router = session.router
    view = router.logging()
    lines = [(line, router.wall_time(line.time)) for line in view.lines]
    return system.logging(router.config, view, lines, router.clock_is_set)


@EXEC.command("show running-config [interface INTERFACE$interface]",
              "Current operating configuration", "Show interface configuration",
              "Interface number", privileged=True)  # fmt: skip
def show_running_config(session: Session, args: Args) -> list[str]:
    configuration = session.store.configuration
    if "interface" not in args:
        return tree.running_config(tree.body(configuration)).splitlines()
    text = tree.section_text(configuration, f"interface {args['interface']}")
    if text is None:
        raise CommandError(f"% There is no interface {args['interface']}")
    return tree.running_config(text).splitlines()


@EXEC.command("write terminal", "Write to terminal", privileged=True)
def write_terminal(session: Session, args: Args) -> list[str]:
    return show_running_config(session, args)


@EXEC.command("show clock [detail$detail]", "Display the system clock", "Display more detail")
def show_clock(session: Session, args: Args) -> list[str]:
    router = session.router
    utc = router.wall_time(router.now)
    return system.clock(router.config.clock, utc, router.clock_is_set, "detail" in args)


@EXEC.command("show version", "System hardware and software status")
def show_version(session: Session, _: Args) -> list[str]:
    try:
        number = version("ipsecplane")
    except PackageNotFoundError:
        number = "(not installed)"
    return system.version(session.router.config, number, session.router.now)


@EXEC.command("show debugging", "State of each debugging option")
def show_debugging(session: Session, _: Args) -> list[str]:
    return system.debugging(session.router.debugging())


@EXEC.command("show history", "Display the session command history")
def show_history(session: Session, _: Args) -> Sequence[str]:
    return [f"  {line}" for line in session.history]


def address_of(session: Session, name: str) -> IPv4Address:
    """The address of an interface that packets can be sent from. Raises CommandError."""
    found = session.router.config.interface(name)
    if found is None or found.address is None or found.shutdown:
        raise CommandError("% Invalid source interface - IP not enabled or interface is down")
    return found.address.ip
