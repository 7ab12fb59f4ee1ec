"""What differential tests have gone through: functional coverage, by cocotb-coverage.

`sample` is called with each request and its answer; `report` gives the bins that nothing has hit.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final

from cocotb_coverage.coverage import CoverCross, CoverPoint, coverage_db
from ipsecplane.ipsec.algorithms import CIPHERS, INTEGRITIES
from ipsecplane.targets.crypto_header import Operation, Reason

TOP: Final = "accelerator"
WINDOWS: Final = (0, 64, 128, 256, 512, 1024)
RELATIONS: Final = (
    "far ahead", "one window ahead", "next", "highest again", "right edge", "left edge",
    "left of it", "far behind",
)  # fmt: skip
# One by one the numbers cannot be used up: they begin at 0. tests/rtl/test_transmit_path.py does.
_REASONS: Final = {
    "transmit": (
        Reason.OK, Reason.BAD_HEADER, Reason.UNKNOWN_SA, Reason.WRONG_EPOCH,
        Reason.MALFORMED_PACKET, Reason.TOO_BIG, Reason.FRAGMENT, Reason.UNSUPPORTED,
    ),
    "receive": tuple(r for r in Reason if r not in (Reason.SEQUENCE_OVERFLOW, Reason.TOO_BIG)),
}  # fmt: skip


def side(operation: int) -> str:
    return "receive" if operation & 7 == Operation.DECRYPT else "transmit"


def relation(highest: int, number: int, window: int) -> str:
    """Where a number lies in a window of `window` whose highest one is `highest`."""
    ahead = number - highest
    if ahead > 0:
        return "next" if ahead == 1 else "one window ahead" if ahead == window else "far ahead"
    if ahead == 0:
        return "highest again"
    return {1: "right edge", window - 1: "left edge", window: "left of it"}.get(
        -ahead, "far behind" if -ahead > window else ""
    )


@CoverPoint(
    f"{TOP}.transmit.reason", xf=lambda o, r, sa: (o, r),
    bins=[("transmit", r) for r in _REASONS["transmit"]],
)  # fmt: skip
@CoverPoint(
    f"{TOP}.receive.reason", xf=lambda o, r, sa: (o, r),
    bins=[("receive", r) for r in _REASONS["receive"]],
)  # fmt: skip
@CoverPoint(f"{TOP}.side", xf=lambda o, r, sa: o, bins=["transmit", "receive"])
@CoverPoint(
    f"{TOP}.cipher", xf=lambda o, r, sa: (sa.cipher, len(sa.cipher_key)) if r == 0 and sa else None,
    bins=[(c.name, size) for c in CIPHERS for size in c.key_sizes],
)  # fmt: skip
@CoverPoint(
    f"{TOP}.esp_integrity", xf=lambda o, r, sa: sa.integrity if r == 0 and sa else None,
    bins=[i.name for i in INTEGRITIES],
)  # fmt: skip
@CoverPoint(
    f"{TOP}.ah_integrity", xf=lambda o, r, sa: sa.ah if r == 0 and sa else None,
    bins=[i.name for i in INTEGRITIES],
)  # fmt: skip
@CoverPoint(
    f"{TOP}.mode",
    xf=lambda o, r, sa: (sa.transport, sa.udp, sa.esn) if r == 0 and sa else None,
    bins=[(t, u, e) for t in (False, True) for u in (False, True) for e in (False, True)],
)
@CoverCross(f"{TOP}.cipher_by_side", items=[f"{TOP}.cipher", f"{TOP}.side"])
@CoverCross(f"{TOP}.ah_by_side", items=[f"{TOP}.ah_integrity", f"{TOP}.side"])
@CoverCross(f"{TOP}.integrity_by_side", items=[f"{TOP}.esp_integrity", f"{TOP}.side"])
def sample(operation: str, reason: int, sa: Any) -> None:
    """One request: `side(...)`, the reason of its answer, and its SA (None: there is none)."""


@CoverPoint(
    f"{TOP}.window",
    xf=lambda window, esn, where: (window, esn, where),
    bins=[(w, e, where) for w in WINDOWS[1:] for e in (False, True) for where in RELATIONS],
)
def sample_window(window: int, esn: bool, where: str) -> None:
    """One number received: size of the window, and `relation(...)` to it."""


def missed(*points: str) -> Iterator[str]:
    """The bins of `points` (all of them without) that nothing has hit."""
    for name, item in coverage_db.items():
        if hasattr(item, "detailed_coverage") and (not points or name in points):
            yield from (f"{name} {bin_}" for bin_, n in item.detailed_coverage.items() if not n)


def write(path: Path) -> None:
    """All bins and their hits, for people to read."""
    path.parent.mkdir(parents=True, exist_ok=True)
    coverage_db.export_to_yaml(str(path))
