"""How a codec says no: one exception, always with the contract's reason."""

from __future__ import annotations

from ipsecplane.targets.crypto_header import Reason


class Refused(Exception):
    """The packet is refused for `reason`; the text is for people.

    `spi` and `sequence` are those of the outermost IPsec header, as far as they were read.
    """

    def __init__(self, reason: Reason, text: str) -> None:
        super().__init__(text)
        self.reason = reason
        self.spi = 0
        self.sequence = 0
