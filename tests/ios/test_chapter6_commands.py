"""The commands of the guide's chapters 2 and 6: what overrides what, who has to agree."""

from __future__ import annotations

import pytest
from ipsecplane.config import VirtualReassembly
from ipsecplane.ios.configuration import body
from ipsecplane.ios.loader import ConfigurationErrors, load_running_config
from ipsecplane.ios.session import Session

DF = "crypto ipsec df-bit"
WHEN = "crypto ipsec fragmentation"
TWO = """\
{everywhere}
crypto ipsec transform-set t esp-aes esp-sha-hmac
{local}
crypto map m 10 ipsec-isakmp
 set peer 192.0.2.2
 set transform-set t
 match address 101
interface Loopback0
 ip address 198.51.100.1 255.255.255.255
interface GigabitEthernet0/0
 ip address 192.0.2.1 255.255.255.0
 crypto map m
 {first}
interface GigabitEthernet0/1
 ip address 192.0.3.1 255.255.255.0
 crypto map m
 {second}
access-list 101 permit ip host 10.0.0.1 host 10.0.0.2
end
"""
SHARED = "crypto map m local-address Loopback0"


def two(everywhere: str = "", first: str = "", second: str = "", local: str = "") -> str:
    return TWO.format(everywhere=everywhere, first=first, second=second, local=local)


@pytest.mark.parametrize(
    ("everywhere", "own", "wanted"),
    [
        ("", "", ["copy", "copy"]),
        (f"{DF} clear", "", ["clear", "clear"]),
        (f"{DF} clear", f"{DF} copy", ["copy", "clear"]),
        ("", f"{DF} set", ["set", "copy"]),
        (f"{DF} set", f"{DF} set", ["set", "set"]),
    ],
)
def test_the_df_bit_of_an_interface_overrides_the_global_one(
    everywhere: str, own: str, wanted: list[str]
) -> None:
    configuration, router = load_running_config(two(everywhere, own))
    outside = [i for i in router.interfaces if i.crypto_map]
    assert [router.df_bit_of(interface) for interface in outside] == wanted
    shown = body(configuration)
    assert (f"\n {own}\n" in shown) == bool(own)
    assert (f"\n{everywhere}\n" in shown) == bool(everywhere)


@pytest.mark.parametrize(
    ("everywhere", "own", "wanted"),
    [
        ("", "", [True, True]),
        (f"{WHEN} after-encryption", "", [False, False]),
        (f"{WHEN} after-encryption", f"{WHEN} before-encryption", [True, False]),
        ("", f"{WHEN} after-encryption", [False, True]),
    ],
)
def test_fragmentation_of_an_interface_overrides_the_global_one(
    everywhere: str, own: str, wanted: list[bool]
) -> None:
    configuration, router = load_running_config(two(everywhere, own))
    outside = [i for i in router.interfaces if i.crypto_map]
    assert [router.prefragment_of(interface) for interface in outside] == wanted
    assert (f"\n {own}\n" in body(configuration)) == bool(own)


@pytest.mark.parametrize(
    ("own", "wanted"),
    [("", False), (f"{WHEN} before-encryption", True), (f"{WHEN} after-encryption", False)],
)
def test_tunnel_interfaces_cut_before_encryption_only_when_told_to(own: str, wanted: bool) -> None:
    _, router = load_running_config(f"interface Tunnel0\n {own}\nend\n")
    (tunnel,) = router.interfaces
    assert router.prefragment_of(tunnel) == wanted


def test_interfaces_of_one_local_address_need_one_df_bit() -> None:
    with pytest.raises(ConfigurationErrors) as refused:
        load_running_config(two(first=f"{DF} clear", local=SHARED), "r.cfg")
    (error,) = refused.value.errors
    assert error.line == "interface GigabitEthernet0/1"
    assert error.message == (
        "ERROR: GigabitEthernet0/0 (df-bit clear) and GigabitEthernet0/1 (df-bit copy) share"
        " crypto map m with local-address Loopback0: they must have the same crypto ipsec df-bit"
    )


@pytest.mark.parametrize(
    "options",
    [
        {"local": SHARED},
        {"local": SHARED, "first": f"{DF} clear", "second": f"{DF} clear"},
        {"local": SHARED, "everywhere": f"{DF} clear", "second": f"{DF} clear"},
        {"first": f"{DF} clear"},  # no local-address: each has SAs of its own
    ],
)
def test_what_agrees_or_shares_nothing_is_taken(options: dict[str, str]) -> None:
    load_running_config(two(**options))


def test_a_typed_line_that_would_part_them_is_refused(session: Session) -> None:
    for line in (
        "configure terminal", "interface Loopback9", "ip address 198.51.100.9 255.255.255.255",
        "crypto map testtag1 local-address Loopback9",
        "interface FastEthernet0/1", "crypto map testtag1", "crypto ipsec df-bit clear",
    ):  # fmt: skip
        session.read()
        session.submit(line)
    assert "they must have the same crypto ipsec df-bit" in session.read()
    session.submit("end")
    interface = session.store.router.interface("FastEthernet0/1")
    assert interface is not None
    assert interface.df_bit is None


@pytest.mark.parametrize("line", [f"{DF}", f"{DF} keep", f"{WHEN}", f"{WHEN} never"])
@pytest.mark.parametrize("mode", ["", "interface GigabitEthernet0/0\n "])
def test_other_words_are_refused(mode: str, line: str) -> None:
    with pytest.raises(ConfigurationErrors):
        load_running_config(f"{mode}{line}\nend\n")


@pytest.mark.parametrize(
    ("line", "wanted"),
    [
        ("ip virtual-reassembly", VirtualReassembly(16, 32, 3)),
        ("ip virtual-reassembly in", VirtualReassembly(16, 32, 3)),
        (
            "ip virtual-reassembly max-reassemblies 64 max-fragments 16 timeout 5 drop-fragments",
            VirtualReassembly(64, 16, 5, drop_fragments=True),
        ),
    ],
)
def test_limits_of_reassembly(line: str, wanted: VirtualReassembly) -> None:
    configuration, router = load_running_config(f"interface GigabitEthernet0/0\n {line}\nend\n")
    assert router.interfaces[0].reassembly == wanted
    assert f"\n {line}\n" in body(configuration)


def test_a_crypto_map_turns_reassembly_on() -> None:
    _, router = load_running_config(two())
    assert [i.reassembly is not None for i in router.interfaces] == [False, True, True]
