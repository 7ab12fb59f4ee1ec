"""Tunnel interfaces with real devices: what brings them up, what goes through (guide chapter 9)."""

from __future__ import annotations

from dataclasses import replace

import pytest
from configs import PORTS
from ipsecplane.targets.reasons import Reason
from routers import Pair, Site, make_pair

OUTSIDE = {4: "203.0.113.{}", 6: "2001:db8:ffff::{}"}
INSIDE = {4: "192.168.{}.1", 6: "2001:db8:{}::1"}
MODES = {
    (4, 4): "ipsec ipv4",
    (4, 6): "ipsec ipv4 v6-overlay",
    (6, 6): "ipsec ipv6",
    (6, 4): "ipsec ipv6 v4-overlay",
}


def address(version: int, text: str) -> str:
    return f" ip address {text} 255.255.255.0" if version == 4 else f" ipv6 address {text}/64"


def router(local: int, remote: int, carrier: int = 6, overlay: int = 6, **change: str) -> str:
    """One end; `change` replaces lines by their first words, "_" for spaces."""
    route = {4: f"ip route 192.168.{remote}.0 255.255.255.0 Tunnel0",
             6: f"ipv6 route 2001:db8:{remote}::/64 Tunnel0"}[overlay]  # fmt: skip
    text = f"""
hostname r{local}
crypto isakmp policy 10
 encryption aes
 hash sha256
 authentication pre-share
 group 14
crypto isakmp key s3cret address 0.0.0.0
crypto isakmp key s3cret address ipv6 ::/0
crypto ipsec transform-set t esp-aes esp-sha256-hmac
crypto ipsec profile p
 set transform-set t
interface GigabitEthernet0/0
{address(carrier, OUTSIDE[carrier].format(local))}
interface GigabitEthernet0/1
{address(overlay, INSIDE[overlay].format(local))}
interface Tunnel0
{address(overlay, {4: f"10.0.0.{local}", 6: f"2001:db8:1001::{local}"}[overlay])}
 tunnel source GigabitEthernet0/0
 tunnel destination {OUTSIDE[carrier].format(remote)}
 tunnel mode {MODES[carrier, overlay]}
 tunnel protection ipsec profile p
{route}
end
"""
    for old, new in change.items():
        words = old.replace("_", " ")
        lines = [new if line.strip().startswith(words) else line for line in text.splitlines()]
        assert "\n".join(lines) != text.rstrip("\n"), f"no line begins with {words}"
        text = "\n".join(lines) + "\n"
    return text


def pair(
    carrier: int = 6,
    overlay: int = 6,
    seconds: float = 5.0,
    initiator: str = "",
    **change: str,
) -> Pair:
    """Two ends; `change` is for A alone. `initiator`: "a" or "b", else either may be."""
    a, b = router(1, 2, carrier, overlay, **change), router(2, 1, carrier, overlay)
    answering = "crypto ipsec profile p\n responder-only"
    if initiator == "a":
        b = b.replace("crypto ipsec profile p", answering)
    elif initiator == "b":
        a = a.replace("crypto ipsec profile p", answering)
    made = make_pair((a, b), (PORTS, PORTS))
    made.run(seconds)
    return made


def line_protocol(site: Site) -> bool:
    views = site.router.agent.interfaces()
    return next(view.line_protocol for view in views if view.config.name == "Tunnel0")


def pings(made: Pair, overlay: int = 6, **options: object) -> str:
    to, source = INSIDE[overlay].format(2), INSIDE[overlay].format(1)
    return made.ping(made.a, to, source, **options).marks  # type: ignore[arg-type]


def dropped(site: Site, reason: Reason) -> int:
    session = site.router.agent._plane.interface_counters.pipeline
    return session.read_counters("drops", [reason])[reason].packets


@pytest.mark.parametrize(("carrier", "overlay"), MODES)
def test_either_version_through_either_version(carrier: int, overlay: int) -> None:
    made = pair(carrier, overlay)
    assert line_protocol(made.a)
    assert line_protocol(made.b)
    assert pings(made, overlay) == "!!!!!"
    ethertype, protocol = {4: (b"\x08\x00", 23), 6: (b"\x86\xdd", 20)}[carrier]
    esp = [f for _, _, f, _ in made.frames if f[12:14] == ethertype and f[protocol] == 50]
    assert len(esp) == 10
    assert [len(ident.sas) for ident in made.a.router.agent.idents()] == [2]  # asked for once


def test_the_line_protocol_is_up_only_with_sas() -> None:
    made = pair(seconds=0.0)
    up = "%LINEPROTO-5-UPDOWN: Line protocol on Interface Tunnel0, changed state to up"
    assert not line_protocol(made.a)
    assert up not in made.log(made.a)
    assert not [r for r in made.a.router.agent.routes() if r.interface == "Tunnel0"]
    made.run(5)
    assert line_protocol(made.a)
    assert made.log(made.a).count(up) == 1
    assert {r.code for r in made.a.router.agent.routes() if r.interface == "Tunnel0"} == set("CLS")


def test_a_tunnel_whose_peer_refuses_stays_down_and_asks_again() -> None:
    made = pair(group_14=" group 16", seconds=60)
    assert not line_protocol(made.a)
    assert not line_protocol(made.b)
    policies = made.a.router.agent.config.isakmp_policies
    agent = made.b.router.agent
    agent.configure(replace(agent.config, isakmp_policies=policies))
    made.run(70)
    assert line_protocol(made.a)
    assert line_protocol(made.b)


def test_clearing_the_sas_takes_the_line_down_and_up_again() -> None:
    made = pair()
    made.a.router.agent.clear_sas()
    assert not line_protocol(made.a)
    made.run(3)
    assert line_protocol(made.a)
    assert line_protocol(made.b)
    assert pings(made) == "!!!!!"
    assert "Tunnel0, changed state to down" in made.log(made.a)


def test_an_unused_tunnel_stays_up_over_the_lifetime_of_its_sas() -> None:
    made = pair()
    made.run(9000)  # two and a half lifetimes
    assert made.log(made.a).count("Line protocol on Interface Tunnel0") == 1
    assert pings(made) == "!!!!!"


def test_packets_of_the_other_version_do_not_enter_the_tunnel() -> None:
    made = pair(ipv6_route="ip route 192.168.2.0 255.255.255.0 Tunnel0")
    frames = len(made.frames)
    assert made.ping(made.a, "192.168.2.1", "192.0.2.1", 1).marks == "."
    assert dropped(made.a, Reason.SPD_DISCARD) == 1
    assert len(made.frames) == frames


def test_a_dead_peer_takes_the_line_down_and_its_return_brings_it_up() -> None:
    made = pair(crypto_isakmp_key_s3cret_address_0="crypto isakmp keepalive 10 periodic")
    made.wire.set_up(False)
    made.run(25)
    assert not line_protocol(made.a)
    assert not [r for r in made.a.router.agent.routes() if r.interface == "Tunnel0"]
    made.run(300)
    made.wire.set_up(True)
    made.run(80)  # at most: the rest of a negotiation that nobody answers, and the pause after it
    assert line_protocol(made.a)
    assert line_protocol(made.b)
    assert pings(made) == "!!!!!"


def test_shutdown_and_back() -> None:
    made = pair()
    agent = made.a.router.agent
    before = agent.config
    shut = replace(before.interfaces[0], shutdown=True)
    assert shut.name == "Tunnel0"
    agent.configure(replace(before, interfaces=(shut, *before.interfaces[1:])))
    assert not line_protocol(made.a)
    made.run(1)
    assert [len(ident.sas) for ident in made.b.router.agent.idents()] == [0]  # it was told
    agent.configure(before)
    made.run(15)
    assert line_protocol(made.a)
    assert pings(made) == "!!!!!"


def test_an_unnumbered_tunnel_borrows_the_address_and_not_the_network() -> None:
    made = pair(4, 4, ip_address_10=" ip unnumbered GigabitEthernet0/1")
    assert line_protocol(made.a)
    view = next(v for v in made.a.router.agent.interfaces() if v.config.name == "Tunnel0")
    assert str(view.config.address) == "192.168.1.1/32"
    connected = {
        (str(r.prefix), r.interface) for r in made.a.router.agent.routes() if r.code == "C"
    }
    assert ("192.168.1.0/24", "GigabitEthernet0/1") in connected
    assert pings(made, 4) == "!!!!!"


def test_recursive_routing_takes_the_tunnel_down() -> None:
    made = pair(ipv6_route="ipv6 route 2001:db8:ffff::2/128 Tunnel0")
    assert not line_protocol(made.a)
    log = made.log(made.a)
    assert "%TUN-5-RECURDOWN: Tunnel0 temporarily disabled due to recursive routing" in log
    assert "Tunnel0, changed state to up" not in log


def test_ends_on_one_link_may_have_link_local_addresses() -> None:
    """The source interface says on which link: its address has the destination's scope."""
    texts = [router(n, 3 - n).replace("2001:db8:ffff::", "fe80::") for n in (1, 2)]
    made = make_pair((texts[0], texts[1]), (PORTS, PORTS))
    made.run(5)
    assert line_protocol(made.a)
    assert pings(made, count=3) == "!!!"
    assert "Peer: FE80::2 port 500" in made.command(made.a, "show crypto session")
