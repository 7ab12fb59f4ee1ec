"""The hash functions of v1model's HashAlgorithm and the rest of bmv2's, over bytes."""

from __future__ import annotations

import zlib
from binascii import crc_hqx
from collections.abc import Callable
from functools import cache

Hash = Callable[[bytes], int]


def csum16(data: bytes) -> int:
    """The Internet checksum (RFC 1071) of `data`, padded with a zero byte if odd."""
    total = int.from_bytes(data, "big") << (8 * (len(data) & 1))
    # 2^16 is 1 modulo 2^16 - 1, so the remainder is the one's complement sum of 16-bit words.
    return complement(total)


def complement(total: int) -> int:
    """The checksum from any number that equals the sum of the words modulo 2^16 - 1."""
    return 0xFFFF ^ (total % 0xFFFF or (0xFFFF if total else 0))


@cache
def _crc_table(polynomial: int, width: int) -> tuple[int, ...]:
    """For reflected CRCs: `polynomial` is given as usual, most significant bit first."""
    reflected = int(f"{polynomial:0{width}b}"[::-1], 2)
    table = []
    for value in range(256):
        for _ in range(8):
            value = (value >> 1) ^ (reflected if value & 1 else 0)
        table.append(value)
    return tuple(table)


def _reflected_crc(data: bytes, polynomial: int, width: int, start: int, final: int) -> int:
    table = _crc_table(polynomial, width)
    crc = start
    for byte in data:
        crc = (crc >> 8) ^ table[(crc ^ byte) & 0xFF]
    return crc ^ final


def crc16(data: bytes) -> int:
    """CRC-16/ARC."""
    return _reflected_crc(data, 0x8005, 16, 0, 0)


def crc8(data: bytes) -> int:
    """CRC-8: polynomial 0x07, not reflected."""
    crc = 0
    for byte in data:
        crc ^= byte
        for _ in range(8):
            crc = ((crc << 1) ^ 0x07 if crc & 0x80 else crc << 1) & 0xFF
    return crc


def crc64(data: bytes) -> int:
    """CRC-64/GO-ISO's polynomial with zero start and end."""
    return _reflected_crc(data, 0x1B, 64, 0, 0)


def crc_ccitt(data: bytes) -> int:
    """CRC-16/IBM-3740 (CCITT with all-ones start)."""
    return crc_hqx(data, 0xFFFF)


def _xor(data: bytes, size: int) -> int:
    padded = data + bytes(-len(data) % size)
    result = 0
    for at in range(0, len(padded), size):
        result ^= int.from_bytes(padded[at : at + size], "big")
    return result


def xor16(data: bytes) -> int:
    return _xor(data, 2)


def xor32(data: bytes) -> int:
    return _xor(data, 4)


def identity(data: bytes) -> int:
    """The first eight bytes as a number."""
    return int.from_bytes(data[:8], "big")


_P1, _P2, _P3, _P4, _P5 = (
    0x9E3779B185EBCA87,
    0xC2B2AE3D27D4EB4F,
    0x165667B19E3779F9,
    0x85EBCA77C2B2AE63,
    0x27D4EB2F165667C5,
)
_M64 = (1 << 64) - 1


def _rotate(value: int, bits: int) -> int:
    return ((value << bits) | (value >> (64 - bits))) & _M64


def _round(accumulator: int, lane: int) -> int:
    return _rotate((accumulator + lane * _P2) & _M64, 31) * _P1 & _M64


def xxh64(data: bytes) -> int:
    """xxHash, 64 bits, seed 0 (the xxHash specification)."""
    size = len(data)
    at = 0
    if size >= 32:
        lanes = [(_P1 + _P2) & _M64, _P2, 0, -_P1 & _M64]
        while at + 32 <= size:
            for lane in range(4):
                word = int.from_bytes(data[at + 8 * lane : at + 8 * lane + 8], "little")
                lanes[lane] = _round(lanes[lane], word)
            at += 32
        value = sum(_rotate(lanes[i], (1, 7, 12, 18)[i]) for i in range(4)) & _M64
        for lane_value in lanes:
            value = ((value ^ _round(0, lane_value)) * _P1 + _P4) & _M64
    else:
        value = _P5
    value = (value + size) & _M64
    while at + 8 <= size:
        word = int.from_bytes(data[at : at + 8], "little")
        value = (_rotate(value ^ _round(0, word), 27) * _P1 + _P4) & _M64
        at += 8
    if at + 4 <= size:
        word = int.from_bytes(data[at : at + 4], "little")
        value = (_rotate(value ^ (word * _P1 & _M64), 23) * _P2 + _P3) & _M64
        at += 4
    for byte in data[at:]:
        value = _rotate(value ^ (byte * _P5 & _M64), 11) * _P1 & _M64
    value = (value ^ (value >> 33)) * _P2 & _M64
    value = (value ^ (value >> 29)) * _P3 & _M64
    return value ^ (value >> 32)


HASHES: dict[str, Hash] = {
    "csum16": csum16,
    "cksum16": csum16,
    "crc16": crc16,
    "crc16_custom": crc16,
    "crc32": zlib.crc32,
    "crc32_custom": zlib.crc32,
    "crc8_custom": crc8,
    "crc64_custom": crc64,
    "crcCCITT": crc_ccitt,
    "xor16": xor16,
    "xor32": xor32,
    "identity": identity,
    "xxh64": xxh64,
    "bmv2_hash": xxh64,
}
"""By bmv2's names. The custom CRCs have bmv2's default parameters."""
