"""Numbers of the IKEv1 registries (RFC 2407, RFC 2408, RFC 2409, RFC 3706, RFC 3947).

Algorithm numbers are not here: they live in `ipsecplane.ipsec.algorithms`.
"""

from __future__ import annotations

from enum import IntEnum, IntFlag
from typing import Final

IKE_PORT: Final = 500
NAT_T_PORT: Final = 4500
DOI_IPSEC: Final = 1
SITUATION_IDENTITY_ONLY: Final = 1
COOKIE_SIZE: Final = 8
NO_COOKIE: Final = bytes(COOKIE_SIZE)


class ExchangeType(IntEnum):
    """RFC 2408 section 3.1 and RFC 2409 appendix A."""

    MAIN = 2
    AGGRESSIVE = 4
    INFORMATIONAL = 5
    TRANSACTION = 6  # draft-ietf-ipsec-isakmp-mode-cfg
    QUICK = 32


class HeaderFlag(IntFlag):
    ENCRYPTED = 1
    COMMIT = 2
    AUTHENTICATION_ONLY = 4


class PayloadType(IntEnum):
    """RFC 2408 section 3.1; RFC 3947 section 9 and the drafts it came from (130, 131)."""

    NONE = 0
    SA = 1
    PROPOSAL = 2
    TRANSFORM = 3
    KEY_EXCHANGE = 4
    IDENTIFICATION = 5
    CERTIFICATE = 6
    CERTIFICATE_REQUEST = 7
    HASH = 8
    SIGNATURE = 9
    NONCE = 10
    NOTIFICATION = 11
    DELETE = 12
    VENDOR_ID = 13
    ATTRIBUTES = 14  # draft-ietf-ipsec-isakmp-mode-cfg section 3.2
    NAT_D = 20
    NAT_OA = 21
    NAT_D_DRAFT = 130
    NAT_OA_DRAFT = 131


class ProtocolId(IntEnum):
    """RFC 2407 section 4.4.1. IP protocol numbers (50, 51) are another registry."""

    ISAKMP = 1
    AH = 2
    ESP = 3


IP_PROTOCOL: Final = {ProtocolId.ESP: 50, ProtocolId.AH: 51}
PROTOCOL_ID: Final = {50: ProtocolId.ESP, 51: ProtocolId.AH}

KEY_IKE: Final = 1  # the only ISAKMP transform (RFC 2407 section 4.4.2)


class Phase1Attribute(IntEnum):
    """RFC 2409 appendix A."""

    ENCRYPTION = 1
    HASH = 2
    AUTHENTICATION = 3
    GROUP = 4
    LIFE_TYPE = 11
    LIFE_DURATION = 12
    KEY_LENGTH = 14


AUTHENTICATION_METHODS: Final = {
    "pre-share": 1,
    "rsa-sig": 3,
    "rsa-encr": 4,
    # draft-beaulieu-ike-xauth-02 section 7.2: the initiator is to be asked for a user afterwards
    "XAUTHInitPreShared": 65001,
    "XAUTHInitRSA": 65005,
}
WITH_XAUTH: Final = {"pre-share": "XAUTHInitPreShared", "rsa-sig": "XAUTHInitRSA"}
XAUTH_METHODS: Final = tuple(WITH_XAUTH.values())
LIFE_SECONDS: Final = 1
LIFE_KILOBYTES: Final = 2


class Phase2Attribute(IntEnum):
    """RFC 2407 section 4.5."""

    LIFE_TYPE = 1
    LIFE_DURATION = 2
    GROUP = 3
    ENCAPSULATION = 4
    AUTHENTICATION = 5
    KEY_LENGTH = 6


class Encapsulation(IntEnum):
    """RFC 2407 section 4.5; RFC 3947 section 5.1; the last two are of its drafts 02 and 03."""

    TUNNEL = 1
    TRANSPORT = 2
    UDP_TUNNEL = 3
    UDP_TRANSPORT = 4
    UDP_TUNNEL_DRAFT = 61443
    UDP_TRANSPORT_DRAFT = 61444


class IdType(IntEnum):
    """RFC 2407 section 4.6.2.1."""

    IPV4_ADDR = 1
    FQDN = 2
    USER_FQDN = 3
    IPV4_ADDR_SUBNET = 4
    IPV6_ADDR = 5
    IPV6_ADDR_SUBNET = 6
    IPV4_ADDR_RANGE = 7
    IPV6_ADDR_RANGE = 8
    DER_ASN1_DN = 9
    KEY_ID = 11


class NotifyType(IntEnum):
    """RFC 2408 section 3.14.1, RFC 2407 section 4.6.3, RFC 3706 section 5.2."""

    INVALID_PAYLOAD_TYPE = 1
    INVALID_COOKIE = 4
    INVALID_EXCHANGE_TYPE = 7
    INVALID_MESSAGE_ID = 9
    INVALID_PROTOCOL_ID = 10
    INVALID_SPI = 11
    ATTRIBUTES_NOT_SUPPORTED = 13
    NO_PROPOSAL_CHOSEN = 14
    PAYLOAD_MALFORMED = 16
    INVALID_KEY_INFORMATION = 17
    INVALID_ID_INFORMATION = 18
    INVALID_HASH_INFORMATION = 23
    AUTHENTICATION_FAILED = 24
    CONNECTED = 16384
    RESPONDER_LIFETIME = 24576
    REPLAY_STATUS = 24577
    INITIAL_CONTACT = 24578
    KEEP_ALIVE = 32768  # IOS's own, from before DPD; not in any RFC
    KEEP_ALIVE_ACK = 32769
    R_U_THERE = 36136
    R_U_THERE_ACK = 36137


def notify_name(number: int) -> str:
    """The name of a notification, or its number."""
    try:
        return NotifyType(number).name
    except ValueError:
        return str(number)


def is_error_notify(number: int) -> bool:
    """RFC 2408 section 3.14.1: 1 to 16383 are errors, the rest is status."""
    return 1 <= number <= 16383
