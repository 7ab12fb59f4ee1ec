"""Every kind of expectation, holding and failing: one run answers them all."""

from __future__ import annotations

from pathlib import Path

import pytest
from ipsecplane.cli import FAILED, main
from played import Played, play, two_sites, write

HOLD = r"""- {contains: "Success  rate is 66 percent (2/3)"}
- {contains: "!", equals: 2}
- {contains: rate, lacks: nonsense}
- {lacks: nonsense}
- {matches: '^Success rate is \d+ percent'}
- {matches: '!', at_least: 2, at_most: 2}
- {number: 'rate is (\d+)', equals: 66}
- {number: 'rate is (\d+)', at_least: 60, at_most: 70}
- {router: b, command: show clock, matches: UTC}
- {router: b, command: show crypto ipsec sa, contains: "#pkts decaps: 2"}
- {router: a, log: '%P4RT-5-TARGET_UP'}
- {router: a, log: '%P4RT-5-TARGET_UP', equals: 2}
- {router: a, log: never, equals: 0}
- {link: wan, counter: lost, equals: 0}
- {link: wan, counter: sent, from: a.Gi0/0, at_least: 7}
- {link: wan, packets: {ESP.seq: 1}, equals: 2}
- {link: wan, packets: {IP.src: 203.0.113.1, IP.proto: 50}, from: a.Gi0/0, equals: 2}
- {link: wan, packets: {udp.dport: 500}}
- {link: wan, packets: {isakmp.exch_type: 2}, equals: 6}
- {flow: p, field: received, equals: 2}
- {flow: p, field: marks, equals: '!!'}
- {host: h2, field: udp.7.received, equals: 0}
"""

FAIL = [
    ("{contains: Success rate is 100}", "found 0 times in:\nType escape"),
    ("{contains: '!', equals: 3}", "contains “!”, times: 3\nfound 2 times in:"),
    ("{lacks: Success}", "lacks “Success”\nfound 1 times"),
    ("{contains: Success, lacks: rate}", "found 1 times"),
    (r"{matches: 'rate is 1\d'}", "found 0 times"),
    (
        r"{number: 'rate is (\d+)', at_least: 67}",
        "/ is at least 67\nfound 66",
    ),
    (r"{number: 'rate was (\d+)', at_least: 1}", "found no such number in:"),
    (r"{number: '(Success)', at_least: 1}", "found no number but “Success”"),
    ("{router: b, command: show clock, contains: PST}", "b: show clock: contains “PST”\nfound 0"),
    ("{router: b, command: show clack, contains: UTC}", "% Invalid input detected"),
    ("{router: a, log: never}", "a: log has a line with /never/\nfound none in:"),
    (
        "{router: a, log: TARGET_UP, at_most: 1}",
        "at most 1 lines with /TARGET_UP/\nfound 2",
    ),
    ("{link: wan, counter: lost, at_least: 1}", "link wan: lost is at least 1\nfound 0"),
    ("{link: wan, packets: {ESP.seq: 7}}", "link wan: a packet with ESP.seq 7\nfound 0"),
    ("{link: wan, packets: {ESP.seq: 1}, from: a.Gi0/0, equals: 9}", "found 1"),
    ("{flow: p, field: received, equals: 3}", "p: received is 3\nfound 2"),
    ("{flow: p, field: colour, equals: 3}", "cannot tell: p has no field 'colour'; it has sent,"),
    ("{host: h2, field: udp.9.received, equals: 0}", "cannot tell: h2 has no field"),
    ("{lacks: rate, why: it was so agreed}", "it was so agreed"),
]


TIMELINE = """\
- {host: h1, ping: {target: 192.168.1.1, count: 2, interval: 0.1}, background: p}
- {join: p}
- router: a
  exec: [ping 192.168.2.9 source 192.168.1.1 repeat 3]
  expect:
"""


@pytest.fixture(scope="module")
def played(tmp_path_factory: pytest.TempPathFactory) -> Played:
    wrong = "".join(f"- {text}\n" for text, _ in FAIL)
    lines = "".join(f"    {line}\n" for line in (HOLD + wrong).splitlines())
    return play(tmp_path_factory.mktemp("expectations"), TIMELINE + lines)


def first_line() -> int:
    """Of the first expectation in the scenario's file."""
    return 10 + TIMELINE.count("\n") + 1


def test_those_that_hold(played: Played) -> None:
    count = HOLD.count("\n")
    assert played.report.expectations == count + len(FAIL)
    assert [f for f in played.report.failures if f.place.line < first_line() + count] == []
    assert played.transcript.count("   ✓ ") == count


@pytest.mark.parametrize(("number", "message"), [(n, text) for n, (_, text) in enumerate(FAIL)])
def test_those_that_fail_say_where_and_what_there_was(
    played: Played, number: int, message: str
) -> None:
    line = first_line() + HOLD.count("\n") + number
    (failure,) = (f for f in played.report.failures if f.place.line == line)
    assert message in failure.text
    assert str(failure).startswith(f"{failure.place.file}:{line}: ")
    assert failure.text.splitlines()[0] in played.transcript


def test_a_range_that_holds_tells_what_there_was(played: Played) -> None:
    assert "   ✓ number /rate is (\\d+)/ is 60 to 70 (66)\n" in played.transcript
    assert "   ✓ link wan from a.Gi0/0: sent is at least 7 (" in played.transcript


def test_the_command_line_fails_and_says_which(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    timeline = "- {router: a, exec: [show clock], expect: [{contains: UTC}, {contains: PST}]}"
    folder = write(tmp_path / "s", timeline, two_sites())
    assert main(["run", str(folder), "--quiet", "--out", str(tmp_path / "out")]) == FAILED
    printed = capsys.readouterr()
    assert printed.out.startswith(f"{folder / 'scenario.yaml'}:11: contains “PST”\nfound 0 times")
    assert "UTC" in printed.out  # what there was instead
    assert "1 of 2 expectations failed:" in (tmp_path / "out" / "transcript.txt").read_text()
