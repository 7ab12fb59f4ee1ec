"""Traffic of hosts over tunnels: bad links, several peers, large packets, and hours of rekeys."""

from __future__ import annotations

from pathlib import Path

import pytest
from played import play, site, two_sites


@pytest.mark.parametrize("transform", ["esp-aes esp-sha256-hmac", "esp-gcm 256"])
def test_tcp_over_a_link_that_loses_and_reorders(tmp_path: Path, transform: str) -> None:
    """Every octet arrives once; what the link doubled is refused as a replay."""
    played = play(
        tmp_path,
        """
        - {host: h1, ping: {target: 192.168.2.9, count: 2}}
        - link: wan
          impair: {loss: 2%, jitter: 2 ms, reorder: 5%, reorder_by: 3 ms, duplicate: 2%}
        - host: h1
          tcp: {target: 192.168.2.9, size: 500 kB}
          expect:
            - {flow: h1, field: bytes_acknowledged, equals: 500000}
            - {flow: h1, field: error, equals: ""}
            - {flow: h1, field: retransmissions, at_least: 5}
            - {host: h2, field: tcp.5001.received_bytes, equals: 500000}
            - {link: wan, counter: lost, at_least: 5}
            - {link: wan, counter: reordered, at_least: 5}
            - {link: wan, counter: duplicated, at_least: 5}
            - {link: wan, packets: {TCP.dport: 5001}, equals: 0}
            - router: b
              command: show crypto ipsec sa detail
              number: '##pkts replay failed \\(rcv\\): (\\d+)'
              at_least: 1
            - router: b
              command: show crypto ipsec sa detail
              contains: "#pkts verify failed: 0"
        """.replace("\\\\", "\\"),
        two_sites(transform=transform),
    )
    assert played.failures == []
    assert played.transcript.count("✓") == 10


HUB = """\
name: a hub and two spokes
routers: {hub: {config: hub.cfg}, s2: {config: s2.cfg}, s3: {config: s3.cfg}}
hosts:
  h1: {addresses: [192.168.1.9/24], gateways: [192.168.1.1]}
  h2: {addresses: [192.168.2.9/24], gateways: [192.168.2.1]}
  h3: {addresses: [192.168.3.9/24], gateways: [192.168.3.1]}
links:
  wan: {ends: [hub.Gi0/0, s2.Gi0/0, s3.Gi0/0], latency: 1 ms}
  lan1: {ends: [hub.Gi0/1, h1]}
  lan2: {ends: [s2.Gi0/1, h2]}
  lan3: {ends: [s3.Gi0/1, h3]}
"""


def test_a_hub_and_two_spokes(tmp_path: Path) -> None:
    """Each spoke by the hub, the spokes with each other through it, all at the same time."""
    to_spoke = (
        "access-list {list} permit ip 192.168.{source}.0 0.0.0.255 192.168.{to}.0 0.0.0.255\n"
    )
    configs = {
        "hub": site("hub", 1, (2, 3), extra=to_spoke.format(list=103, source=2, to=3)
                    + to_spoke.format(list=102, source=3, to=2)),
        "s2": site("s2", 2, (1, 3), peers={3: "203.0.113.1"}),
        "s3": site("s3", 3, (1, 2), peers={2: "203.0.113.1"}),
    }  # fmt: skip
    played = play(
        tmp_path,
        """
        - {host: h1, ping: {target: 192.168.2.9, count: 2}}
        - {host: h1, ping: {target: 192.168.3.9, count: 2}}
        - {host: h2, ping: {target: 192.168.3.9, count: 4}}
        - {host: h2, tcp: {target: 192.168.1.9, size: 100 kB}, background: from2}
        - {host: h3, tcp: {target: 192.168.1.9, size: 100 kB, port: 5001}, background: from3}
        - {host: h1, udp: {target: 192.168.3.9, count: 50, rate: 500}, background: to3}
        - {host: h3, tcp: {target: 192.168.2.9, size: 50 kB}}
        - join: from2
        - join: from3
        - join: to3
          expect:
            - {flow: from2, field: bytes_acknowledged, equals: 100000}
            - {flow: from3, field: bytes_acknowledged, equals: 100000}
            - {flow: to3, field: echoed, equals: 50}
            - {flow: h3, field: bytes_acknowledged, equals: 50000}
            - {flow: h2, field: marks, equals: ..!!, why: two tunnels are negotiated one by one}
            - {router: hub, command: show crypto isakmp sa, contains: QM_IDLE, equals: 2}
            - {router: hub, command: show crypto ipsec sa, contains: "Status: ACTIVE", equals: 8}
            - {router: s2, command: show crypto isakmp sa, contains: QM_IDLE, equals: 1}
            - {link: wan, packets: {IP.proto: 6}, equals: 0}
            - {link: wan, packets: {IP.proto: 1}, equals: 0}
        """,
        configs,
        HUB,
    )
    assert played.failures == []


JUMBO = """\
name: large packets
routers: {a: {config: a.cfg}, b: {config: b.cfg}}
hosts:
  h1: {addresses: [192.168.1.9/24], gateways: [192.168.1.1], mtu: 9000}
  h2: {addresses: [192.168.2.9/24], gateways: [192.168.2.1], mtu: 9000}
links:
  wan: {ends: [a.Gi0/0, b.Gi0/0], latency: 1 ms}
  lan1: {ends: [a.Gi0/1, h1]}
  lan2: {ends: [b.Gi0/1, h2]}
"""


def test_1800_octets_are_two_packets_before_encryption(tmp_path: Path) -> None:
    """Cut into equal halves in front of the accelerator: each fits, and none is cut again."""
    played = play(
        tmp_path,
        """
        - {host: h1, ping: {target: 192.168.2.9, count: 2}}
        - host: h1
          ping: {target: 192.168.2.9, size: 1800, count: 3}
          expect:
            - {flow: h1, field: marks, equals: '!!!'}
            - {link: lan1, packets: {IP.len: 1800}, from: h1, equals: 3}
            - {link: wan, packets: {ESP.seq: 7}, from: a.Gi0/0, equals: 1}
            - {link: wan, packets: {ESP.seq: 8}, equals: 0}
            - {link: wan, counter: too_big, equals: 0}
            - {link: wan, packets: {IP.flags: MF}, equals: 0}
            - {link: lan2, packets: {IP.flags: MF}, from: b.Gi0/1, equals: 3}
        - note: One that may not be cut is told the size that fits.
          host: h1
          ping: {target: 192.168.2.9, size: 1500, count: 2, df: true}
          expect:
            - {flow: h1, field: marks, equals: MM}
            - {link: lan1, packets: {ICMP.type: 3, ICMP.code: 4, ICMP.nexthopmtu: 1438}}
        - host: h1
          ping: {target: 192.168.2.9, size: 1438, count: 2, df: true}
          expect: [{flow: h1, field: marks, equals: '!!'}]
        - host: h1
          ping: {target: 192.168.2.9, size: 1439, count: 1, df: true}
          expect: [{flow: h1, field: marks, equals: 'M'}]
        """,
        head=JUMBO,
    )
    assert played.failures == []


@pytest.mark.parametrize("size", [1372, 1373, 1438, 1439, 1472, 1500, 2876, 2877, 8972])
def test_no_size_falls_through(tmp_path: Path, size: int) -> None:
    played = play(
        tmp_path,
        f"""
        - {{host: h1, ping: {{target: 192.168.2.9, count: 2}}}}
        - host: h1
          ping: {{target: 192.168.2.9, size: {size}, count: 2, interval: 0.1}}
          expect:
            - {{flow: h1, field: marks, equals: '!!'}}
            - {{link: wan, counter: too_big, equals: 0}}
        """,
        head=JUMBO,
    )
    assert played.failures == []


def test_two_hours_of_rekeys_lose_nothing(tmp_path: Path) -> None:
    """Both phases are renewed several times under traffic in both directions."""
    played = play(
        tmp_path,
        """
        - {host: h1, ping: {target: 192.168.2.9, count: 2}}
        - {host: h2, udp: {target: 192.168.1.9, count: 2400, rate: 0.3333333}, background: back}
        - host: h1
          udp: {target: 192.168.2.9, count: 1440, rate: 0.2}
        - join: back
          expect:
            - {flow: h1, field: echoed, equals: 1440}
            - {flow: back, field: echoed, equals: 2400}
            - {flow: h1, field: errors, equals: 0}
            - {link: wan, counter: lost, equals: 0}
            - {link: wan, packets: {isakmp.exch_type: 32}, at_least: 36}
            - {link: wan, packets: {isakmp.exch_type: 2}, at_least: 18}
            - {router: a, log: RECVD_PKT_INV_SPI, equals: 0}
            - {router: b, log: RECVD_PKT_INV_SPI, equals: 0}
            - {router: a, command: show crypto ipsec sa, contains: "#pkts encaps: 3841,"}
            - {router: a, command: show crypto ipsec sa, contains: "#pkts decaps: 3841,"}
            - {router: b, command: show crypto ipsec sa, contains: "#pkts encaps: 3841,"}
            - {router: b, command: show crypto ipsec sa, contains: "#pkts decaps: 3841,"}
            - {router: a, command: show crypto ipsec sa, contains: "#send errors 0, #recv errors 0"}
            - {router: b, command: show crypto ipsec sa, contains: "#send errors 0, #recv errors 0"}
        """,
        two_sites(
            ike_lifetime=1800, extra="crypto ipsec security-association lifetime seconds 600\n"
        ),
    )
    assert played.failures == []
    assert played.world.loop.now > 7190
