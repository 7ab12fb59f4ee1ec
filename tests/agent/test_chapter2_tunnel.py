"""A tunnel interface's IP MTU decides where packets are cut (guide chapter 2)."""

from __future__ import annotations

from dataclasses import replace

import pytest
from configs import PORTS
from ipsecplane.net.ip import IpPacket, parse_ip
from ipsecsim.network.host import Host
from routers import Pair, add_host, host_ping, make_pair
from test_tunnels import router

FITS = 1438
"""The largest cleartext packet that the tunnel (AES-CBC, SHA-256) takes over a link of 1500."""
BEFORE, AFTER, DROPPED, WHOLE = "before", "after", "dropped", "whole"


@pytest.fixture(scope="module")
def world() -> tuple[Pair, Host, Host]:
    pair = make_pair((router(1, 2, 4, 4), router(2, 1, 4, 4)), (PORTS, PORTS))
    near = add_host(pair.a, 2, "192.168.1.10/24", "192.168.1.1")
    far = add_host(pair.b, 2, "192.168.2.10/24", "192.168.2.1")
    pair.run(5)
    assert host_ping(pair, near, "192.168.2.10", 2) == "!!"
    return pair, near, far


def configure(pair: Pair, **tunnel: object) -> None:
    """Of the near router's tunnel interface; what is not named is the default."""
    config = pair.a.router.agent.config
    fields = {"ip_mtu": None, "prefragment": None, "df_bit": None, **tunnel}
    interfaces = tuple(
        replace(one, **fields) if one.tunnel is not None else one for one in config.interfaces
    )
    pair.a.router.agent.configure(replace(config, interfaces=interfaces))
    pair.run(1)


def what_happens(world: tuple[Pair, Host, Host], size: int, df: bool) -> str:
    """How an echo of `size` octets gets through the near router, if it does."""
    pair, near, _ = world
    start = len(pair.frames)
    near.path_mtus.clear()
    mark = host_ping(pair, near, "192.168.2.10", 1, size=size, dont_fragment=df)
    sent: list[IpPacket] = [parse_ip(f[14:]) for s, _, f, _ in pair.frames[start:] if s == "a"]
    assert all(len(packet.encode()) <= 1500 for packet in sent)
    if not sent:
        assert mark == "M"
        return DROPPED
    assert mark == "!"
    if len(sent) == 1:
        return WHOLE
    return AFTER if any(packet.is_fragment for packet in sent) else BEFORE


@pytest.mark.parametrize(
    ("tunnel", "size", "df", "expected"),
    [
        ({}, 1500, False, AFTER),  # off by default on tunnel interfaces
        ({"prefragment": True}, 1500, False, BEFORE),
        ({"ip_mtu": 1500}, 1500, False, BEFORE),  # the guide's example
        ({"ip_mtu": 1500}, FITS, False, WHOLE),
        ({"ip_mtu": 1500}, FITS + 1, False, BEFORE),
        ({"ip_mtu": 1501}, 1500, False, AFTER),
        ({"ip_mtu": 1501}, FITS, False, WHOLE),
        ({"ip_mtu": 1300}, 1301, False, BEFORE),
        ({"ip_mtu": 1300}, 1300, True, WHOLE),
        ({"ip_mtu": 1500, "prefragment": False}, 1500, False, AFTER),
        ({"ip_mtu": 1501, "prefragment": True}, 1500, False, BEFORE),
        ({"ip_mtu": 1501}, 1500, True, DROPPED),
        ({"ip_mtu": 1501, "df_bit": "clear"}, 1500, True, AFTER),
        ({"ip_mtu": 1500, "df_bit": "clear"}, 1500, True, BEFORE),
        ({"ip_mtu": 1500}, 1500, True, DROPPED),
    ],
)
def test_the_ip_mtu_of_the_tunnel_decides(
    world: tuple[Pair, Host, Host], tunnel: dict[str, object], size: int, df: bool, expected: str
) -> None:
    configure(world[0], **tunnel)
    assert what_happens(world, size, df) == expected


def test_the_sender_is_told_what_fits(world: tuple[Pair, Host, Host]) -> None:
    pair, near, far = world
    for ip_mtu, told in ((1501, FITS), (1500, FITS), (1300, 1300), (None, FITS)):
        configure(pair, ip_mtu=ip_mtu)
        assert what_happens(world, 1500, True) == DROPPED
        assert near.path_mtu(far.config.addresses[0].ip) == told
