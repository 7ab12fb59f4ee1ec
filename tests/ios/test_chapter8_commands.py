"""The commands of the guide's chapter 8: ranges, defaults, what is refused, what is shown."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from ios_fakes import FakeRouter
from ipsecplane.config import RouterConfig
from ipsecplane.ios.configuration import body
from ipsecplane.ios.loader import ConfigurationErrors, load_running_config
from ipsecplane.ios.session import Session
from ipsecplane.ios.show.qos import class_map
from ipsecplane.ios.store import ConfigurationStore
from ipsecplane.qos.policy import ClassMap, Mark, Match, Police, PolicyClass, Priority, Rate
from ipsecplane.views import ClassView, ServicePolicyView
from parsed import genie_parsed

CLASSES = """\
class-map match-all c1
 match precedence 0 1 2 3
class-map match-any voice
 match dscp ef cs5
 match qos-group 49
class-map match-all other
 match not ip dscp 10
 match access-group name six
 match access-group 101
 match protocol ipv6
 description what is left
class-map match-any everything
 match any
"""

KNOWN = "a class may have priority, bandwidth, police, queue-limit and set"

GUIDE = """\
platform ipsec llq qos-group 1
platform ipsec llq qos-group 49
class-map match-all c2
 match precedence 5 6 7
class-map match-all c1
 match precedence 0 1 2 3
policy-map p1
 class c1
 priority percent 10
 class c2
 bandwidth remaining percent 3
crypto ipsec transform-set ESP-3DES-SHA esp-3des esp-sha-hmac
crypto map ipv6 CMAP_1 1 ipsec-isakmp
 set peer address 2001:DB8:FFFF::1
 set transform-set ESP-3DES-SHA
 match address 102
 qos pre-classify
interface GigabitEthernet0/0/1
 ipv6 address 2001:DB8:FFFF::2/64
 ipv6 crypto map CMAP_1
 service-policy output p1
interface Tunnel1
 ipv6 address 2001:DB8:2::F/64
 qos pre-classify
"""


def load(text: str) -> RouterConfig:
    return load_running_config(f"{text}end\n")[1]


def shown(text: str) -> str:
    return body(load_running_config(f"{text}end\n")[0])


def in_policy(*lines: str, policy_class: str = "c1") -> str:
    return CLASSES + f"policy-map p\n class {policy_class}\n" + "".join(f"  {x}\n" for x in lines)


def the_class(*lines: str, policy_class: str = "c1") -> PolicyClass:
    (one,) = load(in_policy(*lines, policy_class=policy_class)).policy_maps["p"].classes
    return one


def refusal(text: str) -> str:
    with pytest.raises(ConfigurationErrors) as raised:
        load(text)
    return raised.value.errors[0].message


def test_the_guides_examples_load_and_are_shown_with_their_indentation() -> None:
    printed = shown(GUIDE)
    for section in (
        "policy-map p1\n class c1\n  priority percent 10\n class c2\n",
        " class c2\n  bandwidth remaining percent 3\n",
        "platform ipsec llq qos-group 1\nplatform ipsec llq qos-group 49\n",
        " ipv6 crypto map CMAP_1\n service-policy output p1\n",
        " set peer 2001:DB8:FFFF::1\n",
        "match address 102\n qos pre-classify\n",
        " qos pre-classify\n!",
    ):
        assert section in printed
    assert load_running_config(printed)[1] == load(GUIDE)


def test_what_the_guides_examples_mean() -> None:
    router = load(GUIDE)
    assert router.llq_qos_groups == (1, 49)
    (c1, c2) = router.policy_maps["p1"].classes
    assert c1.priority == Priority(rate=Rate(percent=10))
    assert c2.remaining_percent == 3
    assert router.crypto_maps["CMAP_1"].entries[0].pre_classify
    physical, tunnel = router.interfaces[1], router.interfaces[0]
    assert (tunnel.name, tunnel.pre_classify) == ("Tunnel1", True)
    assert (physical.output_policy, physical.input_policy) == ("p1", None)


def test_class_maps() -> None:
    maps = load(CLASSES).class_maps
    assert maps["voice"] == ClassMap(
        "voice", True, (Match("dscp", (46, 40)), Match("qos-group", (49,)))
    )
    assert maps["other"] == ClassMap("other", False, (
        Match("dscp", (10,), "", 4, True), Match("access-group", name="six"),
        Match("access-group", name="101"), Match("protocol", name="ipv6"),
    ), "what is left")  # fmt: skip
    assert maps["everything"].matches == (Match("any"),)
    assert load(shown(CLASSES).removesuffix("end\n")).class_maps == maps


def test_a_class_map_without_kind_is_match_all_or_what_it_was() -> None:
    text = (
        "class-map new\nclass-map match-any voice\n match dscp ef\nclass-map voice\n match dscp 1\n"
    )
    maps = load(text).class_maps
    assert not maps["new"].match_any
    assert maps["voice"] == ClassMap("voice", True, (Match("dscp", (46,)), Match("dscp", (1,))))


@pytest.mark.parametrize(
    ("line", "wanted"),
    [
        ("priority", Priority()),
        ("priority level 2", Priority(2, named_level=True)),
        ("priority 100", Priority(rate=Rate(kbps=100))),
        ("priority 100 5000", Priority(rate=Rate(kbps=100), burst=5000)),
        ("priority level 1 percent 20", Priority(1, Rate(percent=20), named_level=True)),
    ],
)
def test_priority(line: str, wanted: Priority) -> None:
    assert the_class(line).priority == wanted
    assert f"\n  {line}\n" in shown(in_policy(line))


@pytest.mark.parametrize(
    ("line", "wanted", "printed"),
    [
        ("police 128000", Police(128000), "police cir 128000"),
        ("police cir 8000 bc 2000", Police(8000, burst=2000), "police cir 8000 bc 2000"),
        ("police cir percent 5", Police(percent=5), "police cir percent 5"),
        ("police rate 9000 bps conform-action transmit exceed-action drop", Police(9000),
         "police cir 9000"),
    ],
)  # fmt: skip
def test_police(line: str, wanted: Police, printed: str) -> None:
    assert the_class("priority level 1", line).police == wanted
    assert f"\n  {printed}\n" in shown(in_policy("priority level 1", line))


def test_other_actions() -> None:
    assert the_class("bandwidth 64").bandwidth == Rate(kbps=64)
    assert the_class("bandwidth percent 7", "queue-limit 9").queue_limit == 9
    assert the_class("bandwidth remaining ratio 4").remaining_ratio == 4
    marks = the_class("set qos-group 20", "set dscp ef")
    assert marks.mark == Mark(20, 46)
    assert the_class("set ip precedence critical").mark == Mark(precedence=5)
    assert the_class("bandwidth 64", "bandwidth remaining percent 9").bandwidth is None
    assert the_class("set qos-group 1", policy_class="class-default").name == "class-default"


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (in_policy("priority", "bandwidth 64"),
         "% bandwidth and priority cannot be configured in the same class"),
        (in_policy("priority percent 10", "police 8000"),
         "% police and priority with a rate cannot be configured in the same class"),
        (in_policy("police 8000") + "interface GigabitEthernet0/0\n service-policy input p\n",
         "% Class c1 of policy-map p: police is supported in output policies only: it is the"
         " crypto engine's queues that police"),
        (in_policy("shape average 8000000"), f"% shape is not modelled: {KNOWN}"),
        (in_policy("random-detect dscp-based"), f"% random-detect is not modelled: {KNOWN}"),
        (in_policy("fair-queue"), f"% fair-queue is not modelled: {KNOWN}"),
        (in_policy("service-policy child"),
         f"% a policy map inside a class is not modelled: {KNOWN}"),
        (in_policy("priority", policy_class="class-default"),
         "% priority command is not supported in class-default"),
        (in_policy("set dscp 1", "set precedence 2"),
         "% set dscp and set precedence cannot be configured in the same class"),
        (in_policy("queue-limit 9"), "% queue-limit needs bandwidth or priority in the class"),
        (in_policy(policy_class="nobody"), "% class map nobody not configured"),
        (in_policy("bandwidth percent 60") + " class voice\n  priority percent 50\n",
         "Sum total of class bandwidths exceeds 100 percent"),
        (in_policy("bandwidth remaining percent 60") + " class voice\n  bandwidth 7\n",
         "% bandwidth and bandwidth remaining percent cannot be configured in the same policy-map"),
        (in_policy("priority") + " class voice\n  priority level 1\n",
         "% priority and priority level cannot be configured in the same policy-map"),
        ("interface GigabitEthernet0/0\n service-policy output p\n",
         "% policy map p not configured"),
        (in_policy("priority") + "interface GigabitEthernet0/0\n service-policy input p\n",
         "% Class c1 of policy-map p: queueing is supported in output policies only"),
        (in_policy("set qos-group 1") + "interface GigabitEthernet0/0\n service-policy output p\n",
         "% Class c1 of policy-map p: set qos-group is supported in input policies only"),
        (in_policy("bandwidth 20000") + "interface Ethernet0/0\n service-policy output p\n",
         "I/f Ethernet0/0 class c1 requested bandwidth 20000 (kbps), available only 10000 (kbps)"),
        ("class-map class-default\n",
         "% class-default is a well-known class and is not configurable"),
        ("class-map c\n match dscp 1 2 3 4 5 6 7 8 9\n", "% At most 8 dscp values may be given"),
        ("class-map c\n match precedence 1 2 3 4 5\n",
         "% At most 4 precedence values may be given"),
    ],
)  # fmt: skip
def test_what_is_refused(text: str, message: str) -> None:
    assert refusal(text) == message


@pytest.mark.parametrize(
    "line",
    [
        "match dscp 64",
        "match precedence 8",
        "match qos-group 100",
        "match dscp",
        "match protocol x",
    ],
)
def test_values_out_of_range(line: str) -> None:
    with pytest.raises(ConfigurationErrors):
        load(f"class-map c\n {line}\n")


@pytest.mark.parametrize("group", [0, 100])
def test_llq_groups_are_1_to_99(group: int) -> None:
    with pytest.raises(ConfigurationErrors):
        load(f"platform ipsec llq qos-group {group}\n")
    assert load("platform ipsec llq qos-group 99\n").llq_qos_groups == (99,)


# -- at the terminal ---------------------------------------------------------------------------


@pytest.fixture
def terminal() -> Callable[[str], str]:
    store = ConfigurationStore.load(f"{GUIDE}end\n")
    router = FakeRouter(store.router)
    router.policy_views = views(store.router)
    session = Session(router, store)

    def run(lines: str) -> str:
        for line in lines.splitlines():
            session.submit(line)
        return session.read() + (session.prompt if lines.startswith("conf") else "")

    return run


def views(router: RouterConfig) -> list[ServicePolicyView]:
    policy = router.policy_maps["p1"]
    (c1, c2) = policy.classes
    classes = (
        ClassView(c1, 12, 1200, 10, 1000, 10, 900, 0, 2, 200, 8000, 16),
        ClassView(c2, 30, 3000, 23, 2300, 23, 2100, 7, 0, 0, 4000, 0),
        ClassView(policy.default, 5, 500, 5, 500),
    )
    return [ServicePolicyView("GigabitEthernet0/0/1", "output", policy, 1_000_000, classes)]


def test_modes_have_their_prompts_and_end_where_the_next_begins(
    terminal: Callable[[str], str],
) -> None:
    assert terminal("conf t\npolicy-map new\nclass c1").endswith("(config-pmap-c)#")
    assert terminal("conf t\npolicy-map new\nclass c1\nclass c2\nset dscp 3").endswith("-pmap-c)#")
    assert terminal("conf t\nclass-map c9\nmatch any").endswith("(config-cmap)#")
    terminal("end")
    assert " class c1\n class c2\n  set dscp 3\n" in terminal("show running-config | section new")


def test_a_refused_line_changes_nothing(terminal: Callable[[str], str]) -> None:
    before = terminal("show running-config")
    assert "same class" in terminal("conf t\npolicy-map p1\nclass c1\nbandwidth 64\nend")
    assert "not configured" in terminal("conf t\nno class-map c1\nend")
    assert "not configured" in terminal("conf t\nno policy-map p1\nend")
    assert terminal("show running-config") == before


def test_removing(terminal: Callable[[str], str]) -> None:
    terminal("conf t\ninterface GigabitEthernet0/0/1\nno service-policy output\nexit")
    terminal("policy-map p1\nno class c2\nclass c1\nno priority\nexit\nexit\nno class-map c2\nend")
    assert "service-policy" not in terminal("show running-config")
    assert terminal("show policy-map") == "  Policy Map p1\n    Class c1\n"
    assert terminal("show class-map c2") == "% class map c2 not configured\n"


def test_genie_reads_every_field(terminal: Callable[[str], str]) -> None:
    printed = {c: terminal(c) for c in ("show policy-map", "show policy-map interface")}
    voice = ClassMap("voice", True, (Match("dscp", (46, 10)),))  # it knows no precedence
    printed["show class-map"] = "\n".join(class_map([voice]))
    genie = genie_parsed(printed)
    assert genie["show class-map"]["class_maps"]["voice"] == {
        "match_criteria": "match-any", "cm_id": 1,
        "index": {"1": {"match": {"dscp": ["ef", "af11"]}}},
    }  # fmt: skip
    (policy,) = genie["show policy-map"]["policy_map"].values()
    assert policy["class"]["c1"]["priority_percent"] == 10
    assert policy["class"]["c2"]["bandwidth_remaining_percent"] == 3
    (interface,) = genie["show policy-map interface"].values()
    (found,) = interface["service_policy"]["output"]["policy_name"].values()
    c1, c2 = found["class_map"]["c1"], found["class_map"]["c2"]
    assert (c1["packets"], c1["bytes"]) == (12, 1200)
    assert c1["rate"] == {"interval": 300, "offered_rate_bps": 8000, "drop_rate_bps": 16}
    assert c1["priority"]["percent"] == 10
    assert c1["priority"]["kbps"] == 100_000
    assert c1["priority"]["exceed_drops"] == 2
    assert (c2["packets"], c2["pkts_output"], c2["bytes_output"]) == (30, 23, 2300)
    assert (c2["total_drops"], c2["queue_limit_packets"]) == (7, "64")
    assert c2["bandwidth_remaining_percent"] == 3
    assert found["class_map"]["class-default"]["packets"] == 5


def test_one_class_alone(terminal: Callable[[str], str]) -> None:
    printed = terminal("show policy-map interface gi0/0/1 output class c2")
    assert "Class-map: c2 (match-all)" in printed
    assert "c1" not in printed
