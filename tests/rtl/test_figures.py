"""The figures of `make bench-rtl` that fit into a test run: cycles are the same every time."""

from __future__ import annotations

from tests.rtl.figures import judged, stream_figures


def test_engine_stream() -> None:
    figures = judged(stream_figures(8))
    behind = {figure.name: figure.cycles for figure in figures if not figure.reached}
    assert not behind
    assert {"latency worst transmit", "latency worst receive"} <= {one.name for one in figures}
