"""What the tables should hold: a pure function of interfaces, routes, neighbours, policy and SAs.

Names of tables, fields and actions are those of docs/contracts.md.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from ipsecplane.config import Address, Network
from ipsecplane.ike.types import ProtocolSa
from ipsecplane.ipsec.algorithms import CIPHER, INTEGRITY
from ipsecplane.ipsec.outbound import Selection, cleartext_rules, outbound_rules
from ipsecplane.ipsec.overhead import (
    Encapsulation,
    OverheadError,
    encapsulated_size,
    max_inner,
)
from ipsecplane.ipsec.policy import Spd
from ipsecplane.ipsec.sad import SadEntry
from ipsecplane.ipsec.selectors import Cube, cube_of_identities

from .crypto_header import DfPolicy
from .tables import Lpm, MatchValue, TableEntry, Ternary, entry

BROADCAST: Final = 0xFFFFFFFFFFFF
DROP_PORT: Final = 511
_MULTICAST_V6: Final = Ternary(0x333300000000, 0xFFFF00000000)
_OUTER_TTL: Final = 255
_SMALLEST_INNER: Final = 68  # RFC 791: every link carries this much

DF_POLICIES: Final = {"copy": DfPolicy.COPY, "clear": DfPolicy.CLEAR, "set": DfPolicy.SET}


@dataclass(frozen=True, slots=True)
class PipelineInterface:
    """An interface that is up; `mtu` is that of IPv4, `mtu_v6` of IPv6, 0 = no limit. `spd_policy`
    0 = no crypto map.

    `port` None is a tunnel: packets go out by it, to an SA or with GRE, and none comes in.
    """

    if_id: int
    port: int | None
    mac: int
    mtu: int
    spd_policy: int = 0
    vlan_id: int = 0
    ipv6: bool = False
    mtu_v6: int = 0


@dataclass(frozen=True, slots=True)
class PipelineGre:
    """A GRE tunnel that is up: its interface and its ends."""

    if_id: int
    local: Address
    remote: Address


@dataclass(frozen=True, slots=True)
class Forwarding:
    """A resolved route. `if_id` None = discard, `next_hop` None = directly connected."""

    prefix: Network
    if_id: int | None
    next_hop: Address | None = None


@dataclass(frozen=True, slots=True)
class Neighbour:
    if_id: int
    address: Address
    mac: int


@dataclass(frozen=True, slots=True)
class SaSettings:
    """What the rows of an SA need besides the SA itself.

    `path_mtu` is the largest packet that reaches the peer, `link_mtu` what the interface takes that
    the SPD looks at (0 = a tunnel). `inner_mtu` is a tunnel's own limit, 0 = what fits the path.
    """

    path_mtu: int
    link_mtu: int
    df_policy: DfPolicy = DfPolicy.COPY
    prefragment: bool = True
    inner_mtu: int = 0


def desired_pipeline_entries(
    *,
    interfaces: Iterable[PipelineInterface],
    local: Iterable[Address],
    routes: Iterable[Forwarding],
    neighbours: Iterable[Neighbour],
    spd: Spd,
    sas: Sequence[SadEntry],
    settings: Mapping[int, SaSettings],
    gre: Iterable[PipelineGre] = (),
    replay: bool = True,
) -> Iterator[TableEntry]:
    """Everything for the pipeline. `settings` is by SA index.

    `replay`: the pipeline checks sequence numbers; else its windows are off.
    """
    for interface in interfaces:
        yield from _interface(interface)
    for tunnel in gre:
        ends = {"src": int(tunnel.local), "dst": int(tunnel.remote)}
        yield entry("gre_out", {"if_id": tunnel.if_id}, "gre_encapsulate", ends)
        back = {"src": int(tunnel.remote), "dst": int(tunnel.local)}
        yield entry("gre_in", back, "gre_decapsulate", {"if_id": tunnel.if_id})
    for address in local:
        yield entry(f"local_v{address.version}", {"dst": int(address)}, "local")
    for route in routes:
        yield _route(route)
    for neighbour in neighbours:
        yield entry(
            f"adjacency_v{neighbour.address.version}",
            {"if_id": neighbour.if_id, "next_hop": int(neighbour.address)},
            "set_dst_mac",
            {"mac": neighbour.mac},
        )
    yield from _policy(spd, sas)
    for sa in sas:
        yield from _sa(sa, settings[sa.index], replay)


def desired_accelerator_entries(
    sas: Iterable[SadEntry], *, replay: bool = False
) -> Iterator[TableEntry]:
    """Everything for the accelerator. `replay`: it checks sequence numbers, not the pipeline."""
    for sa in sas:
        yield _decrypt(sa, replay)
        if sa.outbound:
            yield _encrypt(sa)


# -- the parts -------------------------------------------------------------------------------


def _interface(i: PipelineInterface) -> Iterator[TableEntry]:
    if i.port is not None:
        yield from _front_port(i, i.port)
    yield entry(
        "interface_out",
        {"if_id": i.if_id},
        "set_egress",
        {
            # What a tunnel's policy should let pass in the clear goes nowhere.
            "port": DROP_PORT if i.port is None else i.port,
            "vlan_id": i.vlan_id,
            "src_mac": i.mac,
            "mtu": i.mtu,
            "spd_policy": i.spd_policy,
            "mtu_v6": i.mtu_v6,
        },
    )


def _front_port(i: PipelineInterface, port: int) -> Iterator[TableEntry]:
    yield entry(
        "interface_in",
        {"ingress_port": port, "vlan_id": i.vlan_id},
        "set_interface",
        {"if_id": i.if_id, "spd_policy": i.spd_policy},
    )
    admitted = [Ternary(i.mac, BROADCAST), Ternary(BROADCAST, BROADCAST)]
    if i.ipv6:
        admitted.append(_MULTICAST_V6)
    for mac in admitted:
        yield entry("my_mac", {"if_id": i.if_id, "dst_mac": mac}, "admit", priority=1)


def _route(route: Forwarding) -> TableEntry:
    version = route.prefix.version
    match = {"dst": Lpm(int(route.prefix.network_address), route.prefix.prefixlen)}
    table = f"route_v{version}"
    if route.if_id is None:
        return entry(table, match, "route_discard")
    if route.next_hop is None:
        return entry(table, match, "route_connected", {"if_id": route.if_id})
    params = {"if_id": route.if_id, "next_hop": int(route.next_hop)}
    return entry(table, match, "route_via", params)


def _policy(spd: Spd, sas: Iterable[SadEntry]) -> Iterator[TableEntry]:
    selections: dict[int, list[Selection]] = {}
    for sa in sas:
        if sa.outbound:
            one = Selection(sa.index, sa.sas.local_identity, sa.sas.remote_identity)
            selections.setdefault(sa.sas.policy.entry, []).insert(0, one)
    for rule in outbound_rules(spd, selections):
        if rule.sa_index is not None:
            action, params = "spd_protect", {"sa_index": rule.sa_index}
        elif rule.acquire is not None:
            action, params = "spd_acquire", {"policy_entry": rule.acquire}
        else:
            action, params = "spd_discard" if rule.discard else "spd_bypass", {}
        match = {"spd_policy": rule.policy, **_selector(rule.cube)}
        yield entry(f"spd_out_v{rule.cube.version}", match, action, params, rule.priority)
    for policy, mirrored, cube in cleartext_rules(spd, selections):
        action = "permit" if mirrored.entry is None else "require_ipsec"
        match = {"spd_policy": policy, **_selector(cube)}
        yield entry(f"cleartext_v{cube.version}", match, action, priority=mirrored.priority)


def _selector(cube: Cube) -> dict[str, MatchValue]:
    return {name: Ternary(masked.value, masked.mask) for name, masked in cube.fields}


def _sa(sa: SadEntry, settings: SaSettings, replay: bool) -> Iterator[TableEntry]:
    version = sa.sas.local.version
    for protocol in sa.protocols:
        match = {
            "dst": int(sa.sas.local),
            "protocol": protocol.protocol,
            "spi": protocol.inbound_spi,
        }
        if protocol is sa.outer:
            yield entry(f"sad_v{version}", match, "sad_decrypt", {"sa_index": sa.index})
        else:
            yield entry(f"sad_v{version}", match, "sad_inner_only")
    yield entry(
        "sa_in",
        {"sa_index": sa.index},
        "sa_in_data",
        {
            "epoch": sa.epoch,
            "window": sa.sas.policy.replay_window if replay else 0,
            "udp_encap": int(sa.sas.udp_encapsulation),
            "peer_port": sa.sas.remote_port if sa.sas.peer_is_behind_nat else 0,
            "esn": 0,
        },
    )
    cube = cube_of_identities(sa.sas.remote_identity, sa.sas.local_identity)
    match_inner = {"sa_index": sa.index, **_selector(cube)}
    yield entry(f"inner_policy_v{cube.version}", match_inner, "accept", priority=1)
    if not sa.outbound:
        return
    yield entry(
        "sa_out",
        {"sa_index": sa.index},
        "sa_out_data",
        {
            "epoch": sa.epoch,
            "max_inner": largest_accepted(sa, settings),
            "df_policy": int(settings.df_policy),
            "prefragment": int(settings.prefragment),
            "tunnel": int(not sa.sas.transport),
        },
    )
    if settings.path_mtu != settings.link_mtu:
        params = {"mtu": settings.path_mtu, "cut_mtu": _cut_mtu(sa, settings)}
        yield entry("path_mtu", {"sa_index": sa.index}, "set_path_mtu", params)


def encapsulation(sa: SadEntry) -> Encapsulation:
    """What decides the overhead of an SA."""
    esp, ah = sa.sas.esp, sa.sas.ah
    return Encapsulation(
        sa.sas.local.version,
        CIPHER[esp.cipher] if esp is not None and esp.cipher is not None else None,
        INTEGRITY[esp.integrity] if esp is not None and esp.integrity is not None else None,
        INTEGRITY[ah.integrity] if ah is not None and ah.integrity is not None else None,
        transport=sa.sas.transport,
        udp=sa.sas.udp_encapsulation,
    )


def largest_inner(sa: SadEntry, path_mtu: int) -> int:
    """The largest cleartext packet that fits `path_mtu` after encapsulation (at least 68)."""
    try:
        return max(max_inner(encapsulation(sa), path_mtu), _SMALLEST_INNER)
    except OverheadError:
        return _SMALLEST_INNER


def _cut_mtu(sa: SadEntry, settings: SaSettings) -> int:
    """For which MTU to cut before encryption, so that no piece exceeds the tunnel's own."""
    if not settings.inner_mtu:
        return settings.path_mtu
    how = encapsulation(sa)
    size = encapsulated_size(how, settings.inner_mtu)
    # Where padding makes room for more, one octet less leaves a whole block out.
    exact = max_inner(how, size) == settings.inner_mtu
    return min(settings.path_mtu, size if exact else size - 1)


def largest_accepted(sa: SadEntry, settings: SaSettings) -> int:
    """The largest cleartext packet that is protected as it is: a tunnel may take less than fits."""
    return settings.inner_mtu or largest_inner(sa, settings.path_mtu)


def _encrypt(sa: SadEntry) -> TableEntry:
    sas = sa.sas
    tunnel = not sas.transport
    params = {
        **_common(sa, inbound=False),
        "outer_version": sas.local.version if tunnel else 0,
        "src": int(sas.local) if tunnel else 0,
        "dst": int(sas.remote) if tunnel else 0,
        "ttl": _OUTER_TTL if tunnel else 0,
        "dscp_copy": int(tunnel),
        "dscp": 0,
        "ecn_copy": int(tunnel),
        "udp_src": sas.local_port if sas.udp_encapsulation else 0,
        "udp_dst": sas.remote_port if sas.udp_encapsulation else 0,
        "iv_seed": sa.iv_seed,
    }
    return entry("sa_encrypt", {"sa_index": sa.index}, "encrypt", params)


def _decrypt(sa: SadEntry, replay: bool) -> TableEntry:
    params = {
        **_common(sa, inbound=True),
        "udp_encap": int(sa.sas.udp_encapsulation),
        "window": sa.sas.policy.replay_window if replay else 0,
    }
    return entry("sa_decrypt", {"sa_index": sa.index}, "decrypt", params)


def _common(sa: SadEntry, *, inbound: bool) -> dict[str, int]:
    esp, ah = sa.sas.esp, sa.sas.ah
    params = {
        "epoch": sa.epoch,
        "transport": int(sa.sas.transport),
        "esp_spi": 0,
        "ah_spi": 0,
        "cipher": 0,
        "cipher_key_size": 0,
        "cipher_key": 0,
        "salt": 0,
        "esp_integrity": 0,
        "esp_integrity_key": 0,
        "ah_integrity": 0,
        "ah_integrity_key": 0,
        "esn": 0,
    }
    if esp is not None:
        key, salt, integrity_key = _keys(esp, inbound)
        params["esp_spi"] = esp.inbound_spi if inbound else esp.outbound_spi
        params["cipher"] = CIPHER[esp.cipher or "NULL"].accelerator_id
        params["cipher_key_size"] = len(key)
        params["cipher_key"] = int.from_bytes(key, "big")
        params["salt"] = int.from_bytes(salt, "big")
        if esp.integrity is not None:
            params["esp_integrity"] = INTEGRITY[esp.integrity].accelerator_id
            params["esp_integrity_key"] = int.from_bytes(integrity_key, "big")
    if ah is not None and ah.integrity is not None:
        params["ah_spi"] = ah.inbound_spi if inbound else ah.outbound_spi
        params["ah_integrity"] = INTEGRITY[ah.integrity].accelerator_id
        params["ah_integrity_key"] = int.from_bytes(_keys(ah, inbound)[2], "big")
    return params


def _keys(sa: ProtocolSa, inbound: bool) -> tuple[bytes, bytes, bytes]:
    """Cipher key, salt, integrity key of one direction."""
    if inbound:
        return sa.inbound_cipher_key, sa.inbound_salt, sa.inbound_integrity_key
    return sa.outbound_cipher_key, sa.outbound_salt, sa.outbound_integrity_key
