"""EXEC mode: where its commands are declared."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Final, TypeVar

from ipsecplane.ios.commandset import ExecCommand
from ipsecplane.ios.grammar import compile_grammar
from ipsecplane.ios.matcher import Candidate

F = TypeVar("F", bound=Callable[..., Any])


class ExecMode:
    """All EXEC commands; user EXEC has those that are not privileged."""

    def __init__(self) -> None:
        self.prefixes: dict[str, str] = {}
        self.commands: list[ExecCommand] = []

    def explain(self, helps: str) -> None:
        """Give the help of leading keywords, one `keywords: help` a line."""
        for row in helps.strip().splitlines():
            words, _, text = row.partition(":")
            self.prefixes[" ".join(words.split())] = text.strip()

    def command(self, text: str, *helps: str, privileged: bool = False) -> Callable[[F], F]:
        """Declare a command; the function takes (session, args) and returns lines to print."""

        def declare(function: F) -> F:
            grammar = compile_grammar(text, helps, prefixes=self.prefixes)
            self.commands.append(ExecCommand(grammar, function, privileged))
            return function

        return declare

    def candidates(self, privileged: bool) -> list[Candidate[ExecCommand]]:
        return [Candidate(c, c.grammar) for c in self.commands if privileged or not c.privileged]


EXEC: Final = ExecMode()
EXEC.explain("""
    show: Show running system information
    show ip: IP information
    show crypto: Encryption module
    show crypto isakmp: Show ISAKMP
    show crypto ipsec: Show IPSEC policy
    show crypto engine: Show crypto engine info
    show crypto engine connections: Show crypto engine connection configuration
    clear: Reset functions
    show crypto ipsec client: Show Client Status
    show crypto pki: Show PKI information
    clear crypto: Encryption subsystem
    clear crypto ipsec: Clear IPSEC
    clear crypto ipsec client: Client
    crypto: Encryption related commands
    crypto ipsec: IPSEC commands
    crypto ipsec client: Client
    crypto ipsec client ezvpn: Easy VPN client
    debug: Debugging functions (see also 'undebug')
    debug crypto: Cryptographic subsystem
    undebug: Disable debugging functions (see also 'debug')
    undebug crypto: Cryptographic subsystem
    no: Disable debugging informations
    no debug: Debugging functions
    no debug crypto: Cryptographic subsystem
    terminal: Set terminal line parameters
    terminal no: Negate a command or set its defaults
    clock: Manage the system clock
    configure: Enter configuration mode
    write: Write running configuration
""")
