"""Every operator against Python's integers, on the embedded switch and on BMv2."""

from __future__ import annotations

import random
import struct
from collections.abc import Callable
from dataclasses import astuple, dataclass

from hypothesis import given, settings
from hypothesis import strategies as st
from ipsecplane.targets.program import load_program

from tests.switch.targets import PROGRAMS, Both, Embedded, run_frame

M32, M128 = (1 << 32) - 1, (1 << 128) - 1


@dataclass(frozen=True, slots=True)
class Operands:
    """As in expressions.p4: a, b bit<32>; c, d int<16>; amount bit<8>; x bit<3>; y bit<5>;
    w bit<128>; u, v bit<8>."""

    a: int
    b: int
    c: int
    d: int
    amount: int
    x: int
    y: int
    w: int
    u: int
    v: int

    def encode(self) -> bytes:
        head = struct.pack(
            "!IIhhBB", self.a, self.b, self.c, self.d, self.amount, self.x << 5 | self.y
        )
        return head + self.w.to_bytes(16, "big") + bytes([self.u, self.v])


def _int16(value: int) -> int:
    return (value + 0x8000) % 0x10000 - 0x8000


def _clamp(value: int, low: int, high: int) -> int:
    return min(max(value, low), high)


def reference(o: Operands) -> bytes:
    """The results header that P4's definitions give."""
    stored = o.a & ~(0xFF << 4) | o.u << 4
    words = [
        o.a + o.b, o.a - o.b, o.a * o.b, o.a & o.b, o.a | o.b, o.a ^ o.b, ~o.a,
        o.a << o.amount, o.a >> o.amount,
    ]  # fmt: skip
    out = b"".join((word & M32).to_bytes(4, "big") for word in words)
    for number in (o.c + o.d, o.c * o.d, -o.c, o.c >> o.amount):
        out += struct.pack("!h", _int16(number))
    out += bytes([_clamp(o.u + o.v, 0, 255), _clamp(o.u - o.v, 0, 255)])
    for number in (o.c + o.d, o.c - o.d):
        out += struct.pack("!h", _clamp(number, -0x8000, 0x7FFF))
    out += bytes([o.x << 5 | o.y, o.a >> 12 & 0xFF]) + stored.to_bytes(4, "big")
    out += ((o.w + o.a) & M128).to_bytes(16, "big") + ((o.w << o.amount) & M128).to_bytes(16, "big")
    out += (o.c & M32).to_bytes(4, "big") + bytes([o.a & 0xFF])
    truths = [
        o.a < o.b, o.a <= o.b, o.a > o.b, o.a >= o.b, o.a == o.b, o.a != o.b, o.c < o.d,
        o.x == 1 and o.y == 1, o.x == 1 or o.y == 1, o.x != 1 and o.y != 1,
    ]  # fmt: skip
    bits = 0
    for truth in truths:
        bits = bits << 1 | truth
    return out + (bits << 6).to_bytes(2, "big") + (o.a if o.u > o.v else o.b).to_bytes(4, "big")


def _edges(low: int, high: int) -> st.SearchStrategy[int]:
    return st.one_of(st.sampled_from([low, low + 1, 0, 1, high - 1, high]), st.integers(low, high))


operands = st.builds(
    Operands,
    a=_edges(0, M32),
    b=_edges(0, M32),
    c=_edges(-0x8000, 0x7FFF),
    d=_edges(-0x8000, 0x7FFF),
    amount=_edges(0, 255),
    x=st.integers(0, 7),
    y=st.integers(0, 31),
    w=_edges(0, M128),
    u=_edges(0, 255),
    v=_edges(0, 255),
)

_embedded = Embedded(load_program("expressions", PROGRAMS))


@settings(max_examples=400)
@given(operands)
def test_results_are_pythons(o: Operands) -> None:
    frame = run_frame(0, o.encode() + b"payload")
    assert _embedded.run([(1, frame)]) == {2: [run_frame(0) + reference(o) + b"payload"]}


def test_results_are_bmv2s(load: Callable[[str], Both]) -> None:
    rng = random.Random(5)

    def number(bits: int) -> int:
        return rng.choice([0, 1, (1 << bits) - 1, 1 << (bits - 1), rng.getrandbits(bits)])

    frames = []
    for index in range(150):
        o = Operands(
            number(32), number(32), number(16) - 0x8000, number(16) - 0x8000,
            number(8), number(3), number(5), number(128), number(8), number(8),
        )  # fmt: skip
        assert len(astuple(o)) == 10
        frames.append((1, run_frame(0, o.encode(), number=index)))
    assert len(load("expressions").run(frames)[2]) == 150
