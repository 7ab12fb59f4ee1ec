"""The real-time loop keeps its promises to the same users as virtual time."""

from __future__ import annotations

import os
import signal
import socket
import threading
import time

import pytest
from ipsecsim.network.clock import Loop
from ipsecsim.network.paced import PacedLoop
from ipsecsim.network.realtime import RealTimeLoop
from ipsecsim.network.signals import interruptible


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


def test_time_begins_with_the_first_run() -> None:
    loop = RealTimeLoop()
    time.sleep(0.05)
    assert loop.now == 0.0
    seen: list[tuple[float, float]] = []
    started = time.monotonic()
    loop.after(0, lambda: seen.append((loop.now, time.monotonic())))
    loop.run_for(0.01)
    ((now, wall),) = seen
    assert now <= wall - started, "the wait before is no part of it"
    loop.close()


def test_what_is_set_up_while_time_stands_happens_at_one_instant() -> None:
    loop = RealTimeLoop()
    loop.run_for(0.01)
    instants: list[float] = []
    walls: list[float] = []

    def later() -> None:
        instants.append(loop.now)
        walls.append(time.monotonic())

    with loop.standing_still():
        at = loop.now
        time.sleep(0.05)
        loop.call_soon(lambda: instants.append(loop.now))
        loop.after(0, lambda: instants.append(loop.now))
        loop.after(0.001, later)
        assert loop.settle(5, lambda: len(instants) == 2)
        assert not loop.settle(0.02, lambda: len(instants) == 3), "the third is a millisecond away"
        goes_on = time.monotonic()
    assert instants == [at, at]
    loop.run_for(0.01)
    assert instants[2] - at <= walls[0] - goes_on, "time that stood is no part of it"
    loop.close()


def test_an_interrupt_waits_for_the_event_to_end() -> None:
    loop = RealTimeLoop()
    done: list[str] = []

    def event() -> None:
        os.kill(os.getpid(), signal.SIGINT)
        done.append("the event")

    loop.after(0, event)
    loop.after(0, lambda: done.append("the next"))
    with interruptible(loop), pytest.raises(KeyboardInterrupt):
        loop.run_for(10)
    assert done == ["the event"]
    loop.run_for(0)
    assert done == ["the event", "the next"], "nothing is lost"
    loop.close()


def test_an_interrupt_ends_a_wait() -> None:
    loop = RealTimeLoop()
    timer = threading.Timer(0.05, os.kill, (os.getpid(), signal.SIGTERM))
    timer.start()
    started = time.monotonic()
    with interruptible(loop), pytest.raises(KeyboardInterrupt):
        loop.run_for(30)
    assert time.monotonic() - started < 10
    timer.join()
    loop.close()


def test_virtual_time_is_interrupted_too_and_a_second_signal_does_not_wait() -> None:
    loop = Loop()

    def stubborn() -> None:
        os.kill(os.getpid(), signal.SIGINT)
        os.kill(os.getpid(), signal.SIGINT)
        raise AssertionError("not reached")

    loop.after(1, lambda: os.kill(os.getpid(), signal.SIGINT))
    loop.after(2, stubborn)
    before = signal.getsignal(signal.SIGINT)
    with interruptible(loop), pytest.raises(KeyboardInterrupt):
        loop.run_for(10)
    assert loop.now == 1.0
    with interruptible(loop), pytest.raises(KeyboardInterrupt):
        loop.run_for(10)
    assert loop.now == 2.0
    assert signal.getsignal(signal.SIGINT) is before


def record(loop: Loop) -> list[int]:
    """A timer that rearms itself, and one that the other thread would have to wait for."""
    instants: list[int] = []

    def beat() -> None:
        instants.append(loop.now_ns)
        if len(instants) < 50:
            loop.after(1 / 3, beat)

    loop.after(0.1, beat)
    loop.run_until(7.7, stop=lambda: len(instants) == 20)
    loop.run_until(1e4 / 3)
    instants.append(loop.now_ns)
    return instants


def test_a_paced_loop_has_the_instants_of_virtual_time() -> None:
    paced = PacedLoop()
    started = time.monotonic()
    assert record(paced) == record(Loop())
    assert time.monotonic() - started < 5
    paced.close()


def test_a_paced_loop_waits_at_wall_pace_only() -> None:
    loop = PacedLoop()
    started = time.monotonic()
    with loop.at_wall_pace():
        loop.run_for(0.05)
    assert time.monotonic() - started >= 0.05
    at = loop.now
    time.sleep(0.02)
    assert loop.now == at
    loop.run_for(1000)
    assert loop.now == pytest.approx(at + 1000)
    with loop.at_wall_pace():
        loop.run_for(0.01)
    assert at + 1000 < loop.now < at + 1001
    loop.close()
