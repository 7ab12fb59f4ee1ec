"""Whole messages: header, payloads and, from the fifth on, encryption (RFC 2409 appendix B)."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

from ipsecplane.ike import ciphers
from ipsecplane.ike.constants import HeaderFlag
from ipsecplane.ike.errors import PayloadError
from ipsecplane.ike.keys import Phase1Keys
from ipsecplane.ike.payloads import HEADER_SIZE, Header, Payload, decode_chain, encode_chain


@dataclass(frozen=True, slots=True)
class Message:
    """A parsed message. `data` is whole and decrypted; `iv` is what the exchange goes on with."""

    header: Header
    payloads: tuple[Payload, ...]
    data: bytes
    iv: bytes = b""

    @property
    def commit(self) -> bool:
        return bool(self.header.flags & HeaderFlag.COMMIT)

    def after(self, payload: Payload) -> bytes:
        """The payloads that follow one, headers included, padding not: what HASH(1) covers."""
        return self.data[payload.end : self.payloads[-1].end]


def plain(
    cookies: bytes, exchange: int, message_id: int, payloads: Sequence[tuple[int, bytes]]
) -> bytes:
    """An unencrypted message."""
    return _header(cookies, exchange, 0, message_id, payloads).encode() + encode_chain(payloads)


def sealed(
    keys: Phase1Keys,
    iv: bytes,
    cookies: bytes,
    exchange: int,
    message_id: int,
    payloads: Sequence[tuple[int, bytes]],
    *,
    commit: bool = False,
) -> tuple[bytes, bytes]:
    """An encrypted message and the IV that follows it (its last block of ciphertext)."""
    suite = keys.suite
    block = ciphers.block_size(suite.encryption)
    body = encode_chain(payloads)
    body += bytes(-len(body) % block)
    flags = HeaderFlag.ENCRYPTED | (HeaderFlag.COMMIT if commit else 0)
    header = _header(cookies, exchange, flags, message_id, payloads)
    header = replace(header, length=HEADER_SIZE + len(body))
    encrypted = ciphers.encrypt(suite.encryption, keys.encryption_key, iv, body)
    return header.encode() + encrypted, encrypted[-block:]


def open_plain(header: Header, data: bytes) -> Message:
    """Raises `PayloadError`."""
    return Message(header, decode_chain(data, header.next_payload, padded=False), data)


def open_sealed(
    keys: Phase1Keys, iv: bytes, header: Header, data: bytes, *, strict_padding: bool = True
) -> Message:
    """Decrypts and parses; raises `PayloadError`. Nothing says yet that it is authentic."""
    suite = keys.suite
    block = ciphers.block_size(suite.encryption)
    encrypted = data[HEADER_SIZE:]
    if not encrypted or len(encrypted) % block:
        problem = f"{len(encrypted)} octets are no whole blocks of {block}"
        raise PayloadError(HEADER_SIZE, "encrypted payloads", problem)
    body = ciphers.decrypt(suite.encryption, keys.encryption_key, iv, encrypted)
    opened = data[:HEADER_SIZE] + body
    payloads = decode_chain(opened, header.next_payload, padded=True)
    # No HASH covers the padding, yet the last block is the next IV: a changed tail that passed
    # would break the exchange. Appendix B has zeros up to the next whole block there (strongSwan
    # adds a block where it already is one): nothing else passes.
    end = payloads[-1].end if payloads else HEADER_SIZE
    if strict_padding and (len(opened) - end > block or any(opened[end:])):
        raise PayloadError(end, "padding", "is not a block of zeros at most")
    return Message(header, payloads, opened, encrypted[-block:])


def node_of(message_id: int) -> int:
    """A message ID as IOS's debug lines show it: signed."""
    return message_id - (1 << 32) if message_id >> 31 else message_id


def _header(
    cookies: bytes,
    exchange: int,
    flags: int,
    message_id: int,
    payloads: Sequence[tuple[int, bytes]],
) -> Header:
    length = HEADER_SIZE + sum(len(body) + 4 for _, body in payloads)
    first = payloads[0][0]
    return Header(cookies[:8], cookies[8:], first, exchange, flags, message_id, length)
