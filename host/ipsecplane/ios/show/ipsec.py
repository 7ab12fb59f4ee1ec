"""`show crypto ipsec ...`: security associations, transform sets, lifetimes."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from ipsecplane.config import RouterConfig, TransformSet
from ipsecplane.ike.types import ProxyIdentity
from ipsecplane.ios.show.names import ah_transform, esp_transform
from ipsecplane.views import IdentView, SaView

_KINDS = ((50, "esp"), (51, "ah"), (108, "pcp"))


def _identity(identity: ProxyIdentity) -> str:
    network = identity.network
    mask = network.netmask if network.version == 4 else network.prefixlen
    address = str(network.network_address).upper()
    return f"({address}/{mask}/{identity.protocol}/{identity.port})"


def _spi(value: int) -> str:
    return f"0x{value:X}({value})"


def _sa(sa: SaView, detail: bool) -> list[str]:
    # IOS's internal flags word; of its bits only "tunnel mode" means something here.
    flags = "80000000" if sa.settings.startswith("Transport") else "80000040"
    replay = "N" if sa.replay_window == 0 else "Y"
    if detail and sa.replay_window:
        replay += f"  replay window size: {sa.replay_window}"
    rows = [
        f"      spi: {_spi(sa.spi)}",
        f"        transform: {sa.transform} ,",
        f"        in use settings ={{{sa.settings}, }}",
        f"        conn id: {sa.conn_id}, flow_id: HW:{sa.flow_id}, sibling_flags {flags},"
        f" crypto map: {sa.crypto_map}",
        "        sa timing: remaining key lifetime (k/sec):"
        f" ({sa.remaining_kilobytes}/{sa.remaining_seconds})",
    ]
    if sa.iv_size:
        rows.append(f"        IV size: {sa.iv_size} bytes")
    status = "ACTIVE(ACTIVE)" if sa.active else "INACTIVE(INACTIVE)"
    return [*rows, f"        replay detection support: {replay}", f"        Status: {status}"]


def _sa_groups(sas: Iterable[SaView], detail: bool) -> list[str]:
    listed = list(sas)
    rows = []
    for inbound, direction in ((True, "inbound"), (False, "outbound")):
        for protocol, kind in _KINDS:
            rows += ["", f"     {direction} {kind} sas:"]
            for sa in listed:
                if sa.inbound is inbound and sa.protocol == protocol:
                    rows += _sa(sa, detail)
    return rows


def _counters(ident: IdentView, detail: bool) -> list[str]:
    rows = [
        f"    #pkts encaps: {ident.encaps}, #pkts encrypt: {ident.encrypt},"
        f" #pkts digest: {ident.digest}",
        f"    #pkts decaps: {ident.decaps}, #pkts decrypt: {ident.decrypt},"
        f" #pkts verify: {ident.verify}",
        "    #pkts compressed: 0, #pkts decompressed: 0",
        "    #pkts not compressed: 0, #pkts compr. failed: 0",
        "    #pkts not decompressed: 0, #pkts decompress failed: 0",
    ]
    if not detail:
        sums = f"    #send errors {ident.send_errors}, #recv errors {ident.receive_errors}"
        return [*rows, sums]
    encaps_failed = ident.send_errors - ident.sequence_exhausted - ident.internal_send
    known = (
        ident.invalid_sa
        + ident.verify_failed
        + ident.invalid_identity
        + ident.invalid_length
        + ident.replay_errors
        + ident.internal_receive
    )
    decaps_failed = ident.receive_errors - known
    return [
        *rows,
        f"    #pkts no sa (send) {ident.no_sa}, #pkts invalid sa (rcv) {ident.invalid_sa}",
        f"    #pkts encaps failed (send) {max(0, encaps_failed)},"
        f" #pkts decaps failed (rcv) {max(0, decaps_failed)}",
        f"    #pkts invalid prot (recv) 0, #pkts verify failed: {ident.verify_failed}",
        f"    #pkts invalid identity (recv) {ident.invalid_identity},"
        f" #pkts invalid len (rcv) {ident.invalid_length}",
        f"    #pkts replay rollover (send): {ident.sequence_exhausted},"
        " #pkts replay rollover (rcv) 0",
        f"    ##pkts replay failed (rcv): {ident.replay_errors}",
        "    #pkts tagged (send): 0, #pkts untagged (rcv): 0",
        "    #pkts not tagged (send): 0, #pkts not untagged (rcv): 0",
        f"    #pkts internal err (send): {ident.internal_send},"
        f" #pkts internal err (recv) {ident.internal_receive}",
    ]


def _ident(ident: IdentView, detail: bool, with_sas: bool) -> list[str]:
    local, remote = ident.local_identity, ident.remote_identity
    pad = " " if local.network.version == 4 else ""
    peer = "0.0.0.0" if ident.peer is None else str(ident.peer).upper()
    pfs = "N, DH group: none"
    if ident.pfs_group is not None:
        pfs = f"Y, DH group: group{ident.pfs_group}"
    ip = "ip" if ident.local_address.version == 4 else "ipv6"
    plaintext = ident.plaintext_mtu or ident.path_mtu
    endpoint = f"     local crypto endpt.: {str(ident.local_address).upper()},"
    if ident.local_address.version == 4:
        endpoints = [f"{endpoint} remote crypto endpt.: {peer}"]
    else:
        endpoints = [endpoint, f"     remote crypto endpt.: {peer}"]
    return [
        "",
        "   protected vrf: (none)",
        f"   local {pad}ident (addr/mask/prot/port): {_identity(local)}",
        f"   remote ident (addr/mask/prot/port): {_identity(remote)}",
        f"   current_peer {peer} port {ident.peer_port}",
        f"     PERMIT, flags={{{ident.flags}}}",
        *_counters(ident, detail),
        "",
        *endpoints,
        f"     plaintext mtu {plaintext}, path mtu {ident.path_mtu}, {ip} mtu {ident.media_mtu},"
        f" {ip} mtu idb {ident.path_mtu_interface}",
        f"     current outbound spi: {_spi(ident.outbound_spi)}",
        f"     PFS (Y/N): {pfs}",
        *(_sa_groups(ident.sas, detail) if with_sas else []),
    ]


def ipsec_sa(
    idents: Sequence[IdentView], *, detail: bool = False, with_sas: bool = True
) -> list[str]:
    """`show crypto ipsec sa`; without SAs it is `show crypto ipsec sa identity`."""
    rows: list[str] = []
    for name in dict.fromkeys(ident.interface for ident in idents):
        mine = [ident for ident in idents if ident.interface == name]
        for tag in dict.fromkeys((i.crypto_map, i.local_address) for i in mine):
            rows += ["", f"interface: {name}"]
            rows.append(f"    Crypto map tag: {tag[0]}, local addr {str(tag[1]).upper()}")
            for ident in mine:
                if (ident.crypto_map, ident.local_address) == tag:
                    rows += _ident(ident, detail, with_sas)
    return rows


def sa_by_address(idents: Sequence[IdentView]) -> list[str]:
    """`show crypto ipsec sa address`: SAs by the address they lead to."""
    rows: list[str] = []
    places: dict[str, list[SaView]] = {}
    for ident in idents:
        for sa in ident.sas:
            end = ident.local_address if sa.inbound else ident.peer
            places.setdefault(str(end).upper(), []).append(sa)
    for place, sas in places.items():
        rows += ["", f"dest address: {place}"]
        for protocol, kind in ((50, "ESP"), (51, "AH")):
            found = [sa for sa in sas if sa.protocol == protocol]
            if found:
                rows.append(f"   protocol: {kind}")
                for sa in found:
                    rows += _sa(sa, False)
    return rows


def _parts(transforms: TransformSet) -> list[str]:
    return [part for part in (ah_transform(transforms), esp_transform(transforms)) if part]


def transform_set(config: RouterConfig, names: Iterable[str]) -> list[str]:
    rows: list[str] = []
    for name in names:
        transforms = config.transform_sets[name]
        mode = "Transport" if transforms.transport else "Tunnel"
        head = f"Transform set {transforms.name}: "
        for part in _parts(transforms):
            rows += [f"{head}{{ {part}  }} ", f"   will negotiate = {{ {mode},  }}, "]
            head = "   "
        rows.append("")
    return rows


def transform_list(transforms: TransformSet) -> str:
    """A set's transforms as `show crypto map` lists them."""
    return " ".join(_parts(transforms))


def lifetime(config: RouterConfig) -> list[str]:
    return [
        f"Security association lifetime: {config.lifetime_kilobytes} kilobytes/"
        f"{config.lifetime_seconds} seconds"
    ]
