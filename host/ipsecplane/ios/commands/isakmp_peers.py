"""IKE with certain peers: keyrings, aggressive mode, ISAKMP profiles (guide chapter 9)."""

from __future__ import annotations

from dataclasses import replace
from ipaddress import IPv4Network, IPv6Network

from ipsecplane.config import (
    NO_NETWORK,
    IdentityMatch,
    IkeIdentity,
    IsakmpKey,
    IsakmpPeer,
    IsakmpProfile,
    Keyring,
    Network,
    RouterConfig,
)
from ipsecplane.ios.args import Args
from ipsecplane.ios.commands.modes import CONFIG, ISAKMP_PEER, ISAKMP_PROFILE, KEYRING
from ipsecplane.ios.commandset import CommandError


def network_of(args: Args, address: str, mask: str = "") -> Network:
    """An address with an optional mask, or an IPv6 prefix. Raises CommandError."""
    value = args[address]
    if hasattr(value, "network"):
        return IPv6Network(value.network)
    try:
        return IPv4Network(f"{value}/{args.get(mask, '255.255.255.255')}", strict=False)
    except ValueError:
        raise CommandError(f"% Bad mask {args[mask]} for address {value}") from None


# -- keyrings --------------------------------------------------------------------------------------

CONFIG.begin_block("keyrings")


def _begin_keyring(_: RouterConfig, args: Args) -> Keyring:
    if "vrf" in args:
        raise CommandError(f"% VRF {args['vrf']} does not exist: there are no VRFs here")
    return Keyring(args.text("name"))


CONFIG.add(
    "crypto keyring WORD$name [vrf WORD$vrf]", "Key ring commands", "Name of Keyring",
    "VRF the keyring belongs to", "VRF name",
    key="crypto keyring {name}", no="crypto keyring WORD$name", enters="conf-keyring",
    begin=_begin_keyring, spaced=True,
    finish=lambda router, ring: replace(router, keyrings={**router.keyrings, ring.name: ring}),
)  # fmt: skip


@KEYRING.line("description LINE$text", "Specify a description of this keyring", "Text")
def keyring_description(ring: Keyring, args: Args) -> Keyring:
    return replace(ring, description=args.text("text"))


@KEYRING.line(
    "pre-shared-key {address A.B.C.D$peer [A.B.C.D$mask]|address ipv6 X:X:X:X::X/<0-128>$peer6"
    "|ipv6 X:X:X:X::X/<0-128>$peer6|hostname WORD$hostname} key [{0|6}$encoding] WORD$secret",
    "Specify a pre-shared key", "Define shared key by address", "Address of remote peer",
    "Address mask", "Define shared key by address", "Define shared key by IPv6 address",
    "IPv6 prefix of remote peer", "Define shared key by IPv6 address",
    "IPv6 prefix of remote peer", "Define shared key by hostname", "Hostname of remote peer",
    "Pre-shared key", "The key follows unencrypted", "The key follows encrypted", "The key",
    key="pre-shared-key {peer} {mask} {peer6} {hostname}",
)  # fmt: skip
def pre_shared_key(ring: Keyring, args: Args) -> Keyring:
    if args.get("encoding") == "6":
        raise CommandError("% Encrypted keys (type 6) are not supported: give the key unencrypted")
    network: Network = NO_NETWORK
    if "peer6" in args:
        network = network_of(args, "peer6")
    elif "peer" in args:
        network = network_of(args, "peer", "mask")
    key = IsakmpKey(args.text("secret"), network, hostname=args.get("hostname"))
    return replace(ring, keys=(*ring.keys, key))


# -- aggressive mode -------------------------------------------------------------------------------

CONFIG.begin_block("isakmp peers")


def _begin_peer(_: RouterConfig, args: Args) -> IsakmpPeer:
    if "hostname" in args:
        return IsakmpPeer(hostname=args.text("hostname"))
    return IsakmpPeer(network_of(args, "peer6" if "peer6" in args else "peer"))


CONFIG.add(
    "crypto isakmp peer {address A.B.C.D$peer|address ipv6 X:X:X:X::X/<0-128>$peer6"
    "|hostname WORD$hostname}",
    "Set Peer Policy", "Peer IP address", "Peer IP address", "Peer IP address",
    "Peer IPv6 address", "Peer IPv6 address and prefix length", "Peer hostname", "Name of the peer",
    key="crypto isakmp peer {peer} {peer6} {hostname}", enters="config-isakmp-peer",
    begin=_begin_peer, spaced=True,
    finish=lambda router, peer: replace(router, isakmp_peers=(*router.isakmp_peers, peer)),
)  # fmt: skip

ISAKMP_PEER.explain("""
    set: Set values of the peer
    set aggressive-mode: Set ISAKMP aggressive mode
""")


@ISAKMP_PEER.line("description LINE$text", "Specify a description of this peer",
                  "Up to 80 characters")  # fmt: skip
def peer_description(peer: IsakmpPeer, args: Args) -> IsakmpPeer:
    return replace(peer, description=args.text("text"))


@ISAKMP_PEER.line("set aggressive-mode password WORD$password",
                  "Set password to be used for aggressive mode", "The password",
                  key="set aggressive-mode password")  # fmt: skip
def aggressive_password(peer: IsakmpPeer, args: Args) -> IsakmpPeer:
    return replace(peer, aggressive_password=args.text("password"))


@ISAKMP_PEER.line(
    "set aggressive-mode client-endpoint {ipv4-address A.B.C.D$address"
    "|ipv6 {X:X:X:X::X$address|X:X:X:X::X/<0-128>$prefix}|fqdn WORD$fqdn|user-fqdn WORD$user}",
    "Specify the identity that is sent", "ID type IPv4 address", "IPv4 address",
    "ID type IPv6 address", "IPv6 address", "IPv6 address and prefix length",
    "ID type fully qualified domain name", "Name", "ID type user name", "user@domain",
    key="set aggressive-mode client-endpoint",
)  # fmt: skip
def client_endpoint(peer: IsakmpPeer, args: Args) -> IsakmpPeer:
    if "fqdn" in args:
        identity = IkeIdentity("fqdn", args.text("fqdn"))
    elif "user" in args:
        identity = IkeIdentity("user-fqdn", args.text("user"))
    else:
        address = args["address"] if "address" in args else args["prefix"].ip
        identity = IkeIdentity("address", str(address))
    return replace(peer, aggressive_endpoint=identity)


# -- profiles --------------------------------------------------------------------------------------

CONFIG.begin_block("isakmp profiles")

CONFIG.add(
    "crypto isakmp profile WORD$name [accounting WORD$accounting]", "Define ISAKMP Profiles",
    "Name of Profile", "Enable AAA accounting for IPSec sessions", "Name of the AAA list",
    key="crypto isakmp profile {name}", no="crypto isakmp profile WORD$name",
    enters="conf-isa-prof", spaced=True,
    begin=lambda _, args: IsakmpProfile(args.text("name"), accounting=args.get("accounting")),
    finish=lambda router, profile: replace(
        router, isakmp_profiles={**router.isakmp_profiles, profile.name: profile}),
)  # fmt: skip


@ISAKMP_PROFILE.line("description LINE$text", "Specify a description of this profile", "Text")
def profile_description(profile: IsakmpProfile, args: Args) -> IsakmpProfile:
    return replace(profile, description=args.text("text"))


@ISAKMP_PROFILE.line("keyring WORD$keyring", "Specify a keyring", "Name of keyring",
                     key="keyring {keyring}",
                     refers=("keyrings", "keyring", "% Keyring {} does not exist."))  # fmt: skip
def profile_keyring(profile: IsakmpProfile, args: Args) -> IsakmpProfile:
    return replace(profile, keyrings=(*profile.keyrings, args.text("keyring")))


@ISAKMP_PROFILE.line(
    "self-identity {address [ipv6]$address|fqdn$fqdn [WORD$name]|user-fqdn WORD$user}",
    "Specify Identity to use", "Use IP address as identity", "Use IPv6 address as identity",
    "Use FQDN as identity", "A name other than the router's", "Use User-FQDN as identity",
    "user@domain", key="self-identity", no="self-identity",
)  # fmt: skip
def self_identity(profile: IsakmpProfile, args: Args) -> IsakmpProfile:
    if "user" in args:
        identity = IkeIdentity("user-fqdn", args.text("user"))
    elif "fqdn" in args:
        identity = IkeIdentity("fqdn", args.text("name"))
    else:
        identity = IkeIdentity("address", "")
    return replace(profile, self_identity=identity)


@ISAKMP_PROFILE.line(
    "match identity {group WORD$group|address A.B.C.D$peer [A.B.C.D$mask] [WORD$vrf]"
    "|address ipv6 X:X:X:X::X/<0-128>$peer6|host WORD$host|host domain WORD$hosts"
    "|user WORD$user|user domain WORD$users}",
    "Match values of peer", "Match a peer identity", "Match a Unity group", "Group name",
    "Match an IP address", "IP address", "Mask", "VRF of the peer",
    "Match an IP address", "Match an IPv6 address", "IPv6 prefix", "Match a host name",
    "Host name", "Match a host name", "Match a domain", "Domain", "Match a user name",
    "user@domain", "Match a user name", "Match a domain", "Domain",
    key="match identity {group} {peer} {mask} {peer6} {host} {hosts} {user} {users}",
)  # fmt: skip
def match_identity(profile: IsakmpProfile, args: Args) -> IsakmpProfile:
    if "vrf" in args:
        raise CommandError(f"% VRF {args['vrf']} does not exist: there are no VRFs here")
    if "peer" in args:
        match = IdentityMatch("address", network=network_of(args, "peer", "mask"))
    elif "peer6" in args:
        match = IdentityMatch("address", network=network_of(args, "peer6"))
    else:
        kinds = {"group": ("group", False), "host": ("fqdn", False), "hosts": ("fqdn", True),
                 "user": ("user-fqdn", False), "users": ("user-fqdn", True)}  # fmt: skip
        name = next(name for name in kinds if name in args)
        kind, domain = kinds[name]
        match = IdentityMatch(kind, args.text(name), domain=domain)
    return replace(profile, matches=(*profile.matches, match))


@ISAKMP_PROFILE.line("initiate mode aggressive", "Initiate a connection", "Mode to initiate",
                     "Aggressive mode")  # fmt: skip
def initiate_aggressive(profile: IsakmpProfile, _: Args) -> IsakmpProfile:
    return replace(profile, aggressive=True)
