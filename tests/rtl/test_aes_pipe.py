"""AES block by block: NIST's known answers, `cryptography` on random blocks, mixes, pauses."""

from __future__ import annotations

from typing import Any, Final

import cocotb
import pytest
from cocotb.triggers import RisingEdge
from cryptography.hazmat.primitives.ciphers import Cipher, modes
from cryptography.hazmat.primitives.ciphers.algorithms import AES

from tests.rtl.aes_keys import key_end
from tests.rtl.harness import settings, simulate
from tests.rtl.streams import Sink, Source, cycle, seeded, start
from tests.rtl.vectors import vectors

KNOWN: Final = ("GFSbox", "KeySbox", "VarKey", "VarTxt", "MMT")
FIELDS: Final = ("tag", "key_size", "key", "block")


def reference(key: bytes, decrypt: bool, block: bytes) -> bytes:
    """A block by `cryptography`."""
    cipher = Cipher(AES(key), modes.ECB())
    worker = cipher.decryptor() if decrypt else cipher.encryptor()
    return worker.update(block) + worker.finalize()


def known_answers(decrypt: bool) -> list[tuple[bytes, bytes, bytes]]:
    """(key, block, result) of NIST's files: those of this direction, with either's blocks."""
    cases = []
    for name in KNOWN:
        for size in (128, 192, 256):
            for case in vectors(f"ciphers/AES/ECB/ECB{name}{size}.rsp"):
                key, plain, sealed = (
                    bytes.fromhex(case[field]) for field in ("KEY", "PLAINTEXT", "CIPHERTEXT")
                )
                for at in range(0, len(plain), 16):
                    pair = plain[at : at + 16], sealed[at : at + 16]
                    cases.append((key, *(reversed(pair) if decrypt else pair)))
    return cases


@cocotb.test(timeout_time=20, timeout_unit="ms")
async def blocks(dut: Any) -> None:
    random = seeded()
    chosen = settings()
    decrypt, stages, rate = chosen["decrypt"], chosen["stages"], chosen["rate"]
    cases = known_answers(decrypt)
    assert len(cases) > 1000
    for _ in range(200):
        key, block = random.randbytes(random.choice((16, 24, 32))), random.randbytes(16)
        cases.append((key, block, reference(key, decrypt, block)))
    random.shuffle(cases)
    cases = cases[: 300 if stages == 1 or rate < 1 else None]
    fields = {name: f"in_{name}" for name in FIELDS}
    source = Source(dut, "in_valid", "in_ready", fields, rate=rate)
    sink = Sink(dut, "out_valid", None, {name: f"out_{name}" for name in ("tag", "block")})
    await start(dut)
    for tag, (key, block, _) in enumerate(cases):
        given = key_end(key) if decrypt else key.ljust(32, b"\0")
        source.put(
            {
                "tag": tag % 256,
                "key_size": len(key) // 8 - 2,
                "key": int.from_bytes(given),
                "block": int.from_bytes(block),
            }
        )
    begun = cycle()
    await source.drained()
    latency = 15 * chosen["halves"]
    for _ in range(latency + 5):
        await RisingEdge(dut.clk)
    results = [(item["tag"], item["block"].to_bytes(16)) for item in sink.items]
    assert results == [(tag % 256, result) for tag, (_, _, result) in enumerate(cases)]
    if rate == 1:
        cycles = [1 if stages == 15 else len(key) // 4 + 7 for key, _, _ in cases]
        assert sink.cycles[-1] - begun <= sum(cycles) + 15 + 2
    if stages == 15:
        assert {out - taken for taken, out in zip(source.taken, sink.cycles, strict=True)} == {
            latency
        }


# Decryption with one step or in two cycles by `make rtl-test` alone: no configuration has it.
@pytest.mark.parametrize(
    ("stages", "halves", "rate", "decrypt"),
    [
        *((15, 1, rate, decrypt) for rate in (1, 0.6) for decrypt in (False, True)),
        *((1, 1, rate, False) for rate in (1, 0.6)),
        (15, 2, 0.6, False),
        *(pytest.param(1, 1, rate, True, marks=pytest.mark.slow) for rate in (1, 0.6)),
        pytest.param(15, 2, 0.6, True, marks=pytest.mark.slow),
    ],
)
def test_aes_pipe(stages: int, halves: int, rate: float, decrypt: bool) -> None:
    simulate(
        "aes_pipe",
        __file__,
        parameters={
            "DECRYPT": f"1'b{int(decrypt)}",
            "STAGES": stages,
            "ROUND_STAGES": halves,
        },
        settings={"decrypt": decrypt, "stages": stages, "halves": halves, "rate": rate},
        tests=["blocks"],
    )


@cocotb.test(timeout_time=5, timeout_unit="ms")
async def key_ends(dut: Any) -> None:
    random = seeded()
    dut.go.value = 0
    await start(dut)
    for size in (16, 24, 32) * 20:
        key = random.randbytes(size)
        dut.go.value = 1
        dut.key_size.value = size // 8 - 2
        dut.key.value = int.from_bytes(key.ljust(32, b"\0"))
        await RisingEdge(dut.clk)
        dut.go.value = 0
        dut.key.value = random.getrandbits(256)
        cycles = 0
        await RisingEdge(dut.clk)
        while dut.done.value == 0:
            await RisingEdge(dut.clk)
            cycles += 1
            assert cycles < 20
        assert int(dut.keys.value).to_bytes(32) == key_end(key)
        assert cycles == size // 4 + 6


def test_aes_key_end() -> None:
    simulate("aes_key_end", __file__, tests=["key_ends"])
