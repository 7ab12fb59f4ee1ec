"""The commands of the guide's chapter 5: ranges, defaults, what is shown back."""

from __future__ import annotations

import pytest
from ipsecplane.ios.configuration import body
from ipsecplane.ios.loader import ConfigurationErrors, load_running_config

KEEPALIVE = "crypto isakmp nat keepalive"
TRANSPARENCY = "crypto ipsec nat-transparency udp-encapsulation"


@pytest.mark.parametrize("seconds", [5, 20, 3600])
def test_keepalives_of_5_to_3600_seconds(seconds: int) -> None:
    configuration, router = load_running_config(f"{KEEPALIVE} {seconds}\nend\n")
    assert router.nat_keepalive == seconds
    assert f"{KEEPALIVE} {seconds}\n" in body(configuration)


@pytest.mark.parametrize("seconds", ["4", "3601", "0", "", "often"])
def test_other_intervals_are_refused(seconds: str) -> None:
    with pytest.raises(ConfigurationErrors):
        load_running_config(f"{KEEPALIVE} {seconds}\nend\n")


def test_traversal_is_automatic_and_not_shown_until_it_is_off() -> None:
    configuration, router = load_running_config("end\n")
    assert router.nat_transparency
    assert router.nat_keepalive == 0
    assert "nat-transparency" not in body(configuration)
    configuration, router = load_running_config(f"no {TRANSPARENCY}\nend\n")
    assert not router.nat_transparency
    assert f"no {TRANSPARENCY}\n" in body(configuration)
    configuration, router = load_running_config(f"no {TRANSPARENCY}\n{TRANSPARENCY}\nend\n")
    assert router.nat_transparency
    assert "nat-transparency" not in body(configuration)
