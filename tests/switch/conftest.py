"""Fixtures: a program on the embedded switch, compared with stock BMv2 where that is installed."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import pytest

from tests.switch.targets import Both


@pytest.fixture
def load() -> Iterator[Callable[[str], Both]]:
    """load(program) gives a fresh pair of switches."""
    opened: list[Both] = []

    def make(name: str) -> Both:
        opened.append(Both(name))
        return opened[-1]

    yield make
    for both in opened:
        both.close()
