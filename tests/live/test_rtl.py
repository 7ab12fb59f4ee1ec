"""A live router whose accelerator is the Verilated RTL, against one with the software model."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

import pytest
from ipsecsim.accelerator.rtl.device import PARAMETERS
from ipsecsim.accelerator.rtl.library import BuildError, library
from ipsecsim.accelerator.rtl.toolchain import ToolchainError

from tests.interop.lab import Lab, Namespace, need
from tests.live.process import LiveProcess

# The library that the others of this group use too: it is built once, and no one waits for it.
pytestmark = pytest.mark.xdist_group("rtl-library")

CONFIG = """\
hostname r{here}
crypto isakmp policy 10
 encryption aes
 authentication pre-share
 group 14
crypto isakmp key s3cret address 192.0.2.{there}
crypto ipsec transform-set ts esp-gcm
crypto map vpn 10 ipsec-isakmp
 set peer 192.0.2.{there}
 set transform-set ts
 match address 101
interface FastEthernet0/0
 ip address 10.0.{here}.1 255.255.255.0
interface FastEthernet0/1
 ip address 192.0.2.{here} 255.255.255.0
 crypto map vpn
ip route 10.0.{there}.0 255.255.255.0 192.0.2.{there}
access-list 101 permit ip 10.0.{here}.0 0.0.0.255 10.0.{there}.0 0.0.0.255
end
"""


class Tunnel:
    """Host 10.0.1.2 - r1 - r2 - host 10.0.2.2; the routers' cable is 192.0.2.0/24."""

    def __init__(self, lab: Lab, folder: Path) -> None:
        self.lab, self.folder = lab, folder
        self.hosts: dict[int, Namespace] = {}
        self.gateways = {number: lab.namespace(f"r{number}") for number in (1, 2)}
        lab.cable(self.gateways[1], "wan", self.gateways[2], "wan")
        for number, gateway in self.gateways.items():
            host = self.hosts[number] = lab.namespace(f"host{number}")
            lab.cable(host, "eth0", gateway, "lan")
            host.address("eth0", f"10.0.{number}.2/24")
            host.route("default", "via", f"10.0.{number}.1")

    def router(self, number: int, *options: str | Path) -> LiveProcess:
        config = self.folder / f"r{number}.cfg"
        config.write_text(CONFIG.format(here=number, there=3 - number))
        plugs = {"Fa0/0": "lan", "Fa0/1": "wan"}
        return LiveProcess(self.gateways[number], config, plugs, *options)


@pytest.fixture
def tunnel(tmp_path: Path) -> Iterator[Tunnel]:
    need()
    with Lab() as lab:
        yield Tunnel(lab, tmp_path)


def test_a_tunnel_between_rtl_and_the_software_model(tunnel: Tunnel) -> None:
    try:
        library(parameters=PARAMETERS)
    except BuildError:
        raise
    except ToolchainError as error:
        pytest.skip(str(error))
    rtl, software = tunnel.router(1, "--accelerator", "rtl"), tunnel.router(2)
    host = tunnel.hosts[1]
    assert len(host.ping("10.0.2.2", 5, interval=0.2).lost) < 3, "the first ones ask for SAs"
    assert host.ping("10.0.2.2", 40, interval=0.02).lost == []
    assert host.ping("10.0.2.2", 10, interval=0.02, size=1300).lost == []
    assert tunnel.hosts[2].ping("10.0.1.2", 20, interval=0.02).lost == []
    counted = [
        {
            name: int(number)
            for name, number in re.findall(
                r"#pkts (encaps|decaps): (\d+)", router.type("show crypto ipsec sa")
            )
        }
        for router in (rtl, software)
    ]
    assert counted[0]["encaps"] == counted[1]["decaps"] >= 70
    assert counted[1]["encaps"] == counted[0]["decaps"] >= 70
    assert rtl.leave() == software.leave() == 0
