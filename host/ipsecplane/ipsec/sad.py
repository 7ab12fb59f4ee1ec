"""Security association database: the SAs that IKE negotiated, and their rows in the hardware.

What one Quick Mode agreed on (an ESP pair, an AH pair, or the bundle of both) is one entry with one
SA index, used in both directions. An index is taken again as late as possible, and an `epoch` that
never repeats tells its users apart: packets and replay state of an old SA cannot be taken for the
new one's.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from typing import Final, NamedTuple

from ipsecplane.config import Address
from ipsecplane.ike.types import IpsecSas, ProtocolSa

FIRST_INDEX: Final = 1  # row 0 of the pipeline's SA tables stands for "no SA"
LAST_INDEX: Final = 4095
FIRST_CONN_ID: Final = 5121  # as the guide's routers count (chapter 3)

ESP: Final = 50
AH: Final = 51


class SadFull(Exception):
    """Every SA index is taken."""


class Usage(NamedTuple):
    """What an SA has carried, by the data plane's counters (packets, and octets of cleartext)."""

    packets_in: int = 0
    bytes_in: int = 0
    packets_out: int = 0
    bytes_out: int = 0


@dataclass(frozen=True, slots=True)
class SaIds:
    """The numbers that `show crypto ipsec sa` gives one protocol's pair."""

    inbound_conn: int
    outbound_conn: int
    inbound_flow: int
    outbound_flow: int


@dataclass(slots=True, eq=False)
class SadEntry:
    """One negotiated set of SAs. `outbound` = traffic may use it (the exchange is complete)."""

    sas: IpsecSas
    index: int
    epoch: int
    iv_seed: int
    interface: str
    crypto_map: str
    ids: dict[int, SaIds]  # by protocol, 50 or 51
    outbound: bool = False
    superseded: bool = False  # a newer entry carries the traffic; kept for what is on its way
    rekeying: bool = False
    installed_at: float = 0.0
    usage: Usage = field(default_factory=Usage)

    @property
    def protocols(self) -> Iterator[ProtocolSa]:
        """AH before ESP: from the outside in."""
        for one in (self.sas.ah, self.sas.esp):
            if one is not None:
                yield one

    @property
    def outer(self) -> ProtocolSa:
        """The protocol whose SPI a received packet shows: AH in a bundle."""
        return next(self.protocols)

    def same_flow(self, other: SadEntry) -> bool:
        """Whether both are for the same traffic of the same policy entry."""
        mine, theirs = self.sas, other.sas
        return (mine.policy.entry, mine.local_identity, mine.remote_identity) == (
            theirs.policy.entry,
            theirs.local_identity,
            theirs.remote_identity,
        )

    def has_spi(self, destination: Address, protocol: int, spi: int) -> bool:
        """Whether one of the SAs is (destination, protocol, SPI)."""
        ends = [(self.sas.local, p.protocol, p.inbound_spi) for p in self.protocols]
        ends += [(self.sas.remote, p.protocol, p.outbound_spi) for p in self.protocols]
        return (destination, protocol, spi) in ends


class Sad:
    """All SAs of a router. Order is that of installation."""

    def __init__(self, random_bytes: Callable[[int], bytes]) -> None:
        self._random_bytes = random_bytes
        self._entries: dict[int, SadEntry] = {}  # by IpsecSas.id
        self._free = deque(range(FIRST_INDEX, LAST_INDEX + 1))
        # Replay state outlives an agent, so a new agent must not start where the last one did.
        self._epoch = int.from_bytes(random_bytes(4), "big")
        self._next_conn = FIRST_CONN_ID
        self._next_flow = 1

    def __iter__(self) -> Iterator[SadEntry]:
        return iter(list(self._entries.values()))

    def __len__(self) -> int:
        return len(self._entries)

    def get(self, sas_id: int) -> SadEntry | None:
        return self._entries.get(sas_id)

    def add(self, sas: IpsecSas, interface: str, crypto_map: str, now: float) -> SadEntry:
        """Take in SAs whose inbound half is ready. Raises SadFull."""
        if not self._free:
            raise SadFull(f"all {LAST_INDEX} SA indices are in use")
        self._epoch = self._epoch + 1 & 0xFFFFFFFF or 1
        entry = SadEntry(
            sas,
            self._free.popleft(),
            self._epoch,
            int.from_bytes(self._random_bytes(8), "big"),
            interface,
            crypto_map,
            {},
            installed_at=now,
        )
        inbound_flow, outbound_flow = self._next_flow, self._next_flow + 1
        self._next_flow += 2
        for protocol in entry.protocols:
            conn = self._next_conn
            entry.ids[protocol.protocol] = SaIds(conn, conn + 1, inbound_flow, outbound_flow)
            self._next_conn += 2
        self._entries[sas.id] = entry
        return entry

    def remove(self, entry: SadEntry) -> None:
        if self._entries.pop(entry.sas.id, None) is not None:
            self._free.append(entry.index)

    def by_index(self, index: int) -> SadEntry | None:
        return next((e for e in self._entries.values() if e.index == index), None)

    def by_outbound_spi(
        self, remote: Address, spis: Iterable[tuple[int, int]], port: int | None = None
    ) -> list[SadEntry]:
        """Entries that send to `remote` (and UDP `port`) with one of these (protocol, SPI)."""
        wanted = set(spis)
        return [
            e
            for e in self._entries.values()
            if e.sas.remote == remote
            and port in (None, e.sas.remote_port)
            and any((p.protocol, p.outbound_spi) in wanted for p in e.protocols)
        ]

    def usable(self, policy_entry: int) -> list[SadEntry]:
        """Entries that outbound traffic of a policy entry may use, newest first."""
        found = [
            e for e in self._entries.values() if e.outbound and e.sas.policy.entry == policy_entry
        ]
        return found[::-1]
