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
