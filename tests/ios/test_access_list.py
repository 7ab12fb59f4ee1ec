"""Access lists: their forms, numbers, and what an entry matches."""

from __future__ import annotations

from collections.abc import Callable
from ipaddress import IPv4Address

import pytest
from ipsecplane.config import AccessListEntry, WildcardAddress
from ipsecplane.ios.configuration import body
from ipsecplane.ios.loader import load_running_config
from ipsecplane.ios.show.access_list import access_lists, entry_text


def entry(rule: str) -> AccessListEntry:
    return load_running_config(f"access-list 101 {rule}\n")[1].access_lists["101"].entries[0]


@pytest.mark.parametrize(
    ("rule", "protocol", "source_ports", "destination_ports"),
    [
        ("permit ip any any", None, None, None),
        ("permit tcp any eq 80 any", 6, (80, 80), None),
        ("permit tcp any any eq www", 6, None, (80, 80)),
        ("permit udp any gt 1023 any lt isakmp", 17, (1024, 65535), (0, 499)),
        ("permit udp any any range 500 non500-isakmp", 17, None, (500, 4500)),
        ("deny esp any any log", 50, None, None),
        ("permit 89 any any", 89, None, None),
    ],
)
def test_protocols_and_ports(
    rule: str,
    protocol: int | None,
    source_ports: tuple[int, int] | None,
    destination_ports: tuple[int, int] | None,
) -> None:
    found = entry(rule)
    assert found.permit is rule.startswith("permit")
    assert (found.protocol, found.source_ports, found.destination_ports) == (
        protocol,
        source_ports,
        destination_ports,
    )


def test_wildcards_clear_the_bits_they_ignore() -> None:
    found = entry("permit ip 10.1.2.3 0.0.0.255 host 10.9.9.9")
    assert found.source == WildcardAddress(IPv4Address("10.1.2.0"), IPv4Address("0.0.0.255"))
    assert found.destination == WildcardAddress(IPv4Address("10.9.9.9"), IPv4Address(0))
    assert entry("permit ip any any").source == WildcardAddress.any()


@pytest.mark.parametrize(
    "rule",
    ["permit ip host 10.0.0.1 host 10.0.2.2",
     "deny udp any range bootps bootpc 10.0.0.0 0.0.0.255",
     "permit tcp any gt 1023 any eq www", "permit tcp any lt telnet any", "permit 99 any any"],
)  # fmt: skip
def test_entries_are_shown_as_they_are_typed(rule: str) -> None:
    assert entry_text(entry(rule)) == rule


def test_standard_lists() -> None:
    text = "access-list 7 permit 10.0.0.0 0.255.255.255\naccess-list 7 deny host 1.2.3.4\n"
    _, router = load_running_config(
        text + "access-list 7 permit any\naccess-list 7 permit 9.9.9.9\n"
    )
    acl = router.access_lists["7"]
    assert not acl.extended
    assert access_lists([acl], {"7": {10: 1, 20: 3}}) == [
        "Standard IP access list 7",
        "    10 permit 10.0.0.0, wildcard bits 0.255.255.255 (1 match)",
        "    20 deny 1.2.3.4 (3 matches)",
        "    30 permit any",
        "    40 permit 9.9.9.9",
    ]


def test_a_remark_belongs_to_the_entry_after_it() -> None:
    text = "access-list 101 remark Crypto ACL\naccess-list 101 permit ip any any\n"
    configuration, router = load_running_config(text)
    (only,) = router.access_lists["101"].entries
    assert only.remark == "Crypto ACL"
    assert "access-list 101 remark Crypto ACL\naccess-list 101 permit ip any any" in body(
        configuration
    )


def test_a_numbered_list_edited_by_sequence_prints_as_a_section(run: Callable[[str], str]) -> None:
    run("conf t\nip access-list extended 150\n5 deny ip any host 9.9.9.9\nend")
    shown = run("show run | section access-list")
    assert shown == (
        "ip access-list extended 150\n"
        " 5 deny ip any host 9.9.9.9\n"
        " 10 permit ip host 10.0.0.1 host 10.0.2.2\n"
    )
    run("conf t\nip access-list extended 150\nno 5\nend")
    assert run("show run | include access-list") == (
        "access-list 150 permit ip host 10.0.0.1 host 10.0.2.2\n"
    )


def test_the_same_entry_twice_is_one(run: Callable[[str], str]) -> None:
    run("conf t\naccess-list 150 permit ip host 10.0.0.1 host 10.0.2.2\nend")
    assert len(run("show access-lists 150").splitlines()) == 2


def test_removing_lists_and_entries(run: Callable[[str], str]) -> None:
    run(
        "conf t\nip access-list extended vpn\npermit ip any any\ndeny udp any any\nremark last\nend"
    )
    assert "    20 deny udp any any" in run("show ip access-lists vpn")
    run("conf t\nip access-list extended vpn\nno permit ip any any\nend")
    assert run("show access-lists vpn").splitlines() == [
        "Extended IP access list vpn",
        "    20 deny udp any any",
    ]
    run("conf t\nno ip access-list extended vpn\nno access-list 150\nend")
    assert run("show access-lists") == ""


def test_a_list_may_not_change_its_kind(run: Callable[[str], str]) -> None:
    run("conf t\nip access-list extended vpn")
    assert "already" in run("ip access-list standard vpn")


def test_lists_for_ipv6(run: Callable[[str], str]) -> None:
    run("conf t\nipv6 access-list six\npermit ipv6 2001:db8:1::7/64 any\nend")
    run("conf t\nipv6 access-list six\ndeny udp host 2001:db8::1 range 3 5 any eq 53")
    run("sequence 15 permit icmp any any\npermit icmp any any\nend")  # once more: stays the one
    assert run("show running-config | section ipv6 access-list") == (
        "ipv6 access-list six\n"
        " sequence 10 permit ipv6 2001:DB8:1::7/64 any\n"
        " sequence 15 permit icmp any any\n"
        " sequence 20 deny udp host 2001:DB8::1 range 3 5 any eq 53\n"
    )
    assert run("show ipv6 access-list six") == (
        "IPv6 access list six\n"
        "    permit ipv6 2001:DB8:1::/64 any sequence 10\n"
        "    permit icmp any any sequence 15\n"
        "    deny udp host 2001:DB8::1 range 3 5 any eq domain sequence 20\n"
    )
    run("conf t\nipv6 access-list six\nno sequence 15")
    run("no deny udp host 2001:db8::1 range 3 5 any eq 53")
    assert len(run("do show ipv6 access-list six").splitlines()) == 2
    assert "already" in run("ip access-list extended six")
