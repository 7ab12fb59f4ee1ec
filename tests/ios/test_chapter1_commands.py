"""The commands of the guide's chapter 1: ranges, defaults, what overrides what."""

from __future__ import annotations

import pytest
from ipsecplane.ios.configuration import body
from ipsecplane.ios.loader import ConfigurationErrors, load_running_config
from ipsecplane.ipsec.policy import Numbers
from ipsecplane.ipsec.spd import compile_spd

SIZES = (64, 128, 256, 512, 1024)
GLOBAL = "crypto ipsec security-association replay"
OWN = "set security-association replay"
MAPS = """\
crypto ipsec transform-set t esp-aes esp-sha-hmac
crypto map m 10 ipsec-isakmp
 set peer 192.0.2.2
 {own}
 set transform-set t
 match address 101
crypto map m 20 ipsec-isakmp
 set peer 192.0.2.3
 set transform-set t
 match address 102
interface GigabitEthernet0/0
 ip address 192.0.2.1 255.255.255.0
 crypto map m
access-list 101 permit ip host 10.0.0.1 host 10.0.0.2
access-list 102 permit ip host 10.0.0.1 host 10.0.0.3
end
"""


def windows(everywhere: str, own: str) -> list[int]:
    """Of the entries with and without an `own` line, as SAs would get them."""
    _, router = load_running_config(f"{everywhere}\n{MAPS.format(own=own)}")
    spd = compile_spd(router, Numbers())
    return [entry.phase2.replay_window for _, entry in sorted(spd.entries.items())]


@pytest.mark.parametrize("size", SIZES)
def test_global_window_sizes(size: int) -> None:
    configuration, router = load_running_config(f"{GLOBAL} window-size {size}\nend\n")
    assert router.replay_window == size
    shown = f"\n{GLOBAL} window-size {size}\n" in body(configuration)
    assert shown == (size != 64)  # the default is not shown


def test_the_default_is_64_and_of_the_two_lines_the_last_stands() -> None:
    assert load_running_config("end\n")[1].replay_window == 64
    text = f"{GLOBAL} disable\n{GLOBAL} window-size 256\nend\n"
    configuration, router = load_running_config(text)
    assert router.replay_window == 256
    assert "disable" not in body(configuration)
    configuration, router = load_running_config(
        f"{GLOBAL} window-size 256\n{GLOBAL} disable\nend\n"
    )
    assert router.replay_window == 0
    assert "256" not in body(configuration)


@pytest.mark.parametrize("words", ["63", "65", "96", "2048", "0", "", "full"])
def test_other_sizes_are_refused(words: str) -> None:
    with pytest.raises(ConfigurationErrors):
        load_running_config(f"{GLOBAL} window-size {words}\nend\n")


@pytest.mark.parametrize(
    ("everywhere", "own", "wanted"),
    [
        ("", f"{OWN} window-size 128", [128, 64]),
        (f"{GLOBAL} window-size 1024", f"{OWN} window-size 128", [128, 1024]),
        (f"{GLOBAL} window-size 1024", f"{OWN} disable", [0, 1024]),
        (f"{GLOBAL} disable", f"{OWN} window-size 64", [64, 0]),
        (f"{GLOBAL} disable", "description none of its own", [0, 0]),
    ],
)
def test_a_crypto_map_entry_overrides_the_global_value(
    everywhere: str, own: str, wanted: list[int]
) -> None:
    assert windows(everywhere, own) == wanted


def test_an_entry_shows_its_own_line_even_where_it_says_the_default() -> None:
    configuration, _ = load_running_config(MAPS.format(own=f"{OWN} window-size 64"))
    assert f"\n {OWN} window-size 64\n" in body(configuration)


def test_dynamic_maps_and_profiles_override_the_global_value_too() -> None:
    text = f"""\
{GLOBAL} window-size 1024
crypto ipsec transform-set t esp-aes esp-sha-hmac
crypto dynamic-map d 10
 {OWN} window-size 256
 set transform-set t
crypto ipsec profile p
 {OWN} disable
 set transform-set t
crypto map m 10 ipsec-isakmp dynamic d
interface GigabitEthernet0/0
 ip address 192.0.2.1 255.255.255.0
 crypto map m
interface Tunnel0
 ip address 10.0.0.1 255.255.255.0
 tunnel source 192.0.2.1
 tunnel destination 192.0.2.2
 tunnel mode ipsec ipv4
 tunnel protection ipsec profile p
end
"""
    configuration, router = load_running_config(text)
    spd = compile_spd(router, Numbers())
    found = {entry.interface: entry.phase2.replay_window for entry in spd.entries.values()}
    assert found == {"GigabitEthernet0/0": 256, "Tunnel0": 0}
    for line in (f"{OWN} window-size 256", f"{OWN} disable"):
        assert f"\n {line}\n" in body(configuration)
