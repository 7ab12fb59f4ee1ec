"""Table matching against a scan of all entries, and against BMv2."""

from __future__ import annotations

import random
import struct
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import finsy as fy
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from ipsecplane.targets.program import load_program
from ipsecsim.p4runtime.entries import MatchKey, TableEntry
from ipsecsim.p4runtime.schema import Field, MatchKind, Schema
from ipsecsim.switch.lookup import TernaryLookup, make_lookup

from tests.switch.targets import PROGRAMS, Both, Embedded, entry, run_frame

Key = tuple[int, int, int, int]
WIDTHS = {"a": 32, "b": 16, "c": 8, "d": 8}


def key_frame(test: int, key: Key, number: int = 0) -> bytes:
    return run_frame(test, struct.pack("!IHBB", *key), number=number)


def answers(both: Both | Embedded, test: int, keys: Sequence[Key]) -> list[tuple[int, int]]:
    """(value, hit) of each key."""
    frames = [(1, key_frame(test, key, number)) for number, key in enumerate(keys)]
    found: dict[int, tuple[int, int]] = {}
    for frame in both.run(frames)[2]:
        found[int.from_bytes(frame[:2], "big")] = struct.unpack("!IB", frame[4:9])
    return [found[number] for number in range(len(keys))]


# -- the oracle --------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Rule:
    """Patterns by field: an int, (value, mask), (low, high) as a range, or absent."""

    exact: dict[str, int]
    masks: dict[str, tuple[int, int]]
    ranges: dict[str, tuple[int, int]]
    rank: int

    def takes(self, key: Key) -> bool:
        values = dict(zip(WIDTHS, key, strict=True))
        return (
            all(values[f] == v for f, v in self.exact.items())
            and all(values[f] & m == v for f, (v, m) in self.masks.items())
            and all(low <= values[f] <= high for f, (low, high) in self.ranges.items())
        )


def scan(rules: Sequence[Rule], key: Key) -> int | None:
    """The index of the matching rule with the highest rank."""
    taking = [index for index, rule in enumerate(rules) if rule.takes(key)]
    return max(taking, key=lambda index: rules[index].rank, default=None)


def _prefix_mask(length: int) -> int:
    return (0xFFFFFFFF << (32 - length)) & 0xFFFFFFFF


# -- random tables, on both switches -----------------------------------------------------------


def _near(rng: random.Random, rules: Sequence[Rule], count: int) -> list[Key]:
    """Keys in, at the edge of and outside what rules match."""
    keys: list[Key] = []
    for _ in range(count):
        rule = rng.choice(rules)
        values: dict[str, int] = {}
        for name, width in WIDTHS.items():
            value = rng.getrandbits(width)
            if name in rule.exact and rng.random() < 0.9:
                value = rule.exact[name]
            if name in rule.masks:
                wanted, mask = rule.masks[name]
                value = wanted | (value & ~mask)
                if rng.random() < 0.2:
                    value ^= 1 << rng.randrange(width)
            if name in rule.ranges:
                low, high = rule.ranges[name]
                value = rng.choice([low, high, max(0, low - 1), min(high + 1, (1 << width) - 1)])
            values[name] = value & ((1 << width) - 1)
        keys.append((values["a"], values["b"], values["c"], values["d"]))
    return keys


def _check(both: Both, test: int, rules: Sequence[Rule], keys: Sequence[Key], miss: int) -> None:
    expected = []
    for key in keys:
        best = scan(rules, key)
        expected.append((miss, 0) if best is None else (best + 1000, 1))
    assert answers(both, test, keys) == expected
    assert {hit for _, hit in expected} == {0, 1}, "the keys should hit and miss"


def _install(
    both: Both, table: str, matches: Sequence[dict[str, Any]], ranks: Sequence[int]
) -> None:
    both.write(
        *(
            +entry(table, match, fy.P4TableAction("answer", value=index + 1000), priority=rank)
            for index, (match, rank) in enumerate(zip(matches, ranks, strict=True))
        )
    )


def test_exact_and_longest_prefix(load: Callable[[str], Both]) -> None:
    rng = random.Random(1)
    both = load("tables")
    wanted = {(rng.randrange(3), rng.choice([0, 8, 12, 16, 24, 31, 32])) for _ in range(20)}
    rules, matches = [], []
    for c, length in sorted(wanted):
        value = 0x0A010203 & _prefix_mask(length)
        masks = {"a": (value, _prefix_mask(length))}
        rules.append(Rule({"c": c}, masks, {}, rank=length))
        matches.append({"hdr.key.c": c} | ({"hdr.key.a": f"{value}/{length}"} if length else {}))
    _install(both, "longest", matches, [0] * len(matches))
    _check(both, 3, rules, _near(rng, rules, 200), miss=0)


def test_ternary(load: Callable[[str], Both]) -> None:
    rng = random.Random(2)
    both = load("tables")
    rules, matches = [], []
    for rank in rng.sample(range(1, 1000), 40):
        mask_a = rng.choice([0, 0xFF000000, 0xFFFF0000, 0xFFFFFFFF, 0x0000FF00])
        mask_b = rng.choice([0, 0xFFFF, 0x00F0])
        a, b, c = 0x0A010203 & mask_a, rng.choice([80, 443, 0x50]) & mask_b, rng.randrange(2)
        rules.append(Rule({"c": c}, {"a": (a, mask_a), "b": (b, mask_b)}, {}, rank))
        match: dict[str, Any] = {"hdr.key.c": c}
        if mask_a:
            match["hdr.key.a"] = f"{a:#x}/&{mask_a:#x}"
        if mask_b:
            match["hdr.key.b"] = f"{b:#x}/&{mask_b:#x}"
        matches.append(match)
    _install(both, "masked", matches, [rule.rank for rule in rules])
    _check(both, 4, rules, _near(rng, rules, 200), miss=0)


def test_ranges_prefixes_and_optional_in_one_table(load: Callable[[str], Both]) -> None:
    rng = random.Random(3)
    both = load("tables")
    rules, matches = [], []
    for rank in rng.sample(range(1, 1000), 40):
        low = rng.randrange(0, 60000)
        span = (low, low + rng.choice([0, 1, 100, 5000]))
        d_low = rng.randrange(0, 200)
        d_span = (d_low, d_low + 40)
        length = rng.choice([0, 8, 24])
        a = 0x0A010203 & _prefix_mask(length)
        exact = {"c": 7} if rng.random() < 0.5 else {}
        rules.append(Rule(exact, {"a": (a, _prefix_mask(length))}, {"b": span, "d": d_span}, rank))
        match: dict[str, Any] = {
            "hdr.key.b": f"{span[0]}...{span[1]}",
            "hdr.key.d": f"{d_span[0]}...{d_span[1]}",
        }
        if length:
            match["hdr.key.a"] = f"{a}/{length}"
        if exact:
            match["hdr.key.c"] = 7
        matches.append(match)
    _install(both, "mixed", matches, [rule.rank for rule in rules])
    _check(both, 5, rules, _near(rng, rules, 200), miss=0)


def test_exact_defaults_and_changes(load: Callable[[str], Both]) -> None:
    both = load("tables")
    key = {"hdr.key.b": 5}
    ask: list[Key] = [(0, 5, 0, 0), (0, 6, 0, 0)]
    assert answers(both, 1, ask) == [(7, 0), (7, 0)]
    both.write(+entry("exact_one", key, fy.P4TableAction("answer", value=77)))
    assert answers(both, 1, ask) == [(77, 1), (7, 0)]
    both.write(~entry("exact_one", key, fy.P4TableAction("shout")))
    both.write(
        ~fy.P4TableEntry(
            "exact_one", action=fy.P4TableAction("answer", value=9), is_default_action=True
        )
    )
    assert answers(both, 1, ask) == [(0xFFFFFFFF, 1), (9, 0)]
    both.write(-entry("exact_one", key, fy.P4TableAction("shout")))
    both.write(~fy.P4TableEntry("exact_one", is_default_action=True))
    assert answers(both, 1, ask) == [(7, 0), (7, 0)]


def test_fields_of_an_invalid_header_match_as_zero(load: Callable[[str], Both]) -> None:
    both = load("tables")
    both.write(+entry("exact_one", {"hdr.key.b": 0}, fy.P4TableAction("answer", value=1)))
    answer = both.one(run_frame(0xFF))
    assert answer == [(2, run_frame(0xFF) + struct.pack("!IB", 1, 1))]


def test_validity_as_a_key(load: Callable[[str], Both]) -> None:
    both = load("tables")
    for valid in (0, 1):
        match = {"hdr.key.b": 1, "hdr.key.c": 2, "hdr.key.isValid()": valid}
        # finsy knows the key by the name p4c gave it.
        names = [f.name for f in both.embedded.schema.tables["exact_many"].match_fields]
        renamed = dict(zip(names, match.values(), strict=True))
        both.write(+entry("exact_many", renamed, fy.P4TableAction("answer", value=40 + valid)))
    assert answers(both, 2, [(0, 1, 2, 0), (0, 1, 3, 0)]) == [(41, 1), (0, 0)]


DECLARED = [
    Rule({}, {"b": (0x0100, 0xFF00)}, {"c": (1, 8)}, 4),
    Rule({"d": 7}, {"b": (0x0102, 0xFFFF)}, {}, 3),
    Rule({"d": 9}, {}, {"c": (5, 5)}, 2),
    Rule({}, {"b": (0, 1)}, {}, 1),
]


def test_entries_of_the_program(load: Callable[[str], Both]) -> None:
    """`const entries`: the first that matches wins."""
    rng = random.Random(4)
    both = load("tables")
    keys = _near(rng, DECLARED, 200)
    expected = []
    for key in keys:
        best = scan(DECLARED, key)
        expected.append((0, 0) if best is None else (best + 1, 1))
    assert answers(both, 6, keys) == expected
    prefixes: list[Key] = [
        (0x0A010203, 0, 0, 0), (0x0A010204, 0, 0, 0), (0x0A020000, 0, 0, 0), (0x0B000000, 0, 0, 0),
    ]  # fmt: skip
    assert answers(both, 7, prefixes) == [(32, 1), (16, 1), (8, 1), (0, 0)]


# -- the structures alone, under insertion and deletion ------------------------------------------

FIELDS = (
    Field(1, "a", 8, MatchKind.TERNARY),
    Field(2, "b", 4, MatchKind.RANGE),
    Field(3, "c", 6, MatchKind.LPM),
    Field(4, "d", 3, MatchKind.OPTIONAL),
    Field(5, "e", 2, MatchKind.EXACT),
)
_TABLE = Schema(load_program("tables", PROGRAMS).p4info).tables.named("mixed")


@st.composite
def match_keys(draw: st.DrawFn) -> MatchKey:
    mask = draw(st.sampled_from([0, 0xFF, 0xF0, 0x0F, 0x81]))
    low = draw(st.integers(0, 15))
    length = draw(st.integers(0, 6))
    prefix = draw(st.integers(0, 63)) >> (6 - length) << (6 - length)
    return (
        (draw(st.integers(0, 255)) & mask, mask) if mask else None,
        draw(st.one_of(st.none(), st.just((low, draw(st.integers(low, 15)))))),
        (prefix, length) if length else None,
        draw(st.one_of(st.none(), st.integers(0, 7))),
        draw(st.integers(0, 3)),
    )


def _takes(match: MatchKey, key: tuple[int, ...]) -> bool:
    """The reference meaning of a match key over FIELDS."""
    a, b, c, d, e = match
    checks = []
    if isinstance(a, tuple):
        checks.append(key[0] & a[1] == a[0])
    if isinstance(b, tuple):
        checks.append(b[0] <= key[1] <= b[1])
    if isinstance(c, tuple):
        checks.append(key[2] >> (6 - c[1]) == c[0] >> (6 - c[1]))
    if d is not None:
        checks.append(key[3] == d)
    return all(checks) and key[4] == e


@settings(max_examples=150)
@given(
    st.lists(st.tuples(match_keys(), st.integers(1, 5), st.booleans()), max_size=25),
    st.lists(
        st.tuples(
            st.integers(0, 255),
            st.integers(0, 15),
            st.integers(0, 63),
            st.integers(0, 7),
            st.integers(0, 3),
        ),
        min_size=5,
        max_size=20,
    ),
)
def test_lookup_equals_a_scan(
    changes: list[tuple[MatchKey, int, bool]], keys: list[tuple[int, ...]]
) -> None:
    default = TableEntry(_TABLE, (), 0, None)
    lookup = make_lookup(FIELDS, default)
    assert isinstance(lookup, TernaryLookup)
    held: list[TableEntry] = []
    for match, priority, remove in changes:
        if remove and held:
            lookup.remove(held.pop(priority % len(held)))
        elif all((e.priority, e.match) != (priority, match) for e in held):
            held.append(TableEntry(_TABLE, match, priority, None))
            lookup.insert(held[-1])
        for key in keys:
            taking = [e for e in held if _takes(e.match, key)]
            best = max((e.priority for e in taking), default=None)
            number = 0
            for field, value in zip(FIELDS, key, strict=True):
                number = number << field.bitwidth | value
            found = lookup[number]
            if best is None:
                assert found is default
            else:
                # Of equal priority, the one that came first.
                assert found is next(e for e in held if e in taking and e.priority == best)


def test_cached_answers_are_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("ipsecsim.switch.lookup.CACHE_LIMIT", 100)
    lookup = make_lookup(FIELDS, TableEntry(_TABLE, (), 0, None))
    for key in range(1000):
        assert lookup[key] is not None
    assert len(lookup) <= 100
