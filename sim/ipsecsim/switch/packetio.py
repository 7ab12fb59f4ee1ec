"""Controller headers: between packets at the CPU port and PacketIn / PacketOut messages."""

from __future__ import annotations

from finsy.proto import p4r

from ipsecsim.p4runtime import bytestrings
from ipsecsim.p4runtime.errors import invalid
from ipsecsim.p4runtime.schema import PacketHeader, Schema


class PacketHeaders:
    """The p4info's `packet_in` and `packet_out` headers; without them a packet is all payload."""

    def __init__(self, schema: Schema) -> None:
        self._in = _find(schema, "packet_in")
        self._out = _find(schema, "packet_out")

    def packet_in(self, frame: bytes) -> p4r.PacketIn | None:
        """The message for a frame that leaves at the CPU port; None if it is too short."""
        if self._in is None:
            return p4r.PacketIn(payload=frame)
        size = _bits(self._in) // 8
        if len(frame) < size:
            return None
        number = int.from_bytes(frame[:size], "big")
        left = 8 * size
        metadata = []
        for field in self._in.fields:
            left -= field.bitwidth
            value = number >> left & ((1 << field.bitwidth) - 1)
            metadata.append(
                p4r.PacketMetadata(metadata_id=field.id, value=bytestrings.encode(value))
            )
        return p4r.PacketIn(payload=frame[size:], metadata=metadata)

    def packet_out(self, message: p4r.PacketOut) -> bytes:
        """The frame that enters at the CPU port. INVALID_ARGUMENT if metadata does not fit."""
        given = {item.metadata_id: item.value for item in message.metadata}
        if len(given) != len(message.metadata):
            raise invalid("packet-out: a metadata field is given twice")
        if self._out is None:
            if given:
                raise invalid("packet-out: the p4info has no packet_out header")
            return message.payload
        number = 0
        for field in self._out.fields:
            value = given.pop(field.id, None)
            if value is None:
                raise invalid(f"packet-out: metadata field {field.name} is missing")
            where = f"packet-out: metadata field {field.name}"
            number = number << field.bitwidth | bytestrings.decode(value, field.bitwidth, where)
        if given:
            raise invalid(f"packet-out: no metadata field has id {next(iter(given))}")
        return number.to_bytes(_bits(self._out) // 8, "big") + message.payload


def _bits(header: PacketHeader) -> int:
    return sum(field.bitwidth for field in header.fields)


def _find(schema: Schema, name: str) -> PacketHeader | None:
    for header in schema.packet_headers.values():
        if name in (header.name, header.alias):
            if _bits(header) % 8:
                raise invalid(f"p4info: controller header {name} is not a whole number of bytes")
            return header
    return None
