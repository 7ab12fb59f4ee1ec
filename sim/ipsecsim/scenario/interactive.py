"""`ipsecplane console`: the routers of a scenario at a terminal.

The network's time is virtual: it jumps while a command runs, so that thirty timeouts of a ping are
over at once, and goes at wall pace while somebody sits at the prompt. With a pipeline that lives in
real time it cannot jump.
"""

from __future__ import annotations

import signal
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Final

from ipsecplane.ios.commandset import CommandError
from ipsecplane.ios.session import Session

from ipsecsim.live.terminal import Keyboard, LineInput, LineTerminal, at_keyboard
from ipsecsim.network.paced import PacedLoop
from ipsecsim.network.realtime import RealTimeLoop
from ipsecsim.network.signals import handled, interruptible
from ipsecsim.scenario.model import Scenario
from ipsecsim.scenario.runner import Runner
from ipsecsim.scenario.switchboard import Switchboard
from ipsecsim.scenario.transcript import Transcript
from ipsecsim.scenario.world import RunOptions, World

_LONG: Final = 3600.0
_GRACE: Final = 0.02  # seconds in which lines that wait already are read before time goes on


def interact(
    scenario: Scenario,
    options: RunOptions,
    router: str | None,
    *,
    at_end: bool,
    save: Path | None = None,
) -> None:
    """Give the prompt of `router` (the first one, if None) on standard input and output.

    It is reached before the timeline begins, or `at_end` of it. `save`: the folder that
    `write memory` puts ROUTER.cfg into; without, it is refused. Raises what World raises.
    """
    world = World(scenario, options, PacedLoop)
    loop = world.loop
    assert isinstance(loop, RealTimeLoop)
    with interruptible(loop), world:
        if at_end:
            _run(world)
        sessions = {
            name: Session(
                world.routers[name].agent,
                world.stores[name],
                console=True,
                save=_saver(name, save),
            )
            for name in world.routers
        }
        board = Switchboard(sessions, router or next(iter(sessions)), loop)
        print(f"Routers: {', '.join(sessions)}. ~? helps, ~. leaves.", flush=True)
        _talk(board, loop)


def _run(world: World) -> None:
    """The timeline, of which only the result is shown."""
    report = Runner(world, Transcript([])).run()
    for failure in report.failures:
        print(failure)
    failed = f"{len(report.failures)} of {report.expectations} expectations failed"
    print(f"The timeline has run; {failed}.")


def _talk(board: Switchboard, loop: RealTimeLoop) -> None:
    """Until whoever is there leaves, or a signal ends it."""
    interrupts: list[int] = []
    stops: list[int] = []
    keyboard = at_keyboard()

    def on_signal(number: int) -> None:
        if number == signal.SIGINT and (keyboard or board.busy):
            interrupts.append(number)
        else:
            stops.append(number)
        loop.call_soon(lambda: None)  # wakes it

    def interrupted() -> bool:
        asked = bool(interrupts)
        interrupts.clear()
        return asked

    with handled(on_signal):
        if keyboard:
            Keyboard(board, loop, lambda: bool(stops), interrupted).run()
        else:
            _take_lines(board, loop, lambda: bool(stops), interrupted)
    if stops:
        raise KeyboardInterrupt


def _take_lines(
    board: Switchboard,
    loop: RealTimeLoop,
    stopped: Callable[[], bool],
    interrupted: Callable[[], bool],
) -> None:
    """Lines from a pipe or a file. No time passes between those that are there already."""
    terminal = LineTerminal(board, sys.stdout, prompt=True)
    source = LineInput(sys.stdin.fileno(), terminal, loop)

    def over() -> bool:
        """Whether the way of waiting is to change."""
        if interrupted():
            board.interrupt()
        terminal.poll()
        return stopped() or terminal.done or board.busy != busy

    try:
        loop.settle(_GRACE, lambda: not terminal.idle)
        while not (stopped() or terminal.done):
            terminal.poll()
            busy = board.busy
            if busy:
                loop.run_for(_LONG, over)
            elif not terminal.done:
                with loop.at_wall_pace():
                    loop.run_for(_LONG, over)
    finally:
        source.close()


def _saver(router: str, folder: Path | None) -> Callable[[str], None]:
    def save(text: str) -> None:
        if folder is None:
            raise CommandError(
                "% The scenario's files are not touched; start with --save FOLDER to keep this"
            )
        path = folder / f"{router}.cfg"
        try:
            folder.mkdir(parents=True, exist_ok=True)
            path.write_text(text, encoding="utf-8")
        except OSError as error:
            raise CommandError(f"%Error writing {path}: {error.strerror}") from error

    return save
