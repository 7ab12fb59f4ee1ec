"""What commands see: counters are the data plane's, and survive what their rows do not."""

from __future__ import annotations

from dataclasses import replace
from ipaddress import IPv4Address, IPv6Address, IPv6Interface, IPv6Network, ip_address

from configs import PORTS, both
from ipsecplane.agent import Agent, AgentOptions
from ipsecplane.agent.options import ReplayUnit
from ipsecplane.config import (
    AccessList,
    AccessListEntry,
    CryptoMap,
    IsakmpKey,
    RouterConfig,
    WildcardAddress,
)
from ipsecplane.net.icmp import IcmpMessage, Kind
from ipsecplane.net.ip import EthernetFrame
from ipsecplane.targets.program import load_program
from ipsecplane.targets.session import Counts
from ipsecplane.targets.tables import entry
from ipsecplane.views import IdentView, RouterOperations
from routers import Pair, Site, make_pair


def tunnel() -> Pair:
    pair = make_pair(both(), (PORTS, PORTS))
    assert pings(pair, 3) == ".!!"
    return pair


def pings(pair: Pair, count: int) -> str:
    return pair.ping(pair.a, "192.168.2.1", "192.168.1.1", count).marks


def ident(site: Site) -> IdentView:
    return site.router.agent.idents()[0]


def test_the_agent_is_what_commands_expect() -> None:
    operations: RouterOperations = tunnel().a.router.agent
    assert operations.config.hostname == "one"


def test_access_list_matches_are_kept_when_rows_go() -> None:
    pair = tunnel()
    agent = pair.a.router.agent
    assert agent.access_list_matches("101") == {10: 3}
    agent.clear_sas()
    pings(pair, 2)
    assert agent.access_list_matches("101") == {10: 5}
    config = agent.config
    bare = tuple(replace(i, crypto_map=None) for i in config.interfaces)
    agent.configure(replace(config, interfaces=bare))
    assert agent.access_list_matches("101") == {10: 5}
    agent.configure(config)
    pings(pair, 1)
    assert agent.access_list_matches("101")[10] == 6


def test_counters_of_a_flow_go_on_through_a_rekey_and_start_anew_when_cleared() -> None:
    pair = tunnel()
    agent = pair.a.router.agent
    assert (ident(pair.a).encaps, ident(pair.a).send_errors, ident(pair.a).no_sa) == (2, 0, 1)
    plane = agent._plane
    with plane.working():
        plane.crypto.negotiations.rekey(next(iter(plane.crypto.sad)), plane.now)
    pair.run(1)
    pings(pair, 3)
    assert ident(pair.a).encaps == 5
    agent.clear_counters()
    assert (ident(pair.a).encaps, ident(pair.a).send_errors) == (0, 0)
    pings(pair, 2)
    assert (ident(pair.a).encaps, ident(pair.a).decaps) == (2, 2)
    agent.clear_sas()
    assert (ident(pair.a).encaps, ident(pair.a).sas) == (0, ())


def test_engine_connections_count_each_direction() -> None:
    pair = tunnel()
    rows = {
        (row.type, row.encrypt, row.decrypt) for row in pair.a.router.agent.engine_connections()
    }
    assert rows == {("IKE", 0, 0), ("IPsec", 2, 0), ("IPsec", 0, 2)}
    names = {row.type: row.algorithm for row in pair.a.router.agent.engine_connections()}
    assert names == {"IKE": "SHA256+AES256", "IPsec": "AES256+SHA256"}


def test_errors_of_an_index_are_not_those_of_its_next_user() -> None:
    """The accelerator's error cells outlive SAs."""
    pair = tunnel()
    plane = pair.a.router.agent._plane
    (sa,) = plane.crypto.sad
    cell = 1 << 21 | sa.index << 5 | 8
    store = pair.a.accelerator.device._store
    store._sa_errors[cell].packets += 4
    assert ident(pair.a).verify_failed == ident(pair.a).receive_errors == 4
    pair.a.router.agent.clear_sas()
    plane.crypto.sad._free.remove(sa.index)
    plane.crypto.sad._free.appendleft(sa.index)
    pings(pair, 2)
    assert next(iter(plane.crypto.sad)).index == sa.index
    assert ident(pair.a).receive_errors == 0


def test_a_path_mtu_from_icmp_makes_the_tunnel_smaller_for_a_while() -> None:
    pair = tunnel()
    assert (ident(pair.a).path_mtu, ident(pair.a).plaintext_mtu) == (1500, 1438)
    start = len(pair.frames)
    assert pair.ping(pair.a, "192.168.2.1", "192.168.1.1", 1, size=1400, df_bit=True).marks == "!"
    esp = next(f for s, _, f, _ in pair.frames[start:] if s == "a" and f[23] == 50)
    error = IcmpMessage(Kind.TOO_BIG, 1400, esp[14:14 + 28])  # fmt: skip
    packet = error.packet(ip_address("203.0.113.200"), ip_address("203.0.113.1"))
    mac = next(i.mac for i in pair.a.router.agent.interfaces() if i.config.name == pair.a.wan)
    frame = EthernetFrame(int(mac.replace(".", ""), 16), 2, 0x0800, packet.encode()).encode()
    pair.a.pipeline.inject(1, frame)
    pair.run(0.01)
    assert (ident(pair.a).path_mtu, ident(pair.a).plaintext_mtu) == (1400, 1326)
    current = pair.a.router.agent._plane.programmer.current
    (index,) = [sa.index for sa in pair.a.router.agent._plane.crypto.sad]
    row = current[entry("path_mtu", {"sa_index": index}, "").key]
    assert row.param("mtu") == 1400
    big = pair.ping(pair.a, "192.168.2.1", "192.168.1.1", 1, size=1400, df_bit=True)
    assert big.marks == "M"
    start = len(pair.frames)
    assert pair.ping(pair.a, "192.168.2.1", "192.168.1.1", 2, size=1430).marks == "!!"
    sent = [len(f) - 14 for s, _, f, _ in pair.frames[start:] if s == "a" and f[23] == 50]
    assert len(sent) == 4
    assert max(sent) <= 1400
    pair.run(601)
    assert ident(pair.a).path_mtu == 1500


def test_the_accelerator_can_be_the_one_that_checks_replay() -> None:
    options = AgentOptions(
        load_program("ipsec"), load_program("accelerator"), replay=ReplayUnit.ACCELERATOR
    )
    pair = make_pair(both(), (PORTS, PORTS), options=options)
    assert pings(pair, 3) == ".!!"
    again = next(
        f for s, _, f, _ in pair.frames if s == "a" and f[12:14] == b"\x08\0" and f[23] == 50
    )
    pair.b.pipeline.inject(1, again)
    pair.run(0.1)
    assert (ident(pair.b).replay_errors, ident(pair.b).decaps) == (1, 2)
    assert "%CRYPTO-4-PKT_REPLAY_ERR" in pair.log(pair.b)


def test_ipv6_inside_and_outside() -> None:
    pair = make_pair(both(), (PORTS, PORTS), start=False)
    for site, local, remote in ((pair.a, 1, 2), (pair.b, 2, 1)):
        site.router.setup = replace(
            site.router.setup, config=with_ipv6(site.router.setup.config, local, remote)
        )
        site.router.agent = site.router._new_agent()
        site.router.start()
    pair.run(0.1)
    run = pair.ping(pair.a, "2001:db8:2::1", "2001:db8:1::1", 5)
    assert run.marks == ".!!!!"
    assert {f[20] for s, _, f, _ in pair.frames if f[12:14] == b"\x86\xdd"} >= {50, 17}
    assert isinstance(ident(pair.a).peer, IPv6Address)
    big = pair.ping(pair.a, "2001:db8:2::1", "2001:db8:1::1", 2, size=1280)
    assert big.marks == "!!"


def with_ipv6(config: RouterConfig, local: int, remote: int) -> RouterConfig:
    """The same router with IPv6 only, as the IOS layer does not write it yet."""
    wan, lan = config.interfaces
    line = AccessListEntry(
        10,
        True,
        None,
        *(
            WildcardAddress(IPv6Address(f"2001:db8:{n}::"), IPv6Address((1 << 80) - 1))
            for n in (local, remote)
        ),
    )
    (one,) = config.crypto_maps["wan"].entries
    peer = IPv6Address(f"2001:db8:ffff::{remote}")
    return replace(
        config,
        interfaces=(
            replace(wan, address=None, ipv6=(IPv6Interface(f"2001:db8:ffff::{local}/64"),)),
            replace(lan, address=None, ipv6=(IPv6Interface(f"2001:db8:{local}::1/64"),)),
        ),
        routes=(replace(config.routes[0], prefix=IPv6Network("::/0"), next_hop=peer),),
        access_lists={"101": AccessList("101", (line,))},
        isakmp_keys=(IsakmpKey("s3cret", IPv6Network("::/0")),),
        crypto_maps={"wan": CryptoMap("wan", (replace(one, peers=(peer,)),))},
    )


def test_views_of_interfaces_and_routes() -> None:
    pair = tunnel()
    agent = pair.a.router.agent
    wan, lan = agent.interfaces()
    assert (wan.up, wan.line_protocol, wan.port, lan.port) == (True, True, 1, 2)
    assert wan.mac != lan.mac
    shown = [(r.code, str(r.prefix), r.interface) for r in agent.routes()]
    assert shown == [
        ("S", "0.0.0.0/0", "GigabitEthernet0/0"),
        ("C", "192.168.1.0/24", "GigabitEthernet0/1"),
        ("L", "192.168.1.1/32", "GigabitEthernet0/1"),
        ("C", "203.0.113.0/24", "GigabitEthernet0/0"),
        ("L", "203.0.113.1/32", "GigabitEthernet0/0"),
    ]
    assert agent.routes()[0].next_hop == IPv4Address("203.0.113.2")


def test_the_log_is_bounded_and_limited() -> None:
    from ipsecplane.agent.log import Log
    from ipsecplane.config import LoggingConfig
    from ipsecplane.views import LogLine

    log = Log(LoggingConfig(buffered_size=1000, rate_limit=5))
    shown: list[LogLine] = []
    log.on_console = shown.append
    for number in range(100):
        log.add(LogLine(number / 10, "X", 4, "Y", f"message {number:03}"))
    view = log.view()
    assert (view.logged, view.rate_limited) == (50, 50)
    assert len(shown) == 50
    assert sum(len(line.text) for line in view.lines) <= 1000
    assert view.lines[-1].text == "message 094"
    log.add_limited(LogLine(100.0, "X", 4, "Z", "a"), "one")
    log.add_limited(LogLine(101.0, "X", 4, "Z", "a"), "one")
    log.add_limited(LogLine(101.0, "X", 4, "Z", "b"), "two")
    log.add_limited(LogLine(161.0, "X", 4, "Z", "c"), "one")
    assert [line.text for line in log.view().lines][-3:] == ["a", "b", "c"]


def counts(agent: Agent, name: str) -> tuple[int, int, int, int]:
    (one,) = [view for view in agent.interfaces() if view.config.name == name]
    return one.input_packets, one.input_bytes, one.output_packets, one.output_bytes


def test_interfaces_show_what_the_pipeline_counted_since_it_was_cleared() -> None:
    pair = tunnel()
    agent = pair.a.router.agent
    agent.clear_interface_counters()
    assert counts(agent, pair.a.wan) == (0, 0, 0, 0)
    before = len(pair.frames)
    pings(pair, 4)
    out = [f for s, _, f, _ in pair.frames[before:] if s == "a" and f[23] == 50]
    into = [f for s, _, f, _ in pair.frames[before:] if s == "b" and f[23] == 50]
    assert len(out) == len(into) == 4
    packets_in, bytes_in, packets_out, bytes_out = counts(agent, pair.a.wan)
    assert (packets_in, packets_out) == (4, 4)
    assert bytes_in == sum(map(len, into))
    assert bytes_out >= sum(map(len, out))  # v1model counts them with the crypto header
    agent.clear_interface_counters()
    assert counts(agent, pair.a.wan) == (0, 0, 0, 0)


def test_interfaces_of_a_pipeline_that_was_restarted_count_anew() -> None:
    pair = tunnel()
    agent = pair.a.router.agent
    pings(pair, 4)
    agent.clear_interface_counters()
    plane = agent._plane
    plane.interface_counters._sent_base = {  # more than a fresh pipeline has counted
        number: Counts(10_000, 10_000) for number in plane.interface_counters._sent_base
    }
    assert counts(agent, pair.a.wan)[2] >= 4
