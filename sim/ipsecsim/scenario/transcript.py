"""The transcript: what a person at the routers' consoles would have seen, with virtual times."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final, TextIO

RULE: Final = "─"
WIDTH: Final = 78


class Transcript:
    """Writes to each of `streams` as things happen.

    Output of routers is verbatim. Everything else starts with a character no router prints: a rule,
    a time in brackets in front of a prompt, a check mark.
    """

    def __init__(self, streams: Sequence[TextIO]) -> None:
        self._streams = streams
        self._at_margin = True

    def title(self, text: str) -> None:
        self._line("")
        self._line(f"{RULE * 2} {text} ".ljust(WIDTH, RULE))

    def note(self, text: str) -> None:
        for line in text.rstrip().splitlines():
            self._line(f"   {line}")

    def command(self, now: float, prompt: str, line: str) -> None:
        """A command at a router's prompt; the prompt says which router."""
        self._line(f"[{now:12.6f}] {prompt}{line}")

    def answer(self, prompt: str, line: str) -> None:
        """A line typed at a question of a running command; the question is in the output."""
        self._write(f"{line}\n" if not prompt else f"{prompt}{line}\n")

    def output(self, text: str) -> None:
        self._write(text)

    def event(self, now: float, text: str) -> None:
        """Something that is no command: a link goes down, a host pings."""
        self._line(f"[{now:12.6f}] * {text}")

    def outcome(self, held: bool, text: str) -> None:
        mark = "✓" if held else "✗"
        first, *rest = text.splitlines()
        self._line(f"   {mark} {first}")
        for line in rest:
            self._line(f"     {line}")

    def summary(self, text: str) -> None:
        self._line("")
        self._line(text)

    def _line(self, text: str) -> None:
        if not self._at_margin:
            self._write("\n")
        self._write(f"{text}\n")

    def _write(self, text: str) -> None:
        if not text:
            return
        for stream in self._streams:
            stream.write(text)
            stream.flush()
        self._at_margin = text.endswith("\n")
