"""From a received IPsec packet and its SA to the cleartext packet.

The order of checks is that of RFC 4303 section 3.4: packet and header formats, replay (without
changing the window), ICV, window update, decryption, padding, next header, inner packet.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from ipsecplane.ipsec.overhead import UDP_HEADER
from ipsecplane.targets.crypto_header import Reason

from . import ah, esp, ip
from .ah import Ah
from .esp import Esp
from .ip import IpHeader
from .refusal import Refused
from .replay import ReplayWindow
from .sa import DecryptSa
from .tunnel import inner_packet

_LOW: Final = 0xFFFFFFFF
_CHECKSUM_AT: Final = {ip.TCP: 16, ip.UDP: 6}


@dataclass(slots=True)
class Decrypted:
    """`packet` None: a dummy packet (RFC 4303 section 2.6), authentic but nothing to deliver.

    `spi` and `sequence` (64 bits) are those of the outermost IPsec header.
    """

    packet: bytes | None
    spi: int
    sequence: int


def decrypt(sa: DecryptSa, packet: bytes, told: int) -> Decrypted:
    """Authenticate and decrypt an IP packet that carries ESP, AH, both, or ESP in UDP.

    `told` is the 64-bit sequence number of the outermost header if whoever decides on replay has
    inferred it (window 0), else anything that does not match. Raises Refused.
    """
    header = ip.parse(packet)
    at = ip.upper(packet, header)
    front, octets = packet[: at.offset], packet[at.offset : header.total]
    result = Decrypted(None, 0, 0)
    try:
        protocol = at.protocol
        if sa.udp_encap:
            octets = _strip_udp(protocol, octets)
            protocol = ip.ESP
        if sa.ah is not None:
            protocol, octets = _open_ah(sa, sa.ah, protocol, front, octets, told, result)
        if sa.esp is not None:
            protocol, octets = _open_esp(sa, sa.esp, protocol, octets, told, result)
            if protocol == ip.NO_NEXT_HEADER:
                return result
        if sa.transport:
            result.packet = _transport_packet(sa, header, front, at.pointer, protocol, octets)
        else:
            result.packet = inner_packet(header, protocol, octets)
    except Refused as refused:
        refused.spi, refused.sequence = result.spi, result.sequence
        raise
    return result


def _strip_udp(protocol: int, octets: bytes) -> bytes:
    """The ESP packet in a UDP datagram (RFC 3948); its checksum is not looked at."""
    if protocol != ip.UDP:
        raise Refused(Reason.WRONG_PROTOCOL, f"protocol {protocol}, the SA has ESP in UDP")
    if len(octets) < UDP_HEADER:
        raise Refused(Reason.TRUNCATED, f"UDP: {len(octets)} octets")
    length = int.from_bytes(octets[4:6], "big")
    if not UDP_HEADER <= length <= len(octets):
        raise Refused(Reason.MALFORMED_PACKET, f"UDP length {length} of {len(octets)}")
    datagram = octets[UDP_HEADER:length]
    if datagram[:4] == b"\0\0\0\0":
        raise Refused(Reason.WRONG_PROTOCOL, "IKE (non-ESP marker), not ESP")
    return datagram


def _open_ah(
    sa: DecryptSa,
    half: Ah,
    protocol: int,
    front: bytes,
    octets: bytes,
    told: int,
    result: Decrypted,
) -> tuple[int, bytes]:
    if protocol != ip.AH:
        raise Refused(Reason.WRONG_PROTOCOL, f"protocol {protocol}, the SA has AH")
    header = ah.check_header(half, octets, front[0] >> 4)
    sequence = _admit(sa, sa.ah_window, header.sequence, told)
    result.spi, result.sequence = half.spi, max(sequence, 0)
    _check_replay(sa.ah_window, sequence)
    ah.verify(half, header, sequence, front, octets)
    sa.ah_window.accept(sequence)
    return header.next_header, octets[header.size :]


def _open_esp(
    sa: DecryptSa, half: Esp, protocol: int, octets: bytes, told: int, result: Decrypted
) -> tuple[int, bytes]:
    if protocol != ip.ESP:
        raise Refused(Reason.WRONG_PROTOCOL, f"protocol {protocol}, the SA has ESP")
    low = esp.check_header(half, octets)
    sequence = _admit(sa, sa.esp_window, low, told)
    if sa.ah is None:
        result.spi, result.sequence = half.spi, max(sequence, 0)
    # Numbers that no ICV of ESP's own protects prove nothing (RFC 4303 section 3.4.3).
    if half.icv_size:
        _check_replay(sa.esp_window, sequence)
    plaintext = half.transform.open(octets, sequence)
    if half.icv_size:
        sa.esp_window.accept(sequence)
    return esp.strip(plaintext)


def _admit(sa: DecryptSa, window: ReplayWindow, low: int, told: int) -> int:
    """The 64-bit sequence number; negative if the window infers one before the first."""
    if not sa.esn:
        return low
    if not window.size and told & _LOW == low:
        return told
    return window.infer(low)


def _check_replay(window: ReplayWindow, sequence: int) -> None:
    reason = window.check(sequence)
    if reason is not Reason.OK:
        raise Refused(reason, f"sequence number {sequence}, highest {window.highest}")


def _transport_packet(
    sa: DecryptSa, header: IpHeader, front: bytes, pointer: int, protocol: int, payload: bytes
) -> bytes:
    """The headers in front again with the payload that they had."""
    front = ip.rewritten(front, pointer, protocol, len(front) + len(payload))
    if sa.udp_encap:
        payload = _renewed_checksum(header, front, protocol, payload)
    return front + payload


def _renewed_checksum(header: IpHeader, front: bytes, protocol: int, payload: bytes) -> bytes:
    """TCP and UDP with a new checksum: a NAT has changed the addresses that the old one covers.

    RFC 3948 section 3.1.2; a UDP checksum of 0 stays.
    """
    at = _CHECKSUM_AT.get(protocol)
    if at is None or len(payload) < at + 2:
        return payload
    if protocol == ip.UDP and payload[at : at + 2] == b"\0\0":
        return payload
    blank = payload[:at] + b"\0\0" + payload[at + 2 :]
    destination = front[16:20] if header.version == 4 else front[24:40]
    value = ip.checksum(ip.pseudo_header(front, destination, protocol, len(payload)) + blank)
    if protocol == ip.UDP:
        value = value or 0xFFFF
    return payload[:at] + value.to_bytes(2, "big") + payload[at + 2 :]
