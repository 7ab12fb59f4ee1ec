"""Helpers beside the tests are importable whatever the import mode; chapter 3 is run once a worker.

Tests that use `recovered` or `black_hole` belong to the xdist group "chapter3", so that one worker
runs them all.
"""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parent))

from played import EXAMPLES, Ran, run_example

CHAPTER3 = EXAMPLES / "ch03_invalid_spi_recovery"


@pytest.fixture(scope="session")
def recovered(tmp_path_factory: pytest.TempPathFactory) -> Ran:
    """The guide's chapter 3 as it stands."""
    return run_example(CHAPTER3, tmp_path_factory.mktemp("recovered"))


@pytest.fixture(scope="session")
def black_hole(tmp_path_factory: pytest.TempPathFactory) -> Ran:
    """The same without invalid SPI recovery."""
    return run_example(CHAPTER3, tmp_path_factory.mktemp("black-hole"), recovery="off")
