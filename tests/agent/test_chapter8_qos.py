"""Modular QoS with real devices (guide chapter 8): what is programmed, counted and shown."""

from __future__ import annotations

import re
from dataclasses import replace

from ipsecplane.ios.loader import load_running_config
from ipsecplane.targets.dependencies import Target
from ipsecplane.views import ServicePolicyView
from routers import Pair, Site, make_pair

CONFIG = """\
hostname {name}
class-map match-all c2
 match precedence 5 6 7
class-map match-all c1
 match precedence 0 1 2 3
policy-map p1
 class c2
  priority percent 10
 class c1
  bandwidth remaining percent 3
crypto isakmp policy 1
 authentication pre-share
crypto isakmp key 1234 address ipv6 2001:DB8:FFFF::/64
crypto ipsec transform-set t esp-aes esp-sha-hmac
crypto map ipv6 CMAP_1 1 ipsec-isakmp
 set peer 2001:DB8:FFFF::{peer}
 set transform-set t
 match address 102
{pre}
interface GigabitEthernet0/0/1
 ipv6 address 2001:DB8:FFFF::{own}/64
 ipv6 crypto map CMAP_1
 service-policy output p1
interface Loopback0
 ipv6 address 2001:DB8:{own}::1/64
ipv6 route 2001:DB8:{peer}::/64 2001:DB8:FFFF::{peer}
ipv6 access-list 102
 permit ipv6 2001:DB8:{own}::/64 2001:DB8:{peer}::/64
end
"""
PORTS = {"GigabitEthernet0/0/1": 1}
WAN = "GigabitEthernet0/0/1"
PRE = " qos pre-classify"


def pair(pre: str = "") -> Pair:
    configs = [CONFIG.format(name=n, own=o, peer=3 - o, pre=pre) for n, o in (("a", 1), ("b", 2))]
    return make_pair((configs[0], configs[1]), (PORTS, PORTS))


def view(site: Site) -> ServicePolicyView:
    (found,) = site.router.agent.service_policies()
    return found


def packets(site: Site) -> dict[str, int]:
    return {one.policy.name: one.packets for one in view(site).classes}


def ping(world: Pair, count: int, precedence: int = 0) -> str:
    return world.ping(world.a, "2001:db8:2::1", "2001:db8:1::1", count, tos=precedence << 5).marks


def engine_rows(site: Site) -> dict[str, int]:
    session = site.router.agent._plane.sessions[Target.ACCELERATOR]
    entries = session.read_entries(["llq_class", "llq_select"]).values()
    names = [entry.table for entry in entries]
    return {name: names.count(name) for name in set(names)}


def test_classes_count_what_they_send() -> None:
    """The outer header has the inner one's DSCP: without pre-classify too the class is found."""
    for pre in ("", PRE):
        world = pair(pre)
        ping(world, 5)
        before = packets(world.a)
        assert ping(world, 4, precedence=5) == "!!!!"
        after = packets(world.a)
        assert {name: after[name] - before[name] for name in after} == {
            "c2": 4, "c1": 0, "class-default": 0,
        }, pre  # fmt: skip
        assert view(world.a).classes[0].engine_packets == 4


def test_octets_are_those_of_the_frame_that_was_classified() -> None:
    """ESP on the wire without pre-classify; with it the packet itself behind 14 octets."""
    for pre in ("", PRE):
        world = pair(pre)
        ping(world, 3)
        before = view(world.a).classes[0]
        ping(world, 2, precedence=5)
        after = view(world.a).classes[0]
        esp = [f for who, _, f, _ in world.frames if who == "a" and f[20] == 50]
        on_the_wire = sum(len(frame) for frame in esp[-2:])
        assert after.bytes - before.bytes == (2 * 114 if pre else on_the_wire)


def test_police_in_a_class_without_priority() -> None:
    """1500 octets at once, 1000 a second: of 20 packets of 100 octets these pass, not more."""
    text = CONFIG.replace("  bandwidth remaining percent 3\n", "  police 8000 bc 1500\n")
    configs = [text.format(name=n, own=o, peer=3 - o, pre=PRE) for n, o in (("a", 1), ("b", 2))]
    world = make_pair((configs[0], configs[1]), (PORTS, PORTS))
    ping(world, 2, precedence=5)  # of another class: the tunnel
    marks = ping(world, 20)
    c1 = next(one for one in view(world.a).classes if one.policy.name == "c1")
    assert (c1.packets, c1.engine_packets, c1.rate_drops) == (
        20,
        marks.count("!"),
        marks.count("."),
    )
    assert 15 <= c1.engine_packets < 20
    shown = world.command(world.a, f"show policy-map interface {WAN} output class c1")
    assert "cir 8000 bps, bc 1500 bytes" in shown
    assert f"exceeded {c1.rate_drops} packets, {100 * c1.rate_drops} bytes; actions:" in shown


def test_the_accelerator_has_a_class_for_each_queue() -> None:
    world = pair()
    assert engine_rows(world.a) == {"llq_class": 3, "llq_select": 2}


def test_a_policy_that_goes_takes_its_rows_along() -> None:
    world = pair()
    agent = world.a.router.agent
    without = CONFIG.replace(" service-policy output p1\n", "")
    _, config = load_running_config(without.format(name="a", own=1, peer=2, pre=""))
    with_policy = agent.config
    ping(world, 5)
    agent.configure(config)
    assert engine_rows(world.a) == {}
    assert agent.service_policies() == []
    ping(world, 3, precedence=5)
    agent.configure(with_policy)
    assert packets(world.a) == {"c2": 0, "c1": 0, "class-default": 0}, "it counts from 0"
    assert ping(world, 2, precedence=5) == "!!"
    assert packets(world.a)["c2"] == 2


def test_clear_counters() -> None:
    world = pair()
    ping(world, 5, precedence=5)
    world.a.router.agent.clear_interface_counters()
    assert sum(packets(world.a).values()) == 0
    ping(world, 2, precedence=5)
    assert packets(world.a)["c2"] == 2


def test_a_change_of_another_class_keeps_what_was_counted() -> None:
    world = pair()
    agent = world.a.router.agent
    ping(world, 5, precedence=5)
    counted = packets(world.a)["c2"]
    policy = agent.config.policy_maps["p1"]
    classes = tuple(replace(c, remaining_percent=50) if c.shares else c for c in policy.classes)
    agent.configure(replace(agent.config, policy_maps={"p1": replace(policy, classes=classes)}))
    assert packets(world.a)["c2"] == counted > 0


def test_rates_are_averages_of_five_minutes() -> None:
    world = pair()
    for _ in range(20):
        world.ping(world.a, "2001:db8:2::1", "2001:db8:1::1", 50, size=1000, tos=5 << 5)
        world.run(1)
    shown = view(world.a).classes[0]
    assert shown.offered_rate > 0
    world.run(3600)
    assert view(world.a).classes[0].offered_rate < shown.offered_rate / 1000


def test_show_policy_map_interface() -> None:
    world = pair(PRE)
    ping(world, 5)
    world.a.router.agent.clear_interface_counters()
    ping(world, 4, precedence=5)
    printed = world.command(world.a, f"show policy-map interface {WAN}")
    assert re.search(r"Class-map: c2 \(match-all\)  \n      4 packets, 456 bytes\n", printed)
    assert "Priority: 10% (100000 kbps), burst bytes 2500000, b/w exceed drops: 0" in printed
    assert "bandwidth remaining 3%" in printed
    assert "(pkts output/bytes output) 4/" in printed
    assert world.command(world.a, "show policy-map interface input") == ""
