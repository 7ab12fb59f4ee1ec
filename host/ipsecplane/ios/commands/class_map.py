"""Class maps: what traffic belongs together (guide chapter 8)."""

from __future__ import annotations

from dataclasses import replace

from ipsecplane.config import RouterConfig
from ipsecplane.ios.args import Args
from ipsecplane.ios.commands.modes import CLASS_MAP, CONFIG
from ipsecplane.ios.commandset import EACH, CommandError
from ipsecplane.ios.configuration import Line
from ipsecplane.qos.policy import CLASS_DEFAULT, DSCP_NAMES, PRECEDENCE_NAMES, ClassMap, Match

CONFIG.begin_block("class maps")

_VALUES = {"dscp": 8, "precedence": 4}
"""How many values a line may have."""


def _named_in_full(line: Line, siblings: tuple[Line, ...]) -> Line:
    """Without a kind it is match-all, or what it is already."""
    name = line.args.text("name")
    if name == CLASS_DEFAULT:
        raise CommandError(f"% {CLASS_DEFAULT} is a well-known class and is not configurable")
    if "kind" not in line.args:
        known = next((one for one in siblings if one.key == line.key), None)
        kind = known.args.text("kind") if known is not None else "match-all"
        line = replace(line, args=line.args.with_value("kind", kind))
    return replace(line, text=f"class-map {line.args['kind']} {name}")


def _finish(router: RouterConfig, value: ClassMap) -> RouterConfig:
    return replace(router, class_maps={**router.class_maps, value.name: value})


CONFIG.add(
    "class-map [match-all|match-any]$kind WORD$name", "Configure QoS Class Map",
    "Logical-AND all matching statements under this classmap",
    "Logical-OR all matching statements under this classmap", "class-map name",
    key="class-map {name}", no="class-map [match-all|match-any]$kind WORD$name",
    enters="config-cmap", place=_named_in_full, finish=_finish,
    begin=lambda _, args: ClassMap(args.text("name"), args.text("kind") == "match-any"),
)  # fmt: skip

CLASS_MAP.explain("""
    match: classification criteria
""")


@CLASS_MAP.line("description LINE$text", "Class-Map description", "description")
def description(value: ClassMap, args: Args) -> ClassMap:
    return replace(value, description=args.text("text"))


def _with(value: ClassMap, match: Match) -> ClassMap:
    return replace(value, matches=(*value.matches, match))


def _numbers(args: Args, kind: str, names: dict[str, int]) -> tuple[int, ...]:
    values = tuple(names.get(v, v) for v in args.many("values"))
    if len(values) > _VALUES[kind]:
        raise CommandError(f"% At most {_VALUES[kind]} {kind} values may be given")
    return values


def _version(args: Args) -> int | None:
    return {"ip": 4, "ipv6": 6}.get(args.text("version"))


_VERSION = "[not$not] [ip|ipv6]$version"
_VERSION_HELPS = ("Negate this match result", "IP specific values", "IPv6 specific values")


@CLASS_MAP.line("match any", "Any packets", key=EACH)
def match_any(value: ClassMap, _: Args) -> ClassMap:
    return _with(value, Match("any"))


@CLASS_MAP.line(f"match {_VERSION} dscp @dscp(values)...", *_VERSION_HELPS,
                "Match DSCP in IPv4 and IPv6 packets", key=EACH)  # fmt: skip
def match_dscp(value: ClassMap, args: Args) -> ClassMap:
    values = _numbers(args, "dscp", DSCP_NAMES)
    return _with(value, Match("dscp", values, "", _version(args), "not" in args))


@CLASS_MAP.line(f"match {_VERSION} precedence @precedence(values)...", *_VERSION_HELPS,
                "Match Precedence in IPv4 and IPv6 packets", key=EACH)  # fmt: skip
def match_precedence(value: ClassMap, args: Args) -> ClassMap:
    values = _numbers(args, "precedence", PRECEDENCE_NAMES)
    return _with(value, Match("precedence", values, "", _version(args), "not" in args))


@CLASS_MAP.line("match [not$not] qos-group <0-99>$group", _VERSION_HELPS[0], "Qos-group",
                "Qos Group value", key=EACH)  # fmt: skip
def match_qos_group(value: ClassMap, args: Args) -> ClassMap:
    return _with(value, Match("qos-group", (args.number("group"),), negated="not" in args))


@CLASS_MAP.line("match [not$not] access-group {<1-2699>$name|name WORD$name}", _VERSION_HELPS[0],
                "Access group", "Access list index", "Named Access List", "Access List name",
                key=EACH)  # fmt: skip
def match_access_group(value: ClassMap, args: Args) -> ClassMap:
    return _with(value, Match("access-group", name=args.text("name"), negated="not" in args))


@CLASS_MAP.line("match [not$not] protocol {ip|ipv6}$name", _VERSION_HELPS[0], "Protocol", "IP",
                "IPV6", key=EACH)  # fmt: skip
def match_protocol(value: ClassMap, args: Args) -> ClassMap:
    return _with(value, Match("protocol", name=args.text("name"), negated="not" in args))
