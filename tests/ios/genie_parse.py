"""Runs in Genie's own environment: [{command: output}] in, [{command: its parse}] out."""

import importlib
import json
import sys
from typing import Any
from unittest.mock import Mock

PARSERS = {
    "show crypto isakmp sa": ("show_crypto", "ShowCryptoIsakmpSa"),
    "show crypto ipsec sa": ("show_crypto", "ShowCryptoIpsecSa"),
    "show crypto ipsec sa detail": ("show_crypto", "ShowCryptoIpsecSaDetail"),
    "show crypto map": ("show_crypto", "ShowCryptoMap"),
    "show access-lists": ("show_acl", "ShowAccessLists"),
    "show ip interface brief": ("show_interface", "ShowIpInterfaceBrief"),
    "show interfaces": ("show_interface", "ShowInterfaces"),
    "show ip route": ("show_routing", "ShowIpRoute"),
    "show crypto session": ("show_crypto", "ShowCryptoSession"),
    "show crypto session detail": ("show_crypto", "ShowCryptoSessionDetail"),
    "show crypto ipsec profile": ("show_crypto", "ShowCryptoIpsecProfile"),
    "show ipv6 route": ("show_routing", "ShowIpv6RouteDistributor"),
    "show ipv6 cef": ("show_routing", "ShowIpv6Cef"),
    "show ip interface": ("show_interface", "ShowIpInterface"),
    "show ipv6 interface": ("show_interface", "ShowIpv6Interface"),
    "show ipv6 interface brief": ("show_ipv6", "ShowIpv6InterfaceBrief"),
    "show interfaces stats": ("show_interface", "ShowInterfacesStats"),
    "show adjacency GigabitEthernet0/0 detail": ("show_adjacency", "ShowAdjacencyInterfaceDetail"),
    "show logging": ("show_logging", "ShowLogging"),
    "show clock": ("show_system", "ShowClock"),
    "show class-map": ("show_class", "ShowClassMap"),
    "show policy-map": ("show_policy_map", "ShowPolicyMap"),
    "show policy-map interface": ("show_policy_map", "ShowPolicyMapInterface"),
}


def parsed(command: str, output: str) -> Any:
    module, name = PARSERS[command]
    parser = getattr(importlib.import_module(f"genie.libs.parser.iosxe.{module}"), name)
    try:
        return parser(device=Mock()).parse(output=output)
    except Exception as error:
        return {"error": f"{type(error).__name__}: {error}"}


outputs = json.load(sys.stdin)
json.dump(
    [{command: parsed(command, text) for command, text in one.items()} for one in outputs],
    sys.stdout,
)
