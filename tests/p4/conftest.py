"""Every packet test runs on the embedded switch, and on stock BMv2 where that is installed."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.p4 import duts, world


@pytest.fixture(scope="session", params=[duts.Embedded.name, duts.Bmv2.name])
def device(request: pytest.FixtureRequest) -> Iterator[duts.Dut]:
    if request.param == duts.Bmv2.name and (why := duts.Bmv2.missing()):
        pytest.skip(f"NOT RUN on stock BMv2: {why}")
    device = duts.make(request.param)
    yield device
    device.close()


@pytest.fixture
def bare(device: duts.Dut) -> duts.Dut:
    """A device with empty tables."""
    device.clear()
    return device


@pytest.fixture
def router(bare: duts.Dut) -> duts.Dut:
    """A device that is a plain router (see world.py)."""
    bare.write(world.base())
    return bare
