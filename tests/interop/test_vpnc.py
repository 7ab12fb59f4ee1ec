"""vpnc, a client made for Cisco's Easy VPN servers, is let in by our router and uses its tunnel.

::

    lan 10.0.1.2 ── 10.0.1.1 router 192.0.2.1 ── 192.0.2.2 client (vpnc, 10.9.0.x on a TUN device)

Aggressive mode with the group's key, XAUTH, mode configuration, quick mode under a dynamic crypto
map, and ESP that vpnc makes in user space. A blackhole route on the client makes its kernel send
nothing to the LAN but through the tunnel.
"""

from __future__ import annotations

import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.interop.lab import Lab, need, wait_for
from tests.live.process import LiveProcess

pytestmark = pytest.mark.interop

LAN_HOST, SERVER, CLIENT = "10.0.1.2", "192.0.2.1", "192.0.2.2"

ROUTER = """\
hostname server
aaa new-model
aaa authentication login USERS local
aaa authorization network GROUPS local
username alice password 0 wonderland
crypto isakmp policy 10
 encryption aes 256
 authentication pre-share
 group 2
crypto isakmp client configuration group unity
 key preshared
 pool CLIENTS
 dns 10.0.1.53
 domain example.com
 {split}
crypto ipsec transform-set ts esp-aes 256 esp-sha-hmac
crypto dynamic-map DYNAMIC 10
 set transform-set ts
crypto map vpn client authentication list USERS
crypto map vpn isakmp authorization list GROUPS
crypto map vpn client configuration address respond
crypto map vpn 100 ipsec-isakmp dynamic DYNAMIC
crypto logging ezvpn
interface FastEthernet0/0
 ip address 10.0.1.1 255.255.255.0
interface FastEthernet0/1
 ip address 192.0.2.1 255.255.255.0
 crypto map vpn
ip local pool CLIENTS 10.9.0.1 10.9.0.9
ip route 10.9.0.0 255.255.255.0 192.0.2.2
access-list 150 permit ip 10.0.1.0 0.0.0.255 any
end
"""

# What vpnc runs when it is let in: the address on the device, and the way to the LAN through it.
SCRIPT = """\
#!/bin/sh
env | grep -E '^(reason|INTERNAL|CISCO)' >> {folder}/script.log
[ "$reason" = connect ] || exit 0
ip address add "$INTERNAL_IP4_ADDRESS/32" dev "$TUNDEV"
ip link set "$TUNDEV" up mtu 1390
ip route replace 10.0.1.0/24 dev "$TUNDEV" src "$INTERNAL_IP4_ADDRESS" metric 1
"""


class Site:
    def __init__(self, lab: Lab, folder: Path) -> None:
        self.folder = folder
        self.lan, self.gateway, self.client = map(lab.namespace, ("lan", "router", "client"))
        lab.cable(self.lan, "eth0", self.gateway, "lan0")
        lab.cable(self.client, "eth0", self.gateway, "wan0")
        self.lan.address("eth0", f"{LAN_HOST}/24")
        self.lan.route("default", "via", "10.0.1.1")
        self.client.address("eth0", f"{CLIENT}/24")
        self.client.route("blackhole", "10.0.1.0/24", "metric", "100")
        self.router: LiveProcess | None = None

    def start_router(self, config: str) -> LiveProcess:
        file = self.folder / "server.cfg"
        file.write_text(config)
        plugs = {"FastEthernet0/0": "lan0", "FastEthernet0/1": "wan0"}
        self.router = LiveProcess(self.gateway, file, plugs, "--log")
        return self.router

    def start_vpnc(self, *, password: str = "wonderland", more: str = "") -> subprocess.Popen[str]:
        script = self.folder / "script.sh"
        script.write_text(SCRIPT.format(folder=self.folder))
        script.chmod(0o755)
        configuration = self.folder / "vpnc.conf"
        configuration.write_text(
            f"IPSec gateway {SERVER}\nIPSec ID unity\nIPSec secret preshared\n"
            f"Xauth username alice\nXauth password {password}\n"
            f"Script {script}\nNo Detach\nDebug 1\n{more}\n"
        )
        return self.client.start(
            "vpnc", "--pid-file", self.folder / "vpnc.pid", configuration,
            stdout=(self.folder / "vpnc.log").open("w"),
        )  # fmt: skip

    @property
    def script_log(self) -> str:
        file = self.folder / "script.log"
        return file.read_text() if file.exists() else ""

    @property
    def vpnc_log(self) -> str:
        return (self.folder / "vpnc.log").read_text()


@pytest.fixture
def site(tmp_path: Path) -> Iterator[Site]:
    need("vpnc", "/dev/net/tun")
    with Lab() as lab:
        site = Site(lab, tmp_path)
        yield site
        if site.router is not None:
            site.router.stop()


@pytest.mark.parametrize(
    ("mode", "split"),
    [("natt", ""), ("force-natt", "acl 150")],
    ids=["esp", "udp-split"],
)
def test_traffic(site: Site, mode: str, split: str) -> None:
    router = site.start_router(ROUTER.format(split=split))
    site.start_vpnc(more=f"NAT Traversal Mode {mode}")
    wait_for(lambda: "reason=connect" in site.script_log, "vpnc to be let in", 30)
    assert "INTERNAL_IP4_ADDRESS=10.9.0.1" in site.script_log
    assert "INTERNAL_IP4_DNS=10.0.1.53" in site.script_log
    assert "CISCO_DEF_DOMAIN=example.com" in site.script_log
    assert ("CISCO_SPLIT_INC_0_ADDR=10.0.1.0" in site.script_log) == bool(split)
    result = site.client.ping(LAN_HOST, 5, timeout=5.0)
    assert result.lost == []
    assert site.lan.ping("10.9.0.1", 5, timeout=5.0).lost == []
    udp = "Tunnel UDP-Encaps" in router.type("show crypto ipsec sa")
    assert udp == (mode == "force-natt")
    assert "Mode=CLIENT  User=alice  Group=unity" in router.screen


def test_a_wrong_password(site: Site) -> None:
    site.start_router(ROUTER.format(split=""))
    process = site.start_vpnc(password="queen")
    wait_for(lambda: process.poll() is not None, "vpnc to give up", 30)
    assert "vpnc: authentication unsuccessful" in site.vpnc_log
    assert "reason=connect" not in site.script_log
