"""Diffie-Hellman over the groups of the algorithms table (RFC 2409, RFC 3526, RFC 5903).

Public values and secrets are the octets of the KE payload and of g^xy in the key derivation. For
curves those are x | y and the x coordinate alone (RFC 5903 sections 7 and 9).
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import cache
from typing import Final

from cryptography.hazmat.primitives.asymmetric import ec

from ipsecplane.ipsec.algorithms import GROUP

# Each MODP prime is 2^n - 2^(n-64) - 1 + 2^64 * ([2^(n-130) pi] + c); RFC 2409 section 6 and
# RFC 3526 give n and c. Keeping c instead of the digits leaves no digit to mistype.
_MODP_C: Final = {
    768: 149686,
    1024: 129093,
    1536: 741804,
    2048: 124476,
    3072: 1690314,
    4096: 240904,
}
# Twice the strength that RFC 3526 section 8 estimates, at its generous end.
_EXPONENT_BITS: Final = {768: 256, 1024: 256, 1536: 256, 2048: 320, 3072: 420, 4096: 480}
_GENERATOR: Final = 2
_CURVES: Final[dict[int, ec.EllipticCurve]] = {
    256: ec.SECP256R1(),
    384: ec.SECP384R1(),
    521: ec.SECP521R1(),
}


class InvalidPublicValue(Exception):
    """A peer's KE payload is no member of the group that could lead to a shared secret."""


@dataclass(frozen=True, slots=True)
class KeyPair:
    """Our half of an exchange: `secret` stays here, `public` goes into the KE payload."""

    group: int
    secret: int
    public: bytes


def generate(group: int, random_bytes: Callable[[int], bytes]) -> KeyPair:
    row = GROUP[group]
    if row.kind == "modp":
        bits = _EXPONENT_BITS[row.bits]
        secret = int.from_bytes(random_bytes(bits // 8)) | 1 << (bits - 1)
        public = modular_power(_GENERATOR, secret, prime(row.bits)).to_bytes(row.public_size)
        return KeyPair(group, secret, public)
    curve = _CURVES[row.bits]
    order = curve.group_order
    # 64 bits more than the order's make the reduction's bias negligible (FIPS 186-5 A.2.1).
    secret = int.from_bytes(random_bytes((order.bit_length() + 71) // 8)) % (order - 1) + 1
    numbers = ec.derive_private_key(secret, curve).public_key().public_numbers()
    half = row.public_size // 2
    return KeyPair(group, secret, numbers.x.to_bytes(half) + numbers.y.to_bytes(half))


def shared_secret(pair: KeyPair, peer_public: bytes) -> bytes:
    """g^xy of our pair and the peer's value, which is validated first (`InvalidPublicValue`)."""
    row = GROUP[pair.group]
    if len(peer_public) != row.public_size:
        raise InvalidPublicValue(
            f"group {pair.group} needs {row.public_size} octets, got {len(peer_public)}"
        )
    if row.kind == "modp":
        modulus = prime(row.bits)
        value = int.from_bytes(peer_public)
        if not 1 < value < modulus - 1:
            raise InvalidPublicValue(f"value is outside of group {pair.group}'s range")
        return modular_power(value, pair.secret, modulus).to_bytes(row.public_size)
    half = row.public_size // 2
    curve = _CURVES[row.bits]
    x, y = int.from_bytes(peer_public[:half]), int.from_bytes(peer_public[half:])
    try:
        peer = ec.EllipticCurvePublicNumbers(x, y, curve).public_key()
    except ValueError as error:
        raise InvalidPublicValue(f"point is not on the curve of group {pair.group}") from error
    return ec.derive_private_key(pair.secret, curve).exchange(ec.ECDH(), peer)


def modular_power(base: int, exponent: int, modulus: int) -> int:
    """The one place of finite-field arithmetic: a faster or constant-time one is put in here."""
    return pow(base, exponent, modulus)


@cache
def prime(bits: int) -> int:
    """The MODP group's prime of that size."""
    guard = bits + 64
    pi = 4 * (4 * _arctan_inverse(5, guard) - _arctan_inverse(239, guard))
    digits = pi >> (guard - (bits - 130))
    return (1 << bits) - (1 << (bits - 64)) - 1 + ((digits + _MODP_C[bits]) << 64)


def _arctan_inverse(x: int, bits: int) -> int:
    """arctan(1/x) as a fixed-point number of `bits` fractional bits."""
    power = (1 << bits) // x
    total, divisor, sign = power, 1, 1
    while power:
        power //= x * x
        divisor += 2
        sign = -sign
        total += sign * (power // divisor)
    return total
