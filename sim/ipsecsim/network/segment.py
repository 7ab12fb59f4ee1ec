"""A LAN segment: any number of stations on one learning bridge (IEEE 802.1D section 7.8)."""

from __future__ import annotations

import random
from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Final

from ipsecsim.network.clock import NANOSECONDS, Loop
from ipsecsim.network.link import Attachment, Channel, ChannelCounters, Impairments, Tap

AGEING_TIME: Final = 300.0  # seconds; the recommended value of 802.1D


class Segment:
    """A `Link` of one or more stations.

    All of the link's impairments act on the way to the bridge; on the way out each station's port
    has the same bandwidth and queue, so that stations that talk to one compete for it.
    """

    def __init__(
        self,
        name: str,
        stations: Sequence[str],
        loop: Loop,
        stream: Callable[[str], random.Random],
        impairments: Impairments | None = None,
    ) -> None:
        self.name = name
        self.taps: list[Tap] = []
        self._loop = loop
        self._up = True
        self._learned: dict[bytes, tuple[str, int]] = {}
        self._attachments: dict[str, Attachment] = {}
        self._inward: dict[str, Channel] = {}
        self._outward: dict[str, Channel] = {}
        wanted = impairments or Impairments()
        for station in stations:
            self._add(station, stream, wanted)

    @property
    def attachments(self) -> dict[str, Attachment]:
        return self._attachments

    @property
    def counters(self) -> dict[str, ChannelCounters]:
        """By station for the way to the bridge; "to STATION" for the bridge's own ports."""
        inward = {name: channel.counters for name, channel in self._inward.items()}
        return inward | {f"to {name}": c.counters for name, c in self._outward.items()}

    @property
    def up(self) -> bool:
        return self._up

    def set_up(self, up: bool) -> None:
        if up == self._up:
            return
        self._up = up
        self._learned.clear()
        for channel in (*self._inward.values(), *self._outward.values()):
            channel.up = up
        for attachment in self._attachments.values():
            attachment.on_state(up)

    def impairments(self, sender: str) -> Impairments:
        return self._inward[sender].impairments

    def impair(self, impairments: Impairments, sender: str | None = None) -> None:
        for name, channel in self._inward.items():
            if sender in (None, name):
                channel.impairments = impairments
                self._outward[name].impairments = _port_of(impairments)

    def _add(
        self, station: str, stream: Callable[[str], random.Random], impairments: Impairments
    ) -> None:
        rng = stream(f"link {self.name} from {station}")

        def observed(time_ns: int, frame: bytes, fate: str) -> None:
            for tap in self.taps:
                tap(station, time_ns, frame, fate)

        inward = Channel(
            self._loop, rng, impairments, lambda frame: self._forward(station, frame), observed
        )
        outward = Channel(
            self._loop,
            rng,
            _port_of(impairments),
            lambda frame: self._attachments[station].receive(frame),
        )
        self._inward[station] = inward
        self._outward[station] = outward
        self._attachments[station] = Attachment(station, inward.send)

    def _forward(self, source: str, frame: bytes) -> None:
        destination, sender = frame[:6], frame[6:12]
        if not sender[0] & 1:
            self._learned[sender] = (source, self._loop.now_ns)
        target = self._station_of(destination)
        for station, channel in self._outward.items():
            if station != source and target in (None, station):
                channel.send(frame)

    def _station_of(self, mac: bytes) -> str | None:
        """Where `mac` was last heard, None to flood (group addresses are never learned)."""
        station, at_ns = self._learned.get(mac, (None, 0))
        if self._loop.now_ns - at_ns > AGEING_TIME * NANOSECONDS:
            return None
        return station


def _port_of(impairments: Impairments) -> Impairments:
    return replace(
        Impairments(), bandwidth=impairments.bandwidth, queue=impairments.queue, mtu=impairments.mtu
    )
