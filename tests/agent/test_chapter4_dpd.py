"""Dead peer detection with real devices: what the data plane's counters tell IKE."""

from __future__ import annotations

from ipaddress import ip_address

from configs import PORTS, both, router
from ipsecplane.ike.types import IsakmpState
from routers import Pair, Site, make_pair

PEER = ip_address("203.0.113.2")


def pair(keepalive: str, **options: object) -> Pair:
    """A asks, B only answers; the tunnel is up."""
    a, b = both(**options)
    made = make_pair((a.replace("crypto isakmp invalid", f"{keepalive}\ncrypto isakmp invalid"), b),
                     (PORTS, PORTS))  # fmt: skip
    assert made.ping(made.a, "192.168.2.1", "192.168.1.1", 2).marks == ".!"
    return made


def asked(made: Pair, site: Site) -> int:
    return site.router.agent._plane.crypto.engine.statistics.counts.get("dpd_sent", 0)


def live(site: Site) -> list[IsakmpState]:
    return [view.state for view in site.router.agent.isakmp_sas() if not view.deleted]


def idle_times(made: Pair) -> list[int]:
    return [len(ident.sas) for ident in made.a.router.agent.idents()]


def test_on_demand_an_idle_tunnel_to_a_dead_peer_stays() -> None:
    made = pair("crypto isakmp keepalive 10")
    made.wire.set_up(False)
    made.run(600)
    assert asked(made, made.a) == 0
    assert live(made.a) == [IsakmpState.QM_IDLE]


def test_on_demand_traffic_that_is_answered_asks_nothing() -> None:
    made = pair("crypto isakmp keepalive 10 on-demand")
    assert "." not in made.ping(made.a, "192.168.2.1", "192.168.1.1", 2000).marks
    made.run(120)
    assert asked(made, made.a) == 0


def test_on_demand_traffic_without_an_answer_finds_the_peer_dead() -> None:
    made = pair("crypto isakmp keepalive 10")
    made.run(30)
    made.wire.set_up(False)
    began = made.loop.now
    made.ping(made.a, "192.168.2.1", "192.168.1.1", 5)  # one each 2 seconds
    assert asked(made, made.a) == 5
    made.run(2)
    assert live(made.a) == []
    assert made.loop.now - began < 13
    assert "%CRYPTO-5-SESSION_STATUS: Crypto tunnel is DOWN.  Peer 203.0.113.2:500" in (
        made.log(made.a)
    )
    assert idle_times(made) == [0]
    assert live(made.b) == [IsakmpState.QM_IDLE], "it was not asked to look"


def test_without_the_command_a_dead_peer_is_not_noticed() -> None:
    made = pair("!")
    made.wire.set_up(False)
    made.ping(made.a, "192.168.2.1", "192.168.1.1", 30)
    assert live(made.a) == [IsakmpState.QM_IDLE]
    assert "SESSION_STATUS" not in made.log(made.a)


def test_periodic_finds_an_idle_peer_dead() -> None:
    made = pair("crypto isakmp keepalive 10 periodic")
    made.wire.set_up(False)
    made.run(21)
    assert live(made.a) == []
    assert idle_times(made) == [0]


def test_when_the_last_peer_is_dead_the_first_is_tried_again() -> None:
    """Stateless failover over a list of two, of which only the second is there at first."""
    made = make_pair(
        (
            router(
                "one",
                1,
                2,
                peers=("203.0.113.9", "203.0.113.2"),
                extra="crypto isakmp keepalive 10 periodic",
            ),
            router("two", 2, 1),
        ),
        (PORTS, PORTS),
    )
    crypto = made.a.router.agent._plane.crypto
    (entry,) = crypto.spd.entries.values()
    assert crypto.negotiations.current_peer(entry) == ip_address("203.0.113.9")
    run = made.ping(made.a, "192.168.2.1", "192.168.1.1", 120)
    assert run.marks.endswith("!!!!!!!!!!")
    assert crypto.negotiations.current_peer(entry) == PEER
    made.wire.set_up(False)
    made.run(25)
    assert live(made.a) == []
    assert crypto.negotiations.current_peer(entry) == ip_address("203.0.113.9")


def test_clear_crypto_session_by_address_and_port() -> None:
    for words, ends in (
        ("local 203.0.113.1", True),
        ("local 203.0.113.7", False),
        ("remote 203.0.113.2", True),
        ("remote 203.0.113.2 port 500", True),
        ("remote 203.0.113.2 port 4500", False),
        ("local 203.0.113.1 port 500 remote 203.0.113.2", True),
        ("", True),
    ):
        made = pair("!")
        assert made.command(made.a, f"clear crypto session {words}".strip()) == ""
        made.run(0.1)
        assert (live(made.a) == []) == ends, words
        assert (idle_times(made) == [0]) == ends, words
        assert (live(made.b) == []) == ends, f"{words}: the peer is told"


def test_crypto_logging_session_tells_of_both_directions() -> None:
    made = pair("crypto logging session")
    up = "%CRYPTO-5-SESSION_STATUS: Crypto tunnel is UP  .  Peer 203.0.113.2:500"
    down = "%CRYPTO-5-SESSION_STATUS: Crypto tunnel is DOWN.  Peer 203.0.113.2:500"
    assert made.log(made.a).count(up) == 1
    assert down not in made.log(made.a)
    made.command(made.a, "clear crypto session")
    assert made.log(made.a).count(down) == 1
    assert "SESSION_STATUS" not in made.log(made.b)
