"""The interactive front end: a `Session` at a real terminal, by prompt_toolkit."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial

from prompt_toolkit import PromptSession
from prompt_toolkit.application import run_in_terminal
from prompt_toolkit.eventloop import InputHook, InputHookContext
from prompt_toolkit.history import InMemoryHistory
from prompt_toolkit.input import Input
from prompt_toolkit.key_binding import KeyBindings, KeyPressEvent
from prompt_toolkit.output import Output

from ipsecplane.ios.session import Session


def _bindings(session: Session) -> KeyBindings:
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
    session: Session,
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
        history=InMemoryHistory(),
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
