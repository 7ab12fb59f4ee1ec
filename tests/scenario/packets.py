"""What crossed the links of a run, so that runs can be compared that differ in time only.

A ping's echo carries its sender's uptime. Here that is blanked, and the checksum over it; since it
is encrypted, protected packets are decrypted (AH around ESP with DES, as in the guide's chapter 3)
and lose their ICVs and their last IV's worth of secrets, but nothing else.
"""

from __future__ import annotations

import csv
from ipaddress import ip_address
from pathlib import Path

from cryptography.hazmat.decrepit.ciphers.algorithms import TripleDES
from cryptography.hazmat.primitives.ciphers import Cipher, modes
from pcapng import FileScanner
from pcapng.blocks import EnhancedPacket, InterfaceDescription

Keys = dict[tuple[bytes, bytes], bytes]
"""DES keys by destination address and SPI."""

AH_HEADER, ICV, ESP_HEADER, BLOCK = 12, 12, 8, 8


def packets(run: Path) -> dict[str, list[bytes]]:
    """By sending interface, in order, of all links of the run in this folder."""
    keys = _keys(run / "wireshark" / "esp_sa")
    found: dict[str, list[bytes]] = {}
    for capture in sorted((run / "captures").glob("*.pcapng")):
        names: list[str] = []
        with capture.open("rb") as stream:
            for block in FileScanner(stream):
                if isinstance(block, InterfaceDescription):
                    names.append(f"{capture.stem} {block.options['if_name']}")
                    found[names[-1]] = []
                elif isinstance(block, EnhancedPacket):
                    frame = timeless(block.packet_data, keys)
                    found[names[block.interface_id]].append(frame)
    return found


def timeless(frame: bytes, keys: Keys) -> bytes:
    """The frame without what depends on when it was sent."""
    ethernet, ip = frame[:14], frame[14:]
    if ethernet[12:] != b"\x08\x00" or ip[9] != 51:
        return frame
    at = (ip[0] & 15) * 4
    ah, esp = ip[at : at + AH_HEADER], ip[at + AH_HEADER + ICV : -ICV]
    assert ah[0] == 50, "an AH+ESP bundle"
    initial = esp[ESP_HEADER : ESP_HEADER + BLOCK]
    key = keys[ip[16:20], esp[:4]]
    decryptor = Cipher(TripleDES(key * 3), modes.CBC(initial)).decryptor()
    clear = decryptor.update(esp[ESP_HEADER + BLOCK :]) + decryptor.finalize()
    return ethernet + ip[:at] + ah + esp[: ESP_HEADER + BLOCK] + _without_uptime(clear)


def _without_uptime(packet: bytes) -> bytes:
    """Of a ping (`net.ping`): ICMP's checksum and octets 4 to 7 of its data."""
    icmp = (packet[0] & 15) * 4
    assert packet[9] == 1
    assert packet[icmp] in (0, 8)
    checksum, uptime = icmp + 2, icmp + 12
    zeroed = packet[:checksum] + bytes(2) + packet[checksum + 2 : uptime] + bytes(4)
    return zeroed + packet[uptime + 4 :]


def _keys(esp_sa: Path) -> Keys:
    with esp_sa.open(newline="") as rows:
        return {
            (ip_address(row[2]).packed, bytes.fromhex(row[3][2:])): bytes.fromhex(row[5][2:])
            for row in csv.reader(rows)
        }
