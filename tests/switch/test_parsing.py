"""Parser constructs: what is extracted, where it stops, which error is reported."""

from __future__ import annotations

import random
from collections.abc import Iterator

import finsy as fy
import pytest
from finsy.p4entity import P4ValueSetMember

from tests.switch.targets import Both, run_frame

OK, TOO_SHORT, NO_MATCH, STACK_FULL, TOO_MANY_WORDS, RESERVED, BAD_ARGUMENT = range(7)


def tag(kind: int, number: int, last: int) -> bytes:
    return (kind << 13 | number << 1 | last).to_bytes(2, "big")


def plain(a: int, b: int) -> bytes:
    return a.to_bytes(2, "big") + b.to_bytes(2, "big")


def report(error: int, path: int = 0, tags: int = 0, first: int = 0) -> bytes:
    return bytes([error, path, tags, first])


PAYLOAD = b"and the payload"

CASES: dict[str, tuple[bytes, bytes]] = {
    "nothing more": (run_frame(0) + PAYLOAD, report(OK) + run_frame(0) + PAYLOAD),
    "one tag": (
        run_frame(1) + tag(1, 5, 1) + plain(1, 2) + PAYLOAD,
        report(OK, 1, 1) + run_frame(1) + tag(1, 5, 1) + plain(1, 3) + PAYLOAD,
    ),
    "three tags": (
        run_frame(1) + tag(1, 5, 0) + tag(2, 6, 0) + tag(3, 7, 1) + plain(1, 2),
        report(OK, 1, 3) + run_frame(1) + tag(1, 5, 0) + tag(2, 6, 0) + tag(3, 7, 1) + plain(1, 3),
    ),
    "four tags": (
        run_frame(1) + 4 * tag(1, 5, 0) + plain(1, 2),
        report(STACK_FULL, 0, 3) + run_frame(1) + 4 * tag(1, 5, 0) + plain(1, 2),
    ),
    "reserved tag": (
        run_frame(1) + tag(1, 5, 0) + tag(7, 0, 1) + plain(1, 2),
        report(RESERVED, 0, 2) + run_frame(1) + tag(1, 5, 0) + tag(7, 0, 1) + plain(1, 2),
    ),
    "tag cut off": (
        run_frame(1) + tag(1, 5, 0) + b"\x20",
        report(TOO_SHORT, 0, 1) + run_frame(1) + tag(1, 5, 0) + b"\x20",
    ),
    "no options": (
        run_frame(2) + b"\x03" + b"TT" + plain(1, 2),
        report(OK, 1) + run_frame(2) + b"\x0f" + b"TT" + plain(1, 3),
    ),
    "options": (
        run_frame(2) + b"\x23" + b"12345678" + b"TT" + plain(1, 2) + PAYLOAD,
        report(OK, 1) + run_frame(2) + b"\x2f" + b"12345678" + b"TT" + plain(1, 3) + PAYLOAD,
    ),
    "too many options": (
        run_frame(2) + b"\x93" + bytes(60),
        report(TOO_MANY_WORDS) + run_frame(2) + b"\x93" + bytes(60),
    ),
    "options cut off": (
        run_frame(2) + b"\x23" + b"1234567",
        report(TOO_SHORT) + run_frame(2) + b"\x23" + b"1234567",
    ),
    "peek": (
        run_frame(3) + b"\x45\x01" + b"\x77\xff",
        report(OK, 1, 0, 0x77) + run_frame(3) + b"\x45\x01" + b"\x78\x00",
    ),
    "peek cut off": (run_frame(3) + b"\x45", report(TOO_SHORT) + run_frame(3) + b"\x45"),
    "peek, then skip": (
        run_frame(3) + b"\x60" + 11 * b"s" + plain(1, 2),
        report(OK, 5, 0, 0x73) + run_frame(3) + plain(1, 3),
    ),
    "skip": (
        run_frame(4) + b"\x10\x00" + plain(4, 4) + PAYLOAD,
        report(OK, 5) + run_frame(4) + plain(4, 5) + PAYLOAD,
    ),
    "skip a fraction": (
        run_frame(4) + b"\x11\x00" + plain(4, 4),
        report(BAD_ARGUMENT) + run_frame(4) + b"\x11\x00" + plain(4, 4),
    ),
    "skip beyond the end": (
        run_frame(4) + b"\xf8\x00",
        report(TOO_SHORT) + run_frame(4) + b"\xf8\x00",
    ),
    "masked transition": (
        run_frame(6, number=0x8123) + plain(1, 2),
        report(OK, 1) + run_frame(6, number=0x8123) + plain(1, 3),
    ),
    "masked transition, other bits": (
        run_frame(6, number=0xC123) + plain(1, 2),
        report(OK) + run_frame(6, number=0xC123) + plain(1, 2),
    ),
    "second of two transitions": (
        run_frame(6, number=7) + plain(1, 0xFFFF),
        report(OK, 8) + run_frame(6, number=7) + plain(1, 0),
    ),
    "a check that holds": (
        run_frame(0x7A) + plain(1, 2),
        report(OK, 70) + run_frame(0x7A) + plain(1, 3),
    ),
    "a check that fails": (
        run_frame(0x7A) + plain(2, 2),
        report(NO_MATCH) + run_frame(0x7A) + plain(2, 3),
    ),
}


@pytest.fixture(scope="module")
def both() -> Iterator[Both]:
    pair = Both("parsing")
    yield pair
    pair.close()


@pytest.mark.parametrize("name", CASES)
def test_case(both: Both, name: str) -> None:
    frame, expected = CASES[name]
    assert both.one(frame) == [(2, expected)]


def test_nothing_extracted(both: Both) -> None:
    """Fields of headers that are not valid read 0 here; in BMv2 as the packet before left them."""
    sent = both.embedded.run([(1, b"\x00\x01\x02")])
    assert sent == {0: [report(TOO_SHORT) + b"\x00\x01\x02"]}


def test_value_set(both: Both) -> None:
    """Stock BMv2's P4Runtime takes no value sets: the embedded switch alone."""
    embedded = both.embedded
    frame = run_frame(5) + plain(0x22F3, 1)
    untouched = {2: [report(OK) + frame]}
    taken = {2: [report(OK, 1) + run_frame(5) + plain(0x22F3, 2)]}
    assert embedded.run([(1, frame)]) == untouched
    embedded.write(~marks(0x893B, 0x22F3))
    assert embedded.run([(1, frame)]) == taken
    embedded.write(~marks(0x893B))
    assert embedded.run([(1, frame)]) == untouched
    (kept,) = embedded.read(marks())
    assert kept.value_set_entry.members[0].match[0].exact.value == b"\x89\x3b"
    embedded.write(~marks())


def marks(*values: int) -> fy.P4ValueSetEntry:
    members = [P4ValueSetMember(value) for value in values]
    return fy.P4ValueSetEntry("marks", members=members)


def test_random_frames_as_bmv2(both: Both) -> None:
    rng = random.Random(6)
    frames = []
    for number in range(300):
        test = rng.choice([0, 1, 1, 2, 2, 3, 4, 6, 0x70, rng.randrange(256)])
        body = bytes(
            rng.choice([0, 1, 0x10, 0x20, 0x45, 0x60, rng.randrange(256)]) for _ in range(40)
        )
        frames.append((1, run_frame(test, body[: rng.randrange(41)], number=number)))
    assert len(both.run(frames)[2]) == 300
