"""The commands of the guide's chapter 9: what they mean, ranges, and what is refused."""

from __future__ import annotations

from ipaddress import IPv6Address, IPv6Network

import pytest
from ipsecplane.config import IdentityMatch, IkeIdentity, RouterConfig
from ipsecplane.ios.configuration import body
from ipsecplane.ios.loader import ConfigurationErrors, load_running_config

PREFIX = "3FFE:2002::A8BB:CCFF:FE01:2C02/128"
PEER = IPv6Network(PREFIX)


def load(*lines: str) -> RouterConfig:
    return load_running_config("\n".join([*lines, "end", ""]))[1]


def error(*lines: str) -> str:
    with pytest.raises(ConfigurationErrors) as raised:
        load(*lines)
    return raised.value.errors[0].message


@pytest.mark.parametrize("priority", [1, 10000])
@pytest.mark.parametrize("method", ["rsa-sig", "rsa-encr", "pre-share"])
@pytest.mark.parametrize("digest", ["sha", "md5"])
@pytest.mark.parametrize("cipher", ["des", "3des", "aes", "aes 192", "aes 256"])
def test_isakmp_policy(priority: int, method: str, digest: str, cipher: str) -> None:
    policy = load(
        f"crypto isakmp policy {priority}", f" authentication {method}", f" hash {digest}",
        " group 5", f" encryption {cipher}", " lifetime 43200",
    ).isakmp_policies[0]  # fmt: skip
    size = {"des": 8, "3des": 24, "aes": 16, "aes 192": 24, "aes 256": 32}[cipher]
    assert (policy.priority, policy.authentication, policy.group) == (priority, method, 5)
    assert (policy.hash, policy.key_size, policy.lifetime) == (digest.upper(), size, 43200)


@pytest.mark.parametrize("form", ["address ipv6", "ipv6"])
def test_isakmp_key(form: str) -> None:
    (key,) = load(f"crypto isakmp key 0 my-preshare-key-0 {form} {PREFIX} no-xauth").isakmp_keys
    assert (key.secret, key.network, key.no_xauth) == ("my-preshare-key-0", PEER, True)


def test_keyring() -> None:
    ring = load(
        "crypto keyring keyring1", f" pre-shared-key ipv6 {PREFIX} key one",
        " pre-shared-key address ipv6 3FFE::/16 key two", " pre-shared-key hostname h key three",
        " pre-shared-key address 10.0.0.0 255.0.0.0 key four",
    ).keyrings["keyring1"]  # fmt: skip
    assert [key.secret for key in ring.keys] == ["one", "two", "three", "four"]
    assert ring.keys[0].network == PEER
    assert ring.keys[2].hostname == "h"
    assert str(ring.keys[3].network) == "10.0.0.0/8"


def test_there_are_no_vrfs() -> None:
    assert error("crypto keyring k vrf red") == "% VRF red does not exist: there are no VRFs here"


def test_isakmp_peer() -> None:
    (peer,) = load(
        f"crypto isakmp peer address ipv6 {PREFIX}",
        " set aggressive-mode password secret",
        f" set aggressive-mode client-endpoint ipv6 {PREFIX}",
    ).isakmp_peers
    assert (peer.network, peer.aggressive_password) == (PEER, "secret")
    assert peer.aggressive_endpoint == IkeIdentity("address", str(PEER.network_address))


def test_isakmp_profile() -> None:
    profile = load(
        "crypto keyring keyring1", "crypto isakmp profile profile1 accounting aaalist",
        " self-identity user-fqdn me@example.com", " keyring keyring1",
        f" match identity address ipv6 {PREFIX}", " match identity group g",
        " match identity host h.example.com", " match identity host domain example.com",
        " match identity user u@example.com", " match identity user domain example.com",
    ).isakmp_profiles["profile1"]  # fmt: skip
    assert profile.self_identity == IkeIdentity("user-fqdn", "me@example.com")
    assert (profile.keyrings, profile.accounting) == (("keyring1",), "aaalist")
    assert profile.matches == (
        IdentityMatch("address", network=PEER),
        IdentityMatch("group", "g"),
        IdentityMatch("fqdn", "h.example.com"),
        IdentityMatch("fqdn", "example.com", domain=True),
        IdentityMatch("user-fqdn", "u@example.com"),
        IdentityMatch("user-fqdn", "example.com", domain=True),
    )


def test_a_profile_with_an_unknown_keyring() -> None:
    assert error("crypto isakmp profile p", " keyring k") == "% Keyring k does not exist."


def test_an_ipsec_profile_takes_six_transform_sets() -> None:
    sets = [f"crypto ipsec transform-set t{n} esp-aes esp-sha-hmac" for n in range(7)]
    names = [f"t{n}" for n in range(7)]
    profile = load(*sets, "crypto ipsec profile p", " set transform-set " + " ".join(names[:6]))
    assert profile.ipsec_profiles["p"].transform_sets == tuple(names[:6])
    message = error(*sets, "crypto ipsec profile p", " set transform-set " + " ".join(names))
    assert message == "% At most 6 transform sets may be given"


def test_an_ipsec_profile_overrides_what_is_global() -> None:
    profile = load(
        "crypto ipsec transform-set t esp-aes esp-sha-hmac", "crypto isakmp profile i",
        "crypto ipsec profile p", " set transform-set t", " set pfs group14",
        " set isakmp-profile i", " set security-association lifetime seconds 600",
        " set security-association replay window-size 1024", " responder-only",
    ).ipsec_profiles["p"]  # fmt: skip
    assert (profile.pfs_group, profile.isakmp_profile, profile.lifetime_seconds) == (14, "i", 600)
    assert (profile.replay_window, profile.responder_only) == (1024, True)


@pytest.mark.parametrize(
    "transforms", ["ah-sha-hmac esp-aes 256 esp-sha-hmac", "ah-md5-hmac esp-3des", "esp-des",
                   "esp-null esp-md5-hmac", "ah-sha-hmac"],
)  # fmt: skip
def test_transform_sets(transforms: str) -> None:
    found = load(f"crypto ipsec transform-set t {transforms}").transform_sets["t"]
    assert (found.ah is not None) == transforms.startswith("ah-")
    assert (found.cipher is not None) == ("esp-" in transforms)


def test_compression_as_the_fourth_transform_is_refused() -> None:
    line = "crypto ipsec transform-set t ah-sha-hmac esp-aes esp-sha-hmac comp-lzs"
    assert error(line) == "ERROR: comp-lzs is not supported: the crypto engine does not compress"


TUNNEL = ("crypto ipsec profile p", "interface Tunnel0")


def test_tunnel_interface() -> None:
    lines = [
        " ipv6 address 3FFE:C000:0:7::/64 eui-64", " tunnel source ethernet0",
        " tunnel destination 2001:DB8:1111:2222::1", " tunnel mode ipsec ipv6",
        " tunnel protection ipsec profile p",
    ]  # fmt: skip
    configuration, router = load_running_config("\n".join([*TUNNEL, *lines, "end", ""]))
    tunnel = router.interfaces[0].tunnel
    assert tunnel is not None
    assert (tunnel.source, tunnel.profile) == ("Ethernet0", "p")
    assert tunnel.destination == IPv6Address("2001:db8:1111:2222::1")
    assert (tunnel.mode.carrier, tunnel.mode.overlay) == (6, 6)
    assert " ipv6 address 3FFE:C000:0:7::/64 eui-64\n" in body(configuration)


def test_shared_protection_is_not_for_ipv6() -> None:
    message = error(*TUNNEL, " tunnel mode ipsec ipv6", " tunnel protection ipsec profile p shared")
    assert message == "% IPv6 does not support the keyword shared"
    load(*TUNNEL, " tunnel mode ipsec ipv4", " tunnel protection ipsec profile p shared")


@pytest.mark.parametrize(
    "mode", ["aurp", "cayman", "dvmrp", "eon", "gre ipv6", "gre multipoint", "ipip", "iptalk",
             "ipv6", "mpls", "nos", "rbscp"],
)  # fmt: skip
def test_other_tunnel_modes_are_refused_by_name(mode: str) -> None:
    message = error("interface Tunnel0", f" tunnel mode {mode}")
    assert message.startswith(f"% tunnel mode {mode} is not modelled")


@pytest.mark.parametrize(
    "line", ["tunnel key 5", "tunnel checksum", "tunnel sequence-datagrams", "keepalive 10 3"]
)
def test_what_gre_does_not_have_is_refused_by_name(line: str) -> None:
    message = error("interface Tunnel0", f" {line}")
    assert " ".join(line.split()[:2]).removesuffix(" 10") in message
    assert "not modelled" in message
    load_running_config("interface Ethernet0\n keepalive 10 3\nend\n")
    load_running_config("interface Tunnel0\n no keepalive\nend\n")


def test_only_tunnel_interfaces_have_an_end() -> None:
    assert error("interface Ethernet0", " tunnel source 10.0.0.1") == (
        "% Ethernet0 is no tunnel interface"
    )


def test_a_profile_that_does_not_exist() -> None:
    message = error("interface Tunnel0", " tunnel protection ipsec profile nowhere")
    assert message == "ERROR: IPsec profile nowhere does not exist."
