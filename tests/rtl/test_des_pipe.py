"""DES and triple DES: NIST's known answers, `cryptography` on random blocks, mixes, pauses."""

from __future__ import annotations

from typing import Any, Final

import cocotb
import pytest
from cocotb.triggers import RisingEdge
from cryptography.hazmat.decrepit.ciphers.algorithms import TripleDES
from cryptography.hazmat.primitives.ciphers import Cipher, modes

from tests.rtl.harness import settings, simulate
from tests.rtl.streams import cycle, seeded, start
from tests.rtl.vectors import vectors

KNOWN: Final = ("permop", "subtab", "varkey", "vartext", "invperm", "MMT1", "MMT2", "MMT3")


def reference(key: bytes, decrypt: bool, block: bytes) -> bytes:
    """A block by `cryptography`; a key of 8 octets is single DES."""
    cipher = Cipher(TripleDES(key * (24 // len(key))), modes.ECB())
    worker = cipher.decryptor() if decrypt else cipher.encryptor()
    return worker.update(block) + worker.finalize()


def known_answers() -> list[tuple[bytes, bool, bytes, bytes]]:
    """(key, decrypt, block, result) of NIST's files."""
    cases = []
    for name in KNOWN:
        for vector in vectors(f"ciphers/3DES/ECB/TECB{name}.rsp"):
            if "KEYs" in vector:
                key = bytes.fromhex(vector["KEYs"])
            else:
                key = bytes.fromhex(vector["KEY1"] + vector["KEY2"] + vector["KEY3"])
            plain, sealed = bytes.fromhex(vector["PLAINTEXT"]), bytes.fromhex(vector["CIPHERTEXT"])
            for at in range(0, len(plain), 8):
                left, right = plain[at : at + 8], sealed[at : at + 8]
                decrypt = vector["section"] == "DECRYPT"
                cases.append((key, decrypt, right if decrypt else left, left if decrypt else right))
    return cases


@cocotb.test(timeout_time=20, timeout_unit="ms")
async def blocks(dut: Any) -> None:
    random = seeded()
    stages, rate = settings()["stages"], settings()["rate"]
    dut.en.value = 1
    dut.in_valid.value = 0
    cases = known_answers()
    assert len(cases) > 300
    for _ in range(100):
        key = random.randbytes(random.choice((8, 24)))
        decrypt, block = random.random() < 0.5, random.randbytes(8)
        cases.append((key, decrypt, block, reference(key, decrypt, block)))
    random.shuffle(cases)
    cases = cases[: 150 if stages == 1 else None]
    await start(dut)
    begun = cycle()
    due: dict[int, list[bytes]] = {}
    sent = came = quiet = 0
    driving, enabled = False, True
    while came < len(cases):
        await RisingEdge(dut.clk)
        quiet += 1
        assert quiet < 1000, "nothing comes out"
        if enabled:
            if driving and dut.in_ready.value == 1:
                due.setdefault(sent % 256, []).append(cases[sent][3])
                sent += 1
                driving = False
            if dut.out_valid.value == 1:
                result = int(dut.out_block.value).to_bytes(8, "big")
                assert due[int(dut.out_tag.value)].pop(0) == result
                came += 1
                quiet = 0
        if not driving and sent < len(cases) and random.random() < rate:
            key, decrypt, block, _ = cases[sent]
            dut.in_tag.value = sent % 256
            dut.in_decrypt.value = int(decrypt)
            dut.in_triple.value = int(len(key) == 24)
            dut.in_key.value = int.from_bytes(key.ljust(24, b"\0"), "big")
            dut.in_block.value = int.from_bytes(block, "big")
            driving = True
        dut.in_valid.value = int(driving)
        enabled = random.random() < (1 if rate == 1 else 0.8)
        dut.en.value = int(enabled)
    if rate == 1:
        rounds = sum(48 if len(case[0]) == 24 or stages == 48 else 16 for case in cases)
        assert cycle() - begun <= rounds / stages * 1.05 + 100


# 16 are in the bench of cbc_hmac.
@pytest.mark.parametrize("stages", [1, pytest.param(16, marks=pytest.mark.slow), 48])
@pytest.mark.parametrize("rate", [1, 0.7])
def test_des_pipe(stages: int, rate: float) -> None:
    simulate(
        "des_pipe",
        __file__,
        parameters={"STAGES": stages},
        settings={"stages": stages, "rate": rate},
    )
