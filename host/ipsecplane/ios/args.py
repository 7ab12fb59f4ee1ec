"""What a parsed command captured: values by name, with the type a handler asks for."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from ipaddress import IPv4Address, IPv6Address
from typing import Any


@dataclass(frozen=True, slots=True)
class Args:
    """Captured values of one command; a missing optional one is absent."""

    values: Mapping[str, Any] = field(default_factory=dict)

    def __contains__(self, name: str) -> bool:
        return name in self.values

    def __getitem__(self, name: str) -> Any:
        return self.values[name]

    def get(self, name: str, default: Any = None) -> Any:
        return self.values.get(name, default)

    def text(self, name: str, default: str = "") -> str:
        value = self.values.get(name, default)
        return value if isinstance(value, str) else str(value)

    def number(self, name: str, default: int = 0) -> int:
        value = self.values.get(name, default)
        if not isinstance(value, int):
            raise TypeError(f"{name} is {value!r}")
        return value

    def optional_number(self, name: str) -> int | None:
        return self.number(name) if name in self.values else None

    def ipv4(self, name: str) -> IPv4Address:
        value = self.values[name]
        if not isinstance(value, IPv4Address):
            raise TypeError(f"{name} is {value!r}")
        return value

    def address(self, name: str) -> IPv4Address | IPv6Address:
        value = self.values[name]
        if not isinstance(value, IPv4Address | IPv6Address):
            raise TypeError(f"{name} is {value!r}")
        return value

    def many(self, name: str) -> tuple[Any, ...]:
        value = self.values.get(name, ())
        return value if isinstance(value, tuple) else (value,)

    def with_value(self, name: str, value: Any) -> Args:
        return Args({**self.values, name: value})
