"""Translation for Easy VPN remotes in client mode: rules, new flows, and flows that are over."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterable, Mapping
from typing import Final

from ipsecplane.config import RouterConfig
from ipsecplane.ipsec.policy import Spd
from ipsecplane.ipsec.remote_policy import EVERYWHERE, Remote, inside_networks
from ipsecplane.net.ip import ICMP, TCP, UDP, parse_ethernet, parse_ip
from ipsecplane.net.pat import Flow, Translations
from ipsecplane.targets.nat import NatRule
from ipsecplane.targets.packetio import Mode, PacketIn, PacketOut
from ipsecplane.targets.session import Session
from ipsecplane.targets.transport import TargetError
from ipsecplane.views import LogLine

from .log import Log

IDLE: Final = {TCP: 86400.0, UDP: 300.0, ICMP: 60.0}
"""Seconds after which a flow without packets is over: IOS's defaults."""

LOOK_INTERVAL: Final = 30.0
HELD_LIMIT: Final = 64
"""First packets of flows that wait for the tables to follow."""

_FRONT_PORTS: Final = range(1, 510)


class Nat:
    """`changed()` is called when tables have to follow."""

    def __init__(self, pipeline: Session, log: Log, changed: Callable[[], None]) -> None:
        self.translations = Translations()
        self.rules: tuple[NatRule, ...] = ()
        self._pipeline = pipeline
        self._log = log
        self._changed = changed
        self._numbers: dict[tuple[str, object], int] = {}  # of rules, by remote and address
        self._held: deque[PacketOut] = deque(maxlen=HELD_LIMIT)
        self._seen: dict[Flow, tuple[int, float]] = {}  # packets, and when they were more
        self._look_at: float | None = None

    def configure(self, config: RouterConfig, remotes: Mapping[str, Remote], spd: Spd) -> None:
        """Rules for the remotes that were let in; flows of those that are gone end."""
        rules: list[NatRule] = []
        for name, remote in remotes.items():
            address = remote.given.address
            outside = next((i.name for i in config.interfaces if i.ezvpn_outside == name), "")
            policy = spd.policy_of(outside)
            if remote.config.mode != "client" or address is None or policy is None:
                continue
            key = name, address
            number = self._numbers.setdefault(key, len(self._numbers) + 1)
            rules += [
                NatRule(number, policy.number, source, destination, address)
                for source in inside_networks(config, name)
                for destination in remote.given.split or (EVERYWHERE,)
            ]
        self.rules = tuple(rules)
        live = {rule.number for rule in rules}
        for flow in self.translations:
            if flow.rule not in live:
                self._remove(flow)

    # -- packets -------------------------------------------------------------------------------

    def new_flow(self, punt: PacketIn, now: float) -> None:
        """The first packet of a flow, which goes its way once the tables know it. PacketError."""
        rule = next((one for one in self.rules if one.number == punt.value), None)
        if rule is None:
            return
        packet = parse_ip(parse_ethernet(punt.frame).payload)
        flow = self.translations.open(rule.number, rule.address, packet)
        if flow is None:
            text = f"Address allocation failed for {packet.src}, pool {rule.address} "
            text += "might be exhausted"
            self._log.add_limited(LogLine(now, "IPNAT", 4, "ADDR_ALLOC_FAILURE", text), packet.src)
            return
        self._seen[flow] = 0, now
        if self._look_at is None:
            self._look_at = now + LOOK_INTERVAL
        front = punt.ingress_port in _FRONT_PORTS
        mode = Mode.RECEIVE if front else Mode.ROUTE
        self._held.append(PacketOut(mode, punt.frame, punt.ingress_port if front else 0))
        self._changed()

    def take_held(self) -> list[PacketOut]:
        """First packets of flows; call it when the tables are in step."""
        held = list(self._held)
        self._held.clear()
        return held

    # -- time ----------------------------------------------------------------------------------

    def next_timeout(self) -> float | None:
        return self._look_at

    def handle_timeout(self, now: float) -> None:
        if self._look_at is None or now < self._look_at:
            return
        counts = self._counts()
        for flow in self.translations:
            packets, since = self._seen.get(flow, (0, now))
            if counts.get(flow, packets) != packets:
                self._seen[flow] = counts[flow], now
            elif now - since >= IDLE[flow.protocol]:
                self._remove(flow)
        self._look_at = now + LOOK_INTERVAL if len(self.translations) else None

    def _counts(self) -> dict[Flow, int]:
        """Packets of both directions; nothing while the pipeline is away."""
        if not self._pipeline.ready:
            return {}
        try:
            rows = self._pipeline.read_direct_counters(["nat_out_v4", "nat_in_v4"])
        except TargetError:
            return {}
        found: dict[tuple[object, ...], int] = {}
        for (table, match, _), counts in rows.items():
            found[(table, *(value for _, value in match))] = counts.packets
        return {flow: sum(found.get(key, 0) for key in _keys(flow)) for flow in self.translations}

    def _remove(self, flow: Flow) -> None:
        self.translations.remove(flow)
        self._seen.pop(flow, None)
        self._changed()


def _keys(flow: Flow) -> Iterable[tuple[object, ...]]:
    """Its rows: match values in the order of their fields' names."""
    yield "nat_out_v4", flow.rule, flow.inside_port, flow.protocol, int(flow.inside)
    yield "nat_in_v4", int(flow.outside), flow.outside_port, flow.protocol
