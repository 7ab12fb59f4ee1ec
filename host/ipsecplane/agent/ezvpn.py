"""The Easy VPN remotes of a router: when they connect, to which peer, and what became of it."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass, replace
from enum import StrEnum
from ipaddress import IPv4Interface
from typing import Final

from ipsecplane.config import Address, EzvpnConfig, InterfaceConfig, RouterConfig
from ipsecplane.ike.engine import Engine
from ipsecplane.ike.types import (
    ClientConfigured,
    ClientEnded,
    Event,
    EzvpnClient,
    XauthRequested,
)
from ipsecplane.ios import syslog
from ipsecplane.ipsec.remote_policy import Remote
from ipsecplane.views import EzvpnView

from .log import Log

RETRY_INTERVAL: Final = 10.0
"""Seconds from a failure to the next attempt."""

FIRST_LOOPBACK: Final = 10000
"""Assigned addresses are put on Loopback10000 and so on, as IOS does it."""


class State(StrEnum):
    """As `show crypto ipsec client ezvpn` prints them."""

    INCOMPLETE = "IDLE"
    READY = "READY"  # nothing has asked for a connection yet
    CONNECT_REQUIRED = "CONNECT_REQUIRED"
    PHASE1 = "READY_IKE"
    XAUTH = "XAUTH_REQ"
    PHASE2 = "SS_OPEN"
    ACTIVE = "IPSEC_ACTIVE"


@dataclass(slots=True)
class _Tunnel:
    config: EzvpnConfig
    number: int
    state: State = State.INCOMPLETE
    last_event: str = "CONN_DOWN"
    peer: int = 0  # index of the one whose turn it is
    local: Address | None = None  # the outside address, None while there is none
    remote: Remote | None = None  # let in
    retry_at: float | None = None

    @property
    def current_peer(self) -> Address | None:
        peers = self.config.peers
        return peers[self.peer % len(peers)] if peers else None

    @property
    def loopback(self) -> str:
        return f"Loopback{FIRST_LOOPBACK + self.number}"


class Ezvpn:
    """`changed()` is called when the remotes' addresses and policy are others than before."""

    def __init__(self, engine: Engine, log: Log, changed: Callable[[], None]) -> None:
        self._engine = engine
        self._log = log
        self._changed = changed
        self._config = RouterConfig()
        self._tunnels: dict[str, _Tunnel] = {}

    # -- configuration -------------------------------------------------------------------------

    def configure(self, config: RouterConfig, is_up: Callable[[str], bool], now: float) -> None:
        """Take over the remotes; what is no longer as it was connected with begins anew."""
        self._config = config
        for name in self._tunnels.keys() - config.ezvpn.keys():
            self._engine.clients.disconnect(name, now)
            del self._tunnels[name]
        for number, (name, one) in enumerate(sorted(config.ezvpn.items())):
            tunnel = self._tunnels.setdefault(name, _Tunnel(one, number))
            local = self._local_address(one, is_up)
            if (tunnel.config, tunnel.local) != (one, local):
                self._engine.clients.disconnect(name, now)
                tunnel.config, tunnel.local, tunnel.peer = one, local, 0
                tunnel.remote = tunnel.retry_at = None
                tunnel.state = State.INCOMPLETE
            complete = not self._lacking(one) and local is not None
            if not complete:
                tunnel.state = State.INCOMPLETE
            elif tunnel.state is State.INCOMPLETE:
                self._ready(tunnel, now)

    def warnings(self) -> list[str]:
        """What keeps remotes from connecting, apart from interfaces that are down."""
        found = []
        for name, tunnel in self._tunnels.items():
            missing = self._lacking(tunnel.config)
            if missing:
                found.append(f"ezvpn {name}: idle until it has {' and '.join(missing)}")
        return found

    def with_addresses(self, config: RouterConfig) -> RouterConfig:
        """The configuration with the addresses that were assigned, each on a loopback."""
        loopbacks = [
            InterfaceConfig(tunnel.loopback, address=IPv4Interface(tunnel.remote.given.address))
            for tunnel in self._tunnels.values()
            if tunnel.remote is not None and tunnel.remote.given.address is not None
        ]
        return replace(config, interfaces=(*config.interfaces, *loopbacks))

    def remotes(self) -> dict[str, Remote]:
        """Those that were let in, by name."""
        return {
            name: tunnel.remote
            for name, tunnel in self._tunnels.items()
            if tunnel.remote is not None
        }

    def _local_address(self, one: EzvpnConfig, is_up: Callable[[str], bool]) -> Address | None:
        outside = next((i for i in self._config.interfaces if i.ezvpn_outside == one.name), None)
        if outside is None or not is_up(outside.name):
            return None
        source = self._config.interface(one.local_address) if one.local_address else outside
        return source.address.ip if source is not None and source.address is not None else None

    # -- commands ------------------------------------------------------------------------------

    def connect(self, name: str | None, now: float) -> bool:
        """`crypto ipsec client ezvpn connect`; False if there is no such remote to connect."""
        waiting = (State.CONNECT_REQUIRED, State.READY)
        found = [t for t in self._named(name) if t.state is not State.INCOMPLETE]
        for tunnel in found:
            if tunnel.state in waiting:
                self._connect(tunnel, now)
        return bool(found)

    def clear(self, name: str | None, now: float) -> bool:
        """`clear crypto ipsec client ezvpn`: an automatic one connects again by itself."""
        found = self._named(name)
        for tunnel in found:
            self._engine.clients.disconnect(tunnel.config.name, now)
        return bool(found) or name is None

    def waiting_for_user(self, name: str | None) -> str | None:
        """The remote whose server asks for a user."""
        found = [t.config.name for t in self._named(name) if t.state is State.XAUTH]
        return found[0] if found else None

    def answer(self, name: str, user: str, password: str) -> bool:
        """`crypto ipsec client ezvpn xauth`."""
        answered = self._engine.clients.answer(name, user, password)
        if answered:
            self._tunnels[name].state = State.PHASE1
        return answered

    def views(self) -> list[EzvpnView]:
        return [
            EzvpnView(
                name=name,
                inside=tuple(i.name for i in self._config.interfaces if name in i.ezvpn_inside),
                outside=next(
                    (i.name for i in self._config.interfaces if i.ezvpn_outside == name), ""
                ),
                state=tunnel.state,
                last_event=tunnel.last_event,
                given=tunnel.remote.given if tunnel.remote is not None else None,
                loopback=tunnel.loopback,
                peer=tunnel.current_peer,
            )
            for name, tunnel in self._tunnels.items()
        ]

    def _named(self, name: str | None) -> list[_Tunnel]:
        return [t for t in self._tunnels.values() if name in (None, t.config.name)]

    # -- what IKE reports ----------------------------------------------------------------------

    def take(self, event: Event, now: float) -> None:
        """An event of the engine's that may be about a remote."""
        match event:
            case XauthRequested():
                self._xauth(event, now)
            case ClientConfigured():
                self._configured(event)
            case ClientEnded():
                self._ended(event, now)

    def sas_up(self, entries: Iterable[str], now: float) -> None:
        """Interfaces whose policy has SAs: a remote that is on one of them is active."""
        up = set(entries)
        for tunnel in self._tunnels.values():
            outside = self._outside(tunnel)
            if tunnel.state is State.PHASE2 and outside in up and tunnel.remote is not None:
                tunnel.state, tunnel.last_event = State.ACTIVE, "SOCKET_UP"
                self._log.add(syslog.ezvpn_up(now, tunnel.remote))

    def _xauth(self, event: XauthRequested, now: float) -> None:
        tunnel = self._tunnels.get(event.client)
        if tunnel is None:
            return
        tunnel.state, tunnel.last_event = State.XAUTH, "XAUTH_REQUEST"
        for line in syslog.ezvpn_xauth_pending(now, event.client):
            self._log.add(line)

    def _configured(self, event: ClientConfigured) -> None:
        tunnel = self._tunnels.get(event.client)
        if tunnel is None:
            return
        remote = Remote(tunnel.config, event.local, event.remote, event.config)
        if remote != tunnel.remote:  # else the IKE SA was rekeyed
            tunnel.remote = remote
            tunnel.state, tunnel.last_event = State.PHASE2, "MODE_CONFIG_REPLY"
            self._changed()

    def _ended(self, event: ClientEnded, now: float) -> None:
        tunnel = self._tunnels.get(event.client)
        if tunnel is None or tunnel.state in (State.INCOMPLETE, State.CONNECT_REQUIRED):
            return
        if tunnel.state is State.ACTIVE and tunnel.remote is not None:
            self._log.add(syslog.ezvpn_down(now, tunnel.remote))
        by_user = event.reason == "BY user command"
        if not by_user and event.remote == tunnel.current_peer and not _lives(event):
            tunnel.peer += 1  # nobody answers there: the next one's turn
        had, tunnel.remote = tunnel.remote, None
        tunnel.last_event = "CONN_DOWN"
        if had is not None:
            self._changed()
        if tunnel.config.automatic:
            tunnel.state = State.READY
            tunnel.retry_at = now if event.configured else now + RETRY_INTERVAL
        else:
            tunnel.state = State.CONNECT_REQUIRED

    # -- time ----------------------------------------------------------------------------------

    def next_timeout(self) -> float | None:
        times = [t.retry_at for t in self._tunnels.values() if t.retry_at is not None]
        return min(times, default=None)

    def handle_timeout(self, now: float) -> None:
        for tunnel in self._tunnels.values():
            if tunnel.retry_at is not None and now >= tunnel.retry_at:
                self._connect(tunnel, now)

    def _ready(self, tunnel: _Tunnel, now: float) -> None:
        if tunnel.config.automatic:
            tunnel.state, tunnel.retry_at = State.READY, now
        else:
            tunnel.state = State.CONNECT_REQUIRED

    def _connect(self, tunnel: _Tunnel, now: float) -> None:
        tunnel.retry_at = None
        one, peer = tunnel.config, tunnel.current_peer
        if peer is None or tunnel.local is None or self._lacking(one):
            return
        tunnel.state, tunnel.last_event = State.PHASE1, "CONNECT"
        client = EzvpnClient(
            one.name,
            one.group,
            one.key,
            network_extension=one.mode != "client",
            user=one.username,
            password=one.password,
        )
        self._engine.clients.connect(client, local=tunnel.local, peer=peer, now=now)

    def _outside(self, tunnel: _Tunnel) -> str:
        name = tunnel.config.name
        return next((i.name for i in self._config.interfaces if i.ezvpn_outside == name), "")

    def _lacking(self, one: EzvpnConfig) -> list[str]:
        """What a remote needs and has not. Without a group it shows its certificate."""
        certified = any(trustpoint.complete for trustpoint in self._config.trustpoints.values())
        known = one.group or certified
        needs = (("a peer", one.peers), ("a group and its key, or a certificate", known))
        return [text for text, there in needs if not there]


def _lives(event: ClientEnded) -> bool:
    """Whether the peer itself ended the IKE SA, or let it run out."""
    return event.configured and event.reason != "peers alive"
