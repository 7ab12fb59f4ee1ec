"""strongSwan's charon as a peer for tests: one daemon in a network namespace of its own.

It runs with the userland data path (kernel-libipsec, a TUN device), so the kernel needs no IPsec.
That path knows ESP in UDP only, so charon pretends to be behind a NAT.

    with NamespacePair.make() as pair, Charon(pair.right, folder, connection(...)) as charon:
        charon.swanctl("--initiate", "--child", "net")
"""

from __future__ import annotations

import contextlib
import ctypes
import os
import shutil
import signal
import socket
import subprocess
import threading
import time
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import count
from pathlib import Path
from types import TracebackType

CHARON = Path("/usr/lib/ipsec/charon")
_CLONE_NEWNET = 0x40000000
_PLUGINS = (
    "random nonce openssl pem pkcs1 x509 pubkey gmp curve25519 hmac kdf gcm sha1 sha2 aes md5 "
    "vici socket-default updown kernel-libipsec kernel-netlink"
)
_numbers = count()


def missing() -> str | None:
    """Why charon cannot be used here, or None."""
    if not CHARON.exists() or shutil.which("swanctl") is None:
        return (
            "strongSwan is not installed (strongswan-charon strongswan-swanctl "
            "libcharon-extra-plugins libstrongswan-extra-plugins)"
        )
    if os.geteuid() != 0:
        return "network namespaces need root"
    if not os.access("/dev/net/tun", os.R_OK | os.W_OK):
        return "no /dev/net/tun"
    probe = subprocess.run(["unshare", "-n", "true"], capture_output=True, check=False)
    return None if probe.returncode == 0 else "no network namespaces here"


def run(*command: str) -> str:
    """A command's output; its error text becomes the exception's."""
    done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=30)
    if done.returncode:
        raise RuntimeError(f"{' '.join(command)}: {done.stdout}{done.stderr}")
    return done.stdout


@dataclass(frozen=True, slots=True)
class Side:
    """One end of a pair: its namespace, interface and address."""

    namespace: str
    interface: str
    address: str

    def execute(self, *command: str) -> str:
        return run("ip", "netns", "exec", self.namespace, *command)

    def add_inside_address(self, interface_address: str) -> None:
        """An address behind the gateway: kernel-libipsec wants one in the local selector."""
        run("ip", "-n", self.namespace, "addr", "add", interface_address, "dev", "lo")

    def socket(self, port: int) -> socket.socket:
        """A UDP socket inside of the namespace; it stays there whoever uses it."""
        made: list[socket.socket] = []

        def make() -> None:
            with open(f"/run/netns/{self.namespace}") as handle:
                libc = ctypes.CDLL(None, use_errno=True)
                if libc.setns(handle.fileno(), _CLONE_NEWNET):
                    raise OSError(ctypes.get_errno(), "setns")
            udp = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
            udp.bind((self.address, port))
            made.append(udp)

        # Only the thread that calls setns moves, so it is one of its own.
        thread = threading.Thread(target=make)
        thread.start()
        thread.join()
        return made[0]


@dataclass(frozen=True, slots=True)
class NamespacePair:
    """Two namespaces joined by a veth pair: `left` for the engine, `right` for charon."""

    left: Side
    right: Side

    @classmethod
    @contextlib.contextmanager
    def make(cls, left: str = "10.1.1.1", right: str = "10.1.1.2") -> Iterator[NamespacePair]:
        unique = f"{os.getpid()}-{next(_numbers)}"
        sides = (
            Side(f"ipl-{unique}", "ike0", left),
            Side(f"ipr-{unique}", "ike0", right),
        )
        try:
            for side in sides:
                run("ip", "netns", "add", side.namespace)
            run(
                "ip", "-n", sides[0].namespace, "link", "add", "ike0", "type", "veth",
                "peer", "name", "ike0", "netns", sides[1].namespace,
            )  # fmt: skip
            for side in sides:
                run("ip", "-n", side.namespace, "addr", "add", f"{side.address}/24", "dev", "ike0")
                for name in ("lo", "ike0"):
                    run("ip", "-n", side.namespace, "link", "set", name, "up")
            yield cls(*sides)
        finally:
            for side in sides:
                subprocess.run(
                    ["ip", "netns", "del", side.namespace], capture_output=True, check=False
                )


class Charon:
    """A running daemon; `connections` is the text of its swanctl.conf."""

    def __init__(
        self,
        side: Side,
        folder: Path,
        connections: str,
        *,
        charon: str = "",
        log_level: int = 2,
    ) -> None:
        """`charon`: more lines for strongswan.conf's charon section. Log level 4 shows keys."""
        self.side = side
        self.connections = connections
        self._folder = folder
        self._process: subprocess.Popen[bytes] | None = None
        self._socket = folder / "run" / "charon.vici"
        (folder / "run").mkdir(parents=True, exist_ok=True)
        (folder / "swanctl.conf").write_text(connections)
        (folder / "strongswan.conf").write_text(
            f"""charon {{
    load = {_PLUGINS}
    install_routes = yes
    retransmit_timeout = 1.0
    {charon}
    plugins {{
        openssl {{
            load_legacy = yes
        }}
        vici {{
            socket = unix://{self._socket}
        }}
    }}
    filelog {{
        file {{
            path = {folder / "charon.log"}
            default = {log_level}
            job = 1
            cfg = 1
            mgr = 1
            lib = 1
            enc = 1
            flush_line = yes
        }}
    }}
}}
"""
        )

    def __enter__(self) -> Charon:
        environment = {**os.environ, "STRONGSWAN_CONF": str(self._folder / "strongswan.conf")}
        # charon keeps its pid file and TUN state under /run: each daemon gets a /run of its own.
        script = f"mount --make-rprivate / && mount --bind {self._folder}/run /run && exec {CHARON}"
        with open(self._folder / "charon.out", "wb") as output:
            self._process = subprocess.Popen(
                ["ip", "netns", "exec", self.side.namespace,
                 "unshare", "-m", "sh", "-c", script],
                env=environment, stdout=output, stderr=output,
            )  # fmt: skip
        try:
            self._await_socket()
            self.swanctl("--load-all", "--file", str(self._folder / "swanctl.conf"))
        except BaseException:
            self.stop()
            raise
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        value: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.stop()

    def _await_socket(self) -> None:
        assert self._process is not None
        deadline = time.monotonic() + 15
        while time.monotonic() < deadline:
            if self._process.poll() is not None:
                break
            with contextlib.suppress(OSError), socket.socket(socket.AF_UNIX) as probe:
                probe.connect(str(self._socket))
                return
            time.sleep(0.02)
        output = (self._folder / "charon.out").read_text()
        raise RuntimeError(f"charon did not start: {output}{self.log}")

    def stop(self) -> None:
        process, self._process = self._process, None
        if process is None or process.poll() is not None:
            return
        process.send_signal(signal.SIGTERM)
        try:
            process.wait(5)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()

    def swanctl(self, *arguments: str) -> str:
        """A swanctl command's output; an error of charon's raises RuntimeError."""
        return run("swanctl", *arguments, "--uri", f"unix://{self._socket}")

    def reload(self, connections: str) -> None:
        """Take another swanctl.conf."""
        path = self._folder / "swanctl.conf"
        path.write_text(connections)
        self.swanctl("--load-all", "--file", str(path))

    def start_swanctl(self, *arguments: str) -> subprocess.Popen[str]:
        """A swanctl command in the background: `--initiate` waits for the peer that we play."""
        return subprocess.Popen(
            ["swanctl", *arguments, "--uri", f"unix://{self._socket}"],
            stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True,
        )  # fmt: skip

    @property
    def log(self) -> str:
        path = self._folder / "charon.log"
        return path.read_text(errors="replace") if path.exists() else ""


def connection(
    *,
    local: str,
    remote: str,
    secret: str,
    ike: str,
    esp: str,
    local_net: str,
    remote_net: str,
    name: str = "peer",
    child: str = "net",
    more: str = "",
    more_child: str = "",
) -> str:
    """swanctl.conf for one IKEv1 main mode connection with a pre-shared key.

    `ike` and `esp` are strongSwan's proposal strings; `more` and `more_child` are further lines.
    """
    return f"""connections {{
    {name} {{
        version = 1
        aggressive = no
        local_addrs = {local}
        remote_addrs = {remote}
        proposals = {ike}
        encap = yes
        {more}
        local {{
            auth = psk
            id = {local}
        }}
        remote {{
            auth = psk
            id = {remote}
        }}
        children {{
            {child} {{
                local_ts = {local_net}
                remote_ts = {remote_net}
                esp_proposals = {esp}
                {more_child}
            }}
        }}
    }}
}}
secrets {{
    ike-{name} {{
        id-local = {local}
        id-remote = {remote}
        secret = "{secret}"
    }}
}}
"""
