"""Compiled policy against a reading of the crypto map line by line."""

from __future__ import annotations

from dataclasses import replace
from ipaddress import IPv4Address, IPv4Interface, IPv4Network

from hypothesis import given
from hypothesis import strategies as st
from ipsecplane.config import (
    AccessList,
    AccessListEntry,
    CryptoMap,
    CryptoMapEntry,
    InterfaceConfig,
    RouterConfig,
    TransformSet,
    WildcardAddress,
)
from ipsecplane.ike.types import ProxyIdentity
from ipsecplane.ios.loader import load_running_config
from ipsecplane.ipsec.outbound import OutboundRule, Selection, cleartext_rules, outbound_rules
from ipsecplane.ipsec.policy import Numbers, Spd
from ipsecplane.ipsec.selectors import Packet
from ipsecplane.ipsec.spd import compile_spd

BASE = 0x0A000000  # 10.0.0.0; the tests use its last four bits
PEER = IPv4Address("192.0.2.2")


@st.composite
def lines(draw: st.DrawFn) -> list[AccessListEntry]:
    found = []
    for number in range(draw(st.integers(0, 4))):
        wildcards = [draw(st.sampled_from([0, 1, 3, 7, 15])) for _ in range(2)]
        addresses = [draw(st.integers(0, 15)) for _ in range(2)]
        source, destination = (
            WildcardAddress(IPv4Address(BASE + a), IPv4Address(w))
            for a, w in zip(addresses, wildcards, strict=True)
        )
        protocol = draw(st.sampled_from([None, 6]))
        ports = None
        if protocol == 6:
            ports = draw(st.none() | st.tuples(st.integers(1, 7), st.integers(1, 7)))
        found.append(
            AccessListEntry(
                10 * number + 10,
                draw(st.booleans()),
                protocol,
                source,
                destination,
                destination_ports=None if ports is None else (min(ports), max(ports)),
            )
        )
    return found


def config_of(lists: list[list[AccessListEntry]]) -> RouterConfig:
    access = {str(100 + n): AccessList(str(100 + n), tuple(one)) for n, one in enumerate(lists)}
    entries = tuple(
        CryptoMapEntry(10 * n + 10, (PEER,), match_address=str(100 + n), transform_sets=("t",))
        for n in range(len(lists))
    )
    interface = InterfaceConfig("Gi0/0", IPv4Interface("192.0.2.1/24"), crypto_map="m")
    return RouterConfig(
        interfaces=(interface,),
        access_lists=access,
        transform_sets={"t": TransformSet("t", None, "AES-CBC", 16, "HMAC-SHA1-96")},
        crypto_maps={"m": CryptoMap("m", entries)},
    )


def line_matches(line: AccessListEntry, packet: Packet) -> bool:
    def address(of: WildcardAddress, value: int) -> bool:
        return (value ^ int(of.address)) & ~int(of.wildcard) & 0xFFFFFFFF == 0

    ports = line.destination_ports
    return (
        address(line.source, packet.src)
        and address(line.destination, packet.dst)
        and line.protocol in (None, packet.protocol)
        and (ports is None or ports[0] <= packet.dst_port <= ports[1])
    )


def oracle(lists: list[list[AccessListEntry]], packet: Packet) -> tuple[int, int] | None:
    """IOS's procedure: (crypto map entry, line) that protects; None = in the clear."""
    for number, access_list in enumerate(lists):
        for line in access_list:
            if line_matches(line, packet):
                if line.permit:
                    return 10 * number + 10, line.sequence
                break  # deny: on to the next entry
    return None


def some_packets() -> list[Packet]:
    return [
        Packet(4, BASE + src, BASE + dst, protocol, 9, port)
        for src in range(0, 16, 3)
        for dst in range(16)
        for protocol, port in ((6, 1), (6, 4), (6, 7), (17, 4))
    ]


def winner(rules: list[OutboundRule], packet: Packet) -> OutboundRule | None:
    hits = [r for r in rules if r.cube.matches(packet)]
    return max(hits, key=lambda r: r.priority, default=None)


@given(st.lists(lines(), min_size=1, max_size=3))
def test_the_rules_decide_as_the_crypto_map_does(lists: list[list[AccessListEntry]]) -> None:
    spd = compile_spd(config_of(lists), Numbers())
    rules = list(outbound_rules(spd, {}))
    assert len({(r.policy, r.priority) for r in rules}) == len(rules)
    for packet in some_packets():
        hit = winner(rules, packet)
        decided = None
        if hit is not None and hit.acquire is not None:
            entry = spd.entries[hit.acquire]
            decided = entry.sequence
            assert entry.phase2.local.network.supernet_of(IPv4Network(packet.src))  # type: ignore
        expected = oracle(lists, packet)
        assert decided == (None if expected is None else expected[0])


@given(st.lists(lines(), min_size=1, max_size=2))
def test_each_rule_knows_its_access_list_line(lists: list[list[AccessListEntry]]) -> None:
    (policy,) = compile_spd(config_of(lists), Numbers()).policies
    for packet in some_packets():
        hits = [r for r in policy.rules if r.cube.matches(packet)]
        best = max(hits, key=lambda r: r.priority, default=None)
        expected = oracle(lists, packet)
        if best is not None and best.entry is not None:
            assert expected is not None
            assert (best.access_list, best.line) == (str(99 + expected[0] // 10), expected[1])
        else:
            assert expected is None


@given(lines())
def test_inbound_the_mirror_requires_ipsec(one: list[AccessListEntry]) -> None:
    spd = compile_spd(config_of([one]), Numbers())
    rules = [(rule, cube) for _, rule, cube in cleartext_rules(spd, {})]
    for p in some_packets():
        back = Packet(4, p.dst, p.src, p.protocol, p.dst_port, p.src_port)
        hits = [(rule.priority, rule.entry) for rule, cube in rules if cube.matches(back)]
        required = bool(hits) and max(hits, key=lambda h: h[0])[1] is not None
        assert required == (oracle([one], p) is not None)


def spd_of_one_line() -> tuple[Spd, int]:
    line = AccessListEntry(
        10,
        True,
        None,
        WildcardAddress(IPv4Address(BASE), IPv4Address(15)),
        WildcardAddress(IPv4Address(BASE), IPv4Address(15)),
    )
    spd = compile_spd(config_of([[line]]), Numbers())
    (number,) = spd.entries
    return spd, number


def identity(text: str) -> ProxyIdentity:
    return ProxyIdentity(IPv4Network(text))


def test_the_newest_sa_carries_the_traffic_and_narrow_ones_their_part() -> None:
    spd, number = spd_of_one_line()
    whole = identity("10.0.0.0/28")
    narrow = Selection(7, identity("10.0.0.4/30"), whole)
    older, newer = Selection(1, whole, whole), Selection(2, whole, whole)
    inside = Packet(4, BASE + 5, BASE + 1, 17)
    outside = Packet(4, BASE + 1, BASE + 1, 17)

    def uses(selections: list[Selection], packet: Packet) -> tuple[int | None, int | None]:
        rules = list(outbound_rules(spd, {number: selections}))
        hit = winner(rules, packet)
        assert hit is not None
        return hit.sa_index, hit.acquire

    assert uses([], inside) == (None, number)
    assert uses([older], inside) == (1, None)
    assert uses([newer, older], inside) == (2, None)
    assert uses([narrow], inside) == (7, None)
    assert uses([narrow], outside) == (None, number)
    assert uses([narrow, older], inside) == (7, None)
    assert uses([narrow, older], outside) == (1, None)
    assert uses([newer, narrow], inside) == (2, None), "a newer whole one covers the narrow one"


def test_a_rekey_does_not_move_rows() -> None:
    spd, number = spd_of_one_line()
    whole = identity("10.0.0.0/28")
    before = list(outbound_rules(spd, {number: [Selection(1, whole, whole)]}))
    after = list(outbound_rules(spd, {number: [Selection(2, whole, whole)]}))
    assert [(r.cube, r.priority) for r in before] == [(r.cube, r.priority) for r in after]


def test_numbers_stay_when_the_configuration_grows() -> None:
    numbers = Numbers()
    line = AccessListEntry(
        10, True, None, WildcardAddress.any(), WildcardAddress(IPv4Address(BASE), IPv4Address(0))
    )
    first = compile_spd(config_of([[line]]), numbers)
    grown = config_of([[line, replace(line, sequence=20, destination=WildcardAddress.any())]])
    second = compile_spd(grown, numbers)
    assert set(first.entries) < set(second.entries)
    assert first.policies[0].rules[0] == second.policies[0].rules[0]


def test_a_port_range_is_exact_in_the_pipeline_and_wide_in_the_negotiation() -> None:
    line = AccessListEntry(
        10, True, 6, WildcardAddress.any(), WildcardAddress.any(), destination_ports=(80, 443)
    )
    spd = compile_spd(config_of([[line]]), Numbers())
    rules = list(outbound_rules(spd, {}))
    assert len(rules) > 1
    for port, protects in ((79, False), (80, True), (443, True), (444, False)):
        assert (winner(rules, Packet(4, 1, 2, 6, 9, port)) is not None) == protects
    (entry,) = spd.entries.values()
    assert (entry.phase2.remote.protocol, entry.phase2.remote.port) == (6, 0)
    assert any("a port range cannot be negotiated" in w for w in spd.warnings)


def test_more_rules_than_the_pipeline_holds_is_told() -> None:
    ranges = [
        AccessListEntry(
            n, True, 6,
            WildcardAddress(IPv4Address(n), IPv4Address(0)), WildcardAddress.any(),
            (1, 65534), (1, 65534),
        )
        for n in range(1, 30)
    ]  # fmt: skip
    spd = compile_spd(config_of([ranges]), Numbers())
    assert any("needs more than 16384 rules" in w for w in spd.warnings)
    assert len(spd.policies[0].rules) == 16385, "one too many: refused, so the interface is closed"


def dynamic_config(match: str | None = None) -> RouterConfig:
    """A static entry for one line, and a dynamic map after it."""
    line = AccessListEntry(
        10,
        True,
        None,
        WildcardAddress(IPv4Address(BASE), IPv4Address(1)),
        WildcardAddress(IPv4Address(BASE), IPv4Address(1)),
    )
    config = config_of([[line]])
    dynamic = CryptoMapEntry(5, match_address=match, transform_sets=("t",))
    found = config.crypto_maps["m"]
    entries = (*found.entries, CryptoMapEntry(20, dynamic="d"))
    return replace(
        config,
        crypto_maps={"m": replace(found, entries=entries)},
        dynamic_maps={"d": CryptoMap("d", (dynamic,))},
    )


def test_a_dynamic_map_protects_what_its_sas_are_for_and_nothing_else() -> None:
    spd = compile_spd(dynamic_config(), Numbers())
    assert spd.warnings == ()
    static, dynamic = spd.entries.values()
    assert (static.phase2.peers, dynamic.phase2.peers) == ((PEER,), ())
    assert (dynamic.crypto_map, dynamic.sequence) == ("d", 5)
    local, remote = IPv4Network("10.0.0.0/28"), IPv4Network("10.9.0.1/32")
    selections = {dynamic.number: [Selection(7, ProxyIdentity(local), ProxyIdentity(remote))]}

    def decided(there: str, with_sa: bool) -> OutboundRule | None:
        packet = Packet(4, BASE + 3, int(IPv4Address(there)), 17, 1, 2)
        rules = outbound_rules(spd, selections if with_sa else {})
        hits = [rule for rule in rules if rule.cube.matches(packet)]
        return max(hits, key=lambda r: r.priority, default=None)

    assert decided("10.9.0.1", with_sa=False) is None, "in the clear, not lost"
    assert decided("10.9.0.2", with_sa=True) is None
    found = decided("10.9.0.1", with_sa=True)
    assert found is not None
    assert found.sa_index == 7
    inbound = list(cleartext_rules(spd, selections))
    back = Packet(4, int(IPv4Address("10.9.0.1")), BASE + 3, 17, 2, 1)
    assert [rule.entry for _, rule, cube in inbound if cube.matches(back)] == [dynamic.number]
    assert all(not cube.matches(back) for _, _, cube in cleartext_rules(spd, {}))


def test_a_dynamic_map_with_an_access_list_keeps_its_traffic_from_leaving_in_the_clear() -> None:
    """There is no peer to ask: what the list permits waits for one to come."""
    spd = compile_spd(dynamic_config("100"), Numbers())
    dynamic = next(entry for entry in spd.entries.values() if not entry.phase2.peers)
    assert str(dynamic.phase2.local.network) == "10.0.0.0/31"


def test_a_dynamic_map_that_is_not_there_is_told() -> None:
    config = replace(dynamic_config(), dynamic_maps={})
    (warning,) = compile_spd(config, Numbers()).warnings
    assert warning.endswith("crypto map m 20: dynamic map d is not configured")


def test_an_entry_behind_a_remark_counts() -> None:
    text = """\
crypto ipsec transform-set t esp-aes esp-sha-hmac
crypto map m 10 ipsec-isakmp
 set peer 192.0.2.2
 set transform-set t
 match address 101
interface GigabitEthernet0/0
 ip address 192.0.2.1 255.255.255.0
 crypto map m
access-list 101 remark what is worth it
access-list 101 permit ip host 10.0.0.1 host 10.0.0.2
end
"""
    (policy,) = compile_spd(load_running_config(text)[1], Numbers()).policies
    assert [rule.line for rule in policy.rules] == [20], "a remark has a number of its own"
