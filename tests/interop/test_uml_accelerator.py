"""The accelerator against a real Linux kernel with manual SAs, both ways.

The kernel runs as a user process (user-mode Linux, Debian package `user-mode-linux`) whose network
card is one end of a socket pair: no privilege and no interface of this machine is needed. A ping
that we seal has to be opened, answered and sealed by the kernel, and its answer opened by us.
"""

from __future__ import annotations

import os
import runpy
import shutil
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from ipsecplane.ipsec.algorithms import CIPHER, INTEGRITY
from ipsecplane.targets.crypto_header import Reason
from scapy.layers.inet import ICMP, IP, IPOption
from scapy.layers.inet6 import (
    HBHOptUnknown,
    ICMPv6EchoReply,
    ICMPv6EchoRequest,
    IPv6,
    IPv6ExtHdrDestOpt,
    IPv6ExtHdrHopByHop,
)
from scapy.layers.l2 import Ether
from scapy.packet import Packet, Raw

_HERE = Path(__file__).resolve().parent
_TOOLS = runpy.run_path(str(_HERE.parent / "accelerator" / "conftest.py"))
Rig, Tunnel = _TOOLS["Rig"], _TOOLS["Tunnel"]

LINUX = shutil.which("linux.uml") or shutil.which("linux") or ""
MODULES = sorted(Path("/usr/lib/uml/modules").glob("*/modules.dep"))
WANTED = [
    "xfrm_user", "esp4", "ah4", "tunnel4", "ipv6", "esp6", "ah6", "tunnel6", "cbc", "ecb", "ctr",
    "des_generic", "gcm", "ghash-generic", "seqiv", "echainiv", "authenc", "authencesn", "hmac",
    "sha512_generic", "drbg", "jitterentropy_rng",
]  # fmt: skip

pytestmark = [
    pytest.mark.interop,
    pytest.mark.xdist_group("uml"),
    pytest.mark.skipif(
        not (LINUX and MODULES),
        reason="no user-mode Linux here (Debian package user-mode-linux)",
    ),
]

OUR_MAC, KERNEL_MAC = "02:00:00:00:00:01", "02:00:00:00:00:02"
# By version: tunnel endpoints (also the hosts of transport mode), hosts behind the tunnel.
OURS = {4: "10.1.1.1", 6: "2001:db8:a::1"}
KERNELS = {4: "10.2.2.2", 6: "2001:db8:b::2"}
BEHIND_US = {4: "192.168.1.1", 6: "fd00:1::1"}
BEHIND_KERNEL = {4: "192.168.2.2", 6: "fd00:2::2"}
SET_UP = f"""
link set lo up
link set vec0 up
address add {KERNELS[4]}/8 dev vec0
address add {KERNELS[6]}/32 dev vec0 nodad
address add {BEHIND_KERNEL[4]}/32 dev lo
address add {BEHIND_KERNEL[6]}/128 dev lo nodad
neighbour add {OURS[4]} lladdr {OUR_MAC} dev vec0 nud permanent
neighbour add {OURS[6]} lladdr {OUR_MAC} dev vec0 nud permanent
route add {BEHIND_US[4]}/32 via {OURS[4]} dev vec0 src {BEHIND_KERNEL[4]}
route add {BEHIND_US[6]}/128 via {OURS[6]} dev vec0 src {BEHIND_KERNEL[6]}
"""


class Kernel:
    """A running kernel: a console for commands, a socket for frames."""

    def __init__(self, directory: Path) -> None:
        self.directory = directory
        self.wire, card = socket.socketpair(socket.AF_UNIX, socket.SOCK_DGRAM)
        self.process = subprocess.Popen(
            [
                LINUX, "mem=96M", "root=/dev/root", "rootfstype=hostfs", "rootflags=/", "ro",
                "con=null", "con0=fd:0,fd:1", "ssl=null", "quiet", f"uml_dir={directory}",
                f"vec0:transport=fd,fd={card.fileno()},mac={KERNEL_MAC},vec=0,depth=64",
                f"init={os.path.realpath(sys.executable)}",
                "--", str(_HERE / "uml_init.py"), str(MODULES[-1].parent), *WANTED,
            ],
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
            pass_fds=[card.fileno()], start_new_session=True,
            env={"TMPDIR": str(directory), "HOME": str(directory), "PATH": "/usr/bin:/bin"},
        )  # fmt: skip
        card.close()
        self.log: list[str] = []
        watchdog = threading.Timer(60, self.stop)
        watchdog.start()
        try:
            self._until("READY")
        finally:
            watchdog.cancel()

    def _until(self, mark: str) -> str:
        """The line that starts with `mark`; lines before it go to the log."""
        assert self.process.stdout is not None
        for raw in self.process.stdout:
            line = raw.decode(errors="replace").rstrip()
            if line.startswith(mark):
                return line
            self.log.append(line)
        raise RuntimeError("the kernel has ended:\n" + "\n".join(self.log[-20:]))

    def run(self, command: str) -> str:
        """Output of a shell command. Fails the test when the command fails."""
        assert self.process.stdin is not None
        start = len(self.log)
        self.process.stdin.write(command.encode() + b"\n")
        self.process.stdin.flush()
        status = self._until("DONE")
        output = "\n".join(self.log[start:])
        assert status == "DONE 0", f"{command}: {status}\n{output}"
        return output

    def ip(self, batch: str) -> str:
        """Run lines of `ip -batch`."""
        path = self.directory / "batch"
        path.write_text(batch)
        return self.run(f"ip -batch {path}")

    def send(self, packet: bytes) -> None:
        ethertype = 0x0800 if packet[0] >> 4 == 4 else 0x86DD
        self.wire.send(bytes(Ether(dst=KERNEL_MAC, src=OUR_MAC, type=ethertype)) + packet)

    def packets(self, wait: float) -> Iterator[bytes]:
        """IP packets that the kernel sends to us until `wait` seconds have passed."""
        end = time.monotonic() + wait
        while (left := end - time.monotonic()) > 0:
            self.wire.settimeout(left)
            try:
                frame = self.wire.recv(65535)
            except TimeoutError:
                return
            if frame[:6] == bytes.fromhex(OUR_MAC.replace(":", "")):
                yield frame[14:]

    def stop(self) -> None:
        if self.process.poll() is None:
            os.killpg(self.process.pid, signal.SIGKILL)
        self.process.wait()


@pytest.fixture(scope="module")
def kernel(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Kernel]:
    try:
        machine = Kernel(tmp_path_factory.mktemp("uml"))
    except RuntimeError as error:
        pytest.skip(f"user-mode Linux does not run here: {error}")
    try:
        machine.ip(SET_UP)
        yield machine
    finally:
        machine.stop()


# -- the kernel's half of an SA ------------------------------------------------------------------

ENC = {
    "NULL": "ecb(cipher_null)", "DES-CBC": "cbc(des)", "3DES-CBC": "cbc(des3_ede)",
    "AES-CBC": "cbc(aes)",
}  # fmt: skip
OUR_SPIS, KERNEL_SPIS = (0x1001, 0x2002), (0x3003, 0x4004)


def algorithms(sa: Any, half: str) -> str:
    """`ip xfrm` words for the algorithms and keys of one half of an SA."""
    if half == "ah":
        return authentication(sa.ah, sa.ah_key)
    if sa.cipher == "AES-GCM":
        return f"aead rfc4106(gcm(aes)) 0x{(sa.cipher_key + sa.salt).hex()} 128"
    key = f"0x{sa.cipher_key.hex()}" if sa.cipher_key else '""'
    words = f"enc {ENC[sa.cipher]} {key}"
    if sa.integrity:
        return f"{words} {authentication(sa.integrity, sa.integrity_key)}"
    return f'{words} auth digest_null ""'


def authentication(name: str, key: bytes) -> str:
    row = INTEGRITY[name]
    return f"auth-trunc hmac({row.hash_name}) 0x{key.hex()} {row.icv_size * 8}"


def program(kernel: Kernel, sa: Any, version: int, start: int = 0) -> None:
    """Manual SAs and policies for `sa` and its way back, numbers after `start` (64 bits).

    `version` is that of the packets to protect.
    """
    outer = version if sa.transport else sa.outer
    halves = [h for h, present in (("esp", sa.cipher), ("ah", sa.ah)) if present]
    lines = ["xfrm state flush", "xfrm policy flush"]
    ends = {"in": (OURS[outer], KERNELS[outer]), "out": (KERNELS[outer], OURS[outer])}
    for direction, (src, dst) in ends.items():
        templates = ""
        for half in halves:
            spis = OUR_SPIS if direction == "in" else KERNEL_SPIS
            spi = spis[half == "ah"]
            # Of a bundle, the outer one is in transport mode: one outer header for both.
            tunnel = not sa.transport and half == halves[0]
            line = (
                f"xfrm state add src {src} dst {dst} proto {half} spi 0x{spi:x}"
                f" mode {'tunnel' if tunnel else 'transport'} reqid {1 + (half == 'ah')}"
                f" {algorithms(sa, half)} replay-window 64"
            )
            name = "replay-seq" if direction == "in" else "replay-oseq"
            line += f" {name} 0x{start & 0xFFFFFFFF:x}"
            flags = []
            if sa.esn:
                line += f" {name}-hi 0x{start >> 32:x}"
                flags.append("esn")
            if half == "ah" and direction == "in":
                # RFC 4302's alignment over IPv4; its own is 8 octets, which it sends to us.
                flags.append("align4")
            if version != outer:
                flags.append("af-unspec")
            if flags:
                line += f" flag {' '.join(flags)}"
            if sa.udp:
                line += f" encap espinudp 4500 4500 {src}"
            lines.append(line)
            templates += (
                f" tmpl src {src} dst {dst} proto {half}"
                f" mode {'tunnel' if tunnel else 'transport'} reqid {1 + (half == 'ah')}"
            )
        us = OURS[version] if sa.transport else BEHIND_US[version]
        them = KERNELS[version] if sa.transport else BEHIND_KERNEL[version]
        selector = f"src {us} dst {them}" if direction == "in" else f"src {them} dst {us}"
        if sa.udp:  # the datagrams themselves are not to be caught
            selector += f" proto {'icmp' if version == 4 else 'ipv6-icmp'}"
        lines.append(f"xfrm policy add dir {direction} {selector}{templates}")
    kernel.ip("\n".join(lines) + "\n")


def ours(sa: Any, start: int = 0) -> Any:
    """An accelerator with the same two SAs: outbound in row 1, inbound in row 2."""
    rig = Rig()
    outer = sa.outer
    back = Tunnel(**{f: getattr(sa, f) for f in sa.__dataclass_fields__})
    sa.esp_spi, sa.ah_spi = OUR_SPIS
    back.esp_spi, back.ah_spi = KERNEL_SPIS
    sa.src, sa.dst = OURS[outer], KERNELS[outer]
    rig.write(("INSERT", rig.out_entry(sa, 1)), ("INSERT", rig.in_entry(back, 2)))
    rig.store.outbound[1].sa.sequence = start
    inbound = rig.store.inbound[2].sa
    for window in (inbound.ah_window, inbound.esp_window):
        window.accept(start)
    return rig


def request(version: int, transport: bool, number: int = 1, size: int = 56) -> Packet:
    data = Raw(bytes(i & 255 for i in range(size)))
    src = (OURS if transport else BEHIND_US)[version]
    dst = (KERNELS if transport else BEHIND_KERNEL)[version]
    if version == 4:
        return IP(src=src, dst=dst, id=number, tos=0x28) / ICMP(id=9, seq=number) / data
    return IPv6(src=src, dst=dst) / ICMPv6EchoRequest(id=9, seq=number) / data


def answer(kernel: Kernel, rig: Any, wait: float = 2.0) -> bytes | None:
    """The cleartext of the next protected packet from the kernel; None if none comes."""
    for packet in kernel.packets(wait):
        protocol = packet[9] if packet[0] >> 4 == 4 else packet[6]
        if protocol not in (50, 51, 17):
            continue
        opened: bytes = rig.open(packet, index=2)
        return opened
    return None


def check_reply(opened: bytes | None, asked: Packet, kernel: Kernel) -> None:
    if opened is None:
        statistics = kernel.run("grep -v '[[:space:]]0$' /proc/net/xfrm_stat || true")
        pytest.fail(f"no answer: the kernel did not accept the packet\n{statistics}")
    reply = (IP if asked.version == 4 else IPv6)(opened)
    assert (reply.src, reply.dst) == (asked.dst, asked.src)
    kind = ICMP if asked.version == 4 else ICMPv6EchoReply
    assert reply[kind].type == (0 if asked.version == 4 else 129)
    assert reply[kind].seq == asked.lastlayer().underlayer.seq
    payload = reply[kind].payload.load if asked.version == 4 else reply[kind].data
    assert payload == asked.lastlayer().load


def ping(kernel: Kernel, sa: Any, version: int, start: int = 0, count: int = 2) -> Any:
    """Pings there and back; returns the accelerator."""
    program(kernel, sa, version, start)
    rig = ours(sa, start)
    for number in range(1, count + 1):
        asked = request(version, sa.transport, number)
        kernel.send(rig.seal(bytes(asked)))
        check_reply(answer(kernel, rig), asked, kernel)
    return rig


AHS = list(INTEGRITY)
GUIDE = ("DES-CBC", "HMAC-SHA1-96", "HMAC-SHA1-96")  # ah-sha-hmac esp-des esp-sha-hmac
SUITES = [
    ("NULL", "HMAC-SHA1-96"), ("DES-CBC", "HMAC-MD5-96"), ("3DES-CBC", "HMAC-SHA1-96"),
    ("AES-CBC", "HMAC-SHA1-96"), ("AES-CBC", "HMAC-SHA2-256-128"),
    ("AES-CBC", "HMAC-SHA2-384-192"), ("AES-CBC", "HMAC-SHA2-512-256"), ("AES-GCM", ""),
]  # fmt: skip


@pytest.mark.parametrize("version", [4, 6])
@pytest.mark.parametrize("transport", [False, True])
@pytest.mark.parametrize("ah", AHS)
def test_ah(kernel: Kernel, ah: str, transport: bool, version: int) -> None:
    ping(kernel, Tunnel(ah=ah, transport=transport, outer=version), version)


@pytest.mark.parametrize("version", [4, 6])
@pytest.mark.parametrize("transport", [False, True])
@pytest.mark.parametrize("suite", SUITES)
def test_esp(kernel: Kernel, suite: tuple[str, str], transport: bool, version: int) -> None:
    key_size = CIPHER[suite[0]].key_sizes[-1]
    sa = Tunnel(*suite, key_size=key_size, transport=transport, outer=version)
    ping(kernel, sa, version)


@pytest.mark.parametrize("version", [4, 6])
@pytest.mark.parametrize("transport", [False, True])
@pytest.mark.parametrize("suite", [GUIDE, ("AES-GCM", "", "HMAC-SHA2-256-128")])
def test_bundle(kernel: Kernel, suite: tuple[str, str, str], transport: bool, version: int) -> None:
    ping(kernel, Tunnel(*suite, transport=transport, outer=version), version)


@pytest.mark.parametrize(("outer", "version"), [(4, 6), (6, 4)])
@pytest.mark.parametrize("suite", [("AES-GCM", "", ""), ("", "", "HMAC-SHA1-96"), GUIDE])
def test_one_version_in_the_other(
    kernel: Kernel, suite: tuple[str, str, str], outer: int, version: int
) -> None:
    ping(kernel, Tunnel(*suite, outer=outer), version)


@pytest.mark.parametrize("start", [0, (1 << 32) + 5, (1 << 32) - 3])
@pytest.mark.parametrize(
    "suite", [("AES-CBC", "HMAC-SHA1-96"), ("AES-GCM",), ("", "", "HMAC-SHA2-256-128"), GUIDE]
)
def test_esn(kernel: Kernel, suite: tuple[str, ...], start: int) -> None:
    """From the beginning, in a later high half, and across the wrap of the low half."""
    ping(kernel, Tunnel(*suite, esn=True), 4, start, count=6)


@pytest.mark.parametrize("version", [4, 6])
@pytest.mark.parametrize("transport", [False, True])
def test_esp_in_udp(kernel: Kernel, transport: bool, version: int) -> None:
    sa = Tunnel("AES-CBC", "HMAC-SHA1-96", udp=True, transport=transport, outer=version)
    ping(kernel, sa, version)


def test_kernel_refuses_what_we_refuse(kernel: Kernel) -> None:
    """A repeated and a damaged packet get no answer there, and their own reasons here."""
    sa = Tunnel(*GUIDE)
    rig = ping(kernel, sa, 4, count=1)
    sealed = rig.seal(bytes(request(4, False, 2)))
    damaged = sealed[:-1] + bytes((sealed[-1] ^ 1,))
    kernel.send(damaged)
    assert answer(kernel, rig, 0.3) is None
    kernel.send(sealed)
    check_reply(answer(kernel, rig), request(4, False, 2), kernel)
    kernel.send(sealed)
    assert answer(kernel, rig, 0.3) is None
    mirror = Rig()
    mirror.install(sa)
    assert mirror.refusal(damaged) is Reason.BAD_ICV
    assert mirror.refusal(sealed) is Reason.OK
    assert mirror.refusal(sealed) is Reason.REPLAYED


@pytest.mark.parametrize("prefragment", [True, False])
@pytest.mark.parametrize("suite", [("AES-GCM", "", ""), GUIDE])
def test_large_packets(kernel: Kernel, suite: tuple[str, str, str], prefragment: bool) -> None:
    """Cut before or after encryption, the kernel puts it together: seen by its answer's pieces."""
    sa = Tunnel(*suite)
    program(kernel, sa, 4)
    rig = ours(sa)
    asked = request(4, False, 1, 2500)
    pieces = rig.encrypt(bytes(asked), mtu=1500, prefragment=prefragment)
    assert len(pieces) == 2
    for piece in pieces:
        kernel.send(piece.packet)
    # The kernel cuts its answer after encryption: put the outer packet together.
    parts: dict[int, bytes] = {}
    for packet in kernel.packets(2.0):
        header = IP(packet)
        if header.proto not in (50, 51, 1):
            continue
        parts[header.frag] = packet
        if header.flags & 1 == 0:
            break
    first = IP(parts[0])
    payload = b"".join(parts[at][20:] for at in sorted(parts))
    whole = bytearray(parts[0][:20])
    whole[2:4] = (20 + len(payload)).to_bytes(2, "big")
    whole[6] &= 0xDF
    opened = rig.open(bytes(whole) + payload, index=2)
    assert first.proto == (51 if suite[2] else 50)
    check_reply(opened, asked, kernel)


def test_ah_over_ipv4_options(kernel: Kernel) -> None:
    """Router alert is covered, record route is not: the kernel thinks so too."""
    sa = Tunnel(ah="HMAC-SHA1-96", transport=True)
    program(kernel, sa, 4)
    rig = ours(sa)
    options = [
        IPOption(bytes.fromhex("94040000")),
        IPOption(bytes.fromhex("070b0400000000000000 00")),
    ]
    asked = request(4, True)
    asked.options = options
    kernel.send(rig.seal(bytes(asked)))
    opened = answer(kernel, rig)
    assert opened is not None
    assert IP(opened)[ICMP].type == 0


def test_ah_over_ipv6_extension_headers(kernel: Kernel) -> None:
    """Options that may change on the way are taken as zero on both sides."""
    sa = Tunnel(ah="HMAC-SHA1-96", transport=True)
    program(kernel, sa, 6)
    rig = ours(sa)
    plain = request(6, True)
    asked = (
        IPv6(src=plain.src, dst=plain.dst)
        / IPv6ExtHdrHopByHop(options=[HBHOptUnknown(otype=0x3E, optdata=b"mutable")])
        / IPv6ExtHdrDestOpt(options=[HBHOptUnknown(otype=0x1E, optdata=b"fixed")])
        / plain.payload
    )
    sealed = bytearray(rig.seal(bytes(asked)))
    at = sealed.index(b"mutable")
    sealed[at : at + 7] = b"changed"
    kernel.send(bytes(sealed))
    opened = answer(kernel, rig)
    assert opened is not None
    assert ICMPv6EchoReply in IPv6(opened)
