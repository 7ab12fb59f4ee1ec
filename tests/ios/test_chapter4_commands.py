"""The commands of the guide's chapter 4: ranges, defaults, errors, what is shown back."""

from __future__ import annotations

from collections.abc import Callable
from ipaddress import IPv4Address

import pytest
from ios_fakes import FakeRouter
from ipsecplane.config import Keepalive
from ipsecplane.ios.configuration import body
from ipsecplane.ios.loader import ConfigurationErrors, load_running_config
from ipsecplane.ios.session import Session

Run = Callable[[str], str]


@pytest.mark.parametrize(
    ("words", "value", "shown"),
    [
        ("10", Keepalive(10), "10"),
        ("3600 60", Keepalive(3600, 60), "3600 60"),
        ("10 2", Keepalive(10), "10"),
        ("10 on-demand", Keepalive(10), "10"),
        ("10 5 on-demand", Keepalive(10, 5), "10 5"),
        ("10 periodic", Keepalive(10, periodic=True), "10 periodic"),
        ("30 20 periodic", Keepalive(30, 20, True), "30 20 periodic"),
    ],
)
def test_keepalive(words: str, value: Keepalive, shown: str) -> None:
    """The default is on demand, each 2 seconds; `on-demand` is not shown."""
    configuration, router = load_running_config(f"crypto isakmp keepalive {words}\nend\n")
    assert router.keepalive == value
    assert f"\ncrypto isakmp keepalive {shown}\n" in body(configuration)


def test_without_the_command_nobody_is_asked() -> None:
    assert load_running_config("end\n")[1].keepalive is None


@pytest.mark.parametrize("words", ["9", "3601", "10 1", "10 61", "10 sometimes", "10 5 periodic x"])
def test_keepalive_out_of_range(words: str) -> None:
    with pytest.raises(ConfigurationErrors):
        load_running_config(f"crypto isakmp keepalive {words}\nend\n")


def test_keepalive_needs_an_interval(session: Session) -> None:
    session.submit("configure terminal")
    session.read()
    session.submit("crypto isakmp keepalive")
    assert "% Incomplete command." in session.read()
    session.submit("crypto isakmp keepalive periodic")
    assert "% Invalid input detected" in session.read()


def test_a_later_keepalive_replaces_and_no_removes(session: Session, router: FakeRouter) -> None:
    for line in (
        "configure terminal",
        "crypto isakmp keepalive 10",
        "crypto isakmp keepalive 20 9",
    ):
        session.submit(line)
    assert session.router.config.keepalive == Keepalive(20, 9)
    session.submit("no crypto isakmp keepalive")
    assert session.router.config.keepalive is None


def test_clear_crypto_session(session: Session, router: FakeRouter) -> None:
    local, remote = IPv4Address("10.1.1.1"), IPv4Address("10.2.2.2")
    for line, ends in (
        ("clear crypto session", ((None, None), (None, None))),
        ("clear crypto session local 10.1.1.1", ((local, None), (None, None))),
        ("clear crypto session remote 10.2.2.2 port 4500", ((None, None), (remote, 4500))),
        (
            "clear crypto session local 10.1.1.1 port 500 remote 10.2.2.2",
            ((local, 500), (remote, None)),
        ),
    ):
        router.calls.clear()
        session.submit(line)
        assert session.read() == ""
        assert router.calls == [("clear_sessions", *ends)]


@pytest.mark.parametrize("words", ["fvrf red", "ivrf red", "fvrf red ivrf blue"])
def test_clear_crypto_session_of_a_vrf(session: Session, words: str) -> None:
    session.submit(f"clear crypto session {words}")
    assert "% VRF red does not exist" in session.read()


def test_peers_by_name_are_those_of_the_host_table() -> None:
    """`dynamic` waits until the table has the name; without it the line is refused."""
    text = (
        "ip host hub1 10.0.0.1\n{more}crypto map green 1 ipsec-isakmp\n set peer hub1\n"
        " set peer 10.0.0.2\n set peer hub3 dynamic\nend\n"
    )
    configuration, config = load_running_config(text.format(more=""))
    (entry,) = config.crypto_maps["green"].entries
    assert entry.peers == (IPv4Address("10.0.0.1"), IPv4Address("10.0.0.2"))
    assert "\n set peer hub1\n set peer 10.0.0.2\n set peer hub3 dynamic\n" in body(configuration)
    config = load_running_config(text.format(more="ip host hub3 10.0.0.3\n"))[1]
    (entry,) = config.crypto_maps["green"].entries
    assert entry.peers[2] == IPv4Address("10.0.0.3")
    with pytest.raises(ConfigurationErrors, match="% Unrecognized host or address: hub3"):
        load_running_config(text.format(more="").replace(" dynamic", ""))


def test_no_removes_a_peer_by_its_name(session: Session, router: FakeRouter) -> None:
    for line in ("configure terminal", "ip host hub 10.0.0.1", "crypto map green 1 ipsec-isakmp",
                 "set peer hub", "set peer 10.0.0.2", "no set peer hub", "end"):  # fmt: skip
        session.submit(line)
    (entry,) = router.config.crypto_maps["green"].entries
    assert entry.peers == (IPv4Address("10.0.0.2"),)


def test_a_reverse_routes_gateway_is_of_its_maps_version() -> None:
    text = "crypto map {}m 10 ipsec-isakmp\n reverse-route remote-peer 10.0.0.9\nend\n"
    load_running_config(text.format(""))
    with pytest.raises(ConfigurationErrors, match=r"% Gateway 10\.0\.0\.9 .* is not of IPv6"):
        load_running_config(text.format("ipv6 "))
