"""The embedded switch: a P4Runtime device that executes compiled P4, sans-IO.

Frames come in with `receive` and are returned by it; what leaves at the CPU port becomes a
packet-in. Time is the caller's: `now` in seconds, from any start.
"""

from __future__ import annotations

import logging
import random
from collections import deque
from collections.abc import Callable, Collection
from typing import Any

from finsy.proto import p4r

from ipsecsim.p4runtime.device import Events
from ipsecsim.p4runtime.errors import invalid

from .errors import AssertionFailure, EndlessLoop
from .paths import DROP_PORT
from .pipeline import SwitchPipeline

log = logging.getLogger("ipsecsim.switch")

CPU_PORT = 510
MAX_PASSES = 64
"""How often one packet may be resubmitted or recirculated before it is dropped."""

Output = list[tuple[int, bytes]]


class Switch:
    """Implements device.Device.

    `ports` are the ports that exist (None: all of 0..510 and what the program's width allows):
    frames for others are dropped. `clock` stamps what the control plane does between packets; when
    it is not given, that is the latest `now` the switch was told. `on_output` gets the frames that
    packet-outs produce, as (port, frame).
    """

    def __init__(
        self,
        device_id: int,
        *,
        cpu_port: int = CPU_PORT,
        random: random.Random,
        ports: Collection[int] | None = None,
        clock: Callable[[], float] | None = None,
        on_output: Callable[[int, bytes], None] = lambda port, frame: None,
    ) -> None:
        self.device_id = device_id
        self.cpu_port = cpu_port
        self.on_output = on_output
        self.drops: dict[str, int] = {}
        """Packets that the switch (not the program) dropped, by reason."""
        self._random = random
        self._ports = frozenset(ports) if ports is not None else None
        self._latest = 0.0
        self._clock = clock or (lambda: self._latest)
        self._pipeline: SwitchPipeline | None = None
        self._events: Events | None = None

    @property
    def pipeline(self) -> SwitchPipeline | None:
        """What runs, or None before the first commit."""
        return self._pipeline

    # -- device.Device -----------------------------------------------------------------------

    def attach(self, events: Events) -> None:
        self._events = events

    def prepare(self, config: p4r.ForwardingPipelineConfig) -> SwitchPipeline:
        return SwitchPipeline(
            config,
            clock=self._clock,
            rng=self._random,
            port_exists=self._port_exists,
            learn=self._learn,
        )

    def commit(self, pipeline: SwitchPipeline, previous: SwitchPipeline | None) -> None:
        if previous is not None:
            pipeline.take_registers(previous)
        self._pipeline = pipeline

    def packet_out(self, packet: p4r.PacketOut) -> None:
        assert self._pipeline is not None, "the service sends nothing before a commit"
        frame = self._pipeline.packets.packet_out(packet)
        for port, sent in self.receive(self.cpu_port, frame, self._clock()):
            self.on_output(port, sent)

    def acknowledge(self, ack: p4r.DigestListAck) -> None:
        assert self._pipeline is not None
        state = self._pipeline.digests.get(ack.digest_id)
        if state is None:
            raise invalid(f"no digest has id {ack.digest_id:#x}")
        state.acknowledge(ack.list_id)

    def _port_exists(self, port: int) -> bool:
        if port == self.cpu_port:
            return True
        if self._ports is None:
            return 0 <= port < DROP_PORT
        return port in self._ports

    # -- packets -----------------------------------------------------------------------------

    def receive(self, port: int, frame: bytes, now: float) -> Output:
        """Run a frame through the pipeline: the frames that leave, with their ports.

        What leaves at the CPU port goes to the P4Runtime client instead. Before a pipeline is
        committed every frame is dropped.
        """
        pipeline = self._pipeline
        self._latest = max(self._latest, now)
        if pipeline is None:
            self._drop("no pipeline")
            return []
        out: Output = []
        again: deque[tuple[bytes, int, int, int, Any]] = deque()
        length = len(frame)
        try:
            pipeline.ingress(out, again, frame, port, 0, now, length, length, None)
            passes = 0
            while again:
                passes += 1
                if passes > MAX_PASSES:
                    self._drop("too many passes")
                    log.error("a packet was resubmitted or recirculated %d times", MAX_PASSES)
                    break
                bytes_, port, kind, counted, kept = again.popleft()
                pipeline.ingress(out, again, bytes_, port, kind, now, len(bytes_), counted, kept)
        except AssertionFailure as failure:
            self._drop("assertion failed")
            log.error("assertion failed at %s: packet dropped", failure)
        except EndlessLoop:
            self._drop("endless loop")
            log.error("a loop of the program does not end: packet dropped")
        except RecursionError:
            self._drop("too many clones")
            log.error("the program clones its clones without end: packet dropped")
        return self._deliver(pipeline, out)

    def _deliver(self, pipeline: SwitchPipeline, out: Output) -> Output:
        """Take out what is for the CPU or for ports that are not there."""
        cpu_port = self.cpu_port
        ports = self._ports
        sent: Output = []
        for item in out:
            port = item[0]
            if port == cpu_port:
                message = pipeline.packets.packet_in(item[1])
                if message is None:
                    self._drop("packet-in without its header")
                elif self._events is not None:
                    self._events.packet_in(message)
            elif ports is None or port in ports:
                sent.append(item)
            else:
                self._drop("no such port")
        return sent

    def _drop(self, reason: str) -> None:
        self.drops[reason] = self.drops.get(reason, 0) + 1

    # -- time --------------------------------------------------------------------------------

    def _learn(self, name: str, values: tuple[int, ...], now: float) -> None:
        assert self._pipeline is not None
        try:
            digest = self._pipeline.schema.digests.named(name)
        except KeyError:
            return  # p4c shows no digest of a tuple in the p4info: nobody can ask for it
        self._pipeline.digests[digest.id].add(values, now, self._emit_digest)

    def _emit_digest(self, message: p4r.DigestList) -> None:
        if self._events is not None:
            self._events.digest(message)

    def next_timeout(self) -> float | None:
        """When `handle_timeout` wants to be called, in the clock's seconds; None: not."""
        return self._pipeline.next_timeout() if self._pipeline is not None else None

    def handle_timeout(self, now: float) -> None:
        """Send the digest lists and idle timeouts that are due."""
        self._latest = max(self._latest, now)
        if self._pipeline is None:
            return
        for state in self._pipeline.digests.values():
            state.handle_timeout(now, self._emit_digest)
        note = self._pipeline.idle(now)
        if note is not None and self._events is not None:
            self._events.idle_timeout(note)
