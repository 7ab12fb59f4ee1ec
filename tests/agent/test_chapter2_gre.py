"""GRE over IPsec: a tunnel interface under the crypto map of the interface it leaves by."""

from __future__ import annotations

from dataclasses import replace

import pytest
from configs import PORTS
from ipsecplane.net.ip import IpPacket, parse_ip
from ipsecsim.network.host import Host
from routers import Pair, Site, add_host, host_ping, make_pair

ESP, GRE = 50, 47


def router(local: int, remote: int, *, protected: bool = True, far: str | None = None) -> str:
    crypto_map = " crypto map wan\n" if protected else ""
    return f"""
hostname r{local}
crypto isakmp policy 10
 encryption aes
 hash sha256
 authentication pre-share
 group 14
crypto isakmp key s3cret address 203.0.113.{remote}
crypto ipsec transform-set t esp-aes esp-sha256-hmac
crypto map wan 10 ipsec-isakmp
 set peer 203.0.113.{remote}
 set transform-set t
 match address 101
interface Tunnel0
 ip address 10.255.0.{local} 255.255.255.0
 tunnel source GigabitEthernet0/0
 tunnel destination {far or f"203.0.113.{remote}"}
interface GigabitEthernet0/0
 ip address 203.0.113.{local} 255.255.255.0
{crypto_map}interface GigabitEthernet0/1
 ip address 192.168.{local}.1 255.255.255.0
ip route 192.168.{remote}.0 255.255.255.0 Tunnel0
access-list 101 permit gre host 203.0.113.{local} host 203.0.113.{remote}
end
"""


World = tuple[Pair, Host, Host]


def make(*, protected: bool = True) -> World:
    texts = router(1, 2, protected=protected), router(2, 1, protected=protected)
    pair = make_pair(texts, (PORTS, PORTS))
    near = add_host(pair.a, 2, "192.168.1.10/24", "192.168.1.1")
    far = add_host(pair.b, 2, "192.168.2.10/24", "192.168.2.1")
    return pair, near, far


@pytest.fixture(scope="module")
def world() -> World:
    pair, near, far = make()
    assert host_ping(pair, near, "192.168.2.10", 3, interval=2.0) == ".!!"
    return pair, near, far


def line_protocol(site: Site) -> bool:
    views = site.router.agent.interfaces()
    return next(view.line_protocol for view in views if view.config.name == "Tunnel0")


def sent(pair: Pair, start: int) -> list[IpPacket]:
    """What the near router has sent on the wire."""
    frames = [f for s, _, f, _ in pair.frames[start:] if s == "a" and f[12:14] == b"\x08\0"]
    return [parse_ip(frame[14:]) for frame in frames]


def configure(pair: Pair, **wan: object) -> None:
    """Of both routers' outside."""
    for site in (pair.a, pair.b):
        config = site.router.agent.config
        interfaces = tuple(
            replace(one, **wan) if one.name == "GigabitEthernet0/0" else one
            for one in config.interfaces
        )
        site.router.agent.configure(replace(config, interfaces=interfaces))
    pair.run(1)


def test_nothing_but_esp_is_on_the_wire(world: World) -> None:
    pair, near, far = world
    start = len(pair.frames)
    assert host_ping(pair, near, "192.168.2.10") == "!!!!!"
    assert host_ping(pair, far, "192.168.1.10") == "!!!!!"
    assert pair.ping(pair.a, "10.255.0.2", "10.255.0.1", 3).marks == "!!!"
    assert {packet.protocol for packet in sent(pair, start)} == {ESP}


@pytest.mark.parametrize("prefragment", [True, False], ids=["before", "after"])
@pytest.mark.parametrize("size", [1350, 1400, 1414, 1415, 1430, 1476, 1477, 1500, 4000])
def test_every_size_gets_through(world: World, size: int, prefragment: bool) -> None:
    pair, near, _ = world
    configure(pair, prefragment=prefragment)
    start = len(pair.frames)
    assert host_ping(pair, near, "192.168.2.10", 2, size=size) == "!!"
    packets = sent(pair, start)
    assert {packet.protocol for packet in packets} == {ESP}
    assert max(len(packet.encode()) for packet in packets) <= 1500
    # What exceeds the tunnel's own MTU is cut before GRE, into halves that fit with IPsec too.
    cut_after = 1414 < size <= 1476 and not prefragment
    assert any(packet.is_fragment for packet in packets) == cut_after


def test_df_is_answered_with_the_tunnels_mtu(world: World) -> None:
    """GRE's own header has no DF: what fits the tunnel interface gets through in pieces."""
    pair, near, far = world
    configure(pair, prefragment=True)
    assert host_ping(pair, near, "192.168.2.10", 1, size=1477, dont_fragment=True) == "M"
    assert near.path_mtu(far.config.addresses[0].ip) == 1476
    assert host_ping(pair, near, "192.168.2.10", 2, size=1476, dont_fragment=True) == "!!"


def test_ip_mtu_of_the_tunnel(world: World) -> None:
    pair, near, _ = world
    before = pair.a.router.agent.config
    interfaces = tuple(
        replace(one, ip_mtu=1400) if one.tunnel is not None else one for one in before.interfaces
    )
    pair.a.router.agent.configure(replace(before, interfaces=interfaces))
    pair.run(1)
    shown = pair.command(pair.a, "show ip interface tunnel0")
    assert "MTU is 1400 bytes" in shown
    near.path_mtus.clear()
    assert host_ping(pair, near, "192.168.2.10", 1, size=1401, dont_fragment=True) == "M"
    start = len(pair.frames)
    assert host_ping(pair, near, "192.168.2.10", 1, size=1401) == "!"
    assert len(sent(pair, start)) == 2
    pair.a.router.agent.configure(before)
    pair.run(1)


def test_what_show_tells(world: World) -> None:
    pair, near, _ = world
    pair.a.router.agent.clear_interface_counters()
    assert host_ping(pair, near, "192.168.2.10", 4) == "!!!!"
    shown = pair.command(pair.a, "show interfaces tunnel0")
    assert "Tunnel0 is up, line protocol is up" in shown
    assert "Tunnel source 203.0.113.1 (GigabitEthernet0/0), destination 203.0.113.2" in shown
    assert "Tunnel protocol/transport GRE/IP" in shown
    assert "Tunnel transport MTU 1476 bytes" in shown
    assert "4 packets input" in shown
    assert "4 packets output" in shown
    assert "MTU is 1476 bytes" in pair.command(pair.a, "show ip interface tunnel0")


def test_without_an_sa_nothing_leaves_in_the_clear() -> None:
    pair, near, _ = make()
    pair.b.router.agent.configure(replace(pair.b.router.agent.config, isakmp_enabled=False))
    start = len(pair.frames)
    assert host_ping(pair, near, "192.168.2.10", 3) == "..."
    assert GRE not in {packet.protocol for packet in sent(pair, start)}


def test_plain_gre_and_its_line_protocol() -> None:
    pair, near, _ = make(protected=False)
    assert line_protocol(pair.a)
    up = "%LINEPROTO-5-UPDOWN: Line protocol on Interface Tunnel0, changed state to up"
    assert pair.log(pair.a).count(up) == 1
    start = len(pair.frames)
    assert host_ping(pair, near, "192.168.2.10", 3) == "!!!"
    assert {packet.protocol for packet in sent(pair, start)} == {GRE}
    assert host_ping(pair, near, "192.168.2.10", 2, size=3000) == "!!"
    config = pair.a.router.agent.config
    closed = tuple(
        replace(one, shutdown=one.name == "GigabitEthernet0/0") for one in config.interfaces
    )
    pair.a.router.agent.configure(replace(config, interfaces=closed))
    assert not line_protocol(pair.a), "no way to the far end"
    pair.a.router.agent.configure(config)
    assert line_protocol(pair.a)
    assert host_ping(pair, near, "192.168.2.10", 3).endswith("!!")


def test_a_tunnel_routed_through_itself_goes_down() -> None:
    pair = make_pair((router(1, 2, far="192.168.2.1"), router(2, 1)), (PORTS, PORTS))
    assert not line_protocol(pair.a)


def test_recursive_routing_is_told() -> None:
    text = router(1, 2, far="198.51.100.9").replace(
        "ip route", "ip route 0.0.0.0 0.0.0.0 203.0.113.2\nip route 198.51.100.9 255.255.255.255"
        " Tunnel0\nip route"
    )  # fmt: skip
    pair = make_pair((text, router(2, 1)), (PORTS, PORTS))
    assert not line_protocol(pair.a)
    assert "%TUN-5-RECURDOWN: Tunnel0 temporarily disabled" in pair.log(pair.a)


def with_profile(local: int, remote: int) -> str:
    """The tunnel protected by a profile, and no crypto map."""
    text = router(local, remote, protected=False)
    for before, more in (
        ("crypto map wan 10", "crypto ipsec profile p\n set transform-set t\n"),
        (" tunnel source", " tunnel protection ipsec profile p\n"),
    ):
        text = text.replace(before, more + before)
    return text.replace("esp-sha256-hmac\n", "esp-sha256-hmac\n mode transport\n")


@pytest.fixture(scope="module")
def profiled() -> World:
    pair = make_pair((with_profile(1, 2), with_profile(2, 1)), (PORTS, PORTS))
    near = add_host(pair.a, 2, "192.168.1.10/24", "192.168.1.1")
    far = add_host(pair.b, 2, "192.168.2.10/24", "192.168.2.1")
    pair.run(15)
    return pair, near, far


def test_gre_with_tunnel_protection_has_sas_before_there_is_traffic(profiled: World) -> None:
    pair, near, _ = profiled
    assert line_protocol(pair.a)
    start = len(pair.frames)
    assert host_ping(pair, near, "192.168.2.10") == "!!!!!"
    assert {packet.protocol for packet in sent(pair, start)} == {ESP}
    shown = pair.command(pair.a, "show crypto ipsec sa")
    assert "interface: Tunnel0" in shown
    assert "local  ident (addr/mask/prot/port): (203.0.113.1/255.255.255.255/47/0)" in shown
    assert "in use settings ={Transport, }" in shown
    mapped = pair.command(pair.a, "show crypto map")
    assert "permit gre host 203.0.113.1 host 203.0.113.2" in mapped
    assert "protection via IPSec" in pair.command(pair.a, "show interfaces Tunnel0")


@pytest.mark.parametrize("size", [1400, 1476, 1500, 4000])
def test_every_size_gets_through_a_protected_tunnel(profiled: World, size: int) -> None:
    pair, near, _ = profiled
    start = len(pair.frames)
    assert host_ping(pair, near, "192.168.2.10", 2, size=size) == "!!"
    packets = sent(pair, start)
    assert {packet.protocol for packet in packets} == {ESP}
    assert max(len(packet.encode()) for packet in packets) <= 1500


def test_gre_without_ipsec_is_not_let_in_by_a_protected_tunnel() -> None:
    pair = make_pair((with_profile(1, 2), router(2, 1, protected=False)), (PORTS, PORTS))
    near = add_host(pair.a, 2, "192.168.1.10/24", "192.168.1.1")
    far = add_host(pair.b, 2, "192.168.2.10/24", "192.168.2.1")
    start = len(pair.frames)
    assert host_ping(pair, far, "192.168.1.10", 3) == "..."
    assert host_ping(pair, near, "192.168.2.10", 3) == "..."
    assert GRE not in {packet.protocol for packet in sent(pair, start)}
    assert near.counters["received"] == 0


def test_gre_with_a_profile_that_lacks_something_stays_down_and_says_what() -> None:
    text = with_profile(1, 2).replace(" set transform-set t\n match", " match")
    text = text.replace("profile p\n set transform-set t\n", "profile p\n", 1)
    pair = make_pair((text, with_profile(2, 1)), (PORTS, PORTS))
    pair.run(3)
    assert not line_protocol(pair.a)
    assert "Tunnel0: down until it has a profile with a transform set" in pair.log(pair.a)
    start = len(pair.frames)
    assert pair.ping(pair.a, "10.255.0.2", "10.255.0.1", 2).marks == ".."
    assert GRE not in {packet.protocol for packet in sent(pair, start)}


QOS = """\
class-map voice
 match access-group name voice
policy-map p
 class voice
  priority level 1
interface GigabitEthernet0/0
 service-policy output p
ip access-list extended voice
 permit icmp any any
"""


def test_pre_classify_is_said_of_the_tunnel_and_of_the_crypto_map() -> None:
    """Both, as IOS has it: one keeps the class over GRE, the other over encryption."""

    def counted(tunnel: str, crypto_map: str) -> int:
        text = router(1, 2).replace("\nend\n", f"\n{QOS}end\n")
        text = text.replace(" match address 101\n", f" match address 101\n{crypto_map}")
        text = text.replace("interface Tunnel0\n", f"interface Tunnel0\n{tunnel}")
        pair = make_pair((text, router(2, 1)), (PORTS, PORTS))
        near = add_host(pair.a, 2, "192.168.1.10/24", "192.168.1.1")
        add_host(pair.b, 2, "192.168.2.10/24", "192.168.2.1")
        assert host_ping(pair, near, "192.168.2.10", 3, interval=2.0) == ".!!"
        (view,) = pair.a.router.agent.service_policies()
        return view.classes[0].packets

    say = " qos pre-classify\n"
    assert (counted(say, say), counted(say, "")) == (2, 0)
