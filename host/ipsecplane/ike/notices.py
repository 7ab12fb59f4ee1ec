"""What authenticated notifications and deletions of a peer do."""

from __future__ import annotations

from ipsecplane.ike.constants import (
    IP_PROTOCOL,
    NotifyType,
    PayloadType,
    ProtocolId,
    is_error_notify,
    notify_name,
)
from ipsecplane.ike.dpd import DPD, IOS_KEEPALIVE
from ipsecplane.ike.isakmp_sa import IsakmpSa
from ipsecplane.ike.liveness import Liveness
from ipsecplane.ike.messages import Message, node_of
from ipsecplane.ike.payloads import Deletion, Notification
from ipsecplane.ike.phase1_manager import Phase1Manager
from ipsecplane.ike.phase2_manager import Phase2Manager


def handle(
    sa: IsakmpSa,
    message: Message,
    now: float,
    phase1: Phase1Manager,
    phase2: Phase2Manager,
    liveness: Liveness,
) -> None:
    """All payloads of an informational message; raises `PayloadError` before any of them acts."""
    decoded: list[Notification | Deletion] = []
    for payload in message.payloads:
        if payload.type == PayloadType.NOTIFICATION:
            decoded.append(Notification.decode(payload))
        elif payload.type == PayloadType.DELETE:
            decoded.append(Deletion.decode(payload))
    if not any(isinstance(i, Notification) and i.type in (*DPD, *IOS_KEEPALIVE) for i in decoded):
        liveness.heard(sa, now)
    for item in decoded:
        if isinstance(item, Deletion):
            _delete(sa, item, now, phase1, phase2)
        else:
            _notify(sa, item, message.header.message_id, now, phase1, phase2, liveness)


def _delete(
    sa: IsakmpSa, deletion: Deletion, now: float, phase1: Phase1Manager, phase2: Phase2Manager
) -> None:
    sa.debug(f" processing DELETE_WITH_REASON payload, protocol {deletion.protocol}")
    if deletion.protocol == ProtocolId.ISAKMP:
        for cookies in deletion.spis:
            other = phase1.by_cookies(cookies)
            if other is not None and other.remote == sa.remote and other.established:
                phase1.delete(other, now, "P1 delete notify (in)", tell_peer=False)
        return
    protocol = _ip_protocol(deletion.protocol)
    for spi in deletion.spis:
        if protocol is not None and len(spi) == 4:
            phase2.deleted_by_peer(sa, protocol, int.from_bytes(spi), now)


def _notify(
    sa: IsakmpSa,
    notification: Notification,
    message_id: int,
    now: float,
    phase1: Phase1Manager,
    phase2: Phase2Manager,
    liveness: Liveness,
) -> None:
    kind, name = notification.type, notify_name(notification.type)
    spi = int.from_bytes(notification.spi) if len(notification.spi) == 4 else 0
    sa.debug(
        f" processing NOTIFY {name} protocol {notification.protocol}\n\t spi {spi}, "
        f"message ID = {node_of(message_id)}, sa = {sa.handle:X}"
    )
    protocol = _ip_protocol(notification.protocol)
    if kind == NotifyType.INVALID_SPI:
        # The SPI is in the SPI field, or, where that names the IKE SA, in the data.
        unknown = notification.spi if len(notification.spi) == 4 else notification.data
        if protocol is not None and len(unknown) == 4:
            sa.runtime.count("invalid_spi_received")
            phase2.deleted_by_peer(sa, protocol, int.from_bytes(unknown), now, invalid_spi=True)
    elif kind in (*DPD, *IOS_KEEPALIVE):
        liveness.notification(sa, notification, now)
    elif kind == NotifyType.INITIAL_CONTACT:
        phase1.drop_older(sa, now)
        phase2.drop_older(sa)
    elif is_error_notify(kind):
        phase2.refused_by_peer(sa, notification.spi, name, now)


def _ip_protocol(number: int) -> int | None:
    return next((ip for doi, ip in IP_PROTOCOL.items() if doi == number), None)
