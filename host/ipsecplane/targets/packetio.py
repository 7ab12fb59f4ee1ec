"""Packet-in and packet-out: the CPU port's controller headers as values (docs/contracts.md)."""

from __future__ import annotations

from dataclasses import dataclass
from enum import IntEnum
from typing import Final

from finsy.proto import p4i, p4r

from .tables import TableError


class Mode(IntEnum):
    """What the pipeline does with a packet-out."""

    DIRECT = 0  # leaves on `port` as it is
    ROUTE = 1  # the router's own IP packet: routed, SPD applies
    ROUTE_CLEAR = 2  # the same, past the SPD (IKE)
    RECEIVE = 3  # as if it had come in on `port`
    RECEIVE_DECRYPTED = 4  # the same, and it was protected on its way


@dataclass(frozen=True, slots=True)
class PacketOut:
    """`frame` is Ethernet; in the ROUTE modes its header is a placeholder with the EtherType."""

    mode: Mode
    frame: bytes
    port: int = 0


@dataclass(frozen=True, slots=True)
class PacketIn:
    """A punted frame and why; `value` and `if_id` mean what the reason says."""

    frame: bytes
    ingress_port: int
    reason: int
    crypto_reason: int = 0
    if_id: int = 0
    sa_index: int = 0
    value: int = 0
    protocol: int = 0
    operation: int = 0  # of the accelerator's result that the packet came as; 0 = not from there


_IN_FIELDS: Final = (
    "ingress_port", "reason", "crypto_reason", "if_id", "sa_index", "value", "protocol",
    "operation",
)  # fmt: skip


class PacketCodec:
    """Controller metadata by name. Raises TableError when the p4info lacks a field.

    A program without controller headers (the accelerator's) has no packet I/O: `encode` refuses.
    """

    def __init__(self, p4info: p4i.P4Info) -> None:
        headers = {h.preamble.name: h for h in p4info.controller_packet_metadata}
        self._in: dict[int, str] = {}
        self._out: dict[str, tuple[int, int]] = {}
        if "packet_in" in headers:
            self._in = {m.id: m.name for m in headers["packet_in"].metadata}
            missing = set(_IN_FIELDS) - set(self._in.values())
            if missing:
                raise TableError(f"packet_in has no field {', '.join(sorted(missing))}")
        if "packet_out" in headers:
            self._out = {m.name: (m.id, m.bitwidth) for m in headers["packet_out"].metadata}
            missing = {"port", "mode"} - set(self._out)
            if missing:
                raise TableError(f"packet_out has no field {', '.join(sorted(missing))}")

    def decode(self, message: p4r.PacketIn) -> PacketIn:
        values = {
            self._in[m.metadata_id]: int.from_bytes(m.value, "big")
            for m in message.metadata
            if m.metadata_id in self._in
        }
        return PacketIn(message.payload, *(values.get(name, 0) for name in _IN_FIELDS))

    def encode(self, packet: PacketOut) -> p4r.PacketOut:
        if not self._out:
            raise TableError("the program has no packet_out header")
        message = p4r.PacketOut(payload=packet.frame)
        given = {"port": packet.port, "mode": int(packet.mode)}
        for name, (number, width) in self._out.items():
            value = given.get(name, 0)
            if value >> width:
                raise TableError(f"packet_out: {name}={value} does not fit {width} bits")
            octets = value.to_bytes((value.bit_length() + 7) // 8 or 1, "big")
            message.metadata.add(metadata_id=number, value=octets)
        return message
