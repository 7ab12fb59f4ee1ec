"""A live router between real network stacks: `python bench/live_pps.py` (Linux, as root).

Round-trip times of pings, and packets a second under more UDP than it can carry (100-octet IP
packets one way, counted where they arrive): in the clear, then through a tunnel with strongSwan in
either direction. All of it shares this machine's cores, so compare rows of one run.
"""

from __future__ import annotations

import statistics
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT))

from tests.interop.lab import Lab, Namespace, stop, wait_for, why_not  # noqa: E402
from tests.interop.strongswan import NEEDS, Connection, StrongSwan  # noqa: E402
from tests.live.process import LiveProcess  # noqa: E402

SECONDS = 3.0
SIZE = 100 - 28  # octets of UDP payload
OFFERED = 40_000  # packets a second: more than the router carries, less than would starve it

CONFIG = """\
hostname bench
crypto isakmp policy 10
 encryption aes
 authentication pre-share
 group 14
crypto isakmp key bench address 192.0.2.2
crypto ipsec transform-set ts esp-aes esp-sha-hmac
crypto map vpn 10 ipsec-isakmp
 set peer 192.0.2.2
 set transform-set ts
 match address 101
interface FastEthernet0/0
 ip address 10.0.1.1 255.255.255.0
interface FastEthernet0/1
 ip address 192.0.2.1 255.255.255.0
 crypto map vpn
interface FastEthernet1/0
 ip address 10.0.3.1 255.255.255.0
ip route 10.0.2.0 255.255.255.0 192.0.2.2
access-list 101 permit ip 10.0.1.0 0.0.0.255 10.0.2.0 0.0.0.255
end
"""

SENDER = """
import socket, sys, time
source, target, size, rate, seconds = sys.argv[1], sys.argv[2], *map(float, sys.argv[3:])
udp = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
udp.bind((source, 0))
udp.connect((target, 9000))
data = bytes(int(size))
start, sent = time.monotonic(), 0
while (passed := time.monotonic() - start) < seconds:
    while sent < rate * passed:
        try:
            udp.send(data)
        except OSError:
            pass
        sent += 1
    time.sleep(0.001)
"""

RECEIVER = """
import socket, sys, time
udp = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
udp.setsockopt(socket.SOL_SOCKET, 33, 8 << 20)
udp.bind((sys.argv[1], 9000))
print("ready", flush=True)
udp.settimeout(10)
udp.recv(2048)
start, count = time.monotonic(), 0
end = start + float(sys.argv[2])
udp.settimeout(1)
while time.monotonic() < end:
    udp.recv(2048)
    count += 1
print(count / (time.monotonic() - start))
"""


class Bench:
    """lan 10.0.1.2 and other 10.0.3.2 at a router, strongSwan with 10.0.2.1 behind its outside."""

    def __init__(self, lab: Lab, folder: Path) -> None:
        self.lan, self.other, self.gateway, self.peer = map(
            lab.namespace, ("lan", "other", "gateway", "peer")
        )
        plugs = {}
        for interface, namespace, device in (
            ("FastEthernet0/0", self.lan, "lan0"),
            ("FastEthernet0/1", self.peer, "wan0"),
            ("FastEthernet1/0", self.other, "lan1"),
        ):
            lab.cable(namespace, "eth0", self.gateway, device)
            plugs[interface] = device
        self.lan.address("eth0", "10.0.1.2/24")
        self.other.address("eth0", "10.0.3.2/24")
        self.peer.address("eth0", "192.0.2.2/24")
        self.peer.address("lo", "10.0.2.1/24")
        self.lan.route("default", "via", "10.0.1.1")
        self.other.route("default", "via", "10.0.3.1")
        self.peer.route("blackhole", "10.0.1.0/24")
        self._swan = StrongSwan(self.peer, folder)
        config = folder / "bench.cfg"
        config.write_text(CONFIG)
        self.router = LiveProcess(self.gateway, config, plugs)

    def tunnel(self) -> None:
        networks = ("10.0.2.0/24", "10.0.1.0/24")
        self._swan.start(Connection("192.0.2.2", "192.0.2.1", *networks, "bench"))
        assert "completed successfully" in self._swan.initiate(), self._swan.log


@contextmanager
def receiving(namespace: Namespace, address: str) -> Iterator[list[float]]:
    """Count at `address`, from the first packet on; the rate is there afterwards."""
    rate: list[float] = []
    process = namespace.start(sys.executable, "-c", RECEIVER, address, str(SECONDS))
    assert process.stdout is not None
    process.stdout.readline()
    yield rate
    said, _ = process.communicate(timeout=SECONDS + 15)
    rate.append(float(said.split()[-1]))


def measure(source: Namespace, own: str, target: Namespace, address: str) -> str:
    wait_for(
        lambda: max(source.ping(address, 3, source=own).rtts, default=1) < 0.02, "empty queues"
    )
    ping = source.ping(address, 100, source=own, interval=0.01)
    rtts = sorted(ping.rtts)
    with receiving(target, address) as rate:
        words = (own, address, str(SIZE), str(OFFERED), str(SECONDS + 0.5))
        sender = source.start(sys.executable, "-c", SENDER, *words)
        time.sleep(SECONDS + 0.5)
    stop(sender)
    return (
        f"{statistics.median(rtts) * 1e3:6.2f} ms  {rtts[int(len(rtts) * 0.95)] * 1e3:6.2f} ms  "
        f"{len(ping.lost):4d}  {rate[0]:8.0f}"
    )


def main() -> None:
    reason = why_not(*NEEDS)
    if reason is not None:
        print(f"live router: not measured: {reason}")
        return
    with tempfile.TemporaryDirectory() as folder, Lab() as lab:
        bench = Bench(lab, Path(folder))
        lan, other, peer = bench.lan, bench.other, bench.peer
        print(f"{'':34s}{'ping':>8s}  {'95 %':>9s}  lost  packets/s")
        row = measure(lan, "10.0.1.2", other, "10.0.3.2")
        print(f"{'in the clear':32s}{row}", flush=True)
        bench.tunnel()
        row = measure(lan, "10.0.1.2", peer, "10.0.2.1")
        print(f"{'to strongSwan (we encrypt)':32s}{row}", flush=True)
        row = measure(peer, "10.0.2.1", lan, "10.0.1.2")
        print(f"{'from strongSwan (we decrypt)':32s}{row}")


if __name__ == "__main__":
    main()
