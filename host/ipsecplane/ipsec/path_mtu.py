"""Path MTUs learnt from ICMP about our own IPsec packets (RFC 4301 section 8.2, RFC 1191).

The messages are not authentic: only one that quotes a packet of a live SA, too big for the MTU it
tells and not to be fragmented, is believed, for that SA alone and for a while.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from ipsecplane.config import Address

from .sad import SadEntry

SMALLEST: Final = {4: 576, 6: 1280}
"""Octets that are believed at least, by IP version."""

LIFETIME: Final = 600.0
"""Seconds that a message is believed (RFC 1191 section 6.3)."""

PLATEAUS: Final = (32000, 17914, 8166, 4352, 2002, 1492, 1006)
"""What to try next where a router older than RFC 1191 tells no MTU (its section 7.1)."""

_UDP: Final = 17


@dataclass(frozen=True, slots=True)
class TooBig:
    """ICMP "fragmentation needed" or "packet too big", and what it quotes of a packet of ours.

    `mtu` and `length` (of the whole packet) are octets. `ports` (source, destination) of UDP;
    `spi` None = the quote ends before it.
    """

    mtu: int
    src: Address
    dst: Address
    protocol: int
    length: int
    df: bool
    spi: int | None
    ports: tuple[int, int] | None = None

    def believable(self) -> int | None:
        """The path MTU that it tells; None if it makes no sense."""
        smallest = SMALLEST[self.src.version]
        if self.src.version == 6:
            return self.mtu if smallest <= self.mtu < self.length else None
        mtu = self.mtu or next((p for p in PLATEAUS if p < self.length), smallest)
        mtu = max(mtu, smallest)
        return mtu if self.df and mtu < self.length else None

    def is_about(self, sa: SadEntry) -> bool:
        """Whether the packet was one of this SA's."""
        sas = sa.sas
        if not sa.outbound or (sas.local, sas.remote) != (self.src, self.dst):
            return False
        if sas.udp_encapsulation:
            same_ports = self.ports == (sas.local_port, sas.remote_port)
            own = same_ports and self.spi in (None, sa.outer.outbound_spi)
            return self.protocol == _UDP and own
        return (self.protocol, self.spi) == (sa.outer.protocol, sa.outer.outbound_spi)


class PathMtus:
    """By SA (`IpsecSas.id`). Times are seconds."""

    def __init__(self) -> None:
        self._learnt: dict[int, tuple[int, float]] = {}

    def learn(self, sa: int, mtu: int, now: float) -> None:
        self._learnt[sa] = mtu, now + LIFETIME

    def inherit(self, sa: int, successor: int) -> None:
        """The successor takes the same path."""
        if sa in self._learnt:
            self._learnt[successor] = self._learnt[sa]

    def forget(self, sa: int) -> None:
        self._learnt.pop(sa, None)

    def get(self, sa: int, link_mtu: int) -> int:
        """The smaller of what was learnt and the link's own."""
        return min(link_mtu, self._learnt.get(sa, (link_mtu, 0.0))[0])

    def next_timeout(self) -> float | None:
        return min((until for _, until in self._learnt.values()), default=None)

    def handle_timeout(self, now: float) -> bool:
        """Forget what is too old. True if anything was."""
        before = len(self._learnt)
        self._learnt = {sa: (mtu, at) for sa, (mtu, at) in self._learnt.items() if at > now}
        return len(self._learnt) != before
