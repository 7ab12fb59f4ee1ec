"""Phase 1 encryption: CBC with the algorithms of the table (RFC 2409 appendix B)."""

from __future__ import annotations

from typing import Final

from cryptography.hazmat.decrepit.ciphers.algorithms import TripleDES
from cryptography.hazmat.primitives.ciphers import Cipher, CipherContext, modes
from cryptography.hazmat.primitives.ciphers.algorithms import AES

from ipsecplane.ipsec import algorithms

# RFC 2409 appendix A: weak (4) and semi-weak (12) keys, written with odd parity.
_WEAK_DES_KEYS: Final = frozenset(
    bytes(octet & 0xFE for octet in bytes.fromhex(key))
    for key in (
        "0101010101010101",
        "1F1F1F1F0E0E0E0E",
        "E0E0E0E0F1F1F1F1",
        "FEFEFEFEFEFEFEFE",
        "01FE01FE01FE01FE",
        "1FE01FE00EF10EF1",
        "01E001E001F101F1",
        "1FFE1FFE0EFE0EFE",
        "011F011F010E010E",
        "E0FEE0FEF1FEF1FE",
        "FE01FE01FE01FE01",
        "E01FE01FF10EF10E",
        "E001E001F101F101",
        "FE1FFE1FFE0EFE0E",
        "1F011F010E010E01",
        "FEE0FEE0FEF1FEF1",
    )
)


def is_weak_key(cipher: str, key: bytes) -> bool:
    """Weak and semi-weak DES keys; for 3DES, keys that fall back to single DES (RFC 2451).

    Parity bits do not count: keys derived by IKE have any parity.
    """
    bare = bytes(octet & 0xFE for octet in key)
    if cipher == "DES-CBC":
        return bare in _WEAK_DES_KEYS
    if cipher == "3DES-CBC":
        return bare[:8] == bare[8:16] or bare[8:16] == bare[16:]
    return False


def encrypt(cipher: str, key: bytes, iv: bytes, plaintext: bytes) -> bytes:
    """Whole blocks to as many octets."""
    return _run(_cipher(cipher, key, iv).encryptor(), plaintext)


def decrypt(cipher: str, key: bytes, iv: bytes, ciphertext: bytes) -> bytes:
    """Whole blocks to as many octets; what they mean is for the caller to judge."""
    return _run(_cipher(cipher, key, iv).decryptor(), ciphertext)


def block_size(cipher: str) -> int:
    return algorithms.CIPHER[cipher].block_size


def _cipher(cipher: str, key: bytes, iv: bytes) -> Cipher[modes.CBC]:
    if cipher == "AES-CBC":
        return Cipher(AES(key), modes.CBC(iv))
    # Single DES is 3DES with its three keys equal.
    return Cipher(TripleDES(key * 3 if cipher == "DES-CBC" else key), modes.CBC(iv))


def _run(context: CipherContext, data: bytes) -> bytes:
    return context.update(data) + context.finalize()
