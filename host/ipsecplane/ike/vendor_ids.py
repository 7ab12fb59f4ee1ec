"""Vendor IDs other than NAT-T's: what a peer can do beyond the RFCs of IKE."""

from __future__ import annotations

from typing import Final

# RFC 3706 section 5: protocol version 1.0 in the last two octets.
DPD: Final = bytes.fromhex("afcad71368a1f1c96b8696fc77570100")
# Cisco Unity 1.0: IOS, and clients that take part in mode configuration. A peer that sends it and
# not DPD's is an IOS from before DPD, whose keepalives are its own.
UNITY: Final = bytes.fromhex("12f5f28c457168a9702d9fe274cc0100")
# draft-ietf-ipsec-isakmp-xauth-06 section 2
XAUTH: Final = bytes.fromhex("09002689dfd6b712")

_NAMES: Final = {DPD: "DPD", UNITY: "Unity", XAUTH: "XAUTH"}


def name_of(value: bytes) -> str | None:
    """As `debug crypto isakmp` calls it; None if it is none of these."""
    return _NAMES.get(value)
