"""Digest lists: buffering, duplicate suppression and acknowledgement.

Specification section "DigestEntry". Sans-IO: time comes in, lists go out.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator

from finsy.proto import p4d, p4r

from . import bytestrings
from .changes import Kind, Undo, set_attributes
from .errors import already_exists, invalid, not_found
from .schema import Digest

Values = tuple[int, ...]


class DigestState:
    """One digest: off until a client inserts its configuration."""

    def __init__(self, digest: Digest) -> None:
        self.digest = digest
        self.config: p4r.DigestEntry.Config | None = None
        self._buffer: dict[Values, None] = {}
        self._first_at = 0.0
        self._list_id = 0
        self._unacknowledged: dict[int, tuple[float, frozenset[Values]]] = {}

    # -- configuration -----------------------------------------------------------------------

    def write(self, kind: Kind, message: p4r.DigestEntry) -> Undo:
        where = f"digest {self.digest.name}"
        if kind is Kind.INSERT and self.config is not None:
            raise already_exists(f"{where}: is configured already")
        if kind is not Kind.INSERT and self.config is None:
            raise not_found(f"{where}: is not configured")
        config: p4r.DigestEntry.Config | None = None
        if kind is not Kind.DELETE:
            config = p4r.DigestEntry.Config()
            config.CopyFrom(message.config)
            if min(config.max_timeout_ns, config.max_list_size, config.ack_timeout_ns) < 0:
                raise invalid(f"{where}: negative timeout or list size")
        do, undo = set_attributes(self, config=config, _buffer={}, _unacknowledged={})
        do()
        return undo

    def read(self) -> Iterator[p4r.DigestEntry]:
        if self.config is not None:
            yield p4r.DigestEntry(digest_id=self.digest.id, config=self.config)

    # -- data --------------------------------------------------------------------------------

    def add(self, values: Values, now: float, emit: Callable[[p4r.DigestList], None]) -> None:
        """Take one digest message from the data plane; full lists go to `emit`."""
        if self.config is None or values in self._buffer:
            return
        self._expire(now)
        if any(values in sent for _, sent in self._unacknowledged.values()):
            return
        if not self._buffer:
            self._first_at = now
        self._buffer[values] = None
        size = self.config.max_list_size
        if self.config.max_timeout_ns == 0 or (size and len(self._buffer) >= size):
            self._flush(now, emit)

    def acknowledge(self, list_id: int) -> None:
        self._unacknowledged.pop(list_id, None)

    def next_timeout(self) -> float | None:
        """When the buffer has to be sent, or None while it is empty (clock seconds)."""
        if self.config is None or not self._buffer:
            return None
        return self._first_at + self.config.max_timeout_ns / 1e9

    def handle_timeout(self, now: float, emit: Callable[[p4r.DigestList], None]) -> None:
        due = self.next_timeout()
        if due is not None and now >= due:
            self._flush(now, emit)

    def _flush(self, now: float, emit: Callable[[p4r.DigestList], None]) -> None:
        assert self.config is not None
        self._list_id += 1
        message = p4r.DigestList(
            digest_id=self.digest.id,
            list_id=self._list_id,
            data=[self._encode(values) for values in self._buffer],
            timestamp=round(now * 1e9),
        )
        if self.config.ack_timeout_ns:
            self._unacknowledged[self._list_id] = (now, frozenset(self._buffer))
        self._buffer = {}
        emit(message)

    def _expire(self, now: float) -> None:
        assert self.config is not None
        limit = now - self.config.ack_timeout_ns / 1e9
        old = [n for n, (sent_at, _) in self._unacknowledged.items() if sent_at <= limit]
        for list_id in old:
            del self._unacknowledged[list_id]

    def _encode(self, values: Values) -> p4d.P4Data:
        members = [p4d.P4Data(bitstring=bytestrings.encode(v)) for v in values]
        if self.digest.is_struct:
            return p4d.P4Data(struct=p4d.P4StructLike(members=members))
        if len(members) == 1 and not self.digest.members[0].name:
            return members[0]
        return p4d.P4Data(tuple=p4d.P4StructLike(members=members))
