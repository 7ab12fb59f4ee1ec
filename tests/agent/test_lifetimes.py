"""SAs age: successors without loss, the end of those that nobody uses, volume, sequence numbers."""

from __future__ import annotations

from configs import PORTS, both
from routers import Pair, Site, make_pair

SHORT = "crypto ipsec security-association lifetime seconds 120"


def plane_sas(site: Site) -> list[int]:
    return [sa.sas.id for sa in site.router.agent._plane.crypto.sad]


def pings(pair: Pair, count: int = 1, **more: object) -> str:
    return pair.ping(pair.a, "192.168.2.1", "192.168.1.1", count, **more).marks


def test_an_sa_in_use_is_replaced_before_it_expires_without_loss() -> None:
    pair = make_pair(both(extra=SHORT), (PORTS, PORTS))
    assert pings(pair, 2) == ".!"
    lost = 0
    seen: set[int] = set()
    for _ in range(300):
        lost += pings(pair).count(".")
        seen.update(plane_sas(pair.a))
        pair.run(2)
    assert lost == 0
    assert len(seen) >= 5, "600 s of 120 s lifetimes"
    assert len(plane_sas(pair.a)) <= 2
    assert plane_sas(pair.a)
    assert len(plane_sas(pair.b)) == len(plane_sas(pair.a))


def test_the_tables_follow_a_rekey_without_a_dangling_row() -> None:
    pair = make_pair(both(extra=SHORT), (PORTS, PORTS))
    pings(pair, 2)
    for _ in range(30):
        pings(pair)
        pair.run(5)
        for site in (pair.a, pair.b):
            assert site.router.agent.ready


def test_an_sa_that_carried_nothing_gets_no_successor() -> None:
    pair = make_pair(both(extra=SHORT), (PORTS, PORTS))
    assert pings(pair) == "."
    pair.run(1)
    assert len(plane_sas(pair.a)) == 1
    pair.run(125)
    assert plane_sas(pair.a) == plane_sas(pair.b) == []
    assert pings(pair, 2) == ".!"


def test_volume_asks_for_a_successor_and_ends_the_sa() -> None:
    volume = "crypto ipsec security-association lifetime kilobytes 2560"
    pair = make_pair(both(extra=volume), (PORTS, PORTS))
    pings(pair, 2)
    first = plane_sas(pair.a)
    lost = 0
    for _ in range(260):  # 14 kB a ping, each way: 3.6 MB
        lost += pings(pair, 10, size=1400).count(".")
    assert lost == 0
    assert plane_sas(pair.a) != first
    view = pair.a.router.agent.idents()[0]
    assert min(sa.remaining_kilobytes for sa in view.sas) < 2560


def test_both_ends_may_want_a_successor_at_once() -> None:
    pair = make_pair(both(extra=SHORT), (PORTS, PORTS))
    pings(pair, 2)
    for site in (pair.a, pair.b):
        plane = site.router.agent._plane
        with plane.working():
            for sa in plane.crypto.sad:
                plane.crypto.negotiations.rekey(sa, plane.now)
    pair.run(5)
    assert pings(pair, 20) == "!" * 20
    pair.run(60)
    assert pings(pair, 20) == "!" * 20


def test_the_last_sequence_number_is_seen_coming() -> None:
    """The accelerator refuses a number that would repeat; then at the latest comes a successor."""
    pair = make_pair(both(), (PORTS, PORTS))
    pings(pair, 2)
    plane = pair.a.router.agent._plane
    (before,) = plane.crypto.sad
    with plane.working():
        plane.crypto.sequence_exhausted(before.index, plane.now)
    pair.run(1)
    newest = list(plane.crypto.sad)[-1]
    assert newest is not before
    assert newest.outbound
    assert before.superseded
    assert pings(pair, 3) == "!!!"
