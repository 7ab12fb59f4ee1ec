"""The data plane's counters, and what they add up to over the lives of SAs and table rows."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
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


Totals = Counter[str]
"""Counts by the names that `views.IdentView` gives them."""

_SEND_ERRORS: Final = {CryptoReason.SEQUENCE_OVERFLOW: "sequence_exhausted"}
_RECEIVE_ERRORS: Final = {
    CryptoReason.BAD_ICV: "verify_failed",
    CryptoReason.REPLAYED: "replay_errors",
    CryptoReason.TOO_OLD: "replay_errors",
    CryptoReason.MALFORMED_PACKET: "invalid_length",
    CryptoReason.TRUNCATED: "invalid_length",
    CryptoReason.BAD_LENGTH: "invalid_length",
    CryptoReason.BAD_PADDING: "invalid_length",
}


@dataclass(slots=True)
class Counters:
    """Reads counters when asked, and keeps what rows have counted that are gone.

    `lines` tells which access list line a row of `spd_out` stands for: (list, sequence number).
    """

    sessions: Mapping[Target, Session]
    lines: dict[Key, tuple[str, int]] = field(default_factory=dict)
    _gone: dict[str, Usage] = field(default_factory=dict)  # by interface, of SAs that are gone
    _through_base: dict[str, Usage] = field(default_factory=dict)  # when cleared
    _retired: dict[int, Totals] = field(default_factory=dict)  # by policy entry
    _entries: dict[int, Totals] = field(default_factory=dict)  # of no SA, by policy entry
    _offsets: dict[int, Totals] = field(default_factory=dict)  # by SA index, when cleared
    _punted: dict[int, Totals] = field(default_factory=dict)  # by SA index
    _error_bases: dict[int, Totals] = field(default_factory=dict)  # by SA index
    _matches: defaultdict[tuple[str, int], int] = field(default_factory=lambda: defaultdict(int))

    # -- tunnel interfaces -----------------------------------------------------------------------

    def through(self, interface: str, sas: Iterable[SadEntry]) -> Usage:
        """What SAs of an interface have carried, those that are gone too; `refresh` first."""
        total = self._through(interface, sas)
        base = self._through_base.get(interface, Usage())
        return Usage(*(now - then for now, then in zip(total, base, strict=True)))

    def clear_through(self, interfaces: Iterable[str], sas: Iterable[SadEntry]) -> None:
        sas = list(sas)
        self.refresh(sas)
        self._through_base = {name: self._through(name, sas) for name in interfaces}

    def _through(self, interface: str, sas: Iterable[SadEntry]) -> Usage:
        rows = [self._gone.get(interface, Usage())]
        rows += [sa.usage for sa in sas if sa.interface == interface]
        return Usage(*(sum(column) for column in zip(*rows, strict=True)))

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

    def totals_of(self, sas: Iterable[SadEntry]) -> dict[int, Totals]:
        """What each SA has done since its counters were last cleared, by SA index.

        `refresh` first; here only the error counters are read.
        """
        sas = list(sas)
        hardware = self._hardware_errors(sas)
        found = {}
        for sa in sas:
            out, into = sa.usage.packets_out, sa.usage.packets_in
            totals = Totals(encaps=out, decaps=into)
            if sa.sas.esp is not None:
                totals.update(encrypt=out, decrypt=into)
            if _has_digest(sa):
                totals.update(digest=out, verify=into)
            totals.update(hardware.get(sa.index))
            totals.update(self._punted.get(sa.index))
            totals.subtract(self._error_bases.get(sa.index))
            totals.subtract(self._offsets.get(sa.index))
            found[sa.index] = totals
        return found

    def ident(self, number: int, live: Iterable[Totals]) -> Totals:
        """The counters of a policy entry: of SAs that were, SAs that are, and of no SA."""
        total = Totals(self._retired.get(number))
        total.update(self._entries.get(number))
        for one in live:
            total.update(one)
        return total

    def retire(self, sas: Iterable[SadEntry]) -> None:
        """These SAs are about to go: keep what they counted."""
        sas = list(sas)
        self.refresh(sas)
        numbers = {sa.index: sa.sas.policy.entry for sa in sas}
        for name in {sa.interface for sa in sas}:
            self._gone[name] = self._through(name, sas)
        for sa_index, totals in self.totals_of(sas).items():
            self._retired.setdefault(numbers[sa_index], Totals()).update(totals)
            self._punted.pop(sa_index, None)
            self._offsets.pop(sa_index, None)
        # The cells of an index are not reset for its next user.
        self._error_bases.update(self._hardware_errors(sas))

    def no_sa(self, number: int) -> None:
        """The pipeline punted a packet that found no SA, and it is gone.

        Not among the send errors: the guide shows 0 of these after such packets (chapter 3).
        """
        self._entries.setdefault(number, Totals()).update(no_sa=1)

    def invalid_sa(self, number: int) -> None:
        """A packet came from a peer of this policy entry for an SA that we have not."""
        self._entries.setdefault(number, Totals()).update(invalid_sa=1)

    def refused_by_pipeline(self, sa_index: int, name: str) -> None:
        """The pipeline punted an inbound packet of an SA; `name` says what it counts as."""
        self._punted.setdefault(sa_index, Totals()).update({"receive_errors": 1, name: 1})

    def clear_entry(self, number: int) -> None:
        """Forget a policy entry's past (`clear crypto sa` takes the counters with the SAs)."""
        self._retired.pop(number, None)
        self._entries.pop(number, None)

    def clear(self, sas: Iterable[SadEntry]) -> None:
        """`clear crypto sa counters`: the hardware counts on, we count from here."""
        sas = list(sas)
        self.refresh(sas)
        for sa_index, totals in self.totals_of(sas).items():
            self._offsets.setdefault(sa_index, Totals()).update(totals)
        self._retired.clear()
        self._entries.clear()

    def _hardware_errors(self, sas: list[SadEntry]) -> dict[int, Totals]:
        """What the accelerator has refused, by SA index."""
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
        found: defaultdict[int, Totals] = defaultdict(Totals)
        for index, counts in cells.items():
            if not counts.packets:
                continue
            reason = CryptoReason(index & 31)
            if index >> 21 == _ENCRYPT:
                names = ("send_errors", _SEND_ERRORS.get(reason, "internal_send"))
            else:
                names = ("receive_errors", _RECEIVE_ERRORS.get(reason, "internal_receive"))
            found[index >> 5 & 0xFFFF].update(dict.fromkeys(names, counts.packets))
        return found

    def refused(self) -> dict[str, int]:
        """Packets that the accelerator has refused, by reason, of any SA or of none."""
        session = self.sessions[Target.ACCELERATOR]
        reasons = [reason for reason in CryptoReason if reason is not CryptoReason.OK]
        try:
            cells = session.read_counters("errors", [int(reason) for reason in reasons])
        except TargetError:
            return {}
        return {r.name: cells[int(r)].packets for r in reasons if cells[int(r)].packets}

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
