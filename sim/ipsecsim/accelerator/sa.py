"""A security association as the accelerator holds it: keys, headers to build, sequence state."""

from __future__ import annotations

from dataclasses import dataclass, field

from ipsecplane.ipsec.overhead import Encapsulation

from .ah import Ah
from .esp import Esp
from .replay import ReplayWindow

SEQUENCE_LIMIT = (1 << 32) - 1
SEQUENCE_LIMIT_ESN = (1 << 64) - 1


@dataclass(frozen=True, slots=True)
class Outer:
    """The tunnel's IP header. Addresses have 4 or 16 octets; `dscp` None = copy the inner one."""

    version: int
    source: bytes
    destination: bytes
    ttl: int
    dscp: int | None
    ecn_copy: bool


@dataclass(slots=True)
class EncryptSa:
    """An outbound SA or AH+ESP bundle (AH outside). `outer` None = transport mode.

    `sequence` is the last number used; both headers of a bundle carry the same one. `sizes` holds
    the overhead by version of the carrying IP header.
    """

    epoch: int
    outer: Outer | None
    esp: Esp | None
    ah: Ah | None
    esn: bool
    udp: tuple[int, int] | None
    sizes: dict[int, Encapsulation]
    sequence: int = 0

    @property
    def spi(self) -> int:
        """That of the outermost IPsec header."""
        if self.ah is not None:
            return self.ah.spi
        return self.esp.spi if self.esp is not None else 0

    @property
    def sequence_limit(self) -> int:
        return SEQUENCE_LIMIT_ESN if self.esn else SEQUENCE_LIMIT

    def adopt(self, other: EncryptSa) -> None:
        """Go on where `other`, the same SA programmed before, has stopped."""
        self.sequence = other.sequence


@dataclass(slots=True)
class DecryptSa:
    """An inbound SA or AH+ESP bundle. Each header has its own window: their senders count apart."""

    epoch: int
    transport: bool
    esp: Esp | None
    ah: Ah | None
    esn: bool
    udp_encap: bool
    ah_window: ReplayWindow = field(default_factory=lambda: ReplayWindow(0))
    esp_window: ReplayWindow = field(default_factory=lambda: ReplayWindow(0))

    def adopt(self, other: DecryptSa) -> None:
        """Go on where `other`, the same SA programmed before, has stopped."""
        self.ah_window.adopt(other.ah_window)
        self.esp_window.adopt(other.esp_window)
