"""A router's console in a scenario: types lines, answers questions, collects what is printed."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Final

from ipsecplane.agent import Agent
from ipsecplane.ios.session import Session
from ipsecplane.ios.store import ConfigurationStore

from ipsecsim.network.clock import Loop, Timer
from ipsecsim.scenario.document import Place
from ipsecsim.scenario.model import ExecLine
from ipsecsim.scenario.transcript import Transcript

_LOOK: Final = 0.01  # seconds between two looks at a command that runs in the background


class Terminal:
    """One EXEC session with a router, privileged, without paging."""

    def __init__(self, agent: Agent, store: ConfigurationStore, loop: Loop) -> None:
        self.agent = agent
        self.loop = loop
        self.session = Session(agent, store)


class CommandRun:
    """Lines typed one after the other at a terminal: `start`, then let time go on until `done`.

    What is printed goes to `output`, and to `transcript` as it happens. `problems` tells what was
    wrong with the answers: (place in the scenario, text).
    """

    def __init__(
        self, terminal: Terminal, lines: Sequence[ExecLine], transcript: Transcript | None = None
    ) -> None:
        self.lines = tuple(lines)
        self.output = ""
        self.problems: list[tuple[Place, str]] = []
        self._terminal = terminal
        self._transcript = transcript
        self._waiting = list(self.lines)
        self._answers: _Answers | None = None
        self._started = False
        self._timer: Timer | None = None

    @classmethod
    def single(cls, terminal: Terminal, command: str) -> CommandRun:
        return cls(terminal, [ExecLine(Place("", 0, 0), command)])

    def start(self) -> None:
        self._started = True
        self._go_on()

    @property
    def done(self) -> bool:
        """Asking also moves on: a line is typed in the instant in which the last one ended."""
        self._go_on()
        return not self._waiting and self._answers is None

    def interrupt(self) -> None:
        """Ctrl-C, and the lines that were not typed yet are not."""
        self._waiting.clear()
        self._terminal.session.interrupt()
        self._go_on()

    def _go_on(self) -> None:
        if not self._started:
            return
        session = self._terminal.session
        while True:
            self._collect()
            if session.busy:
                break
            if session.asking and self._answers is not None:
                self._type(self._answers.to(session.prompt), answer=True)
            else:
                self._end_line()
                if not self._waiting:
                    return
                line = self._waiting.pop(0)
                self._answers = _Answers(line)
                self._type(line.command)
        if self._timer is None or not self._timer.pending:
            # In the background nobody may be asking whether the command is done.
            self._timer = self._terminal.loop.after(_LOOK, self._go_on)

    def _type(self, text: str, *, answer: bool = False) -> None:
        session, transcript = self._terminal.session, self._transcript
        if transcript is not None and answer:
            transcript.answer(session.prompt, text)
        elif transcript is not None:
            transcript.command(self._terminal.loop.now, session.prompt, text)
        session.submit(text)

    def _end_line(self) -> None:
        if self._answers is not None:
            self.problems += self._answers.problems()
            self._answers = None

    def _collect(self) -> None:
        text = self._terminal.session.read()
        self.output += text
        if self._transcript is not None:
            self._transcript.output(text)


class _Answers:
    """What is typed at the questions of one command (`model.ExecLine`)."""

    def __init__(self, line: ExecLine) -> None:
        self._line = line
        self._used: set[str] = set()
        self._asked: list[str] = []

    def to(self, question: str) -> str:
        """Return alone takes the default that a question offers."""
        answers = self._line.answers
        self._asked.append(question.strip())
        if isinstance(answers, Mapping):
            for start, answer in answers.items():
                if question.strip().lower().startswith(start.lower()):
                    self._used.add(start)
                    return answer
            return ""
        number = len(self._asked) - 1
        return answers[number] if number < len(answers) else ""

    def problems(self) -> list[tuple[Place, str]]:
        line, asked = self._line, len(self._asked)
        if isinstance(line.answers, Mapping):
            return [
                (line.place, f"{line.command}: no question began with {start!r}")
                for start in line.answers
                if start not in self._used
            ]
        if line.answers and len(line.answers) != asked:
            told = f"{len(line.answers)} answers to {asked} questions"
            return [(line.place, f"{line.command}: {told}")]
        return []
