"""Captures: one pcapng file a link, with an interface block for each of its ends.

A frame is recorded once, when it leaves its sender's interface (direction: outbound, as seen
there), stamped with virtual time to the nanosecond. What then becomes of it on the way, if it does
not arrive as sent, is the packet's comment. Format: draft-ietf-opsawg-pcapng.
"""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from types import TracebackType
from typing import Final

from pcapng import FileWriter
from pcapng.blocks import EnhancedPacket, InterfaceDescription, SectionHeader

from ipsecsim.network.link import Observable

LINKTYPE_ETHERNET: Final = 1
NANOSECOND_RESOLUTION: Final = bytes([9])  # if_tsresol: 10^-9
OUTBOUND: Final = 2  # epb_flags


class Capture:
    """A capture of one link from now on, written to `path` as it happens."""

    def __init__(self, link: Observable, path: Path, epoch_ns: int = 0) -> None:
        """`epoch_ns`: Unix time of virtual time zero, in nanoseconds."""
        self.path = path
        self.packets = 0
        self._epoch_ns = epoch_ns
        self._stream = path.open("wb")
        section = SectionHeader(
            endianness="<",
            options={"shb_userappl": "ipsecplane", "opt_comment": f"link {link.name}"},
        )
        self._interfaces: dict[str, InterfaceDescription] = {
            name: section.new_member(
                InterfaceDescription,
                link_type=LINKTYPE_ETHERNET,
                options={
                    "if_name": name,
                    "if_description": f"{name} on link {link.name}",
                    "if_tsresol": NANOSECOND_RESOLUTION,
                },
            )
            for name in link.attachments
        }
        self._section = section
        self._writer = FileWriter(self._stream, section)
        link.taps.append(self)

    def __call__(self, sender: str, time_ns: int, frame: bytes, fate: str) -> None:
        if self._stream.closed:
            return
        stamp = self._epoch_ns + time_ns
        options: dict[str, object] = {"epb_flags": OUTBOUND}
        if fate:
            options["opt_comment"] = fate
        self._writer.write_block(
            self._section.new_member(
                EnhancedPacket,
                interface_id=self._interfaces[sender].interface_id,
                timestamp_high=stamp >> 32,
                timestamp_low=stamp & 0xFFFFFFFF,
                packet_len=len(frame),
                packet_data=frame,
                options=options,
            )
        )
        self.packets += 1

    def flush(self) -> None:
        self._stream.flush()

    def close(self) -> None:
        self._stream.close()


class Captures:
    """The captures of several links, closed together; a context manager."""

    def __init__(self, links: Iterable[Observable], folder: Path, epoch_ns: int = 0) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        self.by_link = {
            link.name: Capture(link, folder / f"{link.name}.pcapng", epoch_ns) for link in links
        }

    def flush(self) -> None:
        for capture in self.by_link.values():
            capture.flush()

    def close(self) -> None:
        for capture in self.by_link.values():
            capture.close()

    def __enter__(self) -> Captures:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self.close()
