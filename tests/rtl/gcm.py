"""GHASH and its key's powers (NIST SP 800-38D section 6), as the engine is given them."""

from __future__ import annotations

from typing import Final

from cryptography.hazmat.primitives.ciphers import Cipher, modes
from cryptography.hazmat.primitives.ciphers.algorithms import AES

POWERS: Final = 8


def times(a: int, b: int) -> int:
    """Product in GF(2^128); bit 127 is the coefficient of x^0."""
    product = 0
    for bit in range(127, -1, -1):
        if a >> bit & 1:
            product ^= b
        b = b >> 1 ^ (0xE1 << 120 if b & 1 else 0)
    return product


def ghash(h: int, blocks: list[int]) -> int:
    """Of whole blocks, that of the lengths among them."""
    value = 0
    for block in blocks:
        value = times(value ^ block, h)
    return value


def hash_key(key: bytes) -> int:
    """H: the cipher's value of a block of zeros."""
    return int.from_bytes(Cipher(AES(key), modes.ECB()).encryptor().update(bytes(16)))


def packed_powers(h: int) -> int:
    """H^1 in the lowest 128 bits, H^2 above it ..."""
    power, packed = h, 0
    for number in range(POWERS):
        packed |= power << 128 * number
        power = times(power, h)
    return packed


def padded(octets: bytes) -> list[int]:
    """Blocks of 16 octets, the last one filled up with zeros."""
    return [
        int.from_bytes(octets[at : at + 16].ljust(16, b"\0")) for at in range(0, len(octets), 16)
    ]
