"""Every `show` command that Genie (iosxe) or ntc-templates has a parser for, read by it.

What the parsers make of a router's output is what its agent holds. A command without a parser is
named here, and so is a parser that cannot read ours, with the reason; a new `show` command, or a
new parser, fails until it has its place. IPv6 tunnels, QoS counters and SAs that come and go are
compared in test_chapter9_shown.py, test_chapter8_commands.py and scenario/test_parsed.py.
"""

from __future__ import annotations

import os
import re
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

import ntc_templates
import pytest
from ipsecplane.ike import certificates
from ipsecplane.ios.commands import load_commands
from ipsecplane.ios.commands.exec_mode import EXEC
from ipsecplane.ios.loader import load_running_config
from ipsecplane.ios.session import Session
from ipsecplane.ios.store import ConfigurationStore
from ipsecplane.views import IdentView
from ntc_templates.parse import parse_output
from textfsm import clitable

from tests.agent.configs import PORTS
from tests.agent.pki import imported
from tests.agent.routers import Pair, make_pair
from tests.ios.parsed import GENIE, Parsed, expected_ident, expected_sas, genie_parsed_each

CONFIG = """hostname {name}
service timestamps log datetime msec
logging buffered 100000 debugging
ipv6 unicast-routing
{pki}
class-map match-all voice
 match dscp ef
policy-map out
 class voice
  priority percent 10
 class class-default
  bandwidth remaining percent 50
crypto isakmp policy 10
 encryption aes 256
 hash sha256
 group 14
crypto isakmp keepalive 10
crypto ipsec transform-set strong esp-aes 256 esp-sha256-hmac
crypto ipsec profile prof
 set transform-set strong
crypto map wan 10 ipsec-isakmp
 set peer 203.0.113.{peer}
 set transform-set strong
 match address 101
interface GigabitEthernet0/0
 ip address 203.0.113.{own} 255.255.255.0
 ipv6 address 2001:db8::{own}/64
 crypto map wan
 service-policy output out
interface GigabitEthernet0/1
 ip address 192.168.{own}.1 255.255.255.0
ip route 0.0.0.0 0.0.0.0 203.0.113.{peer}
ipv6 route ::/0 2001:db8::{peer}
access-list 101 permit ip 192.168.{own}.0 0.0.0.255 192.168.{peer}.0 0.0.0.255
ipv6 access-list six
 permit tcp 2001:db8:1::/48 any eq 22
 deny ipv6 any any
end
"""

# A tunnel instead of the crypto map, for `show crypto sockets`: Genie reads but one session a peer.
TUNNEL = """interface Tunnel0
 ip address 10.255.0.{own} 255.255.255.0
 tunnel source GigabitEthernet0/0
 tunnel destination 203.0.113.{peer}
 tunnel mode ipsec ipv4
 tunnel protection ipsec profile prof
end
"""

WAN, PEER = "GigabitEthernet0/0", "203.0.113.2"
NOTHING: Final = ("",)
INTERFACE = ("", f" {WAN}")

FORMS: Final = {
    "show access-lists": ("", " 101"),
    "show adjacency": ("", " detail"),
    "show adjacency summary": NOTHING,
    "show class-map": ("", " voice"),
    "show clock": ("", " detail"),
    "show crypto dynamic-map": NOTHING,
    "show crypto engine accelerator": NOTHING,
    "show crypto engine brief": NOTHING,
    "show crypto engine configuration": NOTHING,
    "show crypto engine connections active": NOTHING,
    "show crypto engine connections dh": NOTHING,
    "show crypto engine connections dropped-packet": NOTHING,
    "show crypto ipsec client ezvpn": NOTHING,
    "show crypto ipsec profile": NOTHING,
    "show crypto ipsec sa": (
        "", " detail", f" interface {WAN}", f" peer {PEER}", f" peer {PEER} detail", " map wan",
        " address", " identity", " ipv4", " ipv6 detailed",
    ),
    "show crypto ipsec security-association lifetime": NOTHING,
    "show crypto ipsec transform-set": NOTHING,
    "show crypto isakmp key": NOTHING,
    "show crypto isakmp peers": ("", f" {PEER}", " config", " detail"),
    "show crypto isakmp policy": NOTHING,
    "show crypto isakmp profile": NOTHING,
    "show crypto isakmp sa": ("", " detail"),
    "show crypto map": ("", f" interface {WAN}", " tag wan"),
    "show crypto pki certificates": ("", " lab"),
    "show crypto pki trustpoints": NOTHING,
    "show crypto session": tuple(
        which + detail
        for which in ("", f" interface {WAN}", " local 203.0.113.1", f" remote {PEER}")
        for detail in ("", " detail")
    ),
    "show crypto sockets": NOTHING,
    "show debugging": NOTHING,
    "show history": NOTHING,
    "show interfaces": ("", f" {WAN}", " stats", f" {WAN} stats"),
    "show ip access-lists": ("", " 101"),
    "show ip interface": INTERFACE,
    "show ip interface brief": NOTHING,
    "show ip route": ("", " static", " 192.168.2.1"),
    "show ip traffic": NOTHING,
    "show ip virtual-reassembly": INTERFACE,
    "show ipv6 access-list": ("", " six"),
    "show ipv6 cef": ("", " ::/0"),
    "show ipv6 interface": INTERFACE,
    "show ipv6 interface brief": NOTHING,
    "show ipv6 route": ("", " static", " 2001:db8:9::9"),
    "show logging": NOTHING,
    "show policy-map": ("", " out"),
    "show policy-map interface": ("", f" {WAN}", f" {WAN} output", f" {WAN} output class voice"),
    "show running-config": ("", f" interface {WAN}"),
    "show version": NOTHING,
}  # fmt: skip
"""All `show` commands of the grammar, by their words before the first choice; what follows them."""

COMMANDS: Final = [command + form for command, forms in FORMS.items() for form in forms]

WITHOUT_GENIE: Final = frozenset({
    "show adjacency", "show clock detail", "show crypto dynamic-map",
    "show crypto engine accelerator", "show crypto engine brief",
    "show crypto engine configuration", "show crypto engine connections active",
    "show crypto engine connections dh", "show crypto engine connections dropped-packet",
    "show crypto ipsec client ezvpn", "show crypto ipsec sa map wan",
    "show crypto ipsec sa address", "show crypto ipsec sa identity", "show crypto ipsec sa ipv4",
    "show crypto ipsec security-association lifetime", "show crypto ipsec transform-set",
    "show crypto isakmp key", "show crypto isakmp peers", "show crypto isakmp peers detail",
    f"show crypto isakmp peers {PEER}", "show crypto isakmp policy", "show crypto isakmp profile",
    f"show crypto map interface {WAN}", "show crypto map tag wan", "show debugging",
    "show history", "show running-config",
})  # fmt: skip
"""Commands that Genie has no parser for."""

UNREADABLE: Final = {
    "show crypto ipsec sa ipv6 detailed": "that of a release with `initiator`, without window size",
    "show crypto isakmp peers config": "a layout of its own, with the policy of each peer",
    f"show crypto session interface {WAN}": "Genie calls its own parser wrongly",
    "show ip traffic": "wants statistics of TCP, OSPF, IGMP, PIM, EIGRP, which are not here",
    "show ip virtual-reassembly": "Genie takes it for that of IPv6",
    "show version": "wants a release of IOS XE, and we are none",
}
"""Parsers of Genie that refuse ours, and why."""

NTC_UNREADABLE: Final = {
    "show interfaces stats": "the template is that of `show interfaces`",
    f"show interfaces {WAN} stats": "the template is that of `show interfaces`",
    f"show running-config interface {WAN}": "the template knows no `crypto map`",
    "show adjacency summary": "the template is that of `show adjacency`",
    **{
        f"show policy-map interface{form}": "the template is that of `show policy-map`"
        for form in FORMS["show policy-map interface"]
    },
    "show ip route 192.168.2.1": "the template is that of the whole table",
    "show ipv6 route 2001:db8:9::9": "the template is that of the whole table",
}


def configs(text: str) -> tuple[str, str]:
    one, two = (
        text.format(name=name, own=own, peer=3 - own, pki=imported(name))
        for name, own in (("one", 1), ("two", 2))
    )
    return one, two


@dataclass(frozen=True)
class Shown:
    made: Pair
    outputs: dict[str, str]

    @property
    def agent(self) -> Any:
        return self.made.a.router.agent

    @property
    def ident(self) -> IdentView:
        (found,) = self.agent.idents()
        return found


@pytest.fixture(scope="module")
def shown() -> Shown:
    one, two = configs(CONFIG)
    made = make_pair((one, two), (PORTS, PORTS))
    assert made.ping(made.a, "192.168.2.1", "192.168.1.1").marks == ".!!!!"
    store = ConfigurationStore(*load_running_config(one))
    session = Session(made.a.router.agent, store)
    outputs = {}
    for command in COMMANDS:
        session.submit(command)
        outputs[command] = session.read()
    return Shown(made, outputs)


@pytest.fixture(scope="module")
def genie(shown: Shown) -> Parsed:
    """All parses, of those that Genie has a parser for and that can be read."""
    readable = {c: t for c, t in shown.outputs.items() if c not in {*WITHOUT_GENIE, *UNREADABLE}}
    text = CONFIG.replace(" crypto map wan\n", "").replace("end\n", TUNNEL)
    tunnels = make_pair(configs(text), (PORTS, PORTS))
    tunnels.run(5)
    sockets = tunnels.command(tunnels.a, "show crypto sockets")
    crypto_map, tunnel = genie_parsed_each([readable, {"show crypto sockets": sockets}])
    return crypto_map | {"tunnel's sockets": tunnel["show crypto sockets"]}


def test_every_show_command_is_here() -> None:
    load_commands()
    texts = [re.sub(r"\$\w+", "", command.grammar.text) for command in EXEC.commands]
    words = {text.partition("[")[0].strip() for text in texts if text.startswith("show ")}
    assert words == FORMS.keys()


def test_no_command_is_refused(shown: Shown) -> None:
    assert [command for command, text in shown.outputs.items() if "% " in text[:9]] == []


def test_what_genie_has_no_parser_for(shown: Shown) -> None:
    if not GENIE.exists():
        pytest.skip("Genie is not installed")
    parsed = genie_parsed_each([shown.outputs], strict=False)[0]
    assert {c for c, found in parsed.items() if "unknown" in found} == WITHOUT_GENIE
    assert {c for c, found in parsed.items() if "error" in found} == UNREADABLE.keys()


def test_genie_reads_ipsec_sas(shown: Shown, genie: Parsed) -> None:
    ident = shown.ident
    errors = {"send_errors": ident.send_errors, "recv_errors": ident.receive_errors}
    expected = expected_ident(ident) | expected_sas(ident, replay=True)
    for command in ("", f" peer {PEER}"):
        found = genie[f"show crypto ipsec sa{command}"]["interface"][WAN]
        assert found["ident"]["1"] == expected | errors
    brief = genie[f"show crypto ipsec sa interface {WAN}"]["interface"][WAN]["ident"]["1"]
    for field in ("peer_ip", "pkts_encaps", "pkts_decaps", "path_mtu", "current_outbound_spi"):
        assert brief[field] == expected[field]
    detailed = expected_ident(ident) | expected_sas(ident, replay=False)
    for command in (" detail", f" peer {PEER} detail"):
        found = genie[f"show crypto ipsec sa{command}"]["interface"][WAN]["ident"]["1"]
        wanted = detailed if command == " detail" else expected_ident(ident)
        assert {field: found[field] for field in wanted} == wanted


def test_genie_reads_isakmp_sas(shown: Shown, genie: Parsed) -> None:
    (sa,) = shown.agent.isakmp_sas()
    (row,) = genie["show crypto isakmp sa"]["isakmp_stats"]["IPv4"].values()
    assert (row["source"], row["destination"]) == (str(sa.local), str(sa.remote))
    (row,) = genie["show crypto isakmp sa detail"]["isakmp_stats"]["IPv4"].values()
    assert (row["c_id"], row["local_ip"], row["remote_ip"]) == (
        sa.conn_id, str(sa.local), str(sa.remote),
    )  # fmt: skip
    assert (row["encr_algo"], row["hash_algo"], row["auth_type"]) == ("aes", "sha256", "rsig")
    assert (row["dh_group"], row["capabilities"]) == (sa.policy.group, sa.capabilities)


def test_genie_reads_sessions(shown: Shown, genie: Parsed) -> None:
    ident = shown.ident
    (sa,) = shown.agent.isakmp_sas()
    flow = "permit ip 192.168.1.0/255.255.255.0 192.168.2.0/255.255.255.0"
    for command in ("show crypto session", "show crypto session detail",
                    "show crypto session local 203.0.113.1"):  # fmt: skip
        session = genie[command]["interface"][WAN]
        assert session["session_status"] == "UP-ACTIVE"
        port = session["peer"][PEER]["port"][str(sa.remote_port)]
        assert port["ipsec_flow"][flow]["active_sas"] == len(ident.sas)
    found = genie[f"show crypto session remote {PEER} detail"]["interfaces"][WAN]
    assert found["phase_id"] == sa.peer_identity.value
    assert (found["IKEv1"]["connid"], found["IKEv1"]["capabilities"]) == (sa.conn_id, "D")
    (counted,) = found["ipsec_flow"].values()
    assert counted["flow"] == flow
    assert counted["inbound"]["decrypted"] == ident.decaps
    assert counted["outbound"]["encrypted"] == ident.encaps
    assert counted["inbound"]["life_in_kb"] == ident.sas[0].remaining_kilobytes
    for command in (f"remote {PEER}", f"interface {WAN} detail", "local 203.0.113.1 detail"):
        assert WAN in str(genie[f"show crypto session {command}"])


def test_genie_reads_certificates(shown: Shown, genie: Parsed) -> None:
    trustpoint = shown.agent.config.trustpoints["lab"]
    own = certificates.load(trustpoint.certificate)
    root = certificates.load(trustpoint.authorities[0])

    def date(at: datetime) -> str:
        return f"{at:%H:%M:%S} UTC {at:%b} {at.day} {at.year}"

    for command in ("show crypto pki certificates", "show crypto pki certificates lab"):
        found = genie[command]["trustpoints"]["lab"]["associated_trustpoints"]
        for kind, one, usage in (
            ("certificate", own, "General Purpose"),
            ("ca_certificate", root, "Signature"),
        ):
            (read,) = found[kind]
            assert int(read["serial_number_in_hex"], 16) == one.serial_number
            assert (read["status"], read["usage"]) == ("Available", usage)
            assert read["issuer"] == {"cn": "Lab CA", "o": "ipsecplane"}
            assert read["validity_date"] == {
                "start_date": date(one.not_valid_before_utc),
                "end_date": date(one.not_valid_after_utc),
            }
    assert found["certificate"][0]["subject"] == {"cn": "one", "o": "ipsecplane"}
    trusted = genie["show crypto pki trustpoints"]["trustpoints"]["lab"]
    assert int(trusted["serial_number_in_hex"], 16) == root.serial_number
    assert trusted["issuing_ca"]["subject"] == {"cn": "Lab CA", "o": "ipsecplane"}


def test_genie_reads_crypto_configuration(shown: Shown, genie: Parsed) -> None:
    crypto_map = genie["show crypto map"]["ipv4"]["crypto_map_tag"]["wan"]
    assert PEER in str(crypto_map)
    (name,) = shown.agent.config.ipsec_profiles
    profile = genie["show crypto ipsec profile"]["ipsec_profile_name"][name]
    assert profile["security_association_lifetime"] == "4608000 kilobytes/3600 seconds"
    assert profile["tranform_sets"].keys() == {"strong"}
    assert genie["show crypto sockets"]["socket_connections"]["total_socket_connections"] == 0
    sockets = genie["tunnel's sockets"]["socket_connections"]
    assert sockets["total_socket_connections"] == 1
    assert sockets["Tu0"]["peers"] == {"local_ip": "203.0.113.1", "remote_ip": PEER}


def test_genie_reads_access_lists(shown: Shown, genie: Parsed) -> None:
    matches = shown.agent.access_list_matches("101")
    for command in ("show access-lists", "show ip access-lists"):
        for form in FORMS[command]:
            (ace,) = genie[command + form]["101"]["aces"].values()
            assert {int(ace["name"]): ace["statistics"]["matched_packets"]} == matches
            assert ace["actions"]["forwarding"] == "permit"
            assert "192.168.1.0 0.0.0.255" in ace["matches"]["l3"]["ipv4"]["source_network"]
    for form in FORMS["show ipv6 access-list"]:
        ssh, rest = genie[f"show ipv6 access-list{form}"]["six"]["aces"].values()
        assert ssh["matches"]["l3"]["ipv6"]["source_network"].keys() == {"2001:DB8:1::/48"}
        assert ssh["matches"]["l4"]["tcp"]["destination_port"]["operator"]["port"] == 22
        assert rest["actions"]["forwarding"] == "deny"


def test_genie_reads_interfaces(shown: Shown, genie: Parsed) -> None:
    view = next(v for v in shown.agent.interfaces() if v.config.name == WAN)
    for command in ("show interfaces", f"show interfaces {WAN}"):
        found = genie[command][WAN]
        assert (found["oper_status"], found["mac_address"]) == ("up", view.mac)
        assert found["ipv4"]["203.0.113.1/24"]["ip"] == "203.0.113.1"
        counters = found["counters"]
        assert counters["in_pkts"] == view.input_packets
        assert counters["out_octets"] == view.output_bytes
    for command in ("show interfaces stats", f"show interfaces {WAN} stats"):
        total = genie[command][WAN]["switching_path"]["total"]
        assert (total["pkts_in"], total["chars_out"]) == (view.input_packets, view.output_bytes)
    for command in ("show ip interface", f"show ip interface {WAN}"):
        found = genie[command][WAN]
        assert (found["mtu"], found["input_features"]) == (1500, ["IPSec", "MCI Check"])
    for command in ("show ipv6 interface", f"show ipv6 interface {WAN}"):
        assert "2001:DB8::1/64" in genie[command][WAN]["ipv6"]
    brief = genie["show ip interface brief"]["interface"]
    assert brief.keys() == {WAN, "GigabitEthernet0/1"}
    assert brief[WAN]["ip_address"] == "203.0.113.1"
    six = genie["show ipv6 interface brief"]["interface"][WAN]["ipv6_addresses"]
    assert "2001:DB8::1" in six
    written = genie[f"show running-config interface {WAN}"]["interfaces"][WAN]
    assert written["ipv4"]["ip"] == "203.0.113.1"
    vfr = genie[f"show ip virtual-reassembly {WAN}"]
    limits = vfr["virtual_fragment_reassembly_information"][WAN]["in"]
    assert (limits["max_reassemblies"], limits["max_fragments"]) == (16, 32)


def test_genie_reads_routes(shown: Shown, genie: Parsed) -> None:
    routes = list(shown.agent.routes())
    for family, version in (("ipv4", 4), ("ipv6", 6)):
        word = "ip" if version == 4 else "ipv6"
        found = genie[f"show {word} route"]["vrf"]["default"]["address_family"][family]["routes"]
        ours = {str(r.prefix).upper() for r in routes if r.prefix.version == version}
        assert found.keys() - {"FF00::/8"} == ours
        static = genie[f"show {word} route static"]["vrf"]["default"]["address_family"][family]
        assert [r["source_protocol"] for r in static["routes"].values()
                if r["source_protocol"] == "static"]  # fmt: skip
    entry = genie["show ip route 192.168.2.1"]["entry"]["0.0.0.0/0"]
    assert (entry["known_via"], entry["distance"]) == ("static", "1")
    entry = genie["show ipv6 route 2001:db8:9::9"]["entry"]["::/0"]
    assert (entry["known_via"], entry["paths"]["1"]["fwd_ip"]) == ("static", "2001:DB8::2")
    for form in FORMS["show ipv6 cef"]:
        prefixes = genie[f"show ipv6 cef{form}"]["vrf"]["default"]["address_family"]["ipv6"]
        assert "2001:DB8::2" in prefixes["prefix"]["::/0"]["nexthop"]
    (adjacency,) = shown.agent.adjacencies()
    detail = genie["show adjacency detail"]
    assert (detail["interface"], detail["address"]) == (WAN, f"{PEER}({adjacency.routes})")
    assert detail["encap_str"] == adjacency.rewrite.hex().upper()
    traffic = detail["traffic_data"]
    assert (traffic["packets"], traffic["bytes"]) == (adjacency.packets, adjacency.bytes)
    summary = genie["show adjacency summary"]["adjacencies_summary"]
    assert summary["complete_adjacencies"] == 1


def test_genie_reads_quality_of_service(genie: Parsed) -> None:
    for form in FORMS["show class-map"]:
        assert "dscp" in str(genie[f"show class-map{form}"]["class_maps"]["voice"])
    for form in FORMS["show policy-map"]:
        policy = genie[f"show policy-map{form}"]["policy_map"]["out"]["class"]
        assert policy["voice"]["priority_percent"] == 10
        assert policy["class-default"]["bandwidth_remaining_percent"] == 50
    for form in FORMS["show policy-map interface"]:
        direction = genie[f"show policy-map interface{form}"][WAN]["service_policy"]["output"]
        voice = direction["policy_name"]["out"]["class_map"]["voice"]
        assert (voice["packets"], voice["priority"]["percent"]) == (0, 10)


def test_genie_reads_the_rest(shown: Shown, genie: Parsed) -> None:
    assert genie["show clock"]["timezone"] == "UTC"
    assert len(genie["show logging"]["logs"]) == len(shown.agent.logging().lines)


def templates() -> set[str]:
    """The commands of ours that ntc-templates has a template for."""
    folder = os.path.join(os.path.dirname(ntc_templates.__file__), "templates")
    index = clitable.CliTable("index", folder).index
    return {c for c in COMMANDS if index.GetRowMatch({"Command": c, "Platform": "cisco_ios"})}


def rows(shown: Shown, command: str) -> list[Parsed]:
    found: list[Parsed] = parse_output("cisco_ios", command, shown.outputs[command])
    return found


def test_ntc_templates_read_every_command_that_they_know(shown: Shown) -> None:
    known = templates() - NTC_UNREADABLE.keys()
    assert len(known) > 25
    assert {c for c in known if not rows(shown, c)} == set()


def test_ntc_templates_read_what_the_agent_holds(shown: Shown) -> None:
    ident = shown.ident
    found = rows(shown, "show crypto ipsec sa detail")
    assert {int(row["sa_spi_dec"]) for row in found} == {sa.spi for sa in ident.sas}
    (session,) = rows(shown, "show crypto session detail")
    assert session["session_status"] == "UP-ACTIVE"
    own, root = rows(shown, "show crypto pki certificates")
    trustpoint = shown.agent.config.trustpoints["lab"]
    serials = [
        certificates.load(der).serial_number
        for der in (trustpoint.certificate, *trustpoint.authorities)
    ]
    assert [int(row["serial_number"], 16) for row in (own, root)] == serials
    (ace,) = rows(shown, "show access-lists 101")[-1:]
    assert int(ace["matches"] or 0) == shown.agent.access_list_matches("101")[10]
    assert len(rows(shown, "show ipv6 access-list")) == 2
    (adjacency,) = rows(shown, "show adjacency")
    assert adjacency["interface"] == WAN
    assert {row["interface"] for row in rows(shown, "show ip interface")} == {
        WAN, "GigabitEthernet0/1",
    }  # fmt: skip
