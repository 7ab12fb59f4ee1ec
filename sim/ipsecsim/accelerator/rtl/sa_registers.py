"""An SA as the registers that install it: arguments of `encrypt` and `decrypt` in, words out."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from ipsecplane.ipsec.algorithms import INTEGRITIES

from . import registers as reg
from .hash_states import integrity_states
from .regmap import Register

_INTEGRITY: Final = {row.accelerator_id: row for row in INTEGRITIES}


def sa_registers(a: Mapping[str, int]) -> dict[Register, int]:
    """The registers of block `sa`, in the order of their addresses.

    `a` holds the arguments of an action of `p4/accelerator.p4`, which `tables.py` has found right.
    """
    esp_inner, esp_outer = _states(a["esp_integrity"], a["esp_integrity_key"])
    ah_inner, ah_outer = _states(a["ah_integrity"], a["ah_integrity_key"])
    form = (
        (reg.SA_FORM_TRANSPORT, a["transport"]),
        (reg.SA_FORM_ESN, a["esn"]),
        (reg.SA_FORM_UDP_ENCAP, a.get("udp_encap", 0)),
        (reg.SA_FORM_OUTER_V6, a.get("outer_version", 0) == 6),
        (reg.SA_FORM_DSCP_COPY, a.get("dscp_copy", 0)),
        (reg.SA_FORM_ECN_COPY, a.get("ecn_copy", 0)),
        (reg.SA_FORM_CIPHER, a["cipher"]),
        (reg.SA_FORM_KEY_WORDS, a["cipher_key_size"] // 4),
        (reg.SA_FORM_ESP_INTEGRITY, a["esp_integrity"]),
        (reg.SA_FORM_AH_INTEGRITY, a["ah_integrity"]),
        (reg.SA_FORM_DSCP, a.get("dscp", 0)),
    )
    limits = reg.SA_LIMITS_TTL.put(a.get("ttl", 0)) | reg.SA_LIMITS_WINDOW.put(a.get("window", 0))
    udp = reg.SA_UDP_UDP_SRC.put(a.get("udp_src", 0)) | reg.SA_UDP_UDP_DST.put(a.get("udp_dst", 0))
    return {
        reg.SA_EPOCH: a["epoch"],
        reg.SA_ESP_SPI: a["esp_spi"],
        reg.SA_AH_SPI: a["ah_spi"],
        reg.SA_FORM: sum(field.put(int(value)) for field, value in form),
        reg.SA_LIMITS: limits,
        reg.SA_UDP: udp,
        reg.SA_SRC: a.get("src", 0),
        reg.SA_DST: a.get("dst", 0),
        reg.SA_IV_SEED: a.get("iv_seed", 0),
        reg.SA_SALT: a["salt"],
        reg.SA_CIPHER_KEY: a["cipher_key"],
        reg.SA_ESP_INNER: esp_inner,
        reg.SA_ESP_OUTER: esp_outer,
        reg.SA_AH_INNER: ah_inner,
        reg.SA_AH_OUTER: ah_outer,
    }


def _states(number: int, key: int) -> tuple[int, int]:
    integrity = _INTEGRITY.get(number)
    size = integrity.key_size if integrity is not None else 0
    return integrity_states(integrity, key.to_bytes(size, "big"))
