"""Dead peer detection with strongSwan: who asks, who answers, who dies."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import replace
from pathlib import Path

import pytest
from ipsecplane.config import Keepalive
from ipsecplane.ike.types import Datagram, IpsecSasDeleted, PeerDead

from tests.interop.strongswan import missing
from tests.interop.test_strongswan_ike import RIGHT, SUITES, Peers

WHY_NOT = missing()
pytestmark = pytest.mark.skipif(WHY_NOT is not None, reason=f"NOT RUN with strongSwan: {WHY_NOT}")


@pytest.fixture
def peers(tmp_path: Path) -> Iterator[Peers]:
    with ExitStack() as stack:
        yield Peers(stack, tmp_path, SUITES[0])


def asking(peers: Peers) -> None:
    """We ask each second; shorter than the command allows, so that the test is too."""
    config = replace(peers.engine._runtime.config, keepalive=Keepalive(1, 1, periodic=True))
    peers.engine.reconfigure(config, peers.pump.now)
    peers.up()


def count(peers: Peers, name: str) -> int:
    return peers.engine.statistics.counts.get(name, 0)


def test_they_answer_us_until_they_die(peers: Peers) -> None:
    asking(peers)
    peers.until(lambda: count(peers, "dpd_sent") == 3)
    assert peers.charon.log.count("N(DPD) ]") >= 2
    assert peers.of(PeerDead) == []
    peers.charon.kill()
    peers.until_event(PeerDead)
    assert peers.of(PeerDead)[0].remote == RIGHT
    assert peers.of(IpsecSasDeleted)
    assert [view.deleted for view in peers.engine.isakmp_sas()] == [True]


def test_a_lost_question_is_repeated_and_answered(peers: Peers) -> None:
    """With the same sequence number: a peer that wants them without gaps is content."""
    asking(peers)
    send, lost = peers.engine.datagrams_to_send, []

    def lossy() -> list[Datagram]:
        sent = send()
        if sent and not lost:
            lost.append(sent.pop())
        return sent

    peers.engine.datagrams_to_send = lossy  # type: ignore[method-assign]
    peers.until(lambda: count(peers, "dpd_sent") == 5)
    assert lost
    assert "invalid DPD sequence" not in peers.charon.log
    assert peers.of(PeerDead) == []


def test_we_answer_them_until_we_die(peers: Peers) -> None:
    peers.charon.load(replace(peers.connection, dpd="1s", dpd_timeout="3s"))
    peers.up()
    peers.until(lambda: peers.charon.log.count("N(DPD_ACK)") >= 3)
    assert "invalid DPD sequence" not in peers.charon.log
    assert peers.charon_shows("ESTABLISHED")
    # From now on nobody reads our sockets.
    deadline = peers.pump.now + 15
    while peers.charon_shows("ESTABLISHED"):
        assert peers.pump.now < deadline, peers.charon.log[-3000:]
    assert "DPD check timed out" in peers.charon.log
