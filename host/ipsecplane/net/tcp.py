"""TCP as far as a router without services goes: every segment gets a reset (RFC 9293 3.5.2)."""

from __future__ import annotations

import struct
from typing import Final

from .ip import TCP, IpPacket, PacketError, checksum, pseudo_header

_FIN, _SYN, _RST, _ACK = 1, 2, 4, 16
_HEADER: Final = struct.Struct(">HHIIBBHHH")


def reset_for(packet: IpPacket) -> IpPacket | None:
    """The reset that answers a segment; None for a reset. Raises PacketError."""
    octets = packet.payload
    if len(octets) < _HEADER.size:
        raise PacketError(f"TCP: {len(octets)} octets")
    if checksum(pseudo_header(packet.src, packet.dst, TCP, len(octets)) + octets):
        raise PacketError("TCP: bad checksum")
    src_port, dst_port, sequence, acknowledged, offset, flags, *_ = _HEADER.unpack_from(octets)
    if flags & _RST:
        return None
    if flags & _ACK:
        own, answer, answer_flags = acknowledged, 0, _RST
    else:
        length = max(0, len(octets) - (offset >> 4) * 4) + bool(flags & _SYN) + bool(flags & _FIN)
        own, answer, answer_flags = 0, sequence + length & 0xFFFFFFFF, _RST | _ACK
    header = _HEADER.pack(dst_port, src_port, own, answer, 5 << 4, answer_flags, 0, 0, 0)
    total = checksum(pseudo_header(packet.dst, packet.src, TCP, len(header)) + header)
    header = header[:16] + total.to_bytes(2, "big") + header[18:]
    return IpPacket(packet.dst, packet.src, TCP, header)
