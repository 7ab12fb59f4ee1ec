"""What the tables should hold for modular QoS: a pure function of the plan (docs/contracts.md)."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Final

from ipsecplane.ipsec.selectors import Cube
from ipsecplane.qos.engine import LLQ_GROUPS, EngineClass
from ipsecplane.qos.plan import Attachment, QosPlan
from ipsecplane.qos.policy import INPUT, OUTPUT

from .tables import MatchValue, TableEntry, Ternary, entry

_FIRST_QUEUE: Final = 100  # above what a configuration can name
_INPUT: Final = ("classify_in", "set_class_in")
_OUTPUT: Final = ("classify", "set_class")
_TUNNEL: Final = ("classify_tunnel", "set_tunnel_class")


@dataclass(frozen=True, slots=True)
class TunnelWay:
    """A tunnel interface that is up, and the interface by which its packets leave.

    `original`: the policy of that one goes by what the tunnel carries (`qos pre-classify`).
    """

    tunnel: str
    leaves_by: str
    original: bool


def desired_class_entries(
    plan: QosPlan, if_ids: Mapping[str, int], ways: Iterable[TunnelWay] = ()
) -> Iterator[TableEntry]:
    """The pipeline's rows. `if_ids` has the interfaces that are up, `ways` the tunnels of these."""
    tunnels = set()
    for way in ways:
        tunnels.add(way.tunnel)
        if plan.attached(way.leaves_by, OUTPUT) is not None and way.leaves_by in if_ids:
            params = {"if_id": if_ids[way.leaves_by], "pre_classify": int(way.original)}
            yield entry("tunnel_out", {"if_id": if_ids[way.tunnel]}, "leaves_by", params)
    for attachment in plan.attachments:
        if attachment.interface in if_ids:
            tunnel = attachment.interface in tunnels
            yield from _rules(attachment, if_ids[attachment.interface], tunnel)
    for number, one in plan.input_classes.items():
        dscp, mask = one.mark.dscp_field
        params = {"qos_group": one.mark.qos_group or 0, "dscp": dscp, "dscp_mask": mask}
        yield entry("class_in", {"qos_class": number}, "mark", params)
    for number, one in plan.output_classes.items():
        dscp, mask = one.mark.dscp_field
        level = one.priority.level if one.priority is not None else 0
        queue = _queue(plan.engine_numbers.get(number, 0))
        params = {"level": level, "queue": queue, "dscp": dscp, "dscp_mask": mask}
        yield entry("class_out", {"qos_class": number}, "treat", params)
        if tunnels:
            yield entry("class_tunnel", {"qos_class": number}, "treat_tunnel", params)
    for group in plan.llq_groups:
        yield entry("llq_group", {"qos_group": group}, "low_latency_queue")


def pre_classified(sa_index: int) -> TableEntry:
    """The row of an SA whose packets keep the class that they had before encryption."""
    return entry("pre_classified", {"sa_index": sa_index}, "pre_classify")


def decrypted_by(sa_index: int, tunnel: int) -> TableEntry:
    """The row of an SA whose packets come in by `tunnel`, so that its policy sees them."""
    return entry("tunnel_in", {"sa_index": sa_index}, "decrypted_by", {"if_id": tunnel})


def desired_engine_entries(plan: QosPlan) -> Iterator[TableEntry]:
    """The accelerator's rows: which class requests belong to, and its rules."""
    for one in plan.engine:
        yield _engine_class(one)
    for number in plan.engine_numbers.values():
        yield _select(_queue(number), number)
    for group in plan.llq_groups:
        yield _select(group, LLQ_GROUPS)


def _rules(attachment: Attachment, if_id: int, tunnel: bool) -> Iterator[TableEntry]:
    outward = _TUNNEL if tunnel else _OUTPUT
    table, action = _INPUT if attachment.direction == INPUT else outward
    for version, rules in attachment.rules.items():
        for rank, rule in enumerate(rules):
            if attachment.direction == INPUT and rule.cube.qos_group.value:
                continue  # nothing that comes in has a qos-group
            match = {"if_id": if_id, **_selector(rule.cube, attachment.direction)}
            params = {"qos_class": attachment.numbers[rule.index]}
            yield entry(f"{table}_v{version}", match, action, params, len(rules) - rank)


def _selector(cube: Cube, direction: str) -> dict[str, MatchValue]:
    fields = {name: Ternary(masked.value, masked.mask) for name, masked in cube.fields}
    if direction == INPUT:
        del fields["qos_group"]
    return {**fields}


def _engine_class(one: EngineClass) -> TableEntry:
    params = {
        "level": one.level,
        "weight": one.weight,
        "limit": one.limit,
        "police_rate": one.police_rate,
        "police_burst": one.police_burst,
        "conditional": int(one.conditional),
    }
    return entry("llq_class", {"class_id": one.number}, "queue_class", params)


def _queue(engine_number: int) -> int:
    """What the crypto header's `qos_group` says for a class of the engine; 0 = class-default."""
    return _FIRST_QUEUE + engine_number if engine_number else 0


def _select(queue: int, engine_number: int) -> TableEntry:
    match = {"qos_group": Ternary(queue, 0xFF)}
    return entry("llq_select", match, "select_class", {"class_id": engine_number}, 1)


ORIGIN_OCTETS: Final = {0: 0, 1: 4, 2: 32, 3: 32, 4: 32, 6: 0}
"""Octets that the pipeline counts beyond a frame's, by the origin of a packet (origin_t).

What comes from the host or the accelerator has a header more when it comes into the pipeline.
6 stands for what passes once more: into or out of a GRE tunnel.
"""


def counter_index(if_id: int, number: int, origin: int) -> int:
    """A cell of the class counters: interface (8 bits), class (6), origin (3)."""
    return (if_id & 0xFF) << 9 | number << 3 | origin


def drop_index(engine_number: int, above_limit: bool) -> int:
    """A cell of the accelerator's `llq_drops`."""
    return engine_number << 1 | above_limit
