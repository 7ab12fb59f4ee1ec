"""The real-time loop keeps its promises to the same users as virtual time."""

from __future__ import annotations

import os
import socket
import threading
import time

from ipsecsim.network.realtime import RealTimeLoop


def test_events_wait_for_their_time() -> None:
    loop = RealTimeLoop()
    ran: list[tuple[str, float]] = []
    started = time.monotonic()
    loop.after(0.06, lambda: ran.append(("late", loop.now)))
    loop.after(0.02, lambda: ran.append(("early", loop.now)))
    assert loop.run_for(0.1) is False
    elapsed = time.monotonic() - started
    assert [name for name, _ in ran] == ["early", "late"]
    assert ran[0][1] >= 0.02
    assert ran[1][1] >= 0.06
    assert elapsed >= 0.1
    loop.close()


def test_stop_ends_the_wait() -> None:
    loop = RealTimeLoop()
    done: list[bool] = []
    loop.after(0.01, lambda: done.append(True))
    assert loop.run_for(30, stop=lambda: bool(done)) is True
    assert loop.now < 10
    loop.close()


def test_other_threads_and_sockets_are_heard() -> None:
    loop = RealTimeLoop()
    here, there = socket.socketpair()
    heard: list[bytes] = []
    threads: list[int] = []
    loop.watch(here, lambda: heard.append(here.recv(100)))

    def elsewhere() -> None:
        there.send(b"datagram")
        loop.call_soon(lambda: threads.append(threading.get_ident()))

    thread = threading.Thread(target=elsewhere)
    thread.start()
    assert loop.run_for(10, stop=lambda: bool(heard and threads))
    thread.join()
    assert heard == [b"datagram"]
    assert threads == [threading.get_ident()]
    loop.unwatch(here)
    here.close()
    there.close()
    loop.close()


def test_close_gives_its_descriptors_back() -> None:
    before = len(os.listdir("/proc/self/fd"))
    for _ in range(5):
        RealTimeLoop().close()
    assert len(os.listdir("/proc/self/fd")) == before
