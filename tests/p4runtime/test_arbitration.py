"""Client arbitration, case by case as the specification lists them."""

from __future__ import annotations

import pytest
from finsy.proto import U128, p4r
from google.protobuf import any_pb2
from hypothesis import given
from hypothesis import strategies as st
from ipsecsim.p4runtime.arbitration import MAX_CLIENTS, Arbitration
from ipsecsim.p4runtime.errors import Code, P4RuntimeError

DEVICE = 7


def update(
    election: int | None, role: str = "", device: int = DEVICE
) -> p4r.MasterArbitrationUpdate:
    message = p4r.MasterArbitrationUpdate(device_id=device)
    if election is not None:
        message.election_id.CopyFrom(U128.encode(election))
    if role:
        message.role.name = role
    return message


def told(notes: list[tuple[str, p4r.MasterArbitrationUpdate]]) -> dict[str, Code]:
    return {client: Code(note.status.code) for client, note in notes}


@pytest.fixture
def arbitration() -> Arbitration[str]:
    return Arbitration(DEVICE)


def test_the_first_becomes_primary(arbitration: Arbitration[str]) -> None:
    ((client, note),) = arbitration.update("a", update(5))
    assert (client, note.status.code, note.device_id) == ("a", Code.OK, DEVICE)
    assert U128.decode(note.election_id) == 5
    assert arbitration.primary() == "a"


def test_a_higher_election_id_takes_over_and_all_are_told(arbitration: Arbitration[str]) -> None:
    arbitration.update("a", update(5))
    notes = arbitration.update("b", update(9))
    assert told(notes) == {"a": Code.ALREADY_EXISTS, "b": Code.OK}
    assert notes[-1][0] == "b", "the new primary hears last"
    assert {U128.decode(note.election_id) for _, note in notes} == {9}


def test_a_lower_one_is_a_backup_and_only_it_is_told(arbitration: Arbitration[str]) -> None:
    arbitration.update("a", update(5))
    assert told(arbitration.update("b", update(4))) == {"b": Code.ALREADY_EXISTS}
    assert told(arbitration.update("c", update(None))) == {"c": Code.ALREADY_EXISTS}
    assert arbitration.primary() == "a"


def test_without_election_id_nobody_is_primary(arbitration: Arbitration[str]) -> None:
    ((_, note),) = arbitration.update("a", update(None))
    assert note.status.code == Code.NOT_FOUND
    assert not note.HasField("election_id"), "there has been no primary at all"
    with pytest.raises(P4RuntimeError) as caught:
        arbitration.check_writer("", p4r.Uint128())
    assert caught.value.code == Code.PERMISSION_DENIED


def test_the_highest_ever_is_remembered(arbitration: Arbitration[str]) -> None:
    arbitration.update("a", update(9))
    arbitration.update("b", update(5))
    assert told(arbitration.leave("a")) == {"b": Code.NOT_FOUND}
    assert arbitration.primary() is None
    assert told(arbitration.update("b", update(6))) == {"b": Code.NOT_FOUND}
    assert told(arbitration.update("b", update(9))) == {"b": Code.OK}


def test_a_backup_leaves_quietly(arbitration: Arbitration[str]) -> None:
    arbitration.update("a", update(9))
    arbitration.update("b", update(5))
    assert arbitration.leave("b") == []
    assert arbitration.leave("nobody") == []


def test_a_primary_may_step_down(arbitration: Arbitration[str]) -> None:
    arbitration.update("a", update(9))
    arbitration.update("b", update(5))
    notes = arbitration.update("a", update(3))
    assert told(notes) == {"a": Code.NOT_FOUND, "b": Code.NOT_FOUND}


def test_saying_it_again_tells_all(arbitration: Arbitration[str]) -> None:
    arbitration.update("a", update(9))
    arbitration.update("b", update(5))
    assert told(arbitration.update("a", update(9))) == {"b": Code.ALREADY_EXISTS, "a": Code.OK}


def test_roles_are_apart(arbitration: Arbitration[str]) -> None:
    arbitration.update("a", update(9))
    ((_, note),) = arbitration.update("b", update(1, role="watcher"))
    assert (note.status.code, note.role.name) == (Code.OK, "watcher")
    assert sorted(arbitration.primaries()) == ["a", "b"]
    arbitration.check_writer("watcher", U128.encode(1))
    with pytest.raises(P4RuntimeError) as caught:
        arbitration.check_writer("watcher", U128.encode(9))
    assert caught.value.code == Code.PERMISSION_DENIED
    with pytest.raises(P4RuntimeError) as caught:
        arbitration.check_writer("nobody", U128.encode(9))
    assert caught.value.code == Code.NOT_FOUND


def test_streams_that_have_to_end(arbitration: Arbitration[str]) -> None:
    def code(client: str, message: p4r.MasterArbitrationUpdate) -> Code:
        with pytest.raises(P4RuntimeError) as caught:
            arbitration.update(client, message)
        return caught.value.code

    arbitration.update("a", update(9))
    assert code("b", update(9)) == Code.INVALID_ARGUMENT, "the id is taken"
    assert code("a", update(9, role="other")) == Code.FAILED_PRECONDITION
    assert code("a", update(9, device=DEVICE + 1)) == Code.FAILED_PRECONDITION
    with_config = update(10)
    with_config.role.config.CopyFrom(any_pb2.Any(type_url="type.example/config"))
    assert code("c", with_config) == Code.INVALID_ARGUMENT
    for number in range(MAX_CLIENTS - 1):
        arbitration.update(f"n{number}", update(None))
    assert code("last", update(None)) == Code.RESOURCE_EXHAUSTED


@given(
    st.lists(
        st.tuples(st.sampled_from("abcd"), st.one_of(st.none(), st.integers(0, 6)), st.booleans()),
        max_size=40,
    )
)
def test_invariants(events: list[tuple[str, int | None, bool]]) -> None:
    """At most one primary, which has the highest id ever seen; ids are unique among the living."""
    arbitration: Arbitration[str] = Arbitration(DEVICE)
    ids: dict[str, int | None] = {}
    highest: int | None = None
    for client, election, leaves in events:
        if leaves:
            arbitration.leave(client)
            ids.pop(client, None)
        else:
            taken = election is not None and any(
                other != client and value == election for other, value in ids.items()
            )
            if taken:
                with pytest.raises(P4RuntimeError):
                    arbitration.update(client, update(election))
                continue
            arbitration.update(client, update(election))
            ids[client] = election
            if election is not None:
                highest = election if highest is None else max(highest, election)
        owners = [c for c, value in ids.items() if value is not None and value == highest]
        assert arbitration.primary() == (owners[0] if owners else None)
        assert [c for c in ids if arbitration.is_primary(c)] == owners
