"""The tokens of the command grammar: what one word of a line may be, and what it means.

A token matches a word and gives a value (typed) and its canonical spelling, which is what
`show running-config` prints. Keywords may be abbreviated and ignore case, as in IOS.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass, replace
from ipaddress import (
    AddressValueError,
    IPv4Address,
    IPv4Interface,
    IPv6Address,
    IPv6Interface,
    NetmaskValueError,
)
from typing import Any, Final

from ipsecplane.ios.interfaces import interface_name


@dataclass(frozen=True, slots=True)
class Match:
    """What a word means to a token; `rank` orders rival readings (see `EXACT` and so on)."""

    value: Any
    text: str
    rank: int


EXACT: Final = 3  # a keyword in full
PREFIX: Final = 2  # an abbreviated keyword
TYPED: Final = 1  # a number, an address: anything a word cannot be by accident
WORD: Final = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class Token:
    """One edge of the grammar. `label` is what `?` shows; `capture` names the value, "" = none.

    `multiple`: values are collected in a tuple (a repeated token). `join`: value and spelling are
    glued to the word before (the number of an interface typed apart from its type). `hidden`:
    matches, but `?` and completion leave it out.
    """

    label: str
    help: str = ""
    capture: str = ""
    multiple: bool = False
    join: bool = False
    hidden: bool = False

    @property
    def is_keyword(self) -> bool:
        return False

    @property
    def takes_rest(self) -> bool:
        """True for LINE: the rest of the line is one value."""
        return False

    def match(self, word: str) -> Match | None:
        raise NotImplementedError

    def named(self, capture: str) -> Token:
        return replace(self, capture=capture)


@dataclass(frozen=True, slots=True, kw_only=True)
class Keyword(Token):
    @property
    def is_keyword(self) -> bool:
        return True

    def match(self, word: str) -> Match | None:
        if not self.label.lower().startswith(word.lower()):
            return None
        return Match(self.label, self.label, EXACT if len(word) == len(self.label) else PREFIX)


@dataclass(frozen=True, slots=True, kw_only=True)
class Number(Token):
    low: int
    high: int

    def match(self, word: str) -> Match | None:
        digits = word[1:] if word[:1] == "-" else word
        if not (digits.isascii() and digits.isdigit()) or not self.low <= int(word) <= self.high:
            return None
        return Match(int(word), str(int(word)), TYPED)


@dataclass(frozen=True, slots=True, kw_only=True)
class Variable(Token):
    """Any other kind of word; `read` gives value and spelling or raises ValueError."""

    read: Callable[[str], tuple[Any, str]]
    rank: int = TYPED
    rest: bool = False

    @property
    def takes_rest(self) -> bool:
        return self.rest

    def match(self, word: str) -> Match | None:
        try:
            value, text = self.read(word)
        except (ValueError, AddressValueError, NetmaskValueError):
            return None
        return Match(value, text, self.rank)


def _ipv4(word: str) -> tuple[Any, str]:
    address = IPv4Address(word)
    return address, str(address)


def _ipv6(word: str) -> tuple[Any, str]:
    if "%" in word:
        raise ValueError(word)
    address = IPv6Address(word)
    return address, str(address).upper()


def _ipv4_prefix(word: str) -> tuple[Any, str]:
    if not re.fullmatch(r"[\d.]+/\d+", word):
        raise ValueError(word)
    value = IPv4Interface(word)
    return value, str(value)


def _ipv6_prefix(word: str) -> tuple[Any, str]:
    if not re.fullmatch(r"[0-9A-Fa-f:.]+/\d+", word):
        raise ValueError(word)
    value = IPv6Interface(word)
    return value, str(value).upper()


def _mac(word: str) -> tuple[Any, str]:
    if not re.fullmatch(r"([0-9A-Fa-f]{1,4}\.){2}[0-9A-Fa-f]{1,4}", word):
        raise ValueError(word)
    text = ".".join(part.zfill(4) for part in word.lower().split("."))
    return text, text


def _hex(word: str) -> tuple[Any, str]:
    if not re.fullmatch(r"(0[xX])?[0-9A-Fa-f]{1,8}", word):
        raise ValueError(word)
    value = int(word, 16)
    return value, f"0x{value:X}"


def _time(word: str) -> tuple[Any, str]:
    found = re.fullmatch(r"(\d{1,2}):(\d{2}):(\d{2})", word)
    if found is None:
        raise ValueError(word)
    hours, minutes, seconds = map(int, found.groups())
    if hours > 23 or minutes > 59 or seconds > 59:
        raise ValueError(word)
    return (hours, minutes, seconds), f"{hours:02}:{minutes:02}:{seconds:02}"


_MONTHS: Final = (
    "January", "February", "March", "April", "May", "June", "July", "August", "September",
    "October", "November", "December",
)  # fmt: skip


def _month(word: str) -> tuple[Any, str]:
    found = [m for m in _MONTHS if len(word) >= 3 and m.lower().startswith(word.lower())]
    if not found:
        raise ValueError(word)
    return _MONTHS.index(found[0]) + 1, found[0]


def _word(word: str) -> tuple[Any, str]:
    return word, word


def _slot(word: str) -> tuple[Any, str]:
    if not re.fullmatch(r"\d+(/\d+)*(\.\d+)?(:\d+)?", word):
        raise ValueError(word)
    return word, word


def _interface(word: str) -> tuple[Any, str]:
    name = interface_name(word)
    return name, name


VARIABLES: Final[dict[str, Variable]] = {
    variable.label: variable
    for variable in (
        Variable(label="A.B.C.D", read=_ipv4),
        Variable(label="A.B.C.D/nn", read=_ipv4_prefix),
        Variable(label="X:X:X:X::X", read=_ipv6),
        Variable(label="X:X:X:X::X/<0-128>", read=_ipv6_prefix),
        Variable(label="H.H.H", read=_mac),
        Variable(label="0xHEX", read=_hex),
        Variable(label="hh:mm:ss", read=_time),
        Variable(label="MONTH", read=_month),
        Variable(label="SLOT", read=_slot),
        Variable(label="WORD", read=_word, rank=WORD),
        Variable(label="LINE", read=_word, rank=WORD, rest=True),
    )
}
"""Kinds of words by their name in a grammar string, besides keywords, numbers and INTERFACE."""

INTERFACE_IN_ONE: Final = Variable(label="INTERFACE", read=_interface, hidden=True)


def token(text: str, help_text: str) -> Token:
    """The token of one word of a grammar string: `<1-10>`, a name of `VARIABLES`, or a keyword."""
    number = re.fullmatch(r"<(-?\d+)-(\d+)>", text)
    if number:
        low, high = map(int, number.groups())
        return Number(label=text, help=help_text, low=low, high=high)
    if text in VARIABLES:
        return replace(VARIABLES[text], help=help_text)
    return Keyword(label=text, help=help_text)
