"""IKE: policies, pre-shared keys and global switches."""

from __future__ import annotations

from dataclasses import replace
from ipaddress import IPv4Network, IPv6Network

from ipsecplane.config import (
    KEEPALIVE_RETRY,
    NO_NETWORK,
    IsakmpKey,
    IsakmpPolicy,
    Keepalive,
    Network,
    RouterConfig,
)
from ipsecplane.ios.args import Args
from ipsecplane.ios.commands.modes import CONFIG, POLICY
from ipsecplane.ios.commandset import CommandError
from ipsecplane.ios.configuration import Line
from ipsecplane.ipsec.algorithms import CIPHERS, GROUPS, HASHES

CONFIG.begin_block("isakmp")


def _with_policy(router: RouterConfig, policy: IsakmpPolicy) -> RouterConfig:
    return replace(router, isakmp_policies=(*router.isakmp_policies, policy))


CONFIG.add(
    "crypto isakmp policy <1-10000>$priority", "Set policy for an ISAKMP protection suite",
    "Priority of protection suite",
    key="crypto isakmp policy {priority}", enters="config-isakmp",
    begin=lambda router, args: IsakmpPolicy(args.number("priority"), authentication="rsa-sig"),
    finish=_with_policy, sort=lambda args: (args.number("priority"),),
)  # fmt: skip


@CONFIG.line(
    "crypto isakmp key [{0|6}$encoding] WORD$secret {address A.B.C.D$peer [A.B.C.D$mask]"
    "|address ipv6 X:X:X:X::X/<0-128>$peer6|ipv6 X:X:X:X::X/<0-128>$peer6"
    "|hostname WORD$hostname} [no-xauth$no_xauth]",
    "Set pre-shared key for remote peer", "The key follows unencrypted",
    "The key follows encrypted", "The key",
    "Define shared key with IP address", "Peer IP address", "Peer IP subnet mask",
    "Define shared key with IP address", "Define shared key with IPv6 address",
    "Peer IPv6 prefix", "Define shared key with IPv6 address", "Peer IPv6 prefix",
    "Define shared key with hostname", "Peer hostname", "Bypasses XAuth for this peer",
    key="crypto isakmp key {peer} {mask} {peer6} {hostname}",
)  # fmt: skip
def isakmp_key(router: RouterConfig, args: Args) -> RouterConfig:
    if args.get("encoding") == "6":
        raise CommandError("% Encrypted keys (type 6) are not supported: give the key unencrypted")
    network: Network = NO_NETWORK
    if "peer" in args:
        # 0.0.0.0 alone is any peer: there is none with that address.
        one = "0.0.0.0" if str(args["peer"]) == "0.0.0.0" else "255.255.255.255"
        try:
            network = IPv4Network(f"{args['peer']}/{args.get('mask', one)}", False)
        except ValueError:
            raise CommandError(f"% Bad mask {args['mask']} for address {args['peer']}") from None
    elif "peer6" in args:
        network = IPv6Network(args["peer6"].network)
    key = IsakmpKey(args.text("secret"), network, "no_xauth" in args, args.get("hostname"))
    return replace(router, isakmp_keys=(*router.isakmp_keys, key))


@CONFIG.line("crypto isakmp identity {address|dn|hostname}$kind",
             "Set the identity which ISAKMP will use",
             "Use the IP address of the interface for the identity",
             "Use the distinguished name of the router cert for the identity",
             "Use the hostname of the router for the identity",
             default="crypto isakmp identity address")  # fmt: skip
def isakmp_identity(router: RouterConfig, args: Args) -> RouterConfig:
    return replace(router, isakmp_identity=args.text("kind"))


@CONFIG.line("crypto isakmp aggressive-mode disable", "Set ISAKMP aggressive mode",
             "Disable ISAKMP aggressive mode")  # fmt: skip
def aggressive_mode(router: RouterConfig, _: Args) -> RouterConfig:
    return replace(router, aggressive_mode=False)


@CONFIG.line("crypto isakmp invalid-spi-recovery",
             "Initiate IKE and send Invalid SPI Notify")  # fmt: skip
def invalid_spi_recovery(router: RouterConfig, _: Args) -> RouterConfig:
    return replace(router, invalid_spi_recovery=True)


def _shortest(line: Line, _: tuple[Line, ...]) -> Line:
    """Without what is so by default: `on-demand`, retries each 2 seconds (guide chapter 4)."""
    keepalive = _keepalive(line.args)
    words = ["crypto isakmp keepalive", str(keepalive.interval)]
    words += [str(keepalive.retry)] if keepalive.retry != KEEPALIVE_RETRY else []
    words += ["periodic"] if keepalive.periodic else []
    return replace(line, text=" ".join(words))


def _keepalive(args: Args) -> Keepalive:
    return Keepalive(
        args.number("seconds"),
        args.number("retry", KEEPALIVE_RETRY),
        args.text("mode") == "periodic",
    )


@CONFIG.line(
    "crypto isakmp keepalive <10-3600>$seconds [<2-60>$retry] [periodic|on-demand]$mode",
    "Set a keepalive interval for use with IOS peers", "Number of seconds between keep alives",
    "Number of seconds between retries if keepalive fails",
    "Send keepalives at regular intervals", "Send keepalives on demand (default)",
    place=_shortest,
)  # fmt: skip
def keepalive(router: RouterConfig, args: Args) -> RouterConfig:
    return replace(router, keepalive=_keepalive(args))


@CONFIG.line("crypto logging session", "Logging message", "Log crypto sessions up and down")
def logging_session(router: RouterConfig, _: Args) -> RouterConfig:
    return replace(router, log_sessions=True)


@CONFIG.line("crypto logging ezvpn", "Logging message", "Log ezvpn messages")
def logging_ezvpn(router: RouterConfig, _: Args) -> RouterConfig:
    return replace(router, log_ezvpn=True)


@CONFIG.line("crypto isakmp nat keepalive <5-3600>$seconds", "Set NAT parameters for IKE peers",
             "Set a NAT keepalive interval", "Number of seconds between keep alives")  # fmt: skip
def nat_keepalive(router: RouterConfig, args: Args) -> RouterConfig:
    return replace(router, nat_keepalive=args.number("seconds"))


@CONFIG.line(
    "crypto isakmp enable", "Enable ISAKMP", default="crypto isakmp enable", keeps_no=True,
    refuse=lambda router, _: replace(router, isakmp_enabled=False),
)  # fmt: skip
def isakmp_enable(router: RouterConfig, _: Args) -> RouterConfig:
    return replace(router, isakmp_enabled=True)


_FIXED = [c.policy_keyword for c in CIPHERS if c.policy_keyword and not c.variable_key]
_CIPHERS = {c.policy_keyword: c for c in CIPHERS if c.policy_keyword}


@POLICY.line(
    "encryption {" + "|".join(f"{word}$cipher" for word in _FIXED)
    + "|aes$cipher [{128|192|256}$bits]}",
    "Set encryption algorithm for protection suite",
    *(f"{_CIPHERS[word].name}{' (weak)' if _CIPHERS[word].weak else ''}" for word in _FIXED),
    "Advanced Encryption Standard", "128 bit keys", "192 bit keys", "256 bit keys",
    default="encryption des",
)  # fmt: skip
def encryption(policy: IsakmpPolicy, args: Args) -> IsakmpPolicy:
    cipher = _CIPHERS[args.text("cipher")]
    size = int(args["bits"]) // 8 if "bits" in args else cipher.key_sizes[0]
    return replace(policy, encryption=cipher.name, key_size=size)


_HASHES = {h.policy_keyword: h for h in HASHES}


@POLICY.line(
    "hash {" + "|".join(_HASHES) + "}$hash", "Set hash algorithm for protection suite",
    *(f"{h.name}{' (weak)' if h.weak else ''}" for h in HASHES), default="hash sha",
)  # fmt: skip
def hash_algorithm(policy: IsakmpPolicy, args: Args) -> IsakmpPolicy:
    return replace(policy, hash=_HASHES[args.text("hash")].name)


@POLICY.line(
    "authentication {pre-share|rsa-encr|rsa-sig}$method",
    "Set authentication method for protection suite", "Pre-Shared Key",
    "Rivest-Shamir-Adleman Encryption", "Rivest-Shamir-Adleman Signature",
    default="authentication rsa-sig",
)  # fmt: skip
def authentication(policy: IsakmpPolicy, args: Args) -> IsakmpPolicy:
    return replace(policy, authentication=args.text("method"))


@POLICY.line(
    "group {" + "|".join(str(g.number) for g in GROUPS) + "}$group",
    "Set the Diffie-Hellman group",
    *(f"Diffie-Hellman group {g.number} ({g.bits} bit{' ecp' if g.kind == 'ecp' else ''})"
      for g in GROUPS),
    default="group 1",
)  # fmt: skip
def group(policy: IsakmpPolicy, args: Args) -> IsakmpPolicy:
    return replace(policy, group=int(args["group"]))


@POLICY.line("lifetime <60-86400>$seconds", "Set lifetime for ISAKMP security association",
             "Lifetime in seconds", default="lifetime 86400")  # fmt: skip
def lifetime(policy: IsakmpPolicy, args: Args) -> IsakmpPolicy:
    return replace(policy, lifetime=args.number("seconds"))
