"""The command line: `ipsecplane COMMAND …`, whatever packages bring the commands.

A command is an entry point of the group `ipsecplane.commands`: a function that takes argparse's
subparsers, adds its own and sets its default `run`, a function of the parsed arguments that returns
the exit code. So the host knows nothing of the simulation that adds `run`, `console` and `check`.
"""

from __future__ import annotations

import argparse
import io
import os
import sys
from collections.abc import Callable, Sequence
from importlib.metadata import EntryPoint, PackageNotFoundError, entry_points, version
from typing import Any, Final

PACKAGE: Final = "ipsecplane"
GROUP: Final = "ipsecplane.commands"

OK: Final = 0
FAILED: Final = 1  # what was asked for was done, and did not turn out as expected
WRONG_INPUT: Final = 2  # arguments, files, configurations
NO_TARGET: Final = 3  # a device that is not there
INTERRUPTED: Final = 130  # by a signal
NOBODY_READS: Final = 141  # what reads our output is gone: it did not come to its end

_EXIT_CODES: Final = f"""\
exit codes:
  {OK}    done, and as expected
  {FAILED}    done, and not as expected
  {WRONG_INPUT}    wrong arguments, files or configurations
  {NO_TARGET}    a device that cannot be had
  {INTERRUPTED}  ended by a signal
  {NOBODY_READS}  ended because nobody reads the output
"""

Register = Callable[["argparse._SubParsersAction[argparse.ArgumentParser]"], None]


class CommandError(Exception):
    """Ends a command: the text goes to stderr, `code` is the exit code."""

    def __init__(self, message: str, code: int = WRONG_INPUT) -> None:
        super().__init__(message)
        self.code = code


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one command line; returns the exit code (argparse exits by itself on usage errors)."""
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="replace")  # a terminal without check marks is no reason
    parser = _parser()
    parsed = parser.parse_args(arguments)
    run: Callable[[Any], int] = parsed.run
    try:
        return run(parsed)
    except CommandError as error:
        print(error, file=sys.stderr)
        return error.code
    except KeyboardInterrupt:
        return INTERRUPTED
    except BrokenPipeError:
        # Whoever read our output is gone; keep the interpreter's last flush from complaining.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return NOBODY_READS


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="ipsecplane",
        description="A router's hardware IPsec data plane as an executable model.",
        epilog=f"{_EXIT_CODES}\n`ipsecplane COMMAND --help` tells about one of them.",
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--version", action="version", version=f"%(prog)s {_version()}")
    commands = parser.add_subparsers(metavar="COMMAND", required=True)
    for point in sorted(entry_points(group=GROUP), key=lambda point: point.name):
        _register(point, commands)
    return parser


def _version() -> str:
    try:
        return version(PACKAGE)
    except PackageNotFoundError:
        return "(not installed)"


def _register(
    point: EntryPoint, commands: argparse._SubParsersAction[argparse.ArgumentParser]
) -> None:
    try:
        register: Register = point.load()
    except (ImportError, AttributeError) as error:  # one broken command leaves the others usable
        message = f"command {point.name!r} ({point.value}) does not load: {error}"

        def broken(parsed: argparse.Namespace) -> int:
            raise CommandError(message)

        commands.add_parser(point.name, help="(broken)", add_help=False).set_defaults(run=broken)
        return
    register(commands)


if __name__ == "__main__":
    sys.exit(main())
