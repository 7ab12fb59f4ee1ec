"""Access lists, numbered and named, standard and extended, and those for IPv6.

Every list is a section (`ip access-list extended 150`) whose entries bear sequence numbers. The
flat form, `access-list 150 permit ...`, adds to the same section, and a numbered list prints in it
as long as its sequence numbers are 10, 20, 30, ..., which are those the flat form gives.
"""

from __future__ import annotations

from dataclasses import replace
from ipaddress import IPv4Address, IPv6Address
from typing import Any

from ipsecplane.config import AccessList, AccessListEntry, RouterConfig, WildcardAddress
from ipsecplane.ios.args import Args
from ipsecplane.ios.commands.modes import CONFIG, EXTENDED_ACL, IPV6_ACL, STANDARD_ACL
from ipsecplane.ios.commands.numbers import port_number, protocol_number
from ipsecplane.ios.commandset import EACH, CommandError, ConfigMode
from ipsecplane.ios.configuration import Line, ordered

CONFIG.begin_block("access lists")
CONFIG.explain("""
    ip access-list: Named access-list
""")

STEP = 10
LAST_SEQUENCE = 2147483647


def _address(args: Args, side: str, version: int = 4) -> WildcardAddress:
    if version == 6:
        return _ipv6_address(args, side)
    if f"{side}_any" in args:
        return WildcardAddress.any()
    if f"{side}_host" in args:
        return WildcardAddress(args.ipv4(f"{side}_host"), IPv4Address(0))
    wildcard = args.get(f"{side}_wildcard", IPv4Address(0))
    kept = int(args.ipv4(f"{side}_address")) & ~int(wildcard) & 0xFFFFFFFF
    return WildcardAddress(IPv4Address(kept), wildcard)


def _ipv6_address(args: Args, side: str) -> WildcardAddress:
    if f"{side}_any" in args:
        return WildcardAddress.any(6)
    if f"{side}_host" in args:
        host = args.address(f"{side}_host")
        return WildcardAddress(host, IPv6Address(0))
    network = args[f"{side}_prefix"].network
    return WildcardAddress(network.network_address, network.hostmask)


def _ports(args: Args, side: str) -> tuple[int, int] | None:
    protocol = args.text("protocol")
    if f"{side}_low" in args:
        low, high = (port_number(args[f"{side}_{end}"], protocol) for end in ("low", "high"))
        if low > high:
            raise CommandError(f"% Invalid port range {low} {high}")
        return low, high
    if f"{side}_operator" not in args:
        return None
    port = port_number(args[f"{side}_port"], protocol)
    operator = args.text(f"{side}_operator")
    if operator == "eq":
        return port, port
    low, high = (port + 1, 65535) if operator == "gt" else (0, port - 1)
    if low > high:
        raise CommandError(f"% No port is {operator} {port}")
    return low, high


def _extended(value: _Draft, args: Args) -> _Draft:
    version = value.value.version
    entry = AccessListEntry(
        args.number("sequence"),
        args["action"] == "permit",
        protocol_number(args["protocol"], version),
        _address(args, "source", version),
        _address(args, "destination", version),
        _ports(args, "source"),
        _ports(args, "destination"),
    )
    return value.with_entry(entry)


def _standard(value: _Draft, args: Args) -> _Draft:
    entry = AccessListEntry(
        args.number("sequence"),
        args["action"] == "permit",
        None,
        _address(args, "source"),
        WildcardAddress.any(),
    )
    return value.with_entry(entry)


class _Draft:
    """A list in the making: a remark belongs to the entry after it."""

    def __init__(self, extended: bool, name: str, version: int = 4) -> None:
        self.value = AccessList(name, (), extended, version)
        self.remark = ""

    def with_entry(self, entry: AccessListEntry) -> _Draft:
        entry = replace(entry, remark=self.remark)
        self.value = replace(self.value, entries=(*self.value.entries, entry))
        self.remark = ""
        return self

    def with_remark(self, text: str) -> _Draft:
        self.remark = f"{self.remark}\n{text}".strip()
        return self


def _finish(router: RouterConfig, draft: _Draft) -> RouterConfig:
    name = draft.value.name
    if name in router.access_lists:
        raise CommandError(f"% Access list {name} exists already, for the other IP version")
    lists = {**router.access_lists, draft.value.name: draft.value}
    return replace(router, access_lists=lists)


def _numbered(line: Line, siblings: tuple[Line, ...]) -> Line:
    """Give an entry its sequence number; the same entry again stays where it is.

    Lists for IPv6 have the word `sequence` before it.
    """
    rest = line.text
    word = "sequence " if line.command.mode == IPV6_ACL.name else ""
    if "sequence" in line.args:
        sequence = line.args.number("sequence")
        rest = rest.removeprefix(word).split(" ", 1)[1]
        same = [other for other in siblings if other.args["sequence"] == sequence]
        if same and same[0].text != line.text:
            raise CommandError("% Duplicate sequence number")
    else:
        for other in siblings:
            other_rest = other.text.removeprefix(word).split(" ", 1)[1]
            if other_rest == rest and "remark" not in line.args:
                return other
        last = max((other.args.number("sequence") for other in siblings), default=0)
        sequence = (last // STEP + 1) * STEP
        if sequence > LAST_SEQUENCE:
            raise CommandError("% There is no sequence number left after the last entry")
    args = line.args.with_value("sequence", sequence)
    text = f"{word}{sequence} {rest}"
    return replace(line, args=args, text=text, key=text)


_SEQUENCE = "[<1-2147483647>$sequence]"


def _declare_entries(mode: ConfigMode, rule: str, apply: Any, word: str = "") -> None:
    number = _SEQUENCE.replace("<", f"{word}<", 1)
    helps = ("Sequence Number",) if not word else ("Sequence number", "Sequence Number")
    how: dict[str, Any] = {
        "key": EACH,
        "place": _numbered,
        "sort": lambda args: (args.number("sequence"),),
    }
    mode.add(f"{number} @{rule}()", *helps, apply=apply,
             no=f"{word}<1-2147483647>$sequence", **how)  # fmt: skip
    mode.add(f"{number} remark LINE$remark", *helps, "Access list entry comment",
             "Comment up to 100 characters", **how, together=True,
             apply=lambda draft, args: draft.with_remark(args.text("remark")))  # fmt: skip


_declare_entries(EXTENDED_ACL, "extended-entry", _extended)
_declare_entries(STANDARD_ACL, "standard-entry", _standard)
_declare_entries(IPV6_ACL, "ipv6-entry", _extended, "sequence ")


def _render(line: Line) -> list[str]:
    name = line.args.text("name")
    children = ordered(line.children)
    sequences = [child.args["sequence"] for child in children]
    regular = sequences == [STEP * (n + 1) for n in range(len(children))]
    if name.isdigit() and regular and children:
        return [f"access-list {name} {child.text.split(' ', 1)[1]}" for child in children]
    return [line.text, *(f" {child.text}" for child in children)]


def _order(args: Args) -> tuple[Any, ...]:
    """Named lists first, then numbered ones by number."""
    name = args.text("name")
    return (1, int(name), "") if name.isdigit() else (0, 0, name)


def _of_one_kind(line: Line, siblings: tuple[Line, ...]) -> Line:
    for other in siblings:
        if other.key == line.key and other.text != line.text:
            raise CommandError(
                f"% Access list {line.args['name']} exists already as {other.text!r}"
            )
    return line


def _declare_section(kind: str, numbers: str, help_text: str, mode: str) -> None:
    CONFIG.add(
        f"ip access-list {kind} {{{numbers}|WORD}}$name", help_text,
        "Access-list number", "Expanded access-list number", "Access-list name",
        key="ip access-list {name}", enters=mode, sort=_order, render=_render,
        place=_of_one_kind, together=kind == "extended",
        begin=lambda _, args: _Draft(kind == "extended", args.text("name")), finish=_finish,
    )  # fmt: skip


_declare_section("standard", "<1-99>|<1300-1999>", "Standard Access List", "config-std-nacl")
_declare_section("extended", "<100-199>|<2000-2699>", "Extended Access List", "config-ext-nacl")


def _route(text: str) -> tuple[str, str]:
    _, name, *rest = text.split(" ", 2)
    entry, number = "".join(rest), int(name)
    kind = "standard" if number < 100 or 1300 <= number < 2000 else "extended"
    return f"ip access-list {kind} {name}", entry


_FLAT = "Add an access list entry"
for _numbers, _help, _rule in (
    ("<1-99>", "IP standard access list", "standard-entry"),
    ("<100-199>", "IP extended access list", "extended-entry"),
    ("<1300-1999>", "IP standard access list (expanded range)", "standard-entry"),
    ("<2000-2699>", "IP extended access list (expanded range)", "extended-entry"),
):
    for _entry, _helps in ((f"@{_rule}()", ()), ("remark LINE", ("Comment", "Comment text"))):
        CONFIG.add(f"access-list {_numbers}$list {_entry}", _FLAT, _help, *_helps, key=EACH,
                   no=f"access-list {_numbers}$list", route=_route)  # fmt: skip

CONFIG.begin_block("ipv6 access lists")
CONFIG.add(
    "ipv6 access-list WORD$name", "Configure IPv6 access lists", "User selected string identifying"
    " this access list", key="ipv6 access-list {name}", enters=IPV6_ACL.name,
    sort=lambda args: (args.text("name"),),
    begin=lambda _, args: _Draft(True, args.text("name"), 6), finish=_finish,
)  # fmt: skip
