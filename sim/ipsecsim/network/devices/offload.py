"""What a kernel leaves undone in frames of its own stack, because hardware would do it.

A packet socket over a veth sees frames as they left the other side's stack: with the checksum not
yet filled in, and TCP as one frame of up to 64 KiB. Its `virtio_net_hdr` (linux/virtio_net.h) says
what is missing; `finish` does it, so that what goes on is what a wire would have carried.
"""

from __future__ import annotations

import struct
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

from ipsecsim.network.packet import IPV6, TCP, UDP, checksum

HEADER_LENGTH: Final = 10
NOTHING: Final = bytes(HEADER_LENGTH)  # in front of frames that are complete

_HEADER: Final = struct.Struct("=BBHHHH")  # in the machine's own byte order
_NEEDS_CHECKSUM: Final = 1
_ECN: Final = 0x80
_TCP_KINDS: Final = (1, 4)  # VIRTIO_NET_HDR_GSO_TCPV4, _TCPV6
_UDP_KIND: Final = 5  # VIRTIO_NET_HDR_GSO_UDP_L4
_VLAN_TAGS: Final = (0x8100, 0x88A8)
_FIN_PSH: Final = 0x09
_CWR: Final = 0x80


class OffloadError(ValueError):
    """A frame whose offload cannot be done here; the text says why."""


@dataclass(frozen=True, slots=True)
class Offload:
    """Where the checksum starts in the frame and where it goes from there; sizes in bytes.

    `segment_size` 0 = the frame is one packet, else the payload goes into packets of that size.
    """

    needs_checksum: bool
    kind: int
    segment_size: int
    checksum_start: int
    checksum_offset: int

    @classmethod
    def decode(cls, header: bytes) -> Offload:
        flags, kind, _, size, start, offset = _HEADER.unpack(header)
        return cls(bool(flags & _NEEDS_CHECKSUM), kind & ~_ECN, size if kind else 0, start, offset)


def finish(frame: bytes, header: bytes) -> list[bytes]:
    """The frames that a wire would carry. Raises OffloadError."""
    if header == NOTHING:
        return [frame]
    offload = Offload.decode(header)
    if offload.segment_size:
        return list(_segments(frame, offload))
    if offload.needs_checksum:
        return [_with_checksum(frame, offload.checksum_start, offload.checksum_offset)]
    return [frame]


def _with_checksum(frame: bytes, start: int, offset: int) -> bytes:
    """The field holds the pseudo header's sum already: what is left is to sum the rest."""
    at = start + offset
    if at + 2 > len(frame):
        raise OffloadError(f"checksum at {at} of a frame of {len(frame)} bytes")
    value = checksum(frame[start:]) or 0xFFFF
    return frame[:at] + value.to_bytes(2, "big") + frame[at + 2 :]


def _segments(frame: bytes, offload: Offload) -> Iterator[bytes]:
    """One packet per `segment_size` bytes of payload, each with headers of its own."""
    tcp = offload.kind in _TCP_KINDS
    if not tcp and offload.kind != _UDP_KIND:
        raise OffloadError(f"segmentation of kind {offload.kind}")
    ip, transport = _ip_offset(frame), offload.checksum_start
    try:
        body = transport + ((frame[transport + 12] >> 4) * 4 if tcp else 8)
    except IndexError:
        raise OffloadError("a transport header beyond the frame's end") from None
    if not ip < transport < body <= len(frame):
        raise OffloadError(f"headers at {ip}, {transport}, {body} in {len(frame)} bytes")
    size = offload.segment_size
    for number, at in enumerate(range(body, len(frame), size)):
        payload = frame[at : at + size]
        head = bytearray(frame[:body])
        if tcp:
            _tcp_fields(head, transport, at - body, last=at + size >= len(frame))
        else:
            head[transport + 4 : transport + 6] = (8 + len(payload)).to_bytes(2, "big")
        pseudo = _ip_fields(head, ip, transport, number, len(payload), TCP if tcp else UDP)
        field = transport + (16 if tcp else 6)
        head[field : field + 2] = b"\0\0"
        value = checksum(pseudo, bytes(head[transport:]), payload) or 0xFFFF
        head[field : field + 2] = value.to_bytes(2, "big")
        yield bytes(head) + payload


def _tcp_fields(head: bytearray, tcp: int, offset: int, *, last: bool) -> None:
    sequence = int.from_bytes(head[tcp + 4 : tcp + 8], "big") + offset
    head[tcp + 4 : tcp + 8] = (sequence & 0xFFFFFFFF).to_bytes(4, "big")
    if not last:
        head[tcp + 13] &= ~_FIN_PSH & 0xFF
    if offset:
        head[tcp + 13] &= ~_CWR & 0xFF


def _ip_fields(
    head: bytearray, ip: int, transport: int, number: int, payload: int, protocol: int
) -> bytes:
    """Set length, identification and header checksum; the pseudo header of what is inside."""
    inner = len(head) - transport + payload
    if head[ip] >> 4 == 6:
        head[ip + 4 : ip + 6] = (len(head) - ip - 40 + payload).to_bytes(2, "big")
        return bytes(head[ip + 8 : ip + 40]) + struct.pack(">II", inner, protocol)
    identification = int.from_bytes(head[ip + 4 : ip + 6], "big") + number
    length = len(head) - ip + payload
    head[ip + 2 : ip + 6] = struct.pack(">HH", length, identification & 0xFFFF)
    head[ip + 10 : ip + 12] = b"\0\0"
    header = bytes(head[ip : ip + (head[ip] & 15) * 4])
    head[ip + 10 : ip + 12] = checksum(header).to_bytes(2, "big")
    return bytes(head[ip + 12 : ip + 20]) + struct.pack(">HH", protocol, inner)


def _ip_offset(frame: bytes) -> int:
    at = 12
    while (ethertype := int.from_bytes(frame[at : at + 2], "big")) in _VLAN_TAGS:
        at += 4
    if ethertype not in (0x0800, IPV6):
        raise OffloadError(f"segmentation of EtherType 0x{ethertype:04x}")
    return at + 2
