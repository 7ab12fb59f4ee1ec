"""`show interfaces`, `show ip interface [brief]`, `show ip virtual-reassembly`."""

from __future__ import annotations

import re
from collections.abc import Sequence

from ipsecplane.config import TunnelConfig
from ipsecplane.qos.bandwidth import bandwidth_of
from ipsecplane.views import InterfaceView, ReassemblyView


def status_of(view: InterfaceView) -> tuple[str, str]:
    """(status, line protocol) in IOS's words."""
    if not view.up:
        return "administratively down", "down"
    return ("up" if view.line_protocol else "down"), ("up" if view.line_protocol else "down")


def dotted_mac(mac: str) -> str:
    """`00:57:d2:ff:42:8c` in IOS's form, 0057.d2ff.428c."""
    digits = re.sub(r"[^0-9a-f]", "", mac.lower()).zfill(12)
    return ".".join(digits[i : i + 4] for i in (0, 4, 8))


def ip_interface_brief(views: Sequence[InterfaceView]) -> list[str]:
    rows = ["Interface              IP-Address      OK? Method Status                Protocol"]
    for view in views:
        address = view.config.address
        shown = "unassigned" if address is None else str(address.ip)
        method = "unset" if address is None else "NVRAM"
        status, protocol = status_of(view)
        name = view.config.name
        rows.append(f"{name:<22} {shown:<15} YES {method:<6} {status:<21} {protocol}")
    return rows


def ip_interface(views: Sequence[InterfaceView]) -> list[str]:
    rows = []
    for view in views:
        config = view.config
        status, protocol = status_of(view)
        rows.append(f"{config.name} is {status}, line protocol is {protocol}")
        if config.address is None:
            rows.append("  Internet protocol processing disabled")
            continue
        rows.append(f"  Internet address is {config.address}")
        rows.append("  Broadcast address is 255.255.255.255")
        rows.append("  Address determined by configuration file")
        rows += [f"  Secondary address {address}" for address in config.secondary]
        rows.append(f"  MTU is {view.mtu_of(4)} bytes")
        rows.append("  Outgoing access list is not set")
        rows.append("  Inbound  access list is not set")
        features = ["MCI Check"] if config.crypto_map is None else ["IPSec", "MCI Check"]
        rows.append(f"  Input features: {', '.join(features)}")
        if config.crypto_map is not None:
            rows.append("  Output features: IPSec")
    return rows


def _tunnel(view: InterfaceView, tunnel: TunnelConfig) -> list[str]:
    source = "UNKNOWN" if view.tunnel_source is None else str(view.tunnel_source).upper()
    if isinstance(tunnel.source, str):
        source += f" ({tunnel.source})"
    far = "UNKNOWN" if tunnel.destination is None else str(tunnel.destination).upper()
    protocol = "GRE" if tunnel.mode.overlay == 0 else "IPSEC"
    rows = [
        "  Keepalive not set",
        f"  Tunnel linestate evaluation {'up' if view.line_protocol else 'down'}",
        f"  Tunnel source {source}, destination {far}",
        f"  Tunnel protocol/transport {protocol}/{'IP' if tunnel.mode.carrier == 4 else 'IPV6'}",
        "  Tunnel TTL 255",
    ]
    if view.transport_mtu:
        rows.append(f"  Tunnel transport MTU {view.transport_mtu} bytes")
    if tunnel.profile is not None:
        shared = ", shared" if tunnel.shared else ""
        rows.append(f'  Tunnel protection via IPSec (profile "{tunnel.profile}"{shared})')
    return rows


def interface_stats(views: Sequence[InterfaceView]) -> list[str]:
    """`show interfaces ... stats`: everything is switched by the pipeline."""
    rows = []
    for view in views:
        counts = (view.input_packets, view.input_bytes, view.output_packets, view.output_bytes)
        rows += [
            view.config.name,
            "          Switching path    Pkts In   Chars In   Pkts Out  Chars Out",
            *(
                f"{path:>24}" + "".join(f" {count:>10}" for count in shown)
                for path, shown in (
                    ("Processor", (0, 0, 0, 0)),
                    ("Route cache", (0, 0, 0, 0)),
                    ("Distributed cache", counts),
                    ("Total", counts),
                )
            ),
        ]
    return rows


def interfaces(views: Sequence[InterfaceView]) -> list[str]:
    rows = []
    for view in views:
        config = view.config
        status, protocol = status_of(view)
        place = "no port" if view.port is None else f"pipeline port {view.port}"
        bandwidth = bandwidth_of(config)
        rows.append(f"{config.name} is {status}, line protocol is {protocol}")
        mac = dotted_mac(view.mac)
        hardware = f"{place}, address is {mac} (bia {mac})"
        rows.append(f"  Hardware is {'Tunnel' if config.tunnel is not None else hardware}")
        if config.description:
            rows.append(f"  Description: {config.description}")
        if config.address is not None:
            rows.append(f"  Internet address is {config.address}")
        rows += [
            f"  MTU {config.mtu} bytes, BW {bandwidth} Kbit/sec, DLY 100 usec,",
            "     reliability 255/255, txload 1/255, rxload 1/255",
            f"  Encapsulation {'ARPA' if config.tunnel is None else 'TUNNEL'}, loopback not set",
            *(_tunnel(view, config.tunnel) if config.tunnel is not None else ()),
            f"     {view.input_packets} packets input, {view.input_bytes} bytes, 0 no buffer",
            f"     {view.output_packets} packets output, {view.output_bytes} bytes, 0 underruns",
        ]
    return rows


def virtual_reassembly(view: ReassemblyView) -> list[str]:
    settings = view.settings
    return [
        f"{view.interface}:",
        "   Virtual Fragment Reassembly (VFR) is ENABLED [in]",
        f"   Concurrent reassemblies (max-reassemblies): {settings.max_reassemblies}",
        f"   Fragments per reassembly (max-fragments): {settings.max_fragments}",
        f"   Reassembly timeout (timeout): {settings.timeout} seconds",
        f"   Drop fragments: {'ON' if settings.drop_fragments else 'OFF'}",
        "",
        f"   Current reassembly count:{view.packets}",
        f"   Current fragment count:{view.fragments}",
        f"   Total reassembly count:{view.reassembled}",
        f"   Total reassembly timeout count:{view.timeouts}",
        *(f"   Dropped, {why}:{count}" for why, count in view.drops.items()),
        "",
    ]
