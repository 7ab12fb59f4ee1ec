"""Settings of the platform: which qos-groups take the crypto engine's low-latency queue."""

from __future__ import annotations

from dataclasses import replace

from ipsecplane.config import RouterConfig
from ipsecplane.ios.args import Args
from ipsecplane.ios.commands.modes import CONFIG

CONFIG.begin_block("platform")

_LLQ = "platform ipsec llq qos-group"


@CONFIG.line(f"{_LLQ} <1-99>$group", "platform specific configuration",
             "platform ipsec command", "ipsec llq", "Set the qos-group", "qos-group number",
             key=f"{_LLQ} {{group}}", no=f"{_LLQ} <1-99>$group",
             sort=lambda args: (args.number("group"),))  # fmt: skip
def llq_qos_group(router: RouterConfig, args: Args) -> RouterConfig:
    return replace(router, llq_qos_groups=(*router.llq_qos_groups, args.number("group")))
