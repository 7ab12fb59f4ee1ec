"""What can be wrong with a compiled P4 program, always named by its place in the JSON."""

from __future__ import annotations


class ProgramError(Exception):
    """The bmv2 JSON is malformed; `path` is where, as in `$.actions[3].primitives[0].op`."""

    def __init__(self, path: str, message: str) -> None:
        super().__init__(f"{path}: {message}")
        self.path = path
        self.message = message


class UnsupportedError(ProgramError):
    """The bmv2 JSON uses a construct that this switch does not execute."""


class PacketError(Exception):
    """The program cannot go on with a packet, which is dropped; the text says why."""


class AssertionFailure(PacketError):
    """The packet made the program's own `assert` or `assume` false."""


class EndlessLoop(PacketError):
    """The packet keeps a loop in a parser or an action from ending."""


class Exit(Exception):
    """P4's exit, from inside a loop of an action."""
