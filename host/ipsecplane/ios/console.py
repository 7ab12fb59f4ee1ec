"""The interactive front end: a `Session` at a real terminal, by prompt_toolkit."""

from __future__ import annotations

from collections.abc import Callable, Iterable

from prompt_toolkit import PromptSession
from prompt_toolkit.application import run_in_terminal
from prompt_toolkit.completion import CompleteEvent, Completer, Completion
from prompt_toolkit.document import Document
from prompt_toolkit.history import InMemoryHistory
from prompt_toolkit.input import Input
from prompt_toolkit.key_binding import KeyBindings, KeyPressEvent
from prompt_toolkit.output import Output

from ipsecplane.ios.session import Session


class SessionCompleter(Completer):
    """Tab: the one keyword that fits; a list where several do."""

    def __init__(self, session: Session) -> None:
        self._session = session

    def get_completions(self, document: Document, _: CompleteEvent) -> Iterable[Completion]:
        text = document.text_before_cursor
        unfinished = "" if text[-1:].isspace() else text.split()[-1] if text else ""
        for word in self._session.complete(text):
            yield Completion(f"{word} ", start_position=-len(unfinished), display=word)


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

    @keys.add("c-z")
    def _(event: KeyPressEvent) -> None:
        """End configuration."""
        if session.configuring:
            event.app.exit(result="end")

    @keys.add("c-^")
    def _(event: KeyPressEvent) -> None:
        event.app.exit(exception=KeyboardInterrupt())

    return keys


def run_console(
    session: Session,
    advance: Callable[[], None],
    *,
    input: Input | None = None,
    output: Output | None = None,
) -> None:
    """Talk with a person until they leave (`exit`, Ctrl-D).

    `advance` lets the router's time go on by a little: it is called over and over while a command
    runs, and once after each line. Ctrl-C and Ctrl-^ stop a running ping or give up a line.
    """
    terminal: PromptSession[str] = PromptSession(
        history=InMemoryHistory(),
        completer=SessionCompleter(session),
        complete_while_typing=False,
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
            line = terminal.prompt(session.prompt)
        except KeyboardInterrupt:
            session.interrupt()
            continue
        except EOFError:
            return
        session.submit(line)
        advance()
        while session.busy:
            try:
                show()
                advance()
            except KeyboardInterrupt:
                session.interrupt()
        show()
