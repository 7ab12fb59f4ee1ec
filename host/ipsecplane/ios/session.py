"""A terminal session, sans-IO: lines go in, prompts and text come out.

::

    session = Session(router, store)
    session.submit("show clock")
    print(session.read(), session.prompt)

`busy` is true while a ping runs: its output streams into `read()` as the router's clock goes on.
A dialogue (extended ping, `[confirm]`) turns `prompt` into its question; `submit` answers.
Echoing what is typed is the terminal's business.
"""

from __future__ import annotations

from collections.abc import Callable, Generator, Iterable
from typing import Any, Final

from ipsecplane.ios import syslog
from ipsecplane.ios.advice import advice
from ipsecplane.ios.bodies import Body, begun
from ipsecplane.ios.candidates import (
    can_be_piped,
    completions,
    configuration_candidates,
    help_text,
)
from ipsecplane.ios.commands import load_commands
from ipsecplane.ios.commands.exec_mode import EXEC
from ipsecplane.ios.commandset import CommandError, ConfigCommand, form_of
from ipsecplane.ios.configuration import Path, body, build, enter
from ipsecplane.ios.matcher import (
    CommandLineError,
    IncompleteCommand,
    InvalidInput,
    Parsed,
    parse,
    split,
)
from ipsecplane.ios.ping import PingRun
from ipsecplane.ios.pipes import apply_pipes, parse_pipes, pipe_column
from ipsecplane.ios.store import ConfigurationStore
from ipsecplane.views import LogLine, PingRequest, RouterOperations

HISTORY: Final = 20
_MORE: Final = " --More-- "


class Session:
    """One person (or script) at a router's terminal.

    `monitor`: log messages appear on this terminal as they happen, as far as the configuration
    lets them (`logging console`). `save` takes the text of `write memory`.
    """

    def __init__(
        self,
        router: RouterOperations,
        store: ConfigurationStore | None = None,
        *,
        privileged: bool = True,
        console: bool = False,
        save: Callable[[str], None] | None = None,
    ) -> None:
        load_commands()
        self.router = router
        self.store = ConfigurationStore.empty() if store is None else store
        self.privileged = privileged
        self.save = save
        self.length = 0
        self.width = 80
        self.monitor = False
        self.closed = False
        self.history: list[str] = []
        self._path: Path | None = None  # None = EXEC
        self._changed = False
        self._output: list[str] = []
        self._pages: list[str] = []
        self._dialogue: Generator[str, str, None] | None = None
        self._question = ""
        self._ping: PingRun | None = None
        if console:
            router.on_console(self._log)

    # -- what the terminal sees ----------------------------------------------------------------

    @property
    def busy(self) -> bool:
        """Whether a command still runs; it goes on as the router's clock does."""
        return self._ping is not None and not self._ping.done

    @property
    def asking(self) -> bool:
        """Whether the next line answers a question (`prompt`) rather than being a command."""
        return self._dialogue is not None and not self.busy

    @property
    def configuring(self) -> bool:
        return self._path is not None

    @property
    def prompt(self) -> str:
        """What stands before the cursor; "" while a command runs."""
        if self.busy:
            return ""
        if self._pages:
            return _MORE
        if self._dialogue is not None:
            return self._question
        name = self.store.router.hostname
        if self._path is not None:
            return f"{name}({self.store.configuration.mode(self._path)})#"
        return f"{name}{'#' if self.privileged else '>'}"

    def read(self) -> str:
        """Text printed since the last call."""
        text = "".join(self._output)
        self._output.clear()
        return text

    def write(self, text: str) -> None:
        self._output.append(text)

    # -- input ---------------------------------------------------------------------------------

    def submit(self, line: str) -> None:
        """Take a typed line: a command, or the answer to a question. Ignored while `busy`."""
        if self.busy:
            return
        if self._pages:
            self._turn_page(line)
        elif self._dialogue is not None:
            self._answer(line)
        elif line.strip() and not line.lstrip().startswith("!"):
            self.history = [*self.history, line.strip()][-HISTORY:]
            if self._path is None:
                self._execute(line, 0)
            else:
                self._configure(line)

    def interrupt(self) -> None:
        """Ctrl-C or Ctrl-^: stops a ping or a dialogue, leaves configuration mode."""
        if self._ping is not None and self.busy:
            self._ping.cancel()
        elif self._dialogue is not None:
            self._dialogue = None
        elif self._pages:
            self._pages = []
        elif self._path is not None:
            self.end_configuration()

    def _fail(self, error: CommandLineError, line: str) -> None:
        if isinstance(error, InvalidInput):
            self.write(" " * (len(self.prompt) + error.column) + "^\n")
        blank = "\n" if isinstance(error, InvalidInput | IncompleteCommand) else ""
        self.write(f"{error.message(line)}\n{blank}")

    # -- EXEC ----------------------------------------------------------------------------------

    def _execute(self, line: str, start: int) -> None:
        column = pipe_column(line)
        try:
            if column is not None and can_be_piped(line, start):
                parsed = parse(EXEC.candidates(self.privileged), line[:column], start)
                stages = parse_pipes(line, column)
            else:
                parsed = parse(EXEC.candidates(self.privileged), line, start)
                stages = []
        except CommandLineError as error:
            self._fail(error, line[start:])
            return
        try:
            result = parsed.command.run(self, parsed.args)
            if isinstance(result, Generator):
                self._dialogue = result
                self._answer(None)
            elif result:
                self._print(apply_pipes(list(result), stages))
        except CommandError as error:
            self.write(f"{error}\n")

    def start_ping(self, request: PingRequest, *, data_given: bool = False) -> None:
        self._ping = PingRun(self.router, request, self.write, data_given)

    def _answer(self, line: str | None) -> None:
        dialogue = self._dialogue
        assert dialogue is not None
        try:
            question = next(dialogue) if line is None else dialogue.send(line)
        except StopIteration:
            self._dialogue = None
        except CommandError as error:
            self._dialogue = None
            self.write(f"{error}\n")
        else:
            remark, newline, self._question = question.rpartition("\n")
            self.write(remark + newline)

    # -- paging --------------------------------------------------------------------------------

    def _print(self, lines: Iterable[str]) -> None:
        self._pages += lines
        self._page(self.length - 1 if self.length else len(self._pages))

    def _page(self, count: int) -> None:
        shown, self._pages = self._pages[:count], self._pages[count:]
        self.write("".join(f"{line}\n" for line in shown))

    def _turn_page(self, key: str) -> None:
        """Space: a page; Enter: a line; anything else: no more."""
        if key == "":
            self._page(1)
        elif key.isspace():
            self._page(max(1, self.length - 1))
        else:
            self._pages = []

    # -- configuration -------------------------------------------------------------------------

    def configure(self) -> None:
        """Enter global configuration."""
        self._path = ()
        self._changed = False

    def leave_mode(self) -> None:
        """`exit`: one mode up."""
        if self._path:
            self._path = self._path[:-1]
        else:
            self.end_configuration()

    def end_configuration(self) -> None:
        self._path = None
        self.router.log(syslog.configured(self.router.now))

    def _configure(self, line: str) -> None:
        first = split(line)[0]
        if first.text.lower() == "do":
            self._execute(line, first.column + 2)
            return
        text = begun(line)
        if text is not None and not text.is_complete(line):
            self._dialogue = self._rest_of(text, line)
            self._answer(None)
            return
        failures: list[CommandLineError] = []
        for level in self._levels():
            try:
                parsed, form = self._parse_configuration(level, line)
            except CommandLineError as error:
                failures.append(error)
                continue
            self._take(level, parsed, form)
            return
        self._fail(max(failures, key=lambda failure: failure.column), line)

    def _levels(self) -> list[Path]:
        """The open mode and the ones around it: a line may belong to any of them."""
        path = self._path or ()
        return [path[:depth] for depth in range(len(path), -1, -1)]

    def _parse_configuration(self, level: Path, line: str) -> tuple[Parsed[Any], str]:
        form, start = form_of(line)
        mode = self.store.configuration.mode(level)
        return parse(configuration_candidates(mode, form), line, start), form

    def _take(self, level: Path, parsed: Parsed[Any], form: str) -> None:
        command = parsed.command
        if not isinstance(command, ConfigCommand):
            command.run(self, parsed.args)
            return
        try:
            if command.check is not None and not form:
                objection = command.check(parsed.args)
                if objection:
                    raise CommandError(objection)
            configuration, path = enter(self.store.configuration, level, parsed, form)
            router, problems = build(configuration)
        except CommandError as error:
            self.write(f"{error}\n")
            return
        if problems:
            self.write(f"{problems[0].message}\n")
            return
        if path != level and not self.store.configuration.section(path) and command.notice:
            self.write(f"{command.notice}\n")
        remarks = advice(self.store.router, router)
        if router != self.store.router:
            remarks += self.router.configure(router)
        self.store.configuration, self.store.router = configuration, router
        self._path = path
        self.write("".join(f"{remark}\n" for remark in remarks))

    def _rest_of(self, text: Body, line: str) -> Generator[str, str, None]:
        if text.kind == "banner":
            self.write(f"Enter TEXT message.  End with the character '{text.until}'.\n")
        else:
            self.write(f'% Enter the text. End with the word "{text.until}" on a line by itself\n')
        while not text.is_complete(line):
            line += "\n" + (yield "")
        failures: list[CommandLineError] = []
        for level in self._levels():
            try:
                parsed, form = self._parse_configuration(level, line)
            except CommandLineError as error:
                failures.append(error)
                continue
            self._take(level, parsed, form)
            return
        self._fail(max(failures, key=lambda failure: failure.column), line.split("\n")[0])

    def write_memory(self) -> list[str]:
        """`write memory`: hand the configuration to whoever keeps it."""
        if self.save is None:
            raise CommandError("% There is no storage to write the configuration to")
        self.save(body(self.store.configuration))
        return ["Building configuration...", "[OK]"]

    # -- help and completion -------------------------------------------------------------------

    def help(self, text: str) -> str:
        """What `?` prints behind `text`; "" where a question is open or a command runs."""
        if self._dialogue is not None or self._pages or self.busy:
            return ""
        return help_text(text, self._mode, self.privileged, self.width)

    def complete(self, text: str) -> list[str]:
        """Keywords that the last, unfinished word of `text` may become."""
        if self._dialogue is not None or self._pages or self.busy:
            return []
        return completions(text, self._mode, self.privileged)

    @property
    def _mode(self) -> str | None:
        return None if self._path is None else self.store.configuration.mode(self._path)

    # -- log messages --------------------------------------------------------------------------

    def _log(self, line: LogLine) -> None:
        settings = self.store.router.logging
        if not self.monitor and not (settings.console and line.severity <= settings.console_level):
            return
        router = self.router
        utc = router.wall_time(line.time)
        clock = self.store.router.clock
        text = syslog.format_line(line, utc, clock, authoritative=router.clock_is_set)
        self.write(f"{text}\n")
