"""Which MAC address a neighbor has: one cache for ARP and neighbor discovery."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Final

from ipsecplane.config import Address

from ipsecsim.network.clock import Loop, Timer

ATTEMPTS: Final = 3  # one second apart (RFC 4861 section 10: MAX_UNICAST_SOLICIT, RETRANS_TIMER)
INTERVAL: Final = 1.0
LIFETIME: Final = 300.0
WAITING_LIMIT: Final = 16  # packets kept for one unresolved neighbor


@dataclass(slots=True)
class _Pending:
    waiting: list[bytes] = field(default_factory=list)
    attempts: int = 0
    timer: Timer | None = None


class Neighbors:
    """The neighbor cache of one interface; it asks with `ask` and sends with `transmit`."""

    def __init__(
        self,
        loop: Loop,
        ask: Callable[[Address], None],
        transmit: Callable[[bytes, int, bytes], None],
        unreachable: Callable[[Address, list[bytes]], None],
    ) -> None:
        """`ask(address)` sends a request; `transmit(mac, version, packet)` a packet;
        `unreachable(address, packets)` hears of those that nobody answered for.
        """
        self._loop = loop
        self._ask = ask
        self._transmit = transmit
        self._unreachable = unreachable
        self._known: dict[Address, tuple[bytes, float]] = {}
        self._pending: dict[Address, _Pending] = {}

    def send(self, next_hop: Address, packet: bytes) -> None:
        """Send an encoded IP packet to a neighbor, asking for its MAC address first if need be."""
        mac, fresh_until = self._known.get(next_hop, (b"", 0.0))
        if mac and self._loop.now < fresh_until:
            self._transmit(mac, next_hop.version, packet)
            return
        pending = self._pending.get(next_hop)
        if pending is None:
            pending = self._pending[next_hop] = _Pending([packet])
            self._attempt(next_hop, pending)
        else:
            pending.waiting = [*pending.waiting, packet][-WAITING_LIMIT:]

    def learn(self, address: Address, mac: bytes, *, create: bool = True) -> None:
        """Note what a message said; without `create` only what is known or asked for changes."""
        pending = self._pending.pop(address, None)
        if pending is None and not create and address not in self._known:
            return
        self._known[address] = (mac, self._loop.now + LIFETIME)
        if pending is not None:
            if pending.timer is not None:
                pending.timer.cancel()
            for packet in pending.waiting:
                self._transmit(mac, address.version, packet)

    def lookup(self, address: Address) -> bytes | None:
        mac, _ = self._known.get(address, (None, 0.0))
        return mac

    def clear(self) -> None:
        """Forget everything, as when the link went down."""
        self._known.clear()

    def _attempt(self, address: Address, pending: _Pending) -> None:
        if pending.attempts == ATTEMPTS:
            del self._pending[address]
            self._known.pop(address, None)
            self._unreachable(address, pending.waiting)
            return
        pending.attempts += 1
        pending.timer = self._loop.after(INTERVAL, lambda: self._attempt(address, pending))
        self._ask(address)
