"""Digests: what the pipeline tells without a packet (docs/contracts.md), as values."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Final

from finsy.proto import p4d, p4i, p4r

PEER_MOVED: Final = "peer_moved_t"  # p4/include/peer_port.p4: sa_index, epoch, port
ACK_TIMEOUT: Final = 1_000_000_000  # nanoseconds until the device may tell the same again


@dataclass(frozen=True, slots=True)
class Digest:
    """One message of the data plane: the struct's name and its members."""

    name: str
    fields: Mapping[str, int]


class DigestCodec:
    """The digests of one p4info."""

    def __init__(self, p4info: p4i.P4Info) -> None:
        self._members: dict[int, tuple[str, list[str]]] = {}
        for digest in p4info.digests:
            struct = p4info.type_info.structs[digest.type_spec.struct.name]
            names = [member.name for member in struct.members]
            self._members[digest.preamble.id] = digest.preamble.alias, names

    def configuration(self) -> Iterator[p4r.DigestEntry]:
        """Entries that make the device tell each message at once, and once until acknowledged."""
        for number in self._members:
            config = p4r.DigestEntry.Config(
                max_timeout_ns=0, max_list_size=1, ack_timeout_ns=ACK_TIMEOUT
            )
            yield p4r.DigestEntry(digest_id=number, config=config)

    def decode(self, message: p4r.DigestList) -> Iterator[Digest]:
        """The messages of a list; those of digests that the p4info lacks are passed over."""
        if message.digest_id not in self._members:
            return
        name, members = self._members[message.digest_id]
        for data in message.data:
            yield Digest(name, dict(zip(members, map(_number, data.struct.members), strict=True)))


def _number(data: p4d.P4Data) -> int:
    return int.from_bytes(data.bitstring, "big")
