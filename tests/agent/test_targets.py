"""Targets that are not there, go away and come back; agents that restart; refused writes."""

from __future__ import annotations

import pytest
from configs import PORTS, both
from ipsecplane.targets.dependencies import Target
from routers import Pair, Site, make_pair


def tunnel() -> Pair:
    pair = make_pair(both(), (PORTS, PORTS))
    assert pings(pair, 3) == ".!!"
    return pair


def pings(pair: Pair, count: int) -> str:
    return pair.ping(pair.a, "192.168.2.1", "192.168.1.1", count).marks


def sas(site: Site) -> list[int]:
    return [sa.sas.id for sa in site.router.agent._plane.crypto.sad]


def test_a_target_that_is_not_there_is_named_and_tried_again() -> None:
    pair = make_pair(both(), (PORTS, PORTS), start=False)
    pair.a.accelerator.disconnect("not plugged in")
    pair.b.router.start()
    pair.a.router.start()
    pair.run(0.1)
    assert not pair.a.router.agent.ready
    assert (
        "%P4RT-3-TARGET_LOST: accelerator software accelerator: no connection; trying again in 1 s"
        in pair.log(pair.a)
    )
    pair.run(20)
    assert pair.log(pair.a).count("TARGET_LOST") == 1, "one line an outage, not one a try"
    pair.a.accelerator.reconnect(keep_state=True)
    pair.run(31)
    assert pair.a.router.agent.ready
    assert pings(pair, 3) == ".!!"


def test_a_pipeline_that_keeps_its_tables_is_left_alone() -> None:
    pair = tunnel()
    before = sas(pair.a)
    writes = count_writes(pair.a)
    pair.a.pipeline.disconnect("cable pulled")
    assert "TARGET_LOST: pipeline embedded switch: cable pulled" in pair.log(pair.a)
    pair.run(0.5)
    pair.a.pipeline.reconnect(keep_state=True)
    pair.run(2)
    assert pings(pair, 3) == "!!!"
    assert sas(pair.a) == before
    assert writes == [], "everything was there already"


def count_writes(site: Site) -> list[object]:
    """Writes of tables; how digests are to come is told at every start."""
    writes: list[object] = []
    original = site.pipeline.transport.write

    def write(request: object) -> None:
        kinds = {u.entity.WhichOneof("entity") for u in request.updates}  # type: ignore[attr-defined]
        if kinds != {"digest_entry"}:
            writes.append(request)
        original(request)  # type: ignore[arg-type]

    site.pipeline.transport.write = write  # type: ignore[method-assign]
    return writes


def test_a_pipeline_that_restarts_is_programmed_anew_and_its_sas_are_replaced() -> None:
    pair = tunnel()
    before = sas(pair.a)
    pair.a.pipeline.disconnect("power failure")
    pair.run(0.5)
    pair.a.pipeline.reconnect(keep_state=False)
    pair.run(3)
    assert pair.a.router.agent.ready
    assert pings(pair, 3) == "!!!"
    assert sas(pair.a)[0] == before[0], "the SA goes on until its successor is there"
    assert len(sas(pair.a)) == 2, "its replay window is lost, so it has one"


def test_sas_do_not_survive_an_accelerator_that_forgot_their_sequence_numbers() -> None:
    pair = tunnel()
    before = sas(pair.a)
    pair.a.accelerator.disconnect("power failure")
    pair.run(0.5)
    pair.a.accelerator.reconnect(keep_state=False)
    pair.run(3)
    assert not set(sas(pair.a)) & set(before)
    assert pings(pair, 4).endswith("!!!")


def test_what_happens_while_the_accelerator_is_away_is_made_up_for() -> None:
    pair = tunnel()
    pair.a.accelerator.disconnect("busy")
    pair.a.router.agent.clear_sas()
    pair.run(0.2)
    assert pings(pair, 2) == ".."
    assert_no_dangling_rows(pair.a)
    pair.a.accelerator.reconnect(keep_state=True)
    pair.run(31)
    assert pair.a.router.agent.ready
    assert_no_dangling_rows(pair.a)
    assert pings(pair, 3).endswith("!!")


def assert_no_dangling_rows(site: Site) -> None:
    """Every row that is in the devices has what it needs there."""
    from ipsecplane.targets.dependencies import needs, provides

    held = site.router.agent._plane.programmer.current.values()
    given = {provides(entry) for entry in held}
    for entry in held:
        for reference in needs(entry):
            assert reference in given, f"{entry} needs {reference}"


@pytest.mark.parametrize("keep_devices", [True, False])
def test_an_agent_that_restarts_reconciles_instead_of_duplicating(keep_devices: bool) -> None:
    pair = tunnel()
    entries = len(pair.b.router.agent._plane.programmer.current)
    writes = count_writes(pair.b)
    pair.b.router.reboot(keep_devices=keep_devices)
    pair.run(0.1)
    agent = pair.b.router.agent
    assert agent.ready
    if keep_devices:
        assert len(agent._plane.programmer.current) < entries, "the old agent's SAs are removed"
        inserted = sum(
            update.type == 1
            for w in writes
            for update in w.updates  # type: ignore[attr-defined]
        )
        assert inserted == 0, "what is as it should be is not written again"
    # A still has the old SAs: invalid SPI recovery gets it out of the black hole.
    assert pings(pair, 6) == "..!!!!"


def test_a_refused_update_is_named_and_the_rest_goes_on(monkeypatch: pytest.MonkeyPatch) -> None:
    """A device without room: the message says what, the wish stays, and a retry fulfils it."""
    from ipsecplane.targets.diff import Update
    from ipsecplane.targets.session import Session
    from ipsecplane.targets.transport import UpdateFailure

    pair = make_pair(both(), (PORTS, PORTS), start=False)
    original = Session.write
    full = [True]

    def write(self: Session, updates: list[Update]) -> list[tuple[Update, UpdateFailure]]:
        refused = [u for u in updates if full[0] and u.entry.table == "sa_out"]
        allowed = [u for u in updates if u not in refused]
        failed = original(self, allowed) if allowed else []
        return failed + [(u, UpdateFailure(0, 8, "table full")) for u in refused]

    monkeypatch.setattr(Session, "write", write)
    pair.a.router.start()
    pair.b.router.start()
    pair.run(0.1)
    assert pings(pair, 2) == ".."
    log = pair.log(pair.a)
    assert "%P4RT-3-WRITE_FAILED: pipeline: INSERT sa_out[sa_index=1]" in log
    assert "RESOURCE_EXHAUSTED: table full" in log
    assert log.count("WRITE_FAILED") == 1
    assert_no_dangling_rows(pair.a)
    full[0] = False
    pair.run(31)
    assert pair.a.router.agent.ready
    assert pings(pair, 3) == "!!!"


def test_two_agents_on_one_device_the_second_stays_out() -> None:
    from ipsecplane.targets.session import Session, State

    pair = tunnel()
    lost: list[str] = []
    ready: list[bool] = []
    second = Session(
        type(pair.a.pipeline.transport)(pair.a.pipeline.transport._server, 1),
        None,
        clock=lambda: pair.loop.now,
        on_ready=lambda: ready.append(True),
        on_lost=lambda why, retry_in: lost.append(why),
        on_packet=lambda packet: None,
        election_id=0x0FF,
    )
    first = pair.a.router.agent._plane.sessions[Target.PIPELINE]
    assert first.state is State.READY
    second.connect()
    assert second.state is State.READY, "a higher election id takes over"
    assert first.state is State.BACKUP
    assert "another controller is primary (election id 255)" in pair.log(pair.a)
    second.close()
    assert first.state is State.READY, "and when it goes, the first is primary again"
    assert pings(pair, 3) == "!!!"
