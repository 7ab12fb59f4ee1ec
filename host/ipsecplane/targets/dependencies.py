"""What our tables refer to in each other, and so the order in which they may be written.

An entry *provides* a name that others *need*: a pipeline entry that points to SA 7 needs the rows
of SA 7, in the pipeline and in the accelerator. Needed things are written first and removed last.
"""

from __future__ import annotations

from enum import StrEnum
from typing import Final

from .tables import TableEntry


class Target(StrEnum):
    """The two devices an agent programs."""

    PIPELINE = "pipeline"
    ACCELERATOR = "accelerator"


Reference = tuple[str, int]
"""What can be needed: a table and the value of its key; ("spd", n) stands for all of policy n."""

RANK: Final[dict[str, int]] = {
    "sa_encrypt": 0,
    "sa_decrypt": 0,
    "llq_class": 0,
    "llq_select": 1,
    "sa_out": 1,
    "sa_in": 1,
    "path_mtu": 2,
    "pre_classified": 2,
    "llq_group": 2,
    "class_in": 2,
    "class_out": 2,
    "class_tunnel": 2,
    "tunnel_in": 2,
    "tunnel_out": 2,
    "classify_in_v4": 3,
    "classify_in_v6": 3,
    "classify_v4": 3,
    "classify_v6": 3,
    "classify_tunnel_v4": 3,
    "classify_tunnel_v6": 3,
    "inner_policy_v4": 2,
    "inner_policy_v6": 2,
    "cleartext_v4": 3,
    "cleartext_v6": 3,
    "spd_out_v4": 3,
    "spd_out_v6": 3,
    "gre_out": 3,
    "nat_in_v4": 3,
    "nat_out_v4": 3,
    "nat_rule_v4": 3,
    "interface_out": 4,
    "gre_in": 5,
    "sad_v4": 5,
    "sad_v6": 5,
    "adjacency_v4": 5,
    "adjacency_v6": 5,
    "local_v4": 5,
    "local_v6": 5,
    "route_v4": 6,
    "route_v6": 6,
    "my_mac": 6,
    "interface_in": 7,
}
"""Every table we program; a lower rank is written earlier and deleted later."""

ACCELERATOR_TABLES: Final = frozenset({"sa_encrypt", "sa_decrypt", "llq_class", "llq_select"})

_POLICY_TABLES: Final = frozenset({"spd_out_v4", "spd_out_v6", "cleartext_v4", "cleartext_v6"})
_CLEAR_ACTIONS: Final = frozenset({"spd_bypass", "permit"})
_SA_ROWS: Final = {"sa_out": "sa_encrypt", "sa_in": "sa_decrypt"}


def target_of(table: str) -> Target:
    return Target.ACCELERATOR if table in ACCELERATOR_TABLES else Target.PIPELINE


def provides(entry: TableEntry) -> Reference | None:
    """What others may need of this entry."""
    match entry.table:
        case "sa_encrypt" | "sa_decrypt" | "sa_out" | "sa_in":
            return entry.table, _exact(entry, "sa_index")
        case "interface_out":
            return entry.table, _exact(entry, "if_id")
        case "spd_out_v4" | "spd_out_v6" | "cleartext_v4" | "cleartext_v6":
            return "spd", _exact(entry, "spd_policy")
    return None


def needs(entry: TableEntry) -> tuple[Reference, ...]:
    """What has to be in the devices before this entry may be."""
    if entry.table in _SA_ROWS:
        return ((_SA_ROWS[entry.table], _exact(entry, "sa_index")),)
    match entry.action:
        case "spd_protect":
            return (("sa_out", entry.param("sa_index")),)
        case "sad_decrypt":
            return (("sa_in", entry.param("sa_index")),)
        case "route_via" | "route_connected":
            return (("interface_out", entry.param("if_id")),)
    return ()


def guarded_by(entry: TableEntry) -> Reference | None:
    """The policy that an interface must not run without.

    A policy may be empty, so nothing has to be there; but when a part of it could not be written,
    the interface stays as it is: closed rather than leaking what policy protects.
    """
    if entry.table in ("interface_out", "interface_in") and entry.param("spd_policy"):
        return "spd", entry.param("spd_policy")
    return None


def lets_clear_traffic_pass(entry: TableEntry) -> bool | None:
    """Whether a policy entry lets traffic pass unprotected; None for entries of other tables."""
    return entry.action in _CLEAR_ACTIONS if entry.table in _POLICY_TABLES else None


def _exact(entry: TableEntry, name: str) -> int:
    value = entry.field(name)
    assert isinstance(value, int), f"{entry.table}.{name} is exact"
    return value
