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


def judge(expectation: Expectation, witness: Witness) -> Outcome:
    """Look once. A question that makes no sense is a failure that says so."""
    text = describe(expectation, witness.saved)
    try:
        found = _found(expectation, witness)
    except (EvidenceError, KeyError) as error:
        return Outcome(False, f"{text}\ncannot tell: {error.args[0]}")
    if found is None:
        return Outcome(True, text)
    why = f"\n{expectation.why}" if expectation.why else ""
    return Outcome(False, f"{text}\nfound {found}{why}")


def describe(expectation: Expectation, saved: Mapping[str, str]) -> str:
    """What is expected, in one line."""
    e = expectation
    compared = str(e.comparison)
    match e.subject:
        case Subject.LOG:
            text = f"{e.router}: log has /{e.log}/ {compared}"
        case Subject.COUNTER:
            text = f"link {e.link}{_by(e.sender)}: {e.counter} {compared}"
        case Subject.PACKETS:
            wanted = ", ".join(f"{name}={value}" for name, value in e.packets.items())
            text = f"link {e.link}{_by(e.sender)}: packets with {wanted} {compared}"
        case Subject.FLOW | Subject.HOST:
            text = f"{e.flow or e.host}: {e.field_name} {compared}"
        case _:
            tests = ", ".join(f"{test} {' '.join(wanted.split())!r}" for test, wanted in e.texts)
            where = f"{e.router}: {e.command}: " if e.subject is Subject.COMMAND else ""
            text = f"{where}{tests} {compared}"
    return _readable(text.rstrip(), saved)


def _by(sender: str | None) -> str:
    return f" from {sender}" if sender else ""


def _readable(text: str, saved: Mapping[str, str]) -> str:
    try:
        return substitute(text, saved)
    except KeyError:
        return text


def _found(e: Expectation, witness: Witness) -> str | None:
    """None if the expectation holds, else what there is instead."""
    match e.subject:
        case Subject.LOG:
            pattern = re.compile(substitute(e.log, witness.saved, re.escape))
            assert e.router is not None
            lines = witness.log(e.router)
            hits = [line for line in lines if pattern.search(line)]
            if _count_holds(e.comparison, len(hits)):
                return None
            shown = "\n".join(hits or lines[-8:])
            return f"{len(hits)} such lines:\n{shown}" if hits else f"none in:\n{shown}"
        case Subject.COUNTER:
            return _number(e.comparison, witness.counter(e.link, e.counter, e.sender))
        case Subject.PACKETS:
            wanted = {k: substitute(v, witness.saved) for k, v in e.packets.items()}
            count = witness.packets(e.link, wanted, e.sender)
            return None if _count_holds(e.comparison, count) else f"{count}"
        case Subject.FLOW:
            value = evidence.fact(witness.flow(e.flow), e.field_name, e.flow)
            return _number(e.comparison, value)
        case Subject.HOST:
            value = evidence.fact(witness.host(e.host), e.field_name, e.host)
            return _number(e.comparison, value)
        case Subject.COMMAND:
            assert e.router is not None
            return _about_text(e, witness.command(e.router, e.command), witness.saved)
    return _about_text(e, witness.output, witness.saved)


def _number(comparison: Comparison, value: Fact) -> str | None:
    return None if comparison.holds(value) else repr(value)


def _count_holds(comparison: Comparison, count: int) -> bool:
    """Without a comparison: at least once."""
    return comparison.holds(count) if comparison.given else count > 0


def _about_text(e: Expectation, text: str, saved: Mapping[str, str]) -> str | None:
    for test, wanted in e.texts:
        if test in (TextTest.CONTAINS, TextTest.LACKS):
            part = squeeze(substitute(wanted, saved))
            count = squeeze(text).count(part)
            held = count == 0 if test is TextTest.LACKS else _count_holds(e.comparison, count)
        elif test is TextTest.MATCHES:
            pattern = substitute(wanted, saved, re.escape)
            count = len(re.findall(pattern, text, re.MULTILINE))
            held = _count_holds(e.comparison, count)
        else:
            pattern = substitute(wanted, saved, re.escape)
            match = re.search(pattern, text, re.MULTILINE)
            if match is None:
                return f"no such number in:\n{shorten(text)}"
            try:
                value = float(match[1])
            except ValueError:
                return f"no number but {match[1]!r}"
            if not e.comparison.holds(value):
                return f"{value:g}"
            continue
        if not held:
            return f"{count} times in:\n{shorten(text)}"
    return None


def squeeze(text: str) -> str:
    """Runs of white space as one space: columns and line ends do not matter to `contains`."""
    return " ".join(text.split())


def shorten(text: str) -> str:
    text = text.strip()
    if not text:
        return "(nothing)"
    return text if len(text) <= _SHOWN else f"{text[:_SHOWN]}\n… ({len(text)} characters)"
