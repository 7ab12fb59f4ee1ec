"""`ipsecplane agent`: one router in real time. `ipsecplane switch`: its pipeline alone.

Only argparse here; what a command needs is imported when it runs.
"""

from __future__ import annotations

import argparse
import signal
import sys
from collections.abc import Callable, Iterable, Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from ipsecplane.cli import OK, CommandError

from ipsecsim.commands import clear_errors

if TYPE_CHECKING:
    from ipsecplane.ios.session import Session

    from ipsecsim.live.router import LiveOptions, LiveRouter

Subparsers = argparse._SubParsersAction  # its only name


def register_agent(commands: Subparsers[argparse.ArgumentParser]) -> None:
    parser = commands.add_parser(
        "agent", help="run one router in real time on this machine's network interfaces"
    )
    parser.add_argument("config", type=Path, metavar="CONFIG", help="its running-config")
    parser.add_argument(
        "--map",
        action="append",
        default=[],
        metavar="INTERFACE=DEVICE",
        dest="interfaces",
        help="plug an interface of CONFIG into a network interface (repeat; needs CAP_NET_RAW)",
    )
    parser.add_argument(
        "--pipeline",
        default="embedded",
        metavar="KIND",
        help="embedded (default), bmv2, or grpc://HOST:PORT[/DEVICE] with --map INTERFACE=PORT",
    )
    parser.add_argument(
        "--accelerator",
        default="software",
        metavar="KIND",
        help="software (default), or rtl: the SystemVerilog, compiled by Verilator",
    )
    parser.add_argument(
        "--trace", type=Path, metavar="FILE", help="waveforms of rtl, FILE.fst or FILE.vcd"
    )
    parser.add_argument(
        "--accelerator-device",
        metavar="DEVICE",
        help="the network interface that is cabled to the accelerator port of a grpc:// pipeline",
    )
    parser.add_argument(
        "--grpc",
        metavar="HOST:PORT",
        help="offer the embedded switch's P4Runtime there, to p4runtime-shell for instance",
    )
    parser.add_argument("--console", action="store_true", help="EXEC lines from standard input")
    parser.add_argument("--script", type=Path, metavar="FILE", help="EXEC lines to begin with")
    parser.add_argument("--seed", type=int, help="for tests: keys and cookies that repeat")
    parser.add_argument("--pcap", type=Path, metavar="DIR", help="a pcapng per network interface")
    parser.add_argument(
        "--keys",
        type=Path,
        metavar="DIR",
        help="a Wireshark configuration folder with the keys of all SAs, in the clear",
    )
    parser.add_argument(
        "--log", action="store_true", help="all log messages, whatever `logging console` says"
    )
    parser.set_defaults(run=agent)


def register_switch(commands: Subparsers[argparse.ArgumentParser]) -> None:
    from ipsecsim.switch import cli

    parser = commands.add_parser(
        "switch", help="run a compiled P4 program in real time, served through P4Runtime"
    )
    cli.add_arguments(parser)
    parser.set_defaults(run=cli.run)


def agent(parsed: argparse.Namespace) -> int:
    """`ipsecplane agent`."""
    from ipsecplane.ios.session import Session
    from ipsecplane.ios.store import ConfigurationStore

    from ipsecsim.live.router import LiveError, LiveRouter

    with clear_errors(), ExitStack() as stack:
        text = parsed.config.read_text()
        script = parsed.script.read_text().splitlines() if parsed.script else []
        store = ConfigurationStore.load(text, str(parsed.config))
        try:
            router = LiveRouter(store.router, _options(parsed))
        except LiveError as error:
            raise CommandError(str(error)) from error
        for note in router.notes():
            print(f"note: {note}", file=sys.stderr)
        session = Session(router.agent, store, console=True, save=parsed.config.write_text)
        session.monitor = parsed.log
        stack.enter_context(router)
        return _serve(router, session, script, parsed.console)


def _serve(router: LiveRouter, session: Session, script: list[str], console: bool) -> int:
    """Until SIGINT or SIGTERM, or until the console is left."""
    from ipsecsim.live.terminal import Keyboard, LineInput, LineTerminal, at_keyboard

    signals: list[int] = []
    interrupts: list[int] = []  # Ctrl-C while a command runs
    introduced: list[bool] = []

    def stop(number: int, frame: object) -> None:
        (interrupts if keyboard and number == signal.SIGINT else signals).append(number)
        router.loop.call_soon(lambda: None)  # wakes it

    def interrupted() -> bool:
        asked = bool(interrupts)
        interrupts.clear()
        return asked

    def stopped() -> bool:
        return bool(signals)

    def ended() -> bool:
        if not introduced and router.agent.ready:
            introduced.append(True)
            _introduce(router)
        terminal.poll()
        return stopped() or terminal.done

    keyboard = console and at_keyboard()
    terminal = LineTerminal(session, sys.stdout, prompt=console and not keyboard)
    terminal.type(script)
    with _signals((signal.SIGINT, signal.SIGTERM), stop):
        if keyboard:
            router.run(lambda: ended() or terminal.idle)
            Keyboard(session, router.loop, stopped, interrupted).run()
            return OK
        source = LineInput(sys.stdin.fileno(), terminal, router.loop) if console else None
        router.run(ended)
        if source is not None:
            source.close()
    return OK


@contextmanager
def _signals(numbers: Iterable[int], handler: Callable[[int, object], None]) -> Iterator[None]:
    kept = {number: signal.signal(number, handler) for number in numbers}
    try:
        yield
    finally:
        for number, previous in kept.items():
            signal.signal(number, previous)


def _introduce(router: LiveRouter) -> None:
    """One line that tells who waits that the router is running."""
    cables = [f"{interface}={where}" for interface, where in router.plugs.items()]
    offered = [f"P4Runtime at {router.served}"] if router.served else []
    print(f"{router.agent.name}: {', '.join(cables + offered)}", file=sys.stderr, flush=True)


def _options(parsed: argparse.Namespace) -> LiveOptions:
    """Raises CommandError for arguments without a shape."""
    from ipsecsim.live.router import LiveOptions

    interfaces: dict[str, str] = {}
    for text in parsed.interfaces:
        interface, equals, device = text.partition("=")
        if not (interface and equals and device):
            raise CommandError(f"--map {text}: write INTERFACE=DEVICE")
        if interface in interfaces:
            raise CommandError(
                f"{interface} is mapped twice, to {interfaces[interface]} and to {device}"
            )
        interfaces[interface] = device
    return LiveOptions(
        interfaces,
        parsed.pipeline,
        parsed.accelerator_device,
        parsed.accelerator,
        parsed.trace,
        parsed.grpc,
        parsed.seed,
        parsed.pcap,
        parsed.keys,
    )
