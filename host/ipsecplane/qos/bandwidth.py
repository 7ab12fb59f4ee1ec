"""The bandwidth of an interface: what per cents of policy maps are of."""

from __future__ import annotations

import re
from typing import Final

from ipsecplane.config import InterfaceConfig

NOMINAL: Final = {
    "Ethernet": 10_000,
    "FastEthernet": 100_000,
    "GigabitEthernet": 1_000_000,
    "TwoGigabitEthernet": 2_500_000,
    "TenGigabitEthernet": 10_000_000,
    "TwentyFiveGigE": 25_000_000,
    "FortyGigabitEthernet": 40_000_000,
    "HundredGigE": 100_000_000,
    "Serial": 1_544,
    "Loopback": 8_000_000,
    "Tunnel": 100,
}
"""By interface type, kbit/s."""


def bandwidth_of(interface: InterfaceConfig) -> int:
    """In kbit/s: as configured (`bandwidth`), else that of its type."""
    if interface.bandwidth is not None:
        return interface.bandwidth
    kind = re.match(r"[A-Za-z-]*", interface.name)
    return NOMINAL.get(kind[0] if kind else "", 100_000)
