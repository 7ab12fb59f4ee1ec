"""Headers as values: an independent model of headers.p4 in Python, and BMv2."""

from __future__ import annotations

import random
from collections.abc import Iterator
from dataclasses import dataclass, replace

import pytest

from tests.switch.targets import Both, run_frame

PUSH, POP, BY_INDEX, COPY, REVIVE, SHORT, LONG, NEITHER, SEVERAL, HOLE = range(1, 11)


@dataclass(frozen=True, slots=True)
class Item:
    kind: int
    value: int

    def encode(self) -> bytes:
        return bytes([self.kind]) + self.value.to_bytes(2, "big")


@dataclass(slots=True)
class Packet:
    """`choice` is the union: nothing, one byte, or four."""

    number: int
    choice: bytes
    items: list[Item | None]
    single: Item
    copied: Item | None = None

    def encode(self, test: int) -> bytes:
        head = run_frame(test, self.choice, number=self.number)
        return head + b"".join(i.encode() for i in [*self.items, self.single] if i)

    def push(self, count: int) -> None:
        self.items = ([None] * count + self.items)[:4]

    def pop(self) -> None:
        self.items = [*self.items[1:], None]

    def run(self, test: int) -> bytes:
        """What headers.p4 sends."""
        before = len(self.encode(0))
        value = 0
        for _ in range({POP: 1, SEVERAL: 1}.get(test, 0)):
            self.pop()
        if test in (PUSH, SEVERAL):
            self.push(2)
            self.items[0] = Item(0xAA, 0xBBBB)
        if test == SEVERAL:
            self.pop()
        if test == BY_INDEX:
            index = self.single.kind & 3
            old = self.items[index]
            if old is not None:
                value = old.value
                self.items[index] = replace(old, value=self.single.value)
        single: Item | None = self.single
        if test == COPY:
            self.copied = replace(self.single, value=(self.single.value + 1) & 0xFFFF)
            single = self.items[1]
        if test == REVIVE:
            single = Item(1, 0)
        self.choice = {SHORT: b"\x5a", LONG: b"\xde\xad\xbe\xef", NEITHER: b""}.get(
            test, self.choice
        )
        if test == HOLE:
            self.items[0] = None
        flags = {0: 0, 1: 1 | 2, 4: 1 | 4}[len(self.choice)]
        flags |= 8 if single is not None and single == self.items[0] else 0
        flags |= 16 if self.copied else 0
        flags |= 32 if self.items[3] else 0
        if self.number & 1:
            value = self._length(test, before)
        parts = [*self.items, single, self.copied]
        return (
            run_frame(test, number=self.number)
            + value.to_bytes(2, "big")
            + bytes([flags])
            + self.choice
            + b"".join(part.encode() for part in parts if part)
        )

    def _length(self, test: int, before: int) -> int:
        """packet_length in egress: only setValid and setInvalid change it in v1model."""
        length = before + 3
        if test in (PUSH, SEVERAL):
            length += 3
        elif test == SHORT and self.number >> 12 != 1:
            length += 1
        elif test == LONG and self.number >> 12 != 2:
            length += 4
        elif test == NEITHER:
            length -= {1: 1, 2: 4}.get(self.number >> 12, 0)
        elif test == HOLE:
            length -= 3
        return length


def packet(rng: random.Random, test: int, number: int) -> Packet:
    shape = rng.randrange(3)
    choice = [b"", rng.randbytes(1), rng.randbytes(4)][shape]
    count = rng.randrange(1, 5)
    items: list[Item | None] = [
        Item(rng.randrange(128) | (0x80 if i == count - 1 else 0), rng.getrandbits(16))
        for i in range(count)
    ]
    single = Item(rng.randrange(256), rng.getrandbits(16))
    first = items[0]
    if rng.random() < 0.3 and first is not None:
        single = first
    if test in (BY_INDEX, COPY):
        # What headers that are not valid hold is not defined: ask for valid ones only.
        while count < 2:
            items.insert(0, Item(rng.randrange(128), rng.getrandbits(16)))
            count += 1
        single = Item(rng.randrange(64) << 2 | rng.randrange(count), rng.getrandbits(16))
    return Packet(shape << 12 | number, choice, items + [None] * (4 - count), single)


@pytest.fixture(scope="module")
def both() -> Iterator[Both]:
    pair = Both("headers")
    yield pair
    pair.close()


@pytest.mark.parametrize(
    "test", [0, PUSH, POP, BY_INDEX, COPY, REVIVE, SHORT, LONG, NEITHER, SEVERAL, HOLE]
)
def test_headers(both: Both, test: int) -> None:
    rng = random.Random(test)
    frames, expected = [], []
    for number in range(60):
        one = packet(rng, test, number)
        frames.append((1, one.encode(test)))
        expected.append(one.run(test))
    assert sorted(both.run(frames)[2]) == sorted(expected)
