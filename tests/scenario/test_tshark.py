"""Wireshark's dissectors, given the folder of keys that a run leaves, read what was protected."""

from __future__ import annotations

import os
import shutil
import subprocess
from pathlib import Path

import pytest
from played import Ran, run_example, two_sites, write

pytestmark = [
    pytest.mark.xdist_group("chapter3"),
    pytest.mark.skipif(
        shutil.which("tshark") is None, reason="NOT RUN with Wireshark's dissectors: no tshark"
    ),
]


def tshark(run: Path, display: str, *fields: str, keys: str = "wireshark") -> list[list[str]]:
    """Of each frame on the link `wan` that `display` selects: the fields."""
    command = ["tshark", "-r", str(run / "captures" / "wan.pcapng"), "-Y", display, "-T", "fields"]
    for name in fields:
        command += ["-e", name]
    environment = os.environ | {"WIRESHARK_CONFIG_DIR": str(run / keys), "HOME": str(run)}
    done = subprocess.run(
        command, capture_output=True, text=True, env=environment, timeout=60, check=False
    )
    assert done.returncode == 0, done.stderr
    return [line.split("\t") for line in done.stdout.splitlines()]


def test_quick_mode_s_payloads(recovered: Ran) -> None:
    """Identities and SPIs of both negotiations are those of the SAs."""
    rows = tshark(
        recovered.folder,
        "isakmp.exchangetype == 32",
        *("ip.src", "isakmp.typepayload", "isakmp.id.data.ipv4_addr", "isakmp.spi"),
    )
    assert len(rows) == 6
    told = recovered.transcript
    for first, second, third in (rows[:3], rows[3:]):
        assert [row[0] for row in (first, second, third)] == ["10.1.1.1", "10.2.2.2", "10.1.1.1"]
        for offer in (first, second):
            kinds = offer[1].split(",")
            # hash, SA with its proposals and transforms, nonce, both identities
            assert [kind for kind in kinds if kind not in ("2", "3")] == ["8", "1", "10", "5", "5"]
            assert offer[2] == "10.0.0.1,10.0.2.2"
            for spi in offer[3].split(","):
                assert f"0x{int(spi, 16):X}(" in told
        assert third[1] == "8"


def test_main_mode_s_identities_and_the_notifications(recovered: Ran) -> None:
    """Main mode's last two messages, and B's notice of the SPI that it does not know."""
    rows = tshark(
        recovered.folder,
        "isakmp.exchangetype == 2 && isakmp.id.data.ipv4_addr",
        *("ip.src", "isakmp.id.data.ipv4_addr"),
    )
    assert rows == [[a, a] for a in ("10.1.1.1", "10.2.2.2", "10.2.2.2", "10.1.1.1")]
    notified = tshark(recovered.folder, "isakmp.notify.msgtype == 11", "ip.src", "ip.dst")
    assert notified == [["10.2.2.2", "10.1.1.1"]], "INVALID-SPI"


def test_echoes_inside_esp_inside_ah(recovered: Ran) -> None:
    rows = tshark(
        recovered.folder,
        "ah && icmp",
        *("ip.src", "ip.dst", "icmp.type", "esp.icv_good", "icmp.checksum.status", "icmp.ident"),
    )
    ask = ["10.1.1.1,10.0.0.1", "10.2.2.2,10.0.2.2", "8", "1", "1"]
    reply = ["10.2.2.2,10.0.2.2", "10.1.1.1,10.0.0.1", "0", "1", "1"]
    assert [row[:5] for row in rows].count(ask) == 10 + 1 + 28  # one went into the black hole
    assert [row[:5] for row in rows].count(reply) == 10 + 28
    assert len(rows) == 39 + 38
    assert len({row[5] for row in rows}) == 2, "two pings"
    assert len(tshark(recovered.folder, "ah", "ah.spi")) == len(rows), "not one is opaque"


def test_without_the_keys_nothing_can_be_read(recovered: Ran) -> None:
    """So it was the keys that opened it."""
    assert tshark(recovered.folder, "icmp", "ip.src", keys="none") == []
    assert tshark(recovered.folder, "isakmp.id.data.ipv4_addr", "ip.src", keys="none") == []


def test_a_transfer_inside_aes_gcm(tmp_path: Path) -> None:
    timeline = "- {host: h1, tcp: {target: 192.168.2.9, size: 20 kB}}"
    configs = two_sites(transform="esp-gcm 256")
    run = run_example(write(tmp_path / "s", timeline, configs), tmp_path / "out")
    assert run.report.failures == []
    rows = tshark(tmp_path / "out", "esp && tcp.len > 0", "tcp.len", "tcp.dstport", "esp.icv_good")
    assert sum(int(length) for length, _, _ in rows) == 20_000
    assert {row[1] for row in rows} == {"5001"}
