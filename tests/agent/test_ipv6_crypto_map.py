"""Crypto maps for IPv6 (guide chapter 8): one beside a map for IPv4 on the same interface."""

from __future__ import annotations

import sys
from pathlib import Path

from ipsecplane.ios.session import Session
from routers import Pair, make_pair

sys.path.insert(0, str(Path(__file__).parents[1] / "ios"))
from parsed import genie_parsed

CONFIG = """\
hostname {name}
crypto isakmp policy 1
 authentication pre-share
crypto isakmp key 1234 address ipv6 2001:DB8:FFFF::/64
crypto isakmp key 1234 address 192.0.2.{peer}
crypto ipsec transform-set t esp-aes esp-sha-hmac
crypto map four 10 ipsec-isakmp
 set peer 192.0.2.{peer}
 set transform-set t
 match address 101
crypto map ipv6 six 1 ipsec-isakmp
 set peer address 2001:DB8:FFFF::{peer}
 set transform-set t
 match address 102
interface GigabitEthernet0/0/1
 ip address 192.0.2.{own} 255.255.255.0
 ipv6 address 2001:DB8:FFFF::{own}/64
 crypto map four
 ipv6 crypto map six
interface Loopback0
 ip address 10.0.{own}.1 255.255.255.0
 ipv6 address 2001:DB8:{own}::1/64
ip route 10.0.{peer}.0 255.255.255.0 192.0.2.{peer}
ipv6 route 2001:DB8:{peer}::/64 2001:DB8:FFFF::{peer}
access-list 101 permit ip 10.0.{own}.0 0.0.0.255 10.0.{peer}.0 0.0.0.255
ipv6 access-list 102
 permit ipv6 2001:DB8:{own}::/64 2001:DB8:{peer}::/64
end
"""
PORTS = {"GigabitEthernet0/0/1": 1}


def pair() -> Pair:
    configs = CONFIG.format(name="a", own=1, peer=2), CONFIG.format(name="b", own=2, peer=1)
    return make_pair(configs, (PORTS, PORTS))


def test_each_protects_its_ip_version() -> None:
    world = pair()
    assert world.ping(world.a, "2001:db8:2::1", "2001:db8:1::1", 5).marks == ".!!!!"
    assert world.ping(world.a, "10.0.2.1", "10.0.1.1", 5).marks == ".!!!!"
    esp = [
        frame for _, _, frame, _ in world.frames if frame[12:14] == b"\x86\xdd" and frame[20] == 50
    ]
    assert len(esp) == 8
    printed = world.command(world.a, "show crypto map interface GigabitEthernet0/0/1")
    assert 'Crypto Map IPv4 "four" 10 ipsec-isakmp' in printed
    assert 'Crypto Map IPv6 "six" 1 ipsec-isakmp' in printed
    assert "\tPeer = 2001:DB8:FFFF::2\n" in printed
    assert (
        "\tIPv6 access list 102\n"
        "\t    permit ipv6 2001:DB8:1::/64 2001:DB8:2::/64 sequence 10\n"
        "\tCurrent peer: 2001:DB8:FFFF::2\n"
    ) in printed


def test_show_of_the_interface_and_genie_on_both() -> None:
    world = pair()
    commands = ("show crypto map", "show ipv6 interface", "show ip interface")
    shown = {command: world.command(world.a, command) for command in commands}
    assert "  Input features: IPSec\n  Output features: IPSec" in shown["show ipv6 interface"]
    session = Session(world.a.router.agent)
    for line in (
        "configure terminal", "crypto map ipv6 six 1 ipsec-isakmp", "qos pre-classify",
        "interface GigabitEthernet0/0/1", "no crypto map four", "end",
    ):  # fmt: skip
        session.submit(line)
    assert "IPSec" not in world.command(world.a, "show ip interface"), "IPv4 has no map now"
    assert "\tQOS pre-classification\n" in world.command(world.a, "show crypto map tag six")
    parsed = genie_parsed(shown)
    six = parsed["show crypto map"]["ipv6"]["crypto_map_tag"]["six"]
    assert six["peer"] == ["2001:DB8:FFFF::2"]
    assert six["interfaces_crypto_map"]["interfaces"] == ["GigabitEthernet0/0/1"]
    interface = parsed["show ipv6 interface"]["GigabitEthernet0/0/1"]
    assert (interface["oper_status"], interface["mtu"]) == ("up", 1500)


def test_matches_are_counted_line_by_line() -> None:
    world = pair()
    world.ping(world.a, "2001:db8:2::1", "2001:db8:1::1", 3)
    assert world.command(world.a, "show ipv6 access-list") == (
        "IPv6 access list 102\n"
        "    permit ipv6 2001:DB8:1::/64 2001:DB8:2::/64 (3 matches) sequence 10\n"
    )
    assert "101" not in world.command(world.a, "show ipv6 access-list")
    assert "102" not in world.command(world.a, "show ip access-lists")
