"""ESP's cryptography: from plaintext with its trailer to IV, ciphertext and ICV, and back.

Two families: cipher plus optional HMAC (NULL, DES, 3DES, AES-CBC), and AES-GCM (RFC 4106). Both
take the whole 64-bit sequence number; with ESN its high half enters the ICV without being sent.
"""

from __future__ import annotations

import hmac
import struct
from typing import Final, Protocol

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers import (
    BlockCipherAlgorithm,
    CipherAlgorithm,
    modes,
)
from cryptography.hazmat.primitives.ciphers import Cipher as BlockCipher
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.ciphers.algorithms import AES
from ipsecplane.ipsec.algorithms import CIPHER, Cipher, Integrity
from ipsecplane.ipsec.overhead import ESP_HEADER, esp_alignment
from ipsecplane.targets.crypto_header import Reason

from .refusal import Refused

_LOW: Final = 0xFFFFFFFF
_HEADER: Final = struct.Struct(">II")


class KeyedHash:
    """An HMAC truncated to its ICV size (RFC 2403, 2404, 4868)."""

    __slots__ = ("_hash", "_key", "icv_size")

    def __init__(self, integrity: Integrity, key: bytes) -> None:
        self._hash = integrity.hash_name
        self._key = key
        self.icv_size = integrity.icv_size

    def icv(self, octets: bytes) -> bytes:
        return hmac.digest(self._key, octets, self._hash)[: self.icv_size]

    def matches(self, octets: bytes, icv: bytes) -> bool:
        return hmac.compare_digest(self.icv(octets), icv)


class EspTransform(Protocol):
    """One direction of ESP with its keys."""

    def seal(self, spi: int, sequence: int, plaintext: bytes) -> bytes:
        """The ESP packet; `plaintext` is aligned as `esp_alignment` says."""
        ...

    def open(self, packet: bytes, sequence: int) -> bytes:
        """The plaintext of an ESP packet that has at least header, IV, ICV and a trailer.

        Raises Refused BAD_LENGTH or BAD_ICV.
        """
        ...


def esp_transform(
    cipher: Cipher,
    key: bytes,
    salt: bytes,
    integrity: KeyedHash | None,
    esn: bool,
    iv_seed: int = 0,
) -> EspTransform:
    """The transform of an SA. Key, salt (GCM) and combination are the caller's to validate."""
    if cipher.aead:
        return GcmTransform(cipher, key, salt, esn)
    return BlockTransform(cipher, key, integrity, esn, iv_seed)


def block_algorithm(cipher: Cipher, key: bytes) -> BlockCipherAlgorithm | None:
    """The `cryptography` algorithm behind a CBC cipher; None for NULL.

    Single DES is triple DES with one key three times; both live among the library's "decrepit"
    algorithms, and this is the only place that knows.
    """
    if cipher is CIPHER["NULL"]:
        return None
    if cipher is CIPHER["AES-CBC"]:
        return AES(key)
    from cryptography.hazmat.decrepit.ciphers.algorithms import TripleDES

    return TripleDES(key * (24 // len(key)))


class BlockTransform:
    """A block cipher in CBC mode, or none, and an HMAC, or none.

    The IV of packet n is the encryption of a nonce under the SA's own key: unpredictable without
    the key, yet reproducible (NIST SP 800-38A appendix C). The nonce is seed || n for a block of
    16 octets, seed xor n for one of 8. CBC with a zero IV over nonce and plaintext yields exactly
    this IV and then the ciphertext, so one pass makes both.
    """

    def __init__(
        self, cipher: Cipher, key: bytes, integrity: KeyedHash | None, esn: bool, iv_seed: int
    ) -> None:
        self._algorithm: CipherAlgorithm | None = block_algorithm(cipher, key)
        self._alignment = esp_alignment(cipher)
        self._iv_size = cipher.iv_size
        self._zero = modes.CBC(bytes(cipher.iv_size)) if cipher.iv_size else None
        self._integrity = integrity
        self._esn = esn
        self._seed = iv_seed

    def _nonce(self, sequence: int) -> bytes:
        if self._iv_size == 8:
            return (self._seed ^ sequence).to_bytes(8, "big")
        return (self._seed << 64 | sequence).to_bytes(16, "big")

    def seal(self, spi: int, sequence: int, plaintext: bytes) -> bytes:
        body = plaintext
        if self._algorithm is not None:
            chain = BlockCipher(self._algorithm, self._zero).encryptor()
            body = chain.update(self._nonce(sequence) + plaintext)
        packet = _HEADER.pack(spi, sequence & _LOW) + body
        if self._integrity is None:
            return packet
        return packet + self._integrity.icv(self._authenticated(packet, sequence))

    def open(self, packet: bytes, sequence: int) -> bytes:
        start = ESP_HEADER + self._iv_size
        end = len(packet)
        if self._integrity is not None:
            end -= self._integrity.icv_size
        _check_alignment(end - start, self._alignment)
        if self._integrity is not None:
            covered = self._authenticated(packet[:end], sequence)
            if not self._integrity.matches(covered, packet[end:]):
                raise Refused(Reason.BAD_ICV, "ESP ICV does not match")
        if self._algorithm is None:
            return packet[start:end]
        chain = BlockCipher(self._algorithm, modes.CBC(packet[ESP_HEADER:start])).decryptor()
        return chain.update(packet[start:end])

    def _authenticated(self, packet: bytes, sequence: int) -> bytes:
        """RFC 4303 section 2.2.1: with ESN the high half follows the trailer."""
        return packet + (sequence >> 32).to_bytes(4, "big") if self._esn else packet


class GcmTransform:
    """AES-GCM with a 16-octet ICV (RFC 4106).

    The IV is the 64-bit sequence number, which no SA uses twice.
    """

    def __init__(self, cipher: Cipher, key: bytes, salt: bytes, esn: bool) -> None:
        self._aead = AESGCM(key)
        self._salt = salt
        self._esn = esn
        self._start = ESP_HEADER + cipher.iv_size
        self._icv_size = cipher.icv_size
        self._alignment = esp_alignment(cipher)

    def _aad(self, header: bytes, sequence: int) -> bytes:
        """RFC 4106 section 5: SPI, then the sequence number, of 64 bits with ESN."""
        return header[:4] + sequence.to_bytes(8, "big") if self._esn else header

    def seal(self, spi: int, sequence: int, plaintext: bytes) -> bytes:
        header = _HEADER.pack(spi, sequence & _LOW)
        iv = sequence.to_bytes(8, "big")
        aad = self._aad(header, sequence)
        return header + iv + self._aead.encrypt(self._salt + iv, plaintext, aad)

    def open(self, packet: bytes, sequence: int) -> bytes:
        start = self._start
        _check_alignment(len(packet) - start - self._icv_size, self._alignment)
        header = packet[:ESP_HEADER]
        nonce = self._salt + packet[ESP_HEADER:start]
        try:
            return self._aead.decrypt(nonce, packet[start:], self._aad(header, sequence))
        except InvalidTag:
            raise Refused(Reason.BAD_ICV, "ESP ICV (GCM tag) does not match") from None


def _check_alignment(length: int, alignment: int) -> None:
    if length % alignment:
        raise Refused(
            Reason.BAD_LENGTH, f"{length} octets of ciphertext: not a multiple of {alignment}"
        )
