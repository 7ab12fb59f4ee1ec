"""Easy VPN: client groups and address pools of a server, and the remote's configuration."""

from __future__ import annotations

from dataclasses import replace

from ipsecplane.config import ClientGroup, EzvpnConfig, RouterConfig
from ipsecplane.ios.args import Args
from ipsecplane.ios.commands.modes import CLIENT_GROUP, CONFIG, EZVPN, UNRECOGNIZED
from ipsecplane.ios.commandset import EACH, CommandError

CONFIG.begin_block("client groups")


def _with_group(router: RouterConfig, group: ClientGroup) -> RouterConfig:
    return replace(router, client_groups={**router.client_groups, group.name: group})


CONFIG.add(
    "crypto isakmp client configuration group {default|WORD}$name",
    "Set client configuration group", "Policy of those without a group of their own",
    "Name of the client group",
    key="crypto isakmp client configuration group {name}", enters="config-isakmp-group",
    begin=lambda router, args: ClientGroup(args.text("name")), finish=_with_group, spaced=True,
)  # fmt: skip


@CLIENT_GROUP.line("key [{0|6}$encoding] WORD$key",
                   "pre-shared key/IKE password", "The key follows unencrypted",
                   "The key follows encrypted", "The key")  # fmt: skip
def group_key(group: ClientGroup, args: Args) -> ClientGroup:
    if args.get("encoding") == "6":
        raise CommandError("% Encrypted keys (type 6) are not supported: give the key unencrypted")
    return replace(group, key=args.text("key"))


@CLIENT_GROUP.line("dns A.B.C.D$addresses...", "DNS Addresses", "Server address")
def group_dns(group: ClientGroup, args: Args) -> ClientGroup:
    return replace(group, dns=args.many("addresses"))


@CLIENT_GROUP.line("wins A.B.C.D$addresses...", "WINS Addresses", "Server address")
def group_wins(group: ClientGroup, args: Args) -> ClientGroup:
    return replace(group, wins=args.many("addresses"))


@CLIENT_GROUP.line("domain WORD$domain", "Set default domain name to send to client",
                   "Domain name")  # fmt: skip
def group_domain(group: ClientGroup, args: Args) -> ClientGroup:
    return replace(group, domain=args.text("domain"))


@CLIENT_GROUP.line("pool WORD$pool", "Set name of address pool", "Name of the pool")  # fmt: skip
def group_pool(group: ClientGroup, args: Args) -> ClientGroup:
    return replace(group, pool=args.text("pool"))


@CLIENT_GROUP.line("acl {<100-199>|WORD}$acl", "Specify split tunneling inclusion access-list",
                   "Access list number", "Access list name")  # fmt: skip
def group_acl(group: ClientGroup, args: Args) -> ClientGroup:
    return replace(group, acl=args.text("acl"))


@CLIENT_GROUP.line("save-password", "Allows remote client XAUTH password storage")
def group_save_password(group: ClientGroup, _: Args) -> ClientGroup:
    return replace(group, save_password=True)


@CLIENT_GROUP.line("pfs", "The client should propose PFS")
def group_pfs(group: ClientGroup, _: Args) -> ClientGroup:
    return replace(group, pfs=True)


@CLIENT_GROUP.line("backup-gateway A.B.C.D$gateway", "Backup Gateway", "Gateway address",
                   key=EACH)  # fmt: skip
def group_backup(group: ClientGroup, args: Args) -> ClientGroup:
    return replace(group, backup_servers=(*group.backup_servers, args.ipv4("gateway")))


@CLIENT_GROUP.line("netmask A.B.C.D$mask", "netmask used by the client for local connectivity",
                   "Subnet mask")  # fmt: skip
def group_netmask(group: ClientGroup, args: Args) -> ClientGroup:
    return replace(group, netmask=args.ipv4("mask"))


CONFIG.begin_block("easy vpn remote")


def _with_ezvpn(router: RouterConfig, value: EzvpnConfig) -> RouterConfig:
    return replace(router, ezvpn={**router.ezvpn, value.name: value})


CONFIG.add(
    "crypto ipsec client ezvpn WORD$name", "Cisco Easy VPN",
    "Enter a name for the Easy VPN",
    key="crypto ipsec client ezvpn {name}", enters="config-crypto-ezvpn",
    begin=lambda router, args: EzvpnConfig(args.text("name")), finish=_with_ezvpn, spaced=True,
    initial=("connect auto", "mode client"),
)  # fmt: skip


@EZVPN.line("connect {auto|manual}$how", "Auto or manual connect", "Connect automatically",
            "Wait for the connect command")  # fmt: skip
def connect(ezvpn: EzvpnConfig, args: Args) -> EzvpnConfig:
    return replace(ezvpn, automatic=args.text("how") == "auto")


@EZVPN.line("group WORD$group key WORD$key", "Group name and key", "Name of the group",
            "Group key", "The key", no="group")  # fmt: skip
def group(ezvpn: EzvpnConfig, args: Args) -> EzvpnConfig:
    return replace(ezvpn, group=args.text("group"), key=args.text("key"))


@EZVPN.line("local-address INTERFACE$interface", "Interface to use for local address",
            "Interface number")  # fmt: skip
def local_address(ezvpn: EzvpnConfig, args: Args) -> EzvpnConfig:
    return replace(ezvpn, local_address=args.text("interface"))


@EZVPN.line("mode {client|network-extension}$mode", "Mode of operation",
            "Client mode: inside hosts are translated to the assigned address",
            "Network extension mode: inside networks are reached as they are")  # fmt: skip
def mode(ezvpn: EzvpnConfig, args: Args) -> EzvpnConfig:
    return replace(ezvpn, mode=args.text("mode"))


@EZVPN.line("peer {A.B.C.D$peer|WORD$host} [default$default]", "Allowed Encryption/Decryption peer",
            "IP address of peer", "Host name of the peer", "Try this peer first",
            key="peer {peer}{host}", resolves="host")  # fmt: skip
def peer(ezvpn: EzvpnConfig, args: Args) -> EzvpnConfig:
    if "peer" not in args:
        raise CommandError(UNRECOGNIZED.format(args.text("host")))
    one = args.address("peer")
    peers = (one, *ezvpn.peers) if "default" in args else (*ezvpn.peers, one)
    return replace(ezvpn, peers=peers)


@EZVPN.line("username WORD$name password [0] WORD$password", "Xauth username", "The name",
            "Xauth password", "The password follows unencrypted", "The password",
            no="username")  # fmt: skip
def username(ezvpn: EzvpnConfig, args: Args) -> EzvpnConfig:
    return replace(ezvpn, username=args.text("name"), password=args.text("password"))


EZVPN.keep("xauth userid mode {interactive|local}", "Extended authentication", "User name",
           "How it is entered", "By a command on the console", "From the configuration",
           key="xauth userid mode")  # fmt: skip


CONFIG.begin_block("address pools")


@CONFIG.line("ip local pool {default|WORD}$name A.B.C.D$low [A.B.C.D$high]",
             "IP Local address pool lists",
             "Create default local address pool", "Create named local address pool",
             "First IP address of range", "Last IP address of range", key=EACH)  # fmt: skip
def ip_local_pool(router: RouterConfig, args: Args) -> RouterConfig:
    low = args.ipv4("low")
    high = args.get("high", low)
    if high < low:
        raise CommandError(f"% Bad IP range, {low} - {high}")
    known = router.address_pools.get(args.text("name"), ())
    pools = {**router.address_pools, args.text("name"): (*known, (low, high))}
    return replace(router, address_pools=pools)
