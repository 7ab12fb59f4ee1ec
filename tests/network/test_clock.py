"""The event queue: order, ties, cancelling, and timers that are never early."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st
from ipsecsim.network.clock import NANOSECONDS, Alarm, Loop, to_nanoseconds


@given(st.lists(st.integers(0, 50), max_size=40))
def test_events_run_by_time_then_by_order_of_asking(times: list[int]) -> None:
    loop = Loop()
    ran: list[tuple[int, int]] = []
    for index, at in enumerate(times):
        loop.at_ns(at, lambda entry=(at, index): ran.append(entry))  # type: ignore[misc]
    while loop.step():
        pass
    assert ran == sorted((at, index) for index, at in enumerate(times))


@given(st.floats(0, 1e6, allow_nan=False))
def test_a_deadline_in_seconds_is_reached_when_its_event_runs(seconds: float) -> None:
    ns = to_nanoseconds(seconds)
    assert ns / NANOSECONDS >= seconds
    assert abs(ns / NANOSECONDS - seconds) < 2e-9


def test_run_until_goes_exactly_there_and_not_past_later_events() -> None:
    loop = Loop()
    ran: list[float] = []
    for at in (0.5, 1.0, 1.5):
        loop.at(at, lambda: ran.append(loop.now))
    assert loop.run_until(1.0) is False
    assert (loop.now, ran) == (1.0, [0.5, 1.0])
    assert loop.next_event_ns() == 1_500_000_000


def test_stop_leaves_time_at_the_event_that_satisfied_it() -> None:
    loop = Loop()
    seen: list[int] = []
    for at in range(1, 5):
        loop.at(at, lambda at=at: seen.append(at))  # type: ignore[misc]
    assert loop.run_until(10, stop=lambda: len(seen) == 2) is True
    assert loop.now == 2.0


def test_a_cancelled_timer_does_not_run_and_past_times_mean_now() -> None:
    loop = Loop()
    loop.run_until(3)
    ran: list[str] = []
    loop.at(1, lambda: ran.append("late"))
    cancelled = loop.after(1, lambda: ran.append("cancelled"))
    cancelled.cancel()
    loop.run_until(10)
    assert ran == ["late"]
    assert not cancelled.pending


class Metronome:
    """Wants to be called every 0.1 s, by a float that is not exact in binary."""

    def __init__(self, beats: int) -> None:
        self.beats = beats
        self.called: list[float] = []
        self._deadline: float | None = 0.1

    def next_timeout(self) -> float | None:
        return self._deadline

    def handle_timeout(self, now: float) -> None:
        assert self._deadline is not None
        assert now >= self._deadline
        self.called.append(now)
        self._deadline = self._deadline + 0.1 if len(self.called) < self.beats else None


def test_an_alarm_drives_a_machine_without_drift() -> None:
    loop, machine, moved = Loop(), Metronome(100), []
    alarm = Alarm(loop, machine, lambda: moved.append(loop.now))
    alarm.rearm()
    loop.run_until(60)
    assert len(machine.called) == len(moved) == 100
    assert machine.called[-1] == pytest.approx(10.0, abs=1e-6)


def test_rearming_replaces_the_timer() -> None:
    loop, machine = Loop(), Metronome(1)
    alarm = Alarm(loop, machine, lambda: None)
    alarm.rearm()
    machine._deadline = 5.0
    alarm.rearm()
    loop.run_until(1)
    assert machine.called == []
    loop.run_until(5)
    assert machine.called == [5.0]
