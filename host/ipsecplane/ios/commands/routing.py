"""Static routes and the IP switches printed beside them."""

from __future__ import annotations

from dataclasses import replace
from ipaddress import IPv4Network, IPv6Network

from ipsecplane.config import Network, RouterConfig, StaticRoute
from ipsecplane.ios.args import Args
from ipsecplane.ios.commands.modes import CONFIG
from ipsecplane.ios.commandset import EACH, CommandError

CONFIG.begin_block("routing")
CONFIG.keep("ip classless", "Follow classless routing forwarding rules", keeps_no=True)
CONFIG.keep("ip forward-protocol nd", "Controls forwarding of broadcasts",
            "Sun's Network Disk protocol", keeps_no=True)  # fmt: skip


def _inconsistent(args: Args) -> str:
    """What IOS says to a person whose prefix has host bits; a file loads, its bits cleared."""
    if int(args.ipv4("prefix")) & ~int(args.ipv4("mask")) & 0xFFFFFFFF:
        return "%Inconsistent address and mask"
    return ""


_TO = (
    "{A.B.C.D$hop|INTERFACE$interface [A.B.C.D$hop]} "
    "[<1-255>$distance|name WORD$name|permanent|tag <1-4294967295>$tag]..."
)
_TO_HELPS = (
    "Forwarding router's address", "Interface number", "Forwarding router's address",
    "Distance metric for this route", "Specify name of the next hop", "Name of the next hop",
    "Permanent route", "Set tag for this route", "Tag value",
)  # fmt: skip


def _with_route(router: RouterConfig, prefix: Network, args: Args) -> RouterConfig:
    route = StaticRoute(prefix, args.get("hop"), args.get("interface"), args.number("distance", 1))
    return replace(router, routes=(*router.routes, route))


@CONFIG.line(f"ip route A.B.C.D$prefix A.B.C.D$mask {_TO}", "Establish static routes",
             "Destination prefix", "Destination prefix mask", *_TO_HELPS,
             key=EACH, no="ip route A.B.C.D$prefix A.B.C.D$mask", check=_inconsistent)  # fmt: skip
def ip_route(router: RouterConfig, args: Args) -> RouterConfig:
    mask = int(args.ipv4("mask"))
    inverse = ~mask & 0xFFFFFFFF
    if inverse & (inverse + 1):
        raise CommandError("%Invalid mask: its bits are not contiguous")
    prefix = IPv4Network(f"{args['prefix']}/{args['mask']}", strict=False)
    return _with_route(router, prefix, args)


CONFIG.keep("ip http server", "HTTP server configuration", "Enable http server", keeps_no=True)
CONFIG.keep("ip http secure-server", "HTTP server configuration", "Enable HTTP secure server",
            keeps_no=True)  # fmt: skip


@CONFIG.line(
    "ipv6 route X:X:X:X::X/<0-128>$prefix {X:X:X:X::X$hop|INTERFACE$interface [X:X:X:X::X$hop]}"
    " [<1-254>$distance]",
    "Configure static routes", "IPv6 prefix", "IPv6 address of the next hop", "Interface number",
    "IPv6 address of the next hop", "Administrative distance",
    key=EACH, no="ipv6 route X:X:X:X::X/<0-128>$prefix",
)  # fmt: skip
def ipv6_route(router: RouterConfig, args: Args) -> RouterConfig:
    return _with_route(router, IPv6Network(args["prefix"].network), args)
