"""How large a packet becomes under IPsec, and the largest that still fits: pure arithmetic.

Both sides of the accelerator contract read this: the agent to program `max_inner` into the
pipeline, the accelerator to decide where to fragment (guide chapter 2: the size is known from the
transform set before anything is encrypted). Sizes are octets.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from .algorithms import Cipher, Integrity

IPV4_HEADER: Final = 20
IPV6_HEADER: Final = 40
UDP_HEADER: Final = 8
ESP_HEADER: Final = 8  # SPI and sequence number
ESP_TRAILER: Final = 2  # pad length and next header
AH_FIXED: Final = 12  # everything before the ICV
MAX_IPV4: Final = 65535
"""Largest value of the IPv4 total length; of IPv6 it is `IPV6_HEADER` more."""


class OverheadError(ValueError):
    """An encapsulation that cannot exist, or an MTU that carries nothing; the text says why."""


@dataclass(frozen=True, slots=True)
class Encapsulation:
    """What decides an SA's (or bundle's) overhead.

    `outer_version` is the version of the IP header that carries IPsec: the outer one in tunnel
    mode, the packet's own in transport mode. `cipher` None = no ESP; `ah` None = no AH; both = the
    bundle with AH outside. `udp` = ESP in UDP (RFC 3948). Raises OverheadError.
    """

    outer_version: int
    cipher: Cipher | None
    integrity: Integrity | None = None
    ah: Integrity | None = None
    transport: bool = False
    udp: bool = False

    def __post_init__(self) -> None:
        if self.outer_version not in (4, 6):
            raise OverheadError(f"outer version {self.outer_version}: must be 4 or 6")
        if self.cipher is None and self.ah is None:
            raise OverheadError("neither ESP nor AH")
        if self.cipher is None and self.integrity is not None:
            raise OverheadError(f"{self.integrity.name} for ESP, but no ESP cipher")
        if self.cipher is not None and self.cipher.aead and self.integrity is not None:
            raise OverheadError(f"{self.cipher.name} authenticates by itself")
        if self.udp and self.ah is not None:
            raise OverheadError("AH cannot be encapsulated in UDP")

    @property
    def outer_header(self) -> int:
        """The tunnel's IP header; 0 in transport mode."""
        if self.transport:
            return 0
        return IPV4_HEADER if self.outer_version == 4 else IPV6_HEADER

    @property
    def ah_header(self) -> int:
        return 0 if self.ah is None else ah_size(self.ah, self.outer_version)

    @property
    def esp_fixed(self) -> int:
        """ESP's header, IV and ICV: all but padding and trailer; 0 without ESP."""
        if self.cipher is None:
            return 0
        icv = self.integrity.icv_size if self.integrity else self.cipher.icv_size
        return ESP_HEADER + self.cipher.iv_size + icv

    @property
    def fixed(self) -> int:
        """Octets added to every packet, whatever its size (ESP's trailer and padding are not)."""
        udp = UDP_HEADER if self.udp else 0
        return self.outer_header + self.ah_header + udp + self.esp_fixed


def ah_size(integrity: Integrity, ip_version: int) -> int:
    """Octets of an AH header: a multiple of 4 over IPv4, of 8 over IPv6 (RFC 4302 section 2.2)."""
    unit = 4 if ip_version == 4 else 8
    return -(-(AH_FIXED + integrity.icv_size) // unit) * unit


def esp_alignment(cipher: Cipher) -> int:
    """Payload, padding and trailer fill a multiple of this (RFC 4303 section 2.4)."""
    return max(4, cipher.block_size)


def esp_padding(cipher: Cipher, payload: int) -> int:
    """Octets of padding after `payload` octets of plaintext: the fewest that align."""
    return -(payload + ESP_TRAILER) % esp_alignment(cipher)


def encapsulated_size(how: Encapsulation, inner: int, header: int | None = None) -> int:
    """Total length of the IP packet that carries a cleartext IP packet of `inner` octets.

    In transport mode `header` is the part of it that stays in front of IPsec: the IP header with
    its options, or with the extension headers before IPsec (default: the bare header); tunnel
    mode ignores it.
    """
    if how.cipher is None:
        return inner + how.fixed
    kept = _kept(how, header)
    payload = inner - kept
    return kept + how.fixed + payload + esp_padding(how.cipher, payload) + ESP_TRAILER


def max_inner(how: Encapsulation, mtu: int, header: int | None = None) -> int:
    """The largest cleartext IP packet whose encapsulation is at most `mtu` octets.

    The inverse of `encapsulated_size`, `header` as there. Raises OverheadError when not even an
    empty payload fits.
    """
    kept = _kept(how, header)
    room = mtu - how.fixed
    if how.cipher is not None:
        alignment = esp_alignment(how.cipher)
        room = kept + (room - kept) // alignment * alignment - ESP_TRAILER
    if room < kept or room < 0:
        raise OverheadError(f"MTU {mtu} is below the overhead of the SA")
    return room


def _kept(how: Encapsulation, header: int | None) -> int:
    if not how.transport:
        return 0
    if header is not None:
        return header
    return IPV4_HEADER if how.outer_version == 4 else IPV6_HEADER
