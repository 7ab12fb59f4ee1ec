"""The router of these tests: three interfaces, routes, neighbours; and frames for it.

if 1  port 1           10.1.0.1/24  2001:db8:1::1/64    LAN
if 2  port 2           192.0.2.1/24 2001:db8:2::1/64    WAN, SPD policy 7, MTU 1500
if 3  port 3, VLAN 30  10.3.0.1/24  2001:db8:3::1/64    a second LAN, tagged
"""

from __future__ import annotations

from collections.abc import Iterable
from ipaddress import ip_address, ip_network
from typing import Any, Final

from ipsecplane.targets.crypto_header import ETHERTYPE, LENGTH, CryptoHeader
from ipsecplane.targets.tables import Lpm, TableEntry, Ternary, entry
from scapy.layers.inet import IP
from scapy.layers.inet6 import IPv6
from scapy.layers.l2 import Dot1Q, Ether
from scapy.packet import Packet

from tests.p4.duts import ACCELERATOR_PORT, Output, Punt, Sent

LAN, WAN, TAGGED = 1, 2, 3
VLAN: Final = {LAN: 0, WAN: 0, TAGGED: 30}
POLICY: Final = 7
MTU: Final = 1500
ROUTER_MAC: Final = {n: f"02:00:00:00:00:0{n}" for n in (LAN, WAN, TAGGED)}
HOST_MAC: Final = {n: f"02:00:00:00:01:0{n}" for n in (LAN, WAN, TAGGED)}
BROADCAST: Final = "ff:ff:ff:ff:ff:ff"

ROUTER4: Final = {LAN: "10.1.0.1", WAN: "192.0.2.1", TAGGED: "10.3.0.1"}
ROUTER6: Final = {n: f"2001:db8:{n}::1" for n in (LAN, WAN, TAGGED)}
HOST4: Final = {LAN: "10.1.0.2", WAN: "192.0.2.2", TAGGED: "10.3.0.2"}
HOST6: Final = {n: f"2001:db8:{n}::2" for n in (LAN, WAN, TAGGED)}
REMOTE4: Final = "10.9.0.5"  # behind the WAN's neighbour
REMOTE6: Final = "2001:db8:9::5"

ANY: Final = Ternary(0, 0)


def mac(text: str) -> int:
    return int(text.replace(":", ""), 16)


def ip(text: str) -> int:
    return int(ip_address(text))


def within(prefix: str) -> Ternary:
    network = ip_network(prefix)
    return Ternary(int(network.network_address), int(network.netmask))


def exactly(value: int, bits: int = 16) -> Ternary:
    return Ternary(value, (1 << bits) - 1)


def selector(**fields: Any) -> dict[str, Any]:
    """Match fields of a policy table, from text and numbers."""
    match: dict[str, Any] = {}
    for name, value in fields.items():
        if name in ("src", "dst"):
            match[name] = within(value)
        elif name in ("protocol", "src_port", "dst_port", "dscp"):
            match[name] = exactly(value, {"protocol": 8, "dscp": 6}.get(name, 16))
        else:
            match[name] = value
    return match


def version(address: str) -> str:
    return f"v{ip_address(address).version}"


def local(address: str) -> TableEntry:
    return entry(f"local_{version(address)}", {"dst": ip(address)}, "local")


def route(prefix: str, if_id: int, next_hop: str | None = None) -> TableEntry:
    network = ip_network(prefix)
    match = {"dst": Lpm(int(network.network_address), network.prefixlen)}
    table = f"route_v{network.version}"
    if next_hop is None:
        return entry(table, match, "route_connected", {"if_id": if_id})
    return entry(table, match, "route_via", {"if_id": if_id, "next_hop": ip(next_hop)})


def adjacency(if_id: int, next_hop: str, address: str) -> TableEntry:
    match = {"if_id": if_id, "next_hop": ip(next_hop)}
    return entry(f"adjacency_{version(next_hop)}", match, "set_dst_mac", {"mac": mac(address)})


def interface_out(if_id: int, mtu: int = MTU, spd_policy: int = 0) -> TableEntry:
    return entry(
        "interface_out",
        {"if_id": if_id},
        "set_egress",
        {
            "port": if_id,
            "vlan_id": VLAN[if_id],
            "src_mac": mac(ROUTER_MAC[if_id]),
            "mtu": mtu,
            "spd_policy": spd_policy,
            "mtu_v6": mtu,
        },
    )


def policies() -> dict[int, int]:
    return {LAN: 0, WAN: POLICY, TAGGED: 0}


def base(mtu: int = MTU) -> list[TableEntry]:
    """A plain router, no IPsec yet."""
    entries: list[TableEntry] = []
    for n in (LAN, WAN, TAGGED):
        entries += [
            entry(
                "interface_in",
                {"ingress_port": n, "vlan_id": VLAN[n]},
                "set_interface",
                {"if_id": n, "spd_policy": policies()[n]},
            ),
            *(
                entry("my_mac", {"if_id": n, "dst_mac": Ternary(*pair)}, "admit", priority=1)
                for pair in (
                    (mac(ROUTER_MAC[n]), (1 << 48) - 1),
                    (mac(BROADCAST), (1 << 48) - 1),
                    (mac("33:33:00:00:00:00"), mac("ff:ff:00:00:00:00")),
                )
            ),
            local(ROUTER4[n]),
            local(ROUTER6[n]),
            interface_out(n, mtu, policies()[n]),
            route(f"{ROUTER4[n]}/24".replace(".1/", ".0/"), n),
            route(f"2001:db8:{n}::/64", n),
            adjacency(n, HOST4[n], HOST_MAC[n]),
            adjacency(n, HOST6[n], HOST_MAC[n]),
        ]
    return [
        *entries,
        route("10.9.0.0/16", WAN, HOST4[WAN]),
        route("2001:db8:9::/48", WAN, HOST6[WAN]),
    ]


def sad(dst: str, spi: int, sa_index: int, protocol: int = 50) -> TableEntry:
    match = {"dst": ip(dst), "protocol": protocol, "spi": spi}
    return entry(f"sad_{version(dst)}", match, "sad_decrypt", {"sa_index": sa_index})


def sa_in(
    sa_index: int,
    epoch: int = 1,
    window: int = 0,
    udp_encap: int = 0,
    peer_port: int = 0,
    esn: int = 0,
) -> TableEntry:
    params = {
        "epoch": epoch, "window": window, "udp_encap": udp_encap, "peer_port": peer_port,
        "esn": esn,
    }  # fmt: skip
    return entry("sa_in", {"sa_index": sa_index}, "sa_in_data", params)


def sa_out(
    sa_index: int,
    epoch: int = 1,
    max_inner: int = 1400,
    df_policy: int = 0,
    prefragment: int = 0,
    tunnel: int = 1,
) -> TableEntry:
    params = {
        "epoch": epoch,
        "max_inner": max_inner,
        "df_policy": df_policy,
        "prefragment": prefragment,
        "tunnel": tunnel,
    }
    return entry("sa_out", {"sa_index": sa_index}, "sa_out_data", params)


def spd(
    ip_version: int,
    action: str,
    params: dict[str, int] | None = None,
    priority: int = 1,
    spd_policy: int = POLICY,
    **fields: Any,
) -> TableEntry:
    match = selector(spd_policy=spd_policy, **fields)
    return entry(f"spd_out_v{ip_version}", match, action, params, priority)


def inner_policy(sa_index: int, ip_version: int, priority: int = 1, **fields: Any) -> TableEntry:
    match = selector(sa_index=sa_index, **fields)
    return entry(f"inner_policy_v{ip_version}", match, "accept", priority=priority)


# -- frames ------------------------------------------------------------------------------------


def frame(if_id: int, packet: Packet, dst_mac: str | None = None) -> tuple[int, bytes]:
    """An IP packet as a neighbour on `if_id` sends it: port and octets."""
    ethernet = Ether(src=HOST_MAC[if_id], dst=dst_mac or ROUTER_MAC[if_id])
    if VLAN[if_id]:
        ethernet = ethernet / Dot1Q(vlan=VLAN[if_id])
    return if_id, bytes(ethernet / packet)


def own(packet: Packet) -> bytes:
    """A packet of the router's own behind a placeholder Ethernet header."""
    zero = "00:00:00:00:00:00"
    return bytes(Ether(src=zero, dst=zero, type=_ethertype(packet)) / packet)


def result(header: CryptoHeader, packet: Packet | bytes) -> tuple[int, bytes]:
    """What the accelerator gives back."""
    ethernet = Ether(src="02:49:50:53:00:02", dst="02:49:50:53:00:01", type=ETHERTYPE)
    return ACCELERATOR_PORT, bytes(ethernet)[:14] + header.encode() + bytes(packet)


def _ethertype(packet: Packet) -> int:
    return 0x86DD if packet.version == 6 else 0x0800


# -- outputs -----------------------------------------------------------------------------------


def the_punt(outputs: Iterable[Output]) -> Punt:
    (output,) = outputs
    assert isinstance(output, Punt), output
    return output


def the_frame(outputs: Iterable[Output], port: int) -> Packet:
    (output,) = outputs
    assert isinstance(output, Sent), output
    assert output.port == port
    return Ether(output.frame)


def the_request(outputs: Iterable[Output]) -> tuple[CryptoHeader, Packet]:
    """What went to the accelerator: header and IP packet."""
    (output,) = outputs
    assert isinstance(output, Sent), output
    assert output.port == ACCELERATOR_PORT
    assert output.frame[12:14] == ETHERTYPE.to_bytes(2, "big")
    header = CryptoHeader.decode(output.frame[14:])
    assert header.encode() == output.frame[14 : 14 + LENGTH], "reserved bits are zero"
    octets = output.frame[14 + LENGTH :]
    return header, (IPv6 if octets[0] >> 4 == 6 else IP)(octets)
