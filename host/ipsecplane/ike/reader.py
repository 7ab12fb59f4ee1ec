"""A bounds-checked cursor over bytes: everything that reads the wire reads through it."""

from __future__ import annotations

from ipsecplane.ike.errors import PayloadError


class Reader:
    """Reads fields of `data` in network order; `base` is the offset of `data` in its message."""

    __slots__ = ("_base", "_data", "_position")

    def __init__(self, data: bytes, base: int = 0) -> None:
        self._data = data
        self._base = base
        self._position = 0

    @property
    def offset(self) -> int:
        """Where the next field is, counted from the start of the message."""
        return self._base + self._position

    @property
    def remaining(self) -> int:
        return len(self._data) - self._position

    def take(self, size: int, field: str) -> bytes:
        if size > self.remaining:
            raise self.error(field, f"{size} octets wanted, {self.remaining} left")
        start = self._position
        self._position += size
        return self._data[start : self._position]

    def number(self, size: int, field: str) -> int:
        return int.from_bytes(self.take(size, field))

    def zero(self, size: int, field: str) -> None:
        """A reserved field: IOS and RFC 2408 section 5.1 treat another value as malformed."""
        at = self.offset
        if any(self.take(size, field)):
            raise PayloadError(at, field, "reserved field is not zero")

    def rest(self) -> bytes:
        return self.take(self.remaining, "rest")

    def end(self, field: str) -> None:
        if self.remaining:
            raise self.error(field, f"{self.remaining} octets too many")

    def error(self, field: str, problem: str) -> PayloadError:
        return PayloadError(self.offset, field, problem)
