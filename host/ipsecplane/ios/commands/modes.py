"""The configuration modes and the grammar rules that several commands share."""

from __future__ import annotations

from typing import Final

from ipsecplane.ios.commands.numbers import IPV6_PROTOCOLS, PROTOCOLS, TCP_PORTS, UDP_PORTS
from ipsecplane.ios.commandset import config_mode
from ipsecplane.ios.grammar import Rule
from ipsecplane.qos.policy import DSCP_NAMES, PRECEDENCE_NAMES

UNRECOGNIZED: Final = (
    "% Unrecognized host or address: {} (no `ip host` names it, and there is no DNS server to ask)"
)


def _choice(capture: str, words: dict[str, str], number: str, number_help: str) -> Rule:
    """One of several keywords, or a number."""
    grammar = "{" + "|".join([number, *words]) + "}$" + capture
    return Rule(grammar, (number_help, *words.values()))


def _ports(rule: str) -> Rule:
    return Rule(
        f"[{{eq|gt|lt}}$%_operator @{rule}(%_port)|range @{rule}(%_low) @{rule}(%_high)]",
        (
            "Match only packets on a given port number",
            "Match only packets with a greater port number",
            "Match only packets with a lower port number",
            "Match only packets in the range of port numbers",
        ),
    )


_ENTRY: Final = (
    "{permit|deny}$action "
    "{@protocol(protocol) @address(source) @address(destination)"
    "|tcp$protocol @address(source) @tcp-ports(source) @address(destination)"
    " @tcp-ports(destination)"
    "|udp$protocol @address(source) @udp-ports(source) @address(destination)"
    " @udp-ports(destination)} [log|log-input]"
)
_ENTRY_HELPS: Final = (
    "Specify packets to forward",
    "Specify packets to reject",
    "Transmission Control Protocol",
    "User Datagram Protocol",
    "Log matches against this entry",
    "Log matches against this entry, including input interface",
)

DSCP_HELPS: Final = {
    name: f"Match packets with {name.upper()} dscp ({number:06b})"
    for name, number in DSCP_NAMES.items()
}
PRECEDENCE_HELPS: Final = {
    name: f"Match packets with {name} precedence ({number})"
    for name, number in PRECEDENCE_NAMES.items()
}

RULES: Final[dict[str, Rule]] = {
    "protocol": _choice("%", PROTOCOLS, "<0-255>", "An IP protocol number"),
    "tcp-port": _choice("%", {n: h for n, (_, h) in TCP_PORTS.items()}, "<0-65535>", "Port number"),
    "udp-port": _choice("%", {n: h for n, (_, h) in UDP_PORTS.items()}, "<0-65535>", "Port number"),
    "tcp-ports": _ports("tcp-port"),
    "udp-ports": _ports("udp-port"),
    "address": Rule(
        "{A.B.C.D$%_address A.B.C.D$%_wildcard|any$%_any|host A.B.C.D$%_host}",
        ("Address", "Wildcard bits", "Any host", "A single host", "Host address"),
    ),
    "extended-entry": Rule(_ENTRY, _ENTRY_HELPS),
    "ipv6-protocol": _choice("%", IPV6_PROTOCOLS, "<0-255>", "An IPv6 protocol number"),
    "ipv6-address": Rule(
        "{X:X:X:X::X/<0-128>$%_prefix|any$%_any|host X:X:X:X::X$%_host}",
        ("IPv6 prefix", "Any IPv6 prefix", "A single host", "Host address"),
    ),
    "ipv6-entry": Rule(
        _ENTRY.replace("@protocol", "@ipv6-protocol").replace("@address", "@ipv6-address"),
        _ENTRY_HELPS,
    ),
    "dscp": _choice("%", DSCP_HELPS, "<0-63>", "Differentiated services codepoint value"),
    "precedence": _choice("%", PRECEDENCE_HELPS, "<0-7>", "Precedence value"),
    "standard-entry": Rule(
        "{permit|deny}$action {A.B.C.D$source_address [A.B.C.D$source_wildcard]|any$source_any"
        "|host A.B.C.D$source_host} [log]",
        (
            "Specify packets to forward",
            "Specify packets to reject",
            "Address to match",
            "Wildcard bits",
            "Any host",
            "A single host address",
            "Host address",
            "Log matches against this entry",
        ),
    ),
}
"""Rules by name, usable in every configuration mode."""

CONFIG: Final = config_mode("config", RULES)
CLASS_MAP: Final = config_mode("config-cmap", RULES)
POLICY_MAP: Final = config_mode("config-pmap", RULES)
POLICY_CLASS: Final = config_mode("config-pmap-c", RULES)
POLICY: Final = config_mode("config-isakmp", RULES)
TRANSFORM: Final = config_mode("cfg-crypto-trans", RULES)
CRYPTO_MAP: Final = config_mode("config-crypto-map", RULES)
KEYRING: Final = config_mode("conf-keyring", RULES)
ISAKMP_PEER: Final = config_mode("config-isakmp-peer", RULES)
ISAKMP_PROFILE: Final = config_mode("conf-isa-prof", RULES)
IPSEC_PROFILE: Final = config_mode("ipsec-profile", RULES)
CLIENT_GROUP: Final = config_mode("config-isakmp-group", RULES)
EZVPN: Final = config_mode("config-crypto-ezvpn", RULES)
TRUSTPOINT: Final = config_mode("ca-trustpoint", RULES)
CERTIFICATE_CHAIN: Final = config_mode("config-cert-chain", RULES)
INTERFACE: Final = config_mode("config-if", RULES)
EXTENDED_ACL: Final = config_mode("config-ext-nacl", RULES)
IPV6_ACL: Final = config_mode("config-ipv6-acl", RULES)
STANDARD_ACL: Final = config_mode("config-std-nacl", RULES)
LINE: Final = config_mode("config-line", RULES)
CONTROLLER: Final = config_mode("config-controller", RULES)
GATEKEEPER: Final = config_mode("config-gk", RULES)
DIAL_PEER: Final = config_mode("config-dp-cor", RULES)
CONTROL_PLANE: Final = config_mode("config-cp", RULES)
