"""Crypto sessions: a peer with SAs. Their coming and going is logged if the router is asked to."""

from __future__ import annotations

from collections.abc import Iterable

from ipsecplane.config import Address
from ipsecplane.ios import syslog
from ipsecplane.ipsec.sad import SadEntry

from .log import Log

Peer = tuple[Address, int]


class Sessions:
    """`logged`: `crypto logging session` is configured."""

    def __init__(self, log: Log) -> None:
        self.logged = False
        self._log = log
        self._up: dict[Peer, float] = {}  # since when

    def follow(self, sas: Iterable[SadEntry], now: float) -> None:
        """SAs have come or gone."""
        up = {(sa.sas.remote, sa.sas.remote_port) for sa in sas if sa.outbound}
        if self.logged:
            for peer in sorted(up - self._up.keys(), key=str):
                self._log.add(syslog.session_up(now, *peer))
            for peer in sorted(self._up.keys() - up, key=str):
                self._log.add(syslog.session_down(now, *peer))
        self._up = {peer: self._up.get(peer, now) for peer in up}

    def since(self, peer: Peer) -> float | None:
        """When the session with a peer came up; None = it is down."""
        return self._up.get(peer)

    def dead(self, peer: Peer, now: float) -> None:
        """Told whether asked for or not: the guide's chapter 4 shows it among debug lines."""
        self._log.add(syslog.session_down(now, *peer))
        self._up.pop(peer, None)

    def moved(self, old: Peer, new: Peer) -> None:
        if old in self._up:
            self._up[new] = self._up.pop(old)
