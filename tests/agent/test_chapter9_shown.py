"""What `show` commands say of tunnels and IPv6, and that people's parsers read it (chapter 9)."""

from __future__ import annotations

import re
import sys
from pathlib import Path

import pytest
from ipsecplane.views import IdentView
from ntc_templates.parse import parse_output
from routers import Pair
from test_tunnels import pair, pings

sys.path.insert(0, str(Path(__file__).parents[1] / "ios"))
from parsed import Parsed, genie_parsed

PROFILE = """crypto keyring ring
 pre-shared-key address ipv6 2001:DB8:FFFF::2/128 key s3cret
crypto isakmp profile prof
 description the other site
 self-identity address ipv6
 keyring ring
 match identity address ipv6 2001:DB8:FFFF::/64
 match identity host domain example.com
crypto isakmp peer address ipv6 2001:DB8:FFFF::2/128
 description B
 set aggressive-mode client-endpoint ipv6 2001:DB8:FFFF::1"""
COMMANDS = (
    "show crypto session", "show crypto session detail", "show crypto ipsec profile",
    "show crypto map", "show ipv6 route", "show ipv6 cef", "show ipv6 interface",
    "show ipv6 interface brief", "show interfaces", "show interfaces stats",
    "show adjacency GigabitEthernet 0/0 detail",
)  # fmt: skip


@pytest.fixture(scope="module")
def made() -> Pair:
    up = pair(
        initiator="a",
        crypto_isakmp_key_s3cret_address_ipv6=PROFILE,
        set_transform=" set transform-set t\n set isakmp-profile prof",
    )
    assert pings(up, count=5) == "!!!!!"
    return up


@pytest.fixture(scope="module")
def shown(made: Pair) -> dict[str, str]:
    return {command: made.command(made.a, command) for command in COMMANDS}


@pytest.fixture(scope="module")
def genie(shown: dict[str, str]) -> Parsed:
    return genie_parsed(shown)


def ident(made: Pair) -> IdentView:
    (found,) = made.a.router.agent.idents()
    return found


def test_session(shown: dict[str, str]) -> None:
    text = shown["show crypto session"]
    assert "Interface: Tunnel0\nProfile: prof\nSession status: UP-ACTIVE\n" in text
    assert "Peer: 2001:DB8:FFFF::2 port 500\n" in text
    assert (
        "IKEv1 SA: local 2001:DB8:FFFF::1/500\n          remote 2001:DB8:FFFF::2/500 Active" in text
    )
    assert "IPSEC FLOW: permit ipv6 ::/0 ::/0\n        Active SAs: 2, origin: crypto map" in text


@pytest.mark.parametrize(
    ("which", "found"),
    [
        ("interface Tunnel0", True), ("interface GigabitEthernet0/0", False),
        ("local 2001:DB8:FFFF::1", True), ("local 2001:DB8:FFFF::2", False),
        ("remote 2001:DB8:FFFF::2 port 500", True), ("remote 2001:DB8:FFFF::2 port 4500", False),
    ],
)  # fmt: skip
def test_one_session(made: Pair, which: str, found: bool) -> None:
    assert ("Tunnel0" in made.command(made.a, f"show crypto session {which}")) is found


def test_vrfs_are_not_supported(made: Pair) -> None:
    for which in ("fvrf red", "ivrf red"):
        assert "VRF red does not exist" in made.command(made.a, f"show crypto session {which}")


def test_a_session_that_is_down() -> None:
    down = pair(seconds=0.0)
    assert "Session status: DOWN\n" in down.command(down.a, "show crypto session")
    assert "Tunnel0 is down" in down.command(down.a, "show ipv6 interface Tunnel0")
    assert "Tunnel0" not in down.command(down.a, "show ipv6 route")


def test_sockets(made: Pair) -> None:
    text = made.command(made.a, "show crypto sockets")
    assert "Number of Crypto Socket connections 1\n" in text
    assert "   Tu0 Peers (local/remote): 2001:DB8:FFFF::1/2001:DB8:FFFF::2\n" in text
    assert "       Local Ident  (addr/plen/port/prot): (::/0/0/0)\n" in text
    assert 'IPSec Profile: "p"\n       Socket State: Open\n' in text
    assert 'Client: "TUNNEL SEC" Profile: "p" Map-name: "Tunnel0-head-0"' in text


def test_crypto_maps_are_made_of_profiles(made: Pair) -> None:
    text = made.command(made.a, "show crypto map tag Tunnel0-head-0")
    assert 'Crypto Map IPv6 "Tunnel0-head-0" 65536 ipsec-isakmp\n\tProfile name: p\n' in text
    assert "\tPeer = 2001:DB8:FFFF::2\n" in text
    assert "permit ipv6 any any sequence 1" in text
    assert "\tInterfaces using crypto map Tunnel0-head-0:\n\t\tTunnel0\n" in text
    assert "Tunnel0" not in made.command(made.a, "show crypto map tag other")


def test_isakmp_peers_and_profiles(made: Pair) -> None:
    peers = made.command(made.a, "show crypto isakmp peers detail")
    assert "Peer: 2001:DB8:FFFF::2 Port: 500 Local: 2001:DB8:FFFF::1\n" in peers
    assert " Phase1 id: 2001:db8:ffff::2\n Desc: B\n" in peers
    assert " Profile: prof\n" in peers
    config = made.command(made.a, "show crypto isakmp peers config")
    assert " Aggressive mode client endpoint: address 2001:db8:ffff::1\n" in config
    profile = made.command(made.a, "show crypto isakmp profile tag prof")
    assert profile.startswith("IKEv1 PROFILE prof\nRef Count = 2\n")
    assert "    ipv6-address 2001:DB8:FFFF::/64\n    host domain example.com\n" in profile
    assert "   keyring(s): ring\n" in profile


def test_only_sas_over_one_version(made: Pair) -> None:
    assert "Tunnel0" in made.command(made.a, "show crypto ipsec sa ipv6")
    assert "No SAs found" in made.command(made.a, "show crypto ipsec sa ipv4")
    assert "No SAs found" in made.command(made.a, "show crypto ipsec sa ipv6 interface Gi0/1")
    assert "#pkts internal err" in made.command(made.a, "show crypto ipsec sa ipv6 detailed")


def test_the_engine(made: Pair) -> None:
    assert "State:  Enabled" in made.command(made.a, "show crypto engine brief")
    assert "installed" in made.command(made.a, "show crypto engine configuration")
    accelerator = made.command(made.a, "show crypto engine accelerator statistic")
    assert re.search(r" 5 packets encrypted +500 bytes encrypted", accelerator)
    assert "Tunnel0" not in made.command(made.a, "show crypto engine connections dropped-packet")
    assert "pregenerated = 0" in made.command(made.a, "show crypto engine connections dh")
    assert "SHA256+AES" in made.command(made.a, "show crypto engine connections active")


def test_ipv6_tables_by_prefix(made: Pair) -> None:
    entry = made.command(made.a, "show ipv6 route 2001:DB8:2::9")
    assert entry.startswith('Routing entry for 2001:DB8:2::/64\n  Known via "static", distance 1')
    assert entry.endswith("    directly connected via Tunnel0\n")
    assert "Route not found" in made.command(made.a, "show ipv6 route 2001:DB8:77::9")
    assert made.command(made.a, "show ipv6 cef 2001:DB8:2::/64").startswith(
        "2001:DB8:2::/64\n  attached to Tunnel0\n"
    )
    static = made.command(made.a, "show ipv6 route static")
    assert "2001:DB8:2::/64" in static
    assert "2001:DB8:1::/64" not in static


def test_adjacencies(made: Pair) -> None:
    assert "IPV6     Tunnel0                   point2point(2)" in made.command(
        made.a, "show adjacency"
    )
    assert "Tunnel0" not in made.command(made.a, "show adjacency link ipv4")
    assert "  2 complete adjacencies of linktype IPV6\n" in made.command(
        made.a, "show adjacency summary"
    )
    b = made.b.router.agent.interfaces()
    mac = next(view.mac for view in b if view.config.name == "GigabitEthernet0/0")
    detail = made.command(made.a, "show adjacency 2001:DB8:FFFF::2 detail")
    assert mac.replace(".", "").upper() in detail
    assert "86DD\n" in detail
    tunnel = made.command(made.a, "show adjacency Tunnel0 detail")
    assert "   5 packets, 500 bytes\n" in tunnel


def test_stats(made: Pair) -> None:
    text = made.command(made.a, "show interface Tunnel0 stats")
    assert "                   Total          5        500          5        500" in text


def test_debug_crypto_engine_packet() -> None:
    made = pair()
    made.command(made.a, "debug crypto engine packet")
    assert "Crypto Engine Packet debugging is on" in made.command(made.a, "show debugging")
    assert pings(made, count=1) == "!"
    made.command(made.a, "undebug all")
    log = made.log(made.a)
    assert log.count("Before encryption: IPv6 packet of 100 octets") == 1
    assert log.count("After decryption: IPv6 packet of 100 octets") == 1
    assert "  0000: 60000000 003C3A" in log  # version 6, 60 octets of ICMPv6
    assert "src 2001:db8:1::1" not in log
    assert pings(made, count=1) == "!"
    assert made.log(made.a) == log


def test_debug_crypto_engine_packet_detail() -> None:
    made = pair()
    made.command(made.a, "debug crypto engine packet detail")
    assert pings(made, count=1) == "!"
    made.command(made.a, "no debug crypto engine packet detail")
    assert "src 2001:db8:1::1, dst 2001:db8:2::1, protocol 58, ttl 255" in made.log(made.a)


def test_debug_crypto_ipsec_with_ipv6_peers() -> None:
    fresh = pair(seconds=0.0)
    fresh.command(fresh.a, "debug crypto ipv6 ipsec")
    fresh.run(5)
    log = fresh.log(fresh.a)
    assert "IPSEC(create_sa): sa created" in log
    assert "local_proxy= ::/0/0/0 (type=6)" in log
    assert "2001:db8:ffff::2" in log


# -- people's parsers ------------------------------------------------------------------------------


def test_genie_reads_sessions(genie: Parsed, made: Pair) -> None:
    sa = ident(made)
    for command in ("show crypto session", "show crypto session detail"):
        session = genie[command]["interface"]["Tunnel0"]
        assert (session["profile"], session["session_status"]) == ("prof", "UP-ACTIVE")
        port = session["peer"]["2001:DB8:FFFF::2"]["port"]["500"]
        ike = port["ike_sa"]["1"]
        assert (ike["local"], ike["remote"]) == ("2001:DB8:FFFF::1", "2001:DB8:FFFF::2")
        flow = port["ipsec_flow"]["permit ipv6 ::/0 ::/0"]
        assert flow["active_sas"] == len(sa.sas)
    assert flow["inbound_pkts_decrypted"] == sa.decaps
    assert flow["outbound_pkts_encrypted"] == sa.encaps
    assert ike["conn_id"] == str(sa.sas[0].isakmp_conn_id)


def test_genie_reads_the_rest(genie: Parsed) -> None:
    profile = genie["show crypto ipsec profile"]["ipsec_profile_name"]["p"]
    assert profile["tranform_sets"]["t"]["transform_set_method"] == "esp-sha256-hmac"
    crypto_map = genie["show crypto map"]["ipv6"]["crypto_map_tag"]["Tunnel0-head-0".lower()]
    assert crypto_map["peer"] == ["2001:DB8:FFFF::2"]
    assert crypto_map["interfaces_crypto_map"]["interfaces"] == ["Tunnel0"]
    routes = genie["show ipv6 route"]["vrf"]["default"]["address_family"]["ipv6"]["routes"]
    assert routes["2001:DB8:2::/64"]["next_hop"]["outgoing_interface"].keys() == {"Tunnel0"}
    prefixes = genie["show ipv6 cef"]["vrf"]["default"]["address_family"]["ipv6"]["prefix"]
    assert "Tunnel0" in prefixes["2001:DB8:2::/64"]["nexthop"]["attached"]["outgoing_interface"]
    interface = genie["show ipv6 interface"]["Tunnel0"]
    assert (interface["oper_status"], interface["mtu"]) == ("up", 1406)
    assert interface["ipv6"]["2001:DB8:1001::1/64"]["status"] == "valid"
    brief = genie["show ipv6 interface brief"]["interface"]["Tunnel0"]
    assert brief["ipv6_addresses"] == ["2001:DB8:1001::1"]
    tunnel = genie["show interfaces"]["Tunnel0"]
    assert (tunnel["line_protocol"], tunnel["tunnel_protocol"]) == ("up", "IPSEC/IPV6")
    assert (tunnel["tunnel_profile"], tunnel["tunnel_transport_mtu"]) == ("p", 1406)
    assert (tunnel["counters"]["in_pkts"], tunnel["counters"]["out_octets"]) == (5, 500)
    assert genie["show interfaces stats"]["Tunnel0"]["switching_path"]["total"]["pkts_in"] == 5


def test_genie_reads_adjacencies(genie: Parsed, made: Pair) -> None:
    """Everything that left by the interface went to this one neighbour, or was the host's own."""
    found = genie["show adjacency GigabitEthernet 0/0 detail"]
    assert (found["protocol"], found["interface"]) == ("IPV6", "GigabitEthernet0/0")
    assert found["address"] == "2001:DB8:FFFF::2(0)"
    assert (found["encap_length"], found["encap_str"][-4:]) == (14, "86DD")
    assert (found["link_type_after_encap"], found["adjacency_source"]) == ("ipv6", "IPv6 ND")
    wan = next(v for v in made.a.router.agent.interfaces() if v.config.name == "GigabitEthernet0/0")
    traffic = found["traffic_data"]
    assert (traffic["packets"], traffic["bytes"]) == (wan.output_packets, wan.output_bytes)
    assert traffic["packets"] >= 5


def test_ntc_templates(shown: dict[str, str]) -> None:
    rows = parse_output("cisco_ios", "show ipv6 route", shown["show ipv6 route"])
    assert {"2001:DB8:2::/64", "FF00::/8"} <= {row["network"] for row in rows}
    rows = parse_output(
        "cisco_ios", "show ipv6 interface brief", shown["show ipv6 interface brief"]
    )
    assert rows[0]["interface"] == "Tunnel0"
    rows = parse_output("cisco_ios", "show interfaces", shown["show interfaces"])
    tunnel = next(row for row in rows if row["interface"] == "Tunnel0")
    assert (tunnel["protocol_status"], tunnel["input_packets"]) == ("up", "5")
