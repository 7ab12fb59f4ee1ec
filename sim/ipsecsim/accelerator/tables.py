"""From P4Runtime table entries to SAs: the meaning of `sa_encrypt` and `sa_decrypt`.

Arguments come by the parameter names of `p4/accelerator.p4`. Keys are the low-order
`cipher_key_size` octets of their fields (integrity keys: as many as the algorithm has).
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from ipsecplane.ipsec.algorithms import CIPHERS, INTEGRITIES, Integrity
from ipsecplane.ipsec.overhead import Encapsulation, OverheadError

from .ah import Ah
from .esp import Esp
from .replay import ReplayWindow
from .sa import DecryptSa, EncryptSa, Outer
from .transforms import KeyedHash, esp_transform

Arguments = Mapping[str, int]

SECRETS: Final = frozenset(
    {"cipher_key", "salt", "esp_integrity_key", "ah_integrity_key", "iv_seed"}
)
"""Parameters that a read answers with 0."""

_COMMON: Final = (
    "epoch", "transport", "esp_spi", "ah_spi", "cipher", "cipher_key_size", "cipher_key", "salt",
    "esp_integrity", "esp_integrity_key", "ah_integrity", "ah_integrity_key", "esn",
)  # fmt: skip
ENCRYPT_PARAMETERS: Final = frozenset(_COMMON) | {
    "outer_version", "src", "dst", "ttl", "dscp_copy", "dscp", "ecn_copy", "udp_src", "udp_dst",
    "iv_seed",
}  # fmt: skip
DECRYPT_PARAMETERS: Final = frozenset(_COMMON) | {"udp_encap", "window"}
_ESP_ONLY: Final = (
    "cipher", "cipher_key_size", "cipher_key", "salt", "esp_integrity", "esp_integrity_key",
)  # fmt: skip

MAX_WINDOW: Final = 1024

_CIPHER: Final = {c.accelerator_id: c for c in CIPHERS}
_INTEGRITY: Final = {i.accelerator_id: i for i in INTEGRITIES}


class SaError(ValueError):
    """Arguments that make no SA; the text names the parameter."""


def encrypt_sa(a: Arguments) -> EncryptSa:
    """The outbound SA of an `encrypt` action. Raises SaError."""
    esp, ah = _halves(a)
    transport = bool(a["transport"])
    if bool(a["udp_src"]) != bool(a["udp_dst"]):
        raise SaError("udp_src and udp_dst: either both or none")
    udp = (a["udp_src"], a["udp_dst"]) if a["udp_dst"] else None
    outer = None if transport else _outer(a)
    cipher = esp.cipher if esp is not None else None
    integrity = _INTEGRITY.get(a["esp_integrity"])
    versions = (4, 6) if outer is None else (outer.version,)
    try:
        sizes = {
            version: Encapsulation(
                version, cipher, integrity, ah.integrity if ah else None, transport, udp is not None
            )
            for version in versions
        }
    except OverheadError as error:
        raise SaError(str(error)) from None
    return EncryptSa(a["epoch"], outer, esp, ah, bool(a["esn"]), udp, sizes)


def decrypt_sa(a: Arguments) -> DecryptSa:
    """The inbound SA of a `decrypt` action. Raises SaError."""
    esp, ah = _halves(a)
    if a["udp_encap"] and ah is not None:
        raise SaError("udp_encap: AH cannot be encapsulated in UDP")
    size = a["window"]
    if size > MAX_WINDOW:
        raise SaError(f"window: {size} packets, at most {MAX_WINDOW}")
    return DecryptSa(
        a["epoch"],
        bool(a["transport"]),
        esp,
        ah,
        bool(a["esn"]),
        bool(a["udp_encap"]),
        ReplayWindow(size),
        ReplayWindow(size),
    )


def _halves(a: Arguments) -> tuple[Esp | None, Ah | None]:
    """The ESP and the AH that the arguments name, at least one."""
    esp = _esp(a)
    ah = _ah(a)
    if esp is None and ah is None:
        raise SaError("esp_spi, ah_spi: both are 0, so there is neither ESP nor AH")
    if ah is None and esp is not None and not esp.icv_size and esp.cipher.block_size == 1:
        raise SaError("cipher: NULL without any integrity protects nothing (RFC 4303 section 5)")
    return esp, ah


def _esp(a: Arguments) -> Esp | None:
    spi = a["esp_spi"]
    if spi == 0:
        for name in _ESP_ONLY:
            if a[name]:
                raise SaError(f"{name}: given, but esp_spi is 0")
        return None
    cipher = _CIPHER.get(a["cipher"])
    if cipher is None:
        raise SaError(f"cipher: no cipher has number {a['cipher']}")
    size = a["cipher_key_size"]
    if size not in cipher.key_sizes:
        sizes = " or ".join(str(s) for s in cipher.key_sizes)
        raise SaError(f"cipher_key_size: {size} octets, {cipher.name} takes {sizes}")
    key = _octets(a, "cipher_key", size)
    if a["salt"] and not cipher.salt_size:
        raise SaError(f"salt: {cipher.name} has none")
    salt = _octets(a, "salt", cipher.salt_size)
    integrity = _integrity(a, "esp_integrity")
    mac = None
    if integrity is not None:
        if cipher.aead:
            raise SaError(f"esp_integrity: {cipher.name} authenticates by itself")
        mac = KeyedHash(integrity, _octets(a, "esp_integrity_key", integrity.key_size))
    icv_size = integrity.icv_size if integrity is not None else cipher.icv_size
    transform = esp_transform(cipher, key, salt, mac, bool(a["esn"]), a.get("iv_seed", 0))
    return Esp(spi, cipher, icv_size, transform)


def _ah(a: Arguments) -> Ah | None:
    spi = a["ah_spi"]
    integrity = _integrity(a, "ah_integrity")
    if spi == 0:
        if integrity is not None:
            raise SaError("ah_integrity: given, but ah_spi is 0")
        return None
    if integrity is None:
        raise SaError("ah_integrity: AH needs an algorithm")
    mac = KeyedHash(integrity, _octets(a, "ah_integrity_key", integrity.key_size))
    return Ah(spi, integrity, mac, bool(a["esn"]))


def _integrity(a: Arguments, name: str) -> Integrity | None:
    number = a[name]
    if number == 0:
        if a[f"{name}_key"]:
            raise SaError(f"{name}_key: given, but {name} is 0")
        return None
    integrity = _INTEGRITY.get(number)
    if integrity is None:
        raise SaError(f"{name}: no algorithm has number {number}")
    return integrity


def _outer(a: Arguments) -> Outer:
    version = a["outer_version"]
    if version not in (4, 6):
        raise SaError(f"outer_version: {version}, must be 4 or 6")
    size = 4 if version == 4 else 16
    if a["ttl"] == 0:
        raise SaError("ttl: 0, so no packet would arrive")
    source, destination = _octets(a, "src", size), _octets(a, "dst", size)
    dscp = None if a["dscp_copy"] else a["dscp"]
    return Outer(version, source, destination, a["ttl"], dscp, bool(a["ecn_copy"]))


def _octets(a: Arguments, name: str, size: int) -> bytes:
    """The argument as `size` octets; its value itself stays out of the message."""
    if a[name] >> size * 8:
        raise SaError(f"{name}: longer than {size} octets")
    return a[name].to_bytes(size, "big")
