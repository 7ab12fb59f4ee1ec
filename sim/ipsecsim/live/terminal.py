"""A router's terminal as lines: what a person, a pipe or a script types, and what comes back."""

from __future__ import annotations

import os
from collections import deque
from collections.abc import Iterable
from typing import TextIO

from ipsecplane.ios.session import Session

from ipsecsim.network.realtime import RealTimeLoop


class LineTerminal:
    """Shows a session on `out` as a terminal would, each line behind its prompt.

    `poll` does what can be done now; nothing here waits.
    """

    def __init__(self, session: Session, out: TextIO, *, prompt: bool) -> None:
        """With `prompt` a line is waited for when none is there, and the prompt says so."""
        self._session = session
        self._out = out
        self._prompt = prompt
        self._prompted = ""  # the prompt that stands at the cursor
        self._lines: deque[str] = deque()
        self._ended = False

    @property
    def done(self) -> bool:
        """Nobody will type any more: they left, or their input has ended and been worked off."""
        idle = not self._lines and not self._session.busy
        return self._session.closed or (self._ended and idle)

    def type(self, lines: Iterable[str]) -> None:
        """Lines to be taken one after the other, each when the one before it is done."""
        self._lines.extend(lines)

    def end(self) -> None:
        self._ended = True

    def poll(self) -> None:
        self._show()
        while self._lines and not self._session.busy and not self._session.closed:
            line = self._lines.popleft()
            self._put(f"{self._prompt_now()}{line}\n")
            self._prompted = ""
            self._session.submit(line)
            self._show()
        if self._prompt and not self._session.busy and not self.done:
            prompt = self._prompt_now()
            if prompt:
                self._put(prompt)
                self._prompted = self._session.prompt

    def _prompt_now(self) -> str:
        """The prompt, unless it stands there already."""
        return "" if self._prompted == self._session.prompt else self._session.prompt

    def _show(self) -> None:
        text = self._session.read()
        if text:
            self._put(f"\n{text}" if self._prompted else text)
            self._prompted = ""

    def _put(self, text: str) -> None:
        self._out.write(text)
        self._out.flush()


class LineInput:
    """Feeds the lines of a file descriptor to a terminal as they arrive."""

    def __init__(self, descriptor: int, terminal: LineTerminal, loop: RealTimeLoop) -> None:
        self._descriptor = descriptor
        self._terminal = terminal
        self._loop = loop
        self._rest = b""
        try:
            loop.watch(self, self._readable)
        except PermissionError:  # a file: it can be read, not waited for
            while self._read():
                pass

    def fileno(self) -> int:
        return self._descriptor

    def close(self) -> None:
        self._loop.unwatch(self)

    def _readable(self) -> None:
        if not self._read():
            self._loop.unwatch(self)

    def _read(self) -> bool:
        """Take what is there; False at the end."""
        octets = os.read(self._descriptor, 65536)
        *lines, self._rest = (self._rest + octets).split(b"\n")
        if not octets and self._rest:
            lines, self._rest = [self._rest], b""
        self._terminal.type(line.decode(errors="replace").rstrip("\r") for line in lines)
        if not octets:
            self._terminal.end()
        return bool(octets)
