"""People's tools read what the main job's routers really print, field by field what agents hold.

Genie's iosxe parsers and ntc-templates, at three moments: SAs up, cleared on one side, recovered.
"""

from __future__ import annotations

import io
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import pytest
from ipsecplane.ike.types import IsakmpSaView
from ipsecplane.views import IdentView
from ipsecsim.scenario.loader import load_scenario
from ipsecsim.scenario.model import Step
from ipsecsim.scenario.runner import Runner
from ipsecsim.scenario.transcript import Transcript
from ipsecsim.scenario.world import RunOptions, World
from played import EXAMPLES
from shown import of_isakmp_sa

from tests.ios.parsed import Parsed, expected_ident, expected_sas, genie_parsed_each

pytestmark = pytest.mark.xdist_group("chapter3")
COMMANDS = ("show crypto isakmp sa", "show crypto ipsec sa", "show crypto ipsec sa detail",
            "show crypto map", "show access-lists", "show logging")  # fmt: skip


@dataclass(frozen=True)
class Moment:
    router: str
    outputs: dict[str, str]
    ident: IdentView
    isakmp: Sequence[IsakmpSaView]
    matches: dict[int, int]  # of access list 150


class Photographer(Runner):
    """Keeps what both routers would print after steps that showed SAs on Router B."""

    def __init__(self, world: World) -> None:
        super().__init__(world, Transcript([io.StringIO()]))
        self.moments: list[Moment] = []

    def _step(self, step: Step) -> None:
        super()._step(step)
        if "interface: FastEthernet1/0" not in self._output:
            return
        for name, router in self.world.routers.items():
            (ident,) = router.agent.idents()
            outputs = {command: self._quietly(name, command) for command in COMMANDS}
            matches = dict(router.agent.access_list_matches("150"))
            moment = Moment(name, outputs, ident, router.agent.isakmp_sas(), matches)
            self.moments.append(moment)


@pytest.fixture(scope="module")
def moments() -> list[Moment]:
    scenario = load_scenario(EXAMPLES / "ch03_invalid_spi_recovery")
    with World(scenario, RunOptions()) as world:
        photographer = Photographer(world)
        assert photographer.run().failures == []
    found = photographer.moments
    assert [len(m.ident.sas) for m in found] == [4, 4, 4, 0, 4, 4]
    return found


@pytest.fixture(scope="module")
def genie(moments: list[Moment]) -> list[tuple[Moment, Parsed]]:
    return list(zip(moments, genie_parsed_each([m.outputs for m in moments]), strict=True))


def test_genie_reads_the_isakmp_sas(genie: list[tuple[Moment, Parsed]]) -> None:
    for moment, parsed in genie:
        rows = parsed["show crypto isakmp sa"]["isakmp_stats"]["IPv4"].values()
        found = {
            (
                row["destination"], row["source"], row["session_state"], str(row["conn_id"]),
                row["status"] + (f" ({row['current_status']})" if "current_status" in row else ""),
            )
            for row in rows
        }  # fmt: skip
        assert found == set(map(of_isakmp_sa, moment.isakmp))
    deleted = [m.router for m, _ in genie if any(sa.deleted for sa in m.isakmp)]
    assert deleted[0] == "ipseca-72a"


def test_genie_reads_every_field_of_the_ipsec_sas(genie: list[tuple[Moment, Parsed]]) -> None:
    for moment, parsed in genie:
        ident = moment.ident
        errors = {"send_errors": ident.send_errors, "recv_errors": ident.receive_errors}
        fields = expected_ident(ident) | expected_sas(ident, replay=True) | errors
        if not ident.sas:
            fields["plaintext_mtu"] = ident.path_mtu
        assert parsed["show crypto ipsec sa"] == {
            "interface": {
                ident.interface: {
                    "crypto_map_tag": ident.crypto_map,
                    "local_addr": str(ident.local_address),
                    "ident": {"1": fields},
                }
            }
        }


def test_genie_reads_the_detail(genie: list[tuple[Moment, Parsed]]) -> None:
    for moment, parsed in genie:
        ident = moment.ident
        shown = parsed["show crypto ipsec sa detail"]["interface"][ident.interface]
        found = shown["ident"]["1"]
        fields = expected_ident(ident) | expected_sas(ident, replay=False)
        if not ident.sas:
            fields["plaintext_mtu"] = ident.path_mtu
        assert {name: found[name] for name in fields} == fields
        assert found["pkts_invalid_sa_rcv"] == ident.invalid_sa
        assert found["pkts_no_sa_send"] == ident.no_sa
        assert found["pkts_replay_failed_rcv"] == ident.replay_errors
    last = {m.router: (m.ident.invalid_sa, m.ident.no_sa) for m, _ in genie[-2:]}
    assert last == {"ipseca-71a": (0, 2), "ipseca-72a": (1, 0)}


def test_genie_reads_maps_lists_and_logs(genie: list[tuple[Moment, Parsed]]) -> None:
    for moment, parsed in genie:
        assert "testtag1" in parsed["show crypto map"]["ipv4"]["crypto_map_tag"]
        (entry,) = parsed["show access-lists"]["150"]["aces"].values()
        matched = entry.get("statistics", {}).get("matched_packets", 0)
        assert {int(entry["name"]): matched} == (moment.matches or {10: 0})
    log = [parsed["show logging"]["logs"] for m, parsed in genie if m.router == "ipseca-72a"]
    assert any("%CRYPTO-4-RECVD_PKT_INV_SPI" in line for line in log[-1])


def rows(moments: list[Moment], command: str) -> Iterator[tuple[Moment, list[Parsed]]]:
    parse = pytest.importorskip("ntc_templates.parse", reason="ntc-templates is not installed")
    for moment in moments:
        yield moment, parse.parse_output("cisco_ios", command, moment.outputs[command])


def test_ntc_templates_read_each_sa(moments: list[Moment]) -> None:
    for moment, found in rows(moments, "show crypto ipsec sa detail"):
        ident = moment.ident
        sas = {sa.spi: sa for sa in ident.sas}
        assert len(found) == len(sas) or not sas
        for row in found if sas else ():
            sa = sas.pop(int(row["sa_spi_dec"]))
            assert row["sa_orientation"] == ("inbound" if sa.inbound else "outbound")
            assert row["sa_type"] == {50: "esp", 51: "ah"}[sa.protocol]
            assert row["sa_transform"] == sa.transform
            assert row["sa_conn_id"] == str(sa.conn_id)
            assert row["sa_lifetime_kbytes"] == str(sa.remaining_kilobytes)
            assert row["sa_lifetime_sec"] == str(sa.remaining_seconds)
            assert row["sa_replay_window_size"] == str(sa.replay_window)
            assert row["pkts_encaps"] == str(ident.encaps)
            assert row["pkts_decaps"] == str(ident.decaps)
            assert row["current_peer"] == str(ident.peer)
        assert not sas, "each SA has its row"


def test_ntc_templates_read_the_log(moments: list[Moment]) -> None:
    *_, (_, logged) = (pair for pair in rows(moments, "show logging") if pair[0].ident.invalid_sa)
    (row,) = (row for row in logged if row["mnemonic"] == "RECVD_PKT_INV_SPI")
    assert (row["facility"], row["severity"]) == ("CRYPTO", "4")
    assert "prot=51" in "".join(row["message"])
