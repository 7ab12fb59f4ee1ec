"""Changes of configuration while the router runs, and configurations that cannot work."""

from __future__ import annotations

from dataclasses import replace

import pytest
from configs import PORTS, both, router
from ipsecplane.config import RouterConfig
from ipsecplane.ios.loader import load_running_config
from routers import Pair, Site, make_pair


def tunnel() -> Pair:
    pair = make_pair(both(), (PORTS, PORTS))
    assert pings(pair, 3) == ".!!"
    return pair


def pings(pair: Pair, count: int) -> str:
    return pair.ping(pair.a, "192.168.2.1", "192.168.1.1", count).marks


def load(text: str) -> RouterConfig:
    return load_running_config(text)[1]


def sas(site: Site) -> int:
    return len(list(site.router.agent._plane.crypto.sad))


def test_the_same_configuration_again_changes_nothing() -> None:
    pair = tunnel()
    assert pair.a.router.agent.configure(pair.a.router.agent.config) == []
    assert sas(pair.a) == 1
    assert pings(pair, 2) == "!!"


def test_another_access_list_line_leaves_the_first_ones_sas() -> None:
    pair = tunnel()
    agent = pair.a.router.agent
    more = router(
        "one",
        1,
        2,
        extra="access-list 101 permit ip 192.168.1.0 0.0.0.255 172.16.0.0 0.0.255.255",
    )
    agent.configure(load(more))
    assert sas(pair.a) == 1
    assert len(agent.idents()) == 2
    assert pings(pair, 2) == "!!"


def test_taking_the_crypto_map_off_ends_its_sas_and_tells_the_peer() -> None:
    pair = tunnel()
    config = pair.a.router.agent.config
    interfaces = tuple(replace(i, crypto_map=None) for i in config.interfaces)
    pair.a.router.agent.configure(replace(config, interfaces=interfaces))
    pair.run(0.1)
    assert sas(pair.a) == sas(pair.b) == 0
    assert pair.a.router.agent.idents() == []


def test_shutdown_takes_routes_and_sas_away_and_no_shutdown_brings_traffic_back() -> None:
    pair = tunnel()
    agent, config = pair.a.router.agent, pair.a.router.agent.config
    down = tuple(replace(i, shutdown=i.name == pair.a.wan) for i in config.interfaces)
    agent.configure(replace(config, interfaces=down))
    assert "%LINK-5-CHANGED: Interface GigabitEthernet0/0, changed state to administratively" in (
        pair.log(pair.a)
    )
    assert [r.code for r in agent.routes()] == ["C", "L"]
    assert pings(pair, 1) == "."
    agent.configure(config)
    assert pings(pair, 6).endswith("!!!")


def test_a_new_policy_is_in_the_pipeline_before_the_interface_uses_it() -> None:
    """No packet that policy protects may pass in the clear while policy changes."""
    config = load(router("one", 1, 2))
    bare = tuple(replace(i, crypto_map=None) for i in config.interfaces)
    pair = make_pair(both(), (PORTS, PORTS))
    agent = pair.a.router.agent
    agent.configure(replace(config, interfaces=bare))
    order: list[str] = []
    transport = pair.a.pipeline.transport
    original = transport.write

    def write(request: object) -> None:
        for update in request.updates:  # type: ignore[attr-defined]
            codec = agent._plane.sessions["pipeline"].codec  # type: ignore[index]
            assert codec is not None
            order.append(str(codec.decode(update.entity.table_entry)))
        original(request)  # type: ignore[arg-type]

    transport.write = write  # type: ignore[method-assign]
    agent.configure(config)
    uses = next(n for n, text in enumerate(order) if text.startswith("interface_out"))
    rules = [n for n, text in enumerate(order) if text.startswith(("spd_out", "cleartext"))]
    assert rules
    assert max(rules) < uses


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"access_list": "access-list 199 permit ip any any"}, "incomplete, disabled until"),
        (
            {
                "access_list": "access-list 101 permit ip any host 192.168.2.1\n"
                "access-list 101 permit ip host 192.168.1.1 host 192.168.2.1"
            },
            "line 20 of access list 101 never matches: earlier lines cover it",
        ),
        (
            {"access_list": "access-list 101 permit ip 192.168.0.1 0.0.255.0 any"},
            "a wildcard mask with gaps cannot be negotiated",
        ),
        ({"transform": "esp-des esp-md5-hmac"}, "esp-des, esp-md5-hmac: weak"),
        (
            {"access_list": "crypto isakmp profile prof accounting list1"},
            "accounting list1: there is no AAA server to tell",
        ),
    ],
)
def test_what_cannot_work_or_should_not_be_used_is_told(
    change: dict[str, str], message: str
) -> None:
    text = router("one", 1, 2, **change)  # type: ignore[arg-type]
    pair = make_pair((text, router("two", 2, 1)), (PORTS, PORTS))
    assert message in pair.log(pair.a)
    quiet = make_pair(both(), (PORTS, PORTS))
    warnings = quiet.a.router.agent.configure(load(text))
    assert any(message in warning for warning in warnings)


def test_the_next_peer_is_tried_when_one_does_not_answer() -> None:
    peers = ("203.0.113.99", "203.0.113.2")
    pair = make_pair((router("one", 1, 2, peers=peers), router("two", 2, 1)), (PORTS, PORTS))
    assert pings(pair, 1) == "."
    pair.run(150)  # the retransmissions to the first one end
    assert pings(pair, 3) == ".!!"
    assert str(pair.a.router.agent.idents()[0].peer) == "203.0.113.2"


def test_a_wrong_key_is_told_as_ios_does_and_sets_nothing_up() -> None:
    pair = make_pair((router("one", 1, 2), router("two", 2, 1, key="other")), (PORTS, PORTS))
    assert pings(pair, 3) == "..."
    assert sas(pair.a) == sas(pair.b) == 0
    log = pair.log(pair.a) + pair.log(pair.b)
    assert "%CRYPTO-4-IKMP_BAD_MESSAGE: IKE message from" in log


def test_no_common_proposal_ends_without_sas() -> None:
    configs = router("one", 1, 2), router("two", 2, 1, transform="esp-aes 128 esp-sha-hmac")
    pair = make_pair(configs, (PORTS, PORTS))
    assert pings(pair, 3) == "..."
    assert sas(pair.a) == sas(pair.b) == 0


@pytest.mark.parametrize(
    "transform",
    [
        "esp-des esp-md5-hmac",
        "esp-3des esp-sha-hmac",
        "esp-aes 192 esp-sha384-hmac",
        "esp-gcm 256",
        "ah-sha256-hmac",
        "esp-null esp-sha512-hmac",
        "ah-md5-hmac esp-aes",
    ],
)
@pytest.mark.parametrize("mode", ["tunnel", "transport"])
def test_every_kind_of_transform_set_carries_traffic(transform: str, mode: str) -> None:
    own = "access-list 101 permit ip host 203.0.113.{} host 203.0.113.{}"
    configs = tuple(
        router(
            name,
            one,
            other,
            transform=f"{transform}\n mode {mode}",
            access_list=own.format(one, other) if mode == "transport" else None,
        )
        for name, one, other in (("one", 1, 2), ("two", 2, 1))
    )
    pair = make_pair((configs[0], configs[1]), (PORTS, PORTS))
    if mode == "transport":
        run = pair.ping(pair.a, "203.0.113.2", "203.0.113.1", 4)
    else:
        run = pair.ping(pair.a, "192.168.2.1", "192.168.1.1", 4)
    assert run.marks == ".!!!"
    settings = {sa.settings for sa in pair.a.router.agent.idents()[0].sas}
    assert settings == {mode.capitalize()}
    on_wire = {f[23] for _, _, f, _ in pair.frames if f[12:14] == b"\x08\0"}
    assert on_wire == {17, 51 if transform.startswith("ah") else 50}
