"""Easy VPN's commands (guide chapter 4), and those of aggressive mode: defaults, errors, shown."""

from __future__ import annotations

from ipaddress import IPv4Address

import pytest
from ios_fakes import FakeRouter
from ipsecplane.config import ClientGroup, EzvpnConfig
from ipsecplane.ike.types import ModeConfig
from ipsecplane.ios.configuration import body
from ipsecplane.ios.loader import ConfigurationErrors, load_running_config
from ipsecplane.ios.session import Session
from ipsecplane.views import EzvpnView

GUIDE = """\
crypto ipsec client ezvpn ezvpn-config1
 connect manual
 group unity key preshared
 mode client
 peer 10.10.10.10
"""


def test_the_guides_steps() -> None:
    configuration, config = load_running_config(GUIDE + "end\n")
    assert config.ezvpn == {
        "ezvpn-config1": EzvpnConfig(
            "ezvpn-config1", False, "unity", "preshared", "client", (IPv4Address("10.10.10.10"),)
        )
    }
    assert GUIDE in body(configuration)


def test_connect_auto_and_client_mode_are_the_defaults_and_shown() -> None:
    configuration, config = load_running_config("crypto ipsec client ezvpn ez\nend\n")
    assert config.ezvpn["ez"] == EzvpnConfig("ez")
    assert "crypto ipsec client ezvpn ez\n connect auto\n mode client\n" in body(configuration)


def test_several_peers_in_their_order_and_a_default_one() -> None:
    text = (
        "crypto ipsec client ezvpn ez\n peer 10.10.10.10\n peer 10.2.2.2\n peer 10.3.3.3 default\n"
    )
    peers = load_running_config(text)[1].ezvpn["ez"].peers
    assert [str(peer) for peer in peers] == ["10.3.3.3", "10.10.10.10", "10.2.2.2"]


def test_a_host_name_needs_a_dns_server() -> None:
    with pytest.raises(
        ConfigurationErrors, match=r"Unrecognized host or address: gw\.example\.com"
    ):
        load_running_config("crypto ipsec client ezvpn ez\n peer gw.example.com\nend\n")


def test_a_host_name_of_the_host_table() -> None:
    text = (
        "ip host gw.example.com 10.1.1.1\ncrypto ipsec client ezvpn ez\n peer gw.example.com\nend\n"
    )
    configuration, config = load_running_config(text)
    assert config.ezvpn["ez"].peers == (IPv4Address("10.1.1.1"),)
    assert "\n peer gw.example.com\n" in body(configuration)


def test_an_interface_names_an_easy_vpn_that_exists() -> None:
    with pytest.raises(ConfigurationErrors, match="Easy VPN other is not configured"):
        load_running_config("interface Ethernet0\n crypto ipsec client ezvpn other inside\nend\n")


def test_inside_and_outside() -> None:
    """Outside is what is meant without a word."""
    text = GUIDE + (
        "interface Ethernet0\n crypto ipsec client ezvpn ezvpn-config1 inside\n"
        "interface Ethernet1\n crypto ipsec client ezvpn ezvpn-config1\nend\n"
    )
    inside, outside = load_running_config(text)[1].interfaces
    assert inside.ezvpn_inside == ("ezvpn-config1",)
    assert outside.ezvpn_outside == "ezvpn-config1"


def test_a_client_group_and_its_pool() -> None:
    text = (
        "crypto isakmp client configuration group unity\n key preshared\n dns 10.0.0.1 10.0.0.2\n"
        " domain example.com\n pool P\n acl 150\n save-password\n netmask 255.255.255.0\n"
        "ip local pool P 10.9.0.1 10.9.0.9\nip local pool P 10.9.1.1\nend\n"
    )
    configuration, config = load_running_config(text)
    address = IPv4Address
    assert config.client_groups["unity"] == ClientGroup(
        "unity", "preshared", "P", "150", address("255.255.255.0"),
        (address("10.0.0.1"), address("10.0.0.2")), domain="example.com", save_password=True,
    )  # fmt: skip
    assert config.address_pools["P"] == (
        (address("10.9.0.1"), address("10.9.0.9")),
        (address("10.9.1.1"), address("10.9.1.1")),
    )
    assert load_running_config(body(configuration))[1] == config


def test_a_pool_that_ends_before_it_begins() -> None:
    with pytest.raises(ConfigurationErrors, match=r"Bad IP range, 10\.0\.0\.9 - 10\.0\.0\.1"):
        load_running_config("ip local pool P 10.0.0.9 10.0.0.1\nend\n")


def test_a_crypto_map_for_clients() -> None:
    text = (
        "crypto dynamic-map D 10\n set transform-set t\n"
        "crypto ipsec transform-set t esp-aes\n"
        "crypto map m client authentication list USERS\ncrypto map m isakmp authorization list G\n"
        "crypto map m client configuration address respond\n"
        "crypto map m 100 ipsec-isakmp dynamic D\nend\n"
    )
    configuration, config = load_running_config(text)
    found = config.crypto_maps["m"]
    assert (found.client_authentication, found.client_authorization) == ("USERS", "G")
    assert found.client_respond
    assert [entry.dynamic for entry in found.entries] == ["D"]
    assert load_running_config(body(configuration))[1] == config


def test_a_dynamic_map_that_does_not_exist() -> None:
    with pytest.raises(ConfigurationErrors, match='Dynamic crypto map "D" does not exist'):
        load_running_config("crypto map m 100 ipsec-isakmp dynamic D\nend\n")


def test_users_for_xauth() -> None:
    """A hash cannot be compared with what a client sends."""
    text = (
        "username alice password 0 secret\nusername bob privilege 15 secret plain words\n"
        "username carol secret 5 $1$abcd$efgh\nend\n"
    )
    assert load_running_config(text)[1].users == {"alice": "secret", "bob": "plain words"}


def test_aggressive_mode_can_be_disabled() -> None:
    configuration, config = load_running_config("crypto isakmp aggressive-mode disable\nend\n")
    assert not config.aggressive_mode
    assert "\ncrypto isakmp aggressive-mode disable\n" in body(configuration)
    assert load_running_config("end\n")[1].aggressive_mode


def test_the_identity_is_the_address_unless_said_otherwise() -> None:
    assert load_running_config("end\n")[1].isakmp_identity == "address"
    text = "crypto isakmp identity address\nend\n"
    assert "identity" not in body(load_running_config(text)[0])
    for kind in ("hostname", "dn"):
        text = f"crypto isakmp identity {kind}\nend\n"
        assert load_running_config(text)[1].isakmp_identity == kind


@pytest.mark.parametrize(
    ("line", "call"),
    [
        ("crypto ipsec client ezvpn connect", ("ezvpn_connect", None)),
        ("crypto ipsec client ezvpn connect ez", ("ezvpn_connect", "ez")),
        ("clear crypto ipsec client ezvpn", ("ezvpn_clear", None)),
        ("clear crypto ipsec client ezvpn ez", ("ezvpn_clear", "ez")),
    ],
)
def test_commands(
    line: str, call: tuple[object, ...], session: Session, router: FakeRouter
) -> None:
    router.ezvpn_views = [view()]
    session.submit(line)
    assert router.calls == [call]
    session.read()
    session.submit("clear crypto ipsec client ezvpn other")
    assert "% There is no Easy VPN other" in session.read()


def test_xauth_asks_for_name_and_password(session: Session, router: FakeRouter) -> None:
    router.ezvpn_pending = "ez"
    for line in ("crypto ipsec client ezvpn xauth", "alice", "secret"):
        session.submit(line)
    assert router.calls == [("ezvpn_answer", "ez", "alice", "secret")]


def view() -> EzvpnView:
    given = ModeConfig(address=IPv4Address("10.9.0.1"), netmask=IPv4Address("255.255.255.255"))
    peer = IPv4Address("10.2.2.2")
    return EzvpnView(
        "ez", ("Fa0",), "Fa1", "IPSEC_ACTIVE", "SOCKET_UP", given, "Loopback10000", peer
    )


def test_show_of_one_and_of_none(session: Session, router: FakeRouter) -> None:
    router.ezvpn_views = [view()]
    session.submit("show crypto ipsec client ezvpn name ez")
    shown = session.read()
    assert "Easy VPN Remote Phase: 8\n\nTunnel name : ez\n" in shown
    assert "Address: 10.9.0.1 (applied on Loopback10000)\nMask: 255.255.255.255\n" in shown
    session.submit("show crypto ipsec client ezvpn name other")
    assert "% There is no Easy VPN other" in session.read()
