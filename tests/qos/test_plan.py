"""From policy maps to numbers and queues."""

from __future__ import annotations

import pytest
from ipsecplane.config import RouterConfig
from ipsecplane.ios.loader import load_running_config
from ipsecplane.qos.engine import LLQ_GROUPS, EngineClass
from ipsecplane.qos.plan import ClassNumbers, QosPlan, plan_qos

TEXT = """\
class-map match-all c2
 match precedence 5 6 7
class-map match-all c1
 match precedence 0 1 2 3
class-map match-any voice
 match dscp ef
policy-map p1
 class c1
  priority percent 10
 class c2
  bandwidth remaining percent 3
policy-map two
 class voice
  priority level 1
  police 1000000
 class c2
  priority level 2
 class c1
  bandwidth percent 20
  queue-limit 16
 class class-default
  bandwidth percent 10
policy-map marks
 class voice
  set qos-group 49
interface GigabitEthernet0/0
 ip address 192.0.2.1 255.255.255.0
 {first}
interface GigabitEthernet0/1
 bandwidth 10000
 ip address 198.51.100.1 255.255.255.0
 {second}
{more}
end
"""


def config(
    first: str = "no shutdown", second: str = "no shutdown", more: str = "!"
) -> RouterConfig:
    return load_running_config(TEXT.format(first=first, second=second, more=more))[1]


def plan(*lines: str) -> QosPlan:
    return plan_qos(config(*lines), ClassNumbers())


def test_nothing_attached_nothing_planned() -> None:
    assert plan() == QosPlan()


def test_the_guides_policy() -> None:
    """10 per cent of a gigabit under congestion, 200 ms of it at once; 3 and 97 of the rest."""
    found = plan("service-policy output p1")
    (one,) = found.attachments
    assert (one.interface, one.direction, one.numbers) == (
        "GigabitEthernet0/0",
        "output",
        (1, 2, 3),
    )
    assert found.engine == (
        EngineClass(0, weight=97),
        EngineClass(1, level=1, weight=0, police_rate=12_500_000, police_burst=2_500_000,
                    conditional=True),
        EngineClass(2, weight=3),
    )  # fmt: skip
    assert found.engine_numbers == {1: 1, 2: 2}


def test_levels_and_police() -> None:
    found = plan("no shutdown", "service-policy output two")
    assert found.engine == (
        EngineClass(1, level=1, weight=0, police_rate=125_000, police_burst=31_250),
        EngineClass(2, level=2, weight=0),
        EngineClass(3, weight=20, limit=16),
        EngineClass(4, weight=10),
    )
    assert list(found.engine_numbers) == [1, 2, 3, 4]


def test_police_without_priority_has_a_queue_that_weighs_as_the_rest() -> None:
    more = "policy-map p\n class c1\n  police 80000 bc 2000\n class c2\n  bandwidth percent 30\n"
    found = plan("service-policy output p", "no shutdown", f"!\n{more}")
    assert found.engine == (
        EngineClass(0, weight=70),
        EngineClass(1, weight=70, police_rate=10_000, police_burst=2_000),
        EngineClass(2, weight=30),
    )


def test_classes_without_a_queue_are_class_defaults() -> None:
    found = plan("service-policy input marks")
    assert (found.engine, found.engine_numbers) == ((), {})
    assert found.input_classes[1].mark.qos_group == 49


def test_one_policy_on_two_interfaces_has_its_numbers_once() -> None:
    found = plan("service-policy output p1", "service-policy output p1")
    assert [one.numbers for one in found.attachments] == [(1, 2, 3), (1, 2, 3)]
    assert len(found.engine) == 3


def test_llq_groups_have_a_class_of_their_own() -> None:
    found = plan("no shutdown", "no shutdown", "platform ipsec llq qos-group 49")
    assert found.llq_groups == (49,)
    assert found.engine == (EngineClass(LLQ_GROUPS, level=1, weight=0),)


def test_a_shut_down_interface_has_no_policy() -> None:
    assert plan("service-policy output p1\n shutdown").attachments == ()


def test_numbers_stay_as_long_as_others_are_free() -> None:
    numbers = ClassNumbers()
    first = numbers.of([("output", "p", "a"), ("output", "p", "b"), ("input", "p", "a")])
    assert list(first.values()) == [1, 2, 1]
    assert numbers.of([("output", "p", "b"), ("output", "p", "c")]) == {
        ("output", "p", "b"): 2,
        ("output", "p", "c"): 3,
    }
    many = [("output", "q", str(n)) for n in range(63)]
    found = numbers.of(many)
    assert sorted(found.values()) == list(range(1, 64))
    assert len(numbers.of([*many, ("output", "q", "one too many")])) == 63


@pytest.mark.parametrize("classes", [15, 62])
def test_too_many_queues_for_the_engine_share_class_defaults(classes: int) -> None:
    text = "".join(f"class-map c{n}\n match dscp {n}\n" for n in range(classes)) + "policy-map p\n"
    text += "".join(f" class c{n}\n  bandwidth remaining ratio 5\n" for n in range(classes - 1))
    text += f" class c{classes - 1}\n  priority\n"
    text += "interface GigabitEthernet0/0\n service-policy output p\nend\n"
    found = plan_qos(load_running_config(text)[1], ClassNumbers())
    assert found.engine[1].level == 1
    assert len(found.engine) == LLQ_GROUPS
    assert len(found.warnings) == classes - 14
    assert "the crypto engine has no queue left for it" in found.warnings[0]


def test_more_classes_than_numbers() -> None:
    text = "".join(f"class-map c{n}\n match dscp {n}\n" for n in range(63)) + "policy-map p\n"
    text += "".join(f" class c{n}\n" for n in range(63))
    text += "interface GigabitEthernet0/0\n service-policy output p\nend\n"
    found = plan_qos(load_running_config(text)[1], ClassNumbers())
    assert found.attachments == ()
    assert found.warnings == (
        "GigabitEthernet0/0: service-policy output p: more than 63 classes in use; not attached",
    )
