"""Parser value sets: the members a client has written."""

from __future__ import annotations

from finsy.proto import p4r

from .changes import Change, Kind, Listener, Undo, apply, set_attributes
from .entries import MatchKey, decode_match, encode_match
from .errors import already_exists, exhausted
from .schema import ValueSet


class ValueSetState:
    """`members` are match keys over the value set's fields."""

    def __init__(self, value_set: ValueSet, listener: Listener) -> None:
        self.value_set = value_set
        self.members: tuple[MatchKey, ...] = ()
        self._listener = listener

    def write(self, message: p4r.ValueSetEntry) -> Undo:
        where = f"value set {self.value_set.name}"
        members: list[MatchKey] = []
        for member in message.members:
            key = decode_match(self.value_set.fields, member.match, where)
            if key in members:
                raise already_exists(f"{where}: a member is given twice")
            members.append(key)
        if self.value_set.size and len(members) > self.value_set.size:
            raise exhausted(f"{where}: its size is {self.value_set.size}")
        assign = set_attributes(self, members=tuple(members))
        return apply(self._listener, Change(Kind.MODIFY, self), *assign)

    def read(self) -> p4r.ValueSetEntry:
        return p4r.ValueSetEntry(
            value_set_id=self.value_set.id,
            members=[
                p4r.ValueSetMember(match=encode_match(self.value_set.fields, key))
                for key in self.members
            ],
        )
