"""Canonical byte strings: the examples of the specification, and the round trip."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st
from ipsecsim.p4runtime import bytestrings
from ipsecsim.p4runtime.errors import Code, P4RuntimeError


@pytest.mark.parametrize(
    ("width", "text", "value"),
    [
        (8, b"\x63", 99),
        (16, b"\x00\x63", 99),
        (16, b"\x63", 99),
        (16, b"\x30\x64", 12388),
        (16, b"\x00\x30\x64", 12388),
        (12, b"\x00\x63", 99),
        (12, b"\x00\x00\x63", 99),
        (9, b"\x01\xff", 511),
    ],
)
def test_accepted(width: int, text: bytes, value: int) -> None:
    assert bytestrings.decode(text, width, "it") == value


@pytest.mark.parametrize(
    ("width", "text"),
    [
        (8, b"\x01\x63"),
        (8, b""),
        (16, b"\x01\x00\x63"),
        (12, b"\x10\x63"),
        (12, b"\x01\x00\x63"),
        (9, b"\x02\x00"),
    ],
)
def test_refused(width: int, text: bytes) -> None:
    with pytest.raises(P4RuntimeError, match=r"^OUT_OF_RANGE: it: ") as caught:
        bytestrings.decode(text, width, "it")
    assert caught.value.code == Code.OUT_OF_RANGE


@given(st.integers(0, 1 << 200), st.integers(0, 3))
def test_round_trip_is_shortest(value: int, padding: int) -> None:
    text = bytestrings.encode(value)
    assert bytestrings.decode(bytes(padding) + text, 201, "it") == value
    assert len(text) == 1 or text[0] != 0


@given(st.integers(-(1 << 70), 1 << 70))
def test_signed_is_shortest(value: int) -> None:
    text = bytestrings.encode_signed(value)
    assert int.from_bytes(text, "big", signed=True) == value
    if len(text) > 1:
        assert int.from_bytes(text[1:], "big", signed=True) != value


@pytest.mark.parametrize(
    ("value", "text"), [(99, b"\x63"), (-99, b"\x9d"), (-739, b"\xfd\x1d"), (0, b"\x00")]
)
def test_signed_examples(value: int, text: bytes) -> None:
    assert bytestrings.encode_signed(value) == text
