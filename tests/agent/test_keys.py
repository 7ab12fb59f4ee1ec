"""With the agent's keys tshark reads a capture: IKE's messages and ESP's payloads."""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path

import pytest
from configs import PORTS, both
from routers import Pair, make_pair
from scapy.layers.l2 import Ether
from scapy.utils import wrpcap

pytestmark = pytest.mark.skipif(shutil.which("tshark") is None, reason="tshark is not installed")


def tshark(pair: Pair, folder: Path, fields: list[str], display: str) -> list[list[str]]:
    capture = folder / "wan.pcap"
    wrpcap(str(capture), [Ether(frame) for _, _, frame, _ in pair.frames])
    rows = {"ikev1_decryption_table": set[str](), "esp_sa": set[str]()}
    for site in (pair.a, pair.b):
        keys = site.router.agent.wireshark_keys()
        rows["ikev1_decryption_table"].update(keys.ikev1)
        rows["esp_sa"].update(keys.esp)
    profile = folder / "wireshark"
    profile.mkdir()
    for name, lines in rows.items():
        (profile / name).write_text("".join(f"{line}\n" for line in sorted(lines)))
    command = ["tshark", "-r", str(capture), "-Y", display, "-T", "fields"]
    for field in fields:
        command += ["-e", field]
    for option in ("enable_encryption_decode", "enable_authentication_check"):
        command += ["-o", f"esp.{option}:TRUE"]
    environment = {"HOME": str(folder), "XDG_CONFIG_HOME": str(folder), "PATH": "/usr/bin:/bin"}
    done = subprocess.run(command, capture_output=True, text=True, env=environment, timeout=60)
    assert done.returncode == 0, done.stderr
    return [line.split("\t") for line in done.stdout.splitlines()]


@pytest.mark.parametrize(
    "transform",
    ["ah-sha-hmac esp-des esp-sha-hmac", "esp-3des esp-md5-hmac", "esp-aes 256 esp-sha256-hmac",
     "esp-aes esp-sha512-hmac", "esp-gcm", "esp-gcm 256", "esp-null esp-sha-hmac"],
)  # fmt: skip
def test_esp_payloads_and_ike_messages_can_be_read(transform: str, tmp_path: Path) -> None:
    pair = make_pair(both(transform=transform), (PORTS, PORTS))
    run = pair.ping(pair.a, "192.168.2.1", "192.168.1.1", 4)
    assert run.marks == ".!!!"
    rows = tshark(pair, tmp_path, ["icmp.type", "ip.dst", "esp.icv_good"], "esp")
    assert [row[0] for row in rows] == ["8", "0"] * 3
    assert rows[0][1].endswith("192.168.2.1")
    assert {row[2] for row in rows} <= {"1", ""}


def test_quick_mode_can_be_read(tmp_path: Path) -> None:
    pair = make_pair(both(), (PORTS, PORTS))
    pair.ping(pair.a, "192.168.2.1", "192.168.1.1", 2)
    rows = tshark(pair, tmp_path, ["isakmp.id.data.ipv4_addr"], "isakmp.exchangetype == 32")
    assert len(rows) == 3
    assert "192.168.1.0" in rows[0][0]
    assert "192.168.2.0" in rows[1][0]
