"""Policy maps: what is done with the traffic of each class (guide chapter 8)."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

from ipsecplane.config import RouterConfig
from ipsecplane.ios.args import Args
from ipsecplane.ios.commands.modes import CONFIG, POLICY_CLASS, POLICY_MAP
from ipsecplane.ios.commandset import CommandError
from ipsecplane.ios.configuration import Line
from ipsecplane.qos import checks
from ipsecplane.qos.policy import (
    CLASS_DEFAULT,
    DSCP_NAMES,
    PRECEDENCE_NAMES,
    Police,
    PolicyClass,
    PolicyMap,
    Priority,
    Rate,
)

CONFIG.begin_block("policy maps")


def _finish_map(router: RouterConfig, value: PolicyMap) -> RouterConfig:
    objection = checks.objection_to_map(value)
    if objection:
        raise CommandError(objection)
    return replace(router, policy_maps={**router.policy_maps, value.name: value})


CONFIG.add(
    "policy-map WORD$name", "Configure QoS Policy Map", "Policy-map name", key="policy-map {name}",
    enters="config-pmap", begin=lambda _, args: PolicyMap(args.text("name")), finish=_finish_map,
)  # fmt: skip


@POLICY_MAP.line("description LINE$text", "Policy-Map description", "description")
def description(value: PolicyMap, args: Args) -> PolicyMap:
    return replace(value, description=args.text("text"))


def _finish_class(value: PolicyMap, one: PolicyClass) -> PolicyMap:
    objection = checks.objection_to_class(one)
    if objection:
        raise CommandError(objection)
    return replace(value, classes=(*value.classes, one))


POLICY_MAP.add(
    "class WORD$name", "policy criteria", "class-map name", key="class {name}",
    enters="config-pmap-c", begin=lambda _, args: PolicyClass(args.text("name")),
    finish=_finish_class, sort=lambda args: (CLASS_DEFAULT in args,),
    refers=("class_maps", "name", "% class map {} not configured"),
)  # fmt: skip
POLICY_MAP.add(
    f"class {CLASS_DEFAULT}$default", "policy criteria",
    "System default class matching otherwise unclassified packets", key=f"class {CLASS_DEFAULT}",
    enters="config-pmap-c", begin=lambda _, args: PolicyClass(CLASS_DEFAULT), finish=_finish_class,
    sort=lambda args: (True,), together=True,
)  # fmt: skip

POLICY_CLASS.explain("""
    bandwidth: Bandwidth
    set: Set QoS values
""")

ClassFunction = Callable[[PolicyClass, Args], PolicyClass]


def _rate(args: Args) -> Rate | None:
    if "percent" in args:
        return Rate(percent=args.number("percent"))
    return Rate(kbps=args.number("kbps")) if "kbps" in args else None


_KBPS = "<1-100000000>$kbps"
_BURST = "[<32-64000000>$burst]"
_BURST_HELP = "Burst in bytes"


@POLICY_CLASS.line(
    f"priority [level <1-2>$level] [{_KBPS} {_BURST}|percent <1-100>$percent {_BURST}]",
    "Strict Scheduling Priority for this Class", "Multi-Level Priority Queue",
    "Priority level", "Kilo Bits per second", _BURST_HELP, "% of total bandwidth", "Percentage",
    _BURST_HELP,
)  # fmt: skip
def priority(value: PolicyClass, args: Args) -> PolicyClass:
    burst = args.optional_number("burst")
    level = args.number("level", 1)
    return replace(value, priority=Priority(level, _rate(args), burst, "level" in args))


def _police_in_full(line: Line, _: tuple[Line, ...]) -> Line:
    args = line.args
    rate = f"percent {args['percent']}" if "percent" in args else args.text("rate")
    burst = f" bc {args['burst']}" if "burst" in args else ""
    return replace(line, text=f"police cir {rate}{burst}")


@POLICY_CLASS.line(
    "police [cir|rate] {<8000-100000000000>$rate [bps]|percent <1-100>$percent}"
    " [bc <1000-512000000>$burst] [conform-action transmit] [exceed-action drop]",
    "Police", "Committed information rate", "Specify police rate", "Bits per second",
    "Treat the rate as bits per second", "% of interface bandwidth for committed information rate",
    "Percentage", "Conform burst", "Burst bytes", "action when rate is less than conform burst",
    "transmit packet", "action when rate is more than conform burst", "drop packet",
    key="police", no="police", place=_police_in_full,
)  # fmt: skip
def police(value: PolicyClass, args: Args) -> PolicyClass:
    limit = Police(
        args.optional_number("rate"), args.optional_number("percent"), args.optional_number("burst")
    )
    return replace(value, police=limit)


@POLICY_CLASS.line(f"bandwidth {{{_KBPS}|percent <1-100>$percent}}",
                   "Kilo Bits per second", "% of total Bandwidth", "Percentage",
                   key="bandwidth", no="bandwidth")  # fmt: skip
def bandwidth(value: PolicyClass, args: Args) -> PolicyClass:
    return replace(value, bandwidth=_rate(args))


@POLICY_CLASS.line("bandwidth remaining {percent <1-100>$percent|ratio <1-1000>$ratio}",
                   "percent/ratio of the remaining bandwidth", "% of the remaining bandwidth",
                   "Percentage", "ratio for sharing excess bandwidth", "Ratio",
                   key="bandwidth", no="bandwidth remaining")  # fmt: skip
def bandwidth_remaining(value: PolicyClass, args: Args) -> PolicyClass:
    return replace(
        value,
        remaining_percent=args.optional_number("percent"),
        remaining_ratio=args.optional_number("ratio"),
    )


@POLICY_CLASS.line("queue-limit <1-65535>$packets [packets]",
                   "Queue Max Threshold for Tail Drop", "in packets", "packets",
                   place=lambda line, _: replace(
                       line, text=f"queue-limit {line.args['packets']} packets"))  # fmt: skip
def queue_limit(value: PolicyClass, args: Args) -> PolicyClass:
    return replace(value, queue_limit=args.number("packets"))


@POLICY_CLASS.line("set qos-group <0-99>$group", "Set QoS Group", "qos-group identifier")
def set_qos_group(value: PolicyClass, args: Args) -> PolicyClass:
    return replace(value, mark=replace(value.mark, qos_group=args.number("group")))


@POLICY_CLASS.line("set [ip] dscp @dscp(value)", "Set IP specific values",
                   "Set DSCP in IP(v4) and IPv6 packets", key="set dscp", no="set [ip] dscp",
                   place=lambda line, _: replace(
                       line, text=f"set dscp {line.args['value']}"))  # fmt: skip
def set_dscp(value: PolicyClass, args: Args) -> PolicyClass:
    number = DSCP_NAMES.get(args["value"], args["value"])
    return replace(value, mark=replace(value.mark, dscp=number))


@POLICY_CLASS.line("set [ip] precedence @precedence(value)", "Set IP specific values",
                   "Set precedence in IP(v4) and IPv6 packets", key="set precedence",
                   no="set [ip] precedence",
                   place=lambda line, _: replace(
                       line, text=f"set precedence {line.args['value']}"))  # fmt: skip
def set_precedence(value: PolicyClass, args: Args) -> PolicyClass:
    number = PRECEDENCE_NAMES.get(args["value"], args["value"])
    return replace(value, mark=replace(value.mark, precedence=number))


def _refusing(what: str) -> ClassFunction:
    """For what is known to the grammar, so that it is refused for what it is."""

    def refuse(value: PolicyClass, args: Args) -> PolicyClass:
        known = "a class may have priority, bandwidth, police, queue-limit and set"
        raise CommandError(f"% {what} is not modelled: {known}")

    return refuse


for _word, _help, _what in (
    ("shape", "Traffic Shaping", "shape"),
    ("random-detect", "Enable Random Early Detection as drop policy", "random-detect"),
    ("fair-queue", "Enable Flow-based Fair Queuing in this Class", "fair-queue"),
    ("service-policy", "Configure QoS Service Policy", "a policy map inside a class"),
):
    POLICY_CLASS.line(f"{_word} [LINE$rest]", _help, "Its parameters")(_refusing(_what))
