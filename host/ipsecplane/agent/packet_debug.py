"""`debug crypto engine packet`: packets of the crypto engine that come through the host's hands.

What crosses the router stays in hardware and is not seen here, as on any router that switches in
hardware; captures of a simulation have that.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from ipsecplane.ipsec.policy import InterfacePolicy
from ipsecplane.ipsec.selectors import Packet
from ipsecplane.net.ip import UDP, IpPacket

TOPIC: Final = "engine packet"
DETAIL: Final = "engine packet detail"
_TCP: Final = 6


def is_protected(policy: InterfacePolicy | None, packet: IpPacket) -> bool:
    """Whether a packet that leaves by an interface with that policy goes to the engine."""
    if policy is None:
        return False
    source = destination = 0
    if packet.protocol in (_TCP, UDP) and len(packet.payload) >= 4:
        source = int.from_bytes(packet.payload[:2], "big")
        destination = int.from_bytes(packet.payload[2:4], "big")
    fields = Packet(
        packet.version, int(packet.src), int(packet.dst), packet.protocol, source, destination
    )
    rule = next((rule for rule in policy.rules if rule.cube.matches(fields)), None)
    return rule is not None and rule.entry is not None


def lines(when: str, packet: IpPacket, octets: bytes, *, detail: bool) -> Iterator[str]:
    """`when`: "Before encryption", "After decryption" or "Before decryption" (refused)."""
    yield f"{when}: IPv{packet.version} packet of {len(octets)} octets"
    if detail:
        yield (
            f"  src {packet.src}, dst {packet.dst}, protocol {packet.protocol},"
            f" ttl {packet.ttl}, tos 0x{packet.tos:02X}"
        )
    for at in range(0, len(octets), 16):
        row = octets[at : at + 16]
        words = " ".join(row[i : i + 4].hex().upper() for i in range(0, len(row), 4))
        text = "".join(chr(octet) if 32 <= octet < 127 else "." for octet in row)
        yield f"  {at:04X}: {words:<35} {text}"
