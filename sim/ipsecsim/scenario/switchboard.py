"""The consoles of several routers at one terminal, one at a time."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from ipsecplane.ios.session import Session

from ipsecsim.network.clock import NANOSECONDS, Loop
from ipsecsim.scenario.units import UnitError, duration

ESCAPE: Final = "~"
HELP: Final = """\
~         list the routers
~NAME     go to the console of a router; a part of its name is enough
~+TIME    let time pass: ~+10 (seconds), ~+500ms, ~+1h
~.        leave
~?        this list
~~        a line that begins with ~
"""


class Switchboard:
    """A conversation (`ipsecplane.ios.console`) with one of several sessions.

    Lines that begin with `~` are for the switchboard, all others for the session. Sessions that one
    is not at keep what they print.
    """

    def __init__(self, sessions: Mapping[str, Session], current: str, loop: Loop) -> None:
        self.current = current
        self._sessions = sessions
        self._loop = loop
        self._printed: list[str] = []
        self._unread = dict.fromkeys(sessions, "")
        self._until_ns = 0  # when the time that is to pass has passed
        self._left = False

    @property
    def session(self) -> Session:
        return self._sessions[self.current]

    @property
    def prompt(self) -> str:
        return "" if self.busy else self.session.prompt

    @property
    def busy(self) -> bool:
        return self.waiting or self.session.busy

    @property
    def waiting(self) -> bool:
        """Whether time is passing because somebody said so."""
        return self._loop.now_ns < self._until_ns

    @property
    def closed(self) -> bool:
        return self._left or self.session.closed

    @property
    def configuring(self) -> bool:
        return self.session.configuring

    @property
    def history(self) -> list[str]:
        return self.session.history

    def submit(self, line: str) -> None:
        if self.busy:
            return
        if line.startswith(ESCAPE * 2):
            self.session.submit(line[1:])
        elif line.startswith(ESCAPE):
            self._command(line[1:].strip())
        else:
            self.session.submit(line)

    def read(self) -> str:
        text = "".join(self._printed) + self._unread[self.current] + self.session.read()
        self._printed.clear()
        self._unread[self.current] = ""
        return text

    def interrupt(self) -> None:
        if self.waiting:
            self._until_ns = 0
        else:
            self.session.interrupt()

    def help(self, text: str) -> str:
        if text.startswith(ESCAPE):
            return HELP if text == ESCAPE else ""
        return self.session.help(text)

    def complete(self, text: str) -> list[str]:
        if text.startswith(ESCAPE):
            return [ESCAPE + name for name in self._sessions if name.startswith(text[1:])]
        return self.session.complete(text)

    def _command(self, text: str) -> None:
        if not text:
            self._list()
        elif text == ".":
            self._left = True
        elif text == "?":
            self._say(HELP)
        elif text.startswith("+"):
            self._pass(text[1:].strip())
        else:
            self._go_to(text)

    def _list(self) -> None:
        for name, session in self._sessions.items():
            self._unread[name] += session.read()
            here = "*" if name == self.current else " "
            lines = self._unread[name].count("\n")
            news = f"  ({lines} new lines)" if lines else ""
            self._say(f"{here} {name}{news}\n")
        self._say(f"  {self._loop.now:.6f} s have passed\n")

    def _pass(self, text: str) -> None:
        try:
            seconds = duration(text)
        except UnitError as error:
            self._say(f"~+{text}: {error}\n")
            return
        self._until_ns = self._loop.now_ns + round(seconds * NANOSECONDS)
        self._loop.at_ns(self._until_ns, lambda: None)

    def _go_to(self, text: str) -> None:
        found = [name for name in self._sessions if text in name]
        if text in self._sessions:
            found = [text]
        if len(found) == 1:
            self.current = found[0]
        else:
            names = ", ".join(found or self._sessions)
            problem = "may be any of" if found else "no such router; there are"
            self._say(f"~{text}: {problem} {names}\n")

    def _say(self, text: str) -> None:
        self._printed.append(text)
