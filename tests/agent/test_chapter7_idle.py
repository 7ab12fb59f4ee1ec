"""Idle timers of IPsec SAs (guide chapter 7), by the data plane's counters."""

from __future__ import annotations

from dataclasses import replace

import pytest
from configs import PORTS, both, router
from routers import Pair, Site, make_pair

IDLE = "crypto ipsec security-association idle-time"


def sas(site: Site) -> int:
    return len(list(site.router.agent._plane.crypto.sad))


def ike_sas(site: Site) -> int:
    return sum(not view.deleted for view in site.router.agent._plane.crypto.engine.isakmp_sas())


def pings(pair: Pair, count: int = 1) -> str:
    return pair.ping(pair.a, "192.168.2.1", "192.168.1.1", count).marks


def one_sided(extra: str) -> Pair:
    """A with `extra`, B without: what happens at B, A has told it."""
    return make_pair((router("one", 1, 2, extra=extra), router("two", 2, 1)), (PORTS, PORTS))


@pytest.mark.parametrize("seconds", [60, 600])
def test_silent_sas_go_on_time_and_take_the_ike_sa_with_them(seconds: int) -> None:
    pair = one_sided(f"{IDLE} {seconds}")
    assert pings(pair, 5) == ".!!!!"
    pair.run(seconds - 1)
    assert (sas(pair.a), ike_sas(pair.a)) == (1, 1)
    pair.run(2 + seconds / 60)
    assert [sas(pair.a), ike_sas(pair.a), sas(pair.b), ike_sas(pair.b)] == [0, 0, 0, 0]
    assert pings(pair, 2) == ".!", "the next packet sets it up again"


def test_without_the_command_silence_does_nothing() -> None:
    pair = make_pair(both(), (PORTS, PORTS))
    assert pings(pair, 5) == ".!!!!"
    pair.run(3000)
    assert [sas(pair.a), ike_sas(pair.a)] == [1, 1]


@pytest.mark.parametrize("direction", ["both ways", "inbound only"])
def test_any_traffic_keeps_an_sa(direction: str) -> None:
    """Either direction counts: what comes in without an answer too."""
    pair = one_sided(f"{IDLE} 60")
    assert pings(pair, 5) == ".!!!!"
    for _ in range(6):
        pair.run(45)
        if direction == "both ways":
            pings(pair)
        else:  # nobody is at .77: it is lost behind A
            pair.ping(pair.b, "192.168.1.77", "192.168.2.1", 1)
        assert sas(pair.a) == 1
    pair.run(65)
    assert sas(pair.a) == 0


def test_a_changed_idle_time_is_for_sas_that_are_there_too() -> None:
    pair = one_sided("")
    assert pings(pair, 5) == ".!!!!"
    agent = pair.a.router.agent
    pair.run(100)
    agent.configure(replace(agent.config, idle_time=120))
    pair.run(10)
    assert sas(pair.a) == 1
    pair.run(25)
    assert sas(pair.a) == 0


def test_dead_peer_detection_is_no_traffic() -> None:
    extra = f"{IDLE} 60\ncrypto isakmp keepalive 10 periodic"
    pair = make_pair(both(extra=extra), (PORTS, PORTS))
    assert pings(pair, 5) == ".!!!!"
    pair.run(63)
    assert [sas(pair.a), ike_sas(pair.a)] == [0, 0]
