"""Modular QoS of a router: its plan, what the devices counted of it, and rates."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from math import exp
from typing import Final

from ipsecplane.config import RouterConfig
from ipsecplane.qos.bandwidth import bandwidth_of
from ipsecplane.qos.plan import Attachment, ClassNumbers, QosPlan, plan_qos
from ipsecplane.qos.policy import INPUT, PolicyClass
from ipsecplane.targets.dependencies import Target
from ipsecplane.targets.qos import ORIGIN_OCTETS, counter_index, drop_index
from ipsecplane.targets.session import Counts, Session
from ipsecplane.targets.tables import entry
from ipsecplane.targets.transport import TargetError
from ipsecplane.views import ClassView, ServicePolicyView

from .interface_counters import since
from .interfaces import InterfaceTable

SAMPLING: Final = 10.0
"""Seconds between two looks at the counters, for rates."""

AVERAGING: Final = 300.0
"""Seconds that rates are averages of (IOS's load interval)."""

_OFFERED, _SENT, _ENGINE, _ABOVE_RATE, _ABOVE_LIMIT = range(5)

ClassKey = tuple[str, str, int]
"""Interface, direction, class number."""

Readings = dict[ClassKey, dict[int, Counts]]


@dataclass(slots=True)
class _Rate:
    offered: float = 0.0
    dropped: float = 0.0


@dataclass(slots=True)
class Qos:
    """Reads when asked, and every ten seconds while a policy map is attached."""

    sessions: Mapping[Target, Session]
    plan: QosPlan = field(default_factory=QosPlan)
    _numbers: ClassNumbers = field(default_factory=ClassNumbers)
    _if_ids: dict[str, int] = field(default_factory=dict)
    _base: Readings = field(default_factory=dict)
    _sampled: Readings = field(default_factory=dict)
    _rates: dict[ClassKey, _Rate] = field(default_factory=dict)
    _sample_at: float | None = None

    def configure(self, config: RouterConfig, interfaces: InterfaceTable, now: float) -> list[str]:
        """Take a configuration; a policy map that is newly attached counts from 0."""
        before = {key for one in self.plan.attachments for key in _keys(one)}
        counted = self.plan.engine_numbers
        was = self._since_base() if self.plan.attachments else {}
        self.plan = plan_qos(config, self._numbers)
        self._if_ids = {one.name: one.if_id for one in interfaces}
        keys = {key for one in self.plan.attachments for key in _keys(one)}
        if keys != before or self.plan.engine_numbers != counted:
            now_read = self._read()
            self._base = {
                key: _minus(now_read.get(key, {}), was.get(key, {}) if key in before else {})
                for key in keys
            }
            self._sampled = {}
            self._rates = {key: rate for key, rate in self._rates.items() if key in keys}
        if not keys:
            self._sample_at = None
        elif self._sample_at is None:
            self._sample_at = now + SAMPLING
        return list(self.plan.warnings)

    def next_timeout(self) -> float | None:
        return self._sample_at

    def handle_timeout(self, now: float) -> None:
        if self._sample_at is None or now < self._sample_at:
            return
        self._sample_at = now + SAMPLING
        kept = exp(-SAMPLING / AVERAGING)
        readings = self._since_base()
        for key, counts in readings.items():
            earlier = self._sampled.get(key, {})
            rate = self._rates.setdefault(key, _Rate())
            offered = _bits(counts, earlier, _OFFERED)
            dropped = _bits(counts, earlier, _ABOVE_RATE) + _bits(counts, earlier, _ABOVE_LIMIT)
            rate.offered = rate.offered * kept + offered / SAMPLING * (1 - kept)
            rate.dropped = rate.dropped * kept + dropped / SAMPLING * (1 - kept)
        self._sampled = readings

    def clear(self) -> None:
        """`clear counters`: the devices count on, we count from here."""
        self._base = self._read()
        self._sampled = {}

    def views(self, config: RouterConfig) -> list[ServicePolicyView]:
        readings = self._since_base()
        bandwidths = {one.name: bandwidth_of(one) for one in config.interfaces}
        return [
            ServicePolicyView(
                one.interface,
                one.direction,
                one.policy,
                bandwidths[one.interface],
                tuple(
                    self._class_view(policy, readings.get(key, {}), self._rates.get(key, _Rate()))
                    for key, policy in zip(_keys(one), one.policy.all_classes, strict=True)
                ),
            )
            for one in self.plan.attachments
        ]

    @staticmethod
    def _class_view(policy: PolicyClass, counts: Mapping[int, Counts], rate: _Rate) -> ClassView:
        offered, sent, engine, above_rate, above_limit = (
            counts.get(kind, Counts())
            for kind in (_OFFERED, _SENT, _ENGINE, _ABOVE_RATE, _ABOVE_LIMIT)
        )
        return ClassView(
            policy,
            packets=offered.packets,
            bytes=offered.bytes,
            sent_packets=sent.packets,
            sent_bytes=sent.bytes,
            engine_packets=engine.packets,
            engine_bytes=engine.bytes,
            limit_drops=above_limit.packets,
            rate_drops=above_rate.packets,
            rate_drop_bytes=above_rate.bytes,
            offered_rate=int(rate.offered),
            drop_rate=int(rate.dropped),
        )

    # -- reading -------------------------------------------------------------------------------

    def _since_base(self) -> Readings:
        return {key: since(now, self._base.get(key, {})) for key, now in self._read().items()}

    def _read(self) -> Readings:
        """What the devices have counted; one that is away has counted nothing."""
        found: Readings = {key: {} for one in self.plan.attachments for key in _keys(one)}
        try:
            self._read_pipeline(found)
            self._read_engine(found)
        except TargetError:
            pass
        return found

    def _read_pipeline(self, found: Readings) -> None:
        session = self.sessions[Target.PIPELINE]
        if not session.ready:
            return
        for kind, incoming, outgoing in (
            (_OFFERED, "class_in_packets", "class_out_packets"),
            (_SENT, "", "class_sent"),
        ):
            for name, inward in ((incoming, True), (outgoing, False)):
                cells = {
                    counter_index(self._if_ids[key[0]], key[2], origin): (key, extra)
                    for key in found
                    if (key[1] == INPUT) == inward
                    for origin, extra in ORIGIN_OCTETS.items()
                }
                if name:
                    for index, counts in session.read_counters(name, cells).items():
                        key, extra = cells[index]
                        octets = counts.bytes - extra * counts.packets
                        before = found[key].get(kind, Counts())
                        found[key][kind] = Counts(
                            before.packets + counts.packets, before.bytes + octets
                        )

    def _read_engine(self, found: Readings) -> None:
        """The engine's queues are those of a class on all interfaces."""
        session = self.sessions[Target.ACCELERATOR]
        numbers = self.plan.engine_numbers
        if not session.ready or not numbers:
            return
        taken = session.read_direct_counters(["llq_class"])
        drops = session.read_counters(
            "llq_drops", [drop_index(n, cause) for n in numbers.values() for cause in (False, True)]
        )
        for key, counts in found.items():
            number = numbers.get(key[2])
            if key[1] == INPUT or number is None:
                continue
            row = entry("llq_class", {"class_id": number}, "").key
            counts[_ENGINE] = taken.get(row, Counts())
            counts[_ABOVE_RATE] = drops[drop_index(number, False)]
            counts[_ABOVE_LIMIT] = drops[drop_index(number, True)]


def _keys(one: Attachment) -> Iterator[ClassKey]:
    for number in one.numbers:
        yield one.interface, one.direction, number


def _minus(now: Mapping[int, Counts], counted: Mapping[int, Counts]) -> dict[int, Counts]:
    """The base from which `counted` have been counted until now; never below 0."""
    found = {}
    for kind, counts in now.items():
        less = counted.get(kind, Counts())
        found[kind] = replace(
            counts, packets=counts.packets - less.packets, bytes=counts.bytes - less.bytes
        )
    return found


def _bits(now: Mapping[int, Counts], earlier: Mapping[int, Counts], kind: int) -> int:
    return 8 * max(0, now.get(kind, Counts()).bytes - earlier.get(kind, Counts()).bytes)
