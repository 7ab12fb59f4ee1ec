"""`ipsecplane report`: what it shows of a run, and what it refuses."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest
from ipsecplane.cli import main
from ipsecsim.report.packets import AH, CLEAR, ESP, IKE, OTHER, kind_of, read_capture
from ipsecsim.scenario.record import FILE, Kind, read
from scapy.layers.inet import IP, UDP
from scapy.layers.inet6 import IPv6
from scapy.layers.l2 import ARP, Dot1Q, Ether
from scapy.packet import Packet

CHAPTER3 = Path(__file__).parents[2] / "examples" / "ch03_invalid_spi_recovery"


@pytest.fixture(scope="module")
def results(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("run")
    assert main(["run", str(CHAPTER3), "--out", str(folder), "--quiet"]) == 0
    assert main(["report", str(folder)]) == 0
    return folder


def test_the_page_links_what_is_there_and_shows_the_timeline(results: Path) -> None:
    page = (results / "report.html").read_text()
    linked = set(re.findall(r'(?:src|href)="([^"]+)"', page))
    assert {path for path in linked if not (results / path).exists()} == set()
    on_disk = {p.relative_to(results).as_posix() for p in (results / "captures").iterdir()}
    assert on_disk | {"transcript.txt", "plots/topology.png", "plots/traffic.png"} <= linked
    assert "All 55 expectations hold" in page
    assert "ipseca-71a#ping" in page
    assert page.count("✓") == 56


def test_results_tell_what_the_run_did(results: Path) -> None:
    record = read(results)
    assert record.expectations == 55
    assert record.failures == ()
    assert record.nodes == {"ipseca-71a": "router", "ipseca-72a": "router"}
    assert sum(entry.kind is Kind.OUTCOME for entry in record.timeline) == 55
    wan = record.links["wan"]
    captured = list(read_capture(results / "captures" / "wan.pcapng"))
    assert len(captured) == sum(c["sent"] for c in wan.counters.values())
    assert {seen.kind for seen in captured} == {IKE, AH, OTHER}
    (flow,) = {f.router: f for f in record.flows if f.router == "ipseca-71a"}.values()
    assert flow.counters["decaps"] == 10 + 28  # before and after B lost its SAs


def test_a_failed_expectation_is_on_the_page(tmp_path: Path) -> None:
    results = tmp_path / "run"
    assert main(["run", str(CHAPTER3), "--out", str(results), "--quiet"]) == 0
    data = json.loads((results / FILE).read_text())
    data["failures"] = ["scenario.yaml:7: <b> & more"]
    (results / FILE).write_text(json.dumps(data))
    assert main(["report", str(results)]) == 0
    page = (results / "report.html").read_text()
    assert "1 of 55 expectations failed" in page
    assert "&lt;b&gt; &amp; more" in page


def test_equal_runs_give_equal_plots(results: Path, tmp_path: Path) -> None:
    assert main(["run", str(CHAPTER3), "--out", str(tmp_path), "--quiet"]) == 0
    assert main(["report", str(tmp_path)]) == 0
    for name in ("report.html", "plots/topology.png", "plots/traffic.png"):
        assert (tmp_path / name).read_bytes() == (results / name).read_bytes()


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        (None, "No such file"),
        ("{", "not JSON"),
        ("[]", "not the results of a run"),
        ('{"format": 99}', "not the results of a run, format 1"),
        ('{"format": 1, "links": 3}', "damaged"),
    ],
)
def test_what_is_no_run_is_refused_by_name(
    tmp_path: Path, text: str | None, problem: str, capsys: pytest.CaptureFixture[str]
) -> None:
    if text is not None:
        (tmp_path / FILE).write_text(text)
    assert main(["report", str(tmp_path)]) == 2
    told = capsys.readouterr().err
    assert problem in told
    assert FILE in told


def test_a_damaged_capture_is_refused_by_name(
    results: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / FILE).write_text((results / FILE).read_text())
    (tmp_path / "captures").mkdir()
    (tmp_path / "captures" / "wan.pcapng").write_bytes(b"nothing of the kind, and long enough")
    assert main(["report", str(tmp_path)]) == 2
    assert "wan.pcapng" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("packet", "kind"),
    [
        (Ether() / ARP(), OTHER),
        (Ether() / IP() / UDP(dport=500), IKE),
        (Ether() / IP() / UDP(dport=4500) / (bytes(4) + b"xxxx"), IKE),
        (Ether() / IP() / UDP(sport=4500) / (b"\1\2\3\4xxxx"), ESP),
        (Ether() / IP(frag=5, proto=17) / (b"\x01\xf4\x01\xf4" * 4), CLEAR),
        (Ether() / IP(proto=50), ESP),
        (Ether() / Dot1Q() / IP(proto=51), AH),
        (Ether() / IPv6(nh=51), AH),
        (Ether() / IPv6() / UDP(dport=53), CLEAR),
        (Ether(type=0x0800), OTHER),
    ],
)
def test_kinds(packet: Packet, kind: str) -> None:
    assert kind_of(bytes(packet)) == kind
