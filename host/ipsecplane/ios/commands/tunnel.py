"""Tunnel interfaces: where a tunnel begins and ends, and the IPsec profile that protects it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

from ipsecplane.config import TUNNEL_MODES, InterfaceConfig, TunnelConfig
from ipsecplane.ios.args import Args
from ipsecplane.ios.commands.modes import INTERFACE
from ipsecplane.ios.commandset import CommandError

INTERFACE.explain("""
    tunnel: protocol-over-protocol tunneling
    tunnel mode: tunnel encapsulation method
    tunnel mode gre: generic route encapsulation protocol
    tunnel protection: Enable tunnel protection
    tunnel protection ipsec: Use ipsec to protect this tunnel interface
""")

TunnelFunction = Callable[[TunnelConfig, Args], TunnelConfig]


def _tunnel_line(text: str, *helps: str, **how: Any) -> Callable[[TunnelFunction], TunnelFunction]:
    """Declare a line whose function changes the tunnel of an interface."""

    def declare(function: TunnelFunction) -> TunnelFunction:
        def apply(interface: InterfaceConfig, args: Args) -> InterfaceConfig:
            if interface.tunnel is None:
                raise CommandError(f"% {interface.name} is no tunnel interface")
            return replace(interface, tunnel=function(interface.tunnel, args))

        INTERFACE.add(text, *helps, apply=apply, **how)
        return function

    return declare


@_tunnel_line("tunnel source {A.B.C.D|X:X:X:X::X|INTERFACE}$source", "source of tunnel packets",
              "ip address", "IPv6 address", "Interface number")  # fmt: skip
def source(tunnel: TunnelConfig, args: Args) -> TunnelConfig:
    return replace(tunnel, source=args["source"])


_OTHER_MODES = {
    "aurp": "AURP TunnelTalk AppleTalk encapsulation",
    "cayman": "Cayman TunnelTalk AppleTalk encapsulation",
    "dvmrp": "DVMRP multicast tunnel",
    "eon": "EON compatible CLNS tunnel",
    "ipip": "IP over IP encapsulation",
    "ipv6": "Generic packet tunneling in IPv6",
    "ipv6ip": "IPv6 over IP encapsulation",
    "iptalk": "Apple IPTalk encapsulation",
    "mpls": "MPLS encapsulations",
    "nos": "IP over IP encapsulation (KA9Q/NOS compatible)",
    "rbscp": "RBSCP in IP tunnel",
}


@_tunnel_line("tunnel mode ipsec {ipv4$carrier [v6-overlay$overlay]"
              "|ipv6$carrier [v4-overlay$overlay]}",
              "IPSec tunnel encapsulation", "over IPv4", "IPv6 traffic over it",
              "over IPv6", "IPv4 traffic over it",
              key="tunnel mode", no="tunnel mode")  # fmt: skip
def mode_ipsec(tunnel: TunnelConfig, args: Args) -> TunnelConfig:
    words = ["ipsec", args.text("carrier"), *([args.text("overlay")] if "overlay" in args else [])]
    return replace(tunnel, mode=TUNNEL_MODES[" ".join(words)])


@_tunnel_line("tunnel mode gre ip", "over IP",
              key="tunnel mode", no="tunnel mode", default="tunnel mode gre ip")  # fmt: skip
def mode_gre(tunnel: TunnelConfig, _: Args) -> TunnelConfig:
    return replace(tunnel, mode=TUNNEL_MODES["gre ip"])


@_tunnel_line("tunnel mode gre {ipv6|multipoint}$over", "over IPv6", "over IP (multipoint)",
              key="tunnel mode")  # fmt: skip
def mode_other_gre(tunnel: TunnelConfig, args: Args) -> TunnelConfig:
    """Known to the grammar, so that it is refused for what it is."""
    raise _not_modelled(f"gre {args['over']}")


@_tunnel_line("tunnel mode {" + "|".join(_OTHER_MODES) + "}$other [ip|ipv6|multipoint]$over",
              *_OTHER_MODES.values(), "over IP", "over IPv6", "over IP (multipoint)",
              key="tunnel mode")  # fmt: skip
def mode_other(tunnel: TunnelConfig, args: Args) -> TunnelConfig:
    """Known to the grammar, so that it is refused for what it is."""
    raise _not_modelled(args.text("other"))


def _not_modelled(mode: str) -> CommandError:
    known = "only gre ip, ipsec ipv4 and ipsec ipv6 are"
    return CommandError(f"% tunnel mode {mode} is not modelled: {known}")


@_tunnel_line("tunnel destination {A.B.C.D|X:X:X:X::X}$destination",
              "destination of tunnel", "ip address", "IPv6 address")  # fmt: skip
def destination(tunnel: TunnelConfig, args: Args) -> TunnelConfig:
    address = args.address("destination")
    if address.is_multicast or address.is_unspecified or address.is_loopback:
        raise CommandError(f"% {address} cannot be the far end of a tunnel")
    return replace(tunnel, destination=address)


@_tunnel_line("tunnel {key|checksum|sequence-datagrams}$what [<0-4294967295>]",
              "security or selector key", "enable end to end checksumming of packets",
              "drop datagrams arriving out of order", "key", key="tunnel {what}")  # fmt: skip
def options(_: TunnelConfig, args: Args) -> TunnelConfig:
    raise CommandError(
        f"% tunnel {args['what']} is not modelled: GRE has neither key, checksum nor sequence"
        " numbers here"
    )


INTERFACE.keep("tunnel path-mtu-discovery", "Enable Path MTU Discovery on tunnel", keeps_no=True)


@_tunnel_line("tunnel protection ipsec profile WORD$profile [shared$shared]",
              "Determine the ipsec policy profile to use.", "ipsec policy profile name",
              "Tunnel protection is shared by several interfaces",
              refers=("ipsec_profiles", "profile", "ERROR: IPsec profile {} does not exist."),
              key="tunnel protection", no="tunnel protection")  # fmt: skip
def protection(tunnel: TunnelConfig, args: Args) -> TunnelConfig:
    if "shared" in args and tunnel.mode.carrier == 6:
        raise CommandError("% IPv6 does not support the keyword shared")
    return replace(tunnel, profile=args.text("profile"), shared="shared" in args)
