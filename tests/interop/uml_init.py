"""The first process of a user-mode Linux kernel: loads modules, then does what the console says.

Runs inside, with the host's file system as its root: `uml_init.py MODULES_DIRECTORY NAME…`.
Each line read is a shell command; its output and `DONE <status>` are written.
"""

from __future__ import annotations

import ctypes
import os
import socket
import subprocess
import sys
import termios

_FINIT_MODULE = 313  # x86_64; there is no insmod to rely on
_UDP_ENCAP, _UDP_ENCAP_ESPINUDP = 100, 2


def load(directory: str, names: list[str]) -> None:
    """Load modules with what they depend on, as modules.dep tells."""
    with open(f"{directory}/modules.dep") as file:
        needs = dict(line.rstrip("\n").split(":") for line in file)
    by_name = {path.rsplit("/", 1)[1].removesuffix(".ko"): path for path in needs}
    libc = ctypes.CDLL(None, use_errno=True)
    loaded = set()
    for name in names:
        path = by_name.get(name)
        if path is None:
            continue  # built in
        for one in [*reversed(needs[path].split()), path]:
            if one in loaded:
                continue
            loaded.add(one)
            with open(f"{directory}/{one}", "rb") as module:
                if libc.syscall(_FINIT_MODULE, module.fileno(), b"", 0):
                    print(f"{one}: {os.strerror(ctypes.get_errno())}")


def main() -> None:
    os.environ["PATH"] = "/usr/sbin:/usr/bin:/sbin:/bin"
    flags = termios.tcgetattr(0)
    flags[3] &= ~termios.ECHO
    termios.tcsetattr(0, termios.TCSANOW, flags)
    subprocess.run(["mount", "-t", "proc", "proc", "/proc"], check=False)
    load(sys.argv[1], sys.argv[2:])
    sockets = []
    for family, address in ((socket.AF_INET, "0.0.0.0"), (socket.AF_INET6, "::")):
        one = socket.socket(family, socket.SOCK_DGRAM)
        if family == socket.AF_INET6:
            one.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 1)
        one.bind((address, 4500))
        one.setsockopt(socket.IPPROTO_UDP, _UDP_ENCAP, _UDP_ENCAP_ESPINUDP)
        sockets.append(one)
    print("READY", flush=True)
    for line in sys.stdin:
        done = subprocess.run(
            line, shell=True, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True
        )
        print(done.stdout, end="")
        print(f"DONE {done.returncode}", flush=True)


main()
