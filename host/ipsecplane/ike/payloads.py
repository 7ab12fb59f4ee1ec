"""The ISAKMP header, chains of payloads and the small payloads' bodies (RFC 2408 section 3).

Decoding is total: it gives a value or raises `PayloadError`. SA payloads are in `proposals.py`.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from ipaddress import IPv4Address, IPv6Address
from typing import Final

from ipsecplane.config import Address
from ipsecplane.ike.constants import COOKIE_SIZE, DOI_IPSEC, IdType, PayloadType
from ipsecplane.ike.errors import PayloadError
from ipsecplane.ike.reader import Reader

# Payload types with their bodies, in the order of a message.
Payloads = list[tuple[int, bytes]]

HEADER_SIZE = 28
NONCE_SIZE = 20  # of ours
VERSION_1_0 = 0x10
_KNOWN_TYPES = frozenset(PayloadType) - {
    PayloadType.NONE,
    PayloadType.PROPOSAL,
    PayloadType.TRANSFORM,
}


@dataclass(frozen=True, slots=True)
class Header:
    """The fixed header; `length` covers header and payloads, in octets."""

    initiator_cookie: bytes
    responder_cookie: bytes
    next_payload: int
    exchange: int
    flags: int
    message_id: int
    length: int

    def encode(self) -> bytes:
        return (
            self.initiator_cookie
            + self.responder_cookie
            + bytes((self.next_payload, VERSION_1_0, self.exchange, self.flags))
            + self.message_id.to_bytes(4)
            + self.length.to_bytes(4)
        )

    @classmethod
    def decode(cls, message: bytes) -> Header:
        """The header of a whole message (a UDP payload without the non-ESP marker)."""
        reader = Reader(message)
        initiator_cookie = reader.take(COOKIE_SIZE, "initiator cookie")
        if not any(initiator_cookie):
            raise PayloadError(0, "initiator cookie", "is zero")
        responder_cookie = reader.take(COOKIE_SIZE, "responder cookie")
        next_payload = reader.number(1, "next payload")
        at = reader.offset
        version = reader.number(1, "version")
        if version >> 4 != 1:
            raise PayloadError(at, "version", f"{version >> 4}.{version & 15} is not supported")
        exchange = reader.number(1, "exchange type")
        flags = reader.number(1, "flags")
        message_id = reader.number(4, "message ID")
        at = reader.offset
        length = reader.number(4, "length")
        if length != len(message):
            raise PayloadError(at, "length", f"{length} octets stated, {len(message)} received")
        return cls(
            initiator_cookie, responder_cookie, next_payload, exchange, flags, message_id, length
        )


@dataclass(frozen=True, slots=True)
class Payload:
    """One payload: `start` and `end` bound it, generic header included, in its message."""

    type: int
    body: bytes
    start: int
    end: int

    @property
    def body_offset(self) -> int:
        return self.start + 4


def encode_chain(payloads: Sequence[tuple[int, bytes]]) -> bytes:
    """Bodies with their types → payloads with generic headers; `payloads[0]`'s type goes before."""
    parts: list[bytes] = []
    following = [kind for kind, _ in payloads[1:]] + [int(PayloadType.NONE)]
    for (_, body), next_type in zip(payloads, following, strict=True):
        parts += [bytes((next_type, 0)), (len(body) + 4).to_bytes(2), body]
    return b"".join(parts)


def decode_chain(message: bytes, first: int, *, padded: bool) -> tuple[Payload, ...]:
    """The payloads of a whole message with its header in place (decrypted, when it was encrypted).

    `padded`: cipher padding may follow the last payload (RFC 2409 appendix B).
    """
    reader = Reader(message[HEADER_SIZE:], HEADER_SIZE)
    payloads: list[Payload] = []
    kind = first
    while kind != PayloadType.NONE:
        start = reader.offset
        if kind not in _KNOWN_TYPES and kind < 128:
            raise PayloadError(start, "payload type", f"{kind} is unknown")
        next_type = reader.number(1, "next payload")
        reader.zero(1, "payload reserved")
        size = reader.number(2, "payload length")
        if size < 4:
            raise PayloadError(start + 2, "payload length", f"{size} is less than 4")
        body = reader.take(size - 4, "payload body")
        payloads.append(Payload(kind, body, start, reader.offset))
        kind = next_type
    if not padded:
        reader.end("payloads")
    return tuple(payloads)


def of_type(payloads: Iterable[Payload], *kinds: int) -> list[Payload]:
    return [p for p in payloads if p.type in kinds]


def single(payloads: Iterable[Payload], kind: PayloadType) -> Payload:
    """The one payload of a kind that a message must have."""
    found = of_type(payloads, kind)
    if len(found) != 1:
        raise PayloadError(HEADER_SIZE, kind.name, f"{len(found)} payloads where one is needed")
    return found[0]


def nonce_of(payloads: Iterable[Payload]) -> bytes:
    """Ni_b or Nr_b (RFC 2409 section 5: 8 to 256 octets)."""
    payload = single(payloads, PayloadType.NONCE)
    if not 8 <= len(payload.body) <= 256:
        problem = f"{len(payload.body)} octets, not 8 to 256"
        raise PayloadError(payload.body_offset, "nonce", problem)
    return payload.body


@dataclass(frozen=True, slots=True)
class Identification:
    """RFC 2407 section 4.6.2; `data` by type: an address, an address and a mask, a name …"""

    type: int
    protocol: int
    port: int
    data: bytes

    def encode(self) -> bytes:
        return bytes((self.type, self.protocol)) + self.port.to_bytes(2) + self.data

    @classmethod
    def decode(cls, payload: Payload) -> Identification:
        reader = Reader(payload.body, payload.body_offset)
        kind = reader.number(1, "ID type")
        protocol = reader.number(1, "ID protocol")
        port = reader.number(2, "ID port")
        sizes = _ID_SIZES.get(kind)
        if sizes is not None and reader.remaining != sizes:
            raise reader.error("ID data", f"{reader.remaining} octets, {sizes} wanted")
        return cls(kind, protocol, port, reader.rest())


_ID_SIZES: Final[dict[int, int]] = {
    IdType.IPV4_ADDR: 4,
    IdType.IPV4_ADDR_SUBNET: 8,
    IdType.IPV4_ADDR_RANGE: 8,
    IdType.IPV6_ADDR: 16,
    IdType.IPV6_ADDR_SUBNET: 32,
    IdType.IPV6_ADDR_RANGE: 32,
}


@dataclass(frozen=True, slots=True)
class Notification:
    """RFC 2408 section 3.14."""

    protocol: int
    type: int
    spi: bytes = b""
    data: bytes = b""

    def encode(self) -> bytes:
        return (
            DOI_IPSEC.to_bytes(4)
            + bytes((self.protocol, len(self.spi)))
            + self.type.to_bytes(2)
            + self.spi
            + self.data
        )

    @classmethod
    def decode(cls, payload: Payload) -> Notification:
        reader = Reader(payload.body, payload.body_offset)
        _check_doi(reader)
        protocol = reader.number(1, "notification protocol")
        spi_size = reader.number(1, "notification SPI size")
        kind = reader.number(2, "notification type")
        spi = reader.take(spi_size, "notification SPI")
        return cls(protocol, kind, spi, reader.rest())


@dataclass(frozen=True, slots=True)
class Deletion:
    """A DELETE payload (RFC 2408 section 3.15): SPIs of the sender's inbound SAs, or cookies."""

    protocol: int
    spis: tuple[bytes, ...]

    def encode(self) -> bytes:
        size = len(self.spis[0])
        return (
            DOI_IPSEC.to_bytes(4)
            + bytes((self.protocol, size))
            + len(self.spis).to_bytes(2)
            + b"".join(self.spis)
        )

    @classmethod
    def decode(cls, payload: Payload) -> Deletion:
        reader = Reader(payload.body, payload.body_offset)
        _check_doi(reader)
        protocol = reader.number(1, "delete protocol")
        size = reader.number(1, "delete SPI size")
        count = reader.number(2, "delete SPI count")
        if count and not size:
            raise reader.error("delete SPI size", "is zero")
        spis = tuple(reader.take(size, "delete SPI") for _ in range(count))
        reader.end("delete SPIs")
        return cls(protocol, spis)


def _check_doi(reader: Reader) -> None:
    """The IPsec DOI, or 0 for ISAKMP's own matters (RFC 2408 section 3.14)."""
    at = reader.offset
    if (doi := reader.number(4, "DOI")) not in (0, DOI_IPSEC):
        raise PayloadError(at, "DOI", f"{doi} is unknown")


def encode_original_address(address: Address) -> bytes:
    """NAT-OA (RFC 3947 section 5.2): an ID type, three reserved octets, the address."""
    kind = IdType.IPV4_ADDR if address.version == 4 else IdType.IPV6_ADDR
    return bytes((kind, 0, 0, 0)) + address.packed


def decode_original_address(payload: Payload) -> Address:
    reader = Reader(payload.body, payload.body_offset)
    kind = reader.number(1, "NAT-OA ID type")
    reader.zero(3, "NAT-OA reserved")
    data = reader.rest()
    if kind == IdType.IPV4_ADDR and len(data) == 4:
        return IPv4Address(data)
    if kind == IdType.IPV6_ADDR and len(data) == 16:
        return IPv6Address(data)
    raise reader.error("NAT-OA", f"ID type {kind} with {len(data)} octets is not an address")
