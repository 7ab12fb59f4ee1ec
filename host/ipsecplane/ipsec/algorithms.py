"""The algorithms table: one row an algorithm, for IKE, the IOS layer, the accelerators and docs.

Identifiers are those of the IKEv1 registries (RFC 2409 appendix A, RFC 2407 section 4.4 and 4.5,
RFC 4868, RFC 4106) and, as `accelerator_id`, those of the crypto accelerator's contract
(`p4/accelerator.p4`). Sizes are bytes unless a name says bits.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final


@dataclass(frozen=True, slots=True)
class Cipher:
    """An encryption algorithm of ESP, and of Phase 1 where `phase1_id` is set.

    `key_sizes` lists the permitted key lengths; the first is the default. An AEAD's `icv_size` is
    its tag, and `salt_size` octets of keying material follow its key (RFC 4106 section 8.1).
    """

    name: str  # display name, Wireshark's spelling where it has one
    transform: str  # IOS transform-set keyword; "" where IOS has none
    policy_keyword: str  # IOS `crypto isakmp policy` keyword; "" = not for Phase 1
    phase1_id: int | None
    esp_id: int
    accelerator_id: int
    key_sizes: tuple[int, ...]
    block_size: int
    iv_size: int
    salt_size: int = 0
    icv_size: int = 0
    variable_key: bool = False  # IKE carries a key-length attribute
    weak: bool = False

    @property
    def aead(self) -> bool:
        return self.icv_size > 0


@dataclass(frozen=True, slots=True)
class Integrity:
    """A keyed hash of ESP and AH (truncated to `icv_size`)."""

    name: str
    esp_transform: str  # IOS keyword as the ESP authenticator
    ah_transform: str  # IOS keyword as AH
    auth_id: int  # IPsec DOI Authentication Algorithm attribute value
    ah_id: int  # IPsec DOI AH transform identifier
    accelerator_id: int
    hash_name: str  # hashlib's name
    key_size: int
    icv_size: int
    weak: bool = False


@dataclass(frozen=True, slots=True)
class Hash:
    """A Phase 1 hash; as HMAC it is also the prf (RFC 2409 section 4)."""

    name: str
    policy_keyword: str
    phase1_id: int
    hash_name: str
    weak: bool = False


@dataclass(frozen=True, slots=True)
class Group:
    """A Diffie-Hellman group. `kind`: "modp" or "ecp"; `public_size`: length of the KE payload."""

    number: int
    kind: str
    bits: int
    public_size: int
    weak: bool = False


CIPHERS: Final[tuple[Cipher, ...]] = (
    Cipher("NULL", "esp-null", "", None, 11, 1, (0,), 1, 0, weak=True),
    Cipher("DES-CBC", "esp-des", "des", 1, 2, 2, (8,), 8, 8, weak=True),
    Cipher("3DES-CBC", "esp-3des", "3des", 5, 3, 3, (24,), 8, 8, weak=True),
    Cipher("AES-CBC", "esp-aes", "aes", 7, 12, 4, (16, 24, 32), 16, 16, variable_key=True),
    Cipher(
        "AES-GCM", "esp-gcm", "", None, 20, 5, (16, 24, 32), 1, 8,
        salt_size=4, icv_size=16, variable_key=True,
    ),
)  # fmt: skip

INTEGRITIES: Final[tuple[Integrity, ...]] = (
    Integrity("HMAC-MD5-96", "esp-md5-hmac", "ah-md5-hmac", 1, 2, 1, "md5", 16, 12, weak=True),
    Integrity("HMAC-SHA1-96", "esp-sha-hmac", "ah-sha-hmac", 2, 3, 2, "sha1", 20, 12, weak=True),
    Integrity("HMAC-SHA2-256-128", "esp-sha256-hmac", "ah-sha256-hmac", 5, 5, 3, "sha256", 32, 16),
    Integrity("HMAC-SHA2-384-192", "esp-sha384-hmac", "ah-sha384-hmac", 6, 6, 4, "sha384", 48, 24),
    Integrity("HMAC-SHA2-512-256", "esp-sha512-hmac", "ah-sha512-hmac", 7, 7, 5, "sha512", 64, 32),
)

HASHES: Final[tuple[Hash, ...]] = (
    Hash("MD5", "md5", 1, "md5", weak=True),
    Hash("SHA", "sha", 2, "sha1", weak=True),
    Hash("SHA256", "sha256", 4, "sha256"),
    Hash("SHA384", "sha384", 5, "sha384"),
    Hash("SHA512", "sha512", 6, "sha512"),
)

GROUPS: Final[tuple[Group, ...]] = (
    Group(1, "modp", 768, 96, weak=True),
    Group(2, "modp", 1024, 128, weak=True),
    Group(5, "modp", 1536, 192, weak=True),
    Group(14, "modp", 2048, 256),
    Group(15, "modp", 3072, 384),
    Group(16, "modp", 4096, 512),
    Group(19, "ecp", 256, 64),
    Group(20, "ecp", 384, 96),
    Group(21, "ecp", 521, 132),
)

CIPHER: Final = {c.name: c for c in CIPHERS}
INTEGRITY: Final = {i.name: i for i in INTEGRITIES}
HASH: Final = {h.name: h for h in HASHES}
GROUP: Final = {g.number: g for g in GROUPS}
