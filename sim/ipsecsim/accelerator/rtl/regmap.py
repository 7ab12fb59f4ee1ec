"""What a register and a field of one are (rtl/control/registers.yaml)."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Register:
    """`address` in octets, of the first of `words` registers of 32 bits, low word first.

    `access`: "ro", "rw", "wo", or "secret", which is write-only and cleared after use. `count` > 1:
    so many registers of the same kind, one after the other.
    """

    name: str
    address: int
    access: str
    words: int = 1
    count: int = 1
    value: int = 0

    @property
    def bits(self) -> int:
        return 32 * self.words


@dataclass(frozen=True, slots=True)
class Field:
    """Bits `least` ... `least` + `width` - 1 of a register."""

    register: Register
    name: str
    least: int
    width: int

    def get(self, word: int) -> int:
        return word >> self.least & (1 << self.width) - 1

    def put(self, value: int) -> int:
        """The value at its place. Raises ValueError, which names the field, if it does not fit."""
        if value < 0 or value >> self.width:
            where = f"{self.register.name}.{self.name}"
            raise ValueError(f"{where}: {value} has over {self.width} bits")
        return value << self.least
