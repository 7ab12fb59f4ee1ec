"""Decides whether an expectation holds, and says what was found when it does not."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Final

from ipsecsim.scenario import evidence
from ipsecsim.scenario.evidence import EvidenceError, Fact
from ipsecsim.scenario.model import Comparison, Expectation, Subject, TextTest
from ipsecsim.scenario.units import substitute

_SHOWN: Final = 400  # characters of a found text in a message


@dataclass(frozen=True, slots=True)
class Outcome:
    held: bool
    text: str


@dataclass(frozen=True, slots=True)
class Witness:
    """Where expectations get what they look at."""

    output: str
    saved: Mapping[str, str]
    command: Callable[[str, str], str]  # (router, command) -> its output
    log: Callable[[str], list[str]]  # router -> its log's lines
    counter: Callable[[str, str, str | None], int]  # (link, counter, sender)
    packets: Callable[[str, Mapping[str, str], str | None], int]  # (link, fields, sender)
    flow: Callable[[str], Mapping[str, Fact]]
    host: Callable[[str], Mapping[str, Fact]]
    nat: Callable[[str], Mapping[str, Fact]]
    round_trips: Callable[[str], list[float]]  # of a ping or UDP flow, seconds


Measured = float | list[float]
"""A measure's value: a number, or all of a distribution."""


def judge(expectation: Expectation, witness: Witness) -> Outcome:
    """Look once. A question that makes no sense is a failure that says so."""
    text = describe(expectation, witness.saved)
    try:
        finding = _find(expectation, witness)
    except (EvidenceError, KeyError) as error:
        return Outcome(False, f"{text}\ncannot tell: {error.args[0]}")
    if not finding.held:
        why = f"\n{expectation.why}" if expectation.why else ""
        return Outcome(False, f"{text}\nfound {finding.found}{why}")
    compared = expectation.comparison
    if compared.given and compared.equals is None:  # a range does not tell what there was
        text += f" ({finding.found})"
    return Outcome(True, text)


@dataclass(frozen=True, slots=True)
class _Finding:
    held: bool
    found: str


def measure(wanted: Expectation, witness: Witness) -> Measured:
    """The number that an expectation without comparison looks at.

    Raises EvidenceError where there is none.
    """
    try:
        value = _measured(wanted, witness)
    except KeyError as error:
        raise EvidenceError(f"{error.args[0]}") from error
    if isinstance(value, str | bool):
        raise EvidenceError(f"{wanted.field_name}: {value!r} is no number")
    return value


def _measured(e: Expectation, witness: Witness) -> Measured | str | bool:
    match e.subject:
        case Subject.LOG:
            assert e.router is not None
            pattern = re.compile(substitute(e.log, witness.saved, re.escape))
            return sum(1 for line in witness.log(e.router) if pattern.search(line))
        case Subject.COUNTER:
            return witness.counter(e.link, e.counter, e.sender)
        case Subject.PACKETS:
            wanted = {k: substitute(v, witness.saved) for k, v in e.packets.items()}
            return witness.packets(e.link, wanted, e.sender)
        case Subject.FLOW:
            if e.field_name == evidence.ROUND_TRIPS:
                return witness.round_trips(e.flow)
            return evidence.fact(witness.flow(e.flow), e.field_name, e.flow)
        case Subject.HOST:
            return evidence.fact(witness.host(e.host), e.field_name, e.host)
        case Subject.NAT:
            return evidence.fact(witness.nat(e.nat), e.field_name, e.nat)
    text = witness.output
    if e.subject is Subject.COMMAND:
        assert e.router is not None
        text = witness.command(e.router, e.command)
    (_, wanted_number), *_ = e.texts
    found = re.search(substitute(wanted_number, witness.saved, re.escape), text, re.MULTILINE)
    if found is None:
        raise EvidenceError(f"no such number in:\n{shorten(text)}")
    try:
        return float(found[1])
    except ValueError:
        raise EvidenceError(f"no number but “{found[1]}”") from None


def describe(expectation: Expectation, saved: Mapping[str, str]) -> str:
    """What is expected, in one line. Texts stand as they are, as they would on a terminal."""
    e = expectation
    compared = e.comparison
    match e.subject:
        case Subject.LOG:
            text = f"{e.router}: log has {_times(compared, 'a line', 'lines')} with /{e.log}/"
        case Subject.COUNTER:
            text = f"link {e.link}{_by(e.sender)}: {e.counter} {compared}"
        case Subject.PACKETS:
            wanted = ", ".join(f"{name} {value}" for name, value in e.packets.items())
            count = _times(compared, "a packet", "packets")
            text = f"link {e.link}{_by(e.sender)}: {count} with {wanted}"
        case Subject.FLOW | Subject.HOST | Subject.NAT:
            text = f"{e.flow or e.host or e.nat}: {e.field_name} {compared}"
        case _:
            where = f"{e.router}: {e.command}: " if e.subject is Subject.COMMAND else ""
            text = where + ", ".join(_test(test, wanted, compared) for test, wanted in e.texts)
    return _readable(text, saved)


def _test(test: TextTest, wanted: str, compared: Comparison) -> str:
    if test in (TextTest.CONTAINS, TextTest.LACKS):
        shown = f"{test} “{squeeze(wanted)}”"
    else:
        shown = f"{test} /{wanted}/"
    if test is TextTest.NUMBER:
        return f"{shown} {compared}"
    if test is TextTest.LACKS or not compared.given:
        return shown
    return f"{shown}, times: {compared.numbers}"


def _times(compared: Comparison, one: str, many: str) -> str:
    return f"{compared.numbers} {many}" if compared.given else one


def _by(sender: str | None) -> str:
    return f" from {sender}" if sender else ""


def _readable(text: str, saved: Mapping[str, str]) -> str:
    try:
        return substitute(text, saved)
    except KeyError:
        return text


def _find(e: Expectation, witness: Witness) -> _Finding:
    match e.subject:
        case Subject.LOG:
            assert e.router is not None
            return _about_log(e, witness.log(e.router), witness.saved)
        case Subject.COUNTER:
            return _number(e.comparison, witness.counter(e.link, e.counter, e.sender))
        case Subject.PACKETS:
            wanted = {k: substitute(v, witness.saved) for k, v in e.packets.items()}
            count = witness.packets(e.link, wanted, e.sender)
            return _Finding(_count_holds(e.comparison, count), f"{count}")
        case Subject.FLOW:
            value = evidence.fact(witness.flow(e.flow), e.field_name, e.flow)
            return _number(e.comparison, value)
        case Subject.HOST:
            value = evidence.fact(witness.host(e.host), e.field_name, e.host)
            return _number(e.comparison, value)
        case Subject.NAT:
            value = evidence.fact(witness.nat(e.nat), e.field_name, e.nat)
            return _number(e.comparison, value)
        case Subject.COMMAND:
            assert e.router is not None
            return _about_text(e, witness.command(e.router, e.command), witness.saved)
    return _about_text(e, witness.output, witness.saved)


def _number(comparison: Comparison, value: Fact) -> _Finding:
    shown = f"{value:g}" if isinstance(value, float) else f"{value}"
    return _Finding(comparison.holds(value), shown)


def _count_holds(comparison: Comparison, count: int) -> bool:
    """Without a comparison: at least once."""
    return comparison.holds(count) if comparison.given else count > 0


def _about_log(e: Expectation, lines: list[str], saved: Mapping[str, str]) -> _Finding:
    pattern = re.compile(substitute(e.log, saved, re.escape))
    hits = [line for line in lines if pattern.search(line)]
    if _count_holds(e.comparison, len(hits)):
        return _Finding(True, f"{len(hits)}")
    shown = "\n".join(hits or lines[-8:]) or "(nothing)"
    return _Finding(False, f"{len(hits)} such lines:\n{shown}" if hits else f"none in:\n{shown}")


def _about_text(e: Expectation, text: str, saved: Mapping[str, str]) -> _Finding:
    """Every test of the expectation has to hold; the first that does not is told."""
    found = ""
    for test, wanted in e.texts:
        if test is TextTest.NUMBER:
            match = re.search(substitute(wanted, saved, re.escape), text, re.MULTILINE)
            if match is None:
                return _Finding(False, f"no such number in:\n{shorten(text)}")
            try:
                finding = _number(e.comparison, float(match[1]))
            except ValueError:
                return _Finding(False, f"no number but “{match[1]}”")
            if not finding.held:
                return finding
            found = finding.found
            continue
        if test is TextTest.MATCHES:
            pattern = substitute(wanted, saved, re.escape)
            count = sum(1 for _ in re.finditer(pattern, text, re.MULTILINE))
        else:
            count = squeeze(text).count(squeeze(substitute(wanted, saved)))
        held = count == 0 if test is TextTest.LACKS else _count_holds(e.comparison, count)
        if not held:
            return _Finding(False, f"{count} times in:\n{shorten(text)}")
        found = found or f"{count}"
    return _Finding(True, found)


def squeeze(text: str) -> str:
    """Runs of white space as one space: columns and line ends do not matter to `contains`."""
    return " ".join(text.split())


def shorten(text: str) -> str:
    text = text.strip()
    if not text:
        return "(nothing)"
    return text if len(text) <= _SHOWN else f"{text[:_SHOWN]}\n… ({len(text)} characters)"
