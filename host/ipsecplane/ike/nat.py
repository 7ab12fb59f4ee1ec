"""NAT traversal in IKE: support, detection, encapsulation modes (RFC 3947; guide, chapter 5)."""

from __future__ import annotations

import hashlib
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from enum import Enum
from typing import Final

from ipsecplane.config import Address
from ipsecplane.ike.constants import Encapsulation, PayloadType
from ipsecplane.ipsec.algorithms import HASH


class NatVersion(Enum):
    """Which text of NAT-T both sides speak: the RFC or its drafts 02 and 03 have other numbers."""

    RFC = "rfc3947"
    DRAFT_03 = "draft-ietf-ipsec-nat-t-ike-03"
    DRAFT_02 = "draft-ietf-ipsec-nat-t-ike-02"

    @property
    def nat_d(self) -> PayloadType:
        return PayloadType.NAT_D if self is NatVersion.RFC else PayloadType.NAT_D_DRAFT

    @property
    def nat_oa(self) -> PayloadType:
        return PayloadType.NAT_OA if self is NatVersion.RFC else PayloadType.NAT_OA_DRAFT

    def encapsulation(self, *, transport: bool) -> Encapsulation:
        if self is NatVersion.RFC:
            return Encapsulation.UDP_TRANSPORT if transport else Encapsulation.UDP_TUNNEL
        return Encapsulation.UDP_TRANSPORT_DRAFT if transport else Encapsulation.UDP_TUNNEL_DRAFT


# Vendor IDs are MD5 sums of texts (RFC 3947 section 3.1); best first. Draft 02 circulated with and
# without a line feed after its name.
_VENDOR_IDS: Final = tuple(
    (version, hashlib.md5(text, usedforsecurity=False).digest(), name)
    for version, text, name in (
        (NatVersion.RFC, b"RFC 3947", "rfc3947"),
        (NatVersion.DRAFT_03, b"draft-ietf-ipsec-nat-t-ike-03", "03"),
        (NatVersion.DRAFT_02, b"draft-ietf-ipsec-nat-t-ike-02\n", "02"),
        (NatVersion.DRAFT_02, b"draft-ietf-ipsec-nat-t-ike-02", "02"),
    )
)


def offered_vendor_ids() -> list[tuple[bytes, str]]:
    """The initiator's: every version, with IOS's names for the debug lines."""
    return [(value, name) for _, value, name in _VENDOR_IDS]


def answered_vendor_id(version: NatVersion, received: Collection[bytes]) -> tuple[bytes, str]:
    """The responder's: the one that it agrees to."""
    return next((v, n) for known, v, n in _VENDOR_IDS if known is version and v in received)


def common_version(received: Collection[bytes]) -> NatVersion | None:
    """The best version among a peer's vendor IDs."""
    return next((version for version, value, _ in _VENDOR_IDS if value in received), None)


def vendor_name(value: bytes) -> str | None:
    """What `debug crypto isakmp` calls a vendor ID of NAT-T."""
    return next(
        (f"NAT-T {n if n == 'rfc3947' else f'v{n[1:]}'}" for _, v, n in _VENDOR_IDS if v == value),
        None,
    )


def detection_hash(hash_name: str, cookies: bytes, address: Address, port: int) -> bytes:
    """A NAT-D payload: HASH(CKY-I | CKY-R | IP | port) with Phase 1's hash."""
    data = cookies + address.packed + port.to_bytes(2)
    return hashlib.new(HASH[hash_name].hash_name, data).digest()


@dataclass(frozen=True, slots=True)
class NatState:
    """What detection found. Encapsulation in UDP is needed when either side is behind a NAT."""

    version: NatVersion | None = None
    we_are_behind: bool = False
    peer_is_behind: bool = False

    @property
    def detected(self) -> bool:
        return self.we_are_behind or self.peer_is_behind


def detect(
    version: NatVersion, received: Sequence[bytes], *, ours: bytes, peers: bytes
) -> NatState:
    """From a message's NAT-D payloads: the first is about the receiver, the others the sender's.

    `ours` and `peers` are the hashes of the addresses and ports that we see on the datagram. A peer
    that wants encapsulation without a NAT in the way sends hashes that cannot match.
    """
    if len(received) < 2:
        return NatState(version)
    return NatState(version, received[0] != ours, peers not in received[1:])
