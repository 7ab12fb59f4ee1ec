"""The documents' tables say what the code does."""

from __future__ import annotations

import re
from pathlib import Path

from ipsecplane.targets.crypto_header import (
    LENGTH,
    VERSION,
    CryptoHeader,
    DfPolicy,
    Operation,
    Reason,
)

DOCS = Path(__file__).resolve().parents[2] / "docs"


def test_crypto_header_table() -> None:
    """Each row's octet and bits are where `CryptoHeader` puts the field's value."""
    text = (DOCS / "crypto-header.md").read_text()
    rows = re.findall(r"^\| (\d+) \| (\d+)–(\d+) \| (\w+) \|", text, re.MULTILINE)
    base = CryptoHeader(Operation.ENCRYPT, ethertype=0)
    values = {"operation": Operation.FRAGMENTED, "reason": Reason(19), "df_policy": DfPolicy.SET}
    seen = {name for *_, name in rows}
    assert seen == {*CryptoHeader.__dataclass_fields__, "version"}
    for octet, high, low, name in rows:
        width = int(high) - int(low) + 1
        size = (int(high) + 8) // 8
        if name == "version":
            fields, value = {}, VERSION
        else:
            value = values.get(name, (1 << width) - 1)
            fields = {name: value}
        encoded = CryptoHeader(
            **{f: getattr(base, f) for f in CryptoHeader.__dataclass_fields__} | fields
        ).encode()
        assert len(encoded) == LENGTH
        word = int.from_bytes(encoded[int(octet) : int(octet) + size], "big")
        assert word >> int(low) & (1 << width) - 1 == value, name


def test_reasons_table() -> None:
    text = (DOCS / "accelerator.md").read_text()
    rows = re.findall(r"^\| (\d+) \| ([A-Z_]+) \|", text, re.MULTILINE)
    assert {int(number): name for number, name in rows} == {
        r.value: r.name for r in Reason if r is not Reason.OK
    }
