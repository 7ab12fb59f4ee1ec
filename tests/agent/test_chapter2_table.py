"""The guide's chapter 2 table on the wire: two routers, their real devices, a host behind each.

A packet of 1500 octets goes through a tunnel over a link of 1500. What the wire carried, what the
far router had to put together and what the far host got tell where it was cut, if it was.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from ipaddress import ip_address
from typing import Final

import pytest
from configs import PORTS, both
from ipsecplane.net.ip import IpPacket, parse_ip
from ipsecsim.network.host import Host
from routers import Pair, Site, add_host, host_ping, make_pair

MTU: Final = 1500
FITS: Final = 1438
"""The largest cleartext packet that this tunnel (AES-CBC, SHA-256) takes."""
FAR: Final = ip_address("192.168.2.10")
BEFORE, AFTER, DROPPED = "before encryption", "after encryption", "dropped"

# Pre-fragmentation, df-bit, DF of the packet, result: the guide's rows in its order; the last is
# the one that it leaves out (docs/decisions/p4-pipeline.md).
TABLE = [
    ("before-encryption", "clear", 0, BEFORE),
    ("before-encryption", "clear", 1, BEFORE),
    ("after-encryption", "clear", 0, AFTER),
    ("after-encryption", "clear", 1, AFTER),
    ("before-encryption", "set", 0, BEFORE),
    ("before-encryption", "set", 1, DROPPED),
    ("after-encryption", "set", 0, AFTER),
    ("after-encryption", "set", 1, DROPPED),
    ("before-encryption", "copy", 0, BEFORE),
    ("before-encryption", "copy", 1, DROPPED),
    ("after-encryption", "copy", 0, AFTER),
    ("after-encryption", "copy", 1, DROPPED),
]


@dataclass
class World:
    pair: Pair
    near: Host
    far: Host
    arrived: list[IpPacket]  # at the far host, from the near one

    def configure(self, when: str, df_bit: str, site: Site | None = None) -> None:
        """A router's settings, by default the near one's; its SAs stay."""
        agent = (site or self.pair.a).router.agent
        wan, *others = agent.config.interfaces
        wan = replace(wan, df_bit=df_bit, prefragment=when == "before-encryption")
        agent.configure(replace(agent.config, interfaces=(wan, *others)))
        self.pair.run(1)

    def ping(self, size: int, df: int) -> tuple[str, list[IpPacket]]:
        """One echo: its mark, and what the near router sent on the wire for it."""
        start = len(self.pair.frames)
        self.arrived.clear()
        self.near.path_mtus.clear()
        mark = host_ping(self.pair, self.near, str(FAR), 1, size=size, dont_fragment=bool(df))
        sent = [f[14:] for s, _, f, _ in self.pair.frames[start:] if s == "a"]
        return mark, [parse_ip(octets) for octets in sent if octets[0] >> 4 == 4]

    def reassembled(self, site: Site) -> int:
        return site.router.agent.reassemblies()[0].reassembled


@pytest.fixture(scope="module")
def world() -> World:
    pair = make_pair(both(), (PORTS, PORTS))
    near = add_host(pair.a, 2, "192.168.1.10/24", "192.168.1.1")
    far = add_host(pair.b, 2, "192.168.2.10/24", "192.168.2.1")
    arrived: list[IpPacket] = []
    assert far._link is not None
    receive = far._link.receive

    def watch(frame: bytes) -> None:
        if frame[12:14] == b"\x08\0":
            arrived.append(parse_ip(frame[14:]))
        receive(frame)

    far._link.receive = watch
    assert host_ping(pair, near, str(FAR), 3, interval=2.0) == ".!!"
    return World(pair, near, far, arrived)


def lengths(packets: list[IpPacket]) -> list[int]:
    return [len(packet.encode()) for packet in packets]


@pytest.mark.parametrize(("when", "df_bit", "df", "result"), TABLE)
def test_the_guides_table(world: World, when: str, df_bit: str, df: int, result: str) -> None:
    world.configure(when, df_bit)
    before = world.reassembled(world.pair.b)
    mark, sent = world.ping(MTU, df)
    put_together = world.reassembled(world.pair.b) - before
    if result == DROPPED:
        assert mark == "M"
        assert world.near.path_mtu(FAR) == FITS, "the sender is told what fits"
        assert (sent, world.arrived, put_together) == ([], [], 0)
        return
    assert mark == "!"
    assert len(sent) == 2
    assert max(lengths(sent)) <= MTU
    assert {packet.df for packet in sent} == {
        {"clear": False, "set": True, "copy": bool(df)}[df_bit]
    }
    if result == BEFORE:
        cut, put = world.arrived, 0
        assert not any(packet.is_fragment for packet in sent)
        assert {packet.df for packet in cut} == {bool(df)}
    else:
        cut, put = sent, 1
        assert lengths(world.arrived) == [MTU]
    assert put_together == put, "the far router reassembles before decryption, or never"
    assert [packet.is_fragment for packet in cut] == [True, True]
    first, second = (len(packet.payload) for packet in cut)
    assert abs(first - second) <= 8, "equal units"


@pytest.mark.parametrize("when", ["before-encryption", "after-encryption"])
def test_sizes_around_the_limit_never_fall_through(world: World, when: str) -> None:
    """1373 to 1472 octets: what fits is one packet, what does not is cut or answered."""
    world.configure(when, "copy")
    for df in (0, 1):
        for size in (1373, 1400, 1422, 1423, FITS - 1, FITS, FITS + 1, 1446, 1452, 1472):
            world.pair.run(1)
            mark, sent = world.ping(size, df)
            fits = size <= FITS
            assert mark == ("!" if fits or not df else "M"), (size, df)
            assert len(sent) == (1 if fits else 0 if df else 2), (size, df)
            assert all(length <= MTU for length in lengths(sent))


def test_fragments_that_come_in_are_cut_again_where_they_must(world: World) -> None:
    world.configure("before-encryption", "copy")
    mark, sent = world.ping(3000, 0)
    assert mark == "!"
    assert max(lengths(sent)) <= MTU
    assert not any(packet.is_fragment for packet in sent)


@pytest.mark.parametrize("near", ["before-encryption", "after-encryption"])
def test_what_the_decrypting_router_is_told_changes_nothing(world: World, near: str) -> None:
    """The guide's restriction: in one direction only the encrypting router's setting counts."""
    world.configure(near, "copy")
    seen = []
    for far in ("before-encryption", "after-encryption"):
        world.configure(far, "copy", world.pair.b)
        before = world.reassembled(world.pair.b)
        mark, sent = world.ping(MTU, 0)
        assert mark == "!"
        seen.append((lengths(sent), world.reassembled(world.pair.b) - before))
    assert seen[0] == seen[1]
