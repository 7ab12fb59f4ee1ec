"""`show crypto engine ...` but for its connections."""

from __future__ import annotations

from collections.abc import Sequence

from ipsecplane.views import CryptoEngineView, IdentView


def brief(view: CryptoEngineView) -> list[str]:
    return [
        f"        crypto engine name:  {view.name}",
        "        crypto engine type:  hardware",
        f"                     State:  {'Enabled' if view.ready else 'Disabled'}",
        "             Compression :  No",
        "                     DES :  Yes",
        "                   3 DES :  Yes",
        "                 AES CBC :  Yes (128,192,256)",
        "                AES CNTR :  No",
        " Maximum buffer length :  65535",
        "        Maximum SA index :  4095",
    ]


def configuration(view: CryptoEngineView) -> list[str]:
    return [
        f"        crypto engine name:  {view.name}",
        "        crypto engine type:  hardware",
        f"       crypto engine state:  {'installed' if view.ready else 'not there'}",
        "     crypto engine in slot:  0",
    ]


def accelerator(view: CryptoEngineView) -> list[str]:
    """`show crypto engine accelerator statistic`: of SAs that are there now, and all refusals."""
    rows = [
        f"Device:   {view.name}",
        f"Location: Onboard: {'ready' if view.ready else 'not there'}",
        f"  {view.encrypted:>10} packets encrypted   {view.encrypted_bytes:>10} bytes encrypted",
        f"  {view.decrypted:>10} packets decrypted   {view.decrypted_bytes:>10} bytes decrypted",
        f"  {sum(view.errors.values()):>10} packets refused",
    ]
    return rows + [f"    {count:>10} {reason.lower()}" for reason, count in view.errors.items()]


def dropped_packets(idents: Sequence[IdentView]) -> list[str]:
    """`show crypto engine connections dropped-packet`: connections that have refused packets."""
    rows = ["Interface            IP-Address       Drop Count", ""]
    for ident in idents:
        drops = ident.send_errors + ident.receive_errors
        if drops:
            rows.append(f"{ident.interface:<20} {str(ident.local_address).upper():<16} {drops}")
    return rows
