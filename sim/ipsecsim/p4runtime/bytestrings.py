"""P4Runtime's canonical binary strings (specification, section "Bytestrings")."""

from __future__ import annotations

from .errors import out_of_range


def decode(value: bytes, bitwidth: int, what: str) -> int:
    """An unsigned big-endian `value` that must fit `bitwidth` bits.

    Any number of leading zero bytes is accepted. Raises OUT_OF_RANGE (naming `what`) for an empty
    string and for a number that is too wide.
    """
    if not value:
        raise out_of_range(f"{what}: empty byte string")
    number = int.from_bytes(value, "big")
    if number >> bitwidth:
        raise out_of_range(f"{what}: {number:#x} does not fit {bitwidth} bits")
    return number


def encode(value: int) -> bytes:
    """The shortest byte string that holds the non-negative `value` (one byte for 0)."""
    return value.to_bytes((value.bit_length() + 7) // 8 or 1, "big")


def encode_signed(value: int) -> bytes:
    """The shortest two's complement byte string of `value`."""
    bits = (value if value >= 0 else ~value).bit_length() + 1
    return value.to_bytes((bits + 7) // 8, "big", signed=True)
