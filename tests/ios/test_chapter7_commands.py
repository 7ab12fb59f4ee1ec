"""The commands of the guide's chapter 7: ranges, defaults, what overrides what, what is shown."""

from __future__ import annotations

import pytest
from ipsecplane.ios.configuration import body
from ipsecplane.ios.loader import ConfigurationErrors, load_running_config
from ipsecplane.ios.show.crypto_map import crypto_map
from ipsecplane.ipsec.policy import Idle
from ipsecplane.ipsec.spd import Numbers, compile_spd

GLOBAL = "crypto ipsec security-association idle-time"
OWN = "set security-association idle-time"
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


@pytest.mark.parametrize(
    ("everywhere", "own", "wanted"),
    [
        ("", "description none", [Idle(), Idle()]),
        ("", f"{OWN} 60", [Idle(60), Idle()]),
        (f"{GLOBAL} 600", "description none", [Idle(600), Idle(600)]),
        (f"{GLOBAL} 600", f"{OWN} 86400", [Idle(86400), Idle(600)]),
        (f"{GLOBAL} 600", f"{OWN} 120 default", [Idle(120, to_default=True), Idle(600)]),
    ],
)
def test_an_entry_overrides_the_global_value(everywhere: str, own: str, wanted: list[Idle]) -> None:
    configuration, router = load_running_config(f"{everywhere}\n{MAPS.format(own=own)}")
    spd = compile_spd(router, Numbers())
    assert [entry.idle for _, entry in sorted(spd.entries.items())] == wanted
    text = body(configuration)
    assert f" {own}\n" in text
    assert everywhere in text.splitlines() or not everywhere
    shown = "\n".join(crypto_map(router, list(router.crypto_maps.values())))
    assert [f"idletime: {idle.seconds} seconds" in shown for idle in wanted] == [
        bool(idle.seconds) for idle in wanted
    ]


@pytest.mark.parametrize("seconds", ["59", "86401", "", "default"])
@pytest.mark.parametrize("line", [GLOBAL, OWN])
def test_60_to_86400_seconds(line: str, seconds: str) -> None:
    head = "crypto map m 10 ipsec-isakmp\n " if line == OWN else ""
    with pytest.raises(ConfigurationErrors):
        load_running_config(f"{head}{line} {seconds}\nend\n")


def test_the_default_peer_comes_first_and_there_is_one() -> None:
    text = "crypto map m 10 ipsec-isakmp\n set peer 192.0.2.2\n set peer 192.0.2.3 default\n"
    configuration, router = load_running_config(text + "end\n")
    (entry,) = router.crypto_maps["m"].entries
    assert [str(peer) for peer in entry.peers] == ["192.0.2.3", "192.0.2.2"]
    assert entry.default_peer
    assert " set peer 192.0.2.3 default\n" in body(configuration)
    with pytest.raises(ConfigurationErrors, match=r"192\.0\.2\.3 is the default peer already"):
        load_running_config(text + " set peer 192.0.2.4 default\nend\n")


LIFETIME = "security-association lifetime"


def test_lifetimes_in_time_and_volume_globally_and_for_one_entry() -> None:
    everywhere = f"crypto ipsec {LIFETIME} seconds 900\ncrypto ipsec {LIFETIME} kilobytes 5000"
    own = f"set {LIFETIME} seconds 120\n set {LIFETIME} kilobytes 2560"
    configuration, router = load_running_config(f"{everywhere}\n{MAPS.format(own=own)}")
    spd = compile_spd(router, Numbers())
    limits = [
        (entry.phase2.lifetime_seconds, entry.phase2.lifetime_kilobytes)
        for _, entry in sorted(spd.entries.items())
    ]
    assert limits == [(120, 2560), (900, 5000)]
    text = body(configuration)
    assert f"\n{everywhere.splitlines()[0]}\n" in text
    assert f"\n set {LIFETIME} kilobytes 2560\n" in text


def test_lifetimes_are_an_hour_and_4608000_kilobytes_by_default() -> None:
    spd = compile_spd(load_running_config(MAPS.format(own="description none"))[1], Numbers())
    (phase2, _) = (entry.phase2 for _, entry in sorted(spd.entries.items()))
    assert (phase2.lifetime_seconds, phase2.lifetime_kilobytes) == (3600, 4608000)


@pytest.mark.parametrize("words", ["seconds 119", "seconds 2592001", "kilobytes 2559", "days 1"])
@pytest.mark.parametrize("line", [f"crypto ipsec {LIFETIME}", f"set {LIFETIME}"])
def test_lifetimes_out_of_range(line: str, words: str) -> None:
    head = "crypto map m 10 ipsec-isakmp\n " if line.startswith("set") else ""
    with pytest.raises(ConfigurationErrors):
        load_running_config(f"{head}{line} {words}\nend\n")
