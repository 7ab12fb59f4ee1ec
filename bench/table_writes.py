"""Table writes per second: `python bench/table_writes.py [ENTRIES]`.

The programmer fills and empties a route table of the embedded switch, in process and over gRPC on
loopback; the last figure of each line is the time of the desired state and difference alone.
Ratios are of one run.
"""

from __future__ import annotations

import random
import sys
import time
from dataclasses import dataclass

from ipsecplane.targets.dependencies import Target
from ipsecplane.targets.diff import diff
from ipsecplane.targets.grpc_transport import GrpcTransport
from ipsecplane.targets.inprocess import InProcessTransport
from ipsecplane.targets.program import load_program
from ipsecplane.targets.programmer import Programmer
from ipsecplane.targets.session import Session
from ipsecplane.targets.tables import Lpm, TableEntry, by_key, entry
from ipsecplane.targets.transport import Transport
from ipsecsim.network.devices.base import CPU_PORT
from ipsecsim.p4runtime.server import serve
from ipsecsim.p4runtime.service import Service
from ipsecsim.switch import Switch

ENTRIES = 10_000
PASSES = 3


@dataclass(frozen=True)
class Rates:
    """Writes a second."""

    insert: float
    modify: float
    delete: float


def routes(count: int, if_id: int) -> list[TableEntry]:
    interface = {"port": if_id, "vlan_id": 0, "src_mac": 2, "mtu": 1500, "spd_policy": 0,
                 "mtu_v6": 1500}  # fmt: skip
    return [
        entry("interface_out", {"if_id": if_id}, "set_egress", interface),
        *(
            entry("route_v4", {"dst": Lpm(n << 8, 24)}, "route_connected", {"if_id": if_id})
            for n in range(count)
        ),
    ]


def measure(transport: Transport, count: int) -> Rates:
    """The best of some passes through insert, modify and delete."""
    session = Session(
        transport,
        load_program("ipsec"),
        clock=time.monotonic,
        on_ready=lambda: None,
        on_lost=lambda why, retry_in: sys.exit(f"{transport.name}: {why}"),
        on_packet=lambda packet: None,
    )
    session.connect()
    while not session.ready:
        transport.pump()
        time.sleep(0.001)
    programmer = Programmer({Target.PIPELINE: session}, clock=time.monotonic, report=sys.exit)
    best = [0.0, 0.0, 0.0]
    for _ in range(PASSES):
        for step, state in enumerate((routes(count, 1), routes(count, 2), [])):
            programmer.want(state)
            start = time.perf_counter()
            assert programmer.apply()
            best[step] = max(best[step], count / (time.perf_counter() - start))
    session.close()
    return Rates(*best)


def measure_diff(count: int) -> float:
    """Entries a second through the desired state and the difference to nothing."""
    start = time.perf_counter()
    diff({}, by_key(routes(count, 1)))
    return count / (time.perf_counter() - start)


def make_service() -> Service:
    return Service(Switch(1, cpu_port=CPU_PORT, random=random.Random(1)))


def main() -> None:
    count = int(sys.argv[1]) if len(sys.argv) > 1 else ENTRIES
    in_process = measure(InProcessTransport(make_service()), count)
    server = serve(make_service(), "127.0.0.1:0")
    over_grpc = measure(GrpcTransport(f"127.0.0.1:{server.port}"), count)
    server.stop()
    print(f"{count} routes, writes a second, best of {PASSES}:")
    for name, rates in (("in process", in_process), ("gRPC", over_grpc)):
        print(
            f"  {name:<10}  insert {rates.insert:>9,.0f}  modify {rates.modify:>9,.0f}"
            f"  delete {rates.delete:>9,.0f}"
        )
    ratio = in_process.insert / over_grpc.insert
    print(f"  in process / gRPC: {ratio:.2f} (inserts)")
    print(f"  desired state and difference alone: {measure_diff(count):,.0f} entries a second")


if __name__ == "__main__":
    main()
