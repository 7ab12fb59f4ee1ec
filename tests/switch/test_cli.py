"""`python -m ipsecsim.switch`: wrong arguments, and frames on real interfaces."""

from __future__ import annotations

import os
import socket
import subprocess
import sys
from pathlib import Path

import pytest
from ipsecsim.switch import cli

from tests.interop import lab
from tests.switch.targets import PROGRAMS, run_frame

ROOT = Path(__file__).resolve().parents[2]
JSON = PROGRAMS / "paths.json"
P4INFO = PROGRAMS / "paths.p4info.txtpb"


@pytest.mark.parametrize(
    ("arguments", "code", "said"),
    [
        (["--json", str(JSON)], 2, "--json and --p4info go together"),
        (["--json", "none.json", "--p4info", str(P4INFO)], 2, "none.json: No such file"),
        (["--json", str(JSON), "--p4info", str(JSON)], 2, "paths.json: not a p4info text file"),
        (["--json", str(P4INFO), "--p4info", str(P4INFO)], 2, "p4_device_config: $: is not JSON"),
        (["--port", "eth0"], 2, "--port eth0: is not N=IFACE"),
        (["--port", "1=a", "--port", "1=b"], 2, "--port 1=b: port 1 is given twice"),
        (["--port", "510=a"], 2, "--port 510=a: port 510 is reserved"),
        (["--port", "1=nosuchthing0"], 3, "nosuchthing0"),
        (["--device-id", "0"], 2, "--device-id 0: is not positive"),
    ],
)
def test_wrong_arguments(
    arguments: list[str], code: int, said: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert cli.main(["--grpc", "127.0.0.1:0", *arguments]) == code
    assert said in capsys.readouterr().err


def test_an_address_in_use(capsys: pytest.CaptureFixture[str]) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        address = f"127.0.0.1:{taken.getsockname()[1]}"
        assert cli.main(["--grpc", address]) == 3
        assert f"cannot listen on {address}" in capsys.readouterr().err


def test_frames_on_interfaces() -> None:
    lab.need()
    namespace = lab.Namespace("switch")
    try:
        for number in (1, 2):
            namespace.run(
                "ip", "link", "add", f"port{number}", "type", "veth", "peer", f"wire{number}"
            )
            for end in ("port", "wire"):
                # No neighbour discovery: the only frames are ours.
                disable = f"/proc/sys/net/ipv6/conf/{end}{number}/disable_ipv6"
                namespace.run("sh", "-c", f"echo 1 > {disable}")
                namespace.run("ip", "link", "set", f"{end}{number}", "up")

        def wire(name: str) -> socket.socket:
            made = socket.socket(socket.AF_PACKET, socket.SOCK_RAW, socket.htons(3))
            made.bind((name, 0))
            made.settimeout(10)
            return made

        ends = {n: namespace.inside(lambda n=n: wire(f"wire{n}")) for n in (1, 2)}  # type: ignore[misc]
        process = namespace.start(
            *(sys.executable, "-m", "ipsecsim.switch", "--grpc", "127.0.0.1:0"),
            *("--json", JSON, "--p4info", P4INFO, "--port", "1=port1", "--port", "2=port2"),
            stderr=subprocess.PIPE,
            env={**os.environ, "PYTHONPATH": f"{ROOT / 'host'}:{ROOT / 'sim'}"},
        )
        assert process.stdout is not None
        assert "ports 1=port1, 2=port2" in process.stdout.readline()
        payload = bytes(range(100))
        for here, there in ((1, 2), (2, 1)):
            ends[here].send(run_frame(0, payload, number=5, port=there))
            got = ends[there].recv(2000)
            assert got[:4] == run_frame(0x80, number=5, port=there)
            assert got[4] == here, "trace_t.ingress_port"
            assert got[16:] == payload
        for opened in ends.values():
            opened.close()
    finally:
        namespace.close()
