"""Fragments for the router itself: put together within limits, what is dropped counted and told.

Those that come in by an interface wait there for the SAD, so the interface's limits hold (virtual
reassembly, which IPsec turns on by itself); those that were decrypted are for the host.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from functools import partial

from ipsecplane.config import VirtualReassembly
from ipsecplane.ios import syslog
from ipsecplane.net.ip import IpPacket
from ipsecplane.net.reassembly import Drop, Limits, Reassembler
from ipsecplane.views import LogLine, ReassemblyView, TrafficView

from .interfaces import Interface


class Fragments:
    """One reassembler an interface and one for the host.

    `report(line, about)` logs a line, at most one about the same thing a minute.
    """

    def __init__(self, report: Callable[[LogLine, object], None]) -> None:
        self.host = Reassembler()
        self._report = report
        self._by_name: dict[str, Reassembler] = {}
        self._now = 0.0

    def add(
        self, interface: Interface, fragment: IpPacket, now: float, *, decrypted: bool
    ) -> IpPacket | None:
        """Take a fragment; returns the packet when this was its last missing piece."""
        self._now = now
        if decrypted:
            return self.host.add(fragment, now)
        reassembler = self._by_name.get(interface.name)
        if reassembler is None:
            on_drop = partial(self._dropped, interface.name)
            reassembler = self._by_name[interface.name] = Reassembler(on_drop=on_drop)
        reassembler.limits = _limits(interface.config.reassembly)
        return reassembler.add(fragment, now)

    def view(self, interface: Interface) -> ReassemblyView | None:
        """What `show ip virtual-reassembly` tells of an interface; None where it is off."""
        settings = interface.config.reassembly
        if settings is None:
            return None
        one = self._by_name.get(interface.name, Reassembler())
        return ReassemblyView(
            interface.name,
            settings,
            packets=one.packets,
            fragments=one.fragments,
            reassembled=one.reassembled,
            timeouts=one.drops[Drop.TIMEOUT],
            drops={why.value: count for why, count in one.drops.items() if count},
        )

    def totals(self) -> TrafficView:
        """Of everything that was ever put together or given up."""
        everyone = self._all()
        drops = sum((one.drops for one in everyone), Counter[Drop]())
        timeouts = drops[Drop.TIMEOUT]
        reassembled = sum(one.reassembled for one in everyone)
        return TrafficView(reassembled, timeouts, drops.total() - timeouts)

    def next_timeout(self) -> float | None:
        candidates = [one.next_timeout() for one in self._all()]
        return min((c for c in candidates if c is not None), default=None)

    def handle_timeout(self, now: float) -> None:
        self._now = now
        for one in self._all():
            one.handle_timeout(now)

    def _all(self) -> list[Reassembler]:
        return [self.host, *self._by_name.values()]

    def _dropped(self, name: str, why: Drop, fragment: IpPacket | None) -> None:
        line = _line(self._now, name, why, fragment, self._by_name[name].limits)
        if line is not None:
            self._report(line, name)


def _line(
    now: float, name: str, why: Drop, fragment: IpPacket | None, limits: Limits
) -> LogLine | None:
    """IOS's message about a drop; a packet that did not become whole in time has none."""
    if fragment is None:
        return None
    ends = fragment.src, fragment.dst
    match why:
        case Drop.TABLE_FULL:
            return syslog.fragment_table_full(now, name, limits.packets)
        case Drop.TOO_MANY_FRAGMENTS:
            return syslog.too_many_fragments(now, name, limits.fragments, *ends)
        case Drop.OVERLAP:
            return syslog.fragments_overlap(now, name, *ends)
        case Drop.INVALID_LENGTH:
            return syslog.invalid_fragment_length(now, name, *ends)
        case _:
            return None


def _limits(settings: VirtualReassembly | None) -> Limits:
    if settings is None:
        return Limits()
    return Limits(
        settings.max_reassemblies,
        settings.max_fragments,
        float(settings.timeout),
        settings.drop_fragments,
    )
