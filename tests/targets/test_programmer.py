"""The programmer against devices that refuse, lose and come back: consistent, right at last."""

from __future__ import annotations

import random
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st
from ipsecplane.targets.dependencies import Target, target_of
from ipsecplane.targets.diff import Update
from ipsecplane.targets.programmer import LAST_RETRY, Programmer
from ipsecplane.targets.tables import TableEntry, entry
from ipsecplane.targets.transport import TargetUnavailable, UpdateFailure
from strategies import Devices, states


class Codec:
    tables = frozenset(
        {"sa_encrypt", "sa_decrypt", "sa_in", "sa_out", "sad_v4", "interface_in", "interface_out",
         "route_v4", "spd_out_v4"}
    )  # fmt: skip


class FakeSession:
    """Takes updates into a model, references checked; refuses those that `refuse` picks."""

    def __init__(self, target: Target, devices: Devices) -> None:
        self.target = target
        self.devices = devices
        self.ready = True
        self.codec = Codec()
        self.refuse: Any = lambda update: False
        self.gone = False

    def write(self, updates: list[Update]) -> list[tuple[Update, UpdateFailure]]:
        failed = []
        for update in updates:
            if self.gone:
                self.ready = False
                raise TargetUnavailable("gone")
            assert target_of(update.entry.table) is self.target
            if self.refuse(update):
                failed.append((update, UpdateFailure(0, 8, "table full")))
            else:
                self.devices.apply(update)
                self.devices.check_references()
        return failed

    def read_entries(self, tables: list[str]) -> dict[Any, TableEntry]:
        assert {target_of(t) for t in tables} == {self.target}
        return {k: e for k, e in self.devices.held.items() if e.table in tables}


class Bench:
    def __init__(self) -> None:
        self.now = 0.0
        self.devices = Devices()
        self.reports: list[str] = []
        self.sessions = {target: FakeSession(target, self.devices) for target in Target}
        self.programmer = Programmer(
            self.sessions,  # type: ignore[arg-type]
            clock=lambda: self.now,
            report=self.reports.append,
        )

    def pass_time(self) -> None:
        for _ in range(20):
            due = self.programmer.next_timeout()
            if due is None:
                return
            assert due - self.now <= LAST_RETRY
            self.now = due
            self.programmer.handle_timeout(due)


@settings(max_examples=150)
@given(st.lists(states(), min_size=1, max_size=4), st.randoms(use_true_random=False))
def test_refusals_leave_no_dangling_entry_and_are_made_up_for(
    wanted: list[list[TableEntry]], rng: random.Random
) -> None:
    bench = Bench()
    for session in bench.sessions.values():
        session.refuse = lambda update: rng.random() < 0.2
    for state in wanted:
        bench.programmer.want(state)
        bench.programmer.apply()
        bench.devices.check_references()
    for session in bench.sessions.values():
        session.refuse = lambda update: False
    bench.pass_time()
    bench.programmer.apply()
    assert bench.devices.held == {e.key: e for e in wanted[-1]}
    assert bench.programmer.in_step


@settings(max_examples=100)
@given(states(), states(), st.sampled_from(list(Target)))
def test_a_device_that_is_away_leaves_the_other_consistent(
    first: list[TableEntry], second: list[TableEntry], away: Target
) -> None:
    bench = Bench()
    bench.programmer.want(first)
    assert bench.programmer.apply()
    bench.sessions[away].ready = False
    bench.programmer.want(second)
    bench.programmer.apply()
    bench.devices.check_references()
    bench.sessions[away].ready = True
    bench.programmer.read(away)
    assert bench.programmer.apply()
    assert bench.devices.held == {e.key: e for e in second}


@settings(max_examples=50)
@given(states(), st.sampled_from(list(Target)))
def test_a_device_that_restarts_is_filled_again(state: list[TableEntry], lost: Target) -> None:
    bench = Bench()
    bench.programmer.want(state)
    bench.programmer.apply()
    bench.devices.held = {
        k: e for k, e in bench.devices.held.items() if target_of(e.table) is not lost
    }
    gone = bench.programmer.read(lost)
    assert {e.key for e in gone} == {e.key for e in state if target_of(e.table) is lost}
    for session in bench.sessions.values():  # references across devices were lost with it
        session.devices.check_references = lambda: None  # type: ignore[method-assign]
    assert bench.programmer.apply()
    assert bench.devices.held == {e.key: e for e in state}


def test_a_restarted_controller_finds_its_entries_and_writes_only_the_difference() -> None:
    bench = Bench()
    old = [entry("local_v4", {"dst": n}, "local") for n in (1, 2)]
    Codec.tables |= {"local_v4"}
    bench.programmer.want(old)
    bench.programmer.apply()
    again = Programmer(
        bench.sessions,  # type: ignore[arg-type]
        clock=lambda: 0.0,
        report=bench.reports.append,
    )
    for target in Target:
        assert again.read(target) == []
    writes: list[str] = []
    for session in bench.sessions.values():
        session.refuse = lambda update: writes.append(str(update))
    again.want([old[0], entry("local_v4", {"dst": 3}, "local")])
    assert again.apply()
    assert writes == [
        "INSERT local_v4[dst=0.0.0.3] local()",
        "DELETE local_v4[dst=0.0.0.2] local()",
    ]


def test_a_failure_is_reported_once_with_table_entry_and_reason() -> None:
    bench = Bench()
    bench.sessions[Target.PIPELINE].refuse = lambda update: update.entry.table == "interface_out"
    params = {"port": 4, "spd_policy": 0}
    bench.programmer.want([entry("interface_out", {"if_id": 4}, "set_egress", params)])
    assert not bench.programmer.apply()
    bench.pass_time()
    assert bench.reports == [
        "pipeline: INSERT interface_out[if_id=4] set_egress(port=4, spd_policy=0):"
        " RESOURCE_EXHAUSTED: table full"
    ]


def test_an_interface_stays_closed_while_its_policy_is_not_whole() -> None:
    bench = Bench()
    bench.sessions[Target.PIPELINE].refuse = lambda update: update.entry.priority == 7
    params = {"port": 1, "spd_policy": 3}
    bench.programmer.want(
        [
            entry("interface_out", {"if_id": 1}, "set_egress", params),
            entry("spd_out_v4", {"spd_policy": 3}, "spd_acquire", {"policy_entry": 1}, 7),
        ]
    )
    assert not bench.programmer.apply()
    assert bench.devices.held == {}


def test_what_goes_away_in_the_middle_keeps_the_wish() -> None:
    bench = Bench()
    bench.sessions[Target.ACCELERATOR].gone = True
    rows = [
        entry("sa_encrypt", {"sa_index": 1}, "encrypt", {"epoch": 1}),
        entry("sa_out", {"sa_index": 1}, "sa_out_data", {"epoch": 1}),
    ]
    bench.programmer.want(rows)
    assert not bench.programmer.apply()
    assert bench.devices.held == {}
    session = bench.sessions[Target.ACCELERATOR]
    session.gone, session.ready = False, True
    bench.pass_time()
    assert len(bench.devices.held) == 2
