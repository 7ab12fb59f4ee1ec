"""What is settable about an agent that no router configuration says."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from ipsecplane.targets.program import Program


class ReplayUnit(StrEnum):
    """Which hardware decides on replay (docs/contracts.md): exactly one of the two has a window."""

    PIPELINE = "pipeline"
    ACCELERATOR = "accelerator"


@dataclass(frozen=True, slots=True)
class AgentOptions:
    """Times are seconds.

    A program is loaded into its target when the target runs none or another one; with None the
    target's own p4info is taken as it is.
    """

    pipeline_program: Program | None = None
    accelerator_program: Program | None = None
    replay: ReplayUnit = ReplayUnit.PIPELINE
    election_id: int = 1
    counter_interval: float = 10.0  # how often lifetimes look at counters that stand still
    arp_timeout: float = 4 * 3600.0  # IOS's default
    mac_seed: str = ""  # what MAC addresses are made from; "" = the hostname
