"""One seed, many independent streams: each consumer draws from its own, named, generator.

So a new consumer does not change what the others see, and a run is the same in every process
(the streams depend on the names' text, not on Python's salted `hash`).
"""

from __future__ import annotations

import random
from collections.abc import Callable


class Randomness:
    """The source of all chance in a simulated network. Not for secrets."""

    def __init__(self, seed: int | str) -> None:
        self.seed = seed

    def stream(self, purpose: str) -> random.Random:
        """A generator for `purpose`: the same purpose gives the same stream, from its start."""
        return random.Random(f"{self.seed}/{purpose}")

    def bytes_for(self, purpose: str) -> Callable[[int], bytes]:
        """`random_bytes` for a sans-IO machine: n -> n octets."""
        return self.stream(purpose).randbytes
