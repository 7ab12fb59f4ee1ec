"""The compression functions alone: NIST's and RFC 1321's messages, and any state and block."""

from __future__ import annotations

import hashlib
from typing import Any, Final

import cocotb
import pytest
from cocotb.triggers import ReadOnly, RisingEdge
from hypothesis import given
from hypothesis import strategies as st

from tests.rtl.harness import settings, simulate
from tests.rtl.hashes import INITIAL, compress
from tests.rtl.streams import cycle, seeded, start
from tests.rtl.vectors import vectors

FILES: Final = {
    "md5": ("md5", "hashes/MD5/rfc-1321.txt"),
    "sha1": ("sha1", "hashes/SHA1/SHA1ShortMsg.rsp", "hashes/SHA1/SHA1LongMsg.rsp"),
    "sha256": ("sha256", "hashes/SHA2/SHA256ShortMsg.rsp", "hashes/SHA2/SHA256LongMsg.rsp"),
    "sha384": ("sha512", "hashes/SHA2/SHA384ShortMsg.rsp", "hashes/SHA2/SHA384LongMsg.rsp"),
    "sha512": ("sha512", "hashes/SHA2/SHA512ShortMsg.rsp", "hashes/SHA2/SHA512LongMsg.rsp"),
}
CYCLES: Final = {"md5": 130, "sha1": 82, "sha256": 67, "sha384": 83, "sha512": 83}
LONGEST: Final = 3000


def padded(message: bytes, name: str) -> list[bytes]:
    """The blocks of a message (FIPS 180-4 section 5.1, RFC 1321 section 3.1)."""
    size = hashlib.new(name).block_size
    field = size // 8
    zeros = -(len(message) + 1 + field) % size
    order = "little" if name == "md5" else "big"
    text = message + b"\x80" + bytes(zeros) + (8 * len(message)).to_bytes(field, order)
    return [text[at : at + size] for at in range(0, len(text), size)]


async def digest(dut: Any, name: str, message: bytes, random: Any) -> bytes:
    """Hash a message; the blocks follow without a gap, or with one."""
    wide = hashlib.new(name).block_size == 128
    state_size = len(dut.state) // 8
    started = 0
    for number, block in enumerate(padded(message, name)):
        while random.random() < 0.1:
            await RisingEdge(dut.clk)
        dut.state.value = int.from_bytes(INITIAL[name], "big")
        separate = number == 0 and random.random() < 0.5
        if separate:
            dut.set.value = 1
            await RisingEdge(dut.clk)
            dut.set.value = 0
        first = number == 0 and not separate
        value = int.from_bytes(block, "big")
        if wide and not first:
            dut.block.value = value >> 512 << 512 | random.getrandbits(512)
            dut.half.value = 1
            await RisingEdge(dut.clk)
            dut.half.value = 0
            value = random.getrandbits(512) << 512 | value & (1 << 512) - 1
        dut.block.value = value
        dut.load.value = 1
        dut.set.value = int(first)
        await RisingEdge(dut.clk)
        started = cycle()
        dut.load.value = dut.set.value = 0
        dut.block.value = random.getrandbits(len(dut.block))
        dut.state.value = random.getrandbits(len(dut.state))
        await RisingEdge(dut.clk)
        assert dut.done.value == 0
        soon = 0
        while dut.done.value == 0:
            soon += int(dut.soon.value)
            await RisingEdge(dut.clk)
        assert cycle() - started == CYCLES[name]
        assert soon == settings()["lead"]
    return int(dut.next.value).to_bytes(state_size, "big")


@cocotb.test(timeout_time=50, timeout_unit="ms")
async def messages(dut: Any) -> None:
    name = settings()["name"]
    random = seeded(name)
    for signal in (dut.set, dut.load, dut.state, dut.block):
        signal.value = 0
    if hasattr(dut, "half"):
        dut.half.value = 0
    await start(dut)
    await RisingEdge(dut.clk)
    await ReadOnly()
    assert dut.done.value == 1
    await RisingEdge(dut.clk)
    size = hashlib.new(name).digest_size
    count = 0
    for path in FILES[name][1:]:
        for vector in vectors(path):
            if "Msg" in vector:
                message = bytes.fromhex(vector["Msg"])[: int(vector["Len"]) // 8]
                expected = bytes.fromhex(vector["MD"])
            else:
                message = vector["Message"].encode()
                expected = bytes.fromhex(vector["Digest"])
            if len(message) <= LONGEST:
                assert (await digest(dut, name, message, random))[:size] == expected
                count += 1
    assert count > 5
    for length in (*range(50, 75), *range(100, 140)):
        message = random.randbytes(length)
        expected = hashlib.new(name, message).digest()
        assert (await digest(dut, name, message, random))[:size] == expected


@pytest.mark.parametrize("name", FILES)
def test_messages(name: str) -> None:
    lead = 15 if name == "sha384" else 3
    parameters = {"LEAD": lead} if lead != 3 else None
    simulate(
        FILES[name][0],
        __file__,
        parameters=parameters,
        settings={"name": name, "lead": lead},
    )


@pytest.mark.parametrize("name", FILES)
@given(message=st.binary(max_size=300))
def test_states(name: str, message: bytes) -> None:
    """The benches' own compression functions agree with hashlib."""
    state = INITIAL[name]
    for block in padded(message, name):
        state = compress(name, state, block)
    assert state[: hashlib.new(name).digest_size] == hashlib.new(name, message).digest()
