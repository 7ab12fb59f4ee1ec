"""The hash functions of the driver, under the name by which the benches know them."""

from __future__ import annotations

from ipsecsim.accelerator.rtl.hash_states import (
    BLOCK,
    BY_ID,
    INITIAL,
    compress,
    hmac_states,
    integrity_states,
)

__all__ = ["BLOCK", "BY_ID", "INITIAL", "compress", "hmac_states", "integrity_states"]
