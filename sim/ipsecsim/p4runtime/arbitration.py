"""Who is primary: client arbitration for one device (specification, "Client Arbitration").

The primary of a role is the live client with the highest election id that the device has ever
seen for that role. Nothing here sends: `update` and `leave` say who has to be told what.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Generic, TypeVar

from finsy.proto import U128, p4r, rpc_status

from .errors import Code, P4RuntimeError, denied, exhausted, invalid, precondition

MAX_CLIENTS = 64
"""Open streams a role may have."""

C = TypeVar("C")


@dataclass(slots=True)
class _Role(Generic[C]):
    clients: dict[C, int | None] = field(default_factory=dict)
    highest: int | None = None


class Arbitration(Generic[C]):
    """`C` is whatever stands for a client (hashable)."""

    def __init__(self, device_id: int) -> None:
        self.device_id = device_id
        self._roles: dict[str, _Role[C]] = {}
        self._role_of: dict[C, str] = {}

    def update(
        self, client: C, message: p4r.MasterArbitrationUpdate
    ) -> list[tuple[C, p4r.MasterArbitrationUpdate]]:
        """Take a client's update; returns the notifications it causes.

        Raises P4RuntimeError when the client's stream has to be closed.
        """
        name = message.role.name
        if message.device_id != self.device_id:
            raise precondition(
                f"this stream belongs to device {self.device_id}, not {message.device_id}"
            )
        if client in self._role_of and self._role_of[client] != name:
            raise precondition(f"this stream's role is {self._role_of[client]!r}, not {name!r}")
        if message.role.HasField("config"):
            raise invalid(f"role {name!r}: no role configuration scheme is supported")
        election = U128.decode(message.election_id) if message.HasField("election_id") else None
        role = self._roles.setdefault(name, _Role())
        if election is not None and any(
            other != client and taken == election for other, taken in role.clients.items()
        ):
            raise invalid(f"election id {election} is used by another client of role {name!r}")
        if client not in role.clients and len(role.clients) >= MAX_CLIENTS:
            raise exhausted(f"role {name!r} has {MAX_CLIENTS} clients already")

        before = self.primary(name)
        role.clients[client] = election
        self._role_of[client] = name
        if election is not None and (role.highest is None or election >= role.highest):
            role.highest = election
        if before == client or self.primary(name) == client:
            # The new primary hears last: by then nobody else takes itself for the primary.
            told = [c for c in role.clients if c != client] + [client]
        else:
            told = [client]
        return [(c, self._notification(name, c)) for c in told]

    def leave(self, client: C) -> list[tuple[C, p4r.MasterArbitrationUpdate]]:
        """The client's stream has ended; returns the notifications if it was the primary."""
        name = self._role_of.pop(client, None)
        if name is None:
            return []
        was_primary = self.primary(name) == client
        role = self._roles[name]
        del role.clients[client]
        if not was_primary:
            return []
        return [(c, self._notification(name, c)) for c in role.clients]

    def primary(self, role: str = "") -> C | None:
        state = self._roles.get(role)
        if state is None or state.highest is None:
            return None
        for client, election in state.clients.items():
            if election == state.highest:
                return client
        return None

    def primaries(self) -> list[C]:
        """The primary of every role that has one."""
        found = (self.primary(name) for name in self._roles)
        return [client for client in found if client is not None]

    def is_primary(self, client: C) -> bool:
        name = self._role_of.get(client)
        return name is not None and self.primary(name) == client

    def check_writer(self, role: str, election_id: p4r.Uint128) -> None:
        """PERMISSION_DENIED unless `election_id` is that of the role's live primary."""
        state = self._roles.get(role)
        if state is None and role:
            raise P4RuntimeError(Code.NOT_FOUND, f"device {self.device_id} has no role {role!r}")
        wanted = U128.decode(election_id)
        if self.primary(role) is None:
            raise denied(f"election id {wanted}: there is no primary client")
        if state is not None and state.highest != wanted:
            raise denied(f"election id {wanted} is not the primary's ({state.highest})")

    def _notification(self, name: str, client: C) -> p4r.MasterArbitrationUpdate:
        role = self._roles[name]
        message = p4r.MasterArbitrationUpdate(device_id=self.device_id)
        if name:
            message.role.name = name
        if role.highest is not None:
            message.election_id.CopyFrom(U128.encode(role.highest))
        primary = self.primary(name)
        if primary == client:
            status = rpc_status.Status(code=int(Code.OK), message="you are the primary")
        elif primary is not None:
            status = rpc_status.Status(code=int(Code.ALREADY_EXISTS), message="you are a backup")
        else:
            status = rpc_status.Status(code=int(Code.NOT_FOUND), message="there is no primary")
        message.status.CopyFrom(status)
        return message
