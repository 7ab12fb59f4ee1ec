"""The figures of `make bench-rtl` that fit into a test run: cycles are the same every time."""

from __future__ import annotations

import pytest

from tests.rtl.figures import framed_figures, judged, stream_figures


def test_engine_stream() -> None:
    figures = judged(stream_figures(8))
    behind = {figure.name: figure.cycles for figure in figures if not figure.reached}
    assert not behind
    assert {"latency worst transmit", "latency worst receive"} <= {one.name for one in figures}


@pytest.mark.xdist_group("rtl-test_ipsec_accel")  # has the same build
def test_framed_port() -> None:
    """A packet of priority waits for one packet and 24 cycles at most, and no frame gets another's
    header or place."""
    figures = judged(framed_figures(floods=4, with_cbc=False))
    behind = {figure.name: figure.cycles for figure in figures if not figure.reached}
    assert not behind
    assert {"framed priority transmit", "framed priority receive"} <= {one.name for one in figures}
