"""Terminals of routers that live in real time: lines from a pipe or a script, or a keyboard."""

from __future__ import annotations

import os
import sys
from collections import deque
from collections.abc import Callable, Iterable
from typing import Final, TextIO

from ipsecplane.ios.console import Conversation, run_console
from prompt_toolkit.utils import is_dumb_terminal

from ipsecsim.network.realtime import RealTimeLoop

_LONG: Final = 3600.0
_STEP: Final = 0.05  # seconds that a line may take to show what it did


def at_keyboard() -> bool:
    """Whether somebody sits at a terminal that can be drawn on."""
    return sys.stdin.isatty() and sys.stdout.isatty() and not is_dumb_terminal()


class LineTerminal:
    """Shows a session on `out` as a terminal would, each line behind its prompt.

    `poll` does what can be done now; nothing here waits.
    """

    def __init__(self, session: Conversation, out: TextIO, *, prompt: bool) -> None:
        """With `prompt` a line is waited for when none is there, and the prompt says so."""
        self._session = session
        self._out = out
        self._prompt = prompt
        self._prompted = ""  # the prompt that stands at the cursor
        self._lines: deque[tuple[str, bool]] = deque()  # with whether they are to be shown
        self._ended = False

    @property
    def done(self) -> bool:
        """Nobody will type any more: they left, or their input has ended and been worked off."""
        return self._session.closed or (self._ended and self.idle)

    @property
    def idle(self) -> bool:
        """All lines that came are worked off."""
        return not self._lines and not self._session.busy

    def type(self, lines: Iterable[str], *, echo: bool = True) -> None:
        """Lines to be taken one after the other, each when the one before it is done.

        Without `echo`, somebody else has shown them.
        """
        self._lines.extend((line, echo) for line in lines)

    def end(self) -> None:
        self._ended = True

    def poll(self) -> None:
        self._show()
        while self._lines and not self._session.busy and not self._session.closed:
            line, echo = self._lines.popleft()
            if echo:
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


class Keyboard:
    """A person at a terminal: editing, completion, `?`. The router goes on while they type."""

    def __init__(
        self,
        session: Conversation,
        loop: RealTimeLoop,
        stopped: Callable[[], bool],
        interrupted: Callable[[], bool] = lambda: False,
    ) -> None:
        """`stopped` says that something else ends the conversation (a signal).

        `interrupted` says, once each time, that the running command is to end.
        """
        self._session = session
        self._loop = loop
        self._stopped = stopped
        self._interrupted = interrupted

    def run(self) -> None:
        """Until the person leaves."""
        run_console(self._session, lambda: self._advance(), idle=self._idle)

    def _advance(self) -> None:
        loop, before = self._loop, self._loop.events
        loop.run_for(_LONG if self._session.busy else _STEP, lambda: loop.events > before)
        if self._stopped() or self._interrupted():
            self._session.interrupt()

    def _idle(self, descriptor: int) -> str:
        """Run the router until a key is pressed or there is something to show."""
        shown: list[str] = []
        pressed: list[bool] = []

        def enough() -> bool:
            text = self._session.read()
            if text:
                shown.append(text)
            return bool(shown or pressed or self._stopped())

        key = _Descriptor(descriptor)
        self._loop.watch(key, lambda: pressed.append(True))
        try:
            with self._loop.at_wall_pace():
                while not self._loop.run_for(_LONG, enough):
                    pass
        finally:
            self._loop.unwatch(key)
        if self._stopped():
            raise EOFError
        return "".join(shown)


class _Descriptor:
    """What a `Readable` is."""

    def __init__(self, number: int) -> None:
        self._number = number

    def fileno(self) -> int:
        return self._number


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
        typed = [line.decode(errors="replace").rstrip("\r") for line in lines]
        self._terminal.type(typed, echo=not os.isatty(self._descriptor))
        if not octets:
            self._terminal.end()
        return bool(octets)
