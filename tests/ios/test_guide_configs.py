"""The guide's two routers (chapter 3): every line loads, means its thing and is shown back."""

from __future__ import annotations

from collections.abc import Callable
from ipaddress import IPv4Address, IPv4Interface, IPv4Network

import pytest
from ipsecplane.config import IsakmpKey, IsakmpPolicy, StaticRoute, TransformSet
from ipsecplane.ios.configuration import body, running_config
from ipsecplane.ios.loader import load_running_config

Text = Callable[[str], str]


@pytest.mark.parametrize("name", ["71a", "72a"])
def test_every_line_is_shown_back_in_its_place(name: str, guide_text: Text) -> None:
    text = guide_text(name)
    configuration, _ = load_running_config(text)
    expected = [line for line in text.splitlines() if line != "!"]
    assert [line for line in body(configuration).splitlines() if line != "!"] == expected


@pytest.mark.parametrize("name", ["71a", "72a"])
def test_the_printed_configuration_loads_to_the_same(name: str, guide_text: Text) -> None:
    configuration, router = load_running_config(guide_text(name))
    printed = running_config(body(configuration))
    again, router_again = load_running_config(printed)
    assert router_again == router
    assert running_config(body(again)) == printed
    assert again == configuration


def test_what_router_a_means(guide_text: Text) -> None:
    _, a = load_running_config(guide_text("71a"))
    assert a.hostname == "ipseca-71a"
    assert a.isakmp_policies == (IsakmpPolicy(1, "DES-CBC", 8, "SHA", "pre-share", 1, 180),)
    assert a.isakmp_keys == (IsakmpKey("1234", IPv4Network("10.2.2.2/32")),)
    assert a.invalid_spi_recovery
    assert a.transform_sets == {
        "auth2": TransformSet("auth2", "HMAC-SHA1-96", "DES-CBC", 8, "HMAC-SHA1-96", False)
    }
    entry = a.crypto_maps["testtag1"].entries[0]
    assert (entry.sequence, entry.peers, entry.transform_sets, entry.match_address) == (
        10,
        (IPv4Address("10.2.2.2"),),
        ("auth2",),
        "150",
    )
    acl = a.access_lists["150"].entries[0]
    assert (acl.sequence, acl.permit, acl.protocol) == (10, True, None)
    assert (acl.source.address, acl.destination.address) == (
        IPv4Address("10.0.0.1"),
        IPv4Address("10.0.2.2"),
    )
    assert a.clock.timezone == "PST"
    assert a.clock.offset_minutes == -480
    assert a.clock.summer_timezone == "PDT"
    assert a.clock.log_localtime
    assert not a.logging.console


def test_overlapping_interfaces_and_a_route_with_host_bits_load(guide_text: Text) -> None:
    _, a = load_running_config(guide_text("71a"))
    outside, inside = a.interface("FastEthernet0/0"), a.interface("FastEthernet0/1")
    assert outside is not None
    assert inside is not None
    assert outside.address == IPv4Interface("10.1.1.1/8")
    assert outside.crypto_map == "testtag1"
    assert inside.address == IPv4Interface("10.0.0.1/8")
    assert a.routes == (StaticRoute(IPv4Network("10.0.0.0/8"), IPv4Address("10.2.0.1")),)
    serial = a.interface("Serial1/3")
    assert serial is not None
    assert serial.shutdown
    assert serial.address is None
    assert len(a.interfaces) == 6


def test_router_b_has_its_interfaces(guide_text: Text) -> None:
    _, b = load_running_config(guide_text("72a"))
    assert len(b.interfaces) == 13
    found = b.interface("FastEthernet1/0")
    assert found is not None
    assert found.crypto_map == "testtag1"


CHAPTER_1 = """\
version 2.1
service timestamps debug uptime
service timestamps log uptime
no service password-encryption
hostname networkserver1
boot-start-marker
boot-end-marker
enable secret 5 $1$KxKv$cbqKsZtQTLJLGPN.tErFZ1
enable password ww
no aaa new-model
ip subnet-zero
cns event-service server
ip audit po max-events 100
no ftp-server write-enable
crypto isakmp policy 1
authentication pre-share
crypto isakmp key cisco170 address 172.17.150.2
crypto ipsec security-association replay window-size 1024
crypto ipsec transform-set 170cisco esp-des esp-md5-hmac
crypto map ETH0 17 ipsec-isakmp
 set peer 172.17.150.2
 set security-association replay disable
 set transform-set 170cisco
 match address 170
interface FastEthernet0
 ip address 172.17.150.1 255.255.255.0
 no ip directed-broadcast
 no ip route-cache
 no ip mroute-cache
 no mop enabled
 crypto map ETH0
interface Serial0
 ip address 172.16.160.1 255.255.255.0
 no ip directed-broadcast
 no fair-queue
 serial restart-delay 0
ip classless
ip route 172.18.170.0 255.255.255.0 172.17.150.2
no ip http server
access-list 170 remark Crypto ACL
access-list 170 permit ip 172.16.160.0 0.0.0.255 172.18.170.0 0.0.0.255
dialer-list 1 protocol ip permit
control-plane
line con 0
transport input none
line aux 0
line vty 0 4
password ww
logi
end
"""


def test_the_lines_of_chapter_1_load_too() -> None:
    configuration, router = load_running_config(CHAPTER_1)
    assert router.replay_window == 1024
    assert router.crypto_maps["ETH0"].entries[0].replay_window == 0
    assert router.clock.log.uptime
    assert " login\n" in body(configuration)
    assert load_running_config(body(configuration))[1] == router
