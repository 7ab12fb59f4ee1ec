"""`ipsecplane agent`: a router between two real network stacks, its console, and its complaints."""

from __future__ import annotations

import os
import pty
import re
import select
import signal
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from pathlib import Path

import pytest
from ipsecplane.cli import main
from scapy.layers.inet import ICMP, IP
from scapy.utils import rdpcap

from tests.interop.lab import Lab, Namespace, need, stop, transfer, wait_for
from tests.live.process import LiveProcess

CONFIG = """\
hostname r1
interface FastEthernet0/0
 ip address 10.0.1.1 255.255.255.0
interface FastEthernet0/1
 ip address 10.0.2.1 255.255.255.0
interface FastEthernet1/0
 no ip address
end
"""
ROOT = Path(__file__).resolve().parents[2]
PLUGS = {"FastEthernet0/0": "eth1", "Fa0/1": "eth2"}
CABLE = ("ip", "link", "add", "acc0", "mtu", "9000", "type", "veth", "peer", "acc1", "mtu", "9000")
AGENT = (sys.executable, "-m", "ipsecplane", "agent")


class Between:
    """A router's namespace between those of two hosts, 10.0.1.2 and 10.0.2.2."""

    def __init__(self, lab: Lab, folder: Path) -> None:
        self.one, self.gateway, self.two = map(lab.namespace, ("one", "gateway", "two"))
        for number, host in ((1, self.one), (2, self.two)):
            lab.cable(host, "eth0", self.gateway, f"eth{number}")
            host.address("eth0", f"10.0.{number}.2/24")
            host.route("default", "via", f"10.0.{number}.1")
        self.folder = folder
        self.config = folder / "r1.cfg"
        self.config.write_text(CONFIG)

    def router(self, *options: str | Path, console: bool = True) -> LiveProcess:
        return LiveProcess(self.gateway, self.config, PLUGS, *options, console=console)


@pytest.fixture
def between(tmp_path: Path) -> Iterator[Between]:
    need()
    with Lab() as lab:
        yield Between(lab, tmp_path)


# -- a router that runs ----------------------------------------------------------------------------


def test_it_routes_and_answers(between: Between) -> None:
    router = between.router("--pcap", between.folder / "pcap")
    assert between.one.ping("10.0.1.1", 3).lost == []
    assert between.one.ping("10.0.2.2", 20, interval=0.01).lost == []
    shown = router.type("show ip interface brief")
    assert re.search(r"^FastEthernet0/1 +10\.0\.2\.1 +YES \S+ +up +up", shown, re.M)
    assert "!!!!!" in router.type("ping 10.0.2.2")
    assert router.leave() == 0
    frames = rdpcap(str(between.folder / "pcap" / "eth2.pcapng"))
    requests = [p for p in frames if ICMP in p and p[ICMP].type == 8 and p[IP].src == "10.0.1.2"]
    assert len(requests) == 20
    assert {p[IP].ttl for p in requests} == {63}


def test_a_local_stacks_tcp_gets_through(between: Between) -> None:
    """Checksums and segmentation that the hosts' kernels leave to hardware are made good."""
    between.router()
    transfer(between.one, "10.0.1.2", between.two, "10.0.2.2")


def test_a_script_then_signals(between: Between) -> None:
    """Without console it goes on after the script, until it is told to stop."""
    script = between.folder / "script"
    script.write_text("show clock\nping 10.0.1.2 repeat 2\nconfigure terminal\nhostname r2\nend\n")
    router = between.router("--script", script, console=False)
    router.wait_for_log(r"r1#show clock\n\d\d:")
    router.wait_for_log(r"Success rate is 100 percent \(2/2\)")
    router.wait_for_log(r"r1\(config\)#hostname r2\nr2\(config\)#end\n")
    assert between.one.ping("10.0.1.1").lost == []
    assert router.signal(signal.SIGTERM) == 0
    assert "Traceback" not in router.errors


def test_interrupt_ends_it_in_the_middle_of_a_command(between: Between) -> None:
    script = between.folder / "script"
    script.write_text("ping 10.0.1.77 repeat 1000\n")
    router = between.router("--script", script)
    router.wait_for_log(r"\.\.")
    assert router.signal(signal.SIGINT) == 0


def test_exit_ends_it(between: Between) -> None:
    router = between.router()
    assert "up" in router.type("show ip interface brief")
    with pytest.raises(AssertionError, match="the router ended"):
        router.type("exit")
    assert router.leave() == 0


def test_write_memory_saves_the_configuration(between: Between) -> None:
    router = between.router()
    for line in ("configure terminal", "ip route 10.9.0.0 255.255.0.0 10.0.2.2", "end"):
        router.type(line)
    assert "[OK]" in router.type("write memory")
    assert "ip route 10.9.0.0 255.255.0.0 10.0.2.2" in between.config.read_text()
    router.leave()
    assert "10.9.0.0" in between.router().type("show ip route")


def test_what_is_rarely_meant_is_noted(between: Between) -> None:
    between.gateway.address("eth1", "10.0.1.9/24")
    between.gateway.run("ip", "link", "set", "eth2", "mtu", "1400")
    errors = between.router().errors
    assert "note: eth1 has the address 10.0.1.9" in errors
    assert "note: eth2 takes packets of 1400 bytes, FastEthernet0/1 sends up to 1500" in errors


def test_a_keyboard(between: Between) -> None:
    """On a terminal there is editing, completion and help, and the router goes on meanwhile."""
    master, slave = pty.openpty()
    words = ["--console", "--log", "--map", "fa0/0=eth1", "--map", "fa0/1=eth2"]
    process = between.gateway.start(
        *AGENT, between.config, *words, stdin=slave, stdout=slave, stderr=slave
    )
    os.close(slave)
    screen = ""

    def seen(pattern: str, timeout: float = 15.0) -> None:
        nonlocal screen
        end = time.monotonic() + timeout
        while not re.search(pattern, screen):
            assert time.monotonic() < end, f"/{pattern}/ not in {screen!r}"
            if select.select([master], [], [], 0.1)[0]:
                screen += os.read(master, 65536).decode(errors="replace")
        screen = ""

    seen(r"r1#")
    assert between.one.ping("10.0.1.1").lost == []  # it waits for a key, and routes
    os.write(master, b"sh\tip int\tbr\t\r")
    seen(r"FastEthernet0/0 +10\.0\.1\.1")
    os.write(master, b"show ip ?")
    seen(r"route")
    os.write(master, b"\x15ping 10.0.1.2\r")
    seen(r"100 percent")
    between.one.run("ip", "link", "set", "eth0", "down")
    os.write(master, b"debug crypto isakmp\r")
    seen(r"(?s)debugging is on.*r1#")  # before the prompt, the terminal itself would take Ctrl-D
    os.write(master, b"\x04")  # Ctrl-D
    assert process.wait(10) == 0
    os.close(master)


# -- P4Runtime -------------------------------------------------------------------------------------


def routes_over_grpc(namespace: Namespace, address: str) -> int:
    """How many IPv4 routes a P4Runtime client reads, from inside the namespace."""
    script = (
        "import sys, grpc\n"
        "from finsy.proto import p4r, p4r_grpc\n"
        "from ipsecplane.targets.program import load_program\n"
        "info = load_program('ipsec').p4info\n"
        "table = next(t for t in info.tables if t.preamble.alias == 'route_v4')\n"
        f"stub = p4r_grpc.P4RuntimeStub(grpc.insecure_channel('{address}'))\n"
        "request = p4r.ReadRequest(device_id=1)\n"
        "request.entities.add().table_entry.table_id = table.preamble.id\n"
        "print(sum(len(r.entities) for r in stub.Read(request, timeout=10)))\n"
    )
    return int(namespace.run(sys.executable, "-c", script))


def test_the_embedded_switch_can_be_looked_at(between: Between) -> None:
    router = between.router("--grpc", "127.0.0.1:0")
    found = re.search(r"P4Runtime at (127\.0\.0\.1:\d+)", router.errors)
    assert found is not None
    assert between.one.ping("10.0.2.2", 20, interval=0.01).lost == []
    before = routes_over_grpc(between.gateway, found[1])
    for line in ("configure terminal", "ip route 10.9.0.0 255.255.0.0 10.0.2.2", "end"):
        router.type(line)
    assert routes_over_grpc(between.gateway, found[1]) == before + 1
    assert router.leave() == 0


def test_p4runtime_shell_may_look(between: Between) -> None:
    """As a backup: it reads the tables, and the agent stays in charge."""
    python = ROOT / ".venv-p4rt-shell" / "bin" / "python"
    if not python.exists():
        pytest.skip("NOT RUN with p4runtime-shell: its environment is not made (make shell)")
    router = between.router("--grpc", "127.0.0.1:9559", "--log")
    shell = between.gateway.start(
        *(python, "-m", "p4runtime_sh", "--grpc-addr", "127.0.0.1:9559", "--device-id", "1"),
        *("--election-id", "0,1"),
        stdin=subprocess.PIPE,
    )
    said, _ = shell.communicate(
        'print("routes", len(list(table_entry["route_v4"].read())))\nexit\n', timeout=60
    )
    before = re.search(r"routes ([1-9])", said)
    assert before is not None, said
    assert between.one.ping("10.0.2.2", 3).lost == []
    router.type("configure terminal")
    router.type("ip route 10.9.0.0 255.255.0.0 10.0.2.2")
    assert "10.9.0.0" in router.type("do show ip route")
    assert routes_over_grpc(between.gateway, "127.0.0.1:9559") == int(before[1]) + 1
    assert "TARGET_LOST" not in router.screen


def test_stock_bmv2_as_the_pipeline(between: Between) -> None:
    need("simple_switch_grpc")
    router = between.router("--pipeline", "bmv2")
    wait_for(lambda: between.one.ping("10.0.2.2").lost == [], "the tables")
    assert "!!!!!" in router.type("ping 10.0.2.2 size 3000")
    assert router.leave() == 0


def test_a_pipeline_elsewhere(between: Between) -> None:
    """The switch as a process of its own; a cable brings its accelerator port to the agent."""
    gateway = between.gateway
    gateway.run(*CABLE)
    for device in ("acc0", "acc1"):
        gateway.run("ip", "link", "set", device, "up")
    ports = [w for p in ("1=eth1", "2=eth2", "500=acc0") for w in ("--port", p)]
    command = (sys.executable, "-m", "ipsecplane", "switch", "--grpc", "127.0.0.1:9777")
    switch = gateway.start(*command, *ports)
    assert switch.stdout is not None
    assert "P4Runtime at 127.0.0.1:9777" in switch.stdout.readline()
    router = LiveProcess(
        gateway,
        between.config,
        {"FastEthernet0/0": "1", "FastEthernet0/1": "2"},
        *("--pipeline", "grpc://127.0.0.1:9777", "--accelerator-device", "acc1", "--log"),
    )
    wait_for(lambda: between.one.ping("10.0.2.2").lost == [], "the tables")
    assert between.one.ping("10.0.2.2", 20, interval=0.01).lost == []
    # 3000 bytes without DF do not fit the other interface: the accelerator splits them.
    assert "!!!!!" in router.type("ping 10.0.2.2 size 3000")
    stop(switch)
    router.wait_for_log(r"%P4RT-\d-TARGET_LOST")
    assert router.leave() == 0


# -- complaints ------------------------------------------------------------------------------------


class Complaint:
    """What a command line answers: exit code and standard error."""

    def __init__(self, capsys: pytest.CaptureFixture[str]) -> None:
        self._capsys = capsys

    def __call__(self, *words: str | Path) -> tuple[int, str]:
        code = main(["agent", *map(str, words)])
        return code, self._capsys.readouterr().err.strip()


@pytest.fixture
def complaint(capsys: pytest.CaptureFixture[str]) -> Complaint:
    return Complaint(capsys)


def refusal(*words: str | Path, prefix: Sequence[str]) -> tuple[int, str]:
    """The same of a process that `prefix` starts; the last line."""
    done = subprocess.run(
        [*prefix, *AGENT, *map(str, words)], capture_output=True, text=True, timeout=60, check=False
    )
    assert "Traceback" not in done.stderr
    return done.returncode, done.stderr.strip().splitlines()[-1]


@pytest.fixture
def config(tmp_path: Path) -> Path:
    file = tmp_path / "r1.cfg"
    file.write_text(CONFIG)
    return file


def test_wrong_arguments_are_named(config: Path, complaint: Complaint) -> None:
    missing = config.with_name("none.cfg")
    assert complaint(missing, "--map", "fa0/0=x") == (2, f"{missing}: No such file or directory")
    assert complaint(config) == (2, "a router without --map INTERFACE=DEVICE has no cables")
    assert complaint(config, "--map", "fa0/0") == (2, "--map fa0/0: write INTERFACE=DEVICE")
    assert complaint(config, "--map", "fa3/0=lo") == (
        2,
        "r1 has no interface fa3/0; its configuration has FastEthernet0/0, FastEthernet0/1, "
        "FastEthernet1/0",
    )
    assert complaint(config, "--map", "nonsense=lo") == (
        2,
        "--map nonsense: 'nonsense' is no interface name",
    )
    assert complaint(config, "--map", "fa0/0=lo", "--map", "FastEthernet0/0=eth0") == (
        2,
        "FastEthernet0/0 is mapped twice, to lo and to eth0",
    )
    assert complaint(config, "--map", "fa0/0=lo", "--map", "fa0/1=lo") == (
        2,
        "lo is mapped twice, from FastEthernet0/0 and from FastEthernet0/1",
    )
    assert complaint(config, "--map", "fa0/0=1", "--pipeline", "asic") == (
        2,
        "--pipeline asic: is none of embedded, bmv2, grpc://…",
    )
    assert "--accelerator-device DEVICE" in complaint(
        config, "--map", "fa0/0=1", "--pipeline", "grpc://127.0.0.1:1"
    )[1]  # fmt: skip
    assert complaint(
        *(config, "--map", "fa0/0=lo", "--pipeline", "grpc://h:1", "--accelerator-device", "lo")
    ) == (
        2,
        "--map FastEthernet0/0=lo: with a pipeline elsewhere this is one of its ports, 1-32",
    )


def test_a_syntax_error_is_shown_in_its_line(config: Path, complaint: Complaint) -> None:
    config.write_text(CONFIG.replace(" no ip address", " no ip adress"))
    code, said = complaint(config, "--map", "fa0/0=lo")
    assert code == 2
    assert said.splitlines()[:2] == [
        f"{config}:7: % Invalid input detected at '^' marker.",
        "   no ip adress",
    ]
    assert said.splitlines()[2].index("^") == said.splitlines()[1].index("adress") + len("ad")


def test_a_device_that_is_not_there(config: Path, complaint: Complaint) -> None:
    code, said = complaint(config, "--map", "fa0/0=nope0")
    assert code == 3
    assert said.startswith("interface nope0: no such device; this machine has lo")


def test_no_permission(config: Path) -> None:
    need()
    without = ("setpriv", "--bounding-set", "-net_raw", "--inh-caps", "-net_raw")
    assert refusal(config, "--map", "fa0/0=lo", prefix=without) == (
        3,
        "interface lo: needs root (CAP_NET_RAW)",
    )


def test_a_port_that_is_taken(between: Between) -> None:
    router = between.router("--grpc", "127.0.0.1:9559")
    words = (between.config, "--map", "fa0/0=eth1", "--grpc", "127.0.0.1:9559")
    code, said = refusal(*words, prefix=between.gateway.command())
    assert code == 3
    assert said.startswith("--grpc 127.0.0.1:9559: cannot listen")
    assert router.running
