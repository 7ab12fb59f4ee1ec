"""Generated code for hashes and checksums over fields, headers and the payload."""

from __future__ import annotations

from dataclasses import dataclass

from .hashes import HASHES
from .jsonpath import Node
from .layout import mask
from .phv import Phv
from .writer import Writer

_CSUMS = {"csum16", "cksum16"}


@dataclass(frozen=True, slots=True)
class _Part:
    """`text` is an unsigned number of `bits` bits; it counts only while `header` is valid."""

    text: str
    bits: int
    header: str | None


@dataclass(frozen=True, slots=True)
class _Bytes:
    """Whole bytes of an expression, while `header` is valid."""

    text: str
    header: str | None


class Calculations:
    """Writes the evaluation of a calculation, and gives the variable with its result."""

    def __init__(self, phv: Phv) -> None:
        self._phv = phv

    def write(self, writer: Writer, algo: Node, inputs: Node) -> str:
        """An expression for the value; what it needs is written before."""
        name = algo.text()
        if name not in HASHES:
            raise algo.unsupported(f"the hash algorithm {name!r}")
        parts, payload = self._parts(inputs)
        if name in _CSUMS:
            simple = self._checksum(parts, payload)
            if simple is not None:
                self._phv.namespace["complement"] = HASHES["csum16"].__globals__["complement"]
                return f"complement({simple})"
        self._phv.namespace[f"hash_{name}"] = HASHES[name]
        return f"hash_{name}({self._bytes(writer, parts, payload, inputs)})"

    def _parts(self, inputs: Node) -> tuple[list[_Part | _Bytes], bool]:
        parts: list[_Part | _Bytes] = []
        payload = False
        program = self._phv.program
        for node in inputs:
            match node["type"].text():
                case "field":
                    ref = program.field_ref(node["value"])
                    header = program.headers[ref[0]]
                    guard = None if header.metadata else ref[0]
                    if ref[1] == "$valid$":
                        parts.append(_Part(self._phv.read(ref), 1, None))
                        continue
                    spec = self._phv.type_of(ref)
                    text = self._phv.read(ref)
                    if spec.varbit:
                        parts.append(_Bytes(text, guard))
                        continue
                    if spec.signed:
                        text = f"({text} & {mask(spec.width):#x})"
                    parts.append(_Part(text, spec.width, guard))
                case "hexstr":
                    bits = node["bitwidth"].number()
                    number = node["value"].hexadecimal() & mask(bits)
                    parts.append(_Part(f"{number:#x}", bits, None))
                case "header":
                    whole = program.header(node["value"])
                    for field in whole.type.fields:
                        self._phv.read((whole.name, field.name))
                    parts.append(_Bytes(f"({self._phv.packed(whole)})", whole.name))
                case "payload":
                    payload = True
                case other:
                    raise node["type"].unsupported(f"a calculation input of type {other!r}")
        return parts, payload

    def _checksum(self, parts: list[_Part | _Bytes], payload: bool) -> str | None:
        """A number congruent to the sum of 16-bit words, when the words' places are constant.

        They are while at most one header takes part (or all parts are metadata): then a field
        that ends `k` bits before the end of a word contributes `field << k`.
        """
        headers = {part.header for part in parts}
        if len(headers) != 1 or any(isinstance(part, _Bytes) for part in parts):
            return None
        fields = [part for part in parts if isinstance(part, _Part)]
        total = sum(part.bits for part in fields)
        if payload and total % 16:
            return None
        left = total + (-total) % 16
        terms = []
        for part in fields:
            left -= part.bits
            shift = left % 16
            if part.text != "0x0":
                terms.append(f"({part.text} << {shift})" if shift else part.text)
        text = " + ".join(terms) or "0"
        (header,) = headers
        if header is not None and self._phv.valid(header) != "1":
            text = f"({text} if {self._phv.valid(header)} else 0)"
        if payload:
            rest = "int.from_bytes(frame[o:], 'big') << (8 * (n - o & 1))"
            text = f"{text} + ({rest})"
        return text

    def _bytes(
        self, writer: Writer, parts: list[_Part | _Bytes], payload: bool, inputs: Node
    ) -> str:
        """The input as bytes: bits in order, zero bits at the end to fill the last byte."""
        pieces: list[str] = []
        run: list[_Part] = []
        numbers = iter(range(len(parts) + 1))

        def close() -> None:
            """Turn the fields collected so far into one bytes expression."""
            if not run:
                return
            headers = {part.header for part in run}
            if len(headers) == 1:
                bits = sum(part.bits for part in run)
                text = self._joined(run, bits)
                (header,) = headers
                if header is not None:
                    text = f"({text} if {self._phv.valid(header)} else b'')"
                pieces.append(text)
            else:
                pieces.append(self._variable(writer, run, next(numbers)))
            run.clear()

        for part in parts:
            if isinstance(part, _Bytes):
                if sum(one.bits for one in run) % 8:
                    raise inputs.unsupported("a calculation whose bytes do not start on a byte")
                close()
                guard = self._phv.valid(part.header) if part.header else "1"
                pieces.append(part.text if guard == "1" else f"({part.text} if {guard} else b'')")
                continue
            run.append(part)
        close()
        if payload:
            pieces.append("frame[o:]")
        return " + ".join(pieces) or "b''"

    @staticmethod
    def _joined(parts: list[_Part], bits: int) -> str:
        left = bits + (-bits) % 8
        terms = []
        for part in parts:
            left -= part.bits
            terms.append(f"{part.text} << {left}" if left else part.text)
        return f"({' | '.join(terms)}).to_bytes({(bits + 7) // 8}, 'big')"

    def _variable(self, writer: Writer, parts: list[_Part], number: int) -> str:
        """Fields of several headers: those of invalid headers take no place."""
        value, size = f"x{number}", f"b{number}"
        writer.line(f"{value} = {size} = 0")
        index = 0
        while index < len(parts):
            header = parts[index].header
            group = []
            while index < len(parts) and parts[index].header == header:
                group.append(parts[index])
                index += 1
            bits = sum(part.bits for part in group)
            left = bits
            terms = []
            for part in group:
                left -= part.bits
                terms.append(f"{part.text} << {left}" if left else part.text)
            lines = [f"{value} = {value} << {bits} | {' | '.join(terms)}", f"{size} += {bits}"]
            if header is None:
                for line in lines:
                    writer.line(line)
            else:
                with writer.block(f"if {self._phv.valid(header)}"):
                    for line in lines:
                        writer.line(line)
        return f"({value} << -{size} % 8).to_bytes({size} + 7 >> 3, 'big')"
