"""Authentication Header (RFC 4302): its layout, and which octets its ICV covers."""

from __future__ import annotations

import struct
from dataclasses import dataclass
from typing import Final

from ipsecplane.ipsec.algorithms import Integrity
from ipsecplane.ipsec.overhead import AH_FIXED, ah_size
from ipsecplane.targets.crypto_header import Reason

from .fragment import options
from .ip import DESTINATION, HOP_BY_HOP, ROUTING
from .refusal import Refused
from .transforms import KeyedHash

_FIXED: Final = struct.Struct(">BBHII")
_LOW: Final = 0xFFFFFFFF

# RFC 4302 appendix A1: these IPv4 options stay as they are on the way. NOP has no content.
_IMMUTABLE_OPTIONS: Final = frozenset({1, 130, 133, 134, 148, 149})
_LOOSE_SOURCE_ROUTE: Final = 131
_STRICT_SOURCE_ROUTE: Final = 137
_CHANGES_EN_ROUTE: Final = 0x20  # of an IPv6 option's type (RFC 8200 section 4.2)


@dataclass(slots=True)
class Ah:
    """The AH half of an SA."""

    spi: int
    integrity: Integrity
    mac: KeyedHash
    esn: bool


@dataclass(slots=True)
class AhHeader:
    """A received AH: `size` octets in all; `sequence` is the low half."""

    next_header: int
    size: int
    sequence: int


def build(ah: Ah, sequence: int, next_header: int, front: bytes, payload: bytes) -> bytes:
    """The AH between the headers `front` (final but for mutable fields) and `payload`.

    `sequence` has 64 bits; the high half enters the ICV with ESN and is not sent.
    Raises Refused where `front` cannot be authenticated (see `muted`).
    """
    size = ah_size(ah.integrity, front[0] >> 4)
    fixed = _FIXED.pack(next_header, size // 4 - 2, 0, ah.spi, sequence & _LOW)
    rest = bytes(size - AH_FIXED)
    icv = ah.mac.icv(_covered(ah, sequence, front, fixed + rest, payload))
    return fixed + icv + rest[len(icv) :]


def check_header(ah: Ah, octets: bytes, version: int) -> AhHeader:
    """The AH that `octets` start with, if it is for this SA and of the size it must have.

    Over IPv4 the ICV may be padded to a multiple of 8 octets as well as of 4: both are in use.
    Raises Refused TRUNCATED, WRONG_SPI or BAD_LENGTH.
    """
    if len(octets) < AH_FIXED:
        raise Refused(Reason.TRUNCATED, f"AH: {len(octets)} octets")
    next_header, words, _, spi, sequence = _FIXED.unpack_from(octets)
    size = (words + 2) * 4
    if spi != ah.spi:
        raise Refused(Reason.WRONG_SPI, f"AH: SPI 0x{spi:08x}, the SA has 0x{ah.spi:08x}")
    if size not in (ah_size(ah.integrity, version), ah_size(ah.integrity, 6)):
        raise Refused(Reason.BAD_LENGTH, f"AH: {size} octets for {ah.integrity.name}")
    if len(octets) < size:
        raise Refused(Reason.TRUNCATED, f"AH: {len(octets)} octets of {size}")
    return AhHeader(next_header, size, sequence)


def verify(ah: Ah, header: AhHeader, sequence: int, front: bytes, octets: bytes) -> None:
    """Check the ICV of `octets` (AH and what follows it) behind `front`. Raises Refused BAD_ICV."""
    icv_end = AH_FIXED + ah.integrity.icv_size
    unsigned = octets[:AH_FIXED] + bytes(ah.integrity.icv_size) + octets[icv_end : header.size]
    covered = _covered(ah, sequence, front, unsigned, octets[header.size :])
    if not ah.mac.matches(covered, octets[AH_FIXED:icv_end]):
        raise Refused(Reason.BAD_ICV, "AH ICV does not match")


def _covered(ah: Ah, sequence: int, front: bytes, header: bytes, payload: bytes) -> bytes:
    high = (sequence >> 32).to_bytes(4, "big") if ah.esn else b""
    return muted(front) + header + payload + high


def muted(front: bytes) -> bytes:
    """The headers in front of AH as its ICV sees them (RFC 4302 section 3.3.3).

    What changes on the way is zero; what changes predictably is as it will be at the destination.
    Raises Refused MALFORMED_PACKET or UNSUPPORTED (a routing header of unknown type).
    """
    return _muted_v4(front) if front[0] >> 4 == 4 else _muted_v6(front)


def _muted_v4(front: bytes) -> bytes:
    octets = bytearray(front)
    octets[1] = 0  # DSCP and ECN
    octets[6:9] = b"\0\0\0"  # flags, fragment offset, TTL
    octets[10:12] = b"\0\0"  # checksum
    if len(front) == 20:
        return bytes(octets)
    at = 20
    for option in options(front):
        kind = option[0]
        routed = kind in (_LOOSE_SOURCE_ROUTE, _STRICT_SOURCE_ROUTE) and len(option) >= 7
        if routed and option[2] <= option[1]:  # hops remain; the last one is the destination
            octets[16:20] = option[-4:]
        if kind not in _IMMUTABLE_OPTIONS:
            octets[at : at + len(option)] = bytes(len(option))
        at += len(option)
    return bytes(octets)


def _muted_v6(front: bytes) -> bytes:
    octets = bytearray(front)
    octets[0:4] = b"\x60\0\0\0"  # traffic class, flow label
    octets[7] = 0  # hop limit
    at, kind = 40, front[6]
    while at < len(front):
        size = (front[at + 1] + 1) * 8
        if kind in (HOP_BY_HOP, DESTINATION):
            _mute_options(octets, at + 2, at + size)
        elif kind == ROUTING:
            _predict_route(octets, at, size)
        kind = front[at]
        at += size
    return bytes(octets)


def _mute_options(octets: bytearray, at: int, end: int) -> None:
    """Zero the data of options that change on the way; type and length stay."""
    while at < end:
        kind = octets[at]
        if kind == 0:  # Pad1
            at += 1
            continue
        data = at + 2
        after = data + octets[at + 1] if data <= end else end + 1
        if after > end:
            raise Refused(Reason.MALFORMED_PACKET, f"IPv6 option {kind}: bad length")
        if kind & _CHANGES_EN_ROUTE:
            octets[data:after] = bytes(after - data)
        at = after


def _predict_route(octets: bytearray, at: int, size: int) -> None:
    """The routing header and the destination address as they will arrive.

    Types 0 (RFC 2460) and 2 (RFC 6275): each hop swaps the destination with the next address.
    """
    kind, left = octets[at + 2], octets[at + 3]
    count = (size - 8) // 16
    if kind not in (0, 2):
        if left == 0:
            return
        raise Refused(Reason.UNSUPPORTED, f"AH behind a routing header of type {kind}")
    if left > count:
        raise Refused(Reason.MALFORMED_PACKET, f"routing header: {left} segments of {count} left")
    for number in range(count - left, count):
        slot = slice(at + 8 + number * 16, at + 24 + number * 16)
        octets[24:40], octets[slot] = octets[slot], octets[24:40]
    octets[at + 3] = 0
