"""What kinds of packets a capture holds, and when."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from pcapng import FileScanner
from pcapng.blocks import EnhancedPacket

IKE: Final = "IKE"
ESP: Final = "ESP"
AH: Final = "AH"
CLEAR: Final = "clear IP"
OTHER: Final = "ARP and other"
KINDS: Final = (IKE, ESP, AH, CLEAR, OTHER)
_VLAN: Final = 0x8100
_UDP: Final = 17
_BY_PROTOCOL: Final = {50: ESP, 51: AH}
_ISAKMP: Final = 500
_NATT: Final = 4500


@dataclass(frozen=True, slots=True)
class Seen:
    """One frame: seconds since the epoch, and its kind."""

    time: float
    kind: str


def read_capture(path: Path) -> Iterator[Seen]:
    """The frames of a pcapng file in order. Raises OSError, ValueError for no pcapng."""
    with path.open("rb") as stream:
        for block in FileScanner(stream):
            if isinstance(block, EnhancedPacket):
                yield Seen(float(block.timestamp), kind_of(block.packet_data))


def kind_of(frame: bytes) -> str:
    """The outermost IPsec or IKE that a frame shows."""
    at = 12
    while frame[at : at + 2] == _VLAN.to_bytes(2, "big"):
        at += 4
    ethertype, packet = int.from_bytes(frame[at : at + 2], "big"), frame[at + 2 :]
    if ethertype == 0x0800 and len(packet) >= 20:
        protocol, payload = packet[9], packet[(packet[0] & 15) * 4 :]
        first = not int.from_bytes(packet[6:8], "big") & 0x1FFF
    elif ethertype == 0x86DD and len(packet) >= 40:
        protocol, payload, first = packet[6], packet[40:], True
    else:
        return OTHER
    if protocol == _UDP and first:
        ports = payload[:2], payload[2:4]
        if _ISAKMP.to_bytes(2, "big") in ports:
            return IKE
        if _NATT.to_bytes(2, "big") in ports:
            return IKE if payload[8:12] == bytes(4) else ESP
    return _BY_PROTOCOL.get(protocol, CLEAR)
