"""The system's randomness behind the interface that simulations seed."""

from __future__ import annotations

import random
import secrets
from collections.abc import Callable

from ipsecsim.network.randomness import Randomness


class SystemRandomness(Randomness):
    """Streams that nobody can repeat; fit for secrets."""

    def __init__(self) -> None:
        super().__init__("system")

    def stream(self, purpose: str) -> random.Random:
        return random.SystemRandom()

    def bytes_for(self, purpose: str) -> Callable[[int], bytes]:
        return secrets.token_bytes
