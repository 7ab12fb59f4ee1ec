"""What routers print, read field by field; the same fields of the views they are printed from."""

from __future__ import annotations

import re

from ipsecplane.ike.types import IsakmpSaView, ProxyIdentity
from ipsecplane.views import IdentView, SaView

Fields = dict[str, str]

_IDENT = {
    "interface": r"^interface: (\S+)",
    "crypto map": r"Crypto map tag: (\S+), local addr",
    "local address": r"local addr (\S+)$",
    "local ident": r"local +ident \(addr/mask/prot/port\): \((\S+)\)",
    "remote ident": r"remote ident \(addr/mask/prot/port\): \((\S+)\)",
    "peer": r"current_peer (\S+) port",
    "peer port": r"current_peer \S+ port (\d+)",
    "flags": r"PERMIT, flags=\{(.*)\}",
    "encaps": r"#pkts encaps: (\d+)",
    "encrypt": r"#pkts encrypt: (\d+)",
    "digest": r"#pkts digest: (\d+)",
    "decaps": r"#pkts decaps: (\d+)",
    "decrypt": r"#pkts decrypt: (\d+)",
    "verify": r"#pkts verify: (\d+)",
    "send errors": r"#send errors (\d+)",
    "receive errors": r"#recv errors (\d+)",
    "local endpoint": r"local crypto endpt\.: (\S+),",
    "remote endpoint": r"remote crypto endpt\.: (\S+)",
    "plaintext mtu": r"plaintext mtu (\d+)",
    "path mtu": r"path mtu (\d+)",
    "ip mtu": r"ip mtu (\d+)",
    "mtu interface": r"ip mtu idb (\S+)",
    "outbound spi": r"current outbound spi: 0x[0-9A-F]+\((\d+)\)",
    "pfs": r"PFS \(Y/N\): (\w)",
    "group": r"DH group: (\S+)",
}
_SA = {
    "transform": r"transform: (.*) ,$",
    "settings": r"in use settings =\{(.*), \}",
    "conn id": r"conn id: (\d+)",
    "flow": r"flow_id: HW:(\d+)",
    "crypto map": r"crypto map: (\S+)",
    "kilobytes": r"\(k/sec\): \((\d+)/",
    "seconds": r"\(k/sec\): \(\d+/(\d+)\)",
    "iv": r"IV size: (\d+) bytes",
    "replay": r"replay detection support: (\w)",
    "status": r"Status: (\S+)$",
}
_GROUP = re.compile(r"^ +(inbound|outbound) (esp|ah|pcp) sas:$", re.MULTILINE)
_SPI = re.compile(r"^ +spi: 0x([0-9A-F]+)\((\d+)\)$", re.MULTILINE)


def ipsec_sas(text: str) -> tuple[Fields, dict[tuple[str, str, int], Fields]]:
    """`show crypto ipsec sa` of one flow: its fields, and those of each SA by
    (direction, protocol, SPI)."""
    flow, *groups = _GROUP.split(text)
    sas = {}
    for direction, protocol, body in zip(groups[::3], groups[1::3], groups[2::3], strict=True):
        _, *found = _SPI.split(body)
        for shown, spi, rest in zip(found[::3], found[1::3], found[2::3], strict=True):
            assert int(shown, 16) == int(spi)
            sas[direction, protocol, int(spi)] = _read(_SA, rest)
    return _read(_IDENT, flow), sas


def of_ident(view: IdentView) -> tuple[Fields, dict[tuple[str, str, int], Fields]]:
    """What `ipsec_sas` is to find."""

    def side(which: ProxyIdentity) -> str:
        return f"{which.network.with_netmask}/{which.protocol}/{which.port}"

    flow: dict[str, object] = {
        "interface": view.interface,
        "crypto map": view.crypto_map,
        "local address": view.local_address,
        "local ident": side(view.local_identity),
        "remote ident": side(view.remote_identity),
        "peer": view.peer,
        "peer port": view.peer_port,
        "flags": view.flags,
        "encaps": view.encaps,
        "encrypt": view.encrypt,
        "digest": view.digest,
        "decaps": view.decaps,
        "decrypt": view.decrypt,
        "verify": view.verify,
        "send errors": view.send_errors,
        "receive errors": view.receive_errors,
        "local endpoint": view.local_address,
        "remote endpoint": view.peer,
        "plaintext mtu": view.plaintext_mtu or view.path_mtu,
        "path mtu": view.path_mtu,
        "ip mtu": view.media_mtu,
        "mtu interface": view.path_mtu_interface,
        "outbound spi": view.outbound_spi,
        "pfs": "Y" if view.pfs_group else "N",
        "group": f"group{view.pfs_group}" if view.pfs_group else "none",
    }
    sas = {(_direction(sa), _protocol(sa), sa.spi): _of_sa(sa) for sa in view.sas}
    return {name: str(value) for name, value in flow.items()}, sas


def isakmp_sas(text: str) -> set[tuple[str, ...]]:
    """The rows of `show crypto isakmp sa`: dst, src, state, conn-id, status."""
    row = re.compile(r"^([\d.]+) +([\d.]+) +(\w+) +(\d+) (.+)$", re.MULTILINE)
    return {found.groups() for found in row.finditer(text)}


def of_isakmp_sa(view: IsakmpSaView) -> tuple[str, ...]:
    ends = (view.remote, view.local) if view.we_initiated else (view.local, view.remote)
    status = "ACTIVE (deleted)" if view.deleted else "ACTIVE"
    return (*map(str, ends), view.state.name, str(view.conn_id), status)


def _read(patterns: dict[str, str], text: str) -> Fields:
    found = {name: re.search(pattern, text, re.MULTILINE) for name, pattern in patterns.items()}
    return {name: match[1] for name, match in found.items() if match}


def _direction(sa: SaView) -> str:
    return "inbound" if sa.inbound else "outbound"


def _protocol(sa: SaView) -> str:
    return {50: "esp", 51: "ah"}[sa.protocol]


def _of_sa(sa: SaView) -> Fields:
    state = "ACTIVE" if sa.active else "INACTIVE"
    fields: dict[str, object] = {
        "transform": sa.transform,
        "settings": sa.settings,
        "conn id": sa.conn_id,
        "flow": sa.flow_id,
        "crypto map": sa.crypto_map,
        "kilobytes": sa.remaining_kilobytes,
        "seconds": sa.remaining_seconds,
        "replay": "Y" if sa.replay_window else "N",
        "status": f"{state}({state})",
    }
    if sa.iv_size:
        fields["iv"] = sa.iv_size
    return {name: str(value) for name, value in fields.items()}
