"""Keys in the form that Wireshark's preference tables take, so that captures can be read."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

from ipsecplane.ike.types import IpsecSas, ProtocolSa

from .crypto import Crypto

_CIPHERS: Final = {
    "NULL": "NULL",
    "DES-CBC": "DES-CBC [RFC2405]",
    "3DES-CBC": "TripleDES-CBC [RFC2451]",
    "AES-CBC": "AES-CBC [RFC3602]",
    "AES-GCM": "AES-GCM with 16 octet ICV [RFC4106]",
}
_INTEGRITIES: Final = {
    None: "NULL",
    "HMAC-MD5-96": "HMAC-MD5-96 [RFC2403]",
    "HMAC-SHA1-96": "HMAC-SHA-1-96 [RFC2404]",
    "HMAC-SHA2-256-128": "HMAC-SHA-256-128 [RFC4868]",
    "HMAC-SHA2-384-192": "HMAC-SHA-384-192 [RFC4868]",
    "HMAC-SHA2-512-256": "HMAC-SHA-512-256 [RFC4868]",
}


@dataclass(frozen=True, slots=True)
class WiresharkKeys:
    """Lines of the files `ikev1_decryption_table` and `esp_sa` of a Wireshark profile."""

    ikev1: tuple[str, ...]
    esp: tuple[str, ...]


def wireshark_keys(crypto: Crypto) -> WiresharkKeys:
    """Every IKE SA whose key is known, and every ESP SA, that there has been."""
    ikev1 = tuple(f"{cookie.hex()},{key.hex()}" for cookie, key in crypto.isakmp_keys.items())
    return WiresharkKeys(ikev1, tuple(row for sas in crypto.history for row in _esp_rows(sas)))


def _esp_rows(sas: IpsecSas) -> Iterator[str]:
    esp = sas.esp
    if esp is None:
        return
    for inbound in (True, False):
        src, dst = (sas.remote, sas.local) if inbound else (sas.local, sas.remote)
        spi = esp.inbound_spi if inbound else esp.outbound_spi
        key, integrity_key = _keys(esp, inbound)
        fields = (
            f"IPv{src.version}",
            str(src),
            str(dst),
            f"0x{spi:08x}",
            _CIPHERS[esp.cipher or "NULL"],
            _hex(key),
            _INTEGRITIES[esp.integrity],
            _hex(integrity_key),
        )
        yield ",".join(f'"{field}"' for field in fields)


def _keys(esp: ProtocolSa, inbound: bool) -> tuple[bytes, bytes]:
    """Cipher key (an AEAD's salt behind it) and integrity key of one direction."""
    if inbound:
        return esp.inbound_cipher_key + esp.inbound_salt, esp.inbound_integrity_key
    return esp.outbound_cipher_key + esp.outbound_salt, esp.outbound_integrity_key


def _hex(key: bytes) -> str:
    return f"0x{key.hex()}" if key else ""
