"""The software crypto accelerator: frames with a crypto header in, frames out, nothing else.

It is programmed through P4Runtime only (`ipsecsim.p4runtime.device.Device`); `process` is the
data path. Neither opens a socket or reads a clock.
"""

from __future__ import annotations

from typing import Final

from finsy.proto import p4r
from ipsecplane.targets.crypto_header import CryptoHeader, Operation, Reason

from . import ip
from .decapsulate import decrypt
from .encapsulate import encrypt
from .fragment import fragment
from .frontend import ETHERNET, MARK, START, Frontend, Request
from .refusal import Refused
from .store import SaStore

_RESULT: Final = {
    Operation.ENCRYPT: Operation.ENCRYPTED,
    Operation.DECRYPT: Operation.DECRYPTED,
    Operation.FRAGMENT: Operation.FRAGMENTED,
}
_RESULT_BIT: Final = 8  # of the operation
_VERSION: Final = {ethertype: version for version, ethertype in ip.ETHERTYPE.items()}


class Accelerator(Frontend[SaStore]):
    """The golden model: what it answers is what every other accelerator has to answer."""

    def prepare(self, config: p4r.ForwardingPipelineConfig) -> SaStore:
        return SaStore(config.p4info, lambda: self._now)

    def _malformed(self, frame: bytes) -> list[bytes]:
        """Send a malformed request back; what is no request, or a result itself, stays."""
        self._count(Reason.BAD_HEADER)
        first = frame[ETHERNET] if len(frame) >= START else _RESULT_BIT
        if frame[12:14] != MARK or first & _RESULT_BIT:
            return []
        answer = bytes((first | _RESULT_BIT, Reason.BAD_HEADER))
        return [frame[6:12] + frame[:6] + MARK + answer + frame[ETHERNET + 2 :]]

    def _serve(self, request: Request) -> list[bytes]:
        try:
            return self._answer(request)
        except Refused as refused:
            return [refusal(request, refused)]

    def _answer(self, request: Request) -> list[bytes]:
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

    def _encrypt(self, request: Request) -> list[bytes]:
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
        return [result(request, octets, spi, sequence) for octets, sequence in results]

    def _decrypt(self, request: Request) -> list[bytes]:
        header, packet = request.header, request.packet
        store = self._store
        row = store.inbound.get(header.sa_index) if store is not None else None
        if store is None or row is None:
            self._count(Reason.UNKNOWN_SA)
            raise Refused(Reason.UNKNOWN_SA, f"no inbound SA {header.sa_index}")
        try:
            _check_epoch(header.epoch, row.sa.epoch)
            opened = decrypt(row.sa, packet, header.sequence)
        except Refused as refused:
            store.count_sa_error(True, header.sa_index, refused.reason)
            raise
        row.entry.packets += 1
        if opened.packet is None:
            return []
        row.entry.bytes += len(opened.packet)
        return [result(request, opened.packet, opened.spi, opened.sequence)]

    def _fragment(self, request: Request) -> list[bytes]:
        """Plain IP fragmentation: DF and IPv6 are respected whatever the DF policy."""
        header, packet = request.header, request.packet
        try:
            form = ip.parse(packet)
            if not header.mtu or form.total <= header.mtu:
                return [result(request, packet[: form.total], 0, 0)]
            if form.dont_fragment:
                raise Refused(Reason.TOO_BIG, f"{form.total} octets, MTU {header.mtu}")
            return [result(request, piece, 0, 0) for piece in fragment(packet, form, header.mtu)]
        except Refused as refused:
            self._count(refused.reason)
            raise

    def _count(self, reason: Reason) -> None:
        if self._store is not None:
            self._store.count_error(reason)


def result(request: Request, packet: bytes, spi: int, sequence: int) -> bytes:
    """The frame that tells of a success."""
    return _frame(request, Reason.OK, ip.ETHERTYPE[packet[0] >> 4], packet, spi, sequence)


def refusal(request: Request, refused: Refused) -> bytes:
    """The request's own packet, with the reason why nothing was done."""
    return _frame(
        request,
        refused.reason,
        request.header.ethertype,
        request.packet,
        refused.spi,
        refused.sequence,
    )


def _frame(
    request: Request, reason: Reason, ethertype: int, packet: bytes, spi: int, sequence: int
) -> bytes:
    h, frame = request.header, request.frame
    answer = CryptoHeader(
        _RESULT[h.operation], h.sa_index, reason, h.level, h.qos_group, h.mtu, h.df_policy,
        h.prefragment, h.l3_offset, ethertype, h.ingress_if, h.egress_if, h.epoch,
        spi, sequence,
    )  # fmt: skip
    # The answer goes back where the request came from.
    back = frame[6:12] + frame[0:6] + MARK
    return back + answer.encode() + frame[START : START + h.l3_offset] + packet


def _check_epoch(asked: int, held: int) -> None:
    if asked != held:
        raise Refused(Reason.WRONG_EPOCH, f"epoch {asked}, the SA has {held}")
