"""What the pipeline counted on the router's interfaces since they were last cleared."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

from ipsecplane.targets.session import Counts, Session
from ipsecplane.targets.transport import TargetError

ByNumber = dict[int, Counts]


@dataclass(slots=True)
class InterfaceCounters:
    """Reads when asked; a pipeline that is away has counted nothing."""

    pipeline: Session
    _received_base: ByNumber = field(default_factory=dict)
    _sent_base: ByNumber = field(default_factory=dict)
    _carried_base: ByNumber = field(default_factory=dict)

    def read(self, if_ids: Iterable[int]) -> tuple[ByNumber, ByNumber, ByNumber]:
        """Received by port, sent by if_id, received by GRE tunnels by if_id."""
        received, sent, carried = self._totals(if_ids)
        return (
            since(received, self._received_base),
            since(sent, self._sent_base),
            since(carried, self._carried_base),
        )

    def clear(self, if_ids: Iterable[int]) -> None:
        self._received_base, self._sent_base, self._carried_base = self._totals(if_ids)

    def _totals(self, if_ids: Iterable[int]) -> tuple[ByNumber, ByNumber, ByNumber]:
        if not self.pipeline.ready:
            return {}, {}, {}
        if_ids = list(if_ids)
        try:
            rows = self.pipeline.read_direct_counters(["interface_in"])
            sent = self.pipeline.read_counters("interface_sent", if_ids)
            carried = self.pipeline.read_counters("gre_received", if_ids)
        except TargetError:
            return {}, {}, {}
        received: ByNumber = {}
        for (_, match, _), counts in rows.items():
            port = dict(match)["ingress_port"]
            assert isinstance(port, int)
            received[port] = counts
        return received, sent, carried


def since(totals: ByNumber, base: Mapping[int, Counts]) -> ByNumber:
    """A pipeline that was restarted has less than the base: then all of it is new."""
    found = {}
    for number, now in totals.items():
        then = base.get(number, Counts())
        if now.packets < then.packets or now.bytes < then.bytes:
            then = Counts()
        found[number] = Counts(now.packets - then.packets, now.bytes - then.bytes)
    return found
