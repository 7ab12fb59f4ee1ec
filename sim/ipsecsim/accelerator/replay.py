"""The anti-replay window and the inference of extended sequence numbers.

RFC 4303 section 3.4.3 and appendix A2; guide chapter 1 (windows of 64 to 1024, or none).
"""

from __future__ import annotations

from typing import Final

from ipsecplane.targets.crypto_header import Reason

_LOW: Final = 0xFFFFFFFF


class ReplayWindow:
    """What one inbound SA remembers of the sequence numbers that it has accepted.

    `size` is in packets; 0 = no replay protection: every number passes, and the highest one is
    remembered only because the high half of extended numbers has to be inferred from something.
    """

    __slots__ = ("_seen", "highest", "size")

    def __init__(self, size: int) -> None:
        self.size = size
        self.highest = 0
        self._seen = 1  # bit n: highest - n was seen; number 0 is never sent

    def infer(self, low: int) -> int:
        """The 64-bit number whose low half was received; negative if there is no such number:
        it would lie before the first or beyond the last.

        RFC 4303 appendix A2.2. Without a window, the candidate nearest to the highest number.
        """
        width = self.size or 1 << 31
        high, top = self.highest >> 32, self.highest & _LOW
        if top >= width - 1:  # case A: the window lies within one high half
            if low <= top - width:
                high += 1
        elif low >= (top - width + 1) & _LOW:  # case B: it spans two, and this is in the lower
            high -= 1
        if not self.size:
            high = min(max(high, 0), _LOW)
        return high << 32 | low if 0 <= high <= _LOW else low - (1 << 32)

    def check(self, sequence: int) -> Reason:
        """OK, REPLAYED or TOO_OLD. Changes nothing."""
        if not self.size:
            return Reason.OK
        behind = self.highest - sequence
        if behind < 0:
            return Reason.OK
        if behind >= self.size or sequence <= 0:
            return Reason.TOO_OLD
        return Reason.REPLAYED if self._seen >> behind & 1 else Reason.OK

    def accept(self, sequence: int) -> None:
        """Remember a number that passed `check` and whose packet proved authentic."""
        ahead = sequence - self.highest
        if ahead <= 0:
            if self.size:
                self._seen |= 1 << -ahead
            return
        self.highest = sequence
        if self.size:
            if ahead >= self.size:
                self._seen = 1
            else:
                self._seen = (self._seen << ahead | 1) & ((1 << self.size) - 1)

    def adopt(self, other: ReplayWindow) -> None:
        """Take over what `other` has accepted.

        What it did not keep (its window was smaller, or none) counts as seen: never as acceptable.
        """
        self.highest = other.highest
        if not self.size:
            return
        mask = (1 << self.size) - 1
        kept = (1 << other.size) - 1
        self._seen = (other._seen | ~kept) & mask if other.highest else 1
