"""Ctrl-C and the like, taken between two events of a loop instead of within one."""

from __future__ import annotations

import signal
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from types import FrameType
from typing import Final

from ipsecsim.network.clock import Loop

SIGNALS: Final = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)


@contextmanager
def handled(handler: Callable[[int], None]) -> Iterator[None]:
    """Within, `handler(number)` gets the signals that ask to stop.

    Only the main thread may ask for them; elsewhere, and where they are ignored (nohup), nothing
    changes.
    """
    if threading.current_thread() is not threading.main_thread():
        yield
        return

    def on_signal(number: int, frame: FrameType | None) -> None:
        handler(number)

    kept = {n: signal.getsignal(n) for n in SIGNALS}
    heard = [n for n, before in kept.items() if before is not signal.SIG_IGN]
    for number in heard:
        signal.signal(number, on_signal)
    try:
        yield
    finally:
        for number in heard:
            signal.signal(number, kept[number])


@contextmanager
def interruptible(loop: Loop) -> Iterator[None]:
    """Within, a signal ends the loop's run by KeyboardInterrupt; a second one does so at once."""
    asked = False

    def interrupt(number: int) -> None:
        nonlocal asked
        if asked:
            raise KeyboardInterrupt
        asked = True
        loop.interrupt()

    with handled(interrupt):
        yield
