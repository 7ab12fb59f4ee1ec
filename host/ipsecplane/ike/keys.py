"""Key derivation (RFC 2409 sections 5, 5.1, 5.4, 5.5 and appendix B)."""

from __future__ import annotations

import hashlib
import hmac
from collections.abc import Callable
from dataclasses import dataclass, field

from ipsecplane.ike.ciphers import block_size, is_weak_key
from ipsecplane.ipsec.algorithms import CIPHER, HASH, INTEGRITY


class WeakKey(Exception):
    """The keying material gives no key that the cipher should be used with."""


@dataclass(frozen=True, slots=True)
class Phase1Suite:
    """What Phase 1 agreed on, by names of the algorithms table; `key_size` in octets."""

    encryption: str
    key_size: int
    hash: str
    group: int


@dataclass(frozen=True, slots=True)
class Phase1Keys:
    """The SKEYID family, the cipher's key and the first IV of an IKE SA."""

    suite: Phase1Suite
    skeyid: bytes = field(repr=False)
    skeyid_d: bytes = field(repr=False)
    skeyid_a: bytes = field(repr=False)
    skeyid_e: bytes = field(repr=False)
    encryption_key: bytes = field(repr=False)
    iv: bytes

    def prf(self, key: bytes, *parts: bytes) -> bytes:
        return prf(self.suite.hash, key, *parts)

    def authenticate(self, *parts: bytes) -> bytes:
        """A HASH payload of Phase 2: keyed with SKEYID_a."""
        return self.prf(self.skeyid_a, *parts)

    def phase2_iv(self, last_block: bytes, message_id: int) -> bytes:
        """hash(last Phase 1 CBC block | M-ID): the first IV of each later exchange."""
        return _initial_iv(self.suite, last_block + message_id.to_bytes(4))


@dataclass(frozen=True, slots=True)
class Phase1Values:
    """What both sides know once keys and nonces are exchanged; `_i` of the initiator."""

    cookie_i: bytes
    cookie_r: bytes
    public_i: bytes
    public_r: bytes
    nonce_i: bytes
    nonce_r: bytes
    shared_secret: bytes = field(repr=False)

    def cookies(self) -> bytes:
        return self.cookie_i + self.cookie_r


def prf(hash_name: str, key: bytes, *parts: bytes) -> bytes:
    """HMAC of the negotiated hash (a name of the algorithms table) over the parts."""
    return hmac.digest(key, b"".join(parts), HASH[hash_name].hash_name)


def expand(step: Callable[[bytes], bytes], size: int) -> bytes:
    """K1 | K2 | … cut to `size` octets, where K(n) = step(K(n-1)) and K0 is empty."""
    block = step(b"")
    material = block
    while len(material) < size:
        block = step(block)
        material += block
    return material[:size]


def phase1_keys(
    suite: Phase1Suite, pre_shared_key: bytes | None, values: Phase1Values
) -> Phase1Keys:
    """Without a pre-shared key SKEYID is that of signatures; raises `WeakKey`."""

    def derive(key: bytes, *parts: bytes) -> bytes:
        return prf(suite.hash, key, *parts)

    if pre_shared_key is None:
        skeyid = derive(values.nonce_i + values.nonce_r, values.shared_secret)
    else:
        skeyid = derive(pre_shared_key, values.nonce_i, values.nonce_r)
    tail = values.shared_secret + values.cookies()
    skeyid_d = derive(skeyid, tail, b"\x00")
    skeyid_a = derive(skeyid, skeyid_d, tail, b"\x01")
    skeyid_e = derive(skeyid, skeyid_a, tail, b"\x02")
    return Phase1Keys(
        suite,
        skeyid,
        skeyid_d,
        skeyid_a,
        skeyid_e,
        phase1_encryption_key(suite, skeyid_e),
        _initial_iv(suite, values.public_i + values.public_r),
    )


def phase1_encryption_key(suite: Phase1Suite, skeyid_e: bytes) -> bytes:
    """Appendix B: SKEYID_e cut or stretched; DES takes the first eight octets that are not weak."""
    if suite.encryption == "DES-CBC":
        for start in range(0, len(skeyid_e) - 7, 8):
            key = skeyid_e[start : start + 8]
            if not is_weak_key(suite.encryption, key):
                return key
        raise WeakKey("SKEYID_e holds weak DES keys only")
    if len(skeyid_e) >= suite.key_size:
        key = skeyid_e[: suite.key_size]
    else:
        key = expand(lambda block: prf(suite.hash, skeyid_e, block or b"\x00"), suite.key_size)
    if is_weak_key(suite.encryption, key):
        raise WeakKey(f"SKEYID_e gives a degenerate {suite.encryption} key")
    return key


def phase1_hash(
    keys: Phase1Keys, values: Phase1Values, sa_i: bytes, identity: bytes, *, initiator: bool
) -> bytes:
    """HASH_I or HASH_R: `sa_i` is the body of the initiator's SA payload, `identity` of the ID."""
    if initiator:
        publics, cookies = values.public_i + values.public_r, values.cookies()
    else:
        publics, cookies = values.public_r + values.public_i, values.cookie_r + values.cookie_i
    return keys.prf(keys.skeyid, publics, cookies, sa_i, identity)


def _initial_iv(suite: Phase1Suite, data: bytes) -> bytes:
    digest = hashlib.new(HASH[suite.hash].hash_name, data).digest()
    return digest[: block_size(suite.encryption)]


@dataclass(frozen=True, slots=True)
class SaKeys:
    """Keys of one SA of one direction."""

    cipher: bytes = field(default=b"", repr=False)
    salt: bytes = field(default=b"", repr=False)
    integrity: bytes = field(default=b"", repr=False)


def ipsec_keys(
    keys: Phase1Keys,
    *,
    protocol: int,
    spi: bytes,
    nonces: bytes,
    shared_secret: bytes,
    cipher: str | None,
    cipher_key_size: int,
    integrity: str | None,
) -> SaKeys:
    """KEYMAT of section 5.5 for the SA that `spi` names: cipher key, salt, integrity key.

    `protocol` is the DOI's (2 AH, 3 ESP), `nonces` Ni_b | Nr_b, `shared_secret` g(qm)^xy or empty
    without PFS. Raises `WeakKey` (RFC 2405 section 3, RFC 2451 section 2.3).
    """
    salt_size = CIPHER[cipher].salt_size if cipher else 0
    integrity_size = INTEGRITY[integrity].key_size if integrity else 0
    seed = shared_secret + bytes((protocol,)) + spi + nonces
    material = expand(
        lambda block: keys.prf(keys.skeyid_d, block, seed),
        cipher_key_size + salt_size + integrity_size,
    )
    cipher_key, rest = material[:cipher_key_size], material[cipher_key_size:]
    if cipher and is_weak_key(cipher, cipher_key):
        raise WeakKey(f"KEYMAT starts with a weak {cipher} key")
    return SaKeys(cipher_key, rest[:salt_size], rest[salt_size:])
