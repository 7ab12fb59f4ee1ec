"""NAT keepalives: who sends them, when, and what they are."""

from __future__ import annotations

from dataclasses import replace
from itertools import pairwise

import pytest
from ipsecplane.config import Keepalive
from ipsecplane.ike.types import Datagram, IkeConfig

from tests.ike.test_nat import Nat, natted
from tests.ike.world import A, B, World


class Watch(Nat):
    """The NAT of `natted`, which notes the keepalives that A and B send."""

    def __init__(self) -> None:
        super().__init__()
        self.times: dict[str, list[float]] = {"a": [], "b": []}

    def __call__(self, datagram: Datagram, wire: World) -> list[Datagram]:
        if datagram.payload == b"\xff":
            self.times["a" if datagram.local == A else "b"].append(wire.now)
        return super().__call__(datagram, wire)

    @property
    def gaps(self) -> list[float]:
        return [after - before for before, after in pairwise(self.times["a"])]


def world(seconds: int, **more: object) -> tuple[World, Watch]:
    """A behind a NAT, keepalives configured on both sides."""

    def configured(config: IkeConfig) -> IkeConfig:
        return replace(config, nat_keepalive=seconds, **more)  # type: ignore[arg-type]

    wire = natted(change_b=configured)
    configure(wire, seconds, **more)
    watch = Watch()
    wire.tap = watch
    wire.initiate(wire.a, wire.a.engine._runtime.config.phase2[0])
    wire.run(1)
    return wire, watch


def configure(wire: World, seconds: int, **more: object) -> None:
    config = replace(wire.a.engine._runtime.config, nat_keepalive=seconds, **more)  # type: ignore[arg-type]
    wire.a.engine.reconfigure(config, wire.now)


def traffic(wire: World, *, received: bool = False, sent: bool = False) -> None:
    wire.a.engine.traffic(
        A, B, 4500, received=received, sent=sent, since=wire.now - 1, now=wire.now
    )


def test_one_octet_from_the_port_of_the_tunnel_when_nothing_else_moves() -> None:
    wire, watch = world(20)
    wire.run(200)
    assert 10 <= len(watch.times["a"]) <= 11
    last = wire.sent[-1]
    assert (last.payload, last.local_port, last.remote_port) == (b"\xff", 4500, 4500)
    assert wire.b.engine.statistics.counts["nat_keepalives"] == len(watch.times["a"])


def test_who_is_not_behind_the_nat_sends_none() -> None:
    wire, watch = world(20)
    wire.run(200)
    assert watch.times["b"] == []
    assert not wire.b.engine.watches_traffic
    assert wire.a.engine.watches_traffic


def test_jitter_takes_five_per_cent_at_most() -> None:
    wire, watch = world(100)
    wire.run(3000)
    assert all(95 - 1e-6 <= gap <= 100 for gap in watch.gaps)
    assert len({round(gap, 3) for gap in watch.gaps}) > 20, "each interval has its own"
    assert max(watch.gaps) - min(watch.gaps) > 2.5


@pytest.mark.parametrize(("received", "sent"), [(True, False), (False, True), (True, True)])
def test_none_while_there_is_traffic_either_way(received: bool, sent: bool) -> None:
    wire, watch = world(5)
    for _ in range(60):
        wire.run(1)
        traffic(wire, received=received, sent=sent)
    assert watch.times["a"] == []
    wire.run(5)
    assert len(watch.times["a"]) == 1


def test_ike_messages_count_as_traffic() -> None:
    wire, watch = world(30, keepalive=Keepalive(10, periodic=True))
    wire.run(300)
    assert watch.times["a"] == []


def test_a_changed_interval_counts_once_the_running_one_is_over() -> None:
    wire, watch = world(100)
    wire.run(10)
    configure(wire, 5)
    wire.run(80)
    assert watch.times["a"] == []
    wire.run(40)
    assert 90 < watch.times["a"][0] < 102
    assert all(gap <= 5 for gap in watch.gaps)
    configure(wire, 0)
    count = len(watch.times["a"])
    wire.run(100)
    assert len(watch.times["a"]) == count
    configure(wire, 10)
    wire.run(25)
    assert len(watch.times["a"]) == count + 2


def test_they_end_with_the_ike_sa() -> None:
    wire, watch = world(10)
    wire.a.engine.delete_isakmp(None, wire.now)
    wire.flush()
    wire.run(100)
    assert watch.times["a"] == []


def test_none_without_a_nat() -> None:
    wire = natted()
    configure(wire, 10)
    wire.tap = None
    config = replace(wire.b.engine._runtime.config)
    key = replace(config.keys[0], network=wire.a.engine._runtime.config.keys[0].network)
    policy = replace(config.phase2[0], peers=(A,))
    wire.b.engine.reconfigure(
        replace(config, keys=(replace(key, network=type(key.network)(str(A))),), phase2=(policy,)),
        wire.now,
    )
    wire.initiate(wire.a, wire.a.engine._runtime.config.phase2[0])
    wire.run(100)
    assert wire.a.live()
    assert [d for d in wire.sent if d.payload == b"\xff"] == []
