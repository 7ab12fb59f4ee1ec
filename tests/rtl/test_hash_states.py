"""The driver's hash states: HMAC made of them is `hmac`'s."""

from __future__ import annotations

import hmac
from random import Random

import pytest
from ipsecplane.ipsec.algorithms import INTEGRITIES, Integrity
from ipsecsim.accelerator.rtl.hash_states import BLOCK, compress, hmac_states

_DIGEST = {"md5": 16, "sha1": 20, "sha256": 32, "sha384": 48, "sha512": 64}


@pytest.mark.parametrize("integrity", INTEGRITIES, ids=lambda i: i.name)
@pytest.mark.parametrize("size", [0, 1, 55, 64, 111, 112, 300])
def test_hmac_from_states(integrity: Integrity, size: int) -> None:
    random = Random(size)
    name = integrity.hash_name
    key, message = random.randbytes(integrity.key_size), random.randbytes(size)
    inner, outer = hmac_states(name, key)
    digest = _continued(name, inner, message)[: _DIGEST[name]]
    assert _continued(name, outer, digest)[: _DIGEST[name]] == hmac.digest(key, message, name)


def _continued(name: str, state: bytes, message: bytes) -> bytes:
    """The hash of one block, after which the state is `state`, and `message`."""
    block = BLOCK[name]
    order = "little" if name == "md5" else "big"
    field = block // 8
    padded = message + b"\x80" + bytes(-(len(message) + 1 + field) % block)
    padded += ((block + len(message)) * 8).to_bytes(field, order)
    for at in range(0, len(padded), block):
        state = compress(name, state, padded[at : at + block])
    return state
