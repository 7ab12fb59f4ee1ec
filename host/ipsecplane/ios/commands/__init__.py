"""The commands: each module declares some, in the order in which running-config prints them."""

from __future__ import annotations

from importlib import import_module
from typing import Final

_MODULES: Final = (
    "system",
    "platform",
    "class_map",
    "policy_map",
    "pki",
    "isakmp",
    "isakmp_peers",
    "ipsec",
    "ipsec_profile",
    "crypto_map",
    "remote_access",
    "interface",
    "tunnel",
    "routing",
    "access_list",
    "lines",
    "exec_system",
    "exec_show",
    "exec_show_vpn",
    "exec_qos",
    "exec_clear",
    "exec_ping",
    "exec_ezvpn",
)


def load_commands() -> None:
    """Make every command known; may be called again."""
    for name in _MODULES:
        import_module(f"{__name__}.{name}")
