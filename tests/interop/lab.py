"""A laboratory of network namespaces: machines that exist only while a test runs.

Each namespace is held by a process that ends when the test's end of a pipe closes, and every
program in it is killed when its starter dies. So nothing stays behind, even when the tests
themselves are killed; nothing has a name that another test could use; and the machine's own network
is never touched, because both ends of every cable are made inside.
"""

from __future__ import annotations

import contextlib
import ctypes
import json
import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import IO, TypeVar

import pytest

TOOLS = ("ip", "unshare", "nsenter", "setpriv")
PINGER = Path(__file__).with_name("pinger.py")
BULK = Path(__file__).with_name("bulk.py")
_CLONE_NEWNET = 0x40000000
T = TypeVar("T")


def why_not(*programs: str) -> str | None:
    """Why no laboratory with these programs (or files) can be had here, None if it can."""
    if sys.platform != "linux":
        return "network namespaces need Linux"
    missing = [p for p in (*TOOLS, *programs) if _find(p) is None]
    if missing:
        return f"not installed: {', '.join(missing)}"
    if os.geteuid() != 0:
        return "network namespaces need root"
    return None


def need(*programs: str) -> None:
    """Skip the calling test, saying why, where no laboratory can be had."""
    reason = why_not(*programs)
    if reason is not None:
        pytest.skip(f"interoperability: {reason}")


def _find(program: str) -> str | None:
    if program.startswith("/"):
        return program if Path(program).exists() else None
    return shutil.which(program, path=f"{os.environ.get('PATH', '')}:/usr/sbin:/sbin")


def wait_for(condition: Callable[[], object], what: str, timeout: float = 10.0) -> None:
    """Poll until it holds; AssertionError names what did not come."""
    deadline = time.monotonic() + timeout
    while not condition():
        if time.monotonic() > deadline:
            raise AssertionError(f"not within {timeout:g} s: {what}")
        time.sleep(0.02)


@dataclass(frozen=True)
class PingResult:
    """`lost` are sequence numbers; round-trip times in seconds, in order of arrival."""

    sent: int
    lost: list[int]
    rtts: list[float]

    @property
    def received(self) -> int:
        return self.sent - len(self.lost)

    @classmethod
    def parse(cls, text: str) -> PingResult:
        return cls(**json.loads(text))


class Namespace:
    """A network namespace with a private /run."""

    def __init__(self, name: str) -> None:
        self.name = name
        script = "mount -t tmpfs tmpfs /run && ip link set lo up && echo ready && exec cat >&2"
        self._holder = subprocess.Popen(
            ["unshare", "--net", "--mount", "--propagation", "private", "sh", "-c", script],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
        )
        assert self._holder.stdout is not None
        if self._holder.stdout.readline() != b"ready\n":
            pytest.skip("interoperability: this machine makes no network namespaces")
        self._started: list[subprocess.Popen[str]] = []

    @property
    def pid(self) -> int:
        """A process in it."""
        return self._holder.pid

    def command(self, *argv: str | Path) -> list[str]:
        """`argv` as run from outside: inside the namespace, and killed when its starter dies."""
        enter = ["nsenter", "-t", str(self.pid), "-n", "-m", f"--wd={os.getcwd()}", "--"]
        return [*enter, "setpriv", "--pdeathsig", "KILL", "--", *map(str, argv)]

    def run(self, *argv: str | Path, timeout: float = 30, check: bool = True) -> str:
        """Run to the end; its output. AssertionError with all it said if it fails."""
        done = subprocess.run(
            self.command(*argv), capture_output=True, text=True, timeout=timeout, check=False
        )
        if check and done.returncode:
            said = f"{done.stdout}{done.stderr}".strip()
            raise AssertionError(f"{self.name}: {' '.join(map(str, argv))}: {said}")
        return done.stdout

    def start(
        self,
        *argv: str | Path,
        stdin: int | None = subprocess.DEVNULL,
        stdout: int | IO[str] | None = subprocess.PIPE,
        stderr: int | IO[str] | None = subprocess.STDOUT,
        env: dict[str, str] | None = None,
    ) -> subprocess.Popen[str]:
        """Start a program that is ended with the laboratory."""
        process = subprocess.Popen(
            self.command(*argv), stdin=stdin, stdout=stdout, stderr=stderr, text=True, env=env
        )
        self._started.append(process)
        return process

    def inside(self, make: Callable[[], T]) -> T:
        """What `make` returns when called in the namespace: sockets made there stay there."""
        with ThreadPoolExecutor(1, initializer=self._enter) as pool:
            return pool.submit(make).result()

    def _enter(self) -> None:
        """Move the calling thread, and it alone, into the network namespace."""
        libc = ctypes.CDLL(None, use_errno=True)
        with open(f"/proc/{self.pid}/ns/net") as handle:
            if libc.setns(handle.fileno(), _CLONE_NEWNET):
                raise OSError(ctypes.get_errno(), "setns")

    def address(self, device: str, *addresses: str) -> None:
        for address in addresses:
            self.run("ip", "address", "add", address, "dev", device, "nodad")

    def mac(self, device: str) -> str:
        shown = json.loads(self.run("ip", "-json", "link", "show", device))
        return str(shown[0]["address"])

    def route(self, *route: str) -> None:
        self.run("ip", "route", "add", *route)

    def ping(
        self,
        target: str,
        count: int = 1,
        *,
        source: str | None = None,
        interval: float = 0.1,
        timeout: float = 2.0,
        size: int = 56,
    ) -> PingResult:
        """Ping and wait; never fails by itself."""
        process = self.start_ping(
            target, count, source=source, interval=interval, timeout=timeout, size=size
        )
        return ping_result(process, count * interval + timeout + 10)

    def start_ping(
        self,
        target: str,
        count: int,
        *,
        source: str | None = None,
        interval: float = 0.1,
        timeout: float = 2.0,
        size: int = 56,
    ) -> subprocess.Popen[str]:
        """Ping beside other things; `ping_result` waits for it."""
        options = ["-c", str(count), "-i", str(interval), "-W", str(timeout), "-s", str(size)]
        if source is not None:
            options += ["-I", source]
        return self.start(sys.executable, PINGER, *options, target, stderr=None)

    def close(self) -> None:
        for process in self._started:
            stop(process)
        assert self._holder.stdin is not None
        assert self._holder.stdout is not None
        self._holder.stdin.close()
        self._holder.stdout.close()
        self._holder.wait(5)


def transfer(
    source: Namespace, own: str, target: Namespace, address: str, count: int = 300_000
) -> None:
    """Send `count` octets over TCP; AssertionError unless the same ones arrive."""
    server = target.start(sys.executable, BULK, "serve", address, "5001")
    assert server.stdout is not None
    assert server.stdout.readline() == "ready\n"
    words = ("send", address, "5001", own, str(count))
    sent = source.run(sys.executable, BULK, *words, timeout=60)
    taken, _ = server.communicate(timeout=10)
    assert taken == sent


def ping_result(process: subprocess.Popen[str], timeout: float = 60) -> PingResult:
    said, _ = process.communicate(timeout=timeout)
    if process.returncode:
        raise AssertionError(f"pinger: exit {process.returncode}: {said}")
    return PingResult.parse(said)


def stop(process: subprocess.Popen[str], patience: float = 3.0) -> int:
    """Ask a process to end, then make it."""
    if process.poll() is None:
        process.send_signal(signal.SIGTERM)
        try:
            process.wait(patience)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()
    for pipe in (process.stdin, process.stdout, process.stderr):
        if pipe is not None:
            with contextlib.suppress(BrokenPipeError):
                pipe.close()
    return process.returncode


class Lab:
    """Namespaces and the cables between them, as a context manager."""

    def __init__(self) -> None:
        self._namespaces: dict[str, Namespace] = {}

    def __enter__(self) -> Lab:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        for namespace in self._namespaces.values():
            namespace.close()

    def namespace(self, name: str) -> Namespace:
        made = Namespace(name)
        self._namespaces[name] = made
        return made

    def cable(
        self, one: Namespace, device: str, other: Namespace, other_device: str, mtu: int = 1500
    ) -> None:
        """A pair of veths, both ends up, made where they belong."""
        ends: Sequence[tuple[Namespace, str]] = ((one, device), (other, other_device))
        one.run(
            *("ip", "link", "add", device, "mtu", str(mtu), "type", "veth"),
            *("peer", "name", other_device, "mtu", str(mtu), "netns", str(other.pid)),
        )
        for namespace, end in ends:
            namespace.run("ip", "link", "set", end, "up")
