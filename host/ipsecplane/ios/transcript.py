"""Writes down a session as a terminal would show it: prompts, what was typed, what was printed."""

from __future__ import annotations

from collections.abc import Callable

from ipsecplane.ios.session import Session


class Transcript:
    """Types lines into a session and keeps the screen's text.

    `advance` lets the router's time go on a little; it is called until a running command ends.
    """

    def __init__(self, session: Session, advance: Callable[[], None] | None = None) -> None:
        self.session = session
        self._advance = advance
        self._text = ""

    @property
    def text(self) -> str:
        """Everything so far, with the prompt that waits now."""
        self.collect()
        return self._text + self.session.prompt

    def type(self, line: str) -> str:
        """Type a line and Enter; returns what was printed for it."""
        self.collect()
        self._text += self.session.prompt + line + "\n"
        self.session.submit(line)
        start = len(self._text)
        while self.session.busy and self._advance is not None:
            self._advance()
            self.collect()
        self.collect()
        return self._text[start:]

    def collect(self) -> None:
        """Take what was printed meanwhile (log messages, a ping's marks)."""
        self._text += self.session.read()
