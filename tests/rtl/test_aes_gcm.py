"""AES-GCM: vectors of NIST and Wycheproof, wrong ICVs too, any back-pressure, no gaps, latency."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, Final

import cocotb
import pytest
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from tests.rtl.gcm_bench import Bench, Message, message, random_message
from tests.rtl.harness import settings, simulate
from tests.rtl.streams import RATES, seeded, start
from tests.rtl.vectors import vectors, wycheproof_gcm

SIZES: Final = (128, 192, 256)


def cases(kind: str, every: int) -> Iterator[dict[str, str]]:
    """NIST's vectors with an IV of 96 bits: every so many of each key size."""
    for size in SIZES:
        fit = [
            case
            for case in vectors(f"ciphers/AES/GCM/{kind}{size}.rsp")
            if len(case["IV"]) == 24 and "Key" in case
        ]
        assert len(fit) > 1000
        yield from fit[::every]


def known_answers(decrypt: bool) -> tuple[list[Message], int]:
    """The messages, and how many of them have a tag that is not theirs."""
    messages, wrong = [], 0
    for case in cases("gcmDecrypt" if decrypt else "gcmEncryptExtIV", 13):
        key, nonce, sealed, aad, tag = (
            bytes.fromhex(case[name]) for name in ("Key", "IV", "CT", "AAD", "Tag")
        )
        if "PT" in case:
            made = message(key, nonce, aad, bytes.fromhex(case["PT"]), decrypt=decrypt)
            assert (made.result if not decrypt else made.octets) == sealed
            assert made.tag[: len(tag)] == tag
        else:
            # Counter mode deciphers what it has enciphered; the tag is then that of another text.
            plain = AESGCM(key).encrypt(nonce, sealed, b"")[:-16]
            made = message(key, nonce, aad, plain, decrypt=decrypt)
            assert made.tag[: len(tag)] != tag
            wrong += 1
        messages.append(made)
    for given in wycheproof_gcm():
        made = message(given.key, given.nonce, given.aad, given.plain, decrypt=decrypt)
        assert (made.octets if decrypt else made.result) == given.sealed
        assert (made.tag == given.tag) is given.valid, given.comment
        messages.append(made)
        wrong += not given.valid
    return messages, wrong


@cocotb.test(timeout_time=20, timeout_unit="ms")
async def mixed(dut: Any) -> None:
    """Known answers and random messages of random keys, all at once."""
    random = seeded()
    chosen = settings()
    decrypt = chosen["decrypt"]
    bench = Bench(dut, rates=tuple(chosen["rates"]))
    await start(dut)
    messages = []
    if chosen["known"]:
        messages, wrong = known_answers(decrypt)
        assert len(messages) > 500
        assert wrong > (130 if decrypt else 80)
    keys = [random.randbytes(size) for size in (16, 24, 32) * 4]
    messages += [random_message(random, keys, decrypt=decrypt) for _ in range(chosen["count"])]
    random.shuffle(messages)
    for sent in messages:
        bench.put(sent)
    await bench.done()


@pytest.mark.parametrize("decrypt", [False, True])
@pytest.mark.parametrize("rates", RATES)
def test_mixed(decrypt: bool, rates: tuple[float, float, float]) -> None:
    simulate(
        "aes_gcm",
        __file__,
        parameters={"DECRYPT": f"1'b{int(decrypt)}"},
        settings={"decrypt": decrypt, "rates": rates, "known": rates == (1, 1, 1), "count": 200},
        tests=["mixed"],
    )


def test_small() -> None:
    """With one step of AES that goes round."""
    simulate(
        "aes_gcm",
        __file__,
        parameters={"AES_STAGES": 1},
        settings={"decrypt": False, "rates": (1, 1, 1), "known": False, "count": 80},
        tests=["mixed"],
    )


@cocotb.test(timeout_time=20, timeout_unit="ms")
async def throughput(dut: Any) -> None:
    """Back to back a message takes its beats and one cycle, whatever keys follow each other."""
    random = seeded()
    decrypt = settings()["decrypt"]
    bench = Bench(dut, rates=(1, 1, 1))
    await start(dut)
    keys = [random.randbytes(size) for size in (16, 24, 32) * 4]
    for size in (68, 1404):
        before, taken = len(bench.icv_cycles), len(bench.beats.taken)
        for _ in range(24):
            aad, plain = random.randbytes(8), random.randbytes(size)
            bench.put(
                message(random.choice(keys), random.randbytes(12), aad, plain, decrypt=decrypt)
            )
        await bench.done()
        icvs = bench.icv_cycles[before + 4 :]
        cycles = (icvs[-1] - icvs[0]) / (len(icvs) - 1)
        dut._log.info(f"{size} octets of ciphertext: {cycles:.2f} cycles")
        assert cycles == 1 + -(-size // 16) + 1
        beats = 1 + -(-size // 16)
        ends = bench.beats.taken[taken:][beats - 1 :: beats][4:]
        assert [icv - end for icv, end in zip(icvs, ends, strict=True)] == [9] * len(icvs)


@pytest.mark.parametrize(("decrypt", "halves"), [(False, 1), (True, 1), (False, 2)])
def test_throughput(decrypt: bool, halves: int) -> None:
    simulate(
        "aes_gcm",
        __file__,
        # What is the default is not said: so test_mixed has the same build.
        parameters={"DECRYPT": f"1'b{int(decrypt)}"}
        | ({"AES_ROUND_STAGES": 2} if halves == 2 else {}),
        settings={"decrypt": decrypt},
        tests=["throughput"],
    )
