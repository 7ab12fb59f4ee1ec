"""Bits on the wire: generated code that takes fixed-size fields apart and puts them together.

Fields are collected into groups that start and end on bytes, groups into `struct` items, so that
one `unpack_from` or `pack` moves a whole header.
"""

from __future__ import annotations

import struct
from collections.abc import Mapping, Sequence
from typing import Any

from .declarations import FieldType
from .writer import Writer

_CODES = {1: "B", 2: "H", 4: "I", 8: "Q"}
# Sizes that take more than one item; a longer list costs more than int.from_bytes does.
_SPLITS = {
    3: (1, 2),
    5: (1, 4),
    6: (2, 4),
    9: (1, 8),
    10: (2, 8),
    12: (4, 8),
    16: (8, 8),
}


def mask(width: int) -> int:
    return (1 << width) - 1


def signed(text: str, width: int) -> str:
    """`text`, an unsigned value of `width` bits, read as two's complement."""
    half = 1 << (width - 1)
    return f"(({text}) ^ {half:#x}) - {half:#x}"


class Layout:
    """The layout of consecutive fields that together fill whole bytes.

    `namespace` gets the bound struct methods that the generated code calls.
    """

    def __init__(self, fields: Sequence[FieldType], namespace: dict[str, Any]) -> None:
        self._namespace = namespace
        self.groups: list[list[FieldType]] = []
        group: list[FieldType] = []
        for field in fields:
            group.append(field)
            if sum(f.width for f in group) % 8 == 0:
                self.groups.append(group)
                group = []
        assert not group, "the fields do not fill whole bytes"
        self.size = sum(f.width for f in fields) // 8

    def _struct(self, method: str, fmt: str) -> str:
        name = f"{method}_" + "".join(c for c in fmt if c.isalnum())
        if name not in self._namespace:
            item = struct.Struct("!" + fmt)
            self._namespace[name] = item.unpack_from if method == "unpack" else item.pack
        return name

    def write_unpack(self, writer: Writer, wanted: Mapping[str, str], offset: str) -> None:
        """Assign the fields in `wanted` (field name → variable) from `frame` at `offset`.

        The caller has checked that the frame is long enough.
        """
        fmt = ""
        targets: list[str] = []
        after: list[str] = []
        for number, group in enumerate(self.groups):
            size = sum(f.width for f in group) // 8
            chosen = [f for f in group if f.name in wanted]
            if not chosen:
                fmt += f"{size}x"
                continue
            pieces = _SPLITS.get(size, (size,))
            simple = len(group) == 1 and len(pieces) == 1 and size in _CODES
            if simple and not group[0].signed:
                fmt += _CODES[size]
                targets.append(wanted[group[0].name])
                continue
            if len(pieces) == 1 and size not in _CODES:
                fmt += f"{size}s"
                targets.append(f"t{number}")
                whole = f"int.from_bytes(t{number}, 'big')"
            else:
                parts = [f"t{number}{'abc'[i]}" for i in range(len(pieces))]
                fmt += "".join(_CODES[p] for p in pieces)
                targets += parts
                shifts = [8 * sum(pieces[i + 1 :]) for i in range(len(pieces))]
                whole = " | ".join(
                    f"{p} << {s}" if s else p for p, s in zip(parts, shifts, strict=True)
                )
            if len(group) > 1 and not whole.isidentifier():
                after.append(f"t{number} = {whole}")
                whole = f"t{number}"
            bits = 8 * size
            for field in group:
                bits -= field.width
                if field.name not in wanted:
                    continue
                text = f"({whole})" if not whole.isidentifier() else whole
                if bits:
                    text = f"({text} >> {bits})"
                if bits + field.width < 8 * size:
                    text = f"{text} & {mask(field.width):#x}"
                if field.signed:
                    text = signed(text, field.width)
                after.append(f"{wanted[field.name]} = {text}")
        if not targets:
            return
        # Trailing bytes nobody wants need not be skipped.
        while fmt.endswith("x"):
            fmt = fmt[:-1].rstrip("0123456789")
        left = ", ".join(targets) + ("," if len(targets) == 1 else "")
        writer.line(f"{left} = {self._struct('unpack', fmt)}(frame, {offset})")
        for line in after:
            writer.line(line)

    def pack(self, values: Mapping[str, str]) -> str:
        """An expression for the bytes; `values` maps every field name to its variable."""
        fmt = ""
        items: list[str] = []
        for group in self.groups:
            size = sum(f.width for f in group) // 8
            bits = 8 * size
            terms = []
            for field in group:
                bits -= field.width
                text = values[field.name]
                if field.signed:
                    text = f"({text} & {mask(field.width):#x})"
                terms.append(f"{text} << {bits}" if bits else text)
            whole = " | ".join(terms)
            pieces = _SPLITS.get(size, (size,))
            if len(pieces) > 1 and len(group) == 1:
                left = 8 * size
                for piece in pieces:
                    left -= 8 * piece
                    text = f"{whole} >> {left}" if left else whole
                    if left + 8 * piece < 8 * size:
                        text = f"({text}) & {mask(8 * piece):#x}"
                    fmt += _CODES[piece]
                    items.append(text)
            elif size in _CODES:
                fmt += _CODES[size]
                items.append(whole)
            else:
                fmt += f"{size}s"
                items.append(f"({whole}).to_bytes({size}, 'big')")
        return f"{self._struct('pack', fmt)}({', '.join(items)})"
