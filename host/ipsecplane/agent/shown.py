"""The agent's state as `show` commands see it: `views` values, counters read at this moment."""

from __future__ import annotations

from collections.abc import Iterator
from ipaddress import IPv4Address, IPv6Address

from ipsecplane.config import Address, IsakmpPolicy, RouterConfig
from ipsecplane.ike.key_engine import transform_keywords
from ipsecplane.ike.types import IsakmpState, ProtocolSa, ProxyIdentity
from ipsecplane.ios import syslog
from ipsecplane.ipsec.algorithms import CIPHER, HASH, INTEGRITY
from ipsecplane.ipsec.policy import PolicyEntry
from ipsecplane.ipsec.sad import SadEntry, Usage
from ipsecplane.ipsec.tunnel_policy import tunnel_source
from ipsecplane.net.ip import EthernetFrame, mac_to_text
from ipsecplane.targets.dependencies import Target
from ipsecplane.targets.desired import largest_inner
from ipsecplane.targets.session import Counts
from ipsecplane.targets.transport import TargetError
from ipsecplane.views import (
    AdjacencyView,
    CryptoEngineView,
    EngineConnectionView,
    IdentView,
    InterfaceView,
    LogLine,
    RouteView,
    SaView,
)

from .control import ControlPlane
from .counters import Totals
from .interfaces import Interface
from .tables import egress_to, link_mtu_to, tunnel_mtu

IKE_PORT = 500


def idents(plane: ControlPlane) -> list[IdentView]:
    """Every protected flow, in the order of interfaces, crypto map entries and list lines."""
    sas = list(plane.crypto.sad)
    plane.counters.refresh(sas)
    totals = plane.counters.totals_of(sas)
    return [
        _ident(plane, policy, local, remote, flow, totals, whole=(local, remote) == own)
        for policy in plane.crypto.spd.entries.values()
        for own in [(policy.phase2.local, policy.phase2.remote)]
        for (local, remote), flow in _flows(policy, sas).items()
    ]


def _flows(
    policy: PolicyEntry, sas: list[SadEntry]
) -> dict[tuple[ProxyIdentity, ProxyIdentity], list[SadEntry]]:
    """SAs of a policy entry by what was agreed; its own identities are there without SAs too."""
    flows: dict[tuple[ProxyIdentity, ProxyIdentity], list[SadEntry]] = {}
    if policy.phase2.peers:  # a dynamic map's are there with their SAs only
        flows[policy.phase2.local, policy.phase2.remote] = []
    for sa in sas:
        if sa.sas.policy.entry == policy.number:
            key = sa.sas.local_identity, sa.sas.remote_identity
            flows.setdefault(key, []).append(sa)
    return flows


def _ident(
    plane: ControlPlane,
    policy: PolicyEntry,
    local: ProxyIdentity,
    remote: ProxyIdentity,
    sas: list[SadEntry],
    totals: dict[int, Totals],
    *,
    whole: bool,
) -> IdentView:
    """`whole`: the flow is the policy entry's own, which keeps the counts of SAs that are gone."""
    live = [totals[sa.index] for sa in sas]
    total = plane.counters.ident(policy.number, live) if whole else sum(live, Totals())
    current = next((sa for sa in reversed(sas) if sa.outbound), None)
    newest = sas[-1].sas if sas else None
    peer = newest.remote if newest is not None else policy.phase2.peers[0]
    interface = plane.interfaces.named(policy.interface)
    if interface is not None and interface.config.tunnel is not None:
        interface = egress_to(peer, plane.interfaces, plane.stack.rib)
    mtu = interface.mtu_of(peer.version) if interface is not None else 1500
    local_address = policy.phase2.local_address
    assert local_address is not None
    return IdentView(
        interface=policy.interface,
        crypto_map=policy.crypto_map,
        local_address=newest.local if newest is not None else local_address,
        local_identity=local,
        remote_identity=remote,
        peer=peer,
        peer_port=newest.remote_port if newest is not None else IKE_PORT,
        flags="origin_is_acl,",
        encaps=total["encaps"],
        encrypt=total["encrypt"],
        digest=total["digest"],
        decaps=total["decaps"],
        decrypt=total["decrypt"],
        verify=total["verify"],
        send_errors=total["send_errors"],
        receive_errors=total["receive_errors"],
        replay_errors=total["replay_errors"],
        path_mtu=plane.crypto.path_mtu(current, mtu),
        media_mtu=interface.config.mtu if interface is not None else mtu,
        path_mtu_interface=interface.name if interface is not None else policy.interface,
        outbound_spi=_outbound_spi(current) if current is not None else 0,
        pfs_group=current.sas.pfs_group if current is not None else None,
        sas=tuple(view for sa in sas for view in _sa_views(sa, plane.now)),
        plaintext_mtu=plane.largest_inner(current) if current is not None else 0,
        no_sa=total["no_sa"],
        invalid_sa=total["invalid_sa"],
        verify_failed=total["verify_failed"],
        invalid_identity=total["invalid_identity"],
        invalid_length=total["invalid_length"],
        sequence_exhausted=total["sequence_exhausted"],
        internal_send=total["internal_send"],
        internal_receive=total["internal_receive"],
        up_since=plane.crypto.session_since(newest.remote, newest.remote_port) if newest else None,
    )


def _outbound_spi(sa: SadEntry) -> int:
    """Of ESP where there is ESP, as IOS shows it (guide chapter 3)."""
    part = sa.sas.esp or sa.sas.ah
    assert part is not None
    return part.outbound_spi


def _sa_views(sa: SadEntry, now: float) -> Iterator[SaView]:
    for inbound in (True, False):
        if inbound or sa.outbound:
            for part in sa.protocols:
                yield _sa_view(sa, part, inbound, now)


def _sa_view(sa: SadEntry, part: ProtocolSa, inbound: bool, now: float) -> SaView:
    sas, ids = sa.sas, sa.ids[part.protocol]
    octets = sa.usage.bytes_in if inbound else sa.usage.bytes_out
    settings = "Transport" if sas.transport else "Tunnel"
    if sas.udp_encapsulation:
        settings += " UDP-Encaps"
    iv_size = CIPHER[part.cipher or "NULL"].iv_size if part.protocol == 50 else 0
    return SaView(
        protocol=part.protocol,
        inbound=inbound,
        spi=part.inbound_spi if inbound else part.outbound_spi,
        transform=transform_keywords(sas.transform_set, part.protocol),
        settings=settings,
        conn_id=ids.inbound_conn if inbound else ids.outbound_conn,
        flow_id=ids.inbound_flow if inbound else ids.outbound_flow,
        crypto_map=sa.crypto_map,
        remaining_kilobytes=max(0, sas.lifetime_kilobytes - octets // 1024),
        remaining_seconds=max(0, int(sas.established_at + sas.lifetime_seconds - now)),
        iv_size=iv_size,
        replay_window=sas.policy.replay_window,
        active=True,
        isakmp_conn_id=sas.isakmp_conn_id,
    )


def engine_connections(plane: ControlPlane) -> list[EngineConnectionView]:
    """IKE SAs, then each IPsec SA and direction, by connection id."""
    sas = list(plane.crypto.sad)
    plane.counters.refresh(sas)
    rows = [
        EngineConnectionView(v.conn_id, "IKE", _ike_algorithm(v.policy), 0, 0, 0, v.local)
        for v in plane.crypto.engine.isakmp_sas()
        if v.state is IsakmpState.QM_IDLE and not v.deleted
    ]
    for sa in sas:
        into, out = sa.usage.packets_in, sa.usage.packets_out
        for part in sa.protocols:
            ids, name, local = sa.ids[part.protocol], _algorithm(part), sa.sas.local
            rows.append(EngineConnectionView(ids.inbound_conn, "IPsec", name, 0, into, into, local))
            rows.append(EngineConnectionView(ids.outbound_conn, "IPsec", name, out, 0, out, local))
    return sorted(rows, key=lambda row: row.id)


def _ike_algorithm(policy: IsakmpPolicy | None) -> str:
    if policy is None:
        return ""
    return f"{HASH[policy.hash].name}+{_short(policy.encryption, policy.key_size)}"


def _algorithm(part: ProtocolSa) -> str:
    names = []
    if part.cipher is not None:
        names.append(_short(part.cipher, len(part.inbound_cipher_key)))
    if part.integrity is not None:
        keyword = INTEGRITY[part.integrity].esp_transform
        names.append(keyword.removeprefix("esp-").removesuffix("-hmac").upper())
    return "+".join(names)


def _short(cipher: str, key_size: int) -> str:
    name = cipher.removesuffix("-CBC")
    return f"{name}{key_size * 8}" if CIPHER[cipher].variable_key and key_size != 16 else name


def routes(plane: ControlPlane) -> list[RouteView]:
    return [
        RouteView(r.code, r.prefix, r.configured, r.interface, r.distance, 0)
        for r in plane.stack.rib.routes()
    ]


def interfaces(plane: ControlPlane) -> list[InterfaceView]:
    into, out, carried = plane.interface_counters.read(one.if_id for one in plane.interfaces)
    views = []
    for one in plane.interfaces:
        sent = out.get(one.if_id, Counts())
        if one.config.tunnel is not None and one.config.tunnel.is_gre:
            views.append(_gre_tunnel(plane, one, carried.get(one.if_id, Counts()), sent))
            continue
        if one.config.tunnel is not None:
            views.append(_tunnel(plane, one))
            continue
        received = into.get(one.port or 0, Counts())
        views.append(
            InterfaceView(
                one.config,
                not one.config.shutdown,
                one.up,
                mac_to_text(one.mac),
                one.port,
                received.packets,
                received.bytes,
                sent.packets,
                sent.bytes,
                link_local=one.link_local,
            )
        )
    return views


def _gre_tunnel(plane: ControlPlane, one: Interface, into: Counts, out: Counts) -> InterfaceView:
    """Counted by the pipeline like the interfaces with a cable."""
    assert one.config.tunnel is not None
    return InterfaceView(
        one.config,
        not one.config.shutdown,
        one.up,
        mac_to_text(one.mac),
        None,
        into.packets,
        into.bytes,
        out.packets,
        out.bytes,
        tunnel_source=tunnel_source(plane.resolved, one.config.tunnel),
        transport_mtu=tunnel_mtu(one, plane.interfaces, plane.stack.rib),
    )


def _tunnel(plane: ControlPlane, one: Interface) -> InterfaceView:
    """A tunnel's packets are those of its SAs; its MTU is what fits the path after encryption."""
    sas = list(plane.crypto.sad)
    plane.counters.refresh(sas)
    carried = plane.counters.through(one.name, sas)
    current = next((sa for sa in reversed(sas) if sa.interface == one.name and sa.outbound), None)
    fits = 0
    if current is not None:
        link = link_mtu_to(current.sas.remote, plane.interfaces, plane.stack.rib)
        fits = largest_inner(current, plane.crypto.path_mtu(current, link))
    assert one.config.tunnel is not None
    return InterfaceView(
        one.config,
        not one.config.shutdown,
        one.up,
        mac_to_text(one.mac),
        None,
        carried.packets_in,
        carried.bytes_in,
        carried.packets_out,
        carried.bytes_out,
        link_local=one.link_local,
        tunnel_source=tunnel_source(plane.resolved, one.config.tunnel),
        transport_mtu=fits,
    )


def adjacencies(plane: ControlPlane) -> Iterator[AdjacencyView]:
    """Next hops that are resolved, and tunnels that are up, by interface."""
    neighbours = plane.stack.neighbours.table()
    sent = _sent_to_neighbours(plane)
    tunnels = {view.config.name: view for view in interfaces(plane) if view.config.is_tunnel}
    routes = plane.stack.rib.forwarding()
    for one in plane.interfaces:
        for if_id, address, mac in neighbours:
            if if_id == one.if_id:
                ethertype = 0x0800 if address.version == 4 else 0x86DD
                users = sum(r.interface == one.name and r.next_hop == address for r in routes)
                counts = sent.get((if_id, address), Counts())
                yield AdjacencyView(
                    address.version,
                    one.name,
                    address,
                    users,
                    EthernetFrame(mac, one.mac, ethertype, b"").encode()[:14],
                    packets=counts.packets,
                    bytes=counts.bytes,
                )
        tunnel = one.config.tunnel
        if tunnel is not None and one.up:
            version = tunnel.mode.overlay
            users = sum(r.interface == one.name and r.prefix.version == version for r in routes)
            source = tunnel_source(plane.resolved, tunnel)
            chained = f"{source}, {tunnel.destination}".upper()
            view = tunnels[one.name]
            yield AdjacencyView(
                version,
                one.name,
                None,
                users,
                chained=chained,
                packets=view.output_packets,
                bytes=view.output_bytes,
            )


def _sent_to_neighbours(plane: ControlPlane) -> dict[tuple[int, Address], Counts]:
    """What the pipeline has sent to each next hop, by interface number and address."""
    session = plane.sessions[Target.PIPELINE]
    if not session.ready:
        return {}
    try:
        rows = session.read_direct_counters(["adjacency_v4", "adjacency_v6"])
    except TargetError:
        return {}
    found: dict[tuple[int, Address], Counts] = {}
    for (table, match, _), counts in rows.items():
        fields = dict(match)
        if_id, next_hop = fields["if_id"], fields["next_hop"]
        assert isinstance(if_id, int)
        assert isinstance(next_hop, int)
        address = IPv4Address(next_hop) if table == "adjacency_v4" else IPv6Address(next_hop)
        found[if_id, address] = counts
    return found


def crypto_engine(plane: ControlPlane) -> CryptoEngineView:
    """The accelerator's own counters: all SAs that there are, and refusals without one too."""
    session = plane.sessions[Target.ACCELERATOR]
    name = session.transport.name
    if not session.ready:
        return CryptoEngineView(name, ready=False)
    plane.counters.refresh(plane.crypto.sad)
    usages = [sa.usage for sa in plane.crypto.sad]
    out = Usage(*(sum(column) for column in zip(*usages, strict=True))) if usages else Usage()
    return CryptoEngineView(
        name,
        True,
        out.packets_out,
        out.bytes_out,
        out.packets_in,
        out.bytes_in,
        plane.counters.refused(),
    )


def link_changes(plane: ControlPlane, before: RouterConfig) -> Iterator[LogLine]:
    """Log lines about interfaces that a change of configuration took up or down."""
    for one in plane.interfaces:
        old = before.interface(one.name)
        if old is None or old.shutdown == one.config.shutdown:
            continue
        up = not one.config.shutdown
        yield syslog.link_changed(plane.now, one.name, up, administratively=not up)
        if one.up or not up:
            yield syslog.line_protocol_changed(plane.now, one.name, up)
