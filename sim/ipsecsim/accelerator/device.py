"""The software crypto accelerator: frames with a crypto header in, frames out, nothing else.

It is programmed through P4Runtime only (`ipsecsim.p4runtime.device.Device`); `process` is the
data path. Neither opens a socket or reads a clock.
"""

from __future__ import annotations

from typing import Final

from finsy.proto import p4r
from ipsecplane.targets.crypto_header import (
    ETHERTYPE,
    LENGTH,
    CryptoHeader,
    CryptoHeaderError,
    Operation,
    Reason,
)

from ipsecsim.p4runtime.device import Events
from ipsecsim.p4runtime.errors import invalid, unimplemented

from . import ip
from .decapsulate import decrypt
from .encapsulate import encrypt
from .engine import Engine
from .fragment import fragment
from .llq import Cause
from .refusal import Refused
from .store import SaStore

_ETHERNET: Final = 14
_START: Final = _ETHERNET + LENGTH
_MARK: Final = ETHERTYPE.to_bytes(2, "big")
_RESULT: Final = {
    Operation.ENCRYPT: Operation.ENCRYPTED,
    Operation.DECRYPT: Operation.DECRYPTED,
    Operation.FRAGMENT: Operation.FRAGMENTED,
}
_RESULT_BIT: Final = 8  # of the operation
_VERSION: Final = {ethertype: version for version, ethertype in ip.ETHERTYPE.items()}


class Accelerator:
    """Device 2 of the P4Runtime service; one pipeline, whose state is an SaStore.

    Sending (ENCRYPT, FRAGMENT) and receiving (DECRYPT) have an engine each, which takes `rate`
    octets of IP packets a second; 0 = it takes no time, so nothing waits in its queues.
    """

    def __init__(self, device_id: int = 2, *, rate: int = 0) -> None:
        self._device_id = device_id
        self._store: SaStore | None = None
        self._now = 0.0
        self._sending: Engine[_Request] = Engine(rate, self._work, self._dropped)
        self._receiving: Engine[_Request] = Engine(rate, self._work, self._dropped)
        self._rules = 0  # generation of the classes that the engines go by

    # -- P4Runtime ---------------------------------------------------------------------------

    @property
    def device_id(self) -> int:
        return self._device_id

    def attach(self, events: Events) -> None:
        """It has no events to tell."""

    def prepare(self, config: p4r.ForwardingPipelineConfig) -> SaStore:
        """Check that the p4info is the accelerator's. Raises P4RuntimeError."""
        return SaStore(config.p4info, lambda: self._now)

    def commit(self, pipeline: SaStore, previous: SaStore | None) -> None:
        self._store = pipeline
        self._rules = -1

    def packet_out(self, packet: p4r.PacketOut) -> None:
        raise unimplemented("the accelerator has no packet I/O through P4Runtime")

    def acknowledge(self, ack: p4r.DigestListAck) -> None:
        raise invalid("the accelerator has no digests")

    # -- data path ---------------------------------------------------------------------------

    def process(self, frame: bytes, now: float) -> list[bytes]:
        """Take a frame; returns the frames that are done by `now` (seconds), as `collect` does.

        Every request gets an answer: its results, or itself with the reason of the refusal. Only a
        dummy packet ends here (counted by its SA), what the queues drop (counted by its class), and
        frames that are no requests at all (counted as BAD_HEADER). Octets of any kind raise
        nothing. Without a rate, the answer comes at once.
        """
        self._now = now
        try:
            header = CryptoHeader.decode(frame[_ETHERNET:_START])
        except CryptoHeaderError:
            return self._malformed(frame)
        if frame[12:14] != _MARK or header.operation not in _RESULT:
            return self._malformed(frame)
        request = _Request(frame, header)
        store = self._store
        if store is None:
            return self._work(request, 0)
        if self._rules != store.classes.generation:
            self._rules = store.classes.generation
            for engine in (self._sending, self._receiving):
                engine.configure(store.classes.rules, now)
        engine = self._receiving if header.operation is Operation.DECRYPT else self._sending
        number = store.classes.class_of(header.level, header.qos_group)
        return self.collect(now) + engine.offer(request, len(request.packet), number, now)

    @property
    def due(self) -> float | None:
        """When `collect` has something next, in seconds; None if nothing is under way."""
        times = [t for t in (self._sending.due, self._receiving.due) if t is not None]
        return min(times, default=None)

    def collect(self, now: float) -> list[bytes]:
        """The frames that are done by `now` and were not returned yet."""
        self._now = now
        return self._sending.collect(now) + self._receiving.collect(now)

    def _work(self, request: _Request, number: int) -> list[bytes]:
        """What an engine makes of a request that has left the queue of class `number`."""
        if self._store is not None:
            self._store.classes.count(number, len(request.packet))
        try:
            return self._serve(request)
        except Refused as refused:
            return [request.refusal(refused)]

    def _dropped(self, number: int, octets: int, cause: Cause) -> None:
        if self._store is not None:
            self._store.count_llq_drop(number, octets, cause)

    def _malformed(self, frame: bytes) -> list[bytes]:
        """Send a malformed request back; what is no request, or a result itself, stays."""
        self._count(Reason.BAD_HEADER)
        first = frame[_ETHERNET] if len(frame) >= _START else _RESULT_BIT
        if frame[12:14] != _MARK or first & _RESULT_BIT:
            return []
        answer = bytes((first | _RESULT_BIT, Reason.BAD_HEADER))
        return [frame[6:12] + frame[:6] + _MARK + answer + frame[_ETHERNET + 2 :]]

    def _serve(self, request: _Request) -> list[bytes]:
        header, packet = request.header, request.packet
        if header.ethertype not in _VERSION or request.short:
            self._count(Reason.BAD_HEADER)
            raise Refused(Reason.BAD_HEADER, "EtherType or l3_offset")
        if packet and packet[0] >> 4 != _VERSION[header.ethertype]:
            self._count(Reason.MALFORMED_PACKET)
            raise Refused(Reason.MALFORMED_PACKET, "EtherType and IP version differ")
        match header.operation:
            case Operation.ENCRYPT:
                return self._encrypt(request)
            case Operation.DECRYPT:
                return self._decrypt(request)
        return self._fragment(request)

    def _encrypt(self, request: _Request) -> list[bytes]:
        header, packet = request.header, request.packet
        store = self._store
        row = store.outbound.get(header.sa_index) if store is not None else None
        if store is None or row is None:
            self._count(Reason.UNKNOWN_SA)
            raise Refused(Reason.UNKNOWN_SA, f"no outbound SA {header.sa_index}")
        try:
            _check_epoch(header.epoch, row.sa.epoch)
            results = encrypt(row.sa, packet, header.mtu, header.df_policy, header.prefragment)
        except Refused as refused:
            refused.spi = row.sa.spi
            store.count_sa_error(False, header.sa_index, refused.reason)
            raise
        row.entry.packets += 1
        row.entry.bytes += len(packet)
        spi = row.sa.spi
        return [request.result(octets, spi, sequence) for octets, sequence in results]

    def _decrypt(self, request: _Request) -> list[bytes]:
        header, packet = request.header, request.packet
        store = self._store
        row = store.inbound.get(header.sa_index) if store is not None else None
        if store is None or row is None:
            self._count(Reason.UNKNOWN_SA)
            raise Refused(Reason.UNKNOWN_SA, f"no inbound SA {header.sa_index}")
        try:
            _check_epoch(header.epoch, row.sa.epoch)
            result = decrypt(row.sa, packet, header.sequence)
        except Refused as refused:
            store.count_sa_error(True, header.sa_index, refused.reason)
            raise
        row.entry.packets += 1
        if result.packet is None:
            return []
        row.entry.bytes += len(result.packet)
        return [request.result(result.packet, result.spi, result.sequence)]

    def _fragment(self, request: _Request) -> list[bytes]:
        """Plain IP fragmentation: DF and IPv6 are respected whatever the DF policy."""
        header, packet = request.header, request.packet
        try:
            form = ip.parse(packet)
            if not header.mtu or form.total <= header.mtu:
                return [request.result(packet[: form.total], 0, 0)]
            if form.dont_fragment:
                raise Refused(Reason.TOO_BIG, f"{form.total} octets, MTU {header.mtu}")
            return [request.result(piece, 0, 0) for piece in fragment(packet, form, header.mtu)]
        except Refused as refused:
            self._count(refused.reason)
            raise

    def _count(self, reason: Reason) -> None:
        if self._store is not None:
            self._store.count_error(reason)


class _Request:
    """A frame taken apart, and the frames that answer it."""

    __slots__ = ("_carried", "_ethernet", "header", "packet", "short")

    def __init__(self, frame: bytes, header: CryptoHeader) -> None:
        l3 = _START + header.l3_offset
        self.header = header
        self.short = len(frame) < l3  # l3_offset points beyond the frame
        self.packet = frame[l3:]
        self._carried = frame[_START:l3]
        # The answer goes back where the request came from.
        self._ethernet = frame[6:12] + frame[0:6] + _MARK

    def result(self, packet: bytes, spi: int, sequence: int) -> bytes:
        """A success."""
        return self._answer(Reason.OK, ip.ETHERTYPE[packet[0] >> 4], packet, spi, sequence)

    def refusal(self, refused: Refused) -> bytes:
        """The request's own packet, with the reason why nothing was done."""
        return self._answer(
            refused.reason, self.header.ethertype, self.packet, refused.spi, refused.sequence
        )

    def _answer(
        self, reason: Reason, ethertype: int, packet: bytes, spi: int, sequence: int
    ) -> bytes:
        h = self.header
        answer = CryptoHeader(
            _RESULT[h.operation], h.sa_index, reason, h.level, h.qos_group, h.mtu, h.df_policy,
            h.prefragment, h.l3_offset, ethertype, h.ingress_if, h.egress_if, h.epoch,
            spi, sequence,
        )  # fmt: skip
        return self._ethernet + answer.encode() + self._carried + packet


def _check_epoch(asked: int, held: int) -> None:
    if asked != held:
        raise Refused(Reason.WRONG_EPOCH, f"epoch {asked}, the SA has {held}")
