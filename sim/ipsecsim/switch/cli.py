"""A switch to play with: real time, real interfaces, P4Runtime over gRPC.

    python -m ipsecsim.switch --json l3.json --p4info l3.p4info.txtpb --port 1=veth1 --port 2=veth3

p4runtime-shell, finsy or any other P4Runtime client can then program it; without `--json` a client
has to bring the pipeline too.
"""

from __future__ import annotations

import argparse
import logging
import random
import sys
import time
from collections.abc import Sequence
from functools import partial
from pathlib import Path

from finsy.proto import p4r
from ipsecplane.targets.program import ProgramError, load_p4info

from ipsecsim.network.devices.base import DeviceError
from ipsecsim.network.devices.raw import RawInterface
from ipsecsim.network.realtime import RealTimeLoop
from ipsecsim.p4runtime.errors import P4RuntimeError
from ipsecsim.p4runtime.server import serve
from ipsecsim.p4runtime.service import Service

from .paths import DROP_PORT
from .switch import CPU_PORT, Switch

_TICK = 0.05
"""Seconds between looks at the switch's timeouts."""


class UsageError(Exception):
    """Wrong arguments or files; the message says which and why."""


def load_config(json_path: Path, p4info_path: Path) -> p4r.ForwardingPipelineConfig:
    """A forwarding pipeline config from p4c's two outputs."""
    try:
        device_config = json_path.read_bytes()
        p4info = load_p4info(p4info_path)
    except OSError as error:
        raise UsageError(f"{error.filename}: {error.strerror}") from error
    except ProgramError as error:
        raise UsageError(str(error)) from error
    return p4r.ForwardingPipelineConfig(p4info=p4info, p4_device_config=device_config)


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--json", type=Path, metavar="FILE", help="compiled program (bmv2 JSON)")
    parser.add_argument("--p4info", type=Path, metavar="FILE", help="its p4info (text format)")
    parser.add_argument(
        "--port",
        action="append",
        default=[],
        metavar="N=IFACE",
        help="port N is network interface IFACE (repeat; needs CAP_NET_RAW)",
    )
    parser.add_argument(
        "--grpc",
        default="127.0.0.1:9559",
        metavar="HOST:PORT",
        help="where to serve P4Runtime (default %(default)s)",
    )
    parser.add_argument("--device-id", type=int, default=1, metavar="N", help="default %(default)s")
    parser.add_argument(
        "--cpu-port",
        type=int,
        default=CPU_PORT,
        metavar="N",
        help="the port of packet-in and packet-out (default %(default)s)",
    )
    parser.add_argument(
        "--seed", type=int, help="for the program's random(); default: the system's"
    )
    parser.add_argument(
        "-v", "--verbose", action="store_true", help="print what the program logs with log_msg"
    )


def run(parsed: argparse.Namespace) -> int:
    """Serve until interrupted. Returns the exit code."""
    logging.basicConfig(
        level=logging.INFO if parsed.verbose else logging.WARNING,
        format="%(asctime)s %(name)s %(levelname)s %(message)s",
        stream=sys.stderr,
    )
    try:
        _serve(parsed)
    except UsageError as error:
        print(error, file=sys.stderr)
        return 2
    except (DeviceError, OSError) as error:
        print(error, file=sys.stderr)
        return 3
    except P4RuntimeError as error:
        print(f"{parsed.json}: {error.message}", file=sys.stderr)
        return 2
    except KeyboardInterrupt:
        return 130
    return 0


def main(argv: Sequence[str] | None = None) -> int:
    parser = argparse.ArgumentParser(
        prog="python -m ipsecsim.switch",
        description="Run a compiled P4 program in real time, served through P4Runtime.",
    )
    add_arguments(parser)
    return run(parser.parse_args(argv))


def _ports(items: Sequence[str], cpu_port: int) -> dict[int, str]:
    ports: dict[int, str] = {}
    for item in items:
        number, equals, interface = item.partition("=")
        if not equals or not interface or not number.isdigit():
            raise UsageError(f"--port {item}: is not N=IFACE")
        port = int(number)
        if port in ports:
            raise UsageError(f"--port {item}: port {port} is given twice")
        if port == cpu_port or port >= DROP_PORT:
            raise UsageError(f"--port {item}: port {port} is reserved")
        ports[port] = interface
    return ports


def _serve(parsed: argparse.Namespace) -> None:
    if (parsed.json is None) != (parsed.p4info is None):
        raise UsageError("--json and --p4info go together")
    if parsed.device_id <= 0:
        raise UsageError(f"--device-id {parsed.device_id}: is not positive")
    ports = _ports(parsed.port, parsed.cpu_port)
    started = time.monotonic()
    interfaces: dict[int, RawInterface] = {}

    def clock() -> float:
        return time.monotonic() - started

    def send(port: int, frame: bytes) -> None:
        interfaces[port].send(frame)

    switch = Switch(
        parsed.device_id,
        cpu_port=parsed.cpu_port,
        random=random.Random(parsed.seed),
        ports=ports,
        clock=clock,
        on_output=send,
    )
    service = Service(switch)
    if parsed.json is not None:
        service.preload(parsed.device_id, load_config(parsed.json, parsed.p4info))
    loop = RealTimeLoop()

    def receive(port: int, frame: bytes) -> None:
        with service.lock:
            for out_port, out_frame in switch.receive(port, frame, clock()):
                send(out_port, out_frame)

    def tick() -> None:
        with service.lock:
            due = switch.next_timeout()
            if due is not None and clock() >= due:
                switch.handle_timeout(clock())
        loop.after(_TICK, tick)

    for port, interface in ports.items():
        interfaces[port] = RawInterface(interface, loop, partial(receive, port))
    server = serve(service, parsed.grpc)
    address = parsed.grpc.rpartition(":")[0]
    print(
        f"device {parsed.device_id}: P4Runtime at {address}:{server.port},"
        f" ports {', '.join(f'{n}={name}' for n, name in ports.items()) or 'none'}",
        flush=True,
    )
    try:
        tick()
        loop.run_until(float("1e9"))
    finally:
        server.stop(0.5)
        for raw in interfaces.values():
            raw.close()
        loop.close()
