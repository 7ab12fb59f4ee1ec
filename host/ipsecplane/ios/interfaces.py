"""Names of interfaces: types, abbreviations, canonical spelling and order."""

from __future__ import annotations

import re
from typing import Final

INTERFACE_TYPES: Final[dict[str, str]] = {
    "Loopback": "Loopback interface",
    "Tunnel": "Tunnel interface",
    "Virtual-Template": "Virtual Template interface",
    "Port-channel": "Ethernet Channel of interfaces",
    "Ethernet": "IEEE 802.3",
    "FastEthernet": "FastEthernet IEEE 802.3",
    "GigabitEthernet": "GigabitEthernet IEEE 802.3z",
    "TwoGigabitEthernet": "2.5 Gigabit Ethernet",
    "TenGigabitEthernet": "Ten Gigabit Ethernet",
    "TwentyFiveGigE": "Twenty Five Gigabit Ethernet",
    "FortyGigabitEthernet": "Forty Gigabit Ethernet",
    "HundredGigE": "Hundred Gigabit Ethernet",
    "Serial": "Serial",
    "Null": "Null interface",
    "Vlan": "Catalyst Vlans",
}
"""Types in the order in which a running-config lists them, with their help."""

SHORT_TYPES: Final[dict[str, str]] = {
    "Ethernet": "Et",
    "FastEthernet": "Fa",
    "GigabitEthernet": "Gi",
    "TwoGigabitEthernet": "Tw",
    "TenGigabitEthernet": "Te",
    "TwentyFiveGigE": "Twe",
    "FortyGigabitEthernet": "Fo",
    "HundredGigE": "Hu",
    "Loopback": "Lo",
    "Tunnel": "Tu",
    "Virtual-Template": "Vt",
    "Port-channel": "Po",
    "Serial": "Se",
    "Null": "Nu",
    "Vlan": "Vl",
}

_NAME = re.compile(r"([A-Za-z-]+)(\d+(?:/\d+)*(?:\.\d+)?(?::\d+)?)")


def interface_type(word: str) -> str:
    """The one type that `word` abbreviates; ValueError if there is none or more than one."""
    exact = [t for t in INTERFACE_TYPES if t.lower() == word.lower()]
    found = exact or [t for t in INTERFACE_TYPES if t.lower().startswith(word.lower())]
    if len(found) != 1:
        problem = "is ambiguous" if found else "is no interface type"
        raise ValueError(f"{word!r} {problem}")
    return found[0]


def interface_name(word: str) -> str:
    """Canonical name of an interface typed in one word: `fa0/0` is `FastEthernet0/0`."""
    found = _NAME.fullmatch(word)
    if found is None:
        raise ValueError(f"{word!r} is no interface name")
    return interface_type(found[1]) + found[2]


def short_name(name: str) -> str:
    """The abbreviation IOS prints where columns are narrow: `Fa0/0`."""
    found = _NAME.fullmatch(name)
    if found is None:
        return name
    return SHORT_TYPES.get(found[1], found[1]) + found[2]


def interface_order(name: str) -> tuple[int, tuple[int, ...]]:
    """Sort key of a canonical name: type first, then slot, port and subinterface."""
    found = _NAME.fullmatch(name)
    if found is None:
        return len(INTERFACE_TYPES), ()
    numbers = tuple(int(n) for n in re.findall(r"\d+", found[2]))
    return list(INTERFACE_TYPES).index(found[1]), numbers
