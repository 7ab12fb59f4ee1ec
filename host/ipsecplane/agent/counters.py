"""The data plane's counters, and what they add up to over the lives of SAs and table rows."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from typing import Final

from ipsecplane.ipsec.algorithms import CIPHER
from ipsecplane.ipsec.sad import SadEntry, Usage
from ipsecplane.targets.crypto_header import Reason as CryptoReason
from ipsecplane.targets.dependencies import Target
from ipsecplane.targets.session import Counts, Session
from ipsecplane.targets.tables import Key, TableEntry, entry
from ipsecplane.targets.transport import TargetError

_SA_TABLES: Final = ("sa_encrypt", "sa_decrypt")
_POLICY_TABLES: Final = ("spd_out_v4", "spd_out_v6")
_ENCRYPT, _DECRYPT = 0, 1


@dataclass(frozen=True, slots=True)
class IdentTotals:
    """What `show crypto ipsec sa` counts for one protected flow."""

    encaps: int = 0
    encrypt: int = 0
    digest: int = 0
    decaps: int = 0
    decrypt: int = 0
    verify: int = 0
    send_errors: int = 0
    receive_errors: int = 0
    replay_errors: int = 0

    def plus(self, other: IdentTotals) -> IdentTotals:
        return IdentTotals(*(a + b for a, b in zip(_values(self), _values(other), strict=True)))

    def minus(self, other: IdentTotals) -> IdentTotals:
        return IdentTotals(*(a - b for a, b in zip(_values(self), _values(other), strict=True)))


def _values(totals: IdentTotals) -> tuple[int, ...]:
    return (
        totals.encaps, totals.encrypt, totals.digest, totals.decaps, totals.decrypt,
        totals.verify, totals.send_errors, totals.receive_errors, totals.replay_errors,
    )  # fmt: skip


@dataclass(slots=True)
class _SaErrors:
    send: int = 0
    receive: int = 0
    replay: int = 0


@dataclass(slots=True)
class Counters:
    """Reads counters when asked, and keeps what rows have counted that are gone.

    `lines` tells which access list line a row of `spd_out` stands for: (list, sequence number).
    """

    sessions: Mapping[Target, Session]
    lines: dict[Key, tuple[str, int]] = field(default_factory=dict)
    _retired: dict[int, IdentTotals] = field(default_factory=dict)  # by policy entry
    _offsets: dict[int, IdentTotals] = field(default_factory=dict)  # by SA index: cleared at
    _punted: dict[int, _SaErrors] = field(default_factory=dict)  # by SA index
    _error_bases: dict[int, _SaErrors] = field(default_factory=dict)  # by SA index
    _acquires: defaultdict[int, int] = field(default_factory=lambda: defaultdict(int))
    _matches: defaultdict[tuple[str, int], int] = field(default_factory=lambda: defaultdict(int))

    # -- SAs ----------------------------------------------------------------------------------

    def refresh(self, sas: Iterable[SadEntry]) -> None:
        """Read the packets and octets of all SAs; those that cannot be read keep what they had."""
        session = self.sessions[Target.ACCELERATOR]
        if not session.ready:
            return
        try:
            counts = session.read_direct_counters(_SA_TABLES)
        except TargetError:
            return
        nothing = Counts()
        for sa in sas:
            out = counts.get(entry("sa_encrypt", {"sa_index": sa.index}, "").key, nothing)
            into = counts.get(entry("sa_decrypt", {"sa_index": sa.index}, "").key, nothing)
            if out.packets >= sa.usage.packets_out and into.packets >= sa.usage.packets_in:
                sa.usage = Usage(into.packets, into.bytes, out.packets, out.bytes)

    def totals_of(self, sas: Iterable[SadEntry]) -> dict[int, IdentTotals]:
        """What each SA has done since its counters were last cleared, by SA index.

        `refresh` first; here only the error counters are read.
        """
        sas = list(sas)
        errors = self._errors(sas)
        found = {}
        for sa in sas:
            usage, wrong = sa.usage, errors[sa.index]
            ciphered, digested = sa.sas.esp is not None, _has_digest(sa)
            totals = IdentTotals(
                encaps=usage.packets_out,
                encrypt=usage.packets_out if ciphered else 0,
                digest=usage.packets_out if digested else 0,
                decaps=usage.packets_in,
                decrypt=usage.packets_in if ciphered else 0,
                verify=usage.packets_in if digested else 0,
                send_errors=wrong.send,
                receive_errors=wrong.receive,
                replay_errors=wrong.replay,
            )
            found[sa.index] = totals.minus(self._offsets.get(sa.index, IdentTotals()))
        return found

    def ident(self, number: int, live: Iterable[IdentTotals]) -> IdentTotals:
        """The counters of a policy entry: of the SAs that were, those that are, and acquires."""
        total = self._retired.get(number, IdentTotals())
        for one in live:
            total = total.plus(one)
        return replace(total, send_errors=total.send_errors + self._acquires[number])

    def retire(self, sas: Iterable[SadEntry]) -> None:
        """These SAs are about to go: keep what they counted."""
        sas = list(sas)
        self.refresh(sas)
        numbers = {sa.index: sa.sas.policy.entry for sa in sas}
        for sa_index, totals in self.totals_of(sas).items():
            number = numbers[sa_index]
            self._retired[number] = self._retired.get(number, IdentTotals()).plus(totals)
            self._punted.pop(sa_index, None)
            self._offsets.pop(sa_index, None)
        self._error_bases.update(self._hardware_errors(sas))

    def dropped_for_acquire(self, number: int) -> None:
        """The pipeline punted a packet that found no SA; it is not sent on."""
        self._acquires[number] += 1

    def refused_by_pipeline(self, sa_index: int, *, replay: bool) -> None:
        """The pipeline punted an inbound packet of an SA: replayed, or not what it may carry."""
        errors = self._punted.setdefault(sa_index, _SaErrors())
        errors.receive += 1
        errors.replay += replay

    def clear_entry(self, number: int) -> None:
        """Forget a policy entry's past (`clear crypto sa` takes the counters with the SAs)."""
        self._retired.pop(number, None)
        self._acquires.pop(number, None)

    def clear(self, sas: Iterable[SadEntry]) -> None:
        """`clear crypto sa counters`: the hardware counts on, we count from here."""
        sas = list(sas)
        self.refresh(sas)
        for sa_index, totals in self.totals_of(sas).items():
            before = self._offsets.get(sa_index, IdentTotals())
            self._offsets[sa_index] = before.plus(totals)
        self._retired.clear()
        self._acquires.clear()

    def _errors(self, sas: list[SadEntry]) -> dict[int, _SaErrors]:
        """Error counts by SA index, without those of the index's earlier users."""
        hardware = self._hardware_errors(sas)
        nothing = _SaErrors()
        found = {}
        for sa in sas:
            counted = hardware.get(sa.index, nothing)
            base = self._error_bases.get(sa.index, nothing)
            punted = self._punted.get(sa.index, nothing)
            found[sa.index] = _SaErrors(
                counted.send - base.send,
                counted.receive - base.receive + punted.receive,
                counted.replay - base.replay + punted.replay,
            )
        return found

    def _hardware_errors(self, sas: list[SadEntry]) -> dict[int, _SaErrors]:
        """What the accelerator has counted by SA index; its cells live longer than SAs."""
        session = self.sessions[Target.ACCELERATOR]
        if not sas or not session.ready:
            return {}
        indices = [
            direction << 21 | sa.index << 5 | reason
            for sa in sas
            for direction in (_ENCRYPT, _DECRYPT)
            for reason in CryptoReason
            if reason is not CryptoReason.OK
        ]
        try:
            cells = session.read_counters("sa_errors", indices)
        except TargetError:
            return {}
        found: defaultdict[int, _SaErrors] = defaultdict(_SaErrors)
        for index, counts in cells.items():
            errors = found[index >> 5 & 0xFFFF]
            if index >> 21 == _ENCRYPT:
                errors.send += counts.packets
            else:
                errors.receive += counts.packets
                if index & 31 in (CryptoReason.REPLAYED, CryptoReason.TOO_OLD):
                    errors.replay += counts.packets
        return found

    # -- access lists ---------------------------------------------------------------------------

    def matches(self, access_list: str) -> dict[int, int]:
        """Packets by line of a crypto access list, as the pipeline's policy rows counted them."""
        found: defaultdict[int, int] = defaultdict(int)
        for (name, line), packets in self._matches.items():
            if name == access_list:
                found[line] += packets
        for key, counts in self._policy_counts().items():
            name, line = self.lines.get(key, ("", 0))
            if name == access_list:
                found[line] += counts.packets
        return dict(found)

    def before_delete(self, entries: Iterable[TableEntry]) -> None:
        """Rows are about to go: keep what the policy rows among them have counted."""
        keys = [e.key for e in entries if e.table in _POLICY_TABLES and e.key in self.lines]
        if not keys:
            return
        counts = self._policy_counts()
        for key in keys:
            if key in counts:
                self._matches[self.lines.pop(key)] += counts[key].packets

    def _policy_counts(self) -> dict[Key, Counts]:
        session = self.sessions[Target.PIPELINE]
        if not session.ready:
            return {}
        try:
            return session.read_direct_counters(_POLICY_TABLES)
        except TargetError:
            return {}


def _has_digest(sa: SadEntry) -> bool:
    """Whether packets carry an ICV: AH, ESP with integrity, or an AEAD."""
    esp = sa.sas.esp
    if sa.sas.ah is not None or esp is None:
        return True
    return esp.integrity is not None or CIPHER[esp.cipher or "NULL"].aead
