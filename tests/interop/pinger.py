"""Pings at a steady pace and prints what came back as JSON: a program for inside a namespace.

Unlike `ping` it names the sequence numbers that were lost, and needs no package.
"""

from __future__ import annotations

import argparse
import contextlib
import json
import os
import select
import socket
import struct
import time

HEADER = struct.Struct("!BBHHH")


def checksum(data: bytes) -> int:
    total = sum(struct.unpack(f"!{len(data) // 2}H", data))
    while total > 0xFFFF:
        total = (total & 0xFFFF) + (total >> 16)
    return total ^ 0xFFFF


def echo(ident: int, sequence: int, size: int) -> bytes:
    data = bytes(n & 0xFF for n in range(size + size % 2))
    body = HEADER.pack(8, 0, 0, ident, sequence) + data
    return HEADER.pack(8, 0, checksum(body), ident, sequence) + data


def ping(
    target: str, count: int, interval: float, patience: float, size: int, source: str | None
) -> dict[str, object]:
    ident = os.getpid() & 0xFFFF
    rtts: list[float] = []
    waiting: dict[int, float] = {}
    with socket.socket(socket.AF_INET, socket.SOCK_RAW, socket.IPPROTO_ICMP) as icmp:
        if source is not None:
            icmp.bind((source, 0))
        start = time.monotonic()
        sent = 0
        end = start + count * interval + patience
        while sent < count or (waiting and time.monotonic() < end):
            now = time.monotonic()
            due = start + sent * interval
            if sent < count and now >= due:
                waiting[sent] = now
                with contextlib.suppress(OSError):  # counted as lost
                    icmp.sendto(echo(ident, sent, size), (target, 0))
                sent += 1
                continue
            until = due if sent < count else end
            if not select.select([icmp], [], [], max(0.0, until - now))[0]:
                continue
            packet = icmp.recv(65536)
            kind, _, _, its, sequence = HEADER.unpack_from(packet, (packet[0] & 15) * 4)
            if kind == 0 and its == ident and sequence in waiting:
                rtts.append(time.monotonic() - waiting.pop(sequence))
    return {"sent": sent, "lost": sorted(waiting), "rtts": rtts}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("target")
    parser.add_argument("-c", dest="count", type=int, default=5)
    parser.add_argument("-i", dest="interval", type=float, default=0.1)
    parser.add_argument("-W", dest="patience", type=float, default=2.0)
    parser.add_argument("-s", dest="size", type=int, default=56)
    parser.add_argument("-I", dest="source")
    given = parser.parse_args()
    print(json.dumps(ping(**vars(given))))


if __name__ == "__main__":
    main()
