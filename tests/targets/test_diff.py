"""Differences: what is sent ends in the desired state and is harmless at every moment before."""

from __future__ import annotations

import random

from hypothesis import given, settings
from hypothesis import strategies as st
from ipsecplane.targets.diff import Batch, Kind, diff, same
from ipsecplane.targets.tables import by_key, entry
from strategies import Devices, states


@given(states(), states())
def test_batches_lead_to_the_desired_state(before: object, after: object) -> None:
    devices = Devices(before)  # type: ignore[arg-type]
    wanted = by_key(after)  # type: ignore[arg-type]
    for batch in diff(devices.held, wanted):
        for update in batch.updates:
            devices.apply(update)
    assert devices.held == wanted
    assert diff(devices.held, wanted) == []


@given(states(), states(), st.randoms(use_true_random=False))
def test_no_entry_ever_points_to_nothing(before: object, after: object, rng: random.Random) -> None:
    """Within a batch any order will do: a device may take one."""
    devices = Devices(before)  # type: ignore[arg-type]
    for batch in diff(devices.held, by_key(after)):  # type: ignore[arg-type]
        updates = list(batch.updates)
        rng.shuffle(updates)
        for update in updates:
            devices.apply(update)
            devices.check_references()


@given(states(), states())
def test_a_packet_meets_the_old_policy_or_the_new_one(before: object, after: object) -> None:
    devices = Devices(before)  # type: ignore[arg-type]
    old, new = Devices(before), Devices(after)  # type: ignore[arg-type]
    for batch in diff(devices.held, new.held):
        for update in batch.updates:
            devices.apply(update)
            for policy in (1, 2):
                for host in range(4):
                    allowed = {old.decision(policy, host), new.decision(policy, host)}
                    assert devices.decision(policy, host) in allowed


@settings(max_examples=50)
@given(states(), states(), st.randoms(use_true_random=False))
def test_nothing_protected_leaks_whatever_the_order_in_a_batch(
    before: object, after: object, rng: random.Random
) -> None:
    devices = Devices(before)  # type: ignore[arg-type]
    old, new = Devices(before), Devices(after)  # type: ignore[arg-type]
    for batch in diff(devices.held, new.held):
        updates = list(batch.updates)
        rng.shuffle(updates)
        for update in updates:
            devices.apply(update)
            for policy in (1, 2):
                for host in range(4):
                    if devices.decision(policy, host)[0] == "spd_bypass":
                        was, will = old.decision(policy, host), new.decision(policy, host)
                        assert "spd_bypass" in (was[0], will[0])


def test_a_rekey_modifies_the_policy_row_in_place() -> None:
    def state(index: int) -> list[object]:
        return [
            entry("sa_encrypt", {"sa_index": index}, "encrypt", {"epoch": index}),
            entry("sa_out", {"sa_index": index}, "sa_out_data", {"epoch": index}),
            entry("spd_out_v4", {"spd_policy": 1}, "spd_protect", {"sa_index": index}, 9),
        ]

    batches = diff(by_key(state(1)), by_key(state(2)))  # type: ignore[arg-type]
    kinds = [(u.kind, u.entry.table) for b in batches for u in b.updates]
    assert kinds == [
        (Kind.INSERT, "sa_encrypt"),
        (Kind.INSERT, "sa_out"),
        (Kind.MODIFY, "spd_out_v4"),
        (Kind.DELETE, "sa_out"),
        (Kind.DELETE, "sa_encrypt"),
    ]


def test_large_differences_come_in_several_messages() -> None:
    routes = by_key(entry("local_v4", {"dst": number}, "local") for number in range(1, 1502))
    batches = diff({}, routes)
    assert [len(b.updates) for b in batches] == [500, 500, 500, 1]
    assert all(isinstance(b, Batch) for b in batches)


def test_keys_that_a_device_hides_are_no_difference() -> None:
    ours = entry("sa_encrypt", {"sa_index": 1}, "encrypt", {"epoch": 7, "cipher_key": 0x55})
    read = entry("sa_encrypt", {"sa_index": 1}, "encrypt", {"epoch": 7, "cipher_key": 0})
    other = entry("sa_encrypt", {"sa_index": 1}, "encrypt", {"epoch": 8, "cipher_key": 0x55})
    assert same(ours, read)
    assert not same(ours, other)
