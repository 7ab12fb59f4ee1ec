"""Security policy database: crypto maps and their access lists, as rules in order (RFC 4301 4.4.1).

A packet that leaves an interface is held against the entries of its crypto map in order of
sequence number, each entry's access list line by line. `permit` = protect by this entry; `deny` =
this entry is not for it, go on with the next entry; matched by none = leaves in the clear. A TCAM
knows no "go on", so behind each `deny` the later entries' rules are repeated, cut down to what the
`deny` matches, and closed by a bypass.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from ipaddress import IPv4Network, IPv6Network
from typing import Final

from ipsecplane.config import (
    AccessList,
    AccessListEntry,
    Address,
    CryptoMapEntry,
    InterfaceConfig,
    Network,
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
from .selectors import Cube, cubes_of, uncovered
from .tunnel_policy import tunnel_policy

SHADOW_LIMIT: Final = 2000
"""Rules up to which lines that never match are looked for (the search is quadratic)."""


def compile_spd(config: RouterConfig, numbers: Numbers) -> Spd:
    """The policy that `config` means, for every interface with a crypto map and an address."""
    policies: list[InterfacePolicy] = []
    entries: dict[int, PolicyEntry] = {}
    warnings: list[str] = []
    for interface in config.interfaces:
        if interface.tunnel is not None and not interface.shutdown:
            policy = tunnel_policy(config, interface, numbers)
            entries.update(policy.entries)
            policies += policy.policies
            warnings += policy.warnings
        if interface.crypto_map is None or interface.shutdown:
            continue
        compiler = _Compiler(config, interface, numbers)
        rules = compiler.compile()
        warnings += compiler.warnings
        entries.update(compiler.entries)
        number = numbers.policy(interface.name)
        policies.append(InterfacePolicy(number, interface.name, interface.crypto_map, rules))
    return Spd(tuple(policies), entries, tuple(warnings))


class _Compiler:
    """Compiles the crypto map of one interface."""

    def __init__(self, config: RouterConfig, interface: InterfaceConfig, numbers: Numbers) -> None:
        self.warnings: list[str] = []
        self.entries: dict[int, PolicyEntry] = {}
        self._config = config
        self._interface = interface
        self._numbers = numbers
        self._lists: list[list[tuple[AccessListEntry, int | None, list[Cube]]]] = []
        self._names: list[str] = []

    def compile(self) -> tuple[Rule, ...]:
        name = self._interface.crypto_map or ""
        crypto_map = self._config.crypto_maps.get(name)
        if crypto_map is None:
            self._warn(f"crypto map {name}: not configured; traffic passes unprotected")
            return ()
        for entry in sorted(crypto_map.entries, key=lambda e: e.sequence):
            self._take(name, entry, crypto_map.local_address)
        rules: list[Rule] = []
        shadowed: dict[tuple[str, int], bool] = {}
        for rule in self._flatten(0, None):
            hidden = len(rules) < SHADOW_LIMIT and not uncovered(
                rule.cube, (r.cube for r in rules if r.cube.overlaps(rule.cube))
            )
            key = rule.access_list, rule.line
            shadowed[key] = shadowed.get(key, True) and hidden
            if not hidden:
                rules.append(replace(rule, priority=TOP_PRIORITY - len(rules) * PRIORITY_STRIDE))
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

    def _take(self, map_name: str, entry: CryptoMapEntry, local_from: str | None) -> None:
        where = f"crypto map {map_name} {entry.sequence}"
        access_list = self._config.access_lists.get(entry.match_address or "")
        transforms = [
            self._config.transform_sets[t]
            for t in entry.transform_sets
            if t in self._config.transform_sets
        ]
        for missing in set(entry.transform_sets) - self._config.transform_sets.keys():
            self._warn(f"{where}: transform set {missing} is not configured")
        if access_list is None or not entry.peers or not transforms:
            lacking = [
                text
                for text, there in (
                    ("a valid access list", access_list),
                    ("a peer", entry.peers),
                    ("a transform set", transforms),
                )
                if not there
            ]
            self._warn(f"{where}: incomplete, disabled until it has {' and '.join(lacking)}")
            return
        source = self._config.interface(local_from) if local_from else self._interface
        if source is None:
            self._warn(f"{where}: local-address interface {local_from} is not configured")
            return
        local = _local_address(source, entry.peers[0].version)
        if local is None:
            self._warn(f"{where}: {source.name} has no IPv{entry.peers[0].version} address")
            return
        lines = []
        allowed = tuple(transforms)
        for line in access_list.entries:
            if line.remark:
                continue
            number = None
            if line.permit:
                number = self._policy_entry(map_name, entry, access_list, line, allowed, local)
                if number is None:
                    continue
            lines.append((line, number, cubes_of(line)))
        self._lists.append(lines)
        self._names.append(access_list.name)

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
        config = self._config
        name = self._interface.name, map_name, entry.sequence, access_list.name, local, remote
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
            access_list.name,
            phase2,
            Idle(pick(entry.idle_time, config.idle_time or 0), entry.idle_to_default),
            entry.default_peer,
        )
        return number

    def _flatten(self, index: int, region: Cube | None) -> Iterator[Rule]:
        """The rules of the entries from `index` on, for what is in `region` (None = everything)."""
        if index == len(self._lists):
            return
        for line, number, cubes in self._lists[index]:
            for cube in cubes:
                part = cube if region is None else cube.intersect(region)
                if part is None:
                    continue
                if number is None:
                    yield from self._flatten(index + 1, part)
                yield Rule(part, number, 0, self._names[index], line.sequence)
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
