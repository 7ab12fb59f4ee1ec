"""Captures hold what was on the wire, named, in order, with fates; equal runs give equal files."""

from __future__ import annotations

from ipaddress import ip_address
from pathlib import Path

from ipsecsim.network.capture import Captures
from ipsecsim.network.link import Impairments
from ipsecsim.network.ping import PingOptions
from pcapng import FileScanner
from pcapng.blocks import EnhancedPacket, InterfaceDescription

from tests.network.worlds import Pair

EPOCH = 1_048_539_345_000_000_000


def run(folder: Path, seed: int = 1) -> Pair:
    world = Pair(Impairments(latency=0.005, loss=0.3), seed)
    with Captures([world.wire], folder, EPOCH):
        world.a.ping(PingOptions(ip_address("10.0.0.2"), count=20))
        world.loop.run_until(60)
    return world


def test_a_capture_says_what_happened(tmp_path: Path) -> None:
    world = run(tmp_path)
    with (tmp_path / "lan.pcapng").open("rb") as stream:
        blocks = list(FileScanner(stream))
    names = [b.options["if_name"] for b in blocks if isinstance(b, InterfaceDescription)]
    assert names == ["a", "b"]
    packets = [b for b in blocks if isinstance(b, EnhancedPacket)]
    assert [
        (
            names[p.interface_id],
            (p.timestamp_high << 32 | p.timestamp_low) - EPOCH,
            p.packet_data,
            p.options.get("opt_comment", ""),
        )
        for p in packets
    ] == world.frames
    assert any(fate == "lost on the link" for _, _, _, fate in world.frames)


def test_a_seed_gives_the_same_octets(tmp_path: Path) -> None:
    for name, seed in (("one", 1), ("two", 1), ("other", 2)):
        run(tmp_path / name, seed)
    one, two, other = (
        (tmp_path / name / "lan.pcapng").read_bytes() for name in ("one", "two", "other")
    )
    assert one == two
    assert one != other
