"""Is the peer still there? R-U-THERE and its acknowledgement (RFC 3706), or IOS's keepalives.

The rhythm is that of the guide's chapter 4: a probe; unanswered, it is sent again each retry
interval, four times; one retry interval later the peer is dead. Periodic probes go out at their
interval whatever else is heard, but for a hello of the peer's own, which starts the interval anew.
On demand, a probe goes out when there was traffic to send and nothing came for the interval.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

from ipsecplane.config import Keepalive
from ipsecplane.ike import informational, vendor_ids
from ipsecplane.ike.constants import NotifyType, PayloadType, ProtocolId
from ipsecplane.ike.isakmp_sa import IsakmpSa
from ipsecplane.ike.messages import node_of
from ipsecplane.ike.payloads import Notification
from ipsecplane.ike.timers import Timer

RETRANSMISSIONS: Final = 4
SEQUENCE_SIZE: Final = 4
WINDOW: Final = 1 << 31
"""How far ahead of the last one a peer's sequence number may be: serial number arithmetic."""

IOS_KEEPALIVE: Final = NotifyType.KEEP_ALIVE, NotifyType.KEEP_ALIVE_ACK
DPD: Final = NotifyType.R_U_THERE, NotifyType.R_U_THERE_ACK


def protocol_with(sa: IsakmpSa) -> tuple[NotifyType, NotifyType] | None:
    """What a peer understands, by its vendor IDs: (question, answer).

    Easy VPN has DPD alone (guide chapter 4).
    """
    if vendor_ids.DPD in sa.peer_vendor_ids and sa.runtime.config.dead_peer_detection:
        return DPD
    terms = sa.phase1.credentials if sa.phase1 is not None else None
    easy_vpn = terms is not None and (terms.client is not None or terms.group is not None)
    if vendor_ids.UNITY in sa.peer_vendor_ids and not easy_vpn:
        return IOS_KEEPALIVE
    return None


class DeadPeerDetection:
    """Our questions under one IKE SA. `on_dead(sa, now)` when nobody answers."""

    def __init__(
        self,
        sa: IsakmpSa,
        keepalive: Keepalive,
        protocol: tuple[NotifyType, NotifyType],
        on_dead: Callable[[IsakmpSa, float], None],
    ) -> None:
        self.sa = sa
        self.keepalive = keepalive
        self.answer = protocol[1]
        self._question = protocol[0]
        self._on_dead = on_dead
        # RFC 3706 section 5: the first is random; without its highest bit it does not wrap soon.
        self._sequence = int.from_bytes(sa.runtime.random_bytes(SEQUENCE_SIZE)) >> 1
        self._waiting = False
        self._misses = 0
        self._asked_at = 0.0
        self._heard_at = 0.0
        self._timer: Timer | None = None

    @property
    def capability(self) -> str:
        return "D" if self._question is NotifyType.R_U_THERE else "K"

    @property
    def on_demand(self) -> bool:
        """IOS's own keepalives know no other way than the periodic one."""
        return not self.keepalive.periodic and self._question is NotifyType.R_U_THERE

    def start(self, now: float) -> None:
        what = "IKE_DPD" if self._question is NotifyType.R_U_THERE else "IKE_KEEPALIVE"
        self.sa.debug(f"{what} is enabled, initializing timers")
        self._alive(now, now)

    def stop(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None

    # --- what is heard ---

    def hello(self, now: float) -> None:
        """The peer asked us: it is there."""
        self._alive(now, now)

    def answered(self, sequence: int, now: float) -> None:
        """An acknowledgement; only that of the question that is open counts."""
        if not self._waiting or sequence != self._sequence:
            self.sa.runtime.count("dpd_bad_sequence")
            self.sa.debug(f"DPD/{self.answer.name} with sequence 0x{sequence:X} is not expected")
            return
        self._alive(now, self._asked_at)

    def heard(self, now: float) -> None:
        """An authentic message of the peer's, about something else."""
        self._heard_at = now
        if self._waiting:
            self._alive(now, self._asked_at)

    def traffic(self, *, received: bool, sent: bool, now: float) -> None:
        """What the SAs with the peer have carried since the last call."""
        if not self.on_demand:
            return
        if received:
            self.heard(now)
        elif sent and not self._waiting and now - self._heard_at >= self.keepalive.interval:
            self._ask(now)

    def _alive(self, now: float, since: float) -> None:
        self.stop()
        self._waiting, self._misses, self._heard_at = False, 0, now
        if not self.on_demand:
            self._at(max(since + self.keepalive.interval, now), self._ask)

    # --- asking ---

    def _ask(self, now: float) -> None:
        self._sequence = self._sequence + 1 & 0xFFFFFFFF
        self._asked_at = now
        self._waiting = True
        self._send("IKE_TIMER_IM_ALIVE")
        self._at(now + self.keepalive.retry, self._missed)

    def _missed(self, now: float) -> None:
        sa = self.sa
        self._misses += 1
        sa.debug("incrementing error counter on sa: PEERS_ALIVE_TIMER")
        if self._misses > RETRANSMISSIONS:
            self.stop()
            sa.debug(f"peer {sa.remote} not responding!")
            does = "does" if self._question is NotifyType.KEEP_ALIVE else "does not do"
            sa.debug(f"peer {does} paranoid keepalives.")
            self._on_dead(sa, now)
            return
        # The number stays until it is acknowledged: a peer may want them without gaps.
        self._send("IKE_TIMER_PEERS_ALIVE")
        self._at(now + self.keepalive.retry, self._missed)

    def _send(self, timer: str) -> None:
        send(self.sa, self._question, self._sequence)
        self.sa.runtime.count("dpd_sent")
        self.sa.trace_input("IKE_MESG_FROM_TIMER", timer)

    def _at(self, when: float, callback: Callable[[float], None]) -> None:
        self._timer = self.sa.runtime.timers.at(when, callback)


def send(sa: IsakmpSa, kind: NotifyType, sequence: int) -> None:
    """A question or an answer with its sequence number."""
    notification = Notification(
        ProtocolId.ISAKMP, kind, sa.cookies, sequence.to_bytes(SEQUENCE_SIZE)
    )
    message_id = sa.new_message_id()
    sa.debug(
        f"Sending NOTIFY DPD/{kind.name} protocol 1\n\t spi 0, message ID = {node_of(message_id)}"
    )
    sa.debug(f" seq. no 0x{sequence:X}")
    informational.send(sa, [(PayloadType.NOTIFICATION, notification.encode())], message_id)


class PeersQuestions:
    """The sequence numbers of a peer's questions: a repetition is answered, an old one is not."""

    def __init__(self) -> None:
        self._last: int | None = None

    def accepts(self, sequence: int) -> bool:
        if self._last is not None and (sequence - self._last) & 0xFFFFFFFF >= WINDOW:
            return False
        self._last = sequence
        return True
