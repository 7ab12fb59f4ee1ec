"""Published vectors: NIST CAVS for the ciphers, RFC 2202 and 4231 for HMAC, whole ESP packets of
RFC 3602 section 4 and of the AES-GCM ESP test cases by McGrew (draft-mcgrew-gcm-test)."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import cryptography_vectors
import pytest
from ipsecplane.ipsec.algorithms import CIPHER, INTEGRITY
from ipsecsim.accelerator import esp
from ipsecsim.accelerator.transforms import KeyedHash, esp_transform
from scapy.layers.inet import IP


def records(path: str) -> Iterator[dict[str, bytes]]:
    """The vectors of a file in NIST's format: hexadecimal `NAME = VALUE` lines."""
    with cryptography_vectors.open_vector_file(path, "r") as file:
        record: dict[str, bytes] = {}
        for line in [*file, ""]:
            name, _, value = (part.strip() for part in line.partition("="))
            if value and not line.startswith(("#", "COUNT", "Len")):
                record[name.upper()] = bytes.fromhex(value)
            elif not value and len(record) > 1:
                yield record
                record = {}


@pytest.mark.parametrize(
    ("name", "file", "minimum"),
    [
        ("HMAC-MD5-96", "rfc-2202-md5", 7),
        ("HMAC-SHA1-96", "rfc-2202-sha1", 7),
        ("HMAC-SHA2-256-128", "rfc-4231-sha256", 6),
        ("HMAC-SHA2-384-192", "rfc-4231-sha384", 6),
        ("HMAC-SHA2-512-256", "rfc-4231-sha512", 6),
    ],
)
def test_hmac(name: str, file: str, minimum: int) -> None:
    count = 0
    for vector in records(f"HMAC/{file}.txt"):
        mac = KeyedHash(INTEGRITY[name], vector["KEY"])
        assert mac.icv(vector["MSG"]) == vector["MD"][: INTEGRITY[name].icv_size]
        count += 1
    assert count >= minimum


@pytest.mark.parametrize(
    ("name", "path", "minimum"),
    [
        *(("AES-CBC", f"AES/CBC/CBCMMT{bits}.rsp", 20) for bits in (128, 192, 256)),
        ("DES-CBC", "3DES/CBC/TCBCvartext.rsp", 100),
        ("DES-CBC", "3DES/CBC/TCBCpermop.rsp", 50),
        ("3DES-CBC", "3DES/CBC/TCBCMMT3.rsp", 20),
    ],
)
def test_cbc(name: str, path: str, minimum: int) -> None:
    cipher = CIPHER[name]
    count = 0
    for vector in records(f"ciphers/{path}"):
        key = vector.get("KEYS") or vector.get("KEY")
        key = key or vector["KEY1"] + vector["KEY2"] + vector["KEY3"]
        transform = esp_transform(cipher, key, b"", None, False)
        packet = bytes(8) + vector["IV"] + vector["CIPHERTEXT"]
        assert transform.open(packet, 0) == vector["PLAINTEXT"]
        sealed = transform.seal(0, 0, vector["PLAINTEXT"])
        assert transform.open(sealed, 0) == vector["PLAINTEXT"]
        count += 1
    assert count >= minimum


@pytest.mark.parametrize(("name", "size"), [("AES-CBC", 16), ("DES-CBC", 8), ("3DES-CBC", 8)])
def test_iv_is_encrypted_nonce(name: str, size: int) -> None:
    """NIST SP 800-38A appendix C: never the same, not predictable, yet reproducible."""
    from cryptography.hazmat.primitives.ciphers import Cipher, modes
    from ipsecsim.accelerator.transforms import block_algorithm

    cipher = CIPHER[name]
    key = bytes(range(cipher.key_sizes[0]))
    seed = 0x0123456789ABCDEF
    transform = esp_transform(cipher, key, b"", None, False, seed)
    ivs = set()
    for sequence in (1, 2, 3, 0xFFFFFFFF, 1 << 32):
        nonce = (
            seed.to_bytes(8, "big") + sequence.to_bytes(8, "big")
            if size == 16
            else (seed ^ sequence).to_bytes(8, "big")
        )
        ecb = Cipher(block_algorithm(cipher, key), modes.ECB()).encryptor()
        iv = transform.seal(9, sequence, bytes(32))[8 : 8 + size]
        assert iv == ecb.update(nonce)
        ivs.add(iv)
    assert len(ivs) == 5


# RFC 3602 section 4: case 5 (transport mode) and case 7 (tunnel mode).
PING = """
    08000ebd a70a0000 8e9c083d b95b0700 08090a0b 0c0d0e0f 10111213 14151617
    18191a1b 1c1d1e1f 20212223 24252627 28292a2b 2c2d2e2f 30313233 34353637"""
CASE_5 = """
    4500007c 08f20000 4032f9a5 c0a87b03 c0a87b64
    00004321 00000001 e96e8c08 ab465763 fd098d45 dd3ff893
    f663c25d 325c18c6 a9453e19 4e120849 a4870b66 cc6b9965 330013b4 898dc856
    a4699e52 3a55db08 0b59ec3a 8e4b7e52 775b07d1 db34ed9c 538ab50c 551b874a
    a269add0 47ad2d59 13ac19b7 cfbad4a6"""
CASE_7 = """
    4500008c 09050000 4032f91e c0a87b03 c0a87bc8
    00008765 00000002 f4e76524 4f6407ad f13dc138 0f673f37
    773b5241 a4c44922 5e4f3ce5 ed611b0c 237ca96c f74a9301 3c1b0ea1 a0cf70f8
    e4ecaec7 8ac53aad 7a0f022b 859243c6 47752e94 a859352b 8a4d4d2d ecd136e5
    c177f132 ad3fbfb2 201ac990 4c74ee0a 109e0ca1 e4dfe9d5 a100b842 f1c22f0d"""
CASE_7_INNER = """
    45000054 09040000 4001f988 c0a87b03 c0a87bc8 08009f76 a90a0100 b49c083d
    02a20400 08090a0b 0c0d0e0f 10111213 14151617 18191a1b 1c1d1e1f 20212223
    24252627 28292a2b 2c2d2e2f 30313233 34353637"""


def test_rfc_3602_transport(rig: Any, tunnel: Any) -> None:
    key = bytes.fromhex("90d382b4 10eeba7a d938c46c ec1a82bf")
    rig.install(tunnel("AES-CBC", transport=True, cipher_key=key, esp_spi=0x4321))
    opened = rig.open(bytes.fromhex(CASE_5))
    assert (
        opened.hex()
        == (
            bytes.fromhex("45000054 08f20000 4001f9fe c0a87b03 c0a87b64") + bytes.fromhex(PING)
        ).hex()
    )


def test_rfc_3602_tunnel(rig: Any, tunnel: Any) -> None:
    key = bytes.fromhex("01234567 89abcdef 01234567 89abcdef")
    rig.install(tunnel("AES-CBC", cipher_key=key, esp_spi=0x8765))
    assert rig.open(bytes.fromhex(CASE_7)) == bytes.fromhex(CASE_7_INNER)


# key, salt, SPI, 64-bit sequence number, ESN, IV, ciphertext and tag, plaintext with its trailer
GCM = [
    (
        "4c80cdefbb5d10da906ac73c3613a634", "2e443b68", 0x4321, 0x8765432100000000, True,
        "4956ed7e3b244cfe",
        "fecf537e729d5b07dc30df528dd22b768d1b98736696a6fd348509fa13ceac34"
        "cfa2436f14a3f3cf65925bf1f4a13c5d15b21e1884f5ff6247aeabb786b93bce"
        "61bc17d768fd9732459018148f6cbe722fd04796562dfdb4",
        "45000048699a000080114db7c0a80102c0a801010a9bf15638d3010000010000"
        "00000000045f736970045f756470037369700963796265726369747902646b00"
        "0021000101020201",
    ),
    (
        "feffe9928665731c6d6a8f9467308308", "cafebabe", 0xA5F8, 10, False, "facedbaddecaf888",
        "deb22cd9b07c72c16e3a65beeb8df304a5a5897d33ae530f1ba76d5d114d2a5c"
        "3de81827c10e9a4f51330d0eec416642cfbb85a5b47e48a4ec3b9ba95d918bd1"
        "83b70d3aa8bc6ee4c309e9d85a41ad4a",
        "4500003e698f000080114dccc0a80102c0a801010a980035002a2343b2d00100"
        "0001000000000000037369700963796265726369747902646b00000100010001",
    ),
    (
        "feffe9928665731c6d6a8f9467308308feffe9928665731c", "cafebabe", 0xA5F8, 10, False,
        "facedbaddecaf888",
        "a5b1f8066029aea40e598b8122de02420938b3ab33f828e687b8858b5bfbdbd0"
        "315b27452144cc7795457b9652037f5318027b5b4cd7a636",
        "45000028a4ad4000400678800a01038f0a010612802306b8cb712602dd6bb03e"
        "501016d075680001",
    ),
    (
        "abbccddef00112233445566778899aababbccddef00112233445566778899aab", "11223344",
        0x4A2CBFE3, 2, False, "0102030405060708",
        "ff425c9b724599df7a3bcd510194e00d6a78107f1b0b1cbf06efae9d65a5d763"
        "748a637985771d347f0545659f14e99def842d8eb335f4eecfdbf831824b4c49"
        "15956c96",
        "4500003069a6400080062690c0a801029389155e0a9e008b2dc57ee000000000"
        "7002400020bf0000020405b40101040201020201",
    ),
]  # fmt: skip


@pytest.mark.parametrize("case", GCM)
def test_gcm_esp(rig: Any, tunnel: Any, case: tuple[Any, ...]) -> None:
    key, salt, spi, sequence, esn, iv, sealed, plaintext = case
    # The cases' next header is 1, so they are no tunnel packets: transport mode takes any.
    sa = tunnel(
        "AES-GCM", transport=True, cipher_key=bytes.fromhex(key), salt=bytes.fromhex(salt),
        esp_spi=spi, esn=esn, window=0,
    )  # fmt: skip
    rig.install(sa)
    packet = spi.to_bytes(4, "big") + (sequence & 0xFFFFFFFF).to_bytes(4, "big")
    packet += bytes.fromhex(iv) + bytes.fromhex(sealed)
    whole = bytes(IP(src="10.0.0.1", dst="10.0.0.2", proto=50) / packet)
    (answer,) = rig.decrypt(whole, sequence=sequence)
    assert answer.header.reason == 0
    assert (answer.header.spi, answer.header.sequence) == (spi, sequence)
    next_header, payload = esp.strip(bytes.fromhex(plaintext))
    assert answer.packet[20:] == payload
    assert answer.packet[9] == next_header == 1
