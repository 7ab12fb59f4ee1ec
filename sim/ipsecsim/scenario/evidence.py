"""What expectations look at besides text: packets on links, counters, flows and hosts."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict
from typing import Final

from scapy.config import conf as scapy_settings
from scapy.layers import inet6, ipsec, isakmp, l2  # noqa: F401  (they bind AH, ESP, IKE to IP)
from scapy.packet import Packet, bind_layers

from ipsecsim.network.host import Host
from ipsecsim.network.link import Link
from ipsecsim.network.nat import NatBox
from ipsecsim.network.ping import Ping
from ipsecsim.network.tcp_stack import TcpFlow
from ipsecsim.network.udp import UdpFlow

bind_layers(ipsec.AH, ipsec.ESP, nh=50)  # the AH+ESP bundle, which scapy does not look into

Activity = Ping | UdpFlow | TcpFlow
Fact = float | str | bool
ROUND_TRIPS: Final = "round_trips"
"""A field of pings and UDP flows that can be measured only: the time of every answer."""


class EvidenceError(Exception):
    """A question that cannot be answered: an unknown layer, field or counter."""


class Recorder:
    """Keeps what went over a link, for expectations about packets."""

    def __init__(self, link: Link) -> None:
        self.frames: list[tuple[str, bytes]] = []
        link.taps.append(lambda sender, time_ns, frame, fate: self.frames.append((sender, frame)))

    def count(self, wanted: Mapping[str, str], sender: str | None = None) -> int:
        """How many frames have all the wanted fields. Raises EvidenceError."""
        conditions = [(layer_named(name), name, value) for name, value in wanted.items()]
        return sum(
            sender in (None, by) and all(_has(packet, *condition) for condition in conditions)
            for by, packet in ((by, l2.Ether(frame)) for by, frame in self.frames)
        )


def layer_named(name: str) -> type[Packet]:
    """The scapy layer of "layer.field", checked to have the field. Raises EvidenceError."""
    layer, _, field = name.partition(".")
    for kind in scapy_settings.layers:
        if kind.__name__.lower() == layer.lower():
            if field not in {description.name for description in kind.fields_desc}:
                known = ", ".join(description.name for description in kind.fields_desc)
                raise EvidenceError(f"scapy's {kind.__name__} has no field {field!r} ({known})")
            return kind
    raise EvidenceError(f"scapy has no layer {layer!r}")


def _has(packet: Packet, layer: type[Packet], name: str, wanted: str) -> bool:
    """Whether any occurrence of the layer has the value: an inner header counts as well."""
    field = name.partition(".")[2]
    number = 1
    while (found := packet.getlayer(layer, number)) is not None:
        value = found.getfieldval(field)
        if str(value) == wanted or _number(wanted) == _number(value):
            return True
        number += 1
    return False


def _number(value: object) -> int | object:
    try:
        return int(value, 0) if isinstance(value, str) else int(value)  # type: ignore[call-overload]
    except (TypeError, ValueError):
        return object()


def link_counter(link: Link, counter: str, sender: str | None) -> int:
    """A channel counter of one sender, or the sum of all."""
    return sum(
        int(asdict(counters)[counter])
        for name, counters in link.counters.items()
        if sender in (None, name)
    )


def facts_of(activity: Activity) -> dict[str, Fact]:
    """What can be expected of a ping or a flow, by field name."""
    if isinstance(activity, Ping):
        return {
            "sent": activity.sent,
            "received": activity.received,
            "corrupted": activity.corrupted,
            "marks": activity.marks,
            "done": activity.done,
        }
    if isinstance(activity, UdpFlow):
        return {
            name: getattr(activity, name)
            for name in ("sent", "echoed", "duplicates", "reordered", "errors", "done")
        }
    counters = asdict(activity.connection.counters)
    facts: dict[str, Fact] = {**counters, "done": activity.done, "error": activity.error}
    if activity.finished is not None:
        facts["seconds"] = activity.finished - activity.started
    return facts


def round_trips_of(activity: Activity) -> list[float]:
    """Seconds that each answer took. Raises EvidenceError for a TCP flow, which has none."""
    if isinstance(activity, TcpFlow):
        raise EvidenceError(f"a TCP flow has no {ROUND_TRIPS}")
    return [round(seconds, 9) for seconds in activity.round_trips]


def facts_of_host(host: Host) -> dict[str, Fact]:
    """What a host counted: "udp.7.received", "tcp.5001.received_bytes", "not my MAC", …"""
    facts: dict[str, Fact] = dict(host.counters)
    for number, udp_port in host.udp.ports.items():
        for name in ("received", "received_bytes", "reordered", "duplicates"):
            facts[f"udp.{number}.{name}"] = getattr(udp_port, name)
    for number, tcp_port in host.tcp.ports.items():
        for name in ("connections", "received_bytes"):
            facts[f"tcp.{number}.{name}"] = getattr(tcp_port, name)
    return facts


def facts_of_nat(box: NatBox) -> dict[str, Fact]:
    """What a NAT counted: "mappings", "created", "expired", "no mapping", "no ports", …"""
    names = ("created", "expired", "forgotten", "translated out", "translated in")
    facts: dict[str, Fact] = dict.fromkeys((*names, "no mapping", "no ports"), 0)
    facts["mappings"] = len(box.table.mappings())
    return facts | dict(box.table.counters)


def fact(facts: Mapping[str, Fact], name: str, whose: str) -> Fact:
    """Raises EvidenceError naming what there is."""
    if name not in facts:
        raise EvidenceError(f"{whose} has no field {name!r}; it has {', '.join(facts)}")
    return facts[name]


def describe(activity: Activity) -> str:
    """One line about how it went."""
    if isinstance(activity, Ping):
        return activity.summary()
    if isinstance(activity, UdpFlow):
        text = f"{activity.sent} sent, {activity.echoed} echoed"
        if activity.errors:
            text += f", {activity.errors} errors"
        return text
    if activity.error:
        return f"{activity.acknowledged} of {activity.options.size} bytes, then {activity.error}"
    took = (activity.finished or activity.started) - activity.started
    again = activity.connection.counters.retransmissions
    return f"{activity.acknowledged} bytes in {took:.3f} s, {again} retransmissions"
