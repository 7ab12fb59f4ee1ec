"""Random states of the two devices that keep their references whole, and a model of the devices."""

from __future__ import annotations

from collections.abc import Iterable

from hypothesis import strategies as st
from ipsecplane.targets.dependencies import needs, provides
from ipsecplane.targets.diff import Kind, Update
from ipsecplane.targets.tables import Key, Lpm, TableEntry, Ternary, entry

INDICES = st.integers(1, 4)
HOSTS = st.integers(0, 3)


@st.composite
def states(draw: st.DrawFn) -> list[TableEntry]:
    """Entries of a consistent desired state: SAs, policy, interfaces, routes."""
    entries: list[TableEntry] = []
    usable: list[int] = []
    for index in draw(st.sets(INDICES)):
        epoch = draw(st.integers(1, 2))
        entries.append(entry("sa_decrypt", {"sa_index": index}, "decrypt", {"epoch": epoch}))
        entries.append(entry("sa_in", {"sa_index": index}, "sa_in_data", {"epoch": epoch}))
        match = {"dst": 1, "protocol": 50, "spi": index}
        entries.append(entry("sad_v4", match, "sad_decrypt", {"sa_index": index}))
        if draw(st.booleans()):
            usable.append(index)
            entries.append(entry("sa_encrypt", {"sa_index": index}, "encrypt", {"epoch": epoch}))
            entries.append(entry("sa_out", {"sa_index": index}, "sa_out_data", {"epoch": epoch}))
    interfaces = draw(st.sets(INDICES))
    for if_id in interfaces:
        policy = draw(st.integers(0, 2))
        params = {"port": if_id, "spd_policy": policy}
        entries.append(entry("interface_out", {"if_id": if_id}, "set_egress", params))
        params = {"if_id": if_id, "spd_policy": policy}
        match = {"ingress_port": if_id, "vlan_id": 0}
        entries.append(entry("interface_in", match, "set_interface", params))
    if interfaces:
        for host in draw(st.sets(HOSTS)):
            via = draw(st.sampled_from(sorted(interfaces)))
            match_dst = {"dst": Lpm(host << 8, 24)}
            entries.append(entry("route_v4", match_dst, "route_connected", {"if_id": via}))
    entries += draw(policies(usable))
    return entries


@st.composite
def policies(draw: st.DrawFn, usable: list[int]) -> list[TableEntry]:
    """The rows of policies 1 and 2: priorities do not repeat within one."""
    rows = []
    for policy in (1, 2):
        for priority in draw(st.sets(st.integers(1, 6))):
            kinds = ["spd_bypass", "spd_acquire", "spd_discard"] + ["spd_protect"] * bool(usable)
            action = draw(st.sampled_from(kinds))
            params = {}
            if action == "spd_protect":
                params = {"sa_index": draw(st.sampled_from(usable))}
            elif action == "spd_acquire":
                params = {"policy_entry": draw(INDICES)}
            mask = draw(st.integers(0, 3))
            match = {"spd_policy": policy, "dst": Ternary(draw(HOSTS), mask)}
            rows.append(entry("spd_out_v4", match, action, params, priority))
    return rows


class Devices:
    """Both devices as dictionaries. `apply` refuses what P4Runtime would refuse."""

    def __init__(self, entries: Iterable[TableEntry] = ()) -> None:
        self.held: dict[Key, TableEntry] = {e.key: e for e in entries}

    def apply(self, update: Update) -> None:
        key = update.entry.key
        assert (key in self.held) != (update.kind is Kind.INSERT), update
        if update.kind is Kind.DELETE:
            del self.held[key]
        else:
            self.held[key] = update.entry

    def check_references(self) -> None:
        given = {provides(e) for e in self.held.values()}
        for one in self.held.values():
            for reference in needs(one):
                assert reference in given, f"{one} needs {reference}"

    def decision(self, policy: int, host: int) -> tuple[str, tuple[tuple[str, int], ...]]:
        """What the outbound policy does with a packet to `host`."""
        best: TableEntry | None = None
        for one in self.held.values():
            if one.table != "spd_out_v4" or one.field("spd_policy") != policy:
                continue
            dst = one.field("dst")
            hit = dst is None or (isinstance(dst, Ternary) and host & dst.mask == dst.value)
            if hit and (best is None or one.priority > best.priority):
                best = one
        return ("spd_bypass", ()) if best is None else (best.action, best.params)
