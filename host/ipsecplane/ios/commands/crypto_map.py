"""Crypto maps: what traffic is protected, with whom and how."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any, TypeVar

from ipsecplane.config import (
    CryptoMap,
    CryptoMapEntry,
    IpsecProfile,
    Protection,
    ReverseRoute,
    RouterConfig,
)
from ipsecplane.ios.args import Args
from ipsecplane.ios.commands.ipsec import (
    IDLE_SECONDS,
    KILOBYTES,
    SECONDS,
    WINDOW,
    WINDOW_HELPS,
)
from ipsecplane.ios.commands.modes import CONFIG, CRYPTO_MAP, IPSEC_PROFILE, UNRECOGNIZED
from ipsecplane.ios.commandset import CommandError, ConfigMode
from ipsecplane.ios.configuration import Line
from ipsecplane.ipsec.algorithms import GROUPS

CONFIG.begin_block("crypto maps")

_NOTICE = (
    "% NOTE: This new crypto map will remain disabled until a peer\n"
    "        and a valid access list have been configured."
)


def _map_named(router: RouterConfig, name: str, version: int = 4) -> CryptoMap:
    found = router.crypto_maps.get(name, CryptoMap(name, version=version))
    if found.version != version:
        raise CommandError(f"% Crypto map {name} exists already, for IPv{found.version}")
    return found


def _with_map(router: RouterConfig, value: CryptoMap) -> RouterConfig:
    return replace(router, crypto_maps={**router.crypto_maps, value.name: value})


@CONFIG.line("crypto map WORD$name local-address INTERFACE$interface", "Enter a crypto map",
             "Crypto map tag", "Interface to use for local address for this crypto map",
             "Interface number",
             key="crypto map {name} local-address",
             no="crypto map WORD$name local-address",
             sort=lambda args: (args.text("name"),))  # fmt: skip
def local_address(router: RouterConfig, args: Args) -> RouterConfig:
    found = _map_named(router, args.text("name"))
    return _with_map(router, replace(found, local_address=args.text("interface")))


def _named_in_full(line: Line, _: tuple[Line, ...]) -> Line:
    text = f"crypto map {line.args['name']} {line.args['sequence']} ipsec-isakmp"
    return replace(line, text=text)


def _begin(_: RouterConfig, args: Args) -> tuple[str, CryptoMapEntry]:
    return args.text("name"), CryptoMapEntry(args.number("sequence"))


def _finish(router: RouterConfig, value: tuple[str, CryptoMapEntry]) -> RouterConfig:
    name, entry = value
    found = _map_named(router, name)
    _check_gateway(entry, 4)
    return _with_map(router, replace(found, entries=(*found.entries, entry)))


def _check_gateway(entry: CryptoMapEntry, version: int) -> None:
    gateway = entry.reverse_route.gateway if entry.reverse_route is not None else None
    if gateway is not None and gateway.version != version:
        raise CommandError(f"% Gateway {gateway} of reverse-route is not of IPv{version}")


def _finish_dynamic(router: RouterConfig, value: tuple[str, CryptoMapEntry]) -> RouterConfig:
    name, entry = value
    found = router.dynamic_maps.get(name, CryptoMap(name))
    found = replace(found, entries=(*found.entries, entry))
    return replace(router, dynamic_maps={**router.dynamic_maps, name: found})


CONFIG.add(
    "crypto dynamic-map WORD$name <1-65535>$sequence", "Specify a dynamic crypto map template",
    "Dynamic crypto map template tag", "Sequence to insert into dynamic map entry",
    key="crypto dynamic-map {name} {sequence}", no="crypto dynamic-map WORD$name",
    enters="config-crypto-map", begin=_begin, finish=_finish_dynamic,
    sort=lambda args: (args.text("name"), args.number("sequence")), spaced=True,
)  # fmt: skip


def _client_line(
    text: str, *helps: str, **how: Any
) -> Callable[[Callable[[CryptoMap, Args], CryptoMap]], None]:
    """Declare a line of a whole crypto map, about the clients that come to it."""

    def declare(function: Callable[[CryptoMap, Args], CryptoMap]) -> None:
        def apply(router: RouterConfig, args: Args) -> RouterConfig:
            return _with_map(router, function(_map_named(router, args.text("name")), args))

        CONFIG.add(f"crypto map WORD$name {text}", "Enter a crypto map", "Crypto map tag", *helps,
                   apply=apply, sort=lambda args: (args.text("name"),), **how)  # fmt: skip

    return declare


@_client_line("client authentication list {default|WORD}$list", "Specify client configuration",
              "Extended user authentication", "Method list", "The default list", "Name of the list",
              key="crypto map {name} client authentication")  # fmt: skip
def client_authentication(found: CryptoMap, args: Args) -> CryptoMap:
    return replace(found, client_authentication=args.text("list"))


@_client_line("isakmp authorization list {default|WORD}$list", "Specify isakmp configuration",
              "Authorization parameters", "Method list", "The default list", "Name of the list",
              key="crypto map {name} isakmp authorization")  # fmt: skip
def isakmp_authorization(found: CryptoMap, args: Args) -> CryptoMap:
    return replace(found, client_authorization=args.text("list"))


@_client_line("client configuration address {initiate|respond}$how",
              "Specify client configuration", "Configuration of addresses", "Set network address",
              "Push address to client", "Answer the client's request",
              key="crypto map {name} client configuration address {how}")  # fmt: skip
def client_address(found: CryptoMap, args: Args) -> CryptoMap:
    if args.text("how") == "initiate":
        return replace(found, client_initiate=True)
    return replace(found, client_respond=True)


CONFIG.add(
    "crypto map WORD$name <1-65535>$sequence [ipsec-isakmp]", "Enter a crypto map",
    "Crypto map tag", "Sequence to insert into crypto map entry",
    "IPSEC w/ISAKMP",
    key="crypto map {name} {sequence}", no="crypto map WORD$name", enters="config-crypto-map",
    begin=_begin, finish=_finish, place=_named_in_full,
    sort=lambda args: (args.text("name"), args.number("sequence")),
    notice=_NOTICE,
)  # fmt: skip


def _stands_for(router: RouterConfig, args: Args) -> RouterConfig:
    entry = CryptoMapEntry(args.number("sequence"), dynamic=args.text("dynamic"))
    return _finish(router, (args.text("name"), entry))


CONFIG.add(
    "crypto map WORD$name <1-65535>$sequence ipsec-isakmp dynamic WORD$dynamic",
    "Enter a crypto map", "Crypto map tag", "Sequence to insert into crypto map entry",
    "IPSEC w/ISAKMP", "Enter a crypto map template", "Name of the dynamic map",
    key="crypto map {name} {sequence}", no="crypto map WORD$name <1-65535>$sequence",
    apply=_stands_for, together=True,
    sort=lambda args: (args.text("name"), args.number("sequence")),
    refers=("dynamic_maps", "dynamic", '% Dynamic crypto map "{}" does not exist'),
)  # fmt: skip


@CONFIG.line("crypto map ipv6 WORD$name local-address INTERFACE$interface", "Enter a crypto map",
             "Specify an IPv6 crypto map", "Crypto map tag",
             "Interface to use for local address for this crypto map", "Interface number",
             key="crypto map ipv6 {name} local-address",
             no="crypto map ipv6 WORD$name local-address",
             sort=lambda args: (args.text("name"),))  # fmt: skip
def ipv6_local_address(router: RouterConfig, args: Args) -> RouterConfig:
    found = _map_named(router, args.text("name"), 6)
    return _with_map(router, replace(found, local_address=args.text("interface")))


def _ipv6_named_in_full(line: Line, _: tuple[Line, ...]) -> Line:
    text = f"crypto map ipv6 {line.args['name']} {line.args['sequence']} ipsec-isakmp"
    return replace(line, text=text)


def _finish_ipv6(router: RouterConfig, value: tuple[str, CryptoMapEntry]) -> RouterConfig:
    name, entry = value
    found = _map_named(router, name, 6)
    _check_gateway(entry, 6)
    return _with_map(router, replace(found, entries=(*found.entries, entry)))


CONFIG.add(
    "crypto map ipv6 WORD$name <1-65535>$sequence [ipsec-isakmp]", "Enter a crypto map",
    "Specify an IPv6 crypto map", "Crypto map tag", "Sequence to insert into crypto map entry",
    "IPSEC w/ISAKMP",
    key="crypto map ipv6 {name} {sequence}", no="crypto map ipv6 WORD$name",
    enters="config-crypto-map", begin=_begin, finish=_finish_ipv6, place=_ipv6_named_in_full,
    sort=lambda args: (args.text("name"), args.number("sequence")),
    notice=_NOTICE,
)  # fmt: skip


P = TypeVar("P", bound=Protection)


def entry_line(
    text: str, *helps: str, **how: Any
) -> Callable[[Callable[[CryptoMapEntry, Args], CryptoMapEntry]], None]:
    """Declare a line whose function changes a CryptoMapEntry."""

    def declare(function: Callable[[CryptoMapEntry, Args], CryptoMapEntry]) -> None:
        _declare(CRYPTO_MAP, function, text, *helps, **how)

    return declare


def protection_line(text: str, *helps: str, **how: Any) -> Callable[[Callable[[P, Args], P]], None]:
    """Declare a line of crypto maps and IPsec profiles alike: it changes their `Protection`."""

    def declare(function: Callable[[P, Args], P]) -> None:
        _declare(CRYPTO_MAP, function, text, *helps, **how)
        IPSEC_PROFILE.add(text, *helps, apply=function, **how)

    return declare


def _declare(
    mode: ConfigMode, function: Callable[[Any, Args], Any], text: str, *helps: str, **how: Any
) -> None:
    """The value of a crypto map's section is its name and the entry."""

    def apply(value: tuple[str, CryptoMapEntry], args: Args) -> tuple[str, CryptoMapEntry]:
        name, entry = value
        return name, function(entry, args)

    mode.add(text, *helps, apply=apply, **how)


for _mode in (CRYPTO_MAP, IPSEC_PROFILE):
    _mode.explain("""
        set: Set values for encryption/decryption
        set security-association: Security association parameters
        set security-association lifetime: Security association lifetime
        set security-association replay: Set replay checking
        match: Match values
    """)


@protection_line("description LINE$text", "Description of the crypto map statement policy",
            "Up to 80 characters")  # fmt: skip
def description(entry: P, args: Args) -> P:
    return replace(entry, description=args.text("text"))


@entry_line("set peer [address] {A.B.C.D$peer|X:X:X:X::X$peer|WORD$host}"
            " [default$default|dynamic$dynamic]",
            "Allowed Encryption/Decryption peer", "An address follows",
            "IP address of peer", "IPv6 address of peer", "Host name of the peer",
            "Try this peer first", "Resolve the name when SAs are negotiated",
            key="set peer {peer}{host}", resolves="host",
            place=lambda line, _: replace(
                line, text=line.text.replace(" address ", " ")))  # fmt: skip
def set_peer(entry: CryptoMapEntry, args: Args) -> CryptoMapEntry:
    if "peer" not in args:
        if "dynamic" in args:
            return entry  # it has no address yet
        raise CommandError(UNRECOGNIZED.format(args.text("host")))
    peer = args.address("peer")
    if "default" not in args:
        return replace(entry, peers=(*entry.peers, peer))
    if entry.default_peer:
        raise CommandError(f"% {entry.peers[0]} is the default peer already")
    return replace(entry, peers=(peer, *entry.peers), default_peer=True)


@protection_line("set security-association lifetime seconds " + SECONDS, "Time-based key duration",
            "Security association duration in seconds")  # fmt: skip
def set_lifetime_seconds(entry: P, args: Args) -> P:
    return replace(entry, lifetime_seconds=args.number("seconds"))


@protection_line("set security-association lifetime kilobytes " + KILOBYTES,
            "Volume-based key duration",
            "Security association duration in kilobytes encrypted")  # fmt: skip
def set_lifetime_kilobytes(entry: P, args: Args) -> P:
    return replace(entry, lifetime_kilobytes=args.number("kilobytes"))


_IDLE = f"set security-association idle-time {IDLE_SECONDS}"
_IDLE_HELPS = ("Automatically delete IPSec SAs after a given idle period.", "Idle time in seconds")


@entry_line(f"{_IDLE} [default$default]", *_IDLE_HELPS, "Use the default peer after the idle time")
def set_idle_time(entry: CryptoMapEntry, args: Args) -> CryptoMapEntry:
    return replace(entry, idle_time=args.number("seconds"), idle_to_default="default" in args)


@IPSEC_PROFILE.line(_IDLE, *_IDLE_HELPS)
def set_profile_idle_time(profile: IpsecProfile, args: Args) -> IpsecProfile:
    return replace(profile, idle_time=args.number("seconds"))


_REPLAY = "set security-association replay"


@protection_line(f"{_REPLAY} window-size {WINDOW}", "Set replay window size", *WINDOW_HELPS,
            key=_REPLAY, no=_REPLAY)  # fmt: skip
def set_replay_window(entry: P, args: Args) -> P:
    return replace(entry, replay_window=int(args["window"]))


@protection_line(f"{_REPLAY} disable", "Disable replay checking", key=_REPLAY)
def set_replay_disable(entry: P, _: Args) -> P:
    return replace(entry, replay_window=0)


@protection_line("set transform-set WORD$names...",
            "Specify list of transform sets in priority order", "Proposal tag",
            refers=("transform_sets", "names",
                    'ERROR: transform set with tag "{}" does not exist.'))  # fmt: skip
def set_transform_set(entry: P, args: Args) -> P:
    names = tuple(str(name) for name in args.many("names"))
    if len(names) > 6:
        raise CommandError("% At most 6 transform sets may be given")
    return replace(entry, transform_sets=names)


@protection_line("set isakmp-profile WORD$profile", "Specify isakmp Profile",
                 "Specify isakmp Profile Name",
                 refers=("isakmp_profiles", "profile",
                         "ERROR: ISAKMP profile {} does not exist."))  # fmt: skip
def set_isakmp_profile(entry: P, args: Args) -> P:
    return replace(entry, isakmp_profile=args.text("profile"))


@protection_line("set pfs [" + "|".join(f"group{g.number}" for g in GROUPS) + "]$group",
            "Specify pfs settings",
            *(f"D-H Group {g.number} ({g.bits}-bit {g.kind})" for g in GROUPS))  # fmt: skip
def set_pfs(entry: P, args: Args) -> P:
    return replace(entry, pfs_group=int(args.text("group", "group1").removeprefix("group")))


@entry_line("match address {<100-199>|<2000-2699>|WORD}$list",
            "Match address of packets to encrypt",
            "IP access list number", "IP access list number (expanded range)",
            "Access-list name")  # fmt: skip
def match_address(entry: CryptoMapEntry, args: Args) -> CryptoMapEntry:
    return replace(entry, match_address=args.text("list"))


@entry_line("reverse-route [static$static]", "Reverse Route Injection.",
            "Create routes based on static ACLs permanently", key="reverse-route")  # fmt: skip
def reverse_route(entry: CryptoMapEntry, args: Args) -> CryptoMapEntry:
    return replace(entry, reverse_route=ReverseRoute("static" in args))


@entry_line("reverse-route remote-peer {A.B.C.D|X:X:X:X::X}$gateway [static$static]",
            "Reverse Route Injection.", "Create route in route table for remote tunnel endpoint",
            "Gateway for the remote proxy", "IPv6 gateway for the remote proxy",
            "Create routes based on static ACLs permanently", key="reverse-route")  # fmt: skip
def reverse_route_by(entry: CryptoMapEntry, args: Args) -> CryptoMapEntry:
    return replace(entry, reverse_route=ReverseRoute("static" in args, args.address("gateway")))


@entry_line("set reverse-route distance <1-255>$distance", "Reverse Route Injection.",
            "Distance metric for this route", "Distance value")  # fmt: skip
def reverse_distance(entry: CryptoMapEntry, args: Args) -> CryptoMapEntry:
    return replace(entry, reverse_distance=args.number("distance"))


@entry_line("qos pre-classify", "Quality of Service",
            "Classify packets by the header they have before encryption")  # fmt: skip
def qos_pre_classify(entry: CryptoMapEntry, _: Args) -> CryptoMapEntry:
    return replace(entry, pre_classify=True)
