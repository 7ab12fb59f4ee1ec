"""From a cleartext IP packet and an SA to the IPsec packets that leave.

fits? ── yes ──────────────────────────────▶ protect
  no ─┬─ DF, not overridden; IPv6 ─────────▶ TOO_BIG
      ├─ pre-fragmentation ── cut inner ───▶ protect each     (guide chapter 2)
      └─ else ──────────────▶ protect ─────▶ cut outer
"""

from __future__ import annotations

import struct
from typing import Final

from ipsecplane.ipsec.overhead import UDP_HEADER, OverheadError, encapsulated_size, max_inner
from ipsecplane.targets.crypto_header import DfPolicy, Reason

from . import ah, esp, ip
from .fragment import fragment
from .ip import IpHeader
from .refusal import Refused
from .sa import EncryptSa
from .tunnel import outer_header

_UDP: Final = struct.Struct(">HHHH")


def encrypt(
    sa: EncryptSa, packet: bytes, mtu: int, df_policy: DfPolicy, prefragment: bool
) -> list[tuple[bytes, int]]:
    """The IPsec packets for a cleartext `packet`, each with its 64-bit sequence number.

    No result exceeds `mtu` octets (0 = no limit). Raises Refused, and then leaves the SA as it was.
    """
    header = ip.parse(packet)
    packet = packet[: header.total]
    pieces, cut_outer = _plan(sa, header, packet, mtu, df_policy, prefragment)
    if sa.sequence + len(pieces) > sa.sequence_limit:
        raise Refused(Reason.SEQUENCE_OVERFLOW, f"sequence number {sa.sequence} was the last")
    start = sa.sequence + 1
    protected = []
    for sequence, piece in enumerate(pieces, start):
        form = header if len(pieces) == 1 else ip.parse(piece)
        protected.append((_protect(sa, form, piece, sequence, df_policy), sequence))
    if cut_outer:
        whole, sequence = protected[0]
        protected = [(piece, sequence) for piece in fragment(whole, ip.parse(whole), mtu)]
    sa.sequence += len(pieces)
    return protected


def _plan(
    sa: EncryptSa,
    header: IpHeader,
    packet: bytes,
    mtu: int,
    df_policy: DfPolicy,
    prefragment: bool,
) -> tuple[list[bytes], bool]:
    """The cleartext pieces to protect, and whether the one protected packet is to be cut then."""
    version = header.version if sa.outer is None else sa.outer.version
    how = sa.sizes[version]
    kept = None if sa.outer is not None else ip.transport_position(packet, header).offset
    if not mtu or encapsulated_size(how, header.total, kept) <= mtu:
        return [packet], False
    override = sa.outer is not None and df_policy is DfPolicy.CLEAR
    if header.version == 6 or (header.dont_fragment and not override):
        raise Refused(Reason.TOO_BIG, f"{header.total} octets exceed MTU {mtu} after encapsulation")
    # An outer IPv6 header cannot be cut on the way, so the inner packet is, whatever was asked.
    if sa.outer is None or (not prefragment and version == 4):
        return [packet], True
    try:
        return fragment(packet, header, max_inner(how, mtu)), False
    except OverheadError as error:
        raise Refused(Reason.TOO_BIG, str(error)) from None


def _protect(
    sa: EncryptSa, header: IpHeader, packet: bytes, sequence: int, df_policy: DfPolicy
) -> bytes:
    """One IPsec packet around (tunnel) or within (transport) the IP packet `packet`."""
    outer = sa.outer
    if outer is not None:
        front, pointer = b"", 0
        protocol, payload = ip.IPIP if header.version == 4 else ip.IPV6, packet
    else:
        place = ip.transport_position(packet, header)
        front, pointer = packet[: place.offset], place.pointer
        protocol, payload = place.protocol, packet[place.offset :]
    if sa.esp is not None:
        payload = esp.seal(sa.esp, sequence, protocol, payload)
        protocol = ip.ESP
    if sa.udp is not None:
        payload = _UDP.pack(*sa.udp, UDP_HEADER + len(payload) & 0xFFFF, 0) + payload
        protocol = ip.UDP
    inside = protocol  # what AH's next header names
    size = 0
    if sa.ah is not None:
        protocol = ip.AH
        version = header.version if outer is None else outer.version
        size = sa.sizes[version].ah_header
    length = size + len(payload)
    if outer is not None:
        # Neighbouring packets of a tunnel differ, and tunnels start apart.
        identification = sa.spi + sequence & 0xFFFF
        front = outer_header(outer, header, df_policy, protocol, length, identification)
    else:
        total = len(front) + length
        if total - (40 if header.version == 6 else 0) > 0xFFFF:
            raise Refused(Reason.TOO_BIG, f"{total} octets after encapsulation")
        front = ip.rewritten(front, pointer, protocol, total)
    if sa.ah is not None:
        return front + ah.build(sa.ah, sequence, inside, front, payload) + payload
    if sa.udp is not None and front[0] >> 4 == 6:
        payload = _with_udp_checksum(front, payload)
    return front + payload


def _with_udp_checksum(front: bytes, datagram: bytes) -> bytes:
    """IPv6 has no "no checksum" (RFC 8200 section 8.1); over IPv4 it is 0 (RFC 3948)."""
    pseudo = ip.pseudo_header(front, front[24:40], ip.UDP, len(datagram))
    value = ip.checksum(pseudo + datagram) or 0xFFFF
    return datagram[:6] + value.to_bytes(2, "big") + datagram[8:]
