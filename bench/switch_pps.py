"""Packets per second of the embedded switch and of stock BMv2: `python bench/switch_pps.py`.

Two programs: a plain L3 router (bench/p4/l3.p4) and the IPsec pipeline (p4/ipsec.p4), the latter
for a packet that is only routed and for one that goes to the accelerator. 100-octet UDP packets of
64 flows, on these paths:

    in process   the embedded switch's `receive`, one thread, no I/O: how simulations use it
    veth         a switch process between two veth pairs, frames in a closed loop: 16 are under way,
                 one is sent for each that arrives; the same driver (one core) for both switches

The veth path needs root (a network namespace of its own is made) and, for BMv2,
`simple_switch_grpc` on PATH; what cannot be measured is named. Table writes go through the service
in process, and over gRPC to both switches, in batches of 100.
"""

from __future__ import annotations

import argparse
import contextlib
import ctypes
import itertools
import os
import random
import shutil
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import grpc
from finsy.proto import U128, p4r, p4r_grpc
from ipsecplane.targets.program import BUILD_DIRECTORY, Program, load_program
from ipsecplane.targets.tables import Lpm, TableCodec, TableEntry, Ternary, entry
from ipsecsim.p4runtime.service import Service
from ipsecsim.switch import Switch
from scapy.layers.inet import IP, UDP
from scapy.layers.l2 import Ether

ROOT = Path(__file__).resolve().parent.parent
STOCK = "simple_switch_grpc"
FLOWS, WINDOW, ROUTES = 64, 16, 1000
ROUTER_MAC, HOST_MAC = 0x020000000001, 0x020000000101
LAN, WAN, ACCELERATOR = 1, 2, 500
ELECTION_ID = U128.encode(1)


@dataclass(frozen=True, slots=True)
class Case:
    """Frames enter at port 1; `out` is the port where they leave."""

    name: str
    program: Program
    entries: Sequence[TableEntry]
    frames: Sequence[bytes]
    out: int


def frames(network: str) -> list[bytes]:
    ethernet = Ether(dst=_mac(ROUTER_MAC), src=_mac(HOST_MAC))
    return [
        bytes(
            ethernet / IP(src="10.1.0.2", dst=f"{network}.{n}") / UDP(sport=n, dport=9) / bytes(58)
        )
        for n in range(1, FLOWS + 1)
    ]


def _mac(number: int) -> str:
    return number.to_bytes(6, "big").hex(":")


def l3() -> Case:
    program = load_program("l3", ROOT / "bench" / "p4")
    entries = [
        entry(
            "route", {"hdr.ipv4.dst": Lpm(0x0A090000 + (n << 8), 24)}, "via", {"next_hop": n % 16}
        )
        for n in range(ROUTES)
    ]
    for hop in range(16):
        params = {"port": WAN, "src_mac": ROUTER_MAC, "dst_mac": HOST_MAC + hop}
        entries.append(entry("adjacency", {"meta.next_hop": hop}, "rewrite", params))
    return Case("l3.p4", program, entries, frames("10.9.7"), WAN)


def ipsec(*, protect: bool) -> Case:
    entries: list[TableEntry] = []
    for port, network in ((LAN, 0x0A010000), (WAN, 0xC0000200)):
        spd = 7 if port == WAN else 0
        entries += [
            entry("interface_in", {"ingress_port": port, "vlan_id": 0}, "set_interface",
                  {"if_id": port, "spd_policy": spd}),
            entry("my_mac", {"if_id": port, "dst_mac": Ternary(ROUTER_MAC, (1 << 48) - 1)},
                  "admit", priority=1),
            entry("local_v4", {"dst": network + 1}, "local"),
            entry("interface_out", {"if_id": port}, "set_egress",
                  {"port": port, "vlan_id": 0, "src_mac": ROUTER_MAC, "mtu": 1500,
                   "spd_policy": spd, "mtu_v6": 1500}),
            entry("route_v4", {"dst": Lpm(network, 24)}, "route_connected", {"if_id": port}),
            entry("adjacency_v4", {"if_id": port, "next_hop": network + 2}, "set_dst_mac",
                  {"mac": HOST_MAC}),
        ]  # fmt: skip
    entries += [
        entry("route_v4", {"dst": Lpm(0x0A000000 + (n << 12), 20)}, "route_via",
              {"if_id": WAN, "next_hop": 0xC0000202})
        for n in range(0x90, 0x90 + 200)
    ]  # fmt: skip
    params = {"epoch": 1, "max_inner": 1400, "df_policy": 0, "prefragment": 0, "tunnel": 1}
    entries.append(entry("sa_out", {"sa_index": 1}, "sa_out_data", params))
    for n in range(100):
        source = Ternary(0x0A010000 + n, 0xFFFFFFFF)
        match: dict[str, int | Lpm | Ternary] = {"spd_policy": 7, "src": source}
        action = ("spd_protect", {"sa_index": 1}) if protect and n == 2 else ("spd_bypass", {})
        entries.append(entry("spd_out_v4", match, *action, priority=n + 1))
    name = "ipsec.p4, to the accelerator" if protect else "ipsec.p4, routed"
    program = load_program("ipsec", BUILD_DIRECTORY)
    return Case(name, program, entries, frames("10.9.7"), ACCELERATOR if protect else WAN)


def updates(case: Case) -> list[p4r.Update]:
    codec = TableCodec(case.program.p4info)
    return [
        p4r.Update(type=p4r.Update.INSERT, entity=p4r.Entity(table_entry=codec.encode(one)))
        for one in case.entries
    ]


# -- in process --------------------------------------------------------------------------------


def arbitration() -> p4r.StreamMessageRequest:
    message = p4r.MasterArbitrationUpdate(device_id=1, election_id=ELECTION_ID)
    return p4r.StreamMessageRequest(arbitration=message)


def pipeline(program: Program) -> p4r.SetForwardingPipelineConfigRequest:
    return p4r.SetForwardingPipelineConfigRequest(
        device_id=1,
        election_id=ELECTION_ID,
        action=p4r.SetForwardingPipelineConfigRequest.VERIFY_AND_COMMIT,
        config=p4r.ForwardingPipelineConfig(
            p4info=program.p4info, p4_device_config=program.device_config
        ),
    )


def write(send: Callable[[p4r.WriteRequest], object], items: Sequence[p4r.Update]) -> float:
    """Writes a second."""
    started = time.perf_counter()
    for at in range(0, len(items), 100):
        send(p4r.WriteRequest(device_id=1, election_id=ELECTION_ID, updates=items[at : at + 100]))
    return len(items) / (time.perf_counter() - started)


def in_process(case: Case, seconds: float) -> tuple[float, float]:
    """(packets, writes) a second of the embedded switch in this thread."""
    switch = Switch(1, random=random.Random(1))
    service = Service(switch)
    service.open_stream(lambda message: None).send(arbitration())
    service.set_pipeline(pipeline(case.program))
    written = write(service.write, updates(case))
    receive = switch.receive
    ((port, _),) = receive(LAN, case.frames[0], 0.0)
    assert port == case.out, f"{case.name}: the packet left at port {port}"
    count = 0
    started = time.perf_counter()
    while (now := time.perf_counter() - started) < seconds:
        for frame in case.frames:
            receive(LAN, frame, now)
        count += len(case.frames)
    return count / (time.perf_counter() - started), written


# -- over veth ---------------------------------------------------------------------------------


def own_network() -> str | None:
    """Move this process into a network namespace of its own; why not, if it cannot."""
    if os.geteuid() != 0:
        return "needs root"
    if shutil.which("ip") is None:
        return "ip (iproute2) is not installed"
    if ctypes.CDLL(None, use_errno=True).unshare(0x40000000):  # CLONE_NEWNET
        return f"no network namespace: {os.strerror(ctypes.get_errno())}"
    run = ["ip", "link", "set", "lo", "up"]
    subprocess.run(run, check=True)
    for name in ("in", "out"):
        pair = (f"{name}0", "type", "veth", "peer", "name", f"{name}1")
        subprocess.run(["ip", "link", "add", *pair], check=True)
        for end in (f"{name}0", f"{name}1"):
            Path(f"/proc/sys/net/ipv6/conf/{end}/disable_ipv6").write_text("1")
            subprocess.run(["ip", "link", "set", end, "up"], check=True)
    return None


@contextlib.contextmanager
def running(command: Sequence[str], address: str) -> Iterator[p4r_grpc.P4RuntimeStub]:
    """A switch process and a client that is its primary."""
    with tempfile.TemporaryFile() as log:
        process = subprocess.Popen(command, stdout=log, stderr=log, cwd=ROOT)
        try:
            deadline = time.monotonic() + 30
            host, _, port = address.rpartition(":")
            while True:
                with contextlib.suppress(OSError):
                    socket.create_connection((host, int(port))).close()
                    break
                if process.poll() is not None or time.monotonic() > deadline:
                    log.seek(0)
                    raise RuntimeError(f"{command[0]} did not start: {log.read().decode()}")
                time.sleep(0.02)
            with grpc.insecure_channel(address) as channel:
                stub = p4r_grpc.P4RuntimeStub(channel)
                done = False

                def requests() -> Iterator[p4r.StreamMessageRequest]:
                    yield arbitration()
                    while not done:
                        time.sleep(0.05)

                stream = stub.StreamChannel(requests())
                next(stream)
                yield stub
                done = True
        finally:
            process.terminate()
            process.wait(10)


def embedded_command(address: str, out: int) -> list[str]:
    ports = ["--port", f"{LAN}=in1", "--port", f"{out}=out1"]
    return [sys.executable, "-m", "ipsecsim.switch", "--grpc", address, *ports]


def stock_command(address: str, out: int) -> list[str]:
    return [
        STOCK, "--no-p4", "--device-id", "1", "--log-level", "off",
        "-i", f"{LAN}@in1", "-i", f"{out}@out1",
        "--notifications-addr", f"ipc:///tmp/bench-{os.getpid()}", "--",
        "--grpc-server-addr", address, "--cpu-port", "510", "--priority-queues", "3",
    ]  # fmt: skip


def closed_loop(case: Case, seconds: float) -> tuple[float, int]:
    """(frames a second, frames lost) between in0 and out0."""
    ends = []
    for name in ("in0", "out0"):
        end = socket.socket(socket.AF_PACKET, socket.SOCK_RAW, socket.htons(3))
        end.bind((name, 0))
        end.setsockopt(263, 23, 1)  # SOL_PACKET, PACKET_IGNORE_OUTGOING
        ends.append(end)
    here, there = ends
    there.settimeout(0.5)
    stream = itertools.cycle(case.frames)
    lost = arrived = 0
    for _ in range(WINDOW):
        here.send(next(stream))
    started = time.perf_counter()
    while time.perf_counter() - started < seconds:
        try:
            there.recv(2048)
            arrived += 1
            here.send(next(stream))
        except TimeoutError:
            lost += WINDOW
            for _ in range(WINDOW):
                here.send(next(stream))
    rate = arrived / (time.perf_counter() - started)
    for end in ends:
        end.close()
    return rate, lost


def over_veth(
    case: Case, command: Callable[[str, int], list[str]], seconds: float
) -> tuple[float, float]:
    """(frames, writes) a second of a switch process."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        address = f"127.0.0.1:{probe.getsockname()[1]}"
    with running(command(address, case.out), address) as stub:
        stub.SetForwardingPipelineConfig(pipeline(case.program))
        written = write(stub.Write, updates(case))
        closed_loop(case, 0.3)
        rate, lost = closed_loop(case, seconds)
        if lost:
            print(f"   ({lost} frames were lost)")
        return rate, written


# -- report ------------------------------------------------------------------------------------


def main() -> None:
    parser = argparse.ArgumentParser(description="Packets per second of the switch and of BMv2.")
    parser.add_argument("--seconds", type=float, default=3.0, help="per measurement")
    seconds = parser.parse_args().seconds
    no_network = own_network()
    no_stock = None if shutil.which(STOCK) else f"{STOCK} is not on PATH"
    print(f"{'':30}{'in process':>14}{'veth':>12}{'BMv2, veth':>12}")
    for case in (l3(), ipsec(protect=False), ipsec(protect=True)):
        inside, inside_writes = in_process(case, seconds)
        rates, writes = [inside], [inside_writes]
        for command in (embedded_command, stock_command):
            if no_network is None and (command is embedded_command or no_stock is None):
                rate, written = over_veth(case, command, seconds)
                rates.append(rate)
                writes.append(written)
        for label, values, unit in ((case.name, rates, "pps"), ("  table writes", writes, "/s")):
            cells = "".join(f"{value:>12,.0f}" for value in values)
            print(f"{label:30}  {cells} {unit}")
        if len(rates) == 3:
            print(
                f"{'  ratio to BMv2':30}  {rates[0] / rates[2]:>12.1f}{rates[1] / rates[2]:>12.1f}"
            )
    for problem in filter(None, (no_network and f"veth: {no_network}", no_stock)):
        print(f"not measured: {problem}")


if __name__ == "__main__":
    main()
