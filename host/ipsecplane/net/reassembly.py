"""Reassembly of packets for the router itself (RFC 791, RFC 815's idea; RFC 5722: no overlaps)."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import Final

from ipsecplane.config import Address

from .ip import IpPacket

TIMEOUT: Final = 15.0
"""Seconds from the first fragment that a packet has to become whole (RFC 791: at least 15)."""

MAX_PACKETS: Final = 64
MAX_FRAGMENTS: Final = 128
MAX_SIZE: Final = 65535

_Key = tuple[Address, Address, int, int]


@dataclass(slots=True)
class _Partial:
    due: float
    parts: dict[int, bytes] = field(default_factory=dict)  # by offset
    length: int | None = None  # of the whole payload, once the last fragment is there
    first: IpPacket | None = None


class Reassembler:
    """Bounded: beyond MAX_PACKETS the oldest unfinished packet is given up."""

    def __init__(self) -> None:
        self._partial: dict[_Key, _Partial] = {}
        self.given_up = 0

    def add(self, fragment: IpPacket, now: float) -> IpPacket | None:
        """Take a fragment; returns the packet when this was its last missing piece."""
        key = fragment.src, fragment.dst, fragment.identification, fragment.protocol
        partial = self._partial.get(key)
        if partial is None or partial.due <= now:
            partial = self._partial[key] = _Partial(now + TIMEOUT)
            if len(self._partial) > MAX_PACKETS:
                self._give_up(next(iter(self._partial)))
        if not self._fits(partial, fragment):
            self._give_up(key)
            return None
        partial.parts[fragment.fragment_offset] = fragment.payload
        if fragment.fragment_offset == 0:
            partial.first = fragment
        if not fragment.more_fragments:
            partial.length = fragment.fragment_offset + len(fragment.payload)
        if partial.length is None or sum(map(len, partial.parts.values())) < partial.length:
            return None
        del self._partial[key]
        if partial.first is None:
            return None
        payload = b"".join(part for _, part in sorted(partial.parts.items()))
        return replace(partial.first, payload=payload, more_fragments=False, fragment_offset=0)

    def next_timeout(self) -> float | None:
        return min((p.due for p in self._partial.values()), default=None)

    def handle_timeout(self, now: float) -> list[IpPacket]:
        """Give up what is overdue; returns first fragments, whose senders may be told."""
        overdue = [key for key, partial in self._partial.items() if partial.due <= now]
        firsts = [self._partial[key].first for key in overdue]
        for key in overdue:
            self._give_up(key)
        return [first for first in firsts if first is not None]

    def _give_up(self, key: _Key) -> None:
        del self._partial[key]
        self.given_up += 1

    @staticmethod
    def _fits(partial: _Partial, fragment: IpPacket) -> bool:
        """No overlap, no contradiction about the length, not too much of it."""
        start, size = fragment.fragment_offset, len(fragment.payload)
        end = start + size
        if end > MAX_SIZE or size == 0 or len(partial.parts) >= MAX_FRAGMENTS:
            return False
        if fragment.more_fragments and size % 8:
            return False
        if partial.parts.get(start) == fragment.payload:
            return True  # the network doubled it
        for other, octets in partial.parts.items():
            if start < other + len(octets) and other < end:
                return False
        if partial.length is not None:
            return fragment.more_fragments and end <= partial.length
        if not fragment.more_fragments:
            return all(other + len(octets) <= end for other, octets in partial.parts.items())
        return True
