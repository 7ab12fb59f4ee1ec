"""Security policy database: crypto maps and their access lists, as rules in order (RFC 4301 4.4.1).

A packet that leaves an interface is held against the entries of its crypto map in order of
sequence number, each entry's access list line by line. `permit` = protect by this entry; `deny` =
this entry is not for it, go on with the next entry; matched by none = leaves in the clear. A TCAM
knows no "go on", so behind each `deny` the later entries' rules are repeated, cut down to what the
`deny` matches, and closed by a bypass.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from ipaddress import IPv4Network, IPv6Network
from typing import Final

from ipsecplane.config import (
    AccessList,
    AccessListEntry,
    Address,
    CryptoMap,
    CryptoMapEntry,
    InterfaceConfig,
    Network,
    ReverseRoute,
    RouterConfig,
    TransformSet,
    WildcardAddress,
)
from ipsecplane.ike.types import Phase2Policy, ProxyIdentity

from .policy import (
    PRIORITY_STRIDE,
    RULE_LIMIT,
    TOP_PRIORITY,
    Idle,
    InterfacePolicy,
    Numbers,
    PolicyEntry,
    Rule,
    Spd,
    or_default,
)
from .remote_policy import Remote, remote_policy
from .selectors import Cube, cubes_of, uncovered
from .tunnel_policy import guard_gre, tunnel_policy

SHADOW_LIMIT: Final = 2000
"""Rules up to which lines that never match are looked for (the search is quadratic)."""


def compile_spd(
    config: RouterConfig, numbers: Numbers, remotes: Mapping[str, Remote] | None = None
) -> Spd:
    """The policy that `config` means, for every interface with a crypto map and an address.

    `remotes` are the Easy VPN remotes that are let in, by name.
    """
    policies: list[InterfacePolicy] = []
    entries: dict[int, PolicyEntry] = {}
    warnings: list[str] = []
    gre: list[PolicyEntry] = []
    for interface in config.interfaces:
        if interface.tunnel is not None and not interface.shutdown:
            policy = tunnel_policy(config, interface, numbers, entries.values())
            entries.update(policy.entries)
            gre += policy.entries.values() if interface.tunnel.is_gre else ()
            policies += policy.policies
            warnings += policy.warnings
        remote = (remotes or {}).get(interface.ezvpn_outside or "")
        if remote is not None and not interface.shutdown:
            policy = remote_policy(config, interface, remote, numbers)
            entries.update(policy.entries)
            policies += policy.policies
            continue
        if not interface.crypto_maps or interface.shutdown:
            continue
        rules: tuple[Rule, ...] = ()
        for name in interface.crypto_maps:
            compiler = _Compiler(config, interface, name, numbers)
            rules += compiler.compile(len(rules))
            warnings += compiler.warnings
            entries.update(compiler.entries)
        number = numbers.policy(interface.name)
        policies.append(InterfacePolicy(number, interface.name, interface.crypto_maps[0], rules))
    # What IKE is asked for, the first entry that fits answers: tunnels before crypto maps.
    ordered = {one.number: one for one in gre} | entries
    return Spd(tuple(guard_gre(config, policies, gre, numbers)), ordered, tuple(warnings))


ANYTHING: Final = ProxyIdentity(IPv4Network("0.0.0.0/0"))


@dataclass(frozen=True, slots=True)
class _Entry:
    """An access list as cubes: (sequence number, policy entry or None = deny, cubes) a line."""

    name: str
    lines: list[tuple[int, int | None, list[Cube]]]
    passive: bool = False


class _Compiler:
    """Compiles one crypto map of an interface."""

    def __init__(
        self, config: RouterConfig, interface: InterfaceConfig, name: str, numbers: Numbers
    ) -> None:
        self.warnings: list[str] = []
        self.entries: dict[int, PolicyEntry] = {}
        self._config = config
        self._interface = interface
        self._name = name
        self._numbers = numbers
        self._lists: list[_Entry] = []

    def compile(self, above: int) -> tuple[Rule, ...]:
        """`above`: how many rules of the interface's other crypto map come first."""
        name = self._name
        crypto_map = self._config.crypto_maps.get(name)
        if crypto_map is None:
            self._warn(f"crypto map {name}: not configured; traffic passes unprotected")
            return ()
        self._take_map(crypto_map)
        rules: list[Rule] = []
        shadowed: dict[tuple[str, int], bool] = {}
        for rule in self._flatten(0, None):
            hidden = len(rules) < SHADOW_LIMIT and not uncovered(
                rule.cube,
                (r.cube for r in rules if not r.passive and r.cube.overlaps(rule.cube)),
            )
            key = rule.access_list, rule.line
            shadowed[key] = shadowed.get(key, True) and hidden
            if not hidden:
                rank = above + len(rules)
                rules.append(replace(rule, priority=TOP_PRIORITY - rank * PRIORITY_STRIDE))
            if len(rules) > RULE_LIMIT:
                # One row too many: the device refuses it, and so the interface stays closed.
                self._warn(f"crypto map {name}: needs more than {RULE_LIMIT} rules")
                break
        for (access_list, line), hidden in shadowed.items():
            if hidden:
                self._warn(
                    f"crypto map {name}: line {line} of access list {access_list} never matches:"
                    " earlier lines cover it"
                )
        return tuple(rules)

    def _take_map(self, crypto_map: CryptoMap) -> None:
        """The entries of a crypto map; a dynamic map's stand in the place of the one naming it."""
        for entry in sorted(crypto_map.entries, key=lambda e: e.sequence):
            if entry.dynamic is None:
                self._take(crypto_map.name, entry, crypto_map.local_address)
                continue
            dynamic = self._config.dynamic_maps.get(entry.dynamic)
            if dynamic is None:
                where = f"crypto map {crypto_map.name} {entry.sequence}"
                self._warn(f"{where}: dynamic map {entry.dynamic} is not configured")
                continue
            for one in sorted(dynamic.entries, key=lambda e: e.sequence):
                self._take(dynamic.name, one, crypto_map.local_address, dynamic=True)

    def _take(
        self,
        map_name: str,
        entry: CryptoMapEntry,
        local_from: str | None,
        *,
        dynamic: bool = False,
    ) -> None:
        where = f"crypto {'dynamic-' if dynamic else ''}map {map_name} {entry.sequence}"
        access_list = self._config.access_lists.get(entry.match_address or "")
        transforms = [
            self._config.transform_sets[t]
            for t in entry.transform_sets
            if t in self._config.transform_sets
        ]
        for missing in set(entry.transform_sets) - self._config.transform_sets.keys():
            self._warn(f"{where}: transform set {missing} is not configured")
        anybody = dynamic and entry.match_address is None
        lacking = [
            text
            for text, there in (
                ("a valid access list", access_list or anybody),
                ("a peer", entry.peers or dynamic),
                ("a transform set", transforms),
            )
            if not there
        ]
        if lacking:
            self._warn(f"{where}: incomplete, disabled until it has {' and '.join(lacking)}")
            return
        source = self._config.interface(local_from) if local_from else self._interface
        if source is None:
            self._warn(f"{where}: local-address interface {local_from} is not configured")
            return
        version = entry.peers[0].version if entry.peers else 4
        local = _local_address(source, version)
        if local is None:
            self._warn(f"{where}: {source.name} has no IPv{version} address")
            return
        allowed = tuple(transforms)
        if access_list is None:
            number = self._add(map_name, entry, "", ANYTHING, ANYTHING, allowed, local)
            self._lists.append(_Entry("", [(0, number, [Cube(4)])], passive=True))
            return
        lines = []
        for line in access_list.entries:
            found = None
            if line.permit:
                found = self._policy_entry(map_name, entry, access_list, line, allowed, local)
                if found is None:
                    continue
            lines.append((line.sequence, found, cubes_of(line)))
        self._lists.append(_Entry(access_list.name, lines))

    def _policy_entry(
        self,
        map_name: str,
        entry: CryptoMapEntry,
        access_list: AccessList,
        line: AccessListEntry,
        transforms: tuple[TransformSet, ...],
        local_address: Address,
    ) -> int | None:
        where = f"crypto map {map_name} {entry.sequence}: access list {access_list.name}"
        local = _identity(line.source, line.protocol, line.source_ports)
        remote = _identity(line.destination, line.protocol, line.destination_ports)
        if local is None or remote is None:
            self._warn(
                f"{where} line {line.sequence}: a wildcard mask with gaps cannot be negotiated;"
                " the line is ignored"
            )
            return None
        if _is_range(line.source_ports) or _is_range(line.destination_ports):
            self._warn(
                f"{where} line {line.sequence}: a port range cannot be negotiated;"
                " SAs are asked for all ports"
            )
        name = access_list.name
        return self._add(map_name, entry, name, local, remote, transforms, local_address)

    def _add(
        self,
        map_name: str,
        entry: CryptoMapEntry,
        access_list: str,
        local: ProxyIdentity,
        remote: ProxyIdentity,
        transforms: tuple[TransformSet, ...],
        local_address: Address,
    ) -> int:
        config = self._config
        name = self._interface.name, map_name, entry.sequence, access_list, local, remote
        number = self._numbers.entry(name)
        pick = or_default
        phase2 = Phase2Policy(
            name=f"{map_name} {entry.sequence}",
            entry=number,
            peers=entry.peers,
            local=local,
            remote=remote,
            transform_sets=transforms,
            pfs_group=entry.pfs_group,
            lifetime_seconds=pick(entry.lifetime_seconds, config.lifetime_seconds),
            lifetime_kilobytes=pick(entry.lifetime_kilobytes, config.lifetime_kilobytes),
            local_address=local_address,
            replay_window=pick(entry.replay_window, config.replay_window),
            isakmp_profile=entry.isakmp_profile,
        )
        self.entries[number] = PolicyEntry(
            number,
            self._interface.name,
            map_name,
            entry.sequence,
            access_list,
            phase2,
            Idle(pick(entry.idle_time, config.idle_time or 0), entry.idle_to_default),
            entry.default_peer,
            _reverse(entry),
        )
        return number

    def _flatten(self, index: int, region: Cube | None) -> Iterator[Rule]:
        """The rules of the entries from `index` on, for what is in `region` (None = everything)."""
        if index == len(self._lists):
            return
        entry = self._lists[index]
        for line, number, cubes in entry.lines:
            for cube in cubes:
                part = cube if region is None else cube.intersect(region)
                if part is None:
                    continue
                if number is None:
                    yield from self._flatten(index + 1, part)
                yield Rule(part, number, 0, entry.name, line, passive=entry.passive)
        yield from self._flatten(index + 1, region)

    def _warn(self, text: str) -> None:
        self.warnings.append(f"{self._interface.name}: {text}")


def _identity(
    address: WildcardAddress, protocol: int | None, ports: tuple[int, int] | None
) -> ProxyIdentity | None:
    """What Quick Mode can say of one side; None for a wildcard with gaps."""
    width = address.address.max_prefixlen
    wildcard = int(address.wildcard)
    if wildcard & (wildcard + 1):
        return None
    length = width - wildcard.bit_length()
    base = int(address.address) & ~wildcard
    network: Network
    if address.address.version == 4:
        network = IPv4Network((base, length))
    else:
        network = IPv6Network((base, length))
    port = ports[0] if ports is not None and ports[0] == ports[1] else 0
    return ProxyIdentity(network, protocol or 0, port)


def _local_address(interface: InterfaceConfig, version: int) -> Address | None:
    if version == 4:
        return interface.address.ip if interface.address else None
    return interface.ipv6[0].ip if interface.ipv6 else None


def _is_range(ports: tuple[int, int] | None) -> bool:
    return ports is not None and ports[0] != ports[1]


def _reverse(entry: CryptoMapEntry) -> ReverseRoute | None:
    found = entry.reverse_route
    if found is None or entry.reverse_distance is None:
        return found
    return replace(found, distance=entry.reverse_distance)
