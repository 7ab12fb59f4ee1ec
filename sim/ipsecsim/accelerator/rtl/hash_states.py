"""The hash states that HMAC starts from: the compression functions of MD5, SHA-1 and SHA-2.

An HMAC engine does not get the key but the states behind the key's ipad and opad block (RFC 2104);
`hashlib` does not show those, so the functions are built here from RFC 1321 and FIPS 180-4.
"""

from __future__ import annotations

import math
from typing import Final

from ipsecplane.ipsec.algorithms import INTEGRITIES, Integrity

BLOCK: Final = {"md5": 64, "sha1": 64, "sha256": 64, "sha384": 128, "sha512": 128}
BY_ID: Final = {row.accelerator_id: row for row in INTEGRITIES}


def _primes(count: int) -> list[int]:
    found: list[int] = []
    number = 2
    while len(found) < count:
        if all(number % prime for prime in found):
            found.append(number)
        number += 1
    return found


def _root(number: int, power: int) -> int:
    """The floor of a root."""
    low, high = 0, 1 << (number.bit_length() // power + 1)
    while low < high:
        middle = (low + high + 1) // 2
        low, high = (middle, high) if middle**power <= number else (low, middle - 1)
    return low


def _fraction(prime: int, power: int) -> int:
    """First 64 bits of the fraction of a prime's root."""
    return _root(prime << 64 * power, power) & (1 << 64) - 1


_PRIMES: Final = _primes(80)
_K: Final = [_fraction(prime, 3) for prime in _PRIMES]
_SQUARE: Final = [_fraction(prime, 2) for prime in _PRIMES[:16]]
_T: Final = [int(abs(math.sin(i + 1)) * 2**32) for i in range(64)]
_TURNS: Final = ((7, 12, 17, 22), (5, 9, 14, 20), (4, 11, 16, 23), (6, 10, 15, 21))
_SHA1: Final = (0x5A827999, 0x6ED9EBA1, 0x8F1BBCDC, 0xCA62C1D6)


def _octets(words: list[int], size: int, order: str = "big") -> bytes:
    return b"".join(word.to_bytes(size, "little" if order == "little" else "big") for word in words)


def _words(octets: bytes, size: int, order: str = "big") -> list[int]:
    return [
        int.from_bytes(octets[at : at + size], "little" if order == "little" else "big")
        for at in range(0, len(octets), size)
    ]


_MD5_INITIAL: Final = [0x67452301, 0xEFCDAB89, 0x98BADCFE, 0x10325476]
INITIAL: Final = {
    "md5": _octets(_MD5_INITIAL, 4, "little"),
    "sha1": _octets([*_MD5_INITIAL, 0xC3D2E1F0], 4),
    "sha256": _octets([value >> 32 for value in _SQUARE[:8]], 4),
    "sha384": _octets(_SQUARE[8:], 8),
    "sha512": _octets(_SQUARE[:8], 8),
}


def compress(name: str, state: bytes, block: bytes) -> bytes:
    """The chaining value after one more block."""
    if name == "md5":
        return _md5(state, block)
    return _sha1(state, block) if name == "sha1" else _sha2(name, state, block)


def hmac_states(name: str, key: bytes) -> tuple[bytes, bytes]:
    """States after the ipad and the opad block (RFC 2104) of a key no longer than a block."""
    block = key.ljust(BLOCK[name], b"\0")
    inner, outer = (
        compress(name, INITIAL[name], bytes(octet ^ pad for octet in block)) for pad in (0x36, 0x5C)
    )
    return inner, outer


def integrity_states(integrity: Integrity | None, key: bytes) -> tuple[int, int]:
    """Both states as the engines take them: 512 bits, octet 0 on the left."""
    if integrity is None:
        return 0, 0
    inner, outer = hmac_states(integrity.hash_name, key)
    return int.from_bytes(inner.ljust(64, b"\0")), int.from_bytes(outer.ljust(64, b"\0"))


def _md5(state: bytes, block: bytes) -> bytes:
    words, chain = _words(block, 4, "little"), _words(state, 4, "little")
    a, b, c, d = chain
    for i in range(64):
        mixed, at = (
            ((b & c) | (~b & d), i),
            ((d & b) | (~d & c), 5 * i + 1),
            (b ^ c ^ d, 3 * i + 5),
            (c ^ (b | ~d & 0xFFFFFFFF), 7 * i),
        )[i // 16]
        total = (a + mixed + words[at % 16] + _T[i]) & 0xFFFFFFFF
        turn = _TURNS[i // 16][i % 4]
        a, b, c, d = d, (b + (total << turn | total >> 32 - turn)) & 0xFFFFFFFF, b, c
    return _octets(
        [(x + y) & 0xFFFFFFFF for x, y in zip(chain, (a, b, c, d), strict=True)], 4, "little"
    )


def _sha1(state: bytes, block: bytes) -> bytes:
    words, chain = _words(block, 4), _words(state, 4)
    for t in range(16, 80):
        mixed = words[t - 3] ^ words[t - 8] ^ words[t - 14] ^ words[t - 16]
        words.append((mixed << 1 | mixed >> 31) & 0xFFFFFFFF)
    a, b, c, d, e = chain
    for t in range(80):
        f = (
            (b & c) | (~b & d),
            b ^ c ^ d,
            (b & c) | (b & d) | (c & d),
            b ^ c ^ d,
        )[t // 20]
        total = ((a << 5 | a >> 27) + f + e + _SHA1[t // 20] + words[t]) & 0xFFFFFFFF
        a, b, c, d, e = total, a, (b << 30 | b >> 2) & 0xFFFFFFFF, c, d
    return _octets([(x + y) & 0xFFFFFFFF for x, y in zip(chain, (a, b, c, d, e), strict=True)], 4)


def _sha2(name: str, state: bytes, block: bytes) -> bytes:
    bits = 32 if name == "sha256" else 64
    mask = (1 << bits) - 1

    def mix(x: int, *turns: int, shift: int | None = None) -> int:
        value = x >> shift if shift is not None else 0
        for turn in turns:
            value ^= x >> turn | x << bits - turn
        return value & mask

    short = bits == 32
    big_a, big_e = ((2, 13, 22), (6, 11, 25)) if short else ((28, 34, 39), (14, 18, 41))
    low, high = ((7, 18), (17, 19)) if short else ((1, 8), (19, 61))
    words, chain = _words(block, bits // 8), _words(state, bits // 8)
    rounds = 64 if short else 80
    for t in range(16, rounds):
        words.append(
            words[t - 16]
            + mix(words[t - 15], *low, shift=3 if short else 7)
            + words[t - 7]
            + mix(words[t - 2], *high, shift=10 if short else 6)
            & mask
        )
    a, b, c, d, e, f, g, h = chain
    for t in range(rounds):
        constant = _K[t] >> 32 if short else _K[t]
        first = h + mix(e, *big_e) + ((e & f) ^ (~e & g)) + constant + words[t]
        second = mix(a, *big_a) + ((a & b) ^ (a & c) ^ (b & c))
        a, b, c, d, e, f, g, h = (first + second) & mask, a, b, c, (d + first) & mask, e, f, g
    return _octets(
        [(x + y) & mask for x, y in zip(chain, (a, b, c, d, e, f, g, h), strict=True)], bits // 8
    )
