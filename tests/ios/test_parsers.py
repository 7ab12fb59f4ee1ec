"""People's tools read our output: Genie (pyATS) and ntc-templates, field by field against views.

Genie needs an environment of its own, `.venv-genie` with the package genie.libs.parser;
GENIE_PYTHON names another interpreter. Without it its tests are skipped, and say so.
"""

from __future__ import annotations

import json
import os
import subprocess
from collections.abc import Callable
from ipaddress import IPv4Address, IPv4Network
from pathlib import Path
from typing import Any

import pytest
from ios_fakes import FakeRouter, guide_idents, isakmp_sa
from ipsecplane.ike.types import MainModeState
from ipsecplane.ios import syslog
from ipsecplane.ios.session import Session
from ipsecplane.views import IdentView, InterfaceView, RouteView, SaView

ROOT = Path(__file__).parents[2]
GENIE = Path(os.environ.get("GENIE_PYTHON", ROOT / ".venv-genie" / "bin" / "python"))
COMMANDS = (
    "show crypto isakmp sa", "show crypto ipsec sa", "show crypto ipsec sa detail",
    "show crypto map", "show access-lists", "show ip interface brief", "show interfaces",
    "show ip route", "show logging", "show clock",
)  # fmt: skip

Parsed = dict[str, Any]


@pytest.fixture
def outputs(session: Session, router: FakeRouter) -> dict[str, str]:
    router.ident_views = guide_idents()
    router.sas = [
        isakmp_sa(1001, "10.1.1.1", "10.2.2.2", state=MainModeState.MM_NO_STATE, deleted=True),
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
    if not GENIE.exists():
        pytest.skip(f"Genie is not installed: no {GENIE.name} at {GENIE.parent.parent.name}")
    script = Path(__file__).with_name("genie_parse.py")
    done = subprocess.run(
        [GENIE, script], input=json.dumps(outputs), capture_output=True, text=True, check=True
    )
    parsed: Parsed = json.loads(done.stdout)
    assert {c: p["error"] for c, p in parsed.items() if "error" in p} == {}
    return parsed


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


def _expected_sa(sa: SaView, replay: bool) -> Parsed:
    found: Parsed = {
        "transform": sa.transform,
        "in_use_settings": f"{sa.settings}, ",
        "conn_id": sa.conn_id,
        "flow_id": "HW",
        "flow_id_val": sa.flow_id,
        "sibling_flags": "80000040",
        "crypto_map": sa.crypto_map,
        "remaining_key_lifetime": f"({sa.remaining_kilobytes}/{sa.remaining_seconds})",
        "status": "ACTIVE(ACTIVE)",
    }
    if sa.iv_size:
        found["iv_size"] = f"{sa.iv_size} bytes"
    if replay:
        found["replay_detection_support"] = "Y"
    return found


def _expected_sas(ident: IdentView, replay: bool) -> Parsed:
    """By direction and protocol, as both of IOS's layouts list them.

    `detail` says "Y  replay window size: 64", which Genie's pattern of the field does not know.
    """
    groups: Parsed = {}
    for inbound, direction in ((True, "inbound"), (False, "outbound")):
        for protocol, kind in ((50, "esp"), (51, "ah"), (108, "pcp")):
            found = {
                f"0x{sa.spi:X}({sa.spi})": _expected_sa(sa, replay)
                for sa in ident.sas
                if (sa.inbound, sa.protocol) == (inbound, protocol)
            }
            groups[f"{direction}_{kind}_sas"] = {"spi": found} if found else {}
    return groups


def _common(ident: IdentView) -> Parsed:
    def side(which: Any) -> Parsed:
        network = which.network
        return {"addr": str(network.network_address), "mask": str(network.netmask),
                "prot": str(which.protocol), "port": str(which.port)}  # fmt: skip

    return {
        "protected_vrf": "(none)",
        "local_ident": side(ident.local_identity),
        "remote_ident": side(ident.remote_identity),
        "peer_ip": str(ident.peer), "port": ident.peer_port,
        "action": "PERMIT", "acl": ident.flags,
        "pkts_encaps": ident.encaps, "pkts_encrypt": ident.encrypt, "pkts_digest": ident.digest,
        "pkts_decaps": ident.decaps, "pkts_decrypt": ident.decrypt, "pkts_verify": ident.verify,
        "pkts_compressed": 0, "pkts_decompressed": 0, "pkts_not_compressed": 0,
        "pkts_compr_failed": 0, "pkts_not_decompressed": 0, "pkts_decompress_failed": 0,
        "local_crypto_endpt": str(ident.local_address), "remote_crypto_endpt": str(ident.peer),
        "plaintext_mtu": ident.plaintext_mtu, "path_mtu": ident.path_mtu,
        "ip_mtu": ident.media_mtu, "ip_mtu_idb": ident.path_mtu_interface,
        "current_outbound_spi": f"0x{ident.outbound_spi:X}({ident.outbound_spi})",
        "pfs": "N", "dh_group": "none",
    }  # fmt: skip


def test_genie_ipsec_sa_field_by_field(genie: Parsed) -> None:
    (ident,) = guide_idents()
    expected = {
        **_common(ident),
        **_expected_sas(ident, replay=True),
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
    by_reason = {name: found.pop(name) for name in sorted(found) if name not in _common(ident)
                 and not name.endswith("_sas")}  # fmt: skip
    assert found == {**_common(ident), **_expected_sas(ident, replay=False)}
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
