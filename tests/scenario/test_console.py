"""`ipsecplane console`: by pipe and at a keyboard, one router and the other, time that jumps."""

from __future__ import annotations

import os
import pty
import re
import select
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from ipsecplane.cli import INTERRUPTED, OK, WRONG_INPUT, main
from ipsecplane.ios.session import Session
from ipsecsim.network.clock import Loop
from ipsecsim.scenario.loader import load_scenario
from ipsecsim.scenario.switchboard import HELP, Switchboard
from ipsecsim.scenario.world import RunOptions, World
from played import two_sites, write

COMMAND = (sys.executable, "-m", "ipsecplane", "console")
TIMELINE = "- {router: a, exec: [ping 192.168.2.1 source 192.168.1.1 repeat 3]}"
PING = "ping 192.168.2.1 source 192.168.1.1 repeat 3"
LOST = "ping 192.168.2.1 source 192.168.1.1 repeat 30"

needs_bmv2 = pytest.mark.skipif(
    shutil.which("simple_switch_grpc") is None, reason="simple_switch_grpc is not installed"
)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return write(tmp_path / "s", TIMELINE, two_sites())


def typed(folder: Path, lines: str, *options: str | Path, code: int = OK) -> str:
    """What a console prints when it is given lines by a pipe."""
    command = [*COMMAND, str(folder), *map(str, options)]
    done = subprocess.run(
        command, input=lines, capture_output=True, text=True, timeout=60, check=False
    )
    assert done.returncode == code, done.stderr
    assert done.stderr == ""
    return done.stdout


# -- the switchboard -------------------------------------------------------------------------------


@pytest.fixture
def board(folder: Path) -> Iterator[tuple[Switchboard, Loop]]:
    with World(load_scenario(folder), RunOptions()) as world:
        sessions = {
            name: Session(router.agent, world.stores[name], console=True)
            for name, router in world.routers.items()
        }
        yield Switchboard(sessions, "a", world.loop), world.loop


def say(board: Switchboard, line: str) -> str:
    board.submit(line)
    return board.read()


def test_escapes(board: tuple[Switchboard, Loop]) -> None:
    one, loop = board
    assert say(one, "~?") == HELP
    assert say(one, "~") == "* a\n  b\n  0.000000 s have passed\n"
    assert say(one, "~b") == ""
    assert (one.current, one.prompt) == ("b", "b#")
    assert say(one, "~c") == "~c: no such router; there are a, b\n"
    assert say(one, "~+2fortnights").startswith("~+2fortnights: '2fortnights' is no duration")
    assert "Translating" in say(one, "~~nonsense") or "% " in say(one, "~~nonsense")
    assert not one.closed
    one.submit("~.")
    assert one.closed
    assert loop.now == 0.0


def test_each_session_keeps_its_mode_and_history(board: tuple[Switchboard, Loop]) -> None:
    one, _ = board
    one.submit("configure terminal")
    one.submit("~ b")
    assert (one.prompt, one.configuring, one.history) == ("b#", False, [])
    one.submit("show clock")
    one.submit("~a")
    assert (one.prompt, one.configuring) == ("a(config)#", True)
    assert one.history == ["configure terminal"]


def test_a_router_one_is_not_at_keeps_what_it_prints(board: tuple[Switchboard, Loop]) -> None:
    one, loop = board
    one.submit("~b")
    one.submit("debug crypto isakmp")
    one.read()
    one.submit("~a")
    one.submit(PING)
    loop.run_for(10, stop=lambda: not one.busy)
    assert "ISAKMP" not in one.read()
    assert re.search(r"^  b  \(\d+ new lines\)$", say(one, "~"), re.M)
    assert "ISAKMP" in say(one, "~b")
    assert one.read() == ""


def test_time_that_is_told_to_pass_keeps_the_console_busy(
    board: tuple[Switchboard, Loop],
) -> None:
    one, loop = board
    one.submit("~+1.5min")
    assert (one.busy, one.prompt) == (True, "")
    one.submit("show clock")
    assert one.read() == "", "nothing is typed meanwhile"
    loop.run_for(1000, stop=lambda: not one.busy)
    assert (loop.now, one.prompt) == (90.0, "a#")
    one.submit("~+1h")
    one.interrupt()
    assert not one.busy


def test_help_and_completion_know_the_escapes(board: tuple[Switchboard, Loop]) -> None:
    one, _ = board
    assert one.help("~") == HELP
    assert one.help("~b") == ""
    assert one.complete("~") == ["~a", "~b"]
    assert one.complete("show clo") == ["clock"]


# -- lines from a pipe -----------------------------------------------------------------------------


def test_lines_from_a_pipe(folder: Path) -> None:
    shown = typed(folder, f"{PING}\n~b\nshow crypto isakmp sa\n~+10\nshow clock | include UTC\n")
    assert shown.startswith("Routers: a, b. ~? helps, ~. leaves.\na#ping")
    assert "Success rate is 66 percent (2/3)" in shown
    assert re.search(r"^b#show crypto isakmp sa$(?s:.*)^203\.0\.113\.2 .*QM_IDLE", shown, re.M)
    assert re.search(r"^\*04:50:12\.\d+ UTC", shown, re.M), shown
    again = typed(folder, f"{PING}\n~b\nshow crypto isakmp sa\n~+10\nshow clock | include UTC\n")
    assert again == shown, "no time passes between lines that are there"


def test_timeouts_are_over_at_once(folder: Path) -> None:
    started = time.monotonic()
    shown = typed(folder, f"no\nconfigure terminal\ninterface gi0/0\nshutdown\nend\n{LOST}\n")
    assert "Success rate is 0 percent (0/30)" in shown
    assert time.monotonic() - started < 30, "of sixty seconds"


def test_a_file_as_standard_input(folder: Path, tmp_path: Path) -> None:
    lines = tmp_path / "lines"
    lines.write_text("show clock\nexit\nshow version\n")
    with lines.open() as stream:
        done = subprocess.run(
            [*COMMAND, str(folder)], stdin=stream, capture_output=True, text=True, timeout=60,
            check=False,
        )  # fmt: skip
    assert done.returncode == OK
    assert done.stdout.endswith("UTC Thu Jan 1 1970\na#exit\n") or "a#exit\n" in done.stdout
    assert "show version" not in done.stdout, "the console was left"


def test_after_the_timeline(folder: Path) -> None:
    shown = typed(folder, "show crypto isakmp sa\n", "--at", "end", "--router", "b")
    assert "The timeline has run; 0 of 0 expectations failed.\n" in shown
    assert "QM_IDLE" in shown


def test_write_memory_touches_nothing_unless_asked(folder: Path, tmp_path: Path) -> None:
    before = {file: file.read_text() for file in folder.iterdir()}
    change = "configure terminal\nhostname other\nend\nwrite memory\n"
    assert "% The scenario's files are not touched; start with --save" in typed(folder, change)
    kept = tmp_path / "kept"
    assert "[OK]" in typed(folder, change, "--save", kept)
    assert [file.name for file in kept.iterdir()] == ["a.cfg"]
    assert "hostname other\n" in (kept / "a.cfg").read_text()
    assert {file: file.read_text() for file in folder.iterdir()} == before
    again = write(tmp_path / "again", TIMELINE, two_sites() | {"a": (kept / "a.cfg").read_text()})
    assert "\nother#show clock\n" in typed(again, "show clock\n"), "it loads again"


def test_a_folder_that_cannot_be_written(folder: Path, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    shown = typed(folder, "write memory\n", "--save", tmp_path / "file" / "below")
    assert "%Error writing" in shown


def test_a_router_that_is_not_there(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["console", str(folder), "--router", "c"]) == WRONG_INPUT
    assert capsys.readouterr().err == "--router c: no such router; there are a, b\n"


@pytest.mark.interop
@needs_bmv2
def test_on_stock_bmv2(folder: Path) -> None:
    shown = typed(folder, f"{PING}\n~+0.2\n", "--target", "bmv2")
    assert "Success rate is 66 percent (2/3)" in shown


# -- a keyboard ------------------------------------------------------------------------------------


class Keyboard:
    """A console on a pseudo terminal."""

    def __init__(self, folder: Path, *options: str, term: str = "xterm") -> None:
        self._master, slave = pty.openpty()
        self.process = subprocess.Popen(
            ["setsid", "--ctty", *COMMAND, str(folder), *options],  # Ctrl-C there is a signal
            stdin=slave, stdout=slave, stderr=slave,
            env=os.environ | {"TERM": term, "PROMPT_TOOLKIT_NO_CPR": "1"},
        )  # fmt: skip
        os.close(slave)
        self._screen = ""

    def type(self, keys: str) -> None:
        os.write(self._master, keys.encode())

    def seen(self, pattern: str, timeout: float = 20.0) -> re.Match[str]:
        """Wait for it on what was shown since the last thing waited for."""
        end = time.monotonic() + timeout
        while (found := re.search(pattern, self._screen)) is None:
            assert time.monotonic() < end, f"/{pattern}/ not in {self._screen!r}"
            if select.select([self._master], [], [], 0.1)[0]:
                self._screen += os.read(self._master, 65536).decode(errors="replace")
        self._screen = self._screen[found.end() :]
        return found

    def close(self) -> None:
        if self.process.poll() is None:
            self.process.kill()
            self.process.wait()
        os.close(self._master)


@pytest.fixture
def keyboard(folder: Path) -> Iterator[Keyboard]:
    made = Keyboard(folder)
    made.seen(r"~\. leaves\.")
    made.seen(r"a#")
    yield made
    made.close()


def clock(keyboard: Keyboard) -> float:
    keyboard.type("show clock\r")
    hours, minutes, seconds = keyboard.seen(r"\*?(\d\d):(\d\d):(\d\d\.\d+) UTC").groups()
    keyboard.seen(r"[ab]#")
    return int(hours) * 3600 + int(minutes) * 60 + float(seconds)


def test_help_completion_and_the_other_router(keyboard: Keyboard) -> None:
    keyboard.type("show cry?")
    keyboard.seen(r"crypto\r\n")
    keyboard.type("p\tis\tsa\r")
    keyboard.seen(r"dst +src +state")
    keyboard.type("~\t\x15~b\r")
    keyboard.seen(r"b#")
    keyboard.type("show clock\r")
    keyboard.seen(r"UTC")
    keyboard.seen(r"b#")
    keyboard.type("~a\r")
    keyboard.seen(r"a#")
    keyboard.type("\x1b[A\r")  # arrow up: this router's history, not the other's
    keyboard.seen(r"show crypto isakmp sa")
    keyboard.seen(r"dst +src +state")
    keyboard.seen(r"a#")
    keyboard.type("~.\r")
    assert keyboard.process.wait(10) == OK


def test_time_goes_at_wall_pace_at_the_prompt_and_jumps_in_commands(keyboard: Keyboard) -> None:
    before, started = clock(keyboard), time.monotonic()
    time.sleep(1.2)
    after, passed = clock(keyboard), time.monotonic() - started
    assert passed - 0.5 < after - before < passed + 0.5
    keyboard.type("ping 198.51.100.1 repeat 30\r")
    keyboard.seen(r"\(0/30\)")
    keyboard.seen(r"a#")
    assert clock(keyboard) - after > 60
    assert time.monotonic() - started < 30
    keyboard.type("~+1h\r")
    keyboard.seen(r"a#")
    assert clock(keyboard) - after > 3600


def test_log_messages_appear_while_nobody_types(keyboard: Keyboard) -> None:
    """Main mode without an answer, repeated ten seconds later."""
    for line in ("~b", "configure terminal", "interface gi0/0", "shutdown", "end", "~a"):
        keyboard.type(f"{line}\r")
    keyboard.type("debug crypto isakmp\r")
    keyboard.seen(r"debugging is on")
    keyboard.type("ping 192.168.2.1 source 192.168.1.1 repeat 1 timeout 1\r")
    keyboard.seen(r"\(0/1\)")
    keyboard.type("~+8\r")
    keyboard.seen(r"~\+8(?s:.*)a#")
    keyboard.seen(r"ISAKMP.*sending packet(?s:.*)a#")
    keyboard.type("\x04")
    assert keyboard.process.wait(10) == OK


def test_control_c_stops_a_command_and_a_line(keyboard: Keyboard) -> None:
    keyboard.type("ping 198.51.100.1 repeat 100000000 timeout 3600\r")
    keyboard.seen(r"\.{10}")
    keyboard.type("\x03")
    keyboard.seen(r"Success rate is 0 percent \(0/\d+\)")
    keyboard.seen(r"a#")
    keyboard.type("show nonsense\x03show clock\r")
    keyboard.seen(r"UTC")
    assert keyboard.process.poll() is None
    keyboard.type("exit\r")
    assert keyboard.process.wait(10) == OK


def test_a_terminal_that_cannot_be_drawn_on_gets_plain_lines(folder: Path) -> None:
    keyboard = Keyboard(folder, term="dumb")
    keyboard.seen("leaves\\.\r\na#$")
    keyboard.type("show history\n")
    assert keyboard.seen(r"(?s)(.*)a#$")[1] == "show history\r\n  show history\r\n"
    keyboard.type("\x04")
    assert keyboard.process.wait(10) == OK
    keyboard.close()


@pytest.mark.parametrize("options", [(), pytest.param(("--target", "bmv2"), marks=needs_bmv2)])
def test_a_signal_ends_it(folder: Path, options: tuple[str, ...]) -> None:
    keyboard = Keyboard(folder, *options)
    keyboard.seen(r"a#")
    pid = keyboard.process.pid
    children = Path(f"/proc/{pid}/task/{pid}/children").read_text().split()
    assert len(children) == (2 if options else 0)
    keyboard.process.send_signal(signal.SIGTERM)
    assert keyboard.process.wait(10) == INTERRUPTED
    assert not any(Path(f"/proc/{child}").exists() for child in children)
    keyboard.close()
