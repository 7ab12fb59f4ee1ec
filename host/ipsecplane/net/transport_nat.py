"""Checksums of what came through a NAT in transport mode (RFC 3948 section 3.1.2).

The peer computed them over its own addresses, which the NAT changed where it could not see what is
inside ESP. The difference is made up for with the addresses that it told (NAT-OA).
"""

from __future__ import annotations

from dataclasses import replace
from typing import Final

from ipsecplane.config import Address
from ipsecplane.net.ip import UDP, IpPacket, checksum

_TCP: Final = 6
_CHECKSUM_AT: Final = {UDP: 6, _TCP: 16}


def restored(packet: IpPacket, view: tuple[Address, Address]) -> IpPacket:
    """The packet with a checksum for the addresses it has; `view` are those that it was made with.

    Incremental (RFC 1624): a wrong checksum stays wrong.
    """
    at = _CHECKSUM_AT.get(packet.protocol)
    data = packet.payload
    if at is None or packet.fragment_offset or len(data) < at + 2:
        return packet
    old = int.from_bytes(data[at : at + 2], "big")
    if packet.protocol == UDP and not old:
        return packet
    before = b"".join(address.packed for address in view)
    now = packet.src.packed + packet.dst.packed
    # ~C' = ~C + ~m + m': `checksum` of the octets of ~m and m' with ~C is C'.
    inverted = bytes(octet ^ 0xFF for octet in before)
    new = checksum((old ^ 0xFFFF).to_bytes(2, "big") + inverted + now)
    if packet.protocol == UDP:
        new = new or 0xFFFF
    return replace(packet, payload=data[:at] + new.to_bytes(2, "big") + data[at + 2 :])
