"""Reading JSON with errors that say where."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from .errors import ProgramError, UnsupportedError


class Node:
    """A JSON value that knows its path. Accessors check the type."""

    __slots__ = ("path", "value")

    def __init__(self, value: Any, path: str = "$") -> None:
        self.value = value
        self.path = path

    def __getitem__(self, key: str | int) -> Node:
        path = f"{self.path}[{key}]" if isinstance(key, int) else f"{self.path}.{key}"
        if isinstance(key, str) and isinstance(self.value, dict):
            if key not in self.value:
                raise self.error(f"{key!r} is missing")
            return Node(self.value[key], path)
        if isinstance(key, int) and isinstance(self.value, list):
            if key >= len(self.value):
                raise self.error(f"needs at least {key + 1} items")
            return Node(self.value[key], path)
        raise self.error(f"is not an {'object' if isinstance(key, str) else 'array'}")

    def get(self, key: str) -> Node:
        """A member that may be missing or null (then its value is None)."""
        value = self.value.get(key) if isinstance(self.value, dict) else None
        return Node(value, f"{self.path}.{key}")

    def __iter__(self) -> Iterator[Node]:
        if self.value is None:
            return
        if not isinstance(self.value, list):
            raise self.error("is not an array")
        for index, item in enumerate(self.value):
            yield Node(item, f"{self.path}[{index}]")

    def __len__(self) -> int:
        return len(self.value) if isinstance(self.value, list) else 0

    def __bool__(self) -> bool:
        return self.value is not None

    def text(self) -> str:
        if not isinstance(self.value, str):
            raise self.error("is not a string")
        return self.value

    def name(self) -> str | None:
        """A string, or None for a value that is missing or null."""
        return None if self.value is None else self.text()

    def key(self) -> str | int:
        """A string or a number: what things are looked up by."""
        return self.text() if isinstance(self.value, str) else self.number()

    def width(self) -> int:
        """A number of bits: an integer that is not negative."""
        if self.number() < 0:
            raise self.error("is negative")
        return self.number()

    def mapping(self) -> dict[str, Node]:
        """The members of an object."""
        if not isinstance(self.value, dict):
            raise self.error("is not an object")
        return {key: self[key] for key in self.value}

    def number(self) -> int:
        if not isinstance(self.value, int) or isinstance(self.value, bool):
            raise self.error("is not an integer")
        return self.value

    def flag(self) -> bool:
        if self.value not in (0, 1):  # p4c writes some as numbers
            raise self.error("is not a boolean")
        return bool(self.value)

    def hexadecimal(self) -> int:
        """A hexstr: `0x12`, `-0x1`."""
        try:
            return int(self.text(), 16)
        except ValueError:
            raise self.error(f"{self.value!r} is not a hexadecimal number") from None

    def error(self, message: str) -> ProgramError:
        """What to raise when this value is wrong."""
        return ProgramError(self.path, message)

    def unsupported(self, what: str) -> UnsupportedError:
        """What to raise when this value asks for something that is not implemented."""
        return UnsupportedError(self.path, f"{what} is not supported")
