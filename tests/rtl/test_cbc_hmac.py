"""CBC and HMAC engine: vectors, any mix under any back-pressure, bad packets, throughput."""

from __future__ import annotations

from collections.abc import Iterator
from random import Random
from typing import Any, Final

import cocotb
import pytest
from cryptography.hazmat.primitives.ciphers import Cipher as BlockCipher
from cryptography.hazmat.primitives.ciphers import modes
from cryptography.hazmat.primitives.ciphers.algorithms import AES as AES_BLOCK
from ipsecplane.ipsec.algorithms import CIPHER, CIPHERS, INTEGRITIES, INTEGRITY

from tests.accelerator.test_vectors import CASE_5, CASE_7, CASE_7_INNER, PING
from tests.rtl.cbc_bench import (
    CBC,
    Bench,
    Job,
    Sa,
    cbc_job,
    decrypt_job,
    encrypt_job,
    hash_job,
    ragged_job,
)
from tests.rtl.harness import settings, simulate
from tests.rtl.hashes import BLOCK
from tests.rtl.streams import RATES, seeded, start
from tests.rtl.vectors import vectors

AES: Final = ("GFSbox", "KeySbox", "MMT", "VarKey", "VarTxt")
RFC_3602_KEYS: Final = {
    5: "90d382b410eeba7ad938c46cec1a82bf",
    7: "0123456789abcdef0123456789abcdef",
}
HMAC: Final = {
    "md5": "rfc-2202-md5",
    "sha1": "rfc-2202-sha1",
    "sha256": "rfc-4231-sha256",
    "sha384": "rfc-4231-sha384",
    "sha512": "rfc-4231-sha512",
}


def payload(sa: Sa, random: Random) -> bytes:
    """Whole blocks, most of them few."""
    assert sa.cipher is not None
    unit = max(4, sa.cipher.block_size)
    most = random.choice((3, 10, 10, 40, 100))
    return random.randbytes(unit * random.randint(1, max(1, most * 16 // unit)))


def random_job(sa: Sa, random: Random, decrypt: bool) -> Job:
    number = random.getrandbits(64)
    if sa.cipher is None:
        length = random.choice((random.randint(1, 300), random.randint(110, 130)))
        bad = decrypt and random.random() < 0.2
        return hash_job(sa, random.randbytes(length), random, decrypt=decrypt, bad=bad)
    if random.random() < 0.07:
        return ragged_job(sa, random, decrypt=decrypt)
    if decrypt:
        bad = sa.integrity is not None and random.random() < 0.2
        return decrypt_job(sa, payload(sa, random), number, random, bad)
    return encrypt_job(sa, payload(sa, random), number, random)


def rfc_3602() -> Iterator[tuple[bytes, bytes, bytes, bytes]]:
    """Key, IV, payload with its trailer, ciphertext of the RFC's packets 5 and 7."""
    for number, packet, inner in ((5, CASE_5, PING), (7, CASE_7, CASE_7_INNER)):
        octets = bytes.fromhex(packet)
        iv, sealed = octets[28:44], octets[44:]
        key = bytes.fromhex(RFC_3602_KEYS[number])
        plain = BlockCipher(AES_BLOCK(key), modes.CBC(iv)).decryptor().update(sealed)
        assert plain.startswith(bytes.fromhex(inner))
        yield key, iv, plain, sealed


def known_answers(decrypt: bool) -> list[Job]:
    """NIST's and RFC 3602's CBC, RFC 2202's and RFC 4231's HMACs, in either direction."""
    files = [f"ciphers/AES/CBC/CBC{name}{size}.rsp" for name in AES for size in (128, 192, 256)]
    files += [f"ciphers/3DES/CBC/TCBCMMT{kind}.rsp" for kind in "123"]
    jobs = []
    for path in files:
        cases = list(vectors(path))
        assert len(cases) >= 10
        for case in cases[:: 1 + len(cases) // 16]:
            keys = case.get("KEY") or case["KEY1"] + case["KEY2"] + case["KEY3"]
            key, iv, plain, sealed = (
                bytes.fromhex(text)
                for text in (keys, case["IV"], case["PLAINTEXT"], case["CIPHERTEXT"])
            )
            jobs.append(cbc_job(key, iv, plain, sealed, decrypt=decrypt))
    jobs += [cbc_job(*case, decrypt=decrypt) for case in rfc_3602()]
    for integrity in INTEGRITIES:
        name = integrity.hash_name
        for case in vectors(f"HMAC/{HMAC[name]}.txt"):
            key, octets = bytes.fromhex(case["Key"]), bytes.fromhex(case["Msg"])
            if len(key) <= BLOCK[name]:
                sa = Sa(None, b"", integrity, key, False, 0)
                job = hash_job(sa, octets, Random(0), decrypt=decrypt)
                assert job.icv == bytes.fromhex(case["MD"])[: integrity.icv_size]
                jobs.append(job)
    return jobs


@cocotb.test(timeout_time=20, timeout_unit="ms")
async def mixed(dut: Any) -> None:
    """Known answers and random packets of random SAs, all at once."""
    random = seeded()
    chosen = settings()
    decrypt = chosen["decrypt"]
    bench = Bench(dut, random=random, rates=tuple(chosen["rates"]))
    await start(dut)
    jobs = known_answers(decrypt) if chosen["known"] else []
    sas = [Sa.random(random) for _ in range(24)]
    sas += [Sa.random(random, (cipher,), (row,)) for cipher in CBC for row in INTEGRITIES]
    jobs += [random_job(random.choice(sas), random, decrypt) for _ in range(chosen["count"])]
    random.shuffle(jobs)
    for job in jobs:
        bench.put(job)
    await bench.done()
    if decrypt:
        assert {job.ok for job in jobs} == {True, False}


@pytest.mark.parametrize("decrypt", [False, True])
@pytest.mark.parametrize("rates", RATES)
def test_mixed(decrypt: bool, rates: tuple[float, float, float]) -> None:
    simulate(
        "cbc_hmac",
        __file__,
        parameters={"DECRYPT": f"1'b{int(decrypt)}", "SHA1": 2, "DES_STAGES": 16},
        settings={"decrypt": decrypt, "rates": rates, "known": rates == (1, 1, 1), "count": 250},
        tests=["mixed"],
    )


@cocotb.test(timeout_time=20, timeout_unit="ms")
async def throughput(dut: Any) -> None:
    """Cycles a packet, back to back, of AES-CBC with HMAC-SHA1-96: random SAs, all key sizes."""
    random = seeded()
    chosen = settings()
    decrypt, inner, engines = chosen["decrypt"], chosen["inner"], chosen["engines"]
    bench = Bench(dut, random=random, rates=(1, 1, 1))
    await start(dut)
    sas = [Sa.random(random, (CIPHER["AES-CBC"],), (INTEGRITY["HMAC-SHA1-96"],)) for _ in range(12)]
    size = -(-(inner + 2) // 16) * 16
    warm, measured = chosen["warm"], chosen["measured"]
    for number in range(warm + measured + warm // 2):
        sa = random.choice(sas)
        make = decrypt_job if decrypt else encrypt_job
        bench.put(make(sa, random.randbytes(size), number, random))
    await bench.done()
    ends = bench.last_cycles[warm - 1 : warm + measured]
    cycles = (ends[-1] - ends[0]) / (len(ends) - 1)
    wire = -(-(20 + 8 + 16 + size + 12) // 16)
    blocks = -(-(8 + 16 + size + 9) // 64) + 1
    bound = max(wire, blocks * 80 / engines)
    dut._log.info(f"{inner} octets, {engines} engines: {cycles:.2f} cycles, bound {bound:.2f}")
    assert cycles <= bound * 1.05


# Slots and rows for so many engines: see cbc_hmac.
SIZES: Final = {1: (3, 7), 8: (5, 10), 24: (7, 12)}


DECRYPTING: Final = ((1, True), (8, True), (24, True))  # with 8 engines test_figures.py has it


@pytest.mark.parametrize("inner", [64, 1400])
@pytest.mark.parametrize(
    ("engines", "decrypt"),
    [
        (1, False),
        (24, False),
        *(pytest.param(*more, marks=pytest.mark.slow) for more in ((8, False), *DECRYPTING)),
    ],
)
def test_throughput(engines: int, inner: int, decrypt: bool) -> None:
    slots, rows = SIZES[engines]
    simulate(
        "cbc_hmac",
        __file__,
        parameters={
            "DECRYPT": f"1'b{int(decrypt)}",
            "MD5": 0,
            "SHA1": engines,
            "SHA256": 0,
            "SHA512": 0,
            "SLOT_W": slots,
            "ROW_W": rows,
        },
        settings={
            "decrypt": decrypt,
            "inner": inner,
            "engines": engines,
            "warm": 2 << slots,
            "measured": {1: 20, 8: 48, 24: 120}[engines],  # equal work for each engine
        },
        tests=["throughput"],
    )


def test_every_cipher_is_known() -> None:
    """The engine's numbers are the algorithms table's."""
    assert {row.name: row.accelerator_id for row in CIPHERS[:4]} == {
        "NULL": 1,
        "DES-CBC": 2,
        "3DES-CBC": 3,
        "AES-CBC": 4,
    }
