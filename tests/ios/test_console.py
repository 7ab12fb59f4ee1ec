"""The interactive front end, keys in and screen out."""

from __future__ import annotations

import io
import re
from collections.abc import Callable

import pytest
from ios_fakes import FakeRouter
from ipsecplane.ios.console import run_console
from ipsecplane.ios.session import Session
from ipsecplane.views import PingResult
from prompt_toolkit.application import create_app_session
from prompt_toolkit.input import create_pipe_input
from prompt_toolkit.output.plain_text import PlainTextOutput

Screen = Callable[..., str]


@pytest.fixture
def screen(session: Session) -> Screen:
    """Run a console over typed keys; returns what the screen shows."""

    def typed(
        keys: str,
        advance: Callable[[], None] = lambda: None,
        idle: Callable[[int], str] | None = None,
    ) -> str:
        shown = io.StringIO()
        output = PlainTextOutput(shown)
        with create_pipe_input() as keyboard, create_app_session(keyboard, output):
            keyboard.send_text(keys)
            run_console(session, advance, idle=idle, input=keyboard, output=output)
        return shown.getvalue()

    return typed


def test_a_command_is_run_and_exit_leaves(screen: Screen) -> None:
    shown = screen("show clock\nexit\n")
    assert "ipseca-71a#" in shown
    assert "*20:55:45.000 PST Wed Mar 24 2004" in shown


def test_a_question_mark_helps_and_keeps_the_line(screen: Screen) -> None:
    shown = screen("show ip ?route\nexit\n")
    assert re.search(r"  access-lists +List IP access lists", shown)
    assert "Gateway of last resort" in shown


def test_tab_completes(screen: Screen, session: Session) -> None:
    screen("sh\tclo\t\nexit\n")
    assert session.history[0].split() == ["show", "clock"]


def test_control_z_ends_configuration(screen: Screen, session: Session) -> None:
    screen("conf t\nint fa0/0\n\x1a\x04")
    assert not session.configuring


def test_control_c_gives_up_a_line_and_control_d_leaves(screen: Screen, session: Session) -> None:
    screen("conf t\n\x03show\x03\x04")
    assert not session.configuring
    assert session.history == ["conf t"]


def test_time_goes_on_while_a_ping_runs(screen: Screen, router: FakeRouter) -> None:
    beats = iter(range(100))

    def advance() -> None:
        job = router.ping_job
        if job is not None and not job.done:
            if next(beats) < 5:
                job.mark("!")
            else:
                job.finish(PingResult(5, 5, (0.002,)))

    shown = screen("ping 10.0.2.2\nexit\n", advance)
    assert "!!!!!" in shown
    assert "Success rate is 100 percent (5/5), round-trip min/avg/max = 2/2/2 ms" in shown


def test_control_c_stops_a_ping(screen: Screen, router: FakeRouter) -> None:
    def advance() -> None:
        if router.ping_job is not None and not router.ping_job.cancelled:
            router.ping_job.mark(".")
            raise KeyboardInterrupt

    shown = screen("ping 10.0.2.2\nexit\n", advance)
    assert router.ping_job is not None
    assert router.ping_job.cancelled
    assert "Success rate is 0 percent (0/1)" in shown


def test_a_live_router_prints_while_nobody_types(screen: Screen) -> None:
    messages = iter(["*Mar 24 20:55:45.739: %SYS-5-CONFIG_I: one\n", "two\n"])

    def idle(_: int) -> str:
        try:
            return next(messages)
        except StopIteration:
            raise EOFError from None

    shown = screen("", idle=idle)
    assert "%SYS-5-CONFIG_I: one" in shown
    assert "two" in shown
