"""The figures of `make bench-rtl` that fit into a test run: cycles are the same every time."""

from __future__ import annotations

from tests.rtl.figures import framed_figures, judged, stream_figures


def test_engine_stream() -> None:
    assert [figure for figure in judged(stream_figures(8)) if not figure.reached] == []


def test_framed_port() -> None:
    """No bounds of its own; one SHA-1 engine sets the pace of CBC whatever the port adds."""
    found = framed_figures()
    for size, blocks in ((64, 3), (1400, 24)):
        for way in ("transmit", "receive"):
            assert found[f"framed CBC 1 {size} {way}"] <= 1.05 * 80 * blocks
    assert max(found[f"framed GCM 1400 {way}"] for way in ("transmit", "receive")) <= 110
