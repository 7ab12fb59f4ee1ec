"""People's parsers of IOS output, and what they are to make of a view.

Genie (pyATS) needs an environment of its own, `.venv-genie` with the package genie.libs.parser;
GENIE_PYTHON names another interpreter. Without it its tests are skipped, and say so.
"""

from __future__ import annotations

import json
import os
import subprocess
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest
from ipsecplane.views import IdentView, SaView

ROOT = Path(__file__).parents[2]
GENIE = Path(os.environ.get("GENIE_PYTHON", ROOT / ".venv-genie" / "bin" / "python"))

Parsed = dict[str, Any]


def genie_parsed(outputs: Mapping[str, str]) -> Parsed:
    """What Genie's iosxe parsers make of every command's output; none may refuse."""
    return genie_parsed_each([outputs])[0]


def genie_parsed_each(outputs: list[Mapping[str, str]], *, strict: bool = True) -> list[Parsed]:
    """The same for several routers or moments; Genie takes seconds to start, so once for all.

    Not `strict`: what has no parser is {"unknown": …}, what is refused {"error": …}.
    """
    if not GENIE.exists():
        pytest.skip(f"Genie is not installed: no {GENIE.name} at {GENIE.parent.parent.name}")
    script = Path(__file__).with_name("genie_parse.py")
    done = subprocess.run(
        [GENIE, script], input=json.dumps(outputs), capture_output=True, text=True, check=True
    )
    found: list[Parsed] = json.loads(done.stdout)
    for parsed in found if strict else ():
        assert "unknown" not in {key for parse in parsed.values() for key in parse}
        assert {c: p["error"] for c, p in parsed.items() if "error" in p} == {}
    return found


def expected_sa(sa: SaView, replay: bool) -> Parsed:
    found: Parsed = {
        "transform": sa.transform,
        "in_use_settings": f"{sa.settings}, ",
        "conn_id": sa.conn_id,
        "flow_id": "HW",
        "flow_id_val": sa.flow_id,
        "sibling_flags": "80000040",
        "crypto_map": sa.crypto_map,
        "remaining_key_lifetime": f"({sa.remaining_kilobytes}/{sa.remaining_seconds})",
        "status": "ACTIVE(ACTIVE)",
    }
    if sa.iv_size:
        found["iv_size"] = f"{sa.iv_size} bytes"
    if replay:
        found["replay_detection_support"] = "Y"
    return found


def expected_sas(ident: IdentView, replay: bool) -> Parsed:
    """By direction and protocol, as both of IOS's layouts list them.

    `detail` says "Y  replay window size: 64", which Genie's pattern of the field does not know.
    """
    groups: Parsed = {}
    for inbound, direction in ((True, "inbound"), (False, "outbound")):
        for protocol, kind in ((50, "esp"), (51, "ah"), (108, "pcp")):
            found = {
                f"0x{sa.spi:X}({sa.spi})": expected_sa(sa, replay)
                for sa in ident.sas
                if (sa.inbound, sa.protocol) == (inbound, protocol)
            }
            groups[f"{direction}_{kind}_sas"] = {"spi": found} if found else {}
    return groups


def expected_ident(ident: IdentView) -> Parsed:
    def side(which: Any) -> Parsed:
        network = which.network
        return {"addr": str(network.network_address), "mask": str(network.netmask),
                "prot": str(which.protocol), "port": str(which.port)}  # fmt: skip

    return {
        "protected_vrf": "(none)",
        "local_ident": side(ident.local_identity),
        "remote_ident": side(ident.remote_identity),
        "peer_ip": str(ident.peer), "port": ident.peer_port,
        "action": "PERMIT", "acl": ident.flags,
        "pkts_encaps": ident.encaps, "pkts_encrypt": ident.encrypt, "pkts_digest": ident.digest,
        "pkts_decaps": ident.decaps, "pkts_decrypt": ident.decrypt, "pkts_verify": ident.verify,
        "pkts_compressed": 0, "pkts_decompressed": 0, "pkts_not_compressed": 0,
        "pkts_compr_failed": 0, "pkts_not_decompressed": 0, "pkts_decompress_failed": 0,
        "local_crypto_endpt": str(ident.local_address), "remote_crypto_endpt": str(ident.peer),
        "plaintext_mtu": ident.plaintext_mtu, "path_mtu": ident.path_mtu,
        "ip_mtu": ident.media_mtu, "ip_mtu_idb": ident.path_mtu_interface,
        "current_outbound_spi": f"0x{ident.outbound_spi:X}({ident.outbound_spi})",
        "pfs": "N", "dh_group": "none",
    }  # fmt: skip
