"""The agent object: what a driver owns, clocks and wires to two targets."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import datetime

from ipsecplane.config import RouterConfig
from ipsecplane.targets.transport import Transport

from .options import AgentOptions


class Agent:
    """One router's control plane (`views.RouterOperations`).

    `ports` names the pipeline port of each interface that has a cable. `clock` gives the present
    (seconds, never going back); `wall_clock_start` is the UTC time of instant 0. Everything that
    happens, happens inside `start`, `handle_timeout`, an EXEC call or a packet-in; after each of
    these `on_wakeup` (if set) is called, so that the driver asks `next_timeout` again.
    """

    def __init__(
        self,
        config: RouterConfig,
        *,
        ports: Mapping[str, int],
        pipeline: Transport,
        accelerator: Transport,
        random_bytes: Callable[[int], bytes],
        clock: Callable[[], float],
        wall_clock_start: datetime,
        options: AgentOptions | None = None,
    ) -> None:
        self.on_wakeup: Callable[[], None] | None = None
        self._config = config
        self._ports = dict(ports)
        self._pipeline = pipeline
        self._accelerator = accelerator
        self._random_bytes = random_bytes
        self._clock = clock
        self._wall_clock_start = wall_clock_start
        self._options = options or AgentOptions()

    @property
    def name(self) -> str:
        return self._config.hostname

    def start(self, now: float) -> None:
        """Connect to both targets and program them; a target that is not there is tried again."""

    def stop(self) -> None:
        """Close both streams. Tables stay as they are (forwarding goes on without a host)."""

    def next_timeout(self) -> float | None:
        """When `handle_timeout` wants to be called; None = only on events."""
        return None

    def handle_timeout(self, now: float) -> None:
        """Do what is due at `now`; harmless when called early."""

    def pump(self, now: float) -> None:
        """Handle what arrived on gRPC streams (their `wake` says when); nothing in process."""
