"""Our router and strongSwan carry traffic for each other through one tunnel.

::

    lan 10.0.1.2 ── 10.0.1.1 router 192.0.2.1 ── 192.0.2.2 peer 10.0.2.1
                            (ours)                  (strongSwan)

Each is a namespace; the router's holds two veths without addresses and the live router process. A
blackhole route on the peer makes its kernel send nothing to the LAN in the clear, so a ping that is
answered has been through the tunnel both ways.
"""

from __future__ import annotations

import os
import re
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path

import pytest
from scapy.layers.inet import ICMP, IP, UDP
from scapy.packet import Packet
from scapy.utils import rdpcap

from tests.interop.lab import Lab, PingResult, need, ping_result, transfer, wait_for
from tests.interop.strongswan import NEEDS, Connection, StrongSwan
from tests.live.process import LiveProcess

pytestmark = pytest.mark.interop

LAN_HOST, PEER_HOST = "10.0.1.2", "10.0.2.1"
ROUTER, PEER = "192.0.2.1", "192.0.2.2"

CONFIG = """\
hostname r1
crypto isakmp policy 10
 encryption {encryption}
 hash sha
 authentication pre-share
 group {group}
crypto isakmp key {secret} address 192.0.2.2
{more}
crypto ipsec transform-set ts {transform} esp-sha-hmac
crypto map vpn 10 ipsec-isakmp
 set peer 192.0.2.2
 set transform-set ts
 match address 101
interface FastEthernet0/0
 ip address 10.0.1.1 255.255.255.0
interface FastEthernet0/1
 ip address 192.0.2.1 255.255.255.0
 crypto map vpn
ip route 10.0.2.0 255.255.255.0 192.0.2.2
access-list 101 permit ip 10.0.1.0 0.0.0.255 10.0.2.0 0.0.0.255
end
"""


@dataclass(frozen=True)
class Suite:
    """The same algorithms in both sides' words."""

    name: str
    encryption: str
    group: int
    transform: str
    ike: str
    esp: str
    shown: str

    def router(self, secret: str = "not-so-secret", more: str = "!") -> str:
        return CONFIG.format(
            encryption=self.encryption,
            group=self.group,
            transform=self.transform,
            secret=secret,
            more=more,
        )

    def peer(self) -> Connection:
        networks = ("10.0.2.0/24", "10.0.1.0/24")
        return Connection(PEER, ROUTER, *networks, "not-so-secret", self.ike, self.esp)


AES = Suite("aes", "aes", 14, "esp-aes", "aes128-sha1-modp2048", "aes128-sha1", "AES_CBC-128")
DES = Suite("des", "des", 1, "esp-des", "des-sha1-modp768", "des-sha1", "DES_CBC")
SUITES = pytest.mark.parametrize("suite", [AES, DES], ids=lambda suite: suite.name)


class Site:
    """The three machines; the peer's daemon and our router are started by the tests."""

    def __init__(self, lab: Lab, folder: Path) -> None:
        self.folder = folder
        self.lan, self.gateway, self.peer = map(lab.namespace, ("lan", "router", "peer"))
        lab.cable(self.lan, "eth0", self.gateway, "lan0")
        lab.cable(self.peer, "eth0", self.gateway, "wan0")
        self.lan.address("eth0", f"{LAN_HOST}/24")
        self.lan.route("default", "via", "10.0.1.1")
        self.peer.address("eth0", f"{PEER}/24")
        self.peer.address("lo", f"{PEER_HOST}/24")
        self.peer.route("blackhole", "10.0.1.0/24")
        self.swan = StrongSwan(self.peer, folder / "charon")
        self.captures = folder / "captures"
        self.routers: list[LiveProcess] = []

    def start_router(self, config: str, *options: str | Path) -> LiveProcess:
        file = self.folder / "r1.cfg"
        file.write_text(config)
        plugs = {"FastEthernet0/0": "lan0", "FastEthernet0/1": "wan0"}
        router = LiveProcess(self.gateway, file, plugs, "--log", "--pcap", self.captures, *options)
        self.routers.append(router)
        return router

    def from_lan(self, count: int = 5, **options: float) -> PingResult:
        return self.lan.ping(PEER_HOST, count, **options)  # type: ignore[arg-type]

    def from_peer(self, count: int = 5, **options: float) -> PingResult:
        return self.peer.ping(LAN_HOST, count, source=PEER_HOST, **options)  # type: ignore[arg-type]

    def wire(self) -> list[Packet]:
        """What went over the outside wire, once the router has left."""
        return list(rdpcap(str(self.captures / "wan0.pcapng")))


@pytest.fixture
def site(tmp_path: Path) -> Iterator[Site]:
    need(*NEEDS)
    with Lab() as lab:
        made = Site(lab, tmp_path)
        yield made
        for router in made.routers:  # pytest shows it if the test failed
            print(f"---- the router\n{router.errors}{router.screen}")
        print(f"---- the peer\n{made.swan.log}")


def spis(shown: str) -> dict[str, int]:
    """`show crypto ipsec sa` of one pair: {"inbound": SPI, "outbound": SPI}."""
    found = re.findall(r"(inbound|outbound) esp sas:\n\s+spi: 0x([0-9A-F]+)\(", shown)
    return {way: int(spi, 16) for way, spi in found}


def counters(shown: str) -> tuple[int, int]:
    """(encaps, decaps)"""
    encaps = re.search(r"#pkts encaps: (\d+)", shown)
    decaps = re.search(r"#pkts decaps: (\d+)", shown)
    assert encaps is not None
    assert decaps is not None
    return int(encaps[1]), int(decaps[1])


@SUITES
@pytest.mark.parametrize("initiator", ["router", "peer"])
def test_a_tunnel(site: Site, suite: Suite, initiator: str) -> None:
    site.swan.start(suite.peer())
    router = site.start_router(suite.router())
    if initiator == "router":
        first = site.from_lan(1, timeout=0.3)  # asks for the tunnel, and gets lost
        wait_for(lambda: "INSTALLED" in site.swan.sas(), "the tunnel")
        sent = first.received
    else:
        assert "completed successfully" in site.swan.initiate()
        sent = 0
    assert site.from_lan(20, interval=0.05).lost == []
    assert site.from_peer(20, interval=0.05).lost == []

    theirs = site.swan.sas()
    assert "TUNNEL-in-UDP" in theirs
    assert f"ESP:{suite.shown}/HMAC_SHA1_96" in theirs
    assert re.search(r"192\.0\.2\.2 +192\.0\.2\.1 +QM_IDLE" if initiator == "router"
                     else r"192\.0\.2\.1 +192\.0\.2\.2 +QM_IDLE",
                     router.type("show crypto isakmp sa"))  # fmt: skip

    shown = router.type("show crypto ipsec sa")
    assert "Tunnel UDP-Encaps" in shown
    ours = spis(shown)
    their_in = re.search(r"^\s+in\s+([0-9a-f]{8})", theirs, re.M)
    their_out = re.search(r"^\s+out\s+([0-9a-f]{8})", theirs, re.M)
    assert their_in is not None
    assert their_out is not None
    assert (ours["outbound"], ours["inbound"]) == (int(their_in[1], 16), int(their_out[1], 16))
    assert counters(shown) == (40 + sent, 40 + sent)
    assert site.swan.child_packets() == (40 + sent, 40 + sent)

    assert router.leave() == 0
    wire = site.wire()
    assert len([p for p in wire if UDP in p and p[UDP].dport == 4500]) > 80
    inside = [p for p in wire if IP in p and (ICMP in p or p[IP].dst.startswith("10."))]
    assert inside == [], "traffic in the clear"


def test_tshark_reads_what_was_said(site: Site) -> None:
    """With our keys it decrypts both phases and the pings, and finds every ICV right."""
    need("tshark")
    site.swan.start(AES.peer())
    keys = site.folder / "keys"
    router = site.start_router(AES.router(), "--keys", keys)
    assert "completed successfully" in site.swan.initiate()
    assert site.from_lan(4).lost == []
    router.leave()

    def shown(condition: str, *fields: str) -> list[str]:
        wanted = [word for field in fields for word in ("-e", field)]
        done = subprocess.run(
            ["tshark", "-r", site.captures / "wan0.pcapng", "-Y", condition, "-Tfields", *wanted],
            env=os.environ | {"WIRESHARK_CONFIG_DIR": str(keys)},
            capture_output=True,
            text=True,
            check=True,
        )
        return done.stdout.splitlines()

    pings = shown("esp && icmp", "icmp.type", "ip.dst")
    assert pings == [f"8\t{PEER},{PEER_HOST}", f"0\t{ROUTER},{LAN_HOST}"] * 4
    assert shown("esp.icv_bad == 1", "frame.number") == []
    assert len(shown("esp.icv_good == 1", "frame.number")) == 8
    identities = shown("isakmp.id.type == 1", "isakmp.id.data.ipv4_addr")
    assert identities[:2] == [PEER, ROUTER]
    assert len(shown("isakmp.prop.protoid == 3", "frame.number")) == 2


def steady(site: Site, seconds: float) -> tuple[object, ...]:
    """Pings both ways, 50 a second, in the background."""
    count, interval = int(seconds / 0.02), 0.02
    return (
        site.lan.start_ping(PEER_HOST, count, interval=interval),
        site.peer.start_ping(LAN_HOST, count, source=PEER_HOST, interval=interval),
    )


def lost(pings: tuple[object, ...]) -> list[list[int]]:
    return [ping_result(ping).lost for ping in pings]  # type: ignore[arg-type]


def test_rekeying_by_the_peer_loses_nothing(site: Site) -> None:
    """Every two seconds new SAs, every five a new IKE SA with SAs of its own."""
    peer = replace(AES.peer(), esp_rekey="2s", esp_life="30s", ike_rekey="5s")
    site.swan.start(peer)
    router = site.start_router(AES.router())
    assert "completed successfully" in site.swan.initiate()
    assert lost(steady(site, 8)) == [[], []]
    assert len(re.findall(r"CHILD_SA net\{\d+\} established", site.swan.log)) >= 4
    assert len(re.findall(r"IKE_SA peer\[\d+\] established", site.swan.log)) >= 2
    assert "QM_IDLE" in router.type("show crypto isakmp sa")


def test_rekeying_by_us_loses_nothing(site: Site) -> None:
    """The peer proposes eight seconds and does not rekey: that is left to us."""
    site.swan.start(replace(AES.peer(), esp_rekey="0s", esp_life="8s"))
    router = site.start_router(AES.router())
    assert "completed successfully" in site.swan.initiate()
    before = spis(router.type("show crypto ipsec sa"))
    assert lost(steady(site, 10)) == [[], []]
    after = spis(router.type("show crypto ipsec sa"))
    assert after["inbound"] != before["inbound"]
    assert after["outbound"] != before["outbound"]


def test_deleting_sas_on_our_side(site: Site) -> None:
    """`clear crypto sa` tells the peer; the next packet brings new SAs."""
    site.swan.start(AES.peer())
    router = site.start_router(AES.router())
    assert "completed successfully" in site.swan.initiate()
    assert site.from_lan(3).lost == []
    before = spis(router.type("show crypto ipsec sa"))
    router.type("clear crypto sa")
    wait_for(lambda: "received DELETE for ESP CHILD_SA" in site.swan.log, "the peer's log")
    wait_for(lambda: "INSTALLED" not in site.swan.sas(), "the peer without child")
    assert spis(router.type("show crypto ipsec sa")) == {}
    assert site.from_lan(10).lost in ([], [0])
    assert spis(router.type("show crypto ipsec sa"))["inbound"] != before["inbound"]

    router.type("clear crypto isakmp")
    wait_for(lambda: "received DELETE for IKE_SA" in site.swan.log, "the peer's log")


def test_deleting_sas_on_their_side(site: Site) -> None:
    site.swan.start(AES.peer())
    router = site.start_router(AES.router())
    assert "completed successfully" in site.swan.initiate()
    assert site.from_lan(3).lost == []
    site.swan.terminate("child")
    wait_for(lambda: spis(router.type("show crypto ipsec sa")) == {}, "our SAs to go")
    assert "QM_IDLE" in router.type("show crypto isakmp sa")
    assert site.from_lan(10).lost in ([], [0])
    assert counters(router.type("show crypto ipsec sa"))[1] > 0

    site.swan.terminate("ike")
    wait_for(lambda: "QM_IDLE" not in router.type("show crypto isakmp sa"), "IKE SA to go")
    assert site.from_lan(10).lost in ([], [0])


@pytest.mark.parametrize("recovery", [True, False], ids=["recovery", "no recovery"])
def test_invalid_spi_after_our_restart(site: Site, recovery: bool) -> None:
    """We come back without SAs, the peer goes on with the old ones (the guide's chapter 3)."""
    config = AES.router(more="crypto isakmp invalid-spi-recovery" if recovery else "!")
    site.swan.start(AES.peer())
    router = site.start_router(config)
    assert "completed successfully" in site.swan.initiate()
    assert site.from_peer(3).lost == []
    router.stop()
    router = site.start_router(config)
    pings = site.peer.start_ping(LAN_HOST, 40, source=PEER_HOST, timeout=1.0)
    spi = router.wait_for_log(
        r"%CRYPTO-4-RECVD_PKT_INV_SPI: decaps: rec'd IPSEC packet has invalid spi for "
        r"destaddr=192\.0\.2\.1, prot=50, spi=0x([0-9A-F]+)\(\d+\), srcaddr=192\.0\.2\.2"
    )
    assert f"{spi[1].lower()}_o" in site.swan.log
    if recovery:
        # The peer has nothing that asks for SAs when it needs them, so traffic of ours does.
        wait_for(lambda: "INVALID_SPI error notify" in site.swan.log, "the peer's log")
        assert "received INITIAL_CONTACT" in site.swan.log
        assert site.from_lan(5).lost in ([], [0])
    result = ping_result(pings)
    if recovery:
        assert 0 < result.received < 40
        assert result.lost == list(range(len(result.lost))), "once recovered, nothing gets lost"
        assert "QM_IDLE" in router.type("show crypto isakmp sa")
    else:
        assert result.received == 0
        assert "QM_IDLE" not in router.type("show crypto isakmp sa")


def test_the_peer_comes_back_without_sas(site: Site) -> None:
    """Its INITIAL-CONTACT tells us to forget what it has forgotten."""
    site.swan.start(AES.peer())
    router = site.start_router(AES.router())
    assert "completed successfully" in site.swan.initiate()
    assert site.from_lan(3).lost == []
    site.swan.kill()
    site.swan.start(AES.peer())
    assert site.from_lan(2, timeout=0.5).received == 0  # it has no SA for what we send
    assert "completed successfully" in site.swan.initiate()
    assert site.from_lan(5).lost == []
    assert len(re.findall("QM_IDLE", router.type("show crypto isakmp sa"))) == 1


def test_a_wrong_key_as_responder(site: Site) -> None:
    site.swan.start(AES.peer())
    router = site.start_router(AES.router(secret="mistyped"))
    assert "completed successfully" not in site.swan.initiate(1)
    router.wait_for_log(
        r"%CRYPTO-4-IKMP_BAD_MESSAGE: IKE message from 192\.0\.2\.2 +failed its sanity check or is "
        "malformed"
    )
    assert "QM_IDLE" not in router.type("show crypto isakmp sa")
    assert spis(router.type("show crypto ipsec sa")) == {}


def test_a_wrong_key_as_initiator(site: Site) -> None:
    site.swan.start(AES.peer())
    router = site.start_router(AES.router(secret="mistyped"))
    assert site.from_lan(2, timeout=0.3).received == 0
    wait_for(lambda: "invalid HASH" in site.swan.log or "could not decrypt" in site.swan.log,
             "the peer's refusal")  # fmt: skip
    assert "MM_KEY_EXCH" in router.type("show crypto isakmp sa")
    assert "INSTALLED" not in site.swan.sas()


def test_no_policy_in_common(site: Site) -> None:
    """Told by NO-PROPOSAL-CHOSEN, either way."""
    site.swan.start(replace(AES.peer(), ike="aes256-sha256-modp3072"))
    router = site.start_router(AES.router())
    said = site.swan.initiate(4)
    assert "received NO_PROPOSAL_CHOSEN error notify" in said
    router.wait_for_log(r"%CRYPTO-6-IKMP_MODE_FAILURE: Processing of Main mode failed with peer at")
    assert site.from_lan(2, timeout=0.3).received == 0
    wait_for(lambda: "no proposal found" in site.swan.log, "the peer's refusal")


def test_no_transform_set_in_common(site: Site) -> None:
    site.swan.start(replace(AES.peer(), esp="aes256-sha256"))
    router = site.start_router(AES.router())
    said = site.swan.initiate(4)
    assert "received NO_PROPOSAL_CHOSEN error notify" in said
    assert "QM_IDLE" in router.type("show crypto isakmp sa")
    assert spis(router.type("show crypto ipsec sa")) == {}


def test_no_size_falls_through_the_tunnel(site: Site) -> None:
    """From one that fits to one that does not; the sender forbids fragments (Linux's default).

    It learns the tunnel's MTU from us once, and then every size arrives.
    """
    site.swan.start(AES.peer())
    site.start_router(AES.router())
    assert "completed successfully" in site.swan.initiate()
    site.from_lan(2, size=1472)
    for size in (1300, *range(1360, 1480, 8), 2000, 4000):
        assert site.from_lan(1, size=size, timeout=1.0).lost == [], f"{size} bytes"


def test_tcp_through_the_tunnel(site: Site) -> None:
    """Segmentation, path MTU discovery on one side, and nothing changed on the way."""
    site.swan.start(AES.peer())
    site.start_router(AES.router())
    assert "completed successfully" in site.swan.initiate()
    transfer(site.lan, LAN_HOST, site.peer, PEER_HOST)
    transfer(site.peer, PEER_HOST, site.lan, LAN_HOST)


def test_dead_peer_detection_of_the_peer(site: Site) -> None:
    """Its R-U-THERE is answered, and nothing of it reaches the log."""
    site.swan.start(replace(AES.peer(), dpd="1s"))
    router = site.start_router(AES.router())
    assert "completed successfully" in site.swan.initiate()
    quiet = len(router.screen)
    wait_for(lambda: site.swan.log.count("N(DPD_ACK)") >= 2, "answers")
    assert "retransmit" not in site.swan.log
    assert "%" not in router.screen[quiet:]
