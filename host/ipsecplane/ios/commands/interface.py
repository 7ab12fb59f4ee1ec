"""Interfaces and the controllers beside them."""

from __future__ import annotations

from dataclasses import replace
from ipaddress import AddressValueError, IPv4Interface, IPv6Interface, NetmaskValueError

from ipsecplane.config import InterfaceConfig, RouterConfig, TunnelConfig, VirtualReassembly
from ipsecplane.ios.args import Args
from ipsecplane.ios.commands.ipsec import DF_BIT_HELPS, FRAGMENTATION_HELPS
from ipsecplane.ios.commands.modes import CONFIG, CONTROLLER, INTERFACE
from ipsecplane.ios.commandset import EACH, CommandError
from ipsecplane.ios.interfaces import interface_order
from ipsecplane.qos.checks import objection_to
from ipsecplane.qos.policy import INPUT, OUTPUT

CONFIG.begin_block("controllers")
CONFIG.add("controller ISA SLOT$slot", "Configure a specific controller",
           "Integrated Services Adapter", "Slot and port", key="controller ISA {slot}",
           enters="config-controller", spaced=True)  # fmt: skip
CONTROLLER.keep("description LINE", "Controller description", "Text", key="description")
CONTROLLER.keep("shutdown", "Shut the controller down", keeps_no=True)

CONFIG.begin_block("interfaces")


def _with_interface(router: RouterConfig, interface: InterfaceConfig) -> RouterConfig:
    for version, name in ((4, interface.crypto_map), (6, interface.ipv6_crypto_map)):
        found = router.crypto_maps.get(name or "")
        if found is not None and found.version != version:
            raise CommandError(f"% Crypto map {name} is for IPv{found.version}")
    _check_df_bit(router, interface)
    for direction, name in ((INPUT, interface.input_policy), (OUTPUT, interface.output_policy)):
        policy = router.policy_maps.get(name or "")
        objection = objection_to(policy, direction, interface) if policy is not None else ""
        if objection:
            raise CommandError(objection)
    return replace(router, interfaces=(*router.interfaces, interface))


def _check_df_bit(router: RouterConfig, interface: InterfaceConfig) -> None:
    """Interfaces that share a crypto map with local-address share the setting (guide chapter 6)."""
    crypto_map = router.crypto_maps.get(interface.crypto_map or "")
    if crypto_map is None or crypto_map.local_address is None:
        return
    own = router.df_bit_of(interface)
    for other in router.interfaces:
        if other.crypto_map == crypto_map.name and router.df_bit_of(other) != own:
            raise CommandError(
                f"ERROR: {other.name} (df-bit {router.df_bit_of(other)}) and {interface.name}"
                f" (df-bit {own}) share crypto map {crypto_map.name} with local-address"
                f" {crypto_map.local_address}: they must have the same crypto ipsec df-bit"
            )


def _begin_interface(_: RouterConfig, args: Args) -> InterfaceConfig:
    name = args.text("name")
    tunnel = TunnelConfig() if name.startswith("Tunnel") else None
    return InterfaceConfig(name, tunnel=tunnel)


CONFIG.add(
    "interface INTERFACE$name", "Select an interface to configure", "Interface number",
    key="interface {name}", enters="config-if", initial=("no ip address",), spaced=True,
    begin=_begin_interface, finish=_with_interface,
    sort=lambda args: interface_order(args.text("name")),
)  # fmt: skip

INTERFACE.explain("""
    ip: Interface Internet Protocol config commands
    ipv6: IPv6 interface subcommands
    crypto: Encryption/Decryption commands
    crypto ipsec: Set IPSec parameters
    crypto ipsec client: Configure a client
    serial: Serial interface commands
""")


@INTERFACE.line("description LINE$text", "Interface specific description",
                "Up to 200 characters describing this interface")  # fmt: skip
def description(interface: InterfaceConfig, args: Args) -> InterfaceConfig:
    return replace(interface, description=args.text("text"))


@INTERFACE.line("mac-address H.H.H$mac", "Manually set interface MAC address", "MAC address")
def mac_address(interface: InterfaceConfig, args: Args) -> InterfaceConfig:
    digits = args.text("mac").replace(".", "")
    if int(digits[:2], 16) & 1:
        raise CommandError(f"% {args['mac']} is a group address")
    return replace(interface, mac=":".join(digits[i : i + 2] for i in range(0, 12, 2)))


@INTERFACE.line("mtu <64-9216>$bytes", "Set the interface Maximum Transmission Unit (MTU)",
                "MTU size in bytes", default="mtu 1500")  # fmt: skip
def mtu(interface: InterfaceConfig, args: Args) -> InterfaceConfig:
    return replace(interface, mtu=args.number("bytes"))


@INTERFACE.line("bandwidth <1-100000000>$kbps", "Set bandwidth informational parameter",
                "Bandwidth in kilobits")  # fmt: skip
def bandwidth(interface: InterfaceConfig, args: Args) -> InterfaceConfig:
    return replace(interface, bandwidth=args.number("kbps"))


def _ipv4_interface(args: Args) -> IPv4Interface:
    try:
        value = IPv4Interface(f"{args['address']}/{args['mask']}")
    except (AddressValueError, NetmaskValueError):
        value = None
    if value is None or str(value.netmask) != str(args["mask"]):
        mask = int(args.ipv4("mask"))
        raise CommandError(f"Bad mask 0x{mask:X} for address {args['address']}")
    if value.ip.is_multicast or value.ip.is_unspecified or value.ip.is_loopback:
        raise CommandError(f"Not a valid host address - {value.ip}")
    network = value.network
    if network.prefixlen < 31 and value.ip in (network.network_address, network.broadcast_address):
        raise CommandError(f"Bad mask /{network.prefixlen} for address {value.ip}")
    return value


_ADDRESS = "ip address A.B.C.D$address A.B.C.D$mask"


@INTERFACE.line(f"{_ADDRESS} secondary", "Set the IP address of an interface", "IP address",
                "IP subnet mask", "Make this IP address a secondary address",
                key="ip address {address} secondary")  # fmt: skip
def ip_address_secondary(interface: InterfaceConfig, args: Args) -> InterfaceConfig:
    return replace(interface, secondary=(*interface.secondary, _ipv4_interface(args)))


def _no_ip_address(interface: InterfaceConfig, _: Args) -> InterfaceConfig:
    if interface.secondary:
        raise CommandError(f"% {interface.name}: a secondary address needs a primary one")
    return interface


@INTERFACE.line(_ADDRESS, "Set the IP address of an interface", "IP address", "IP subnet mask",
                no="ip address", keeps_no=True, also_removes="ip address ",
                refuse=_no_ip_address)  # fmt: skip
def ip_address(interface: InterfaceConfig, args: Args) -> InterfaceConfig:
    return replace(interface, address=_ipv4_interface(args))


INTERFACE.keep("ip broadcast-address A.B.C.D", "Set the broadcast address of an interface",
               "IP broadcast address", key="ip broadcast-address")  # fmt: skip


@INTERFACE.line("ip unnumbered INTERFACE$interface",
                "Enable IP processing without an explicit address", "Interface number",
                key="ip address", no="ip unnumbered")  # fmt: skip
def ip_unnumbered(interface: InterfaceConfig, args: Args) -> InterfaceConfig:
    if args["interface"] == interface.name:
        raise CommandError("% An interface cannot borrow an address of its own")
    return replace(interface, unnumbered=args.text("interface"))


INTERFACE.keep("ip route-cache [cef|flow|same-interface]",
               "Enable fast-switching cache for outgoing packets",
               "Enable Cisco Express Forwarding", "Enable flow fast-switching cache",
               "Enable fast-switching on the same interface", keeps_no=True)  # fmt: skip
INTERFACE.keep("ip mroute-cache", "Enable switching cache for incoming multicast packets",
               keeps_no=True)  # fmt: skip
for _word, _help in (
    ("directed-broadcast", "Enable forwarding of directed broadcasts"),
    ("proxy-arp", "Enable proxy ARP"),
    ("redirects", "Enable sending ICMP Redirect messages"),
    ("unreachables", "Enable sending ICMP Unreachable messages"),
):
    INTERFACE.keep(f"ip {_word}", _help, keeps_no=True)


@INTERFACE.line("ip mtu <68-9216>$bytes", "Set IP Maximum Transmission Unit", "MTU (bytes)")
def ip_mtu(interface: InterfaceConfig, args: Args) -> InterfaceConfig:
    return replace(interface, ip_mtu=args.number("bytes"))


@INTERFACE.line(
    "ip virtual-reassembly [in] [max-reassemblies <1-1024>$packets|max-fragments <1-255>$fragments"
    "|timeout <1-60>$timeout|drop-fragments$drop]...",
    "Virtual Reassembly", "Reassemble inbound fragments",
    "Maximum number of reassemblies", "Concurrent reassemblies",
    "Maximum number of fragments per reassembly", "Fragments per reassembly",
    "Timeout value of a reassembly", "Time in seconds", "Drop all fragments",
    no="ip virtual-reassembly",
)  # fmt: skip
def virtual_reassembly(interface: InterfaceConfig, args: Args) -> InterfaceConfig:
    default = VirtualReassembly()
    settings = VirtualReassembly(
        int(args.text("packets", str(default.max_reassemblies))),
        int(args.text("fragments", str(default.max_fragments))),
        int(args.text("timeout", str(default.timeout))),
        "drop" in args,
    )
    return replace(interface, virtual_reassembly=settings)


@INTERFACE.line("shutdown", "Shutdown the selected interface")
def shutdown(interface: InterfaceConfig, _: Args) -> InterfaceConfig:
    return replace(interface, shutdown=True)


@INTERFACE.line("keepalive [<0-32767>$period] [<1-255>]", "Enable keepalive", "Keepalive period",
                "Keepalive retries", key="keepalive", keeps_no=True)  # fmt: skip
def keepalive(interface: InterfaceConfig, args: Args) -> InterfaceConfig:
    """Links tell by themselves whether they are up; those of tunnels would be GRE's."""
    if interface.is_tunnel and args.get("period") != 0:
        raise CommandError(
            f"% {interface.name}: keepalives of tunnels are not modelled; with IPsec, use "
            "`crypto isakmp keepalive`"
        )
    return interface


INTERFACE.keep("duplex {auto|full|half}", "Configure duplex operation",
               "Enable AUTO duplex configuration", "Force full duplex operation",
               "Force half-duplex operation", key="duplex")  # fmt: skip
INTERFACE.keep("half-duplex", "Configure half-duplex and related commands", keeps_no=True)
INTERFACE.keep("full-duplex", "Configure full-duplex operational mode", keeps_no=True)
INTERFACE.keep("speed {10|100|1000|auto}", "Configure speed operation", "Force 10 Mbps operation",
               "Force 100 Mbps operation", "Force 1000 Mbps operation",
               "Enable AUTO speed configuration", key="speed")  # fmt: skip
INTERFACE.keep("negotiation auto", "Select Autonegotiation mode", "Perform link autonegotiation",
               keeps_no=True)  # fmt: skip
INTERFACE.keep("media-type {100BaseX|10BaseT|rj45|sfp}", "Media type", "Use RJ45 for 100BaseX",
               "Use RJ45 for 10BaseT", "RJ45 connector", "SFP module",
               key="media-type")  # fmt: skip
INTERFACE.keep("fair-queue", "Enable Fair Queuing on an Interface", keeps_no=True)
INTERFACE.keep("mop enabled", "DEC MOP server commands", "Enable MOP for interface", keeps_no=True)
INTERFACE.keep("cdp enable", "CDP interface subcommands", "Enable CDP on interface", keeps_no=True)
INTERFACE.keep("load-interval <30-600>", "Specify interval for load calculation",
               "Load interval delay in seconds", key="load-interval")  # fmt: skip
INTERFACE.keep("serial {restart-delay|restart_delay} <0-900>", "Delay of restarting",
               "Delay of restarting", "Seconds", key="serial restart-delay")  # fmt: skip
INTERFACE.keep("clockrate <300-8000000>", "Configure serial interface clock speed",
               "Bits per second", key="clockrate")  # fmt: skip
INTERFACE.keep("clock rate <300-8000000>", "Configure serial interface clock",
               "Configure serial interface clock speed", "Bits per second",
               key="clockrate")  # fmt: skip


@INTERFACE.line("ipv6 address X:X:X:X::X/<0-128>$prefix [eui-64$eui]",
                "Configure IPv6 address on interface", "IPv6 prefix",
                "Use eui-64 interface identifier",
                key="ipv6 address {prefix}", no="ipv6 address")  # fmt: skip
def ipv6_address(interface: InterfaceConfig, args: Args) -> InterfaceConfig:
    value = args["prefix"]
    assert isinstance(value, IPv6Interface)
    if "eui" in args:
        if value.network.prefixlen > 64:
            raise CommandError("%EUI-64 needs a prefix of at most 64 bits")
        return replace(interface, eui64=(*interface.eui64, IPv6Interface(value.network)))
    if value.ip.is_multicast or value.ip.is_unspecified or value.ip.is_loopback:
        raise CommandError(f"%{str(value).upper()}: Invalid IPv6 address for an interface")
    return replace(interface, ipv6=(*interface.ipv6, value))


@INTERFACE.line("ipv6 enable", "Enable IPv6 on interface")
def ipv6_enable(interface: InterfaceConfig, _: Args) -> InterfaceConfig:
    return replace(interface, ipv6_enabled=True)


@INTERFACE.line("ipv6 mtu <1280-9216>$bytes", "Set IPv6 Maximum Transmission Unit",
                "MTU (bytes)")  # fmt: skip
def ipv6_mtu(interface: InterfaceConfig, args: Args) -> InterfaceConfig:
    return replace(interface, ipv6_mtu=args.number("bytes"))


INTERFACE.keep("ipv6 cef", "Cisco Express Forwarding for IPv6", keeps_no=True)


@INTERFACE.line("crypto map WORD$name", "Assign a crypto map", "Crypto map tag",
                refers=("crypto_maps", "name",
                        'ERROR: Crypto Map with tag "{}" does not exist.'))  # fmt: skip
def crypto_map(interface: InterfaceConfig, args: Args) -> InterfaceConfig:
    return replace(interface, crypto_map=args.text("name"))


@INTERFACE.line("ipv6 crypto map WORD$name", "Encryption/Decryption commands",
                "Assign a crypto map", "Crypto map tag",
                refers=("crypto_maps", "name",
                        'ERROR: Crypto Map with tag "{}" does not exist.'))  # fmt: skip
def ipv6_crypto_map(interface: InterfaceConfig, args: Args) -> InterfaceConfig:
    return replace(interface, ipv6_crypto_map=args.text("name"))


@INTERFACE.line("crypto ipsec df-bit {clear|copy|set}$policy", *DF_BIT_HELPS)
def df_bit(interface: InterfaceConfig, args: Args) -> InterfaceConfig:
    return replace(interface, df_bit=args.text("policy"))


@INTERFACE.line("crypto ipsec fragmentation {after-encryption|before-encryption}$when",
                *FRAGMENTATION_HELPS)  # fmt: skip
def fragmentation(interface: InterfaceConfig, args: Args) -> InterfaceConfig:
    return replace(interface, prefragment=args["when"] == "before-encryption")


@INTERFACE.line("crypto ipsec client ezvpn WORD$name [outside|inside]$side",
                "Cisco Easy VPN", "The name of the Easy VPN", "Outside interface (default)",
                "Inside interface", key=EACH,
                refers=("ezvpn", "name", "% Easy VPN {} is not configured"))  # fmt: skip
def interface_ezvpn(interface: InterfaceConfig, args: Args) -> InterfaceConfig:
    name = args.text("name")
    if args.text("side") == "inside":
        return replace(interface, ezvpn_inside=(*interface.ezvpn_inside, name))
    return replace(interface, ezvpn_outside=name)


@INTERFACE.line("qos pre-classify", "Quality of Service",
                "Classify packets by the header they have before the tunnel's")  # fmt: skip
def qos_pre_classify(interface: InterfaceConfig, _: Args) -> InterfaceConfig:
    return replace(interface, pre_classify=True)


@INTERFACE.line("service-policy {input|output}$direction WORD$name", "Configure QoS Service Policy",
                "Assign policy-map to the input of an interface",
                "Assign policy-map to the output of an interface", "policy-map name",
                key="service-policy {direction}", no="service-policy {input|output}$direction",
                sort=lambda args: (args.text("direction"),),
                refers=("policy_maps", "name", "% policy map {} not configured"))  # fmt: skip
def service_policy(interface: InterfaceConfig, args: Args) -> InterfaceConfig:
    if args["direction"] == INPUT:
        return replace(interface, input_policy=args.text("name"))
    return replace(interface, output_policy=args.text("name"))
