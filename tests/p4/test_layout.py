"""One home for each fact, two languages: P4 and Python say the same."""

from __future__ import annotations

import json
import re
from dataclasses import fields
from enum import IntEnum
from pathlib import Path
from typing import Any

import pytest
from ipsecplane.targets import crypto_header
from ipsecplane.targets.crypto_header import CryptoHeader, DfPolicy, Operation
from ipsecplane.targets.packetio import Mode
from ipsecplane.targets.program import load_program
from ipsecplane.targets.reasons import COUNTER_SIZE, Reason

P4 = Path(__file__).resolve().parents[2] / "p4"
INCLUDE = P4 / "include"


def _layout(program: str) -> dict[str, tuple[int, int]]:
    """First bit and width of each field of the crypto header, as compiled."""
    compiled = json.loads(load_program(program).device_config)
    (header,) = (t for t in compiled["header_types"] if t["name"] == "crypto_header_t")
    layout, offset = {}, 0
    for name, width, *_ in header["fields"]:
        layout[name] = (offset, width)
        offset += width
    assert offset == crypto_header.LENGTH * 8
    return layout


def _values() -> dict[str, Any]:
    """A different value in each field."""
    return {
        "operation": Operation.FRAGMENTED, "sa_index": 0xA1A2, "reason": 18, "level": 0xB1,
        "qos_group": 0xB2, "mtu": 0xC1C2, "df_policy": DfPolicy.SET, "prefragment": True,
        "l3_offset": 0xD1, "ethertype": 0xE1E2, "ingress_if": 0xF1F2, "egress_if": 0x1121,
        "epoch": 0x31415161, "spi": 0x71819101, "sequence": 0x123456789ABCDEF0,
    }  # fmt: skip


@pytest.mark.parametrize("program", ["ipsec", "accelerator"])
def test_crypto_header(program: str) -> None:
    layout = _layout(program)
    python = {field.name for field in fields(CryptoHeader)}
    assert set(layout) - {"version", "reserved"} == python
    values = _values()
    octets = CryptoHeader(**{**values, "reason": crypto_header.Reason(18)}).encode()
    number = int.from_bytes(octets, "big")
    for name, (offset, width) in layout.items():
        found = number >> (crypto_header.LENGTH * 8 - offset - width) & ((1 << width) - 1)
        assert found == {**values, "version": crypto_header.VERSION, "reserved": 0}[name], name


def _enum(source: str, name: str) -> dict[str, int]:
    (body,) = re.findall(rf"enum bit<\d+> {name} \{{(.*?)\}}", source, re.DOTALL)
    return {key: int(value) for key, value in re.findall(r"(\w+) = (\d+)", body)}


def _constants(source: str, prefix: str) -> dict[str, int]:
    found = re.findall(rf"const \S+ {prefix}(\w+) = (\w+);", source)
    return {name: int(value, 0) for name, value in found}


def _members(enum: type[IntEnum]) -> dict[str, int]:
    return {member.name: int(member) for member in enum}


def test_crypto_header_enums() -> None:
    source = (INCLUDE / "crypto_header.p4").read_text()
    assert _enum(source, "Operation") == {"NONE": 0, **_members(Operation)}
    assert _enum(source, "DfPolicy") == _members(DfPolicy)
    assert f"ETHERTYPE_CRYPTO = 0x{crypto_header.ETHERTYPE:X};" in source
    assert f"CRYPTO_VERSION = {crypto_header.VERSION};" in source
    ours = _constants((P4 / "accelerator.p4").read_text(), "ACCELERATOR_")
    assert ours
    assert ours.items() <= _members(crypto_header.Reason).items()


def test_reasons() -> None:
    constants = _constants((INCLUDE / "reasons.p4").read_text(), "REASON_")
    first_drop = constants.pop("FIRST_DROP")
    assert constants == _members(Reason)
    for reason in Reason:
        assert reason.is_punt == (0 < reason < first_drop)
    sizes = (INCLUDE / "sizes.p4").read_text()
    assert f"#define REASON_COUNT {COUNTER_SIZE} " in sizes
    assert max(Reason) < COUNTER_SIZE


def test_reasons_are_documented() -> None:
    text = (P4.parent / "docs" / "contracts.md").read_text()
    (listed,) = re.findall(r"Reasons \(.*?\n\n", text, re.DOTALL)
    found = {name: int(number) for number, name in re.findall(r"\b(\d+) ([A-Z_]+)", listed)}
    assert {"NONE": 0, **found} == _members(Reason)


def test_packet_out_modes() -> None:
    constants = _constants((INCLUDE / "ports.p4").read_text(), "MODE_")
    assert constants == _members(Mode)
