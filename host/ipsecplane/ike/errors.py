"""What can be wrong with a message, as values that say where and what."""

from __future__ import annotations

from ipsecplane.ike.constants import NotifyType


class IkeError(Exception):
    """Base of the errors by which a message is refused. `counter` is its name in the statistics."""

    counter = "error"


class PayloadError(IkeError):
    """Not a well-formed ISAKMP message: `field` at `offset` (octets) has `problem`."""

    counter = "malformed"

    def __init__(self, offset: int, field: str, problem: str) -> None:
        super().__init__(f"{field} at offset {offset}: {problem}")
        self.offset = offset
        self.field = field
        self.problem = problem


class AuthenticationError(IkeError):
    """A HASH payload does not prove what it should."""

    counter = "bad_hash"


class NegotiationError(IkeError):
    """A well-formed message that we do not agree to; `notify` is what the peer is told."""

    counter = "refused"

    def __init__(self, notify: NotifyType, reason: str) -> None:
        super().__init__(reason)
        self.notify = notify
        self.counter = notify.name.lower()
