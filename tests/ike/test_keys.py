"""Key derivation and Diffie-Hellman, against numbers that strongSwan's charon computed.

`charon_vectors.json` holds recorded negotiations: the inputs, and what charon's log says it derived
from them. Only inputs came from this side: our nonces, public values and g(qm)^xy of PFS.
"""

from __future__ import annotations

import json
import random
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from ipsecplane.ike import groups, keys
from ipsecplane.ike.ciphers import decrypt, encrypt, is_weak_key
from ipsecplane.ike.groups import InvalidPublicValue
from ipsecplane.ike.keys import Phase1Suite, Phase1Values, WeakKey
from ipsecplane.ipsec.algorithms import GROUP, GROUPS

VECTORS: list[dict[str, Any]] = json.loads(
    (Path(__file__).parent / "charon_vectors.json").read_text()
)
recorded = pytest.mark.parametrize("vector", VECTORS, ids=lambda vector: vector["suite"])


def suite(vector: dict[str, Any]) -> Phase1Suite:
    return Phase1Suite(vector["encryption"], vector["key_size"], vector["hash"], vector["group"])


def values(vector: dict[str, Any]) -> Phase1Values:
    names = ("cookie_i", "cookie_r", "public_i", "public_r", "nonce_i", "nonce_r", "shared_secret")
    return Phase1Values(*(bytes.fromhex(vector[name]) for name in names))


def phase1(vector: dict[str, Any]) -> keys.Phase1Keys:
    return keys.phase1_keys(suite(vector), vector["pre_shared_key"].encode(), values(vector))


@recorded
def test_shared_secret(vector: dict[str, Any]) -> None:
    pair = groups.KeyPair(
        vector["group"], int(vector["secret_i"], 16), bytes.fromhex(vector["public_i"])
    )
    secret = groups.shared_secret(pair, bytes.fromhex(vector["public_r"]))
    assert secret.hex() == vector["shared_secret"]


@recorded
def test_phase1_keys(vector: dict[str, Any]) -> None:
    derived = phase1(vector)
    for name in ("skeyid", "skeyid_d", "skeyid_a", "skeyid_e", "encryption_key", "iv"):
        assert getattr(derived, name).hex() == vector[name], name


@recorded
def test_phase1_hashes(vector: dict[str, Any]) -> None:
    for role in ("i", "r"):
        proof = keys.phase1_hash(
            phase1(vector),
            values(vector),
            bytes.fromhex(vector["sa_i"]),
            bytes.fromhex(vector[f"identity_{role}"]),
            initiator=role == "i",
        )
        assert proof.hex() == vector[f"hash_{role}"]


@recorded
def test_keymat(vector: dict[str, Any]) -> None:
    quick = vector["quick"]
    for role, spi in (("initiator", quick["spi_r"]), ("responder", quick["spi_i"])):
        # What the initiator sends with is named by the responder's SPI.
        derived = keys.ipsec_keys(
            phase1(vector),
            protocol=3,
            spi=bytes.fromhex(spi),
            nonces=bytes.fromhex(quick["nonce_i"] + quick["nonce_r"]),
            shared_secret=bytes.fromhex(quick["pfs_secret"]),
            cipher=quick["cipher"],
            cipher_key_size=quick["cipher_key_size"],
            integrity=quick["integrity"],
        )
        assert (derived.cipher + derived.salt).hex() == quick[f"encryption_{role}"]
        assert derived.integrity.hex() == quick[f"integrity_{role}"]


def test_des_key_skips_weak_octets() -> None:
    des = Phase1Suite("DES-CBC", 8, "SHA256", 1)
    weak = bytes.fromhex("0101010101010101")
    semi_weak = bytes.fromhex("E0FEE0FEF1FEF1FE")
    good = bytes(range(8))
    assert keys.phase1_encryption_key(des, weak + semi_weak + good + weak) == good
    with pytest.raises(WeakKey):
        keys.phase1_encryption_key(des, weak * 4)


def test_weak_keys_by_any_parity() -> None:
    for parity in (0x00, 0x01):
        key = bytes((octet & 0xFE) | parity for octet in bytes.fromhex("1FFE1FFE0EFE0EFE"))
        assert is_weak_key("DES-CBC", key)
    assert not is_weak_key("DES-CBC", bytes(range(8)))
    assert is_weak_key("3DES-CBC", bytes(range(8)) * 2 + bytes(8))
    assert not is_weak_key("3DES-CBC", bytes(range(24)))


def test_weak_keymat_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(keys, "expand", lambda step, size: bytes.fromhex("FE" * 8) + bytes(20))
    with pytest.raises(WeakKey):
        keys.ipsec_keys(
            phase1(VECTORS[0]),
            protocol=3,
            spi=bytes(4),
            nonces=b"",
            shared_secret=b"",
            cipher="DES-CBC",
            cipher_key_size=8,
            integrity="HMAC-SHA1-96",
        )


def test_des_is_des() -> None:
    """The first vector of many a DES test: FIPS 81's key and plaintext in CBC with its IV."""
    key, iv = bytes.fromhex("0123456789abcdef"), bytes.fromhex("1234567890abcdef")
    plaintext = b"Now is the time for all "
    ciphertext = bytes.fromhex("e5c7cdde872bf27c43e934008c389c0f683788499a7c05f6")
    assert encrypt("DES-CBC", key, iv, plaintext) == ciphertext
    assert decrypt("DES-CBC", key, iv, ciphertext) == plaintext


@pytest.mark.parametrize("group", [row.number for row in GROUPS])
def test_both_sides_of_a_group_agree(group: int) -> None:
    one = groups.generate(group, random.Random(1).randbytes)
    two = groups.generate(group, random.Random(2).randbytes)
    assert len(one.public) == GROUP[group].public_size
    secret = groups.shared_secret(one, two.public)
    assert secret == groups.shared_secret(two, one.public)
    size = GROUP[group].public_size
    assert len(secret) == (size if GROUP[group].kind == "modp" else size // 2)


@pytest.mark.parametrize("row", [row for row in GROUPS if row.kind == "modp"], ids=str)
def test_primes_are_safe_primes(row: Any) -> None:
    """p and (p-1)/2 pass Miller-Rabin; both ends of p are 64 ones, as the RFCs have it."""
    modulus = groups.prime(row.bits)
    assert modulus.bit_length() == row.bits
    assert modulus % (1 << 64) == (1 << 64) - 1
    assert modulus >> (row.bits - 64) == (1 << 64) - 1
    for candidate in (modulus, (modulus - 1) // 2):
        assert probably_prime(candidate)


def probably_prime(candidate: int, rounds: int = 2) -> bool:
    odd, twos = candidate - 1, 0
    while odd % 2 == 0:
        odd, twos = odd // 2, twos + 1
    chance = random.Random(candidate)
    for _ in range(rounds):
        power = pow(chance.randrange(2, candidate - 1), odd, candidate)
        if power in (1, candidate - 1):
            continue
        for _ in range(twos - 1):
            power = power * power % candidate
            if power == candidate - 1:
                break
        else:
            return False
    return True


@pytest.mark.parametrize("row", GROUPS, ids=lambda row: str(row.number))
def test_bad_public_values(row: Any) -> None:
    pair = groups.generate(row.number, random.Random(3).randbytes)
    size = row.public_size
    bad = [b"", bytes(size), bytes(size - 1), bytes(size + 1), b"\xff" * size]
    if row.kind == "modp":
        modulus = groups.prime(row.bits)
        bad += [value.to_bytes(size) for value in (1, modulus - 1, modulus)]
    else:
        bad.append(pair.public[:-1] + bytes([pair.public[-1] ^ 1]))
    for value in bad:
        with pytest.raises(InvalidPublicValue):
            groups.shared_secret(pair, value)


@settings(max_examples=50)
@given(st.sampled_from([19, 20, 21]), st.binary(min_size=132, max_size=132))
def test_any_point_is_judged(group: int, data: bytes) -> None:
    pair = groups.generate(group, random.Random(3).randbytes)
    with pytest.raises(InvalidPublicValue):
        groups.shared_secret(pair, data[: GROUP[group].public_size])
