"""The packet replication engine's state: multicast groups and clone sessions."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

from finsy.proto import p4r

from . import bytestrings
from .changes import Change, Kind, Listener, Undo, apply, set_attributes
from .errors import already_exists, invalid, not_found, unimplemented

_PORT_BITS = 32
_INSTANCE_BITS = 16


@dataclass(frozen=True, slots=True)
class Replica:
    port: int
    instance: int
    legacy_port: bool = False
    """The client used the deprecated egress_port member: answer in kind."""


@dataclass(slots=True, eq=False)
class MulticastGroup:
    group_id: int
    replicas: tuple[Replica, ...]
    metadata: bytes = b""


@dataclass(slots=True, eq=False)
class CloneSession:
    """`max_length` truncates the clone, in bytes (0: whole)."""

    session_id: int
    replicas: tuple[Replica, ...]
    class_of_service: int = 0
    max_length: int = 0


class ReplicationState:
    """`port_exists` says which egress ports a replica may name."""

    def __init__(self, listener: Listener, port_exists: Callable[[int], bool]) -> None:
        self.groups: dict[int, MulticastGroup] = {}
        self.sessions: dict[int, CloneSession] = {}
        self._listener = listener
        self._port_exists = port_exists

    def write(self, kind: Kind, message: p4r.PacketReplicationEngineEntry) -> Undo:
        match message.WhichOneof("type"):
            case "multicast_group_entry":
                return self._write_group(kind, message.multicast_group_entry)
            case "clone_session_entry":
                return self._write_session(kind, message.clone_session_entry)
        raise invalid("packet replication engine entry: neither multicast group nor clone session")

    def _write_group(self, kind: Kind, message: p4r.MulticastGroupEntry) -> Undo:
        number = message.multicast_group_id
        where = f"multicast group {number}"
        if number == 0:
            raise invalid("multicast group id 0 is reserved")
        if kind is Kind.DELETE:
            return self._drop(self.groups, number, where)
        replicas = self._replicas(message.replicas, where)
        group = MulticastGroup(number, replicas, message.metadata)
        if kind is Kind.INSERT:
            return self._add(self.groups, number, group, where)
        return self._change(
            self.groups, number, where, replicas=replicas, metadata=message.metadata
        )

    def _write_session(self, kind: Kind, message: p4r.CloneSessionEntry) -> Undo:
        number = message.session_id
        where = f"clone session {number}"
        if number == 0:
            raise invalid("clone session id 0 is reserved")
        if kind is Kind.DELETE:
            return self._drop(self.sessions, number, where)
        if message.packet_length_bytes < 0:
            raise invalid(f"{where}: negative packet length")
        replicas = self._replicas(message.replicas, where)
        if not replicas:
            raise invalid(f"{where}: no replica")
        session = CloneSession(
            number, replicas, message.class_of_service, message.packet_length_bytes
        )
        if kind is Kind.INSERT:
            return self._add(self.sessions, number, session, where)
        return self._change(
            self.sessions,
            number,
            where,
            replicas=replicas,
            class_of_service=message.class_of_service,
            max_length=message.packet_length_bytes,
        )

    def _replicas(self, messages: Any, where: str) -> tuple[Replica, ...]:
        replicas: list[Replica] = []
        seen: set[tuple[int, int]] = set()
        for message in messages:
            legacy = message.WhichOneof("port_kind") == "egress_port"
            if message.backup_replicas:
                raise unimplemented(f"{where}: backup replicas are not supported")
            if legacy:
                port = message.egress_port
            else:
                port = bytestrings.decode(message.port, _PORT_BITS, f"{where}: port")
            if not self._port_exists(port):
                raise invalid(f"{where}: there is no port {port}")
            if message.instance >> _INSTANCE_BITS:
                raise invalid(f"{where}: instance {message.instance} is wider than 16 bits")
            if (port, message.instance) in seen:
                raise invalid(f"{where}: port {port}, instance {message.instance} is given twice")
            seen.add((port, message.instance))
            replicas.append(Replica(port, message.instance, legacy))
        return tuple(replicas)

    def _add(self, home: dict[int, Any], number: int, what: Any, where: str) -> Undo:
        if number in home:
            raise already_exists(f"{where} exists")
        return apply(
            self._listener,
            Change(Kind.INSERT, what),
            lambda: home.__setitem__(number, what),
            lambda: home.__delitem__(number),
        )

    def _change(self, home: dict[int, Any], number: int, where: str, **values: Any) -> Undo:
        what = _found(home, number, where)
        return apply(self._listener, Change(Kind.MODIFY, what), *set_attributes(what, **values))

    def _drop(self, home: dict[int, Any], number: int, where: str) -> Undo:
        what = _found(home, number, where)
        return apply(
            self._listener,
            Change(Kind.DELETE, what),
            lambda: home.__delitem__(number),
            lambda: home.__setitem__(number, what),
        )

    def read(
        self, pattern: p4r.PacketReplicationEngineEntry
    ) -> Iterator[p4r.PacketReplicationEngineEntry]:
        """One group or session, or (id 0) all of that kind."""
        match pattern.WhichOneof("type"):
            case "multicast_group_entry":
                number = pattern.multicast_group_entry.multicast_group_id
                for group in _chosen(self.groups, number, "multicast group"):
                    yield p4r.PacketReplicationEngineEntry(
                        multicast_group_entry=p4r.MulticastGroupEntry(
                            multicast_group_id=group.group_id,
                            replicas=[_encode(r) for r in group.replicas],
                            metadata=group.metadata,
                        )
                    )
            case "clone_session_entry":
                number = pattern.clone_session_entry.session_id
                for session in _chosen(self.sessions, number, "clone session"):
                    yield p4r.PacketReplicationEngineEntry(
                        clone_session_entry=p4r.CloneSessionEntry(
                            session_id=session.session_id,
                            replicas=[_encode(r) for r in session.replicas],
                            class_of_service=session.class_of_service,
                            packet_length_bytes=session.max_length,
                        )
                    )
            case _:
                raise invalid(
                    "packet replication engine read: neither multicast group nor clone session"
                )


def _found(home: dict[int, Any], number: int, where: str) -> Any:
    if number not in home:
        raise not_found(f"no {where}")
    return home[number]


def _chosen(home: dict[int, Any], number: int, what: str) -> list[Any]:
    return [_found(home, number, f"{what} {number}")] if number else list(home.values())


def _encode(replica: Replica) -> p4r.Replica:
    if replica.legacy_port:
        return p4r.Replica(egress_port=replica.port, instance=replica.instance)
    return p4r.Replica(port=bytestrings.encode(replica.port), instance=replica.instance)
