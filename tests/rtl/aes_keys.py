"""The end of AES's key schedule (FIPS 197 section 5.2): where decryption begins."""

from __future__ import annotations

from typing import Final


def _sbox() -> list[int]:
    """FIPS 197 section 5.1.1: inverse in GF(2^8), then an affine map."""
    exp, log = [0] * 255, [0] * 256
    value = 1
    for power in range(255):
        exp[power], log[value] = value, power
        value ^= value << 1 ^ (0x11B if value & 0x80 else 0)
    box = [0x63]
    for number in range(1, 256):
        inverse = exp[-log[number] % 255]
        twice = inverse << 8 | inverse
        turned = [twice >> turn for turn in (0, 4, 5, 6, 7)]
        box.append((turned[0] ^ turned[1] ^ turned[2] ^ turned[3] ^ turned[4]) & 0xFF ^ 0x63)
    return box


SBOX: Final = _sbox()


def expanded(key: bytes) -> list[bytes]:
    """The schedule's 4-octet words."""
    nk = len(key) // 4
    words = [key[at : at + 4] for at in range(0, len(key), 4)]
    constant = 1
    for at in range(nk, 4 * (nk + 7)):
        word = words[-1]
        if at % nk == 0:
            word = bytes(SBOX[octet] for octet in word[1:] + word[:1])
            word = bytes([word[0] ^ constant]) + word[1:]
            constant = constant << 1 ^ (0x11B if constant & 0x80 else 0)
        elif nk == 8 and at % nk == 4:
            word = bytes(SBOX[octet] for octet in word)
        words.append(bytes(a ^ b for a, b in zip(word, words[-nk], strict=True)))
    return words


def key_end(key: bytes) -> bytes:
    """The last two round keys, 32 octets, the last one on the right."""
    return b"".join(expanded(key)[-8:])
