"""`show access-lists`."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from ipsecplane.config import AccessList, AccessListEntry, WildcardAddress
from ipsecplane.ios.commands.numbers import port_name, protocol_name


def _address(value: WildcardAddress) -> str:
    wildcard = int(value.wildcard)
    if wildcard == 0:
        return f"host {str(value.address).upper()}"
    if value == WildcardAddress.any(value.address.version):
        return "any"
    if value.address.version == 6:
        return f"{str(value.address).upper()}/{128 - wildcard.bit_length()}"
    return f"{value.address} {value.wildcard}"


def _ports(ports: tuple[int, int] | None, protocol: int | None) -> str:
    if ports is None:
        return ""
    low, high = ports
    if low == high:
        return f" eq {port_name(low, protocol)}"
    if high == 65535:
        return f" gt {port_name(low - 1, protocol)}" if low else f" range 0 {high}"
    if low == 0:
        return f" lt {port_name(high + 1, protocol)}"
    return f" range {port_name(low, protocol)} {port_name(high, protocol)}"


def entry_text(entry: AccessListEntry, extended: bool = True) -> str:
    """An entry without its sequence number, as access lists print it."""
    action = "permit" if entry.permit else "deny"
    if not extended:
        wildcard = int(entry.source.wildcard)
        if wildcard == 0:
            return f"{action} {entry.source.address}"
        if entry.source == WildcardAddress.any():
            return f"{action} any"
        return f"{action} {entry.source.address}, wildcard bits {entry.source.wildcard}"
    return (
        f"{action} {protocol_name(entry.protocol, entry.source.address.version)}"
        f" {_address(entry.source)}{_ports(entry.source_ports, entry.protocol)}"
        f" {_address(entry.destination)}{_ports(entry.destination_ports, entry.protocol)}"
    )


def access_lists(
    lists: Sequence[AccessList], matches: Mapping[str, Mapping[int, int]]
) -> list[str]:
    rows = []
    for found in lists:
        if found.version == 6:
            rows += _ipv6(found, matches.get(found.name, {}))
            continue
        rows.append(f"{'Extended' if found.extended else 'Standard'} IP access list {found.name}")
        for entry in found.entries:
            count = matches.get(found.name, {}).get(entry.sequence, 0)
            hits = f" ({count} match{'es' if count != 1 else ''})" if count else ""
            rows.append(f"    {entry.sequence} {entry_text(entry, found.extended)}{hits}")
    return rows


def _ipv6(found: AccessList, matches: Mapping[int, int]) -> list[str]:
    rows = [f"IPv6 access list {found.name}"]
    for entry in found.entries:
        count = matches.get(entry.sequence, 0)
        hits = f" ({count} match{'es' if count != 1 else ''})" if count else ""
        rows.append(f"    {entry_text(entry)}{hits} sequence {entry.sequence}")
    return rows
