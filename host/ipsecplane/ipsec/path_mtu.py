"""Path MTUs learnt from ICMP about our own IPsec packets (RFC 4301 section 8.2.1, RFC 1191)."""

from __future__ import annotations

from typing import Final

from ipsecplane.config import Address

SMALLEST: Final = {4: 576, 6: 1280}
"""Octets that are believed at least, by IP version: the messages are not authentic."""

LIFETIME: Final = 600.0
"""Seconds that a message is believed (RFC 1191 section 6.3)."""


class PathMtus:
    """By peer. Times are seconds."""

    def __init__(self) -> None:
        self._learnt: dict[Address, tuple[int, float]] = {}

    def learn(self, peer: Address, mtu: int, now: float) -> None:
        self._learnt[peer] = max(mtu, SMALLEST[peer.version]), now + LIFETIME

    def get(self, peer: Address, link_mtu: int) -> int:
        """The smaller of what was learnt and the link's own."""
        return min(link_mtu, self._learnt.get(peer, (link_mtu, 0.0))[0])

    def next_timeout(self) -> float | None:
        return min((until for _, until in self._learnt.values()), default=None)

    def handle_timeout(self, now: float) -> bool:
        """Forget what is too old. True if anything was."""
        before = len(self._learnt)
        self._learnt = {peer: (mtu, at) for peer, (mtu, at) in self._learnt.items() if at > now}
        return len(self._learnt) != before
