"""`show crypto session`: a peer on an interface, with what there is of IKE and IPsec SAs."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field

from ipsecplane.config import Address, IkeIdentity
from ipsecplane.ike.distinguished_names import shown
from ipsecplane.ike.types import IsakmpSaView, IsakmpState, ProxyIdentity
from ipsecplane.views import IdentView

_CODES = """\

Code: C - IKE Configuration mode, D - Dead Peer Detection
K - Keepalives, N - NAT-traversal, T - cTCP encapsulation
X - IKE Extended Authentication, F - IKE Fragmentation
R - IKE Auto Reconnect, U - IKE Dynamic Route Update
S - SIP VPN"""

Peer = tuple[str, Address | None, int]


@dataclass(slots=True)
class Session:
    """One peer of an interface; `interface` "" = an IKE SA that no flow has to do with."""

    interface: str
    peer: Address | None
    port: int
    flows: list[IdentView] = field(default_factory=list)
    ike: list[IsakmpSaView] = field(default_factory=list)

    @property
    def up_since(self) -> float | None:
        return min((f.up_since for f in self.flows if f.up_since is not None), default=None)

    @property
    def status(self) -> str:
        established = any(sa.state is IsakmpState.QM_IDLE for sa in self.ike)
        if any(flow.sas for flow in self.flows):
            return "UP-ACTIVE" if established else "UP-NO-IKE"
        if established:
            return "UP-IDLE"
        return "DOWN-NEGOTIATING" if self.ike else "DOWN"

    @property
    def local(self) -> set[tuple[Address, int | None]]:
        ends: set[tuple[Address, int | None]] = {(f.local_address, None) for f in self.flows}
        return ends | {(sa.local, sa.local_port) for sa in self.ike}


def sessions(idents: Sequence[IdentView], sas: Sequence[IsakmpSaView]) -> list[Session]:
    found: dict[Peer, Session] = {}
    for ident in idents:
        key = ident.interface, ident.peer, ident.peer_port
        found.setdefault(key, Session(*key)).flows.append(ident)
    for sa in sas:
        if sa.deleted:
            continue
        users = [
            session
            for session in found.values()
            if session.peer == sa.remote
            and session.port in (sa.remote_port, 500)
            and any(flow.local_address == sa.local for flow in session.flows)
        ]
        if not users:
            key = "", sa.remote, sa.remote_port
            users = [found.setdefault(key, Session(*key))]
        for session in users:
            session.ike.append(sa)
    return list(found.values())


def crypto_session(found: Iterable[Session], now: float, *, detail: bool) -> list[str]:
    rows = ["Crypto session current status", *(_CODES.splitlines() if detail else ())]
    for session in found:
        rows += ["", *_session(session, now, detail)]
    return rows


def _session(session: Session, now: float, detail: bool) -> list[str]:
    rows = [f"Interface: {session.interface or '(none)'}"]
    profiles = {sa.profile for sa in session.ike if sa.profile is not None}
    rows += [f"Profile: {profile}" for profile in sorted(profiles)]
    if detail and session.up_since is not None:
        rows.append(f"Uptime: {_duration(now - session.up_since)}")
    rows.append(f"Session status: {session.status}")
    peer = f"Peer: {str(session.peer).upper()} port {session.port}"
    if not detail:
        rows.append(peer)
    else:
        named = next((sa.peer_identity for sa in session.ike if sa.peer_identity), None)
        rows += [
            f"{peer} fvrf: (none) ivrf: (none)",
            *([f"      Phase1_id: {_identity(named)}"] if named is not None else []),
            "      Desc: (none)",
        ]
    rows.append("  Session ID: 0")
    for sa in session.ike:
        rows += _ike_sa(sa, now, detail)
    for flow in session.flows:
        rows += _flow(flow, detail)
    return rows


def _identity(identity: IkeIdentity) -> str:
    return shown(identity) if identity.kind != "address" else identity.value.upper()


def _ike_sa(sa: IsakmpSaView, now: float, detail: bool) -> list[str]:
    active = "Active" if sa.state is IsakmpState.QM_IDLE else "Inactive"
    local = f"  IKEv1 SA: local {str(sa.local).upper()}/{sa.local_port}"
    remote = f"remote {str(sa.remote).upper()}/{sa.remote_port} {active}"
    # An IPv6 pair does not fit a line.
    rows = [f"{local} {remote}"] if sa.local.version == 4 else [local, f"          {remote}"]
    if detail:
        left = max(0, int(sa.created_at + sa.lifetime - now)) if sa.lifetime else 0
        capabilities = sa.capabilities or "(none)"
        rows.append(
            f"          Capabilities:{capabilities} connid:{sa.conn_id} lifetime:{_clock(left)}"
        )
    return rows


def _flow(flow: IdentView, detail: bool) -> list[str]:
    local, remote = flow.local_identity, flow.remote_identity
    protocol = "ip" if local.network.version == 4 else "ipv6"
    if local.protocol:
        protocol = str(local.protocol)
    rows = [
        f"  IPSEC FLOW: permit {protocol} {_side(local)} {_side(remote)}",
        f"        Active SAs: {len(flow.sas)}, origin: crypto map",
    ]
    if detail:
        for inbound, name, done, drops in (
            (True, "Inbound:  #pkts dec'ed", flow.decaps, flow.receive_errors),
            (False, "Outbound: #pkts enc'ed", flow.encaps, flow.send_errors),
        ):
            newest = next((sa for sa in reversed(flow.sas) if sa.inbound is inbound), None)
            life = (newest.remaining_kilobytes, newest.remaining_seconds) if newest else (0, 0)
            rows.append(f"        {name} {done} drop {drops} life (KB/Sec) {life[0]}/{life[1]}")
    return rows


def _side(identity: ProxyIdentity) -> str:
    network = identity.network
    address = str(network.network_address).upper()
    if network.prefixlen == network.max_prefixlen:
        return f"host {address}"
    return f"{address}/{network.netmask if network.version == 4 else network.prefixlen}"


def _clock(seconds: int) -> str:
    return f"{seconds // 3600:02}:{seconds // 60 % 60:02}:{seconds % 60:02}"


def _duration(seconds: float) -> str:
    """As IOS abbreviates it: 00:01:02, 1d02h, 3w4d."""
    whole = int(seconds)
    if whole < 86400:
        return _clock(whole)
    days = whole // 86400
    if days < 7:
        return f"{days}d{whole // 3600 % 24:02}h"
    return f"{days // 7}w{days % 7}d"
