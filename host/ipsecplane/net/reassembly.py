"""Reassembly of packets for the router itself (RFC 791, RFC 815's idea; RFC 5722: no overlaps).

Bounded in packets, fragments and time: whoever forges fragments fills no memory but this. What is
given up has a reason, which goes to `on_drop` and is counted.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from enum import Enum
from typing import Final

from ipsecplane.config import Address

from .ip import IpPacket

MAX_SIZE: Final = 65535

_Key = tuple[Address, Address, int, int]


class Drop(Enum):
    """Why fragments were given up."""

    TABLE_FULL = "too many packets at once"
    TOO_MANY_FRAGMENTS = "too many fragments of one packet"
    OVERLAP = "fragments overlap"
    INVALID_LENGTH = "a length that cannot be, or contradicts another fragment's"
    TIMEOUT = "the rest did not come in time"
    REFUSED = "the interface takes no fragments"


@dataclass(frozen=True, slots=True)
class Limits:
    """Unfinished packets at once, fragments of one, seconds from the first to the last.

    `refuse`: no fragment is taken at all.
    """

    packets: int = 64
    fragments: int = 128
    timeout: float = 15.0  # RFC 791: at least 15
    refuse: bool = False


@dataclass(slots=True)
class _Partial:
    due: float
    parts: dict[int, bytes] = field(default_factory=dict)  # by offset
    length: int | None = None  # of the whole payload, once the last fragment is there
    first: IpPacket | None = None


class Reassembler:
    """Puts packets together. `on_drop(why, fragment)` is called for each that is given up.

    `fragment` is the one that cannot be taken; of a packet whose time is over the first fragment,
    if it came, else None.
    """

    def __init__(
        self,
        limits: Limits = Limits(),
        on_drop: Callable[[Drop, IpPacket | None], None] = lambda why, fragment: None,
    ) -> None:
        self.limits = limits
        self.reassembled = 0
        self.drops: Counter[Drop] = Counter()
        self._on_drop = on_drop
        self._partial: dict[_Key, _Partial] = {}

    @property
    def packets(self) -> int:
        """Unfinished ones."""
        return len(self._partial)

    @property
    def fragments(self) -> int:
        """Those that wait for the rest of their packets."""
        return sum(len(partial.parts) for partial in self._partial.values())

    def add(self, fragment: IpPacket, now: float) -> IpPacket | None:
        """Take a fragment; returns the packet when this was its last missing piece."""
        if self.limits.refuse:
            self._drop(Drop.REFUSED, fragment)
            return None
        self._expire(now)
        key = fragment.src, fragment.dst, fragment.identification, fragment.protocol
        partial = self._partial.get(key)
        if partial is None:
            if len(self._partial) >= self.limits.packets:
                self._drop(Drop.TABLE_FULL, fragment)
                return None
            partial = self._partial[key] = _Partial(now + self.limits.timeout)
        why = self._misfit(partial, fragment)
        if why is not None:
            del self._partial[key]
            self._drop(why, fragment)
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
        self.reassembled += 1
        payload = b"".join(part for _, part in sorted(partial.parts.items()))
        return replace(partial.first, payload=payload, more_fragments=False, fragment_offset=0)

    def next_timeout(self) -> float | None:
        return min((p.due for p in self._partial.values()), default=None)

    def handle_timeout(self, now: float) -> list[IpPacket]:
        """Give up what is overdue; returns first fragments, whose senders may be told."""
        return [first for first in self._expire(now) if first is not None]

    def _expire(self, now: float) -> list[IpPacket | None]:
        overdue = [key for key, partial in self._partial.items() if partial.due <= now]
        firsts = [self._partial.pop(key).first for key in overdue]
        for first in firsts:
            self._drop(Drop.TIMEOUT, first)
        return firsts

    def _drop(self, why: Drop, fragment: IpPacket | None) -> None:
        self.drops[why] += 1
        self._on_drop(why, fragment)

    def _misfit(self, partial: _Partial, fragment: IpPacket) -> Drop | None:
        """No overlap, no contradiction about the length, not too many and not too much of it."""
        start, size = fragment.fragment_offset, len(fragment.payload)
        end = start + size
        if end > MAX_SIZE or size == 0 or (fragment.more_fragments and size % 8):
            return Drop.INVALID_LENGTH
        if partial.parts.get(start) == fragment.payload:
            return None  # the network doubled it
        if len(partial.parts) >= self.limits.fragments:
            return Drop.TOO_MANY_FRAGMENTS
        for other, octets in partial.parts.items():
            if start < other + len(octets) and other < end:
                return Drop.OVERLAP
        if partial.length is not None:
            fits = fragment.more_fragments and end <= partial.length
        elif not fragment.more_fragments:
            fits = all(other + len(octets) <= end for other, octets in partial.parts.items())
        else:
            fits = True
        return None if fits else Drop.INVALID_LENGTH
