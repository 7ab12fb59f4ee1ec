"""The interactive front end: a session at a real terminal, by prompt_toolkit."""

from __future__ import annotations

from collections.abc import AsyncGenerator, Callable, Iterable
from functools import partial
from typing import Protocol

from prompt_toolkit import PromptSession
from prompt_toolkit.application import run_in_terminal
from prompt_toolkit.eventloop import InputHook, InputHookContext
from prompt_toolkit.history import History
from prompt_toolkit.input import Input
from prompt_toolkit.key_binding import KeyBindings, KeyPressEvent
from prompt_toolkit.output import Output


class Conversation(Protocol):
    """What a terminal is connected to: a `Session`, or a choice of them."""

    @property
    def prompt(self) -> str:
        """What stands before the cursor; "" while a command runs."""

    @property
    def busy(self) -> bool: ...

    @property
    def closed(self) -> bool: ...

    @property
    def configuring(self) -> bool: ...

    @property
    def history(self) -> list[str]:
        """Lines typed before, oldest first."""

    def submit(self, line: str) -> None: ...

    def read(self) -> str:
        """Text printed since the last call."""

    def interrupt(self) -> None: ...

    def help(self, text: str) -> str: ...

    def complete(self, text: str) -> list[str]: ...


class _History(History):
    """The arrow keys go through the conversation's own history, also when that changes."""

    def __init__(self, session: Conversation) -> None:
        super().__init__()
        self._session = session

    async def load(self) -> AsyncGenerator[str, None]:
        for line in self.load_history_strings():
            yield line

    def load_history_strings(self) -> Iterable[str]:
        return reversed(self._session.history)

    def append_string(self, string: str) -> None:
        """The conversation keeps what is worth keeping."""

    def store_string(self, string: str) -> None:
        """Likewise."""


def _bindings(session: Conversation) -> KeyBindings:
    keys = KeyBindings()

    @keys.add("?")
    def _(event: KeyPressEvent) -> None:
        """Help where the cursor stands; the line stays."""
        text = event.current_buffer.document.text_before_cursor
        answer = session.help(text)
        if not answer:
            event.current_buffer.insert_text("?")
            return
        shown = f"{session.prompt}{text}?\n{answer}"
        run_in_terminal(lambda: event.app.output.write(shown))

    @keys.add("tab")
    def _(event: KeyPressEvent) -> None:
        """Complete the keyword, or as much of it as all that fit have in common."""
        text = event.current_buffer.document.text_before_cursor
        words = session.complete(text)
        if words:
            unfinished = "" if text[-1:].isspace() else text.split()[-1] if text else ""
            rest = _common_beginning(words)[len(unfinished) :]
            event.current_buffer.insert_text(rest + (" " if len(words) == 1 else ""))

    @keys.add("c-z")
    def _(event: KeyPressEvent) -> None:
        """End configuration."""
        if session.configuring:
            event.app.exit(result="end")

    @keys.add("c-^")
    def _(event: KeyPressEvent) -> None:
        event.app.exit(exception=KeyboardInterrupt())

    return keys


def _hook(idle: Callable[[int], str], terminal: PromptSession[str]) -> InputHook:
    """prompt_toolkit calls it in place of waiting for a key, on the thread of its event loop."""

    def hook(context: InputHookContext) -> None:
        app = terminal.app
        loop = app.loop
        assert loop is not None  # we are called from it
        while not context.input_is_ready():
            try:
                text = idle(context.fileno())
            except EOFError as error:
                loop.call_soon_threadsafe(partial(app.exit, exception=error))
                return
            if text:
                # Above the prompt, which is drawn anew; thread-safe, for the loop is in `select`.
                show = partial(run_in_terminal, partial(app.output.write, text))
                loop.call_soon_threadsafe(show)
                return

    return hook


def _common_beginning(words: list[str]) -> str:
    common = words[0]
    while not all(word.startswith(common) for word in words):
        common = common[:-1]
    return common


def run_console(
    session: Conversation,
    advance: Callable[[], None],
    *,
    idle: Callable[[int], str] | None = None,
    input: Input | None = None,
    output: Output | None = None,
) -> None:
    """Talk with a person until they leave (`exit`, Ctrl-D).

    `advance` lets the router's time go on by a little: it is called over and over while a command
    runs, and once after each line. Ctrl-C and Ctrl-^ stop a running ping or give up a line.

    A router that lives in real time gives `idle`: called at the prompt with a file descriptor, it
    runs the router until that is readable or there is something to show, and returns what the
    session printed; it raises EOFError to end the conversation.
    """
    terminal: PromptSession[str] = PromptSession(
        history=_History(session),
        key_bindings=_bindings(session),
        enable_history_search=False,
        input=input,
        output=output,
    )
    out = terminal.app.output

    def show() -> None:
        text = session.read()
        if text:
            out.write(text)
            out.flush()

    while not session.closed:
        show()
        try:
            hook = None if idle is None else _hook(idle, terminal)
            line = terminal.prompt(session.prompt, inputhook=hook)
        except KeyboardInterrupt:
            session.interrupt()
            continue
        except EOFError:
            return
        session.submit(line)
        while True:
            try:
                advance()
                show()
            except KeyboardInterrupt:
                session.interrupt()
            if not session.busy:
                break
