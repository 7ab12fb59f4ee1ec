"""Data attributes (RFC 2408 section 3.3): basic ones hold 16 bits, variable ones any octets."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Final

from ipsecplane.ike.reader import Reader

_BASIC = 0x8000


@dataclass(frozen=True, slots=True)
class Attribute:
    """`value` as on the wire; `basic` is which of the two forms it had, for echoing it."""

    type: int
    value: bytes
    basic: bool

    @property
    def number(self) -> int:
        return int.from_bytes(self.value)

    def encode(self) -> bytes:
        if self.basic:
            return (_BASIC | self.type).to_bytes(2) + self.value
        return self.type.to_bytes(2) + len(self.value).to_bytes(2) + self.value

    def shown(self) -> str:
        """The value as `debug crypto isakmp` prints it."""
        if self.basic:
            return f"(basic) of {self.number}"
        return "(VPI) of  " + " ".join(f"0x{octet:X}" for octet in self.value) + " "


def number_attribute(kind: int, value: int) -> Attribute:
    """The basic form where 16 bits are enough, else four octets, as IOS sends them."""
    if value < 1 << 16:
        return Attribute(kind, value.to_bytes(2), basic=True)
    return Attribute(kind, value.to_bytes(4), basic=False)


def encode_attributes(attributes: Iterable[Attribute]) -> bytes:
    return b"".join(attribute.encode() for attribute in attributes)


NEGOTIATED: Final = range(1, 9)
"""Octets of a variable attribute in proposals: this also keeps later arithmetic small."""


def decode_attributes(
    data: bytes, offset: int, *, sizes: range = NEGOTIATED
) -> tuple[Attribute, ...]:
    """Raises `PayloadError`; `sizes` are those that variable attributes may have."""
    reader = Reader(data, offset)
    attributes: list[Attribute] = []
    while reader.remaining:
        kind = reader.number(2, "attribute type")
        if kind & _BASIC:
            value = reader.take(2, "attribute value")
        else:
            size = reader.number(2, "attribute length")
            if size not in sizes:
                problem = f"{size} is not {sizes[0]} to {sizes[-1]}"
                raise reader.error("attribute length", problem)
            value = reader.take(size, "attribute value")
        attributes.append(Attribute(kind & ~_BASIC, value, bool(kind & _BASIC)))
    return tuple(attributes)
