"""NAT keepalives: one octet, so that a NAT keeps our mapping (RFC 3948 section 2.3; guide ch. 5).

They are sent by who is behind a NAT, and only when nothing else went to or came from the peer for
the configured time. Up to five per cent of it are taken off at random, so that many routers do not
send at once. A changed configuration counts from the next keepalive on.
"""

from __future__ import annotations

from typing import Final

from ipsecplane.ike.isakmp_sa import IsakmpSa
from ipsecplane.ike.timers import Timer
from ipsecplane.ike.types import Datagram

PAYLOAD: Final = b"\xff"
JITTER: Final = 0.05
_EARLY: Final = 1e-6


class NatKeepalive:
    """The keepalives of one IKE SA."""

    def __init__(self, sa: IsakmpSa) -> None:
        self._sa = sa
        self._active_at = 0.0
        self._delay = 0.0
        self._timer: Timer | None = None

    @property
    def running(self) -> bool:
        return self._timer is not None

    def start(self, now: float) -> None:
        """Begin, if keepalives are configured and none are under way."""
        if self._timer is None:
            self._begin(now)

    def stop(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None

    def active(self, since: float) -> None:
        """Something was sent or received at `since` or later."""
        self._active_at = max(self._active_at, since)

    def _begin(self, now: float) -> None:
        runtime = self._sa.runtime
        self.stop()
        interval = runtime.config.nat_keepalive
        if not interval:
            return
        share = int.from_bytes(runtime.random_bytes(2)) / 65536
        self._active_at = max(self._active_at, now)
        self._delay = interval * (1 - JITTER * share)
        self._timer = runtime.timers.at(now + self._delay, self._due)

    def _due(self, now: float) -> None:
        sa = self._sa
        due = self._active_at + self._delay
        if due > now + _EARLY:
            self._timer = sa.runtime.timers.at(due, self._due)
            return
        if sa.runtime.config.nat_keepalive:
            sa.runtime.count("nat_keepalives_sent")
            sa.runtime.send(Datagram(sa.local, sa.local_port, sa.remote, sa.remote_port, PAYLOAD))
        self._begin(now)
