"""The guide's chapter 3 on its own configurations, through embedded switch and accelerator."""

from __future__ import annotations

from ipaddress import ip_address
from pathlib import Path

import pytest
from ipsecplane.ike.types import IsakmpState
from ipsecplane.views import IdentView, SaView
from routers import Pair, make_pair

EXAMPLE = Path(__file__).resolve().parents[2] / "examples" / "ch03_invalid_spi_recovery"
A_CONFIG = (EXAMPLE / "ipseca-71a.cfg").read_text()
B_CONFIG = (EXAMPLE / "ipseca-72a.cfg").read_text()
PORTS = (
    {"FastEthernet0/0": 1, "FastEthernet0/1": 2},
    {"FastEthernet1/0": 1, "FastEthernet1/1": 2},
)


def guide_pair(recovery: bool = True, seed: int = 1) -> Pair:
    configs = [A_CONFIG, B_CONFIG]
    if not recovery:
        configs = [c.replace("crypto isakmp invalid-spi-recovery\n", "") for c in configs]
        assert "invalid-spi-recovery" not in "".join(configs)
    return make_pair((configs[0], configs[1]), PORTS, seed=seed)


def established(pair: Pair) -> Pair:
    run = pair.ping(pair.a, "10.0.2.2", "10.0.0.1", 11)
    assert run.marks == ".!!!!!!!!!!"  # the packet that asks for the SA is lost
    return pair


def ident(pair: Pair, side: str) -> IdentView:
    (only,) = getattr(pair, side).router.agent.idents()
    return only


def sa(view: IdentView, protocol: int, inbound: bool) -> SaView:
    return next(s for s in view.sas if (s.protocol, s.inbound) == (protocol, inbound))


def test_both_sides_hold_the_bundle_and_their_spis_match_crosswise() -> None:
    pair = established(guide_pair())
    a, b = ident(pair, "a"), ident(pair, "b")
    assert len(a.sas) == len(b.sas) == 4
    for protocol in (50, 51):
        assert sa(a, protocol, True).spi == sa(b, protocol, False).spi
        assert sa(a, protocol, False).spi == sa(b, protocol, True).spi
    assert a.outbound_spi == sa(a, 50, False).spi
    assert (a.encaps, a.encrypt, a.digest) == (a.decaps, a.decrypt, a.verify) == (10, 10, 10)
    assert (b.encaps, b.decaps, b.send_errors, b.receive_errors) == (10, 10, 0, 0)
    assert a.local_address == b.peer == ip_address("10.1.1.1")
    assert sa(a, 51, True).transform == "ah-sha-hmac"
    assert sa(a, 50, True).transform == "esp-des esp-sha-hmac"
    assert [s.conn_id for s in b.sas] == [5121, 5123, 5122, 5124]  # the guide's numbers


def test_what_is_on_the_wire_is_ah_with_esp_inside() -> None:
    pair = established(guide_pair())
    protected = [f for _, _, f, _ in pair.frames if f[12:14] == b"\x08\0" and f[23] == 51]
    assert len(protected) == 20
    for frame in protected:
        assert frame[34] == 50  # AH's next header
    assert not any(f[23] == 1 for _, _, f, _ in pair.frames if f[12:14] == b"\x08\0")


def test_recovery_costs_two_packets_of_thirty() -> None:
    pair = established(guide_pair())
    b = pair.b.router.agent
    old = sa(ident(pair, "b"), 51, True).spi
    b.clear_isakmp()
    b.clear_sas()
    pair.run(0.01)
    assert ident(pair, "b").sas == ()
    assert ident(pair, "b").decaps == 0
    assert [v.state for v in b.isakmp_sas() if v.deleted] == [IsakmpState.MM_NO_STATE]
    assert len(ident(pair, "a").sas) == 4, "A still believes in its SAs: the black hole"

    run = pair.ping(pair.a, "10.0.2.2", "10.0.0.1", 30)
    assert run.marks == ".." + "!" * 28
    assert run.result is not None
    assert (run.result.sent, run.result.received) == (30, 28)
    line = (
        "%CRYPTO-4-RECVD_PKT_INV_SPI: decaps: rec'd IPSEC packet has invalid spi for"
        f" destaddr=10.2.2.2, prot=51, spi=0x{old:X}({old}), srcaddr=10.1.1.1"
    )
    assert pair.log(pair.b).count(line) == 1
    after = ident(pair, "b")
    assert (after.encaps, after.decaps, after.invalid_sa) == (28, 28, 1)
    assert old not in {s.spi for s in after.sas}
    assert [s.conn_id for s in after.sas] == [5125, 5127, 5126, 5128]
    live = [v for v in b.isakmp_sas() if not v.deleted]
    assert [(v.state, v.we_initiated) for v in live] == [(IsakmpState.QM_IDLE, True)]


def test_without_recovery_it_stays_a_black_hole_until_the_lifetime_ends() -> None:
    pair = established(guide_pair(recovery=False))
    old = sa(ident(pair, "a"), 51, False).spi
    b = pair.b.router.agent
    b.clear_isakmp()
    b.clear_sas()
    run = pair.ping(pair.a, "10.0.2.2", "10.0.0.1", 30)
    assert run.marks == "." * 30
    assert pair.log(pair.b).count("RECVD_PKT_INV_SPI") == 1  # one a minute
    assert ident(pair, "b").invalid_sa == 30
    assert sa(ident(pair, "a"), 51, False).spi == old
    assert [v for v in b.isakmp_sas() if not v.deleted] == []
    pair.run(3450)
    assert pair.ping(pair.a, "10.0.2.2", "10.0.0.1", 2).marks == ".."
    pair.run(100)  # the SA carried traffic, so it gets a successor before its time is over
    assert pair.ping(pair.a, "10.0.2.2", "10.0.0.1", 5).marks == "!!!!!"


def test_an_ike_sa_that_is_there_tells_of_the_invalid_spi_even_without_recovery() -> None:
    pair = established(guide_pair(recovery=False))
    b = pair.b.router.agent
    # The peer is not told of these deletions, but its IKE SA stays.
    plane = b._plane
    with plane.working():
        plane.crypto._remove(list(plane.crypto.sad), plane.now)
    run = pair.ping(pair.a, "10.0.2.2", "10.0.0.1", 5)
    assert run.marks == "..!!!"


def test_clear_crypto_sa_tells_the_peer_by_the_ike_sa() -> None:
    pair = established(guide_pair())
    pair.b.router.agent.clear_sas()
    pair.run(0.01)
    assert ident(pair, "a").sas == ()


def test_ipsec_sas_outlive_their_ike_sa() -> None:
    pair = established(guide_pair())
    for site in (pair.a, pair.b):
        site.router.agent.clear_isakmp()
    pair.run(1)
    assert pair.ping(pair.a, "10.0.2.2", "10.0.0.1", 3).marks == "!!!"


def test_a_run_is_reproducible() -> None:
    def frames(seed: int) -> list[tuple[str, int, bytes, str]]:
        pair = established(guide_pair(seed=seed))
        pair.b.router.agent.clear_isakmp()
        pair.b.router.agent.clear_sas()
        pair.ping(pair.a, "10.0.2.2", "10.0.0.1", 5)
        return pair.frames

    assert frames(7) == frames(7)
    assert frames(7) != frames(8)


@pytest.mark.parametrize("side", ["a", "b"])
def test_the_first_interface_has_the_prefix_that_two_share(side: str) -> None:
    """docs/routing.md: the guide gives 10.0.0.0/8 to two interfaces of each router."""
    pair = guide_pair()
    routes = getattr(pair, side).router.agent.routes()
    connected = [(str(r.prefix), r.interface) for r in routes if r.code == "C"]
    assert connected == [("10.0.0.0/8", getattr(pair, side).wan)]
