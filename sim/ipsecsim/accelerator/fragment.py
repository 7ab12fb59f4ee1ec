"""IPv4 fragmentation into equal units (RFC 791; guide chapter 2).

A packet is cut into the fewest fragments that fit, and those are made as equal as the unit of 8
octets allows, so that nobody further down has to cut a long one again.
"""

from __future__ import annotations

from typing import Final

from ipsecplane.targets.crypto_header import Reason

from .ip import MF, OFFSET, IpHeader, checksum
from .refusal import Refused

_COPIED: Final = 0x80


def fragment(packet: bytes, ip: IpHeader, mtu: int) -> list[bytes]:
    """Cut an IPv4 packet so that no piece exceeds `mtu` octets; one that fits comes back alone.

    Every piece keeps identification and DF (who may override DF has decided before). Payloads are
    multiples of 8 octets but for the last, and differ by at most 8. A packet that is a fragment
    already is cut at its own offset. Raises Refused TOO_BIG when the MTU leaves no room.
    """
    if ip.total <= mtu:
        return [packet[: ip.total]]
    blocks = -(-(ip.total - ip.size) // 8)
    per_piece = (mtu - ip.size) // 8
    if per_piece < 1:
        raise Refused(Reason.TOO_BIG, f"MTU {mtu} leaves no room behind a header of {ip.size}")
    pieces = -(-blocks // per_piece)
    # The longer ones last: the final piece may lack up to 7 octets of its blocks.
    short, longer = divmod(blocks, pieces)
    lengths = [short] * (pieces - longer) + [short + 1] * longer
    offset = ip.fragment & OFFSET
    if offset + blocks > OFFSET + 1:
        raise Refused(Reason.MALFORMED_PACKET, "fragment ends beyond octet 65535 of its packet")
    flags = ip.fragment & ~OFFSET
    result = []
    start = ip.size
    header = packet[: ip.size]
    for number, length in enumerate(lengths, 1):
        end = min(start + length * 8, ip.total)
        more = MF if number < pieces else 0
        result.append(_piece(header, flags | more | offset, packet[start:end]))
        if number == 1 and ip.size > 20:
            header = _later_header(header)
        start = end
        offset += length
    return result


def _piece(header: bytes, fragment_field: int, payload: bytes) -> bytes:
    octets = bytearray(header)
    octets[2:4] = (len(header) + len(payload)).to_bytes(2, "big")
    octets[6:8] = fragment_field.to_bytes(2, "big")
    octets[10:12] = b"\0\0"
    octets[10:12] = checksum(octets).to_bytes(2, "big")
    return bytes(octets) + payload


def _later_header(header: bytes) -> bytes:
    """The header of all fragments but the first: only options with the copied flag stay."""
    kept = b"".join(option for option in options(header) if option[0] & _COPIED)
    kept += bytes(-len(kept) % 4)
    size = 20 + len(kept)
    return bytes((0x40 | size // 4,)) + header[1:20] + kept


def options(header: bytes) -> list[bytes]:
    """The options of an IPv4 header up to the end of the list, NOPs included.

    Raises Refused MALFORMED_PACKET for a length that leaves the header.
    """
    found = []
    at = 20
    while at < len(header) and header[at] != 0:
        length = 1
        if header[at] != 1:
            length = header[at + 1] if at + 1 < len(header) else 0
            if length < 2 or at + length > len(header):
                raise Refused(Reason.MALFORMED_PACKET, f"IPv4 option {header[at]}: bad length")
        found.append(header[at : at + length])
        at += length
    return found
