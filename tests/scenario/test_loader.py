"""Scenarios as values, and every kind of mistake with its line and field."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path

import pytest
from ipsecsim.network.host import HostConfig
from ipsecsim.network.link import Impairments
from ipsecsim.network.packet import mac_text
from ipsecsim.network.ping import PingOptions
from ipsecsim.scenario.document import ScenarioError
from ipsecsim.scenario.loader import load_scenario
from ipsecsim.scenario.model import (
    Comparison,
    Edit,
    Exec,
    HostAction,
    LinkImpair,
    Scenario,
    Subject,
)

GOOD = """\
name: a test
seed: 7
start: 2020-01-01T00:00:00+01:00
parameters:
  recovery:
    default: on
    choices:
      on:
      off: [{remove: crypto isakmp invalid-spi-recovery}]
routers:
  a: {config: a.cfg}
  b: {config: b.cfg}
hosts:
  h: {addresses: [10.0.0.9/24, "fd00::9/64"], gateways: [10.0.0.1]}
links:
  wan: {ends: [a.Fa0/0, b.Fa1/0], latency: 1ms, bandwidth: 2 Mbit/s, loss: 5%}
  lan: {ends: [a.Fa0/1, h]}
timeline:
  - router: a
    exec: [show clock, {command: ping, answers: [ip, ~, 5]}]
    save: {year: '(\\d{4})'}
    expect: [{contains: x, when: {recovery: off}}, {number: 'a(\\d)', at_least: 1}]
  - link: wan
    impair: {loss: 10%, from: a.Fa0/0}
  - host: h
    ping: {target: 10.0.0.1, count: 3, df: true, dscp: 46}
    background: p
  - join: p
    expect:
      - {flow: p, field: received, equals: 3}
      - {link: wan, packets: {IP.proto: 51, AH.spi: "0x${year}"}, at_least: 1}
  - {outage: {router: a, device: pipeline, for: 3s}}
  - {reboot: a, device_state: kept, when: {recovery: [on, off]}}
"""


def write(folder: Path, text: str) -> Path:
    for name in "ab":
        (folder / f"{name}.cfg").write_text("hostname x\n")
    (folder / "scenario.yaml").write_text(text)
    return folder


def load(folder: Path, text: str) -> Scenario:
    return load_scenario(write(folder, text))


def test_everything_is_read(tmp_path: Path) -> None:
    scenario = load(tmp_path, GOOD)
    assert (scenario.name, scenario.seed) == ("a test", 7)
    assert scenario.start == datetime(2019, 12, 31, 23, tzinfo=UTC)
    edit = scenario.parameters["recovery"].choices["off"][0]
    assert (edit.kind, edit.router, edit.place.line) == (Edit.REMOVE, None, 9)
    wan = scenario.links["wan"]
    assert wan.impairments == Impairments(latency=0.001, bandwidth=2e6, loss=0.05)
    assert [str(end) for end in wan.ends] == ["a.Fa0/0", "b.Fa1/0"]
    host = scenario.hosts["h"].config
    assert isinstance(host, HostConfig)
    assert [str(address) for address in host.addresses] == ["10.0.0.9/24", "fd00::9/64"]
    assert mac_text(host.mac) == "02:00:00:fe:00:01"
    first, impair, ping, join = scenario.timeline[:4]
    assert isinstance(first.action, Exec)
    assert first.action.lines[1].answers == ("ip", "", "5")
    assert first.expect[0].when == {"recovery": ("off",)}
    assert first.expect[1].comparison == Comparison(at_least=1)
    assert impair.action == LinkImpair("wan", {"loss": 0.1}, "a.Fa0/0")
    assert isinstance(ping.action, HostAction)
    options = ping.action.options
    assert isinstance(options, PingOptions)
    assert (options.count, options.dont_fragment, options.traffic_class) == (3, True, 184)
    assert [e.subject for e in join.expect] == [Subject.FLOW, Subject.PACKETS]


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ("seed: 7", "sead: 7", "2:1: sead: unknown field; did you mean 'seed'?"),
        ("name: a test", "name: 5", "1:7: name: is a number, needs text"),
        ("seed: 7", "seed: [7]", "2:7: seed: is a list, needs a whole number or text"),
        ("2020-01-01T00:00:00+01:00", "soon", "3:8: start: 'soon' is no ISO 8601 time"),
        ("default: on", "default: maybe", "6:14: parameters.recovery.default: 'maybe' is none of"),
        ("[{remove:", "[{remove: x, append:", "needs exactly one of remove, replace, append"),
        ("[{remove:", "[{replace:", "replace and with go together"),
        ("a.cfg}", "c.cfg}", "11:15: routers.a.config: no such file"),
        ("  a: {config", "  a.b: {config", "11:3: routers.a.b: 'a.b' is no name"),
        ("{config: b.cfg}", "{}", "12:6: routers.b: needs config"),
        ("10.0.0.9/24", "10.0.0.900/24", "14:19: hosts.h.addresses[0]: '10.0.0.900/24'"),
        ("[10.0.0.1]", "[10.0.0.1, 10.0.0.2]", "hosts.h.gateways: at most one gateway"),
        ("  h: {", "  b: {", "14:3: hosts.b: is the name of a router too"),
        ("1ms", "1 parsec", "16:44: links.wan.latency: '1 parsec' is no duration"),
        ("2 Mbit/s", "0", "links.wan.bandwidth: a bandwidth is more than 0"),
        ("5%", "500%", "links.wan.loss: probability '500%' is more than 100%"),
        ("b.Fa1/0]", "c.Fa1/0]", "16:25: links.wan.ends[1]: no router, host or NAT 'c'"),
        ("b.Fa1/0]", "b]", "links.wan.ends[1]: router 'b' needs an interface"),
        ("b.Fa1/0]", "a.Fa0/0]", "links.wan.ends[1]: a.Fa0/0 is on link 'wan' already"),
        ("a.Fa0/1, h]", "a.Fa0/1, h.eth0]", "host 'h' has one interface"),
        ("- router: a", "- router: z", "19:13: timeline[0].router: no router 'z' (a, b)"),
        ("exec: [show clock", "exec: [1", "timeline[0].exec[0]: is a number, needs text or a"),
        ("'(\\d{4})'", "'\\d{4}'", "timeline[0].save.year: needs 1 group in parentheses, has 0"),
        ("'a(\\d)'", "'a(\\d'", "timeline[0].expect[1].number: no regular expression"),
        (", at_least: 1}]", "}]", "timeline[0].expect[1]: number needs equals"),
        ("{recovery: off}}", "{recover: off}}", "no parameter 'recover' (recovery)"),
        ("{recovery: off}}", "{recovery: of}}", "'of' is none of on, off"),
        (
            "link: wan\n    imp",
            "link: wand\n    imp",
            "timeline[1].link: no link 'wand' (wan, lan)",
        ),
        ("from: a.Fa0/0", "from: a.Fa0/1", "timeline[1].impair.from: no end of link 'wan'"),
        ("  - link: wan\n", "  - link: wan\n    state: up\n", "link needs either state or impair"),
        ("  - host: h", "  - host: g", "timeline[2].host: no host 'g' (h)"),
        ("target: 10.0.0.1,", "target: nowhere,", "timeline[2].ping.target: 'nowhere'"),
        ("count: 3", "count: 0", "timeline[2].ping.count: 0 is less than the minimum"),
        ("join: p", "join: q", "timeline[3].join: nothing named 'q' was started before"),
        ("${year}", "${month}", "packets.AH.spi: ${month} was not saved"),
        ("IP.proto", "proto", "write LAYER.FIELD"),
        ("IP.proto", "IP.protocol", "scapy's IP has no field 'protocol'"),
        ("AH.spi", "AHH.spi", "scapy has no layer 'AHH'"),
        ("{flow: p, field: received, ", "{flow: p, ", "timeline[3].expect[0]: flow needs field"),
        ("device: pipeline", "device: cpu", "'cpu' is none of pipeline, accelerator"),
        ("reboot: a,", "reboot: a, wait: 3s,", "timeline[5]: one action a step, not wait and"),
        ("background: p\n  -", "background: p\n    timeout: 3s\n  -", "timeout: goes with exec"),
        ("contains: x,", "", "timeline[0].expect[0]: says nothing about the output"),
        ("contains: x,", "log: x,", "timeline[0].expect[0]: log needs router"),
        ("{flow: p,", "{contains: x, flow: p,", "contains goes with the output of a command"),
    ],
)
def test_mistakes(tmp_path: Path, old: str, new: str, message: str) -> None:
    assert GOOD.count(old) >= 1, "the case does not change anything"
    with pytest.raises(ScenarioError) as caught:
        load(tmp_path, GOOD.replace(old, new, 1))
    assert message in str(caught.value)
    for line in str(caught.value).splitlines():
        assert line.startswith(f"{tmp_path / 'scenario.yaml'}:")


def test_all_mistakes_are_told_at_once(tmp_path: Path) -> None:
    wrong = GOOD.replace("1ms", "1 parsec").replace("5%", "x").replace("b.Fa1/0", "c.Fa1/0")
    with pytest.raises(ScenarioError) as caught:
        load(tmp_path, wrong)
    assert [problem.field for problem in caught.value.problems] == [
        "links.wan.ends[1]",
        "links.wan.latency",
        "links.wan.loss",
    ]


def test_a_folder_without_a_scenario(tmp_path: Path) -> None:
    with pytest.raises(ScenarioError, match=r"no scenario\.yaml in it"):
        load_scenario(tmp_path)
    with pytest.raises(ScenarioError, match="no such folder"):
        load_scenario(tmp_path / "absent")
