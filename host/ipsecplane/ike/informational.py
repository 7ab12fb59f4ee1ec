"""Informational exchanges: HASH(1) with notifications or deletions (RFC 2409 section 5.7)."""

from __future__ import annotations

import hmac
from collections.abc import Sequence

from ipsecplane.ike import messages
from ipsecplane.ike.constants import PROTOCOL_ID, ExchangeType, PayloadType
from ipsecplane.ike.errors import AuthenticationError, PayloadError
from ipsecplane.ike.isakmp_sa import IsakmpSa
from ipsecplane.ike.messages import Message, node_of
from ipsecplane.ike.payloads import HEADER_SIZE, Deletion, Header, encode_chain
from ipsecplane.ike.sa_records import parts_of
from ipsecplane.ike.types import IpsecSas


def send(
    sa: IsakmpSa, payloads: Sequence[tuple[int, bytes]], message_id: int | None = None
) -> None:
    """One authenticated message with a message ID of its own; nobody confirms it."""
    message_id = message_id or sa.new_message_id()
    node = node_of(message_id)
    sa.runtime.debug(f"ISAKMP: set new node {node} to QM_IDLE")
    sa.send(build(sa, message_id, payloads))
    sa.debug(f"purging node {node}")


def send_deletion(sa: IsakmpSa, sas: IpsecSas) -> None:
    """DELETE for each protocol of a pair: the SPIs are those of our inbound SAs."""
    deletions = [
        Deletion(PROTOCOL_ID[part.protocol], (part.inbound_spi.to_bytes(4),))
        for part in parts_of(sas)
    ]
    send(sa, [(PayloadType.DELETE, deletion.encode()) for deletion in deletions])


def build(sa: IsakmpSa, message_id: int, payloads: Sequence[tuple[int, bytes]]) -> bytes:
    keys = sa.phase1_keys()
    proof = keys.authenticate(message_id.to_bytes(4), encode_chain(payloads))
    message, _ = messages.sealed(
        keys,
        keys.phase2_iv(sa.last_block, message_id),
        sa.cookies,
        ExchangeType.INFORMATIONAL,
        message_id,
        [(PayloadType.HASH, proof), *payloads],
    )
    return message


def open_authenticated(sa: IsakmpSa, header: Header, data: bytes, iv: bytes) -> Message:
    """Decrypts and checks HASH(1); raises `PayloadError` or `AuthenticationError`."""
    message = sa.open_sealed(iv, header, data)
    check_hash(sa, message, header.message_id.to_bytes(4))
    return message


def check_hash(sa: IsakmpSa, message: Message, prefix: bytes) -> None:
    """The first payload must be the HASH of `prefix` and of all payloads after it."""
    if not message.payloads or message.payloads[0].type != PayloadType.HASH:
        raise PayloadError(HEADER_SIZE, "HASH", "is not the first payload")
    first = message.payloads[0]
    expected = sa.phase1_keys().authenticate(prefix, message.after(first))
    if not hmac.compare_digest(first.body, expected):
        raise AuthenticationError("HASH does not match")
