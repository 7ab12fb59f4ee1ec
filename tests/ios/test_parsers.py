"""People's tools read our output: Genie (pyATS) and ntc-templates, field by field against views.

Genie needs an environment of its own, `.venv-genie` with the package genie.libs.parser;
GENIE_PYTHON names another interpreter. Without it its tests are skipped, and say so.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from ipaddress import IPv4Address, IPv4Network

import pytest
from ios_fakes import FakeRouter, guide_idents, isakmp_sa
from ipsecplane.ike.types import IsakmpState
from ipsecplane.ios import syslog
from ipsecplane.ios.session import Session
from ipsecplane.views import InterfaceView, RouteView
from parsed import Parsed, expected_ident, expected_sas, genie_parsed

COMMANDS = (
    "show crypto isakmp sa", "show crypto ipsec sa", "show crypto ipsec sa detail",
    "show crypto map", "show access-lists", "show ip interface brief", "show interfaces",
    "show ip route", "show logging", "show clock", "show ip interface",
)  # fmt: skip


@pytest.fixture
def outputs(session: Session, router: FakeRouter) -> dict[str, str]:
    router.ident_views = guide_idents()
    router.sas = [
        isakmp_sa(1001, "10.1.1.1", "10.2.2.2", state=IsakmpState.MM_NO_STATE, deleted=True),
        isakmp_sa(1002, "10.1.1.1", "10.2.2.2"),
    ]
    router.matches = {"150": {10: 28}}
    router.interface_views = [
        InterfaceView(i, not i.shutdown, not i.shutdown, "02:00:00:00:00:01", 1, 7, 700, 9, 900)
        for i in router.config.interfaces
    ]
    router.route_views = [
        RouteView("C", IPv4Network("10.0.0.0/8"), None, "FastEthernet0/0", 0, 0),
        RouteView("L", IPv4Network("10.1.1.1/32"), None, "FastEthernet0/0", 0, 0),
        RouteView("S", IPv4Network("10.3.0.0/16"), IPv4Address("10.2.0.1"), None, 1, 0),
    ]
    here, there = IPv4Address("10.2.2.2"), IPv4Address("10.1.1.1")
    router.log(syslog.received_invalid_spi(0.739, here, 51, 0x1214F0D, there))
    printed = {}
    for command in COMMANDS:
        session.submit(command)
        printed[command] = session.read()
    return printed


@pytest.fixture
def genie(outputs: dict[str, str]) -> Parsed:
    """What Genie's iosxe parsers make of every output."""
    return genie_parsed(outputs)


def test_genie_isakmp_sa(genie: Parsed) -> None:
    assert genie["show crypto isakmp sa"] == {
        "isakmp_stats": {
            "IPv4": {
                "1": {
                    "destination": "10.2.2.2", "source": "10.1.1.1", "session_state": "MM_NO_STATE",
                    "conn_id": 1001, "status": "ACTIVE", "current_status": "deleted",
                },
                "2": {
                    "destination": "10.2.2.2", "source": "10.1.1.1", "session_state": "QM_IDLE",
                    "conn_id": 1002, "status": "ACTIVE",
                },
            }
        }
    }  # fmt: skip


def test_genie_ipsec_sa_field_by_field(genie: Parsed) -> None:
    (ident,) = guide_idents()
    expected = {
        **expected_ident(ident),
        **expected_sas(ident, replay=True),
        "send_errors": ident.send_errors,
        "recv_errors": ident.receive_errors,
    }
    assert genie["show crypto ipsec sa"] == {
        "interface": {
            ident.interface: {
                "crypto_map_tag": ident.crypto_map,
                "local_addr": str(ident.local_address),
                "ident": {"1": expected},
            }
        }
    }


def test_genie_ipsec_sa_detail_field_by_field(genie: Parsed) -> None:
    (ident,) = guide_idents()
    found = genie["show crypto ipsec sa detail"]["interface"][ident.interface]["ident"]["1"]
    expected = {**expected_ident(ident), **expected_sas(ident, replay=False)}
    by_reason = {name: found.pop(name) for name in sorted(found) if name not in expected}
    assert found == expected
    assert by_reason == {
        "pkts_internal_err_recv": 0, "pkts_internal_err_send": 0,
        "pkts_invalid_identity_recv": ident.invalid_identity, "pkts_invalid_prot_recv": 0,
        "pkts_invalid_sa_rcv": 0, "pkts_no_sa_send": 0, "pkts_not_tagged_send": 0,
        "pkts_not_untagged_rcv": 0, "pkts_replay_failed_rcv": ident.replay_errors,
        "pkts_replay_rollover_rcv": 0, "pkts_replay_rollover_send": 0, "pkts_tagged_send": 0,
        "pkts_untagged_rcv": 0,
        "pkts_verify_failed": 0,  # Genie stores "invalid len" over it under the same name
    }  # fmt: skip


def test_genie_other_commands(genie: Parsed) -> None:
    entry = genie["show crypto map"]["ipv4"]["crypto_map_tag"]["testtag1"]
    assert "10.2.2.2" in json.dumps(entry)
    ace = genie["show access-lists"]["150"]["aces"]["10"]
    assert ace["statistics"]["matched_packets"] == 28
    outside = genie["show ip interface"]["FastEthernet0/0"]
    assert (outside["mtu"], outside["oper_status"]) == (1500, "up")
    assert outside["input_features"] == ["IPSec", "MCI Check"]
    interfaces = genie["show ip interface brief"]["interface"]
    assert interfaces["FastEthernet0/0"]["ip_address"] == "10.1.1.1"
    assert interfaces["Serial1/0"]["status"] == "administratively down"
    counters = genie["show interfaces"]["FastEthernet0/0"]["counters"]
    assert (counters["in_pkts"], counters["out_octets"]) == (7, 900)
    routes = genie["show ip route"]["vrf"]["default"]["address_family"]["ipv4"]["routes"]
    assert {prefix: r["source_protocol"] for prefix, r in routes.items()} == {
        "10.0.0.0/8": "connected",
        "10.1.1.1/32": "local",
        "10.3.0.0/16": "static",
    }
    assert genie["show logging"]["logs"][0].startswith("*Mar 24 20:55:45.739: %CRYPTO-4-RECVD")
    assert genie["show clock"]["timezone"] == "PST"


@pytest.fixture
def ntc(outputs: dict[str, str]) -> Callable[[str], list[Parsed]]:
    parse = pytest.importorskip("ntc_templates.parse", reason="ntc-templates is not installed")

    def parsed(command: str) -> list[Parsed]:
        rows: list[Parsed] = parse.parse_output("cisco_ios", command, outputs[command])
        return rows

    return parsed


def test_ntc_ipsec_sa_detail(ntc: Callable[[str], list[Parsed]]) -> None:
    (ident,) = guide_idents()
    rows = ntc("show crypto ipsec sa detail")
    assert len(rows) == len(ident.sas)
    for row in rows:
        (sa,) = (sa for sa in ident.sas if sa.spi == int(row["sa_spi_dec"]))
        assert row["sa_orientation"] == ("inbound" if sa.inbound else "outbound")
        assert row["sa_type"] == {50: "esp", 51: "ah"}[sa.protocol]
        assert row["sa_transform"] == sa.transform
        assert int(row["sa_conn_id"]) == sa.conn_id
        assert int(row["sa_lifetime_kbytes"]) == sa.remaining_kilobytes
        assert int(row["sa_lifetime_sec"]) == sa.remaining_seconds
        assert int(row["sa_replay_window_size"]) == sa.replay_window
        assert int(row["pkts_encaps"]) == ident.encaps
        assert int(row["pkts_verify_failed"]) == ident.verify_failed
        assert row["current_peer"] == str(ident.peer)


@pytest.mark.parametrize(
    ("command", "rows"),
    [("show ip interface brief", 6), ("show ip route", 3), ("show logging", 1), ("show clock", 1),
     ("show access-lists", 1), ("show interfaces", 6)],
)  # fmt: skip
def test_ntc_other_commands(ntc: Callable[[str], list[Parsed]], command: str, rows: int) -> None:
    assert len(ntc(command)) >= rows
