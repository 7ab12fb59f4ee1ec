"""`ping`: one line, the dialogue of the guide, and what is printed while it runs."""

from __future__ import annotations

from collections.abc import Callable
from ipaddress import IPv4Address, IPv6Address

import pytest
from ios_fakes import FakeRouter
from ipsecplane.ios.ping import success_rate
from ipsecplane.ios.session import Session
from ipsecplane.ios.transcript import Transcript
from ipsecplane.views import PingRequest, PingResult

Run = Callable[[str], str]
TARGET = IPv4Address("10.0.2.2")


def test_the_guides_dialogue_as_a_terminal_shows_it(session: Session, router: FakeRouter) -> None:
    marks = iter(".." + "!" * 28)

    def advance() -> None:
        assert router.ping_job is not None
        mark = next(marks, "")
        if mark:
            router.ping_job.mark(mark)
        else:
            times = (0.001, 0.008, *[0.003] * 26)
            router.ping_job.finish(PingResult(30, 28, times))

    screen = Transcript(session, advance)
    for line in ("ping", "ip", "10.0.2.2", "30", "100", "", "no", "n"):
        screen.type(line)
    assert screen.text == (
        "ipseca-71a#ping\n"
        "Protocol [ip]: ip\n"
        "Target IP address: 10.0.2.2\n"
        "Repeat count [5]: 30\n"
        "Datagram size [100]: 100\n"
        "Timeout in seconds [2]: \n"
        "Extended commands [n]: no\n"
        "Sweep range of sizes [n]: n\n"
        "Type escape sequence to abort.\n"
        "Sending 30, 100-byte ICMP Echos to 10.0.2.2, timeout is 2 seconds:\n"
        "..!!!!!!!!!!!!!!!!!!!!!!!!!!!!\n"
        "Success rate is 93 percent (28/30), round-trip min/avg/max = 1/3/8 ms\n"
        "ipseca-71a#"
    )
    assert router.ping_request == PingRequest(TARGET, repeat=30)


def test_the_extended_dialogue(session: Session, router: FakeRouter) -> None:
    screen = Transcript(session)
    answers = ("ping", "", "10.0.2.2", "", "200", "1", "y", "", "10.0.0.1", "184", "y", "y",
               "0x1234", "none", "y", "100", "120", "10")  # fmt: skip
    for line in answers:
        screen.type(line)
    assert screen.text.splitlines()[6:] == [
        "Extended commands [n]: y",
        "Ingress ping [n]: ",
        "Source address or interface: 10.0.0.1",
        "Type of service [0]: 184",
        "Set DF bit in IP header? [no]: y",
        "Validate reply data? [no]: y",
        "Data pattern [0x0000ABCD]: 0x1234",
        "Loose, Strict, Record, Timestamp, Verbose[none]: none",
        "Sweep range of sizes [n]: y",
        "Sweep min size [36]: 100",
        "Sweep max size [18024]: 120",
        "Sweep interval [1]: 10",
        "Type escape sequence to abort.",
        "Sending 15, [100..120]-byte ICMP Echos to 10.0.2.2, timeout is 1 seconds:",
        "Packet sent with a source address of 10.0.0.1 ",
        "Packet sent with the DF bit set",
        "Packet has data pattern 0x1234",
        "Reply data will be validated",
    ]
    assert router.ping_request == PingRequest(
        TARGET, 5, 200, 1, IPv4Address("10.0.0.1"), True, 184, 0x1234, (100, 110, 120), True
    )


def test_options_on_a_line(run: Run, router: FakeRouter) -> None:
    shown = run("ping ip 10.0.2.2 source fa0/1 size 1500 df-bit repeat 2 timeout 1")
    assert router.ping_request == PingRequest(
        TARGET, 2, 1500, 1, IPv4Address("10.0.0.1"), df_bit=True
    )
    assert "Packet sent with a source address of 10.0.0.1 \n" in shown


def test_ipv6(run: Run, router: FakeRouter) -> None:
    run("ping 2001:db8::1")
    assert router.ping_request is not None
    assert router.ping_request.target == IPv6Address("2001:db8::1")


@pytest.mark.parametrize(
    ("lines", "message"),
    [
        ("ping 10.0.2.2 source 9.9.9.9", "% Invalid source address"),
        ("ping 10.0.2.2 source se1/0", "% Invalid source interface"),
        ("ping 10.0.2.2 source lo5", "% Invalid source interface"),
        ("ping 10.0.2.2 data 12345", "% The data pattern"),
        ("ping 10.0.2.2 size 35", "% Invalid input"),
        ("ping 10.0.2.2 repeat 2 repeat 3", "% Invalid input"),
        ("ping\nip\n10.0.2", "% Bad IP address"),
        ("ping\n\n10.0.2.2\n\n\n\ny\n\n9.9.9.9", "% Invalid source address"),
        ("ping\n\n10.0.2.2\n\n\n\ny\n\nnowhere", "% Invalid source"),
        ("ping\n\n10.0.2.2\n\n\n\ny\ny", "% Ingress ping is not supported"),
    ],
)
def test_bad_answers_end_it(run: Run, session: Session, lines: str, message: str) -> None:
    assert message in run(lines)
    assert session.prompt == "ipseca-71a#"
    assert not session.busy


@pytest.mark.parametrize(
    ("before", "answer", "message"),
    [
        ("ping", "ipx", "% Unknown protocol"),
        ("ping\n\n10.0.2.2", "0", "% A decimal number between 1 and 2147483647."),
        ("ping\n\n10.0.2.2\n", "20000", "% A decimal number between 36 and 18024."),
        ("ping\n\n10.0.2.2\n\n\n", "maybe", "% Please answer 'yes' or 'no'."),
        ("ping\n\n10.0.2.2\n\n\n\ny\n\n\n\n\n", "xyz", "% Invalid pattern"),
    ],
)
def test_other_bad_answers_are_asked_again(
    run: Run, session: Session, before: str, answer: str, message: str
) -> None:
    run(before)
    question = session.prompt
    assert message in run(answer)
    assert session.prompt == question


def test_seventy_marks_a_line(session: Session, run: Run, router: FakeRouter) -> None:
    run("ping 10.0.2.2 repeat 150")
    assert router.ping_job is not None
    router.ping_job.mark("!" * 150)
    router.ping_job.finish(PingResult(150, 150, (0.0004, 0.0006)))
    assert session.read().splitlines() == [
        "!" * 70,
        "!" * 70,
        "!" * 10,
        "Success rate is 100 percent (150/150), round-trip min/avg/max = 1/1/1 ms",
    ]


def test_escape_ends_a_ping_with_what_it_has(
    session: Session, run: Run, router: FakeRouter
) -> None:
    run("ping 10.0.2.2")
    assert router.ping_job is not None
    router.ping_job.mark("!.")
    session.interrupt()
    assert router.ping_job.cancelled
    assert session.read() == "!.\nSuccess rate is 50 percent (1/2)\n"
    assert session.prompt == "ipseca-71a#"


@pytest.mark.parametrize(
    ("result", "text"),
    [
        (PingResult(5, 0, ()), "Success rate is 0 percent (0/5)"),
        (PingResult(0, 0, ()), "Success rate is 0 percent (0/0)"),
        (PingResult(3, 2, (0.01, 0.02)),
         "Success rate is 66 percent (2/3), round-trip min/avg/max = 10/15/20 ms"),
    ],
)  # fmt: skip
def test_success_rates(result: PingResult, text: str) -> None:
    assert success_rate(result) == text
