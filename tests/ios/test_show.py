"""`show` output from views: every field of the guide's prints, in today's layouts."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import replace
from ipaddress import IPv4Address, IPv4Interface, IPv4Network, IPv6Address, IPv6Network
from typing import Any

import pytest
from ios_fakes import FakeRouter, guide_idents, isakmp_sa
from ipsecplane.config import InterfaceConfig, TransformSet
from ipsecplane.ike.types import IsakmpState, ProxyIdentity
from ipsecplane.ios import syslog
from ipsecplane.ios.show.ipsec import ipsec_sa
from ipsecplane.ios.show.names import ah_transform, esp_transform
from ipsecplane.views import EngineConnectionView, InterfaceView, RouteView

Run = Callable[[str], str]


def test_isakmp_sas(run: Run, router: FakeRouter) -> None:
    gone = isakmp_sa(
        1001, "10.1.1.1", "10.2.2.2", state=IsakmpState.MM_NO_STATE, deleted=True
    )  # fmt: skip
    router.sas = [gone, isakmp_sa(1002, "10.1.1.1", "10.2.2.2", initiated=False)]
    assert run("show crypto isakmp sa").splitlines() == [
        "IPv4 Crypto ISAKMP SA",
        "dst             src             state          conn-id status",
        "10.2.2.2        10.1.1.1        MM_NO_STATE       1001 ACTIVE (deleted)",
        "10.1.1.1        10.2.2.2        QM_IDLE           1002 ACTIVE",
        "",
        "IPv6 Crypto ISAKMP SA",
        "",
    ]


def test_isakmp_details_count_down(run: Run, router: FakeRouter) -> None:
    router.sas = [isakmp_sa(1001, "10.1.1.1", "10.2.2.2", config=router.config)]
    router.now = 61.5
    assert (
        "1001  10.1.1.1        10.2.2.2               ACTIVE des  sha    psk  1  00:01:58\n"
        in run("show crypto isakmp sa detail")
    )
    router.now = 500.0
    assert " 00:00:00\n" in run("show crypto isakmp sa detail")


def test_policy_and_key(run: Run) -> None:
    policy = run("show crypto isakmp policy")
    for text in (
        "Protection suite of priority 1\n",
        "encryption algorithm:\tDES - Data Encryption Standard (56 bit keys).\n",
        "hash algorithm:\t\tSecure Hash Standard\n",
        "authentication method:\tPre-Shared Key\n",
        "Diffie-Hellman group:\t#1 (768 bit)\n",
        "lifetime:\t\t180 seconds, no volume limit\n",
    ):
        assert text in policy
    assert "default      10.2.2.2                                    1234\n" in run(
        "show crypto isakmp key"
    )
    run(
        "conf t\ncrypto isakmp key K address 10.0.0.0 255.0.0.0\n"
        "crypto isakmp key H hostname h\nend"
    )
    assert "10.0.0.0 [255.0.0.0]" in run("show crypto isakmp key")
    assert re.search(r"default +h +H\n", run("show crypto isakmp key"))


def test_ipsec_sas_have_every_field_of_the_guide(run: Run, router: FakeRouter) -> None:
    router.ident_views = guide_idents()
    shown = run("show crypto ipsec sa")
    for text in (
        "interface: FastEthernet0/0",
        "Crypto map tag: testtag1, local addr 10.1.1.1",
        "protected vrf:",
        "local  ident (addr/mask/prot/port): (10.0.0.1/255.255.255.255/0/0)",
        "remote ident (addr/mask/prot/port): (10.0.2.2/255.255.255.255/0/0)",
        "current_peer 10.2.2.2 port 500",
        "PERMIT, flags={origin_is_acl,}",
        "#pkts encaps: 10, #pkts encrypt: 10, #pkts digest: 10",
        "#pkts decaps: 10, #pkts decrypt: 10, #pkts verify: 10",
        "#pkts compressed: 0, #pkts decompressed: 0",
        "#pkts not compressed: 0, #pkts compr. failed: 0",
        "#pkts not decompressed: 0, #pkts decompress failed: 0",
        "#send errors 3, #recv errors 9",
        "local crypto endpt.: 10.1.1.1, remote crypto endpt.: 10.2.2.2",
        "path mtu 1500, ip mtu 1500",
        "current outbound spi: 0x7AA69CB7(2057739447)",
        "inbound esp sas:\n      spi: 0x249C5062(614223970)\n"
        "        transform: esp-des esp-sha-hmac ,",
        "inbound ah sas:\n      spi: 0xB16D1587(2976716167)\n        transform: ah-sha-hmac ,",
        "outbound esp sas:\n      spi: 0x7AA69CB7(2057739447)",
        "outbound ah sas:\n      spi: 0x1214F0D(18960141)",
        "in use settings ={Tunnel, }",
        "conn id: 5123, flow_id: HW:1, sibling_flags 80000040, crypto map: testtag1",
        "conn id: 5121, flow_id: HW:1,",
        "conn id: 5124, flow_id: HW:2,",
        "conn id: 5122, flow_id: HW:2,",
        "sa timing: remaining key lifetime (k/sec): (4537831/3595)",
        "sa timing: remaining key lifetime (k/sec): (4537835/3594)",
        "inbound pcp sas:",
        "outbound pcp sas:",
    ):
        assert text in shown
    assert shown.count("IV size: 8 bytes") == 2
    assert shown.count("replay detection support: Y\n") == 4
    assert shown.count("Status: ACTIVE(ACTIVE)") == 4


def test_ipsec_sa_details_count_by_reason(run: Run, router: FakeRouter) -> None:
    router.ident_views = guide_idents()
    shown = run("show crypto ipsec sa detail")
    assert "#pkts encaps failed (send) 3, #pkts decaps failed (rcv) 2\n" in shown
    assert "verify failed: 2\n" in shown
    assert "#pkts invalid identity (recv) 1," in shown
    assert "##pkts replay failed (rcv): 4\n" in shown
    assert shown.count("replay window size: 64") == 4
    assert "#send errors" not in shown


def test_ipsec_sas_without_sas(run: Run, router: FakeRouter) -> None:
    (ident,) = guide_idents()
    router.ident_views = [replace(ident, sas=(), outbound_spi=0, peer=None, pfs_group=5)]
    shown = run("show crypto ipsec sa")
    assert "current outbound spi: 0x0(0)\n" in shown
    assert "PFS (Y/N): Y, DH group: group5\n" in shown
    assert "spi: 0x" not in shown.replace("outbound spi: 0x0", "")


def test_choosing_sas(run: Run, router: FakeRouter) -> None:
    (ident,) = guide_idents()
    other = replace(ident, interface="Serial1/0", crypto_map="m2", peer=IPv4Address("9.9.9.9"))
    router.ident_views = [ident, other]
    assert run("show crypto ipsec sa").count("protected vrf") == 2
    for choice in ("interface fastethernet0/0", "peer 10.2.2.2", "map testtag1"):
        shown = run(f"show crypto ipsec sa {choice}")
        assert shown.count("protected vrf") == 1
        assert "interface: FastEthernet0/0\n" in shown
    assert "No SAs found" in run("show crypto ipsec sa peer 1.1.1.1")
    assert "inbound esp" not in run("show crypto ipsec sa identity")
    by_address = run("show crypto ipsec sa address").splitlines()
    assert [row for row in by_address if "address" in row or "protocol" in row] == [
        "dest address: 10.1.1.1", "   protocol: ESP", "   protocol: AH",
        "dest address: 10.2.2.2", "   protocol: ESP", "   protocol: AH",
        "dest address: 9.9.9.9", "   protocol: ESP", "   protocol: AH",
    ]  # fmt: skip


def test_ipv6_sas() -> None:
    (ident,) = guide_idents()
    six = replace(
        ident,
        local_address=IPv6Address("2001:db8::1"),
        peer=IPv6Address("2001:db8::2"),
        local_identity=ProxyIdentity(IPv6Network("2001:db8:1::/48"), 89),
        remote_identity=ProxyIdentity(IPv6Network("::/0")),
    )
    shown = ipsec_sa([six])
    assert "   local ident (addr/mask/prot/port): (2001:DB8:1::/48/89/0)" in shown
    assert "     local crypto endpt.: 2001:DB8::1," in shown
    assert "     remote crypto endpt.: 2001:DB8::2" in shown


def test_transform_sets_and_lifetime(run: Run) -> None:
    assert run("show crypto ipsec transform-set").splitlines() == [
        "Transform set auth2: { ah-sha-hmac  } ",
        "   will negotiate = { Tunnel,  }, ",
        "   { esp-des esp-sha-hmac  } ",
        "   will negotiate = { Tunnel,  }, ",
        "",
    ]
    assert run("show crypto ipsec transform-set tag auth2").startswith("Transform set auth2")
    assert "not found" in run("show crypto ipsec transform-set tag x")
    assert run("show crypto ipsec security-association lifetime") == (
        "Security association lifetime: 4608000 kilobytes/3600 seconds\n"
    )


@pytest.mark.parametrize(
    ("cipher", "size", "integrity", "text"),
    [
        ("AES-CBC", 16, "HMAC-SHA1-96", "esp-aes esp-sha-hmac"),
        ("AES-CBC", 32, "HMAC-SHA2-256-128", "esp-256-aes esp-sha256-hmac"),
        ("AES-GCM", 32, None, "esp-gcm 256"),
        ("3DES-CBC", 24, None, "esp-3des"),
        (None, 0, None, ""),
    ],
)
def test_transform_names(cipher: str | None, size: int, integrity: str | None, text: str) -> None:
    transforms = TransformSet("t", "HMAC-MD5-96", cipher, size, integrity)
    assert esp_transform(transforms) == text
    assert ah_transform(transforms) == "ah-md5-hmac"


def test_crypto_map(run: Run) -> None:
    assert run("show crypto map").splitlines() == [
        'Crypto Map IPv4 "testtag1" 10 ipsec-isakmp',
        "\tPeer = 10.2.2.2",
        "\tAccess-List SS dynamic: False",
        "\tExtended IP access list 150",
        "\t    access-list 150 permit ip host 10.0.0.1 host 10.0.2.2",
        "\tCurrent peer: 10.2.2.2",
        "\tSecurity association lifetime: 4608000 kilobytes/3600 seconds",
        "\tDualstack (Y/N): N",
        "",
        "\tResponder-Only (Y/N): N",
        "\tPFS (Y/N): N",
        "\tMixed-mode : Disabled",
        "\tTransform sets={",
        "\t\tauth2:  { ah-sha-hmac esp-des esp-sha-hmac  } ,",
        "\t}",
        "\tInterfaces using crypto map testtag1:",
        "\t\tFastEthernet0/0",
        "",
    ]
    run(
        "conf t\ncrypto map zz 5\nset pfs group14\n"
        "set security-association lifetime seconds 900\nend"
    )
    shown = run("show crypto map tag zz")
    assert "incomplete state" in shown
    assert "DH group:  group14" in shown
    assert "/900 seconds" in shown
    assert run("show crypto map interface fa0/1") == "No crypto maps found.\n"
    assert 'Map IPv4 "testtag1"' in run("show crypto map interface fa0/0")


def test_engine_connections(run: Run, router: FakeRouter) -> None:
    address = IPv4Address("10.1.1.1")
    router.connections = [
        EngineConnectionView(1001, "IKE", "SHA+DES", 0, 0, 0, address),
        EngineConnectionView(5123, "IPsec", "DES+SHA", 0, 10, 10, address),
    ]
    assert run("show crypto engine connection active").splitlines() == [
        "Crypto Engine Connections",
        "",
        "   ID  Type    Algorithm           Encrypt  Decrypt LastSeqN IP-Address",
        " 1001  IKE     SHA+DES                   0        0        0 10.1.1.1",
        " 5123  IPsec   DES+SHA                   0       10       10 10.1.1.1",
    ]


def interface_view(name: str, address: str | None, up: bool = True, **how: Any) -> InterfaceView:
    config = InterfaceConfig(
        name, IPv4Interface(address) if address else None, shutdown=not up, **how
    )
    return InterfaceView(config, up, up, "02:00:00:00:00:01", 1, 7, 700, 9, 900)


def test_interfaces(run: Run, router: FakeRouter) -> None:
    router.interface_views = [
        interface_view("FastEthernet0/0", "10.1.1.1/8", crypto_map="testtag1"),
        interface_view("Serial1/0", None, up=False),
    ]
    assert run("show ip interface brief").splitlines() == [
        "Interface              IP-Address      OK? Method Status                Protocol",
        "FastEthernet0/0        10.1.1.1        YES NVRAM  up                    up",
        "Serial1/0              unassigned      YES unset  administratively down down",
    ]
    shown = run("show interfaces")
    assert "FastEthernet0/0 is up, line protocol is up\n" in shown
    assert "address is 0200.0000.0001 (bia 0200.0000.0001)" in shown
    assert "     7 packets input, 700 bytes, 0 no buffer\n" in shown
    assert "     9 packets output, 900 bytes, 0 underruns\n" in shown
    assert "Serial1/0 is administratively down, line protocol is down\n" in shown
    assert "Serial" not in run("show interfaces fa0/0")
    assert "no interface" in run("show interfaces fa7/7")
    assert "  Internet address is 10.1.1.1/8\n" in run("show ip interface fa0/0")
    assert "Internet protocol processing disabled" in run("show ip interface se1/0")


def test_routes(run: Run, router: FakeRouter) -> None:
    def route(code: str, prefix: str, hop: str | None, out: str | None) -> RouteView:
        return RouteView(code, IPv4Network(prefix), IPv4Address(hop) if hop else None, out,
                         1 if code == "S" else 0, 0)  # fmt: skip

    router.route_views = [
        route("S", "0.0.0.0/0", "10.2.0.1", None),
        route("C", "10.0.0.0/8", None, "FastEthernet0/0"),
        route("C", "10.0.0.0/8", None, "FastEthernet0/1"),
        route("L", "10.1.1.1/32", None, "FastEthernet0/0"),
        route("C", "172.16.1.0/24", None, "Serial1/0"),
        route("S", "172.16.2.0/24", "10.2.0.1", None),
        route("C", "192.168.7.0/24", None, "Serial1/1"),
    ]
    rows = run("show ip route").splitlines()
    assert rows[0].startswith("Codes: L - local, C - connected, S - static")
    assert rows[rows.index("") :] == [
        "",
        "Gateway of last resort is 10.2.0.1 to network 0.0.0.0",
        "",
        "S*    0.0.0.0/0 [1/0] via 10.2.0.1",
        "      10.0.0.0/8 is variably subnetted, 2 subnets, 2 masks",
        "C        10.0.0.0/8 is directly connected, FastEthernet0/0",
        "                    is directly connected, FastEthernet0/1",
        "L        10.1.1.1/32 is directly connected, FastEthernet0/0",
        "      172.16.0.0/24 is subnetted, 2 subnets",
        "C        172.16.1.0 is directly connected, Serial1/0",
        "S        172.16.2.0 [1/0] via 10.2.0.1",
        "C     192.168.7.0/24 is directly connected, Serial1/1",
    ]
    assert "S*" not in run("show ip route connected")
    assert "C  " not in run("show ip route static").split("Gateway")[1]
    entry = run("show ip route 10.1.1.1")
    assert "Routing entry for 10.1.1.1/32\n" in entry
    assert "* directly connected, via FastEthernet0/0" in entry
    router.route_views = []
    assert "Gateway of last resort is not set" in run("show ip route")
    assert run("show ip route 1.1.1.1") == "% Network not in table\n"


def test_logging(run: Run, router: FakeRouter) -> None:
    address = IPv4Address("10.2.2.2")
    router.log(syslog.received_invalid_spi(0.739, address, 51, 18960141, IPv4Address("10.1.1.1")))
    router.log(
        syslog.debug(2.743, "IPSEC(validate_proposal_request): proposal part #1,\n  (key eng)")
    )
    rows = run("show logging").splitlines()
    assert rows[0].startswith(
        "Syslog logging: enabled (10 messages dropped, 13 messages rate-limited, 0 flushes,"
    )
    assert "    Console logging: disabled" in rows
    assert "    Buffer logging:  level debugging, 43 messages logged, xml disabled," in rows
    assert rows[rows.index("Log Buffer (8000 bytes):") :] == [
        "Log Buffer (8000 bytes):",
        "",
        "*Mar 24 20:55:45.739: %CRYPTO-4-RECVD_PKT_INV_SPI: decaps: rec'd IPSEC packet has invalid"
        " spi for destaddr=10.2.2.2, prot=51, spi=0x1214F0D(18960141), srcaddr=10.1.1.1",
        "*Mar 24 20:55:47.743: IPSEC(validate_proposal_request): proposal part #1,",
        "  (key eng)",
    ]
    run("conf t\nlogging console warnings\nno logging buffered\nend")
    assert "    Console logging: level warnings," in run("show logging")
    assert "    Buffer logging:  disabled" in run("show logging")
