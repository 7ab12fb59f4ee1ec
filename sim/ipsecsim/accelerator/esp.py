"""Encapsulating Security Payload (RFC 4303): header, padding and trailer around a transform."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from ipsecplane.ipsec.algorithms import Cipher
from ipsecplane.ipsec.overhead import ESP_HEADER, ESP_TRAILER, esp_padding
from ipsecplane.targets.crypto_header import Reason

from .refusal import Refused
from .transforms import EspTransform

_PADDING: Final = tuple(bytes(range(1, n + 1)) for n in range(256))
"""Self-describing padding of each length (RFC 4303 section 2.4)."""


@dataclass(slots=True)
class Esp:
    """The ESP half of an SA. `icv_size` 0 = no integrity of its own."""

    spi: int
    cipher: Cipher
    icv_size: int
    transform: EspTransform

    @property
    def smallest(self) -> int:
        """Octets of an ESP packet that carries nothing but its trailer."""
        return ESP_HEADER + self.cipher.iv_size + ESP_TRAILER + self.icv_size


def seal(esp: Esp, sequence: int, next_header: int, payload: bytes) -> bytes:
    """The ESP packet, from SPI to ICV. `sequence` has 64 bits; the high half is not sent."""
    padding = esp_padding(esp.cipher, len(payload))
    trailer = _PADDING[padding] + bytes((padding, next_header))
    return esp.transform.seal(esp.spi, sequence, payload + trailer)


def check_header(esp: Esp, packet: bytes) -> int:
    """The low half of the sequence number of an ESP packet meant for this SA.

    Raises Refused TRUNCATED or WRONG_SPI.
    """
    if len(packet) < esp.smallest:
        raise Refused(Reason.TRUNCATED, f"ESP: {len(packet)} octets, needs {esp.smallest}")
    spi = int.from_bytes(packet[:4], "big")
    if spi != esp.spi:
        raise Refused(Reason.WRONG_SPI, f"ESP: SPI 0x{spi:08x}, the SA has 0x{esp.spi:08x}")
    return int.from_bytes(packet[4:8], "big")


def strip(plaintext: bytes) -> tuple[int, bytes]:
    """Next header and payload of a decrypted plaintext. Raises Refused BAD_PADDING."""
    padding = plaintext[-2]
    end = len(plaintext) - ESP_TRAILER - padding
    if end < 0 or plaintext[end:-2] != _PADDING[padding]:
        raise Refused(Reason.BAD_PADDING, f"ESP: padding of {padding} octets is not 1, 2, 3…")
    return plaintext[-1], plaintext[:end]
