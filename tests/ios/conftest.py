"""The guide's routers behind a fake agent, for sessions to talk to."""

from __future__ import annotations

import sys
from collections.abc import Callable
from pathlib import Path

import pytest
from ipsecplane.ios.session import Session
from ipsecplane.ios.store import ConfigurationStore

sys.path.insert(0, str(Path(__file__).parent))

from ios_fakes import FakeRouter

EXAMPLES = Path(__file__).parents[2] / "examples" / "ch03_invalid_spi_recovery"


@pytest.fixture
def guide_text() -> Callable[[str], str]:
    """The text of one of the guide's configurations, "71a" or "72a"."""
    return lambda name: (EXAMPLES / f"ipseca-{name}.cfg").read_text()


@pytest.fixture
def store(guide_text: Callable[[str], str]) -> ConfigurationStore:
    return ConfigurationStore.load(guide_text("71a"), "ipseca-71a.cfg")


@pytest.fixture
def router(store: ConfigurationStore) -> FakeRouter:
    return FakeRouter(store.router)


@pytest.fixture
def session(router: FakeRouter, store: ConfigurationStore) -> Session:
    return Session(router, store)


@pytest.fixture
def run(session: Session) -> Callable[[str], str]:
    """Submit lines (separated by newlines) and return all they printed."""

    def submit(lines: str) -> str:
        for line in lines.split("\n"):
            session.submit(line)
        return session.read()

    return submit
