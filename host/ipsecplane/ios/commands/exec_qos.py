"""EXEC commands of modular QoS (guide chapter 8)."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ipsecplane.ios.args import Args
from ipsecplane.ios.commands.exec_mode import EXEC
from ipsecplane.ios.commandset import CommandError
from ipsecplane.ios.show import qos

if TYPE_CHECKING:
    from ipsecplane.ios.session import Session


@EXEC.command("show class-map [WORD$name]", "Show QoS Class Map", "Class map name")
def show_class_map(session: Session, args: Args) -> list[str]:
    rows = qos.class_map(list(session.router.config.class_maps.values()))
    name = args.text("name")
    if not name:
        return rows
    starts = [n for n, row in enumerate(rows) if row.startswith(" Class Map ")]
    for start, end in zip(starts, [*starts[1:], len(rows)], strict=True):
        if rows[start].split()[3] == name:
            return rows[start:end]
    raise CommandError(f"% class map {name} not configured")


@EXEC.command("show policy-map [WORD$name]", "Show QoS Policy Map", "Policy map name")
def show_policy_map(session: Session, args: Args) -> list[str]:
    policies = list(session.router.config.policy_maps.values())
    if "name" in args:
        policies = [policy for policy in policies if policy.name == args["name"]]
        if not policies:
            raise CommandError(f"% policy map {args['name']} not configured")
    return qos.policy_map(policies)


@EXEC.command(
    "show policy-map interface [INTERFACE$interface] [input|output]$direction [class WORD$class]",
    "Show QoS Policy Map", "Show Qos Policy Interface", "Interface number", "Input policy",
    "Output policy", "Show statistics for one class", "Class name",
)  # fmt: skip
def show_policy_map_interface(session: Session, args: Args) -> list[str]:
    config = session.router.config
    views = list(session.router.service_policies())
    if "interface" in args:
        if config.interface(args.text("interface")) is None:
            raise CommandError(f"% There is no interface {args['interface']}")
        views = [view for view in views if view.interface == args["interface"]]
    if "direction" in args:
        views = [view for view in views if view.direction == args["direction"]]
    return qos.policy_map_interface(views, config.class_maps, args.text("class"))
