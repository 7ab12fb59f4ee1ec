"""The policy of tunnel interfaces: which address is our end, what is lacking."""

from __future__ import annotations

import pytest
from ipsecplane.ios.loader import load_running_config
from ipsecplane.ipsec.policy import Numbers, Spd
from ipsecplane.ipsec.spd import compile_spd

CONFIG = """
crypto ipsec transform-set t esp-aes esp-sha-hmac
crypto ipsec profile p
 set transform-set t
interface Ethernet0
 ip address 192.0.2.1 255.255.255.0
 ipv6 address FE80::1/64
 ipv6 address FEC0::1/64
 ipv6 address 2001:DB8::1/64
interface Ethernet1
 ipv6 address 2001:DB8:1::1/64
interface Tunnel0
 tunnel source {source}
 tunnel destination {far}
 tunnel mode ipsec {mode}
 tunnel protection ipsec profile p
end
"""


def spd_of(source: str, far: str, mode: str = "ipv6") -> Spd:
    _, router = load_running_config(CONFIG.format(source=source, far=far, mode=mode))
    return compile_spd(router, Numbers())


@pytest.mark.parametrize(
    ("source", "far", "mode", "local"),
    [
        ("Ethernet0", "2001:DB8:9::9", "ipv6", "2001:db8::1"),
        ("Ethernet0", "FEC0::9", "ipv6", "fec0::1"),
        ("Ethernet0", "FE80::9", "ipv6", "fe80::1"),
        ("Ethernet0", "198.51.100.1", "ipv4", "192.0.2.1"),
        ("2001:DB8:1::1", "2001:DB8:9::9", "ipv6", "2001:db8:1::1"),
    ],
)
def test_our_end_has_the_version_and_scope_of_the_other(
    source: str, far: str, mode: str, local: str
) -> None:
    (entry,) = spd_of(source, far, mode).entries.values()
    assert str(entry.phase2.local_address) == local


@pytest.mark.parametrize(
    ("source", "far", "mode", "lacks"),
    [
        ("Ethernet1", "FEC0::9", "ipv6", "a source address of the destination's version and scope"),
        ("2001:DB8::77", "2001:DB8::9", "ipv6", "a source address"),
        ("Ethernet0", "198.51.100.1", "ipv6", "a destination of its mode's IP version"),
    ],
)
def test_what_is_lacking_is_told(source: str, far: str, mode: str, lacks: str) -> None:
    spd = spd_of(source, far, mode)
    (warning,) = spd.warnings
    assert warning.startswith("Tunnel0: down until it has ")
    assert lacks in warning
    assert spd.policies == ()


def test_two_tunnels_between_the_same_ends_are_told() -> None:
    text = CONFIG.format(source="Ethernet0", far="2001:DB8:9::9", mode="ipv6")
    again = text[text.index("interface Tunnel0") : text.index("end\n")].replace("el0", "el1")
    _, router = load_running_config(text.replace("end\n", again + "end\n"))
    spd = compile_spd(router, Numbers())
    assert spd.warnings == ("Tunnel1: down, Tunnel0 has the same source and destination",)
    assert [policy.interface for policy in spd.policies] == ["Tunnel0"]
    other = again.replace("mode ipsec ipv6", "mode ipsec ipv6 v4-overlay")
    _, router = load_running_config(text.replace("end\n", other + "end\n"))
    assert len(compile_spd(router, Numbers()).policies) == 2  # these can be told apart


def test_one_version_is_protected_and_the_other_dropped() -> None:
    (policy,) = spd_of("Ethernet0", "2001:DB8:9::9").policies
    protected, dropped = policy.rules
    assert (protected.cube.version, protected.discard) == (6, False)
    assert (dropped.cube.version, dropped.entry, dropped.discard) == (4, None, True)
    assert protected.entry is not None


def test_a_gre_tunnels_ends_are_guarded_on_every_way_before_a_crypto_map() -> None:
    text = CONFIG.format(source="Ethernet0", far="198.51.100.1", mode="ipv4")
    text = text.replace(" tunnel mode ipsec ipv4\n", "")
    text = text.replace(" ip address", " crypto map m\n ip address").replace(
        "interface Ethernet0",
        "crypto map m 10 ipsec-isakmp\n set peer 198.51.100.2\n set transform-set t\n"
        " match address 101\naccess-list 101 permit ip any any\ninterface Ethernet0",
    )
    spd = compile_spd(load_running_config(text)[1], Numbers())
    tunnel, crypto_map = spd.entries.values()
    assert (tunnel.interface, crypto_map.interface) == ("Tunnel0", "Ethernet0")
    assert {p.interface: [r.entry for r in p.rules] for p in spd.policies} == {
        "Ethernet0": [tunnel.number, crypto_map.number],
        "Ethernet1": [tunnel.number],
    }
    first, second = spd.policy_of("Ethernet0").rules  # type: ignore[union-attr]
    assert first.priority > second.priority
    assert str(first.cube.protocol) == "Masked(value=47, mask=255)"
