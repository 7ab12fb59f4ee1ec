"""Telling peers of SPIs that we do not have (guide chapter 3), setting up an IKE SA if need be."""

from __future__ import annotations

from typing import Final

from ipsecplane.config import Address
from ipsecplane.ike import informational
from ipsecplane.ike.constants import PROTOCOL_ID, NotifyType, PayloadType
from ipsecplane.ike.errors import NegotiationError
from ipsecplane.ike.isakmp_sa import IsakmpSa
from ipsecplane.ike.payloads import Notification
from ipsecplane.ike.phase1_manager import Phase1Manager
from ipsecplane.ike.runtime import RateLimit, Runtime

WAITING_LIMIT: Final = 8  # SPIs that one IKE SA on its way up carries for later
NOTICE_INTERVAL: Final = 1.0  # seconds between notifications of one SPI
RECOVERY_INTERVAL: Final = 10.0  # seconds between IKE SAs made for invalid SPIs of one peer


class SpiNotices:
    def __init__(self, runtime: Runtime, phase1: Phase1Manager) -> None:
        self._runtime = runtime
        self._phase1 = phase1
        self._notices = RateLimit(NOTICE_INTERVAL)
        self._recoveries = RateLimit(RECOVERY_INTERVAL)

    def notify(self, peer: Address, local: Address, protocol: int, spi: int, now: float) -> None:
        """See `Engine.notify_invalid_spi`."""
        if protocol not in PROTOCOL_ID or not self._notices.allows((peer, protocol, spi), now):
            return
        sa = self._phase1.established(local, peer)
        if sa is not None:
            self._send(sa, protocol, spi)
            return
        config = self._runtime.config
        if not config.invalid_spi_recovery:
            return
        sa = self._phase1.negotiating(local, peer)
        if sa is None:
            if not any(peer in policy.peers for policy in config.phase2):
                self._runtime.count("recovery_unknown_peer")
                return
            if not self._recoveries.allows(peer, now):
                self._runtime.count("recovery_rate_limited")
                return
            try:
                sa = self._phase1.start(local, peer, now, for_recovery=True)
            except NegotiationError as error:
                self._runtime.debug(f"ISAKMP:(0):invalid SPI recovery is impossible: {error}")
                return
            self._runtime.count("recoveries")
        waiting = sa.work.invalid_spis
        if (protocol, spi) not in waiting and len(waiting) < WAITING_LIMIT:
            waiting.append((protocol, spi))

    def sa_established(self, sa: IsakmpSa) -> None:
        """Send what waited for an IKE SA with this peer."""
        for other in self._phase1:
            if other.remote == sa.remote and other.local == sa.local:
                for protocol, spi in other.work.invalid_spis:
                    self._send(sa, protocol, spi)
                other.work.invalid_spis.clear()

    def _send(self, sa: IsakmpSa, protocol: int, spi: int) -> None:
        number = PROTOCOL_ID[protocol]
        sa.debug(f"sending NOTIFY INVALID_SPI protocol {int(number)} spi {spi}")
        notification = Notification(number, NotifyType.INVALID_SPI, spi.to_bytes(4))
        informational.send(sa, [(PayloadType.NOTIFICATION, notification.encode())])
        self._runtime.count("invalid_spi_sent")
