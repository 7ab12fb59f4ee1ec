"""HMAC states from keys: against the benches' own, which agree with hashlib."""

from __future__ import annotations

import hashlib
import hmac
from typing import Any

import cocotb
from ipsecplane.ipsec.algorithms import INTEGRITIES

from tests.rtl.harness import simulate
from tests.rtl.hashes import BLOCK, compress, hmac_states, integrity_states
from tests.rtl.streams import Scoreboard, Sink, Source, seeded, start


@cocotb.test(timeout_time=5, timeout_unit="ms")
async def keys(dut: Any) -> None:
    random = seeded()
    board = Scoreboard(dut.clk, "states")
    fields = {name: f"in_{name}" for name in ("integrity", "key")}
    source = Source(dut, "in_valid", "in_ready", fields, rate=0.7)
    Sink(
        dut,
        "out_valid",
        "out_ready",
        {name: f"out_{name}" for name in ("inner", "outer")},
        rate=0.5,
        on_item=lambda item, now: board.check((item["inner"], item["outer"])),
    )
    await start(dut)
    for row in INTEGRITIES:
        for size in (row.key_size, row.key_size, 0, 1, 64):
            key = random.randbytes(size)
            board.expect(integrity_states(row, key))
            source.put(
                {"integrity": row.accelerator_id, "key": int.from_bytes(key.ljust(64, b"\0"))}
            )
    await board.done()


def test_keys() -> None:
    simulate("hmac_states", __file__)


def test_states_make_hmacs() -> None:
    """From the states, the rest of RFC 2104 gives what the library gives."""
    for row in INTEGRITIES:
        name, key = row.hash_name, bytes(range(row.key_size))
        inner, outer = hmac_states(name, key)
        size = hashlib.new(name).digest_size
        block, field = BLOCK[name], BLOCK[name] // 8
        order = "little" if name == "md5" else "big"
        for message in (b"", b"abc"):
            digest = message
            for state in (inner, outer):
                padded = digest + b"\x80" + bytes(block - len(digest) - 1 - field)
                bits = 8 * (block + len(digest))
                padded += bits.to_bytes(field, "little" if order == "little" else "big")
                digest = compress(name, state, padded)[:size]
            assert digest == hmac.digest(key, message, name)
