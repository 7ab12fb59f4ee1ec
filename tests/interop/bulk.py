"""Sends octets over TCP, or takes them: a program for inside a namespace.

Both ends print how many there were and their SHA-256.
"""

from __future__ import annotations

import random
import socket
import sys
from hashlib import sha256

CHUNK = 16384


def serve(address: str, port: int) -> str:
    with socket.create_server((address, port)) as listener:
        print("ready", flush=True)
        listener.settimeout(30)
        connection, _ = listener.accept()
        seen, count = sha256(), 0
        with connection:
            connection.settimeout(30)
            while octets := connection.recv(CHUNK):
                seen.update(octets)
                count += len(octets)
            connection.sendall(b"taken")
    return f"{count} {seen.hexdigest()}"


def send(address: str, port: int, source: str, count: int) -> str:
    octets = random.Random(1).randbytes(count)
    with socket.create_connection((address, port), 30, (source, 0)) as connection:
        connection.sendall(octets)
        connection.shutdown(socket.SHUT_WR)
        assert connection.recv(10) == b"taken"
    return f"{count} {sha256(octets).hexdigest()}"


if __name__ == "__main__":
    verb, host, number, *rest = sys.argv[1:]
    if verb == "serve":
        print(serve(host, int(number)))
    else:
        print(send(host, int(number), rest[0], int(rest[1])))
